/* SPDX-License-Identifier: Apache-2.0 */
/* A job that stopped goes on: on any controller, to the same targets or to another. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rehome/campaign_priv.h"

/* ---- what was done */

/* What is asked again: those without an answer, silent and failed ones. */
static enum fp_move_verdict again(enum fp_move_verdict v)
{
	switch (v) {
	case FP_MOVE_DONE:
		return FP_MOVE_MOVED;
	case FP_MOVE_MOVED:
	case FP_MOVE_GONE:
	case FP_MOVE_REFUSED:
		return v;
	default:
		return FP_MOVE_WAITING;
	}
}

static int take_item(void *ctx, const char *item, const char *state,
		     const char *detail, int64_t at_s)
{
	struct fp_campaign *c = ctx;
	enum fp_move_verdict v;

	(void)detail;
	(void)at_s;
	if (!strncmp(item, "tag:", 4)) {
		for (size_t i = 0; i < c->n_moves; i++)
			if (!strcmp(c->move[i].tag, item + 4))
				c->state[i].is_moved_before =
					!strcmp(state, "moved");
		return 0;
	}
	if (!strcmp(item, "select"))
		c->is_worked |= !strcmp(state, "worked");
	/* what it does not know was not answered */
	if (strncmp(item, "call:", 5) || fp_move_verdict_parse(state, &v))
		return 0;
	return fp_seen_put(&c->before, item + 5, again(v));
}

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

/* ---- where tags are now */

static int find_owners(struct fp_campaign *c, struct fp_err *e)
{
	int r = 0;

	for (size_t i = 0; i < c->n_moves && !r; i++) {
		struct fp_tag_move *m = &c->move[i];
		struct fp_edge *is = NULL, *other = NULL;

		/* two, or nobody that knows it: the conditions say so */
		if (c->o.kind == FP_MOVE_TAKE ||
		    fp_edges_owner(c->o.edges, m->tag, &is, &other))
			continue;
		if (is && is != m->from && is != m->to)
			r = fp_refuse(e, "active",
				      "tag %s is %s's by now: somebody moved "
				      "it since",
				      m->tag, is->name);
		if (r)
			r = fp_campaign_refused(c, r, e);
		m->from = is;
	}
	return r;
}

/* Calls that were moved to a target that is not theirs any more are moved anew. */
static int forget(struct fp_campaign *c, const char *tag,
		  const struct fp_dialogs *s, struct fp_err *e)
{
	char item[600];
	int r = 0;

	for (size_t i = 0; i < fp_dialogs_n(s) && !r; i++) {
		const struct fp_dialog *d = fp_dialogs_at(s, i);

		if (strcmp(d->tag, tag) ||
		    fp_seen_get(&c->before, d->callid, NULL) != FP_MOVE_MOVED)
			continue;
		if (snprintf(item, sizeof(item), "call:%s", d->callid) >=
		    (int)sizeof(item))
			continue; /* the journal has no such item either */
		r = fp_journal_add(c->journal, item, "waiting", NULL, e);
		if (!r && fp_seen_put(&c->before, d->callid, FP_MOVE_WAITING))
			r = fp_err(e, -ENOMEM, "out of memory");
	}
	return r;
}

/* Is the tag one for the new target: what is not done yet, and what went to a node
 * that is silent? */
static bool is_to_turn(const struct fp_campaign *c, size_t i,
		       const struct fp_edge *to)
{
	if (c->state[i].is_removed)
		return true;
	return c->move[i].to != to &&
	       (!c->state[i].is_moved_before || !c->move[i].to->view);
}

static int turn(struct fp_campaign *c, struct fp_edge *to, struct fp_err *e)
{
	int r = fp_campaign_list(c, &to, 1, e);

	for (size_t i = 0; i < c->n_moves && !r; i++) {
		if (!is_to_turn(c, i, to))
			continue;
		c->move[i].to = to;
		c->state[i].is_turned = true;
		c->state[i].is_path = false;
	}
	return r;
}

/* Nothing refuses it: from here on the job is so. */
static int keep_turn(struct fp_campaign *c, struct fp_err *e)
{
	struct fp_buf plan = { .data = NULL };
	bool is_turned = false;
	int r = 0;

	for (size_t i = 0; i < c->n_moves && !r; i++) {
		if (!c->state[i].is_turned)
			continue;
		r = forget(c, c->move[i].tag, c->move[i].to->dialogs, e);
		is_turned = true;
	}
	if (!r && is_turned)
		r = fp_campaign_plan(c, &plan, e);
	if (!r && is_turned)
		r = fp_journal_plan(c->journal, fp_buf_str(&plan), e);
	fp_buf_fini(&plan);
	return r;
}

/* With all tags where they shall be, a node that is back does not matter. */
static enum fp_move_kind conditions(const struct fp_campaign *c)
{
	if (c->o.kind != FP_MOVE_FAILOVER)
		return c->o.kind;
	for (size_t i = 0; i < c->n_moves; i++)
		if (fp_campaign_gives(c, i))
			return FP_MOVE_FAILOVER;
	return FP_MOVE_MEDIA;
}

