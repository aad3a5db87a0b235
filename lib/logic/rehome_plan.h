/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_REHOME_PLAN_H
#define FP_LOGIC_REHOME_PLAN_H

#include <stddef.h>
#include <stdint.h>

/* Which tag goes to which node: the unit that changes owner is a tag.  Pure. */

#define FP_PLAN_NONE SIZE_MAX

struct fp_plan_tag {
	char name[64];
	size_t calls; /* that are up */
	size_t from;  /* index of the node that owns it; FP_PLAN_NONE: nobody */
	size_t to;    /* out; == from: it stays */
};
struct fp_plan_node {
	size_t calls; /* of all tags that it owns and that are not in the plan */
	double weight; /* 1; 0: gets nothing */
	size_t max;    /* calls that it may get (memory); 0: no limit */
};
/* Spread the tags over the nodes so that calls / weight are even: the largest tag
 * first, to the one that is least loaded; ties by index, so that two controllers
 * plan alike.  Tags without calls are spread too.
 * 0.  -ENOSPC: the limits do not hold them all (what fits is planned, the rest has
 * to == FP_PLAN_NONE).  -EINVAL: no node. */
int fp_plan_spread(struct fp_plan_tag *tag, size_t n_tags,
		   const struct fp_plan_node *node, size_t n_nodes);
/* Even out with few moves: only tags whose move brings the most and the least
 * loaded nearer; those without calls stay.  0: how many move is in *n_moved. */
int fp_plan_balance(struct fp_plan_tag *tag, size_t n_tags,
		    const struct fp_plan_node *node, size_t n_nodes,
		    size_t *n_moved);

#endif
