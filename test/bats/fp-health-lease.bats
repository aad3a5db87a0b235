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

# ---- what was lost

# Between a steerer and the MI of sip1: while there is a file "drop", commands that
# set something are lost; "dropreply": their answers.
lossy() {
	cat >lossy.py <<-'END'
		import os, socket
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.bind(("127.0.1.9", 8080))
		open("lossy.up", "w").close()
		while True:
		    data, peer = s.recvfrom(65536)
		    sets = b"ds_set_state" in data or b"lb_status" in data
		    if sets and os.path.exists("drop"):
		        continue
		    up = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		    up.settimeout(2)
		    up.bind(("127.0.1.9", 0))
		    up.sendto(data, ("127.0.1.1", 8080))
		    try:
		        reply = up.recv(65536)
		        if not (sets and os.path.exists("dropreply")):
		            s.sendto(reply, peer)
		    except OSError:
		        pass
		    up.close()
	END
	python3 lossy.py 3>&- 4>&- 7>&- 8>&- &
	st_pids+=($!)
	sed -i 's#fp_mi=udp:127.0.1.1:8080#fp_mi=udp:127.0.1.9:8080#' cluster.ini
	os_wait 10 test -e lossy.up
}

@test "commands that are lost are no operator's word" {
	lossy
	touch drop
	st_start ctl1 --settle 1s -t 500ms
	{ all_well; rec fs1 sip CRITICAL; alive; } >&7
	os_wait 10 heard ctl1.out 'sip1	dispatcher	.*	disable	.*	no$'
	stays 3500 is ds 1 1 Active # past --settle
	rm drop
	os_wait 15 is_out 1
	run ! heard ctl1.out let-go
}

@test "a change whose answer was lost is told as one" {
	lossy
	touch dropreply
	st_start ctl1 --settle 1s -t 500ms
	{ all_well; rec fs1 sip CRITICAL; alive; } >&7
	os_wait 15 heard ctl1.out 'sip1	dispatcher	.*	disable	it was done, the answer was lost.*	yes$'
	rec fs1 sip OK >&7
	os_wait 15 heard ctl1.out 'sip1	dispatcher	.*	enable	it was done, the answer was lost.*	yes$'
	os_wait 15 is_in 1
	run ! heard ctl1.out let-go
}

@test "a controller that died between its lease and the command" {
	pg_sql "insert into fastpath.lease (proxy, kind, dest_set, uri, owner,
		since, until, epoch, why) values ('sip1', 'dispatcher', '1',
		'sip:127.0.2.1:5060', 'ctl9', now() - interval '99 s', now(),
		nextval('fastpath.epoch'), 'dead')"
	st_start ctl1 --settle 1s
	{ all_well; rec fs1 sip CRITICAL; alive; } >&7
	os_wait 10 is_out 1
	run ! heard ctl1.out let-go
}

# expired_lease: fs1 is out by one of ctl9 that expired
expired_lease() {
	os_wait 10 st_disable 1 1
	pg_sql "insert into fastpath.lease (proxy, kind, dest_set, uri, dest_id,
		owner, since, until, epoch, is_confirmed, why)
		select 'sip1', kind, '1', 'sip:127.0.2.1:5060', id, 'ctl9',
		now() - interval '99 s', now(), nextval('fastpath.epoch'), true,
		'dead' from (values ('dispatcher', -1), ('load_balancer', 1))
		v (kind, id)"
}

@test "an expired lease is undone only on knowledge" {
	local ask=("$FP_BUILD/fp-health" steer --settle 1s)

	expired_lease
	# of others, or nothing was said of it: not touched
	{ all_well; alive; } >in
	run -0 --separate-stderr "${ask[@]}" -N fs2 <in
	[ -z "$output" ]
	{ well fs2 fs3; alive; } >in
	run -0 --separate-stderr "${ask[@]}" <in
	[ -z "$output" ]
	[ "$(pg_sql 'select distinct owner from fastpath.lease')" = ctl9 ]
	# not known: held
	{ well fs2 fs3; rec fs1 sip UNKNOWN; alive; } >in
	run -0 --separate-stderr "${ask[@]}" <in
	[ "$(grep -c '	take-over	the lease of ctl9 expired, and whether fs1' <<<"$output")" = 2 ]
	is ds 1 1 Inactive
	is lb 1 1 no
	{ all_well; alive; } >in
	run -0 --separate-stderr "${ask[@]}" <in
	is_in 1
	has_leases 0
}

