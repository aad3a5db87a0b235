/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_RECOVER_FENCE_PRIV_H
#define FP_RECOVER_FENCE_PRIV_H

/* What the files of death.h share; not for others. */

#include "base/buf.h"
#include "recover/death.h"

#define FP_FENCE_LIST "fence"

/* Tell a condition.  As FP_COND_REFUSE it is for rule; lifted, it is a warning.
 * true: it refuses. */
bool fp_fence_say(const struct fp_fence *f, enum fp_condition_state state,
		  const char *rule, const char *node, const char *name,
		  const char *value, const char *detail);
void fp_fence_changed(const struct fp_fence *f);

/* ---- fence_nic.c: the list at the nodes */

/* The node's own addresses that no other has.  shared: who has one of them too, "" if
 * nobody. */
struct fp_fence_addrs {
	struct fp_prefix *v;
	size_t n;
	char shared[200];
};
int fp_fence_addrs(const struct fp_fence *f, struct fp_fence_addrs *out,
		   struct fp_err *e);
void fp_fence_addrs_fini(struct fp_fence_addrs *a);

/* is_proven: what cannot be done is a warning.  0: *is_refused. */
int fp_fence_nic(const struct fp_fence *f, bool is_proven, bool *is_refused,
		 struct fp_err *e);

#endif
