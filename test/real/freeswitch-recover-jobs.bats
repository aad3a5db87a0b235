#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Jobs of fp-recover that end in the middle, and go on; on real FreeSWITCH.  The cases
# are those of test/real/recover-jobs.bash.
# shellcheck disable=SC2034,SC2154 # bats' variables, and those of what is loaded

bats_require_minimum_version 1.5.0

load recover-jobs.bash

setup_file() {
	export FS_KIND=real
	jobs_setup_file
}
teardown_file() { rec_teardown_file; }
setup() { jobs_setup; }
teardown() { rec_teardown; }

@test "two controllers at once: one of them, and no call twice" { case_two; }
@test "a controller that was stopped wakes too late" { case_woken; }
@test "abort: rows that were taken are back, byte for byte" { case_abort; }
@test "abort: rows that were put are back, unless their target is silent" { case_abort_put; }
@test "abort: what had come up stays" { case_abort_asked; }
@test "a drain that died: failover of its node has its rows" { case_drain; }
@test "a drain that died: resume" { case_drain_resume; }
@test "a drain that died, waiting: its node takes new calls again" { case_drain_paused; }
@test "a take that died: resume" { case_take; }
@test "a take that died, and then its node: failover" { case_take_crash; }
@test "a take that died at once, and then its node: resume" { case_take_crash_early; }
@test "a node that crashed twice: one run, and the other" { case_crash_twice; }
@test "a node that crashed twice: both" { case_crash_twice_at_once; }
@test "controller and target die: no call comes up twice" { case_target_dies; }
@test "a job goes on with another --to: what had come up stays" { case_other_target; }
@test "a job goes on with --to auto: its target is dead" { case_auto; }
@test "--wait: the restart is the proof" { case_wait; }
@test "a frozen node is silent: --fence ends it" { case_frozen; }
