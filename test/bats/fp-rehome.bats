#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-rehome moves calls: the main road, with stand-ins of OpenSIPS (the cases that real
# ones pass too, test/real/opensips-rehome.bats), SIPp at both ends and a real
# PostgreSQL.

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
@test "failover to several: a call goes where its tag went" { case_spread; }
@test "a node that lives is not failed over" { case_alive; }
@test "what endpoints answer; resume asks what is silent or failed" { case_verdicts; }
@test "drain: new calls away, all tags, empty; again: nothing; new calls later" { case_drain; }
@test "drain: what endpoints agreed on since goes with a call" { case_refresh; }
@test "drain: new calls that still come refuse it" { case_new_calls; }
@test "balance: tags to idle nodes; again: nothing" { case_balance; }
@test "take: one call's path; its tag stays" { case_take; }
