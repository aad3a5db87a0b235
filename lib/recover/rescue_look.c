/* SPDX-License-Identifier: Apache-2.0 */
/* What there is, before anything is changed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "recover/rescue_priv.h"

#define PARTS (FP_SWITCH_STATE | FP_SWITCH_PROFILES | FP_SWITCH_CONF)

/* ---- the nodes */

static int alive_only(const struct fp_rescue_job *j, struct fp_err *e)
{
	const struct fp_switch *x = j->o.from;

	if (j->o.kind == FP_RECOVER_FAILOVER || !x->code)
		return 0;
	return fp_err(e, -EAGAIN,
		      "%s does not answer: %s (when it is dead: fp-recover "
		      "failover %s)",
		      x->name, x->err.text, x->name);
}

int fp_rescue_see(struct fp_rescue_job *j, struct fp_err *e)
{
	const struct fp_switch *x = j->o.from;
	int r = fp_switches_read(j->o.switches, PARTS, e);

	if (r)
		return r;
	*j->now = 0;
	j->dead_s = 0;
	if (!x->code) {
		snprintf(j->now, sizeof(j->now), "%s", x->view.run);
		/* the one before died before this one began */
		if (j->o.kind == FP_RECOVER_FAILOVER)
			j->dead_s = fp_clock_unix_s() - x->view.up_s;
	}
	return alive_only(j, e);
}

/* ---- targets */

static void check_of(const struct fp_rescue_job *j, const char **runs,
		     struct fp_recover_check *out)
{
	const struct fp_rescue_opts *o = &j->o;

	for (size_t i = 0; i < j->r.n_runs; i++)
		runs[i] = j->r.runs[i];
	*out = (struct fp_recover_check){
		.kind = o->kind,
		.switches = o->switches,
		.from = o->from,
		.to = j->nodes,
		.n_to = j->n_nodes,
		.calls = &j->r.calls,
		.store = o->from_db ? NULL : j->r.store,
		.runs = runs,
		.n_runs = j->r.n_runs,
		.dead_since_s = j->dead_s,
		.fence = o->fence.command,
		.wait_ms = o->wait_ms,
		.is_dry_run = o->is_dry_run,
		.journal = &o->journal,
		.fleet = o->fence.fleet,
		.lists_dir = o->fence.lists_dir,
		.is_lifted = o->is_lifted,
		.each = o->condition,
		.ctx = o->ctx,
	};
}

static int choose(struct fp_rescue_job *j, struct fp_err *e)
{
	const char **runs = calloc(j->r.n_runs + 1, sizeof(*runs));
	struct fp_recover_check p;
	int r = 0;

	if (!runs)
		return fp_err(e, -ENOMEM, "out of memory");
	check_of(j, runs, &p);
	p.each = NULL;
	if (j->o.marks_now)
		r = j->o.marks_now(j->o.ctx, &p.marks, &p.n_marks, e);
	if (!r)
		r = fp_recover_auto(&p, &j->nodes, &j->n_nodes, e);
	free(runs);
	return r;
}

static int copy_nodes(struct fp_rescue_job *j, struct fp_err *e)
{
	j->nodes = calloc(j->o.n_to + 1, sizeof(struct fp_switch *));
	if (!j->nodes)
		return fp_err(e, -ENOMEM, "out of memory");
	memcpy(j->nodes, j->o.to, j->o.n_to * sizeof(struct fp_switch *));
	j->n_nodes = j->o.n_to;
	return 0;
}

static int add_target(struct fp_rescue_job *j, size_t i, struct fp_err *e)
{
	struct fp_recover_target *t = &j->r.to[j->r.n_to];
	const double *w = j->weights  ? j->weights
			  : j->o.n_to ? j->o.weights
				      : NULL;
	int r;

	*t = (struct fp_recover_target){
		.node = j->nodes[i],
		.weight = w ? w[i] : 1,
		.is_self = j->nodes[i] == j->o.from,
	};
	/* the node itself is a target as another run alone */
	if (t->is_self && j->o.kind != FP_RECOVER_FAILOVER)
		return fp_err(e, -EINVAL, "--to %s: that is the node itself",
			      t->node->name);
	r = fp_rescue_store(j, t->node, &t->store, e);
	if (!r)
		j->r.n_to++;
	return r;
}

