/* SPDX-License-Identifier: Apache-2.0 */
/* `fsctl recover sofia:TOKEN`, and what to think when its answer does not come. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "recover/recovering_priv.h"

#define REDIAL_MS 250
#define GIVE_UP_MS 2000 /* what was not asked of it goes elsewhere */
#define FENCE_MS 5000   /* it does not answer: is it dead? */
#define OLD_MS 1000

/* ---- what is to be proven */

/* The leg of c whose session is named; FP_PROVE_NONE. */
static size_t leg_named(const struct rec *r, const struct fp_call *c,
			const char *uuid)
{
	for (size_t n = 0; uuid && *uuid && n < c->n; n++)
		if (!strcmp(rec_uuid(&r->calls->leg[c->first + n]), uuid))
			return n;
	return FP_PROVE_NONE;
}

/* Source: switch_channel_get_partner_uuid of FreeSWITCH 1.10.12. */
static size_t partner_of(const struct rec *r, const struct fp_call *c,
			 const struct fp_leg *l)
{
	size_t n = leg_named(r, c, l->row.signal_bond);

	if (l->row.signal_bond && *l->row.signal_bond)
		return n;
	return leg_named(r, c, l->row.originate_signal_bond);
}

static int prove_call(struct rec *r, size_t i, int64_t asked_ms)
{
	const struct fp_call *of = &r->calls->call[i];
	struct rec_call *c = &r->call[i];
	int code = 0;

	fp_prover_fini(&c->prover);
	fp_prover_init(&c->prover, asked_ms, asked_ms + r->prove_ms);
	c->prover.may_retry = !c->was_half;
	for (size_t n = 0; n < of->n && !code; n++) {
		const struct fp_leg *l = &r->calls->leg[of->first + n];
		struct fp_fsrow_edit edit = { .media_ip = NULL };
		struct fp_prove_leg p = { .uuid = rec_uuid(l),
					  .cseq = l->row.cseq,
					  .has_cseq = l->row.has_cseq,
					  .partner = partner_of(r, of, l) };

		fp_leg_edit(of, l, &edit);
		p.is_bonded = !edit.drop_bond && p.partner != FP_PROVE_NONE;
		p.is_bye = of->fate == FP_FATE_BYE;
		r->leg[of->first + n].is_pending = false;
		r->leg[of->first + n].seen =
			(struct fp_prove_seen){ .cseq = 0 };
		code = fp_prover_add(&c->prover, &p);
	}
	c->prover.is_held = true;
	c->is_proving = !code;
	c->asked_ms = asked_ms;
	return code;
}

int rec_prove(struct rec_batch *b, int64_t asked_ms)
{
	int c = 0;

	for (size_t k = 0; k < b->n && !c; k++)
		if (b->r->call[b->call[k]].b == b)
			c = prove_call(b->r, b->call[k], asked_ms);
	b->asked_ms = asked_ms;
	b->at = REC_AT_ANSWERED;
	return c;
}

/* ---- asking */

/* "+OK 12 session(s) recovered in total" */
static long sessions_of(const char *body)
{
	const char *p = strstr(body, "+OK ");
	long n;

	return p && sscanf(p, "+OK %ld session", &n) == 1 ? n : -1;
}

static void on_recovered(void *ctx, int code, const char *body,
			 const struct fp_err *e)
{
	struct rec_batch *b = ctx;
	struct rec_target *t = b->t;
	struct rec *r = t->r;

	rec_ran(r);
	t->n_out--;
	t->asked = NULL;
	if (b->at != REC_AT_ASKED)
		return;
	b->at = REC_AT_ANSWERED;
	b->answered_ms = fp_clock_ms();
	r->sum->asked_ms = b->answered_ms - r->started_ms;
	if (code == -EREMOTEIO)
		rec_say(r, "%s: fsctl recover: %s", t->x->name, e->text);
	if (code && code != -EREMOTEIO) {
		b->doubt_ms = b->answered_ms + REC_DOUBT_MS;
		rec_cut(t);
	} else {
		b->n_sessions = code ? 0 : sessions_of(body);
		if (b->n_sessions >= 0 && (size_t)b->n_sessions < b->n_legs)
			rec_say(r, "%s: %ld of %zu legs came up at first (%s)",
				t->x->name, b->n_sessions, b->n_legs, b->token);
		rec_ask(t);
	}
	rec_wake(r);
}

