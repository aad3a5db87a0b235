#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-rehome list, compare: three nodes with calls through two of them.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' variables

bats_require_minimum_version 1.5.0

load ../lab/rehome.bash

setup_file() {
	[ -n "${FP_TEST_BPFFS-}" ] && [ "$(id -u)" = 0 ] ||
		skip 'needs root and test/run'
	[ -x "$FP_BUILD/fp-rehome" ] || skip 'fp-rehome is not built'
	command -v sipp >/dev/null || skip 'needs sipp'
	ip link set lo up
	cd "$OS_ROOT" || return
	export LAB=$BATS_FILE_TMPDIR/lab
	rh_up "$LAB" 3
	rh_calls 8
	RH_VIA=2 rh_calls 4
}
teardown_file() {
	[ ! -e "${LAB-}/lab.env" ] || rh_load "$LAB"
	rh_down
}
setup() {
	cd "$OS_ROOT" || return
	rh_load "$LAB"
	export FP_CLUSTER=$BATS_TEST_TMPDIR/c.ini FP_STATE=$BATS_TEST_TMPDIR/s
	rh_cluster "$FP_CLUSTER"
}

rehome() { "$FP_BUILD/fp-rehome" "$@"; }
are_up() { [ "$(rehome list -o state | grep -cx confirmed)" = "$1" ]; } # N
# owners [NODE...]: "OWNER SEEN_AT" of what list says, counted, but for calls that
# ended: they linger for 5 s.
owners() {
	rehome list -o owner,seen_at,state "$@" | grep -v deleted |
		cut -f 1,2 | sort | uniq -c | xargs
}

@test "all: each dialog once, as its owner has it" {
	run -0 --separate-stderr owners
	[ "$output" = '8 sip1 sip1 4 sip2 sip2' ]
	[ -z "$stderr" ]
	run -0 rehome list -o callid
	[ "$(sort <<<"$output")" = "$(rh_held)" ]
}

@test "a node: dialogs of its tags" {
	[ "$(owners sip1)" = '8 sip1 sip1' ]
	[ "$(owners sip2)" = '4 sip2 sip2' ]
	[ "$(owners sip1 sip2)" = '8 sip1 sip1 4 sip2 sip2' ]
	run -0 rehome list sip3
	[ -z "$output" ]
	[ "$(owners -N sip2)" = '4 sip2 sip2' ]
	[ "$(owners -N '*,!sip2')" = '8 sip1 sip1' ]
	run -0 rehome balance -n -N sip1
	[[ $output == *'fewer than two nodes'* ]]
}

@test "what a record says" {
	run -0 rehome list sip1 --count 1
	[[ $output == *@127.0.3.1$'\t'sip1.?$'\t'confirmed$'\t'*s$'\t'sip:ok-*@127.0.3.1$'\t'sip:ok-*$'\t'127.0.3.1$'\t'127.0.3.2$'\t'outbound$'\t'sip1$'\t'sip1 ]]
	run -0 rehome list sip1 --count 1 -j
	[[ ${lines[0]} == '{"type":"dialog","callid":"'*'"tag":"sip1.'* ]]
	[ "${lines[1]}" = '{"type":"summary","changed":false,"dialogs":1,"untold":0}' ]
	run -2 rehome list -o nosuch
	[[ $output == *nosuch* ]]
}

@test "some" {
	id=$(rehome list sip2 -o callid --count 1)
	[ "$(rehome list --calls "$id,nobody" -o callid)" = "$id" ]
	[ "$(rehome list sip1 --tag sip1.0,sip1.1 -o tag | sort -u | xargs)" = 'sip1.0 sip1.1' ]
	[ -z "$(rehome list sip1 --tag sip2.0)" ]
	[ "$(rehome list --from-uri ok-1@ -o from | sort -u)" = sip:ok-1@127.0.3.1 ]
	[ -z "$(rehome list --to-uri sip:nobody)" ]
	[ "$(rehome list --media 127.0.3.2 | wc -l)" = 12 ]
	[ -z "$(rehome list --media 127.0.3.20)" ]
	[ "$(rehome list --younger 1h | wc -l)" = 12 ]
	[ -z "$(rehome list --older 1h)" ]
	[ "$(rehome list --count 5 | wc -l)" = 5 ]
	[ "$(rehome list --media 127.0.3.2:6000 | wc -l)" = 12 ]
	[ "$(rehome list --older 0s --younger 1h | wc -l)" = 12 ]
}

