#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-block: the verbs that change lists, and usage: status, stdout, stderr.
# shellcheck disable=SC2154 # bats' own variables

bats_require_minimum_version 1.5.0

load block.bash

setup_file() { node_up; }
setup() { node_fresh; }

# ---- usage

@test "help and version go to stdout" {
	block 0 --help
	silent
	for verb in add del load unload list lists test why sweep verify digest; do
		grep -q "^  $verb " <<<"$output"
		run --separate-stderr -0 fp-block "$verb" --help
		silent
		[ "${lines[0]}" != "${lines[0]#usage: fp-block "$verb"}" ]
		block 0 --help
	done
	block 0 --version
	silent
	[[ $output =~ ^fp-block\ [0-9.]+$ ]]
}

@test "wrong usage names the word and what to try" {
	while IFS='|' read -r args text try; do
		# shellcheck disable=SC2086 # words
		block 2 $args
		says "$text; try fp-block${try:+ $try} --help"
		same "$output" ''
	done <<-'END'
		|no verb given|
		frob|unknown verb "frob"|
		--frob|unknown or ambiguous option --frob|
		add|add needs a prefix|add
		del|del needs a prefix|del
		load x|load needs a list's name and a file, or - for stdin|load
		unload|unload needs the name of one list|unload
		unload a b|unload needs the name of one list|unload
		list a b|list takes one list, or none for all|list
		lists x|lists takes no "x"|lists
		test|test needs an address|test
		why|why needs an address|why
		sweep x|sweep takes no "x"|sweep
		verify x|verify takes no "x"|verify
		digest x|digest takes no "x"|digest
		del --for 1h 192.0.2.9|option --for is not for "del"|del
		add 192.0.2.9 --for|option --for needs DUR|
		verify --repair=1|option --repair=1 takes no value|
	END
	[ ! -e "$lists"/local.list ]
}

@test "operands and values that cannot be are named" {
	while IFS='|' read -r args text; do
		# shellcheck disable=SC2086 # words
		block 2 $args
		says "$text"
		same "$output" ''
	done <<-'END'
		add 300.1.1.1|"300.1.1.1": an octet is more than 255
		add example.net|"example.net" is not an address or a prefix
		add 10.0.0.1/8|"10.0.0.1/8" has host bits set; did you mean 10.0.0.0/8?
		add 10.0.0.0/33|"10.0.0.0/33": the length is not 0 to 32
		add 203.0.113.7 300.1.1.1|"300.1.1.1": an octet is more than 255
		del 10.0.0.0/33|"10.0.0.0/33": the length is not 0 to 32
		test 203.0.113.0/24|203.0.113.0/24: one address, not a prefix
		why 203.0.113.0/24|203.0.113.0/24: one address, not a prefix
		add 203.0.113.7 --for 1x|--for: "1x" is not a duration such as 500ms, 10s, 5m, 1h, 1d or 1w
		add 203.0.113.7 --for 0s|--for 0s: from 1s to 100 years (without --for it is for ever)
		add 203.0.113.7 --for 5300w|--for 5300w: from 1s to 100 years (without --for it is for ever)
		add 203.0.113.7 --until now|--until: "now" is not a time such as 2026-01-02T03:04:05Z
		add 203.0.113.7 --until 2020-01-02T03:04:05Z|--until 2020-01-02T03:04:05Z: that has passed
		add 203.0.113.7 --for 1h --until 2099-01-02T03:04:05Z|--for and --until: only one of them
		add 203.0.113.7 --kind deny|"deny": not a kind: block, allow or fence
		add 203.0.113.7 --owner me|"me": not an owner: local, dynamic or pushed
		add 203.0.113.7 --owner pushed|--owner pushed: only fp-sync makes pushed lists
		add 203.0.113.7 --list Caps|"Caps": not a list name ([a-z0-9][a-z0-9._-]*)
		add 203.0.113.7 --run a1|--run: only a fence names a run, list local is of kind block
		del 203.0.113.7 --list nope|no list named nope (fp-block lists shows them)
		list nope|no list named nope (fp-block lists shows them)
		load ../x -|"../x": not a list name ([a-z0-9][a-z0-9._-]*)
		load a234567890123456789012345678901z -|"a234567890123456789012345678901z": a list name has at most 31 letters
		load x nosuchfile|nosuchfile: No such file or directory
		load x - --max-change 101|--max-change 101: a number from 0 to 100
		add 203.0.113.7 -C nosuch.ini|nosuch.ini: No such file or directory
		list -o prefix,nope|--fields: "nope" is not a field of entry, which has: prefix list kind until why by run at
	END
	[ ! -e "$lists"/local.list ]
}

