#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-rehome join and activate with three real OpenSIPS 3.6: the cases of
# test/bats/fp-rehome-join.bats, and what their reports tell of settings.
#	FP_OPENSIPS_PREFIX=DIR test/run test/real/opensips-rehome-join.bats

bats_require_minimum_version 1.5.0

load rehome-join.bash

setup_file() {
	[ -n "${FP_OPENSIPS_PREFIX:-}" ] ||
		skip "FP_OPENSIPS_PREFIX does not say where OpenSIPS is"
	rr_setup_file
}
teardown_file() { rr_teardown_file; }
setup() { rr_setup; }
teardown() { rr_teardown; }

@test "first start: activate gives a node its tags; again: nothing; a tag that nobody knows" { case_first_start; }
@test "killed, restarted: join waits until it is in step; activate" { case_restart; }
@test "a tag that is =active in a configuration is seen, and refused" { case_active; }
@test "drained, activated: tags, calls and maintenance" { case_back; }
@test "cluster_auto_sync 0 is seen" { case_auto_sync_off; }
@test "cluster_auto_sync 1 is seen" { case_auto_sync_on; }
