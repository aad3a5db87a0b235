/* SPDX-License-Identifier: Apache-2.0 */
/* Did a call come up: what legs are seen to do, one look after the other. */
#include <stdint.h>

#include "logic/recover_prove.h"
#include "unit.h"

#define OLD 123100397u
#define NEW 123100420u
#define END_MS 36000

static struct fp_prover p;

static size_t add(bool is_bonded, size_t partner)
{
	struct fp_prove_leg l = { .uuid = "u",
				  .cseq = OLD,
				  .has_cseq = true,
				  .is_bonded = is_bonded,
				  .partner = partner };

	EQ(fp_prover_add(&p, &l), 0);
	return p.n - 1;
}

static void bridge(void)
{
	fp_prover_init(&p, 1000, END_MS);
	add(true, 1);
	add(true, 0);
}

static void single(void)
{
	fp_prover_init(&p, 1000, END_MS);
	add(false, FP_PROVE_NONE);
}

static enum fp_prove_act there(size_t i, uint32_t cseq, const char *state,
			       int64_t now_ms)
{
	struct fp_prove_seen s = { .exists = true, .cseq = cseq };

	snprintf(s.state, sizeof(s.state), "%s", state);
	return fp_prover_see(&p, i, &s, true, now_ms);
}

static enum fp_prove_act gone(size_t i, bool is_recovered, int64_t now_ms)
{
	struct fp_prove_seen s = { .exists = false };

	return fp_prover_see(&p, i, &s, is_recovered, now_ms);
}

static enum fp_prove_act hangup(size_t i, const char *cause, int sip,
				uint32_t cseq, int64_t now_ms)
{
	struct fp_prove_seen s = { .cseq = cseq, .sip = sip };

	snprintf(s.cause, sizeof(s.cause), "%s", cause);
	return fp_prover_see(&p, i, &s, true, now_ms);
}

static void verdict_is(enum fp_proof proof, const char *why)
{
	char text[96];

	STR(fp_proof_name(fp_prover_verdict(&p, 2000)), fp_proof_name(proof));
	fp_prover_why(&p, text, sizeof(text));
	STR(text, why);
	fp_prover_fini(&p);
}

/* ---- proof */

TEST(one_leg_is_proven_by_its_cseq)
{
	single();
	EQ(there(0, OLD, "CS_EXECUTE", 1100), FP_PROVE_WAIT);
	EQ(there(0, 0, "", 1200), FP_PROVE_WAIT);
	EQ(fp_prover_verdict(&p, 1200), FP_PROOF_WAITING);
	EQ(there(0, NEW, "", 1300), FP_PROVE_DONE);
	EQ(p.leg[0].proven_ms, 1300);
	EQ(fp_prover_next_ms(&p, 0), INT64_MAX);
	verdict_is(FP_PROOF_PROVEN, "");
}

TEST(a_leg_without_a_cseq_is_proven_by_any)
{
	struct fp_prove_leg l = { .uuid = "u", .partner = FP_PROVE_NONE };

	fp_prover_init(&p, 1000, END_MS);
	EQ(fp_prover_add(&p, &l), 0);
	EQ(there(0, 0, "", 1100), FP_PROVE_WAIT);
	EQ(there(0, 7, "", 1200), FP_PROVE_DONE);
	verdict_is(FP_PROOF_PROVEN, "");
}

TEST(legs_of_a_bridge_leave_cs_reset)
{
	static const char *const not_yet[] = { "",         "CS_NEW",
					       "CS_INIT",  "CS_RESET",
					       "CS_NONE",  "CS_HIBERNATE",
					       "CS_HANGUP" };

	bridge();
	for (size_t i = 0; i < 7; i++)
		EQ(there(0, NEW, not_yet[i], 1100), FP_PROVE_WAIT);
	EQ(there(0, NEW, "CS_SOFT_EXECUTE", 1200), FP_PROVE_DONE);
	EQ(fp_prover_verdict(&p, 1200), FP_PROOF_WAITING);
	EQ(there(1, NEW, "CS_EXCHANGE_MEDIA", 1300), FP_PROVE_DONE);
	verdict_is(FP_PROOF_PROVEN, "");
}

