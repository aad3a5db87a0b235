/* SPDX-License-Identifier: Apache-2.0 */
/* Records in every format. */
#include "unit.h"

#include <fcntl.h>
#include <math.h>
#include <stddef.h>
#include <termios.h>

#include <cjson/cJSON.h>

#include "cli/log.h"
#include "cli/out.h"

struct thing {
	const char *name;
	char why[24];
	uint64_t hits_total;
	int64_t offset;
	bool is_on;
	int64_t until, age_s;
	double load;
};

#define F(NAME, KIND, HELP)                                                    \
	{                                                                      \
#NAME, offsetof(struct thing, NAME), KIND, NULL, HELP          \
	}
static const struct fp_field fields[] = {
	F(name, FP_F_STR, NULL),
	F(why, FP_F_TEXT, NULL),
	F(hits_total, FP_F_U64, "how often"),
	F(offset, FP_F_I64, NULL),
	F(is_on, FP_F_BOOL, NULL),
	F(until, FP_F_TIME, NULL),
	F(age_s, FP_F_DUR_S, NULL),
	F(load, FP_F_DOUBLE, NULL),
};
static const struct fp_type type = { "thing", fields, 8 };

static const struct fp_field other_fields[] = {
	{ "port", 0, FP_F_U64, NULL, NULL },
};
static const struct fp_type other_type = { "port", other_fields, 1 };

static const struct thing full = {
	.name = "a",
	.why = "scan",
	.hits_total = UINT64_MAX,
	.offset = INT64_MIN,
	.is_on = true,
	.until = 1767323045,
	.age_s = 90,
	.load = 0.1,
};
static const struct thing empty = { .age_s = -1, .load = NAN };

/* All that was written to f so far; the caller frees. */
static char *content(FILE *f)
{
	long n;
	char *s;

	fseek(f, 0, SEEK_END);
	n = ftell(f);
	rewind(f);
	s = calloc(1, (size_t)n + 1);
	EQ(fread(s, 1, (size_t)n, f), n);
	return s;
}

/* Both records as format; the caller frees. */
static char *render(enum fp_format format, const char *chosen,
		    const struct thing *a, const struct thing *b)
{
	FILE *f = tmpfile();
	struct fp_out *o;
	struct fp_err e;
	char *s;

	EQ(fp_out_open(&o, f, format, chosen), 0);
	EQ(fp_out_record(o, &type, a, &e), 0);
	if (b)
		EQ(fp_out_record(o, &type, b, &e), 0);
	EQ(fp_out_close(o, &e), 0);
	s = content(f);
	fclose(f);
	return s;
}

static void check(enum fp_format format, const char *chosen,
		  const struct thing *a, const struct thing *b,
		  const char *want)
{
	char *s = render(format, chosen, a, b);

	STR(s, want);
	free(s);
}

TEST(text)
{
	check(FP_TEXT, NULL, &full, &empty,
	      "a\tscan\t18446744073709551615\t-9223372036854775808\tyes\t"
	      "2026-01-02T03:04:05Z\t90s\t0.1\n"
	      "-\t-\t0\t0\tno\t-\t-\t-\n");
	check(FP_TEXT, "age_s,name", &full, &empty, "90s\ta\n-\t-\n");
	check(FP_TEXT, "name,name", &full, NULL, "a\ta\n");
}

TEST(json)
{
	check(FP_JSON, NULL, &full, &empty,
	      "{\"type\":\"thing\",\"name\":\"a\",\"why\":\"scan\","
	      "\"hits_total\":18446744073709551615,"
	      "\"offset\":-9223372036854775808,\"is_on\":true,"
	      "\"until\":\"2026-01-02T03:04:05Z\",\"age_s\":90,\"load\":0.1}\n"
	      "{\"type\":\"thing\",\"hits_total\":0,\"offset\":0,"
	      "\"is_on\":false}\n");
	check(FP_JSON, "load,hits_total", &full, &empty,
	      "{\"type\":\"thing\",\"load\":0.1,"
	      "\"hits_total\":18446744073709551615}\n"
	      "{\"type\":\"thing\",\"hits_total\":0}\n");
}

