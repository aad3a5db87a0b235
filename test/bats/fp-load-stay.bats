#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-load attach --stay: NICs that go and come back, what was done by hand, and
# what systemd hears.  $BLOCKED is blocked in every test.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' stderr

bats_require_minimum_version 1.5.0

setup_file() { source test/bats/load.bash && load_up; }

setup() {
	source test/bats/load.bash && load_fresh
	NOTES=$LAB_DIR/notes
	rm -f "$NOTES"
	lab_start notes node socat -u "UNIX-RECV:$LAB_DIR/notify,mode=666" \
		"OPEN:$NOTES,creat,append"
	lab_wait 5 test -S "$LAB_DIR/notify"
}

teardown() {
	lab_stop stay
	lab_stop notes
	lab_stop flood
	rm -f "$LAB_DIR/notify" "$LAB_DIR/stay.log"
	lab_in node ip link del lan0 2>/dev/null || :
	nic_there || nic_ready
	load_clean
	rmdir "$FP_PINS" 2>/dev/null || : # of another user
}

teardown_file() { source test/bats/load.bash && load_down; }

# stay ARGUMENT...: fp-load attach --stay until it is ready
stay() {
	: >"$NOTES"
	lab_start stay node env NOTIFY_SOCKET="$LAB_DIR/notify" \
		"${env[@]}" "${as[@]}" "$load" attach --stay "$@"
	lab_wait 10 noted READY=1
}

noted() { grep -qas "$1" "$NOTES"; }
noted_last() { tail -c 200 "$NOTES" | tr '\n' ' ' | grep -q "$1"; }
stay_pid() { cut -d ' ' -f 1 "$LAB_DIR/pids/stay"; }

# said TEXT [N]: on a line of it, N times
said() { [ "$(grep -ac -- "$1" "$LAB_DIR/stay.log")" = "${2:-1}" ]; }

nic_there() { lab_in node ip link show net1 >/dev/null 2>&1; }
nic_gone() { lab_in node ip link del net1; }

nic_up() { lab_in "$1" ip link show "$2" | grep -q 'state UP'; }

# The cable to the attacker anew; its prefixes are still there.  What is sent
# before the kernel has seen the carrier is lost.
nic_back() {
	lab_link attacker net1 a
	lab_in attacker ip addr add 203.0.113.1/32 dev net0
	lab_in attacker ip route add 192.0.2.1 dev net0 src 203.0.113.1
	lab_in node ip route add 203.0.113.0/24 dev net1 src 192.0.2.1
}

nic_ready() {
	nic_back >/dev/null
	lab_wait 3 nic_up node net1
	lab_wait 3 nic_up attacker net0
}

# on_nic: our link on net1 as it is now
on_nic() { fl status | grep -q $'^net1\t[0-9]*\tfiltering'; }

@test "a NIC that goes and comes back is attached again, under traffic" {
	local got at

	stay net1 net1 -j # each once
	grep -q '"type":"attach","nic":"net1","changed":true' \
		"$LAB_DIR/stay.log"
	filters
	lab_start flood attacker python3 -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("203.0.113.7", 0))
n = 0
while True:
    try:
        s.sendto(b"INVITE sip:flood%d@192.0.2.1 SIP/2.0\r\n\r\n" % n,
                 ("192.0.2.1", 5060))
    except OSError:
        pass
    n += 1
    time.sleep(0.0005)'
	for i in 1 2; do
		nic_gone
		lab_wait 3 noted_last 'waits for net1'
		nic_back
		at=$(date +%s%N)
		lab_wait 5 on_nic
		echo "# attached after $((($(date +%s%N) - at) / 1000000)) ms"
		lab_wait 3 nic_up node net1
		lab_wait 3 nic_up attacker net0
		got=$(grep -ac 'sip:flood' "$LAB_DIR/rx" || :)
		passes $OTHER
		sleep 0.2
		[ "$(grep -ac 'sip:flood' "$LAB_DIR/rx" || :)" = "$got" ]
		lab_wait 3 noted_last 'filters net1'
	done
	said 'no such interface here; attached when it comes back' 2
	lab_stop flood
	said '"nic":"net1","changed":true' 3
	lab_stop stay
	tail -n 1 "$LAB_DIR/stay.log" | jq -e '.type == "summary" and
		.changed and .attached == 3 and .filtering == 1'
	filters
}

