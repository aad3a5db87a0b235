/* SPDX-License-Identifier: Apache-2.0 */
/* Legs to calls: legs made by hand, and rows that FreeSWITCH 1.10.12 wrote
 * (test/fuzz/corpus/fsrow). */
#include "unit.h"

#include "base/buf.h"
#include "logic/recover_groups.h"

#define CORPUS "test/fuzz/corpus/fsrow/"
#define MAX_LEGS 16

static struct fp_fsrow_app answer_park[] = { { "answer", "" }, { "park", "" } };
static struct fp_fsrow_app join[] = { { "answer", "" },
				      { "conference", "room3000@default" } };
static struct fp_fsrow_app dial[] = { { "set", "a=b" },
				      { "bridge", "sofia/internal/1" } };
static struct fp_fsrow_app checked_join[] = { { "lua", "pin.lua" },
					      { "conference", "room3000" } };

static struct fp_leg leg_of(const char *uuid)
{
	struct fp_leg l = {
		.technology = "sofia",
		.profile_name = "internal",
		.hostname = "fs1",
		.run = "run-1",
		.uuid = uuid,
		.xml = "",
	};

	l.row = (struct fp_fsrow){
		.uuid = uuid,
		.is_inbound = true,
		.is_answered = true,
		.signal_bond = "",
		.originate_signal_bond = "",
		.conference = "",
		.profile = "internal",
		.media_port = 20000,
	};
	return l;
}

static struct fp_leg a_leg(const char *uuid, const char *partner)
{
	struct fp_leg l = leg_of(uuid);

	l.row.signal_bond = partner;
	l.row.is_originator = true;
	l.row.apps = dial;
	l.row.n_apps = 2;
	return l;
}

static struct fp_leg b_leg(const char *uuid, const char *partner)
{
	struct fp_leg l = leg_of(uuid);

	l.row.is_inbound = false;
	l.row.signal_bond = partner;
	return l;
}

static struct fp_leg single(const char *uuid, struct fp_fsrow_app *apps)
{
	struct fp_leg l = leg_of(uuid);

	l.row.apps = apps;
	l.row.n_apps = 2;
	return l;
}

static struct fp_leg member(const char *uuid, struct fp_fsrow_app *apps)
{
	struct fp_leg l = single(uuid, apps);

	l.row.conference = "room3000";
	return l;
}

static const struct fp_calls_opts plain = { .orphans = FP_FATE_BYE };

static struct fp_calls made(struct fp_leg *leg, size_t n,
			    const struct fp_calls_opts *o)
{
	struct fp_calls c = { 0 };
	struct fp_err e;

	if (!EQ(fp_calls_make(&c, leg, n, o, &e), 0)) {
		printf("# %s\n", e.text);
		exit(1);
	}
	return c;
}

/* "bridge move ok A B; orphan bye orphan C" */
static char *said(const struct fp_calls *c, char *out, size_t size)
{
	size_t at = 0;
	char words[128];

	out[0] = '\0';
	for (size_t i = 0; i < c->n_calls; i++) {
		const struct fp_call *x = &c->call[i];

		fp_call_words(x->words, words, sizeof(words));
		at += (size_t)snprintf(out + at, size - at, "%s%s %s %s",
				       i ? "; " : "",
				       fp_call_kind_name(x->kind),
				       fp_call_fate_name(x->fate), words);
		for (size_t j = x->first; j < x->first + x->n; j++) {
			EQ(c->leg[j].call, i);
			at += (size_t)snprintf(out + at, size - at, " %s",
					       c->leg[j].uuid);
		}
	}
	return out;
}

#define SAYS(LEGS, OPTS, TEXT)                                                 \
	do {                                                                   \
		struct fp_calls c_ =                                           \
			made(LEGS, sizeof(LEGS) / sizeof(*(LEGS)), OPTS);      \
		char out_[1024];                                               \
		STR(said(&c_, out_, sizeof(out_)), TEXT);                      \
		fp_calls_fini(&c_);                                            \
	} while (0)

