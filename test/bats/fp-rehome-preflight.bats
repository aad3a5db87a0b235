#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-rehome preflight on stand-ins of OpenSIPS: each condition by its name.  How they
# are judged: test/unit/rehome_check_test.c.
# shellcheck disable=SC2154 # bats' variables

bats_require_minimum_version 1.5.0

load ../real/rehome.bash

setup_file() {
	unset FP_OPENSIPS_PREFIX
	rr_setup_file
}
teardown_file() { rr_teardown_file; }
setup() { rr_setup; }
teardown() { rr_teardown; }

# cond NODE NAME: "STATE|VALUE|RULE" of $output, a line each
cond() {
	awk -F '\t' -v n="$1" -v c="$2" '$1 == n && $2 == c {
		print $3 "|" $4 "|" $5 }' <<<"$output"
}
# is NODE NAME GLOB
is() {
	# shellcheck disable=SC2053 # a glob
	[[ $(cond "$1" "$2") == $3 ]] || {
		printf '%s %s is "%s", not "%s"\n' "$1" "$2" \
			"$(cond "$1" "$2")" "$3"
		return 1
	}
}
# refused RULE: a drain of sip1 to sip2 is, and RULE lifts it
refused() {
	fr 5 preflight sip1 --to sip2
	hints "refused by rule $1"
	[ "$(cut -f 5 <<<"$output" | grep -vx -- - | sort -u)" = "$1" ]
	fr 0 preflight sip1 --to sip2 --override "$1"
}

@test "nothing speaks against a drain: every condition has its value" {
	rr_up 6
	fr 0 preflight sip1 --to sip2,sip3
	hints 'sip1 answers: as drain would judge'
	[ "$(grep -c 'planned, sip1 to sip' <<<"$stderr")" = 2 ]
	[ "$(cut -f 3 <<<"$output" | grep -c refuse)" = 0 ]
	is sip2 capability '*|Ok*|-'
	is sip1 link *'ok|Up to sip2|-'*
	is sip2 link *'ok|Up to sip1|-'*
	is sip2 version 'ok|OpenSIPS (3.6.8*'
	is sip2 maintenance 'ok|no|-'
	is sip2 mi 'ok|udp:127.0.1.2:8080|-'
	is sip2 tag 'ok|sip1.?: active on sip1|-'
	is sip2 dialogs 'ok|6|-'
	is sip2 bind 'ok|udp:127.0.1.2:5060|-'
	is sip2 no-ack 'ok|0 of *|-'
	is sip2 early 'ok|0|-'
	is sip2 body 'ok|auto: 0 inbound, * outbound|-'
	is sip2 local-route 'ok|not needed|-'
	is sip2 memory 'ok|* of 64.0 MB free, floor 16.0 MB|-'
	is sip2 auto-sync 'warn|not known|-'
	is sip2 topology-hiding 'warn|not known|-'
	# it changed nothing, and says so
	fr 0 preflight sip1 --to auto --json
	[ "$(summary changed)" = false ]
	[ "$(summary refusals)" = 0 ]
	[ "$(rh_owner sip1.0)$(rh_owner sip1.1)" = 11 ]
	[ -z "$(rh_invites uac)" ]
}

@test "what refuses has a name, and its rule lifts it" {
	rr_up 4
	rh_ctl 2 set 'cap=not synced'
	refused in-sync
	rh_ctl 2 set cap=Ok
	rh_ctl 2 set link.1=Probe/3
	refused link
	rh_ctl 2 set link.1=auto
	rh_ctl 2 set tag.sip1.0=gone
	refused tag
	rh_ctl 2 set tag.sip1.0=backup
	rh_ctl 3 set tag.sip1.0=active
	refused split
	rh_ctl 3 set tag.sip1.0=backup
	rh_ctl 2 set 'version=OpenSIPS (3.5.1 (x86_64/linux))'
	refused version
	rh_ctl 2 set 'version=OpenSIPS (3.6.8 (x86_64/linux))'
	rh_ctl 2 set shm.free=16000000
	refused memory
	# one sample among many is far too low: it is asked for again
	rh_ctl 2 set shm.free=60000000 shm.odd=24
	fr 0 preflight sip1 --to sip2
	is sip2 memory 'ok|57.2 of *|-'
	"$FP_BUILD/fp-health" maintain sip2 --for 1h --why disk --quiet
	refused maintenance
	is sip2 maintenance 'warn|yes|-'
	fr 0 preflight sip1 --to auto
	[ "$(grep -c 'planned, sip1 to sip3' <<<"$stderr")" = 2 ]
	rh_ctl 3 set 'cap=not synced'
	fr 4 preflight sip1 --to auto
	hints 'no other node is in step: sip2: it is in maintenance'
	"$FP_BUILD/fp-health" maintain sip2 --end --quiet
}

