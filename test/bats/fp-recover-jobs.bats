#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Jobs of fp-recover that end in the middle, and go on; on the stand-in.  The cases are
# those of test/real/recover-jobs.bash.
# shellcheck disable=SC2034,SC2154 # bats' variables, and those of what is loaded

bats_require_minimum_version 1.5.0

load ../real/recover-jobs.bash

setup_file() {
	export FS_KIND=stand-in
	jobs_setup_file
}
teardown_file() { rec_teardown_file; }
setup() { jobs_setup; }
teardown() { rec_teardown; }

@test "killed at each step: another controller's resume brings all calls up" { case_killed; }
@test "dry run changes nothing, and twice is once" { case_dry_run; }
@test "two controllers at once: one of them, and no call twice" { case_two; }
@test "abort: rows that were taken are back, byte for byte" { case_abort; }
@test "a node that crashed twice: one run, and the other" { case_crash_twice; }
@test "a node that crashed twice: both" { case_crash_twice_at_once; }
