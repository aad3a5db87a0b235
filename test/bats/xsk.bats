#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# AF_XDP, by the receiver of examples/af_xdp: it gets the SIP datagrams that the
# filter passed and nothing else; all others go to the stack, and to the stack
# goes everything once it is dead.  Each packet is counted.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' variables

bats_require_minimum_version 1.5.0

setup_file() {
	[ "$(id -u)" = 0 ] || skip 'XDP needs root'
	export FP_BUILD=${FP_BUILD:-$PWD/build} FP_CLUSTER=/dev/null
	export FP_OTHER_LAYOUT=${FP_OTHER_LAYOUT:-$PWD/build-layout99}
	source test/lab/lab.sh
	lab_up
	lab_vlan_up
	# another build of the same layout: see fp-load-upgrade.bats
	export OLD=$LAB_DIR/old-fp-load
	LC_ALL=C sed 's/fp_counter\x00/fp_countex\x00/g' "$FP_BUILD/fp-load" \
		>"$OLD"
	chmod +x "$OLD"
	lab_in node "$OLD" attach net0 net1 >/dev/null
}

setup() {
	source test/lab/lab.sh
	source test/bats/sshd.bash
	load=$FP_BUILD/fp-load
	receiver=$FP_BUILD/examples/af_xdp/receiver
	block add 203.0.113.7 2001:db8:a::7 >/dev/null
}

