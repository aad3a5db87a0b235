/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "model/list_collect.h"

#define PROGRESS_BYTES (1 << 20)
#define BAD_LINES_SHOWN 10

/* Where a run over a text stands. */
struct run {
	struct fp_collect *c;
	struct fp_entries *out;
	const struct fp_parse_opts *o;
	size_t line;
};

static int add_line(struct run *run, const char *s, const char *end,
		    struct fp_err *e)
{
	struct fp_collect *c = run->c;
	struct fp_line x;
	bool is_expired;
	int r = fp_line_parse(&x, s, end, &c->store, e);

	if (r <= 0)
		return r;
	is_expired =
		run->o->now_s && x.x.until_s && x.x.until_s <= run->o->now_s;
	run->out->n_expired += is_expired;
	if (run->o->max && c->n4 + c->n6 >= run->o->max)
		return fp_err(e, -E2BIG, "more than %zu entries", run->o->max);
	return fp_collect_add(c, &x, is_expired ? FP_COLLECT_EXPIRED : 0, e);
}

/* 0: the line was left out, go on.  Otherwise the error, with file and line. */
static int bad_line(struct run *run, int r, struct fp_err *e)
{
	const struct fp_parse_opts *o = run->o;

	fp_err_prefix(e, r, "%s:%zu", o->file, run->line);
	if (r != -EINVAL || !o->skip_bad)
		return r;
	if (run->out->n_bad++ < BAD_LINES_SHOWN && o->bad_line)
		o->bad_line(o->ctx, e->text);
	return 0;
}

int fp_collect_text(struct fp_collect *c, struct fp_entries *out,
		    const char *text, size_t len, const struct fp_parse_opts *o,
		    struct fp_err *e)
{
	const char *at = text, *end = len ? text + len : text, *told = text;
	struct run run = { c, out, o, 0 };
	struct fp_err mine;
	int r;

	if (len >= 3 && !memcmp(at, "\xef\xbb\xbf", 3))
		at += 3;
	while (at < end) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		const char *stop = nl ? nl : end;

		run.line++;
		if (stop > at && stop[-1] == '\r')
			stop--;
		r = add_line(&run, at, stop, e ? e : &mine);
		if (r < 0 && (r = bad_line(&run, r, e ? e : &mine)))
			return r;
		at = nl ? nl + 1 : end;
		if (o->progress && at - told >= PROGRESS_BYTES) {
			told = at;
			o->progress(o->ctx, (size_t)(at - text));
		}
	}
	return 0;
}

int fp_entries_parse(struct fp_entries *out, const char *text, size_t len,
		     const struct fp_parse_opts *o, struct fp_err *e)
{
	struct fp_entries x = { 0 };
	struct fp_collect c = { 0 };
	int r;

	r = fp_collect_text(&c, &x, text, len, o, e);
	if (!r)
		r = fp_collect_finish(&c, &x, false, e);
	if (r)
		fp_collect_fini(&c);
	else
		*out = x;
	return r;
}

void fp_entries_fini(struct fp_entries *x)
{
	free(x->v);
	fp_buf_fini(&x->store);
	*x = (struct fp_entries){ 0 };
}
