/* SPDX-License-Identifier: Apache-2.0 */
/* The limits of feeds, and how their bans join. */
#include "unit.h"

#include "base/buf.h"
#include "logic/ban.h"
#include "model/words.h"

#define NOW_S 1767323045
#define NOW_MS (NOW_S * 1000ll + 500)

static const struct fp_ban_limits hour = { .ttl_s = 3600, .max_ttl_s = 3600 };
static struct fp_err e;

static struct fp_event_ban said(const char *prefix)
{
	struct fp_event_ban x = { 0 };

	OK(!fp_prefix_parse(&x.p, prefix, strlen(prefix), &e));
	return x;
}

/* ---- limits */

TEST(addresses_only)
{
	static const struct {
		const char *said, *banned; /* NULL: refused */
	} t[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "192.0.2.0/31", NULL },
		{ "0.0.0.0/0", NULL },
		{ "2001:db8::1", "2001:db8::/64" },
		{ "2001:db8:0:1:2:3:4:5", "2001:db8:0:1::/64" },
		{ "2001:db8:0:1::/64", "2001:db8:0:1::/64" },
		{ "2001:db8:0:1::/96", "2001:db8:0:1::/64" },
		{ "2001:db8::/63", NULL },
		{ "::/0", NULL },
	};
	char text[FP_PREFIX_STRLEN];
	struct fp_ban b;

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct fp_event_ban x = said(t[i].said);
		int r = fp_ban_limit(&b, &hour, &x, 0, NOW_MS, &e);

		EQ(r, t[i].banned ? 0 : -EPERM);
		if (r) {
			STR(e.rule, "host");
			HAS(e.text, t[i].said);
			continue;
		}
		fp_prefix_print(&b.p, text);
		STR(text, t[i].banned);
	}
}

TEST(time_to_live)
{
	static const struct {
		int64_t for_s, until_s; /* said; relative to the stamp */
		int64_t said_s;         /* the stamp, from now; 1: none */
		int64_t end_s;          /* from now; 0: has ended */
	} t[] = {
		{ 0, 0, 1, 3600 },      { 60, 0, 1, 60 },
		{ 7200, 0, 1, 3600 }, /* cut */
		{ 0, 60, 1, 60 },       { 0, 7200, 1, 3600 },
		{ 0, 0, -600, 3000 }, /* counts from the stamp */
		{ 60, 0, -59, 1 },      { 60, 0, -60, 0 }, /* over */
		{ 0, 0, -3600, 0 },     { 0, 0, -86400, 0 },
		{ 86400, 0, -3600, 0 }, /* cut first, then counted */
		{ 0, 0, 86400, 3600 },  /* in the future: now */
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct fp_event_ban x = said("192.0.2.1");
		int64_t at_ms =
			t[i].said_s == 1 ? 0 : (NOW_S + t[i].said_s) * 1000;
		struct fp_ban b = { .until_s = 0 };
		int r;

		x.for_s = t[i].for_s;
		x.until_s = t[i].until_s ? NOW_S + t[i].until_s : 0;
		r = fp_ban_limit(&b, &hour, &x, at_ms, NOW_MS, &e);
		if (!EQ(r, t[i].end_s ? 0 : -ETIME) ||
		    !EQ(b.until_s, t[i].end_s ? NOW_S + t[i].end_s : 0))
			printf("# case %zu\n", i);
	}
}

TEST(lifting_is_asked_for)
{
	struct fp_ban_limits l = hour;
	struct fp_event_ban x = said("192.0.2.1");
	struct fp_ban b;

	x.is_del = true;
	EQ(fp_ban_limit(&b, &l, &x, 0, NOW_MS, &e), -EPERM);
	STR(e.rule, "del");
	l.is_del_ok = true;
	EQ(fp_ban_limit(&b, &l, &x, 0, NOW_MS, &e), 0);
	EQ(b.is_del, true);
	OK(b.until_s * 1000 <= b.at_ms);
}

/* ---- joining */

