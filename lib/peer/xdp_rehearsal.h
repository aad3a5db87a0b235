/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_XDP_REHEARSAL_H
#define FP_PEER_XDP_REHEARSAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "peer/maps.h"

/* The filter's own program in a second instance, to judge captured packets: it
 * counts nothing, samples nothing, remembers nobody and redirects nothing.  Many
 * packets go into one run of the kernel's, which costs some 1.8 us each time. */
struct fp_rehearsal;

/* dir: where the filter is pinned whose lists it judges by, as they are while it
 * runs; NULL: tables of its own, empty, to be filled by fp_rehearsal_maps.
 * Settings and ports are copies in either case: of that filter's, with no
 * deadline and no bypass, or all zero.
 * 0: close with fp_rehearsal_close.  -ENOENT: nothing is pinned there.  Others
 * as fp_xdp_load. */
int fp_rehearsal_open(struct fp_rehearsal **out, const char *dir,
		      struct fp_err *e);
void fp_rehearsal_close(struct fp_rehearsal *r);

/* Settings and ports of its own, and with dir NULL its tables; valid until it is
 * closed. */
struct fp_maps *fp_rehearsal_maps(struct fp_rehearsal *r);

struct fp_rehearsal_verdict {
	bool is_drop;
	enum fp_reason reason;
	enum fp_reason observed; /* seen_*; FP_R_N: nothing */
};

/* From now on it keeps the modes that fp_rehearsal_maps has, rather than follow
 * the filter's. */
void fp_rehearsal_keep(struct fp_rehearsal *r);

/* Take one more frame (from the Ethernet header on; 14 bytes at least, longer ones
 * than FP_XDP_RUN_MAX are cut).  The copy that will be judged, which stands until
 * the first that is put after the next run; NULL: full, fp_rehearsal_run is
 * next. */
const unsigned char *fp_rehearsal_put(struct fp_rehearsal *r, const void *frame,
				      size_t len);

/* Judge what was put, at most FP_REHEARSE_MAX frames: out[i] for the i-th, *n how
 * many (0 of none).  0; -errno: none was judged. */
int fp_rehearsal_run(struct fp_rehearsal *r, struct fp_rehearsal_verdict *out,
		     size_t *n, struct fp_err *e);

#endif
