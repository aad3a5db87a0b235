/* SPDX-License-Identifier: Apache-2.0 */
/* A switch's connection: opening it, commands, jobs, events. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "io/clock.h"
#include "io/secret.h"
#include "recover/switches_priv.h"

#define PORT 8021
#define PASSWORD "ClueCon" /* as FreeSWITCH comes */
/* A process that runs says auth/request at once; a frozen one never. */
#define BANNER_MS 2000
/* sofia.conf of many gateways, all channels of a full node. */
#define MAX_BYTES ((size_t)16 << 20)
/* Of what lasts: 4 to 6 ms a leg. */
#define LASTING_MS 120000

static struct switch_link *link_of(const struct fp_switch *x)
{
	return x->priv;
}

/* ---- its end */

static void unlink_ask(struct switch_ask *a)
{
	struct switch_ask **at = &a->l->asks;

	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	fp_loop_timer_disarm(a->l->x->all->loop, &a->timer);
}

/* a is gone after this. */
static void answer(struct switch_ask *a, int code, const char *body,
		   const struct fp_err *e)
{
	struct switch_ask was = *a;

	unlink_ask(a);
	free(a);
	if (was.done)
		was.done(was.ctx, code, body, e);
}

void switch_link_close(struct switch_link *l, int code, const struct fp_err *e)
{
	struct fp_switch *x = l->x;
	struct fp_err why = *e;

	if (l->lookup)
		fp_resolve_cancel(l->lookup);
	l->lookup = NULL;
	fp_esl_close(x->esl);
	x->esl = NULL;
	l->is_open = l->is_hearing = false;
	l->n_stale = 0;
	while (l->asks)
		answer(l->asks, code, NULL, &why);
	if (l->reading)
		switch_reading_failed(l, code, &why);
}

void fp_switch_drop(struct fp_switch *x)
{
	struct fp_err e;

	fp_err(&e, -ECONNRESET, "its connection was dropped");
	switch_link_close(link_of(x), -ECONNRESET, &e);
}

/* ---- jobs */

/* The body of an event, behind its header lines. */
static const char *inner_body(const struct fp_esl_frame *f)
{
	const char *p = strstr(f->body, "\n\n");

	return p ? p + 2 : "";
}

static void done_with(struct switch_ask *a, const char *body)
{
	struct fp_err e = { .text = "" };
	int code = 0;

	if (!strncmp(body, "-ERR", 4))
		code = fp_err(&e, -EREMOTEIO, "%.*s",
			      (int)strcspn(body, "\r\n"), body);
	answer(a, code, body, &e);
}

/* Is it a job's?  Then it is nobody else's. */
static bool take_job(struct switch_link *l, const struct fp_esl_frame *f)
{
	char name[32], job[40];

	if (!fp_esl_header(f->body, "Event-Name", true, name, sizeof(name)) ||
	    strcmp(name, "BACKGROUND_JOB") != 0)
		return false;
	if (!fp_esl_header(f->body, "Job-UUID", true, job, sizeof(job)))
		return true;
	for (struct switch_ask *a = l->asks; a; a = a->next)
		if (*a->job && !strcmp(a->job, job)) {
			done_with(a, inner_body(f));
			break;
		}
	return true;
}

static void job_late(void *ctx)
{
	struct switch_ask *a = ctx;
	struct fp_err e;

	fp_err(&e, -ETIMEDOUT, "no end of a command: it may go on");
	answer(a, -ETIMEDOUT, NULL, &e);
}

static void job_began(void *ctx, int code, const struct fp_esl_frame *f,
		      const struct fp_err *e)
{
	static const char before[] = "+OK Job-UUID: ";
	struct switch_ask *a = ctx;
	struct fp_err why;

	if (code) {
		answer(a, code, NULL, e);
		return;
	}
	if (strncmp(f->text, before, strlen(before)) != 0) {
		fp_err(&why, 0, "%s", f->text);
		answer(a, -EREMOTEIO, f->text, &why);
		return;
	}
	snprintf(a->job, sizeof(a->job), "%s", f->text + strlen(before));
	a->timer = (struct fp_timer){ .fire = job_late, .ctx = a };
	fp_loop_timer_arm(a->l->x->all->loop, &a->timer, a->until_ms);
}

