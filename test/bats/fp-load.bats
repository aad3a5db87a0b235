#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-load on a node with two NICs: the lab's net0 (carrier) and net1 (attacker).
# 203.0.113.7 is blocked in every test.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' stderr

bats_require_minimum_version 1.5.0

setup_file() { source test/bats/load.bash && load_up; }
setup() { source test/bats/load.bash && load_fresh; }
teardown() { load_clean; }
teardown_file() { source test/bats/load.bash && load_down; }

# ---- attach, detach

@test "attach filters; again changes nothing" {
	says -j attach net1
	[ "$status" = 0 ]
	[ "$stderr" = '' ]
	json 'any(.type == "attach" and .nic == "net1" and .changed and
		.mode == "native" and .driver == "veth" and .mtu == 1500 and
		.rx_queues == 1)'
	json '.[-1] | .type == "summary" and .changed'
	filters
	says -j attach net1
	[ "$status" = 0 ]
	json '.[0].changed == false and .[-1].changed == false'
}

@test "attach compiles before the first packet: no packet of a listed source" {
	local got

	lab_start flood attacker python3 -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("203.0.113.7", 0))
n = 0
while True:
    s.sendto(b"INVITE sip:flood%d@192.0.2.1 SIP/2.0\r\n\r\n" % n,
             ("192.0.2.1", 5060))
    n += 1
    time.sleep(0.0005)'
	lab_wait 5 arrived 'sip:flood10@'
	fl attach net1
	got=$(grep -ac 'sip:flood' "$LAB_DIR/rx")
	sleep 0.5
	[ "$(grep -ac 'sip:flood' "$LAB_DIR/rx")" = "$got" ]
	lab_stop flood
}

@test "attach, text: fields in their order" {
	says attach net1
	[ "$(sed 's/veth\t[0-9]*/veth\tN/' <<<"$output")" = \
		$'net1\tyes\tnative\tveth\tN\t1500\t1\t-\t-\tveth\t-' ]
}

@test "attach --dry-run changes nothing and says 1; 0 once it is attached" {
	says attach -n net1
	[ "$status" = 1 ]
	[[ $output == net1$'\t'yes* ]]
	[ ! -e "$FP_PINS/v2" ]
	does_not_filter
	fl attach net1
	says attach -n net1
	[ "$status" = 0 ]
	[[ $output == net1$'\t'no* ]]
}

@test "attach without an interface, with a bad --mode, a bad --confirm" {
	says attach
	[ "$status" = 2 ]
	[[ $stderr == *'needs an interface'*'--help' ]]
	says attach --mode fast net1
	[ "$status" = 2 ]
	[[ $stderr == *'"fast"'* ]]
	says attach --confirm 60 net1
	[ "$status" = 2 ]
	[[ $stderr == *'--confirm: "60"'* ]]
	says attach --confirm 0s net1
	[ "$status" = 2 ]
	[ ! -e "$FP_PINS/v2" ]
}

