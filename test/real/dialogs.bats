#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Dialogs of real OpenSIPS 3.6: the cases of test/bats/fake-opensips.bats.
#	FP_OPENSIPS_PREFIX=DIR test/run test/real/dialogs.bats
# shellcheck disable=SC2030,SC2031 # a test is a subshell

bats_require_minimum_version 1.5.0

load dialogs.bash

setup_file() {
	[ -n "${FP_OPENSIPS_PREFIX:-}" ] ||
		skip "FP_OPENSIPS_PREFIX does not say where OpenSIPS is"
	export DLG_DIR=$BATS_FILE_TMPDIR/os
	rh_up "$DLG_DIR"
}
teardown_file() {
	[ ! -e "$DLG_DIR/lab.env" ] || { rh_load "$DLG_DIR" && rh_down; }
}
setup() { rh_load "$DLG_DIR"; }
teardown() { [ "$OS_DIR" = "$DLG_DIR" ] || rh_down; }

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
