/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of fp-sync. */
#include "unit.h"

#include "codec/wire.h"

/* A frame of n bytes after its length. */
static struct fp_buf frame_n(const char *rest, size_t n)
{
	struct fp_buf b = { 0 };
	char len[4] = { (char)(n >> 24), (char)(n >> 16), (char)(n >> 8),
			(char)n };

	fp_buf_add(&b, len, 4);
	fp_buf_add(&b, rest, n);
	return b;
}

/* Read a frame of a string, from memory that ends with it. */
static int read_rest(const char *rest, size_t n, struct fp_err *e)
{
	struct fp_buf b = frame_n(rest, n);
	char *exact = malloc(b.len);
	struct fp_wire_msg m;
	size_t used = 0;
	int r;

	memcpy(exact, b.data, b.len);
	r = fp_wire_read(exact, b.len, &used, &m, e);
	EQ(used, r == 1 ? b.len : 0);
	free(exact);
	fp_buf_fini(&b);
	return r;
}

static const char *bad(const char *rest)
{
	static struct fp_err e;

	e.text[0] = 0;
	EQ(read_rest(rest, strlen(rest), &e), -EBADMSG);
	return e.text;
}

static int good(const char *rest)
{
	return read_rest(rest, strlen(rest), NULL);
}

/* The message in b. */
static struct fp_wire_msg msg(const struct fp_buf *b)
{
	struct fp_wire_msg m = { 0 };
	size_t used;

	OK(!b->is_failed);
	EQ(fp_wire_read(b->data, b->len, &used, &m, NULL), 1);
	EQ(used, b->len);
	return m;
}

TEST(bytes_of_a_frame)
{
	static const char want[] =
		"\0\0\0\x1aHv=1\nname=sip\xc3\xa9 a=b\n\nbody\n";
	struct fp_buf b = { 0 };
	size_t begin = fp_wire_begin(&b, FP_WIRE_HELLO);

	fp_wire_put_u64(&b, "v", 1);
	fp_wire_put(&b, "name", "sip\xc3\xa9 a=b");
	fp_wire_body(&b, "bo", 2);
	fp_buf_str_add(&b, "dy\n");
	fp_wire_end(&b, begin);
	EQ(b.len, sizeof(want) - 1);
	OK(!memcmp(b.data, want, sizeof(want) - 1));
	fp_buf_fini(&b);
}

TEST(no_body_no_fields)
{
	struct fp_buf b = { 0 };
	struct fp_wire_msg m;

	fp_wire_end(&b, fp_wire_begin(&b, FP_WIRE_END));
	EQ(b.len, 6);
	m = msg(&b);
	EQ(m.type, 'E');
	EQ(m.n_fields, 0);
	EQ(m.body_len, 0);
	b.len = 0;
	fp_wire_put_u64(&b, "x", fp_wire_begin(&b, FP_WIRE_OK));
	fp_wire_end(&b, 0);
	m = msg(&b);
	EQ(m.n_fields, 1);
	EQ(m.body_len, 0);
	EQ(good("E"), 1);
	EQ(good("E\n"), 1);
	EQ(good("D\n\n\n"), 1);
	fp_buf_fini(&b);
}

TEST(frames_one_after_the_other)
{
	struct fp_buf b = { 0 };
	struct fp_wire_msg m;
	size_t first, used, begin;

	fp_wire_put_u64(&b, "a", fp_wire_begin(&b, FP_WIRE_OK));
	fp_wire_end(&b, 0);
	first = b.len;
	begin = fp_wire_begin(&b, FP_WIRE_DATA);
	fp_wire_body(&b, "::1\n", 4);
	fp_wire_end(&b, begin);
	EQ(fp_wire_read(b.data, b.len, &used, &m, NULL), 1);
	EQ(used, first);
	EQ(m.type, FP_WIRE_OK);
	EQ(fp_wire_read(b.data + used, b.len - used, &used, &m, NULL), 1);
	EQ(used, b.len - first);
	EQ(m.type, FP_WIRE_DATA);
	EQ(m.body_len, 4);
	fp_buf_fini(&b);
}

TEST(cut_anywhere_more_is_needed)
{
	struct fp_buf b = { 0 };
	struct fp_wire_msg m;
	size_t used = 77;

	fp_wire_put(&b, "name", (fp_wire_begin(&b, FP_WIRE_LIST), "x"));
	fp_wire_body(&b, "12345678", 8);
	fp_wire_end(&b, 0);
	for (size_t n = 0; n < b.len; n++) {
		char *exact = malloc(n + !n);

		memcpy(exact, b.data, n);
		EQ(fp_wire_read(exact, n, &used, &m, NULL), 0);
		free(exact);
	}
	EQ(used, 77);
	fp_buf_fini(&b);
}

