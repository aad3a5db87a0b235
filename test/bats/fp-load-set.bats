#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-load set: settings, and whom a check would have dropped before it enforces.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' stderr

bats_require_minimum_version 1.5.0

setup_file() { source test/bats/load.bash && load_up; }
setup() { source test/bats/load.bash && load_fresh; }
teardown() { load_clean; }
teardown_file() { source test/bats/load.bash && load_down; }

# ---- settings

@test "set prints the settings" {
	says set
	[ "$status" = 0 ]
	[ "${#lines[@]}" = 7 ]
	[[ ${lines[0]} == guard-ports$'\t'none$'\t'* ]]
	[[ ${lines[5]} == sip-ports$'\t'5060-5061$'\t'* ]]
	[ ! -e "$FP_STATE/settings" ]
}

@test "set changes file and filter at once; again changes nothing" {
	fl attach net1
	filters
	says -j set lists=off
	[ "$status" = 0 ]
	json '.[0] | .key == "lists" and .value == "off" and .was == "enforce"'
	json '.[-1].changed'
	does_not_filter
	grep -qx lists=off "$FP_STATE/settings"
	says -j set lists=off
	[ "$status" = 0 ]
	json '.[-1].changed == false'
	fl set lists=observe
	does_not_filter
	fl set lists=enforce
	filters
}

@test "set -n" {
	says -j set -n lists=off sample=all
	[ "$status" = 1 ]
	json '.[-1].changed'
	[ ! -e "$FP_STATE/settings" ]
	says set -n lists=enforce
	[ "$status" = 0 ]
}

@test "set refuses what is no setting or no value, all or nothing" {
	for word in nonsense=1 lists lists= lists=maybe sample=1001 sample=0 \
		max-hashed=0 max-hashed=many sip-ports=99999 sip-ports=5061-5060 \
		sip-ports=5060/sctp 'sip-ports=5060,' guard-ports=; do
		says set sample=2 $word
		[ "$status" = 2 ] || { echo "$word"; return 1; }
	done
	[ ! -e "$FP_STATE/settings" ]
}

@test "set sip-ports" {
	fl attach net1
	fl set sip-ports=5070,5080-5081/udp
	does_not_filter
	[ "$(fl set -o key,value | grep sip-ports)" = \
		$'sip-ports\t5070,5080-5081/udp' ]
	fl set sip-ports=5000-5100
	filters
}

@test "settings survive detach and attach, and are written sorted" {
	fl attach net1
	fl set guard-ports=16384-32767/udp stealth=off lists=observe
	fl detach net1
	fl attach net1
	does_not_filter
	fl status -o lists,stealth | grep -qx $'observe\toff'
	[ "$(fl -j status | jq -r 'select(.type == "filter").guard_ports')" = \
		16384-32767/udp ]
	sort -c "$FP_STATE/settings"
	: >"$FP_STATE/settings.Killed.tmp"
	fl set lists=enforce
	refute ls "$FP_STATE"/settings.*
}

@test "settings of a filter that is not loaded wait for it" {
	says set lists=off
	[ "$status" = 0 ]
	fl attach net1
	does_not_filter
}

@test "a bad line of the settings file: attach goes on without it, set does not" {
	printf 'lists=perhaps\n# kept out\nstealth=off\n' >"$FP_STATE/settings"
	says attach net1
	[ "$status" = 3 ]
	[[ $stderr == *settings:1*perhaps* ]]
	filters
	fl status -o stealth | grep -qx off
	says set sample=2
	[ "$status" = 2 ]
	grep -q perhaps "$FP_STATE/settings"
}

@test "attach finishes a set that was killed between file and filter" {
	fl attach net1
	printf 'lists=off\n' >"$FP_STATE/settings"
	filters
	says -j attach net1
	[ "$status" = 0 ]
	does_not_filter
}

# An sshd on port 2222 and another service on 8080.
start_services() {
	mkdir -p /run/sshd
	[ -e "$LAB_DIR/hostkey" ] ||
		ssh-keygen -q -t ed25519 -N '' -f "$LAB_DIR/hostkey"
	lab_start sshd node /usr/sbin/sshd -D -f /dev/null -p 2222 \
		-o PidFile=none -h "$LAB_DIR/hostkey"
	lab_start web node socat TCP4-LISTEN:8080,fork,reuseaddr \
		SYSTEM:'echo hello'
	lab_wait 5 lab_listens node tcp 0.0.0.0 2222
	lab_wait 5 lab_listens node tcp 0.0.0.0 8080
}