@test "a destination that cannot be mapped now is left alone" {
	expired_lease
	# its node could be another one as well
	sed -i '/^fs1 /a fs9 ansible_host=127.0.2.1 fp_sip=udp:127.0.2.1:5060' \
		cluster.ini
	{ all_well; well fs9; alive; } >in
	run -0 --separate-stderr "$FP_BUILD/fp-health" steer --settle 1s <in
	[ -z "$output" ]
	[[ $stderr == *'leads to fs1 and to fs9 alike: left alone'* ]]
	# or one whose name has no address now
	sed -i '/^fs9 /d; s/^fs1 .*/fs1 fp_sip=udp:fs1.invalid:5060/' cluster.ini
	{ all_well; alive; } >in
	run -0 --separate-stderr "$FP_BUILD/fp-health" steer --settle 1s -t 1s <in
	[ -z "$output" ]
	[[ $stderr == *'a name has no address now: left alone'* ]]
	is ds 1 1 Inactive
	has_leases 2
	# of no node, and that is known
	sed -i '/^fs1 /d' cluster.ini
	run -0 --separate-stderr "$FP_BUILD/fp-health" steer --settle 1s <in
	[ "$(grep -c '	enable	it leads to no node' <<<"$output")" = 2 ]
	is ds 1 1 Active
}

@test "rows that fp_db lost are written again, by the next run too" {
	st_start ctl1 --lease 30s
	{ all_well; rec fs1 sip CRITICAL; alive; } >&7
	os_wait 10 is_out 1
	pg_sql 'delete from fastpath.lease'
	os_wait 10 has_leases 6
	heard ctl1.err 'the lease of sip:127.0.2.1:5060 was lost, written again'
	kill -s TERM "$st_pid"
	wait "$st_pid"
	pg_sql 'delete from fastpath.lease'
	st_start ctl1 --lease 30s
	{ all_well; alive; } >&7
	os_wait 10 is_in 1
	os_wait 5 has_leases 0
	# what an operator disabled is said, and stays
	os_wait 10 st_disable 2 2
	os_wait 10 heard ctl1.err "sip2: dispatcher 1 sip:127.0.2.2:5060 .fs2 is well. is disabled, by nobody's lease"
	stays 500 is ds 2 2 Inactive
}

@test "leases of a proxy that is not in the file any more are said" {
	expired_lease
	sed -i 's/^sip1 /edge1 /' cluster.ini
	{ all_well; alive; } >in
	run -0 --separate-stderr "$FP_BUILD/fp-health" steer --settle 1s <in
	[[ $stderr == *'sip1 is no OpenSIPS of the cluster file, and 2 of its destinations are disabled by leases'*'ds_set_state a 1 sip:127.0.2.1:5060'*"delete from fastpath.lease where proxy = 'sip1'"* ]]
}

@test "a reload that forgets states is no operator's word" {
	st_start ctl1 --settle 1s --max-down 70
	{ all_well; rec fs1 sip CRITICAL; rec fs2 sip CRITICAL; alive; } >&7
	os_wait 10 is_out 1
	os_wait 10 is_out 2
	os_wait 10 are_confirmed 12
	os_ask 1 ds_reload '{"inherit_state":"n"}'
	os_wait 10 heard ctl1.out 'sip1	dispatcher	.*fs1	disable	set 1 of sip1 was reloaded'
	os_wait 10 is_out 1
	os_wait 10 is_out 2
	run ! heard ctl1.out let-go
}

# of sip1, by address: states of all that are there, 127.0.2.1's
twins_ds() {
	st_list 1 ds_list | sed 's/^result //' | jq -r '.PARTITIONS[].SETS[]
		| select(.id == 1).Destinations[]
		| select(.URI == "sip:127.0.2.1:5060").state' | tr '\n' ' '
}
twins_lb() {
	os_ask 1 lb_list | sed 's/^result //' | jq -r '.Destinations[]
		| select(.uri == "sip:127.0.2.1:5060")
		| "\(.id)=\(.enabled)"' | tr '\n' ' '
}
anew() { # sip1 reads its tables
	os_kill 1
	os_start 1
	declare -p os_pid os_peers OS_DIR | sed 's/^declare /&-g /' >"$ST_DIR/vars"
	os_wait 20 os_answers 1
}
twins() { [ "$("twins_$1")" = "$2" ]; }

@test "the same URI twice in a set" {
	local db=$OS_DIR/1/db

	cp "$db/dispatcher" "$db/load_balancer" .
	echo '50:1:sip\:127.0.2.1\:5060::0:1:7:0:dup:dup' >>"$db/dispatcher"
	echo '50:1:sip\:127.0.2.1\:5060:calls=7:2::dup' >>"$db/load_balancer"
	anew
	os_wait 10 twins ds 'Active Active '
	twins lb '1=yes 50=yes '
	st_start ctl1 --settle 1s --max-down 80
	{ all_well; rec fs1 sip CRITICAL; alive; } >&7
	os_wait 10 twins lb '1=no 50=no '
	os_wait 10 heard ctl1.out 'sip1	dispatcher	.*	held	.*more than once'
	stays 1500 twins ds 'Active Active '
	twins lb '1=no 50=no '
	rec fs1 sip OK >&7
	os_wait 10 twins lb '1=yes 50=yes '
	os_wait 5 has_leases 0
	[ "$(grep -c 'sip1	dispatcher' ctl1.out)" -le 2 ] # said once for each
	cp dispatcher load_balancer "$db"
	anew
}

