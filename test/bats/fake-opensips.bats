#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The stand-in for OpenSIPS with calls through it: the cases that a real one passes
# too (test/real/dialogs.bats), and what tests of fp-rehome make it do.
# shellcheck disable=SC2030,SC2031,SC2034 # a test is a subshell

bats_require_minimum_version 1.5.0

load ../real/dialogs.bash

setup_file() {
	unset FP_OPENSIPS_PREFIX
	[ "$(id -u)" = 0 ] || skip "it wants namespaces of its own: root"
	export DLG_DIR=$BATS_FILE_TMPDIR/os
	rh_up "$DLG_DIR"
}
teardown_file() {
	unset FP_OPENSIPS_PREFIX
	[ ! -e "${DLG_DIR-}/lab.env" ] || { rh_load "$DLG_DIR" && rh_down; }
}
setup() {
	unset FP_OPENSIPS_PREFIX
	rh_load "$DLG_DIR"
}
teardown() { [ "$OS_DIR" = "$DLG_DIR" ] || rh_down; }

# ---- as a real one

@test "listings, byte by byte" { case_listing; }
@test "a BYE: state 5 lingers at one" { case_deleted; }
@test "errors, byte by byte" { case_errors; }
@test "dlg_send_sequential, by what the ends answer" { case_answers; }
@test "again after 491; CSeqs" { case_again; }
@test "modes, methods" { case_modes; }
@test "HTTP: each half a second" { case_http; }
@test "shared memory" { case_memory; }
@test "early dialogs" { case_early; }
@test "the owner and nobody else" { case_owner; }
@test "a tag that nobody knows" { case_unknown_tag; }
@test "SDP of a re-INVITE" { case_sdp; }
@test "drained: two tags to two nodes" { case_drain; }
@test "kill -9, and all calls through another" { case_failover; }
@test "back, empty, and in step" { case_restart; }

another() { # [NODES] OPTION...: a cluster of its own
	rh_down
	rh_up "$BATS_TEST_TMPDIR/os" "$@"
}
@test "without the ACK rule" { another --no-ack-rule && case_no_ack_rule; }
@test "the owner runs timeouts" { another --dialog-timeout 3 && case_timeout; }
@test "cluster_auto_sync empties nodes" { another --auto-sync && case_auto_sync; }
@test "media by way of another rtpengine" {
	rh_down
	rh_rtpengine "$BATS_TEST_TMPDIR/os" 1 2
	rh_up "$OS_DIR" 2 --rtpengine udp:127.0.4.1:2223 \
		--rtpengine udp:127.0.4.2:2223 --local-route
	case_media
}

# ---- as a test wants it

ids() { grep -o '"callid":"[^"]*"' | sort -u; }
pages() { # NODE COUNT SIZE
	local i

	for ((i = 0; i < $2; i += $3)); do
		RH_MI=http rh_mi "$1" dlg_list "{\"index\":$i,\"counter\":$3}"
	done
}

@test "many dialogs, and a listing that changes under way" {
	another 2
	rh_ctl 2 plant 3000 sip1.0
	[ "$(pages 2 3000 500 | ids | wc -l)" = 3000 ]
	rh_ctl 2 set churn=20
	pages 2 3000 500 | ids >"$BATS_TEST_TMPDIR/seen"
	rh_ctl 2 set churn=0
	# some that were there all the time were passed over
	grep plant <(pages 2 3000 500 | ids) |
		comm -13 "$BATS_TEST_TMPDIR/seen" - | grep -q plant
	[ "$(statistic 2 active_dialogs)" = 3000 ]
	rh_ctl 2 unplant
	rh_ctl 2 zombie z1@127.0.3.1 sip1.0
	[ "$(rh_ctl 2 calls)" = 'z1@127.0.3.1 4 sip1.0' ]
	[ "$(rh_count 1)" = 0 ]
}

@test "replies: lost, late, twice, in part" {
	local id got

	another 2
	rh_calls 1
	id=$(one)
	ask() { "$FP_BUILD/test/prog/mi" -t "$1" udp:127.0.1.2:8080 dlg_send_sequential "{\"callid\":\"$id\",\"mode\":\"challenge\",\"body\":\"outbound\"}"; }
	rh_ctl 2 set next.udp/dlg_send_sequential=lost
	output=$(ask 500)
	has '^failed ETIMEDOUT'
	rh_moved 127.0.1.2 # done all the same
	rh_ctl 2 set 'next.udp/dlg_send_sequential=late 0.6'
	output=$(ask 300)
	has '^failed ETIMEDOUT'
	rh_ctl 2 set next.udp/dlg_send_sequential=part
	output=$(ask 300)
	[[ $output != result* ]]
	rh_ctl 2 set next.udp/dlg_send_sequential=twice
	output=$(ask 2000)
	is 'result {"Code":200,"Reason":"OK"}'
	output=$(ask 2000)
	is 'result {"Code":200,"Reason":"OK"}'
}

@test "it dies at the n-th request, or without memory; a tag is stolen" {
	local id

	another 3
	rh_calls 1
	id=$(one)
	rh_ctl 2 set steal.sip1.0=3/2
	sequential 2 "$id"
	[ "$(rh_owner sip1.0)" = 1 ]
	sequential 2 "$id"
	os_wait 5 rh_tag_is sip1.0 3
	rh_ctl 2 set die.dlg_send_sequential=2
	sequential 2 "$id"
	rh_answers 2
	move() { "$FP_BUILD/test/prog/mi" -t 500 "udp:127.0.1.$1:8080" dlg_send_sequential "{\"callid\":\"$id\"}"; }
	run move 2
	run ! rh_answers 2
	rh_ctl 3 set shm.free=20000
	run move 3
	run ! rh_answers 3
}