static void go(struct rec_target *t)
{
	struct rec_batch *b = t->asked;
	struct fp_err e = { .text = "" };
	char command[160];
	int64_t now_ms = fp_clock_ms();

	if (rec_prove(b, now_ms)) {
		fp_err(&e, -ENOMEM, "out of memory");
		rec_stop(t->r, -ENOMEM, &e);
	}
	snprintf(command, sizeof(command), "fsctl recover sofia:%s", b->token);
	b->at = REC_AT_ASKED;
	t->n_asked++;
	if (!fp_switch_send(t->x, command, REC_ASK_MS, on_recovered, b, &e)) {
		t->n_out++;
		return;
	}
	/* not sent: it is as it was */
	t->asked = NULL;
	rec_ready(b);
	rec_cut(t);
}

static bool is_true(const char *body)
{
	return !strncmp(body, "true", 4);
}

/* A paused target recovers nothing, and its rows are deleted all the same. */
static void on_checked(void *ctx, int code, const char *body,
		       const struct fp_err *e)
{
	struct rec_batch *b = ctx;
	struct rec_target *t = b->t;

	(void)e;
	rec_ran(t->r);
	t->n_out--;
	b->is_paused |= !code && is_true(body);
	if (code && code != -EREMOTEIO)
		b->is_paused = true; /* put, and not asked for */
	if (--b->n_checks)
		return;
	if (t->r->is_late || b->nth_run != t->r->nth_run) {
		t->asked = NULL;
		rec_ready(b);
		return; /* what it said is old */
	}
	if (!b->is_paused) {
		go(t);
		return;
	}
	t->asked = NULL;
	rec_ready(b);
	if (code && code != -EREMOTEIO)
		rec_cut(t);
	else
		t->is_paused = true;
	rec_wake(t->r);
}

void rec_ask(struct rec_target *t)
{
	static const char *const checks[] = { "fsctl pause_check inbound",
					      "fsctl pause_check outbound" };
	struct rec_batch *b = t->ready;
	struct fp_err e;

	if (t->asked || !b || t->is_cut || t->is_dead || t->is_paused ||
	    t->r->code || fp_clock_ms() < b->ready_ms || !rec_is_sure(t->r))
		return;
	t->ready = b->behind;
	t->asked = b;
	b->at = REC_AT_CHECKED;
	b->is_paused = false;
	b->nth_run = t->r->nth_run;
	b->n_checks = 0;
	for (size_t i = 0; i < 2; i++) {
		if (fp_switch_send(t->x, checks[i], REC_ANSWER_MS, on_checked,
				   b, &e))
			break;
		b->n_checks++;
		t->n_out++;
	}
	if (b->n_checks)
		return;
	t->asked = NULL;
	rec_ready(b);
	rec_cut(t);
}

/* ---- its connection ended */

void rec_cut(struct rec_target *t)
{
	if (t->is_cut || t->is_dead)
		return;
	t->is_cut = true;
	t->is_run_asked = t->is_fence_asked = t->is_given_up = false;
	t->cut_ms = fp_clock_ms();
	t->dial_ms = 0;
	rec_wake(t->r);
}

static int take_rows(struct rec_target *t, const struct fp_store_pick *p,
		     struct fp_err *e)
{
	struct rec *r = t->r;
	uint64_t n;
	int c = *t->dead ? fp_store_take(r->o->store, p, false, &n, e) : 0;

	if (!c && *t->dead && !fp_store_is_same(t->o->store, r->o->store))
		c = fp_store_drop(r->o->store, t->o->store, p, e);
	return c;
}

/* A run of t is over, with call i unproven.  What it wrote of it becomes the job's, in
 * one transaction, else who takes that run's calls would find it; and who did so
 * before has the call now.  Is it the job's still? */
