/* SPDX-License-Identifier: Apache-2.0 */
#include "logic/rehome_plan.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* What a node has while a plan is made. */
struct load {
	double calls, weight;
	size_t got, max; /* of the plan; max 0: any */
	size_t n_empty;  /* tags without calls that it got */
};

static struct load *loads_of(const struct fp_plan_node *node, size_t n)
{
	struct load *l = calloc(n, sizeof(*l));

	for (size_t i = 0; l && i < n; i++)
		l[i] = (struct load){ .calls = (double)node[i].calls,
				      .weight = node[i].weight,
				      .max = node[i].max };
	return l;
}

static bool may_get(const struct load *l, size_t calls)
{
	return l->weight > 0 &&
	       (!l->max || (calls <= l->max && l->got <= l->max - calls));
}

/* How full it is, with that many more. */
static double level(const struct load *l, double more)
{
	return (l->calls + more) / l->weight;
}

/* The largest first; ties by name, then by where they stand. */
static int by_size(const void *a, const void *b)
{
	const struct fp_plan_tag *x = *(struct fp_plan_tag *const *)a;
	const struct fp_plan_tag *y = *(struct fp_plan_tag *const *)b;
	int by_name;

	if (x->calls != y->calls)
		return x->calls < y->calls ? 1 : -1;
	by_name = strcmp(x->name, y->name);
	return by_name ? by_name : (x > y) - (x < y);
}

/* How full it is with one more.  A tag without calls changes no level: such go by
 * their number. */
static double level_with(const struct load *l, const struct fp_plan_tag *t)
{
	return t->calls ? level(l, (double)t->calls)
			: (double)(l->n_empty + 1) / l->weight;
}

static bool is_better(const struct load *a, const struct load *b,
		      const struct fp_plan_tag *t)
{
	double x = level_with(a, t), y = level_with(b, t);

	return x < y || (x <= y && level(a, 0) < level(b, 0));
}

static size_t best_node(const struct load *l, size_t n,
			const struct fp_plan_tag *t)
{
	size_t best = FP_PLAN_NONE;

	for (size_t i = 0; i < n; i++)
		if (may_get(&l[i], t->calls) &&
		    (best == FP_PLAN_NONE || is_better(&l[i], &l[best], t)))
			best = i;
	return best;
}

static int spread(struct fp_plan_tag **order, size_t n_tags, struct load *l,
		  size_t n_nodes)
{
	int r = 0;

	for (size_t k = 0; k < n_tags; k++) {
		struct fp_plan_tag *t = order[k];

		t->to = best_node(l, n_nodes, t);
		if (t->to == FP_PLAN_NONE) {
			r = -ENOSPC;
			continue;
		}
		l[t->to].calls += (double)t->calls;
		l[t->to].got += t->calls;
		l[t->to].n_empty += !t->calls;
	}
	return r;
}

int fp_plan_spread(struct fp_plan_tag *tag, size_t n_tags,
		   const struct fp_plan_node *node, size_t n_nodes)
{
	struct fp_plan_tag **order = calloc(n_tags + 1, sizeof(*order));
	struct load *l = n_nodes ? loads_of(node, n_nodes) : NULL;
	int r = n_nodes ? -ENOMEM : -EINVAL;

	if (order && l) {
		for (size_t i = 0; i < n_tags; i++)
			order[i] = &tag[i];
		qsort(order, n_tags, sizeof(*order), by_size);
		r = spread(order, n_tags, l, n_nodes);
	}
	free(order);
	free(l);
	return r;
}

/* ---- balance */

/* The fullest that has a tag to give, and the emptiest that may get one. */
static void ends_of(const struct load *l, const struct fp_plan_tag *tag,
		    size_t n_tags, size_t n, size_t *fullest, size_t *emptiest)
{
	bool gives;

	*fullest = *emptiest = FP_PLAN_NONE;
	for (size_t i = 0; i < n; i++) {
		gives = false;
		for (size_t k = 0; k < n_tags && !gives; k++)
			gives = tag[k].to == i && tag[k].calls;
		/* weight 0: whatever it has is too much */
		if (gives && (*fullest == FP_PLAN_NONE ||
			      (l[*fullest].weight > 0 &&
			       (l[i].weight <= 0 ||
				level(&l[i], 0) > level(&l[*fullest], 0)))))
			*fullest = i;
		if (l[i].weight > 0 && may_get(&l[i], 1) &&
		    (*emptiest == FP_PLAN_NONE ||
		     level(&l[i], 0) < level(&l[*emptiest], 0)))
			*emptiest = i;
	}
}

/* How far apart the two are when it has moved; negative: it moves too much. */
static double gap_after(const struct load *from, const struct load *to,
			double calls)
{
	double high = from->weight > 0 ? level(from, -calls) : 0;
	double low = level(to, calls);

	return high > low ? high - low : low - high;
}

/* The tag of `from` that brings the two nearest; NULL: none brings them nearer. */
static struct fp_plan_tag *best_tag(struct fp_plan_tag *tag, size_t n_tags,
				    const struct load *l, size_t from,
				    size_t to)
{
	bool must = l[from].weight <= 0;
	double gap = must ? 0 : level(&l[from], 0) - level(&l[to], 0), after;
	struct fp_plan_tag *best = NULL;

	for (size_t k = 0; k < n_tags; k++) {
		if (tag[k].to != from || !tag[k].calls ||
		    !may_get(&l[to], tag[k].calls))
			continue;
		if (must)
			return &tag[k];
		after = gap_after(&l[from], &l[to], (double)tag[k].calls);
		if (after >= gap - 1e-9)
			continue;
		gap = after;
		best = &tag[k];
	}
	return best;
}

static void move(struct fp_plan_tag *t, struct load *l, size_t to)
{
	l[t->to].calls -= (double)t->calls;
	/* what comes back to where it was takes no room there */
	if (t->to != t->from)
		l[t->to].got -= t->calls;
	l[to].calls += (double)t->calls;
	if (to != t->from)
		l[to].got += t->calls;
	t->to = to;
}

static void balance(struct fp_plan_tag *tag, size_t n_tags, struct load *l,
		    size_t n_nodes)
{
	size_t from, to;

	/* Each turn brings two nearer; a tag that goes to and fro is cut off. */
	for (size_t turn = 0; turn < 4 * n_tags + 4; turn++) {
		struct fp_plan_tag *t;

		ends_of(l, tag, n_tags, n_nodes, &from, &to);
		if (from == FP_PLAN_NONE || to == FP_PLAN_NONE || from == to)
			return;
		t = best_tag(tag, n_tags, l, from, to);
		if (!t)
			return;
		move(t, l, to);
	}
}

int fp_plan_balance(struct fp_plan_tag *tag, size_t n_tags,
		    const struct fp_plan_node *node, size_t n_nodes,
		    size_t *n_moved)
{
	struct load *l = n_nodes ? loads_of(node, n_nodes) : NULL;

	*n_moved = 0;
	if (!l)
		return n_nodes ? -ENOMEM : -EINVAL;
	for (size_t k = 0; k < n_tags; k++) {
		tag[k].to = tag[k].from;
		if (tag[k].from < n_nodes)
			l[tag[k].from].calls += (double)tag[k].calls;
	}
	balance(tag, n_tags, l, n_nodes);
	for (size_t k = 0; k < n_tags; k++)
		*n_moved += tag[k].to != tag[k].from;
	free(l);
	return 0;
}
