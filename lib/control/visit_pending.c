/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn is it at a node that would take a push back? */
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "control/visit_priv.h"
#include "io/clock.h"

#define TAG_SETTLE 3

static void done(struct fp_visit *v, const char *state)
{
	v->out.state = state;
	v->out.is_done = true;
}

/* Nothing is done: whose push it is, and until when. */
static void let_be(struct fp_visit *v, const struct fp_hello *h, bool is_done)
{
	char until[FP_TIME_LEN + 1] = "";

	fp_time_print(fp_clock_unix_s() + h->pending_s, until);
	fp_err(&v->out.err, 0,
	       "push %.12s of %s is not confirmed there, and is taken back at %s",
	       h->pending,
	       h->accepted_by[0] ? h->accepted_by : "another controller",
	       until);
	if (is_done)
		v->out.is_partly = true;
	else
		v->out.standing = FP_STANDS_AWAY;
	done(v, "pending");
}

bool fp_visit_pending(struct fp_visit *v, struct fp_member *m, bool is_done)
{
	const struct fp_hello *h = fp_sender_said(m->sender);
	const struct fp_plan *p = v->plan;
	bool is_ours = p->is_adopt || fp_history_made(p->history, h->pending);

	if (!is_done && !p->is_patient)
		return false;
	strcpy(v->out.pending, h->pending);
	v->out.pending_s = h->pending_s;
	/* one list of several does not speak for the others */
	if (p->is_patient || !is_ours ||
	    (p->push.n_names && !p->push.confirm_ms)) {
		let_be(v, h, is_done);
	} else if (p->push.confirm_ms) {
		done(v, "pending");
	} else if (p->push.is_dry_run) {
		v->out.is_changed = true;
		done(v, "would-change");
	} else {
		fp_sender_confirm(m->sender, TAG_SETTLE, h->pending, false);
	}
	return true;
}

bool fp_visit_settled(struct fp_visit *v, struct fp_member *m,
		      const struct fp_event *ev)
{
	bool is_late = ev->kind == FP_EVENT_FAILED && !ev->is_over &&
		       !strcmp(ev->code, "absent") && !v->n_settles++;

	if (ev->kind == FP_EVENT_FAILED && !is_late) {
		fp_outcome_fail(&v->out, ev);
		return false;
	}
	v->out.is_changed |= ev->kind == FP_EVENT_DONE && ev->answer.changed;
	v->out.pending[0] = 0;
	v->out.pending_s = 0;
	fp_sender_hello(m->sender, fp_clock_unix_ms());
	return true;
}
