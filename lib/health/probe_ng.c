/* SPDX-License-Identifier: Apache-2.0 */
/* rtpengine by its control protocol: a ping, and its statistics. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "health/probe.h"
#include "peer/ng.h"

#define SLACK_MS 60000 /* the deadline is the engine's */

struct ng {
	struct fp_probe *p;
	struct fp_ng_call *ping, *statistics; /* under way, or NULL */
	bool is_pong;
	bool has_statistics; /* an answer to the question, whatever it says */
	struct fp_view_rtpengine view;
	bool has_view;
	char refusal[120]; /* why there are no statistics */
};

static void drop(struct ng *d)
{
	fp_ng_drop(d->ping);
	fp_ng_drop(d->statistics);
	d->ping = d->statistics = NULL;
}

/* ---- what is told */

static void describe(const struct ng *d, struct fp_reading *r)
{
	fp_reading_init(r);
	if (!d->has_view) {
		fp_reading_say(r, FP_OK, "it answers; no statistics: %s",
			       d->refusal);
		return;
	}
	fp_reading_say(r, FP_OK, "%lld sessions", (long long)d->view.sessions);
	fp_reading_figure(r, "sessions", (double)d->view.sessions, "", NAN);
	fp_reading_figure(r, "uptime", (double)d->view.up_s, "s", NAN);
	r->view = fp_view_new(FP_VIEW_RTPENGINE);
	if (r->view)
		r->view->rtpengine = d->view;
}

static void maybe_done(struct ng *d)
{
	struct fp_reading r;

	if (!d->is_pong || !d->has_statistics)
		return;
	describe(d, &r);
	fp_probe_done(d->p, &r);
}

static void fail(struct ng *d, int code, const struct fp_err *e)
{
	struct fp_reading r;

	drop(d);
	fp_reading_init(&r);
	fp_reading_fail(&r, code, e);
	fp_probe_done(d->p, &r);
}

/* ---- answers */

/* "error: Unknown call-id". */
static void say_result(char *to, size_t size, const struct fp_bencode *r)
{
	struct fp_bencode v = { .n = 0 }, why = { .n = 0 };

	if (!fp_bencode_get(r, "result", &v) || v.kind != FP_BEN_STR)
		v = (struct fp_bencode){ .p = "no result", .n = 9 };
	if ((!fp_bencode_get(r, "error-reason", &why) &&
	     !fp_bencode_get(r, "message", &why)) ||
	    why.kind != FP_BEN_STR)
		why.n = 0;
	snprintf(to, size, "%.*s%s%.*s", v.n < 40 ? (int)v.n : 40, v.p,
		 why.n ? ": " : "", why.n < 60 ? (int)why.n : 60,
		 why.n ? why.p : "");
}

static void on_pong(void *ctx, int code, const struct fp_bencode *r,
		    const struct fp_err *e)
{
	struct ng *d = ctx;
	struct fp_bencode v;
	struct fp_err said;
	char text[120];

	d->ping = NULL;
	if (code) {
		fail(d, code, e);
		return;
	}
	if (!fp_bencode_get(r, "result", &v) || !fp_bencode_is(&v, "pong")) {
		say_result(text, sizeof(text), r);
		fp_err(&said, 0, "it answers to a ping: %s", text);
		fail(d, -EPROTO, &said);
		return;
	}
	d->is_pong = true;
	maybe_done(d);
}

/* A count: an integer, or its digits ("uptime" of rtpengine 10.5). */
static bool count_of(const struct fp_bencode *r, const char *path, int64_t *out)
{
	struct fp_bencode v;
	char text[20];

	if (!fp_bencode_get(r, path, &v))
		return false;
	if (v.kind == FP_BEN_INT) {
		*out = v.i;
		return v.i >= 0;
	}
	if (v.kind != FP_BEN_STR || !v.n || v.n >= sizeof(text))
		return false;
	memcpy(text, v.p, v.n);
	text[v.n] = 0;
	*out = strtoll(text, NULL, 10);
	return strspn(text, "0123456789") == v.n;
}