# answers PORT: what a TCP service tells the blocked source first.
answers() {
	lab_in attacker python3 - "$BLOCKED" "$1" 2>&1 <<'PY'
import socket, sys
to = ('192.0.2.1', int(sys.argv[2]))
print(socket.create_connection(to, 0.5, (sys.argv[1], 0)).recv(4).decode())
PY
}

@test "guard-ports=any leaves sshd's ports alone, and nothing else" {
	start_services
	fl attach net1
	[ "$(answers 2222)" = SSH- ]
	[ "$(answers 8080)" = hell ]
	says set guard-ports=any
	[ "$status" = 0 ]
	[[ $stderr == *"sshd's TCP ports: 22 2222"* ]]
	[ "$(answers 2222)" = SSH- ]
	[ "$(answers 8080)" != hell ]
	says set guard-ports=2000-3000
	[ "$status" = 5 ]
	[[ $stderr == *'rule ssh'*'TCP port 2222'*'--override ssh'* ]]
	says set sip-ports=22
	[ "$status" = 5 ]
	says set sip-ports=22/udp
	[ "$status" = 0 ]
	says set guard-ports=2000-9000 --override ssh
	[ "$status" = 0 ]
	[[ $stderr == *'left out all the same'* ]]
	[ "$(answers 2222)" = SSH- ]
	[ "$(answers 8080)" != hell ]
	lab_stop sshd
	lab_stop web
}

# ---- before a check enforces

# sip SOURCE METHOD [SOURCE METHOD]...: a request of one after the other.
sip() {
	lab_in attacker python3 - "$@" <<'PY'
import socket, sys
for i in range(1, len(sys.argv), 2):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((sys.argv[i], 0))
    text = sys.argv[i + 1] + ' sip:a@192.0.2.1 SIP/2.0\r\nVia: x\r\n\r\n'
    s.sendto(text.encode(), ('192.0.2.1', 5060))
PY
}

# judged: what was sent until now has been looked at.
judged() { passes "$OTHER"; }

@test "set stealth=enforce shows whom it would have dropped" {
	fl attach net1
	# shellcheck disable=SC2046 # words
	sip $(printf '203.0.113.%s OPTIONS ' {101..125} 200)
	judged
	says -j set -n stealth=enforce
	[ "$status" = 1 ]
	json 'map(select(.type == "would_drop")) | length == 20 and
		(map(.last) | . == (sort | reverse)) and
		all(.packets == 1 and .setting == "stealth" and
			has("node", "dialog", "lists") == false)'
	json '.[-1] | .type == "summary" and .changed and .sources == 26 and
		.nodes == 0 and .dialogs == 0 and .forgotten == 0'
	[[ $stderr == *'26 sources'* && $stderr == *'has observed for '*' s only'* ]]
	fl set stealth=enforce
	fl stats -o reason,packets | grep -qx $'seen_stealth\t26'
	sip 203.0.113.200 OPTIONS
	judged
	fl stats -o reason,packets | grep -qx $'drop_stealth\t1'
	says -j set stealth=enforce
	[ "$status" = 0 ]
	json 'length == 2 and (.[-1] | has("sources") | not)'
}

@test "set stealth=enforce and malformed=enforce refuse over a cluster node" {
	fl attach net1
	printf '[opensips]\nsip9 ansible_host=203.0.113.9\n' >"$LAB_DIR/c.ini"
	sip 203.0.113.9 OPTIONS
	send 203.0.113.9 'this is not SIP, it is not anything'
	judged
	for key in stealth malformed; do
		says -j -C "$LAB_DIR/c.ini" set $key=enforce
		[ "$status" = 5 ]
		[[ $stderr == *'rule cluster'*'203.0.113.9, cluster node sip9'* ]]
		json 'any(.type == "would_drop" and .src == "203.0.113.9" and
			.node == "sip9")'
		json '.[-1] | .changed == false and .nodes == 1'
		fl status -o $key | grep -qx observe
	done
	says -C "$LAB_DIR/c.ini" set stealth=enforce --override cluster
	[ "$status" = 0 ]
	# once it is allowed it would not be dropped
	block -C "$LAB_DIR/c.ini" sweep
	says -C "$LAB_DIR/c.ini" set malformed=enforce
	[ "$status" = 0 ]
	[[ $stderr != *203.0.113.9* ]]
}

