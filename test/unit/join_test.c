/* SPDX-License-Identifier: Apache-2.0 */
/* Has a node that joins what the others have?  Small clusters, made by hand. */
#include "rehome/join.h"
#include "test/unit/unit.h"

#define N 3
struct site {
	struct fp_join_node node[N];
	size_t owner; /* of all tags "t"; of "x": node 2; of others: nobody */
};

static void put(struct site *s, size_t i, const char *callid, const char *tag,
		int state, uint64_t hash)
{
	const struct fp_os_dialog d = { .callid = callid,
					.from_uri = "sip:a@192.0.2.1",
					.to_uri = "sip:b@192.0.2.2",
					.tag = tag,
					.caller_contact = "",
					.callee_contact = "",
					.caller_bind = "",
					.callee_bind = "",
					.state = state,
					.started_s = 1000,
					.n_callees = 1,
					.sdp_hash = hash };

	fp_dialogs_add((struct fp_dialogs *)s->node[i].dialogs, &d);
}

static void make(struct site *s)
{
	static const char *const names[N] = { "sip1", "sip2", "sip3" };

	*s = (struct site){ .owner = 0 };
	for (size_t i = 0; i < N; i++) {
		struct fp_dialogs *d = fp_dialogs_new();

		fp_dialogs_pass(d);
		s->node[i] = (struct fp_join_node){ .name = names[i],
						    .dialogs = d,
						    .since_s = 500 };
	}
	for (size_t i = 0; i < N; i++) {
		put(s, i, "a", "t", 4, 1);
		put(s, i, "b", "t", 3, 1);
	}
}

static void drop(struct site *s)
{
	for (size_t i = 0; i < N; i++)
		fp_dialogs_free((struct fp_dialogs *)s->node[i].dialogs);
}

static size_t owner_of(void *ctx, const char *tag)
{
	const struct site *s = ctx;

	return !strcmp(tag, "t") ? s->owner : !strcmp(tag, "x") ? 2 : N;
}

/* x: sip3 */
static struct fp_join_diff compare(struct site *s)
{
	const struct fp_join_in in = {
		.node = s->node, .n = N, .x = 2, .owner = owner_of, .ctx = s
	};
	struct fp_join_diff d;

	for (size_t i = 0; i < N; i++)
		if (s->node[i].dialogs)
			fp_dialogs_done((struct fp_dialogs *)s->node[i]
						.dialogs);
	EQ(fp_join_compare(&in, &d), 0);
	return d;
}

static int may_sync(struct site *s, struct fp_err *e)
{
	const struct fp_join_in in = {
		.node = s->node, .n = N, .x = 2, .owner = owner_of, .ctx = s
	};

	for (size_t i = 0; i < N; i++)
		if (s->node[i].dialogs)
			fp_dialogs_done((struct fp_dialogs *)s->node[i]
						.dialogs);
	return fp_join_may_sync(&in, e);
}

TEST(equal_sets_are_in_step)
{
	struct fp_join_diff d;
	struct fp_check c;
	struct site s;

	make(&s);
	put(&s, 0, "early", "t", 2, 1);  /* is not told to others */
	put(&s, 1, "ending", "t", 5, 1); /* lingers */
	d = compare(&s);
	EQ(d.lacking.n, 0);
	EQ(d.zombies.n, 0);
	EQ(d.n_elsewhere + d.n_lost + d.n_stale, 0);
	EQ(d.n, 2);
	EQ(d.n_most, 2);
	EQ(d.oldest_s, 1000);
	fp_check_join_dialogs(&c, &d);
	EQ(c.state, FP_CHECK_OK);
	STR(c.value, "2 of 2");
	fp_join_diff_fini(&d);
	drop(&s);
}

TEST(what_lacks_twice_refuses)
{
	struct fp_join_diff before, now;
	struct fp_check c;
	struct site s;

	make(&s);
	put(&s, 0, "first", "t", 4, 1);
	put(&s, 0, "c", "t", 4, 1);
	put(&s, 1, "c", "t", 4, 1);
	put(&s, 1, "d", "nobodys", 4, 1);
	before = compare(&s);
	EQ(before.lacking.n, 3);
	put(&s, 2, "first", "t", 4, 1);
	put(&s, 0, "last", "t", 4, 1);
	now = compare(&s);
	EQ(now.lacking.n, 3);
	fp_join_persist(&now, &before);
	EQ(now.lacking.n, 2);
	STR(now.lacking.v[0], "c");
	STR(now.lacking.v[1], "d");
	fp_check_join_dialogs(&c, &now);
	EQ(c.state, FP_CHECK_REFUSE);
	STR(c.rule, "in-sync");
	HAS(c.detail, "lacks 2");
	HAS(c.detail, "c, which sip1 has: --sync");
	fp_join_diff_fini(&before);
	fp_join_diff_fini(&now);
	drop(&s);
}

