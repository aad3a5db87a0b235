/* SPDX-License-Identifier: Apache-2.0 */
/* Durations and times. */
#include "unit.h"

#include "cli/opt.h"

TEST(durations)
{
	static const struct {
		const char *s;
		int64_t ms;
	} good[] = {
		{ "0s", 0 },
		{ "500ms", 500 },
		{ "10s", 10000 },
		{ "5m", 300000 },
		{ "2h", 7200000 },
		{ "1d", 86400000 },
		{ "1w", 604800000 },
		{ "007s", 7000 },
		{ "9223372036854775807ms", INT64_MAX },
	};
	static const char *const bad[] = {
		"",
		"10",
		"s",
		"-1s",
		"+1s",
		"1 s",
		"1.5h",
		"1S",
		"1sec",
		"1h30m",
		" 1s",
		"1s ",
		"9223372036854775808ms",
		"9223372036854776s",
		"99999999999999999999999999999999999999999999999999s",
	};
	struct fp_err e;
	int64_t ms;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		EQ(fp_parse_duration(good[i].s, &ms, &e), 0);
		EQ(ms, good[i].ms);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ms = 77;
		if (!EQ(fp_parse_duration(bad[i], &ms, &e), -EINVAL))
			printf("# \"%s\"\n", bad[i]);
		EQ(ms, 77);
		HAS(e.text,
		    i < 12 ? "is not a duration" : "is too long a time");
	}
}

/* Against the C library, every few hours from 1970 to 9999. */
TEST(times_match_libc)
{
	for (int64_t t = 1; t < 253402300800; t += 86400 * 29 + 12345) {
		time_t tt = (time_t)t;
		char want[FP_TIME_STRLEN], got[FP_TIME_STRLEN];
		int64_t back;
		struct tm tm;

		gmtime_r(&tt, &tm);
		strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%SZ", &tm);
		EQ(fp_print_time(t, got), 20);
		if (!STR(got, want))
			return;
		EQ(fp_parse_time(got, 20, &back, NULL), 0);
		EQ(back, t);
	}
}

TEST(times)
{
	static const struct {
		const char *s;
		int64_t t;
	} good[] = {
		{ "1970-01-01T00:00:01Z", 1 },
		{ "2000-02-29T23:59:59Z", 951868799 },
		{ "2024-02-29T00:00:00Z", 1709164800 },
		{ "2026-01-02T03:04:05Z", 1767323045 },
		{ "2100-03-01T00:00:00Z", 4107542400 },
		{ "9999-12-31T23:59:59Z", 253402300799 },
		{ "2026-01-02T03:04:05z", 1767323045 },
		{ "2026-01-02T04:34:05+01:30", 1767323045 },
		{ "2026-01-02T03:04:05.25Z", 1767323045 },
	};
	static const char *const bad[] = {
		"",
		"2026-01-02",
		"2026-01-02T03:04:05",
		"2026-01-02 03:04:05Z",
		"2026-01-02T03:04:05+01",
		"1970-01-01T00:00:00Z",
		"2026-00-02T03:04:05Z",
		"2026-13-02T03:04:05Z",
		"2026-01-00T03:04:05Z",
		"2026-01-32T03:04:05Z",
		"2026-04-31T03:04:05Z",
		"2026-02-29T00:00:00Z",
		"2100-02-29T00:00:00Z",
		"2026-01-02T24:00:00Z",
		"2026-01-02T03:60:05Z",
		"2026-01-02T03:04:61Z",
		"1969-12-31T23:59:59Z",
		"+026-01-02T03:04:05Z",
		"2026-01-02T03:04: 5Z",
		"2026-01-02T03:04:05ZZ",
		"12026-01-02T03:04:05Z",
	};
	char text[FP_TIME_STRLEN];
	struct fp_err e;
	int64_t t;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		EQ(fp_parse_time(good[i].s, strlen(good[i].s), &t, &e), 0);
		EQ(t, good[i].t);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		t = 77;
		if (!EQ(fp_parse_time(bad[i], strlen(bad[i]), &t, &e), -EINVAL))
			printf("# \"%s\"\n", bad[i]);
		EQ(t, 77);
		HAS(e.text, "is not a time such as 2026-01-02T03:04:05Z");
	}
	/* Exactly n bytes, and always four digits of a year. */
	EQ(fp_parse_time("2026-01-02T03:04:05Z/24", 20, &t, &e), 0);
	fp_print_time(INT64_MAX, text);
	STR(text, "9999-12-31T23:59:59Z");
	fp_print_time(INT64_MIN, text);
	STR(text, "1970-01-01T00:00:00Z");
}
