#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-sync from the controller's end: three nodes behind real sshd's.
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

teardown() { rm -f "$LAB_DIR"/controller/home/.ssh/config; }

teardown_file() {
	source test/bats/sync.bash
	sync_down
}

# ---- push

@test "push makes all nodes equal to the lists directory" {
	put apiban 198.51.100.0/24 '203.0.113.9 why=scan' 2001:db8:99::/48
	put carriers '#fastpath-list 1 kind=allow' 203.0.113.64/28
	fs 0 push
	silent
	rows 1-5 'sip1\tok\tyes\t4\t0' 'sip2\tok\tyes\t4\t0' 'sip3\tok\tyes\t4\t0'
	for node in sip1 sip2 sip3; do
		verdict $node 203.0.113.9 block
		verdict $node 203.0.113.65 allow
		verdict $node 2001:db8:99::1 block
		same "$(block $node lists -o list,kind,owner | grep pushed)" \
			$'apiban\tblock\tpushed\ncarriers\tallow\tpushed'
		block $node verify --quiet
	done
	[ "$(block sip1 digest)" = "$(block sip2 digest)" ]
}

@test "a second push says that nothing changed, in one round trip" {
	put apiban 198.51.100.0/24
	fs 0 push --json
	json '.[-1].changed' true
	fs 0 push --json
	json '[.[] | .changed]' '[false,false,false,false]'
	json '[.[0:3][] | .sent < 100 and .received < 1000] | all' true
}

@test "push --dry-run says what would change, and changes nothing" {
	put apiban 198.51.100.0/24
	fs 1 push -n
	rows 1-4 'sip1\twould-change\tyes\t1' 'sip2\twould-change\tyes\t1' \
		'sip3\twould-change\tyes\t1'
	verdict sip1 198.51.100.1 none
	same "$(fs 0 history; echo "$output")" ''
	fs 0 push
	fs 0 push -n
}

@test "a list is taken away with --prune alone" {
	put one 198.51.100.1
	put two 198.51.100.2
	fs 0 push
	rm "$lists/two.list"
	fs 0 push
	rows 1-3,10 'sip1\tok\tno\talso has list two (--prune)' \
		'sip2\tok\tno\talso has list two (--prune)' \
		'sip3\tok\tno\talso has list two (--prune)'
	verdict sip2 198.51.100.2 block
	fs 1 status -o node,in_step,detail
	rows 1-3 'sip1\tno\talso has list two' 'sip2\tno\talso has list two' \
		'sip3\tno\talso has list two'
	fs 0 push --prune
	verdict sip2 198.51.100.2 none
	verdict sip2 198.51.100.1 block
	fs 0 status
}

@test "push NAME pushes that list alone" {
	put one 198.51.100.1
	put two 198.51.100.2
	fs 0 push one
	verdict sip1 198.51.100.1 block
	verdict sip1 198.51.100.2 none
	fs 2 push three
	hints 'no */three.list'
	fs 2 push _cluster
	hints '_cluster: names that begin'
}

@test "lists that nobody pushed are let be" {
	block sip1 add 198.51.100.7 --quiet >/dev/null
	block sip1 add 198.51.100.8 --list dyn --owner dynamic --quiet >/dev/null
	put one 198.51.100.1
	fs 0 push --prune
	verdict sip1 198.51.100.7 block
	verdict sip1 198.51.100.8 block
}

@test "a bad line stops all of it, before any node is touched" {
	put one 198.51.100.1
	put two 198.51.100.2 198.51.100.300
	fs 2 push
	same "$stderr" \
		'fp-sync: two.list:2: "198.51.100.300": an octet is more than 255'
	verdict sip1 198.51.100.1 none
	put two
	put _x 1.2.3.4
	fs 2 push
	hints '_x.list: a name that begins'
}

@test "an empty or vanished directory is refused, by its own rule" {
	fs 5 push
	hints 'refused by rule empty: *lists holds no list'
	rmdir "$lists"
	fs 5 push --prune
	hints 'refused by rule empty: *lists is not there'
	mkdir "$lists"
	put one 198.51.100.1
	fs 0 push
	rm "$lists/one.list"
	fs 5 push --prune
	verdict sip1 198.51.100.1 block
	fs 0 push --prune --override empty
	verdict sip1 198.51.100.1 none
}

