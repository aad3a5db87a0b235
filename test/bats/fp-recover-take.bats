#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-recover take and drain, on the stand-in.  The cases are those of
# test/real/recover-take.bash.
# shellcheck disable=SC2034,SC2154 # bats' variables, and those of what is loaded

bats_require_minimum_version 1.5.0

load ../real/recover-take.bash

setup_file() {
	export FS_KIND=stand-in
	take_setup_file
}
teardown_file() { rec_teardown_file; }
setup() { rec_setup; }
teardown() { rec_teardown; }

@test "take: a bridged call, there and back, billed once" { case_take_bridge; }
@test "take: a controller wakes late, and touches nothing" { case_take_woken; }
@test "take: a room, and a leg alone" { case_take_room; }
@test "take: a BYE is refused, and all is as it was" { case_take_first_refused; }
@test "take: the second is, and the first leg comes back" { case_take_second_refused; }
@test "take: what it is not told well" { case_take_words; }
@test "drain: a node is emptied, without a BYE" { case_drain; }
@test "drain: what would be lost" { case_drain_lost; }
