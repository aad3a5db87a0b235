#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# FreeSWITCH's event socket with a real FreeSWITCH 1.10.12: the cases that
# test/bats/fp-health-esl.bats has for the stand-in.
#	FP_FREESWITCH_PREFIX=DIR test/run test/real/freeswitch.bats

bats_require_minimum_version 1.5.0

load freeswitch.bash

setup_file() {
	export FS_KIND=real
	fs_setup_file
}
setup() { fs_setup; }
teardown() { fs_teardown; }

@test "a healthy one: its figures, its run, its clock" { case_healthy; }
@test "paused: WARNING and refusing, until it is resumed" { case_paused; }
@test "paused one way: pause_check alone would not tell" { case_paused_one_way; }
@test "full, and nearly full" { case_full; }
@test "idle CPU below its minimum" { case_idle_cpu; }
@test "passwords: wrong, from a file, a file that others can read" { case_passwords; }
@test "its ACL does not let us in" { case_acl; }
@test "a frozen process accepts and says nothing" { case_frozen; }
@test "a killed one refuses" { case_killed; }
@test "another run has another Core-UUID" { case_other_run; }
@test "it has another name than the cluster file says" { case_other_name; }
@test "OPTIONS: 200, and 503 when paused" { case_options; }
@test "gateways, and fp-health peers" { case_gateways; }
@test "fp-health check: its exit status" { case_check; }
@test "watched: one connection, heartbeats are news" { case_watched; }
@test "watched: a killed one is news, and comes back with another run" { case_watched_killed; }
@test "watched: a crash is news at once" { case_watched_crash; }
@test "watched: a frozen one, and its thaw" { case_watched_frozen; }