@test "what has ended is left out" {
	put one '198.51.100.1 until=2020-01-01T00:00:00Z' 198.51.100.2
	fs 0 push
	hints '1 lines left out'
	verdict sip1 198.51.100.1 none
	verdict sip1 198.51.100.2 block
}

@test "the guard of a node refuses, says its rule, and can be overridden" {
	put one "$(cluster_addr controller)"
	fs 5 push
	hints 'sip1: refused by rule ssh: *connected to this node by SSH'
	rows 1-3 'sip1\trefused\tno' 'sip2\trefused\tno' 'sip3\trefused\tno'
	put one "$(cluster_addr sip2)"
	fs 5 push
	hints 'refused by rule self'
	hints 'refused by rule cluster'
	put one 198.50.0.0/15
	fs 5 push
	fs 0 push --override wide
	verdict sip1 198.50.1.1 block
}

@test "too large a change is refused, unless --max-change lets it pass" {
	hosts 400 9 >"$lists/big.list"
	fs 0 push
	hosts 200 9 >"$lists/big.list"
	fs 5 push
	hints 'rule max-change'
	fs 0 push --max-change 60
	fs 2 push --max-change 101
}

# ---- what travels

@test "a change of a long list travels as the difference, at every node" {
	hosts 20000 9 >"$lists/big.list"
	fs 0 push
	sed -i '77s/$/ why=changed/; 500d' "$lists/big.list"
	echo 10.8.0.1 >>"$lists/big.list"
	fs 0 push --json
	json '[.[0:3][] | [.added, .removed, .sent < 1000]] | unique' \
		'[[1,1,true]]'
	fs 0 status
}

@test "a controller without history finds the difference by buckets" {
	hosts 20000 9 >"$lists/big.list"
	fs 0 push
	rm -rf "$LAB_DIR/controller/state/sync"
	fs 0 push # equal: what stands there is known from now on
	rm -rf "$LAB_DIR/controller/state/sync/objects/"*
	sed -i '77s/$/ why=changed/; 500d' "$lists/big.list"
	fs 0 push --json
	json '[.[0:3][] | [.added, .removed, .sent < 10000]] | unique' \
		'[[0,1,true]]'
	fs 0 status
}

@test "a damaged version in the history counts as none" {
	hosts 2000 9 >"$lists/big.list"
	fs 0 push
	for f in "$LAB_DIR"/controller/state/sync/objects/*; do
		sed -i '5s/.*/192.0.2.1/' "$f"
	done
	sed -i 500d "$lists/big.list"
	fs 0 push
	fs 0 status
}

@test "nodes that lost, changed or never had a list get what they lack" {
	hosts 3000 9 >"$lists/big.list"
	put small 198.51.100.1
	fs 0 push
	block sip1 unload small --override owner --override empty --quiet \
		>/dev/null
	block sip2 add 198.51.100.77 --list big --override owner --quiet \
		>/dev/null
	fs 1 status -o node,detail
	rows 1-2 'sip1\tlacks list small' 'sip2\tlist big differs' 'sip3\t-'
	fs 0 push
	rows 1-5 'sip1\tok\tyes\t1\t0' 'sip2\tok\tyes\t0\t1' 'sip3\tok\tno\t0\t0'
	fs 0 status
}

# ---- several controllers

@test "what another controller changed is not undone" {
	put one 198.51.100.1
	fs 0 push
	mv "$LAB_DIR/controller/state/sync" "$BATS_TEST_TMPDIR/first"
	put one 198.51.100.2
	fs 5 push
	hints 'sip1: refused by rule adopt: * pushed * of which this controller knows nothing'
	verdict sip1 198.51.100.1 block
	fs 0 push --adopt
	hints 'sip1: taken over from '
	verdict sip1 198.51.100.2 block
	fs 0 push --adopt --json
	json '.[-1].changed' false
	# and the first one does not know of that
	rm -rf "$LAB_DIR/controller/state/sync"
	mv "$BATS_TEST_TMPDIR/first" "$LAB_DIR/controller/state/sync"
	put one 198.51.100.3
	fs 5 push
	hints 'rule adopt'
	fs 0 push --override adopt
}