/* The originator gave up before its partner was there. */
TEST(two_that_stay_in_cs_reset_are_bridged)
{
	bridge();
	EQ(there(0, NEW, "CS_RESET", 1100), FP_PROVE_WAIT);
	EQ(there(1, OLD, "CS_RESET", 5000), FP_PROVE_WAIT);
	EQ(there(0, NEW, "CS_RESET", 5100), FP_PROVE_WAIT);
	EQ(there(1, NEW, "CS_RESET", 6000), FP_PROVE_WAIT);
	EQ(there(0, NEW, "CS_RESET", 8400), FP_PROVE_WAIT);
	EQ(there(1, 0, "", 8500), FP_PROVE_BRIDGE);
	EQ(there(0, NEW, "CS_RESET", 8600), FP_PROVE_WAIT); /* once */
	EQ(there(1, NEW, "CS_RESET", 14600), FP_PROVE_BRIDGE);
	EQ(there(0, NEW, "CS_SOFT_EXECUTE", 14700), FP_PROVE_DONE);
	EQ(there(1, NEW, "CS_EXCHANGE_MEDIA", 14800), FP_PROVE_DONE);
	verdict_is(FP_PROOF_PROVEN, "");
}

TEST(one_that_bridges_itself_is_left_alone)
{
	bridge();
	EQ(there(0, NEW, "CS_RESET", 1100), FP_PROVE_WAIT);
	EQ(there(1, NEW, "CS_RESET", 1100), FP_PROVE_WAIT);
	EQ(there(1, NEW, "CS_HIBERNATE", 3000), FP_PROVE_WAIT);
	EQ(there(1, NEW, "CS_RESET", 3100), FP_PROVE_WAIT);
	EQ(there(0, NEW, "CS_RESET", 5000), FP_PROVE_WAIT);
	fp_prover_fini(&p);
}

/* A port that is not to be had costs no call: its leg comes once more. */
TEST(half_of_a_call_waits_for_the_rest)
{
	bridge();
	p.may_retry = true;
	EQ(there(0, OLD, "CS_RESET", 1100), FP_PROVE_WAIT);
	EQ(hangup(1, "INCOMPATIBLE_DESTINATION", 0, OLD, 1150), FP_PROVE_DONE);
	EQ(p.leg[1].proof, FP_PROOF_FAILED);
	EQ(fp_prover_is_half(&p), false);
	EQ(there(0, NEW, "CS_RESET", 1200), FP_PROVE_WAIT);
	EQ(fp_prover_is_half(&p), true);
	EQ(fp_prover_verdict(&p, 1200), FP_PROOF_WAITING);
	/* and not a third time */
	p.may_retry = false;
	EQ(fp_prover_is_half(&p), false);
	EQ(there(0, NEW, "CS_RESET", 1300), FP_PROVE_KILL);
	verdict_is(FP_PROOF_REFUSED, "1 of 2 legs: did not come up: "
				     "INCOMPATIBLE_DESTINATION");
}

TEST(what_failed_as_a_whole_is_no_half)
{
	bridge();
	p.may_retry = true;
	hangup(0, "INCOMPATIBLE_DESTINATION", 0, OLD, 1150);
	hangup(1, "INCOMPATIBLE_DESTINATION", 0, OLD, 1150);
	EQ(fp_prover_is_half(&p), false);
	verdict_is(FP_PROOF_FAILED,
		   "2 of 2 legs: did not come up: INCOMPATIBLE_DESTINATION");
	bridge();
	p.may_retry = true;
	there(0, NEW, "CS_RESET", 1100);
	hangup(1, "NORMAL_TEMPORARY_FAILURE", 481, OLD, 1150);
	EQ(fp_prover_is_half(&p), false);
	EQ(there(0, NEW, "CS_RESET", 1200), FP_PROVE_KILL);
	fp_prover_fini(&p);
}

TEST(what_is_not_there_yet_is_waited_for)
{
	single();
	EQ(gone(0, false, 1100), FP_PROVE_WAIT);
	EQ(gone(0, false, 9000), FP_PROVE_WAIT);
	EQ(there(0, NEW, "", 9100), FP_PROVE_DONE);
	verdict_is(FP_PROOF_PROVEN, "");
}

