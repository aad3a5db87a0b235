#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-sync push --stay: channels that stay, lists that follow their files, words
# that go by a socket; and what happens when something of it breaks.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' variables

bats_require_minimum_version 1.5.0

setup_file() {
	source test/bats/sync.bash
	sync_up 3
}

setup() {
	source test/bats/sync.bash
	sync_fresh
}

teardown() {
	cluster_stop stay
	cluster_stop other
}

teardown_file() {
	source test/bats/sync.bash
	sync_down
}

sock() { [ -S "$LAB_DIR/controller/state/sync/sock" ]; }

# said [N] TEXT: a line of push --stay, N times
said() {
	local n=1

	[ $# = 1 ] || { n=$1; shift; }
	[ "$(grep -c "$1" "$LAB_DIR/stay.log")" -ge "$n" ]
}

# stay [OPTION]...: run it until each node was visited
stay() {
	cluster_start stay controller "$FP_BUILD/fp-sync" push --stay \
		--lists "$lists" "$@"
	lab_wait 10 sock
}

stay_pid() { cut -d ' ' -f 1 "$LAB_DIR/pids/stay"; }

@test "lists follow their files" {
	put one 198.51.100.1
	stay
	lab_wait 5 verdict sip3 198.51.100.1 block
	put one 198.51.100.2
	lab_wait 3 verdict sip1 198.51.100.2 block
	lab_wait 3 verdict sip3 198.51.100.2 block
	verdict sip3 198.51.100.1 none
	fs 0 status
	printf '198.51.100.3\n' >"$lists/.one.new"
	mv "$lists/.one.new" "$lists/one.list"
	lab_wait 3 verdict sip2 198.51.100.3 block
	put two 198.51.100.9
	lab_wait 3 verdict sip2 198.51.100.9 block
}

@test "what cannot be read is said, and the lists before it hold" {
	put one 198.51.100.1
	stay
	lab_wait 5 said 3 ok
	put one nonsense
	lab_wait 3 said 'one.list:1: "nonsense" .* the lists before it hold'
	verdict sip1 198.51.100.1 block
	mv "$lists" "$lists.away"
	lab_wait 3 said 'is not there'
	verdict sip1 198.51.100.1 block
	mv "$lists.away" "$lists"
	put one 198.51.100.2
	lab_wait 12 verdict sip1 198.51.100.2 block
}

@test "an entry of a file ends at its nodes when it ends" {
	put one 198.51.100.1 "198.51.100.2 until=$(date -u -d '+3 sec' +%FT%TZ)"
	stay
	lab_wait 3 verdict sip1 198.51.100.2 block
	sleep 3.5
	fs 0 status
	rows 4 yes yes yes
}

@test "add and del go by its channels, within milliseconds" {
	put one 198.51.100.1
	stay
	lab_wait 5 said 3 ok
	[ "$(stat -c %a "$LAB_DIR/controller/state/sync/sock")" = 600 ]
	fs 0 add 203.0.113.7 --for 1h --json
	json '[.[0:3][] | [.state, .changed, .force]] | unique' '[["ok",1,true]]'
	json '[.[0:3][] | .ms < 300] | all' true
	for node in sip1 sip2 sip3; do verdict $node 203.0.113.7 block; done
	fs 0 add 203.0.113.7 --for 1h --json
	json '.[-1].changed' false
	fs 0 del 203.0.113.7
	for node in sip1 sip2 sip3; do verdict $node 203.0.113.7 none; done
	# to some of them alone, not by the channels
	fs 0 add 203.0.113.8 -N sip2
	verdict sip2 203.0.113.8 block
	verdict sip1 203.0.113.8 none
}

@test "a node that went away is said, visited again, and in step" {
	put one 198.51.100.1
	stay -t 1s
	lab_wait 5 said 3 ok
	cluster_kill_sshd sip2
	lab_wait 5 said sip2.*unreachable
	put one 198.51.100.2
	lab_wait 5 verdict sip1 198.51.100.2 block
	fs 3 add 203.0.113.7 -t 1s
	rows 1,3 'sip1\tok' 'sip2\tunreachable' 'sip3\tok'
	verdict sip2 203.0.113.7 none
	cluster_start_sshd sip2
	lab_wait 20 verdict sip2 203.0.113.7 block
	lab_wait 2 verdict sip2 198.51.100.2 block
	fs 0 status
}

@test "a node that is frozen does not hold up the others" {
	put one 198.51.100.1
	stay -t 1s
	lab_wait 5 said 3 ok
	cluster_freeze sip2
	takes 2500 fs 3 add 203.0.113.7 -t 2s
	verdict sip1 203.0.113.7 block
	put one 198.51.100.2
	lab_wait 3 verdict sip3 198.51.100.2 block
	lab_wait 5 said sip2.*unreachable
	cluster_thaw sip2
	lab_wait 20 verdict sip2 198.51.100.2 block
	verdict sip2 203.0.113.7 block
}

@test "a node that changed by itself is put right" {
	put one 198.51.100.1
	stay
	lab_wait 5 said 3 ok
	block sip1 unload one --override owner --override empty --quiet \
		>/dev/null
	block sip2 add 203.0.113.20 --list feeds --owner dynamic --quiet \
		>/dev/null
	verdict sip1 198.51.100.1 none
	lab_wait 17 verdict sip1 198.51.100.1 block
	lab_wait 17 verdict sip3 203.0.113.20 block
}

@test "two of them do not hurt" {
	put one 198.51.100.1
	stay
	cluster_start other controller "$FP_BUILD/fp-sync" push --stay \
		--lists "$lists"
	lab_wait 5 grep -q 'another push --stay' "$LAB_DIR/other.log"
	put one 198.51.100.2
	lab_wait 5 verdict sip1 198.51.100.2 block
	fs 0 add 203.0.113.7
	fs 0 status
	cluster_stop stay
	fs 0 add 203.0.113.8
	fs 0 push
	fs 0 status
	! grep -q refused "$LAB_DIR/other.log"
}

@test "SIGHUP reads the cluster file again; a bad one is said" {
	put one 198.51.100.1
	cp "$FP_CLUSTER" "$LAB_DIR/all.ini"
	sed -i /^sip3/d "$FP_CLUSTER"
	stay
	lab_wait 5 said 2 ok
	verdict sip3 198.51.100.1 none
	echo '[' >>"$FP_CLUSTER"
	kill -HUP "$(stay_pid)"
	lab_wait 5 said 'the nodes before it hold'
	cp "$LAB_DIR/all.ini" "$FP_CLUSTER"
	kill -HUP "$(stay_pid)"
	lab_wait 5 verdict sip3 198.51.100.1 block
	cluster_stop stay
}

@test "SIGTERM ends it, and leaves no socket; systemd is told" {
	put one 198.51.100.1
	cluster_start other controller timeout 20 socat -u \
		UNIX-RECV:"$BATS_TEST_TMPDIR/notify" CREATE:"$BATS_TEST_TMPDIR/told"
	lab_wait 5 test -S notify
	NOTIFY_SOCKET=$BATS_TEST_TMPDIR/notify WATCHDOG_USEC=400000 stay
	lab_wait 5 grep -q READY=1 told
	lab_wait 5 grep -q WATCHDOG=1 told
	cluster_stop stay
	lab_wait 5 grep -q STOPPING=1 told
	[ ! -e "$LAB_DIR/controller/state/sync/sock" ]
}

@test "a client that talks nonsense, or goes away, does not hurt" {
	put one 198.51.100.1
	stay
	lab_wait 5 said 3 ok
	for junk in '' 'x' '\0\0\0\5Hello' '\377\377\377\377A' '\0\0\0\2A\n'; do
		printf "$junk" | cluster_in controller socat -t 0.2 - \
			"UNIX:$LAB_DIR/controller/state/sync/sock" >/dev/null || :
	done
	clients=()
	for _ in {1..20}; do
		cluster_in controller socat -u -T 2 \
			"UNIX:$LAB_DIR/controller/state/sync/sock" - 3>&- &
		clients+=($!)
	done
	sleep 0.3
	fs 0 add 203.0.113.7
	verdict sip1 203.0.113.7 block
	lab_runs stay
	wait "${clients[@]}" || :
}
