#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Targets and databases that go away while fp-recover brings calls up, on the stand-in.
# The cases are those of test/real/recover-faults.bash.
# shellcheck disable=SC2034,SC2154 # bats' variables, and those of what is loaded

bats_require_minimum_version 1.5.0

load ../real/recover-faults.bash

setup_file() {
	export FS_KIND=stand-in
	faults_setup_file
}
teardown_file() { rec_teardown_file; }
setup() { rec_setup; }
teardown() { faults_teardown; }

@test "a target dies: its calls go to the next" { case_target_dies; }
@test "a target dies, and nothing proves it" { case_target_dies_unproven; }
@test "a target dies before its rows say who bridges" { case_target_dies_young; }
@test "a target dies, and is failed over first" { case_target_failed_over; }
@test "a target is paused" { case_target_paused; }
@test "a target is paused amid a call" { case_target_paused_amid; }
@test "a target loses its profile" { case_profile; }
@test "two jobs to one target" { case_two_jobs; }
@test "the recovery database ends our sessions" { case_store_lost; }
@test "fp_db ends our sessions" { case_journal_lost; }
@test "rows that cannot be read" { case_rows_broken; }