@test "a controller restored from a backup is refused" {
	put one 198.51.100.1
	fs 0 push
	cp -a "$LAB_DIR/controller/state/sync" "$BATS_TEST_TMPDIR/backup"
	put one 198.51.100.2
	fs 0 push
	rm -rf "$LAB_DIR/controller/state/sync"
	mv "$BATS_TEST_TMPDIR/backup" "$LAB_DIR/controller/state/sync"
	put one 198.51.100.1
	fs 5 push
	hints 'rule adopt'
	verdict sip1 198.51.100.2 block
}

@test "two controllers with the same lists take turns" {
	put one 198.51.100.1
	fs 0 push
	mv "$LAB_DIR/controller/state/sync" "$BATS_TEST_TMPDIR/first"
	fs 0 push # equal: nothing to do, and known from now on
	put one 198.51.100.2
	fs 0 push
	verdict sip3 198.51.100.2 block
}

# ---- nodes that cannot be reached

@test "two of three nodes are dead: exit 3, which ones, within one deadline" {
	cluster_cut -s sip1
	cluster_freeze sip2
	put one 198.51.100.1
	takes 3500 fs 3 push -t 2s
	cluster_heal sip1
	cluster_thaw sip2
	rows 1-2 'sip1\tunreachable' 'sip2\tunreachable' 'sip3\tok'
	hints 'fp-sync: sip1: '
	hints '3 nodes: 1 done, 2 unreachable'
	fs 3 status -N sip1,sip3 -t 2s -o node,state 3>&- || :
	fs 0 push
	fs 0 status
}

@test "all nodes are dead: exit 4" {
	for node in sip1 sip2 sip3; do cluster_kill_sshd $node; done
	put one 198.51.100.1
	takes 2000 fs 4 push -t 1s
	rows 1-2 'sip1\tunreachable' 'sip2\tunreachable' 'sip3\tunreachable'
	fs 4 status
	fs 4 add 198.51.100.9
	for node in sip1 sip2 sip3; do cluster_start_sshd $node; done
}

@test "an unknown host key is exit 4 with the remedy, a changed one exit 5" {
	local known=$LAB_DIR/controller/home/.ssh/known_hosts

	put one 198.51.100.1
	cp "$known" known
	: >"$known"
	fs 4 push
	rows 1-2 'sip1\tunknown-key' 'sip2\tunknown-key' 'sip3\tunknown-key'
	hints ssh-keyscan
	# the key of sip2 under all names
	awk '$1 ~ /^sip2,/ { key = $2 " " $3 } { name[NR] = $1 }
		END { for (i = 1; i <= NR; i++) print name[i], key }' known >"$known"
	fs 3 push
	rows 1-2 'sip1\tchanged-key' 'sip2\tok' 'sip3\tchanged-key'
	fs 5 push -N '!sip2'
	cp known "$known"
	fs 0 push
}

@test "a node whose shell says something else is named" {
	local keys=$LAB_DIR/sip2/authorized_keys

	put one 198.51.100.1
	cp "$keys" keys
	sed -i 's|command="[^"]*"|command="echo hello"|; s|command=".*receive[^ ]* .*" ssh|command="echo hello" ssh|' "$keys"
	grep -q 'echo hello' "$keys"
	fs 3 push
	rows 1-2 'sip1\tok' 'sip2\tfailed' 'sip3\tok'
	hints 'sip2: '
	cp keys "$keys"
	fs 0 push
}

@test "-N chooses nodes; a name that is none is exit 2" {
	put one 198.51.100.1
	fs 0 push -N sip1
	verdict sip1 198.51.100.1 block
	verdict sip2 198.51.100.1 none
	fs 0 push -N 'edge:!sip1' --parallel 1
	verdict sip3 198.51.100.1 block
	fs 2 push -N sip9
	hints sip9
}

