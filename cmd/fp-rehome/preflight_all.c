/* SPDX-License-Identifier: Apache-2.0 */
/* fp-rehome preflight --all: what would be saved of each node if it died now. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "preflight.h"
#include "rehome/orphans.h"

#define AT(M) offsetof(struct fr_outcome, M)
static const struct fp_field fields[] = {
	{ "node", AT(node), FP_F_STR, NULL, "the node, as if it died now" },
	{ "state", AT(state), FP_F_STR, NULL,
	  "up; silent: it may be dead; unknown: nothing is known; no-owner: "
	  "a tag of it that nobody owns" },
	{ "calls", AT(calls), FP_F_U64, NULL, "calls under its tags" },
	{ "saved", AT(saved), FP_F_U64, NULL,
	  "up, and on their target with its own sockets" },
	{ "early", AT(early), FP_F_U64, NULL,
	  "being set up: lost with any node" },
	{ "lost", AT(lost), FP_F_U64, NULL, "up, and lost" },
	{ "to", AT(to), FP_F_TEXT, NULL, "where its tags would go" },
	{ "refusals", AT(refusals), FP_F_TEXT, NULL,
	  "rules that would refuse a failover" },
	{ "detail", AT(detail), FP_F_TEXT, NULL, "why, of the first" },
};
#undef AT
static const struct fp_type type = { "outlook", fields, FR_COUNT(fields) };

/* It lives, and so do its tags there: that is what is imagined away. */
static bool is_lifted(void *ctx, const char *rule)
{
	struct fr_judging *j = ctx;

	if (!j->look->is_dead &&
	    (!strcmp(rule, "alive") || !strcmp(rule, "active")))
		return true;
	return fr_is_lifted(j->v, rule);
}

void fr_outcome_refused(struct fr_outcome *o, const char *rule)
{
	fp_words_add(o->refusals, sizeof(o->refusals), rule);
}

static void condition(void *ctx, const struct fp_condition *c)
{
	struct fr_judging *j = ctx;
	struct fr_outcome *o = j->out;

	if (c->state != FP_COND_REFUSE)
		return;
	fr_outcome_refused(o, c->rule);
	if (!*o->detail)
		snprintf(o->detail, sizeof(o->detail), "%s: %s: %s%s%s",
			 c->node, c->name, c->value, *c->detail ? ", " : "",
			 c->detail);
	for (size_t i = 0; i < j->look->n_to; i++)
		if (!strcmp(c->name, "bind") &&
		    !strcmp(c->node, j->look->to[i]->name))
			j->is_unbound[i] = true;
}

static int judge(struct fr_judging *j, struct fp_err *e)
{
	struct fp_fleet_opts fleet;
	struct fp_preflight ask;
	int r;

	fr_outlook_preflight(j->look, &ask);
	ask.kind = FP_MOVE_FAILOVER;
	/* a node that lives is asked nothing: it is to be imagined dead */
	if (!j->look->is_dead)
		ask.from = NULL;
	ask.link_wait_ms = FR_LINK_WAIT_MS;
	if (fr_fleet(j->v, &fleet, &ask.lists_dir))
		ask.fleet = &fleet;
	ask.is_lifted = is_lifted;
	ask.each = condition;
	ask.ctx = j;
	r = fp_preflight(&ask, NULL, e);
	return r == -EPERM ? 0 : r;
}

/* ---- nodes */

/* Where its calls would go, as far as there is anything to be said of them. */
static int targets(struct fr_env *v, struct fp_edge *x, struct fp_edge ***to,
		   size_t *n, struct fr_outcome *out, struct fp_err *e)
{
	const struct fp_preflight ask = { .edges = &v->edges,
					  .from = x,
					  .marks = v->marks,
					  .n_marks = v->n_marks };
	size_t kept = 0;
	int r = fp_preflight_auto(&ask, to, n, e);

	for (size_t i = 0; i < *n && !r; i++)
		if ((*to)[i]->dialogs)
			(*to)[kept++] = (*to)[i];
		else
			fp_err(e, 0, "the dialogs of %s are not to be had",
			       (*to)[i]->name);
	*n = kept;
	if (kept || (r && r != -EAGAIN))
		return r;
	fr_outcome_refused(out, "in-sync");
	snprintf(out->detail, sizeof(out->detail), "%s", e->text);
	return 0;
}

static int judge_to(struct fr_judging *j, struct fp_edge *const *to, size_t n,
		    struct fp_err *e)
{
	struct fr_outcome *out = j->out;
	struct fr_outlook look;
	int r = fr_outlook(&look, j->v, j->from, to, n, e);

	if (r)
		return r;
	j->look = &look;
	for (size_t i = 0; i < look.n_moves; i++)
		if (look.move[i].to)
			fp_words_add(out->to, sizeof(out->to),
				     look.move[i].to->name);
	if (n && look.n_moves)
		r = judge(j, e);
	if (!r)
		fr_outcome_count(j);
	fr_outlook_fini(&look);
	return r;
}

/* Whether it lives and its dialogs are not to be had, or nobody has copies. */
static bool is_unknown(const struct fr_env *v, const struct fp_edge *x)
{
	if (x->view)
		return !x->dialogs;
	for (size_t i = 0; i < v->edges.n; i++)
		if (v->edges.v[i].view && v->edges.v[i].dialogs)
			return false;
	return true;
}

