/* SPDX-License-Identifier: Apache-2.0 */
/* A hostile controller.  Whatever bytes come: operations are called in their
 * order and what they are given is within bounds, and each frame that goes back
 * is one.  The first two bytes choose which operations fail. */
#include <stdlib.h>
#include <string.h>

#include "logic/receiver.h"

#define LIST_TEXT "192.0.2.1 until=2027-01-15T08:00:00Z at=5\n192.0.2.2\n"

static void check(bool is_so)
{
	if (!is_so)
		abort();
}

struct fake {
	uint16_t fails; /* a bit an operation */
	bool is_staging, is_open;
	struct fp_entries x;
	size_t i;
	uint32_t n_buckets;
};

enum {
	F_STATUS,
	F_OPEN,
	F_DIGEST,
	F_BEGIN,
	F_DATA,
	F_END,
	F_DROP,
	F_COMMIT,
	F_SETTLE,
	F_CHANGE,
	F_WHY,
	F_BYPASS,
	F_NEXT,
	F_SEND
};

static int fails(struct fake *f, int op, struct fp_err *e)
{
	if (!(f->fails >> op & 1))
		return 0;
	return op & 1 ? fp_err(e, -ENOENT, "absent\n\xff")
		      : fp_refuse(e, "rule", "no");
}

static int op_send(void *ctx, const char *data, size_t n)
{
	struct fp_wire_msg m;
	size_t used;

	while (n) {
		check(fp_wire_read(data, n, &used, &m, NULL) == 1);
		check(m.type != FP_WIRE_CHANGE && m.type != FP_WIRE_COMMIT);
		data += used;
		n -= used;
	}
	return fails(ctx, F_SEND, NULL);
}

static int64_t op_clock_ms(void *ctx)
{
	(void)ctx;
	return 1800000000000;
}

static int op_status(void *ctx, struct fp_buf *answer, struct fp_err *e)
{
	fp_wire_put(answer, "policy", "x");
	return fails(ctx, F_STATUS, e);
}

static int list_next(void *ctx, struct fp_entry *out, struct fp_err *e)
{
	struct fake *f = ctx;

	check(f->is_open);
	if (f->i == f->x.n)
		return fails(f, F_NEXT, e);
	*out = f->x.v[f->i++];
	return 1;
}

static int op_open_list(void *ctx, const char *name, struct fp_list_head *about,
			struct fp_stream *s, struct fp_err *e)
{
	const struct fp_parse_opts o = { .file = "f", .max = 10 };
	struct fake *f = ctx;
	int r = fails(f, F_OPEN, e);

	check(!f->is_open);
	if (!r)
		r = fp_list_name_check(name, e);
	if (r)
		return r;
	f->is_open = true;
	f->i = 0;
	check(!fp_entries_parse(&f->x, LIST_TEXT, strlen(LIST_TEXT), &o, e));
	*about = (struct fp_list_head){ .kind = FP_KIND_BLOCK,
					.owner = FP_OWNER_DYNAMIC };
	*s = (struct fp_stream){ list_next, f };
	return 0;
}

static int op_digest(void *ctx, char hex[65], struct fp_err *e)
{
	memset(hex, 'a', 64);
	hex[64] = 0;
	return fails(ctx, F_DIGEST, e);
}

static void op_close_list(void *ctx)
{
	struct fake *f = ctx;

	check(f->is_open);
	f->is_open = false;
	fp_entries_fini(&f->x);
}

static int op_stage_begin(void *ctx, const struct fp_receiver_list *l,
			  struct fp_err *e)
{
	struct fake *f = ctx;
	int r = fails(f, F_BEGIN, e);
	unsigned int sum = 0;

	check(!f->is_staging && !fp_list_name_check(l->name, NULL));
	check(l->kind > FP_KIND_NONE && l->kind <= FP_KIND_FENCE);
	check(strlen(l->digest) == 64);
	for (uint32_t i = 0; l->wanted && i < l->n_buckets; i++)
		sum += l->wanted[i / 8] >> (i % 8) & 1;
	check(!l->wanted == (l->how != FP_HOW_BUCKETS) &&
	      sum <= FP_BUCKETS_MAX);
	f->is_staging = !r;
	return r;
}

