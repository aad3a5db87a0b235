/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_MAPS_SAMPLES_H
#define FP_PEER_MAPS_SAMPLES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "fp_maps.h"

/* The ring of sampled drops (fp_maps.h).  Any number of readers: each has a place
 * of its own, and reading takes nothing away.  There is nothing to wait on; look
 * every so often, and sooner the more there were: under a flood each reason of a NIC
 * fills one place a CPU and tick (CONFIG_HZ of the kernel, 100 to 1000 a second)
 * when sample=1, and each drop one when sample=all. */
struct fp_samples;

/* dir: PINS/vLAYOUT.  is_from_start: what the ring still holds comes first.
 * 0: close with fp_samples_close.  -ENOENT: no filter is loaded. */
int fp_samples_open(struct fp_samples **out, const char *dir,
		    bool is_from_start, struct fp_err *e);
void fp_samples_close(struct fp_samples *s);

typedef void fp_samples_each(void *ctx, const struct fp_sample *s);
/* Give each what came since the last call, the oldest first; each returns before
 * the next is read.  One that is being written is waited for, for one call: it takes
 * less than that unless its place was taken from it.  Returns how many are lost:
 * overwritten before we came, or never written. */
uint64_t fp_samples_read(struct fp_samples *s, fp_samples_each *each,
			 void *ctx);

#endif