@test "--ssh-command is another way to the same" {
	put one 198.51.100.1
	fs 0 push --ssh-command 'ssh -o BatchMode=yes'
	verdict sip3 198.51.100.1 block
	fs 0 status --ssh-command 'ssh -o BatchMode=yes'
	cluster_cut sip2
	fs 3 status --ssh-command 'ssh -o BatchMode=yes' -t 2s
	cluster_heal sip2
}

# ---- status

@test "status: one record a node" {
	fs 0 status --override empty || :
	put one 198.51.100.1
	fs 1 status -o node,state,in_step,accepted_by,filter,lists,detail
	rows 1-7 'sip1\tup\tno\t-\tattached\tenforce\tlacks list one' \
		'sip2\tup\tno\t-\tattached\tenforce\tlacks list one' \
		'sip3\tup\tno\t-\tattached\tenforce\tlacks list one'
	fs 0 status --repair
	fs 0 add 198.51.100.9
	fs 0 status --json
	json '[.[0:3][] | [.in_step, .bans, .clock_s, .version]] | unique' \
		'[[true,1,0,"0.1.0"]]'
	json '.[3] | .in_step, .behind, .unreachable' 3$'\n'0$'\n'0
	cluster_cut sip2
	fs 3 status -t 1s -o node,state,in_step
	cluster_heal sip2
	rows 1-3 'sip1\tup\tyes' 'sip2\tunreachable\tno' 'sip3\tup\tyes'
}

# ---- add and del

@test "add bans at every node, del lifts it, both say so once" {
	fs 0 add 203.0.113.7 2001:db8:7::1 --for 1h --why toll-fraud
	rows 1-4 'sip1\tbans\tok\t2' 'sip2\tbans\tok\t2' 'sip3\tbans\tok\t2'
	for node in sip1 sip2 sip3; do
		verdict $node 203.0.113.7 block
		verdict $node 2001:db8:7::1 block
	done
	fs 0 add 203.0.113.7 --for 1h --why toll-fraud --json
	json '[.[-1].changed, .[0].changed]' '[false,0]'
	fs 0 del 203.0.113.7
	for node in sip1 sip2 sip3; do
		verdict $node 203.0.113.7 none
		verdict $node 2001:db8:7::1 block
	done
	fs 0 del 203.0.113.7 --json
	json '.[-1].changed' false
	fs 0 add 203.0.113.7
	verdict sip2 203.0.113.7 block
}

@test "del says when another list blocks still" {
	put apiban 203.0.113.0/24
	fs 0 push
	fs 0 add 203.0.113.7
	fs 0 del 203.0.113.7
	hints '203.0.113.7 was lifted, and is still blocked by list apiban (pushed)'
	verdict sip1 203.0.113.7 block
	fs 0 add 198.51.100.7
	fs 0 del 198.51.100.7
	silent
}

@test "add takes lists, kinds, times and lines on stdin" {
	fs 2 add 203.0.113.64/28 --kind allow
	hints '--list NAME'
	fs 0 add 203.0.113.64/28 --kind allow --list carriers
	verdict sip1 203.0.113.65 allow
	run -0 --separate-stderr on controller add - \
		<<<$'203.0.113.8 why="a b"\n203.0.113.9 until=2099-01-01T00:00:00Z\n'
	same "$(bans sip2)" '203.0.113.8 203.0.113.9'
	fs 2 add 203.0.113.300
	fs 2 add 203.0.113.1 --for 1h --until 2099-01-01T00:00:00Z
	fs 2 add 203.0.113.1 --for soon
	fs 2 add
	fs 1 add 203.0.113.10 -n
	verdict sip1 203.0.113.10 none
}

@test "a node that was away gets all words at the next contact" {
	fs 0 add 203.0.113.1
	cluster_cut sip2
	fs 3 add 203.0.113.2 -t 1s
	rows 1,3 'sip1\tok' 'sip2\tunreachable' 'sip3\tok'
	fs 3 del 203.0.113.1 -t 1s
	cluster_heal sip2
	same "$(bans sip2)" 203.0.113.1
	fs 0 add 203.0.113.3 --json
	json '[.[0:3][] | .caught_up]' '[0,2,0]'
	verdict sip2 203.0.113.1 none
	verdict sip2 203.0.113.2 block
	verdict sip2 203.0.113.3 block
}

