#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-health steer: who steers, and what becomes of what was disabled: controllers
# that die, wait, are blind or without fp_db (fp-health-steer.bats has the rest).
# shellcheck disable=SC2154 # bats' variables

bats_require_minimum_version 1.5.0

load ../real/steer.bash

setup_file() {
	unset FP_OPENSIPS_PREFIX
	st_setup_file
}
teardown_file() { st_teardown_file; }
setup() { st_setup; }
teardown() { st_teardown; }

@test "kill -9 of the steerer: another one undoes" { case_killed; }
@test "kill -9 of the steerer: another one takes over" { case_take_over; }
@test "two at once: the other one waits" { case_standby; }
@test "fp_db is frozen: nothing is changed" { case_db_frozen; }
@test "a watcher that is silent: nothing is changed, another may" { case_stale; }
@test "a late reply to a probe does not bring it back" { case_late_probe; }
@test "a proxy that starts anew is told again" { case_restart; }

@test "sessions of fp_db are cut: it connects anew" {
	st_start ctl1
	{ all_well; rec fs1 sip CRITICAL; alive; } >&7
	os_wait 10 is_out 1
	pg_cut
	rec fs1 sip OK >&7
	os_wait 15 is_in 1
	os_wait 5 has_leases 0
}

@test "one-shot while another one steers: try again" {
	st_start ctl1
	{ all_well; alive; } >&7
	os_wait 10 heard <(sleep 0.3; pg_sql "select 'held' from pg_locks
		where locktype = 'advisory'") held
	{ all_well; rec fs1 sip CRITICAL; alive; } >in
	run -4 --separate-stderr "$FP_BUILD/fp-health" steer <in
	[[ $stderr == *'standby: '*'ctl1'* ]]
	is_in 1
	# to look there is no need to wait
	run -1 --separate-stderr "$FP_BUILD/fp-health" steer -n <in
}

@test "a pooler in transaction mode: it does not start" {
	pg_pooler transaction
	sed -i "s|^fp_db=.*|fp_db=\"$(pg_conninfo ctl fastpath 6433)\"|" cluster.ini
	{ all_well; rec fs1 sip CRITICAL; alive; } >in
	run -5 --separate-stderr "$FP_BUILD/fp-health" steer <in
	[[ $stderr == *'refused by rule pooler: '* ]]
	is_in 1
}
