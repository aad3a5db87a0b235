/* SPDX-License-Identifier: Apache-2.0 */
/* The run is dead, and its rows are staged. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "recover/rescue_priv.h"
#include "recover/takeover.h"

#define LOOK_EVERY_MS 500

/* ---- who answers */

/* Its run, "" when nothing of it answers. */
static int ask_run(struct fp_rescue_job *j, char run[64], struct fp_err *e)
{
	int r = fp_switch_run(j->o.from, run, e);

	if (r == -EINTR || r == -ENOMEM)
		return r;
	if (r)
		*run = 0;
	return 0;
}

int fp_rescue_compare(struct fp_rescue_job *j, bool *is_new, struct fp_err *e)
{
	char run[64];
	int r = ask_run(j, run, e);

	*is_new = false;
	if (r)
		return r;
	if (*run && fp_rescue_has_run(j, run))
		return fp_refuse(e, "alive",
				 "%s: run %s answers again: it is not dead",
				 j->o.from->name, run);
	*is_new = *run && *j->now && strcmp(run, j->now) != 0;
	if (*run) {
		snprintf(j->now, sizeof(j->now), "%s", run);
		j->r.death = FP_DEATH_PROVEN;
	}
	return 0;
}

/* ---- death */

static int look(struct fp_rescue_job *j, struct fp_err *e)
{
	enum fp_death *d = calloc(j->r.n_runs + 1, sizeof(*d));
	const char **runs = calloc(j->r.n_runs + 1, sizeof(*runs));
	char now[64] = "";
	int r = d && runs ? 0 : fp_err(e, -ENOMEM, "out of memory");

	for (size_t i = 0; i < j->r.n_runs && !r; i++)
		runs[i] = j->r.runs[i];
	if (!r)
		r = fp_death_look(j->o.from, runs, j->r.n_runs, d, now, e);
	j->r.death = FP_DEATH_PROVEN;
	for (size_t i = 0; i < j->r.n_runs && !r; i++)
		if (d[i] == FP_DEATH_LIVES)
			r = fp_rescue_refuse_live(j, runs[i], e);
		else if (d[i] == FP_DEATH_UNKNOWN)
			j->r.death = FP_DEATH_UNKNOWN;
	if (!r && *now)
		snprintf(j->now, sizeof(j->now), "%s", now);
	free(d);
	free(runs);
	return r;
}

/* systemd starts it again in seconds, and that is the proof. */
static int await(struct fp_rescue_job *j, struct fp_err *e)
{
	int64_t until = fp_clock_ms() + j->o.wait_ms;
	int r = 0;

	if (j->o.fence.command || j->o.wait_ms <= 0)
		return 0;
	fp_rescue_say(j, "%s does not answer: waiting for its restart",
		      j->o.from->name);
	while (!r && j->r.death == FP_DEATH_UNKNOWN && fp_clock_ms() < until) {
		r = fp_rescue_pause(j, LOOK_EVERY_MS, e);
		if (!r)
			r = look(j, e);
	}
	return r;
}

static int fence(struct fp_rescue_job *j, struct fp_err *e)
{
	struct fp_fence f = j->o.fence;
	struct fp_err why;
	int r;

	f.is_ours = fp_takeover_is_ours;
	f.of = &j->r;
	f.switches = j->o.switches;
	f.node = j->o.from;
	f.run = j->run;
	f.store = j->o.from->db ? j->r.store : NULL;
	f.is_dry_run = false;
	r = fp_fence(&f, &j->r.death, e);
	if (r == -EBUSY) /* that, or a lock of the fence's */
		j->is_lost |= fp_takeover_is_ours(&j->r, &why) == -EBUSY;
	/* it is proven by another run: that is not one of those either */
	return r || j->r.death != FP_DEATH_PROVEN ? r : look(j, e);
}

static int note(struct fp_rescue_job *j, const char *item, const char *state,
		const char *detail, struct fp_err *e)
{
	int r = fp_journal_add(j->r.journal, item, state, detail, e);

	if (!r)
		r = fp_journal_flush_wait(j->r.journal, e);
	j->is_lost |= r == -EBUSY;
	return r;
}

/* What an earlier run of the job had made sure of is so, while nothing answers. */
static bool is_known_dead(const struct fp_rescue_job *j)
{
	return j->r.death == FP_DEATH_UNKNOWN && j->was_dead;
}

static int kill_dead(struct fp_rescue_job *j, struct fp_err *e)
{
	int r = look(j, e);

	if (!r && j->r.death == FP_DEATH_UNKNOWN && !j->was_dead)
		r = await(j, e);
	if (r || j->r.death != FP_DEATH_UNKNOWN)
		return r;
	if (is_known_dead(j)) {
		j->r.death = FP_DEATH_FENCED;
		return 0;
	}
	return fence(j, e);
}

