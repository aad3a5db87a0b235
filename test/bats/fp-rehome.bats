#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-rehome moves calls: the main road, with stand-ins of OpenSIPS (the cases that real
# ones pass too, test/real/opensips-rehome.bats), SIPp at both ends and a real
# PostgreSQL.
# shellcheck disable=SC2154 # bats' own variables

bats_require_minimum_version 1.5.0

load ../real/rehome.bash

setup_file() {
	unset FP_OPENSIPS_PREFIX
	rr_setup_file
}
teardown_file() { rr_teardown_file; }
setup() { rr_setup; }
teardown() { rr_teardown; }

@test "failover: tags, calls, both ends; again: nothing; BYE by the new node" { case_failover; }
@test "failover to several: a call goes where its tag went" { case_spread rr_mute; }
@test "a node that lives is not failed over" { case_alive; }
@test "what endpoints answer; resume asks what is silent or failed" { case_verdicts; }
@test "drain: new calls away, all tags, empty; again: nothing; new calls later" { case_drain; }
@test "drain: killed, and its node dies: failover and resume" { case_drain_dies; }
@test "drain: what endpoints agreed on since goes with a call" { case_refresh; }
@test "drain: new calls that still come refuse it" { case_new_calls; }
@test "balance: tags to idle nodes; again: nothing" { case_balance; }
@test "take: one call's path; its tag stays" { case_take; }

# ---- what belongs to it

# old_policy: sip2 has a filter, and lacks a list
old_policy() {
	sed -i 's/^sip2 .*/& fp_if=lo/' "$FP_CLUSTER"
	mkdir -p lists node2 bin
	printf '%s\n' 192.0.2.77 >lists/bad.list
	cat >ssh <<-END
		#!/bin/sh
		exec "$FP_BUILD/fp-sync" receive --state "$PWD/node2" --pins "$PWD/pins"
	END
	chmod +x ssh
}
pushed() { pg_sql "select state from fastpath.journal where item = 'push:sip2'"; }

@test "failover: a target's old policy is pushed after the calls" {
	rr_up 4
	old_policy
	printf '#!/bin/sh\necho "$*" >%s/pushed\n' "$PWD" >bin/fp-sync
	chmod +x bin/fp-sync
	rh_kill 1
	PATH=$PWD/bin:$PATH fr 0 failover sip1 --to sip2 --lists lists \
		--ssh-command ./ssh
	same "$(verdicts)" 'moved 4'
	hints 'sip2: its policy was pushed'
	same "$(pushed)" 'done'
	same "$(<pushed)" "push --cluster $FP_CLUSTER --state $FP_STATE --lists lists -N sip2 --ssh-command ./ssh"
}

@test "failover: a policy that is not in force after its push is partial" {
	rr_up 4
	old_policy
	rh_kill 1
	# no filter is attached there
	PATH=$FP_BUILD:$PATH fr 3 failover sip1 --to sip2 --lists lists \
		--ssh-command ./ssh
	same "$(verdicts)" 'moved 4'
	hints 'sip2: its policy is old still: fp-sync push: exit status 3'
	grep -q '^192.0.2.77' node2/lists/bad.list
	same "$(pushed)" failed
	same "$(state "$(job)")" 'done'
}

@test "drain --calls: the path of these alone" {
	local ids

	rr_up 4
	mapfile -t ids < <(rh_held)
	fr 0 drain sip1 --to sip2 --calls "${ids[0]},${ids[2]}"
	same "$(verdicts)" 'moved 2'
	hints 'tags, timeouts and pings stay'
	same "$(rh_owner sip1.0) $(rh_owner sip1.1)" '1 1'
	same "$(rh_invites uac | cut -d ' ' -f 1 | sort | xargs)" \
		"${ids[0]} ${ids[2]}"
}

@test "--count: so many; the job is not done, and resume takes the rest" {
	local id

	rr_up 6
	rh_kill 1
	fr 3 failover sip1 --to sip2 --count 2 --json
	same "$(summary moved) $(summary left)" '2 4'
	same "$(rh_invites uac | wc -l)" 2
	id=$(pg_sql 'select id from fastpath.job')
	hints "4 calls were not selected: they keep their Contact, and their tags went; fp-rehome resume $id asks them"
	same "$(state "$id")" stopped
	# another may take some; what it moved is not asked again
	fr 3 failover sip1 --to sip2 --count 1 --json
	hints "job $id of sip1 has not ended (stopped)"
	same "$(summary moved) $(summary left)" '1 3'
	fr 0 resume "$id" --json
	same "$(summary done_before) $(summary moved) $(summary left)" '3 3 0'
	same "$(state "$id")" 'done'
	rh_moved 127.0.1.2
}

