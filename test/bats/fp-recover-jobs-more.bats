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

@test "a controller that was stopped wakes too late" { case_woken; }
@test "abort: rows that were put are back, unless their target is silent" { case_abort_put; }
@test "abort: what had come up stays" { case_abort_asked; }
@test "controller and target die: no call comes up twice" { case_target_dies; }
@test "a job goes on with another --to: what had come up stays" { case_other_target; }
@test "a job goes on with --to auto: its target is dead" { case_auto; }
@test "--wait: the restart is the proof" { case_wait; }