static struct fp_ban ban(int64_t at_ms, int64_t until_s)
{
	return (struct fp_ban){ .at_ms = at_ms, .until_s = until_s };
}

static struct fp_ban lift(int64_t at_ms)
{
	return (struct fp_ban){ .at_ms = at_ms,
				.until_s = at_ms / 1000,
				.is_del = true };
}

static struct fp_ban_word feeds(int64_t at_ms, int64_t until_s)
{
	return (struct fp_ban_word){ true, true, at_ms, until_s };
}

#define S 1000ll

TEST(joins)
{
	const struct fp_ban_word none = { .is_there = false };
	const struct fp_ban_word live = feeds((NOW_S - 60) * S, NOW_S + 600);
	const struct fp_ban_word ended = feeds((NOW_S - 60) * S, NOW_S - 1);
	const struct fp_ban_word lifted = feeds((NOW_S - 60) * S, NOW_S - 60);
	const struct fp_ban_word operator_s = { true, false, (NOW_S - 60) * S,
						NOW_S + 600 };
	const struct fp_ban_word for_ever = { true, false, 0, 0 };
	const struct {
		struct fp_ban b;
		const struct fp_ban_word *old;
		enum fp_ban_step step;
		int64_t at_ms, until_s; /* of what is to be written */
	} t[] = {
		{ ban(NOW_S * S, NOW_S + 60), &none, FP_BAN_NEW, NOW_S * S,
		  NOW_S + 60 },
		{ lift(NOW_S * S), &none, FP_BAN_KEEP, 0, 0 },
		/* longer, later, shorter, and both */
		{ ban(NOW_S * S, NOW_S + 700), &live, FP_BAN_LONGER, NOW_S * S,
		  NOW_S + 700 },
		{ ban(NOW_S * S, NOW_S + 60), &live, FP_BAN_LONGER, NOW_S * S,
		  NOW_S + 600 },
		{ ban((NOW_S - 120) * S, NOW_S + 700), &live, FP_BAN_LONGER,
		  (NOW_S - 60) * S, NOW_S + 700 },
		{ ban((NOW_S - 120) * S, NOW_S + 60), &live, FP_BAN_KEEP, 0,
		  0 },
		/* delivered again */
		{ ban((NOW_S - 60) * S, NOW_S + 600), &live, FP_BAN_KEEP, 0,
		  0 },
		{ lift(NOW_S * S), &live, FP_BAN_LIFT, NOW_S * S, NOW_S },
		{ lift((NOW_S - 120) * S), &live, FP_BAN_KEEP, 0, 0 },
		/* of the same second: the order they came in */
		{ lift((NOW_S - 60) * S), &live, FP_BAN_LIFT,
		  (NOW_S - 60) * S + 1, NOW_S - 60 },
		{ ban((NOW_S - 60) * S, NOW_S + 60), &lifted, FP_BAN_NEW,
		  (NOW_S - 60) * S + 1, NOW_S + 60 },
		/* older than the lift */
		{ ban((NOW_S - 61) * S, NOW_S + 60), &lifted, FP_BAN_KEEP, 0,
		  0 },
		{ ban(NOW_S * S, NOW_S + 60), &lifted, FP_BAN_NEW, NOW_S * S,
		  NOW_S + 60 },
		{ ban(NOW_S * S, NOW_S + 60), &ended, FP_BAN_NEW, NOW_S * S,
		  NOW_S + 60 },
		{ lift(NOW_S * S), &ended, FP_BAN_KEEP, 0, 0 },
		/* what an operator said */
		{ ban(NOW_S * S, NOW_S + 700), &operator_s, FP_BAN_THEIRS, 0,
		  0 },
		{ lift(NOW_S * S), &operator_s, FP_BAN_THEIRS, 0, 0 },
		{ ban(NOW_S * S, NOW_S + 700), &for_ever, FP_BAN_THEIRS, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct fp_ban b = t[i].b;

		if (!EQ(fp_ban_join(&b, t[i].old, NOW_S), t[i].step))
			printf("# case %zu\n", i);
		if (t[i].step >= FP_BAN_KEEP)
			continue;
		EQ(b.at_ms, t[i].at_ms);
		EQ(b.until_s, t[i].until_s);
	}
}

/* In whatever order and however often bans come, the same is left. */
TEST(order_does_not_matter)
{
	const struct fp_ban bans[] = {
		ban((NOW_S - 300) * S, NOW_S + 900),
		ban((NOW_S - 200) * S, NOW_S + 100),
		ban((NOW_S - 100) * S, NOW_S + 500),
	};
	int order[4];

	for (int code = 0; code < 81; code++) {
		struct fp_ban_word now = { .is_there = false };
		int seen = 0;

		for (int i = 0, c = code; i < 4; i++, c /= 3)
			seen |= 1 << (order[i] = c % 3);
		for (int i = 0; i < 4; i++) {
			struct fp_ban b = bans[order[i]];

			if (fp_ban_join(&b, &now, NOW_S) < FP_BAN_KEEP)
				now = feeds(b.at_ms, b.until_s);
		}
		if (seen != 7)
			continue;
		EQ(now.at_ms, (NOW_S - 100) * S);
		EQ(now.until_s, NOW_S + 900);
	}
}

TEST(whose_word)
{
	struct fp_entry x;
	struct fp_buf b = { 0 };
	struct fp_event_ban s = said("192.0.2.1");

	EQ(fp_word_make(&b, &x, &s.p, NOW_S, NOW_MS, "why=x", "amqp:fp.bans",
			&e),
	   0);
	OK(fp_ban_word(&x).is_feed);
	EQ(fp_ban_word(&x).at_ms, NOW_MS);
	EQ(fp_ban_word(&x).until_s, NOW_S);
	b.len = 0;
	EQ(fp_word_make(&b, &x, &s.p, NOW_S, NOW_MS, "amqp:", "alice", &e), 0);
	OK(!fp_ban_word(&x).is_feed);
	OK(fp_ban_word(&x).is_there);
	OK(!fp_ban_word(NULL).is_there);
	fp_buf_fini(&b);
}

/* ---- the rate */

TEST(rate)
{
	struct fp_ban_rate r;

	fp_ban_rate_init(&r, 1000, 5000);
	EQ(fp_ban_rate_wait_ms(&r, 5000), 0);
	fp_ban_rate_take(&r, 999);
	EQ(fp_ban_rate_wait_ms(&r, 5000), 0);
	EQ(fp_ban_rate_left(&r), 1);
	fp_ban_rate_take(&r, 1);
	EQ(fp_ban_rate_left(&r), 0);
	EQ(fp_ban_rate_wait_ms(&r, 5000), 1);
	EQ(fp_ban_rate_wait_ms(&r, 5001), 0);
	/* overdrawn once, by a message of a thousand */
	fp_ban_rate_take(&r, 1000);
	EQ(fp_ban_rate_wait_ms(&r, 5001), 1000);
	EQ(fp_ban_rate_wait_ms(&r, 6000), 1);
	EQ(fp_ban_rate_wait_ms(&r, 6001), 0);
	/* a quiet year saves no more than a second's worth */
	EQ(fp_ban_rate_wait_ms(&r, 6001 + 365ll * 86400000), 0);
	fp_ban_rate_take(&r, 1000);
	OK(fp_ban_rate_wait_ms(&r, 6001 + 365ll * 86400000) > 0);
}

TEST(rate_over_time)
{
	struct fp_ban_rate r;
	uint64_t taken = 0;

	fp_ban_rate_init(&r, 7, 0);
	for (int64_t ms = 0; ms < 100000; ms += 13)
		if (!fp_ban_rate_wait_ms(&r, ms)) {
			fp_ban_rate_take(&r, 3);
			taken += 3;
		}
	/* the first second's worth, 7 a second, one overdraft */
	OK(taken >= 700 && taken <= 7 + 700 + 3);
}