@test "a NIC that is not there is waited for, and said once" {
	nic_gone
	# whoever reads the records went away
	as=(bash -c 'exec "$@" > >(:)' bash)
	stay net1 net0
	noted 'STATUS=filters net0; waits for net1'
	said 'net1: no such interface here; attached when it comes'
	kill -HUP "$(stay_pid)"
	lab_wait 3 noted 'RELOADING=1'
	nic_ready
	lab_wait 5 on_nic
	filters
	said 'no such interface'
	said 'records cannot be written any more'
}

@test "what an operator detached stays so, also when the NIC comes back" {
	stay net1 net0
	fl detach net1
	lab_wait 5 said 'net1: detached by hand: left alone'
	nic_gone
	nic_ready
	# detached while nobody looked
	fl detach net0
	lab_wait 5 noted_last 'left alone net1 net0'
	kill -HUP "$(stay_pid)"
	lab_wait 3 said 'lists and settings are in force'
	does_not_filter
	said 'left alone' 2
	# systemd starts it again
	lab_stop stay
	stay net1 net0
	said 'detached by hand: left alone until fp-load attach' 2
	fl attach net1
	lab_wait 5 noted_last 'STATUS=filters net1; left alone net0'
	filters
	# detached while it is away
	nic_gone
	lab_wait 3 noted_last 'waits for net1'
	fl detach net1
	nic_ready
	lab_wait 5 noted_last 'left alone net1 net0'
	does_not_filter
}

@test "not confirmed in time: stopped for good, until it is attached by hand" {
	fl attach net1 --mode generic
	stay net1
	fl attach net1 --confirm 1s
	lab_wait 5 noted_last 'left alone net1'
	lab_stop stay KILL
	stay net1
	does_not_filter
	fl attach net1
	lab_wait 5 noted_last 'filters net1'
	filters
	# in the mode that a person named
	nic_gone
	nic_ready
	lab_wait 5 on_nic
	fl status | grep -q $'^net1\t[0-9]*\tfiltering\tgeneric'
}

@test "a program that was taken off, or put in its place, is left alone" {
	local id

	stay net1
	id=$(bpftool -j link show pinned "$FP_PINS"/v*/links/net1 | jq .id)
	bpftool link detach id "$id"
	lab_wait 5 said 'net1: its program was taken off by hand'
	lab_stop stay
	fl attach net1
	stay net1
	id=$(bpftool -j link show pinned "$FP_PINS"/v*/links/net1 | jq .id)
	bpftool link detach id "$id"
	foreign xdpdrv
	lab_wait 5 said 'net1: its program was .* by hand'
	lab_in node ip link show net1 | grep -q ' xdp '
	does_not_filter
}

@test "a NIC that another program holds is tried until it is free" {
	foreign xdpdrv
	stay net1 net0
	said 'net1: another XDP program is attached' 2
	noted 'STATUS=filters net0; tries again net1'
	lab_in node ip link set dev net1 xdp off
	lab_wait 5 on_nic
	filters
	said 'another XDP program is attached' 2 # the record and the message
}

@test "a rename: filtered on, and the name is waited for" {
	stay net1
	lab_in node ip link set dev net1 name lan0
	lab_wait 3 said 'net1: it is called lan0 now and filtered on'
	refute passes $BLOCKED
	lab_wait 3 counted '^lan0.drop_block.drop.1'
	# the next one of its name is attached, and takes nothing away
	lab_in node ip link add net1 type veth peer name peer1
	lab_wait 5 on_nic
	refute passes $BLOCKED
	fl status | grep -q $'^lan0\t[0-9]*\tfiltering'
	lab_in node ip link del net1
	lab_wait 3 noted_last 'waits for net1'
	lab_in node ip link set dev lan0 name net1
	lab_wait 3 noted_last 'filters net1'
	said 'by hand' 0
	filters
}

