#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What goes wrong while fp-recover brings calls up, on the stand-in.  The cases are
# those of test/real/recover-faults.bash.
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

@test "the event socket is cut in a batch" { case_cut; }
@test "the event socket is away for long" { case_cut_long; }
@test "far ends are silent, or have no such call" { case_far_ends; }
@test "the job is taken over while its calls are proven" { case_taken_over; }
@test "a controller wakes late: what another brought up stays" { case_woken_late; }
@test "ports are held by live calls of the target" { case_ports; }
@test "a port is taken meanwhile" { case_port_meanwhile; }
@test "the old run comes back" { case_comes_back; }
@test "a signal" { case_interrupted; }
@test "a leg whose port is not to be had, beside one that is up" { case_half; }
@test "two legs that nobody bridged are" { case_stuck_cured; }
