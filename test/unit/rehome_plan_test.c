/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "logic/rehome_plan.h"
#include "unit.h"

#define TAGS 8
#define NODES 4

struct row {
	const char *name;
	size_t n_nodes;
	struct fp_plan_node node[NODES];
	size_t n_tags;
	struct fp_plan_tag tag[TAGS];
	int code;
	size_t to[TAGS];
	size_t n_moved;
};

#define NONE FP_PLAN_NONE

static const struct row spreads[] = {
	{ "two nodes, even",
	  2,
	  { { 0, 1, 0 }, { 0, 1, 0 } },
	  4,
	  { { "a", 25, NONE, 0 },
	    { "b", 25, NONE, 0 },
	    { "c", 25, NONE, 0 },
	    { "d", 25, NONE, 0 } },
	  0,
	  { 0, 1, 0, 1 },
	  0 },
	{ "the largest first",
	  2,
	  { { 0, 1, 0 }, { 0, 1, 0 } },
	  3,
	  { { "a", 10, NONE, 0 }, { "b", 50, NONE, 0 }, { "c", 40, NONE, 0 } },
	  0,
	  { 1, 0, 1 },
	  0 },
	{ "to the one that has less",
	  2,
	  { { 100, 1, 0 }, { 0, 1, 0 } },
	  2,
	  { { "a", 50, NONE, 0 }, { "b", 40, NONE, 0 } },
	  0,
	  { 1, 1 },
	  0 },
	{ "by weight",
	  2,
	  { { 0, 3, 0 }, { 0, 1, 0 } },
	  4,
	  { { "a", 10, NONE, 0 },
	    { "b", 10, NONE, 0 },
	    { "c", 10, NONE, 0 },
	    { "d", 10, NONE, 0 } },
	  0,
	  { 0, 0, 1, 0 },
	  0 },
	{ "weight 0 gets nothing",
	  2,
	  { { 0, 0, 0 }, { 900, 1, 0 } },
	  2,
	  { { "a", 10, NONE, 0 }, { "b", 0, NONE, 0 } },
	  0,
	  { 1, 1 },
	  0 },
	{ "tags without calls",
	  3,
	  { { 0, 1, 0 }, { 0, 1, 0 }, { 0, 1, 0 } },
	  6,
	  { { "a", 0, NONE, 0 },
	    { "b", 0, NONE, 0 },
	    { "c", 0, NONE, 0 },
	    { "d", 0, NONE, 0 },
	    { "e", 0, NONE, 0 },
	    { "f", 0, NONE, 0 } },
	  0,
	  { 0, 1, 2, 0, 1, 2 },
	  0 },
	{ "a limit",
	  2,
	  { { 0, 1, 30 }, { 0, 1, 0 } },
	  3,
	  { { "a", 40, NONE, 0 }, { "b", 30, NONE, 0 }, { "c", 30, NONE, 0 } },
	  0,
	  { 1, 0, 1 },
	  0 },
	{ "no room for all",
	  1,
	  { { 0, 1, 50 } },
	  3,
	  { { "a", 40, NONE, 0 }, { "b", 30, NONE, 0 }, { "c", 10, NONE, 0 } },
	  -ENOSPC,
	  { 0, NONE, 0 },
	  0 },
	{ "nobody",
	  0,
	  { { 0, 0, 0 } },
	  1,
	  { { "a", 40, NONE, 0 } },
	  -EINVAL,
	  { 0 },
	  0 },
};

static const struct row balances[] = {
	{ "even already",
	  2,
	  { { 0, 1, 0 }, { 0, 1, 0 } },
	  2,
	  { { "a", 25, 0, 0 }, { "b", 25, 1, 0 } },
	  0,
	  { 0, 1 },
	  0 },
	{ "one moves",
	  2,
	  { { 0, 1, 0 }, { 0, 1, 0 } },
	  4,
	  { { "a", 25, 0, 0 },
	    { "b", 24, 0, 0 },
	    { "c", 26, 0, 0 },
	    { "d", 25, 1, 0 } },
	  0,
	  { 1, 0, 0, 1 },
	  1 },
	{ "what would only swap ends stays",
	  2,
	  { { 0, 1, 0 }, { 0, 1, 0 } },
	  1,
	  { { "a", 100, 0, 0 } },
	  0,
	  { 0 },
	  0 },
	{ "half of them",
	  2,
	  { { 0, 1, 0 }, { 0, 1, 0 } },
	  4,
	  { { "a", 10, 0, 0 },
	    { "b", 10, 0, 0 },
	    { "c", 10, 0, 0 },
	    { "d", 10, 0, 0 } },
	  0,
	  { 1, 1, 0, 0 },
	  2 },
	{ "without calls they stay",
	  2,
	  { { 100, 1, 0 }, { 0, 1, 0 } },
	  2,
	  { { "a", 0, 0, 0 }, { "b", 0, 0, 0 } },
	  0,
	  { 0, 0 },
	  0 },
	{ "what others have counts",
	  2,
	  { { 0, 1, 0 }, { 100, 1, 0 } },
	  2,
	  { { "a", 40, 0, 0 }, { "b", 40, 1, 0 } },
	  0,
	  { 0, 0 },
	  1 },
	{ "weight 0 gives all",
	  3,
	  { { 0, 0, 0 }, { 0, 1, 0 }, { 0, 1, 0 } },
	  4,
	  { { "a", 10, 0, 0 },
	    { "b", 10, 0, 0 },
	    { "c", 10, 0, 0 },
	    { "d", 10, 0, 0 } },
	  0,
	  { 1, 2, 1, 2 },
	  4 },
	{ "a limit",
	  2,
	  { { 0, 1, 0 }, { 0, 1, 15 } },
	  4,
	  { { "a", 10, 0, 0 },
	    { "b", 10, 0, 0 },
	    { "c", 10, 0, 0 },
	    { "d", 10, 0, 0 } },
	  0,
	  { 1, 0, 0, 0 },
	  1 },
	{ "owned by nobody",
	  2,
	  { { 0, 1, 0 }, { 0, 1, 0 } },
	  2,
	  { { "a", 10, NONE, 0 }, { "b", 10, 0, 0 } },
	  0,
	  { NONE, 0 },
	  0 },
};

