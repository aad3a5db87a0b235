/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_HEALTH_POLICY_H
#define FP_HEALTH_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "control/fleet.h"
#include "logic/health_view.h"

/* The policy of nodes that have a filter (fp_if), asked now, for who is about to give
 * them calls. */

struct fp_policy {
	bool is_told; /* it answered, or it is known why not */
	bool has_view;
	struct fp_view_filter view;
	char detail[240]; /* what is wrong, as fp-health says it */
};
/* Ask hosts[n], each over SSH, and wait on the loop, at most three steps of
 * fleet->timeout_ms (our lists are read first).  0: out[n].  -EINTR; -ENOMEM; -errno. */
int fp_policy_ask(struct fp_loop *l, const struct fp_fleet_opts *fleet,
		  const char *lists_dir, const struct fp_host *const *hosts,
		  size_t n, struct fp_policy *out, struct fp_err *e);

#endif
