/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "io/clock.h"
#include "io/stream.h"
#include "peer/esl.h"

#define MAX_BYTES ((size_t)1 << 20)

/* A command that was sent and not answered. */
struct ask {
	struct fp_esl *s;
	struct ask *next;
	struct fp_timer timer;
	void (*done)(void *ctx, int code, const struct fp_esl_frame *f,
		     const struct fp_err *e);
	void *ctx;
};

struct fp_esl {
	struct fp_loop *loop;
	struct fp_stream *stream;
	struct fp_esl_reader *reader;
	struct fp_esl_events events;
	int64_t banner_ms;
	char *password; /* until it is sent */
	enum fp_esl_stage stage;
	struct fp_timer timer; /* of connecting, the banner, auth */
	struct ask *first, **last;
	bool *is_gone; /* set by close while we are in a callback */
};

/* ---- ends */

static void forget_asks(struct fp_esl *s)
{
	struct ask *a;

	while ((a = s->first)) {
		s->first = a->next;
		fp_loop_timer_disarm(s->loop, &a->timer);
		free(a);
	}
	s->last = &s->first;
}

static void wipe(struct fp_esl *s)
{
	if (!s->password)
		return;
	explicit_bzero(s->password, strlen(s->password));
	free(s->password);
	s->password = NULL;
}

/* Let go of everything but s itself. */
static void let_go(struct fp_esl *s)
{
	s->stage = FP_ESL_AT_END;
	fp_loop_timer_disarm(s->loop, &s->timer);
	forget_asks(s);
	fp_stream_close(s->stream);
	s->stream = NULL;
	wipe(s);
}

void fp_esl_close(struct fp_esl *s)
{
	if (!s)
		return;
	if (s->is_gone)
		*s->is_gone = true;
	let_go(s);
	fp_esl_reader_free(s->reader);
	free(s);
}

/* s may be gone after this; e may be the stream's. */
static void over(struct fp_esl *s, int code, const struct fp_err *e)
{
	struct fp_err kept = *e;

	let_go(s);
	s->events.closed(s->events.ctx, code, &kept);
}

static void fail(struct fp_esl *s, int code, const char *what)
{
	struct fp_err e;

	fp_err(&e, code, "%s", what);
	over(s, code, &e);
}

/* ---- deadlines */

/* What has not come, for messages. */
static const char *missing(const struct fp_esl *s)
{
	if (fp_esl_is_mid(s->reader))
		return "it stopped in the middle of an answer";
	if (s->stage == FP_ESL_AT_BANNER)
		return "it accepts connections but says nothing: frozen?";
	return "it does not answer to the password: frozen?";
}

static void on_timer(void *ctx)
{
	struct fp_esl *s = ctx;

	if (s->stage == FP_ESL_AT_CONNECT)
		fail(s, -ETIMEDOUT, "no answer");
	else
		fail(s, -ENODATA, missing(s));
}

static int arm(struct fp_esl *s, struct fp_timer *t, int64_t in_ms)
{
	return fp_loop_timer_arm(s->loop, t, fp_clock_ms() + in_ms);
}

/* Answers to later commands would be taken for this one's. */
static void on_ask_timer(void *ctx)
{
	struct ask late = *(struct ask *)ctx;
	struct fp_esl *s = late.s;
	bool is_gone = false;
	struct fp_err e;

	fp_err(&e, -ETIMEDOUT, "no answer to a command");
	let_go(s);
	s->is_gone = &is_gone;
	late.done(late.ctx, -ETIMEDOUT, NULL, &e);
	if (is_gone)
		return;
	s->is_gone = NULL;
	over(s, -ETIMEDOUT, &e);
}

/* ---- what comes */

static void send_password(struct fp_esl *s)
{
	struct fp_buf b = { 0 };

	fp_buf_printf(&b, "auth %s\n\n", s->password);
	wipe(s);
	s->stage = FP_ESL_AT_PASSWORD;
	arm(s, &s->timer, s->banner_ms);
	if (!b.is_failed)
		fp_stream_write(s->stream, b.data, b.len);
	if (b.data)
		explicit_bzero(b.data, b.len);
	fp_buf_fini(&b);
}

static void take_banner(struct fp_esl *s, const struct fp_esl_frame *f)
{
	if (f->kind == FP_ESL_AUTH)
		send_password(s);
	else if (f->kind == FP_ESL_REJECTED)
		fail(s, -EPERM, "its ACL does not let us in (rude-rejection)");
	else
		fail(s, -EBADMSG, "no event socket: it asks for no password");
}

static void take_auth(struct fp_esl *s, const struct fp_esl_frame *f)
{
	if (f->kind != FP_ESL_REPLY) {
		fail(s, -EBADMSG, "no event socket: no reply to the password");
		return;
	}
	if (strncmp(f->text, "+OK", 3)) {
		fail(s, -EACCES, "it refuses the password");
		return;
	}
	fp_loop_timer_disarm(s->loop, &s->timer);
	s->stage = FP_ESL_AT_OPEN;
	s->events.opened(s->events.ctx);
}

static void take_answer(struct fp_esl *s, const struct fp_esl_frame *f)
{
	struct ask *a = s->first, was;

	if (!a) {
		fail(s, -EBADMSG, "an answer to nothing");
		return;
	}
	was = *a;
	s->first = a->next;
	if (!s->first)
		s->last = &s->first;
	fp_loop_timer_disarm(s->loop, &a->timer);
	free(a);
	was.done(was.ctx, 0, f, NULL);
}