static bool is_ours_still(struct rec_target *t, size_t i)
{
	struct rec *r = t->r;
	const struct fp_call *c = &r->calls->call[i];
	const char *runs[] = { t->dead };
	const char **uuids = calloc(c->n + 1, sizeof(*uuids));
	struct fp_store_pick p = { .hostname = t->x->switchname,
				   .runs = runs,
				   .n_runs = 1,
				   .uuids = uuids };
	struct fp_err e = { .text = "out of memory" };
	char by[300] = "";
	int code = uuids ? 0 : -ENOMEM;

	for (size_t k = 0; uuids && k < c->n; k++)
		uuids[p.n_uuids++] = r->calls->leg[c->first + k].uuid;
	if (!code)
		code = take_rows(t, &p, &e);
	if (!code)
		code = fp_store_holder(r->o->store, r->o->store, uuids,
				       p.n_uuids, by, &e);
	if (!code && !*by && !fp_store_is_same(t->o->store, r->o->store))
		code = fp_store_holder(r->o->store, t->o->store, uuids,
				       p.n_uuids, by, &e);
	free(uuids);
	if (code)
		rec_store_failed(r, code, &e);
	else if (!strncmp(by, "job ", 4))
		rec_verdict(r, i, FP_REC_UNKNOWN, "%s has it now", by);
	else if (*by)
		rec_verdict(r, i, FP_REC_RECOVERED, "%s has it since", by);
	return !code && !*by;
}

static void died(struct rec_target *t)
{
	struct rec *r = t->r;

	t->is_dead = true;
	t->is_cut = false;
	snprintf(t->dead, sizeof(t->dead), "%s", t->run);
	rec_say(r, "%s: its run %.8s is dead, what was not proven goes on",
		t->x->name, t->run);
	rec_empty(t, "it died");
	for (struct rec_batch *b = r->batches; b; b = b->next) {
		uint64_t n;

		if (b->t != t || b->at == REC_AT_END)
			continue;
		rec_unput(b, &n);
		for (size_t k = 0; k < b->n; k++) {
			size_t i = b->call[k];

			if (r->call[i].b != b)
				continue;
			if (is_ours_still(t, i))
				rec_again(r, i, "it died");
			else if (r->call[i].b == b)
				rec_leave(r, i);
		}
		b->at = REC_AT_END;
	}
	t->ready = NULL;
}

static void on_run(void *ctx, int code, const char *body,
		   const struct fp_err *e)
{
	struct rec_target *t = ctx;
	char run[40] = "";

	(void)e;
	rec_ran(t->r);
	t->n_out--;
	t->is_run_asked = false;
	rec_wake(t->r);
	if (code || t->nth_run != t->r->nth_run)
		return;
	sscanf(body, "%39[0-9a-fA-F-]", run);
	if (!*run)
		return;
	if (*t->run && strcmp(run, t->run) != 0) {
		t->is_cut = false;
		died(t);
		return;
	}
	snprintf(t->run, sizeof(t->run), "%s", run);
	t->is_cut = false;
	rec_say(t->r, "%s: it answers again, with the same run", t->x->name);
}

/* Nobody waits for it: the others go on. */
static bool is_open(struct fp_switch *x, int64_t *dial_ms)
{
	int64_t now_ms = fp_clock_ms();

	if (!x->esl && now_ms < *dial_ms)
		return false;
	if (!x->esl)
		*dial_ms = now_ms + REDIAL_MS;
	return fp_switch_dial(x);
}

static int64_t last_end(const struct rec_target *t)
{
	int64_t end_ms = t->cut_ms + GIVE_UP_MS;

	for (const struct rec_batch *b = t->r->batches; b; b = b->next)
		if (b->t == t && b->at != REC_AT_END &&
		    b->asked_ms + t->r->prove_ms > end_ms)
			end_ms = b->asked_ms + t->r->prove_ms;
	return end_ms;
}

/* What it may have brought up is left alone. */
static void unknown(struct rec_target *t)
{
	struct rec *r = t->r;

	for (struct rec_batch *b = r->batches; b; b = b->next) {
		if (b->t != t || b->at == REC_AT_END || b->at == REC_AT_PUT)
			continue;
		for (size_t k = 0; k < b->n; k++)
			if (r->call[b->call[k]].b == b)
				rec_verdict(r, b->call[k], FP_REC_UNKNOWN,
					    "%s does not answer any more",
					    t->x->name);
		b->at = REC_AT_END;
	}
	t->is_dead = true;
}

