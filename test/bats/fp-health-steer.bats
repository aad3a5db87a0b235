#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-health steer: routing follows; with stand-ins of OpenSIPS (the cases that real
# ones pass too, test/real/opensips-steer.bats) and a real PostgreSQL.
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

@test "out and in again, on all proxies, without flapping" { case_follows; }
@test "kill -9 of a backend and its return, as watch sees it" { case_watch; }
@test "rtpengine; the last one stays" { case_rtpengine; }
@test "maintenance is out, unknown is left alone, refusing is out" { case_maintenance; }
@test "--max-down" { case_guards; }
@test "what an operator disabled or enabled stays so" { case_operator; }
@test "--dry-run, and a second run that changes nothing" { case_dry_run; }
@test "a destination that could be two nodes is left alone" { case_ambiguous; }

# ---- what it takes

@test "without fp_db it does not start, unless a person says so" {
	sed -i '/fp_db/d' cluster.ini
	{ all_well; rec fs1 sip CRITICAL; alive; } >in
	run -5 "$FP_BUILD/fp-health" steer <in
	[[ $output == *'refused by rule lock: '*'has no fp_db'*'--override lock'* ]]
	is_in 1
	run -0 --separate-stderr "$FP_BUILD/fp-health" steer --override lock \
		--settle 1s --json <in
	is_out 1
	[[ ${lines[-1]} == '{"type":"summary","changed":true,"changes":6,'* ]]
	[[ $stderr == *'6 stay disabled, and without fp_db nobody knows'* ]]
}

@test "fp_db is away: it does not start" {
	{ all_well; alive; } >in
	pg_stop
	run -5 "$FP_BUILD/fp-health" steer <in
	[[ $output == *'refused by rule lock: fp_db: '* ]]
	run -0 "$FP_BUILD/fp-health" steer --override lock <in
	[[ $output == *'going on without it'* ]]
	pg_start
}

@test "one-shot: what was told before the end of the input is done" {
	{ all_well; rec fs1 sip CRITICAL; alive; } >in
	run -0 --separate-stderr "$FP_BUILD/fp-health" steer --json --lease 3s \
		--settle 1s <in
	is_out 1
	[[ $stderr == *'their leases end within 3s'* ]]
	run -0 --separate-stderr "$FP_BUILD/fp-health" steer --json --settle 1s <in
	[[ $output == *'"type":"summary","changed":false,"changes":0'* ]]
	# without a word that the watcher told all: nothing
	{ all_well; } >in
	run -4 --separate-stderr "$FP_BUILD/fp-health" steer <in
	[ -z "$output" ]
	[[ $stderr == *'no watcher said that it lives'* ]]
	run -4 --separate-stderr "$FP_BUILD/fp-health" steer </dev/null
	is_out 1
	{ all_well; alive; } >in
	run -0 --separate-stderr "$FP_BUILD/fp-health" steer --settle 1s <in
	is_in 1
	has_leases 0
}

@test "one-shot: a proxy that is silent is status 3" {
	{ all_well; rec fs1 sip CRITICAL; alive; } >in
	os_signal STOP 3
	run -3 --separate-stderr "$FP_BUILD/fp-health" steer --json -t 500ms \
		--settle 0s <in
	[[ ${lines[-1]} == *'"unread":1}' ]]
	os_signal CONT 3
}

@test "one-shot: a step that fails is status 3" {
	# the stand-in's MI takes readings alone
	sed -i 's#fp_mi=udp:127.0.1.1:8080#fp_mi=udp:127.0.1.9:8080#' cluster.ini
	python3 - 3>&- 4>&- 7>&- 8>&- <<-'END' &
	import socket
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.bind(('127.0.1.9', 8080))
	while True:
	    d, a = s.recvfrom(65536)
	    if b'ds_set_state' in d or b'lb_status' in d:
	        continue
	    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	    u.settimeout(2)
	    u.sendto(d, ('127.0.1.1', 8080))
	    s.sendto(u.recv(65536), a)
	    u.close()
	END
	st_pids+=($!)
	{ all_well; rec fs1 sip CRITICAL; alive; } >in
	run -3 --separate-stderr "$FP_BUILD/fp-health" steer --json -t 700ms \
		--settle 0s <in
	[[ $stderr == *'sip1: dispatcher'*'failed'* ]]
	is ds 2 1 Inactive
}

