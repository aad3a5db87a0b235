/* SPDX-License-Identifier: Apache-2.0 */
/* What people and feeds write: lines, files, stdin. */
#include "unit.h"

#include <fcntl.h>

#include "model/list.h"
#include "model/list_line.h"

#define NOW 1767323045 /* 2026-01-02T03:04:05Z */

static uint64_t seed = 88172645463325252ull;

static uint32_t rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 20) % n;
}

/* Parse text and print it again: what came of it, or the message. */
static char *again(const char *text, size_t len, const struct fp_parse_opts *o)
{
	struct fp_buf b = { 0 };
	struct fp_entries x;
	struct fp_err e;

	if (fp_entries_parse(&x, text, len, o, &e))
		return strdup(e.text);
	for (size_t i = 0; i < x.n; i++)
		fp_entry_print(&b, &x.v[i]);
	fp_entries_fini(&x);
	fp_buf_str(&b);
	return b.data;
}

static void check(const char *in, size_t len, const char *out)
{
	struct fp_parse_opts o = { .file = "list.txt", .now_s = NOW };
	char *got = again(in, len, &o);

	STR(got, out);
	free(got);
}

static const struct {
	const char *in, *out;
} good[] = {
	{ "", "" },
	{ "\n\n", "" },
	{ "# only a comment", "" },
	{ " \t # indented", "" },
	{ "192.0.2.7", "192.0.2.7\n" },
	{ "192.0.2.7\n", "192.0.2.7\n" },
	{ "192.0.2.7\r\n192.0.2.6\r\n", "192.0.2.6\n192.0.2.7\n" },
	{ "\xef\xbb\xbf"
	  "192.0.2.7\n",
	  "192.0.2.7\n" },
	{ "\xef\xbb\xbf", "" },
	{ "\t192.0.2.7 \t\n", "192.0.2.7\n" },
	{ "192.0.2.7 # why not", "192.0.2.7\n" },
	{ "192.0.2.7\t#", "192.0.2.7\n" },
	{ "192.0.2.7/32\n2001:DB8::/128", "192.0.2.7\n2001:db8::\n" },
	/* order: IPv4 first, then the address, then the shorter one */
	{ "::1\n10.0.0.0/8\n10.0.0.0\n9.255.255.255\n::/0\n10.0.0.0/16\n",
	  "9.255.255.255\n10.0.0.0/8\n10.0.0.0/16\n10.0.0.0\n::/0\n::1\n" },
	{ "0.0.0.0/0\n255.255.255.255\n0.0.0.0\n",
	  "0.0.0.0/0\n0.0.0.0\n255.255.255.255\n" },
	{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\n1::/16\n0:1::/32",
	  "0:1::/32\n1::/16\nffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\n" },
	/* the later line stands, whole */
	{ "192.0.2.7 why=a by=b\n192.0.2.7 why=c\n", "192.0.2.7 why=c\n" },
	{ "192.0.2.7 why=a\n::1 why=x\n192.0.2.7\n::1", "192.0.2.7\n::1\n" },
	{ "192.0.2.7 until=2026-01-02T03:04:06Z",
	  "192.0.2.7 until=2026-01-02T03:04:06Z\n" },
	{ "192.0.2.7 until=2026-01-02t04:04:06.999+01:00",
	  "192.0.2.7 until=2026-01-02T03:04:06Z\n" },
	/* expired: left out, and it is the word that stands */
	{ "192.0.2.7 until=2026-01-02T03:04:05Z\n192.0.2.8\n", "192.0.2.8\n" },
	{ "::7\n::7 until=2026-01-02T03:04:05Z\n", "" },
	{ "::7 until=2026-01-02T03:04:05Z\n::7\n", "::7\n" },
	/* values */
	{ "192.0.2.7 why=scan", "192.0.2.7 why=scan\n" },
	{ "192.0.2.7 why=\"scan\"", "192.0.2.7 why=scan\n" },
	{ "192.0.2.7 why=", "192.0.2.7 why=\n" },
	{ "192.0.2.7 why=\"\"", "192.0.2.7 why=\n" },
	{ "192.0.2.7 why=a#b", "192.0.2.7 why=\"a#b\"\n" },
	{ "192.0.2.7 why=a #b", "192.0.2.7 why=a\n" },
	{ "192.0.2.7 why=\"a #b\" #c", "192.0.2.7 why=\"a #b\"\n" },
	{ "192.0.2.7 why=D\\u", "192.0.2.7 why=\"D\\\\u\"\n" },
	{ "192.0.2.7 why=\"say \\\"no\\\" \\\\\"",
	  "192.0.2.7 why=\"say \\\"no\\\" \\\\\"\n" },
	{ "192.0.2.7 why=a=b", "192.0.2.7 why=a=b\n" },
	{ "192.0.2.7 why=\"by=eve\" by=bob", "192.0.2.7 why=by=eve by=bob\n" },
	{ "192.0.2.7 why=\"x by=eve\" by=bob",
	  "192.0.2.7 why=\"x by=eve\" by=bob\n" },
	{ "192.0.2.7 why=\xc3\xa9t\xc3\xa9",
	  "192.0.2.7 why=\xc3\xa9t\xc3\xa9\n" },
	{ "192.0.2.7 why=\xf0\x9f\x92\xa3",
	  "192.0.2.7 why=\xf0\x9f\x92\xa3\n" },
	/* order of keys, and what stands between them */
	{ "192.0.2.7 by=b why=a", "192.0.2.7 why=a by=b\n" },
	{ "192.0.2.7 run=r until=2027-01-01T00:00:00Z why=a by=b",
	  "192.0.2.7 until=2027-01-01T00:00:00Z why=a by=b run=r\n" },
	{ "192.0.2.7 why=a until=2027-01-01T00:00:00Z by=b",
	  "192.0.2.7 until=2027-01-01T00:00:00Z why=a by=b\n" },
	{ "192.0.2.7 why=a  by=b", "192.0.2.7 why=a by=b\n" },
	{ "192.0.2.7\twhy=a\tby=b\t", "192.0.2.7 why=a by=b\n" },
};

