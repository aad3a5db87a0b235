/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/opt.h"

#define YEAR_9999_S 253402300799 /* 9999-12-31T23:59:59Z */

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

static bool is_leap(int y)
{
	return (y % 4 == 0 && y % 100) || y % 400 == 0;
}

static int month_days(int y, int m)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30,
				    31, 31, 30, 31, 30, 31 };

	return days[m - 1] + (m == 2 && is_leap(y));
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar, as POSIX 4.16
 * (seconds since the Epoch) counts them. */
static int64_t days_before_year(int64_t y)
{
	y--;
	return y * 365 + y / 4 - y / 100 + y / 400 - 719162;
}

static bool two(const char *s, int min, int max, int *v)
{
	if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
		return false;
	*v = (s[0] - '0') * 10 + s[1] - '0';
	return *v >= min && *v <= max;
}

static bool read_time(const char *s, size_t n, int64_t *unix_s)
{
	int c, y, mon, day, h, min, sec;
	int64_t days;

	if (n != 20 || s[4] != '-' || s[7] != '-' || s[10] != 'T' ||
	    s[13] != ':' || s[16] != ':' || s[19] != 'Z')
		return false;
	if (!two(s, 0, 99, &c) || !two(s + 2, 0, 99, &y) ||
	    !two(s + 5, 1, 12, &mon) || !two(s + 8, 1, 31, &day) ||
	    !two(s + 11, 0, 23, &h) || !two(s + 14, 0, 59, &min) ||
	    !two(s + 17, 0, 59, &sec))
		return false;
	y += c * 100;
	if (y < 1970 || day > month_days(y, mon))
		return false;
	days = days_before_year(y) + day - 1;
	for (int m = 1; m < mon; m++)
		days += month_days(y, m);
	*unix_s = days * 86400 + h * 3600 + min * 60 + sec;
	return true;
}

int fp_parse_time(const char *s, size_t n, int64_t *unix_s, struct fp_err *e)
{
	if (read_time(s, n, unix_s))
		return 0;
	return fp_err(e, -EINVAL,
		      "\"%.*s\" is not a time such as 2026-01-02T03:04:05Z",
		      (int)(n < 64 ? n : 64), s);
}

size_t fp_print_time(int64_t unix_s, char out[FP_TIME_STRLEN])
{
	int64_t days, s;
	int mon = 1, y;

	/* RFC 3339 has four digits for the year, and read_time no past. */
	unix_s = unix_s < 0 ? 0 : unix_s > YEAR_9999_S ? YEAR_9999_S : unix_s;
	days = unix_s / 86400;
	s = unix_s % 86400;
	/* A year has at least 365 days, so this guess is never too early. */
	y = 1970 + (int)(days / 365);
	while (days_before_year(y) > days)
		y--;
	days -= days_before_year(y);
	for (; days >= month_days(y, mon); mon++)
		days -= month_days(y, mon);
	return (size_t)snprintf(out, FP_TIME_STRLEN,
				"%04d-%02d-%02dT%02d:%02d:%02dZ", y, mon,
				(int)days + 1, (int)(s / 3600),
				(int)(s / 60 % 60), (int)(s % 60));
}
