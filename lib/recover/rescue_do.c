/* SPDX-License-Identifier: Apache-2.0 */
/* A job that has its locks: rows taken, calls recovered, the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recover/rescue_priv.h"
#include "recover/takeover.h"

/* ---- what stays */

static int leave(struct fp_rescue_job *j, size_t i, struct fp_err *e)
{
	const struct fp_call *c = &j->r.calls.call[i];
	bool is_skip = c->fate == FP_FATE_SKIP;
	char item[sizeof(c->name) + 8];

	snprintf(item, sizeof(item), "call:%s", c->name);
	j->r.way[i].verdict = is_skip ? FP_REC_SKIPPED : FP_REC_LOST;
	fp_call_words(c->words, j->r.way[i].reason, sizeof(j->r.way[i].reason));
	j->n_skipped += is_skip;
	j->n_lost += !is_skip;
	if (j->o.call)
		j->o.call(j->o.ctx, &j->r.calls, i, &j->r.way[i], NULL);
	if (!j->r.journal)
		return 0;
	return fp_journal_add(j->r.journal, item,
			      fp_recover_verdict_name(j->r.way[i].verdict),
			      NULL, e);
}

/* Rows of calls that are not to be had stay in recovery: nothing is lost by us. */
int fp_rescue_leave(struct fp_rescue_job *j, struct fp_err *e)
{
	int r = 0;

	for (size_t i = 0; i < j->r.calls.n_calls && !r; i++)
		if (!fp_rescue_is_had(&j->r.calls.call[i]))
			r = leave(j, i, e);
	return r;
}

/* ---- the work */

static int is_dead(void *job, struct fp_switch *x, struct fp_err *e)
{
	struct fp_rescue_job *j = job;
	struct fp_fence f = j->o.fence;
	enum fp_death death;

	f.is_ours = fp_takeover_is_ours;
	f.of = &j->r;
	f.switches = j->o.switches;
	f.node = x;
	f.run = x->view.run;
	f.is_dry_run = false;
	f.store = NULL;
	if (x->db && fp_rescue_store(j, x, &f.store, e))
		f.store = NULL;
	return fp_fence(&f, &death, e);
}

static void verdict(void *job, size_t call)
{
	struct fp_rescue_job *j = job;
	const struct fp_recovering_call *w = &j->r.way[call];

	if (j->o.call)
		j->o.call(j->o.ctx, &j->r.calls, call, w, w->to);
}

static void progress(void *job, const char *what, size_t done, size_t total)
{
	struct fp_rescue_job *j = job;

	if (j->o.recovering.progress)
		j->o.recovering.progress(j->o.recovering.ctx, what, done,
					 total);
}

static void say(void *job, const char *text)
{
	fp_rescue_say(job, "%s", text);
}

static int work(struct fp_rescue_job *j, struct fp_err *e)
{
	struct fp_recovering_opts o = j->o.recovering;
	int r;

	o.loop = j->o.loop;
	o.switches = j->o.switches;
	o.from = j->o.from;
	o.runs = (const char(*)[64])j->r.runs;
	o.n_runs = j->o.kind == FP_RECOVER_TAKE ? 0 : j->r.n_runs;
	o.store = j->r.store;
	o.journal = j->r.journal;
	o.to = j->r.to;
	o.n_to = j->r.n_to;
	o.started_ms = j->r.started_ms;
	o.hops = j->hops.is_listed ? &j->hops : NULL;
	/* a command that is about one node would say so of every other */
	o.is_dead =
		j->o.fence.command && j->o.is_fencing_targets ? is_dead : NULL;
	o.verdict = verdict;
	o.progress = progress;
	o.say = say;
	o.ctx = j;
	r = fp_recovering_run(&o, &j->r.calls, j->r.way, &j->out->legs, e);
	j->is_lost |= r == -EBUSY;
	return r;
}

/* ---- the end */

static size_t n_left(const struct fp_rescue_job *j)
{
	const size_t *n = j->out->legs.count;

	return n[FP_REC_WAITING] + n[FP_REC_PUT] + n[FP_REC_FAILED] +
	       n[FP_REC_UNKNOWN];
}

static int state(struct fp_rescue_job *j, const char *word, struct fp_err *e)
{
	return j->is_lost ? 0 : fp_journal_state(j->r.journal, word, e);
}

/* It answers as another run, and none of its old calls is left to be had. */
static void unfence(struct fp_rescue_job *j)
{
	struct fp_fence f = j->o.fence;
	bool is_changed = false;
	struct fp_err e = { .text = "" };

	if (j->r.death != FP_DEATH_PROVEN || !f.fleet ||
	    j->o.kind == FP_RECOVER_TAKE)
		return;
	f.switches = j->o.switches;
	f.node = j->o.from;
	f.run = j->run;
	f.store = j->r.store;
	f.is_dry_run = false;
	if (fp_unfence(&f, &is_changed, &e))
		fp_rescue_say(j,
			      "%s: its fence stays: %s (fp-recover unfence "
			      "%s)",
			      j->o.from->name, e.text, j->o.from->name);
	else if (is_changed)
		fp_rescue_say(j, "%s: unfenced", j->o.from->name);
}

