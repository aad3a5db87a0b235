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

@test "a drain that died: failover of its node has its rows" { case_drain; }
@test "a drain that died: resume" { case_drain_resume; }
@test "a drain that died, waiting: its node takes new calls again" { case_drain_paused; }
@test "a take that died: resume" { case_take; }
@test "a take that died, and then its node: failover" { case_take_crash; }
@test "a take that died at once, and then its node: resume" { case_take_crash_early; }
@test "a frozen node is silent: --fence ends it" { case_frozen; }
