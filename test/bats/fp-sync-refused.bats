#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-sync when nodes say no: what is refused is left nowhere, and lists that are
# something else on a node hold nothing up.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' variables

bats_require_minimum_version 1.5.0

setup_file() {
	source test/bats/sync.bash
	sync_up 3
}

setup() {
	source test/bats/sync.bash
	sync_fresh
	copy=$LAB_DIR/controller/state/sync/dynamic
}

teardown() { [ -z "${stay-}" ] || kill "$stay"; }

teardown_file() {
	source test/bats/sync.bash
	sync_down
}

# live PREFIX: on how many nodes a list bans it
live() {
	local node n=0

	for node in sip1 sip2 sip3; do
		block $node why "$1" -o list 2>/dev/null | grep -qx bans && n=$((n + 1))
	done
	echo $n
}

@test "what nodes refuse is taken back everywhere, and does not come later" {
	own=$(cluster_addr sip2)
	fs 3 add 192.0.2.99 127.0.0.1 -N sip1 --for 1h
	same "$(live 127.0.0.1)" 0
	same "$(live 192.0.2.99)" 1
	fs 5 add "$own" --for 1h -o node,state,detail
	same "$(live "$own")" 0
	fs 0 push --override empty --prune
	silent
	same "$(live "$own")" 0
}

@test "a refusal that one node alone has: the others take it back" {
	# only sip2 has this address
	cluster_in sip2 ip addr add 198.51.100.77/32 dev lo
	fs 5 add 198.51.100.77 --for 1h -o node,state,detail
	cluster_in sip2 ip addr del 198.51.100.77/32 dev lo
	rows 1-2 'sip1\tback' 'sip2\trefused' 'sip3\tback'
	[[ $output == *'sip1'*'1 of 1 taken back: refused by sip2'* ]]
	same "$(live 198.51.100.77)" 0
	fs 0 push --override empty --prune
	silent
	same "$(live 198.51.100.77)" 0
	for node in sip1 sip2 sip3; do
		verdict $node 198.51.100.77 none
	done
	fs 0 add 198.51.100.77 --for 1h # it may be said again
	same "$(live 198.51.100.77)" 3
}

@test "of several the refused ones are taken back, the others stay" {
	cluster_in sip2 ip addr add 198.51.100.77/32 dev lo
	fs 3 add 198.51.100.77 203.0.113.7 --for 1h --json
	cluster_in sip2 ip addr del 198.51.100.77/32 dev lo
	json 'map(select(.node) | .state)' '["ok","refused","ok"]'
	json '.[-1].done' 3
	same "$(live 198.51.100.77)" 0
	same "$(live 203.0.113.7)" 3
}

@test "it is taken back through a push --stay, too" {
	put one 198.51.100.1
	on controller push --stay >"$LAB_DIR/stay.out" 2>"$LAB_DIR/stay.err" 3>&- &
	stay=$!
	up() { [ "$(grep -c ok "$LAB_DIR/stay.out")" = 3 ]; }
	lab_wait 10 up
	cluster_in sip2 ip addr add 198.51.100.77/32 dev lo
	fs 5 add 198.51.100.77 --for 1h -o node,state
	cluster_in sip2 ip addr del 198.51.100.77/32 dev lo
	rows 1-2 'sip1\tback' 'sip2\trefused' 'sip3\tback'
	same "$(live 198.51.100.77)" 0
	fs 0 push
	same "$(live 198.51.100.77)" 0
}

@test "words of elsewhere that a node refuses are said once, and fail nothing" {
	put one 198.51.100.1
	block sip1 add 198.51.100.77 198.51.100.78 --list feeds \
		--owner dynamic -q >/dev/null
	cluster_in sip2 ip addr add 198.51.100.77/32 dev lo
	cluster_in sip2 ip addr add 198.51.100.78/32 dev lo
	fs 0 push
	fs 0 push
	cluster_in sip2 ip addr del 198.51.100.77/32 dev lo
	cluster_in sip2 ip addr del 198.51.100.78/32 dev lo
	same "$(grep -c . <<<"$stderr")" 1
	hints 'sip2: list feeds: 2 words are refused there (198.51.100.7'
}

@test "add on a list that is pushed from here: exit 2, nothing is kept" {
	put apiban 198.51.100.1
	fs 0 push
	fs 2 add 203.0.113.55 --for 1h --list apiban
	hints 'list apiban is pushed from here'
	fs 2 del 203.0.113.55 --list apiban
	[ ! -e "$copy/apiban.list" ]
	fs 0 push
	silent
	rm "$lists/apiban.list"
	put two 198.51.100.2
	fs 0 push --prune
	fs 0 add 203.0.113.55 --for 1h --list apiban # the name is free again
}

@test "add on a list that is something else on all nodes is withdrawn" {
	for node in sip1 sip2 sip3; do
		block $node add 198.51.100.9 --list loc -q >/dev/null
	done
	fs 2 add 203.0.113.55 --for 1h --list loc
	hints 'sip3: list loc is there: block, owned local'
	[ ! -e "$copy/loc.list" ]
	put one 198.51.100.1
	fs 0 push
	silent
}

@test "a list that is something else on one node is left out there" {
	block sip2 add 198.51.100.9 --list loc -q >/dev/null
	fs 3 add 203.0.113.55 --for 1h --list loc
	verdict sip1 203.0.113.55 block
	verdict sip3 203.0.113.55 block
	put one 198.51.100.1
	fs 0 push -o node,state,changed,detail
	rows 1-4 'sip1\tok\tyes\t-' \
		'sip2\tok\tyes\tlist loc is local there: its words are left out' \
		'sip3\tok\tyes\t-'
	same "$stderr" \
		'fp-sync: sip2: list loc is local there: its words are left out'
	# other lists are exchanged
	fs 0 add 203.0.113.56 --for 1h
	verdict sip2 203.0.113.56 block
	verdict sip2 203.0.113.55 none
}

@test "what was changed counts as done: exit 3, not 5" {
	put fences '#fastpath-list 1 kind=fence' "$(cluster_addr sip2)"
	fs 3 push --json
	json 'map(select(.node) | .state)' '["ok","refused","ok"]'
	json '[.[-1].done, .[-1].refused]' '[2,1]'
}

@test "add --override lifts the refusal at nodes, by its own rule" {
	fs 5 add 127.0.0.1 --for 1h
	[[ $stderr == *'rule '* || $stderr == *'--override'* ]]
	rule=$(grep -oE -- '--override [a-z-]+' <<<"$stderr" | head -1)
	[ -n "$rule" ]
	# shellcheck disable=SC2086 # two words
	fs 0 add 127.0.0.1 --for 1h $rule
	same "$(live 127.0.0.1)" 3
}
