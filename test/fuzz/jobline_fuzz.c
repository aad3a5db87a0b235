/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a job's copy.  What is understood is within bounds, and reads back from its
 * own print as the same; an object that went through is one that goes through again
 * as it is, on one line, of UTF-8. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"
#include "codec/jobline.h"

static void check(bool is_so)
{
	if (!is_so)
		abort();
}

static void same_text(const char *a, const char *b)
{
	check(!strcmp(a, b));
}

static void same(const struct fp_jobline *a, const struct fp_jobline *b)
{
	check(a->kind == b->kind && a->at_s == b->at_s);
	check(a->epoch == b->epoch && a->is_alone == b->is_alone &&
	      a->is_known == b->is_known);
	same_text(a->id, b->id);
	same_text(a->tool, b->tool);
	same_text(a->verb, b->verb);
	same_text(a->node, b->node);
	same_text(a->by, b->by);
	same_text(a->owner, b->owner);
	same_text(a->item, b->item);
	same_text(a->state, b->state);
	same_text(a->detail, b->detail);
	same_text(a->plan, b->plan);
}

/* On one line, and nothing that jsonb refuses. */
static void check_clean(const char *s, size_t n)
{
	char *text = strndup(s, n);

	check(strlen(text) == n && !strchr(text, '\n'));
	for (size_t i = 0; i < n;) {
		size_t len = fp_utf8_len(text + i);

		check(len);
		/* control characters are all that is escaped by number */
		if (text[i] == '\\')
			check(text[++i] != 'u' || !strncmp(text + i, "u00", 3));
		i += len;
	}
	free(text);
}

/* Bytes that are no UTF-8 are replaced by the first print. */
static void check_print(const struct fp_jobline *l)
{
	struct fp_buf one = { 0 }, two = { 0 };
	struct fp_jobline a, b;

	fp_jobline_write(&one, l);
	check(one.len && one.data[one.len - 1] == '\n');
	check_clean(one.data, one.len - 1);
	check(!fp_jobline_parse(&a, one.data, one.len - 1, NULL));
	check(a.kind == l->kind && a.at_s == l->at_s);
	same_text(a.detail, l->detail);
	same_text(a.plan, l->plan);
	fp_jobline_write(&two, &a);
	check(!fp_jobline_parse(&b, two.data, two.len - 1, NULL));
	same(&a, &b);
	fp_jobline_fini(&a);
	fp_jobline_fini(&b);
	fp_buf_fini(&one);
	fp_buf_fini(&two);
}

static void check_item(const char *s, size_t n)
{
	struct fp_buf coded = { 0 }, line = { 0 };
	char *item = strndup(s, n);
	struct fp_jobline l = { .kind = FP_JOBLINE_ITEM,
				.at_s = 1,
				.state = "x" };
	struct fp_jobline back;
	char *text;

	fp_jobline_item_encode(&coded, item);
	l.item = coded.data;
	fp_jobline_write(&line, &l);
	/* an item has at least a byte */
	check(!fp_jobline_parse(&back, line.data, line.len - 1, NULL) ==
	      (*item != 0));
	if (*item) {
		text = strdup(back.item);
		fp_jobline_item_decode(text);
		same_text(text, item);
		free(text);
		fp_jobline_fini(&back);
	}
	free(item);
	fp_buf_fini(&coded);
	fp_buf_fini(&line);
}

static void check_object(const char *s, size_t n)
{
	struct fp_buf one = { 0 }, two = { 0 };

	if (!fp_jobline_object(&one, s, n)) {
		check_clean(one.data, one.len);
		check(!fp_jobline_object(&two, one.data, one.len));
		check(one.len == two.len &&
		      !memcmp(one.data, two.data, one.len));
	}
	fp_buf_fini(&one);
	fp_buf_fini(&two);
}

/* Any text goes into an object, and comes out of it as it is but for what is no
 * UTF-8. */
static void check_string(const char *s, size_t n)
{
	char *text = strndup(s, n);
	struct fp_buf in = { 0 }, out = { 0 };

	fp_buf_str_add(&in, "{\"a\":");
	fp_json_str_add(&in, text);
	fp_buf_str_add(&in, "}");
	check_clean(in.data, in.len);
	check(!fp_jobline_object(&out, in.data, in.len));
	check(in.len == out.len && !memcmp(in.data, out.data, in.len));
	free(text);
	fp_buf_fini(&in);
	fp_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* exactly as long, so that the sanitizer sees a read past it */
	char *line = malloc(n ? n : 1);
	struct fp_jobline l;
	struct fp_err e;

	memcpy(line, data, n);
	if (!fp_jobline_parse(&l, line, n, &e)) {
		if (l.kind != FP_JOBLINE_OTHER)
			check_print(&l);
		fp_jobline_fini(&l);
	}
	check_object(line, n);
	check_item(line, n);
	check_string(line, n);
	free(line);
	return 0;
}