/* What is lost is told by the end of the job's time. */
static void on_subscribed(void *ctx, int code, const struct fp_esl_frame *f,
			  const struct fp_err *e)
{
	struct switch_link *l = ctx;
	struct fp_switches *s = l->x->all;
	char line[400];

	(void)e;
	if (code || !strncmp(f->text, "+OK", 3) || !s->say)
		return;
	snprintf(line, sizeof(line), "%s: it tells no events: %s", l->x->name,
		 f->text);
	s->say(s->ctx, line);
}

static int subscribe(struct switch_link *l, const char *names, struct fp_err *e)
{
	struct fp_buf b = { 0 };
	int r;

	fp_buf_printf(&b, "event plain %s", names);
	r = b.is_failed ? fp_err(e, -ENOMEM, "out of memory")
			: fp_esl_ask(l->x->esl, b.data, LASTING_MS,
				     on_subscribed, l, e);
	fp_buf_fini(&b);
	return r;
}

/* ---- the connection's events */

static void on_opened(void *ctx)
{
	struct switch_link *l = ctx;
	struct fp_err e;

	l->is_open = true;
	if (l->events)
		subscribe(l, l->events, &e);
	if (l->reading)
		switch_reading_opened(l);
}

static void on_event(void *ctx, const struct fp_esl_frame *f)
{
	struct switch_link *l = ctx;
	struct fp_switches *s = l->x->all;

	if (!take_job(l, f) && s->event)
		s->event(s->ctx, l->x, f);
}

static void on_closed(void *ctx, int code, const struct fp_err *e)
{
	struct switch_link *l = ctx;
	struct fp_switches *s = l->x->all;
	bool is_news = l->is_open && !l->reading && s->say;
	char line[sizeof(e->text) + 80];

	snprintf(line, sizeof(line), "%s: %s", l->x->name, e->text);
	switch_link_close(l, code, e);
	if (is_news)
		s->say(s->ctx, line);
}

/* ---- opening */

static int dial(struct switch_link *l, const struct sockaddr *to, socklen_t len,
		const char *password, struct fp_err *e)
{
	const struct fp_esl_events ev = { .opened = on_opened,
					  .event = on_event,
					  .closed = on_closed,
					  .ctx = l };
	int64_t ms = l->x->all->timeout_ms;
	struct fp_esl_opts o = {
		.sa_len = len,
		.password = password,
		.connect_ms = ms,
		.banner_ms = ms < BANNER_MS ? ms : BANNER_MS,
		.max_bytes = MAX_BYTES,
	};

	memcpy(&o.sa, to, len);
	return fp_esl_open(&l->x->esl, l->x->all->loop, &o, &ev, e);
}

/* The password is read anew for each connection: it is not kept, and may
 * change. */
static int dial_anew(struct switch_link *l, const struct sockaddr *to,
		     socklen_t len, struct fp_err *e)
{
	const char *file = fp_inventory_var(l->x->host, "fp_esl_password_file");
	char password[256] = PASSWORD;
	int r = 0;

	if (file)
		r = fp_secret_read(file, password, sizeof(password), e);
	if (!r)
		r = dial(l, to, len, password, e);
	explicit_bzero(password, sizeof(password));
	return r;
}

static void resolved(void *ctx, int code, const struct sockaddr *to,
		     socklen_t len, const struct fp_err *said)
{
	struct switch_link *l = ctx;
	struct fp_err e;

	l->lookup = NULL;
	if (code)
		e = *said;
	else
		code = dial_anew(l, to, len, &e);
	if (code)
		switch_link_close(l, code, &e);
}

void switch_link_open(struct switch_link *l)
{
	struct fp_switches *s = l->x->all;
	struct fp_err e = { .text = "" };
	int r = fp_resolve(s->resolver, &l->to, PORT, s->timeout_ms, resolved,
			   l, &l->lookup, &e);

	if (r)
		switch_link_close(l, r, &e);
}

bool fp_switch_dial(struct fp_switch *x)
{
	struct switch_link *l = link_of(x);

	if (!l->is_open && !x->esl && !l->lookup)
		switch_link_open(l);
	return l->is_open;
}

/* ---- commands */

static bool is_lasting(const char *command)
{
	return !strncmp(command, "fsctl recover", strlen("fsctl recover"));
}

