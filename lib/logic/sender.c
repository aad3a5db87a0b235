/* SPDX-License-Identifier: Apache-2.0 */
#include "logic/sender.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logic/sender_priv.h"
#include "model/diff.h"

#define ANSWER_MAX_BYTES (2ull << 30) /* of one request, and of all lists */
#define FLOOR_BYTES_S 1024            /* who sends less is silent */
#define NOTES_MAX 20000               /* before a frame of an answer */

int fp_sender_new(struct fp_sender **out, const char *name, int64_t timeout_ms,
		  struct fp_err *e)
{
	struct fp_sender *s = calloc(1, sizeof(*s));

	if (!s)
		return fp_err(e, -ENOMEM, "out of memory");
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->timeout_ms = timeout_ms;
	*out = s;
	return 0;
}

static void ask_fini(struct fp_asked *a)
{
	fp_buf_fini(&a->bytes);
	fp_buf_fini(&a->named);
}

void fp_sender_free(struct fp_sender *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		ask_fini(&s->ask[i]);
	free(s->ask);
	fp_buf_fini(&s->named);
	fp_pushing_fini(&s->pushing);
	fp_hello_fini(&s->hello);
	fp_buf_fini(&s->in);
	fp_buf_fini(&s->out);
	free(s);
}

/* ---- out */

static int fail(struct fp_sender *s, int code)
{
	s->code = code;
	return code;
}

/* Requests go out at once, but for a push: it begins when all before it is
 * answered, and what comes after waits for its end. */
static void send_asks(struct fp_sender *s)
{
	for (size_t i = s->at; i < s->n; i++) {
		struct fp_asked *a = &s->ask[i];

		if (a->push && i == s->at && !a->is_sent) {
			a->is_sent = true;
			if (fp_pushing_init(&s->pushing, a->push, &s->hello,
					    &s->err))
				s->is_failed = true;
		}
		if (a->push)
			return;
		if (a->is_sent)
			continue;
		s->is_failed |= a->bytes.is_failed;
		fp_buf_add(&s->out, a->bytes.data, a->bytes.len);
		fp_buf_fini(&a->bytes);
		a->is_sent = true;
	}
}

static void move_out(struct fp_sender *s, struct fp_buf *to, size_t max)
{
	size_t n = s->out.len - s->out_at;

	if (n > max)
		n = max;
	fp_buf_add(to, s->out.data + s->out_at, n);
	s->out_at += n;
	if (s->out_at == s->out.len)
		s->out.len = s->out_at = 0;
}

static bool is_pushing(const struct fp_sender *s)
{
	return s->at < s->n && s->ask[s->at].push && s->ask[s->at].is_sent;
}

void fp_sender_take(struct fp_sender *s, struct fp_buf *to, size_t max,
		    int64_t now_ms)
{
	size_t was = to->len;
	int r = 0;

	if (s->code || s->is_failed)
		return;
	send_asks(s);
	if (s->out.len)
		move_out(s, to, max);
	if (is_pushing(s) && !s->is_failed && to->len - was < max)
		r = fp_pushing_fill(&s->pushing, &s->hello, to,
				    max - (to->len - was), &s->err);
	if (r)
		fail(s, r);
	s->is_failed |= to->is_failed || s->out.is_failed;
	s->sent += to->len - was;
	if (to->len != was)
		s->last_ms = now_ms;
}

/* ---- in */

/* The node said something: bytes that drip, and notes, are no answer. */
static void heard(struct fp_sender *s)
{
	s->last_ms = s->fed_ms;
	s->unheard = 0;
}

int fp_sender_feed(struct fp_sender *s, const void *data, size_t n,
		   int64_t now_ms)
{
	if (s->in_at) {
		s->in.len -= s->in_at;
		memmove(s->in.data, s->in.data + s->in_at, s->in.len);
		s->in_at = 0;
	}
	fp_buf_add(&s->in, data, n);
	s->received += n;
	s->fed_ms = now_ms;
	s->unheard += n;
	if (s->unheard >= s->timeout_ms * FLOOR_BYTES_S / 1000)
		heard(s);
	return s->in.is_failed ? -ENOMEM : 0;
}

void fp_event_fail(struct fp_event *out, const struct fp_wire_msg *m)
{
	out->kind = FP_EVENT_FAILED;
	out->error = fp_wire_fail(m, out->code, sizeof(out->code), &out->err);
	if (!strcmp(out->code, "bad") || !strcmp(out->code, "version"))
		out->is_over = true;
}

