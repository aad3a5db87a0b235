#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-rehome when something goes wrong under way, with stand-ins of OpenSIPS (the cases
# that real ones pass too, test/real/opensips-rehome.bats), SIPp at both ends and a
# real PostgreSQL.

bats_require_minimum_version 1.5.0

load ../real/rehome.bash

setup_file() {
	unset FP_OPENSIPS_PREFIX
	rr_setup_file
}
teardown_file() { rr_teardown_file; }
setup() { rr_setup; }
teardown() { rr_teardown; }

@test "two at once, on one machine and on two" { case_two; }
@test "one that was stopped: another resumes, and it asks nothing more" { case_stopped; }
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
