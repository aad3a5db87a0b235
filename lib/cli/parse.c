/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "cli/opt.h"
#include "io/clock.h"

#define FOR_MAX_S (100ll * 366 * 86400)

static bool unit_ms(const char *s, int64_t *ms)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {
		{ "ms", 1 },      { "s", 1000 },     { "m", 60000 },
		{ "h", 3600000 }, { "d", 86400000 }, { "w", 604800000 },
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (!strcmp(s, units[i].name)) {
			*ms = units[i].ms;
			return true;
		}
	return false;
}

int fp_parse_duration(const char *s, int64_t *ms, struct fp_err *e)
{
	const char *p = s;
	int64_t n = 0, unit;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, *p - '0', &n))
			return fp_err(e, -EINVAL,
				      "\"%.32s...\" is too long a time", s);
	if (p == s || !unit_ms(p, &unit))
		return fp_err(e, -EINVAL,
			      "\"%.64s\" is not a duration such as 500ms, 10s, "
			      "5m, 1h, 1d or 1w",
			      s);
	if (__builtin_mul_overflow(n, unit, &n))
		return fp_err(e, -EINVAL, "\"%.64s\" is too long a time", s);
	*ms = n;
	return 0;
}

int fp_parse_time(const char *s, size_t n, int64_t *unix_s, struct fp_err *e)
{
	if (fp_time_parse(unix_s, s, n))
		return 0;
	return fp_err(e, -EINVAL,
		      "\"%.*s\" is not a time such as 2026-01-02T03:04:05Z",
		      (int)(n < 64 ? n : 64), s);
}

size_t fp_print_time(int64_t unix_s, char out[FP_TIME_STRLEN])
{
	/* RFC 3339 has four digits for the year. */
	unix_s = unix_s < 0 ? 0 : unix_s;
	fp_time_print(unix_s > FP_TIME_MAX_S ? FP_TIME_MAX_S : unix_s, out);
	out[FP_TIME_LEN] = 0;
	return FP_TIME_LEN;
}

int fp_cli_end(const struct fp_cli *c, int64_t *for_s, int64_t *until_s,
	       struct fp_err *e)
{
	const char *dur = fp_cli_get(c, "for");
	const char *at = fp_cli_get(c, "until");
	int64_t ms;
	int r = 0;

	if (dur && at)
		return fp_err(e, -EINVAL,
			      "--for and --until: only one of them");
	if (dur) {
		r = fp_parse_duration(dur, &ms, e);
		if (r)
			return fp_err_prefix(e, r, "--for");
		*for_s = (ms + 999) / 1000;
		if (!ms || *for_s > FOR_MAX_S)
			r = fp_err(
				e, -EINVAL,
				"--for %s: from 1s to 100 years (without --for it is for ever)",
				dur);
	}
	if (at) {
		r = fp_parse_time(at, strlen(at), until_s, e);
		if (r)
			return fp_err_prefix(e, r, "--until");
		if (*until_s <= fp_clock_unix_s())
			r = fp_err(e, -EINVAL, "--until %s: that has passed",
				   at);
	}
	return r;
}
