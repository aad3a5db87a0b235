/* SPDX-License-Identifier: Apache-2.0 */
#include "io/late.h"

#include <stddef.h>

#include "io/clock.h"

int64_t fp_late_ran(struct fp_late *l, int64_t *ms)
{
	struct fp_late was = *l;

	l->ms = fp_clock_ms();
	l->boot_ms = fp_clock_boot_ms();
	if (!was.boot_ms || l->boot_ms - was.boot_ms <= FP_LATE_MS)
		return 0;
	if (ms)
		*ms = l->ms - was.ms;
	return l->boot_ms - was.boot_ms;
}