@test "words that match nothing are said" {
	run -0 rehome list --tag nosuch,sip1.0 --calls nobody@x
	[[ $output == *'--tag nosuch: no node knows it'* ]]
	[[ $output == *'--calls nobody@x: no node '*' has it'* ]]
	[[ $output != *'--tag sip1.0: '* && $output != *matches* ]]
	run -0 rehome list --media '[2001:db8::1]:5004'
	[[ $output == *'no dialog matches' ]]
	run -0 rehome list --media 2001:db8::1
	[[ $output == *'no dialog matches' ]]
	for word in bogus '[::1' '[]' ::1:x 127.0.3.2:x 127.0.3.0/24; do
		run -2 rehome list --media "$word"
		[[ $output == *"--media $word: no address" ]]
	done
	run -2 rehome list --older 10s --younger 5s
	[[ $output == *'--older 10s --younger 5s: no call is both' ]]
}

# change FROM TO: in the cluster file
change() { sed -i "s|$1|$2|" "$FP_CLUSTER"; }

@test "an address that is another node's" {
	change 'fp_node_id=1' 'fp_node_id=X'
	change 'fp_node_id=2' 'fp_node_id=1'
	change 'fp_node_id=X' 'fp_node_id=2'
	run -2 rehome list
	[[ $output == *'sip1: fp_node_id=2, but at fp_mi=udp:127.0.1.1:8080 is node 1: '* ]]
	run -2 rehome failover sip1 --to sip2 --override lock
	[[ $output == *'sip1: fp_node_id=2, but at fp_mi='* ]]
	rh_cluster "$FP_CLUSTER"
	change 'fp_mi_list=http://127.0.1.1' 'fp_mi_list=http://127.0.1.2'
	run -2 rehome list
	[[ $output == *'sip1: fp_node_id=1, but at fp_mi_list=http://127.0.1.2:8888/mi is node 2: '* ]]
	[ "$(owners sip2)" = '4 sip2 sip2' ]
}

@test "fp_mi_list is away: fp_mi lists, and that is said once" {
	local away='fp_mi_list does not answer, dialogs are asked of fp_mi: '

	change :8888/mi :8889/mi
	run -0 --separate-stderr owners
	[ "$output" = '8 sip1 sip1 4 sip2 sip2' ]
	[ "$(grep -c "$away" <<<"$stderr")" = 3 ]
	os_is_real && return
	rh_cluster "$FP_CLUSTER"
	for fault in fault.http=silent fault.http/dlg_list_ctx=close; do
		rh_ctl 3 set "$fault"
		rh_ctl 3 plant 1 sip1.0 3
		run -1 --separate-stderr rehome compare sip1 sip3 -t 1s
		rh_ctl 3 set "${fault%=*}=none"
		rh_ctl 3 unplant
		# it is listed twice
		[ "$(grep -c "sip3: $away" <<<"$stderr")" = 1 ]
	done
}

@test "each transport lists the same" {
	want=$(rehome list -o callid,tag)
	for how in udp fifo http; do
		rh_cluster "$FP_CLUSTER" 1=$how 2=$how 3=$how list=none
		[ "$(rehome list -o callid,tag)" = "$want" ]
	done
}

@test "wrong words" {
	run -2 rehome list sip9
	[[ $output == *'sip9: no such node in '* ]]
	run -2 rehome compare sip1
	[[ $output == *'compare wants two nodes'* ]]
	run -2 rehome compare sip1 sip1
	[[ $output == *'sip1: compared with itself'* ]]
	run -2 rehome compare sip1 sip9
	run -2 rehome list sip1 -N sip1
	run -2 rehome list -N nosuch
	for args in 'drain sip1' 'join sip1' jobs 'preflight sip1'; do
		# shellcheck disable=SC2086 # words
		run -2 rehome $args -N sip2
		[[ $output == *'-N is of list, balance and preflight --all'* ]]
	done
	run -2 rehome drain sip1 --to ''
	[[ $output == *'--to: an empty name' ]]
	run -2 rehome drain sip1 --override alive --override nosuch
	[[ $output == *'--override nosuch: no such rule; there are: alive, '* ]]
}

