/* SPDX-License-Identifier: Apache-2.0 */
/* lib/base: prefixes, errors, buffers, hashes, UTF-8. */
#include "unit.h"

#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/percent.h"
#include "base/utf8.h"

static struct fp_prefix prefix(const char *s)
{
	struct fp_prefix p = { 0 };
	struct fp_err e = { 0 };

	if (!EQ(fp_prefix_parse(&p, s, strlen(s), &e), 0))
		printf("# %s: %s\n", s, e.text);
	return p;
}

/* What is read prints back as itself or as given. */
TEST(prefix_print)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "0.0.0.0", NULL },
		{ "255.255.255.255", NULL },
		{ "192.0.2.1/32", "192.0.2.1" },
		{ "192.0.2.0/24", NULL },
		{ "128.0.0.0/1", NULL },
		{ "0.0.0.0/0", NULL },
		{ "10.0.100.9", NULL },
		{ "::", NULL },
		{ "::1", NULL },
		{ "::/0", NULL },
		{ "8000::/1", NULL },
		{ "2001:db8::1/128", "2001:db8::1" },
		{ "2001:DB8::/32", "2001:db8::/32" },
		{ "2001:0db8:0000:0000:0001:0000:0000:0001",
		  "2001:db8::1:0:0:1" },
		{ "2001:db8:0:1:1:1:1:1", NULL },
		{ "2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
		{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
		{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },
		{ "0:0:1::", "0:0:1::" },
		{ "1:0:0:0:0:0:0:0", "1::" },
		{ "::1:2", NULL },
		{ "::102:304", NULL },
		{ "::1.2.3.4", "::102:304" },
		{ "64:ff9b::192.0.2.33", "64:ff9b::c000:221" },
		{ "fe80::/10", NULL },
		{ "2001:db8:0:8000::/49", NULL },
		{ "2001:db8::ff00:42:8328/127", NULL },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *want = cases[i].out ? cases[i].out : cases[i].in;
		struct fp_prefix p = prefix(cases[i].in), again;
		char text[FP_PREFIX_STRLEN];

		EQ(fp_prefix_print(&p, text), strlen(want));
		STR(text, want);
		again = prefix(text);
		EQ(fp_prefix_cmp(&p, &again), 0);
	}
}

