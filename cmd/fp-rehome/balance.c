/* SPDX-License-Identifier: Apache-2.0 */
/* fp-rehome balance: even out by moving tags. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "move.h"

/* Those that are in step and not in maintenance: of the ones that are named, if
 * any is. */
static int find_nodes(struct fr_move *m, struct fp_err *e)
{
	const struct fp_preflight p = { .kind = FP_MOVE_BALANCE,
					.edges = &m->v.edges,
					.marks = m->v.marks,
					.n_marks = m->v.n_marks };
	struct fp_edge *x;
	size_t n = 0;
	int r = 0;

	for (int i = 0; i < m->v.c->argc && !r; i++)
		r = fr_node(&m->v, m->v.c->argv[i], &x, e);
	if (!r)
		r = fp_preflight_auto(&p, &m->to, &m->n_to, e);
	for (size_t i = 0; i < m->n_to && !r; i++)
		if (fr_is_named(&m->v, m->to[i]))
			m->to[n++] = m->to[i];
	m->n_to = n;
	return r;
}

static size_t index_of(const struct fr_move *m, const struct fp_edge *x)
{
	for (size_t i = 0; i < m->n_to; i++)
		if (m->to[i] == x)
			return i;
	return FP_PLAN_NONE;
}

/* Tags that one of the nodes owns. */
static size_t tags_of(const struct fr_move *m, struct fp_plan_tag *t)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_now; i++) {
		size_t from = index_of(m, m->now[i].owner);

		if (from == FP_PLAN_NONE)
			continue;
		t[n] = (struct fp_plan_tag){ .calls = m->now[i].calls,
					     .from = from,
					     .to = from };
		snprintf(t[n++].name, sizeof(t->name), "%s", m->now[i].name);
	}
	return n;
}

static int plan(struct fr_move *m, struct fp_err *e)
{
	struct fp_plan_tag *t = calloc(m->n_now + 1, sizeof(*t));
	struct fp_plan_node *node = calloc(m->n_to + 1, sizeof(*node));
	size_t n = 0, n_moved = 0;
	int r = 0;

	if (!t || !node)
		r = fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < m->n_to && !r; i++)
		node[i].weight = fr_move_weight(m, m->to[i]);
	if (!r)
		n = tags_of(m, t);
	if (!r && fp_plan_balance(t, n, node, m->n_to, &n_moved))
		r = fp_err(e, -EINVAL, "no plan for these nodes");
	for (size_t i = 0; i < n && !r; i++)
		if (t[i].to != t[i].from)
			r = fr_move_add(m, t[i].name, m->to[t[i].from],
					m->to[t[i].to], e);
	free(t);
	free(node);
	return r;
}

static int balance(struct fr_move *m, struct fp_err *e)
{
	int r = find_nodes(m, e);

	if (!r && m->n_to < 2)
		return fr_move_nothing(m, "fewer than two nodes that live, are "
					  "in step and not in maintenance: "
					  "nothing to even out");
	if (!r)
		r = fr_move_count(m, e);
	if (!r)
		r = plan(m, e);
	if (!r && !m->n_plan)
		return fr_move_nothing(m, "no move of a tag makes it more "
					  "even");
	return r ? r : fr_move_run(m);
}

int fr_balance(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct fr_move m;
	int r = fr_move_open(&m, c, FP_MOVE_BALANCE, false, &e);

	if (r) {
		m.v.c = c;
		return fr_fail(&m.v, r, &e);
	}
	r = balance(&m, &e);
	if (r < 0)
		r = fr_fail(&m.v, r, &e);
	fr_move_close(&m);
	return r;
}
