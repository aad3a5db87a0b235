#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# How the cluster file says a node is reached.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell

bats_require_minimum_version 1.5.0

load sync.bash

setup_file() { sync_up 1; }
setup() { sync_fresh; }
teardown_file() { sync_down; }

# cluster VARIABLE...: sip1 is reached so
cluster() {
	printf '[opensips]\nsip1 ansible_host=%s %s\n' \
		"$(cluster_addr sip1 4)" "$*" >cluster.ini
	export FP_CLUSTER=$PWD/cluster.ini
}

@test "fp_ssh_key_file, fp_ssh_known_hosts and fp_sync_command are heard" {
	cluster fp_ssh_user=root
	fs 0 status -o node,state
	cp "$LAB_DIR/id_admin" key
	chmod 600 key
	mkdir -p none
	cluster "fp_ssh_user=root fp_ssh_key_file=$PWD/key fp_sync_command='echo no fastpath here'"
	fs 2 status --no-ssh-config
	[[ $output == *'a frame of '* ]] # what echo says is none
	cluster "fp_ssh_user=root fp_ssh_key_file=$PWD/absent"
	fs 2 status --no-ssh-config
	[[ $output$stderr == *absent* ]]
	: >known
	cluster "fp_ssh_user=root fp_ssh_known_hosts=$PWD/known"
	fs 4 status --no-ssh-config
	[[ $output$stderr == *ssh-keyscan*"$PWD/known"* ]]
}
