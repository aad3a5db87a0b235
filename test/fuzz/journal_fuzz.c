/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a job's copy.  What is understood is within bounds, and reads back from its
 * own print as the same; a detail that went through is one that goes through again
 * as it is, on one line. */
#include <stdlib.h>
#include <string.h>

#include "db/journal_priv.h"

static void check(bool is_so)
{
	if (!is_so)
		abort();
}

static void print(struct fp_buf *b, const struct fp_journal_line *l)
{
	struct fp_job_head h = { .started_s = l->at_s };

	switch (l->kind) {
	case FP_LINE_JOB:
		strcpy(h.id, l->id);
		strcpy(h.tool, l->tool);
		strcpy(h.verb, l->verb);
		strcpy(h.node, l->node);
		strcpy(h.by, l->by);
		strcpy(h.owner, l->owner);
		fp_journal_line_job(b, &h, l->plan);
		break;
	case FP_LINE_EPOCH:
		fp_journal_line_epoch(b, l->at_s, l->epoch, l->owner,
				      l->is_alone, l->is_known);
		break;
	case FP_LINE_ITEM:
		fp_journal_line_item(b, l->at_s, l->item, l->state, l->detail);
		break;
	case FP_LINE_PLAN:
		fp_journal_line_plan(b, l->at_s, l->plan);
		break;
	case FP_LINE_STATE:
		fp_journal_line_state(b, l->at_s, l->state);
		break;
	default:
		break;
	}
}

static void same_detail(const char *a, const char *b)
{
	/* an empty one is none */
	check(!strcmp(strcmp(a, "{}") ? a : "", strcmp(b, "{}") ? b : ""));
}

static void same(const struct fp_journal_line *a,
		 const struct fp_journal_line *b)
{
	check(a->kind == b->kind && a->at_s == b->at_s);
	switch (a->kind) {
	case FP_LINE_JOB:
		check(!strcmp(a->id, b->id) && !strcmp(a->tool, b->tool) &&
		      !strcmp(a->verb, b->verb) && !strcmp(a->node, b->node) &&
		      !strcmp(a->by, b->by) && !strcmp(a->owner, b->owner) &&
		      !strcmp(a->plan, b->plan));
		break;
	case FP_LINE_EPOCH:
		check(a->epoch == b->epoch && !strcmp(a->owner, b->owner) &&
		      a->is_alone == b->is_alone && a->is_known == b->is_known);
		break;
	case FP_LINE_ITEM:
		check(!strcmp(a->item, b->item) && !strcmp(a->state, b->state));
		same_detail(a->detail, b->detail);
		break;
	default:
		check(!strcmp(a->plan, b->plan) && !strcmp(a->state, b->state));
		break;
	}
}

static void check_print(const struct fp_journal_line *l)
{
	struct fp_buf line = { 0 }, text = { 0 };
	struct fp_journal_line again;

	print(&line, l);
	check(line.len && line.data[line.len - 1] == '\n' &&
	      !memchr(line.data, '\n', line.len - 1));
	check(!fp_journal_line_parse(&again, &text, line.data, line.len - 1,
				     NULL));
	same(l, &again);
	fp_buf_fini(&line);
	fp_buf_fini(&text);
}

/* Is the JSON string of `json` what s is? */
static bool scan_back(const struct fp_buf *json, const char *s)
{
	struct fp_buf text = { 0 };
	struct fp_jscan scan = { .at = json->data,
				 .end = json->data + json->len,
				 .to = &text,
				 .is_text = true };
	bool is_same = fp_jscan_string(&scan) && scan.at == scan.end &&
		       text.len == strlen(s) &&
		       (!text.len || !memcmp(text.data, s, text.len));

	fp_buf_fini(&text);
	return is_same;
}

static void check_item(const char *s, size_t n)
{
	struct fp_buf coded = { 0 }, twice = { 0 };
	char *item = strndup(s, n), *back;

	fp_journal_item_encode(&coded, item);
	back = strdup(coded.data);
	fp_journal_item_decode(back);
	check(!strcmp(back, item));
	/* and is text of a line as it is */
	fp_journal_string(&twice, coded.data);
	check(scan_back(&twice, coded.data));
	free(back);
	free(item);
	fp_buf_fini(&coded);
	fp_buf_fini(&twice);
}

static void check_object(const char *s, size_t n)
{
	struct fp_buf one = { 0 }, two = { 0 };

	if (!fp_journal_object(&one, s, n)) {
		check(one.len <= n && !memchr(one.data, '\n', one.len) &&
		      !memchr(one.data, 0, one.len));
		check(!fp_journal_object(&two, one.data, one.len));
		check(one.len == two.len &&
		      !memcmp(one.data, two.data, one.len));
	}
	fp_buf_fini(&one);
	fp_buf_fini(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* exactly as long, so that the sanitizer sees a read past it */
	char *line = malloc(n ? n : 1);
	struct fp_buf text = { 0 };
	struct fp_journal_line l;
	struct fp_err e;

	memcpy(line, data, n);
	if (!fp_journal_line_parse(&l, &text, line, n, &e) &&
	    l.kind != FP_LINE_OTHER)
		check_print(&l);
	check_object(line, n);
	check_item(line, n);
	fp_buf_fini(&text);
	free(line);
	return 0;
}
