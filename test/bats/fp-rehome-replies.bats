#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-rehome with what only a stand-in of OpenSIPS can be told to do: replies that are
# lost or cut, memory that shrinks, minds that differ.

bats_require_minimum_version 1.5.0

load ../real/rehome.bash

setup_file() {
	unset FP_OPENSIPS_PREFIX
	rr_setup_file
}
teardown_file() { rr_teardown_file; }
setup() { rr_setup; }
teardown() { rr_teardown; }

# next KIND: of node 2's answer to the next re-INVITE
next() { rh_ctl 2 set "next.udp/dlg_send_sequential=$1"; }

@test "replies that are lost, late, twice, cut" {
	local id ids

	rr_up 6
	mapfile -t ids < <(rh_held)
	rh_kill 1
	next lost
	fr 0 failover sip1 --to sip2 --call-timeout 1s
	same "$(verdicts)" 'moved 6'
	same "$(twice | wc -l)" 1 # once more, as nobody knows
	next 'late 1'
	fr 0 take "${ids[0]}" --to sip2
	same "$(verdicts)" 'moved 1'
	next twice
	fr 0 take "${ids[1]}" --to sip2
	same "$(verdicts)" 'moved 1'
	next part
	fr 0 take "${ids[2]}" --to sip2 --call-timeout 1s
	same "$(verdicts)" 'moved 1'
	rh_ctl 2 set fault.udp/dlg_send_sequential=lost
	fr 3 take "${ids[3]}" --to sip2 --call-timeout 1s
	same "$(verdicts)" 'unknown 1'
	id=$(job)
	same "$(state "$id")" stopped
	rh_ctl 2 set fault.udp/dlg_send_sequential=none
	fr 0 resume "$id"
	same "$(verdicts)" 'moved 1'
	same "$(state "$id")" 'done'
}

@test "shared memory: too little is refused; what shrinks is waited for" {
	rr_up 12
	rh_kill 1
	os_wait 10 rh_is_lost 1
	rh_ctl 2 set shm.total=64000000 shm.free=15000000
	fr 5 failover sip1 --to sip2
	hints 'refused by rule memory: '
	same "$(rh_invites uac)" ''
	rh_ctl 2 set shm.free=50000000
	fr_begin failover sip1 --to sip2 --rate 5
	os_wait 15 invited 2
	rh_ctl 2 set shm.free=15000000
	os_wait 10 grep -q 'waits for shared memory' err
	run ! invited 12
	rh_ctl 2 set shm.free=50000000
	fr_end 0
	same "$(verdicts)" 'moved 12'
	rh_moved 127.0.1.2
}

@test "a target that loses calls under way: they are not gone" {
	local id last

	rr_up 12
	rh_kill 1
	os_wait 10 rh_is_lost 1
	fr_begin failover sip1 --to sip2 --rate 6
	os_wait 15 invited 3
	rh_ctl 2 restart
	fr_end 3
	hints 'sip2 was restarted meanwhile'
	run ! grep -q gone out
	id=$(job)
	same "$(state "$id")" stopped
	os_wait 10 rh_is_synced 2
	os_wait 10 rh_has 2 12
	fr_begin resume "$id" --rate 6
	os_wait 15 invited 6 || {
		cat err
		return 1
	}
	last=$(comm -23 <(rh_held) <(rh_invites uac | cut -d ' ' -f 1 | sort) |
		tail -n 1)
	rh_ctl 2 forget "$last"
	fr_end 3
	same "$(grep -F "$last" out | cut -f 2-4)" \
		$'unknown\t404\tit is up at sip3, not at sip2'
	hints 'sip2 does not have 1 calls that sip3 has'
	same "$(state "$id")" stopped
	fr 0 resume "$id" --to sip3 --override active
	same "$(verdicts)" 'moved 12'
	same "$(at uac 127.0.1.3) $(at uas 127.0.1.3)" '12 12'
}

@test "two say active under way: given once more, or stopped" {
	local id

	rr_up 12
	rh_kill 1
	os_wait 10 rh_is_lost 1
	rh_ctl 2 set link.3=Down steal.sip1.0=3/3
	rh_ctl 3 set link.2=Down
	fr 5 failover sip1 --to sip2 --rate 4 --timeout 3s
	hints 'tag sip1.0: both sip'
	hints 'it is given once more'
	hints 'refused by rule split: '
	id=$(job)
	same "$(state "$id")" stopped
	rh_ctl 2 set link.3=auto
	rh_ctl 3 set link.2=auto
	rh_activate 2 sip1.0
	fr 0 resume "$id"
	rh_moved 127.0.1.2
	# what one alone has is taken from whom it shall be taken from
	rh_activate 3 sip1.0
	run ! "$FP_BUILD/test/prog/edges" "$FP_CLUSTER" give sip1.0 sip2 3000 sip1
	same "$output" "failed EBUSY active tag sip1.0 is sip3's by now: somebody moved it"
	same "$(rh_owner sip1.0)" 3
}

@test "a node that has fewer dialogs is no target, and not one of auto" {
	rr_up 6
	rh_kill 1
	os_wait 10 rh_is_lost 1
	rh_ctl 2 forget
	fr 5 failover sip1 --to sip2
	hints 'refused by rule in-sync: sip2: '
	fr 0 failover sip1 --to auto
	rh_moved 127.0.1.3
}

@test "a link by way of another node refuses a planned move" {
	rr_up 4
	rh_ctl 2 set link.1=Probe/3
	fr 5 drain sip1 --to sip2
	hints 'refused by rule link: sip2: '
	same "$(rh_owner sip1.0)" 1
	fr 0 drain sip1 --to sip3
	rh_moved 127.0.1.3
}

@test "the source comes back with its tags active in its configuration" {
	rr_up 12 --active
	rh_kill 1
	fr_begin failover sip1 --to sip2 --rate 4
	os_wait 15 invited 2
	rh_restart 1
	fr_end 0
	hints 'it is given once more'
	same "$(verdicts)" 'moved 12'
	same "$(cut -f 10 <<<"$output" | sort -u)" yes
	owns sip1.0 2
	owns sip1.1 2
	rh_moved 127.0.1.2
}

@test "calls that are being set up are left alone, and said" {
	local i

	rr_up 4
	for i in 1 2 3; do
		rh_ctl $i plant 1 sip1.0 2
	done
	fr 3 drain sip1 --to sip2 --wait 4s
	same "$(verdicts)" 'moved 4'
	hints 'sip1: empty: no: 1 calls are being set up'
	hints '1 calls are still being set up: left alone'
	rh_kill 2
	fr 0 failover sip2 --to sip3 --json
	same "$(summary moved) $(summary early)" '4 1'
	hints '1 calls that were being set up are lost'
	owns sip1.0 3
	owns sip2.0 3
}