TEST(its_own_tags_are_not_synced)
{
	struct fp_join_diff d;
	struct fp_check c;
	struct site s;

	make(&s);
	put(&s, 0, "mine", "x", 4, 1);
	put(&s, 1, "mine", "x", 4, 1);
	d = compare(&s);
	EQ(d.lacking.n, 1);
	EQ(d.n_own, 1);
	fp_check_join_dialogs(&c, &d);
	EQ(c.state, FP_CHECK_REFUSE);
	HAS(c.detail, "passes over");
	fp_join_diff_fini(&d);
	drop(&s);
}

TEST(what_the_owner_has_not_is_a_zombie)
{
	struct fp_join_diff d;
	struct fp_check c;
	struct site s;

	make(&s);
	put(&s, 2, "mine", "t", 4, 1);
	put(&s, 1, "other", "t", 4, 1);
	put(&s, 2, "alone", "nobodys", 4, 1);
	put(&s, 2, "new", "x", 4, 1); /* it owns that: the others are late */
	d = compare(&s);
	EQ(d.lacking.n, 0);
	EQ(d.zombies.n, 2);
	EQ(d.n_elsewhere, 1);
	EQ(d.n_lost, 0);
	fp_check_join_zombies(&c, &d);
	EQ(c.state, FP_CHECK_WARN);
	STR(c.value, "2");
	HAS(c.detail, "alone");
	fp_join_diff_fini(&d);
	drop(&s);
}

TEST(an_owner_that_was_restarted_lost_it)
{
	struct fp_join_diff d;
	struct fp_check c;
	struct site s;

	make(&s);
	s.node[0].since_s = 2000;
	put(&s, 1, "c", "t", 4, 1);
	put(&s, 2, "c", "t", 4, 1);
	put(&s, 1, "d", "t", 4, 1);
	d = compare(&s);
	EQ(d.zombies.n, 0);
	EQ(d.n_elsewhere, 0);
	EQ(d.n_lost, 2);
	STR(d.lost_by, "sip1");
	if (EQ(d.lacking.n, 1))
		STR(d.lacking.v[0], "d");
	fp_check_join_lost(&c, &d);
	EQ(c.state, FP_CHECK_WARN);
	HAS(c.detail, "fp-rehome join sip1");
	fp_join_diff_fini(&d);
	drop(&s);
}

TEST(old_sdp_is_counted)
{
	struct fp_join_diff d;
	struct fp_check c;
	struct site s;

	make(&s);
	put(&s, 0, "c", "t", 4, 2);
	put(&s, 1, "c", "t", 4, 1);
	put(&s, 2, "c", "t", 4, 1);
	put(&s, 0, "fork", "t", 4, 0); /* which SDP is its own is not known */
	put(&s, 2, "fork", "t", 4, 1);
	d = compare(&s);
	EQ(d.n_stale, 1);
	fp_check_join_sdp(&c, &d);
	EQ(c.state, FP_CHECK_WARN);
	STR(c.value, "1 differ");
	fp_join_diff_fini(&d);
	drop(&s);
}

TEST(a_node_that_is_not_to_be_had_is_not_compared)
{
	struct fp_join_diff d;
	struct site s;

	make(&s);
	fp_dialogs_free((struct fp_dialogs *)s.node[0].dialogs);
	s.node[0].dialogs = NULL;
	put(&s, 2, "c", "t", 4, 1);
	d = compare(&s);
	EQ(d.lacking.n, 0);
	EQ(d.zombies.n, 1);
	fp_join_diff_fini(&d);
	drop(&s);
}

