/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "recover/recovering_priv.h"

static const char *const verdict_names[FP_REC_VERDICTS] = {
	[FP_REC_WAITING] = "waiting",     [FP_REC_PUT] = "put",
	[FP_REC_RECOVERED] = "recovered", [FP_REC_BYE] = "bye",
	[FP_REC_GONE] = "gone",           [FP_REC_SILENT] = "silent",
	[FP_REC_FAILED] = "failed",       [FP_REC_SKIPPED] = "skipped",
	[FP_REC_LOST] = "lost",           [FP_REC_UNKNOWN] = "unknown",
};

const char *fp_recover_verdict_name(enum fp_recover_verdict v)
{
	return v < FP_REC_VERDICTS ? verdict_names[v] : "?";
}

int fp_recover_verdict_parse(const char *s, enum fp_recover_verdict *out)
{
	for (int v = 0; v < FP_REC_VERDICTS; v++)
		if (!strcmp(s, verdict_names[v])) {
			*out = v;
			return 0;
		}
	return -EINVAL;
}

/* ---- saying, stopping */

void rec_say(const struct rec *r, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	if (!r->o->say)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->o->say(r->o->ctx, text);
}

void rec_wake(struct rec *r)
{
	r->is_woken = true;
	fp_loop_stop(r->o->loop);
}

void rec_stop(struct rec *r, int code, const struct fp_err *e)
{
	/* that it is another's counts always */
	if (!r->code || code == -EBUSY) {
		r->code = code;
		r->err = *e;
	}
	rec_wake(r);
}

const char *rec_uuid(const struct fp_leg *l)
{
	return l->row.uuid && *l->row.uuid ? l->row.uuid : l->uuid;
}

/* ---- verdicts */

void rec_leave(struct rec *r, size_t i)
{
	struct rec_call *c = &r->call[i];

	if (c->b && c->b->n_open && !--c->b->n_open)
		c->b->at = REC_AT_END;
	c->b = NULL;
	c->is_proving = false;
	fp_prover_fini(&c->prover);
}

static enum rec_mark mark_of(enum fp_recover_verdict v)
{
	switch (v) {
	case FP_REC_RECOVERED:
	case FP_REC_BYE:
		return REC_MARK_PROVEN;
	case FP_REC_GONE:
	case FP_REC_SILENT:
	case FP_REC_LOST:
		return REC_MARK_LOST;
	case FP_REC_FAILED:
		return REC_MARK_TAKEN;
	default: /* taken rows stay taken, those put stay put */
		return REC_MARK_NONE;
	}
}

void rec_verdict(struct rec *r, size_t i, enum fp_recover_verdict v,
		 const char *fmt, ...)
{
	struct fp_recovering_call *w = &r->way[i];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->reason, sizeof(w->reason), fmt, ap);
	va_end(ap);
	w->verdict = v;
	w->took_ms = fp_clock_ms() - r->started_ms;
	w->n_moved_ports = r->call[i].n_moved;
	if (v == FP_REC_RECOVERED || v == FP_REC_BYE) {
		r->sum->n_legs += r->calls->call[i].n;
		r->sum->n_moved_ports += w->n_moved_ports;
	}
	if (w->tries || *w->token) /* others stay as they were */
		rec_mark(r, i, mark_of(v));
	rec_leave(r, i);
	r->n_open--;
	rec_note(r, i, fp_recover_verdict_name(v));
	if (r->o->verdict)
		r->o->verdict(r->o->ctx, i);
	rec_wake(r);
}