@test "dialogs that the target has not, or of another node's socket" {
	rr_up 4
	# older than what may be on its way
	rh_ctl 1 plant 3 sip1.0 4 100
	fr 5 preflight sip1 --to sip2
	is sip2 dialogs 'refuse|4, lacks 3 of the owner'\''s|in-sync'
	rh_ctl 1 unplant
	rh_ctl 1 plant 2 sip1.0 2
	rh_ctl 2 plant 1 sip1.1 3
	fr 0 preflight sip1 --to sip2
	is sip2 early 'warn|2|-'
	is sip2 no-ack 'warn|1 of 5|-'
	is sip2 ack-rule 'warn|no|-'
	rh_ctl 1 unplant
	rh_ctl 2 unplant
	# the socket's tag maps to nothing of its own
	sed -i 's/fp_sip=udp:127.0.1.2:5060/fp_sip=udp:127.0.1.9:5060/' "$FP_CLUSTER"
	refused bind
	is sip2 bind 'warn|8 of 8: udp:127.0.1.2:5060|-'
}

@test "a node that was killed: links are waited for" {
	rr_up 4
	rh_kill 1
	fr 0 preflight sip1 --to sip2
	hints 'sip1 is silent: as failover would judge'
	is sip1 alive 'ok|MI and SIP are silent|-'
	is sip2 tag 'ok|sip1.?: active on nobody that answers|-'*
	is sip2 dialogs 'ok|4|-'
	# a peer that lost its copies, and one that has all
	rh_ctl 3 forget
	fr 5 preflight sip1 --to sip3
	is sip3 dialogs 'refuse|0, sip2 has 4|in-sync'
	fr 0 preflight sip1 --to auto
	[ "$(grep -c 'planned, nobody to sip2' <<<"$stderr")" = 2 ]
	# maintenance: it is down on purpose
	"$FP_BUILD/fp-health" maintain sip1 --for 1h --why disk --quiet
	fr 5 preflight sip1 --to sip2
	hints 'refused by rule maintenance'
	"$FP_BUILD/fp-health" maintain sip1 --end --quiet
}

@test "MI is silent and SIP answers: it lives" {
	rr_up 0
	rh_ctl 1 set fault.udp=silent
	fr 5 preflight sip1 --to sip2 -t 700ms
	is sip1 alive 'refuse|SIP answers|alive'
	hints 'refused by rule alive'
	rh_ctl 1 set fault.udp=none
}

@test "words; what MI does not show: --config; over HTTP moves are slow" {
	local cfg=$OS_ROOT/examples/opensips/three-1.cfg

	rr_up 0
	fr 0 preflight sip1 --to sip2 --config "$cfg"
	is sip2 auto-sync 'ok|off|-'
	is sip2 active-tag 'ok|none|-'
	is sip2 ack-rule 'ok|yes|-'
	is sip2 topology-hiding 'ok|yes|-'
	sed -e 's/"cluster_auto_sync", 0/"cluster_auto_sync", 1/' \
		-e '/DLG_timeout/d; s/topology_hiding/no_hiding/' \
		-e '0,/=backup/s//=active/' "$cfg" >bad.cfg
	fr 0 preflight sip1 --to sip2 --config bad.cfg
	is sip2 auto-sync 'warn|on|-'
	is sip2 active-tag 'warn|sip1.0, line *|-'
	is sip2 ack-rule 'warn|no|-'
	is sip2 topology-hiding 'warn|no|-'
	fr 2 preflight sip1 --to sip2 --config none.cfg
	hints 'none.cfg: No such file'
	echo nonsense >not.cfg
	fr 2 preflight sip1 --to sip2 --config not.cfg
	hints 'not.cfg'

	fr 2 preflight
	hints 'wants a node, or --all'
	fr 2 preflight --all sip1
	fr 2 preflight --all --config "$cfg"
	hints '--config is of one node'
	fr 2 preflight sip1 --to ''
	hints '--to: an empty name'
	fr 2 preflight sip1 --override mem
	hints '--override mem: no such rule; there are: alive, link, in-sync'
	fr 2 preflight sip9
	hints 'sip9: no such node'
	fr 2 preflight sip1 --to sip1
	hints 'it is the node itself'
	fr 2 preflight sip1 -o nonsense
	fr 2 preflight sip1 --body nonsense
	fr 0 preflight sip1 -o name,value
	[[ $output == *$'tag\tsip1.0: active on sip1'* ]]

	rh_cluster "$FP_CLUSTER" db="$PG_DB" 2=http list=none
	fr 0 preflight sip1 --to sip2
	is sip2 mi 'warn|http://127.0.1.2:8888/mi|-'
}

