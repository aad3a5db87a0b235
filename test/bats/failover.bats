#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# examples/failover: two controllers that run fp-failover, over stand-ins of OpenSIPS and
# FreeSWITCH with SIPp at both ends and a real PostgreSQL; what is lost is a node, a
# controller, fp_db, an observer's sight.  How often each end was told is counted there.
# shellcheck disable=SC2154 # bats' own variables

bats_require_minimum_version 1.5.0

load ../lab/failover.bash

setup_file() {
	unset FP_OPENSIPS_PREFIX FP_FREESWITCH_PREFIX
	command -v jq >/dev/null || skip 'no jq'
	rr_setup_file
}
teardown_file() { rr_teardown_file; }
setup() { rr_setup; }
teardown() {
	fo_stop
	pg_thaw 2>/dev/null || :
	fs_down
	rr_teardown
}

# once: each end of each call was told exactly once, of a node that is not the first
once() {
	[ -z "$(rh_contacts | grep '127\.0\.1\.1 ')" ] && [ -z "$(rh_invites uac | not_once)" ] &&
		[ -z "$(rh_invites uas | not_once)" ]
}
not_once() { awk '{ n[$1]++ } END { for (c in n) if (n[c] != 1) print c, n[c] }'; }
# moved N: so many calls are told of a new node, at both ends
moved() {
	within 40 told "$1" || {
		cat ctl*.err
		rh_contacts
		return 1
	}
}
told() {
	[ "$(rh_invites uac | cut -d ' ' -f 1 | sort -u | wc -l)" = "$1" ] &&
		[ "$(rh_invites uas | cut -d ' ' -f 1 | sort -u | wc -l)" = "$1" ]
}
# stamp TO FILE...: lines as they come, with the time, to file TO
stamp() {
	tail -q -n 0 -f "${@:2}" 3>&- 4>&- > >(
		exec 3>&- 4>&-
		while read -r line; do
			echo "$EPOCHREALTIME $line"
		done >"$1"
	) &
	rr_pids+=($!)
}

@test "an edge and a FreeSWITCH die at once: dialogs first, each call once; it comes back" {
	rr_up 6
	fs_up "$PWD/fs" 3
	calls 3
	rows_are 6
	fo_cluster
	stamp edge.times os/sipp/uac-*.log
	stamp media.times fs/sipp/uac-*.log
	fo_start 1 && fo_start 2
	fo_watches
	rh_kill 1
	fs_kill 1
	moved 6
	said '?' 'fs1: fp-recover failover: .*fence ok, 3 moved'
	said '?' 'sip1: fp-rehome failover: .*fence ok, 6 moved, 0 had ended, 0 lost, job '
	once
	sort -u fenced | xargs | grep -qx 'fs1 sip1'
	rows_are 6 "hostname <> 'fs1'"
	are_held uac 3 && are_held uas 3
	# the last of the dialogs before the first of FreeSWITCH's calls
	last=$(awk '$2 == "invited" { print $1 }' edge.times | tail -n 1)
	first=$(awk '$2 == "invited" { print $1 }' media.times | head -n 1)
	echo "dialogs until $last, calls from $first"
	[ -n "$last" ] && [ "${last/./}" -lt "${first/./}" ]
	# nothing is said twice, and nothing is done to what is back
	rh_restart 1
	said '?' 'sip1: .*; type: fp-rehome join sip1 --wait 1m && fp-rehome activate sip1'
	once
	[ -z "$(sort ctl1.err | grep '^fp-failover' | uniq -d)" ]
}

@test "kill -9 of the controller that acts: the other ends it" {
	rr_up 14
	fo_cluster
	fo_start 1 'REHOME_OPTIONS=--to auto -t 2s --rate 4'
	fo_watches
	rh_kill 1
	within 20 invited 3
	fo_start 2
	fo_signal KILL 1
	moved 14
	said 2 'sip1: fp-rehome failover: .* 0 lost, job '
	# what was under way has no verdict, and is asked again: at most a window
	[ "$(twice | wc -l)" -le 8 ]
	[ "$(pg_sql "select count(*) from fastpath.job where state <> 'done'")" = 0 ]
}

@test "the controller that acts is stopped, and goes on when the other has done it" {
	rr_up 14
	fo_cluster
	fo_start 1 'REHOME_OPTIONS=--to auto -t 2s --rate 4'
	fo_watches
	rh_kill 1
	within 20 invited 3
	fo_signal STOP 1
	fo_start 2
	# as its session would be after half a minute
	pg_sql "select pg_terminate_backend(pid) from pg_stat_activity
		where application_name like '%rehome%'" >/dev/null
	moved 14
	said 2 'sip1: fp-rehome failover: .* 0 lost, job '
	n=$(rh_invites uac | wc -l)
	fo_signal CONT 1
	said 1 'sip1: fp-rehome failover: .*(0 moved|left to another|another controller had done it)|fp-health .*ended'
	[ "$(rh_invites uac | wc -l)" = "$n" ]
	[ "$(twice | wc -l)" -le 8 ]
}