TEST(good_lines)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		check(good[i].in, strlen(good[i].in), good[i].out);
}

static const struct {
	const char *in, *out;
} bad[] = {
	{ "192.0.2.1\nfoo\n", "list.txt:2: \"foo\" is not an address" },
	{ "999.1.1.1", "list.txt:1: \"999.1.1.1\": an octet is more than 255" },
	{ "192.0.2.1/24", "did you mean 192.0.2.0/24?" },
	{ "2001:db8::1/32", "did you mean 2001:db8::/32?" },
	{ "192.0.2.0/33", "list.txt:1: \"192.0.2.0/33\": the length is not" },
	{ "::/129", "the length is not 0 to 128" },
	{ "192.0.2.7#x", "\"192.0.2.7#x\" is not" },
	{ "192.0.2.7,192.0.2.8", "list.txt:1: \"192.0.2.7,192.0.2.8\" is not" },
	{ "+192.0.2.7", "\"+192.0.2.7\" is not" },
	{ "192.0.2.7 for=1h", "list.txt:1: \"for\": unknown key" },
	{ "192.0.2.7 wh=1", "\"wh\": unknown key" },
	{ "192.0.2.7 whyy=1", "\"whyy\": unknown key" },
	{ "192.0.2.7 =1", "\"\": unknown key" },
	{ "192.0.2.7 why", "\"why\": not key=value" },
	{ "192.0.2.7 192.0.2.8", "\"192.0.2.8\": not key=value" },
	{ "192.0.2.7 why =x", "\"why\": not key=value" },
	{ "192.0.2.7 why=a why=b", "\"why\": given twice" },
	{ "192.0.2.7 until=2027-01-01T00:00:00Z until=2027-01-01T00:00:00Z",
	  "\"until\": given twice" },
	{ "192.0.2.7 why=\"a", "\"why=\"a\": the quote does not end" },
	{ "192.0.2.7 why=\"a\\", "the quote does not end" },
	{ "192.0.2.7 why=\"a\\\"", "the quote does not end" },
	{ "192.0.2.7 why=\"", "the quote does not end" },
	{ "192.0.2.7 why=\"a\\n\"", "only \\\" and \\\\ can follow" },
	{ "192.0.2.7 why=\"a\"b", "text after the quote" },
	{ "192.0.2.7 why=\"a\"#b", "text after the quote" },
	{ "192.0.2.7 why=a\"b", "a quote inside a value" },
	{ "192.0.2.7 why=\"a\tb\"", "\"a\\x09b\": a control character" },
	{ "192.0.2.7 why=a\x1b[2J", "\"a\\x1b[2J\": a control character" },
	{ "192.0.2.7 why=a\x7f", "\"a\\x7f\": a control character" },
	{ "192.0.2.7 why=a\rb", "\"a\\x0db\": a control character" },
	{ "192.0.2.7 why=\xc2\x9b", "\"\\xc2\\x9b\": a control character" },
	{ "192.0.2.7 why=\xe9t\xe9", "\"\\xe9t\\xe9\": a control character" },
	{ "192.0.2.7 why=\xc3", "not UTF-8" },
	{ "192.0.2.7 why=\xed\xa0\x80", "not UTF-8" },
	{ "192.0.2.7 why=\xc0\xaf", "not UTF-8" },
	{ "192.0.2.7 until=tomorrow", "\"tomorrow\": until= is not a time" },
	{ "192.0.2.7 until=", "\"\": until= is not a time" },
	{ "192.0.2.7 until=2026-01-02", "until= is not a time" },
	{ "192.0.2.7\n\n# c\n192.0.2.8 x", "list.txt:4: \"x\": not key=value" },
};

