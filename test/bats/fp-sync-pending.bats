#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Pushes that are taken back unless they are confirmed, and who may end that; what
# is on the lists of a node and not in force there.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' variables

bats_require_minimum_version 1.5.0

setup_file() {
	source test/bats/sync.bash
	sync_up 3
}

setup() {
	source test/bats/sync.bash
	sync_fresh
	sync=$LAB_DIR/controller/state/sync
}

teardown() {
	cluster_stop canary
	cluster_stop stay
}

teardown_file() {
	source test/bats/sync.bash
	sync_down
}

# canary [OPTION]...: one that waits
canary() {
	cluster_start canary controller "$FP_BUILD/fp-sync" push --lists \
		"$lists" --canary 1 "$@"
	lab_wait 10 grep -q waiting "$LAB_DIR/canary.log"
}

ended() { ! lab_runs "$1"; }

stay() {
	cluster_start stay controller "$FP_BUILD/fp-sync" push --stay \
		--lists "$lists"
	lab_wait 10 test -S "$sync/sock"
}

# push_of NAME ARG...: a push of another controller, which no history knows here
push_of() {
	local name=$1

	shift
	[ ! -e "$sync" ] || mv "$sync" "$BATS_TEST_TMPDIR/ours"
	run --separate-stderr -0 cluster_in controller unshare -u bash -c \
		'hostname "$0" && exec "$@"' "$name" "$FP_BUILD/fp-sync" push \
		--lists "$lists" "$@"
	rm -rf "$sync"
	[ ! -e "$BATS_TEST_TMPDIR/ours" ] || mv "$BATS_TEST_TMPDIR/ours" "$sync"
}

# ---- whose turn it is

@test "--canary and --confirm refuse beside a push --stay, by their own rule" {
	put one 203.0.113.1
	stay
	lab_wait 5 verdict sip3 203.0.113.1 block
	fs 5 push --canary 1 --confirm 5m
	hints 'refused by rule stay: a push --stay runs here'
	fs 5 push --confirm 5m
	fs 0 push
	kill -STOP "$(cut -d ' ' -f 1 "$LAB_DIR/pids/stay")"
	fs 5 push --confirm 5m
	kill -CONT "$(cut -d ' ' -f 1 "$LAB_DIR/pids/stay")"
	fs 0 push --confirm 5m --override stay
	cluster_stop stay
	fs 0 push --confirm 5m
}

@test "another push is no confirmation of a canary" {
	put one 203.0.113.1
	canary --confirm 30s
	put one 203.0.113.1 203.0.113.2
	fs 0 push -N sip1
	lab_wait 5 ended canary
	grep -q 'sip1: another push came: [0-9a-f]* by ' "$LAB_DIR/canary.log"
	grep -q 'another push came in between, 2 other nodes were not' \
		"$LAB_DIR/canary.log"
	verdict sip2 203.0.113.1 none
}

@test "a canary that others have pending is not waited for" {
	put one 203.0.113.1
	push_of c2 --confirm 10m -N sip1
	fs 1 push --canary 1 --confirm 5s
	rows 1-2 'sip1\tpending'
	hints 'of c2 is not confirmed there'
	verdict sip2 203.0.113.1 none
}

@test "status --repair leaves what is pending alone" {
	put one 203.0.113.1
	canary --confirm 30s
	put one 203.0.113.2
	fs 3 status --repair
	rows 1-3 'sip1\tpending\tno' 'sip2\tok\tyes' 'sip3\tok\tyes'
	hints 'sip1: push * is not confirmed there, and is taken back at 2'
	verdict sip1 203.0.113.1 block
	fs 4 status --repair -N sip1
	fs 0 confirm -N sip1
	fs 0 status --repair
	verdict sip1 203.0.113.2 block
}

@test "push --stay leaves what is pending alone, and goes on afterwards" {
	put one 203.0.113.1
	fs 0 push --confirm 10m -N sip1
	put one 203.0.113.2
	stay
	lab_wait 5 verdict sip3 203.0.113.2 block
	lab_wait 5 grep -q $'^sip1\tpending' "$LAB_DIR/stay.log"
	verdict sip1 203.0.113.1 block
	fs 0 confirm -N sip1
	lab_wait 17 verdict sip1 203.0.113.2 block
}

@test "push settles what this controller has pending" {
	put one 203.0.113.1
	fs 0 push --confirm 10m -N sip1
	fs 1 push -n -N sip1
	fs 0 push
	rows 1-3 'sip1\tok\tyes' 'sip2\tok\tyes' 'sip3\tok\tyes'
	fs 0 status -o state
	rows 1 up up up
	fs 0 push --json
	json '.[-1].changed' false
}

@test "push does not settle what another controller has pending" {
	put one 203.0.113.1
	push_of c2 --confirm 10m -N sip1
	fs 3 push
	rows 1-3 'sip1\tpending\tno' 'sip2\tok\tyes' 'sip3\tok\tyes'
	hints 'sip1: push * of c2 is not confirmed there, and is taken back at 2'
	fs 3 push -N sip1
	fs 0 status -N sip1 -o state
	same "$output" pending
	fs 0 push -N sip1 --adopt
	fs 0 status -o state
	rows 1 up up up
}

@test "push NAME does not settle other lists" {
	put one 203.0.113.1
	put two 203.0.113.2
	fs 0 push --confirm 10m -N sip1
	fs 3 push one -N sip1
	rows 1-2 'sip1\tpending'
}