@test "a field that is not there is named before anything changes" {
	fp-block add 203.0.113.7 >/dev/null
	before=$(state)
	while IFS='|' read -r args type; do
		# shellcheck disable=SC2086 # words
		block 2 $args -o nope </dev/null
		hints "--fields: \"nope\" is not a field of $type, which has: "
		same "$output" ''
		same "$(state)" "$before"
	done <<-'END'
		add 203.0.113.8|change
		del 203.0.113.7|change
		load x -|load
		unload local|unload
		list|entry
		lists|list
		test 203.0.113.7|test
		why 203.0.113.7|why
		sweep|sweep
		verify|difference
		digest|digest
	END
}

# ---- add

@test "add: the record, the list, the kernel; a second time nothing" {
	block 0 add 203.0.113.7 2001:db8:a::/48
	silent
	same "$output" "203.0.113.7	local	block	added	-	block
2001:db8:a::/48	local	block	added	-	block"
	same "$(cat "$lists/local.list" | tail -n +2 | tr -d +)" \
		$'203.0.113.7\n2001:db8:a::/48'
	verdict 203.0.113.7 block
	verdict 203.0.113.8 none
	verdict 2001:db8:a:0:ffff::1 block
	verdict 2001:db8:b::1 none
	block 0 add 2001:db8:a::/48 203.0.113.7
	silent
	same "$output" "203.0.113.7	local	block	kept	-	block
2001:db8:a::/48	local	block	kept	-	block"
	in_step
}

@test "add --json: records and counts" {
	block 0 add --json 203.0.113.7 203.0.113.8 --why scan
	silent
	json '.[0]' '{"type":"change","prefix":"203.0.113.7","list":"local","kind":"block","action":"added","verdict":"block"}'
	json '.[-1]' '{"type":"summary","changed":true,"added":2,"updated":0,"kept":0,"expired":0}'
	block 0 add -j 203.0.113.7 203.0.113.9 --why flood
	json '[.[].action]' '["updated","added",null]'
	json '.[-1]' '{"type":"summary","changed":true,"added":1,"updated":1,"kept":0,"expired":0}'
	block 0 add -j 203.0.113.7 203.0.113.9 --why flood
	json '.[-1]' '{"type":"summary","changed":false,"added":0,"updated":0,"kept":2,"expired":0}'
}

@test "add -: lines on stdin, their own fields stand, the rest take the options" {
	until=$(in_seconds 7200)
	block 0 add - --why feed --by cron --for 1h -j <<-END
		# a comment

		203.0.113.7
		203.0.113.8 until=$until why="its own" # and a comment
		203.0.113.9 until=2020-01-01T00:00:00Z
	END
	says '1 lines left out: their until= has passed'
	json '.[-1].added, .[-1].expired' $'2\n1'
	block 0 list local -j
	json 'map([.why, .by])[:2]' '[["feed","cron"],["its own",null]]'
	json '.[1].until' "\"$until\""
	block 0 add - <<<''
	same "$output" ''
	silent
}

@test "--for ends in time: in the kernel at once, in the list by sweep" {
	block 0 add 203.0.113.7 --for 2s
	verdict 203.0.113.7 block
	for _ in 1 2 3 4 5 6 7 8; do
		sleep 0.5
		! verdict 203.0.113.7 none >/dev/null || break
	done
	verdict 203.0.113.7 none
	sleep 1.1 # the kernel's clock and the lists' differ by up to a second
	block 1 why 203.0.113.7
	silent
	prints 203.0.113.7 none none no enforce
	grep -q 203.0.113.7 "$lists/local.list"
	block 0 sweep -j
	json '.' '[{"type":"sweep","list":"local","expired":1,"compacted":true},{"type":"summary","changed":true,"expired":1,"compacted":1}]'
	run ! grep -q 203.0.113.7 "$lists/local.list"
	in_step
}

@test "--for and --until are kept as UTC" {
	block 0 add 203.0.113.7 --for 1h -j
	left=$(($(date -d "$(jq -rs '.[0].until' <<<"$output")" +%s) - $(date +%s)))
	[ $left -ge 3595 ] && [ $left -le 3600 ]
	block 0 add 203.0.113.8 --until 2099-01-02T05:04:05+02:00
	prints 203.0.113.8 local block added 2099-01-02T03:04:05Z block
	TZ=Asia/Tokyo block 0 list local
	grep -q '^203.0.113.8 until=2099-01-02T03:04:05Z$' <<<"$output"
}

