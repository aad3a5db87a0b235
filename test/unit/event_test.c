/* SPDX-License-Identifier: Apache-2.0 */
/* What messages of feeds say. */
#include "unit.h"

#include "model/event.h"

#define AT 1767323045 /* 2026-01-02T03:04:05Z */

static struct fp_event_body ev;
static struct fp_err e;

static int parse(const char *body)
{
	/* exactly as long, so that a sanitizer sees a read past it */
	size_t n = strlen(body);
	char *copy = malloc(n ? n : 1);
	int r;

	memcpy(copy, body, n);
	fp_event_fini(&ev);
	e.text[0] = 0;
	r = fp_event_parse(&ev, copy, n, &e);
	free(copy);
	return r;
}

static const char *prefix(size_t i)
{
	static char text[FP_PREFIX_STRLEN];

	if (i >= ev.n)
		return "(none)";
	fp_prefix_print(&ev.v[i].p, text);
	return text;
}

/* ---- as captured from RabbitMQ 3.10.8, sent by OpenSIPS 3.6.8 */

TEST(opensips_pike)
{
	EQ(parse("{\"jsonrpc\":\"2.0\",\"method\":\"E_PIKE_BLOCKED\","
		 "\"params\":{\"ip\":\"127.0.0.99\"}}"),
	   0);
	EQ(ev.n, 1);
	STR(prefix(0), "127.0.0.99");
	STR(ev.v[0].why, "E_PIKE_BLOCKED");
	STR(ev.v[0].by, "");
	EQ(ev.v[0].is_del, false);
	EQ(ev.v[0].for_s, 0);
	EQ(ev.v[0].until_s, 0);
}

TEST(opensips_raise_event)
{
	EQ(parse("{\"jsonrpc\":\"2.0\",\"method\":\"E_FP_TEST\",\"params\":"
		 "{\"score\":7,\"reason\":\"scanner\",\"ip\":\"127.0.0.99\"}}"),
	   0);
	EQ(ev.n, 1);
	STR(prefix(0), "127.0.0.99");
	STR(ev.v[0].why, "scanner");
}

TEST(opensips_raise_event_without_names)
{
	EQ(parse("{\"jsonrpc\":\"2.0\",\"method\":\"E_FP_TEST\","
		 "\"params\":{\"\":\"a\",\"\":\"b\"}}"),
	   -EINVAL);
	STR(e.text, "no \"ip\" in it");
	/* not even when one of them is an address: it has no name */
	EQ(parse("{\"jsonrpc\":\"2.0\",\"method\":\"E_FP_TEST\","
		 "\"params\":{\"\":\"192.0.2.1\",\"\":\"b\"}}"),
	   -EINVAL);
	/* beside an ip they do no harm */
	EQ(parse("{\"jsonrpc\":\"2.0\",\"method\":\"E_FP_TEST\",\"params\":"
		 "{\"\":\"a\",\"\":\"b\",\"ip\":\"192.0.2.1\"}}"),
	   0);
	STR(prefix(0), "192.0.2.1");
}

TEST(opensips_publish)
{
	EQ(parse("{\"ip\":\"127.0.0.99\",\"ua\":\"friendly-scanner\"}"), 0);
	EQ(ev.n, 1);
	STR(prefix(0), "127.0.0.99");
	STR(ev.v[0].why, "");
}

/* ---- objects and arrays */

TEST(object)
{
	EQ(parse(" {\"prefix\":\"2001:db8::/64\",\"for\":\"15m\","
		 "\"why\":\"toll fraud\",\"by\":\"hp1\",\"action\":\"del\"} "),
	   0);
	EQ(ev.n, 1);
	STR(prefix(0), "2001:db8::/64");
	EQ(ev.v[0].for_s, 900);
	STR(ev.v[0].why, "toll fraud");
	STR(ev.v[0].by, "hp1");
	EQ(ev.v[0].is_del, true);
}

TEST(times)
{
	static const struct {
		const char *member;
		int64_t for_s, until_s;
	} t[] = {
		{ "\"for\":90", 90, 0 },
		{ "\"ttl\":90", 90, 0 },
		{ "\"ttl\":\"90s\"", 90, 0 },
		{ "\"for\":\"2h\"", 7200, 0 },
		{ "\"for\":\"1d\"", 86400, 0 },
		{ "\"until\":\"2026-01-02T03:04:05Z\"", 0, AT },
		{ "\"until\":\"2026-01-02T04:04:05+01:00\"", 0, AT },
		{ "\"until\":1767323045", 0, AT },
	};
	char body[256];

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		snprintf(body, sizeof(body), "{\"ip\":\"192.0.2.1\",%s}",
			 t[i].member);
		if (!EQ(parse(body), 0))
			printf("# %s: %s\n", body, e.text);
		EQ(ev.n ? ev.v[0].for_s : -1, t[i].for_s);
		EQ(ev.n ? ev.v[0].until_s : -1, t[i].until_s);
	}
}