# The NICs stay attached: the verifier takes a second.
teardown() {
	touch "$LAB_DIR/end.got" # a test that failed may send still
	[ -z "${senders[*]}" ] || wait "${senders[@]}" || :
	for name in xsk stack rtp ssh sipp-tcp-4; do
		lab_stop $name
	done
	for list in $(block lists -o list); do
		[ "$list" = _cluster ] ||
			block unload "$list" --override empty >/dev/null
	done
	fl set stealth=observe malformed=observe >/dev/null
	fl stats --reset >/dev/null
	rm -f "$LAB_DIR"/*.got
}

teardown_file() {
	source test/lab/lab.sh
	lab_down
}

fl() { lab_in node "$load" "$@"; }
block() { lab_in node "$FP_BUILD/fp-block" "$@"; }

# native, generic: net1 is attached so.
native() { fl attach net1 >/dev/null 2>&1 || other_mode native; }
generic() { other_mode generic; }
other_mode() {
	fl detach net1 >/dev/null
	fl attach net1 --mode "$1" >/dev/null
}

# counted NIC REASON: packets.
counted() {
	fl stats -o nic,reason,packets | awk -F'\t' -v nic="$1" -v reason="$2" '
		$1 == nic && $2 == reason { n += $3 } END { print n + 0 }'
}

# ---- packets

# send HOST: from lines of SOURCE TO PORT N KIND TAG send N datagrams each in turn,
# a source port a datagram.
send() {
	lab_in "$1" python3 -c '
import os, socket, sys, time
def text(kind, tag, i):
    line = {"invite": "INVITE sip:%s-%d@x SIP/2.0" % (tag, i),
            "big": "INVITE sip:%s-%d@x SIP/2.0" % (tag, i),
            "reply": "SIP/2.0 200 %s-%d" % (tag, i),
            "options": "OPTIONS sip:%s-%d@x SIP/2.0" % (tag, i),
            "junk": "GET /%s-%d-is-no-sip HTTP/1.1" % (tag, i),
            "alive": ""}[kind]
    pad = "Subject: %s\r\n" % ("x" * 3000) if kind == "big" else ""
    return (line + "\r\nCall-ID: x\r\n" + pad + "\r\n" if line
            else "\r\n\r\n").encode()
for words in (line.split() for line in sys.stdin):
    src, to, port, n, kind, tag = words
    family = socket.AF_INET6 if ":" in src else socket.AF_INET
    for i in range(int(n)):
        s = socket.socket(family, socket.SOCK_DGRAM)
        s.bind((src, 20000 + i % 9000))
        s.sendto(text(kind, tag, i), (to, int(port)))
        s.close()
        if sys.argv[1:]:
            time.sleep(0.0002)
            if os.path.exists(sys.argv[1]):
                sys.exit(print(tag, i + 1))' "${@:2}"
}

# send_on TAG SOURCE: INVITEs from there until send_end.
send_on() {
	send attacker "$LAB_DIR/end.got" <<<"$2 192.0.2.1 5060 99999 invite $1" \
		>"$LAB_DIR/$1.got" 3>&- 4>&- &
	senders+=($!)
}

send_end() {
	touch "$LAB_DIR/end.got"
	wait "${senders[@]}"
}

# sent TAG: how many they were.
sent() { awk -v tag="$1" '$1 == tag { print $2 }' "$LAB_DIR/$1.got"; }

# given TEXT: to the socket by the filter's account, and to the stack.
given() { echo $(($(counted net1 pass_xsk) + $(stack "$1"))); }
# more_than N TEXT
more_than() { [ "$(xsk net1:0 "$2")" -gt "$1" ]; }
two_queues() { echo $(($(xsk x0:0 "$1") + $(xsk x0:1 "$1"))); }

# stack_start: what comes to port 5060 by the stack, and to no other socket.
stack_start() {
	: >"$LAB_DIR/stack.got"
	lab_start stack node socat -u UDP6-RECV:5060,ipv6only=0,rcvbuf=4000000 \
		"OPEN:$LAB_DIR/stack.got,append"
	lab_wait 5 lab_listens node udp '*' 5060
}

xsk_start() { # ARGUMENT...
	lab_start xsk node "$receiver" -p "$FP_PINS" "$@"
	lab_wait 5 grep -qs ready "$LAB_DIR/xsk.log" ||
		{ cat "$LAB_DIR/xsk.log"; return 1; }
}

# xsk WHERE TEXT: how many such lines the receiver printed.
xsk() {
	awk -F'\t' -v where="$1" -v text="$2" '
		$1 == where && $4 ~ text { n++ } END { print n + 0 }' \
		"$LAB_DIR/xsk.log"
}

stack() { grep -ac -- "$1" "$LAB_DIR/stack.got" || :; }

# is N COMMAND...: what it prints.
is() {
	local want=$1

	shift
	[ "$("$@")" = "$want" ]
}

# both TEXT WHERE: packets in either place.
both() { echo $(($(xsk "$2" "$1") + $(stack "$1"))); }

# to_xsk WHERE, to_stack: does what is sent now go there?
once() {
	probe=probe$RANDOM$RANDOM
	printf 'INVITE sip:%s@x SIP/2.0\r\nCall-ID: x\r\n\r\n' $probe |
		lab_in attacker socat -u - \
			UDP4-SENDTO:192.0.2.1:5060,bind=203.0.113.5
}

to_xsk() {
	once
	lab_wait 1 is 1 xsk "$1" $probe && [ "$(stack $probe)" = 0 ]
}

to_stack() {
	once
	lab_wait 1 is 1 stack $probe && [ "$(xsk 'net1:0' $probe)" = 0 ]
}

# ---- tests

# packets HOST NET4 NET6: four families at once, and what the filter drops.
packets() {
	local to

	for to in "$2.5 192.0.2.1" "$3::5 2001:db8:5::1" \
		"$(lab_addr "$1" vlan4) 192.0.2.65" \
		"$(lab_addr "$1" vlan6) 2001:db8:10::65"; do
		cat <<-END
			$to 5060 10 invite $1
			$to 5061 10 reply $1
			$to 5060 10 alive $1
			$to 5060 10 options $1
			$to 5060 10 junk $1
			$to 5060 2 big $1
			$to 7078 10 invite rtp
		END
	done
	[ "$1" != attacker ] || cat <<-END
		203.0.113.7 192.0.2.1 5060 10 invite blocked
		2001:db8:a::7 2001:db8:5::1 5060 10 reply blocked
	END
}

@test "what the filter passed, on two NICs, IPv4, IPv6 and VLAN; the rest to the stack" {
	local host nic

	native
	block add 198.51.100.0/24 2001:db8:c::/48 192.0.2.66 2001:db8:10::66 \
		-l carriers --kind allow >/dev/null
	fl set stealth=enforce malformed=enforce >/dev/null 2>&1
	lab_start rtp node socat -u UDP6-RECV:7078,ipv6only=0 \
		"OPEN:$LAB_DIR/rtp.got,creat,append"
	lab_wait 5 lab_listens node udp '*' 7078
	xsk_start -l 192.0.2.1 -l 2001:db8:5::1 -l 192.0.2.65 \
		-l 2001:db8:10::65 net0 net1
	packets attacker 203.0.113 2001:db8:a | send attacker 3>&- &
	packets carrier 198.51.100 2001:db8:c | send carrier
	wait $!
	lab_wait 5 is 16 xsk udp 'sip:(attacker|carrier)-.@x'
	lab_wait 5 is 80 grep -ac sip:rtp "$LAB_DIR/rtp.got"
	cat "$LAB_DIR/xsk.log"
	# to the receiver's two sides: 200 and 120, and each fragmented one
	for host in attacker:net1 carrier:net0; do
		nic=${host#*:} host=${host%:*}
		[ "$(xsk $nic:0 "^INVITE sip:$host-")" = 40 ]
		[ "$(xsk $nic:0 "^SIP/2.0 200 $host-")" = 40 ]
		[ "$(xsk $nic:0 '^$')" = 40 ]
		[ "$(awk -F'\t' -v nic=$nic:0 '$1 == nic && $2 == 10' \
			"$LAB_DIR/xsk.log" | wc -l)" = \
			$(($(xsk $nic:0 '.*') / 2)) ]
	done
	[ "$(xsk net1:0 '.*')" = 120 ]
	[ "$(xsk net0:0 '^(OPTIONS sip:|GET /)carrier-')" = 80 ]
	[ "$(xsk net0:0 '.*')" = 200 ]
	[ "$(xsk udp '.*')" = 16 ]
	# and by the filter's own account, of 296 and 316 datagrams
	[ "$(counted net1 pass_xsk)" = 120 ]
	[ "$(counted net0 pass_xsk)" = 200 ]
	[ "$(counted net1 drop_stealth)" = 40 ]
	[ "$(counted net1 drop_malformed)" = 40 ]
	[ "$(counted net1 drop_block)" = 20 ]
	lab_stop xsk
	grep -x 'receiver: net1:0: 0 bad, 0 lost' "$LAB_DIR/xsk.log"
	grep -x 'receiver: net0:0: 0 bad, 0 lost' "$LAB_DIR/xsk.log"
}

@test "ssh, ARP, neighbour discovery and TCP meet the stack; OPTIONS is answered" {
	native
	start_sshd
	lab_sipp_server tcp 4
	xsk_start -l 192.0.2.1 -l 2001:db8:5::1 net0 net1
	for host in attacker carrier; do
		lab_in $host ip neigh flush dev net0
	done
	lab_in node ip neigh flush all
	for host in attacker carrier; do
		lab_capture answers $host net0 \
			'udp and (src host 192.0.2.1 or src host 2001:db8:5::1)'
		lab_sipp_call -f options $host udp 4 10 100
		lab_sipp_call -f options $host udp 6 10 100
		lab_wait 5 is 20 lab_packets answers
		lab_stop answers INT
	done
	[ "$(xsk net1:0 '^OPTIONS')" = 20 ]
	[ "$(xsk net0:0 '^OPTIONS')" = 20 ]
	lab_sipp_call attacker tcp 4 10 100
	ssh_from 203.0.113.5
	ssh_from 2001:db8:a::5
	ssh_from 203.0.113.7 # blocked for SIP
}

@test "killed: at once all goes to the stack, and nothing of a blocked source" {
	native
	stack_start
	xsk_start net1
	block add 203.0.113.8 >/dev/null
	send_on bad 203.0.113.8
	send_on good 203.0.113.5
	lab_wait 5 grep -qs good "$LAB_DIR/xsk.log"
	lab_stop xsk KILL
	lab_wait 5 grep -qs good "$LAB_DIR/stack.got"
	send_end
	lab_wait 5 is "$(sent good)" given good
	[ "$(xsk net1:0 good)" -gt 0 ]
	[ "$(xsk net1:0 good)" -le "$(counted net1 pass_xsk)" ]
	[ "$(counted net1 drop_block)" = "$(sent bad)" ]
	[ "$(stack bad)" = 0 ] && [ "$(xsk net1:0 bad)" = 0 ]
	to_stack
	xsk_start net1 # and another takes its place
	to_xsk net1:0
}

@test "an upgrade of the same layout keeps it: all that is sent meanwhile comes" {
	run fl status -o nic,program
	[[ $output == *$'net1\told'* ]]
	stack_start
	xsk_start net1
	send_on good 203.0.113.5
	lab_wait 5 grep -qs good "$LAB_DIR/xsk.log"
	fl -j upgrade | grep -q '"nic":"net1","changed":true'
	before=$(xsk net1:0 good)
	lab_wait 5 more_than "$before" good
	send_end
	lab_wait 5 is "$(sent good)" xsk net1:0 good
	[ "$(stack good)" = 0 ]
	[ "$(counted net1 pass_xsk)" = "$(sent good)" ]
}

# signal NAME: to the receiver.
signal() {
	local pid

	read -r pid _ <"$LAB_DIR/pids/xsk"
	kill -s "$1" "$pid"
}

# wire: a second cable to the attacker, of two queues.
wire() {
	ip link add dev x0 netns "$(lab_ns node)" numrxqueues 2 numtxqueues 1 \
		type veth peer name x0 netns "$(lab_ns attacker)" \
		numrxqueues 1 numtxqueues 2
	lab_in node ethtool -K x0 tx off >/dev/null
	lab_in attacker ethtool -K x0 tx off gro on >/dev/null
	lab_in node ip addr add 192.0.2.129/30 dev x0
	lab_in attacker ip addr add 192.0.2.130/30 dev x0
	lab_in node ip link set dev x0 up
	lab_in attacker ip link set dev x0 up
	fl attach x0 >/dev/null
}

many() { # TAG
	send attacker <<<"192.0.2.130 192.0.2.129 5060 200 invite $1"
}

@test "two queues: a socket gets its own queue's, the stack the other's" {
	local one two

	wire
	stack_start
	xsk_start x0:1
	many a
	lab_wait 5 is 200 both 'sip:a-' x0:1
	one=$(xsk x0:1 sip:a-)
	[ "$one" -gt 0 ] && [ "$one" -lt 200 ]
	[ "$(counted x0 pass_xsk)" = "$one" ]
	lab_stop xsk
	xsk_start x0:0
	many b
	lab_wait 5 is 200 both 'sip:b-' x0:0
	two=$(xsk x0:0 sip:b-)
	[ $((one + two)) = 200 ] # a flow is in one queue
	lab_stop xsk
	xsk_start x0:0 x0:1
	many c
	lab_wait 5 is 200 two_queues c-
	[ "$(xsk x0:0 c-)" = "$two" ]
	[ "$(stack sip:c-)" = 0 ]
}

@test "a NIC that went away and came back: the stack, not the old socket" {
	fl attach x0 >/dev/null 2>&1 || wire
	stack_start
	xsk_start x0
	signal STOP
	lab_in node ip link del x0
	wire
	many back
	lab_wait 5 is 200 stack sip:back-
	signal CONT # sees that its NIC is another one
	lab_wait 3 lab_ended xsk
	grep -qx 'receiver: x0:0: No such device' "$LAB_DIR/xsk.log"
	xsk_start x0
	many new
	lab_wait 5 is 200 both sip:new- x0:0
	[ "$(xsk x0:0 sip:new-)" -gt 0 ]
}

@test "the owner of the pins may register, with CAP_NET_RAW and CAP_BPF; no other" {
	local caps='-all,+net_raw,+bpf'

	native
	[ "$(stat -c %a "$FP_PINS/v2/xsk")" = 700 ]
	[ "$(stat -c %a "$FP_PINS/v2/xsk/net1")" = 600 ]
	stack_start
	lab_start xsk node setpriv --bounding-set=$caps --inh-caps=$caps \
		"$receiver" -p "$FP_PINS" net1
	lab_wait 5 grep -qs ready "$LAB_DIR/xsk.log"
	to_xsk net1:0
	lab_stop xsk
	# another user, be he allowed to open AF_XDP sockets, finds no map
	lab_start xsk node setpriv --reuid=65534 --regid=65534 --clear-groups \
		--inh-caps=+net_raw,+bpf --ambient-caps=+net_raw,+bpf \
		"$receiver" -p "$FP_PINS" net1
	lab_wait 5 grep -qs ready "$LAB_DIR/xsk.log"
	to_stack
}

@test "generic mode, in copy mode; until the socket is in the new map, the stack" {
	native
	stack_start
	xsk_start -c net1
	to_xsk net1:0
	signal STOP
	generic
	to_stack
	signal CONT
	lab_wait 3 to_xsk net1:0
	fl stats --reset >/dev/null
	send attacker <<-'END'
		203.0.113.5 192.0.2.1 5060 50 invite good
		2001:db8:a::5 2001:db8:5::1 5060 50 invite good
		203.0.113.7 192.0.2.1 5060 50 invite bad
	END
	lab_wait 5 is 100 xsk net1:0 good
	[ "$(counted net1 pass_xsk)" = 100 ]
	[ "$(counted net1 drop_block)" = 50 ]
	[ "$(stack sip:good)" = 0 ]
	[ "$(stack sip:bad)" = 0 ] && [ "$(xsk net1:0 bad)" = 0 ]
	lab_stop xsk KILL
	to_stack
}

@test "an upgrade to another layout: until the socket is registered, the stack" {
	local other=$FP_OTHER_LAYOUT/fp-load

	[ -x "$other" ] || skip "no build of another layout in $FP_OTHER_LAYOUT"
	fl detach net0 >/dev/null
	native
	stack_start
	xsk_start net1
	signal STOP
	lab_in node "$other" upgrade >/dev/null
	to_stack
	signal CONT
	lab_wait 3 to_xsk net1:0
	lab_in node "$load" upgrade >/dev/null
}
