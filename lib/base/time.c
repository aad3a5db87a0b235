/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar.  Years
 * begin in March here, so that the leap day is the last one. */
static int64_t days_of(int64_t y, int64_t m, int64_t d)
{
	if (m <= 2)
		y--;
	m = (m + 9) % 12;
	return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + d - 1 -
	       719468;
}

static bool is_leap(int64_t y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static int64_t month_len(int64_t y, int64_t m)
{
	if (m == 2)
		return is_leap(y) ? 29 : 28;
	return m == 4 || m == 6 || m == 9 || m == 11 ? 30 : 31;
}

/* Match s against a pattern in which 'd' is a digit, 'T' and 'Z' stand for both
 * cases, '+' for a sign, and anything else for itself. */
static bool matches(const char *s, const char *pattern)
{
	for (; *pattern; s++, pattern++) {
		char c = *s;

		if (*pattern == 'd'   ? c < '0' || c > '9'
		    : *pattern == '+' ? c != '+' && c != '-'
		    : *pattern == 'T' || *pattern == 'Z'
			    ? (c & ~0x20) != *pattern
			    : c != *pattern)
			return false;
	}
	return true;
}

static int64_t two(const char *s)
{
	return (s[0] - '0') * 10 + s[1] - '0';
}

/* "Z" or "+01:30": seconds to subtract. */
static bool offset_parse(int64_t *out_s, const char *s, size_t n)
{
	*out_s = 0;
	if (n == 1)
		return matches(s, "Z");
	if (n != 6 || !matches(s, "+dd:dd") || two(s + 1) > 23 ||
	    two(s + 4) > 59)
		return false;
	*out_s = (two(s + 1) * 60 + two(s + 4)) * (*s == '-' ? -60 : 60);
	return true;
}

bool fp_time_parse(int64_t *out_s, const char *s, size_t n)
{
	int64_t y, mon, d, h, min, sec, offset, at;
	size_t i = 19;

	if (n < 20 || !matches(s, "dddd-dd-ddTdd:dd:dd"))
		return false;
	y = two(s) * 100 + two(s + 2);
	mon = two(s + 5);
	d = two(s + 8);
	h = two(s + 11);
	min = two(s + 14);
	sec = two(s + 17); /* 60: a leap second, RFC 3339 5.7 */
	if (!mon || mon > 12 || !d || d > month_len(y, mon) || h > 23 ||
	    min > 59 || sec > 60)
		return false;
	if (s[i] == '.') {
		size_t dot = i++;

		while (i < n && s[i] >= '0' && s[i] <= '9')
			i++;
		if (i == dot + 1)
			return false;
	}
	if (!offset_parse(&offset, s + i, n - i))
		return false;
	at = days_of(y, mon, d) * 86400 + h * 3600 + min * 60 + sec - offset;
	if (at <= 0 || at > FP_TIME_MAX_S)
		return false;
	*out_s = at;
	return true;
}

static char *print_two(char *to, int64_t v, char after)
{
	*to++ = '0' + v / 10;
	*to++ = '0' + v % 10;
	*to++ = after;
	return to;
}

void fp_time_print(int64_t at_s, char out[FP_TIME_LEN])
{
	int64_t day = at_s / 86400, sec = at_s % 86400, y, m = 1;

	y = day / 365 + 1970;
	while (days_of(y, 1, 1) > day)
		y--;
	day -= days_of(y, 1, 1);
	while (day >= month_len(y, m))
		day -= month_len(y, m++);
	print_two(out, y / 100, 0);
	out = print_two(out + 2, y % 100, '-');
	out = print_two(out, m, '-');
	out = print_two(out, day + 1, 'T');
	out = print_two(out, sec / 3600, ':');
	out = print_two(out, sec / 60 % 60, ':');
	print_two(out, sec % 60, 'Z');
}