static void on_statistics(void *ctx, int code, const struct fp_bencode *r,
			  const struct fp_err *e)
{
	struct ng *d = ctx;
	struct fp_view_rtpengine v = { 0 };

	d->statistics = NULL;
	if (code) {
		fail(d, code, e);
		return;
	}
	d->has_statistics = true;
	d->has_view = count_of(r, "statistics.currentstatistics.sessionstotal",
			       &v.sessions) &&
		      count_of(r, "statistics.totalstatistics.uptime", &v.up_s);
	if (d->has_view)
		d->view = v;
	else
		say_result(d->refusal, sizeof(d->refusal), r);
	maybe_done(d);
}

/* ---- the probe */

static int ask(struct ng *d, const char *command,
	       void (*done)(void *ctx, int code, const struct fp_bencode *r,
			    const struct fp_err *e),
	       struct fp_ng_call **out, struct fp_err *e)
{
	struct fp_probe *p = d->p;
	struct fp_buf b = { 0 };
	int code = -ENOMEM;

	fp_bencode_dict(&b);
	fp_bencode_str(&b, "command");
	fp_bencode_str(&b, command);
	fp_bencode_end(&b);
	if (!b.is_failed)
		code = fp_ng_ask(p->env->ng, (const struct sockaddr *)&p->sa,
				 p->sa_len, b.data, b.len,
				 p->timeout_ms + SLACK_MS, done, d, out, e);
	else
		fp_err_sys(e, code, "rtpengine");
	fp_buf_fini(&b);
	return code;
}

static void start(struct fp_probe *p)
{
	struct ng *d = p->data;
	struct fp_err e;
	int code;

	*d = (struct ng){ .p = p };
	code = ask(d, "ping", on_pong, &d->ping, &e);
	if (!code)
		code = ask(d, "statistics", on_statistics, &d->statistics, &e);
	if (code)
		fail(d, code, &e);
}

static void expire(struct fp_probe *p, struct fp_reading *r)
{
	struct ng *d = p->data;

	if (d->is_pong)
		fp_reading_say(r, FP_WARNING,
			       "it answers to a ping, but gives no statistics");
	else if (d->has_statistics)
		fp_reading_say(r, FP_CRITICAL,
			       "it gives statistics, but no answer to a ping");
	else
		fp_reading_say(r, FP_CRITICAL, "no answer");
	r->is_silent = !d->is_pong && !d->has_statistics;
	drop(d);
}

static int init(struct fp_probe *p, struct fp_err *e)
{
	struct ng *d = calloc(1, sizeof(*d));

	if (!d)
		return fp_err_sys(e, -ENOMEM, "rtpengine");
	d->p = p;
	p->data = d;
	return 0;
}

static void fini(struct fp_probe *p)
{
	drop(p->data);
	free(p->data);
}

static int plan(const struct fp_host *h,
		int (*add)(void *ctx, const struct fp_endpoint *to), void *ctx,
		struct fp_err *e)
{
	const char *list = fp_inventory_var(h, "fp_ng");
	struct fp_endpoint to;
	int code = 0;

	for (size_t i = 0; list && !code; i++) {
		code = fp_endpoint_list(list, i, &to, e);
		if (!code)
			return 0;
		if (code < 0)
			return fp_err_prefix(e, code, "%s: fp_ng", h->name);
		if (*to.path ||
		    (to.transport != FP_T_NONE && to.transport != FP_T_UDP))
			return fp_err(e, -EINVAL,
				      "%s: fp_ng: \"%s\": it is asked over UDP",
				      h->name, list);
		code = add(ctx, &to);
	}
	return code;
}

static const char *const figures[] = { "sessions", "uptime", NULL };

const struct fp_probe_kind fp_probe_ng = {
	.name = "ng",
	.vars = "fp_ng",
	.figures = figures,
	.is_network = true,
	.default_port = 2223,
	.plan = plan,
	.init = init,
	.fini = fini,
	.start = start,
	.expire = expire,
};
