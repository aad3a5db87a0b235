/* SPDX-License-Identifier: Apache-2.0 */
/* A node that lives is emptied: no new calls, and an end without a BYE. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "recover/takeover_priv.h"

#define LOOK_MS 50
#define EXIT_MS 5000 /* it takes 0.3 s: facts of FreeSWITCH 1.10.12 */

static bool is_run_of(const struct fp_rescue *r, const char *run)
{
	for (size_t i = 0; i < r->n_runs; i++)
		if (!strcmp(r->runs[i], run))
			return true;
	return false;
}

static void note(const struct fp_rescue *r, const char *what, const char *state)
{
	struct fp_err e;
	char item[280];

	snprintf(item, sizeof(item), "%s:%s", what, r->o->from->name);
	if (r->journal)
		fp_journal_add(r->journal, item, state, NULL, &e);
}

/* ---- new calls */

static void look_at_steering(const struct fp_rescue *r)
{
	const struct fp_mark *marks = NULL;
	struct fp_err e = { .text = "" };
	size_t n = 0;

	if (!r->o->marks_now || r->o->marks_now(r->o->ctx, &marks, &n, &e))
		return; /* who asks for marks has said so */
	for (size_t i = 0; i < n; i++)
		if (!strcmp(marks[i].node, r->o->from->name))
			return;
	fp_takeover_tell(r, "steering", FP_COND_WARN, "not in maintenance",
			 "proxies go on sending it calls, which it answers by "
			 "503: fp-health maintain keeps it out of their way");
}

static int is_paused(struct fp_switch *x, bool *out, struct fp_err *e)
{
	char *said;
	int r = fp_takeover_ask(x, NULL, &said, e, "fsctl pause_check inbound");

	if (r)
		return r;
	*out = !strcmp(said, "true");
	free(said);
	return 0;
}

/* Calls that are there may still dial: outbound ones are not stopped. */
static int stop_new_calls(const struct fp_rescue *r, bool *is_ours,
			  struct fp_err *e)
{
	struct fp_switch *x = r->o->from;
	bool was_paused = false;
	int code = is_paused(x, &was_paused, e);

	/* by an earlier run of the job, which was killed */
	*is_ours = !code && was_paused && r->is_paused;
	if (code || was_paused)
		return code;
	/* whoever aborts it must know */
	note(r, "node", "paused");
	code = r->journal ? fp_journal_flush_wait(r->journal, e) : 0;
	if (!code)
		code = fp_takeover_ours(r, NULL, e);
	if (code)
		return code;
	code = fp_takeover_ask(x, NULL, NULL, e, "fsctl pause inbound");
	*is_ours = true; /* also when nobody heard the answer */
	return code;
}

static void let_new_calls_in(const struct fp_rescue *r)
{
	struct fp_err e = { .text = "" };
	bool is_interrupted = false;
	/* the store may have ended its part; only another's is left as it is */
	int c = r->journal ? fp_journal_flush_wait(r->journal, &e) : 0;

	if (c != -EBUSY)
		c = fp_takeover_ask(r->o->from, &is_interrupted, NULL, &e,
				    "fsctl resume inbound");
	if (c) {
		fp_takeover_say(r,
				"%s is still paused for inbound calls: %s; "
				"fsctl resume inbound ends it",
				r->o->from->name, e.text);
		return;
	}
	note(r, "node", "resumed");
	fp_takeover_say(r, "%s takes new calls again", r->o->from->name);
}

void fp_takeover_let_in(struct fp_rescue *r)
{
	const char *name = r->o->from->name;
	char run[64];
	struct fp_err e;
	int c;

	if (!r->is_paused)
		return;
	r->is_paused = false;
	c = fp_switch_run(r->o->from, run, &e);
	if (c)
		fp_takeover_say(r,
				"%s does not answer: %s; when it lives, it is "
				"paused for inbound calls: fsctl resume "
				"inbound ends that",
				name, e.text);
	else if (is_run_of(r, run)) /* the pause of another went with it */
		let_new_calls_in(r);
}

/* ---- the end of the process */

struct telling {
	struct fp_loop *loop;
	bool is_done;
	int code;
};

static void on_told(void *ctx, int code, const char *body,
		    const struct fp_err *e)
{
	struct telling *t = ctx;

	(void)body;
	(void)e;
	t->code = code;
	t->is_done = true;
	fp_loop_stop(t->loop);
}

/* On the connection whose run was just read: nobody else's process is told. */
static int tell_it(const struct fp_rescue *r, const char *run, int *code,
		   struct fp_err *e)
{
	struct fp_switch *x = r->o->from;
	struct telling t = { .loop = r->o->loop };
	char now[64];
	int c = fp_switch_run(x, now, e);