int fp_answer_read(struct fp_answer *sum, const struct fp_wire_msg *m,
		   struct fp_err *e)
{
	const struct {
		const char *key;
		uint64_t *to;
	} field[] = {
		{ "changed", &sum->changed }, { "ignored", &sum->ignored },
		{ "refused", &sum->refused }, { "added", &sum->added },
		{ "removed", &sum->removed }, { "ms", &sum->ms },
	};
	uint64_t x;
	int r = 0;

	for (size_t i = 0; i < sizeof(field) / sizeof(*field); i++) {
		r = fp_wire_u64(m, field[i].key, UINT32_MAX, 0, &x, e);
		if (r)
			return r;
		*field[i].to += x;
	}
	r = fp_wire_u64(m, "force", 1, 0, &x, e);
	sum->is_in_force = x;
	if (!r)
		r = fp_wire_i64(m, "pending_s", INT32_MAX, 0, &sum->pending_s,
				e);
	if (!r)
		r = fp_wire_i64(m, "bypass_s", INT32_MAX, 0, &sum->bypass_s, e);
	return r;
}

static int unexpected(const struct fp_wire_msg *m, struct fp_err *e)
{
	return fp_err(e, -EBADMSG, "an answer to nothing that was asked (%c)",
		      (char)m->type);
}

static int on_hello(struct fp_sender *s, const struct fp_wire_msg *m,
		    struct fp_event *out, struct fp_err *e)
{
	struct fp_hello h;
	int r;

	if (m->type != FP_WIRE_HELLO)
		return unexpected(m, e);
	r = fp_hello_read(&h, m, e);
	if (r)
		return r;
	fp_hello_fini(&s->hello);
	s->hello = h;
	s->is_said = true;
	out->kind = FP_EVENT_DONE;
	return 1;
}

/* Whole lines, whatever it sends. */
static void keep_named(struct fp_asked *a, const struct fp_wire_msg *m)
{
	if (a->what != FP_ASK_CHANGE || !m->body_len)
		return;
	fp_buf_add(&a->named, m->body, m->body_len);
	if (m->body[m->body_len - 1] != '\n')
		fp_buf_add(&a->named, "\n", 1);
}

/* OK, once or once for each frame. */
static int on_ok(struct fp_asked *a, const struct fp_wire_msg *m,
		 struct fp_event *out, struct fp_err *e)
{
	int r;

	if (m->type == FP_WIRE_FAIL && a->sum.kind != FP_EVENT_FAILED)
		fp_event_fail(&a->sum, m);
	else if (m->type == FP_WIRE_OK) {
		r = fp_answer_read(&a->sum.answer, m, e);
		if (r)
			return r;
		keep_named(a, m);
		if (a->named.is_failed)
			return fp_err(e, -ENOMEM, "out of memory");
	} else if (m->type != FP_WIRE_FAIL) {
		return unexpected(m, e);
	}
	if (--a->left)
		return 0;
	if (a->sum.kind != FP_EVENT_FAILED)
		a->sum.kind = FP_EVENT_DONE;
	*out = a->sum;
	out->body = a->named.len ? a->named.data : "";
	out->body_len = a->named.len;
	return 1;
}

static int on_head(struct fp_asked *a, const struct fp_wire_msg *m,
		   struct fp_event *out, struct fp_err *e)
{
	char kind[16] = "";

	out->kind = FP_EVENT_HEAD;
	a->has_head = true;
	if (a->what == FP_ASK_WORDS)
		return m->body_len == (a->n_buckets + 7) / 8
			       ? 1
			       : fp_err(e, -EBADMSG,
					"WORDS: not a bit a bucket");
	fp_wire_str(m, "kind", kind, sizeof(kind));
	return fp_kind_parse(kind, &out->list_kind, e) ? -EBADMSG : 1;
}

/* A head (but of WHY), lines, END. */
static int on_lines(struct fp_asked *a, const struct fp_wire_msg *m,
		    struct fp_event *out, struct fp_err *e)
{
	enum fp_wire_type head = a->what == FP_ASK_GET     ? FP_WIRE_LIST
				 : a->what == FP_ASK_WORDS ? FP_WIRE_WORDS
							   : FP_WIRE_DATA;

	out->body = m->body;
	out->body_len = m->body_len;
	a->got_bytes += m->body_len;
	if (a->got_bytes > ANSWER_MAX_BYTES)
		return fp_err(e, -EBADMSG, "an answer without end");
	if (m->type == head && head != FP_WIRE_DATA && !a->has_head)
		return on_head(a, m, out, e);
	if (m->type == FP_WIRE_FAIL) {
		fp_event_fail(out, m);
		return 1;
	}
	if (!a->has_head && head != FP_WIRE_DATA)
		return unexpected(m, e);
	if (m->type == FP_WIRE_END)
		out->kind = FP_EVENT_DONE;
	else if (m->type == FP_WIRE_DATA &&
		 (!m->body_len || m->body[m->body_len - 1] == '\n'))
		out->kind = FP_EVENT_LINES;
	else
		return unexpected(m, e);
	return 1;
}

