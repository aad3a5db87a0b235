/* SPDX-License-Identifier: Apache-2.0 */
/* A job that stopped goes on: on any controller, from its plan, journal and staging. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/moveplan.h"
#include "recover/rescue_priv.h"
#include "recover/takeover.h"

/* ---- what was done */

static int add_was(struct fp_rescue_job *j, const char *name, const char *state,
		   const char *detail)
{
	struct fp_rescue_was *w =
		reallocarray(j->was, j->n_was + 1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	j->was = w;
	w += j->n_was;
	*w = (struct fp_rescue_was){ .name = strdup(name) };
	if (!w->name)
		return -ENOMEM;
	j->n_was++;
	/* what it does not know was not proven */
	if (fp_recover_verdict_parse(state, &w->verdict))
		w->verdict = FP_REC_UNKNOWN;
	if (!detail)
		return 0;
	fp_moveplan_text(detail, "to", w->to, sizeof(w->to));
	fp_moveplan_text(detail, "token", w->token, sizeof(w->token));
	fp_moveplan_text(detail, "run", w->run, sizeof(w->run));
	return 0;
}

int fp_rescue_item(void *job, const char *item, const char *state,
		   const char *detail, int64_t at_s)
{
	struct fp_rescue_job *j = job;

	(void)at_s;
	if (!strncmp(item, "call:", 5))
		return add_was(j, item + 5, state, detail);
	if (!strcmp(item, "fence"))
		j->was_dead = true;
	if (!strncmp(item, "node:", 5)) /* takeover_drain.c */
		j->r.is_paused = !strcmp(state, "paused");
	if (!strcmp(item, "rows"))
		j->n_taken++;
	if (!strcmp(item, "empty")) {
		j->is_emptying = true;
		j->is_emptied = !strcmp(state, "done");
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct fp_rescue_was *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static void tell_one(struct fp_rescue_job *j, struct fp_recovering_call *way,
		     const struct fp_rescue_was *w)
{
	/* a target that was silent may have it still: it is looked at first */
	way->was = w->verdict == FP_REC_UNKNOWN && *w->token ? FP_REC_PUT
							     : w->verdict;
	way->to = *w->to ? fp_switches_find(j->o.switches, w->to) : NULL;
	snprintf(way->token, sizeof(way->token), "%s", w->token);
	snprintf(way->run, sizeof(way->run), "%s", w->run);
}

void fp_rescue_remember(struct fp_rescue_job *j)
{
	if (!j->n_was)
		return;
	qsort(j->was, j->n_was, sizeof(*j->was), by_name);
	for (size_t i = 0; i < j->r.calls.n_calls; i++) {
		const struct fp_rescue_was key = {
			.name = j->r.calls.call[i].name
		};
		const struct fp_rescue_was *w =
			bsearch(&key, j->was, j->n_was, sizeof(*j->was),
				by_name);

		/* rows that it left are looked at anew, when taken since */
		if (w && w->verdict != FP_REC_SKIPPED &&
		    w->verdict != FP_REC_LOST)
			tell_one(j, &j->r.way[i], w);
	}
}

/* ---- the plan */

static int ignore(void *ctx, const char *item, const char *state,
		  const char *detail, int64_t at_s)
{
	(void)ctx;
	(void)item;
	(void)state;
	(void)detail;
	(void)at_s;
	return 0;
}

int fp_rescue_read(struct fp_rescue_job *j, const char *id,
		   struct fp_recoverplan *p, struct fp_err *e)
{
	int r = fp_journal_read(&j->o.journal, id, &j->head, ignore, NULL, e);

	if (r)
		return r;
	if (strcmp(j->head.tool, "fp-recover"))
		return fp_err(e, -ENOENT, "job %s is of %s", id, j->head.tool);
	if (j->head.ended_s)
		return fp_err(e, -EALREADY, "job %s has ended: %s", id,
			      j->head.state);
	if (!j->head.plan)
		return fp_err(e, -EBADMSG, "job %s has no plan", id);
	r = fp_recoverplan_parse(p, j->head.plan, strlen(j->head.plan), e);
	if (r)
		return fp_err_prefix(e, r, "job %s", id);
	snprintf(j->out->job, sizeof(j->out->job), "%s", id);
	return fp_rescue_unplan(j, p, e);
}

/* ---- the road */

/* The job's, once it is ours: what was planned may have changed since it was read. */
static int take_over(struct fp_rescue_job *j, const char *id, struct fp_err *e)
{
	char lock[FP_RESCUE_LOCK];
	const char *const locks[] = { lock };
	struct fp_job_head h = { .plan = NULL };
	int r;

	fp_rescue_lock(j, lock);
	r = fp_journal_resume(&j->r.journal, &j->o.journal, id, &h, locks, 1,
			      fp_rescue_item, j, e);
	free(h.plan);
	return r && r != -EBUSY && r != -EINTR && r != -EALREADY && e->rule[0]
		       ? -EPERM
		       : r;
}

/* The run that was to be left is dead: by what answers, or by who says so. */
static bool is_another_run(const struct fp_rescue_job *j)
{
	if (j->o.is_node_dead)
		return true;
	return j->o.kind == FP_RECOVER_TAKE && *j->now &&
	       !fp_rescue_has_run(j, j->now);
}

static int is_alive(const struct fp_rescue_job *j, struct fp_err *e)
{
	if (!*j->now || !fp_rescue_has_run(j, j->now))
		return 0;
	return fp_refuse(e, "alive",
			 "%s: run %s answers: job %s is left to fp-recover "
			 "resume",
			 j->o.from->name, j->now, j->head.id);
}

static void as_failover(struct fp_rescue_job *j)
{
	j->is_copied = j->o.kind == FP_RECOVER_TAKE;
	j->o.kind = FP_RECOVER_FAILOVER;
	/* what it took of the run was chosen */
	j->o.calls.only_uuid = j->o.calls.only_room = NULL;
	j->o.calls.is_member_alone = false;
}

static int see(struct fp_rescue_job *j, struct fp_err *e)
{
	enum fp_recover_kind kind = j->o.kind;
	int64_t dead_s = j->dead_s;
	int r;

	/* a drain's node may be gone by now, and is to be */
	if (kind == FP_RECOVER_DRAIN)
		j->o.kind = FP_RECOVER_FAILOVER;
	/* or a take's */
	if (j->o.is_node_dead)
		j->o.kind = FP_RECOVER_FAILOVER;
	r = fp_rescue_see(j, e);
	j->o.kind = kind;
	if (!r && kind != FP_RECOVER_FAILOVER && j->o.is_node_dead)
		r = is_alive(j, e);
	if (!r && kind != FP_RECOVER_FAILOVER && is_another_run(j))
		as_failover(j);
	j->dead_s = dead_s;
	if (!r)
		r = fp_rescue_store(j, j->keeper, &j->r.store, e);
	return r;
}

/* Rows that were not taken when it stopped are still to be had. */
static int look(struct fp_rescue_job *j, struct fp_err *e)
{
	bool has_staged = false;
	int r = fp_rescue_has_staged(j, &has_staged, e);

	/* all of a file is staged at once; it may be another controller's */
	if (!r && j->o.from_db && !has_staged)
		r = fp_rescue_file(j, e);
	/* the legs of a take may be gone, and its rows with them */
	if (!r && !(has_staged && (j->o.kind == FP_RECOVER_TAKE ||
				   j->is_copied || j->o.from_db)))
		r = fp_rescue_rows(j, e);
	return r ? r : fp_rescue_targets(j, e);
}

static int goes_on(struct fp_rescue_job *j, const char *id, struct fp_err *e)
{
	struct fp_err why;
	int r = take_over(j, id, e);

	if (r)
		return r;
	r = fp_rescue_begin_store(j, e);
	if (!r)
		r = look(j, e);
	if (r) {
		if (r != -EBUSY && !j->is_emptied)
			fp_takeover_let_in(&j->r);
		fp_journal_state(j->r.journal, "stopped", &why);
		return r;
	}
	j->out->is_changed = true;
	return fp_rescue_do(j, e);
}

/* What is staged, and what would be taken. */
static int would(struct fp_rescue_job *j, const char *id, struct fp_err *e)
{
	struct fp_job_head h = { .plan = NULL };
	int r = 0;

	if (!strcmp(j->head.state, "running"))
		r = fp_err(e, -EBUSY, "job %s runs: %s", id, j->head.owner);
	if (!r)
		r = fp_journal_read(&j->o.journal, id, &h, fp_rescue_item, j,
				    e);
	free(h.plan);
	j->out->is_changed = !r;
	for (size_t i = 0; i < j->n_was; i++)
		j->out->n_left += j->was[i].verdict == FP_REC_WAITING ||
				  j->was[i].verdict == FP_REC_PUT ||
				  j->was[i].verdict == FP_REC_FAILED ||
				  j->was[i].verdict == FP_REC_UNKNOWN;
	return r;
}

int fp_rescue_resume(const struct fp_rescue_opts *o, const char *job,
		     struct fp_rescue_sum *out, struct fp_err *e)
{
	struct fp_recoverplan p = { .kind = "" };
	struct fp_rescue_job j;
	int r;

	fp_rescue_init(&j, o, out);
	r = fp_rescue_read(&j, job, &p, e);
	if (!r && o->is_dry_run)
		r = would(&j, job, e);
	else if (!r)
		r = see(&j, e);
	if (!r && !o->is_dry_run)
		r = goes_on(&j, job, e);
	fp_rescue_fini(&j);
	fp_recoverplan_fini(&p);
	return r;
}