# ---- confirm

@test "confirm knows what became of the push" {
	put one 203.0.113.1
	fs 0 push --confirm 1s
	sleep 1.5
	fs 1 confirm
	rows 1-2,4 'sip1\tback\tno' 'sip2\tback\tno' 'sip3\tback\tno'
	hints 'sip1: push * was taken back already'
	fs 0 confirm --back --json
	json '.[-1].changed' false
	fs 0 push --confirm 10m
	fs 0 confirm -N sip1
	rows 1-2,4 'sip1\tconfirmed\tyes'
	fs 0 confirm -N sip1
	rows 1-2,4-5 'sip1\tconfirmed\tno\tconfirmed already'
	fs 1 confirm --back -N sip1
	hints 'was confirmed already'
	fs 3 confirm --back
	rows 1-2,4 'sip1\tconfirmed\tno' 'sip2\tback\tyes' 'sip3\tback\tyes'
	# what came afterwards is another matter
	put one 203.0.113.2
	fs 0 push
	fs 0 confirm
	rows 1-2 'sip1\tnone' 'sip2\tnone' 'sip3\tnone'
	push_of c2 --adopt
	fs 0 confirm
}

@test "confirm of a canary does not speak of nodes that never heard" {
	put one 203.0.113.1
	fs 0 push
	put one 203.0.113.2
	canary --confirm 2s
	lab_wait 8 ended canary
	grep -q 'it is taken back, 2 other' "$LAB_DIR/canary.log"
	fs 1 confirm
	rows 1-2 'sip1\tback' 'sip2\tnone' 'sip3\tnone'
}

# ---- in force

@test "a push where no filter is attached is done partly" {
	put one 203.0.113.1
	cluster_in sip3 "$FP_BUILD/fp-load" detach --all --quiet >/dev/null
	fs 3 push -o node,state,changed,force
	rows 1-4 'sip1\tok\tyes\tyes' 'sip2\tok\tyes\tyes' 'sip3\tok\tyes\tno'
	hints 'sip3: NOT in force: no filter is attached (fp-load attach IF)'
	fs 3 push --json
	json '[.[0:3][] | .force], .[-1].changed' $'[true,true,false]\nfalse'
	fs 1 status -o node,in_step,detail
	rows 1-3 'sip1\tyes\t-' 'sip2\tyes\t-' \
		'sip3\tyes\tNOT in force: no filter is attached (fp-load attach IF)'
	cluster_in sip3 "$FP_BUILD/fp-load" attach net1 --quiet >/dev/null
	fs 0 push
	fs 0 status
}

# ---- usage, deadlines

@test "options that do not go together are wrong usage" {
	put one 203.0.113.1
	for options in '--canary 1' '--stay --canary 1' '--stay --confirm 5m' \
		'--stay --dry-run' '--stay --canary 1 --confirm 5m'; do
		# shellcheck disable=SC2086 # words
		fs 2 push $options
		hints 'fp-sync push --help'
	done
	verdict sip1 203.0.113.1 none
}

@test "a node whose lists are locked says busy before we give up" {
	put one 203.0.113.1
	mkdir -p "$LAB_DIR/sip1/state/lists"
	flock -o "$LAB_DIR/sip1/state/lists" sleep 5 3>&- &
	takes 1500 fs 3 push -t 1s
	rows 1-2 'sip1\tbusy' 'sip2\tok' 'sip3\tok'
	fs 4 add 203.0.113.7 -N sip1 -t 1s
	rows 1,3 'sip1\tbusy'
	kill $! || :
	wait $! || :
	fs 0 push
}

@test "a node that drips is silent" {
	cat >drip <<-'EOF'
		#!/bin/sh
		printf '\0\017\0\0H'
		while printf x; do sleep 0.2; done
	EOF
	chmod +x drip
	takes 2500 fs 4 status -N sip1 -t 1s --ssh-command "$PWD/drip"
	rows 1-2 'sip1\tunreachable'
	hints 'no answer within 1000 ms'
}

@test "an interrupted push says that it does not know" {
	put one 203.0.113.1
	printf '#!/bin/sh\nexec sleep 9\n' >mute
	chmod +x mute
	cluster_start canary controller "$FP_BUILD/fp-sync" push --lists \
		"$lists" -N sip2 --ssh-command "$PWD/mute"
	sleep 0.5
	cluster_stop canary
	grep -q 'sip2: interrupted: what it did is not known' \
		"$LAB_DIR/canary.log"
}

@test "a frozen push --stay: add says so, and asks the nodes itself" {
	put one 203.0.113.1
	stay
	lab_wait 5 verdict sip3 203.0.113.1 block
	kill -STOP "$(cut -d ' ' -f 1 "$LAB_DIR/pids/stay")"
	clients=()
	for _ in {1..20}; do # as many as may wait to be let in
		cluster_in controller socat -u -T 3 "UNIX:$sync/sock" - 3>&- &
		clients+=($!)
	done
	sleep 0.2
	takes 3500 fs 0 add 203.0.113.7 -t 1s
	hints 'push --stay that runs here does not answer'
	verdict sip3 203.0.113.7 block
	kill -CONT "$(cut -d ' ' -f 1 "$LAB_DIR/pids/stay")"
	wait "${clients[@]}" || :
}
