#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-load upgrade under traffic, and what is left of fp-load's changes when they
# are killed at each system call.  203.0.113.7 is blocked in every test.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' stderr

bats_require_minimum_version 1.5.0

setup_file() {
	[ "$(id -u)" = 0 ] || skip 'XDP needs root'
	export FP_BUILD=${FP_BUILD:-$PWD/build}
	export FP_OTHER_LAYOUT=${FP_OTHER_LAYOUT:-$PWD/build-layout99}
	export FP_CLUSTER=/dev/null BATS_TEST_TIMEOUT=900
	source test/lab/lab.sh
	lab_up
	FP_PINS=$LAB_DIR/bpf/fastpath
	# Another build of the same layout: a name in the embedded object's type
	# information is another one.
	export OLD=$LAB_DIR/old-fp-load NEW=$FP_BUILD/fp-load
	LC_ALL=C sed 's/fp_counter\x00/fp_countex\x00/g' "$NEW" >"$OLD"
	chmod +x "$OLD"
	export OTHER=$FP_OTHER_LAYOUT/fp-load
}

setup() {
	source test/lab/lab.sh
	source test/lab/verdict.sh
	lab_in node "$FP_BUILD/fp-block" add 203.0.113.7 >/dev/null 2>&1 ||
		[ $? = 3 ] # not in force
}

teardown() {
	if lab_runs flood; then lab_stop flood; fi
	for tool in "$NEW" "$OTHER"; do
		[ ! -x "$tool" ] || lab_in node "$tool" detach --all \
			>/dev/null 2>&1 || :
	done
	[ ! -e "$FP_PINS" ] || find "$FP_PINS" -mindepth 1 -depth -delete
	rm -rf "${FP_STATE:?}"
}

teardown_file() {
	source test/lab/lab.sh
	lab_down
}

# by TOOL VERB...: run it on the node, stdout and stderr apart.
by() { run --separate-stderr lab_in node "$@"; }
json() { jq -se "$1" <<<"$output"; }

needs_other_layout() {
	[ -x "$OTHER" ] || skip "no build of another layout in $FP_OTHER_LAYOUT"
}

# Two senders, as fast as they can: one blocked, one not.  The node counts.
flood_start() {
	lab_start count node python3 -c '
import socket, signal, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 33, 64 << 20) # SO_RCVBUFFORCE
s.bind(("192.0.2.1", 5060))
n = {}
def end(*args):
    print(n.get("203.0.113.7", 0), n.get("203.0.113.8", 0))
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
while True:
    data, (host, port) = s.recvfrom(2048)
    n[host] = n.get(host, 0) + 1'
	lab_wait 5 lab_listens node udp 192.0.2.1 5060
	lab_start flood attacker python3 -c '
import socket, signal, sys, time
socks = []
for host in "203.0.113.7", "203.0.113.8":
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((host, 0))
    s.connect(("192.0.2.1", 5060))
    socks.append(s)
n = 0
run = True
def end(*args):
    global run
    run = False
signal.signal(signal.SIGTERM, end)
while run:
    for s in socks:
        s.send(b"INVITE sip:flood@192.0.2.1 SIP/2.0\r\nVia: x\r\n\r\n")
    n += 1
    time.sleep(0.0001)
print(n)'
	sleep 0.3
}

# flood_end: sets sent, leaked (blocked but received) and got (not blocked).
flood_end() {
	lab_end flood
	sleep 0.3
	lab_end count
	sent=$(cat "$LAB_DIR/flood.log")
	read -r leaked got <"$LAB_DIR/count.log"
	echo "sent $sent each; leaked $leaked, got $got"
}

# End a process that has something to say at its end.
lab_end() {
	read -r pid _ <"$LAB_DIR/pids/$1"
	kill "$pid"
	lab_wait 5 lab_ended "$1"
}

