/* SPDX-License-Identifier: Apache-2.0 */
/* Two lists, an empty line between them; the first byte says how many buckets.
 * One with the difference to the other is the other, digests tell the truth
 * about what they are of, and words of one prefix have an order. */
#include <stdlib.h>
#include <string.h>

#include "model/diff.h"
#include "model/words.h"

#define ENTRIES_MAX 4096

static void check(bool is_so)
{
	if (!is_so)
		abort();
}

struct walk {
	const struct fp_entries *x;
	size_t i;
};

static int next(void *ctx, struct fp_entry *out, struct fp_err *e)
{
	struct walk *w = ctx;

	(void)e;
	if (w->i == w->x->n)
		return 0;
	*out = w->x->v[w->i++];
	return 1;
}

static bool is_same(const struct fp_entry *a, const struct fp_entry *b)
{
	return !fp_prefix_cmp(&a->p, &b->p) && a->until_s == b->until_s &&
	       a->meta_len == b->meta_len &&
	       (!a->meta_len || !memcmp(a->meta, b->meta, a->meta_len));
}

/* ---- differences */

struct changes {
	struct fp_change v[2 * ENTRIES_MAX];
	size_t n;
};

static int collect(void *ctx, const struct fp_change *c)
{
	struct changes *x = ctx;

	check(!x->n || fp_prefix_cmp(&x->v[x->n - 1].entry.p, &c->entry.p) < 0);
	x->v[x->n++] = *c;
	return 0;
}

static size_t check_diff(const struct fp_entries *a, const struct fp_entries *b)
{
	static struct changes c;
	struct walk x = { a, 0 }, y = { b, 0 };
	struct fp_stream s = { next, &x }, t = { next, &y };
	struct fp_patched p;
	struct fp_entry got;
	size_t i = 0;

	c.n = 0;
	check(!fp_diff(&s, &t, collect, &c, NULL));
	x.i = 0;
	fp_patched_init(&p, &s, c.v, c.n);
	for (; fp_patched_next(&p, &got, NULL) == 1; i++)
		check(i < b->n && is_same(&got, &b->v[i]));
	check(i == b->n);
	return c.n;
}

/* ---- digests */

/* What is in a bucket, as text. */
static void bucket(struct fp_buf *out, const struct fp_entries *x, uint32_t n,
		   uint32_t at)
{
	out->len = 0;
	for (size_t i = 0; i < x->n; i++)
		if (fp_bucket_of(&x->v[i].p, n) == at)
			fp_entry_print(out, &x->v[i]);
}

static void check_buckets(const struct fp_entries *a,
			  const struct fp_entries *b, uint32_t n)
{
	unsigned char x[256 * FP_BUCKET_DIGEST], y[sizeof(x)];
	struct walk v = { a, 0 }, w = { b, 0 };
	struct fp_stream s = { next, &v }, t = { next, &w };
	struct fp_buf p = { 0 }, q = { 0 };

	check(!fp_bucket_digests(&s, n, x, NULL));
	check(!fp_bucket_digests(&t, n, y, NULL));
	for (uint32_t i = 0; i < n; i++) {
		size_t at = i * FP_BUCKET_DIGEST;

		bucket(&p, a, n, i);
		bucket(&q, b, n, i);
		check((p.len == q.len &&
		       (!p.len || !memcmp(p.data, q.data, p.len))) ==
		      !memcmp(x + at, y + at, FP_BUCKET_DIGEST));
	}
	fp_buf_fini(&p);
	fp_buf_fini(&q);
}

static void check_digests(const struct fp_entries *a,
			  const struct fp_entries *b, bool is_equal)
{
	struct walk v = { a, 0 }, w = { b, 0 };
	struct fp_stream s = { next, &v }, t = { next, &w };
	char x[65], y[65];
	uint64_t n;

	check(!fp_stream_digest("a", FP_KIND_BLOCK, &s, &n, x, NULL));
	check(n == a->n);
	check(!fp_stream_digest("a", FP_KIND_BLOCK, &t, &n, y, NULL));
	check(!strcmp(x, y) == is_equal);
}

/* ---- words */

static void check_shift(const struct fp_entry *x, int64_t add_ms)
{
	bool is_lifted = x->until_s && x->until_s * 1000 <= fp_word_at_ms(x);
	struct fp_buf store = { 0 }, line = { 0 };
	struct fp_parse_opts o = { .file = "-" };
	struct fp_entries back;
	struct fp_entry y;

	if (!fp_word_shift(&store, &y, x, add_ms, NULL)) {
		fp_entry_print(&line, &y);
		check(!fp_entries_parse(&back, line.data, line.len, &o, NULL));
		check(back.n == 1 && is_same(&back.v[0], &y));
		check(!y.until_s == !x->until_s);
		check(!fp_word_at_ms(&y) == !fp_word_at_ms(x));
		/* the clamp at 1970 aside, which ends with it anyway */
		check(!is_lifted || y.until_s == 1 ||
		      y.until_s * 1000 <= fp_word_at_ms(&y));
		fp_entries_fini(&back);
	}
	fp_buf_fini(&store);
	fp_buf_fini(&line);
}

/* Words of one prefix: of two that differ one wins. */
static void check_words(const struct fp_entries *a, const struct fp_entries *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++) {
		const struct fp_entry *x = &a->v[i];
		struct fp_entry y = b->v[i];

		y.p = x->p;
		check(fp_word_wins(x, &y) + fp_word_wins(&y, x) ==
		      !is_same(x, &y));
		check_shift(x, 7200000);
		check_shift(x, -INT64_MAX);
		check_shift(x, INT64_MAX);
	}
}

static bool parse(struct fp_entries *out, const char *s, size_t n)
{
	struct fp_parse_opts o = { .file = "-",
				   .skip_bad = true,
				   .max = ENTRIES_MAX };

	return !fp_entries_parse(out, s, n, &o, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *s = (const char *)data + 1, *middle;
	struct fp_entries a, b;
	uint32_t n_buckets;
	size_t changes;

	if (!n)
		return 0;
	n_buckets = 1 + *data;
	middle = memmem(s, n - 1, "\n\n", 2);
	if (!middle || !parse(&a, s, (size_t)(middle - s)))
		return 0;
	if (parse(&b, middle, (size_t)((const char *)data + n - middle))) {
		changes = check_diff(&a, &b);
		check(check_diff(&b, &a) == changes);
		check_buckets(&a, &b, n_buckets);
		check_digests(&a, &b, !changes);
		check_words(&a, &b);
		fp_entries_fini(&b);
	}
	fp_entries_fini(&a);
	return 0;
}