TEST(bad_lines)
{
	struct fp_parse_opts o = { .file = "list.txt", .now_s = NOW };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char *got = again(bad[i].in, strlen(bad[i].in), &o);

		HAS(got, bad[i].out);
		free(got);
	}
}

TEST(nul_bytes)
{
	check("192.0.2.7\0", 10,
	      "list.txt:1: \"192.0.2.7?\" is not an address or a prefix");
	check("\0\0\n", 3, "list.txt:1: \"??\" is not an address or a prefix");
	check("::1 why=a\0b\n", 12,
	      "list.txt:1: \"a\\x00b\": a control "
	      "character, or not UTF-8");
}

TEST(long_lines)
{
	struct fp_parse_opts o = { .file = "-" };
	size_t len = 1 << 20;
	char *text = malloc(len), *got;

	memset(text, 'x', len);
	got = again(text, len, &o);
	STR(got, "-:1: line longer than 1024 bytes");
	free(got);
	/* 1024 bytes are still a line, with and without its end */
	memset(text, ' ', len);
	memcpy(text, "::1", 3);
	memcpy(text + 1024, "\r\n#", 3);
	got = again(text, 1027, &o);
	STR(got, "::1\n");
	free(got);
	got = again(text, 1024, &o);
	STR(got, "::1\n");
	free(got);
	memcpy(text + 1024, " \n", 2);
	got = again(text, 1026, &o);
	STR(got, "-:1: line longer than 1024 bytes");
	free(got);
	free(text);
}

/* What is stored must fit a line of a list again, whatever quoting adds. */
TEST(long_values)
{
	struct fp_parse_opts o = { .file = "-" };
	char text[1100], *got;

	for (int n = 400; n < 1000; n++) {
		char why[1000];

		memset(why, '\\', (size_t)n);
		why[n] = 0;
		snprintf(text, sizeof(text),
			 "ffff:ffff:ffff:ffff:ffff:ffff:"
			 "ffff:fffe/127 until=2027-01-01T00:00:00Z why=%s",
			 why);
		got = again(text, strlen(text), &o);
		if (strncmp(got, "-:1: ", 5))
			OK(strlen(got) < FP_LINE_MAX); /* a sign fits too */
		else
			OK(n > 460);
		free(got);
	}
}

