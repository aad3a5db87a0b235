#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-recover failover, list, preflight, unfence, on the stand-in.  The cases are those
# of test/real/recover-failover.bash.
# shellcheck disable=SC2034,SC2154 # bats' variables, and those of what is loaded

bats_require_minimum_version 1.5.0

load ../real/recover-failover.bash

setup_file() {
	export FS_KIND=stand-in
	fo_setup_file
}
teardown_file() { rec_teardown_file; }
setup() { rec_setup; }
teardown() { rec_teardown; }

@test "a crash: calls of all kinds come up at two nodes, once each" { case_fo_split; }
@test "another host's calls in the same table" { case_fo_other_host; }
@test "a crash and a restart: at the host itself; onto another" { case_fo_restart; }
@test "the target dies, too" { case_fo_second_hop; }
@test "a paused target" { case_fo_paused; }
@test "a port that a live call holds" { case_fo_ports; }
@test "ports for recovered calls" { case_fo_recovery_ports; }
@test "legs whose partner has no row: ended, left alone" { case_fo_orphans; }
@test "legs whose partner has no row: dialled again" { case_fo_redial; }
@test "applications that must not run twice" { case_fo_one_leg; }
@test "a restarted node is unfenced" { case_fo_unfence; }