static int finish(struct fp_rescue_job *j, struct fp_err *e)
{
	int r;

	j->out->n_left = n_left(j);
	if (j->out->n_left)
		return state(j, "stopped", e);
	/* to be had by that job, or by nobody */
	j->out->n_left = j->n_others + j->n_torn + j->n_edge;
	r = fp_store_end(j->r.store, false, e);
	j->is_lost |= r == -EBUSY;
	if (!r)
		r = state(j, "done", e);
	if (!r)
		unfence(j);
	return r;
}

/* Nothing was taken: nobody need go on with it. */
static int undo(struct fp_rescue_job *j)
{
	struct fp_err e;

	*j->out->job = 0;
	fp_store_end(j->r.store, true, &e);
	return state(j, "aborted", &e);
}

static int give_back(struct fp_rescue_job *j, struct fp_err *e)
{
	uint64_t n = 0;
	int r = fp_store_return(j->r.store, &n, e);

	if (!r)
		fp_rescue_say(j, "%llu rows are back as they were",
			      (unsigned long long)n);
	return r;
}

/* ---- the road */

/* Runs that died since are had too, once. */
static int look_again(struct fp_rescue_job *j, struct fp_err *e)
{
	int r;

	fp_rescue_say(j,
		      "%s has another run now, %s: its rows are looked at "
		      "anew",
		      j->o.from->name, j->now);
	r = fp_rescue_runs(j, e);
	if (!r)
		r = fp_rescue_rows(j, e);
	return r ? r : fp_rescue_replan(j, e);
}

static int gather(struct fp_rescue_job *j, struct fp_err *e)
{
	bool is_new = false;
	struct fp_err why;
	int r = fp_rescue_leave(j, e);

	for (int tries = 0; !r; tries++) {
		r = fp_rescue_take(j, e);
		if (!r)
			r = fp_rescue_compare(j, &is_new, e);
		if (r || !is_new || tries)
			break;
		r = look_again(j, e);
	}
	if (r == -EPERM && j->n_taken && !give_back(j, &why))
		j->n_taken = 0;
	return r;
}

/* Of a live node: the row's copy first, then its legs. */
static int gather_live(struct fp_rescue_job *j, struct fp_err *e)
{
	int r = fp_rescue_take(j, e);
	struct fp_err why;

	if (!r)
		r = fp_rescue_staged(j, e);
	if (!r)
		r = fp_rescue_empty(j, e);
	/* half-way, and no way back: its rows are kept */
	if (r && r != -EINPROGRESS && !j->is_lost && !give_back(j, &why))
		j->n_taken = 0; /* as it was */
	return r;
}

static int kill_first(struct fp_rescue_job *j, struct fp_err *e)
{
	bool is_new = false;
	int r = fp_rescue_compare(j, &is_new, e);

	/* drain: it answers, and is to */
	if (j->o.kind == FP_RECOVER_DRAIN && !j->is_emptied)
		r = r == -EPERM ? 0 : r;
	if (!r && is_new)
		r = look_again(j, e);
	if (!r)
		r = fp_rescue_kill(j, e);
	if (!r)
		r = fp_rescue_home(j, e);
	if (!r && j->o.kind == FP_RECOVER_DRAIN)
		r = fp_rescue_rows(j, e);
	return r;
}

/* A commit whose answer was lost has taken rows, too. */
static bool is_untouched(struct fp_rescue_job *j)
{
	bool is_new, has_staged;
	struct fp_err e;

	if (j->is_lost || j->n_taken || j->n_was || j->is_emptied ||
	    fp_rescue_has_staged(j, &has_staged, &e) || has_staged)
		return false;
	/* a drain that gave up has left it as it was */
	return j->o.kind != FP_RECOVER_DRAIN || !j->is_emptying ||
	       fp_rescue_compare(j, &is_new, &e) == -EPERM;
}

/* The dead run that began a call last: it is the one that may come back.  Others left
 * rows behind long ago. */
static const char *latest_run(const struct fp_rescue_job *j)
{
	const char *run = j->r.runs[0];
	int64_t last_us = -1;

	for (size_t i = 0; i < j->r.n_legs; i++) {
		const struct fp_leg *l = &j->r.leg[i];

		if (l->run && l->row.created_us > last_us) {
			last_us = l->row.created_us;
			run = l->run;
		}
	}
	return run;
}

int fp_rescue_do(struct fp_rescue_job *j, struct fp_err *e)
{
	struct fp_err why;
	int r;

	snprintf(j->run, sizeof(j->run), "%s", latest_run(j));
	if (j->o.kind == FP_RECOVER_TAKE) {
		r = gather_live(j, e);
	} else {
		r = kill_first(j, e);
		if (!r)
			r = gather(j, e);
	}
	if (!r)
		r = fp_rescue_staged(j, e);
	if (!r) {
		fp_rescue_remember(j);
		r = work(j, e);
	}
	j->out->legs.count[FP_REC_SKIPPED] += j->n_skipped;
	j->out->legs.count[FP_REC_LOST] += j->n_lost;
	j->out->n_calls = j->r.calls.n_calls + j->n_skipped + j->n_lost;
	if (!r)
		return finish(j, e);
	j->out->n_left = n_left(j);
	if (!j->is_lost && !j->is_emptied)
		fp_takeover_let_in(&j->r);
	if (is_untouched(j))
		undo(j);
	else
		state(j, "stopped", &why);
	return r;
}
