/* SPDX-License-Identifier: Apache-2.0 */
#include "logic/recover_place.h"

#include <stdlib.h>
#include <string.h>

struct placing {
	const struct fp_calls *calls;
	const struct fp_place_node *node;
	size_t n;
	int64_t *placed; /* legs, of each node */
	int64_t *cap; /* sessions it could have; of one without limit, as many
			    as the largest, or as all that there is */
};

static bool runs(const struct fp_place_node *x, const char *profile)
{
	for (size_t i = 0; i < x->n_profiles; i++)
		if (strcmp(x->profiles[i], profile) == 0)
			return true;
	return false;
}

static bool is_v6(const char *ip)
{
	return ip != NULL && strchr(ip, ':') != NULL;
}

static bool takes_legs(const struct fp_place_node *x, const struct fp_call *c,
		       const struct fp_leg *leg)
{
	const char *last = NULL;

	for (size_t i = c->first; i < c->first + c->n; i++) {
		const char *profile = leg[i].row.profile;

		if (x->is_v4_only && is_v6(leg[i].row.media_ip))
			return false;
		if (profile == NULL || profile == last)
			continue;
		if (!runs(x, profile))
			return false;
		last = profile;
	}
	return true;
}

static bool is_fit(const struct placing *p, size_t i, const struct fp_call *c)
{
	const struct fp_place_node *x = &p->node[i];

	return x->weight > 0 && x->idle_percent >= x->min_idle_percent &&
	       (x->room < 0 || x->room - p->placed[i] >= (int64_t)c->n) &&
	       takes_legs(x, c, p->calls->leg);
}

/* How full its share would be. */
static double fullness(const struct placing *p, size_t i, size_t n)
{
	double used = (double)(p->node[i].sessions + p->placed[i]) + (double)n;

	return used / ((double)p->cap[i] * p->node[i].weight);
}

static size_t choose(const struct placing *p, const struct fp_call *c,
		     uint64_t not_there)
{
	size_t best = FP_PLACE_NONE;

	for (size_t i = 0; i < p->n; i++) {
		if (not_there >> i & 1 || !is_fit(p, i, c))
			continue;
		if (p->node[i].is_self)
			return i;
		if (best == FP_PLACE_NONE ||
		    fullness(p, i, c->n) < fullness(p, best, c->n))
			best = i;
	}
	return best;
}

static void set_caps(struct placing *p)
{
	int64_t all = (int64_t)p->calls->n_legs, most = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct fp_place_node *x = &p->node[i];

		p->cap[i] = x->room < 0 ? 0 : x->sessions + x->room;
		if (p->cap[i] > most)
			most = p->cap[i];
		all += x->sessions;
	}
	for (size_t i = 0; i < p->n; i++)
		if (p->node[i].room < 0)
			p->cap[i] = most > all ? most : all;
		else if (p->cap[i] == 0)
			p->cap[i] = 1;
}

struct by_size {
	size_t call, n;
};

static int larger(const void *pa, const void *pb)
{
	const struct by_size *a = pa, *b = pb;

	if (a->n != b->n)
		return a->n > b->n ? -1 : 1;
	return a->call < b->call ? -1 : a->call > b->call;
}

static bool is_wanted(const struct fp_call *c)
{
	return c->fate != FP_FATE_SKIP && c->fate != FP_FATE_LOST;
}

/* Why c fits nowhere. */
static const char *why_not(const struct placing *p, const struct fp_call *c,
			   uint64_t not_there)
{
	bool is_any = false, is_left = false;

	for (size_t i = 0; i < p->n; i++) {
		bool is_tried = not_there >> i & 1;

		is_left |= !is_tried;
		is_any |=
			!is_tried && takes_legs(&p->node[i], c, p->calls->leg);
	}
	if (!is_left)
		return "it was tried at every node";
	return is_any ? "no node has room for it, or CPU to spare"
		      : "no node that is left runs its profile and address family";
}

static int place_all(struct placing *p, struct by_size *order,
		     const uint64_t *not_there, size_t *to, struct fp_err *e)
{
	const struct fp_calls *c = p->calls;
	size_t n_not = 0, first = 0;

	for (size_t i = 0; i < c->n_calls; i++)
		order[i] = (struct by_size){ i, c->call[i].n };
	qsort(order, c->n_calls, sizeof(*order), larger);
	for (size_t k = 0; k < c->n_calls; k++) {
		size_t i = order[k].call;
		uint64_t bits = not_there != NULL ? not_there[i] : 0;

		to[i] = FP_PLACE_NONE;
		if (!is_wanted(&c->call[i]))
			continue;
		to[i] = choose(p, &c->call[i], bits);
		if (to[i] != FP_PLACE_NONE)
			p->placed[to[i]] += (int64_t)c->call[i].n;
		else if (n_not++ == 0)
			first = i;
	}
	if (n_not == 0)
		return 0;
	return fp_err(e, -ENOSPC, "%zu of %zu calls fit nowhere; %s: %s", n_not,
		      c->n_calls, c->call[first].name,
		      why_not(p, &c->call[first],
			      not_there != NULL ? not_there[first] : 0));
}

int fp_place_calls(const struct fp_calls *c, const struct fp_place_node *node,
		   size_t n_nodes, const uint64_t *not_there, size_t *to,
		   struct fp_err *e)
{
	struct placing p = { .calls = c, .node = node, .n = n_nodes };
	struct by_size *order;
	int rc = -ENOMEM;

	if (n_nodes == 0)
		return fp_err(e, -EINVAL, "no node to place calls on");
	if (n_nodes > 64)
		return fp_err(e, -EINVAL, "%zu nodes: at most 64", n_nodes);
	p.placed = calloc(n_nodes, sizeof(*p.placed));
	p.cap = calloc(n_nodes, sizeof(*p.cap));
	order = calloc(c->n_calls + 1, sizeof(*order));
	if (p.placed != NULL && p.cap != NULL && order != NULL) {
		set_caps(&p);
		rc = place_all(&p, order, not_there, to, e);
	} else {
		fp_err(e, rc, "placing %zu calls: no memory", c->n_calls);
	}
	free(p.placed);
	free(p.cap);
	free(order);
	return rc;
}