@test "upgrade within a layout: the other program, the same counters" {
	lab_in node "$OLD" attach net0 net1
	judged # counts
	by "$NEW" status -j
	[ "$status" = 0 ]
	json 'map(select(.type == "nic").program) == ["old", "old"]'
	by "$NEW" stats # but for what the kernel says to its neighbours
	before=$(grep -v pass_other <<<"$output")
	[ -n "$before" ]
	by "$NEW" upgrade -n
	[ "$status" = 1 ]
	by "$NEW" -j upgrade
	[ "$status" = 0 ]
	json 'map(.changed) == [true, true, true]'
	by "$NEW" stats
	[ "$(grep -v pass_other <<<"$output")" = "$before" ]
	by "$NEW" status -j
	json 'map(select(.type == "nic").program) == ["current", "current"]'
	by "$NEW" -j upgrade
	json 'map(.changed) == [false, false, false]'
	judged
	# the program that answers is this build's too
	by "$FP_BUILD/fp-block" test 203.0.113.7
	[ "$status" = 0 ]
}

@test "a NIC that is gone is left alone by upgrade" {
	lab_in node ip link add x0 type veth peer name x1
	lab_in node "$OLD" attach net1 x0
	lab_in node ip link del x0
	by "$NEW" -j upgrade
	[ "$status" = 0 ]
	json 'any(.nic == "net1" and .changed) and
		any(.nic == "x0" and .changed == false)'
	judged
}

@test "20 upgrades under traffic: nobody blocked passes, nobody else is lost" {
	lab_in node "$OLD" attach net1
	flood_start
	for _ in $(seq 10); do
		lab_in node "$NEW" upgrade >/dev/null
		lab_in node "$OLD" upgrade >/dev/null
	done
	flood_end
	[ "$sent" -gt 1000 ]
	[ "$leaked" = 0 ]
	[ "$got" = "$sent" ]
}

@test "10 changes of layout under traffic: the same" {
	needs_other_layout
	lab_in node "$NEW" attach net1
	flood_start
	for _ in $(seq 5); do
		lab_in node "$OTHER" upgrade >/dev/null
		lab_in node "$NEW" upgrade >/dev/null
	done
	flood_end
	[ "$sent" -gt 1000 ]
	[ "$leaked" = 0 ]
	[ "$got" = "$sent" ]
}

@test "another layout: refused but by upgrade, both ways" {
	needs_other_layout
	lab_in node "$NEW" attach net0
	lab_in node "$NEW" attach --mode generic lo
	lab_in node "$NEW" attach --confirm 1h net1
	lab_in node "$NEW" set stealth=off
	for verb in status 'attach net1' 'detach net1' confirm 'set sample=2' \
		'set' stats watch; do
		# shellcheck disable=SC2086 # words
		by "$OTHER" $verb
		[ "$status" = 5 ]
		[[ $stderr == *'layout 2'*'layout 99'* ]]
	done
	by "$OTHER" -j upgrade -n
	[ "$status" = 1 ]
	[ "$(ls "$FP_PINS")" = v2 ]
	by "$OTHER" -j upgrade
	[ "$status" = 0 ]
	json 'map(.nic // "") == ["lo", "net0", "net1", ""] and all(.changed)'
	[ "$(ls "$FP_PINS")" = v99 ]
	sound "$OTHER" 99
	by "$OTHER" status -j
	[ "$status" = 0 ]
	json 'map(select(.type == "nic")) |
		map([.nic, .mode, .stealth, .program]) ==
		[["net0", "native", "off", "current"],
		["lo", "generic", "off", "current"],
		["net1", "native", "off", "current"]] and
		(map(.confirm_s) | .[0] == null and .[2] > 3500)'
	by "$NEW" status
	[ "$status" = 5 ]
	by "$NEW" -j upgrade
	[ "$status" = 0 ]
	json 'all(.changed)'
	by "$NEW" -j upgrade
	json 'all(.changed == false)'
	sound "$NEW" 2
}

