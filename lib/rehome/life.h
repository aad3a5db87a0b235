/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_REHOME_LIFE_H
#define FP_REHOME_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "rehome/edges.h"

/* Does a node whose fp_mi is silent give another sign of life? */

struct fp_life {
	bool is_asked;  /* it has fp_sip */
	bool is_alive;  /* SIP: any final response, 503 too */
	char said[160]; /* of SIP, when it was asked */
};
/* OPTIONS to each fp_sip of x, and wait.  0; -EINVAL: fp_sip; -EINTR. */
int fp_life_sip(const struct fp_edge *x, int64_t timeout_ms,
		struct fp_life *out, struct fp_err *e);
/* Is x at its fp_mi_list?  0: *is_alive; -EINVAL: another node is.  -EINTR. */
int fp_life_list(struct fp_edge *x, int64_t timeout_ms, bool *is_alive,
		 struct fp_err *e);

#endif
