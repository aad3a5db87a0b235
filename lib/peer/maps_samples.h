/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_MAPS_SAMPLES_H
#define FP_PEER_MAPS_SAMPLES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "fp_maps.h"

/* The ring of sampled drops (fp_maps.h).  Any number of readers: each has a place
 * of its own, and reading takes nothing away.  There is nothing to wait on; look
 * every so often: with the ring's FP_SAMPLES and a tick of 4 ms, ten times a
 * second is enough for one reason on two CPUs under a flood. */
struct fp_samples;

/* dir: PINS/vLAYOUT.  is_from_start: what the ring still holds comes first.
 * 0: close with fp_samples_close.  -ENOENT: no filter is loaded. */
int fp_samples_open(struct fp_samples **out, const char *dir,
		    bool is_from_start, struct fp_err *e);
void fp_samples_close(struct fp_samples *s);

typedef void fp_samples_each(void *ctx, const struct fp_sample *s);
/* Give each what came since the last call, the oldest first; each returns before
 * the next is read.  Returns how many were overwritten before we came. */
uint64_t fp_samples_read(struct fp_samples *s, fp_samples_each *each,
			 void *ctx);

#endif
