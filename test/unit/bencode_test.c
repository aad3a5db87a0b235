/* SPDX-License-Identifier: Apache-2.0 */
/* Bencoding as rtpengine's control protocol has it. */
#include "codec/bencode.h"

#include "unit.h"

static int parse(struct fp_bencode *v, const char *s)
{
	return fp_bencode_parse(v, s, strlen(s), NULL);
}

TEST(written)
{
	struct fp_buf b = { 0 };

	fp_bencode_dict(&b);
	fp_bencode_str(&b, "command");
	fp_bencode_str(&b, "ping");
	fp_bencode_str(&b, "n");
	fp_bencode_int(&b, -42);
	fp_bencode_str(&b, "l");
	fp_bencode_list(&b);
	fp_bencode_str(&b, "");
	fp_bencode_end(&b);
	fp_bencode_end(&b);
	STR(fp_buf_str(&b), "d7:command4:ping1:ni-42e1:ll0:ee");
	fp_buf_fini(&b);
}

TEST(understood)
{
	struct fp_bencode v, x;

	EQ(parse(&v, "d6:result4:pong1:ni-42e1:dd1:ei7e1:s3:abcee"), 0);
	EQ(v.kind, FP_BEN_DICT);
	OK(fp_bencode_get(&v, "result", &x));
	OK(fp_bencode_is(&x, "pong"));
	OK(!fp_bencode_is(&x, "pon"));
	OK(!fp_bencode_is(&x, "pong2"));
	OK(fp_bencode_get(&v, "n", &x));
	EQ(x.kind, FP_BEN_INT);
	EQ(x.i, -42);
	OK(!fp_bencode_is(&x, "-42"));
	OK(fp_bencode_get(&v, "d.e", &x));
	EQ(x.i, 7);
	OK(fp_bencode_get(&v, "d.s", &x));
	OK(fp_bencode_is(&x, "abc"));
	OK(!fp_bencode_get(&v, "d.x", &x));
	OK(!fp_bencode_get(&v, "n.x", &x));
	OK(!fp_bencode_get(&v, "resul", &x));
	/* the first of two; strings with any bytes */
	EQ(fp_bencode_parse(&v, "d1:a1:\0001:ai1ee", 14, NULL), 0);
	OK(fp_bencode_get(&v, "a", &x));
	EQ(x.n, 1);
}

TEST(numbers)
{
	struct fp_bencode v;

	EQ(parse(&v, "i0e"), 0);
	EQ(v.i, 0);
	EQ(parse(&v, "i9223372036854775807e"), 0);
	EQ(v.i, INT64_MAX);
	EQ(parse(&v, "i-9223372036854775808e"), 0);
	EQ(v.i, INT64_MIN);
	EQ(parse(&v, "i9223372036854775808e"), -EBADMSG);
	EQ(parse(&v, "i-9223372036854775809e"), -EBADMSG);
	EQ(parse(&v, "i99999999999999999999999e"), -EBADMSG);
}

TEST(refused)
{
	static const char *const bad[] = {
		"",
		"x",
		"i",
		"ie",
		"i-e",
		"i-0e",
		"i03e",
		"i1",
		"3:ab",
		"3",
		"03:abc",
		"-1:a",
		"d",
		"d1:ae",
		"di1e1:ae",
		"d1:a",
		"l",
		"le1",
		"4:pongx",
		"99999999999999999999:a",
		"18446744073709551615:a",
		"i 1e",
		"1:",
		"d1:ai1e",
		"e",
	};
	struct fp_bencode v;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (!EQ(parse(&v, bad[i]), -EBADMSG))
			printf("# %s\n", bad[i]);
}

TEST(depth)
{
	char deep[64] = "";
	struct fp_bencode v;

	for (int n = 1; n <= 20; n++) {
		memset(deep, 'l', (size_t)n);
		memset(deep + n, 'e', (size_t)n);
		EQ(fp_bencode_parse(&v, deep, 2 * (size_t)n, NULL),
		   n <= 16 ? 0 : -EBADMSG);
	}
}

TEST(cut_at_every_byte)
{
	static const char whole[] =
		"d6:result2:ok10:statisticsd17:currentstatistics"
		"d13:sessionstotali3eeee";
	struct fp_bencode v;

	EQ(parse(&v, whole), 0);
	for (size_t n = 0; n < strlen(whole); n++) {
		/* exactly n bytes, so that the sanitizer sees more */
		char *copy = malloc(n ? n : 1);

		memcpy(copy, whole, n);
		EQ(fp_bencode_parse(&v, copy, n, NULL), -EBADMSG);
		free(copy);
	}
}

/* The answers of rtpengine 10.5.3.5: test/corpus/ng. */
static struct fp_bencode captured(const char *name)
{
	static char text[65536];
	struct fp_bencode v = { 0 };
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "test/corpus/ng/%s", name);
	f = fopen(path, "re");
	if (OK(f)) {
		EQ(fp_bencode_parse(&v, text, fread(text, 1, sizeof(text), f),
				    NULL),
		   0);
		fclose(f);
	}
	return v;
}

TEST(captured_answers)
{
	struct fp_bencode v = captured("ping"), x;

	OK(fp_bencode_get(&v, "result", &x) && fp_bencode_is(&x, "pong"));
	v = captured("error");
	OK(fp_bencode_get(&v, "result", &x) && fp_bencode_is(&x, "error"));
	OK(fp_bencode_get(&v, "error-reason", &x) &&
	   fp_bencode_is(&x, "Unknown call-id"));
	v = captured("statistics");
	OK(fp_bencode_get(&v, "statistics.currentstatistics.sessionstotal",
			  &x));
	EQ(x.kind, FP_BEN_INT);
	OK(fp_bencode_get(&v, "statistics.totalstatistics.uptime", &x));
	OK(fp_bencode_is(&x, "0"));
	OK(fp_bencode_get(&v, "statistics.interfaces", &x));
	EQ(x.kind, FP_BEN_LIST);
}
