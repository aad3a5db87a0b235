/* SPDX-License-Identifier: Apache-2.0 */
/* Is it ours still?  Asked after we were held up, and before anything is done that a
 * live call would feel. */
#include "io/clock.h"
#include "recover/recovering_priv.h"

#define TRIES 3 /* each longer than FP_LATE_MS */

/* What is waited for is as far away as it was. */
static void push(struct rec *r, int64_t ms)
{
	for (size_t i = 0; i < r->calls->n_calls; i++)
		if (r->call[i].is_proving)
			fp_prover_late(&r->call[i].prover, ms);
	for (size_t k = 0; k < r->n_t; k++)
		if (r->t[k].is_cut)
			r->t[k].cut_ms += ms;
	for (struct rec_batch *b = r->batches; b; b = b->next) {
		if (b->at == REC_AT_END)
			continue;
		if (b->asked_ms)
			b->asked_ms += ms;
		if (b->answered_ms)
			b->answered_ms += ms;
		if (b->doubt_ms > 0)
			b->doubt_ms += ms;
	}
}

void rec_ran(struct rec *r)
{
	int64_t ms = 0, late_ms = fp_late_ran(&r->ran, &ms);

	if (!late_ms)
		return;
	r->nth_run++;
	push(r, ms);
	if (r->code == -EBUSY)
		return;
	if (!r->is_late)
		rec_say(r,
			"this was not run for %lld s: nothing is done until "
			"the journal says that the job is ours",
			(long long)(late_ms / 1000));
	r->is_late = true;
}

bool rec_is_sure(struct rec *r)
{
	bool is_sure = !r->is_late &&
		       fp_journal_unsure_ms(r->o->journal) <= FP_LATE_MS;

	r->is_sure_wanted |= !is_sure;
	return is_sure;
}

/* fp_db last: who takes over begins there, and what the store says blocks us. */
static bool ask_once(struct rec *r)
{
	unsigned int nth_run;
	struct fp_err e, why;
	int c = r->o->store ? fp_store_check(r->o->store, &e) : 0, d;

	rec_ran(r);
	nth_run = r->nth_run;
	d = rec_flush(r, &why); /* it says whose, also when the store is away */
	rec_ran(r);
	if (c)
		rec_store_failed(r, c, &e);
	return !c && !d && r->nth_run == nth_run;
}

static bool ask(struct rec *r)
{
	for (int i = 0; i < TRIES && r->code != -EBUSY; i++)
		if (ask_once(r)) {
			r->is_late = r->is_sure_wanted = false;
			return true;
		}
	return false;
}

/* Nobody can say whose it is: what is not proven is left as it is. */
static void give_up(struct rec *r)
{
	for (size_t i = 0; i < r->calls->n_calls; i++) {
		struct rec_call *c = &r->call[i];
		bool is_waiting = r->is_late;

		for (size_t n = 0; c->b && n < r->calls->call[i].n; n++)
			is_waiting |=
				r->leg[r->calls->call[i].first + n].is_pending;
		if (c->b && c->b->at != REC_AT_PUT && is_waiting)
			rec_verdict(r, i, FP_REC_UNKNOWN,
				    "whose job it is cannot be asked");
	}
	r->is_late = r->is_sure_wanted = false;
}

/* As it was seen, once more. */
static void see_pending(struct rec *r)
{
	for (size_t k = 0; k < r->calls->n_legs; k++) {
		struct rec_leg *l = &r->leg[k];
		struct rec_call *c = l->r ? &r->call[l->call] : NULL;

		if (!l->is_pending)
			continue;
		if (!rec_is_sure(r))
			return;
		l->is_pending = false;
		if (!c->is_proving || !c->b)
			continue;
		c->prover.is_held = false;
		rec_see(l);
		if (c->is_proving)
			c->prover.is_held = true;
	}
}

bool rec_go_on(struct rec *r)
{
	rec_ran(r);
	if (!r->is_late && !r->is_sure_wanted)
		return true;
	if (r->code == -EBUSY)
		return false;
	if (!r->code && fp_clock_ms() < r->hold_ms)
		return !r->is_late;
	if (ask(r))
		see_pending(r);
	else if (r->code && r->code != -EBUSY)
		give_up(r);
	return !r->is_late && r->code != -EBUSY;
}