void rec_again(struct rec *r, size_t i, const char *why)
{
	struct rec_call *c = &r->call[i];
	struct rec_target *t = c->t, *next;
	char reason[sizeof(r->way[i].reason)];

	snprintf(reason, sizeof(reason), "%s: %s", t->x->name, why);
	if (c->is_half && !t->is_dead) {
		/* there only it can be made whole */
		rec_verdict(r, i, FP_REC_UNKNOWN, "%s, a part of it is up",
			    reason);
		return;
	}
	c->is_half = false;
	c->not_there |= 1ull << t->k;
	next = r->code ? NULL : rec_place(r, i);
	/* nobody else has room: there once more, by other ports */
	if (!next && !r->code && !c->is_again && !t->is_dead && !t->is_cut &&
	    !t->is_paused) {
		c->is_again = true;
		next = t;
	}
	if (!next) {
		rec_verdict(r, i, FP_REC_FAILED, "%s", reason);
		return;
	}
	rec_leave(r, i);
	snprintf(r->way[i].reason, sizeof(r->way[i].reason), "%s", reason);
	rec_queue(next, i);
	rec_wake(r);
}

/* ---- what is known before */

static void before(struct rec *r, size_t i)
{
	struct fp_recovering_call *w = &r->way[i];
	const struct fp_call *c = &r->calls->call[i];

	w->verdict = w->was;
	if (w->was != FP_REC_WAITING && w->was != FP_REC_PUT &&
	    w->was != FP_REC_UNKNOWN && w->was != FP_REC_FAILED) {
		if (*w->token) /* staging may not have been told */
			rec_mark(r, i, mark_of(w->was));
		return;
	}
	*w->reason = 0;
	if (c->fate == FP_FATE_SKIP || c->fate == FP_FATE_LOST) {
		/* it was told; its rows stay where they are */
		w->verdict =
			c->fate == FP_FATE_SKIP ? FP_REC_SKIPPED : FP_REC_LOST;
		fp_call_words(c->words, w->reason, sizeof(w->reason));
		return;
	}
	w->verdict = FP_REC_WAITING;
	r->n_open++;
	r->n_all++;
}

/* Put by an earlier run of the job: it is looked at before it is put elsewhere. */
static void take_up(struct rec *r, size_t i)
{
	struct fp_recovering_call *w = &r->way[i];
	struct rec_batch *b = NULL;
	struct rec_target *t = NULL;

	if ((w->was != FP_REC_PUT && w->was != FP_REC_UNKNOWN) ||
	    w->verdict != FP_REC_WAITING)
		return;
	for (size_t k = 0; k < r->n_t; k++)
		if (r->t[k].x == w->to)
			t = &r->t[k];
	if (!t || !*w->token) {
		rec_verdict(r, i, FP_REC_UNKNOWN,
			    "put at %s, which is no target now",
			    w->to ? w->to->name : "a node");
		return;
	}
	for (struct rec_batch *at = r->batches; at; at = at->next)
		if (at->t == t && !strcmp(at->token, w->token))
			b = at;
	if (!b)
		b = rec_batch_new(t, w->token);
	if (!b || rec_batch_add(b, i)) {
		fp_err(&r->err, -ENOMEM, "out of memory");
		rec_stop(r, -ENOMEM, &r->err);
		return;
	}
	b->n_sessions = -1;
	b->doubt_ms = fp_clock_ms() + REC_DOUBT_MS;
	if (*w->run && strcmp(w->run, t->run) != 0)
		b->doubt_ms = -1; /* that run is dead */
}

static int take_up_all(struct rec *r, struct fp_err *e)
{
	for (size_t i = 0; i < r->calls->n_calls; i++)
		take_up(r, i);
	if (r->code == -ENOMEM)
		return fp_err(e, -ENOMEM, "out of memory");
	for (struct rec_batch *b = r->batches; b; b = b->next)
		if (b->at == REC_AT_PUT && rec_prove(b, fp_clock_ms()))
			return fp_err(e, -ENOMEM, "out of memory");
	return 0;
}

/* ---- the circle */

static void ticked(void *ctx)
{
	struct rec *r = ctx;

	rec_ran(r);
	fp_loop_timer_arm(r->o->loop, &r->tick, fp_clock_ms() + REC_TICK_MS);
	rec_wake(r);
}