TEST(a_bridge_has_its_originator_first)
{
	struct fp_leg leg[] = { b_leg("b", "z"), a_leg("z", "b") };

	SAYS(leg, &plain, "bridge move ok z b");
}

TEST(a_bond_of_the_attempt_does_when_there_is_no_other)
{
	struct fp_leg leg[] = { b_leg("b", "a"), a_leg("a", "") };

	leg[1].row.originate_signal_bond = "b";
	SAYS(leg, &plain, "bridge move ok a b");
}

TEST(orphans_end_dial_again_or_stay_as_told)
{
	struct fp_calls_opts o = plain;
	struct fp_leg leg[] = { a_leg("a", "x"), b_leg("b", "y") };

	SAYS(leg, &o, "orphan bye orphan a; orphan bye orphan b");
	/* a B leg has nothing to run: it ends in any case */
	o.orphans = FP_FATE_REDIAL;
	SAYS(leg, &o, "orphan redial orphan a; orphan bye orphan b");
	o.orphans = FP_FATE_SKIP;
	SAYS(leg, &o, "orphan skip orphan a; orphan skip orphan b");
}

TEST(what_a_fate_asks_of_the_row)
{
	struct fp_calls_opts o = plain;
	struct fp_leg leg[] = { a_leg("a", "x"), b_leg("b", "y"),
				a_leg("c", "d"), b_leg("d", "c"),
				single("e", answer_park) };
	struct fp_fsrow_edit edit = { .drop_via = true };
	struct fp_calls c = made(leg, 5, &o);

	for (size_t i = 0; i < 2; i++) {
		fp_leg_edit(&c.call[i], &c.leg[c.call[i].first], &edit);
		OK(edit.drop_bond && edit.drop_apps && edit.drop_via);
	}
	for (size_t i = 2; i < 5; i++) {
		fp_leg_edit(&c.call[leg[i].call], &leg[i], &edit);
		OK(!edit.drop_bond && !edit.drop_apps);
	}
	fp_calls_fini(&c);
	o.orphans = FP_FATE_REDIAL;
	c = made(leg, 5, &o);
	fp_leg_edit(&c.call[0], &leg[0], &edit);
	OK(edit.drop_bond && !edit.drop_apps);
	fp_calls_fini(&c);
}

/* Neither has flag 4 yet: their node died right after it recovered them. */
TEST(a_pair_that_was_just_recovered_is_a_bridge)
{
	struct fp_leg leg[] = { b_leg("a", "b"), a_leg("b", "a") };
	struct fp_fsrow_edit edit = { 0 };
	struct fp_calls c;

	leg[1].row.is_originator = false;
	SAYS(leg, &plain, "bridge move ok b a");
	c = made(leg, 2, &plain);
	for (size_t i = 0; i < 2; i++) {
		fp_leg_edit(&c.call[0], &c.leg[i], &edit);
		OK(!edit.drop_bond && !edit.drop_apps);
	}
	fp_calls_fini(&c);
}

/* One names the other alone, or both by what an attempt left behind. */
TEST(a_bond_that_is_not_returned_makes_no_pair)
{
	struct fp_leg leg[] = { b_leg("a", "b"), b_leg("b", "c") };
	struct fp_leg tried[] = { b_leg("a", ""), b_leg("b", "") };

	SAYS(leg, &plain, "orphan bye orphan a; orphan bye orphan b");
	tried[0].row.originate_signal_bond = "b";
	tried[1].row.originate_signal_bond = "a";
	SAYS(tried, &plain, "orphan bye orphan a; orphan bye orphan b");
}

TEST(more_than_two_by_their_bonds_are_a_chain)
{
	struct fp_leg leg[] = { b_leg("b", "c"), a_leg("a", "b"),
				b_leg("d", "c"), a_leg("c", "d") };
	struct fp_leg three[] = { a_leg("c", "b"), b_leg("b", "a"),
				  a_leg("a", "b") };

	/* b waits for a, d for c; what b itself names plays no part */
	SAYS(leg, &plain, "bridge move ok a b; bridge move ok c d");
	SAYS(three, &plain, "chain move ok a b c");
}