TEST(array)
{
	EQ(parse("[{\"ip\":\"192.0.2.1\"},{\"jsonrpc\":\"2.0\",\"method\":\"E\","
		 "\"params\":{\"ip\":\"192.0.2.2\"}},{\"ip\":\"2001:db8::1\","
		 "\"action\":\"add\"}]"),
	   0);
	EQ(ev.n, 3);
	STR(prefix(0), "192.0.2.1");
	STR(prefix(1), "192.0.2.2");
	STR(prefix(2), "2001:db8::1");
}

TEST(text_is_made_fit)
{
	char body[1024], long_text[512];

	EQ(parse("{\"ip\":\"192.0.2.1\",\"why\":\"a\\nb\\u0007c\xff"
		 "d\\u00e9\"}"),
	   0);
	STR(ev.v[0].why, "a?b?c?d\xc3\xa9");
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = 0;
	/* a character is not cut in two */
	memcpy(long_text + FP_EVENT_WHY_SIZE - 2, "\xc3\xa9", 2);
	snprintf(body, sizeof(body), "{\"ip\":\"192.0.2.1\",\"why\":\"%s\"}",
		 long_text);
	EQ(parse(body), 0);
	EQ(strlen(ev.v[0].why), FP_EVENT_WHY_SIZE - 2);
}

/* ---- lines */

TEST(lines)
{
	EQ(parse("192.0.2.1\r\n"
		 "# a comment\n"
		 "\n"
		 "+192.0.2.2 until=2026-01-02T03:04:05Z why=\"toll fraud\" "
		 "by=alice run=x at=1\n"
		 "-2001:db8::1"),
	   0);
	EQ(ev.n, 3);
	STR(prefix(0), "192.0.2.1");
	STR(prefix(1), "192.0.2.2");
	EQ(ev.v[1].until_s, AT);
	STR(ev.v[1].why, "toll fraud");
	STR(ev.v[1].by, "alice");
	EQ(ev.v[1].is_del, false);
	STR(prefix(2), "2001:db8::1");
	EQ(ev.v[2].is_del, true);
}

TEST(one_line)
{
	struct fp_event_body one = { 0 };

	EQ(fp_event_parse_line(&one, "# x", 3, &e), 0);
	EQ(one.n, 0);
	EQ(fp_event_parse_line(&one, " \t", 2, &e), 0);
	EQ(one.n, 0);
	EQ(fp_event_parse_line(&one, "-192.0.2.1", 10, &e), 0);
	EQ(one.n, 1);
	fp_event_fini(&one);
	EQ(fp_event_parse_line(&one, "{\"ip\":\"192.0.2.1\"}", 18, &e), 0);
	EQ(one.n, 1);
	fp_event_fini(&one);
	EQ(fp_event_parse_line(&one, "x", 1, &e), -EINVAL);
	STR(e.text, "\"x\" is not an address or a prefix");
}

/* ---- what is not understood, and why */

