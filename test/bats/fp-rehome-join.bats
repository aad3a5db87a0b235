#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-rehome join and activate, with stand-ins of OpenSIPS: what real ones pass too
# (test/real/opensips-rehome-join.bats), and what only a stand-in can be told to be.

bats_require_minimum_version 1.5.0

load ../real/rehome-join.bash

setup_file() {
	unset FP_OPENSIPS_PREFIX
	rr_setup_file
}
teardown_file() { rr_teardown_file; }
setup() { rr_setup; }
teardown() { rr_teardown; }

@test "first start: activate gives a node its tags; again: nothing; a tag that nobody knows" { case_first_start; }
@test "killed, restarted: join waits until it is in step; activate" { case_restart; }
@test "a tag that is =active in a configuration is seen, and refused" { case_active; }
@test "drained, activated: tags, calls and maintenance" { case_back; }

@test "empty beside full ones, --sync; what a sync would destroy; zombies, a Probe, a split" {
	rr_up 5
	rh_ctl 3 forget
	fr 1 join sip3 --wait 0s
	same "$(cond sip3 dialogs)" 'refuse 0 of 5'
	hints '*sip3 is not in step*'
	fr 1 join sip3 --sync --dry-run
	same "$(rh_count 3)" 0
	fr 0 join sip3 --sync --json
	same "$(summary changed)" true
	same "$(rh_count 3)" 5
	fr 0 join sip3 --sync --json
	same "$(summary changed)" false
	# zombies warn; a lasting Probe and a tag that is active twice refuse
	rh_ctl 3 zombie 2 nobodys
	rh_ctl 2 set link.3=Probe/1
	fr 1 join sip3 --wait 0s
	same "$(cond sip3 zombies)" 'warn 2'
	same "$(cond sip3 no-owner)" 'warn nobodys: 2 calls'
	hints '*sip3 is not in step: sip2: link*'
	rh_ctl 2 set link.3=auto tag.sip3.0=active
	fr 5 join sip3 --wait 0s --override link
	hints '*rule split*sip2 has it active too*'
	# a sync that would destroy dialogs is not asked for
	rh_ctl 2 set tag.sip3.0=backup
	rh_ctl 1 plant 1 sip1.1
	asked=$(rh_ctl 3 asked | grep -c dlg_cluster_sync)
	fr 5 join sip3 --sync
	hints '*rule sync: *'
	same "$(rh_ctl 3 asked | grep -c dlg_cluster_sync)" "$asked"
	same "$(rh_count 3)" 7
	fr 2 activate sip9
}

@test "split on read-back; the owner proven; SDP told; who is silent holds up nobody" {
	local id

	rr_up 25
	id=$(rh_held | head -n 1)
	rh_ctl 2 set link.3=Down
	rh_ctl 3 set link.2=Down
	run edges give sip3.0 sip2 300
	same "$output" 'failed EBUSY split sip3.0 is active on sip2 and on sip3: the link sip2 to sip3 is "Down", back "Down"'
	same "$(rh_owner sip3.0)" '2 3'
	{ sleep 0.5 && rh_ctl 2 set link.3=auto && rh_ctl 3 set link.2=auto; } 3>&- &
	run edges give sip3.0 sip2 8000
	wait $!
	same "$output" given
	same "$(rh_owner sip3.0)" 2
	run edges give sip3.0 sip2 300
	same "$output" kept
	run edges give sip3.9 sip2 300
	same "${output%%:*}" 'failed ENOENT tag sip2 does not know the tag sip3.9, nor does any other node'
	# the owner is proven by a dialog, and tells all what SDP it has
	same "$(edges prove "$id" sip1)" proven
	run edges prove "$id" sip2
	same "$output" "failed EBUSY owner sip1 says of $id that it owns it, and sip2 should"
	run edges prove nosuch sip1
	same "$output" 'failed ENOENT - no node has the dialog nosuch any more'
	run edges refresh sip1 0
	[[ $output == '25 of 25 in '* ]]
	run edges refresh sip2 0
	[[ $output == 'failed EREMOTEIO - sip2: dlg_push_var: 403 '* ]]
	os_signal STOP 3
	run edges read 3
	os_signal CONT 3
	same "$output" '2 of 3 answer, longest under 1 s'
}
