#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-block: the verbs that ask and those that keep lists and tables true.
# shellcheck disable=SC2154 # bats' own variables

bats_require_minimum_version 1.5.0

load block.bash

setup_file() { node_up; }
setup() { node_fresh; }

no_filter='no filter is loaded here: nothing is dropped (fp-load attach IF)'

# ---- list and lists

@test "list: what load takes, a comment before each list when there are several" {
	block 0 list
	same "$output" ''
	silent
	fp-block add 203.0.113.9 203.0.113.10 --why x >/dev/null
	fp-block add 198.51.100.0/28 --kind allow >/dev/null
	block 0 list
	silent
	same "$output" "# list local kind=block owner=local
203.0.113.9 why=x
203.0.113.10 why=x
# list local-allow kind=allow owner=local
198.51.100.0/28"
	block 0 list local
	same "$output" $'203.0.113.9 why=x\n203.0.113.10 why=x'
	block 0 list -o prefix,list
	same "$output" $'203.0.113.9\tlocal\n203.0.113.10\tlocal\n198.51.100.0/28\tlocal-allow'
	block 0 list local-allow --json
	json '.' '[{"type":"entry","prefix":"198.51.100.0/28","list":"local-allow","kind":"allow"},{"type":"summary","changed":false,"lists":1,"entries":1,"broken":0}]'
}

@test "lists" {
	block 0 lists
	same "$output" ''
	fp-block load feed - <<<203.0.113.9 >/dev/null
	fp-block add 203.0.113.10 --list feed >/dev/null
	block 0 lists
	silent
	[[ $output == $'feed\tblock\tlocal\t2\t2\t'*Z$'\t'[0-9]s ]]
	block 0 lists -j
	json '.[0] | [.entries, .generation, (.age_s < 5), .bytes]' '[2,2,true,26]'
	json '.[-1] | [.lists, .entries]' '[1,2]'
}

# ---- test and why

@test "test: 0 when all are dropped now, 1 when one is not" {
	fp-block add 203.0.113.7 2001:db8:a::1 >/dev/null
	block 0 test 203.0.113.7 2001:db8:a::1
	silent
	same "$output" $'203.0.113.7\tblock\tyes\tenforce\n2001:db8:a::1\tblock\tyes\tenforce'
	block 1 test 203.0.113.7 203.0.113.8 -j
	json '.' '[{"type":"test","address":"203.0.113.7","verdict":"block","blocked":true,"mode":"enforce"},{"type":"test","address":"203.0.113.8","verdict":"none","blocked":false,"mode":"enforce"},{"type":"summary","changed":false,"addresses":2,"blocked":1}]'
}

@test "test and why know that lists may only observe" {
	fp-block add 203.0.113.7 >/dev/null
	fp-load set lists=observe -q >/dev/null
	run -1 --separate-stderr fp-block test 203.0.113.7
	prints 203.0.113.7 block no observe
	run -0 --separate-stderr fp-block why 203.0.113.7 -o blocked,mode
	prints no observe
	fp-load set lists=enforce -q >/dev/null
	block 0 test 203.0.113.7
}

@test "why: each entry that covers it, then the verdict" {
	fp-block load feed - <<<203.0.113.0/24 >/dev/null
	fp-block add 203.0.113.7 --for 1h --why scan --by alice >/dev/null
	block 0 why 203.0.113.7
	silent
	same "${lines[0]}" $'203.0.113.7\t203.0.113.0/24\tfeed\tblock\tlocal\t-\t-\t-\t-'
	[[ ${lines[1]} == $'203.0.113.7\t203.0.113.7\tlocal\tblock\tlocal\t2'*$'Z\tscan\talice\t-' ]]
	same "${lines[2]}" $'203.0.113.7\tblock\tblock\tyes\tenforce'
	block 0 why 203.0.113.7 203.0.114.1 -j
	json 'map(.type)' '["why","why","verdict","verdict","summary"]'
	json '.[-1]' '{"type":"summary","changed":false,"addresses":2,"covered":1,"disagreed":0}'
	block 1 why 203.0.114.1
	prints 203.0.114.1 none none no enforce
	block 0 why 203.0.113.7 -o prefix,why
	same "$output" $'203.0.113.0/24\t-\n203.0.113.7\tscan'
	block 0 why 203.0.113.7 -o lists_say,blocked
	prints block yes
}

# ---- verify, digest, sweep

# Take 203.0.0.0/14 out of the tables, behind fp-block's back.
lose_a_page() {
	# shellcheck disable=SC2046 # 4096 words
	bpftool map update pinned "$FP_PINS/v2/dir4" key hex c0 32 00 00 \
		value $(printf '0 %.0s' $(seq 4096))
}