void rec_cut_step(struct rec_target *t)
{
	struct rec *r = t->r;
	int64_t now_ms = fp_clock_ms();
	struct fp_err e = { .text = "" };

	if (is_open(t->x, &t->dial_ms)) {
		if (!t->is_run_asked &&
		    !fp_switch_send(t->x, "global_getvar core_uuid",
				    REC_ANSWER_MS, on_run, t, &e)) {
			t->is_run_asked = true;
			t->nth_run = r->nth_run;
			t->n_out++;
		}
	}
	if ((!t->is_given_up || t->ready || rec_queued(t)) &&
	    now_ms - t->cut_ms >= GIVE_UP_MS) {
		t->is_given_up = true;
		rec_empty(t, "it does not answer");
	}
	if (!t->is_fence_asked && r->o->is_dead &&
	    now_ms - t->cut_ms >= FENCE_MS && rec_is_sure(r)) {
		t->is_fence_asked = true;
		if (!r->o->is_dead(r->o->ctx, t->x, &e)) {
			died(t);
			return;
		}
		rec_say(r, "%s: nothing proves it dead: %s", t->x->name,
			e.text);
	}
	if (t->is_cut && now_ms >= last_end(t))
		unknown(t);
}

/* ---- a recover whose answer was lost */

static bool is_any_there(const struct rec_batch *b)
{
	const struct rec *r = b->r;

	for (size_t k = 0; k < b->n; k++) {
		const struct rec_call *c = &r->call[b->call[k]];

		for (size_t n = 0; c->b == b && n < c->prover.n; n++)
			if (c->prover.leg[n].was_there)
				return true;
	}
	return false;
}

/* Rows that are there still were never asked for: they are put again.  Those that are
 * gone were consumed: what is not there did not come up. */
void rec_doubt_step(struct rec_batch *b)
{
	struct rec_target *t = b->t;
	struct rec *r = b->r;
	uint64_t n = 0;

	if (t->is_cut || t->is_dead ||
	    (b->doubt_ms > 0 && fp_clock_ms() < b->doubt_ms))
		return;
	if (rec_unput(b, &n))
		return;
	if (b->doubt_ms < 0 || (n >= b->n_legs && !is_any_there(b))) {
		bool is_dead = b->doubt_ms < 0;

		for (size_t k = 0; k < b->n; k++) {
			size_t i = b->call[k];

			if (r->call[i].b != b)
				continue;
			if (is_dead) {
				snprintf(t->dead, sizeof(t->dead), "%s",
					 r->way[i].run);
				if (!r->code && !is_ours_still(t, i) &&
				    r->call[i].b != b)
					continue; /* it has its verdict */
			}
			rec_leave(r, i);
			if (!r->code)
				rec_queue(t, i);
		}
		b->at = REC_AT_END;
	}
	b->doubt_ms = 0;
}

/* ---- the old run */

static void on_old(void *ctx, int code, const char *body,
		   const struct fp_err *e)
{
	struct rec *r = ctx;
	struct fp_err why;

	(void)e;
	r->is_old_out = false;
	for (size_t i = 0; !code && i < r->o->n_runs; i++) {
		const char *run = r->o->runs[i];

		if (strncmp(body, run, strlen(run)) != 0)
			continue;
		fp_err(&why, -ESTALE,
		       "%s: its run %.8s answers again: fence it, then resume",
		       r->o->from->name, run);
		rec_stop(r, -ESTALE, &why);
		return;
	}
}

void rec_old_step(struct rec *r)
{
	int64_t now_ms = fp_clock_ms(), dial_ms = 0;
	struct fp_err e;

	if (!r->o->n_runs || !r->o->from || r->is_old_out || r->code ||
	    now_ms < r->old_ms)
		return;
	r->old_ms = now_ms + OLD_MS;
	if (is_open(r->o->from, &dial_ms))
		r->is_old_out =
			!fp_switch_send(r->o->from, "global_getvar core_uuid",
					REC_ANSWER_MS, on_old, r, &e);
	else
		r->old_ms = now_ms + OLD_MS / 2;
}
