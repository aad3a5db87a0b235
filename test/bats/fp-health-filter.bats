#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-health's check of fastpath's own filter: real sshd's, real XDP.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' variables

bats_require_minimum_version 1.5.0

setup_file() {
	source test/bats/sync.bash
	sync_up 2
}

setup() {
	source test/bats/sync.bash
	sync_fresh
}

teardown_file() {
	source test/bats/sync.bash
	sync_down
}

# filter STATUS ARG...: on the controller
filter() {
	local status=$1

	shift
	run --separate-stderr "-$status" cluster_in controller \
		"$FP_BUILD/fp-health" check --only filter --lists "$lists" "$@"
}

@test "a filter in step, and one that is not" {
	put one 198.51.100.1
	filter 1
	rows 1,3,6 'sip1\tWARNING\tlacks list one' 'sip2\tWARNING\tlacks list one'
	fs 0 push
	filter 0
	[[ $output == *'attached, enforce, policy '*', in step'* ]]
	filter 0 --json
	json 'map(select(.type == "check") | .state) | unique' '["OK"]'
	run --separate-stderr -0 cluster_in controller "$FP_BUILD/fp-health" \
		status --only filter --lists "$lists" --json
	json '.[0].in_step + (.[0].policy | length | tostring)' '"yes64"'
	put one 198.51.100.2
	filter 1 sip2
	[[ $output == *'list one differs'* ]]
	# a controller without lists has nothing to compare
	rm -r "$lists"
	filter 0
	[[ $output != *'in step'* ]]
}

@test "a filter that does not filter" {
	block sip1 load extra - --kind block <<<198.51.100.3
	filter 0
	fs 0 bypass --for 15m
	filter 1 sip1
	[[ $output == *'bypassed for '* ]]
	fs 0 bypass --end
	cluster_in sip1 "$FP_BUILD/fp-load" set lists=observe --quiet
	filter 1
	rows 1,3 'sip1\tWARNING' 'sip2\tOK'
	cluster_in sip1 "$FP_BUILD/fp-load" set lists=enforce --quiet
	cluster_in sip1 "$FP_BUILD/fp-load" detach --all --quiet
	filter 2 --fail-at critical
	rows 1,3 'sip1\tCRITICAL' 'sip2\tOK'
	[[ $output == *'no filter is attached'* ]]
	cluster_in sip1 "$FP_BUILD/fp-load" attach net1 --quiet
	filter 0
}

@test "a node that SSH does not reach is UNKNOWN, the other is asked" {
	cluster_kill_sshd sip2
	filter 3
	rows 1,3 'sip1\tOK' 'sip2\tUNKNOWN'
	cluster_start_sshd sip2
	sed -i 's/fp_if=net1//' "$FP_CLUSTER"
	filter 3
	hints 'nothing to check'
}
