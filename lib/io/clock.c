/* SPDX-License-Identifier: Apache-2.0 */
#include <stdatomic.h>
#include <time.h>

#include "io/clock.h"

static _Atomic int64_t turned_ms; /* 0 but in tests */

static int64_t read_ms(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 + turned_ms;
}

int64_t fp_clock_ms(void)
{
	return read_ms(CLOCK_MONOTONIC);
}

int64_t fp_clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000 +
	       turned_ms * 1000;
}

int64_t fp_clock_unix_s(void)
{
	return fp_clock_unix_ms() / 1000;
}

int64_t fp_clock_unix_ms(void)
{
	return read_ms(CLOCK_REALTIME);
}

int64_t fp_clock_boot_ms(void)
{
	return read_ms(CLOCK_BOOTTIME);
}

void fp_clock_turn(int64_t add_ms)
{
	turned_ms += add_ms;
}