TEST(members_and_whom_they_are_bridged_to_are_one_call)
{
	struct fp_leg leg[] = { member("m2", join), single("s", answer_park),
				member("m1", join), a_leg("m3", "p"),
				b_leg("p", "m3") };

	leg[3].row.conference = "room3000";
	SAYS(leg, &plain,
	     "conference move ok m3 p m1 m2; one-leg move one-leg s");
}

TEST(rooms_of_two_nodes_are_two)
{
	struct fp_leg leg[] = { member("m2", join), member("m1", join) };
	struct fp_calls c;

	leg[0].hostname = "fs2";
	SAYS(leg, &plain, "conference move ok m1; conference move ok m2");
	c = made(leg, 2, &plain);
	STR(c.call[0].name, "room3000");
	fp_calls_fini(&c);
}

/* It named somebody, but is in a room since: the bond has to go, or it waits. */
TEST(a_member_with_a_dead_bond_comes_back_to_its_room)
{
	struct fp_leg leg[] = { member("m1", join), member("m2", join) };
	struct fp_fsrow_edit edit = { 0 };
	struct fp_calls c;

	leg[1].row.signal_bond = "gone";
	c = made(leg, 2, &plain);
	EQ(c.n_calls, 1);
	fp_leg_edit(&c.call[0], &c.leg[1], &edit);
	OK(edit.drop_bond && !edit.drop_apps);
	fp_leg_edit(&c.call[0], &c.leg[0], &edit);
	OK(!edit.drop_bond);
	fp_calls_fini(&c);
}

TEST(a_room_goes_without_members_that_cannot)
{
	struct fp_calls_opts o = plain;
	struct fp_leg leg[] = { member("m1", join), member("m2", checked_join),
				member("m3", join) };

	leg[2].row.traits = FP_FSROW_HAS_DTLS;
	SAYS(leg, &o,
	     "conference move ok m1; one-leg lost one-leg,unsafe m2; "
	     "one-leg lost dtls m3");
	o.is_one_leg_all = true;
	SAYS(leg, &o,
	     "conference move one-leg,unsafe m1 m2; one-leg lost dtls m3");
}

TEST(one_leg_calls_with_applications_that_may_run_again)
{
	struct fp_calls_opts o = plain;
	struct fp_leg leg[] = { single("s", answer_park), single("u", dial) };

	SAYS(leg, &o, "one-leg move one-leg s; one-leg lost one-leg,unsafe u");
	o.is_one_leg_all = true;
	SAYS(leg, &o, "one-leg move one-leg s; one-leg move one-leg,unsafe u");
}

/* A node that is shut down ends what nobody brings up, as told or not. */
TEST(what_ends_with_its_process)
{
	struct fp_leg leg[] = { b_leg("b", "a"),    a_leg("a", "b"),
				a_leg("a", "b"),    single("u", dial),
				a_leg("o", "gone"), single("w", answer_park) };
	struct fp_calls_opts o = plain;
	struct fp_calls c;
	char left[64] = "";

	leg[2].row.cseq = 123072877;
	leg[5].row.transport = FP_FSROW_WS;
	o.orphans = FP_FATE_SKIP;
	c = made(leg, 6, &o);
	for (size_t i = 0; i < c.n_calls; i++)
		if (fp_call_is_left(&c.call[i]))
			strcat(strcat(left, " "), c.call[i].name);
	STR(left, " o u w");
	fp_calls_fini(&c);
}

/* A call attempt that failed leaves originate_signal_bond behind. */
TEST(a_leg_that_went_on_after_an_attempt_is_no_orphan)
{
	struct fp_leg leg[] = { single("s", answer_park), single("t", dial) };
	struct fp_fsrow_edit edit = { 0 };
	struct fp_calls c;

	leg[0].row.originate_signal_bond = "never-answered";
	leg[1].row.originate_signal_bond = "rings";
	SAYS(leg, &plain, "one-leg move one-leg s; orphan bye orphan t");
	c = made(leg, 2, &plain);
	fp_leg_edit(&c.call[0], &c.leg[0], &edit);
	OK(edit.drop_bond && !edit.drop_apps);
	fp_calls_fini(&c);
}