static void check(const struct row *t, const struct fp_plan_tag *tag)
{
	for (size_t i = 0; i < t->n_tags && t->code != -EINVAL; i++)
		if (!EQ(tag[i].to, t->to[i]))
			printf("# %s: tag %s\n", t->name, tag[i].name);
}

TEST(tags_are_spread)
{
	for (size_t i = 0; i < sizeof(spreads) / sizeof(*spreads); i++) {
		const struct row *t = &spreads[i];
		struct fp_plan_tag tag[TAGS];

		memcpy(tag, t->tag, sizeof(tag));
		EQ(fp_plan_spread(tag, t->n_tags, t->node, t->n_nodes),
		   t->code);
		check(t, tag);
	}
}

TEST(nodes_are_evened_out)
{
	for (size_t i = 0; i < sizeof(balances) / sizeof(*balances); i++) {
		const struct row *t = &balances[i];
		struct fp_plan_tag tag[TAGS];
		size_t n;

		memcpy(tag, t->tag, sizeof(tag));
		EQ(fp_plan_balance(tag, t->n_tags, t->node, t->n_nodes, &n),
		   t->code);
		if (!EQ(n, t->n_moved))
			printf("# %s\n", t->name);
		check(t, tag);
	}
}

/* Two controllers that list tags in another order plan alike. */
TEST(the_order_does_not_matter)
{
	const struct fp_plan_node node[3] = { { 5, 1, 0 },
					      { 9, 2, 0 },
					      { 0, 1, 60 } };
	struct fp_plan_tag a[TAGS], b[TAGS];

	for (unsigned int i = 0; i < TAGS; i++) {
		a[i] = (struct fp_plan_tag){ .calls = i / 2 * 7, .from = NONE };
		snprintf(a[i].name, sizeof(a[i].name), "sip1.%u", i);
	}
	for (unsigned int i = 0; i < TAGS; i++)
		b[i] = a[TAGS - 1 - i];
	EQ(fp_plan_spread(a, TAGS, node, 3), 0);
	EQ(fp_plan_spread(b, TAGS, node, 3), 0);
	for (unsigned int i = 0; i < TAGS; i++)
		EQ(a[i].to, b[TAGS - 1 - i].to);
}

static uint64_t any(uint64_t *seed, uint64_t below)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (*seed >> 11) % below;
}

static double gap(const double load[NODES])
{
	double low = load[0], high = load[0];

	for (int i = 1; i < NODES; i++) {
		low = load[i] < low ? load[i] : low;
		high = load[i] > high ? load[i] : high;
	}
	return high - low;
}

TEST(any_cluster_is_no_worse_after)
{
	struct fp_plan_node node[NODES];
	struct fp_plan_tag tag[TAGS];
	double before[NODES], after[NODES];
	uint64_t seed = 1;
	size_t n, n_moved;

	for (int turn = 0; turn < 2000; turn++) {
		for (int i = 0; i < NODES; i++) {
			node[i] = (struct fp_plan_node){ any(&seed, 50), 1, 0 };
			before[i] = after[i] = (double)node[i].calls;
		}
		for (int i = 0; i < TAGS; i++) {
			tag[i] =
				(struct fp_plan_tag){ .calls = any(&seed, 40) };
			tag[i].from = any(&seed, NODES);
		}
		EQ(fp_plan_balance(tag, TAGS, node, NODES, &n), 0);
		n_moved = 0;
		for (int i = 0; i < TAGS; i++) {
			before[tag[i].from] += (double)tag[i].calls;
			after[tag[i].to] += (double)tag[i].calls;
			n_moved += tag[i].from != tag[i].to;
			OK(tag[i].calls || tag[i].from == tag[i].to);
		}
		EQ(n, n_moved);
		if (!OK(gap(after) <= gap(before)))
			return;
		/* and a second time nothing moves */
		for (int i = 0; i < TAGS; i++)
			tag[i].from = tag[i].to;
		EQ(fp_plan_balance(tag, TAGS, node, NODES, &n), 0);
		EQ(n, 0);
	}
}
