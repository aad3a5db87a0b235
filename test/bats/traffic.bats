#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Real traffic through the filter on the lab's NICs, native: SIPp's calls, ssh;
# what passes and what does not.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' variables

bats_require_minimum_version 1.5.0

setup_file() {
	[ "$(id -u)" = 0 ] || skip 'XDP needs root'
	export FP_BUILD=${FP_BUILD:-$PWD/build} FP_CLUSTER=/dev/null
	source test/lab/lab.sh
	lab_up
	lab_vlan_up
	for family in 4 6 vlan4 vlan6; do
		lab_sipp_server udp $family
	done
	lab_sipp_server tcp 4
	lab_sipp_server tcp 6
	lab_in node "$FP_BUILD/fp-load" attach net0 net1 >/dev/null
}

setup() {
	source test/lab/lab.sh
	source test/bats/sshd.bash
}

# Every test begins without lists, with the first settings and a server.
teardown() {
	local list name

	for list in $(block lists -o list); do
		[ "$list" != _cluster ] || continue
		block unload "$list" --override empty >/dev/null
	done
	fl set lists=enforce stealth=observe malformed=observe \
		guard-ports=none >/dev/null
	for name in ssh web; do
		lab_stop $name
	done
}

teardown_file() {
	source test/lab/lab.sh
	lab_down
}

fl() { lab_in node "$FP_BUILD/fp-load" "$@"; }
block() { lab_in node "$FP_BUILD/fp-block" "$@"; }

# counted REASON: packets, on both NICs.
counted() {
	fl stats -o reason,packets | awk -F'\t' -v reason="$1" '
		$1 == reason { n += $2 } END { print n + 0 }'
}

# calls OPTION...: all of 20; no_calls: none of 3, and the node has seen nothing.
calls() { lab_sipp_call "$@" 20 100; }

no_calls() { # HOST IF [OPTION]... HOST PROTO FAMILY
	local if=$1

	shift
	lab_capture none node "$if" 'port 5060'
	if lab_sipp_call -t 1 "$@" 3 100 2>/dev/null; then
		lab_stop none INT
		return 1
	fi
	lab_stop none INT
	[ "$(lab_packets none 'dst port 5060')" = 0 ]
}

# three_ways PROTO FAMILY SOURCE: unlisted, blocked, allowed though blocked, and
# blocked again.
three_ways() {
	local before

	calls -s "$3" attacker "$1" "$2"
	before=$(counted drop_block)
	block add "$3" >/dev/null
	no_calls net1 -s "$3" attacker "$1" "$2"
	[ "$(counted drop_block)" -ge $((before + 1)) ]
	calls carrier "$1" "$2"
	block add "$3" -l friends --kind allow >/dev/null
	calls -s "$3" attacker "$1" "$2"
	block del "$3" -l friends >/dev/null
	no_calls net1 -s "$3" attacker "$1" "$2"
}

@test "UDP, IPv4: unlisted, blocked, allowed" {
	three_ways udp 4 203.0.113.5
}

@test "TCP, IPv4: unlisted, blocked, allowed" {
	three_ways tcp 4 203.0.113.5
	[ "$(counted pass_tcp)" -ge 40 ]
}

@test "UDP, IPv6: unlisted, blocked, allowed" {
	three_ways udp 6 2001:db8:a::5
}

@test "TCP, IPv6: unlisted, blocked, allowed" {
	three_ways tcp 6 2001:db8:a::5
}

@test "UDP on a VLAN, IPv4: unlisted, blocked, allowed" {
	three_ways udp vlan4 192.0.2.67
}

@test "UDP on a VLAN, IPv6: unlisted, blocked, allowed" {
	three_ways udp vlan6 2001:db8:10::67
}

@test "what two lists block is blocked until neither does" {
	block add 198.18.0.0/16 -l one >/dev/null
	block add 198.18.7.7 -l two >/dev/null
	no_calls net1 -s 198.18.7.7 attacker udp 4
	calls -s 198.19.7.7 attacker udp 4
	block unload one --override empty >/dev/null
	no_calls net1 -s 198.18.7.7 attacker udp 4
	calls -s 198.18.7.8 attacker udp 4
	block unload two --override empty >/dev/null
	calls -s 198.18.7.7 attacker udp 4
}

# options HOST SOURCE FAMILY: how many of 20 OPTIONS come to the node.
options() {
	local if=net1

	[ "$1" = attacker ] || if=net0
	lab_capture options node $if "udp dst port 5060 and src host $2"
	lab_sipp_call -s "$2" -f options "$1" udp "$3" 20 200 2>/dev/null
	sleep 0.2
	lab_stop options INT
	lab_packets options
}