TEST(what_cannot_be_had_is_lost_and_its_partner_an_orphan)
{
	static const struct {
		unsigned int trait;
		const char *word;
	} lost[] = { { FP_FSROW_HAS_DTLS, "dtls" },
		     { FP_FSROW_HAS_T38, "t38" },
		     { FP_FSROW_IS_BYPASS, "bypass" } };
	char want[128];

	for (size_t i = 0; i < 3; i++) {
		struct fp_leg leg[] = { a_leg("a", "b"), b_leg("b", "a") };

		leg[1].row.traits = lost[i].trait;
		snprintf(want, sizeof(want),
			 "orphan bye orphan a; orphan lost %s b", lost[i].word);
		SAYS(leg, &plain, want);
	}
}

TEST(other_endpoints_and_websockets_are_lost)
{
	struct fp_leg leg[] = { single("a", answer_park),
				single("b", answer_park) };

	leg[0].technology = "verto";
	leg[1].row.transport = FP_FSROW_WS;
	SAYS(leg, &plain, "one-leg lost foreign a; one-leg lost ws b");
}

TEST(words_that_do_not_keep_a_call_from_moving)
{
	struct fp_leg leg[] = { a_leg("a", "b"), b_leg("b", "a") };

	leg[0].row.transport = FP_FSROW_TCP;
	leg[1].row.transport = FP_FSROW_TLS;
	leg[0].row.traits = FP_FSROW_IS_HELD | FP_FSROW_HAS_VIDEO;
	leg[1].row.traits = FP_FSROW_IS_NAT | FP_FSROW_HAS_SDES;
	SAYS(leg, &plain, "bridge move tcp,tls,srtp,held,video,nat a b");
}

TEST(of_two_rows_of_one_uuid_the_later_counts)
{
	struct fp_leg leg[] = { b_leg("b", "a"), a_leg("a", "b"),
				a_leg("a", "b") };
	struct fp_calls c;

	leg[1].row.cseq = 1;
	leg[2].row.cseq = 123072877;
	SAYS(leg, &plain, "bridge move twice a b; orphan skip twice a");
	c = made(leg, 3, &plain);
	EQ(c.leg[0].row.cseq, 123072877);
	STR(c.call[0].name, "a");
	STR(c.call[1].name, "a#2");
	fp_calls_fini(&c);
}

TEST(rows_of_a_run_that_is_dead_for_long_are_lost)
{
	struct fp_calls_opts o = plain;
	struct fp_leg leg[] = { a_leg("a", "b"), b_leg("b", "a"),
				a_leg("c", "x") };

	o.now_us = 2000000000;
	o.dead_us = 1000000000;
	o.too_old_us = 600000000;
	SAYS(leg, &o, "bridge lost too-old a b; orphan lost orphan,too-old c");
	/* one that is known to have died later */
	leg[0].dead_us = leg[1].dead_us = leg[2].dead_us = 1900000000;
	SAYS(leg, &o, "bridge move ok a b; orphan bye orphan c");
	o.dead_us = 0;
	leg[2].dead_us = 1000000000;
	SAYS(leg, &o, "bridge move ok a b; orphan lost orphan,too-old c");
	o.too_old_us = 0;
	SAYS(leg, &o, "bridge move ok a b; orphan bye orphan c");
}

TEST(any_order_of_rows_makes_the_same_calls)
{
	struct fp_leg base[] = {
		a_leg("a1", "b1"),          b_leg("b1", "a1"),
		a_leg("a2", "b2"),          b_leg("b2", "a2"),
		member("m1", join),         member("m2", join),
		member("m3", checked_join), a_leg("o1", "x"),
		single("s1", answer_park),  a_leg("a1", "b1"),
	};
	char first[1024], again[1024];
	enum { N = sizeof(base) / sizeof(*base) };
	struct fp_leg leg[N];
	struct fp_calls c;

	base[9].row.cseq = 7;
	memcpy(leg, base, sizeof(leg));
	c = made(leg, N, &plain);
	said(&c, first, sizeof(first));
	fp_calls_fini(&c);
	srand(7);
	for (int round = 0; round < 200; round++) {
		memcpy(leg, base, sizeof(leg));
		for (size_t i = N - 1; i > 0; i--) {
			size_t j = (size_t)rand() % (i + 1);
			struct fp_leg t = leg[i];

			leg[i] = leg[j];
			leg[j] = t;
		}
		c = made(leg, N, &plain);
		if (!STR(said(&c, again, sizeof(again)), first))
			return;
		fp_calls_fini(&c);
	}
}

