/* SPDX-License-Identifier: Apache-2.0 */
/* A campaign as its journal keeps it, and back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rehome/campaign_priv.h"

static const char *const kinds[] = {
	[FP_MOVE_FAILOVER] = "failover", [FP_MOVE_DRAIN] = "drain",
	[FP_MOVE_BALANCE] = "balance",   [FP_MOVE_TAKE] = "take",
	[FP_MOVE_MEDIA] = "media",       [FP_MOVE_JOIN] = "join",
	[FP_MOVE_ACTIVATE] = "activate",
};
#define N_KINDS (sizeof(kinds) / sizeof(*kinds))
static const char *const verifies[] = { [FP_VERIFY_NONE] = "none",
					[FP_VERIFY_LIST] = "list",
					[FP_VERIFY_TRAFFIC] = "traffic" };
#define N_VERIFIES (sizeof(verifies) / sizeof(*verifies))

/* ---- writing */

static struct fp_moveplan_tag *plan_tags(const struct fp_campaign *c)
{
	struct fp_moveplan_tag *v = calloc(c->n_moves + 1, sizeof(*v));

	for (size_t i = 0; v && i < c->n_moves; i++)
		v[i] = (struct fp_moveplan_tag){
			.tag = c->move[i].tag,
			.from = c->move[i].from ? c->move[i].from->name : "",
			.to = c->move[i].to->name,
			.calls = (int64_t)c->move[i].calls,
		};
	return v;
}

int fp_campaign_plan(const struct fp_campaign *c, struct fp_buf *to,
		     struct fp_err *e)
{
	const struct fp_campaign_opts *o = &c->o;
	const struct fp_select *q = &o->select;
	struct fp_moveplan p = {
		.verb = o->verb,
		.kind = kinds[o->kind],
		.from = c->from ? c->from->name : "",
		.why = o->why,
		.by = o->by,
		.body = fp_body_name(o->body),
		.verify = verifies[o->moving.verify],
		.tag = plan_tags(c),
		.n_tags = c->n_moves,
		.callids = (const char **)q->callids,
		.n_callids = q->n_callids,
		.from_prefix = q->from_prefix,
		.to_prefix = q->to_prefix,
		.media = q->media,
		.at_s = c->at_s,
		.older_s = q->older_s,
		.younger_s = q->younger_s,
		.count = (int64_t)q->count,
		.window = o->moving.mover.window,
		.retries = o->moving.mover.retries,
		.silent_retries = o->moving.mover.silent_retries,
		.call_timeout_ms = o->moving.call_timeout_ms,
		.rate = o->moving.mover.rate,
	};

	if (p.tag)
		fp_moveplan_write(to, &p);
	free(p.tag);
	return p.tag && fp_buf_str(to) ? 0
				       : fp_err(e, -ENOMEM, "out of memory");
}

/* ---- reading */

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

static int find_node(const struct fp_campaign *c, const char *name,
		     struct fp_edge **out, struct fp_err *e)
{
	*out = *name ? fp_edges_find(c->o.edges, name) : NULL;
	if (*name && !*out)
		return fp_err(e, -EINVAL,
			      "the job's node %s is not in the cluster file",
			      name);
	return 0;
}

/* One that is there no more: another goes on in its place. */
static int find_target(struct fp_campaign *c, const char *name,
		       struct fp_err *e)
{
	struct fp_edge **to = &c->move[c->n_moves - 1].to;
	struct fp_err why;
	int r = find_node(c, name, to, &why);

	if (!r)
		return 0;
	if (!c->turn_to)
		return fp_err(e, r, "%s (--to NODE goes on with another)",
			      why.text);
	*to = c->turn_to;
	c->state[c->n_moves - 1].is_removed = true;
	return 0;
}

static int find_word(const char *const *words, size_t n, const char *what,
		     const char *s, int *out, struct fp_err *e)
{
	for (size_t i = 0; i < n; i++)
		if (words[i] && !strcmp(words[i], s)) {
			*out = (int)i;
			return 0;
		}
	return fp_err(e, -EBADMSG, "a plan whose %s is \"%s\"", what, s);
}

static int unplan_tags(struct fp_campaign *c, const struct fp_moveplan *p,
		       struct fp_err *e)
{
	int r = 0;

	c->move = calloc(p->n_tags + 1, sizeof(*c->move));
	c->state = calloc(p->n_tags + 1, sizeof(*c->state));
	if (!c->move || !c->state)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < p->n_tags && !r; i++) {
		struct fp_tag_move *m = &c->move[c->n_moves++];

		if (strlen(p->tag[i].tag) >= sizeof(m->tag))
			return fp_err(e, -EBADMSG,
				      "a plan with too long a tag");
		snprintf(m->tag, sizeof(m->tag), "%s", p->tag[i].tag);
		m->calls = (size_t)p->tag[i].calls;
		r = find_node(c, p->tag[i].from, &m->from, e);
		if (!r)
			r = find_target(c, p->tag[i].to, e);
	}
	return r;
}

static void unplan_select(struct fp_select *q, const struct fp_moveplan *p)
{
	*q = (struct fp_select){
		.callids = p->callids,
		.n_callids = p->n_callids,
		.from_prefix = or_null(p->from_prefix),
		.to_prefix = or_null(p->to_prefix),
		.media = or_null(p->media),
		.older_s = p->older_s,
		.younger_s = p->younger_s,
		.count = (size_t)p->count,
	};
}

/* What was not said anew is as it was. */
static void unplan_moving(struct fp_moving_opts *to,
			  const struct fp_moveplan *p)
{
	struct fp_mover_opts *m = &to->mover;

	if (!m->window)
		m->window = (unsigned int)p->window;
	if (m->rate <= 0)
		m->rate = p->rate;
	if (!m->retries)
		m->retries = (unsigned int)p->retries;
	if (!m->silent_retries)
		m->silent_retries = (unsigned int)p->silent_retries;
	if (!to->call_timeout_ms)
		to->call_timeout_ms = p->call_timeout_ms;
}

int fp_campaign_unplan(struct fp_campaign *c, const struct fp_moveplan *p,
		       struct fp_err *e)
{
	int kind = 0, verify = FP_VERIFY_LIST, r;

	r = find_word(kinds, N_KINDS, "kind", p->kind, &kind, e);
	if (!r && *p->verify)
		r = find_word(verifies, N_VERIFIES, "verify", p->verify,
			      &verify, e);
	if (!r)
		r = find_node(c, p->from, &c->from, e);
	if (!r)
		r = unplan_tags(c, p, e);
	if (r)
		return r;
	c->o.kind = (enum fp_move_kind)kind;
	c->o.verb = p->verb;
	if (!c->o.why)
		c->o.why = or_null(p->why);
	c->at_s = p->at_s;
	unplan_select(&c->o.select, p);
	unplan_moving(&c->o.moving, p);
	if (c->o.moving.verify == FP_VERIFY_NONE)
		c->o.moving.verify = (enum fp_verify)verify;
	if (c->o.body == FP_BODY_AUTO)
		for (int b = FP_BODY_AUTO; b <= FP_BODY_INBOUND; b++)
			if (!strcmp(fp_body_name((enum fp_body)b), p->body))
				c->o.body = (enum fp_body)b;
	return 0;
}