@test "fp_db is frozen while a node dies: moved once, when it is back" {
	rr_up 6
	fo_cluster
	fo_start 1 && fo_start 2
	fo_watches
	pg_freeze
	rh_kill 1
	said '?' 'sip1: fp-rehome failover: .*exit status 4'
	told 0
	pg_thaw
	moved 6
	said '?' 'sip1: fp-rehome failover: .*6 moved'
	once
}

@test "frozen: rehearsed, refused by FENCE, then moved" {
	rr_up 6
	fo_cluster
	os_signal STOP 1
	export REHOME_OPTIONS='--to auto -t 1s --wait 0s'
	fo_start 1 REHEARSE=yes
	said 1 'a rehearsal: nothing is touched'
	said 1 'sip1: rehearsal, nothing is touched: fp-rehome failover: mi CRITICAL.*: FENCE not run, would move 6$'
	run ! grep -q '^fp-health: .*steer' ctl1.err
	kill -s TERM "${fo_pid[1]}"
	wait "${fo_pid[1]}"
	grep -q 'told to end' ctl1.err
	[ ! -s fenced ]
	[ "$(pg_sql 'select count(*) from fastpath.job')" = 0 ]
	fo_start 1 FENCE='echo no route to it; exit 1'
	said 1 'sip1: fp-rehome failover: .*exit status 5: fence exit status 1 no route to it'
	told 0
	[ "$(rh_owner sip1.0)" = '' ] || [ "$(rh_owner sip1.0)" = 1 ]
	fo_signal KILL 1
	: >"$OS_DIR/1/dead"
	fo_start 1
	moved 6
	once
	[ "$(cat fenced)" = sip1 ]
}

@test "one observer of three does not see it, or all of a group is gone: nothing" {
	rr_up 4
	fo_cluster
	cp "$FP_CLUSTER" all.ini
	printf '[observers]\nctl2 ansible_host=127.0.0.2\nwitness ansible_host=127.0.0.3\n' |
		cat - all.ini >"$FP_CLUSTER"
	# where this one looks for sip1 nobody is
	sed -i 's/^\(sip1 .*\)fp_mi=udp:127.0.1.1:8080/\1fp_mi=udp:127.0.1.9:8080/' "$FP_CLUSTER"
	printf '#!/bin/sh\nexec "%s/fp-health" watch --json -C "%s" --only mi --interval 200ms -t 600ms\n' \
		"$FP_BUILD" "$PWD/all.ini" >ssh
	chmod +x ssh
	fo_start 1 OBSERVERS=ctl2,witness "WATCH_OPTIONS=--only mi --interval 200ms
		-t 600ms --rise 1 --ssh-command ./ssh --no-ssh-config"
	fo_watches
	sleep 3
	run ! grep -q 'sip1: .*begins' ctl1.err
	fo_signal KILL 1
	cp all.ini "$FP_CLUSTER"
	# by itself it believes its own eyes; but two of three may be its link
	fo_start 2
	fo_watches
	os_signal STOP 2
	os_signal STOP 3
	said 2 'sip[23]: .*nothing is moved: 2 of 3 are down, it may be us'
	told 0
	[ ! -s fenced ]
}

# ---- what stands around it

@test "the unit, the defaults and the cluster file are as they say" {
	local examples=$BATS_TEST_DIRNAME/../../examples/failover name

	cd "$examples"
	if command -v systemd-analyze >/dev/null; then
		sed "s|/usr/local/sbin/fp-failover|$PWD/fp-failover|" \
			fp-failover.service >"$BATS_TEST_TMPDIR/fp-failover.service"
		run -0 systemd-analyze verify --man=no \
			"$BATS_TEST_TMPDIR/fp-failover.service"
		[ -z "$output" ]
		run -0 systemd-analyze security --offline=true --threshold=30 \
			--no-pager fp-failover.service
	fi
	# each variable that the script reads is explained, and no other
	for name in $(grep -oE '^(# )?[A-Z_]+=' fp-failover.default | tr -d '# ='); do
		[ "$name" = FP_CLUSTER ] || grep -qE "\\$\{?$name\b" fp-failover fp-failover.work
	done
	for name in $(grep -oE '\$\{(HOLD|FENCE|OBSERVERS|MAX_DOWN|RE[A-Z]+|[A-Z]+_OPTIONS)\b' \
		fp-failover fp-failover.work | sed 's/.*{//' | sort -u); do
		grep -qE "^$name=" fp-failover.default
	done
	run -3 --separate-stderr "$FP_BUILD/fp-health" check -C cluster.ini \
		--only sip --timeout 100ms
	[[ $stderr != *cluster.ini:* ]]
	run -2 env -u FENCE ./fp-failover
	[[ $output == *'FENCE is not set'* ]]
}
