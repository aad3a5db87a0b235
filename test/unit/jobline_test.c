/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a job's copy, and the objects in them. */
#include "codec/jobline.h"
#include "unit.h"

#define AT "\"at\":\"2026-11-21T21:44:12Z\""
#define AT_S 1795297452
#define HEAD                                                                   \
	"{\"type\":\"job\"," AT ",\"version\":1,\"id\":\"a-1\",\"tool\":"      \
	"\"fp-rehome\",\"verb\":\"drain\",\"node\":\"sip1\",\"by\":\"me\","    \
	"\"owner\":\"one\",\"plan\":{\"to\":1}}"

/* ---- objects */

TEST(objects)
{
	static const struct {
		const char *in, *out; /* NULL: refused */
	} v[] = {
		{ "{}", "{}" },
		{ " { \"a\" : [ 1 , -2.5e-3 , true ] }\n", /* one line */
		  "{\"a\":[1,-0.0025,true]}" },
		{ "{\"a\":{},\"b\":[null,false,[]]}",
		  "{\"a\":{},\"b\":[null,false,[]]}" },
		{ "{\"a\":9007199254740991}", "{\"a\":9007199254740991}" },
		{ "{\"a\":1795297452.5}", "{\"a\":1795297452.5}" },
		{ "{\"a\":0.10000000000000003}",
		  "{\"a\":0.10000000000000003}" },
		{ "{\"a\":1e1000}", "{\"a\":null}" }, /* no double */
		{ "{\"a\":\"\\ud83d\\ude00\\u00e9\\/\"}",
		  "{\"a\":\"\xf0\x9f\x98\x80\xc3\xa9/\"}" },
		{ "{\"a\":\"\xff\xc3\xa9\"}",
		  "{\"a\":\"\xef\xbf\xbd\xc3\xa9\"}" },
		{ "{\"a\":\"\\n\\\"\"}", "{\"a\":\"\\n\\\"\"}" },
		{ "{\"a\":\"\\ud800x\"}", NULL }, /* half a pair */
		{ "{\"a\":\"\\udc00\"}", NULL },
		{ "{\"a\":-}", NULL },
		{ "{\"a\":nul}", NULL },
		{ "{\"a\":\"\\x\"}", NULL },
		{ "{\"a\":1,}", NULL },
		{ "{\"a\" 1}", NULL },
		{ "{a:1}", NULL },
		{ "{\"a\":1", NULL },
		{ "{\"a\":1,", NULL },
		{ "{}{}", NULL },
		{ "{}}", NULL },
		{ "[]", NULL },
		{ "1", NULL },
		{ "", NULL },
		{ "{\"a\":\"", NULL },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct fp_buf b = { .data = NULL };
		int r = fp_jobline_object(&b, v[i].in, strlen(v[i].in));

		if (!EQ(r, v[i].out ? 0 : -EBADMSG))
			printf("# %s\n", v[i].in);
		if (v[i].out)
			STR(fp_buf_str(&b), v[i].out);
		fp_buf_fini(&b);
	}
}

TEST(an_object_is_not_deep)
{
	char text[200] = "{\"a\":";
	struct fp_buf b = { .data = NULL };
	size_t n = strlen(text);

	memset(text + n, '[', 40);
	memset(text + n + 40, ']', 40);
	strcpy(text + n + 80, "}");
	EQ(fp_jobline_object(&b, text, strlen(text)), -EBADMSG);
	fp_buf_fini(&b);
}

/* What would be read as a line of more than FP_JOBLINE_MAX is not written. */
TEST(an_object_is_not_big)
{
	size_t n = FP_JOBLINE_OBJECT_MAX;
	struct fp_buf b = { .data = NULL };
	char *text = malloc(n + 1);

	OK(text);
	memset(text, 'x', n);
	memcpy(text, "{\"a\":\"", 6);
	memcpy(text + n - 2, "\"}", 3);
	EQ(fp_jobline_object(&b, text, n), 0);
	EQ(b.len, n);
	text[10] = '\t'; /* two bytes of JSON */
	EQ(fp_jobline_object(&b, text, n), -EBADMSG);
	EQ(b.len, n);
	free(text);
	fp_buf_fini(&b);
}

TEST(items_are_any_bytes)
{
	static const char *const v[] = {
		"call:a@b", "\\",           "\\x41", "\xff\xfe", "\xc3\xa9",
		"a\nb\"c",  "\xed\xa0\x80", "\\x",   "\x01",
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct fp_buf b = { .data = NULL };

		fp_jobline_item_encode(&b, v[i]);
		fp_jobline_item_decode(b.data);
		STR(b.data, v[i]);
		fp_buf_fini(&b);
	}
}