static int op_stage_data(void *ctx, const char *text, size_t n,
			 struct fp_err *e)
{
	check(((struct fake *)ctx)->is_staging && n && text[n - 1] == '\n');
	return fails(ctx, F_DATA, e);
}

static int op_stage_end(void *ctx, struct fp_err *e)
{
	struct fake *f = ctx;

	check(f->is_staging);
	f->is_staging = false;
	return fails(f, F_END, e);
}

static void op_stage_abort(void *ctx)
{
	struct fake *f = ctx;

	check(f->is_staging);
	f->is_staging = false;
}

static int op_stage_drop(void *ctx, const char *name, struct fp_err *e)
{
	check(!fp_list_name_check(name, NULL));
	return fails(ctx, F_DROP, e);
}

static void op_forget(void *ctx)
{
	check(!((struct fake *)ctx)->is_staging);
}

static int op_commit(void *ctx, const struct fp_receiver_commit *c,
		     struct fp_receiver_done *out, struct fp_err *e)
{
	check(*c->push && strlen(c->policy) == 64 && c->max_change <= 100);
	strcpy(out->policy, c->policy);
	return fails(ctx, F_COMMIT, e);
}

static int op_settle(void *ctx, const char *push, bool is_back,
		     bool *is_changed, struct fp_err *e)
{
	check(*push);
	*is_changed = is_back;
	return fails(ctx, F_SETTLE, e);
}

static int op_change(void *ctx, struct fp_receiver_words *w, struct fp_err *e)
{
	struct fp_buf b = { 0 };

	check(!fp_list_name_check(w->list, NULL));
	for (size_t i = 0; i < w->n; i++)
		fp_entry_print(&b, &w->v[i]);
	w->refused = w->n;
	fp_buf_add(&w->named, b.data, b.len);
	fp_buf_fini(&b);
	return fails(ctx, F_CHANGE, e);
}

static int op_why(void *ctx, const struct fp_prefix *host, struct fp_buf *lines,
		  struct fp_err *e)
{
	check(fp_prefix_is_host(host));
	fp_buf_str_add(lines, "line\n");
	return fails(ctx, F_WHY, e);
}

static int op_bypass(void *ctx, int64_t ms, const char *by, const char *why,
		     bool *is_changed, uint64_t *left_s, struct fp_err *e)
{
	(void)by;
	(void)why;
	check(ms >= 0);
	*is_changed = true;
	*left_s = 1;
	return fails(ctx, F_BYPASS, e);
}

static const struct fp_receiver_ops ops = {
	.send = op_send,
	.clock_ms = op_clock_ms,
	.status = op_status,
	.open_list = op_open_list,
	.digest = op_digest,
	.close_list = op_close_list,
	.stage_begin = op_stage_begin,
	.stage_data = op_stage_data,
	.stage_end = op_stage_end,
	.stage_abort = op_stage_abort,
	.stage_drop = op_stage_drop,
	.forget = op_forget,
	.commit = op_commit,
	.settle = op_settle,
	.change = op_change,
	.why = op_why,
	.bypass = op_bypass,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct fake f = { .n_buckets = 0 };
	struct fp_receiver *r;
	struct fp_wire_msg m;
	struct fp_err e;
	char *copy;
	size_t used, at = 0;
	int rc = 0;

	if (n < 2)
		return 0;
	f.fails = (uint16_t)(data[0] | data[1] << 8);
	n -= 2;
	/* exactly n bytes, so that the sanitizer sees a read past them */
	copy = malloc(n ? n : 1);
	memcpy(copy, data + 2, n);
	check(!fp_receiver_new(&r, &ops, &f));
	while (!rc &&
	       (rc = fp_wire_read(copy + at, n - at, &used, &m, &e)) == 1) {
		rc = fp_receiver_take(r, &m);
		at += used;
		check(rc <= 1);
	}
	if (rc < 0)
		fp_receiver_bad(r, &e);
	fp_receiver_free(r);
	check(!f.is_staging && !f.is_open);
	free(copy);
	return 0;
}