static void take(struct fp_esl *s, const struct fp_esl_frame *f)
{
	if (s->stage == FP_ESL_AT_BANNER)
		take_banner(s, f);
	else if (s->stage == FP_ESL_AT_PASSWORD)
		take_auth(s, f);
	else if (f->kind == FP_ESL_REPLY || f->kind == FP_ESL_RESPONSE)
		take_answer(s, f);
	else if (f->kind == FP_ESL_EVENT && s->events.event)
		s->events.event(s->events.ctx, f);
	/* logs are nobody's; a disconnect-notice is followed by the end */
}

/* ---- the stream's events */

static void on_opened(void *ctx)
{
	struct fp_esl *s = ctx;

	s->stage = FP_ESL_AT_BANNER;
	arm(s, &s->timer, s->banner_ms);
}

static void on_data(void *ctx, const char *p, size_t n)
{
	struct fp_esl *s = ctx;
	struct fp_esl_frame f;
	bool is_gone = false;
	struct fp_err e;
	int code = fp_esl_feed(s->reader, p, n);

	if (code) {
		fail(s, code, "out of memory");
		return;
	}
	s->is_gone = &is_gone;
	while ((code = fp_esl_next(s->reader, &f, &e)) == 1) {
		take(s, &f);
		if (is_gone)
			return;
		if (s->stage == FP_ESL_AT_END)
			break;
	}
	s->is_gone = NULL;
	if (code < 0)
		over(s, code, &e);
}

/* What it left unsaid. */
static const char *unsaid(const struct fp_esl *s)
{
	if (fp_esl_is_mid(s->reader))
		return ", in the middle of an answer";
	if (s->stage == FP_ESL_AT_BANNER)
		return ", without a word";
	if (s->stage == FP_ESL_AT_PASSWORD || s->first)
		return ", without an answer";
	return "";
}

static void on_closed(void *ctx, int code, const struct fp_err *why)
{
	struct fp_esl *s = ctx;
	struct fp_err e;

	if (code && s->stage == FP_ESL_AT_CONNECT) {
		over(s, code, why);
		return;
	}
	if (!code)
		fp_err(&e, 0, "it ended the connection%s", unsaid(s));
	else
		fp_err(&e, 0, "%s%s", why->text, unsaid(s));
	over(s, code ? code : -ECONNRESET, &e);
}

/* ---- opening, asking */

static int fill(struct fp_esl *s, const struct fp_esl_opts *o, struct fp_err *e)
{
	const struct fp_stream_events ev = { .opened = on_opened,
					     .data = on_data,
					     .closed = on_closed,
					     .ctx = s };

	s->password = strdup(o->password);
	if (!s->password ||
	    fp_esl_reader_new(&s->reader,
			      o->max_bytes ? o->max_bytes : MAX_BYTES) ||
	    arm(s, &s->timer, o->connect_ms))
		return fp_err_sys(e, -ENOMEM, "event socket");
	return fp_stream_open(&s->stream, s->loop,
			      (const struct sockaddr *)&o->sa, o->sa_len, NULL,
			      NULL, &ev, e);
}

int fp_esl_open(struct fp_esl **out, struct fp_loop *l,
		const struct fp_esl_opts *o, const struct fp_esl_events *ev,
		struct fp_err *e)
{
	struct fp_esl *s;
	int code;

	if (strpbrk(o->password, "\r\n"))
		return fp_err(e, -EINVAL, "a newline in a password");
	s = calloc(1, sizeof(*s));
	if (!s)
		return fp_err_sys(e, -ENOMEM, "event socket");
	s->loop = l;
	s->events = *ev;
	s->banner_ms = o->banner_ms;
	s->last = &s->first;
	s->timer = (struct fp_timer){ .fire = on_timer, .ctx = s };
	code = fill(s, o, e);
	if (code) {
		fp_esl_close(s);
		return code;
	}
	*out = s;
	return 0;
}

int fp_esl_ask(struct fp_esl *s, const char *command, int64_t timeout_ms,
	       void (*done)(void *ctx, int code, const struct fp_esl_frame *f,
			    const struct fp_err *e),
	       void *ctx, struct fp_err *e)
{
	struct fp_buf b = { 0 };
	struct ask *a;

	if (s->stage != FP_ESL_AT_OPEN)
		return fp_err(e, -ENOTCONN, "the event socket is not open");
	if (strpbrk(command, "\r\n"))
		return fp_err(e, -EINVAL, "a newline in a command");
	a = calloc(1, sizeof(*a));
	fp_buf_printf(&b, "%s\n\n", command);
	if (a) {
		*a = (struct ask){ .s = s, .done = done, .ctx = ctx };
		a->timer = (struct fp_timer){ .fire = on_ask_timer, .ctx = a };
	}
	if (!a || b.is_failed || arm(s, &a->timer, timeout_ms)) {
		free(a);
		fp_buf_fini(&b);
		return fp_err_sys(e, -ENOMEM, "event socket");
	}
	*s->last = a;
	s->last = &a->next;
	fp_stream_write(s->stream, b.data, b.len); /* or closed tells */
	fp_buf_fini(&b);
	return 0;
}

enum fp_esl_stage fp_esl_stage(const struct fp_esl *s, bool *is_mid)
{
	*is_mid = fp_esl_is_mid(s->reader);
	return s->stage;
}
