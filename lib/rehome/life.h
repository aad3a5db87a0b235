/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_REHOME_LIFE_H
#define FP_REHOME_LIFE_H

#include <stdint.h>

#include "rehome/edges.h"

/* Does a node whose fp_mi is silent give another sign of life?  Asked beside a reading
 * of all views (fp_edges_suspect), so that what is dead is waited for once, and not for
 * one address after the other. */
struct fp_life_ask;

/* OPTIONS to each fp_sip of x, and a question to its fp_mi_list, each for its time.
 * 0: *out for fp_life_end; -EINVAL: fp_sip; -errno. */
int fp_life_begin(struct fp_life_ask **out, struct fp_edge *x, int64_t sip_ms,
		  int64_t list_ms, struct fp_err *e);
/* Wait for the answers, or drop them (r, of what else was done, is not 0); it is freed
 * in any case.
 * r; 0: x->life is new.  -EINVAL: at fp_mi_list is another node.  -EINTR. */
int fp_life_end(struct fp_life_ask *a, int r, struct fp_err *e);

#endif