struct seen {
	int n;
	char first[256];
};

static void see(void *ctx, const char *text)
{
	struct seen *s = ctx;

	if (!s->n++)
		snprintf(s->first, sizeof(s->first), "%s", text);
}

TEST(skip_bad)
{
	struct seen seen = { 0 };
	struct fp_parse_opts o = { .file = "f",
				   .skip_bad = true,
				   .now_s = NOW,
				   .bad_line = see,
				   .ctx = &seen };
	struct fp_buf b = { 0 };
	struct fp_entries x;
	struct fp_err e;

	fp_buf_str_add(&b, "::1\n::2 until=2000-01-01T00:00:00Z\n");
	for (int i = 0; i < 25; i++)
		fp_buf_printf(&b, "bad%d\n192.0.2.%d why=\"a\n", i, i);
	fp_buf_str_add(&b, "192.0.2.9 by=b why=a\n");
	OK(!fp_entries_parse(&x, b.data, b.len, &o, &e));
	EQ(x.n, 2);
	EQ(x.n_bad, 50);
	EQ(x.n_expired, 1);
	EQ(seen.n, 10);
	HAS(seen.first, "f:3: \"bad0\"");
	EQ(x.v[0].meta_len, 10);
	OK(x.v[0].meta_len == 10 && !memcmp(x.v[0].meta, "why=a by=b", 10));
	fp_entries_fini(&x);
	fp_buf_fini(&b);
}

TEST(too_many)
{
	struct fp_parse_opts o = { .file = "f", .max = 3, .skip_bad = true };
	struct fp_entries x;
	struct fp_err e;

	OK(!fp_entries_parse(&x, "::1\n::2\nx\n::3\n", 14, &o, &e));
	EQ(x.n, 3);
	fp_entries_fini(&x);
	EQ(fp_entries_parse(&x, "::1\n::2\n1.1.1.1\n::3\n", 20, &o, &e),
	   -E2BIG);
	STR(e.text, "f:4: more than 3 entries");
}

static void count_bytes(void *ctx, size_t bytes)
{
	size_t *last = ctx;

	OK(bytes > *last);
	*last = bytes;
}

/* Already sorted, 5M lines, told of on the way. */
TEST(five_million)
{
	/* valgrind, which is slow, puts something there */
	size_t last = 0, n = getenv("LD_PRELOAD") ? 50000 : 5000000;
	struct fp_parse_opts o = { .file = "f",
				   .max = 16 << 20,
				   .progress = count_bytes,
				   .ctx = &last };
	char *text = malloc(n * 16), *to = text;
	struct fp_entries x;
	struct fp_err e;
	bool is_ok = true;

	for (size_t i = 0; i < n; i++)
		to += sprintf(to, "%zu.%zu.%zu.%zu\n", i >> 16 >> 8,
			      i >> 16 & 255, i >> 8 & 255, i & 255);
	OK(!fp_entries_parse(&x, text, (size_t)(to - text), &o, &e));
	if (EQ(x.n, n))
		for (size_t i = 0; i < n; i++)
			is_ok &= x.v[i].p.lo == (0xffffull << 32 | i) &&
				 x.v[i].p.len == 128;
	OK(is_ok);
	OK(n < 100000 || last > 1 << 20);
	fp_entries_fini(&x);
	free(text);
}

/* ---- sorting and the later line, against qsort and a look at every line */

struct row {
	struct fp_prefix p;
	size_t line;
};

static int by_prefix(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int c = fp_prefix_cmp(&x->p, &y->p);

	return c ? c : x->line < y->line ? -1 : 1;
}