@test "an add never shortens" {
	block 0 add 203.0.113.7 --for 2h
	until=$(fp-block list -o until)
	block 0 add 203.0.113.7 --for 1h
	prints 203.0.113.7 local block kept "$until" block
	block 0 add 203.0.113.7 --for 1h --why other
	prints 203.0.113.7 local block updated "$until" block
	block 0 add 203.0.113.7 --for 2h
	prints 203.0.113.7 local block kept "$until" block
	block 0 add 203.0.113.7 --until 2099-01-01T00:00:00Z
	prints 203.0.113.7 local block updated 2099-01-01T00:00:00Z block
	block 0 add 203.0.113.7
	prints 203.0.113.7 local block updated - block
	block 0 add 203.0.113.7 --for 1h
	prints 203.0.113.7 local block kept - block
}

@test "reasons survive quoting, sudo and a second opinion" {
	hard='say "hi" \ # é  two'
	block 0 add 203.0.113.7 --why "$hard" --by alice
	block 0 list local -j
	json '.[0].why' "$(jq -n --arg s "$hard" '$s')"
	fp-block list local | fp-block load copy - >/dev/null
	same "$(fp-block list copy)" "$(fp-block list local)"
	same "$(fp-block list copy -o why)" 'say "hi" \\ # é  two'
	block 0 add 203.0.113.7 --why "$hard" --by alice
	prints 203.0.113.7 local block kept - block
	SUDO_USER=bob block 0 add 203.0.113.7
	prints 203.0.113.7 local block kept - block
	SUDO_USER=bob block 0 add 203.0.113.8 --why mine
	same "$(fp-block list local -o by | tail -n 1)" bob
	block 2 add 203.0.113.9 --why $'a\nb'
	says 'why: "a\x0ab": a control character, or not UTF-8'
	block 2 add 203.0.113.9 --why "$(printf '%2000s' x)"
	says 'why: why, by, run and at are longer than 940 bytes together'
	block 0 add 203.0.113.9 --why "$(printf '%0930d' 1)"
	in_step
}

@test "--list, --kind, --owner: defaults, and what contradicts" {
	block 0 add 203.0.113.7 --kind allow
	prints 203.0.113.7 local-allow allow added - allow
	block 0 add 203.0.113.8 --list bans --owner dynamic --for 1h -o list,action
	prints bans added
	same "$(fp-block lists -o list,kind,owner)" "bans	block	dynamic
local-allow	allow	local"
	block 0 add 203.0.113.9 --list bans -o kind
	block 2 add 203.0.113.9 --list bans --kind allow
	says 'list bans is of kind block, not allow'
	block 2 add 203.0.113.9 --list bans --owner local
	says 'list bans is owned dynamic, not local'
	block 2 load bans --kind allow /dev/null
	says 'list bans is of kind block, not allow'
	in_step
}

@test "allow beats block, and del gives it back" {
	block 0 load feed - <<<203.0.113.0/24
	block 0 add 203.0.113.7 -k allow
	verdict 203.0.113.7 allow
	verdict 203.0.113.6 block
	block 0 del 203.0.113.7 -k allow
	prints 203.0.113.7 local-allow allow removed - block
	in_step
}

# ---- del

@test "del: off every list of the kind, and what still blocks it" {
	fp-block add 203.0.113.7 >/dev/null
	fp-block add 203.0.113.7 --list bans >/dev/null
	fp-block load feed - <<<203.0.113.0/24 >/dev/null
	block 0 del 203.0.113.7 203.0.113.9
	same "$output" "203.0.113.7	bans	block	removed	-	block
203.0.113.7	local	block	removed	-	block
203.0.113.9	-	-	absent	-	block"
	same "$stderr" "fp-block: 203.0.113.7 is still blocked by 203.0.113.0/24 of list feed
fp-block: 203.0.113.9 is still blocked by 203.0.113.0/24 of list feed"
	block 0 del 203.0.113.0/24 -j
	silent
	json '.[-1]' '{"type":"summary","changed":true,"removed":1,"absent":0}'
	block 0 del 203.0.113.0/24 -j
	json '.[-1]' '{"type":"summary","changed":false,"removed":0,"absent":1}'
	verdict 203.0.113.7 none
	in_step
}

@test "del --list: off that one; -: from stdin; another kind is named" {
	fp-block add 203.0.113.7 >/dev/null
	fp-block add 203.0.113.7 --list bans >/dev/null
	block 0 del - --list bans <<<203.0.113.7
	prints 203.0.113.7 bans block removed - block
	says '203.0.113.7 is still blocked by 203.0.113.7 of list local'
	fp-block add 203.0.113.8 --kind allow >/dev/null
	block 0 del 203.0.113.8
	prints 203.0.113.8 - - absent - allow
	says '203.0.113.8 is on allow list local-allow: --kind allow takes it off'
	block 2 del 203.0.113.8 --list local-allow --kind block
	says 'list local-allow is of kind allow, not block'
	block 0 del 203.0.113.8 --list local-allow --why moved
	in_step
}

