/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logic/receiver_priv.h"

/* Clocks that differ by less are taken for equal. */
#define CLOCK_SLACK_MS 2000
#define MS_MAX 253402300799999 /* the end of 9999 */

int fp_receiver_new(struct fp_receiver **out, const struct fp_receiver_ops *ops,
		    void *ctx)
{
	struct fp_receiver *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->ops = ops;
	r->ctx = ctx;
	*out = r;
	return 0;
}

void fp_receiver_free(struct fp_receiver *r)
{
	if (!r)
		return;
	if (r->state == FP_TAKING)
		r->ops->stage_abort(r->ctx);
	r->ops->forget(r->ctx);
	fp_buf_fini(&r->out);
	free(r->wanted);
	free(r);
}

const char *fp_receiver_peer(const struct fp_receiver *r)
{
	return r->peer;
}

int64_t fp_receiver_timeout_ms(const struct fp_receiver *r)
{
	return r->timeout_ms;
}

bool fp_receiver_is_staging(const struct fp_receiver *r)
{
	return r->n_lists || r->state != FP_NO_LIST;
}

/* ---- answers */

int fp_receiver_flush(struct fp_receiver *r)
{
	int rc;

	if (r->out.is_failed)
		return -ENOMEM;
	if (!r->out.len)
		return 0;
	rc = r->ops->send(r->ctx, r->out.data, r->out.len);
	r->out.len = 0;
	return rc;
}

static const char *code_of(int err, const struct fp_err *e)
{
	switch (err) {
	case -EPERM:
		return e->rule[0] ? "refused" : "failed";
	case -EAGAIN:
		return "busy";
	case -ESTALE:
		return "stale";
	case -EILSEQ:
		return "digest";
	case -ENODATA:
		return "base";
	case -ENOENT:
		return "absent";
	case -EPROTO:
		return "bad";
	case -EPROTONOSUPPORT:
		return "version";
	default:
		return "failed";
	}
}

void fp_receiver_fail(struct fp_receiver *r, int err, const struct fp_err *e)
{
	fp_wire_put_fail(&r->out, code_of(err, e), err, e);
}

int fp_receiver_wrong(struct fp_receiver *r, const char *fmt, ...)
{
	struct fp_err e = { .text = "" };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e.text, sizeof(e.text), fmt, ap);
	va_end(ap);
	fp_receiver_fail(r, -EPROTO, &e);
	return 1;
}

int fp_receiver_bad(struct fp_receiver *r, const struct fp_err *e)
{
	int rc;

	fp_receiver_fail(r, -EPROTO, e);
	rc = fp_receiver_flush(r);
	return rc ? rc : 1;
}

void fp_receiver_note(struct fp_receiver *r, const char *text, const char *rule)
{
	size_t begin = fp_wire_begin(&r->out, FP_WIRE_NOTE);

	fp_wire_put(&r->out, "text", text);
	if (rule)
		fp_wire_put(&r->out, "rule", rule);
	fp_wire_end(&r->out, begin);
}

void fp_receiver_put_end(struct fp_receiver *r)
{
	fp_wire_end(&r->out, fp_wire_begin(&r->out, FP_WIRE_END));
}

static bool is_wanted(const unsigned char *wanted, uint32_t n_buckets,
		      const struct fp_prefix *p)
{
	uint32_t i = wanted ? fp_bucket_of(p, n_buckets) : 0;

	return !wanted || wanted[i / 8] >> (i % 8) & 1;
}

/* One frame: as many lines as fit.  1: s may have more. */
static int put_frame(struct fp_receiver *r, const struct fp_stream *s,
		     const unsigned char *wanted, uint32_t n_buckets,
		     struct fp_err *e)
{
	size_t begin = fp_wire_begin(&r->out, FP_WIRE_DATA);
	struct fp_entry x;
	int rc = 1;

	fp_wire_body(&r->out, NULL, 0);
	while (r->out.len - begin < FP_RECEIVER_SEND_BYTES &&
	       (rc = s->next(s->ctx, &x, e)) > 0)
		if (is_wanted(wanted, n_buckets, &x.p))
			fp_entry_print(&r->out, &x);
	fp_wire_end(&r->out, begin);
	return rc;
}

