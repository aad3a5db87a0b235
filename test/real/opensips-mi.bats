#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The management interface with real OpenSIPS 3.6: the cases of
# test/bats/fp-health-mi.bats, and dialogs.
#	FP_OPENSIPS_PREFIX=DIR test/run test/real/opensips-mi.bats

bats_require_minimum_version 1.5.0

load opensips-mi.bash

setup_file() {
	[ -n "${FP_OPENSIPS_PREFIX:-}" ] ||
		skip "FP_OPENSIPS_PREFIX does not say where OpenSIPS is"
	mi_setup_file
}
teardown_file() { mi_teardown_file; }
setup() { mi_setup; }

@test "replies, byte by byte" { case_replies; }
@test "HTTP, byte by byte" { case_http; }
@test "the four transports" { case_transports; }
@test "many requests at once" { case_many; }
@test "nobody there" { case_nobody; }
@test "too long a reply, too long a request" { case_too_long; }
@test "a frozen process" { case_frozen; }
@test "what it says of itself and the others" { case_view; }
@test "ds_set_state: i, p, a" { case_dispatcher; }
@test "a late answer to a probe undoes ds_set_state i" { case_late_probe; }
@test "a silent peer" { case_silent_peer; }
@test "lb_status, lb_resize" { case_load_balancer; }
@test "rtpengine_enable" { case_rtpengine; }
@test "a tag moves" { case_tags; }
@test "a sync that is over at once" { case_sync; }
@test "kill -9, and a restart" { case_killed; }
@test "fp-health check" { case_check; }
@test "fp-health check: killed, a wrong path, a wrong port, too long" { case_check_killed; }