@test "a change of layout refuses while a list cannot be read" {
	needs_other_layout
	lab_in node "$NEW" attach net1
	echo 'not a list' >"$FP_STATE/lists/torn.list"
	by "$OTHER" upgrade
	[ "$status" = 5 ]
	[[ $stderr == *'rule broken'*torn.list* ]]
	[ "$(ls "$FP_PINS")" = v2 ]
	judged
	by "$OTHER" upgrade --override broken
	[ "$status" = 3 ]
	judged
	by "$OTHER" detach --all
}

# ---- killed

# A run that nobody kills makes all well: TOOL VERB...
finishes() {
	lab_in node "$@" >"$LAB_DIR/finish.log" 2>&1 || {
		echo "the second run: $*: $?"
		cat "$LAB_DIR/finish.log"
		return 1
	}
}

# killed BEFORE CHECK COMMAND...
killed() {
	local before=$1 check=$2

	shift 2
	export -f lab_in lab_inside lab_ns finishes judged verdict frame ready sound
	run test/lab/killat.sh -b "$before" -c "$check" "$LAB_DIR/killat" -- \
		nsenter --net="/run/netns/$(lab_ns node)" -- "$@"
	echo "$output"
	[ "$status" = 0 ]
}

# As it was before: attached by TOOL to net0 and net1.
ready() {
	[ -e "$FP_PINS/v$2/links/net1" ] || lab_in node "$1" attach net0 net1 ||
		lab_in node "$1" upgrade
	lab_in node "$1" upgrade
}

# sound TOOL LAYOUT: its filter is whole, the NIC runs it on the tables that are
# pinned, and nothing else is there.
sound() {
	judged && lab_in node "$1" status &&
		[ "$(ls "$FP_PINS")" = "v$2" ] &&
		lab_in node "$1" set lists=observe && [ "$(verdict 7)" = 2 ] &&
		lab_in node "$1" set lists=enforce && judged &&
		! ls "$FP_STATE"/settings.*
}

@test "killed: upgrade within a layout" {
	lab_in node "$OLD" attach net0 net1
	killed 'ready $OLD 2' \
		'judged && finishes $NEW upgrade && sound $NEW 2' \
		"$NEW" upgrade
}

@test "killed: upgrade from one layout to another" {
	needs_other_layout
	lab_in node "$NEW" attach net0 net1
	killed '[ -e $FP_PINS/v2/links/net1 ] || lab_in node $NEW upgrade' \
		'judged && finishes $OTHER upgrade && sound $OTHER 99' \
		"$OTHER" upgrade
}

@test "killed: upgrade to another layout, and taken back" {
	needs_other_layout
	lab_in node "$NEW" attach net1
	killed '! [ -e $FP_PINS/v99 ] || lab_in node $NEW upgrade' \
		'judged && finishes $NEW upgrade && sound $NEW 2' \
		"$OTHER" upgrade
}

@test "killed: the first attach" {
	killed 'lab_in node $NEW detach --all' \
		'[ $(verdict 8) != 1 ] && finishes $NEW attach net1 &&
		sound $NEW 2' \
		"$NEW" attach net1
}

@test "killed: attach of one NIC more" {
	lab_in node "$NEW" attach net1
	killed 'lab_in node $NEW detach net0' \
		'judged && finishes $NEW attach net0 && sound $NEW 2' \
		"$NEW" attach net0
}

@test "killed: detach of the last NIC" {
	killed 'lab_in node $NEW attach net1' \
		'finishes $NEW detach net1 && [ -z "$(ls -I detached "$FP_PINS")" ] &&
		[ "$(verdict 7)" = none ]' \
		"$NEW" detach net1
}

@test "killed: set" {
	lab_in node "$NEW" attach net1
	killed 'lab_in node $NEW set lists=enforce sample=64' \
		'[ "$(verdict 8)" = 2 ] && finishes $NEW set lists=off sample=2 &&
		[ "$(verdict 7)" = 2 ] && grep -qx lists=off "$FP_STATE/settings"' \
		"$NEW" set lists=off sample=2
}
