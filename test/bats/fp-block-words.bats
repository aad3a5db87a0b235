#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-block on dynamic lists: it speaks words, which other nodes take in.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell

bats_require_minimum_version 1.5.0

load block.bash

setup_file() { node_up; }
setup() { node_fresh; }
teardown() { fp-load set max-hashed=4000000 --quiet >/dev/null; }

# word PREFIX: the last line about it in the file of list bans.
word() { grep -E "^[+]?$1( |$)" "$lists/bans.list" | tail -n 1 | tr -d +; }
# at PREFIX: when that was said, in ms.
at() { word "$1" | sed -n 's/.* at=\([0-9]*\)$/\1/p'; }
now_ms() { date +%s%3N; }
# lifted PREFIX: is its word one that lifts?
lifted() {
	local until

	until=$(word "$1" | sed -n 's/.* until=\([^ ]*\).*/\1/p')
	[ -n "$until" ] && [ "$(date -d "$until" +%s)" -le $(($(at "$1") / 1000)) ]
}
# bans ENTRY...: dynamic list bans, as fp-sync would have left it.
bans() {
	list_file bans dynamic block "$@"
	fp-block verify --repair -q || true
}
# again ARG...: says that nothing changed, and nothing did.
again() {
	local before

	before=$(state)
	block 0 "$@" -j
	json '.[-1].changed' false
	same "$(state)" "$before"
}

# ---- add

@test "add: a word said now; said again it is kept" {
	start=$(now_ms)
	block 0 add 203.0.113.7 -l bans --owner dynamic --for 1h --why scan --by me
	first=$(at 203.0.113.7)
	[ "$first" -ge "$start" ] && [ "$first" -le "$(now_ms)" ]
	[[ $(word 203.0.113.7) == "203.0.113.7 until="*"Z why=scan by=me at=$first" ]]
	verdict 203.0.113.7 block
	again add 203.0.113.7 -l bans --for 1h --why scan --by me
	json '.[0].action' '"kept"'
	again add 203.0.113.7 -l bans --for 1h
	again add - -l bans --for 1h <<<"203.0.113.7 why=scan by=me at=5"
	block 0 add 203.0.113.7 -l bans --for 2h
	[[ $output == *$'\tupdated\t'* ]]
	[ "$(at 203.0.113.7)" -gt "$first" ]
	[[ $(word 203.0.113.7) == *" why=scan by=me at="* ]]
	in_step
}

@test "add: later than the word that is there, whatever clock said that" {
	ahead=$(($(now_ms) + 3600000))
	bans "203.0.113.7 until=$(in_seconds -60) why=over at=$ahead" \
		"203.0.113.8 until=$(in_seconds 7200) at=$ahead"
	verdict 203.0.113.7 none
	block 0 add 203.0.113.7 -l bans -o action,verdict
	prints added block
	same "$(word 203.0.113.7)" "203.0.113.7 at=$((ahead + 1))"
	block 0 add 203.0.113.8 -l bans -o action
	prints updated
	same "$(word 203.0.113.8)" "203.0.113.8 at=$((ahead + 1))"
	block 0 del 203.0.113.8 -l bans -o action,verdict
	prints removed none
	same "$(at 203.0.113.8)" $((ahead + 2))
	in_step
	again del 203.0.113.8 -l bans
}

@test "add: a word of the end of time cannot be overruled, and that is said" {
	bans "203.0.113.7 until=$(in_seconds -60) at=253402300799999"
	before=$(state)
	block 2 add 203.0.113.6 203.0.113.7 -l bans
	hints 'not a time in milliseconds since 1970'
	same "$(state)" "$before"
}

@test "add: an entry by hand, without at=, is older than any word" {
	bans '203.0.113.7 why=hand'
	again add 203.0.113.7 -l bans --why hand
	block 0 add 203.0.113.7 -l bans --why word -o action
	prints updated
	[[ $(word 203.0.113.7) == '203.0.113.7 why=word at='* ]]
}

@test "add: a fence keeps its run, a reason its quotes" {
	printf '[a]\nsip1 ansible_host=198.51.100.1\n' >c.ini
	fp-block -C c.ini add 198.51.100.1 -l bans -k fence --owner dynamic \
		--run 4711 --why 'a "b" at=5' -q >/dev/null
	[[ $(word 198.51.100.1) == \
		'198.51.100.1 why="a \"b\" at=5" run=4711 at='* ]]
	again -C c.ini add 198.51.100.1 -l bans --run 4711 --why 'a "b" at=5'
	fp-block -C c.ini del 198.51.100.1 -l bans -q >/dev/null
	lifted 198.51.100.1
}

@test "add: what has just ended is no entry any more, on any list" {
	for list in 'bans --owner dynamic' 'mine --owner local'; do
		# shellcheck disable=SC2086 # words
		fp-block add 203.0.113.7 -l $list --for 1s -q >/dev/null
		sleep 2
		block 0 add 203.0.113.7 -l "${list%% *}" --for 1m -o action,verdict
		prints added block
		fp-block del 203.0.113.7 -q >/dev/null
	done
}

