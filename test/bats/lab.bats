#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The lab itself, without any filter: SIP gets through it by every way that
# later tests filter, and it leaves nothing behind.
# shellcheck disable=SC2030,SC2031 # a test is a subshell

bats_require_minimum_version 1.5.0

setup_file() {
	[ "$(id -u)" = 0 ] || skip 'network namespaces need root'
	source test/lab/lab.sh
	lab_up
	lab_vlan_up
	lab_sipp_server udp 4
	lab_sipp_server tcp 4
	lab_sipp_server udp 6
	lab_sipp_server tcp 6
	lab_sipp_server udp vlan4
	lab_sipp_server udp vlan6
}

setup() { source test/lab/lab.sh; }

teardown_file() {
	source test/lab/lab.sh
	lab_down
}

# calls HOST PROTO FAMILY MIN FILTER: 100 calls, which are at least MIN packets
# of what the filter says: INVITE, ACK and BYE, but TCP joins them.
calls() {
	lab_capture seen node "$([ "$1" = carrier ] && echo net0 || echo net1)"
	lab_sipp_call "$1" "$2" "$3" 100 200
	lab_stop seen INT
	[ "$(lab_packets seen "$5 and dst port 5060")" -ge "$4" ]
}

@test "100 calls over UDP, IPv4" {
	calls carrier udp 4 300 'ip and udp'
}

@test "100 calls over TCP, IPv4" {
	calls carrier tcp 4 100 'ip and tcp'
}

@test "100 calls over UDP, IPv6" {
	calls carrier udp 6 300 'ip6 and udp'
}

@test "100 calls over TCP, IPv6" {
	calls carrier tcp 6 100 'ip6 and tcp'
}

@test "100 calls over UDP on VLAN 10, IPv4" {
	calls carrier udp vlan4 300 'vlan 10 and ip and udp'
}

@test "100 calls over UDP on VLAN 10, IPv6" {
	calls attacker udp vlan6 300 'vlan 10 and ip6 and udp'
}

@test "the attacker has any address of its prefixes" {
	lab_capture seen node net1 'udp and dst port 5060'
	for source in 203.0.113.77 198.18.7.9 198.19.255.254; do
		lab_sipp_call -s $source attacker udp 4 5 50
	done
	lab_sipp_call -s 2001:db8:a:7::9 attacker udp 6 5 50
	lab_stop seen INT
	[ "$(lab_packets seen 'src 198.19.255.254')" -eq 15 ]
	[ "$(lab_packets seen 'src 2001:db8:a:7::9')" -eq 15 ]
}

@test "calls to a port where nobody listens fail, in time" {
	lab_stop sipp-udp-4
	start=$SECONDS
	run ! lab_sipp_call -t 2 carrier udp 4 3 50
	[ $((SECONDS - start)) -le 6 ]
	lab_sipp_server udp 4
}

@test "native XDP can be attached at the node, and calls still get through" {
	object=$FP_BUILD/test/pass.bpf.o
	[ -e "$object" ] || skip "$object is not built"
	lab_in node ip link set dev net0 xdpdrv object "$object" section xdp
	lab_in node ip -d link show dev net0 | grep -q 'prog/xdp'
	lab_sipp_call carrier udp 4 20 100
	lab_sipp_call carrier tcp 4 20 100
	lab_sipp_call carrier udp vlan4 20 100
	lab_in node ip link set dev net0 xdpdrv off
}

@test "the lab's bpffs is its own" {
	[ "$(stat -f -c %T "$FP_PINS")" = bpf_fs ]
	[ "$FP_PINS" = "$LAB_DIR/bpf" ]
	[ -d "$FP_STATE" ]
}

@test "two labs at once do not meet, and down leaves nothing behind" {
	mine=$LAB_DIR mine_id=$LAB_ID
	bash -c '
		source test/lab/lab.sh
		lab_up || exit
		trap lab_down EXIT
		[ "$LAB_DIR" != "$1" ] && [ "$LAB_ID" != "$2" ] || exit
		lab_sipp_server udp 4 &&
			lab_sipp_call carrier udp 4 5 50 || exit
		read -r pid _ <"$LAB_DIR/pids/sipp-udp-4"
		echo "$LAB_DIR $LAB_ID $pid" >"$3"
	' bash "$mine" "$mine_id" "$BATS_TEST_TMPDIR/other"
	read -r dir id pid <"$BATS_TEST_TMPDIR/other"
	[ -n "$pid" ] && [ ! -e "$dir" ] && [ ! -e "/proc/$pid" ]
	run ! grep -q "$dir" /proc/mounts
	run ! grep -q "fp$id-" <(ip netns list)
	lab_sipp_call carrier udp 4 5 50
}

@test "down ends what it started and no process of the same number" {
	bash -c '
		source test/lab/lab.sh
		lab_up || exit
		trap lab_down EXIT
		sleep 30 &
		echo "$! 1" >"$LAB_DIR/pids/stale"
		lab_down
		lab_down
		kill $!
	'
}