TEST(refused)
{
	static const char *const t[][2] = {
		{ "", "no address in it" },
		{ " \n", "no address in it" },
		{ "[]", "no address in it" },
		{ "# nothing\n", "no address in it" },
		{ "{", "byte 1: not JSON" },
		{ "{}", "no \"ip\" in it" },
		{ "{\"ip\":\"192.0.2.1\"} x", "byte 20: text after the JSON" },
		{ "{\"ip\":\"192.0.2.1\"}{\"ip\":\"192.0.2.2\"}",
		  "byte 19: text after the JSON" },
		{ "[\"192.0.2.1\"]", "entry 1: not an object" },
		{ "[{\"ip\":\"192.0.2.1\"},{\"ip\":7}]",
		  "entry 2: \"ip\": not a string" },
		{ "{\"ip\":\"192.0.2.1:5060\"}", "is not an address" },
		{ "{\"ip\":\"[2001:db8::1]\"}", "is not an address" },
		{ "{\"ip\":\"sip.example.net\"}", "is not an address" },
		{ "{\"ip\":\"192.0.2.0/24\"}",
		  "\"ip\": a prefix, not an address" },
		{ "{\"ip\":\"192.0.2.1\\u0000.9\"}", "a NUL in the text" },
		{ "{\"ip\":\"192.0.2.1\",\"ip\":\"192.0.2.2\"}",
		  "\"ip\": comes twice" },
		{ "{\"ip\":\"192.0.2.1\",\"prefix\":\"192.0.2.2\"}",
		  "\"ip\" and \"prefix\": only one of them" },
		{ "{\"ip\":\"192.0.2.1\",\"for\":1,\"ttl\":1}",
		  "\"for\" and \"ttl\": only one of them" },
		{ "{\"ip\":\"192.0.2.1\",\"ttl\":1,\"until\":1767323045}",
		  "\"ttl\" and \"until\": only one of them" },
		{ "{\"ip\":\"192.0.2.1\",\"for\":0}", "neither seconds nor" },
		{ "{\"ip\":\"192.0.2.1\",\"for\":-5}", "neither seconds nor" },
		{ "{\"ip\":\"192.0.2.1\",\"for\":1.5}", "neither seconds nor" },
		{ "{\"ip\":\"192.0.2.1\",\"for\":1e300}",
		  "neither seconds nor" },
		{ "{\"ip\":\"192.0.2.1\",\"for\":\"1\"}",
		  "neither seconds nor" },
		{ "{\"ip\":\"192.0.2.1\",\"for\":\"99999999999999999999h\"}",
		  "neither seconds nor" },
		{ "{\"ip\":\"192.0.2.1\",\"for\":true}",
		  "neither seconds nor" },
		{ "{\"ip\":\"192.0.2.1\",\"until\":\"tomorrow\"}",
		  "neither a time" },
		{ "{\"ip\":\"192.0.2.1\",\"action\":\"block\"}",
		  "neither \"add\" nor \"del\"" },
		{ "{\"ip\":\"192.0.2.1\",\"action\":1}",
		  "neither \"add\" nor \"del\"" },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"E\",\"params\":[\"192.0.2.1\"]}",
		  "\"params\" is no object" },
		{ "{\"jsonrpc\":\"2.0\",\"params\":{\"ip\":\"192.0.2.1\"}}",
		  "\"method\" is no text" },
		{ "192.0.2.1\nnonsense\n", "line 2: \"nonsense\"" },
		{ "192.0.2.1\n- 192.0.2.2 x\n",
		  "line 2: \"x\": not key=value" },
		{ "++192.0.2.1", "line 1: \"+192.0.2.1\"" },
		{ "192.0.2.1 ttl=5", "unknown key" },
		{ "\"192.0.2.1\"", "line 1: " },
		{ "<ip>192.0.2.1</ip>", "line 1: " },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		if (!EQ(parse(t[i][0]), -EINVAL) || !HAS(e.text, t[i][1]))
			printf("# in: %s\n", t[i][0]);
		EQ(ev.n, 0);
	}
}

TEST(a_nul)
{
	EQ(fp_event_parse(&ev, "192.0.2.1\0", 10, &e), -EINVAL);
	STR(e.text, "a NUL in the text");
	EQ(fp_event_parse(&ev, "{\"ip\":\"192.0.2.1\0\"}", 19, &e), -EINVAL);
	STR(e.text, "a NUL in the text");
}

TEST(bounds)
{
	size_t n = FP_EVENT_BODY_MAX + 1;
	char *body = malloc(n);
	size_t at = 0;

	memset(body, ' ', n);
	EQ(fp_event_parse(&ev, body, n, &e), -E2BIG);
	memset(body, '[', n);
	EQ(fp_event_parse(&ev, body, n - 1, &e), -E2BIG);
	STR(e.text, "nested deeper than 8");
	EQ(parse("{\"ip\":\"192.0.2.1\",\"x\":[[[[[[[1]]]]]]]}"), 0);
	EQ(parse("{\"ip\":\"192.0.2.1\",\"x\":[[[[[[[[1]]]]]]]]}"), -E2BIG);
	EQ(parse("{\"ip\":\"192.0.2.1\",\"x\":\"[[[[[[[[[\\\"[[[\"}"), 0);

	fp_event_fini(&ev);
	for (int i = 0; i < FP_EVENT_BANS_MAX; i++)
		at += (size_t)sprintf(body + at, "192.0.2.%d\n", i % 256);
	EQ(fp_event_parse(&ev, body, at, &e), 0);
	EQ(ev.n, FP_EVENT_BANS_MAX);
	fp_event_fini(&ev);
	at += (size_t)sprintf(body + at, "192.0.2.1");
	EQ(fp_event_parse(&ev, body, at, &e), -E2BIG);
	STR(e.text, "more than 1000 bans in one message");
	free(body);
}

/* ---- printing */

TEST(prints_what_it_reads)
{
	static const char *const t[] = {
		"{\"ip\":\"192.0.2.1\",\"action\":\"add\"}",
		"{\"ip\":\"2001:db8::1\",\"action\":\"del\",\"by\":\"a\\\\b\"}",
		"{\"prefix\":\"2001:db8::/64\",\"action\":\"add\",\"for\":60,"
		"\"why\":\"say \\\"no\\\"\"}",
		"{\"ip\":\"192.0.2.1\",\"action\":\"add\","
		"\"until\":\"2026-01-02T03:04:05Z\",\"why\":\"\xc3\xa9\"}",
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct fp_buf b = { 0 };

		EQ(parse(t[i]), 0);
		fp_event_print(&b, &ev.v[0]);
		STR(fp_buf_str(&b), t[i]);
		fp_buf_fini(&b);
	}
	fp_event_fini(&ev);
}
