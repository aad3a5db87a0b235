/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CONTROL_VISITS_H
#define FP_CONTROL_VISITS_H

#include "control/visit.h"

/* Nodes made to agree, all at once. */

/* Called from the loop with the index of a host; may be NULL. */
struct fp_visits_ops {
	/* what it said of itself, once */
	void (*hello)(void *ctx, size_t i, const struct fp_hello *h);
	/* the last that is heard of it; out is the caller's to copy */
	void (*ended)(void *ctx, size_t i, const struct fp_member *m,
		      const struct fp_outcome *out);
	void *ctx;
};

/* Visit n hosts by plan (fp_plan_begin was called) and wait on the loop.
 * 0: ended was called for each, also when a signal cut it short (-EINTR of theirs).
 * -ENOMEM; -errno of the loop. */
int fp_visit_hosts(struct fp_loop *l, const struct fp_fleet_opts *o,
		   struct fp_plan *plan, const struct fp_host *const *hosts,
		   size_t n, const struct fp_visits_ops *ops, struct fp_err *e);

#endif