@test "add: table full: refused before anything changes" {
	fp-load set max-hashed=2 -q >/dev/null
	block 2 add 203.0.113.1 203.0.113.2 203.0.113.3 -l bans --owner dynamic
	hints 'table full: 0 of 2 timed and IPv6 entries, 3 more wanted'
	same "$output" ''
	block 0 add 203.0.113.1 203.0.113.2 -l bans --owner dynamic
	before=$(state)
	block 2 add 203.0.113.3 -l bans
	same "$(state)" "$before"
	block 0 del 203.0.113.1 -l bans
	block 0 add 203.0.113.1 -l bans --for 1h # has its word there
	in_step
}

# ---- del

@test "del leaves a word that lifts; a second del finds nothing" {
	fp-block add 203.0.113.7 203.0.113.8 -l bans --owner dynamic --why scan \
		-q >/dev/null
	first=$(at 203.0.113.7)
	SUDO_USER=bob block 0 del 203.0.113.7 --why 'false alarm'
	prints 203.0.113.7 bans block removed - none
	silent
	lifted 203.0.113.7
	[ "$(at 203.0.113.7)" -gt "$first" ]
	[[ $(word 203.0.113.7) == *'Z why="false alarm" by=bob at='* ]]
	again del 203.0.113.7
	json '.[0].action, .[-1].absent' $'"absent"\n1'
	again del 203.0.113.7 -l bans
	block 1 test 203.0.113.7
	block 1 why 203.0.113.7
	prints 203.0.113.7 none none no enforce
	same "$(fp-block list bans -o prefix)" 203.0.113.8
	block 0 add 203.0.113.7 -l bans -o action,verdict
	prints added block
	block 0 del - -l bans <<<$'203.0.113.7\n203.0.113.8' -o action
	same "$output" $'removed\nremoved'
	lifted 203.0.113.8
	in_step
}

@test "del lifts on dynamic lists and erases on others" {
	fp-block add 203.0.113.7 -l bans --owner dynamic -q >/dev/null
	fp-block add 203.0.113.7 -l mine -q >/dev/null
	block 0 del 203.0.113.7 -j
	json '.[-1]' '{"type":"summary","changed":true,"removed":2,"absent":0}'
	lifted 203.0.113.7
	fp-block sweep -q >/dev/null
	same "$(grep -c '^[+]203' "$lists/mine.list")" 1
	same "$(tail -n 1 "$lists/mine.list")" -203.0.113.7
	run ! grep -q '^-' "$lists/bans.list"
	in_step
}

# ---- sweep

@test "sweep keeps words that lift for 30 days, ended ones for an hour, and says so" {
	day=86400000 now=$(now_ms)
	bans "203.0.113.1 until=$(in_seconds -$((31 * 86400 + 5))) at=$((now - 31 * day))" \
		"203.0.113.2 until=$(in_seconds -$((29 * 86400 + 5))) at=$((now - 29 * day))" \
		"203.0.113.5 until=$(in_seconds -3000) at=$((now - day))" \
		"203.0.113.6 until=$(in_seconds -3700) at=$((now - day))" \
		"203.0.113.3 until=$(in_seconds -60)" \
		"203.0.113.4 at=$((now - 99 * day))"
	block 1 sweep -n -j
	json '.[0]' '{"type":"sweep","list":"bans","expired":3,"compacted":true}'
	block 0 sweep -j
	json '.[-1]' '{"type":"summary","changed":true,"expired":3,"compacted":1}'
	[ -n "$(word 203.0.113.2)" ]
	[ -n "$(word 203.0.113.5)" ]
	[ -z "$(word 203.0.113.6)" ]
	[ -n "$(word 203.0.113.4)" ]
	[ -z "$(word 203.0.113.1)$(word 203.0.113.3)" ]
	again sweep
	json '.[-1].expired' 0
	fp-block del 203.0.113.4 -q >/dev/null
	again sweep
	lifted 203.0.113.4
}

# ---- load and unload

@test "load says what is new and lifts what is missing" {
	block 0 load bans - --owner dynamic <<-'END'
		203.0.113.1 at=5
		203.0.113.2 why=scan
		203.0.113.3 why=scan
	END
	prints bans block 3 3 0 0 0 0 0
	first=$(at 203.0.113.1)
	[ "$first" -gt 1700000000000 ]
	printf '%s\n' '203.0.113.2 why=scan' '203.0.113.3 why=flood' \
		203.0.113.4 >file
	block 0 load bans file --why feed
	prints bans block 3 1 1 1 0 0 0
	same "$(at 203.0.113.2)" "$first"
	[ "$(at 203.0.113.3)" -gt "$first" ]
	lifted 203.0.113.1
	[[ $(word 203.0.113.1) == *' why=feed at='* ]]
	verdict 203.0.113.1 none
	block 0 test 203.0.113.2 203.0.113.3 203.0.113.4
	in_step
	again load bans file
	again load bans <(fp-block list bans)
	echo 203.0.113.1 >>file # it was lifted
	block 0 load bans file -o entries,added,removed,updated
	prints 4 1 0 0
	verdict 203.0.113.1 block
}