static struct fp_prefix random_prefix(uint32_t spread)
{
	struct fp_prefix p = { 0, 0, 128 };
	uint32_t kind = rnd(4);

	if (kind < 2) {
		p.lo = 0xffffull << 32 | (rnd(spread) << 8 & 0xffffffff);
		p = fp_prefix_cut(&p, 96 + rnd(33));
	} else {
		p.hi = (uint64_t)rnd(spread) << (kind == 2 ? 40 : 3);
		p.lo = kind == 2 ? 0 : (uint64_t)rnd(spread) << rnd(60);
		p.hi |= 1ull << 61;
		p = fp_prefix_cut(&p, rnd(129));
	}
	return p;
}

static void sort_round(size_t n, uint32_t spread)
{
	struct fp_parse_opts o = { .file = "f" };
	struct row *rows = calloc(n + 1, sizeof(*rows));
	struct fp_buf text = { 0 }, want = { 0 };
	char p[FP_PREFIX_STRLEN], *got;

	for (size_t i = 0; i < n; i++) {
		rows[i].p = random_prefix(spread);
		rows[i].line = i;
		fp_prefix_print(&rows[i].p, p);
		fp_buf_printf(&text, i % 3 ? "%s\n" : "%s why=%zu\n", p, i);
	}
	qsort(rows, n, sizeof(*rows), by_prefix);
	for (size_t i = 0; i < n; i++) {
		if (i + 1 < n && !fp_prefix_cmp(&rows[i].p, &rows[i + 1].p))
			continue;
		fp_prefix_print(&rows[i].p, p);
		fp_buf_printf(&want, rows[i].line % 3 ? "%s\n" : "%s why=%zu\n",
			      p, rows[i].line);
	}
	got = again(text.data, text.len, &o);
	OK(!strcmp(got, fp_buf_str(&want)));
	free(got);
	free(rows);
	fp_buf_fini(&text);
	fp_buf_fini(&want);
}

TEST(random_order)
{
	for (size_t n = 0; n < 40; n++)
		for (int i = 0; i < 20; i++)
			sort_round(n, i < 10 ? 4 : 1u << 20);
	sort_round(20000, 1 << 10);
	sort_round(20000, 1u << 31);
}

/* ---- what is printed can be read, and nothing need be rewritten */

static void random_value(char *to, size_t max)
{
	static const char *const bits[] = { "a",  "Z",        "=",
					    " ",  "#",        "\"",
					    "\\", "\xc3\xa9", "\xe2\x82\xac",
					    ":",  "why=",     "," };
	size_t n = rnd(12);

	for (*to = 0; n-- && strlen(to) + 5 < max;)
		strcat(to, bits[rnd(sizeof(bits) / sizeof(*bits))]);
}

TEST(round_trip)
{
	struct fp_parse_opts o = { .file = "f" };

	for (int i = 0; i < 20000; i++) {
		struct fp_buf meta = { 0 }, line = { 0 };
		char value[FP_META_KEYS][64], got[64];
		struct fp_entry x = { .p = random_prefix(1u << 31) };
		struct fp_entries y;
		struct fp_err e;

		for (int k = 0; fp_meta_keys[k]; k++) {
			random_value(value[k], sizeof(value[k]));
			if (k == FP_META_AT)
				sprintf(value[k], "%u", 1 + rnd(1u << 31));
			OK(!fp_meta_add(&meta, fp_meta_keys[k], value[k], &e));
		}
		x.until_s = rnd(2) ? 1 + (int64_t)rnd(1u << 31) * 100 : 0;
		x.meta = meta.data;
		x.meta_len = (uint32_t)meta.len;
		fp_entry_print(&line, &x);
		if (!EQ(fp_entries_parse(&y, line.data, line.len, &o, &e), 0))
			return;
		EQ(y.n, 1);
		EQ(fp_prefix_cmp(&x.p, &y.v[0].p), 0);
		EQ(y.v[0].until_s, x.until_s);
		EQ(y.v[0].meta_len, x.meta_len);
		EQ(y.store.len, 0);
		for (int k = 0; fp_meta_keys[k]; k++) {
			OK(fp_entry_get(&y.v[0], fp_meta_keys[k], got,
					sizeof(got)));
			STR(got, value[k]);
		}
		fp_entries_fini(&y);
		fp_buf_fini(&meta);
		fp_buf_fini(&line);
	}
}