TEST(it_was_up_and_was_hung_up_since)
{
	single();
	EQ(there(0, NEW, "", 1100), FP_PROVE_DONE);
	EQ(hangup(0, "NORMAL_CLEARING", 0, NEW, 1200), FP_PROVE_DONE);
	verdict_is(FP_PROOF_ENDED, "");

	/* both between two looks */
	single();
	EQ(hangup(0, "NORMAL_CLEARING", 0, NEW, 1200), FP_PROVE_DONE);
	verdict_is(FP_PROOF_ENDED, "");
}

/* ---- what far ends say: as measured */

TEST(causes_of_a_refused_re_invite)
{
	static const struct {
		const char *cause;
		int sip;
		enum fp_proof proof;
		const char *why;
	} v[] = {
		{ "NORMAL_TEMPORARY_FAILURE", 481, FP_PROOF_GONE,
		  "the far end says 481" },
		{ "UNALLOCATED_NUMBER", 404, FP_PROOF_GONE,
		  "the far end says 404" },
		{ "NUMBER_CHANGED", 410, FP_PROOF_GONE,
		  "the far end says 410" },
		{ "RECOVERY_ON_TIMER_EXPIRE", 408, FP_PROOF_SILENT,
		  "the far end does not answer" },
		{ "RECOVERY_ON_TIMER_EXPIRE", 0, FP_PROOF_SILENT,
		  "the far end does not answer" },
		{ "NORMAL_TEMPORARY_FAILURE", 500, FP_PROOF_REFUSED,
		  "the far end says 500" },
		{ "NORMAL_TEMPORARY_FAILURE", 503, FP_PROOF_REFUSED,
		  "the far end says 503" },
		{ "CALL_REJECTED", 403, FP_PROOF_REFUSED,
		  "the far end says 403" },
		{ "CALL_REJECTED", 603, FP_PROOF_REFUSED,
		  "the far end says 603" },
		{ "NORMAL_UNSPECIFIED", 491, FP_PROOF_REFUSED,
		  "the far end says 491" },
		{ "INCOMPATIBLE_DESTINATION", 488, FP_PROOF_REFUSED,
		  "the far end says 488" },
		{ "DESTINATION_OUT_OF_ORDER", 0, FP_PROOF_FAILED,
		  "did not come up: DESTINATION_OUT_OF_ORDER" },
		{ "NORMAL_CLEARING", 0, FP_PROOF_ENDED, "" },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		single();
		EQ(hangup(0, v[i].cause, v[i].sip, OLD, 1200), FP_PROVE_DONE);
		verdict_is(v[i].proof, v[i].why);
	}
}

TEST(the_partner_of_a_lost_leg_is_killed)
{
	bridge();
	EQ(there(0, NEW, "CS_RESET", 1100), FP_PROVE_WAIT);
	EQ(hangup(1, "NORMAL_TEMPORARY_FAILURE", 481, OLD, 1200),
	   FP_PROVE_DONE);
	/* not before it is gone too */
	EQ(fp_prover_verdict(&p, 1200), FP_PROOF_WAITING);
	EQ(there(0, NEW, "CS_RESET", 1300), FP_PROVE_KILL);
	EQ(hangup(0, "NORMAL_CLEARING", 0, NEW, 1400), FP_PROVE_DONE);
	verdict_is(FP_PROOF_GONE, "1 of 2 legs: the far end says 481");
}

TEST(a_proven_leg_whose_partner_is_lost_then_is_killed_too)
{
	bridge();
	EQ(there(0, NEW, "CS_SOFT_EXECUTE", 1100), FP_PROVE_DONE);
	EQ(fp_prover_next_ms(&p, 0), INT64_MAX);
	EQ(hangup(1, "RECOVERY_ON_TIMER_EXPIRE", 0, OLD, 33000), FP_PROVE_DONE);
	EQ(fp_prover_verdict(&p, 33000), FP_PROOF_WAITING);
	OK(fp_prover_next_ms(&p, 0) <= 33000);
	EQ(there(0, NEW, "CS_SOFT_EXECUTE", 33001), FP_PROVE_KILL);
	/* once */
	EQ(there(0, NEW, "CS_SOFT_EXECUTE", 33002), FP_PROVE_DONE);
	verdict_is(FP_PROOF_SILENT, "1 of 2 legs: the far end does not answer");
}