@test "more events than the socket holds: all is looked at anew" {
	local pid

	stay net1
	pid=$(stay_pid)
	kill -STOP "$pid"
	nic_gone
	# each change of a veth's two ends is some 3 kB; net.core.rmem_default is
	# 208 kB
	lab_in node ip link add b0 type veth peer name b1
	for i in {1..150}; do
		echo "link set dev b0 mtu $((1000 + i))"
	done | lab_in node ip -b -
	lab_in node ip link del b0
	nic_ready
	kill -CONT "$pid"
	lab_wait 5 on_nic
	said 'faster than they could be read: each is looked at anew'
	filters
}

@test "a broken list: said, the rest filters; in force when it is mended" {
	block load feed - <<<198.51.100.99 || [ $? = 3 ] # not in force
	mv "$FP_STATE/lists/feed.list" "$LAB_DIR/feed"
	echo nonsense >"$FP_STATE/lists/feed.list"
	stay net1
	filters
	said 'feed'
	noted 'not all lists or settings are in force'
	mv "$LAB_DIR/feed" "$FP_STATE/lists/feed.list"
	lab_wait 6 noted_last 'STATUS=filters net1$'
	block test 198.51.100.99
}

@test "HUP: lists edited by hand are in force" {
	stay net1
	printf '%s\n' 203.0.113.9 |
		block load feed - --state "$LAB_DIR/elsewhere" \
			--pins "$LAB_DIR/bpf/none" || :
	cp "$LAB_DIR"/elsewhere/lists/feed.list "$FP_STATE/lists/"
	refute block test 203.0.113.9
	kill -HUP "$(stay_pid)"
	lab_wait 3 said 'lists and settings are in force'
	block test 203.0.113.9
}

@test "as the unit runs it: its user, its capabilities and no others" {
	local caps
	caps=-all$(sed -n 's/^CapabilityBoundingSet=//p' \
		examples/systemd/fp-load@.service | tr '[:upper:]' '[:lower:]' |
		sed 's/cap_/,+/g; s/ //g')

	mkdir -p "$FP_PINS"
	chmod 711 "$LAB_DIR" "$LAB_DIR/bpf"
	chown -R 12345:12345 "$FP_STATE" "$FP_PINS"
	chmod 750 "$FP_PINS"
	as=(setpriv --reuid 12345 --regid 12345 --clear-groups --no-new-privs
		--inh-caps "$caps" --ambient-caps "$caps"
		--bounding-set "$caps")
	stay net1
	on_nic
	nic_gone
	nic_ready
	lab_wait 5 on_nic
	filters
	# what root adds is not root's
	block add $OTHER
	refute passes $OTHER
	[ -z "$(find "$FP_STATE" "$FP_PINS" -not -uid 12345)" ]
	kill -HUP "$(stay_pid)"
	lab_wait 3 said 'lists and settings are in force'
	# and the sweep's
	caps=-all,+$(sed -n 's/^CapabilityBoundingSet=CAP_//p' \
		examples/systemd/fp-block-sweep.service |
		tr '[:upper:]' '[:lower:]')
	lab_in node setpriv --reuid 12345 --regid 12345 --clear-groups \
		--no-new-privs --inh-caps "$caps" --ambient-caps "$caps" \
		--bounding-set "$caps" "$FP_BUILD/fp-block" sweep
}

@test "usage, and no right to: exit 2, and not ready" {
	says attach --stay net1 --confirm 5s
	[ "$status" = 2 ]
	[[ $stderr == *'--stay and --confirm do not go together'* ]]
	says attach --stay -n net1
	[ "$status" = 2 ]
	[[ $stderr == *'--dry-run'* ]]
	says attach --stay
	[ "$status" = 2 ]
	run --separate-stderr lab_in node setpriv --reuid 65534 \
		--clear-groups --bounding-set -all \
		env NOTIFY_SOCKET="$LAB_DIR/notify" "$load" attach --stay net1
	[ "$status" = 2 ]
	refute noted READY
	run --separate-stderr lab_in node "$load" --pins "$LAB_DIR" \
		attach --stay net1
	[ "$status" = 2 ]
	[[ $stderr == *'not in a bpf filesystem'* ]]
}

@test "systemd's watchdog hears of it; TERM ends it and the filter stays" {
	env=(WATCHDOG_USEC=400000)
	stay net1
	lab_wait 3 noted WATCHDOG=1
	lab_stop stay
	noted STOPPING=1
	filters
}