@test "stealth: strangers' OPTIONS are dropped, their calls and carriers' OPTIONS pass" {
	[ "$(options attacker 203.0.113.5 4)" = 20 ]
	[ "$(options attacker 2001:db8:a::5 6)" = 20 ]
	[ "$(counted seen_stealth)" -ge 40 ]
	block add 198.51.100.0/24 2001:db8:c::/48 -l carriers --kind allow \
		>/dev/null
	fl set stealth=enforce >/dev/null 2>&1
	[ "$(options attacker 203.0.113.5 4)" = 0 ]
	[ "$(options attacker 2001:db8:a::5 6)" = 0 ]
	[ "$(counted drop_stealth)" = 40 ]
	[ "$(options carrier 198.51.100.1 4)" = 20 ]
	[ "$(options carrier 2001:db8:c::1 6)" = 20 ]
	calls -s 203.0.113.5 attacker udp 4
	calls -s 2001:db8:a::5 attacker udp 6
}

@test "malformed: what is no SIP is dropped, calls from there pass" {
	fl set malformed=enforce >/dev/null 2>&1
	lab_capture junk node net1 'udp dst port 5060'
	lab_sipp_call -s 203.0.113.5 -f junk attacker udp 4 20 200 2>/dev/null
	sleep 0.2
	lab_stop junk INT
	[ "$(lab_packets junk)" = 0 ]
	[ "$(counted drop_malformed)" = 20 ]
	calls -s 203.0.113.5 attacker udp 4
	calls carrier udp 4
}

# ---- ssh

# web_from SOURCE: a TCP connection to a port that is neither SIP's nor ssh's.
web_from() {
	[ "$(lab_in attacker timeout 5 socat -u \
		"TCP4:192.0.2.1:8080,bind=$1,connect-timeout=1" - \
		2>/dev/null)" = page ]
}

start_web() {
	lab_start web node socat TCP4-LISTEN:8080,fork,reuseaddr \
		SYSTEM:'echo page'
	lab_wait 5 lab_listens node tcp 0.0.0.0 8080
}

@test "ssh from a blocked and from a fenced source, whatever is guarded" {
	start_sshd
	start_web
	fl attach net1 >/dev/null # learns where sshd listens
	ssh_from 203.0.113.5
	block add 203.0.113.5 2001:db8:a::5 >/dev/null
	block add 203.0.113.6 2001:db8:a::6 -l dead --kind fence --run x \
		--override fence >/dev/null
	fl set guard-ports=any >/dev/null
	no_calls net1 -s 203.0.113.5 attacker udp 4
	no_calls net1 -s 203.0.113.6 attacker udp 4
	for source in 203.0.113.5 203.0.113.6 2001:db8:a::5 2001:db8:a::6; do
		ssh_from $source
	done
	run ! web_from 203.0.113.5
	run ! web_from 203.0.113.6
	web_from 203.0.113.7
	fl set guard-ports=none >/dev/null
	web_from 203.0.113.5 # blocked for SIP only
	run ! web_from 203.0.113.6
}

# ---- NICs

@test "generic mode" {
	fl detach net1 >/dev/null
	fl attach net1 --mode generic >/dev/null
	lab_in node ip -d link show dev net1 | grep -q xdpgeneric
	three_ways udp 4 203.0.113.5
	three_ways tcp 6 2001:db8:a::5
	three_ways udp vlan4 192.0.2.67
	fl detach net1 >/dev/null
	fl attach net1 --mode native >/dev/null
	calls attacker udp 4
}

@test "a NIC vanishes and returns: attached again, it filters" {
	block add 203.0.113.5 >/dev/null
	no_calls net1 -s 203.0.113.5 attacker udp 4
	lab_in node ip link del dev net1
	run -1 fl status -o nic,state
	[[ $output == *$'net1\tgone'* ]]
	calls carrier udp 4
	# the attacker has lost the link only
	lab_in attacker ip -4 route flush table local proto boot
	lab_in attacker ip -6 route flush table local proto boot
	lab_link attacker net1 a >/dev/null
	lab_neighbour attacker net1 203.0.113.0/24 2001:db8:a::/48 198.18.0.0/15
	calls -s 203.0.113.5 attacker udp 4 # nobody filters there
	fl attach net1 >/dev/null
	no_calls net1 -s 203.0.113.5 attacker udp 4
	calls -s 203.0.113.7 attacker udp 4
	run fl status -o nic,state
	[[ $output == *$'net1\tfiltering'* ]]
}