@test "load: guards count what stands, not words that lifted it" {
	seq -f '203.0.113.%.0f' 1 120 >all
	head -n 90 all >most
	block 0 load bans all --owner dynamic
	before=$(state)
	block 5 load bans most
	hints max-change
	same "$(state)" "$before"
	block 0 load bans most --max-change 30 -o entries,removed
	prints 90 30
	head -n 1 all >one
	block 0 load bans one -o entries,removed # 90 is not over 100
	prints 1 89
	block 5 load bans /dev/null
	refused empty '/dev/null holds no entry; list bans has 1 (fp-block unload removes a list)'
	fp-block del 203.0.113.1 -q >/dev/null
	again load bans /dev/null
	in_step
}

@test "load of many words is one change" {
	awk 'BEGIN { for (i = 0; i < 65536; i++)
		printf "198.18.%d.%d\n", i / 256, i % 256 }' >big
	block 0 load bans big --owner dynamic -o added
	prints 65536
	sed -i 's/^198.18.0.255$/198.30.0.1/' big
	block 0 load bans big -j
	json '.[-1] | [.added, .removed, .entries]' '[1,1,65536]'
	verdict 198.18.0.255 none
	verdict 198.30.0.1 block
	same "$(fp-block lists -o entries)" 65536
	again load bans big
	in_step
}

@test "unload: gone from this node, and that it may come back is said" {
	fp-block add 203.0.113.7 203.0.113.8 -l bans --owner dynamic -q >/dev/null
	fp-block del 203.0.113.8 -q >/dev/null
	block 0 unload bans
	prints bans block dynamic 1
	says 'list bans is dynamic: fp-sync brings back what other nodes have of it (del lifts a ban everywhere)'
	[ ! -e "$lists/bans.list" ]
	verdict 203.0.113.7 none
	again unload bans
	fp-block add 203.0.113.7 -q >/dev/null
	block 0 unload local
	silent
}

# ---- what is shown

@test "list, lists and digest show what stands, and when it was said" {
	bans "203.0.113.1 until=$(in_seconds -60) at=1767225600123" \
		"203.0.113.2 why=scan at=1767225600123" \
		'203.0.113.3' \
		"203.0.113.4 until=2025-12-31T23:59:59Z at=1767225600000"
	same "$(fp-block list bans)" $'203.0.113.2 why=scan at=1767225600123\n203.0.113.3'
	block 0 list bans -j
	json '.[:-1]' '[{"type":"entry","prefix":"203.0.113.2","list":"bans","kind":"block","why":"scan","at":"2026-01-01T00:00:00Z"},{"type":"entry","prefix":"203.0.113.3","list":"bans","kind":"block"}]'
	json '.[-1].entries' 2
	block 0 lists -j
	json '.[0].entries, .[-1].entries' $'2\n2'
	same "$(fp-block digest -o dynamic)" 2
	same "$(fp-block why 203.0.113.1 203.0.113.4 -o prefix)" ''
	in_step
}

@test "--dry-run: the plan, and nothing said" {
	fp-block add 203.0.113.1 -l bans --owner dynamic -q >/dev/null
	echo 203.0.113.2 >file
	for args in 'add 203.0.113.7 -l bans' 'del 203.0.113.1' \
		'load bans file' 'unload bans' \
		'add 203.0.113.7 -l new --owner dynamic' \
		'load new file --owner dynamic'; do
		before=$(state)
		# shellcheck disable=SC2086 # words
		block 1 $args -n -j
		json '.[-1].changed' true
		plan=$(jq -c 'del(.verdict)' <<<"$output")
		same "$(state)" "$before"
		# shellcheck disable=SC2086 # words
		block 0 $args -j
		same "$(jq -c 'del(.verdict)' <<<"$output")" "$plan"
		# shellcheck disable=SC2086 # words
		again $args
	done
	in_step
}

@test "an allow word that was lifted or has ended allows nothing" {
	fp-block add 203.0.113.7 -l good -k allow --owner dynamic -q >/dev/null
	block 5 add 203.0.113.7
	block 5 add 203.0.113.0/24
	fp-block del 203.0.113.7 -k allow -q >/dev/null
	block 0 add 203.0.113.7 203.0.113.0/24 -o verdict
	same "$output" $'block\nblock'
	block 0 load feed - <<<203.0.113.7
	in_step
}

@test "a word that lifts does so when the clock is set back, too" {
	bans "203.0.113.7 until=$(in_seconds 3600) at=$(($(now_ms) + 3700000))"
	block 0 verify
	run -1 fp-block test 203.0.113.7
	block 0 list bans
	[ -z "$output" ]
	run -1 fp-block why 203.0.113.7
	[[ $output != *block* ]]
}