TEST(meta)
{
	struct fp_buf b = { 0 };
	struct fp_entry x = { 0 };
	struct fp_err e;
	char got[8], big[1000];

	OK(!fp_meta_add(&b, "why", "toll fraud", &e));
	EQ(fp_meta_add(&b, "why", "x", &e), -EINVAL);
	OK(!fp_meta_add(&b, "run", "r", &e));
	EQ(fp_meta_add(&b, "by", "x", &e), -EINVAL);
	EQ(fp_meta_add(&b, "until", "x", &e), -EINVAL);
	STR(fp_buf_str(&b), "why=\"toll fraud\" run=r");
	x.meta = b.data;
	x.meta_len = (uint32_t)b.len;
	OK(fp_entry_get(&x, "why", got, sizeof(got)));
	STR(got, "toll fr");
	OK(!fp_entry_get(&x, "by", got, sizeof(got)));
	OK(!fp_entry_get(&x, "wh", got, sizeof(got)));
	b.len = 0;
	EQ(fp_meta_add(&b, "why", "a\nb", &e), -EINVAL);
	HAS(e.text, "why: \"a\\x0ab\": a control character");
	EQ(fp_meta_add(&b, "why", "\xff", &e), -EINVAL);
	memset(big, 'x', sizeof(big));
	big[FP_META_MAX - 4] = 0;
	OK(!fp_meta_add(&b, "why", big, &e));
	EQ(b.len, FP_META_MAX);
	EQ(fp_meta_add(&b, "by", "", &e), -EINVAL);
	EQ(b.len, FP_META_MAX);
	fp_buf_fini(&b);
}

static const struct {
	const char *in;
	int64_t at_s; /* 0: refused */
} times[] = {
	{ "1970-01-01T00:00:01Z", 1 },
	{ "1970-01-01T00:00:00Z", 0 },
	{ "1969-12-31T23:59:59Z", 0 },
	{ "1970-01-01T01:00:00+01:00", 0 },
	{ "1969-12-31T23:59:59-00:01", 59 },
	{ "2000-02-29T12:00:00Z", 951825600 },
	{ "2100-02-29T12:00:00Z", 0 },
	{ "2024-02-29T00:00:00Z", 1709164800 },
	{ "2023-02-29T00:00:00Z", 0 },
	{ "2026-01-02T03:04:05Z", NOW },
	{ "2026-01-02t03:04:05z", NOW },
	{ "2026-01-02T03:04:05.5Z", NOW },
	{ "2026-01-02T03:04:05.000000001Z", NOW },
	{ "2026-01-02T05:34:05+02:30", NOW },
	{ "2026-01-01T23:04:05-04:00", NOW },
	{ "2016-12-31T23:59:60Z", 1483228800 },
	{ "9999-12-31T23:59:59Z", 253402300799 },
	{ "9999-12-31T23:59:59-00:01", 0 },
	{ "2026-01-02T03:04:05", 0 },
	{ "2026-01-02T03:04:05.Z", 0 },
	{ "2026-01-02 03:04:05Z", 0 },
	{ "2026-13-02T03:04:05Z", 0 },
	{ "2026-00-02T03:04:05Z", 0 },
	{ "2026-01-32T03:04:05Z", 0 },
	{ "2026-04-31T03:04:05Z", 0 },
	{ "2026-01-00T03:04:05Z", 0 },
	{ "2026-01-02T24:00:00Z", 0 },
	{ "2026-01-02T03:60:05Z", 0 },
	{ "2026-01-02T03:04:61Z", 0 },
	{ "2026-01-02T03:04:05+24:00", 0 },
	{ "2026-01-02T03:04:05+02:60", 0 },
	{ "2026-01-02T03:04:05+0230", 0 },
	{ "2026-01-02T03:04:05ZZ", 0 },
	{ "2026-1-2T03:04:05Z", 0 },
	{ "+026-01-02T03:04:05Z", 0 },
	{ "", 0 },
};

