#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-health watch --observers: a quorum of controllers over real sshd's.  The
# observers are sip2 and sip3; the node they watch is sip1's address.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' variables

bats_require_minimum_version 1.5.0

setup_file() {
	source test/lab/cluster.sh
	[ "$(id -u)" = 0 ] || skip 'network namespaces need root'
	export FP_BUILD=${FP_BUILD:-$PWD/build}
	cluster_up 3
	mkdir "$LAB_DIR/peer"
	cluster_start peer sip1 python3 test/fake/sip-peer "$LAB_DIR/peer" \
		"$(cluster_addr sip1):5060" "$(cluster_addr sip1):5070"
	lab_wait 5 grep -q up "$LAB_DIR/peer.log"
	cat >"$LAB_DIR/watched.ini" <<-END
	[nodes]
	n1 fp_sip=udp:$(cluster_addr sip1):5060
	n2 fp_sip=udp:$(cluster_addr sip1):5070
	[observers]
	sip2 ansible_host=$(cluster_addr sip2)
	sip3 ansible_host=$(cluster_addr sip3)
	[all:vars]
	fp_ssh_key_file=$LAB_DIR/id_admin
	END
}

setup() {
	source test/lab/cluster.sh
	out=$LAB_DIR/observe.log
	rm -f "$LAB_DIR"/peer/*
}

teardown() { cluster_stop observe; }

teardown_file() {
	source test/lab/cluster.sh
	cluster_down
}

# observe: on the controller
observe() {
	cluster_start observe controller "$FP_BUILD/fp-health" watch --json \
		-C "$LAB_DIR/watched.ini" --interval 200ms --timeout 500ms \
		--observers observers --observe-command "$FP_BUILD/fp-health \
		watch --json -C $LAB_DIR/watched.ini --interval 200ms \
		--timeout 500ms"
	lab_wait 10 told '.type == "alive"'
}

# told FILTER: there is such a record
told() {
	grep '^{' "$out" | jq -es "any(.[]; $1)" >/dev/null
}

@test "all of them say so" {
	observe
	told '.type == "transition" and .node == "n1" and .to == "OK" and
		(.seen | endswith("=OK,sip2=OK,sip3=OK"))'
	echo silent >"$LAB_DIR/peer/5060"
	lab_wait 8 told '.node == "n1" and .check == "sip" and
		.from == "OK" and .to == "CRITICAL" and
		(.seen | test("=CRITICAL.*=CRITICAL"))'
	rm "$LAB_DIR/peer/5060"
	lab_wait 8 told '.node == "n1" and .from == "CRITICAL" and .to == "OK"'
}

# What one of three sees alone is no CRITICAL.
@test "one of them alone has no say" {
	observe
	cluster_in sip1 iptables -I INPUT -p udp --dport 5060 \
		-s "$(cluster_addr controller)" -j DROP
	sleep 3
	run -1 told '.node == "n1" and .to == "CRITICAL"'
	# two are a majority
	cluster_in sip1 iptables -I INPUT -p udp --dport 5060 \
		-s "$(cluster_addr sip2)" -j DROP
	lab_wait 8 told '.node == "n1" and .to == "CRITICAL"'
	cluster_in sip1 iptables -F INPUT
	lab_wait 8 told '.node == "n1" and .from == "CRITICAL" and .to == "OK"'
}

@test "observers that are gone have no word, and come back" {
	observe
	cluster_kill_sshd sip2
	lab_wait 8 grep -q 'observer sip2 is gone' "$out"
	run -1 told '.to == "UNKNOWN"'
	# one of three is no majority
	cluster_kill_sshd sip3
	lab_wait 8 told '.node == "n1" and .from == "OK" and
		.to == "UNKNOWN" and (.seen | endswith(",sip2=-,sip3=-"))'
	cluster_start_sshd sip2
	cluster_start_sshd sip3
	lab_wait 15 told '.node == "n1" and .from == "UNKNOWN" and .to == "OK"'
}

@test "one that says something else is told of, once" {
	cluster_start observe controller "$FP_BUILD/fp-health" watch --json \
		-C "$LAB_DIR/watched.ini" --interval 200ms --timeout 500ms \
		--observers sip2 --observe-command 'echo hello; echo again; cat'
	lab_wait 8 grep -q 'observer sip2: .* no record .*"hello"' "$out"
	run -1 grep again "$out"
}
