/* SPDX-License-Identifier: Apache-2.0 */
/* What a job means to do, as its journal keeps it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "recover/rescue_priv.h"

static const char *const kinds[] = {
	[FP_RECOVER_FAILOVER] = "failover",
	[FP_RECOVER_DRAIN] = "drain",
	[FP_RECOVER_TAKE] = "take",
};

static const char *text(const char *s)
{
	return s ? s : "";
}

static void fill(const struct fp_rescue_job *j, struct fp_recoverplan *p)
{
	const struct fp_rescue_opts *o = &j->o;
	const struct fp_calls_opts *c = &o->calls;

	p->kind = kinds[o->kind];
	p->verb = text(o->verb);
	p->from = o->from->name;
	p->hostname = o->from->switchname;
	p->staging = j->keeper->name;
	p->is_auto = o->is_auto;
	p->why = text(o->why);
	p->by = text(o->by);
	p->orphans = fp_call_fate_name(c->orphans);
	p->is_one_leg_all = c->is_one_leg_all;
	p->uuid = text(c->only_uuid);
	p->room = text(c->only_room);
	p->is_member_alone = c->is_member_alone;
	p->from_db = text(o->from_db);
	p->at_s = fp_clock_unix_s();
	p->dead_s = j->dead_s;
	p->batch = (int64_t)o->recovering.batch;
	p->prove_ms = o->recovering.prove_ms;
	for (size_t i = 0; i < j->r.n_runs; i++)
		p->runs[p->n_runs++] = j->r.runs[i];
	for (size_t i = 0; i < j->r.n_to; i++)
		p->to[p->n_to++] = (struct fp_recoverplan_target){
			.node = j->r.to[i].node->name,
			.weight = j->r.to[i].weight,
		};
}

int fp_rescue_plan(const struct fp_rescue_job *j, struct fp_buf *to,
		   struct fp_err *e)
{
	struct fp_recoverplan p = {
		.runs = calloc(j->r.n_runs + 1, sizeof(*p.runs)),
		.to = calloc(j->r.n_to + 1, sizeof(*p.to)),
	};

	if (p.runs && p.to) {
		fill(j, &p);
		fp_recoverplan_write(to, &p);
	}
	free(p.runs);
	free(p.to);
	return p.runs && p.to && fp_buf_str(to)
		       ? 0
		       : fp_err(e, -ENOMEM, "out of memory");
}

int fp_rescue_replan(struct fp_rescue_job *j, struct fp_err *e)
{
	struct fp_buf b = { .data = NULL };
	int r = fp_rescue_plan(j, &b, e);

	if (!r)
		r = fp_journal_plan(j->r.journal, fp_buf_str(&b), e);
	fp_buf_fini(&b);
	return r;
}

/* ---- back */

static int find(const struct fp_rescue_job *j, const char *name,
		struct fp_switch **out, struct fp_err *e)
{
	*out = fp_switches_find(j->o.switches, name);
	if (*out)
		return 0;
	return fp_err(e, -EINVAL,
		      "job %s is of %s, which the cluster file does not have "
		      "as a FreeSWITCH",
		      j->head.id, name);
}

static void add_node(struct fp_rescue_job *j, struct fp_switch *x,
		     double weight)
{
	for (size_t i = 0; i < j->n_nodes; i++)
		if (j->nodes[i] == x)
			return;
	j->weights[j->n_nodes] = weight;
	j->nodes[j->n_nodes++] = x;
}

/* Those of --to, else the plan's.  Where calls were put already is looked at in any
 * case: they may be up there. */
static int find_targets(struct fp_rescue_job *j, const struct fp_recoverplan *p,
			struct fp_err *e)
{
	const struct fp_rescue_opts *o = &j->o;
	struct fp_switch *x;

	j->nodes = calloc(o->switches->n + 1, sizeof(struct fp_switch *));
	j->weights = calloc(o->switches->n + 1, sizeof(*j->weights));
	if (!j->nodes || !j->weights)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < o->n_to; i++)
		add_node(j, o->to[i], o->weights ? o->weights[i] : 1);
	for (size_t i = 0; i < p->n_to; i++) {
		x = fp_switches_find(o->switches, p->to[i].node);
		if (x)
			add_node(j, x, o->n_to ? 0 : p->to[i].weight);
		else
			fp_rescue_say(j,
				      "%s, a target of job %s, is not in the "
				      "cluster file any more",
				      p->to[i].node, j->head.id);
	}
	if (!j->n_nodes)
		return fp_err(e, -EINVAL,
			      "none of job %s's targets is in the cluster file "
			      "(--to)",
			      j->head.id);
	return 0;
}

static int kind_of(const struct fp_recoverplan *p, enum fp_recover_kind *out,
		   struct fp_err *e)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i], p->kind)) {
			*out = (enum fp_recover_kind)i;
			return 0;
		}
	return fp_err(e, -EBADMSG, "\"%.40s\" is no kind of a job", p->kind);
}

static int copy_runs(struct fp_rescue_job *j, const struct fp_recoverplan *p,
		     struct fp_err *e)
{
	j->r.runs = calloc(p->n_runs, sizeof(*j->r.runs));
	if (!j->r.runs)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < p->n_runs; i++)
		if (snprintf(j->r.runs[j->r.n_runs++], sizeof(*j->r.runs), "%s",
			     p->runs[i]) >= (int)sizeof(*j->r.runs))
			return fp_err(e, -EBADMSG,
				      "%.70s...: no Core-UUID, it is too long",
				      p->runs[i]);
	return 0;
}

int fp_rescue_unplan(struct fp_rescue_job *j, const struct fp_recoverplan *p,
		     struct fp_err *e)
{
	struct fp_calls_opts *c = &j->o.calls;
	int r = kind_of(p, &j->o.kind, e);

	if (!r)
		r = find(j, p->from, &j->o.from, e);
	if (!r)
		r = find(j, *p->staging ? p->staging : p->from, &j->keeper, e);
	if (!r)
		r = copy_runs(j, p, e);
	if (!r)
		r = find_targets(j, p, e);
	if (r)
		return r;
	if (c->orphans == FP_FATE_MOVE) /* not said anew */
		fp_call_fate_parse(p->orphans, &c->orphans);
	c->is_one_leg_all |= p->is_one_leg_all;
	c->only_uuid = *p->uuid ? p->uuid : NULL;
	c->only_room = *p->room ? p->room : NULL;
	c->is_member_alone = p->is_member_alone;
	j->dead_s = p->dead_s;
	j->is_resumed = true;
	j->o.is_auto |= p->is_auto;
	if (j->o.n_to)
		j->o.is_auto = false;
	j->o.from_db = *p->from_db ? p->from_db : NULL;
	if (!j->o.recovering.batch)
		j->o.recovering.batch = (size_t)p->batch;
	if (!j->o.recovering.prove_ms)
		j->o.recovering.prove_ms = p->prove_ms;
	return 0;
}