TEST(values)
{
	static const int64_t v[] = { 0, 1, -1, INT64_MAX, -INT64_MAX };
	struct fp_buf b = { 0 };
	struct fp_wire_msg m;
	char out[8];

	fp_wire_begin(&b, FP_WIRE_OK);
	fp_wire_put(&b, "empty", "");
	fp_wire_put(&b, "seven", "1234567");
	fp_wire_put(&b, "eight", "12345678");
	fp_wire_put_u64(&b, "top", UINT64_MAX);
	for (size_t i = 0; i < 5; i++)
		fp_wire_put_i64(&b, (char[]){ 'i', (char)('0' + i), 0 }, v[i]);
	fp_wire_end(&b, 0);
	m = msg(&b);
	EQ(m.n_fields, 9);
	OK(fp_wire_str(&m, "empty", out, sizeof(out)));
	STR(out, "");
	OK(fp_wire_str(&m, "seven", out, sizeof(out)));
	STR(out, "1234567");
	OK(!fp_wire_str(&m, "eight", out, sizeof(out)));
	OK(!fp_wire_str(&m, "absent", out, sizeof(out)));
	OK(!fp_wire_str(&m, "seve", out, sizeof(out)));
	OK(!fp_wire_str(&m, "empty", out, 0));
	for (size_t i = 0; i < 5; i++) {
		char key[] = { 'i', (char)('0' + i), 0 };
		int64_t x = 7;

		OK(!fp_wire_i64(&m, key, INT64_MAX, 0, &x, NULL));
		EQ(x, v[i]);
	}
	fp_buf_fini(&b);
}

TEST(numbers_that_are_none)
{
	static const char rest[] =
		"K"
		"a=\nb=-1\nc=1 \nd=0x1\ne=18446744073709551616\nf=11\ng=--1\n"
		"h=-\ni=+1\nj=-11\nk=99999999999999999999999999\n\n";
	struct fp_buf f = frame_n(rest, sizeof(rest) - 1);
	struct fp_wire_msg m = msg(&f);
	uint64_t u = 5;
	int64_t i = 5;

	for (char key[] = "a"; *key <= 'k'; ++*key) {
		struct fp_err e;

		EQ(fp_wire_u64(&m, key, *key == 'f' ? 10 : UINT64_MAX, 0, &u,
			       &e),
		   -EBADMSG);
		HAS(e.text, " is no number from 0 to ");
		if (*key != 'b')
			EQ(fp_wire_i64(&m, key, 10, 0, &i, &e), -EBADMSG);
	}
	EQ(u, 5);
	EQ(i, 5);
	OK(!fp_wire_u64(&m, "zz", 1, 42, &u, NULL));
	EQ(u, 42);
	OK(!fp_wire_i64(&m, "zz", 1, -42, &i, NULL));
	EQ(i, -42);
	fp_buf_fini(&f);
}

TEST(what_is_not_ours)
{
	HAS(bad("Zv=1\n\n"), "unknown type 0x5a");
	HAS(bad("hv=1\n\n"), "unknown type 0x68");
	HAS(bad("\n"), "unknown type 0x0a");
	HAS(bad("Hv=1"), "head does not end");
	HAS(bad("Hv=1\nname=x"), "head does not end");
	HAS(bad("Hv=1\n"), "no empty line");
	HAS(bad("Hv\n\n"), "not key=value");
	HAS(bad("H=1\n\n"), "not key=value");
	HAS(bad("HV=1\n\n"), "not key=value");
	HAS(bad("Hv v=1\n\n"), "not key=value");
	HAS(bad("H\xc3\xa9=1\n\n"), "not key=value");
	HAS(bad("Hv=1\na=2\nv=1\n\n"), "v: given twice");
	HAS(bad("Ha=\t\n\n"), "a: a control character, or not UTF-8");
	HAS(bad("Ha=x\r\n\n"), "control");
	HAS(bad("Ha=\x7f\n\n"), "control");
	HAS(bad("Ha=\xc2\x85\n\n"), "control"); /* U+0085, C1 */
	HAS(bad("Ha=\xc3\n\n"), "control");
	HAS(bad("Ha=\xed\xa0\x80\n\n"), "control"); /* a surrogate */
	HAS(bad("Ha=\xc0\xaf\n\n"), "control");     /* overlong */
	EQ(read_rest("Ha=\0\n\n", 6, NULL), -EBADMSG);
	EQ(read_rest("", 0, NULL), -EBADMSG);
	EQ(good("Ha=\xf0\x9f\x98\x80=\n\n"), 1);
	EQ(good("Hv=1\nv_=2\nunknown_9=\n\n\xff\n"), 1);
}

/* Known from the first five bytes: nobody waits for a MiB of nonsense. */
TEST(wrong_at_once)
{
	static const char type[] = "\0\0\1\0Z", zero[4], over[] = "\0\x10\0\1";
	static const char http[] = "HTTP/1.1 400", max[] = "\0\x10\0\0D";
	struct fp_wire_msg m;
	size_t used;

	EQ(fp_wire_read(type, 5, &used, &m, NULL), -EBADMSG);
	EQ(fp_wire_read(zero, 4, &used, &m, NULL), -EBADMSG);
	EQ(fp_wire_read(over, 4, &used, &m, NULL), -EBADMSG);
	EQ(fp_wire_read(http, 12, &used, &m, NULL), -EBADMSG);
	EQ(fp_wire_read(max, 5, &used, &m, NULL), 0);
}