TEST(prefix_refused)
{
	static const struct {
		const char *in, *says;
	} cases[] = {
		{ "", "\"\" is not an address or a prefix" },
		{ "1.2.3", "not an address" },
		{ "1.2.3.", "not an address" },
		{ "1.2.3.4.5", "not an address" },
		{ "1..3.4", "not an address" },
		{ "1.2.3.4 ", "\"1.2.3.4?\"" },
		{ " 1.2.3.4", "\"?1.2.3.4\"" },
		{ "+1.2.3.4", "not an address" },
		{ "0x1.2.3.4", "not an address" },
		{ "1.2.3.4:5060", "not an address" },
		{ "example.com", "not an address" },
		{ "256.2.3.4", "an octet is more than 255" },
		{ "1.2.3.1000", "an octet is more than 255" },
		{ "1.2.3.99999999999", "an octet is more than 255" },
		{ "01.2.3.4", "an octet has a leading zero" },
		{ "1.2.3.00", "an octet has a leading zero" },
		{ "1.2.3.0/033", "the length has a leading zero" },
		{ "1.2.3.0/00", "the length has a leading zero" },
		{ "1.2.3.4/33", "the length is not 0 to 32" },
		{ "1.2.3.4/", "the length is not 0 to 32" },
		{ "1.2.3.4/-1", "the length is not 0 to 32" },
		{ "1.2.3.4/4294967328", "the length is not 0 to 32" },
		{ "1.2.3.4/32/32", "the length is not 0 to 32" },
		{ "1.2.3.4/255.0.0.0", "the length is not 0 to 32" },
		{ "2001:db8::/129", "the length is not 0 to 128" },
		{ "2001:db8::/032", "the length has a leading zero" },
		{ "2001:db8::/", "the length is not 0 to 128" },
		{ "2001:db8:::", "not an address" },
		{ "2001:db8", "not an address" },
		{ "12345::", "not an address" },
		{ "fe80::1%eth0", "zone" },
		{ "::ffff:192.0.2.1", "IPv4-mapped" },
		{ "::ffff:0:0/96", "IPv4-mapped" },
		{ "192.0.2.1/24", "did you mean 192.0.2.0/24?" },
		{ "192.0.2.1/0", "did you mean 0.0.0.0/0?" },
		{ "192.0.2.255/31", "did you mean 192.0.2.254/31?" },
		{ "2001:db8::1/64", "did you mean 2001:db8::/64?" },
		{ "2001:db8::1/0", "did you mean ::/0?" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fp_prefix p = { 1, 2, 3 };
		struct fp_err e = { .rule = "old" };
		size_t n = strlen(cases[i].in);

		if (!EQ(fp_prefix_parse(&p, cases[i].in, n, &e), -EINVAL))
			printf("# taken: \"%s\"\n", cases[i].in);
		HAS(e.text, cases[i].says);
		STR(e.rule, "");
		OK(p.hi == 1 && p.lo == 2 && p.len == 3);
		EQ(fp_prefix_parse(&p, cases[i].in, n, NULL), -EINVAL);
	}
}

/* Exactly n bytes: what follows is not read, a NUL inside is an error. */
TEST(prefix_bounds)
{
	struct fp_prefix p;
	struct fp_err e;
	char word[] = "192.0.2.10", big[5000], *heap;

	EQ(fp_prefix_parse(&p, word, 9, &e), 0);
	EQ(p.lo & 255, 1);
	EQ(fp_prefix_parse(&p, "1.2.3.4\0005", 9, &e), -EINVAL);
	HAS(e.text, "\"1.2.3.4?5\"");
	EQ(fp_prefix_parse(&p, "::1\0", 4, &e), -EINVAL);
	memset(big, '1', sizeof(big));
	EQ(fp_prefix_parse(&p, big, sizeof(big), &e), -EINVAL);
	OK(strlen(e.text) < 150);
	HAS(e.text, "111...\"");
	memset(big, ':', sizeof(big));
	EQ(fp_prefix_parse(&p, big, sizeof(big), &e), -EINVAL);
	/* Not one byte past the end: for the sanitizers. */
	heap = malloc(7);
	memcpy(heap, "1.2.3.4", 7);
	for (size_t n = 0; n < 7; n++)
		EQ(fp_prefix_parse(&p, heap, n, &e), -EINVAL);
	EQ(fp_prefix_parse(&p, heap, 7, &e), 0);
	memcpy(heap, "1::2/12", 7);
	EQ(fp_prefix_parse(&p, heap, 6, &e), -EINVAL);
	free(heap);
}

TEST(prefix_from_bytes)
{
	static const unsigned char v4[] = { 192, 0, 2, 77 };
	static const unsigned char v6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
	static const unsigned char mapped[16] = {
		[10] = 0xff, 0xff, 1, 2, 3, 4
	};
	static const struct {
		const char *text;
		unsigned int len;
	} cuts4[] = { { "192.0.2.77", 32 },
		      { "192.0.2.76/31", 31 },
		      { "192.0.2.0/24", 24 },
		      { "128.0.0.0/1", 1 },
		      { "0.0.0.0/0", 0 } },
	  cuts6[] = { { "2001:db8::1", 128 },
		      { "2001:db8::/127", 127 },
		      { "2001:db8::/65", 65 },
		      { "2001:db8::/64", 64 },
		      { "2001:db8::/63", 63 },
		      { "2000::/3", 3 },
		      { "::/0", 0 } };

	for (size_t i = 0; i < sizeof(cuts4) / sizeof(*cuts4); i++) {
		struct fp_prefix a = fp_prefix_v4(v4, cuts4[i].len);
		struct fp_prefix b = prefix(cuts4[i].text);

		EQ(fp_prefix_cmp(&a, &b), 0);
		OK(fp_prefix_is_v4(&a));
	}
	for (size_t i = 0; i < sizeof(cuts6) / sizeof(*cuts6); i++) {
		struct fp_prefix a = fp_prefix_v6(v6, cuts6[i].len);
		struct fp_prefix b = prefix(cuts6[i].text);

		EQ(fp_prefix_cmp(&a, &b), 0);
		OK(!fp_prefix_is_v4(&a));
	}
	/* A dual-stack socket's peer is the IPv4 address it is. */
	struct fp_prefix a = fp_prefix_v6(mapped, 128), b = prefix("1.2.3.4");

	EQ(fp_prefix_cmp(&a, &b), 0);
}

TEST(prefix_contains)
{
	static const struct {
		const char *outer, *inner;
		bool is_in;
	} cases[] = {
		{ "192.0.2.0/24", "192.0.2.0/24", true },
		{ "192.0.2.0/24", "192.0.2.255", true },
		{ "192.0.2.0/24", "192.0.3.0", false },
		{ "192.0.2.0/24", "192.0.2.0/23", false },
		{ "0.0.0.0/0", "255.255.255.255", true },
		{ "0.0.0.0/0", "::", false },
		{ "::/0", "192.0.2.1", false },
		{ "::/0", "0.0.0.0/0", false },
		{ "::/0", "ffff::", true },
		{ "::/80", "1.2.3.4", false },
		{ "2001:db8::/32", "2001:db8:ffff::1", true },
		{ "2001:db8::/32", "2001:db9::", false },
		{ "2001:db8::/64", "2001:db8::1:0:0:0", true },
		{ "2001:db8::/65", "2001:db8::8000:0:0:0", false },
		{ "2001:db8::1", "2001:db8::1", true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fp_prefix a = prefix(cases[i].outer);
		struct fp_prefix b = prefix(cases[i].inner);

		if (!EQ(fp_prefix_contains(&a, &b), cases[i].is_in))
			printf("# %s in %s\n", cases[i].inner, cases[i].outer);
		EQ(fp_prefix_overlaps(&b, &a),
		   cases[i].is_in || fp_prefix_contains(&b, &a));
	}
}

TEST(prefix_order)
{
	/* As they must sort; each before everything inside it. */
	static const char *const sorted[] = {
		"0.0.0.0/0",     "0.0.0.0",     "10.0.0.0/8", "10.0.0.0/9",
		"10.0.0.0",      "10.0.0.1",    "192.0.2.0",  "255.255.255.255",
		"::/0",          "::",          "::1",        "2001:db8::/32",
		"2001:db8::/64", "2001:db8::1", "ffff::/16",
	};
	size_t n = sizeof(sorted) / sizeof(*sorted);

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) {
			struct fp_prefix a = prefix(sorted[i]);
			struct fp_prefix b = prefix(sorted[j]);
			int c = fp_prefix_cmp(&a, &b);

			EQ((c > 0) - (c < 0), (i > j) - (i < j));
		}
}

/* Every length, against shifting bit by bit. */
TEST(prefix_cut)
{
	struct fp_prefix full = { ~0ull, ~0ull, 128 };

	for (unsigned int len = 0; len <= 128; len++) {
		struct fp_prefix p = fp_prefix_cut(&full, len);
		unsigned __int128 want = 0, got;

		for (unsigned int i = 0; i < len; i++)
			want |= (unsigned __int128)1 << (127 - i);
		got = (unsigned __int128)p.hi << 64 | p.lo;
		OK(got == want);
		EQ(p.len, len);
	}
}

/* A million lines of a list take about 30 ms; the bound is for slow machines
 * and for sanitizers. */
TEST(prefix_speed)
{
	static const char *const words[] = { "203.0.113.77", "10.0.0.0/8",
					     "198.51.100.0/24", "1.2.3.4" };
	size_t lens[4];
	struct fp_prefix p;
	uint64_t sum = 0;
	long start_ms;

	for (int i = 0; i < 4; i++)
		lens[i] = strlen(words[i]);
	start_ms = unit_now_ms();
	for (int i = 0; i < 1000000; i++) {
		fp_prefix_parse(&p, words[i & 3], lens[i & 3], NULL);
		sum += p.lo;
	}
	OK(sum);
	printf("# %ld ms\n", unit_now_ms() - start_ms);
	OK(unit_now_ms() - start_ms < 3000);
}

TEST(err_text)
{
	struct fp_err e = { .rule = "own" };
	char big[2000];

	EQ(fp_err(&e, -EINVAL, "%s %d", "word", 7), -EINVAL);
	STR(e.text, "word 7");
	STR(e.rule, "");
	EQ(fp_err_sys(&e, -ENOSPC, "list %s", "a"), -ENOSPC);
	STR(e.text, "list a: No space left on device");
	EQ(fp_err_prefix(&e, -EIO, "sip%d", 2), -EIO);
	STR(e.text, "sip2: list a: No space left on device");
	EQ(fp_refuse(&e, "own-address", "%s is ours", "192.0.2.1"), -EPERM);
	STR(e.rule, "own-address");
	EQ(fp_err_prefix(&e, -EPERM, "x"), -EPERM);
	STR(e.rule, "own-address");
	STR(e.text, "x: 192.0.2.1 is ours");
	/* Built from itself, and far too long. */
	fp_err(&e, -EINVAL, "again: %s", e.text);
	STR(e.text, "again: x: 192.0.2.1 is ours");
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = 0;
	fp_err_sys(&e, -EIO, "%s", big);
	EQ(strlen(e.text), sizeof(e.text) - 1);
	fp_err_prefix(&e, -EIO, "%s", big);
	EQ(strlen(e.text), sizeof(e.text) - 1);
	fp_refuse(&e, big, "no");
	EQ(strlen(e.rule), sizeof(e.rule) - 1);
	EQ(fp_err(NULL, -EIO, "x") + fp_err_sys(NULL, -EIO, "x") +
		   fp_err_prefix(NULL, -EIO, "x") + fp_refuse(NULL, "r", "x"),
	   -EIO * 3 - EPERM);
}

TEST(buf_grows)
{
	struct fp_buf b = { 0 };
	char *room;

	STR(fp_buf_str(&b), "");
	fp_buf_add(&b, NULL, 0);
	for (int i = 0; i < 1000; i++)
		fp_buf_printf(&b, "%d,", i);
	EQ(b.len, 3890);
	OK(!strncmp(fp_buf_str(&b), "0,1,2,3,", 8));
	EQ(strlen(fp_buf_str(&b)), b.len);
	room = fp_buf_room(&b, 3);
	memcpy(room, "end", 3);
	b.len += 3;
	STR(fp_buf_str(&b) + b.len - 7, "999,end");
	fp_buf_fini(&b);
	OK(!b.data && !b.len && !b.cap);
}

/* A failure is kept, harms nothing and ends with fini. */
TEST(buf_fails)
{
	struct fp_buf b = { 0 };

	fp_buf_str_add(&b, "kept");
	OK(!fp_buf_room(&b, SIZE_MAX - 1));
	OK(b.is_failed);
	fp_buf_str_add(&b, "lost");
	fp_buf_printf(&b, "%d", 1);
	EQ(b.len, 4);
	OK(!fp_buf_str(&b));
	fp_buf_fini(&b);
	OK(!b.is_failed);
}

/* FIPS 180-4's examples; pieces make the same whole. */
TEST(sha256)
{
	unsigned char sum[FP_SHA256_SIZE];
	char hex[FP_SHA256_HEX];
	struct fp_sha256 h;

	fp_sha256_init(&h);
	fp_sha256_add(&h, "a", 1);
	fp_sha256_add(&h, "bc", 2);
	fp_sha256_fini(&h, sum);
	fp_hex(sum, sizeof(sum), hex);
	STR(hex, "ba7816bf8f01cfea414140de5dae2223"
		 "b00361a396177a9cb410ff61f20015ad");
	fp_sha256_init(&h);
	fp_sha256_fini(&h, sum);
	fp_hex(sum, sizeof(sum), hex);
	STR(hex, "e3b0c44298fc1c149afbf4c8996fb924"
		 "27ae41e4649b934ca495991b7852b855");
}

/* The reference implementation's test vectors. */
TEST(fnv1a)
{
	OK(fp_fnv1a(FP_FNV1A_INIT, "", 0) == 0xcbf29ce484222325ull);
	OK(fp_fnv1a(FP_FNV1A_INIT, "a", 1) == 0xaf63dc4c8601ec8cull);
	OK(fp_fnv1a(FP_FNV1A_INIT, "foobar", 6) == 0x85944171f73967e8ull);
}

TEST(utf8)
{
	static const struct {
		const char *s;
		size_t len;
	} cases[] = {
		{ "a", 1 },
		{ "\x7f", 1 },
		{ "\xc2\x80", 2 },
		{ "\xdf\xbf", 2 },
		{ "\xe0\xa0\x80", 3 },
		{ "\xef\xbf\xbf", 3 },
		{ "\xf0\x90\x80\x80", 4 },
		{ "\xf4\x8f\xbf\xbf", 4 },
		{ "\x80", 0 },
		{ "\xbf", 0 },
		{ "\xc0\x80", 0 },
		{ "\xc1\xbf", 0 },
		{ "\xc2", 0 },
		{ "\xc2x", 0 },
		{ "\xe0\x9f\xbf", 0 },
		{ "\xe0\xa0", 0 },
		{ "\xed\xa0\x80", 0 },
		{ "\xf0\x8f\xbf\xbf", 0 },
		{ "\xf4\x90\x80\x80", 0 },
		{ "\xf0\x90\x80", 0 },
		{ "\xf5\x80\x80\x80", 0 },
		{ "\xff", 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (!EQ(fp_utf8_len(cases[i].s), cases[i].len))
			printf("# case %zu\n", i);
}

TEST(utf8_controls)
{
	static const struct {
		const char *s;
		uint32_t c;
		bool is;
	} cases[] = {
		{ "\x1f", 0x1f, true },
		{ " ", ' ', false },
		{ "~", '~', false },
		{ "\x7f", 0x7f, true },
		{ "\xc2\x9f", 0x9f, true },
		{ "\xc2\xa0", 0xa0, false },
		{ "\xd8\x9c", 0x61c, true },
		{ "\xe2\x80\x8d", 0x200d, false }, /* joins letters */
		{ "\xe2\x80\x8e", 0x200e, true },
		{ "\xe2\x80\xa7", 0x2027, false },
		{ "\xe2\x80\xa8", 0x2028, true },
		{ "\xe2\x80\xae", 0x202e, true },
		{ "\xe2\x80\xaf", 0x202f, false },
		{ "\xe2\x81\xa6", 0x2066, true },
		{ "\xe2\x81\xaa", 0x206a, false },
		{ "\xef\xbb\xbf", 0xfeff, true },
		{ "\xf4\x8f\xbf\xbf", 0x10ffff, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint32_t c = fp_utf8_char(cases[i].s, strlen(cases[i].s));

		if (!EQ(c, cases[i].c) ||
		    !EQ(fp_utf8_is_control(c), cases[i].is))
			printf("# case %zu\n", i);
	}
}

TEST(percent)
{
	static const struct {
		const char *in, *out;
	} t[] = {
		{ "", "" },       { "a", "a" },       { "%41%6a%6A", "Ajj" },
		{ "%", "%" },     { "%4", "%4" },     { "%4g%g4", "%4g%g4" },
		{ "%%41", "%A" }, { "%2541", "%41" }, { "a%00b", "a%00b" },
		{ "a+b", "a+b" }, { "%ff", "\xff" },
	};
	char s[32];

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		snprintf(s, sizeof(s), "%s", t[i].in);
		fp_percent_decode(s);
		STR(s, t[i].out);
	}
}