int fp_receiver_put_lines(struct fp_receiver *r, const struct fp_stream *s,
			  const unsigned char *wanted, uint32_t n_buckets,
			  bool *is_broken, struct fp_err *e)
{
	int rc, sent;

	*is_broken = false;
	do {
		rc = put_frame(r, s, wanted, n_buckets, e);
		sent = fp_receiver_flush(r);
		*is_broken = sent < 0;
	} while (rc > 0 && !sent);
	return sent ? sent : rc;
}

/* ---- HELLO */

/* To the second: what travels twice must not differ by what the network took. */
static int64_t clock_add(int64_t ours_ms, int64_t theirs_ms)
{
	int64_t off_ms = ours_ms - theirs_ms;

	if (off_ms <= CLOCK_SLACK_MS && off_ms >= -CLOCK_SLACK_MS)
		return 0;
	return (off_ms + (off_ms < 0 ? -500 : 500)) / 1000 * 1000;
}

static int refuse_version(struct fp_receiver *r, uint64_t v, uint64_t min)
{
	struct fp_err e = { .text = "" };

	snprintf(e.text, sizeof(e.text),
		 "the controller speaks versions %llu to %llu, this node %d",
		 (unsigned long long)min, (unsigned long long)v,
		 FP_WIRE_VERSION);
	fp_receiver_fail(r, -EPROTONOSUPPORT, &e);
	return 1;
}

static int take_hello(struct fp_receiver *r, const struct fp_wire_msg *m)
{
	int64_t now_ms = r->ops->clock_ms(r->ctx);
	uint64_t v, min, clock_ms, timeout_ms;
	struct fp_buf answer = { 0 };
	struct fp_err e = { .text = "" };
	size_t begin;
	int rc = fp_receiver_num(r, m, "v", UINT32_MAX, 0, &v);

	if (!rc)
		rc = fp_receiver_num(r, m, "min", UINT32_MAX, v, &min);
	if (!rc)
		rc = fp_receiver_num(r, m, "clock_ms", MS_MAX, (uint64_t)now_ms,
				     &clock_ms);
	if (!rc)
		rc = fp_receiver_num(r, m, "timeout_ms", MS_MAX, 0,
				     &timeout_ms);
	if (!rc)
		rc = fp_receiver_text(r, m, "name", r->peer, sizeof(r->peer));
	if (rc)
		return rc;
	if (!v || v < min || min > FP_WIRE_VERSION)
		return refuse_version(r, v, min);
	r->timeout_ms = (int64_t)timeout_ms;
	r->clock_add_ms = clock_add(now_ms, (int64_t)clock_ms);
	r->is_greeted = true;
	begin = fp_wire_begin(&answer, FP_WIRE_HELLO);
	fp_wire_put_u64(&answer, "v", FP_WIRE_VERSION);
	rc = r->ops->status(r->ctx, &answer, &e);
	fp_wire_end(&answer, begin);
	if (rc)
		fp_receiver_fail(r, rc, &e);
	else if (answer.is_failed)
		r->out.is_failed = true;
	else
		fp_buf_add(&r->out, answer.data, answer.len);
	fp_buf_fini(&answer);
	return 0;
}

/* ---- questions */

static int take_why(struct fp_receiver *r, const struct fp_wire_msg *m)
{
	struct fp_buf lines = { 0 };
	struct fp_err e = { .text = "" };
	char addr[FP_PREFIX_STRLEN];
	struct fp_prefix host;
	size_t begin;
	int rc = fp_receiver_text(r, m, "addr", addr, sizeof(addr));

	if (rc)
		return rc;
	rc = fp_prefix_parse(&host, addr, strlen(addr), &e);
	if (!rc && !fp_prefix_is_host(&host))
		rc = fp_err(&e, -EINVAL, "%s: one address, not a prefix", addr);
	if (!rc)
		rc = r->ops->why(r->ctx, &host, &lines, &e);
	if (rc) {
		fp_receiver_fail(r, rc, &e);
	} else {
		begin = fp_wire_begin(&r->out, FP_WIRE_DATA);
		fp_wire_body(&r->out, lines.data, lines.len);
		fp_wire_end(&r->out, begin);
		fp_receiver_put_end(r);
	}
	r->out.is_failed |= lines.is_failed;
	fp_buf_fini(&lines);
	return 0;
}

static void put_list(struct fp_receiver *r, const struct fp_list_head *h,
		     const char *digest)
{
	size_t begin = fp_wire_begin(&r->out, FP_WIRE_LIST);

	fp_wire_put(&r->out, "name", h->name);
	fp_wire_put(&r->out, "kind", fp_kind_name(h->kind));
	fp_wire_put(&r->out, "owner", fp_owner_name(h->owner));
	fp_wire_put(&r->out, "digest", digest);
	fp_wire_put_u64(&r->out, "entries", h->entries);
	fp_wire_end(&r->out, begin);
}