@test "words that nodes have from elsewhere come to all" {
	block sip1 add 203.0.113.20 --list feeds --owner dynamic --quiet \
		>/dev/null
	put one 198.51.100.1
	fs 0 push -N sip1
	fs 0 push
	verdict sip3 203.0.113.20 block
}

@test "an address that a node protects is refused there, and said" {
	fs 3 add "$(cluster_addr sip2)" 203.0.113.5 || fs 5 add \
		"$(cluster_addr sip2)" 203.0.113.5
	hints 'sip1: '
	verdict sip1 203.0.113.5 block
	verdict sip1 "$(cluster_addr sip2)" allow
}

@test "bans end by themselves, also by another node's clock" {
	fs 0 add 203.0.113.7 --for 2s
	verdict sip1 203.0.113.7 block
	sleep 3
	verdict sip1 203.0.113.7 none
	fs 0 status -o bans
	rows 1 0 0 0
}

# ---- questions

@test "compare: one record a difference" {
	put one 198.51.100.1 '198.51.100.2 why=x'
	put two 198.51.100.3
	fs 0 push
	fs 0 compare
	same "$output" ''
	put one 198.51.100.1 '198.51.100.2 why=y' 198.51.100.9
	rm "$lists/two.list"
	put three '#fastpath-list 1 kind=allow' 203.0.113.64/28
	fs 1 compare sip2
	rows 1-5 'sip2\tthree\t-\tallow\t-' 'sip2\ttwo\t-\t-\tblock' \
		'sip2\tone\t198.51.100.2\t198.51.100.2 why=y\t198.51.100.2 why=x' \
		'sip2\tone\t198.51.100.9\t198.51.100.9\t-'
	fs 1 compare --max 1 --json
	json '.[-1].differences' 12
	hints 'sip1: list one: 1 more differences'
	hosts 5000 9 >"$lists/big.list"
	fs 0 push --prune
	sed -i 2000,2009d "$lists/big.list"
	fs 1 compare sip1 --json
	json '.[-1].differences' 10
}

@test "why: what every node's lists and kernel say" {
	put one '203.0.113.0/24 why=feed'
	fs 0 push
	fs 0 add 203.0.113.7 --why scan --by al
	fs 0 why 203.0.113.7 -N sip2
	rows 1-5,7-9 \
		'sip2\tbans\tblock\tdynamic\t203.0.113.7\tscan\tal\t-' \
		'sip2\tone\tblock\tpushed\t203.0.113.0/24\tfeed\t-\t-' \
		'sip2\tkernel\t-\t-\t203.0.113.7\t-\t-\tblock'
	fs 1 why 192.0.2.99
	fs 2 why 192.0.2.0/24
	cluster_cut sip3
	fs 3 why 203.0.113.7 -t 1s
	cluster_heal sip3
}

# ---- history

@test "history and rollback" {
	put one 198.51.100.1
	fs 0 push --why first
	put one 198.51.100.1 198.51.100.2
	put two 198.51.100.9
	fs 0 push --why second
	fs 0 push
	fs 0 history -o list,entries,added,removed,why
	same "$output" $'one\t2\t1\t0\tsecond\ntwo\t1\t1\t0\tsecond\none\t1\t1\t0\tfirst'
	fs 0 history two -o list
	same "$output" two
	chmod 640 "$lists/one.list"
	fs 1 rollback one -n
	fs 0 rollback one
	same "$(cat "$lists/one.list")" 198.51.100.1
	same "$(stat -c %a "$lists/one.list")" 640
	verdict sip2 198.51.100.2 none
	verdict sip2 198.51.100.9 block
	fs 0 history one -o digest
	fs 0 rollback one --to "$(sed -n 2p <<<"$output")"
	verdict sip2 198.51.100.2 block
	fs 2 rollback one --to ffffffff
	hints 'no version ffffffff'
	fs 2 rollback nosuch
}