	if (c)
		return c;
	if (strcmp(now, run) != 0)
		return fp_err(e, -ESTALE, "%s was started again", x->name);
	c = fp_takeover_ours(r, NULL, e);
	if (c)
		return c;
	c = fp_switch_send(x, "fsctl shutdown now", EXIT_MS, on_told, &t, e);
	if (c)
		return c;
	/* it cannot be taken back: a signal changes nothing */
	while (!t.is_done) {
		c = fp_loop_wait(t.loop, &t.is_done, e);
		if (c && c != -EINTR)
			return c;
	}
	*code = t.code;
	return 0;
}

/* Its connection is closed: is its socket, too, or is it another run's? */
static enum fp_death prove(const struct fp_rescue *r, const char *run,
			   bool is_eof)
{
	struct fp_switch *x = r->o->from;
	int64_t end_ms = fp_clock_ms() + EXIT_MS;
	enum fp_death death = FP_DEATH_UNKNOWN;
	struct fp_err e;
	char now[64];

	do {
		int c;

		fp_switch_drop(x);
		c = fp_switch_run(x, now, &e);
		if (!c && strcmp(now, run) != 0)
			return FP_DEATH_PROVEN;
		if (c == -ECONNREFUSED && is_eof)
			return FP_DEATH_COMMANDED;
		if (!c || c == -ENODATA)
			death = FP_DEATH_LIVES;
		fp_takeover_pause(r, LOOK_MS, &e);
	} while (fp_clock_ms() < end_ms);
	return death;
}

static int fence(struct fp_rescue *r, const char *run, struct fp_err *e)
{
	struct fp_fence f = r->o->fence;

	f.is_ours = fp_takeover_is_ours;
	f.of = r;
	f.node = r->o->from;
	f.run = run;
	f.store = r->store;
	return fp_fence(&f, &r->death, e);
}

static int shut_down(struct fp_rescue *r, const char *run, struct fp_err *e)
{
	const char *name = r->o->from->name;
	int code = 0, c;

	note(r, "shutdown", "told");
	/* is the job ours still? */
	c = r->journal ? fp_journal_flush_wait(r->journal, e) : 0;
	if (!c)
		c = tell_it(r, run, &code, e);
	if (c)
		return c;
	r->death = prove(r, run, code == -ECONNRESET);
	if (r->death == FP_DEATH_PROVEN || r->death == FP_DEATH_COMMANDED)
		return 0;
	if (r->o->fence.command)
		return fence(r, run, e);
	return fp_refuse(e, "alive",
			 "%s: nothing proves that it ended after fsctl "
			 "shutdown now: %s; --fence COMMAND ends and proves it",
			 name,
			 r->death == FP_DEATH_LIVES
				 ? "its process is there, frozen or alive"
				 : "it cannot be asked");
}

/* ---- all of it */

static int drain(const struct fp_takeover *o, struct fp_rescue *r,
		 const char *run, struct fp_err *e)
{
	bool is_ours = false;
	int code;

	look_at_steering(r);
	code = stop_new_calls(r, &is_ours, e);
	if (!code)
		r->is_paused = false; /* from here on it is our affair */
	if (!code)
		code = fp_takeover_settle(o, r, run, e);
	if (!code)
		code = shut_down(r, run, e);
	if (code && code != -ESTALE && code != -EBUSY && is_ours)
		let_new_calls_in(r);
	return code;
}

/* What answers, as it was when calls were read. */
static int see(struct fp_rescue *r, char run[64], struct fp_err *e)
{
	struct fp_switch *x = r->o->from;
	int c = fp_switch_read(x, FP_SWITCH_STATE, e);

	if (c)
		return c;
	if (x->code) {
		*e = x->err;
		return fp_err_prefix(e, x->code, "%s", x->name);
	}
	snprintf(run, 64, "%s", x->view.run);
	return 0;
}

int fp_takeover_drain(void *ctx, struct fp_rescue *r, struct fp_err *e)
{
	const struct fp_takeover *o = ctx;
	char run[64];
	int code = see(r, run, e);

	if (code)
		return code;
	/* of an earlier try: it was told to end, and has been started again */
	if (r->n_runs && !is_run_of(r, run)) {
		r->death = FP_DEATH_PROVEN;
		return 0;
	}
	if (!r->o->from->view.sessions && !r->n_legs)
		return fp_err(e, -EALREADY, "%s has no calls",
			      r->o->from->name);
	return drain(o, r, run, e);
}