static int take_get(struct fp_receiver *r, const struct fp_wire_msg *m)
{
	char name[FP_LIST_NAME_MAX + 1], digest[65];
	struct fp_err e = { .text = "" };
	struct fp_list_head about;
	struct fp_stream s;
	bool is_broken = false;
	int rc = fp_receiver_text(r, m, "list", name, sizeof(name));

	if (rc)
		return rc;
	rc = r->ops->open_list(r->ctx, name, &about, &s, &e);
	if (rc) {
		fp_receiver_fail(r, rc, &e);
		return 0;
	}
	rc = r->ops->digest(r->ctx, digest, &e);
	if (!rc) {
		put_list(r, &about, digest);
		rc = fp_receiver_put_lines(r, &s, NULL, 0, &is_broken, &e);
	}
	r->ops->close_list(r->ctx);
	if (is_broken)
		return rc;
	if (rc)
		fp_receiver_fail(r, rc, &e);
	else
		fp_receiver_put_end(r);
	return 0;
}

static int take_mode(struct fp_receiver *r, const struct fp_wire_msg *m)
{
	char by[FP_RECEIVER_WHO_MAX + 1], why[FP_RECEIVER_WHY_MAX + 1];
	struct fp_err e = { .text = "" };
	uint64_t ms, left_s;
	bool is_changed;
	size_t begin;
	int rc = fp_receiver_num(r, m, "bypass_ms", 86400000, UINT64_MAX, &ms);

	if (!rc && ms == UINT64_MAX)
		return fp_receiver_wrong(r, "bypass_ms= is missing");
	if (!rc)
		rc = fp_receiver_text(r, m, "by", by, sizeof(by));
	if (!rc)
		rc = fp_receiver_text(r, m, "why", why, sizeof(why));
	if (rc)
		return rc;
	rc = r->ops->bypass(r->ctx, (int64_t)ms, by, why, &is_changed, &left_s,
			    &e);
	if (rc) {
		fp_receiver_fail(r, rc, &e);
		return 0;
	}
	begin = fp_wire_begin(&r->out, FP_WIRE_OK);
	fp_wire_put_u64(&r->out, "changed", is_changed);
	fp_wire_put_u64(&r->out, "bypass_s", left_s);
	fp_wire_end(&r->out, begin);
	return 0;
}

/* ---- dispatch */

static int take(struct fp_receiver *r, const struct fp_wire_msg *m)
{
	if (!r->is_greeted && m->type != FP_WIRE_HELLO)
		return fp_receiver_wrong(r, "frame %c before HELLO",
					 (char)m->type);
	if (r->state != FP_NO_LIST && m->type != FP_WIRE_DATA &&
	    m->type != FP_WIRE_END)
		return fp_receiver_wrong(r, "frame %c within a list",
					 (char)m->type);
	switch (m->type) {
	case FP_WIRE_HELLO:
		return take_hello(r, m);
	case FP_WIRE_LIST:
		return fp_receiver_take_list(r, m);
	case FP_WIRE_DATA:
		return fp_receiver_take_data(r, m);
	case FP_WIRE_END:
		return fp_receiver_take_end(r);
	case FP_WIRE_DROP:
		return fp_receiver_take_drop(r, m);
	case FP_WIRE_COMMIT:
		return fp_receiver_take_commit(r, m);
	case FP_WIRE_CONFIRM:
	case FP_WIRE_BACK:
		return fp_receiver_take_settle(r, m);
	case FP_WIRE_WORDS:
		return fp_receiver_take_words(r, m);
	case FP_WIRE_CHANGE:
		return fp_receiver_take_change(r, m);
	case FP_WIRE_WHY:
		return take_why(r, m);
	case FP_WIRE_GET:
		return take_get(r, m);
	case FP_WIRE_MODE:
		return take_mode(r, m);
	default:
		return fp_receiver_wrong(r, "frame %c is for a controller",
					 (char)m->type);
	}
}

int fp_receiver_take(struct fp_receiver *r, const struct fp_wire_msg *m)
{
	int rc = take(r, m), sent;

	if (rc < 0)
		return rc;
	sent = fp_receiver_flush(r);
	return sent ? sent : rc;
}