@test "pull brings a node's lists here, and overwrites nothing that differs" {
	put one 198.51.100.1
	put two '#fastpath-list 1 kind=allow' 203.0.113.64/28
	fs 0 push
	rm "$lists"/*
	fs 0 pull sip2
	rows 1-4 'one\tblock\twritten\t1' 'two\tallow\twritten\t1'
	fs 0 status
	fs 0 pull sip2
	rows 1-3 'one\tblock\tkept' 'two\tallow\tkept'
	put one 198.51.100.5
	rm "$lists/two.list"
	fs 5 pull sip2
	hints 'refused by rule local'
	same "$(cat "$lists/one.list")" 198.51.100.5
	[ ! -e "$lists/two.list" ]
	fs 0 pull sip2 one --override local
	same "$(cat "$lists/one.list")" 198.51.100.1
	fs 2 pull sip2 nosuch
	fs 2 pull edge
}

# ---- break the glass, canaries

@test "bypass: every filter observes, and comes back by itself" {
	put one 203.0.113.7
	fs 0 push
	fs 1 bypass --for 10m -n
	fs 0 bypass --for 2s --why 'upstream trouble'
	rows 1-3 'sip1\tok\tyes' 'sip2\tok\tyes' 'sip3\tok\tyes'
	run -1 block sip1 test 203.0.113.7
	sleep 3
	run -0 block sip1 test 203.0.113.7
	fs 0 bypass --for 10m
	fs 0 status -o bypass_s
	[[ $output == *59?s* || $output == *600s* ]]
	fs 0 bypass --end
	rows 1-3 'sip1\tok\tyes' 'sip2\tok\tyes' 'sip3\tok\tyes'
	run -0 block sip1 test 203.0.113.7
	fs 0 bypass --end
	rows 1-3 'sip1\tok\tno' 'sip2\tok\tno' 'sip3\tok\tno'
	fs 2 bypass
	fs 2 bypass --for 2d
}

@test "a canary that is confirmed lets the others follow" {
	put one 203.0.113.7
	cluster_start canary controller "$FP_BUILD/fp-sync" push --lists \
		"$lists" --canary 1 --confirm 30s
	lab_wait 10 grep -q waiting "$LAB_DIR/canary.log"
	verdict sip1 203.0.113.7 block
	verdict sip2 203.0.113.7 none
	fs 0 status -o node,state -N sip1
	same "$output" $'sip1\tpending'
	fs 1 confirm -n
	fs 0 confirm
	rows 1-2,4 'sip1\tconfirmed\tyes' 'sip2\tnone\tno' 'sip3\tnone\tno'
	lab_wait 10 verdict sip3 203.0.113.7 block
	lab_wait 10 grep -q 'sip3' "$LAB_DIR/canary.log"
	fs 0 status
	fs 0 confirm --json
	json '.[-1].changed' false
}

@test "a canary that is not confirmed is taken back, and the others never hear" {
	put one 203.0.113.6
	fs 0 push
	put one 203.0.113.7
	takes 8000 fs 1 push --canary 1 --confirm 2s
	hints 'not confirmed: it is taken back, 2 other nodes were not touched'
	verdict sip1 203.0.113.7 none
	verdict sip1 203.0.113.6 block
	verdict sip2 203.0.113.6 block
	fs 2 push --canary 1
	fs 2 push --canary 0 --confirm 1m
}

@test "push --confirm alone: all nodes wait, and can be taken back" {
	put one 203.0.113.7
	fs 0 push --confirm 10m
	rows 1-3 'sip1\tpending\tyes' 'sip2\tpending\tyes' 'sip3\tpending\tyes'
	verdict sip3 203.0.113.7 block
	fs 0 confirm --back
	rows 1-2 'sip1\tback' 'sip2\tback' 'sip3\tback'
	verdict sip3 203.0.113.7 none
	fs 0 push
	verdict sip3 203.0.113.7 block
}

# ---- usage

@test "records are checked before anything is done" {
	put one 203.0.113.7
	for verb in push status 'add 203.0.113.9' compare 'why 192.0.2.1' \
		'pull sip1' history 'rollback one' 'bypass --end' confirm; do
		# shellcheck disable=SC2086 # words
		fs 2 $verb -o nosuch
		hints nosuch
	done
	verdict sip1 203.0.113.7 none
	verdict sip1 203.0.113.9 none
}