TEST(time_parse)
{
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		int64_t at = 0;
		bool is_ok =
			fp_time_parse(&at, times[i].in, strlen(times[i].in));

		EQ(is_ok, !!times[i].at_s);
		if (!EQ(at, times[i].at_s))
			printf("# %s\n", times[i].in);
	}
}

/* Against the C library, day by day to 9999. */
TEST(time_print)
{
	for (int64_t at = 1; at <= 253402300799; at += 86400 / 3 * 2 + 7321) {
		char got[FP_TIME_LEN + 1] = "", want[64];
		time_t t = (time_t)at;
		struct tm tm;
		int64_t back;

		fp_time_print(at, got);
		strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%SZ",
			 gmtime_r(&t, &tm));
		if (!STR(got, want) ||
		    !fp_time_parse(&back, got, FP_TIME_LEN) || !EQ(back, at))
			break;
	}
}

/* ---- files */

static int temp_file(char name[256])
{
	const char *dir = getenv("FP_TEST_TMP");

	snprintf(name, 256, "%s/text.XXXXXX", dir ? dir : "/tmp");
	return mkstemp(name);
}

TEST(text_read)
{
	char name[256];
	int fd = temp_file(name), pipes[2];
	struct fp_text t;
	struct fp_err e;

	OK(!fp_text_read(&t, name, 100, &e));
	EQ(t.len, 0);
	fp_text_fini(&t);
	EQ(write(fd, "hello\n", 6), 6);
	OK(!fp_text_read(&t, name, 6, &e));
	OK(t.is_mapped && t.len == 6 && !memcmp(t.data, "hello\n", 6));
	fp_text_fini(&t);
	EQ(fp_text_read(&t, name, 5, &e), -EFBIG);
	HAS(e.text, ": more than 5 bytes");
	unlink(name);
	EQ(fp_text_read(&t, name, 5, &e), -ENOENT);
	EQ(fp_text_read(&t, "/", 5, &e), -EISDIR);
	OK(!pipe(pipes));
	EQ(dup2(pipes[0], STDIN_FILENO), STDIN_FILENO);
	EQ(write(pipes[1], "pipe\n", 5), 5);
	EQ(write(pipes[1], "line\n", 5), 5);
	close(pipes[1]);
	OK(!fp_text_read(&t, "-", 10, &e));
	OK(!t.is_mapped && t.len == 10 && !memcmp(t.data, "pipe\nline\n", 10));
	fp_text_fini(&t);
	close(fd);
}

TEST(text_read_too_long)
{
	char name[256];
	int fd = temp_file(name);
	struct fp_text t;
	struct fp_err e;

	unlink(name);
	OK(!ftruncate(fd, 3 << 20));
	EQ(dup2(fd, STDIN_FILENO), STDIN_FILENO);
	EQ(fp_text_read(&t, "-", 1 << 20, &e), -EFBIG);
	OK(!lseek(STDIN_FILENO, 0, SEEK_SET));
	EQ(fp_text_read(&t, "-", (3 << 20) - 1, &e), -EFBIG);
	OK(!lseek(STDIN_FILENO, 0, SEEK_SET));
	OK(!fp_text_read(&t, "-", 3 << 20, &e));
	EQ(t.len, 3 << 20);
	fp_text_fini(&t);
	close(fd);
}