static bool is_home(const struct fp_rescue_job *j)
{
	for (size_t i = 0; i < j->n_nodes; i++)
		if (j->nodes[i] == j->o.from)
			return true;
	return false;
}

int fp_rescue_home(struct fp_rescue_job *j, struct fp_err *e)
{
	struct fp_switch **had = j->nodes;
	size_t n_had = j->n_nodes;
	struct fp_err why = { .text = "" };
	int r;

	if (j->o.kind != FP_RECOVER_FAILOVER || !j->o.is_auto ||
	    j->is_resumed || !*j->now || is_home(j))
		return 0;
	r = fp_switches_read(j->o.switches, PARTS, e);
	if (r)
		return r;
	j->nodes = NULL;
	r = choose(j, &why);
	if (r || !is_home(j)) {
		if (!r)
			free(j->nodes);
		j->nodes = had;
		j->n_nodes = n_had;
		return r == -ENOMEM || r == -EINTR
			       ? fp_err(e, r, "%s", why.text)
			       : 0;
	}
	free(had);
	fp_rescue_say(j, "%s is there again: its calls come back to it",
		      j->o.from->name);
	r = fp_rescue_targets(j, e);
	if (!r)
		r = fp_rescue_group(j, e);
	return r ? r : fp_rescue_replan(j, e);
}

/* A job that goes on with --to auto: the targets it had, and who is ready now. */
static int choose_more(struct fp_rescue_job *j, struct fp_err *e)
{
	struct fp_switch **had = j->nodes, **now;
	size_t n_had = j->n_nodes, n_now;
	struct fp_err why = { .text = "" };
	int r;

	j->nodes = NULL;
	r = choose(j, &why);
	now = j->nodes;
	n_now = r ? 0 : j->n_nodes;
	j->nodes = had;
	j->n_nodes = n_had;
	for (size_t i = 0; i < n_now; i++) {
		bool is_there = false;

		for (size_t k = 0; k < n_had; k++)
			is_there |= had[k] == now[i];
		if (is_there)
			continue;
		j->weights[j->n_nodes] = 1;
		j->nodes[j->n_nodes++] = now[i];
	}
	if (!r)
		free(now);
	/* none is ready: those that it had may be, by and by */
	return r == -ENOMEM || r == -EINTR ? fp_err(e, r, "%s", why.text) : 0;
}

int fp_rescue_targets(struct fp_rescue_job *j, struct fp_err *e)
{
	int r = 0;

	if (j->is_resumed)
		r = j->o.is_auto ? choose_more(j, e) : 0;
	else if (!j->n_nodes)
		r = j->o.n_to ? copy_nodes(j, e) : choose(j, e);
	free(j->r.to);
	j->r.n_to = 0;
	j->r.to = calloc(j->n_nodes + 1, sizeof(*j->r.to));
	if (!r && !j->r.to)
		r = fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < j->n_nodes && !r; i++)
		r = add_target(j, i, e);
	return r;
}

/* ---- where rows are kept */

static int keeper(struct fp_rescue_job *j, struct fp_err *e)
{
	/* a node with a file of its own may have no database: the first target's
	 * is where its rows go */
	if (!j->o.from_db)
		j->keeper = j->o.from;
	else if (j->o.n_to)
		j->keeper = j->o.to[0];
	for (size_t i = 0; !j->keeper && i < j->o.switches->n; i++)
		if (j->o.switches->v[i].db && !j->o.switches->v[i].code)
			j->keeper = &j->o.switches->v[i];
	if (!j->keeper)
		return fp_err(e, -EAGAIN,
			      "no node that answers has a fp_recovery_db");
	return fp_rescue_store(j, j->keeper, &j->r.store, e);
}