/* ---- going on */

static int conditions_of(struct fp_campaign *c, struct fp_err *e)
{
	enum fp_move_kind kind = conditions(c);
	struct fp_edge *from = c->from;
	int r;

	if (kind != c->o.kind)
		c->from = NULL;
	r = fp_campaign_preflight(c, kind, e);
	c->from = from;
	return r;
}

/* Their tags are elsewhere, so that what was left out cannot stay. */
static void select_all(struct fp_campaign *c)
{
	c->o.select = (struct fp_select){ .count = 0 };
	fp_campaign_say(c, "all that the job selected was asked: now those "
			   "that were not selected");
}

/* What is dead is not drained any more: what is left of it fails over. */
static void fail_over(struct fp_campaign *c)
{
	if (c->o.kind != FP_MOVE_DRAIN || !c->from || c->from->view)
		return;
	fp_campaign_say(c, "%s does not answer: its drain goes on as failover",
			c->from->name);
	c->o.kind = FP_MOVE_FAILOVER;
}

static int go_on(struct fp_campaign *c, struct fp_edge *to, struct fp_err *e)
{
	int r;

	if (c->o.kind == FP_MOVE_FAILOVER && c->from)
		fp_edges_suspect(c->o.edges, c->from);
	r = fp_edges_read(c->o.edges, e);
	if (c->is_worked)
		select_all(c);
	if (!r)
		r = fp_campaign_paths(c, e);
	if (!r && c->journal)
		r = fp_campaign_since(c, e);
	if (!r)
		fail_over(c);
	if (!r)
		r = find_owners(c, e);
	if (!r && to)
		r = turn(c, to, e);
	if (!r)
		r = conditions_of(c, e);
	if (!r && conditions(c) == FP_MOVE_FAILOVER)
		r = fp_campaign_fence(c, e);
	if (!r && c->o.is_dry_run) {
		fp_campaign_planned(c);
		return 0;
	}
	if (!r)
		r = keep_turn(c, e);
	return r ? r : fp_campaign_do(c, e);
}

static int take_over(struct fp_campaign *c, const char *job, struct fp_err *e)
{
	const char **locks = fp_campaign_locks(c);
	int r;

	if (!locks)
		return fp_err(e, -ENOMEM, "out of memory");
	free(c->head.plan);
	c->head.plan = NULL;
	r = fp_journal_resume(&c->journal, &c->o.journal, job, &c->head, locks,
			      c->n_moves, take_item, c, e);
	free(locks);
	if (r && r != -EBUSY && r != -EINTR && e->rule[0])
		r = -EPERM;
	return r;
}

static int read_plan(struct fp_campaign *c, const char *job,
		     struct fp_moveplan *p, struct fp_err *e)
{
	int r = fp_journal_read(&c->o.journal, job, &c->head, ignore, NULL, e);

	if (r)
		return r;
	if (!strcmp(c->head.state, "done") || !strcmp(c->head.state, "aborted"))
		return fp_err(e, -EALREADY, "job %s has ended: it is %s", job,
			      c->head.state);
	if (!c->head.plan)
		return fp_err(e, -EBADMSG, "job %s has no plan", job);
	r = fp_moveplan_parse(p, c->head.plan, strlen(c->head.plan), e);
	if (!r)
		r = fp_campaign_unplan(c, p, e);
	return r ? fp_err_prefix(e, r, "job %s", job) : 0;
}

/* A dry run takes nothing over, but reads what was done. */
static int look(struct fp_campaign *c, const char *job, struct fp_err *e)
{
	struct fp_job_head h = { .plan = NULL };
	int r = fp_journal_read(&c->o.journal, job, &h, take_item, c, e);

	free(h.plan);
	if (!r && !strcmp(h.state, "running"))
		r = fp_err(e, -EBUSY, "job %s is running: %s has it", job,
			   h.owner);
	return r;
}

int fp_campaign_resume(const struct fp_campaign_opts *o, const char *job,
		       struct fp_edge *to, struct fp_campaign_sum *out,
		       struct fp_err *e)
{
	struct fp_moveplan p = { .root = NULL };
	struct fp_campaign c;
	struct fp_err why;
	int r = fp_campaign_init(&c, o, out);

	c.is_resumed = true;
	c.turn_to = to;
	if (!r)
		r = read_plan(&c, job, &p, e);
	if (!r)
		r = o->is_dry_run ? look(&c, job, e) : take_over(&c, job, e);
	if (!r) {
		snprintf(out->job, sizeof(out->job), "%s", job);
		r = go_on(&c, to, e);
	}
	if (r && c.journal && !c.is_ended)
		fp_journal_state(c.journal, "stopped", &why);
	fp_campaign_fini(&c);
	fp_moveplan_fini(&p);
	return r;
}
