/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_IO_CLOCK_H
#define FP_IO_CLOCK_H

#include <stdint.h>

/* Every reading of time goes through here, so that tests can turn the clock. */
/* CLOCK_MONOTONIC, what bpf_ktime_get_coarse_ns counts. */
int64_t fp_clock_ms(void);
/* The same clock, for how long something took. */
int64_t fp_clock_us(void);
/* CLOCK_REALTIME. */
int64_t fp_clock_unix_s(void);
int64_t fp_clock_unix_ms(void);
/* CLOCK_BOOTTIME: goes on while the machine sleeps. */
int64_t fp_clock_boot_ms(void);
/* Tests only: add to all clocks. */
void fp_clock_turn(int64_t add_ms);

#endif