/* ---- take */

static int asked(const struct fp_calls_opts *o, char *out, size_t size,
		 struct fp_err *e)
{
	struct fp_leg leg[] = { a_leg("a", "b"),
				b_leg("b", "a"),
				member("m1", join),
				member("m2", join),
				member("m3", checked_join),
				single("s", answer_park) };
	struct fp_calls c;
	int rc = fp_calls_make(&c, leg, 6, o, e);

	if (rc != 0)
		return rc;
	said(&c, out, size);
	EQ(c.n_legs, c.call[c.n_calls - 1].first + c.call[c.n_calls - 1].n);
	for (size_t i = c.n_legs; i < 6; i++)
		OK(leg[i].call == SIZE_MAX);
	fp_calls_fini(&c);
	return 0;
}

TEST(the_call_of_a_leg)
{
	struct fp_calls_opts o = plain;
	struct fp_err e;
	char out[512];

	o.only_uuid = "b";
	EQ(asked(&o, out, sizeof(out), &e), 0);
	STR(out, "bridge move ok a b");
	o.only_uuid = "nobody";
	EQ(asked(&o, out, sizeof(out), &e), -ENOENT);
	HAS(e.text, "nobody");
}

TEST(a_member_with_or_without_its_room)
{
	struct fp_calls_opts o = plain;
	struct fp_err e;
	char out[512];

	o.only_uuid = "m2";
	EQ(asked(&o, out, sizeof(out), &e), -EINVAL);
	HAS(e.text, "room3000");
	o.is_member_alone = true;
	EQ(asked(&o, out, sizeof(out), &e), 0);
	STR(out, "conference move ok m2");
	o.is_member_alone = false;
	/* who cannot come with it is not hidden */
	o.only_room = "";
	EQ(asked(&o, out, sizeof(out), &e), 0);
	STR(out, "conference move ok m1 m2; one-leg lost one-leg,unsafe m3");
	o.only_room = "room4000";
	EQ(asked(&o, out, sizeof(out), &e), -ENOENT);
	o.only_room = "room3000";
	o.only_uuid = NULL;
	EQ(asked(&o, out, sizeof(out), &e), 0);
	STR(out, "conference move ok m1 m2; one-leg lost one-leg,unsafe m3");
	o.only_uuid = "s";
	EQ(asked(&o, out, sizeof(out), &e), -ENOENT);
	HAS(e.text, "no room");
}

/* ---- CSeq */

TEST(the_clock_of_cseq)
{
	/* traces/recover_fs1_to_fs2_sip.txt and rows of the same minutes */
	EQ(fp_fs_cseq(1795251808), 123072112);
	EQ(fp_fs_cseq(1795251809), 123072112);
	EQ(fp_fs_cseq(1795251810), 123072113);
}

TEST(a_leg_waits_until_its_cseq_grows)
{
	struct fp_leg l = b_leg("b", "a");

	l.row.has_cseq = true;
	l.row.cseq = 123072112;
	EQ(fp_leg_cseq_wait_ms(&l, 1795251808000), 2000);
	EQ(fp_leg_cseq_wait_ms(&l, 1795251809999), 1);
	EQ(fp_leg_cseq_wait_ms(&l, 1795251810000), 0);
	/* a clock that is 10 s behind */
	EQ(fp_leg_cseq_wait_ms(&l, 1795251799000), 11000);
	/* the far end's count says nothing of ours */
	l.row.is_inbound = true;
	EQ(fp_leg_cseq_wait_ms(&l, 1795251808000), 0);
	l.row.traits = FP_FSROW_IS_SWAPPED;
	EQ(fp_leg_cseq_wait_ms(&l, 1795251808000), 2000);
}