static void unknown(struct fr_outcome *out, const char *why)
{
	*out = (struct fr_outcome){ .node = out->node,
				    .state = out->state,
				    .is_unknown = true };
	snprintf(out->refusals, sizeof(out->refusals), "unknown");
	snprintf(out->detail, sizeof(out->detail), "%s", why);
}

static int node(struct fr_env *v, struct fp_edge *x, struct fr_outcome *out,
		struct fp_err *e)
{
	struct fr_judging j = { .v = v, .from = x, .out = out };
	struct fp_edge **to = NULL;
	size_t n = 0;
	int r;

	*out = (struct fr_outcome){ .node = x->name,
				    .state = x->view ? "up" : "silent" };
	if (is_unknown(v, x)) {
		out->state = x->view ? "unknown" : "silent";
		unknown(out, x->err.text);
		return 0;
	}
	if (x->view && x->view->now_s)
		j.since_s = x->view->now_s - x->view->up_s;
	r = targets(v, x, &to, &n, out, e);
	j.is_unbound = calloc(n + 1, sizeof(bool));
	if (!r && !j.is_unbound)
		r = fp_err(e, -ENOMEM, "out of memory");
	if (!r)
		r = judge_to(&j, to, n, e);
	free(to);
	free(j.is_unbound);
	if (!r || r == -EINTR || r == -ENOMEM)
		return r;
	unknown(out, e->text); /* it hides no other node */
	return 0;
}

/* ---- tags that nobody owns */

/* As failover of what is silent would take it: it is counted there. */
static bool is_of_dead(const struct fr_env *v, const struct fp_orphan *o)
{
	size_t n_silent = 0;

	for (size_t i = 0; i < v->edges.n; i++)
		n_silent += !v->edges.v[i].view;
	return n_silent == 1 || (o->own && !o->own->view);
}

static bool is_meant(const struct fr_env *v, const struct fp_orphan *o)
{
	bool is_wanted = !v->select.n_tags;

	for (size_t i = 0; i < v->select.n_tags; i++)
		is_wanted |= !strcmp(v->select.tags[i], o->tag);
	return is_wanted && (!o->own || fr_is_named(v, o->own)) &&
	       !is_of_dead(v, o);
}

static int orphan(struct fr_env *v, const struct fp_orphan *o, struct fp_err *e)
{
	struct fr_outcome out = { .node = o->own ? o->own->name : NULL,
				  .state = "no-owner",
				  .refusals = "no-owner",
				  .calls = o->calls };
	char advice[200];

	fp_orphan_advice(o, advice, sizeof(advice));
	snprintf(out.detail, sizeof(out.detail), "%s: %s", o->tag, advice);
	return fp_out_record(v->c->out, &type, &out, e);
}

static int orphans(struct fr_env *v, uint64_t *n_bad, struct fp_err *e)
{
	struct fp_orphan *o;
	size_t n;
	int r = fp_edges_orphans(&v->edges, &o, &n, e);

	if (r)
		return r;
	for (size_t i = 0; i < n && !r; i++) {
		if (!is_meant(v, &o[i]))
			continue;
		r = orphan(v, &o[i], e);
		*n_bad += !r;
	}
	free(o);
	return r;
}

/* ---- all of them */

static int list_all(struct fr_env *v, struct fp_err *e)
{
	struct fp_edge **which = calloc(v->edges.n, sizeof(struct fp_edge *));
	size_t n = 0;
	int r;

	if (!which)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < v->edges.n; i++)
		if (v->edges.v[i].view)
			which[n++] = &v->edges.v[i];
	r = fp_edges_list(&v->edges, which, n, NULL, NULL, e);
	free(which);
	return r;
}

static int all(struct fr_env *v, uint64_t *n_bad, uint64_t *n_unknown,
	       struct fp_err *e)
{
	struct fr_outcome o;
	int r = fp_edges_read(&v->edges, e);

	if (!r)
		r = list_all(v, e);
	for (size_t i = 0; i < v->edges.n && !r; i++) {
		if (!fr_is_named(v, &v->edges.v[i]))
			continue;
		r = node(v, &v->edges.v[i], &o, e);
		if (!r)
			r = fp_out_record(v->c->out, &type, &o, e);
		*n_bad += !r && (o.lost || (*o.refusals && o.calls));
		*n_unknown += !r && o.is_unknown;
	}
	return r ? r : orphans(v, n_bad, e);
}

static uint64_t n_named(const struct fr_env *v)
{
	uint64_t n = 0;

	for (size_t i = 0; i < v->edges.n; i++)
		n += fr_is_named(v, &v->edges.v[i]);
	return n;
}

int fr_preflight_all(struct fr_env *v)
{
	struct fp_err e = { .text = "" };
	uint64_t n_bad = 0, n_unknown = 0;
	int r = fp_out_check(v->c->out, &type, &e);

	if (!r)
		r = all(v, &n_bad, &n_unknown, &e);
	if (r)
		return fr_fail(v, r, &e);
	fp_out_counts(v->c->out, false, NULL, "nodes", n_named(v), "at_risk",
		      n_bad, "unknown", n_unknown, NULL);
	return n_bad ? FP_EXIT_NO : n_unknown ? FP_EXIT_AGAIN : FP_EXIT_OK;
}