@test "verify finds what differs, why too, and --repair mends it" {
	fp-block add 203.0.113.7 198.51.100.7 >/dev/null
	block 0 verify
	says 'the tables equal the lists'
	same "$output" ''
	lose_a_page
	block 1 verify
	says 'the tables do NOT equal the lists: fp-block verify --repair'
	[[ $output == 203.0.113.* ]]
	block 2 why 203.0.113.7 -o verdict
	says '203.0.113.7: the lists say block, the kernel none: fp-block verify --repair'
	block 1 verify --repair --dry-run -j
	json '.[-1] | [.changed, .found, .left]' '[false,1,1]'
	block 0 verify --repair -j
	json '.[-1] | [.changed, .found, .left]' '[true,1,0]'
	verdict 203.0.113.7 block
	block 0 verify --repair -j
	json '.' '[{"type":"summary","changed":false,"found":0,"left":0,"broken":0}]'
}

@test "add says when the kernel does not agree" {
	fp-block add 203.0.113.7 >/dev/null
	lose_a_page
	block 2 add 203.0.113.7
	says '203.0.113.7 is on list local, but the kernel says none: fp-block verify --repair'
	fp-block verify --repair -q >/dev/null
}

@test "digest: over the pushed lists only, in canonical order" {
	list_file a-b pushed allow 198.51.100.0/24
	list_file a pushed block 203.0.113.7 '203.0.113.8 until=2099-01-02T03:04:05Z why="a b"'
	fp-block add 192.0.2.9 --list zz --for 1h --owner dynamic -q >/dev/null
	a=$(sha256sum <<-'END'
		a block
		203.0.113.7
		203.0.113.8 until=2099-01-02T03:04:05Z why="a b"
	END
	)
	b=$(printf 'a-b allow\n198.51.100.0/24\n' | sha256sum)
	want=$(printf 'a block %s\na-b allow %s\n' "${a%% *}" "${b%% *}" |
		sha256sum | cut -d ' ' -f 1)
	block 0 digest
	silent
	prints "$want" 2 3 1
	block 0 digest -j
	json '.[0]' "{\"type\":\"digest\",\"digest\":\"$want\",\"lists\":2,\"entries\":3,\"dynamic\":1}"
	# a log says the same as a body
	list_file a pushed block 203.0.113.7
	echo '+203.0.113.8 until=2099-01-02T03:04:05Z why="a b"' >>"$lists/a.list"
	block 0 digest -o digest
	prints "$want"
}

@test "sweep writes a long log anew" {
	list_file b local block 203.0.113.7
	seq -f '+198.51.100.%g why=12345678901234567890' 0 255 >log
	for _ in 1 2 3 4 5 6 7 8; do cat log; done >>"$lists/b.list"
	fp-block verify --repair --quiet
	block 0 sweep
	silent
	prints b 0 yes
	same "$(grep -c '^198' "$lists/b.list")" 256
	run ! grep -q '^+' "$lists/b.list"
	block 0 sweep
	same "$output" ''
	in_step
}

# ---- options that all verbs take

@test "--quiet leaves errors only, --state and --pins say where" {
	block 3 add 203.0.113.7 --state here --pins "$FP_PINS/none"
	says 'saved, but NOT in force: no filter is loaded here (fp-load attach IF)'
	block 3 add 203.0.113.7 --state here --pins "$FP_PINS/none" --quiet
	silent
	prints 203.0.113.7 local block kept - -
	[ -e here/lists/local.list ]
	block 1 test 203.0.113.7 --state here --pins "$FP_PINS/none"
	says "$no_filter"
	prints 203.0.113.7 - no none
	block 2 verify --state here --pins "$FP_PINS/none" -q
	hints 'no filter is loaded'
	FP_STATE=here FP_PINS=$FP_PINS/none block 0 list local
	same "$output" 203.0.113.7
}

@test "what cannot be written is an error" {
	fp-block add 203.0.113.7 >/dev/null
	for args in 'list' 'list -j' 'lists' 'test 203.0.113.7' 'why 203.0.113.7' \
		'digest' 'verify -j' 'sweep -j' 'add 203.0.113.8' \
		'del 203.0.113.8' 'load x -' 'unload x' '--help'; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr -2 bash -c 'fp-block "$@" >/dev/full' \
			bash $args </dev/null
		says 'cannot write the output: No space left on device'
	done
	in_step
}

@test "each change goes to syslog once, with who and why" {
	cat >in-dev <<-'END'
		mount -t tmpfs tmpfs /dev
		socat -u UNIX-RECV:/dev/log CREATE:log &
		while [ ! -e /dev/log ]; do sleep 0.05; done
		"$@" >out
		"$@" >out
		sleep 0.2
		kill $!
	END
	SUDO_USER=alice unshare -m bash in-dev \
		fp-block add 203.0.113.7 --why 'scan of 5060'
	grep -a -c fp-block log | grep -qx 1
	grep -aq 'add: 1 prefix on block list local, first 203.0.113.7 by=alice why=scan of 5060' log
}