@test "compare: alike" {
	run -0 --separate-stderr rehome compare sip1 sip2
	[ -z "$output$stderr" ]
	run -0 rehome compare sip3 sip1 -j
	[ "$output" = '{"type":"summary","changed":false,"differences":0,"first":12,"second":12}' ]
}

@test "compare: live calls are no difference" {
	rh_calls 40 ok ok &
	calls=$!
	for ((i = 0; i < 3; i++)); do
		run -0 rehome compare sip1 sip3
		[ -z "$output" ]
	done
	wait $calls
	mapfile -t ids < <(rh_held | grep ^2-)
	rh_bye uac "${ids[@]}" &
	run -0 rehome compare sip1 sip3
	wait $!
	os_wait 10 are_up 12
}

@test "compare: what one has and the other has not" {
	os_is_real && skip 'the stand-in can be made to'
	id=$(rehome list sip1 -o callid --count 1)
	rh_ctl 3 forget "$id"
	run -1 rehome compare sip1 sip3
	[[ $output == "$id"$'\t'sip1.?$'\t'missing$'\t'confirmed$'\t'- ]]
	run -1 rehome compare sip3 sip1 -o callid,first,second
	[ "$output" = "$id"$'\t-\tconfirmed' ]
	rh_ctl 3 plant 2 sip1.0 3
	run -1 rehome compare sip1 sip3 -j
	[[ ${lines[-1]} == *'"differences":3,"first":12,"second":13}' ]]
	# zombies are not their owner's: they are on no list
	[ "$(rehome list | grep -c plant)" = 0 ]
	rh_ctl 3 unplant
}

@test "a node says no to a listing" {
	os_is_real && skip 'the stand-in can be made to'
	rh_cluster "$FP_CLUSTER" list=none
	rh_ctl 2 set 'fault.udp/dlg_list_ctx=error 500 boom'
	run -4 rehome compare sip2 sip1
	[[ $output == *'fp-rehome: sip2: dlg_list_ctx: 500 boom' ]]
	run -0 --separate-stderr owners
	[[ $output == '8 sip1 sip1 4 sip2 sip'[13] ]]
	[[ $stderr == *'fp-rehome: sip2: dlg_list_ctx: 500 boom: its dialogs are those that sip'[13]' has' ]]
	rh_ctl 2 set fault.udp/dlg_list_ctx=none
}

@test "calls end while pages are asked for" {
	os_is_real && skip 'the stand-in can be made to'
	rh_ctl 2 plant 400 sip2.0
	for how in udp http; do
		rh_cluster "$FP_CLUSTER" 2=$how list=none
		rh_ctl 2 set churn=3
		run -0 --separate-stderr rehome list sip2 -o callid
		rh_ctl 2 set churn=0
		# those of real calls, which nothing ended
		rh_held | grep ^1- >"$BATS_TEST_TMPDIR/held"
		[ "$(grep -Fxc -f "$BATS_TEST_TMPDIR/held" <<<"$output")" = 4 ]
	done
	rh_ctl 2 unplant
}

@test "an owner is silent: what a peer has" {
	rh_kill 1
	run -0 --separate-stderr owners -t 2s sip1
	[ "$output" = '8 - sip2' ] || [ "$output" = '8 - sip3' ]
	[[ $stderr == *'sip1: '*': its dialogs are those that sip'[23]' has' ]]
	run -0 --separate-stderr owners -t 2s
	[[ $output == '8 - sip'[23]' 4 sip2 sip2' ]]
	run -0 --separate-stderr owners -t 2s sip2
	[ "$output" = '4 sip2 sip2' ]
	[ -z "$stderr" ]
	run -4 rehome compare -t 2s sip1 sip2
	[[ $output == *'sip1: '* ]]
	# its tags have moved: nothing is left of it
	rh_activate 2 sip1.0 sip1.1
	run -0 --separate-stderr owners -t 2s
	[ "$output" = '12 sip2 sip2' ]
	[ -z "$stderr" ]
	run -0 rehome list -t 2s sip1 -q
	[[ $output != *@127* ]]
}

@test "nobody answers" {
	rh_kill 2
	rh_kill 3
	run -4 rehome list -t 1s
	[[ $output == *'sip3: '*'no other node tells of its dialogs'* ]]
}
