/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that people and feeds write.  What is taken is in order, each prefix
 * once, and reads back from its own print as the same, with nothing to rewrite.
 * The first byte chooses the options. */
#include <stdlib.h>
#include <string.h>

#include "model/list.h"

#define NOW 1767323045 /* 2026-01-02T03:04:05Z */

static void check(bool is_so)
{
	if (!is_so)
		abort();
}

static void same(const struct fp_entry *a, const struct fp_entry *b)
{
	check(!fp_prefix_cmp(&a->p, &b->p) && a->until_s == b->until_s &&
	      a->meta_len == b->meta_len);
	check(!a->meta_len || !memcmp(a->meta, b->meta, a->meta_len));
}

static void check_entries(const struct fp_entries *x, int64_t now_s)
{
	struct fp_parse_opts o = { .file = "again" };
	struct fp_buf b = { 0 };
	struct fp_entries y;
	char value[FP_LINE_MAX];

	for (size_t i = 0; i < x->n; i++) {
		size_t was = b.len;

		check(!i || fp_prefix_cmp(&x->v[i - 1].p, &x->v[i].p) < 0);
		check(!x->v[i].until_s || x->v[i].until_s > now_s);
		fp_entry_print(&b, &x->v[i]);
		check(b.len - was <= FP_LINE_MAX);
		fp_entry_get(&x->v[i], "why", value, sizeof(value));
		fp_entry_get(&x->v[i], "run", value, 3);
	}
	check(!fp_entries_parse(&y, b.data, b.len, &o, NULL));
	check(y.n == x->n && !y.store.len);
	for (size_t i = 0; i < x->n; i++)
		same(&x->v[i], &y.v[i]);
	fp_entries_fini(&y);
	fp_buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct fp_parse_opts o = { .file = "f", .max = 1000 };
	struct fp_entries x;
	struct fp_err e;
	char *text;

	if (!n)
		return 0;
	o.skip_bad = *data & 1;
	o.now_s = *data & 2 ? NOW : 0;
	/* exactly as long, so that the sanitizer sees a read past it */
	text = malloc(n);
	memcpy(text, data + 1, n - 1);
	text = realloc(text, n > 1 ? n - 1 : 1);
	if (!fp_entries_parse(&x, text, n - 1, &o, &e)) {
		check(o.skip_bad || !x.n_bad);
		check_entries(&x, o.now_s);
		fp_entries_fini(&x);
	} else {
		check(!strncmp(e.text, "f:", 2));
	}
	free(text);
	return 0;
}