# ---- load and unload

@test "load: the smallest difference, in any order, and nothing the second time" {
	printf '%s\n' 203.0.113.9 2001:db8:a::/48 203.0.113.7 203.0.113.9 >feed
	block 0 load feed feed
	prints feed block 3 3 0 0 0 0 0
	silent
	inode=$(stat -c %i "$lists/feed.list")
	block 0 load feed feed -j
	json '.[-1]' '{"type":"summary","changed":false,"entries":3,"added":0,"removed":0,"updated":0,"bad":0,"refused":0,"expired":0}'
	same "$(stat -c %i "$lists/feed.list")" "$inode"
	printf '%s\n' '203.0.113.9 why=new' 203.0.113.8 2001:db8:a::/48 \
		'203.0.113.1 until=2020-01-01T00:00:00Z' >feed
	block 0 load feed feed -j
	json '.[0]' '{"type":"load","list":"feed","kind":"block","entries":3,"added":1,"removed":1,"updated":1,"bad":0,"refused":0,"expired":1}'
	verdict 203.0.113.7 none
	verdict 203.0.113.8 block
	in_step
}

@test "load takes what list prints, stdin and a pipe" {
	fp-block add 203.0.113.7 --for 1h --why 'a "b"' --by me >/dev/null
	fp-block add 2001:db8:a::/48 203.0.113.0/28 >/dev/null
	fp-block list local >want
	block 0 load copy - <want
	same "$(fp-block list copy)" "$(cat want)"
	block 0 load copy <(cat want) -j
	json '.[-1].changed' false
	block 0 load local <(fp-block list local) -j
	json '.[-1].changed' false
	in_step
}

@test "load of many: a diff of millions of lines is small where they are alike" {
	awk 'BEGIN { for (i = 0; i < 65536 * 3; i++)
		printf "198.%d.%d.%d\n", 18 + i / 65536, i / 256 % 256, i % 256 }' >big
	block 0 load big big -o added
	prints 196608
	verdict 198.18.0.255 block
	sed -i 's/^198.18.0.255$/198.30.0.1/' big
	block 0 load big big -j
	json '.[-1] | [.added, .removed, .entries]' '[1,1,196608]'
	verdict 198.18.0.255 none
	verdict 198.30.0.1 block
	in_step
}

@test "unload: the list is gone, its entries too" {
	fp-block load feed - <<<203.0.113.7 >/dev/null
	block 0 unload feed --why old
	prints feed block local 1
	silent
	verdict 203.0.113.7 none
	[ ! -e "$lists/feed.list" ]
	block 0 unload feed
	says 'there is no such list'
	same "$output" ''
	block 0 unload feed -j
	json '.' '[{"type":"summary","changed":false,"lists":0,"entries":0}]'
	in_step
}

# ---- --dry-run, and twice the same

@test "--dry-run says what would change, changes nothing; the second run neither" {
	fp-block add 203.0.113.1 >/dev/null
	echo 203.0.113.2 >file
	fp-block add 203.0.113.3 --for 1s --list brief >/dev/null
	sleep 2
	for args in 'add 203.0.113.7' 'load feed file' 'sweep' \
		'del 203.0.113.1' 'unload feed'; do
		before=$(state)
		# shellcheck disable=SC2086 # words
		block 1 $args --dry-run -j
		silent
		json '.[-1].changed' true
		plan=$(jq -c 'del(.verdict)' <<<"$output")
		same "$(state)" "$before"
		in_step
		# shellcheck disable=SC2086 # words
		block 0 $args -j
		silent
		json '.[-1].changed' true
		same "$(jq -c 'del(.verdict)' <<<"$output")" "$plan"
		in_step
		before=$(state)
		# shellcheck disable=SC2086 # words
		block 0 $args -j
		json '.[-1].changed' false
		same "$(state)" "$before"
		# shellcheck disable=SC2086 # words
		block 0 $args -n -j
		json '.[-1].changed' false
	done
}

@test "--dry-run on a node without lists, or without anything" {
	rm -rf "$lists"
	block 1 add 203.0.113.7 --dry-run
	prints 203.0.113.7 local block added - -
	[ ! -e "$lists" ]
	block 1 add 203.0.113.7 -n --state "$PWD/none" --pins "$FP_PINS/none"
	prints 203.0.113.7 local block added - -
	silent
	[ ! -e none ]
}