int fp_rescue_empty(struct fp_rescue_job *j, struct fp_err *e)
{
	int r = 0;

	if (j->is_emptied)
		return 0;
	if (!j->o.empty)
		return fp_err(e, -EINVAL, "%s: nothing says how it is emptied",
			      j->o.from->name);
	r = note(j, "empty", "begun", NULL, e);
	j->is_emptying = true;
	if (!r)
		r = j->o.empty(j->o.empty_ctx, &j->r, e);
	j->is_lost |= r == -EBUSY;
	if (!r)
		r = note(j, "empty", "done", NULL, e);
	if (!r)
		j->is_emptied = true;
	return r;
}

int fp_rescue_kill(struct fp_rescue_job *j, struct fp_err *e)
{
	int r;

	if (j->o.kind == FP_RECOVER_DRAIN) {
		r = fp_rescue_empty(j, e);
		if (!r && j->r.death != FP_DEATH_PROVEN)
			j->r.death = FP_DEATH_COMMANDED;
		return r;
	}
	r = kill_dead(j, e);
	return r ? r : note(j, "fence", fp_death_name(j->r.death), NULL, e);
}

/* ---- rows */

static int pick(const struct fp_rescue_job *j, const char ***out, size_t *n,
		struct fp_err *e)
{
	const char **v = calloc(j->r.n_legs + 1, sizeof(*v));

	if (!v)
		return fp_err(e, -ENOMEM, "out of memory");
	*n = 0;
	for (size_t i = 0; i < j->r.calls.n_calls; i++) {
		const struct fp_call *c = &j->r.calls.call[i];

		for (size_t k = 0; k < c->n && fp_rescue_is_had(c); k++)
			v[(*n)++] = j->r.calls.leg[c->first + k].uuid;
	}
	*out = v;
	return 0;
}

static bool is_among(const char *const *v, size_t n, const char *s)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i], s))
			return true;
	return false;
}

static int stage_file(struct fp_rescue_job *j, const char *const *uuids,
		      size_t n, uint64_t *n_taken, struct fp_err *e)
{
	struct fp_store_row *v = calloc(j->n_file + 1, sizeof(*v));
	size_t n_v = 0;
	int r;

	if (!v)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < j->n_file; i++)
		if (fp_rescue_has_run(j, j->file_row[i].run) &&
		    is_among(uuids, n, j->file_row[i].uuid))
			v[n_v++] = j->file_row[i];
	r = fp_store_stage(j->r.store, v, n_v, n_taken, e);
	free(v);
	return r;
}

static int stage(struct fp_rescue_job *j, const char *const *uuids, size_t n,
		 uint64_t *n_taken, struct fp_err *e)
{
	const char **runs = calloc(j->r.n_runs + 1, sizeof(*runs));
	const struct fp_store_pick p = { .hostname = j->o.from->switchname,
					 .runs = runs,
					 .n_runs = j->r.n_runs,
					 .uuids = uuids,
					 .n_uuids = n };
	int r;

	if (!runs)
		return fp_err(e, -ENOMEM, "out of memory");
	/* of two rows of a leg that of the run named last counts */
	for (size_t i = 0; i < j->r.n_runs; i++)
		runs[i] = j->r.runs[j->r.n_runs - 1 - i];
	r = fp_store_take(j->r.store, &p, j->o.kind == FP_RECOVER_TAKE, n_taken,
			  e);
	free(runs);
	return r;
}

int fp_rescue_take(struct fp_rescue_job *j, struct fp_err *e)
{
	const char **uuids = NULL;
	uint64_t n_taken = 0, n_moved = 0;
	char detail[64];
	size_t n = 0;
	int r = pick(j, &uuids, &n, e);

	if (r)
		return r;
	if (n)
		r = j->o.from_db ? stage_file(j, uuids, n, &n_taken, e)
				 : stage(j, uuids, n, &n_taken, e);
	free(uuids);
	if (!r && j->is_copied)
		r = fp_store_move(j->r.store, &n_moved, e);
	j->is_lost |= r == -EBUSY;
	if (r)
		return r;
	if (!j->o.from_db && n_taken < n) {
		j->n_others += n - n_taken;
		fp_rescue_say(j,
			      "%s: %llu rows are in the hands of another job "
			      "(fp-recover jobs)",
			      j->o.from->name,
			      (unsigned long long)(n - n_taken));
	}
	j->n_taken += n_taken;
	j->out->is_changed |= n_taken > 0;
	snprintf(detail, sizeof(detail), "{\"n\":%llu}",
		 (unsigned long long)j->n_taken);
	return note(j, "rows", "taken", detail, e);
}