TEST(a_partner_that_went_by_itself_is_not_killed)
{
	bridge();
	there(0, NEW, "CS_RESET", 1100);
	hangup(1, "UNALLOCATED_NUMBER", 404, OLD, 1200);
	EQ(gone(0, true, 1300), FP_PROVE_WAIT);
	EQ(gone(0, true, 2300), FP_PROVE_DONE);
	verdict_is(FP_PROOF_GONE, "1 of 2 legs: the far end says 404");
}

TEST(members_of_a_room_do_not_die_of_each_other)
{
	fp_prover_init(&p, 1000, END_MS);
	add(false, FP_PROVE_NONE);
	add(false, FP_PROVE_NONE);
	EQ(hangup(0, "NORMAL_TEMPORARY_FAILURE", 481, OLD, 1100),
	   FP_PROVE_DONE);
	EQ(there(1, NEW, "CS_EXECUTE", 1200), FP_PROVE_DONE);
	verdict_is(FP_PROOF_GONE, "1 of 2 legs: the far end says 481");
}

TEST(in_a_chain_it_is_the_partner_that_counts)
{
	fp_prover_init(&p, 1000, END_MS);
	add(true, 1);
	add(true, 0);
	add(true, 3);
	add(true, 2);
	hangup(0, "NORMAL_TEMPORARY_FAILURE", 481, OLD, 1100);
	EQ(there(2, NEW, "CS_SOFT_EXECUTE", 1200), FP_PROVE_DONE);
	EQ(there(3, NEW, "CS_EXCHANGE_MEDIA", 1200), FP_PROVE_DONE);
	EQ(there(1, NEW, "CS_RESET", 1200), FP_PROVE_KILL);
	verdict_is(FP_PROOF_GONE, "1 of 4 legs: the far end says 481");
}

/* ---- nothing was sent */

TEST(legs_that_never_came_up_failed)
{
	bridge();
	for (size_t i = 0; i < 2; i++) {
		EQ(gone(i, true, 1100), FP_PROVE_WAIT);
		EQ(gone(i, true, 1900), FP_PROVE_DONE);
	}
	verdict_is(FP_PROOF_FAILED, "2 of 2 legs: did not come up");
}

TEST(one_that_failed_beside_one_that_sent_is_not_tried_again)
{
	bridge();
	gone(0, true, 1100);
	gone(0, true, 1900);
	EQ(there(1, NEW, "CS_RESET", 2000), FP_PROVE_KILL);
	verdict_is(FP_PROOF_REFUSED, "1 of 2 legs: did not come up");
}

TEST(leaked_sessions_are_killed)
{
	bridge();
	EQ(there(0, OLD, "CS_NONE", 1500), FP_PROVE_WAIT);
	EQ(there(0, OLD, "CS_NONE", 2600), FP_PROVE_KILL);
	EQ(there(1, OLD, "CS_NONE", 2600), FP_PROVE_KILL);
	verdict_is(FP_PROOF_FAILED, "1 of 2 legs: did not come up");
}

TEST(a_look_without_a_state_kills_no_leg_that_did_not_answer)
{
	bridge();
	gone(0, true, 1100);
	gone(0, true, 1900);
	EQ(there(1, OLD, "", 2000), FP_PROVE_WAIT);
	EQ(there(1, OLD, "CS_NONE", 2600), FP_PROVE_KILL);
	verdict_is(FP_PROOF_FAILED, "1 of 2 legs: did not come up");
}

/* ---- time */