@test "--all: what would be saved of each, now" {
	rr_up 6
	fr 0 preflight --all
	[ "$(cut -f 1-6 <<<"$output" | head -n 1)" = $'sip1\tup\t6\t6\t0\t0' ]
	fr 0 preflight --all -N sip1,sip3 --json
	[ "$(jq -sc 'map(.node // .nodes)' <<<"$output")" = '["sip1","sip3",2]' ]
	rh_ctl 1 plant 2 sip1.0 2
	rh_ctl 1 plant 1 sip1.1 4 100
	fr 1 preflight --all --json
	[ "$(jq -sc '.[0] | [.calls, .saved, .early, .lost, .refusals]' <<<"$output")" = '[9,6,2,1,"in-sync"]' ]
	[ "$(summary at_risk)" = 1 ]
	rh_ctl 1 unplant
	# restarted, it owns calls that others have alone
	rh_ctl 2 plant 1 sip1.0 4 100
	rh_ctl 3 plant 1 sip1.0 4 100
	fr 1 preflight --all --json
	[ "$(outcome sip1)" = '["up",8,6,0,2,"in-sync"]' ]
	[[ $output == *'lacks 2 of its own calls'*'fp-rehome join sip1'* ]]
	rh_ctl 2 unplant
	rh_ctl 3 unplant
	# copies of one only: its calls go there
	rh_ctl 3 forget
	fr 0 preflight --all
	[ "$(cut -f 3,4,7 <<<"$output" | head -n 1)" = $'6\t6\tsip2' ]
	rh_kill 1
	fr 0 preflight --all
	[ "$(cut -f 1-4,7 <<<"$output" | head -n 1)" = $'sip1\tsilent\t6\t6\tsip2' ]
}

# outcome NODE: of $output
outcome() {
	jq -c "select(.node == \"$1\") |
		[.state, .calls, .saved, .early, .lost, .refusals // \"-\"]" <<<"$output"
}

@test "calls of a tag that nobody owns; who is not known" {
	local n

	rr_up 6
	rh_ctl 1 set tag.sip1.0=backup
	n=$(rh_ctl 1 calls | grep -c ' sip1.0$')
	fr 0 preflight sip1 --to sip2
	is sip1 no-owner "warn|sip1.0: $n calls|-"
	[[ $output == *'fp-rehome activate sip1 --tag sip1.0'* ]]
	fr 1 preflight --all --json
	[ "$(outcome sip1)" = "[\"up\",$((6 - n)),$((6 - n)),0,0,\"-\"]
[\"no-owner\",$n,0,0,0,\"no-owner\"]" ]
	[ "$(summary at_risk)" = 1 ]
	[[ $output == *'sip1.0: fp-rehome activate sip1 --tag sip1.0'* ]]
	rh_ctl 1 set tag.sip1.0=active
	# one that lists nothing hides no other
	for t in udp http unix fifo; do
		rh_ctl 2 set "fault.$t/dlg_list_ctx=error 500 boom"
	done
	fr 4 preflight --all --json
	[ "$(outcome sip1)" = '["up",6,6,0,0,"-"]' ]
	[ "$(outcome sip2)" = '["unknown",0,0,0,0,"unknown"]' ]
	[[ $output == *boom* ]]
	[ "$(summary unknown)" = 1 ]
	# nobody answers: nothing is known
	rh_kill 1
	rh_kill 2
	rh_kill 3
	fr 4 preflight --all --json
	[ "$(outcome sip3)" = '["silent",0,0,0,0,"unknown"]' ]
	[ "$(summary unknown)" = 3 ]
}

@test "the policy of a target is asked now" {
	rr_up 0
	sed -i 's/^sip2 .*/& fp_if=lo/' "$FP_CLUSTER"
	cat >ssh <<-END
		#!/bin/sh
		exec "$FP_BUILD/fp-sync" receive --state "$PWD/node2" --pins "$PWD/pins"
	END
	chmod +x ssh
	mkdir -p lists node2
	fr 0 preflight sip1 --to sip3 --ssh-command ./ssh --lists lists
	[ -z "$(cond sip3 policy)" ] # it has no filter: it is not asked
	fr 0 preflight sip1 --to sip2 --ssh-command ./ssh --lists lists
	is sip2 policy 'ok|????????????|-'
	printf '%s\n' 192.0.2.77 >lists/bad.list
	fr 5 preflight sip1 --to sip2 --ssh-command ./ssh --lists lists
	is sip2 policy 'refuse|*|policy'
	fr 5 preflight sip1 --to sip2 --ssh-command ./none --lists lists
	is sip2 policy 'refuse|not known|policy'
	# to save calls comes first: it is said, and no more
	rh_kill 1
	fr 0 preflight sip1 --to sip2 --ssh-command ./ssh --lists lists
	is sip2 policy 'warn|*|-'
}