static void answered(void *ctx, int code, const struct fp_esl_frame *f,
		     const struct fp_err *e)
{
	struct switch_ask *a = ctx;

	if (code)
		answer(a, code, NULL, e);
	else /* what is no api command is refused by a command/reply */
		done_with(a, f->kind == FP_ESL_REPLY ? f->text : f->body);
}

static int ask_esl(struct switch_ask *a, const char *command,
		   int64_t timeout_ms, struct fp_err *e)
{
	bool is_job = is_lasting(command);
	struct switch_link *l = a->l;
	struct fp_buf b = { 0 };
	int r = 0;

	if (is_job && !l->is_hearing) {
		r = subscribe(l, "BACKGROUND_JOB", e);
		l->is_hearing = !r;
	}
	fp_buf_printf(&b, "%s %s", is_job ? "bgapi" : "api", command);
	if (!r && b.is_failed)
		r = fp_err(e, -ENOMEM, "out of memory");
	if (!r)
		r = fp_esl_ask(l->x->esl, b.data, timeout_ms,
			       is_job ? job_began : answered, a, e);
	fp_buf_fini(&b);
	return r;
}

int fp_switch_send(struct fp_switch *x, const char *command, int64_t timeout_ms,
		   void (*done)(void *ctx, int code, const char *body,
				const struct fp_err *e),
		   void *ctx, struct fp_err *e)
{
	struct switch_link *l = link_of(x);
	struct switch_ask *a, **last = &l->asks;
	int r;

	if (!l->is_open)
		return fp_err(e, -ENOTCONN, "%s: its event socket is not open",
			      x->name);
	a = calloc(1, sizeof(*a));
	if (!a)
		return fp_err(e, -ENOMEM, "out of memory");
	a->l = l;
	a->until_ms = fp_clock_ms() + timeout_ms;
	a->done = done;
	a->ctx = ctx;
	r = ask_esl(a, command, timeout_ms, e);
	if (r) {
		free(a);
		return fp_err_prefix(e, r, "%s", x->name);
	}
	while (*last)
		last = &(*last)->next;
	*last = a;
	return 0;
}

struct waiting {
	struct fp_loop *loop;
	char *body;
	struct fp_err *e;
	int code;
	bool is_done;
};

static void waited(void *ctx, int code, const char *body,
		   const struct fp_err *e)
{
	struct waiting *w = ctx;

	w->code = code;
	if (code)
		*w->e = *e;
	else if (!(w->body = strdup(body)))
		w->code = fp_err(w->e, -ENOMEM, "out of memory");
	w->is_done = true;
	fp_loop_stop(w->loop);
}

int fp_switch_ask(struct fp_switch *x, const char *command, char **body,
		  struct fp_err *e)
{
	struct waiting w = { .loop = x->all->loop, .e = e };
	int r = fp_switch_send(x, command,
			       is_lasting(command) ? LASTING_MS
						   : x->all->timeout_ms,
			       waited, &w, e);

	if (r)
		return r;
	r = fp_loop_wait(w.loop, &w.is_done, e);
	for (struct switch_ask *a = link_of(x)->asks; r && a; a = a->next)
		if (a->ctx == &w)
			a->done = NULL;
	if (!r && w.code)
		r = fp_err_prefix(e, w.code, "%s", x->name);
	if (r)
		free(w.body);
	else
		*body = w.body;
	return r;
}

int fp_switch_events(struct fp_switch *x, const char *names, struct fp_err *e)
{
	struct switch_link *l = link_of(x);
	char *kept;

	if (strpbrk(names, "\r\n"))
		return fp_err(e, -EINVAL, "a newline in names of events");
	kept = strdup(names);
	if (!kept)
		return fp_err(e, -ENOMEM, "out of memory");
	free(l->events);
	l->events = kept;
	return l->is_open ? subscribe(l, names, e) : 0;
}

int fp_switch_run(struct fp_switch *x, char run[64], struct fp_err *e)
{
	struct switch_link *l = link_of(x);
	int r = switch_reading_run(x->all, x, SWITCH_RUN, e);

	if (r)
		return r;
	if (!l->code || l->code == -ESTALE)
		snprintf(run, 64, "%s", l->state.view.run);
	if (!l->code)
		return 0;
	*e = l->err;
	return fp_err_prefix(e, l->code, "%s", x->name);
}