TEST(a_sync_that_would_drop_is_refused)
{
	struct fp_err e;
	struct site s;

	make(&s);
	put(&s, 0, "c", "t", 4, 1);
	put(&s, 1, "c", "t", 4, 1);
	EQ(may_sync(&s, &e), 0);
	put(&s, 2, "mine", "x", 4, 1);
	put(&s, 0, "more", "t", 4, 1);
	put(&s, 1, "more", "t", 4, 1);
	EQ(may_sync(&s, &e), 0);
	/* the owner has not */
	put(&s, 2, "d", "t", 4, 1);
	EQ(may_sync(&s, &e), -EPERM);
	STR(e.rule, "sync");
	HAS(e.text, "d is not at sip1, the owner of t");
	/* a donor has not */
	put(&s, 0, "d", "t", 4, 1);
	put(&s, 1, "else", "t", 4, 1);
	EQ(may_sync(&s, &e), -EPERM);
	HAS(e.text, "sip2 lacks d");
	put(&s, 1, "d", "t", 4, 1);
	EQ(may_sync(&s, &e), 0);
	/* nobody owns it */
	for (size_t i = 0; i < N; i++)
		put(&s, i, "f", "nobodys", 4, 1);
	EQ(may_sync(&s, &e), -EPERM);
	HAS(e.text, "nobodys, which nobody");
	drop(&s);
}

TEST(an_empty_donor_refuses_a_sync)
{
	struct fp_err e;
	struct site s;

	make(&s);
	fp_dialogs_free((struct fp_dialogs *)s.node[1].dialogs);
	s.node[1].dialogs = fp_dialogs_new();
	fp_dialogs_pass((struct fp_dialogs *)s.node[1].dialogs);
	EQ(may_sync(&s, &e), -EPERM);
	STR(e.rule, "sync");
	HAS(e.text, "sip2 has 0 dialogs, sip3 2");
	fp_dialogs_free((struct fp_dialogs *)s.node[0].dialogs);
	fp_dialogs_free((struct fp_dialogs *)s.node[1].dialogs);
	s.node[0].dialogs = s.node[1].dialogs = NULL;
	EQ(may_sync(&s, &e), -EPERM);
	HAS(e.text, "no other node answers");
	drop(&s);
}

TEST(judges_the_last_sync)
{
	static const struct {
		struct fp_check_sync in;
		enum fp_check_state state;
		const char *value;
	} v[] = {
		{ { .synced_s = 100, .chunks = 5, .oldest_s = 50 },
		  FP_CHECK_OK,
		  "5 chunks" },
		{ { .synced_s = 100, .chunks = 0, .oldest_s = 200 },
		  FP_CHECK_OK,
		  "0 chunks" },
		{ { .synced_s = 100, .chunks = 0, .oldest_s = 97 },
		  FP_CHECK_OK,
		  "0 chunks" },
		{ { .synced_s = 100, .chunks = 0 }, FP_CHECK_OK, "0 chunks" },
		{ { .synced_s = 100, .chunks = 0, .oldest_s = 50 },
		  FP_CHECK_REFUSE,
		  "0 chunks" },
		{ { .synced_s = 100,
		    .chunks = -1,
		    .is_fallback = true,
		    .oldest_s = 50 },
		  FP_CHECK_REFUSE,
		  "none: no donor" },
		{ { .synced_s = 100, .chunks = -1, .is_fallback = true },
		  FP_CHECK_OK,
		  "none: no donor" },
		{ { .is_pending = true }, FP_CHECK_REFUSE, "under way" },
		{ { .chunks = -1, .oldest_s = 50 }, FP_CHECK_WARN, "not told" },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct fp_check c;

		fp_check_join_sync(&c, &v[i].in);
		EQ(c.state, v[i].state);
		STR(c.value, v[i].value);
	}
}

TEST(judges_tags)
{
	struct fp_check_tags in = { .n = 6,
				    .n_active = 2,
				    .split = "",
				    .other = "",
				    .configured = "" };
	struct fp_check c;

	fp_check_join_tags(&c, &in);
	EQ(c.state, FP_CHECK_OK);
	STR(c.value, "4 backup, 2 active");
	in.configured = "sip1.1";
	fp_check_join_tags(&c, &in);
	EQ(c.state, FP_CHECK_REFUSE);
	STR(c.rule, "active");
	in.split = "sip1.0";
	in.other = "sip2";
	fp_check_join_tags(&c, &in);
	STR(c.rule, "split");
	HAS(c.detail, "sip2 has it active too");
	in = (struct fp_check_tags){ .split = "",
				     .other = "",
				     .configured = "" };
	fp_check_join_tags(&c, &in);
	EQ(c.state, FP_CHECK_WARN);
}
