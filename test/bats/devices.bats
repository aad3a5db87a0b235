#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-load on devices that are made of others, with real packets.  Bonds and VLAN
# devices, which few test kernels have: test/full/guest.
#
#   attacker                    node                        carrier
#   w0 10.9.0.2 ────── w0 ┐                ┌ x0 ────── x0 10.9.0.9, listens
#                         └─ br0 10.9.0.1 ─┘
#   net0 10.8.0.2 ──── net1 ── mv0 10.8.0.1
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' stderr

bats_require_minimum_version 1.5.0

setup_file() {
	source test/bats/load.bash && load_up
	bridge_up
	lab_start rx2 carrier socat -u UDP4-RECV:5060 \
		"OPEN:$LAB_DIR/rx2,creat,append"
	lab_wait 5 lab_listens carrier udp 0.0.0.0 5060
}
setup() { source test/bats/load.bash && load_fresh; }
teardown() { load_clean; }
teardown_file() { source test/bats/load.bash && load_down; }

bridge_up() {
	local port

	lab_in node ip link add dev br0 type bridge
	for port in w0:attacker:10.9.0.2 x0:carrier:10.9.0.9; do
		IFS=: read -r if host address <<<"$port"
		lab_in node ip link add dev "$if" type veth \
			peer name "$if" netns "$(lab_ns "$host")"
		lab_in node ip link set dev "$if" master br0 up
		lab_in "$host" ip addr add "$address/24" dev "$if"
		lab_in "$host" ip link set dev "$if" up
	done
	lab_in node ip addr add 10.9.0.1/24 dev br0
	lab_in node ip link set dev br0 up
	lab_in node ip link add dev mv0 link net1 type macvlan mode bridge
	lab_in node ip addr add 10.8.0.1/24 dev mv0
	lab_in node ip link set dev mv0 address 02:00:00:00:08:01 up
	lab_in attacker ip addr add 10.8.0.2/24 dev net0
	# or net1 would answer for mv0
	lab_in attacker ip neigh add 10.8.0.1 lladdr 02:00:00:00:08:01 dev net0
}

# gets ADDRESS SOURCE: does an INVITE from there arrive at one of the node's
# addresses, or at the carrier behind the bridge?
gets() {
	local id=$RANDOM$RANDOM$RANDOM file=rx

	[ "$1" != 10.9.0.9 ] || file=rx2
	for word in "$2 $id" "$OTHER mark$id"; do
		invite "${word#* }" | lab_in attacker socat -u - \
			"UDP4-SENDTO:$1:5060,bind=${word% *}"
	done
	lab_wait 5 grep -aq "mark$id" "$LAB_DIR/$file"
	grep -aq "sip:$id@" "$LAB_DIR/$file"
}

drops() { fl -j stats | jq -s "map(select(.nic == \"$1\" and
	.reason == \"drop_block\").packets) | add // 0"; }

@test "a bridge: no native mode, its ports are named" {
	says -j attach br0
	[ "$status" = 2 ]
	[[ $stderr == *'a bridge has no native mode: attach its ports (w0 x0):'\
*'fp-load attach w0 x0, or --mode generic, which filters what the bridge hands'\
*'to this host only'* ]]
	json '.[0].changed == false'
	[ ! -e "$FP_PINS/v2" ]
	says attach -n br0
	[ "$status" = 2 ]
}

@test "a bridge, generic: what it hands to this host, not what it forwards" {
	gets 10.9.0.1 $BLOCKED
	gets 10.9.0.9 $BLOCKED
	says -j attach --mode auto br0
	[ "$status" = 0 ]
	[[ $stderr == *'br0: a bridge in generic mode: the filter sees what the'\
*'bridge hands to this host, not what it forwards'* ]]
	json '.[0] | .mode == "generic" and .kind == "bridge" and
		.over == "w0,x0"'
	refute gets 10.9.0.1 $BLOCKED
	gets 10.9.0.9 $BLOCKED
	[ "$(drops br0)" = 1 ]
	says -j attach --mode auto br0
	[ "$stderr" = '' ]
	json '.[-1].changed == false'
}

@test "ports of a bridge, native: what it forwards too; then the bridge" {
	fl attach w0
	says attach --mode generic br0
	[ "$status" = 0 ]
	[ "$stderr" = '' ] # x0 is not filtered
	fl detach br0
	says -j attach x0
	json '.[0] | .mode == "native" and .kind == "veth"'
	refute gets 10.9.0.1 $BLOCKED
	refute gets 10.9.0.9 $BLOCKED
	says attach --mode generic br0
	[ "$status" = 0 ]
	[[ $stderr == *'br0: superfluous: what comes here was filtered below it'\
*'(w0,x0)'* ]]
	refute gets 10.9.0.1 $BLOCKED
	[ "$(drops w0) $(drops x0) $(drops br0)" = '3 0 0' ]
	says -j status
	json 'map(select(.type == "nic") | "\(.nic) \(.kind) \(.over)") |
		sort == ["br0 bridge w0,x0", "w0 veth null", "x0 veth null"]'
}

@test "a port below a bridge that has a program: whichever mode, refused" {
	local mode

	fl attach --mode generic br0
	for mode in native generic auto; do
		says -j attach --mode $mode w0
		[ "$status" = 2 ]
		[[ $stderr == *'w0: the kernel takes no program below br0'\
*'(bridge), which has one (id '*', generic mode): detach br0, attach w0 first'* ]]
		json '.[0].changed == false and .[-1].changed == false'
	done
	fl detach br0
	fl attach w0
}

@test "macvlan: the device below, or generic for its own packets alone" {
	says attach mv0
	[ "$status" = 2 ]
	[[ $stderr == *'a macvlan device has no native mode: fp-load attach net1:'\
*'or --mode generic'* ]]
	says -j attach --mode auto mv0
	[ "$status" = 0 ]
	[[ $stderr == *'mv0: a macvlan in generic mode'* ]]
	json '.[0].over == "net1"'
	refute gets 10.8.0.1 $BLOCKED
	gets 192.0.2.1 $BLOCKED
	says attach net1
	[ "$status" = 2 ]
	[[ $stderr == *'no program below mv0 (macvlan)'* ]]
	fl detach mv0
	fl attach net1
	refute gets 10.8.0.1 $BLOCKED
	refute gets 192.0.2.1 $BLOCKED
}

@test "a device without Ethernet is refused in every mode" {
	lab_in node ip tuntap add dev tun9 mode tun || skip 'no tun device here'
	for mode in native generic auto; do
		says attach --mode $mode tun9
		[ "$status" = 2 ]
		[[ $stderr == *'tun9: no Ethernet device (kind tun)'* ]]
	done
	lab_in node ip link del dev tun9
}

@test "another's program, and one may not look at it: both ways to take it off" {
	foreign xdp
	run --separate-stderr lab_in node setpriv --bounding-set=-sys_admin \
		--inh-caps=-sys_admin "$load" attach net1
	[ "$status" = 2 ]
	[[ $stderr == *'another XDP program is attached (id '*', -, native mode)'\
*'ip link set dev net1 xdp off, or when a link holds it'\
*'bpftool link detach id N'* ]]
}
