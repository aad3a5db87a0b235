/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_IO_LATE_H
#define FP_IO_LATE_H

#include <stdint.h>

/* Who is run by ticks sees whether it was held up: its process stopped, or its machine
 * asleep.  What it knew before may not be so any more. */
#define FP_LATE_MS 2000

struct fp_late { /* zeros: not run yet */
	int64_t ms, boot_ms;
};
/* We are run.  0: as before.  Else, longer than FP_LATE_MS, for how long we were not:
 * by CLOCK_BOOTTIME, which goes on while the machine sleeps; *ms (may be NULL): of it
 * by CLOCK_MONOTONIC, which deadlines are of. */
int64_t fp_late_ran(struct fp_late *l, int64_t *ms);

#endif