@test "stealth=enforce refuses over a source with calls, until it is allowed" {
	fl attach net1
	sip 203.0.113.31 OPTIONS 203.0.113.30 OPTIONS
	judged
	says set -n stealth=enforce
	[ "$status" = 1 ]
	# shellcheck disable=SC2046 # words
	sip $(printf '203.0.113.31 %s ' INVITE REGISTER CANCEL ACKS bye)
	# .32 has sent nothing that would be dropped
	sip 203.0.113.32 BYE 203.0.113.30 BYE
	judged
	says -j set -n stealth=enforce
	[ "$status" = 5 ]
	json 'map(select(.dialog)) | length == 1 and
		(.[0] | .src == "203.0.113.30" and
			(now - (.dialog | fromdate) | fabs) < 30)'
	json '.[-1] | .sources == 2 and .dialogs == 1'
	says set stealth=enforce --override cluster --override memory
	[ "$status" = 5 ]
	[[ $stderr == *'rule dialog'*'203.0.113.30, with calls'*'--override dialog'* ]]
	fl status -o stealth | grep -qx observe
	# the remedy that it names
	remedy=$(grep -o 'fp-block add [^"]* --kind allow[^"]*' <<<"$stderr")
	says set -n stealth=enforce --override dialog
	[ "$status" = 1 ]
	# shellcheck disable=SC2086 # words
	block ${remedy#fp-block }
	says set stealth=enforce
	[ "$status" = 0 ]
	[[ $stderr == *'1 source '* ]]
}

@test "each request that stands in a call alone counts, of IPv6 as well" {
	fl attach net1
	# shellcheck disable=SC2046 # words
	sip $(printf '203.0.113.%s OPTIONS ' {40..44}) 203.0.113.40 ACK \
		203.0.113.41 BYE 203.0.113.42 INFO 203.0.113.43 PRACK \
		203.0.113.44 UPDATE
	for method in OPTIONS ACK; do
		printf '%s sip:a@x SIP/2.0\r\n\r\n' $method |
			lab_in attacker socat -u - \
				'UDP6-SENDTO:[2001:db8:5::1]:5060,bind=[2001:db8:a::7]'
	done
	judged
	says -j set -n stealth=enforce
	[ "$status" = 5 ]
	json 'map(select(.dialog).src) | sort == ["2001:db8:a::7",
		"203.0.113.40", "203.0.113.41", "203.0.113.42", "203.0.113.43",
		"203.0.113.44"]'
	[[ $stderr == *'(and 5 more)'* ]]
}

@test "malformed=enforce refuses over a source with calls, its own" {
	fl attach net1
	send 203.0.113.30 'this is not SIP, it is not anything'
	send 203.0.113.31 'this is not SIP, it is not anything'
	send 203.0.113.31 $'BYE this is no SIP either\r\n\r\n'
	judged
	says set -n malformed=enforce
	[ "$status" = 1 ]
	fl set stealth=off
	sip 203.0.113.30 ACK
	judged
	says set malformed=enforce
	[ "$status" = 5 ]
	[[ $stderr == *'rule dialog'*'203.0.113.30, with calls'* ]]
	says set stealth=enforce --override unseen
	[ "$status" = 0 ]
	[[ $stderr == *'nothing was observed'* ]]
}

@test "who is blocked by now does not hold enforcement back" {
	fl attach net1
	sip 203.0.113.30 OPTIONS 203.0.113.30 BYE
	judged
	says set -n stealth=enforce
	[ "$status" = 5 ]
	block add 203.0.113.30 --list scanners --why scan
	says -j set -n stealth=enforce
	[ "$status" = 1 ]
	json '.[-1].sources == 0'
	# a list that is not in force drops nothing
	fl set lists=observe
	says -j set -n stealth=enforce
	[ "$status" = 5 ]
	json '.[0] | .src == "203.0.113.30" and .lists == "scanners"'
}

@test "nodes and sources with calls are printed, however many came after" {
	fl attach net1
	sip 203.0.113.30 OPTIONS 203.0.113.30 BYE
	judged
	sleep 1 # the memory counts in seconds
	# shellcheck disable=SC2046 # words
	sip $(printf '203.0.113.%s OPTIONS ' {101..130})
	judged
	says -j set -n stealth=enforce
	[ "$status" = 5 ]
	json 'map(select(.type == "would_drop")) | length == 21 and
		.[-1].src == "203.0.113.30"'
}