static void unlock_when_idle(struct rec_target *t, int64_t now_ms)
{
	char name[300];

	if (!t->is_locked || t->ready || t->asked || rec_queued(t))
		return;
	/* its rows come a while after its calls: who is next needs their ports */
	if (t->n_asked && t->r->n_open && now_ms - t->lock_ms < 10000)
		return;
	snprintf(name, sizeof(name), "recover to %s", t->x->name);
	fp_journal_unlock(t->r->o->journal, name);
	t->is_locked = false;
}

static void step(struct rec_target *t, int64_t now_ms)
{
	struct rec *r = t->r;

	if (t->is_dead) {
		if (t->ready || rec_queued(t))
			rec_empty(t, "it died");
		return;
	}
	if (t->is_cut) {
		rec_cut_step(t);
		return;
	}
	if (t->is_paused) {
		rec_empty(t, "it is paused");
		return;
	}
	if (r->code && t->ready)
		rec_empty(t, "stopped");
	rec_ask(t);
	if (!r->code && !t->ready && rec_queued(t) && now_ms >= r->hold_ms) {
		rec_put(t);
		rec_ask(t);
	}
	unlock_when_idle(t, now_ms);
}

static bool is_under_way(const struct rec *r)
{
	for (const struct rec_batch *b = r->batches; b; b = b->next)
		if (b->at != REC_AT_END)
			return true;
	return false;
}

static bool has_targets(const struct rec *r)
{
	for (size_t k = 0; k < r->n_t; k++)
		if (!r->t[k].is_dead && !r->t[k].is_given_up)
			return true;
	return false;
}

static bool is_over(struct rec *r)
{
	struct fp_err e;

	if (!r->n_open || r->code == -EBUSY)
		return true;
	if (!r->code && !has_targets(r)) {
		int code = fp_err(&e, -EHOSTUNREACH,
				  "no target is left for %zu calls", r->n_open);

		rec_stop(r, code, &e);
	}
	return r->code && !is_under_way(r);
}

static void walk(struct rec *r)
{
	if (!rec_go_on(r))
		return;
	for (size_t k = 0; k < r->n_t; k++)
		step(&r->t[k], fp_clock_ms());
	for (struct rec_batch *b = r->batches; b; b = b->next)
		if (b->at == REC_AT_ANSWERED && b->doubt_ms)
			rec_doubt_step(b);
	rec_look(r);
	rec_old_step(r);
	rec_beat(r);
	rec_write(r, false);
}

static void circle(struct rec *r)
{
	struct fp_err e;

	r->tick = (struct fp_timer){ .fire = ticked, .ctx = r };
	fp_loop_timer_arm(r->o->loop, &r->tick, fp_clock_ms() + REC_TICK_MS);
	while (!is_over(r)) {
		int code;

		r->is_woken = false;
		walk(r);
		if (is_over(r))
			break;
		code = fp_loop_wait(r->o->loop, &r->is_woken, &e);
		if (code)
			rec_stop(r, code, &e);
	}
	fp_loop_timer_disarm(r->o->loop, &r->tick);
}

/* ---- beginning and end */

static int open_targets(struct rec *r, struct fp_err *e)
{
	r->n_t = r->o->n_to < 64 ? r->o->n_to : 64;
	r->t = calloc(r->n_t + 1, sizeof(*r->t));
	for (size_t k = 0; r->t && k < r->n_t; k++) {
		struct rec_target *t = &r->t[k];

		t->r = r;
		t->k = k;
		t->o = &r->o->to[k];
		t->x = t->o->node;
		snprintf(t->run, sizeof(t->run), "%s",
			 t->x->code ? "" : t->x->view.run);
		t->queue = calloc(r->calls->n_calls + 1, sizeof(*t->queue));
		if (!t->queue || fp_ports_open(&t->ports, e))
			return fp_err(e, -ENOMEM, "out of memory");
		fp_switch_events(t->x, "CHANNEL_HANGUP", e);
	}
	return r->t ? 0 : fp_err(e, -ENOMEM, "out of memory");
}