TEST(prometheus)
{
	struct thing odd = {
		.name = "q\"b\\n\nx\xff", .load = 1e300, .age_s = -1, .until = 7
	};

	check(FP_PROMETHEUS, "name,why,hits_total,is_on", &full, &empty,
	      "# HELP fastpath_thing_hits_total how often\n"
	      "# TYPE fastpath_thing_hits_total counter\n"
	      "fastpath_thing_hits_total{name=\"a\",why=\"scan\"} "
	      "18446744073709551615\n"
	      "fastpath_thing_hits_total 0\n"
	      "# HELP fastpath_thing_is_on is_on\n"
	      "# TYPE fastpath_thing_is_on gauge\n"
	      "fastpath_thing_is_on{name=\"a\",why=\"scan\"} 1\n"
	      "fastpath_thing_is_on 0\n");
	check(FP_PROMETHEUS, "name,load,age_s,until", &odd, NULL,
	      "# HELP fastpath_thing_load load\n"
	      "# TYPE fastpath_thing_load gauge\n"
	      "fastpath_thing_load{name=\"q\\\"b\\\\n\\nx\xef\xbf\xbd\"} "
	      "1e+300\n"
	      "# HELP fastpath_thing_until until\n"
	      "# TYPE fastpath_thing_until gauge\n"
	      "fastpath_thing_until{name=\"q\\\"b\\\\n\\nx\xef\xbf\xbd\"} 7\n");
}