# later SECONDS COMMAND...: fp-load, when so much time has gone by.
later() {
	local s=$1

	shift
	run --separate-stderr lab_in node unshare -T --monotonic "$s" \
		--boottime "$s" "$load" "$@"
}

@test "what is older than a day does not count" {
	fl attach net1
	sip 203.0.113.30 OPTIONS 203.0.113.30 BYE
	judged
	later 86000 -j set -n stealth=enforce
	[ "$status" = 5 ]
	later 86500 -j set -n stealth=enforce
	[ "$status" = 1 ]
	json '.[-1].sources == 0'
}

# flood N: an OPTIONS from each of N addresses.
flood() {
	lab_in attacker python3 - "$1" <<'PY'
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
text = b'OPTIONS sip:a@192.0.2.1 SIP/2.0\r\nVia: x\r\n\r\n'
for i in range(int(sys.argv[1])):
    info = struct.pack('=I4s4s', 0, struct.pack('>I', 0xc6120000 + i), bytes(4))
    s.sendmsg([text], [(socket.IPPROTO_IP, 8, info)], 0, ('192.0.2.1', 5060))
PY
	judged
}

@test "a memory that was overrun is not taken for whole" {
	fl attach net1
	flood 3000
	says -j set -n stealth=enforce
	[ "$status" = 1 ]
	json '.[-1] | .sources == 3000 and .forgotten == 0'
	flood 20000
	says -j set stealth=enforce
	[ "$status" = 5 ]
	[[ $stderr == *'rule memory'*'of 20000 sources'*'--override memory'* ]]
	json '.[-1] | .forgotten >= 20000 - 16384 and
		.sources + .forgotten == 20000 and .changed == false'
	says -n set stealth=enforce --override memory
	[ "$status" = 1 ]
	# counters that begin anew do not hide it
	fl stats --reset
	says set -n stealth=enforce
	[ "$status" = 5 ]
	# after two days without a flood the last day is whole
	later 172800 set -n stealth=enforce
	[ "$status" = 1 ]
}

# observed PATTERN: what the last set said of it.
observed() {
	# shellcheck disable=SC2053 # a pattern
	[[ $stderr == *'has observed for '$1* ]] || {
		echo "no $1: $stderr"
		return 1
	}
}

@test "rule unseen: stealth=enforce where nothing was observed" {
	says set stealth=enforce
	[ "$status" = 5 ]
	[[ $stderr == *'rule unseen'*'no filter is loaded'*'--override unseen'* ]]
	[ ! -e "$FP_STATE/settings" ]
	fl set stealth=off
	fl attach net1
	says -j set -n stealth=enforce
	[ "$status" = 5 ]
	[[ $stderr == *'rule unseen'*'was off'* ]]
	fl detach net1
	fl set stealth=observe
	fl attach net1 --confirm 1s
	later 3 set -n stealth=enforce # it has stopped
	[ "$status" = 5 ]
	[[ $stderr == *'rule unseen'*'no NIC is filtered'* ]]
	says set stealth=enforce --override unseen
	[ "$status" = 0 ]
	observed '[0-9] s only'
	says set sip-ports=5060-5062
	[[ $stderr == *'at the new ones (stealth) have observed nothing'* ]]
}

@test "for how long a check has observed: since it began to, on each NIC" {
	fl attach net1
	says set -n stealth=enforce
	[ "$status" = 1 ]
	observed '[0-9] s only'
	later 7300 set -n stealth=enforce
	observed '2 h'
	# another check's change is none of its business
	later 3600 set malformed=off
	later 3700 set malformed=observe
	later 7300 set -n stealth=enforce
	observed '2 h'
	later 7300 set -n malformed=enforce
	observed '60 min'
	# on the NIC that came last, or that has stopped and gone on
	later 7000 attach net0 --confirm 10s
	later 7009 set -n stealth=enforce
	observed '[89] s only on net0'
	later 7300 set -n stealth=enforce
	observed '0 s only on net0'
	later 7200 attach net0
	later 7300 set -n stealth=enforce
	observed '[19][0-9]* s only on net0'
	# at further ports; fewer change nothing
	later 7250 set sip-ports=5060-5090
	later 7260 set sip-ports=5060
	later 7300 set -n stealth=enforce
	observed '[45][0-9] s only;'
}