TEST(looks_grow_rarer_and_end_with_the_timers)
{
	single();
	there(0, OLD, "CS_EXECUTE", 1100);
	EQ(fp_prover_next_ms(&p, 0), 1250);
	there(0, OLD, "CS_EXECUTE", 4000);
	EQ(fp_prover_next_ms(&p, 0), 4500);
	there(0, OLD, "CS_EXECUTE", 35000);
	EQ(fp_prover_next_ms(&p, 0), END_MS);
	EQ(there(0, OLD, "CS_EXECUTE", END_MS), FP_PROVE_KILL);
	verdict_is(FP_PROOF_SILENT, "the far end does not answer");
}

TEST(one_that_went_unheard_is_gone)
{
	single();
	there(0, OLD, "CS_EXECUTE", 1100);
	EQ(gone(0, true, 1200), FP_PROVE_WAIT);
	EQ(gone(0, true, 2000), FP_PROVE_DONE);
	verdict_is(FP_PROOF_GONE, "hung up");
}

TEST(an_orphan_that_does_not_end_is_ended)
{
	struct fp_prove_leg l = { .uuid = "u",
				  .cseq = OLD,
				  .has_cseq = true,
				  .partner = FP_PROVE_NONE,
				  .is_bye = true };

	fp_prover_init(&p, 1000, END_MS);
	EQ(fp_prover_add(&p, &l), 0);
	EQ(there(0, NEW, "CS_EXECUTE", 1100), FP_PROVE_DONE);
	OK(fp_prover_next_ms(&p, 0) < INT64_MAX);
	EQ(there(0, NEW, "CS_EXECUTE", 4000), FP_PROVE_KILL);
	verdict_is(FP_PROOF_PROVEN, "");
}

/* ---- what a live call would feel */

TEST(held_nothing_is_done_until_it_may)
{
	single();
	p.is_held = true;
	EQ(there(0, OLD, "CS_EXECUTE", END_MS), FP_PROVE_ASK);
	EQ(there(0, OLD, "CS_EXECUTE", END_MS + 1), FP_PROVE_ASK);
	EQ(fp_prover_verdict(&p, END_MS), FP_PROOF_WAITING);
	/* somebody else brought it up meanwhile */
	EQ(there(0, NEW, "CS_EXECUTE", END_MS + 2), FP_PROVE_DONE);
	verdict_is(FP_PROOF_PROVEN, "");
}

TEST(held_and_then_not)
{
	single();
	p.is_held = true;
	EQ(there(0, OLD, "CS_EXECUTE", END_MS), FP_PROVE_ASK);
	p.is_held = false;
	EQ(there(0, OLD, "CS_EXECUTE", END_MS), FP_PROVE_KILL);
	verdict_is(FP_PROOF_SILENT, "the far end does not answer");
}

TEST(held_nobody_is_bridged)
{
	bridge();
	p.is_held = true;
	there(0, NEW, "CS_RESET", 2000);
	there(1, NEW, "CS_RESET", 2000);
	EQ(there(0, NEW, "CS_RESET", 9000), FP_PROVE_ASK);
	EQ(there(1, NEW, "CS_RESET", 9000), FP_PROVE_ASK);
	p.is_held = false;
	EQ(there(0, NEW, "CS_RESET", 9100), FP_PROVE_BRIDGE);
	fp_prover_fini(&p);
}

TEST(the_end_is_as_far_away_after_a_pause)
{
	single();
	there(0, OLD, "CS_EXECUTE", END_MS - 10);
	fp_prover_late(&p, 60000);
	EQ(there(0, OLD, "CS_EXECUTE", END_MS + 59000), FP_PROVE_WAIT);
	EQ(there(0, OLD, "CS_EXECUTE", END_MS + 60000), FP_PROVE_KILL);
	verdict_is(FP_PROOF_SILENT, "the far end does not answer");
}

TEST(a_leg_is_no_longer_gone_for_a_pause)
{
	single();
	there(0, OLD, "CS_EXECUTE", 2000);
	EQ(gone(0, true, 2100), FP_PROVE_WAIT);
	fp_prover_late(&p, 5000);
	EQ(gone(0, true, 7200), FP_PROVE_WAIT);
	EQ(gone(0, true, 7900), FP_PROVE_DONE);
	verdict_is(FP_PROOF_GONE, "hung up");
}