TEST(too_young_says_so_and_moves)
{
	struct fp_calls_opts o = plain;
	struct fp_leg leg[] = { a_leg("a", "b"), b_leg("b", "a") };

	leg[1].row.has_cseq = true;
	leg[1].row.cseq = 123072112;
	o.now_us = 1795251808000000;
	SAYS(leg, &o, "bridge move too-young a b");
}

/* ---- applications */

TEST(which_applications_may_run_again)
{
	static const struct {
		const char *name, *data;
		bool is_safe;
	} all[] = {
		{ "answer", "", true },
		{ "set", "a=${b}", true },
		{ "set", "a=${strftime(%Y ${x})}", true },
		{ "set", "a=${cond(${x} == 1 ? a : b)}", true },
		{ "set", "a=${curl(http://192.0.2.1/)}", false },
		{ "set", "a=${curl http://192.0.2.1/}", false },
		{ "set", "a=${cond(${system(reboot)} == 1 ? a : b)}", false },
		{ "set", "a=${${b}(c)}", false },
		{ "set", "a=$${domain}", true },
		{ "playback", "tone_stream://%(500,0,440);loops=4", true },
		{ "conference", "room3000@default+flags{mute}", true },
		{ "conference", "bridge:room3000:user/1000", false },
		{ "conference_set_auto_outcall", "user/1000", false },
		{ "bridge", "user/1", false },
		{ "valet_park", "lot 6001", false },
		{ "record_session", "/x.wav", false },
		{ "parkx", "", false },
		{ "par", "", false },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (!EQ(fp_app_is_safe(all[i].name, all[i].data),
			all[i].is_safe))
			printf("# %s %s\n", all[i].name, all[i].data);
	for (const char *const *a = fp_safe_apps(); *a; a++)
		OK(fp_app_is_safe(*a, ""));
}

TEST(words_have_names)
{
	char out[32];

	STR(fp_call_word(FP_CALL_ORPHAN), "orphan");
	STR(fp_call_word(FP_CALL_TOO_OLD), "too-old");
	STR(fp_call_word(FP_CALL_TWICE), "twice");
	STR(fp_call_word(3), NULL);
	STR(fp_call_word(1u << 31), NULL);
	fp_call_words(0, out, sizeof(out));
	STR(out, "ok");
	fp_call_words(~0u, out, 12);
	STR(out, "orphan,one-");
}

TEST(fates_of_the_command_line)
{
	enum fp_call_fate f;

	EQ(fp_call_fate_parse("redial", &f), 0);
	EQ(f, FP_FATE_REDIAL);
	EQ(fp_call_fate_parse("lost", &f), -EINVAL);
	EQ(fp_call_fate_parse("move", &f), -EINVAL);
}

/* ---- rows as they are */

static char *slurp(const char *name, size_t *n)
{
	char path[256], *s = calloc(1, 1 << 16);
	FILE *f;

	snprintf(path, sizeof(path), CORPUS "%s", name);
	f = fopen(path, "r");
	if (!OK(f))
		exit(1);
	*n = fread(s, 1, (1 << 16) - 1, f);
	fclose(f);
	return s;
}

static struct fp_leg captured(const char *name, const char *uuid)
{
	struct fp_leg l = { .technology = "sofia",
			    .hostname = "fs1",
			    .uuid = uuid };

	l.xml = slurp(name, &l.xml_len);
	return l;
}

#define A "634be068-11e2-42c6-852c-e5f658d0b240"
#define B "7ecb3580-b6b5-44e2-8860-1e99a54fec6b"
#define M "182d1d90-ee70-4063-84aa-20183266a890"
#define P "d9fbad5d-1f88-4c94-b044-78d2f1ac31e2"

TEST(captured_rows)
{
	struct fp_leg leg[] = {
		captured("one-leg-playback-multi-app", P),
		captured("B-bridged-outbound", B),
		captured("conference-member-1", M),
		captured("A-bridged-inbound", A),
	};
	struct fp_calls_opts o = plain;
	struct fp_err e;

	o.now_us = 1795251900000000;
	if (!EQ(fp_legs_read(leg, 4, &e), 0))
		return;
	SAYS(leg, &o,
	     "conference move ok " M "; bridge move ok " A " " B
	     "; one-leg move one-leg " P);
	for (size_t i = 0; i < 4; i++)
		free((char *)leg[i].xml);
	fp_legs_fini(leg, 4);
}

/* An A leg that shall end has nothing left to run, and is whole else. */
TEST(a_captured_orphan_that_shall_end)
{
	struct fp_leg leg[] = { captured("A-bridged-inbound", A) };
	struct fp_fsrow_edit edit = { 0 };
	struct fp_buf out = { 0 };
	struct fp_fsrow now;
	struct fp_calls c;
	struct fp_err e;

	EQ(fp_legs_read(leg, 1, &e), 0);
	c = made(leg, 1, &plain);
	fp_leg_edit(&c.call[0], leg, &edit);
	EQ(fp_fsrow_rewrite(&out, &leg->row, leg->xml, leg->xml_len, &edit, &e),
	   0);
	fp_buf_add(&out, "", 1);
	OK(!strstr(out.data, "<extension") && !strstr(out.data, "signal_bond"));
	OK(strstr(out.data, "<caller_profile>"));
	if (EQ(fp_fsrow_parse(&now, out.data, out.len - 1, &e), 0)) {
		EQ(now.n_apps, 0);
		STR(now.signal_bond, "");
		STR(now.call_id, leg->row.call_id);
		fp_fsrow_fini(&now);
	}
	fp_buf_fini(&out);
	fp_calls_fini(&c);
	free((char *)leg->xml);
	fp_legs_fini(leg, 1);
}

TEST(a_row_that_cannot_be_read_is_broken_and_the_rest_goes_on)
{
	struct fp_leg leg[] = { captured("A-bridged-inbound", A),
				captured("B-bridged-outbound", B),
				captured("conference-member-1", "other"),
				captured("one-leg-playback-multi-app", P) };
	struct fp_err e;

	leg[1].xml_len = 3000;
	EQ(fp_legs_read(leg, 4, &e), 0);
	SAYS(leg, &plain,
	     "orphan bye orphan " A "; orphan lost broken " B
	     "; one-leg move one-leg " P "; orphan lost broken other");
	HAS(leg[1].why, "XML");
	HAS(leg[3].why, "column uuid");
	for (size_t i = 0; i < 4; i++)
		free((char *)leg[i].xml);
	fp_legs_fini(leg, 4);
	leg[0] = (struct fp_leg){ .uuid = A, .xml = "", .too_long = 10000000 };
	EQ(fp_legs_read(leg, 1, &e), 0);
	EQ(leg[0].words, FP_CALL_BROKEN);
	HAS(leg[0].why, "10000000 bytes, more than 4194304");
}

/* Read once more, of the same bytes: taken over, and never what is another's. */
TEST(legs_that_were_read_before)
{
	struct fp_leg was[] = { captured("A-bridged-inbound", A),
				captured("B-bridged-outbound", B),
				captured("conference-member-1", "other"),
				captured("one-leg-playback-multi-app", P) };
	struct fp_leg leg[] = { was[3], was[2], was[0], was[1], was[0] };
	const void *a, *p;
	struct fp_err e;

	EQ(fp_legs_read(was, 4, &e), 0);
	a = was[0].row.store;
	p = was[3].row.store;
	leg[3].xml_len = 3000;
	leg[0].words = FP_CALL_BROKEN;
	EQ(fp_legs_read_again(leg, 5, was, 4, &e), 0);
	OK(leg[0].row.store == p && leg[0].words == 0);
	HAS(leg[1].why, "column uuid");
	OK(leg[2].row.store == a && !was[0].row.store);
	HAS(leg[3].why, "XML"); /* another document */
	STR(was[1].row.uuid, B);
	OK(leg[4].row.store != a); /* its row was given away */
	STR(leg[4].row.uuid, A);
	STR(leg[0].row.uuid, P);
	fp_legs_fini(leg, 5);
	leg[0] = was[1];
	leg[0].technology = "verto";
	EQ(fp_legs_read_again(leg, 1, was, 4, &e), 0);
	OK(was[1].row.store && leg[0].row.store != was[1].row.store);
	fp_legs_fini(leg, 1);
	for (size_t i = 0; i < 4; i++)
		free((char *)was[i].xml);
	fp_legs_fini(was, 4);
}

/* Of an inbound call it may be its Call-ID; it stands in commands. */
TEST(a_uuid_is_any_word_of_255_bytes)
{
	char word[300] = "";
	struct fp_leg leg = captured("one-leg-playback-multi-app", word);
	char *xml = strdup(leg.xml), *at = strstr(xml, "<uuid>" P "<");
	static const char *const bad[] = { "a%20b", "%0Aapi", "%7F", "%C3%BC" };
	struct fp_err e;

	for (size_t n = 254; n <= 256; n++) {
		memset(word, 'w', n);
		word[n] = '\0';
		free((char *)leg.xml);
		leg.xml_len =
			(size_t)asprintf((char **)&leg.xml, "%.*s<uuid>%s%s",
					 (int)(at - xml), xml, word,
					 at + strlen("<uuid>" P));
		EQ(fp_legs_read(&leg, 1, &e), 0);
		EQ(leg.words, n > 255 ? FP_CALL_BROKEN : 0);
		fp_legs_fini(&leg, 1);
	}
	HAS(leg.why, "its uuid is none");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		unsigned int c;

		snprintf(word, sizeof(word), "%s", bad[i]);
		for (char *p = strchr(word, '%'); p; p = strchr(p, '%')) {
			sscanf(p + 1, "%2x", &c);
			*p = (char)c;
			memmove(p + 1, p + 3, strlen(p + 3) + 1);
		}
		free((char *)leg.xml);
		leg.xml_len =
			(size_t)asprintf((char **)&leg.xml, "%.*s<uuid>%s%s",
					 (int)(at - xml), xml, bad[i],
					 at + strlen("<uuid>" P));
		EQ(fp_legs_read(&leg, 1, &e), 0);
		EQ(leg.words, FP_CALL_BROKEN);
		HAS(leg.why, "its uuid is none");
		fp_legs_fini(&leg, 1);
	}
	free((char *)leg.xml);
	free(xml);
}