TEST(doubles)
{
	static const struct {
		double d;
		const char *text, *json;
	} cases[] = {
		{ 0, "0", "0" },
		{ -1.5, "-1.5", "-1.5" },
		{ 1.0 / 3, "0.333333", "0.3333333333333333" },
		{ 0.1 + 0.2, "0.3", "0.30000000000000004" },
		{ 5e-324, "4.94066e-324", "4.94065645841247e-324" },
		{ 12345678, "1.23457e+07", "12345678" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct thing t = { .load = cases[i].d };
		char want[80], *s = render(FP_JSON, "load", &t, NULL);

		OK(strtod(strstr(s, "load\":") + 6, NULL) == t.load);
		free(s);
		snprintf(want, sizeof(want),
			 "{\"type\":\"thing\",\"load\":%s}\n", cases[i].json);
		check(FP_JSON, "load", &t, NULL, want);
		snprintf(want, sizeof(want), "%s\n", cases[i].text);
		check(FP_TEXT, "load", &t, NULL, want);
	}
	check(FP_JSON, "load", &(struct thing){ .load = INFINITY }, NULL,
	      "{\"type\":\"thing\"}\n");
}

/* A record stays a line and a field a field, whatever a stranger wrote. */
TEST(strange_text)
{
	static const struct {
		const char *in, *text, *json;
	} cases[] = {
		{ "a\tb", "a\\tb", "a\\tb" },
		{ "a\nb\rc", "a\\nb\\rc", "a\\nb\\rc" },
		{ "a\\b", "a\\\\b", "a\\\\b" },
		{ "\"x\"", "\"x\"", "\\\"x\\\"" },
		{ "\x01\x1b[31m\x7f", "\\x01\\x1b[31m\\x7f",
		  "\\u0001\\u001b[31m\\u007f" },
		{ "\b\f", "\\x08\\x0c", "\\b\\f" },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f",
		  "gr\xc3\xbc\xc3\x9f" },
		{ "\xf0\x9f\x93\x9e", "\xf0\x9f\x93\x9e", "\xf0\x9f\x93\x9e" },
		{ "x\xffy", "x\\xffy", "x\xef\xbf\xbdy" },
		{ "\xc3", "\\xc3", "\xef\xbf\xbd" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80",
		  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xc2\x9b", "\\xc2\\x9b", "\\u009b" }, /* C1's CSI */
		{ "a\xe2\x80\xae.b", "a\\xe2\\x80\\xae.b", "a\\u202e.b" },
		{ "\xe2\x80\x8d", "\xe2\x80\x8d", "\xe2\x80\x8d" },
		{ "\xc2\xa0", "\xc2\xa0", "\xc2\xa0" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct thing t = { .name = cases[i].in };
		char want[200];

		snprintf(want, sizeof(want), "%s\n", cases[i].text);
		check(FP_TEXT, "name", &t, NULL, want);
		snprintf(want, sizeof(want),
			 "{\"type\":\"thing\",\"name\":\"%s\"}\n",
			 cases[i].json);
		check(FP_JSON, "name", &t, NULL, want);
	}
}

/* Every byte value, read back by a parser that is not ours. */
TEST(json_parses)
{
	char all[300] = "", *s;
	cJSON *j;

	for (int i = 1; i < 256; i++)
		all[i - 1] = (char)i;
	s = render(FP_JSON, "name", &(struct thing){ .name = all }, NULL);
	j = cJSON_Parse(s);
	if (OK(j)) {
		const char *name =
			cJSON_GetStringValue(cJSON_GetObjectItem(j, "name"));

		OK(name && !strncmp(name, all, 127));
		EQ(strlen(name), 127 + 128 * 3);
	}
	cJSON_Delete(j);
	free(s);
}

TEST(json_str_to_file)
{
	FILE *f = tmpfile();
	char *s;

	fp_json_str(f, "a\"b\n");
	s = content(f);
	STR(s, "\"a\\\"b\\n\"");
	free(s);
	fclose(f);
}

TEST(unknown_field)
{
	static const char *const bad[] = { "nope",      "name,", "",
					   "name,,why", "nam",   "names" };
	struct fp_out *o;
	struct fp_err e;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		FILE *f = tmpfile();

		EQ(fp_out_open(&o, f, FP_TEXT, bad[i]), 0);
		EQ(fp_out_check(o, &type, &e), -EINVAL);
		EQ(fp_out_record(o, &type, &full, &e), -EINVAL);
		HAS(e.text, "is not a field of thing, which has: name why "
			    "hits_total offset is_on until age_s load");
		EQ(fp_out_close(o, NULL), 0);
		EQ(ftell(f), 0);
		fclose(f);
	}
}

/* -o counts for every type of record; going back and forth works. */
TEST(two_types)
{
	struct fp_out *o;
	struct fp_err e;
	uint64_t port = 5060;
	FILE *f = tmpfile();
	char *s;

	EQ(fp_out_open(&o, f, FP_TEXT, NULL), 0);
	EQ(fp_out_record(o, &other_type, &port, &e), 0);
	EQ(fp_out_check(o, &type, &e), 0);
	EQ(fp_out_record(o, &other_type, &port, &e), 0);
	EQ(fp_out_record(o, &type, &empty, &e), 0);
	EQ(fp_out_close(o, &e), 0);
	s = content(f);
	STR(s, "5060\n5060\n-\t-\t0\t0\tno\t-\t-\t-\n");
	free(s);
	EQ(fp_out_open(&o, f, FP_TEXT, "name"), 0);
	EQ(fp_out_record(o, &type, &full, &e), 0);
	EQ(fp_out_record(o, &other_type, &port, &e), -EINVAL);
	HAS(e.text, "of port, which has: port");
	EQ(fp_out_close(o, &e), 0);
	fclose(f);
}

TEST(summary)
{
	struct fp_out *o;
	FILE *f = tmpfile();
	char *s;

	EQ(fp_out_open(&o, f, FP_JSON, NULL), 0);
	fp_out_summary(o, true, "\"added\":3", "not shown");
	fp_out_summary(o, false, NULL, NULL);
	fp_out_summary(o, false, "", NULL);
	EQ(fp_out_close(o, NULL), 0);
	s = content(f);
	STR(s, "{\"type\":\"summary\",\"changed\":true,\"added\":3}\n"
	       "{\"type\":\"summary\",\"changed\":false}\n"
	       "{\"type\":\"summary\",\"changed\":false}\n");
	free(s);
	fclose(f);
	/* In text the line goes to stderr. */
	f = tmpfile();
	dup2(fileno(f), STDERR_FILENO);
	fp_log_init("fp-test", FP_LOG_NOTICE);
	EQ(fp_out_open(&o, stdout, FP_TEXT, NULL), 0);
	fp_out_summary(o, true, "\"added\":3", "3 added");
	EQ(fp_out_close(o, NULL), 0);
	s = content(f);
	STR(s, "fp-test: 3 added\n");
	free(s);
	fclose(f);
}

/* A full disk is noticed, at once or at the end, with its reason. */
TEST(disk_full)
{
	static const int counts[] = { 1, 100000 };

	for (size_t k = 0; k < sizeof(counts) / sizeof(*counts); k++) {
		int n = counts[k];
		FILE *f = fopen("/dev/full", "w");
		struct fp_out *o;
		struct fp_err e;

		EQ(fp_out_open(&o, f, FP_JSON, NULL), 0);
		for (int i = 0; i < n; i++)
			EQ(fp_out_record(o, &type, &full, &e), 0);
		errno = 0;
		EQ(fp_out_close(o, &e), -ENOSPC);
		HAS(e.text, "No space left on device");
		fclose(f);
	}
	EQ(fp_out_close(NULL, NULL), 0);
}

/* What a terminal gets for these records, at most 4 KB. */
static void on_terminal(char *to, const struct thing *list, size_t n,
			const char *chosen)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	struct termios raw;
	struct fp_out *o;
	struct fp_err e;
	FILE *f;

	OK(!grantpt(master) && !unlockpt(master));
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	tcgetattr(slave, &raw);
	cfmakeraw(&raw);
	tcsetattr(slave, TCSANOW, &raw);
	f = fdopen(slave, "w");
	EQ(fp_out_open(&o, f, FP_TEXT, chosen), 0);
	for (size_t i = 0; i < n; i++)
		EQ(fp_out_record(o, &type, &list[i], &e), 0);
	fp_out_flush(o);
	if (n)
		EQ(fp_out_record(o, &type, &list[0], &e), 0);
	EQ(fp_out_close(o, &e), 0);
	fclose(f);
	unit_read_all(master, to, 4096);
	close(master);
}

