#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-rehome with three real OpenSIPS 3.6: the cases of test/bats/fp-rehome*.bats, and
# 200 calls.
#	FP_OPENSIPS_PREFIX=DIR test/run test/real/opensips-rehome.bats

bats_require_minimum_version 1.5.0

load rehome.bash

setup_file() {
	[ -n "${FP_OPENSIPS_PREFIX:-}" ] ||
		skip "FP_OPENSIPS_PREFIX does not say where OpenSIPS is"
	rr_setup_file
}
teardown_file() { rr_teardown_file; }
setup() { rr_setup; }
teardown() { rr_teardown; }

@test "kill -9 of a node with 200 calls: all at both ends; BYE by the new node" { case_failover 200; }
@test "failover to several: a call goes where its tag went" { case_spread; }
@test "a node that lives is not failed over" { case_alive; }
@test "what endpoints answer; resume asks what is silent or failed" { case_verdicts; }
@test "drain: new calls away, all tags, empty; again: nothing; new calls later" { case_drain; }
@test "drain: killed, and its node dies: failover and resume" { case_drain_dies; }
@test "drain: what endpoints agreed on since goes with a call" { case_refresh; }
@test "drain: new calls that still come refuse it" { case_new_calls; }
@test "balance: tags to idle nodes; again: nothing" { case_balance; }
@test "take: one call's path; its tag stays" { case_take; }
@test "two at once, on one machine and on two" { case_two; }
@test "the target dies in the middle: resume to another" { case_target_dies; }
@test "the source comes back in the middle, as backup" { case_source_returns; }
@test "somebody takes a tag in the middle" { case_stolen; }
@test "a tag that exists nowhere is not made" { case_no_tag; }
@test "fp_db is away" { case_db_away; }
@test "fp_db goes and comes in the middle" { case_db_goes; }
@test "SIGINT ends calls under way, resume the rest" { case_signal; }
@test "kill -9 at the begin, resume here" { case_killed 0 state; }
@test "kill -9 in the middle, resume here" { case_killed 7 state; }
@test "kill -9 in the middle, resume on the other controller" { case_killed 9 other; }
@test "kill -9 near the end, resume on the other controller" { case_killed 15 other; }