@test "SIGHUP: the cluster file is read again; what is gone is forgotten" {
	st_start ctl1
	{ all_well; alive; rec fs1 sip CRITICAL; } >&7
	os_wait 10 is_out 1
	# renamed, and watch was told so first
	sed -i 's/^fs1 /media1 /' cluster.ini
	{
		echo '{"type":"gone","node":"fs1"}'
		well media1
		alive
	} >&7
	stays 1000 is_out 1
	kill -s HUP "$st_pid"
	os_wait 10 heard ctl1.err 'cluster.ini is read again'
	os_wait 10 is_in 1
	# what does not parse changes nothing, nor does another fp_db
	echo '[broken' >>cluster.ini
	kill -s HUP "$st_pid"
	os_wait 10 heard ctl1.err 'all stays as it was: .*cluster.ini:'
	sed -i '/broken/d; s/^fp_db=.*/fp_db=service=other/' cluster.ini
	kill -s HUP "$st_pid"
	os_wait 10 heard ctl1.err 'has another fp_db'
	rec media1 sip CRITICAL >&7
	os_wait 10 is_out 1
}

@test "a node that is watched no more is left as it is" {
	st_start ctl1
	{ all_well; alive; rec fs1 sip CRITICAL; } >&7
	os_wait 10 is_out 1
	{ echo '{"type":"gone","node":"fs1"}'; rec fs2 esl CRITICAL; alive; } >&7
	os_wait 10 heard ctl1.out 'fs2	held'
	is_out 1
}

@test "a check that is watched no more says nothing of its node" {
	st_start ctl1
	{ all_well; rec fs1 esl CRITICAL; alive; } >&7
	os_wait 10 is_out 1
	echo '{"type":"gone","node":"fs1","check":"esl"}' >&7
	os_wait 10 is_in 1
}

@test "two values of fp_db are refused" {
	sed -i '/^fp_db=/d; s/^fs1 .*/& fp_db=service=a/; s/^fs2 .*/& fp_db=service=b/' cluster.ini
	{ all_well; alive; } >in
	run -3 "$FP_BUILD/fp-health" steer <in
	[[ $output == *'fs1 and fs2 have different fp_db: there is one for all'* ]]
}

@test "-N: only these; --on: only these checks" {
	{ all_well; rec fs1 sip CRITICAL; rec fs2 sip CRITICAL; alive; } >in
	run -1 --separate-stderr "$FP_BUILD/fp-health" steer -n -N fs2 <in
	[[ $output == *'fs2	disable'* && $output != *'fs1	disable'* ]]
	run -0 --separate-stderr "$FP_BUILD/fp-health" steer -n --on esl <in
	[ -z "$output" ]
	{ all_well; rec fs1 sip-2 CRITICAL; alive; } >in
	run -1 --separate-stderr "$FP_BUILD/fp-health" steer -n --on sip <in
	[[ $output == *'fs1	disable	sip-2 CRITICAL: said'* ]]
}

@test "a proxy that is silent: the others are steered, and it is said" {
	st_start ctl1
	{ all_well; alive; } >&7
	os_signal STOP 3
	rec fs1 sip CRITICAL >&7
	os_wait 10 is ds 1 1 Inactive
	os_wait 10 is lb 2 1 no
	os_wait 10 heard ctl1.err 'sip3 cannot be asked'
	{ all_well; rec fs1 sip CRITICAL; alive; } >in
	run -3 "$FP_BUILD/fp-health" steer -n -t 500ms <in
	os_signal CONT 3
	os_wait 15 is_out 1
	rec fs1 sip OK >&7
	os_wait 10 is_in 1
}

@test "lines that are no records are said once and do no harm" {
	st_start ctl1
	{
		echo 'fs1 sip CRITICAL'
		echo '{"type":"transition","node":"fs1","check":"sip","to":"DEAD"}'
		head -c 200000 /dev/zero | tr '\0' x
		echo
		echo
		echo '{"type":"tomorrow","x":[1,2,{"y":null}]}'
		all_well
		rec fs1 sip CRITICAL
		alive
	} >&7
	os_wait 10 is_out 1
	[ "$(grep -c 'not what fp-health watch --json prints' ctl1.err)" = 1 ]
	heard ctl1.err 'a record of fs1: DEAD: no state'
}

@test "bad options are named" {
	local bad text

	while IFS='|' read -r bad text; do
		# shellcheck disable=SC2086 # words
		run -3 "$FP_BUILD/fp-health" steer $bad </dev/null
		[ "${#lines[@]}" = 1 ]
		[[ $output == *"$text"* ]] || { echo "$bad: $output"; false; }
	done <<-'END'
	--lease 1s|--lease 1s: at least 3s
	--lease x|--lease: "x"
	--max-down 101|--max-down 101
	--max-down x|--max-down x
	--settle 5|--settle: "5"
	--on sip,,esl|--on sip,,esl
	--format dns|--format dns
	fs1|steer reads records from stdin: fs1
	-o nosuch|nosuch
	-N nosuch|nosuch
	--format nsupdate|--zone
	--format nsupdate --zone z|--name
	--format nsupdate --zone z --name n;x|--name n;x
	--format nsupdate --zone z --name n --ttl x|--ttl x
	--format haproxy|--backend
	--format haproxy --backend a/b|--backend a/b
	--format haproxy --backend b --json|--json
	END
}