@test "calls under a tag that nobody owns: told, not empty, and the way out" {
	rr_up 6
	rh_ctl 1 set tag.sip1.1=backup
	fr 0 list
	hints 'tag sip1.1: [1-5] calls, and nobody owns it: fp-rehome activate sip1 --tag sip1.1'
	fr 5 failover sip1 --to sip2
	hints 'tag sip1.1: [1-5] calls, and nobody owns it: fp-rehome activate sip1 --tag sip1.1'
	hints 'refused by rule alive'
	fr 5 drain sip1 --to sip2 --tag sip1.1
	hints 'refused by rule owner: tag sip1.1 is owned by nobody that answers: fp-rehome activate sip1 --tag sip1.1'
	fr 3 drain sip1 --to sip2 --override new-calls
	hints 'fp-rehome activate sip1 --tag sip1.1'
	[[ $stderr != *'sip1 is empty'* ]]
	fr 0 activate sip3
	hints 'tag sip1.1: [1-5] calls, and nobody owns it'
	fr 0 activate sip1 --tag sip1.1
	fr 0 drain sip1 --to sip2 --override new-calls
	hints 'sip1 is empty'
	[[ $stderr != *'nobody owns'* ]]
}

@test "failover --fence: a frozen node, and what its command says" {
	local fence='echo "$FP_NODE $FP_ADDRESS$FP_RUN" >>fenced; echo off;'

	rr_up 6
	fr 5 failover sip1 --to sip2 --fence "$fence" # it lives
	hints 'refused by rule alive'
	os_signal STOP 1
	fr 1 failover sip1 --to sip2 -t 1s --wait 0s --fence "$fence" --dry-run --json
	same "$(jq -r 'select(.name == "power") | "\(.state) \(.value)"' <<<"$output")" \
		'ok would be asked'
	[ ! -e fenced ]
	fr 5 failover sip1 --to sip2 -t 1s --wait 0s --fence "$fence exit 7"
	hints 'refused by rule alive: sip1: nothing answers, and the fence command did not prove it dead (exit status 7: off)'
	fr 5 failover sip1 --to sip2 -t 1s --wait 0s --fence 'sleep 9' \
		--fence-timeout 300ms
	hints 'did not prove it dead (timeout)'
	same "$(<fenced)" 'sip1 127.0.1.1'
	# it says dead of one that goes on: who answers is right
	fr 5 failover sip1 --to sip2 -t 1s --wait 0s \
		--fence "kill -s CONT $(<"$OS_DIR/1/os.pid"); sleep 0.5"
	hints 'refused by rule alive: sip1: MI answers: it is not dead'
	same "$(rh_owner sip1.0)$(rh_owner sip1.1)$(rh_invites uac)" 11
	os_signal STOP 1
	: >"$OS_DIR/1/dead"
	fr 0 failover sip1 --to sip2 -t 1s --wait 0s \
		--fence "$fence kill -s KILL $(<"$OS_DIR/1/os.pid")"
	same "$(verdicts)" 'moved 6'
	same "$(rh_owner sip1.0)$(rh_owner sip1.1)" 22
	rh_moved 127.0.1.2
	# those that were refused did nothing, and are aborted
	same "$(pg_sql 'select state, count(*) from fastpath.job group by 1 order by 1' | xargs)" \
		'aborted|3 done|1'
}

@test "failover goes on with a job that was left, and makes none of its own" {
	local id

	rr_up 12
	rh_kill 1
	fr_begin failover sip1 --to sip2 --rate 6
	os_wait 20 invited 2
	# one that runs is its controller's
	fr 4 failover sip1 --to sip3
	hints 'is held'
	kill -s KILL "$rr_pid"
	wait "$rr_pid" || :
	id=$(pg_sql 'select id from fastpath.job')
	# to where it was planned
	fr 0 failover sip1 --to sip3 --json
	hints "job $id of sip1 has not ended: it goes on"
	same "$(($(summary moved) + $(summary done_before)))" 12
	same "$(pg_sql 'select id, state from fastpath.job')" "$id|done"
	same "$(at uac 127.0.1.2) $(at uas 127.0.1.2)" '12 12'
	[ "$(twice | wc -l)" -le 8 ] # what was under way
	fr 0 failover sip1 --to sip3 --json
	same "$(summary changed)" false
}

@test "failover: a job that cannot go on is left, and its calls are saved" {
	local id

	rr_up 12
	rh_kill 1
	fr_begin failover sip1 --to sip2 --rate 6
	os_wait 20 invited 2
	kill -s KILL "$rr_pid"
	wait "$rr_pid" || :
	id=$(pg_sql 'select id from fastpath.job')
	rh_kill 2 # where it was to go
	fr 0 failover sip1 --to sip3
	hints "job $id does not go on, and stays as it is"
	same "$(state "$id")" stopped
	same "$(rh_owner sip1.0)$(rh_owner sip1.1) $(at uac 127.0.1.3)" '33 12'
}

@test "two that plan at the same moment: each call is asked once" {
	local second rc=0

	rr_up 6
	rh_kill 1
	# both have their plans when its links are Down, and one waits for the other's lock
	fr_begin failover sip1 --to sip2
	FP_STATE=$PWD/other "$FP_BUILD/fp-rehome" failover sip1 --to sip2 --json \
		>out2 2>err2 3>&- 4>&- &
	second=$!
	wait "$rr_pid" || grep -q 'is held by' err
	wait "$second" || rc=$?
	[ $rc = 0 ] || grep -q 'is held by' err2 || {
		cat err2
		return 1
	}
	rh_moved 127.0.1.2
}
