#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-health steer with real OpenSIPS 3.6: the cases of
# test/bats/fp-health-steer.bats, and what a stand-in cannot show.
#	FP_OPENSIPS_PREFIX=DIR test/run test/real/opensips-steer.bats

bats_require_minimum_version 1.5.0

load steer.bash

setup_file() {
	[ -n "${FP_OPENSIPS_PREFIX:-}" ] ||
		skip "FP_OPENSIPS_PREFIX does not say where OpenSIPS is"
	st_setup_file
}
teardown_file() { st_teardown_file; }
setup() { st_setup; }
teardown() { st_teardown; }

@test "out and in again, on all proxies, without flapping" { case_follows; }
@test "kill -9 of a backend and its return, as watch sees it" { case_watch; }
@test "rtpengine; the last one stays" { case_rtpengine; }
@test "maintenance is out, unknown is left alone, refusing is out" { case_maintenance; }
@test "--max-down" { case_guards; }
@test "what an operator disabled or enabled stays so" { case_operator; }
@test "--dry-run, and a second run that changes nothing" { case_dry_run; }
@test "kill -9 of the steerer: another one undoes" { case_killed; }
@test "kill -9 of the steerer: another one takes over" { case_take_over; }
@test "a proxy that starts anew is told again" { case_restart; }
@test "a late reply to a probe does not bring it back" { case_late_probe; }
