/* SPDX-License-Identifier: Apache-2.0 */
/* Was this held up? */
#include "io/clock.h"
#include "io/late.h"
#include "unit.h"

TEST(the_first_run_is_never_late)
{
	struct fp_late l = { .ms = 0 };
	int64_t ms = -1;

	EQ(fp_late_ran(&l, &ms), 0);
	EQ(ms, -1);
}

TEST(a_pause_is_told_once)
{
	struct fp_late l = { .ms = 0 };
	int64_t ms = 0;

	fp_late_ran(&l, &ms);
	fp_clock_turn(FP_LATE_MS / 2);
	EQ(fp_late_ran(&l, &ms), 0);
	fp_clock_turn(60000);
	OK(fp_late_ran(&l, &ms) >= 60000);
	OK(ms >= 60000 && ms < 70000);
	EQ(fp_late_ran(&l, NULL), 0);
}

/* CLOCK_MONOTONIC stands still while the machine sleeps: deadlines are not pushed. */
TEST(a_machine_that_slept)
{
	struct fp_late l = { .ms = 0 };
	int64_t ms = -1;

	fp_late_ran(&l, NULL);
	l.boot_ms -= 60000;
	OK(fp_late_ran(&l, &ms) >= 60000);
	OK(ms >= 0 && ms < FP_LATE_MS);
}
