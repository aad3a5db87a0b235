#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The stand-in for FreeSWITCH: it keeps its rows, recovers, steals and loses as the
# real one does.  The cases are those of test/real/recover.bash.
# shellcheck disable=SC2034,SC2154 # bats' variables, and those of what is loaded

bats_require_minimum_version 1.5.0

load ../real/recover.bash

setup_file() {
	export FS_KIND=stand-in
	rec_setup_file
}
teardown_file() { rec_teardown_file; }
setup() { rec_setup; }
teardown() { rec_teardown; }

@test "rows: a second late, gone with the call, left by a crash" { case_rows; }
@test "by token: each call comes up elsewhere, with its voice" { case_token; }
@test "the restarted host takes its own, beside new calls" { case_same_host; }
@test "a second hop" { case_second_hop; }
@test "a plain recover steals another's live call" { case_steal; }
@test "a paused target: no session, and the rows are gone" { case_paused; }
@test "an unknown profile leaks a session" { case_leak; }
@test "an address of somebody else: counted, and nothing is sent" { case_bind; }
@test "a port is bound twice, and a stranger hears it" { case_port_twice; }
@test "481: the partner stays in CS_RESET" { case_gone; }
@test "a silent far end" { case_silent; }
@test "orphans: one dials again, one ends" { case_orphans; }
@test "one call leaves a live host without a BYE to anybody" { case_take; }
