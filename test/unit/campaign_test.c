/* SPDX-License-Identifier: Apache-2.0 */
/* What needs no OpenSIPS: the set of calls that were handled, and a plan's way to the
 * journal and back. */
#include <errno.h>

#include "rehome/campaign_priv.h"
#include "unit.h"

TEST(seen)
{
	struct fp_seen s = { .v = NULL };
	bool is_there;
	char id[32];

	EQ(fp_seen_get(&s, "a", &is_there), FP_MOVE_WAITING);
	OK(!is_there);
	for (int i = 0; i < 5000; i++) {
		snprintf(id, sizeof(id), "call-%d", i);
		EQ(fp_seen_put(&s, id, FP_MOVE_MOVED), 0);
	}
	EQ(fp_seen_put(&s, "call-7", FP_MOVE_GONE), 0);
	EQ(s.n, 5000);
	EQ(fp_seen_get(&s, "call-7", &is_there), FP_MOVE_GONE);
	OK(is_there);
	EQ(fp_seen_get(&s, "call-4999", NULL), FP_MOVE_MOVED);
	fp_seen_get(&s, "call-5000", &is_there);
	OK(!is_there);
	fp_seen_fini(&s);
}

static struct fp_edge nodes[] = {
	{ .name = "sip1" },
	{ .name = "sip2" },
	{ .name = "sip3" },
};
static struct fp_edges edges = { .v = nodes, .n = 3 };

static void plan_of(struct fp_buf *to, const struct fp_campaign_opts *o)
{
	struct fp_tag_move move[] = {
		{ .tag = "sip1.0", .from = &nodes[0], .to = &nodes[1] },
		{ .tag = "sip1.1", .to = &nodes[2], .calls = 3 },
	};
	const struct fp_campaign c = { .o = *o,
				       .from = &nodes[0],
				       .move = move,
				       .n_moves = 2,
				       .at_s = 1000 };
	struct fp_err e;

	EQ(fp_campaign_plan(&c, to, &e), 0);
}

/* What the command line does not say anew is as it was. */
TEST(plan)
{
	const char *ids[] = { "x@y" };
	struct fp_campaign_opts o = {
		.edges = &edges,
		.kind = FP_MOVE_DRAIN,
		.verb = "drain",
		.body = FP_BODY_INBOUND,
		.select = { .callids = ids, .n_callids = 1, .older_s = 5 },
		.moving = { .verify = FP_VERIFY_TRAFFIC,
			    .mover = { .window = 4, .rate = 2.5 } },
	};
	struct fp_campaign c = { .o = { .edges = &edges } };
	struct fp_buf b = { .data = NULL };
	struct fp_moveplan p;
	struct fp_err e;

	plan_of(&b, &o);
	c.o.moving.mover.window = 16;
	EQ(fp_moveplan_parse(&p, b.data, b.len, &e), 0);
	EQ(fp_campaign_unplan(&c, &p, &e), 0);
	EQ(c.o.kind, FP_MOVE_DRAIN);
	EQ(c.o.body, FP_BODY_INBOUND);
	EQ(c.o.moving.verify, FP_VERIFY_TRAFFIC);
	EQ(c.o.moving.mover.window, 16);
	OK(c.o.moving.mover.rate == 2.5);
	EQ(c.o.select.older_s, 5);
	STR(c.o.select.callids[0], "x@y");
	EQ(c.at_s, 1000);
	OK(c.from == &nodes[0]);
	EQ(c.n_moves, 2);
	OK(c.move[0].from == &nodes[0] && c.move[0].to == &nodes[1]);
	OK(!c.move[1].from && c.move[1].to == &nodes[2]);
	EQ(c.move[1].calls, 3);
	fp_campaign_fini(&c);
	fp_moveplan_fini(&p);
	fp_buf_fini(&b);
}

/* ... when resume does not say another. */
TEST(a_target_that_is_there_no_more)
{
	const char plan[] = "{\"kind\":\"drain\",\"tags\":["
			    "{\"tag\":\"a\",\"to\":\"sip9\"},"
			    "{\"tag\":\"b\",\"to\":\"sip2\"}]}";
	struct fp_campaign c = { .o = { .edges = &edges },
				 .turn_to = &nodes[2] };
	struct fp_moveplan p;
	struct fp_err e;

	EQ(fp_moveplan_parse(&p, plan, strlen(plan), &e), 0);
	EQ(fp_campaign_unplan(&c, &p, &e), 0);
	OK(c.move[0].to == &nodes[2] && c.state[0].is_removed);
	OK(c.move[1].to == &nodes[1] && !c.state[1].is_removed);
	fp_campaign_fini(&c);
	fp_moveplan_fini(&p);
}

static void is_wrong(const char *plan, const char *why)
{
	struct fp_campaign c = { .o = { .edges = &edges } };
	struct fp_err e = { .text = "" };
	struct fp_moveplan p;

	EQ(fp_moveplan_parse(&p, plan, strlen(plan), &e), 0);
	OK(fp_campaign_unplan(&c, &p, &e) < 0);
	HAS(e.text, why);
	fp_campaign_fini(&c);
	fp_moveplan_fini(&p);
}

TEST(plan_of_others)
{
	is_wrong("{\"kind\":\"dance\",\"tags\":[]}", "kind is \"dance\"");
	is_wrong("{\"kind\":\"drain\",\"from\":\"sip9\",\"tags\":[]}",
		 "node sip9 is not in the cluster file");
	is_wrong("{\"kind\":\"drain\",\"tags\":[{\"tag\":\"a\",\"to\":\"b\"}]}",
		 "node b is not in the cluster file");
	is_wrong("{\"kind\":\"drain\",\"tags\":[{\"tag\":\"a\",\"to\":\"b\"}]}",
		 "(--to NODE goes on with another)");
	is_wrong("{\"kind\":\"drain\",\"verify\":\"hope\",\"tags\":[]}",
		 "verify is \"hope\"");
}

TEST(locks)
{
	struct fp_tag_move move[] = { { .tag = "sip1.0" }, { .tag = "b" } };
	const struct fp_campaign c = { .move = move, .n_moves = 2 };
	const char **v = fp_campaign_locks(&c);

	STR(v[0], "rehome tag:sip1.0");
	STR(v[1], "rehome tag:b");
	free(v);
}
