/* SPDX-License-Identifier: Apache-2.0 */
/* FreeSWITCH by its event socket: one connection a probe, kept while we watch;
 * then its heartbeats, and its loss, are news. */
#include <stdlib.h>
#include <string.h>

#include "health/probe.h"
#include "health/esl_state.h"
#include "io/clock.h"
#include "io/secret.h"
#include "peer/esl.h"

#define PASSWORD "ClueCon" /* as FreeSWITCH comes */
/* A process that runs says auth/request at once; a frozen one never. */
#define BANNER_MS 2000
/* Questions end with the reading's deadline, which is the engine's. */
#define SLACK_MS 60000

struct esl;
struct answer { /* to one question */
	struct esl *d;
	enum fp_esl_question q;
};

struct esl {
	struct fp_probe *p;
	struct fp_esl *s; /* NULL: none */
	bool is_kept;     /* it was open before this reading */
	bool is_asking;   /* a reading is under way */
	bool is_subscribed;
	int n_waiting; /* answers of this reading to come */
	int64_t asked_ms, asked_us;
	struct fp_esl_state state; /* of the reading under way */
	struct fp_esl_state last;  /* of the last whole one */
	bool has_last;
	struct answer answers[FP_ESL_QUESTIONS];
};

static const char *var(const struct esl *d, const char *key)
{
	return fp_inventory_var(d->p->host, key);
}

/* ---- what is told */

static void finish(struct esl *d, struct fp_reading *r)
{
	d->is_asking = false;
	fp_probe_done(d->p, r);
}

static void hang_up(struct esl *d)
{
	fp_esl_close(d->s);
	d->s = NULL;
	d->is_subscribed = false;
}

static void describe(struct esl *d, const struct fp_esl_state *s,
		     struct fp_reading *r)
{
	fp_reading_init(r);
	fp_esl_state_judge(s, var(d, "fp_switchname"), r);
	if (s->trouble)
		return;
	r->view = fp_view_new(FP_VIEW_FREESWITCH);
	if (r->view)
		r->view->freeswitch = s->view;
}

/* What does not let us in says nothing of its health. */
static void describe_failure(struct fp_reading *r, int code,
			     const struct fp_err *e)
{
	fp_reading_init(r);
	if (code == -EPERM || code == -EACCES)
		fp_reading_say(r, FP_UNKNOWN, "%s", e->text);
	else
		fp_reading_fail(r, code, e);
}

/* ---- questions */

/* Nothing: what is lost is told by closed. */
static void on_subscribed(void *ctx, int code, const struct fp_esl_frame *f,
			  const struct fp_err *e)
{
	struct esl *d = ctx;

	(void)e;
	d->is_subscribed = !code && !strncmp(f->text, "+OK", 3);
}

static void finish_well(struct esl *d)
{
	struct fp_reading r;

	describe(d, &d->state, &r);
	d->has_last = !d->state.trouble;
	d->last = d->state;
	if (!d->p->env->is_watching)
		hang_up(d);
	else if (!d->is_subscribed)
		fp_esl_ask(d->s, "event plain HEARTBEAT",
			   d->p->timeout_ms + SLACK_MS, on_subscribed, d, NULL);
	finish(d, &r);
}

static void on_answer(void *ctx, int code, const struct fp_esl_frame *f,
		      const struct fp_err *e)
{
	struct answer *a = ctx;
	struct esl *d = a->d;

	(void)e;
	if (code)
		return; /* closed follows */
	fp_esl_state_take(&d->state, a->q, f, d->asked_ms,
			  fp_clock_us() - d->asked_us);
	if (!--d->n_waiting)
		finish_well(d);
}

static void fail(struct esl *d, int code, const struct fp_err *e)
{
	struct fp_reading r;

	hang_up(d);
	describe_failure(&r, code, e);
	finish(d, &r);
}

static void ask_all(struct esl *d)
{
	struct fp_err e;

	d->asked_ms = fp_clock_unix_ms();
	d->asked_us = fp_clock_us();
	d->n_waiting = FP_ESL_QUESTIONS;
	for (int q = 0; q < FP_ESL_QUESTIONS; q++) {
		int code;

		d->answers[q] =
			(struct answer){ .d = d, .q = (enum fp_esl_question)q };
		code = fp_esl_ask(d->s, fp_esl_question(d->answers[q].q),
				  d->p->timeout_ms + SLACK_MS, on_answer,
				  &d->answers[q], &e);
		if (code) {
			fail(d, code, &e);
			return;
		}
	}
}

/* ---- the connection's events */

static void on_opened(void *ctx)
{
	ask_all(ctx);
}

static void on_event(void *ctx, const struct fp_esl_frame *f)
{
	struct esl *d = ctx;
	struct fp_reading r;
	char name[32];

	if (d->is_asking || !d->has_last ||
	    !fp_esl_header(f->body, "Event-Name", true, name, sizeof(name)) ||
	    strcmp(name, "HEARTBEAT") != 0)
		return;
	fp_esl_state_beat(&d->last, f->body);
	d->last.round_us = 0;
	describe(d, &d->last, &r);
	fp_probe_news(d->p, &r);
}

