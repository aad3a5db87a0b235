/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_BASE_TIME_H
#define FP_BASE_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Times as RFC 3339 writes them, without the C library's time zone lock, which
 * is too dear a million times. */

#define FP_TIME_MAX_S 253402300799 /* 9999-12-31T23:59:59Z */

/* Read exactly n bytes: any offset from UTC, small letters too, a fraction of a
 * second is dropped.  *out_s: unix time.
 * false: it is no time, or not from 1970-01-01T00:00:01Z to FP_TIME_MAX_S. */
bool fp_time_parse(int64_t *out_s, const char *s, size_t n);

/* "2026-01-02T03:04:05Z", no NUL; at_s from 0 to FP_TIME_MAX_S. */
#define FP_TIME_LEN 20
void fp_time_print(int64_t at_s, char out[FP_TIME_LEN]);

#endif