/* ---- the whole */

static int nothing(const struct fp_rescue_job *j, struct fp_err *e)
{
	const char *name = j->o.from->name;
	const struct fp_switches *s = j->o.switches;

	for (size_t i = 0; i < s->n; i++)
		if (&s->v[i] != j->o.from && s->v[i].code == -ESTALE &&
		    !strcmp(s->v[i].view.switchname, j->o.from->switchname) &&
		    !(j->o.is_lifted && j->o.is_lifted(j->o.ctx, "alive")))
			return fp_refuse(
				e, "alive",
				"%s: %s: rows of %s are its live calls",
				s->v[i].name, s->v[i].err.text, name);
	j->out->n_left = j->n_torn;
	if (j->o.kind != FP_RECOVER_FAILOVER)
		return fp_err(e, -EALREADY, "%s: its run has no rows", name);
	if (*j->now && !j->o.from_db)
		return fp_err(e, -EALREADY,
			      "%s: nothing is dead here: run %s answers, and "
			      "its %lld rows are its own; no dead run of it "
			      "has any",
			      name, j->now, (long long)j->n_live);
	return fp_err(e, -EALREADY, "%s: no dead run of it has rows", name);
}

int fp_rescue_check(struct fp_rescue_job *j, struct fp_err *e)
{
	const char **runs = calloc(j->r.n_runs + 1, sizeof(*runs));
	struct fp_recover_check p;
	int r = 0;

	if (!runs)
		return fp_err(e, -ENOMEM, "out of memory");
	check_of(j, runs, &p);
	if (j->o.marks_now)
		r = j->o.marks_now(j->o.ctx, &p.marks, &p.n_marks, e);
	if (!r)
		r = fp_recover_check(&p, &j->out->is_policy_old, e);
	free(runs);
	return r;
}

int fp_rescue_survey(struct fp_rescue_job *j, struct fp_err *e)
{
	int r = fp_rescue_see(j, e);

	if (!r)
		r = keeper(j, e);
	if (!r)
		r = fp_rescue_runs(j, e);
	if (!r && !j->r.n_runs)
		return nothing(j, e);
	if (!r)
		r = fp_rescue_rows(j, e);
	/* a drain judges itself, by its sessions too */
	if (!r && !j->r.n_legs &&
	    (j->o.kind != FP_RECOVER_DRAIN || !j->o.from->view.sessions))
		return nothing(j, e);
	if (!r)
		r = fp_rescue_targets(j, e);
	/* whose clocks count is known now */
	if (!r)
		r = fp_rescue_group(j, e);
	j->out->n_runs = j->r.n_runs;
	j->out->n_calls = j->r.calls.n_calls;
	return r ? r : fp_rescue_check(j, e);
}

/* ---- what is told of a plan */

void fp_rescue_planned(struct fp_rescue_job *j)
{
	const struct fp_switch *to = j->r.n_to == 1 ? j->r.to[0].node : NULL;

	for (size_t i = 0; i < j->r.calls.n_calls; i++) {
		const struct fp_call *c = &j->r.calls.call[i];
		bool is_had = fp_rescue_is_had(c);

		j->out->is_changed |= is_had;
		j->out->n_left += !is_had;
		if (j->o.call)
			j->o.call(j->o.ctx, &j->r.calls, i, NULL,
				  is_had ? to : NULL);
	}
}

int fp_rescue_look(const struct fp_rescue_opts *o, struct fp_rescue_sum *out,
		   struct fp_err *e)
{
	struct fp_rescue_job j;
	int r;

	fp_rescue_init(&j, o, out);
	r = fp_rescue_survey(&j, e);
	/* what refuses is told with its calls */
	if (j.r.calls.n_calls && (!r || r == -EPERM))
		fp_rescue_planned(&j);
	fp_rescue_fini(&j);
	return r;
}