static void on_closed(void *ctx, int code, const struct fp_err *e)
{
	struct esl *d = ctx;
	struct fp_reading r;

	hang_up(d);
	describe_failure(&r, code, e);
	if (d->is_asking)
		finish(d, &r);
	else
		fp_probe_news(d->p, &r);
}

/* ---- the probe */

static int dial(struct esl *d, const char *password, struct fp_err *e)
{
	const struct fp_esl_events ev = { .opened = on_opened,
					  .event = on_event,
					  .closed = on_closed,
					  .ctx = d };
	int64_t timeout_ms = d->p->timeout_ms;
	struct fp_esl_opts o = {
		.sa = d->p->sa,
		.sa_len = d->p->sa_len,
		.password = password,
		.connect_ms = timeout_ms + SLACK_MS,
		.banner_ms = timeout_ms < BANNER_MS ? timeout_ms : BANNER_MS,
	};

	return fp_esl_open(&d->s, d->p->env->loop, &o, &ev, e);
}

/* The password is read anew for each connection: it is not kept, and may
 * change. */
static void connect_anew(struct esl *d)
{
	const char *file = var(d, "fp_esl_password_file");
	char password[256] = PASSWORD;
	struct fp_reading r;
	struct fp_err e;
	int code = 0;

	if (file)
		code = fp_secret_read(file, password, sizeof(password), &e);
	if (code) {
		fp_reading_init(&r);
		fp_reading_say(&r, FP_UNKNOWN, "%s", e.text);
		finish(d, &r);
		return;
	}
	code = dial(d, password, &e);
	explicit_bzero(password, sizeof(password));
	if (code)
		fail(d, code, &e);
}

static void start(struct fp_probe *p)
{
	struct esl *d = p->data;
	const char *ports = var(d, "fp_rtp_ports");

	d->state = (struct fp_esl_state){ 0 };
	if (ports)
		fp_esl_ports(ports, &d->state.view.rtp_first,
			     &d->state.view.rtp_last);
	d->is_asking = true;
	d->is_kept = d->s;
	if (d->s)
		ask_all(d);
	else
		connect_anew(d);
}

static void expire(struct fp_probe *p, struct fp_reading *r)
{
	struct esl *d = p->data;
	bool is_mid = false;
	enum fp_esl_stage at =
		d->s ? fp_esl_stage(d->s, &is_mid) : FP_ESL_AT_CONNECT;

	d->is_asking = false;
	if (at == FP_ESL_AT_CONNECT) {
		fp_reading_say(r, FP_CRITICAL, "no answer from the host");
		r->is_silent = true;
	} else if (is_mid) {
		fp_reading_say(r, FP_CRITICAL,
			       "it stopped in the middle of an answer");
	} else if (at == FP_ESL_AT_BANNER) {
		fp_reading_say(
			r, FP_CRITICAL,
			"it accepts connections but says nothing: frozen?");
	} else if (at == FP_ESL_AT_PASSWORD) {
		fp_reading_say(r, FP_CRITICAL,
			       "it does not answer to the password: frozen?");
	} else {
		fp_reading_say(r, FP_CRITICAL, "it does not answer: frozen?");
		r->is_silent = d->is_kept && d->n_waiting == FP_ESL_QUESTIONS;
	}
	hang_up(d);
}

static int init(struct fp_probe *p, struct fp_err *e)
{
	struct esl *d = calloc(1, sizeof(*d));

	if (!d)
		return fp_err_sys(e, -ENOMEM, "event socket");
	d->p = p;
	p->data = d;
	return 0;
}

static void fini(struct fp_probe *p)
{
	hang_up(p->data);
	free(p->data);
}

static int plan(const struct fp_host *h,
		int (*add)(void *ctx, const struct fp_endpoint *to), void *ctx,
		struct fp_err *e)
{
	const char *list = fp_inventory_var(h, "fp_esl");
	const char *ports = fp_inventory_var(h, "fp_rtp_ports");
	struct fp_endpoint to;
	uint16_t first, last;
	int code = 0;

	if (!list)
		return 0;
	if (ports && !fp_esl_ports(ports, &first, &last))
		return fp_err(e, -EINVAL,
			      "%s: fp_rtp_ports: \"%s\": not like 16384-32767",
			      h->name, ports);
	for (size_t i = 0; !code; i++) {
		code = fp_endpoint_list(list, i, &to, e);
		if (code <= 0)
			return code ? fp_err_prefix(e, code, "%s: fp_esl",
						    h->name)
				    : 0;
		if (*to.path ||
		    (to.transport != FP_T_NONE && to.transport != FP_T_TCP))
			return fp_err(
				e, -EINVAL,
				"%s: fp_esl: \"%s\": an event socket is TCP",
				h->name, list);
		code = add(ctx, &to);
	}
	return code;
}

static const char *const figures[] = { "sessions", "sessions_percent", "rate",
				       "idle_cpu", "latency",          NULL };

const struct fp_probe_kind fp_probe_esl = {
	.name = "esl",
	.vars = "fp_esl",
	.figures = figures,
	.is_network = true,
	.default_port = 8021,
	.plan = plan,
	.init = init,
	.fini = fini,
	.start = start,
	.expire = expire,
};