TEST(names_of_two_long_uuids_are_two)
{
	char a[256], b[256];
	struct fp_leg leg[3];
	struct fp_calls c;

	memset(a, 'w', 255);
	a[255] = '\0';
	memcpy(b, a, 256);
	a[254] = 'a';
	leg[0] = single(a, answer_park);
	leg[1] = single(b, answer_park);
	leg[2] = single(b, answer_park);
	c = made(leg, 3, &plain);
	EQ(c.n_calls, 3);
	STR(c.call[0].name, a);
	STR(c.call[1].name, b);
	EQ(strlen(c.call[2].name), 257);
	STR(c.call[2].name + 254, "w#2");
	fp_calls_fini(&c);
}

TEST(fifty_thousand_legs)
{
	enum { N = 50000 };
	struct fp_leg *leg = calloc(N, sizeof(*leg));
	char(*id)[40] = calloc(N, sizeof(*id));
	long start;
	struct fp_calls c;

	for (size_t i = 0; i < N; i++)
		snprintf(id[i], sizeof(id[i]), "%08zx-uuid",
			 i * 2654435761u % N);
	for (size_t i = 0; i < N; i += 2) {
		leg[i] = a_leg(id[i], id[i + 1]);
		leg[i + 1] = b_leg(id[i + 1], id[i]);
	}
	start = unit_now_ms();
	c = made(leg, N, &plain);
	printf("# %d legs: %ld ms\n", N, unit_now_ms() - start);
	EQ(c.n_calls, N / 2);
	EQ(c.call[0].kind, FP_CALL_BRIDGE);
	fp_calls_fini(&c);
	free(leg);
	free(id);
}