/* ---- lines */

static int parse(const char *s, struct fp_jobline *l)
{
	struct fp_err e;

	return fp_jobline_parse(l, s, strlen(s), &e);
}

TEST(lines)
{
	struct fp_jobline l;

	EQ(parse(HEAD, &l), 0);
	EQ(l.kind, FP_JOBLINE_JOB);
	STR(l.verb, "drain");
	STR(l.plan, "{\"to\":1}");
	EQ(l.at_s, AT_S);
	fp_jobline_fini(&l);
	EQ(parse("{\"type\":\"epoch\"," AT ",\"epoch\":12,\"known\":true,"
		 "\"alone\":false}",
		 &l),
	   0);
	EQ(l.epoch, 12);
	OK(l.is_known && !l.is_alone);
	fp_jobline_fini(&l);
	EQ(parse("{\"type\":\"item\"," AT ",\"new\":[{}],\"state\":\"moved\","
		 "\"item\":\"call:\\u00e9\\n\"}",
		 &l),
	   0);
	STR(l.item, "call:\xc3\xa9\n");
	STR(l.detail, "");
	fp_jobline_fini(&l);
	EQ(parse("{\"type\":\"of another day\"}", &l), 0);
	EQ(l.kind, FP_JOBLINE_OTHER);
	fp_jobline_fini(&l);
}

TEST(lines_that_are_none)
{
	static const char *const v[] = {
		"",
		"{",
		"[]",
		"{}",
		"{\"type\":1}",
		"{\"type\":\"item\"," AT ",\"item\":\"a\"}",
		"{\"type\":\"item\"," AT ",\"item\":\"\",\"state\":\"x\"}",
		"{\"type\":\"item\",\"item\":\"a\",\"state\":\"x\"}",
		"{\"type\":\"item\",\"at\":\"today\",\"item\":\"a\","
		"\"state\":\"x\"}",
		"{\"type\":\"item\"," AT ",\"item\":\"a\",\"state\":\"x\","
		"\"detail\":[]}",
		"{\"type\":\"epoch\"," AT ",\"epoch\":-1}",
		"{\"type\":\"epoch\"," AT ",\"epoch\":1.5}",
		"{\"type\":\"epoch\"," AT ",\"epoch\":1e300}",
		"{\"type\":\"epoch\"," AT ",\"epoch\":\"1\"}",
		"{\"type\":\"epoch\"," AT ",\"known\":1}",
		"{\"type\":\"plan\"," AT "}",
		"{\"type\":\"state\"," AT "}",
		"{\"type\":\"job\"," AT ",\"version\":1,\"id\":\"a\",\"tool\":"
		"\"t\",\"verb\":\"v\"}",
		HEAD "x",
	};
	static const char zeros[] =
		"\0\0{\"type\":\"state\"," AT ",\"state\":\"x\"}";
	struct fp_jobline l;

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++)
		if (!EQ(parse(v[i], &l), -EBADMSG))
			printf("# %s\n", v[i]);
	/* as power loss leaves it */
	EQ(fp_jobline_parse(&l, zeros, sizeof(zeros) - 1, NULL), -EBADMSG);
	EQ(parse("{\"type\":\"job\"," AT ",\"version\":2,\"id\":\"a\",\"tool\":"
		 "\"t\",\"verb\":\"v\",\"plan\":{}}",
		 &l),
	   -EPROTO);
}

TEST(lines_are_written_as_they_are_read)
{
	static const char *const v[] = {
		"{\"type\":\"item\"," AT ",\"item\":\"a\",\"state\":\"x\","
		"\"detail\":{\"code\":200}}\n",
		"{\"type\":\"epoch\"," AT ",\"owner\":\"me\",\"epoch\":7,"
		"\"alone\":true,\"known\":true}\n",
		"{\"type\":\"plan\"," AT ",\"plan\":{}}\n",
		"{\"type\":\"state\"," AT ",\"state\":\"done\"}\n",
		HEAD "\n",
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct fp_buf b = { .data = NULL };
		struct fp_jobline l;

		EQ(parse(v[i], &l), 0);
		fp_jobline_write(&b, &l);
		STR(fp_buf_str(&b), v[i]);
		fp_jobline_fini(&l);
		fp_buf_fini(&b);
	}
}