static int begin(struct rec *r, struct fp_err *e)
{
	size_t n = r->calls->n_calls;
	int c;

	r->last = &r->batches;
	r->batch = r->o->batch ? r->o->batch : REC_BATCH;
	r->prove_ms = r->o->prove_ms ? r->o->prove_ms : REC_PROVE_MS;
	r->began_ms = fp_clock_ms();
	r->started_ms = r->o->started_ms ? r->o->started_ms : r->began_ms;
	r->call = calloc(n + 1, sizeof(*r->call));
	if (!r->call)
		return fp_err(e, -ENOMEM, "out of memory");
	c = rec_index(r, e);
	if (!c)
		c = open_targets(r, e);
	if (c)
		return c;
	for (size_t i = 0; i < n; i++)
		before(r, i);
	c = take_up_all(r, e);
	return c ? c : rec_place_all(r, e);
}

/* Answers that come later would find nobody. */
static void hang_up(struct rec *r)
{
	for (size_t k = 0; k < r->n_t; k++)
		if (r->t[k].n_out)
			fp_switch_drop(r->t[k].x);
	if (r->is_old_out)
		fp_switch_drop(r->o->from);
}

static void end(struct rec *r)
{
	for (size_t k = 0; k < r->n_t; k++) {
		struct rec_target *t = &r->t[k];
		char name[300];

		snprintf(name, sizeof(name), "recover to %s",
			 t->x ? t->x->name : "");
		if (t->is_locked && r->code != -EBUSY)
			fp_journal_unlock(r->o->journal, name);
		fp_ports_close(t->ports);
		free(t->queue);
	}
	for (size_t i = 0; r->call && i < r->calls->n_calls; i++)
		fp_prover_fini(&r->call[i].prover);
	for (struct rec_batch *b = r->batches, *next; b; b = next) {
		next = b->next;
		free(b->call);
		free(b);
	}
	free(r->t);
	free(r->call);
	free(r->leg);
	free(r->by_uuid);
}

static void switch_said(void *ctx, const char *text)
{
	struct rec *r = ctx;

	if (r->say)
		r->say(r->ctx, text);
}

static void hear(struct rec *r, bool is_on)
{
	struct fp_switches *s = r->o->switches;

	if (is_on) {
		r->say = s->say;
		r->event = s->event;
		r->ctx = s->ctx;
		s->say = switch_said;
		s->event = rec_event;
		s->ctx = r;
		return;
	}
	s->say = r->say;
	s->event = r->event;
	s->ctx = r->ctx;
}

static void sum_up(struct rec *r)
{
	for (size_t i = 0; i < r->calls->n_calls; i++)
		r->sum->count[r->way[i].verdict]++;
	r->sum->took_ms = fp_clock_ms() - r->started_ms;
}

int fp_recovering_run(const struct fp_recovering_opts *o,
		      struct fp_calls *calls, struct fp_recovering_call *way,
		      struct fp_recovering_sum *out, struct fp_err *e)
{
	struct rec *r = calloc(1, sizeof(*r));
	int code;

	memset(out, 0, sizeof(*out));
	if (!r)
		return fp_err(e, -ENOMEM, "out of memory");
	r->o = o;
	r->calls = calls;
	r->way = way;
	r->sum = out;
	hear(r, true);
	code = begin(r, &r->err);
	r->code = r->code ? r->code : code;
	if (!r->code)
		circle(r);
	for (size_t k = 0; k < r->n_t && !r->code; k++)
		if (r->t[k].n_asked && !r->t[k].is_dead && !r->t[k].is_cut)
			rec_ports_look(&r->t[k]);
	hang_up(r);
	hear(r, false);
	rec_write(r, true);
	sum_up(r);
	code = r->code;
	if (code && e)
		*e = r->err;
	end(r);
	free(r);
	return code;
}
