/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "codec/recoverplan.h"
#include "unit.h"

static int parse(const char *s, struct fp_recoverplan *out, struct fp_err *e)
{
	return fp_recoverplan_parse(out, s, strlen(s), e);
}

/* What is written is what is read. */
TEST(both_ways)
{
	const char *runs[] = { "cbd50a7d-1", "a \"b\"\\\n" };
	struct fp_recoverplan_target to[] = { { "fs2", 1 }, { "fs3", 0.25 } };
	struct fp_recoverplan p = { .kind = "take",
				    .verb = "take",
				    .from = "fs1",
				    .hostname = "fs1.example",
				    .staging = "fs2",
				    .runs = runs,
				    .n_runs = 2,
				    .to = to,
				    .n_to = 2,
				    .is_auto = true,
				    .why = "a new kernel",
				    .by = "me@host",
				    .orphans = "redial",
				    .is_one_leg_all = true,
				    .uuid = "634be068",
				    .room = "room3000",
				    .is_member_alone = true,
				    .from_db = "core.db",
				    .at_s = 1795297049,
				    .dead_s = 1795297000,
				    .batch = 50,
				    .prove_ms = 35000 };
	struct fp_buf b = { .data = NULL };
	struct fp_recoverplan q;
	struct fp_err e;

	fp_recoverplan_write(&b, &p);
	EQ(parse(fp_buf_str(&b), &q, &e), 0);
	STR(q.kind, "take");
	STR(q.verb, "take");
	STR(q.from, "fs1");
	STR(q.hostname, "fs1.example");
	STR(q.staging, "fs2");
	EQ(q.n_runs, 2);
	STR(q.runs[0], "cbd50a7d-1");
	STR(q.runs[1], "a \"b\"\\\n");
	EQ(q.n_to, 2);
	STR(q.to[0].node, "fs2");
	OK(q.to[0].weight == 1);
	STR(q.to[1].node, "fs3");
	OK(q.to[1].weight == 0.25);
	OK(q.is_auto);
	STR(q.why, "a new kernel");
	STR(q.by, "me@host");
	STR(q.orphans, "redial");
	OK(q.is_one_leg_all);
	STR(q.uuid, "634be068");
	STR(q.room, "room3000");
	OK(q.is_member_alone);
	STR(q.from_db, "core.db");
	EQ(q.at_s, 1795297049);
	EQ(q.dead_s, 1795297000);
	EQ(q.batch, 50);
	EQ(q.prove_ms, 35000);
	fp_recoverplan_fini(&q);
	fp_buf_fini(&b);
}

#define REST "\"from\":\"fs1\",\"hostname\":\"fs1\""

/* What a plan need not have. */
TEST(the_least)
{
	struct fp_recoverplan p;
	struct fp_err e;

	EQ(parse("{\"kind\":\"failover\"," REST ",\"runs\":[\"a\"],"
		 "\"to\":[{\"node\":\"fs2\"}]}",
		 &p, &e),
	   0);
	STR(p.why, "");
	STR(p.orphans, "");
	STR(p.staging, "");
	OK(!p.is_auto && !p.is_one_leg_all && !p.is_member_alone);
	EQ(p.at_s, 0);
	OK(p.to[0].weight == 1);
	fp_recoverplan_fini(&p);
}

/* What is of another kind than it should be is as if it were not there. */
TEST(odd_values)
{
	struct fp_recoverplan p;
	struct fp_err e;

	EQ(parse("{\"kind\":\"failover\"," REST ",\"runs\":[\"a\"],"
		 "\"to\":[{\"node\":\"fs2\",\"weight\":-1},"
		 "{\"node\":\"fs3\",\"weight\":1e300},"
		 "{\"node\":\"fs4\",\"weight\":\"2\"},"
		 "{\"node\":\"fs5\",\"weight\":0}],"
		 "\"at_s\":-5,\"batch\":1e300,\"why\":7,\"auto\":1}",
		 &p, &e),
	   0);
	for (size_t i = 0; i < 3; i++)
		OK(p.to[i].weight == 1);
	OK(p.to[3].weight == 0);
	EQ(p.at_s, 0);
	EQ(p.batch, 0);
	STR(p.why, "");
	OK(!p.is_auto);
	fp_recoverplan_fini(&p);
}

TEST(refused)
{
	static const struct {
		const char *json, *text;
	} bad[] = {
		{ "", "a plan that is no JSON object" },
		{ "[]", "a plan that is no JSON object" },
		{ "{" REST "}", "a plan without its kind" },
		{ "{\"kind\":\"drain\"}", "a plan without its node" },
		{ "{\"kind\":\"drain\",\"from\":\"fs1\"}",
		  "a plan without its node" },
		{ "{\"kind\":\"drain\"," REST "}", "a plan without runs" },
		{ "{\"kind\":\"drain\"," REST ",\"runs\":[]}",
		  "a plan without runs" },
		{ "{\"kind\":\"drain\"," REST ",\"runs\":[\"a\",\"\"]}",
		  "a plan whose run 2 is no text" },
		{ "{\"kind\":\"drain\"," REST ",\"runs\":[7]}",
		  "a plan whose run 1 is no text" },
		{ "{\"kind\":\"drain\"," REST ",\"runs\":[\"a\"]}",
		  "a plan without targets" },
		{ "{\"kind\":\"drain\"," REST ",\"runs\":[\"a\"],\"to\":[]}",
		  "a plan without targets" },
		{ "{\"kind\":\"drain\"," REST ",\"runs\":[\"a\"],"
		  "\"to\":[{\"node\":\"b\"},\"fs2\"]}",
		  "a plan whose target 2 has no name" },
		{ "[[[[[[[[[[]]]]]]]]]]", "a plan that is too big" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct fp_recoverplan p;
		struct fp_err e;

		EQ(parse(bad[i].json, &p, &e), -EBADMSG);
		STR(e.text, bad[i].text);
	}
}