TEST(terminal)
{
	const struct thing list[] = {
		{ .name = "gr\xc3\xbcn", .hits_total = 5, .why = "x" },
		{ .name = "longer name", .hits_total = 12345678901 },
	};
	char s[4096];

	setenv("TERM", "dumb", 1);
	on_terminal(s, list, 2, "name,hits_total,why");
	STR(s, "NAME          HITS_TOTAL  WHY\n"
	       "gr\xc3\xbcn                   5  x\n"
	       "longer name  12345678901  -\n"
	       "gr\xc3\xbcn                   5  x\n");
	setenv("TERM", "xterm", 1);
	setenv("NO_COLOR", "1", 1);
	on_terminal(s, list, 1, "name");
	STR(s, "NAME\ngr\xc3\xbcn\ngr\xc3\xbcn\n");
	setenv("NO_COLOR", "", 1);
	on_terminal(s, list, 1, "name");
	STR(s, "\033[1mNAME\033[0m\ngr\xc3\xbcn\ngr\xc3\xbcn\n");
	on_terminal(s, list, 0, NULL);
	STR(s, "");
}

/* A long list is printed in a moment: nothing grows with what was printed. */
TEST(speed)
{
	FILE *f = fopen("/dev/null", "w");
	long start_ms = unit_now_ms();
	struct fp_out *o;

	EQ(fp_out_open(&o, f, FP_JSON, NULL), 0);
	for (int i = 0; i < 20000; i++)
		fp_out_record(o, &type, &full, NULL);
	EQ(fp_out_close(o, NULL), 0);
	fclose(f);
	printf("# %ld ms\n", unit_now_ms() - start_ms);
	OK(unit_now_ms() - start_ms < 3000);
}