static int on_answer(struct fp_sender *s, const struct fp_wire_msg *m,
		     struct fp_event *out, struct fp_err *e)
{
	struct fp_asked *a = &s->ask[s->at];
	int r;

	if (!a->is_sent)
		return unexpected(m, e);
	switch (a->what) {
	case FP_ASK_PUSH:
		return fp_pushing_answer(&s->pushing, m, out, e);
	case FP_ASK_GET: /* whoever asks keeps them all */
		s->lists_bytes += m->body_len;
		if (s->lists_bytes > ANSWER_MAX_BYTES)
			return fp_err(e, -EBADMSG, "lists without end");
		/* fallthrough */
	case FP_ASK_WORDS:
	case FP_ASK_WHY:
		return on_lines(a, m, out, e);
	case FP_ASK_HELLO:
		if (m->type != FP_WIRE_FAIL)
			return on_hello(s, m, out, e);
		/* fallthrough */
	default:
		r = on_ok(a, m, out, e);
		break;
	}
	return r;
}

static int on_note(struct fp_sender *s, const struct fp_wire_msg *m,
		   struct fp_event *out, struct fp_err *e)
{
	char text[sizeof(out->err.text)] = "";

	if (++s->n_notes > NOTES_MAX)
		return fp_err(e, -EBADMSG, "notes without end");
	fp_wire_str(m, "text", text, sizeof(text));
	fp_err(&out->err, 0, "%s", text);
	fp_wire_str(m, "rule", out->err.rule, sizeof(out->err.rule));
	out->kind = FP_EVENT_NOTE;
	return 1;
}

/* The first request has its whole answer. */
static void answered(struct fp_sender *s)
{
	fp_pushing_fini(&s->pushing);
	fp_buf_fini(&s->named);
	s->named = s->ask[s->at].named;
	s->ask[s->at].named = (struct fp_buf){ 0 };
	ask_fini(&s->ask[s->at]);
	if (++s->at == s->n)
		s->at = s->n = 0;
}

static int handle(struct fp_sender *s, const struct fp_wire_msg *m,
		  struct fp_event *out, struct fp_err *e)
{
	uint32_t tag = s->at < s->n ? s->ask[s->at].tag : 0;
	enum fp_ask what = s->at < s->n ? s->ask[s->at].what : FP_ASK_HELLO;
	int r;

	*out = (struct fp_event){ .body = "" };
	if (m->type == FP_WIRE_NOTE)
		r = on_note(s, m, out, e);
	else if (s->at == s->n)
		r = unexpected(m, e);
	else
		r = on_answer(s, m, out, e);
	if (r >= 0 && m->type != FP_WIRE_NOTE) {
		s->n_notes = 0;
		if (m->type != FP_WIRE_DATA)
			heard(s);
	}
	if (r <= 0)
		return r;
	out->ask = what;
	out->tag = tag;
	if (out->kind == FP_EVENT_DONE || out->kind == FP_EVENT_FAILED)
		answered(s);
	return 1;
}

int fp_sender_next(struct fp_sender *s, struct fp_event *out, struct fp_err *e)
{
	struct fp_wire_msg m;
	size_t used;
	int r = 0;

	if (s->is_failed || s->in.is_failed)
		fail(s, fp_err(&s->err, -ENOMEM, "out of memory"));
	while (!s->code && !r) {
		r = fp_wire_read(s->in.data + s->in_at, s->in.len - s->in_at,
				 &used, &m, &s->err);
		if (!r)
			return 0;
		if (r > 0) {
			s->in_at += used;
			r = handle(s, &m, out, &s->err);
		}
		if (r < 0)
			fail(s, r);
	}
	if (s->code && e)
		*e = s->err;
	return s->code ? s->code : r;
}

/* ---- questions */

const struct fp_hello *fp_sender_said(const struct fp_sender *s)
{
	return s->is_said ? &s->hello : NULL;
}

bool fp_sender_is_idle(const struct fp_sender *s)
{
	return s->at == s->n;
}

bool fp_sender_awaits(const struct fp_sender *s, uint32_t tag)
{
	for (size_t i = s->at; i < s->n; i++)
		if (s->ask[i].tag == tag)
			return true;
	return false;
}

int64_t fp_sender_due_ms(const struct fp_sender *s)
{
	return fp_sender_is_idle(s) ? 0 : s->last_ms + s->timeout_ms;
}

void fp_sender_bytes(const struct fp_sender *s, uint64_t *sent,
		     uint64_t *received)
{
	*sent = s->sent;
	*received = s->received;
}
