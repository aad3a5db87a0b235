/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <math.h>

#include "codec/moveplan.h"
#include "unit.h"

static int parse(const char *s, struct fp_moveplan *out, struct fp_err *e)
{
	return fp_moveplan_parse(out, s, strlen(s), e);
}

/* What is written is what is read. */
TEST(both_ways)
{
	struct fp_moveplan_tag tag[] = {
		{ .tag = "sip1.0", .from = "sip1", .to = "sip2", .calls = 12 },
		{ .tag = "a \"b\"\\\n", .from = "", .to = "sip3", .calls = 0 },
	};
	const char *ids[] = { "1@h", "" };
	struct fp_moveplan p = { .verb = "drain",
				 .kind = "drain",
				 .from = "sip1",
				 .why = "a new kernel",
				 .by = "me@host",
				 .body = "auto",
				 .verify = "list",
				 .tag = tag,
				 .n_tags = 2,
				 .callids = ids,
				 .n_callids = 2,
				 .media = "192.0.2.31",
				 .at_s = 1795297049,
				 .older_s = 60,
				 .count = 100,
				 .window = 8,
				 .retries = 3,
				 .call_timeout_ms = 70000,
				 .rate = 0.5 };
	struct fp_buf b = { .data = NULL };
	struct fp_moveplan q;
	struct fp_err e;

	fp_moveplan_write(&b, &p);
	EQ(parse(fp_buf_str(&b), &q, &e), 0);
	STR(q.verb, "drain");
	STR(q.from, "sip1");
	STR(q.why, "a new kernel");
	STR(q.verify, "list");
	STR(q.from_prefix, "");
	STR(q.media, "192.0.2.31");
	EQ(q.n_tags, 2);
	STR(q.tag[0].from, "sip1");
	EQ(q.tag[0].calls, 12);
	STR(q.tag[1].tag, "a \"b\"\\\n");
	STR(q.tag[1].from, "");
	STR(q.tag[1].to, "sip3");
	EQ(q.n_callids, 2);
	STR(q.callids[0], "1@h");
	EQ(q.at_s, 1795297049);
	EQ(q.older_s, 60);
	EQ(q.younger_s, 0);
	EQ(q.count, 100);
	EQ(q.call_timeout_ms, 70000);
	OK(fabs(q.rate - 0.5) < 1e-9);
	fp_moveplan_fini(&q);
	fp_buf_fini(&b);
}

TEST(what_is_no_plan)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "", "no JSON object" },
		{ "[]", "no JSON object" },
		{ "{", "no JSON object" },
		{ "{}", "without its kind" },
		{ "{\"kind\":\"drain\"}", "without tags" },
		{ "{\"kind\":\"drain\",\"tags\":{}}", "without tags" },
		{ "{\"kind\":\"drain\",\"tags\":[{\"tag\":\"a\"}]}",
		  "tag 1 has no name or no target" },
		{ "{\"kind\":\"drain\",\"tags\":[1]}",
		  "tag 1 has no name or no target" },
		{ "{\"kind\":\"take\",\"tags\":[],\"callids\":[7]}",
		  "a call-id that is no text" },
		{ "{\"a\":[[[[[[[[[[1]]]]]]]]]]}", "too big" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct fp_err e = { .text = "" };
		struct fp_moveplan p;

		EQ(parse(bad[i].text, &p, &e), -EBADMSG);
		HAS(e.text, bad[i].why);
	}
}

/* Numbers that are none, or below 0, are as if they were not there. */
TEST(numbers)
{
	struct fp_moveplan p;
	struct fp_err e;

	EQ(parse("{\"kind\":\"drain\",\"tags\":[],\"count\":-1,\"at_s\":1e300,"
		 "\"window\":\"8\",\"rate\":-3}",
		 &p, &e),
	   0);
	EQ(p.count, 0);
	EQ(p.at_s, 0);
	EQ(p.window, 0);
	OK(p.rate == 0);
	fp_moveplan_fini(&p);
}

TEST(one_text)
{
	char s[4] = "x";

	EQ(fp_moveplan_text("{\"to\":\"abc\",\"n\":1}", "to", s, 4), 0);
	STR(s, "abc");
	EQ(fp_moveplan_text("{\"to\":\"abcd\"}", "to", s, 4), -ENOENT);
	EQ(fp_moveplan_text("{\"n\":1}", "n", s, 4), -ENOENT);
	EQ(fp_moveplan_text("{}", "to", s, 4), -ENOENT);
	EQ(fp_moveplan_text("", "to", s, 4), -ENOENT);
	EQ(fp_moveplan_text(NULL, "to", s, 4), -ENOENT);
	EQ(fp_moveplan_text("[[[[[[[[[[[[", "to", s, 4), -ENOENT);
	STR(s, "abc");
}
