/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_IO_TIMER_H
#define FP_IO_TIMER_H

#include "io/loop.h"

/* A binary heap of timers, the earliest at list[0]; timers know their slot, so
 * that any of them can be taken out.  The loop's; not for others. */
struct fp_timers {
	struct fp_timer **list;
	uint32_t n, cap;
};

/* Put t in, or move it when it is in.  0; -ENOMEM (t is unchanged). */
int fp_timers_put(struct fp_timers *h, struct fp_timer *t, int64_t at_ms);
void fp_timers_take(struct fp_timers *h, struct fp_timer *t);
void fp_timers_fini(struct fp_timers *h);

#endif