@test "a holder that is stopped loses the lock; when it wakes it stands by" {
	local first

	st_start ctl1
	first=$st_pid
	{ all_well; alive; rec fs1 sip CRITICAL; } >&7
	os_wait 10 is_out 1
	kill -s STOP "$first"
	st_start ctl2
	{ all_well; alive; } >&8
	os_wait 10 heard ctl2.err 'standby: .*ctl1'
	is_out 1
	os_wait 30 is_in 1
	heard ctl2.err 'ctl1, pid .* did nothing any more: its session with fp_db is ended'
	kill -s CONT "$first"
	rec fs2 sip CRITICAL >&7
	os_wait 15 heard ctl1.err 'standby: .*ctl2'
	is_in 2
}

@test "nobody reads stdout: routing follows all the same" {
	local i long

	mkfifo full
	exec 9<>full
	head -c 65536 /dev/zero >full
	(steer ctl1 --lease 3s --settle 6s -t 2s) <ctl1.in >full 2>ctl1.err \
		3>&- 4>&- 7>&- 8>&- 9>&- &
	st_pids+=($!)
	{ all_well; alive; rec fs1 sip CRITICAL; } >&7
	os_wait 10 is_out 1
	rec fs1 sip OK >&7
	os_wait 10 is_in 1
	# what waits is bounded: one that is held, for ever new reasons
	{ rec fs1 sip CRITICAL; rec fs2 sip CRITICAL; } >&7
	os_wait 10 is_out 1
	long=$(printf 'long%.0s' {1..56})
	for i in {1..60}; do
		rec fs2 sip CRITICAL "$((i % 2))" | sed "s/:0,/:false,/
			s/:1,/:true,/; s/said/$i $long/"
		sleep 0.15
		! heard ctl1.err 'nobody reads' || break
	done >&7
	os_wait 10 heard ctl1.err 'nobody reads stdout: records are dropped'
	exec 9>&-
}

@test "old records are taken in, and nothing is done because of them" {
	local old

	st_start ctl1 --lease 60s
	{ all_well; alive 1000; } >&7
	os_wait 10 heard <(sleep 0.3; pg_sql "select 'held' from pg_locks
		where locktype = 'advisory'") held
	kill -s STOP "$st_pid"
	old=$(date -u -d '1 hour ago' +%FT%TZ)
	{
		rec fs1 sip CRITICAL
		for _ in {1..200}; do
			echo "{\"type\":\"alive\",\"at\":\"$old\",\"interval_ms\":1000}"
		done
	} >&7
	sleep 3.2
	kill -s CONT "$st_pid"
	os_wait 10 heard ctl1.err 'what the watcher says is 36.* s old: everything stays as it is'
	is_in 1
	# the watcher speaks again
	echo "{\"type\":\"alive\",\"at\":\"$(date -u +%FT%TZ)\",\"interval_ms\":600000}" >&7
	os_wait 10 is_out 1
}

@test "--override lock: when fp_db is back, its lock and its leases" {
	pg_stop
	st_start ctl1 --override lock
	{ all_well; rec fs1 sip CRITICAL; alive; } >&7
	os_wait 10 is_out 1
	pg_start
	os_wait 20 heard ctl1.err 'fp_db is back'
	os_wait 5 has_leases 6
	# it is the one that steers, and others wait
	st_start ctl2
	{ all_well; alive; } >&8
	os_wait 10 heard ctl2.err 'standby: .*ctl1'
	rec fs1 sip OK >&7
	os_wait 10 is_in 1
	os_wait 5 has_leases 0
}

@test "--override lock: fp_db is back, and another one steers" {
	local first

	pg_stop
	st_start ctl1 --override lock
	first=$st_pid
	{ all_well; rec fs1 sip CRITICAL; alive; } >&7
	os_wait 10 is_out 1
	kill -s STOP "$first"
	pg_start
	st_start ctl2
	{ all_well; rec fs2 sip CRITICAL; alive; } >&8
	os_wait 10 is_out 2
	kill -s CONT "$first"
	os_wait 20 heard ctl1.err 'standby: .*ctl2'
	heard ctl1.err '6 destinations that were disabled without it stay so'
	rec fs3 sip CRITICAL >&7 # nobody asks it
	stays 1200 is_in 3
	# and when it steers they are its own
	kill -s TERM "$st_pid"
	os_wait 15 heard ctl1.err 'this controller steers'
	rec fs1 sip OK >&7
	os_wait 15 is_in 1
}

@test "--override lock is for fp_db that is away, not for another schema" {
	pg_sql 'update fastpath.meta set version = 99'
	{ all_well; rec fs1 sip CRITICAL; alive; } >in
	run -3 "$FP_BUILD/fp-health" steer --override lock <in
	[[ $output != *'--override'* && $output == *'version 99'* ]]
	run -3 "$FP_BUILD/fp-health" steer <in
	[[ $output != *'--override'* && $output == *'version 99'* ]]
	pg_sql 'update fastpath.meta set version = 1'
	is_in 1
}