@test "attach of two NICs; one that is missing is partial" {
	says -j attach net0 nope net1
	[ "$status" = 3 ]
	[[ $stderr == *'nope: no such interface'* ]]
	json 'map(select(.type == "attach")) | map(.changed) ==
		[true, false, true] and (.[1].error | contains("nope"))'
	json '.[-1] | .done == 2 and .failed == 1'
	says attach nope
	[ "$status" = 2 ]
	[ "$(fl -j status | jq -s 'map(select(.type == "nic" and .attached)) |
		length')" = 2 ]
}

@test "a NIC that cannot be attached leaves no tables behind" {
	says attach nope
	[ "$status" = 2 ]
	[ ! -e "$FP_PINS/v2" ]
}

@test "--mode auto falls back to generic and says so, native and default do not" {
	says attach lo
	[ "$status" = 2 ]
	[[ $stderr == *'driver -, MTU 65536'*'--mode auto'* ]]
	says attach --mode native lo
	[ "$status" = 2 ]
	[ ! -e "$FP_PINS/v2" ]
	says -j attach --mode auto lo
	[ "$status" = 0 ]
	json '.[0].mode == "generic"'
	says -j attach lo
	[ "$status" = 0 ]
	json '.[0].changed == false'
	says attach --mode native lo
	[ "$status" = 2 ]
	[[ $stderr == *'attached in generic mode'* ]]
}

@test "--mode generic filters too" {
	says -j attach --mode generic net1
	[ "$status" = 0 ]
	json '.[0].mode == "generic"'
	[ "$(lab_in node ip -j link show dev net1 | jq '.[0].xdp.mode')" = 2 ]
	filters
}

@test "an MTU that the driver refuses: the message has driver, MTU and the way out" {
	lab_in attacker ip link set dev net0 mtu 9000
	lab_in node ip link set dev net1 mtu 9000
	says attach net1
	says_auto=$(fl -j attach --mode auto net1 | jq -s '.[0].mode')
	lab_in attacker ip link set dev net0 mtu 1500
	lab_in node ip link set dev net1 mtu 1500
	[ "$status" = 2 ]
	[[ $stderr == *'driver veth, MTU 9000'*'--mode auto'* ]]
	[ "$says_auto" = '"generic"' ]
}

@test "another XDP program on the NIC: exit 2 with its id and the way out" {
	local mode way

	for mode in xdpdrv xdpgeneric; do
		foreign $mode
		says attach net1
		[ "$status" = 2 ]
		[ "${#stderr_lines[@]}" = 1 ]
		[[ $stderr == *'another XDP program'*id\ [0-9]*fp_filter* ]]
		way=${stderr##*: }
		[[ $way == 'ip link set dev net1 xdp'* ]]
		lab_in node $way
		fl attach net1
		fl detach net1
	done
}

@test "another filter's link on the NIC: exit 2, and the way out is one" {
	fl --pins "$LAB_DIR/bpf/elsewhere" attach net1
	says attach net1
	[ "$status" = 2 ]
	way=${stderr##*: }
	[[ $way == 'bpftool link detach id '* ]]
	# shellcheck disable=SC2086 # words
	lab_in node $way
	fl attach net1
	fl --pins "$LAB_DIR/bpf/elsewhere" detach --all
	filters
}

@test "a name that no NIC can have is not cut to one that is" {
	lab_in node ip link add abcdefghijklmno type veth peer name x1
	fl attach abcdefghijklmno
	says -j detach abcdefghijklmnop
	[ "$status" = 0 ]
	json '.[0].changed == false'
	fl detach abcdefghijklmno
	lab_in node ip link del abcdefghijklmno
}

@test "xdp-filter on the NIC: exit 2, and the way out is one" {
	local way

	lab_in node xdp-filter load net1
	says attach net1
	[ "$status" = 2 ]
	[[ $stderr == *'another XDP program'*xdp* ]]
	way=${stderr##*: } # xdp-loader where libxdp uses its dispatcher
	lab_in node $way
	fl attach net1
	fl detach net1
	lab_in node xdp-filter unload --all || :
}

@test "detach passes everything again; twice changes nothing" {
	fl attach net0 net1
	filters
	says -j detach net1
	[ "$status" = 0 ]
	json '.[0].changed and .[-1].changed'
	does_not_filter
	says -j detach net1 nope
	[ "$status" = 0 ]
	[ "$stderr" = '' ]
	json 'all(.changed == false)'
	[ -e "$FP_PINS/v2/links/net0" ]
}

@test "detach of the last NIC takes the tables away and keeps the lists" {
	fl attach net1
	says detach net1
	[ "$status" = 0 ]
	[[ $stderr == *'the policy stays in the lists'* ]]
	[ "$(ls -I detached "$FP_PINS")" = '' ]
	[[ $(block list) == *$BLOCKED* ]]
	fl attach net1
	filters
}

@test "detach --all, --dry-run, and neither" {
	fl attach net0 net1
	says detach -n --all
	[ "$status" = 1 ]
	[ "${#lines[@]}" = 2 ]
	filters
	says detach --all
	[ "$status" = 0 ]
	[ "${#lines[@]}" = 2 ]
	says -j detach --all
	[ "$status" = 0 ]
	json '.[0] | .type == "summary" and
		.changed == false'
	says detach
	[ "$status" = 2 ]
	says detach --all net1
	[ "$status" = 2 ]
}

@test "a NIC's counters end with its attachment" {
	fl attach net0 net1
	filters
	fl stats | grep -q "^net1.drop_block.drop.1"
	fl detach net1
	fl attach net1
	refute counted '^net1.drop_block'
}

@test "a NIC that goes and comes back is attached again, in its slot" {
	lab_in node ip link add x0 type veth peer name x1
	lab_in node ip link set x0 up
	fl attach net1 x0
	lab_in node ip link del x0
	says -j status
	[ "$status" = 1 ]
	json 'any(.nic == "x0" and .state == "gone" and .attached == false and
		.ifindex == 0)'
	lab_in node ip link add x0 type veth peer name x1
	says -j status
	[ "$status" = 1 ]
	json 'any(.nic == "x0" and .state == "detached")'
	says -j attach x0
	[ "$status" = 0 ]
	json '.[0].changed'
	says -j status
	[ "$status" = 0 ]
	json 'map(select(.nic == "x0")) |
		length == 1 and .[0].attached'
	lab_in node ip link del x0
	fl detach x0
	[ ! -e "$FP_PINS/v2/links/x0" ]
	[ ! -e "$FP_PINS/v2/xsk/x0" ]
}

# has FILTER: of what status says, as --json.
has() {
	says -j status
	json "$1"
}

@test "a NIC is known by its link: renamed, swapped, in another namespace" {
	local i

	lab_in node ip link add x0 type veth peer name x1
	fl attach x0 x1
	i=$(lab_in node ip -j link show x0 | jq '.[].ifindex')
	# names that were swapped, one of them with a dot
	lab_in node ip link set x0 name x.2
	lab_in node ip link set x1 name x0
	has "any(.nic == \"x.2\" and .attached and .ifindex == $i) and
		any(.nic == \"x0\" and .attached and .ifindex != $i)"
	says -jn attach x.2
	[ "$status" = 0 ]
	says -j attach x.2 x0
	[ "$status" = 0 ]
	json '.[:2] | all(.changed == false)'
	[[ $stderr == *'x0 is called x.2 now'* ]]
	says -j attach x.2 x0
	[ "$stderr" = '' ]
	[ -e "$FP_PINS/v2/links/x%2e2" ] && [ -e "$FP_PINS/v2/xsk/x0" ]
	# its link filters on in a namespace that is not ours
	lab_in node ip link set x.2 netns "$(lab_ns carrier)"
	has 'any(.nic == "x.2" and .state == "elsewhere" and .ifindex == 0)'
	lab_in node ip link add x.2 type veth peer name x3
	says -j attach x.2
	[ "$status" = 0 ]
	json '.[0].changed'
	lab_in carrier ip -j link show x.2 | jq -e '.[0].xdp'
	has 'any(.nic == "x.2" and .attached) and
		any(.nic | tostring | test("^away:[0-9]+$"))'
	# and is there again under any name
	lab_in carrier ip link set x.2 name x4
	lab_in carrier ip link set x4 netns "$(lab_ns node)"
	has 'map(select(.attached) | .nic) | sort == ["x.2", "x0", "x4"]'
	fl detach x4
	lab_in node ip link del x0
	lab_in node ip link del x3
	says -j detach --all
	json 'map(select(.changed)) | length == 3' # and the summary
	[ ! -e "$FP_PINS/v2" ]
}

@test "a VLAN interface's name has a dot" {
	lab_in node ip link add link net0 name net0.5 type vlan id 5 ||
		skip 'no VLAN interfaces in this kernel'
	fl attach --mode generic net0.5
	[ -e "$FP_PINS/v2/links/net0%2e5" ]
	fl status | grep -q '^net0\.5.*filtering'
	fl detach --all
	lab_in node ip link del net0.5
}

@test "pins outside a bpf filesystem: exit 2 with the mount command" {
	says --pins "$LAB_DIR/nowhere" attach net1
	[ "$status" = 2 ]
	[[ $stderr == *'not in a bpf filesystem'*'mount -t bpf -o mode=711 bpf /sys/fs/bpf'* ]]
	[ ! -e "$LAB_DIR/nowhere" ]
	says --pins /proc/nowhere attach net1
	[ "$status" = 2 ]
	says --pins "$LAB_DIR" status
	[ "$status" = 2 ]
}

@test "what a killed run left half made is removed" {
	mkdir -p "$FP_PINS/v2_new/xsk" "$FP_PINS/v2_gone" "$FP_PINS/v7_new"
	fl attach net1
	[ "$(ls "$FP_PINS")" = v2 ]
}

@test "a list that cannot be read: the rest is in force, exit 3, loudly" {
	echo 'not a list' >"$FP_STATE/lists/torn.list"
	says attach net1
	[ "$status" = 3 ]
	[[ $stderr == *torn.list*'not in force'* ]]
	filters
	says -j status
	[ "$status" = 1 ]
	json 'any(.type == "filter" and .broken == 1 and .in_step == false)'
	says attach net1
	[ "$status" = 3 ]
	[[ $stderr == *torn.list* ]]
	filters
	rm "$FP_STATE/lists/torn.list"
	says attach net1
	[ "$status" = 0 ]
	[ "$stderr" = '' ]
	says -j status
	[ "$status" = 0 ]
	json 'any(.type == "filter" and .in_step)'
}

@test "a list that breaks later stays in force as it was" {
	fl attach net1
	for list in "$FP_STATE"/lists/*.list; do
		echo 'not a list' >"$list"
	done
	says attach net0
	[ "$status" = 3 ]
	[[ $stderr == *'the tables stay as they were'* ]]
	filters
}

@test "the cluster file's nodes are allowed from the first packet on" {
	printf '[opensips]\nsip9 ansible_host=%s\n' $BLOCKED >"$LAB_DIR/c.ini"
	says -C "$LAB_DIR/c.ini" attach net1
	[ "$status" = 0 ]
	passes $BLOCKED
	fl detach net1
	echo '[broken' >"$LAB_DIR/c.ini"
	says -C "$LAB_DIR/c.ini" attach net0
	[ "$status" = 3 ]
	[[ $stderr == *c.ini:1*'_cluster stays'* ]]
}

@test "the lock: waits, then exit 4" {
	exec 9<"$FP_STATE/lists"
	flock 9
	says -t 100ms attach net1
	[ "$status" = 4 ]
	says -t 100ms set lists=off
	[ "$status" = 4 ]
	says -t 100ms set lists=nonsense
	[ "$status" = 2 ]
	exec 9<&-
}

# ---- attach --confirm

@test "an attach that is not confirmed stops filtering by itself" {
	says -j attach --confirm 2s net1
	[ "$status" = 0 ]
	json '.[0].confirm_s as $s | $s >= 1 and $s <= 3'
	[[ $stderr == *'unless fp-load confirm'* ]]
	filters
	says -j attach net1
	json '.[0].changed == false and .[0].confirm_s != null'
	lab_wait 4 does_not_filter
	says -j status
	[ "$status" = 1 ]
	json 'any(.nic == "net1" and .state == "unconfirmed" and
		.confirm_s == 0)'
	says confirm net1
	[ "$status" = 2 ]
	[[ $stderr == *'has stopped'*'fp-load attach net1'* ]]
	says confirm
	[ "$status" = 2 ]
	does_not_filter
	says -j attach --confirm 1h net1
	[ "$status" = 0 ]
	json '.[0].changed and .[0].confirm_s > 3000'
	filters
}

@test "a confirmed attach filters on" {
	# the rope counts on a NIC that is attached too, and the last one does
	fl attach net1
	says attach -n --confirm 1h net1
	[ "$status" = 1 ]
	says -j attach --confirm 1h net1
	json '.[0].changed and .[0].confirm_s > 3000'
	says -j attach --confirm 2s net1
	json '.[0].changed and .[0].confirm_s <= 3'
	[[ $stderr == *'unless fp-load confirm'* ]]
	says -j confirm -n
	[ "$status" = 1 ]
	json '.[0].changed'
	says -j confirm
	[ "$status" = 0 ]
	json '.[0].nic == "net1" and .[0].changed'
	says -j confirm net1
	[ "$status" = 0 ]
	json '.[0].changed == false'
	says -j confirm
	[ "$status" = 0 ]
	json '.[0].changed == false'
	sleep 3
	filters
	says confirm net0
	[ "$status" = 2 ]
	[[ $stderr == *'not attached'* ]]
}

@test "after the deadline attach without --confirm is for good" {
	fl attach --confirm 1s net1
	lab_wait 4 does_not_filter
	says -j attach net1
	[ "$status" = 0 ]
	json '.[0].changed and .[0].confirm_s == null'
	filters
}

# ---- status

@test "status without a filter: exit 1" {
	says -j status
	[ "$status" = 1 ]
	json '.[0] | .type == "filter" and .layout == 0 and .lists == 2 and
		.entries == 1'
	rm -rf "$FP_STATE"
	says status
	[ "$status" = 1 ]
}

@test "status: one record a NIC and one for the filter" {
	fl attach net0 net1
	says -j status
	[ "$status" = 0 ]
	json 'map(.type) == ["nic", "nic", "filter", "summary"]'
	json '.[0] | .nic == "net0" and .state == "filtering" and .attached and
		.mode == "native" and .driver == "veth" and .mtu == 1500 and
		.program == "current" and .lists == "enforce" and
		.stealth == "observe" and .malformed == "observe"'
	json '.[2] | .layout == 2 and .lists == 2 and .entries == 1 and
		.hashed_max == 4000000 and .memory_bytes > 60000000 and
		.sip_ports == "5060-5061" and .guard_ports == "none" and
		.in_step'
	[ "$(lab_in node ip -j link show dev net0 | jq '.[0].xdp.prog.id')" = \
		"$(jq -se '.[0].prog_id' <<<"$output")" ]
	says status -o nic,state
	[ "$output" = $'net0\tfiltering\nnet1\tfiltering' ]
	says status -o in_step
	[ "$output" = yes ]
	says status -o nonsense
	[ "$status" = 2 ]
	says status now
	[ "$status" = 2 ]
}

@test "status sees lists that were changed behind the tables" {
	fl attach net1
	touch "$FP_STATE"/lists/*.list
	says -j status
	[ "$status" = 1 ]
	json 'any(.type == "filter" and .in_step == false)'
	fl attach net1
	says status
	[ "$status" = 0 ]
}

# ---- upgrade

@test "upgrade of what is current, or of nothing, changes nothing" {
	says -j upgrade
	[ "$status" = 0 ]
	json '.[0] | .type == "summary" and
		.changed == false'
	fl attach net0 net1
	says -j upgrade
	[ "$status" = 0 ]
	json 'map(.changed) == [false, false, false]'
	says upgrade now
	[ "$status" = 2 ]
}

# ---- the manual page

@test "the examples of the manual page run" {
	local n=0 example

	source "$BATS_TEST_DIRNAME/examples.bash"
	lab_in node ip link add eth0 type veth peer name x1
	fl attach net1
	capture cap
	fl detach net1
	cp "$LAB_DIR/cap.pcap" "$LAB_DIR/incident.pcap"
	echo 198.51.100.0/24 >"$LAB_DIR/carriers.txt"
	while IFS= read -r -d '' example; do
		echo "$example"
		(cd "$LAB_DIR" && PATH=$FP_BUILD:$PATH lab_in node \
			bash -e -o pipefail -c "$example") </dev/null \
			>"$LAB_DIR/example.out"
		n=$((n + 1))
		[[ $example != *incident*'.src'* ]] ||
			grep -qx $BLOCKED "$LAB_DIR/example.out"
	done < <(examples fp-load.8)
	[ $n -ge 6 ]
	[ -e "$LAB_DIR/fastpath.prom" ]
	fl status -o nic,state | grep -qx $'eth0\tfiltering'
	fl detach --all
	lab_in node ip link del eth0
}

@test "records have the fields that the manual page names, in order" {
	page=$(mandoc -Tascii -O width=1000 man/fp-load.8 | col -b |
		tr -s '[:space:]' ' ' | sed 's/ ([^)]*)//g')
	fl attach net1
	capture cap
	for args in 'attach net1' 'detach net1' confirm status 'set' stats \
		'watch --for 1s' 'top --for 1s' upgrade "test $LAB_DIR/cap.pcap"; do
		# shellcheck disable=SC2086 # words
		says $args -o nope
		[ "$status" = 2 ]
		fields=${stderr##*which has: }
		[[ $page == *" ${fields// /, }"[.:\ ]* ]] ||
			{ echo "$args: $fields"; false; }
	done
	keys=$(fl -j status | jq -r 'select(.type == "filter") | del(.type) |
		keys_unsorted | join(", ")')
	[[ $page == *" $keys."* ]]
}

@test "help of the tool and each verb: stdout, exit 0; version" {
	says --help
	[ "$status" = 0 ]
	[[ $output == *'attach, set and watch'* ]]
	for verb in attach detach confirm status 'set' stats watch top upgrade \
		'test'; do
		says $verb --help
		[ "$status" = 0 ]
		[[ ${lines[0]} == "usage: fp-load $verb"* ]]
		[ "$stderr" = '' ]
	done
	says --version
	[[ $output == fp-load\ * ]]
	says
	[ "$status" = 2 ]
	says fly
	[ "$status" = 2 ]
	[[ $stderr == *'"fly"'* ]]
}

@test "a full disk is no success" {
	fl attach net1
	filters # so that there is something to count
	capture cap
	for verb in status 'set' stats "test $LAB_DIR/cap.pcap"; do
		# shellcheck disable=SC2086 # words
		run -2 lab_in node bash -c '"$@" >/dev/full' x "$load" $verb
		[[ $output == *'No space left on device'* ]]
	done
}

@test "without the right to: exit 2, and it says so" {
	says_nobody() {
		run --separate-stderr lab_in node setpriv --reuid 65534 \
			--clear-groups --bounding-set -all "$load" "$@"
	}
	for verb in status 'attach net1' 'set lists=off' 'detach net1'; do
		# shellcheck disable=SC2086 # words
		says_nobody $verb
		[ "$status" = 2 ]
		[ -n "$stderr" ]
	done
}