/* n fields and an empty line. */
static int fields(int n)
{
	char rest[2000];
	size_t at = 1;

	rest[0] = 'H';
	for (int i = 0; i < n; i++)
		at += (size_t)sprintf(rest + at, "k%d=%d\n", i, i);
	rest[at++] = '\n';
	return read_rest(rest, at, NULL);
}

static int value_of(size_t n)
{
	char *rest = calloc(1, n + 8);
	int r;

	memcpy(rest, "Ha=", 3);
	memset(rest + 3, 'x', n);
	memcpy(rest + 3 + n, "\n\n", 2);
	r = read_rest(rest, n + 5, NULL);
	free(rest);
	return r;
}

TEST(limits)
{
	EQ(fields(FP_WIRE_FIELDS_MAX), 1);
	EQ(fields(FP_WIRE_FIELDS_MAX + 1), -EBADMSG);
	EQ(value_of(FP_WIRE_VALUE_MAX), 1);
	EQ(value_of(FP_WIRE_VALUE_MAX + 1), -EBADMSG);
}

TEST(longest_frame)
{
	struct fp_buf b = { 0 };
	char *body = calloc(1, FP_WIRE_FRAME_MAX);

	fp_wire_begin(&b, FP_WIRE_DATA);
	fp_wire_body(&b, body, FP_WIRE_FRAME_MAX - 2);
	fp_wire_end(&b, 0);
	EQ(msg(&b).body_len, FP_WIRE_FRAME_MAX - 2);
	b.len = 0;
	fp_wire_begin(&b, FP_WIRE_DATA);
	fp_wire_body(&b, body, FP_WIRE_FRAME_MAX - 1);
	fp_wire_end(&b, 0);
	OK(b.is_failed);
	fp_buf_fini(&b);
	free(body);
}

/* What is put as value; read back. */
static const char *fitted(const char *value)
{
	static char out[FP_WIRE_VALUE_MAX + 1];
	struct fp_buf b = { 0 };
	struct fp_wire_msg m;

	fp_wire_begin(&b, FP_WIRE_NOTE);
	fp_wire_put(&b, "text", value);
	fp_wire_end(&b, 0);
	m = msg(&b);
	OK(fp_wire_str(&m, "text", out, sizeof(out)));
	EQ(m.n_fields, 1);
	fp_buf_fini(&b);
	return out;
}

TEST(values_are_made_fit)
{
	char longer[FP_WIRE_VALUE_MAX + 100];

	STR(fitted("a\nb\x01\x7f\xc2\x85 \xc3\xa9"), "a?b???? \xc3\xa9");
	STR(fitted("\xff\xc3 ("), "?? (");
	STR(fitted("x\xc3"), "x?");
	STR(fitted("x\n\ny=z\n"), "x??y=z?");
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = 0;
	EQ(strlen(fitted(longer)), FP_WIRE_VALUE_MAX);
	/* not in the middle of a character */
	memcpy(longer + FP_WIRE_VALUE_MAX - 1, "\xc3\xa9", 2);
	EQ(strlen(fitted(longer)), FP_WIRE_VALUE_MAX - 1);
}

TEST(fail_there_and_back)
{
	struct fp_err e = { 0 }, back;
	struct fp_buf b = { 0 };
	struct fp_wire_msg m;
	char code[16];

	fp_refuse(&e, "cluster", "192.0.2.1 is\nsip1's");
	fp_wire_put_fail(&b, "refused", -EPERM, &e);
	m = msg(&b);
	EQ(m.type, FP_WIRE_FAIL);
	EQ(fp_wire_fail(&m, code, sizeof(code), &back), -EPERM);
	STR(code, "refused");
	STR(back.rule, "cluster");
	STR(back.text, "192.0.2.1 is?sip1's");
	b.len = 0;
	fp_err(&e, -EDQUOT, "disk");
	fp_wire_put_fail(&b, "failed", -EDQUOT, &e);
	m = msg(&b);
	EQ(fp_wire_fail(&m, code, sizeof(code), &back), -EDQUOT);
	STR(back.rule, "");
	EQ(fp_wire_fail(&m, code, sizeof(code), NULL), -EDQUOT);
	fp_buf_fini(&b);
}

TEST(fail_of_a_stranger)
{
	static const char rest[] = "Fcode=123456789012345678901234567890\n"
				   "errno=EWHAT\n\n";
	struct fp_buf f = frame_n(rest, sizeof(rest) - 1), g;
	struct fp_wire_msg m = msg(&f);
	struct fp_err e;
	char code[16];

	EQ(fp_wire_fail(&m, code, sizeof(code), &e), -EREMOTEIO);
	STR(code, "failed");
	STR(e.text, "no reason given");
	g = frame_n("F", 1);
	m = msg(&g);
	EQ(fp_wire_fail(&m, code, sizeof(code), &e), -EREMOTEIO);
	STR(code, "failed");
	fp_buf_fini(&f);
	fp_buf_fini(&g);
}
