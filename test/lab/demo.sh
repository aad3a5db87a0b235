#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make demo: what the filter does on one node, fp-sync with three
# (demo-cluster.sh), how routing follows a server that dies
# (demo-health.sh), and calls go on elsewhere when an OpenSIPS dies
# (demo-rehome.sh) or a FreeSWITCH (demo-recover.sh), shown on real packets
# between hosts made of network namespaces.  Each step says what it is about,
# prints the commands and what they said, and checks what came of it.  Needs
# root; changes nothing outside its namespaces.  Exit 0: all steps as expected,
# 1: some not, 2: not run.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
build=${FP_BUILD:-$PWD/build}
other=${FP_OTHER_LAYOUT:-build-layout99}
other=${other#"$PWD/"}

die() { echo "demo: $*" >&2; exit 2; }

[ "$(id -u)" = 0 ] ||
	die "needs root, for network namespaces and BPF: sudo make demo"
for tool in sipp ip nstat ethtool unshare script sshd ssh-keygen jq python3; do
	command -v "$tool" >/dev/null ||
		die "$tool is not installed: sudo make demo installs it"
done
[ -x "$build/fp-recover" ] || die "$build/fp-recover is not built: make"

# What is left behind by a demo that is killed goes with these namespaces.
if [ "${1-}" != --inside ]; then
	exec unshare -m -n -p -f --mount-proc --kill-child "$0" --inside
fi
mkdir -p /run/netns && mount -t tmpfs -o mode=755 tmpfs /run/netns &&
	ip link set lo up || die "cannot make namespaces"
PATH=$build:$PATH
export LC_ALL=C.UTF-8
unset FP_CLUSTER FP_STATE FP_PINS
source test/lab/lab.sh
trap lab_down EXIT
trap 'echo; exit 130' INT TERM

bold='' green='' red='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR-}" ] && [ "${TERM:-dumb}" != dumb ]; then
	bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
fi

# ---- saying, running, checking

n=0 n_good=0 is_good=1

# step SENTENCE...: a new step; the one before has been as expected, or not.
step() {
	step_end
	n=$((n + 1)) is_good=1
	printf '\n%s%2d. %s%s\n' "$bold" $n "$*" "$plain"
}

step_end() {
	[ $n = 0 ] || n_good=$((n_good + is_good))
}

also() { printf '    %s\n' "$@"; }

# show HOST COMMAND...: run it there, printing it and what it says, as on a
# terminal: with the heads of columns.  Output in $out, exit status in $rc.
show() {
	local host=$1

	shift
	printf '    %s%s# %s%s\n' "$bold" "$host" "$*" "$plain"
	out=$(NO_COLOR=1 lab_in "$host" script -qec "$(printf '%q ' "$@")" \
		/dev/null </dev/null 2>&1)
	rc=$?
	out=${out//$'\r'/}
	[ -z "$out" ] || head -n 12 <<<"$out" | expand -t 8 | sed 's/^/      /'
	[ "$(wc -l <<<"$out")" -le 12 ] || echo '      ...'
}

# expect SENTENCE TEST...: TEST as for test(1)
expect() {
	local what=$1

	shift
	if test "$@"; then
		printf '    %sas expected:%s %s\n' "$green" "$plain" "$what"
	else
		printf '    %sNOT AS EXPECTED:%s %s (%s)\n' "$red" "$plain" \
			"$what" "$*"
		is_good=0
	fi
}

# The node that is attacked, counted at and called, and its SIP address.
at=node sip=192.0.2.1

# counted REASON: packets, over all NICs; drop_ is the sum of the drops.
counted() {
	lab_in "$at" fp-load stats -o reason,packets |
		awk -F'\t' -v reason="$1" '
			reason ~ /_$/ ? index($1, reason) == 1 : $1 == reason {
				n += $2
			}
			END { print n + 0 }'
}

# calls SOURCE HOST udp|tcp N: whole SIP calls by SIPp; $rc 0: all of them.
calls() {
	printf '    %s%s# sipp -i %s -t %s1 -m %s %s:5060%s\n' \
		"$bold" "$2" "$1" "${3:0:1}" "$4" "$sip" "$plain"
	lab_sipp_call -s "$1" -t 3 "$2" "$3" 4 "$4" 100 2>/dev/null
	rc=$?
	if [ $rc = 0 ]; then
		echo "      $4 of $4 calls"
	else
		echo "      calls failed"
	fi
}

# flood_on SOURCE [N]: OPTIONS without end, or N of them, 3,000 a second.
flood_on() {
	printf '    %sattacker# sipp -sf options.xml -i %s -r 3000 %s:5060%s\n' \
		"$bold" "$1" "$sip" "$plain"
	dropped_before=$(counted drop_) reached_before=$(datagrams)
	lab_start flooder attacker sipp -sf "$LAB_SRC/options.xml" \
		-key user service -i "$1" -t u1 -r 3000 -nostdin \
		-m "${2:-1000000}" "$sip:5060"
}

# What came to the node's UDP, whatever became of it there.
datagrams() {
	lab_in "$at" nstat -asz UdpInDatagrams UdpNoPorts UdpInErrors |
		awk '/^Udp/ { n += $2 } END { print n + 0 }'
}

# It ends.  What the filter dropped of it is $dropped, what came to the node's UDP
# is $reached.
flood_off() {
	lab_stop flooder
	sleep 0.3
	dropped=$(($(counted drop_) - dropped_before))
	reached=$(($(datagrams) - reached_before))
}

say_flood() {
	also "dropped by the filter: $dropped; came to the node's UDP: $reached"
}

# flood SOURCE [N]: N OPTIONS, 6,000 if not said.
flood() {
	flood_on "$1" "${2:-6000}"
	lab_wait 20 lab_ended flooder
	flood_off
	say_flood
}

# A list of 100,000 entries with the flood's 198.18.7.7 in it: as a host, or as
# a part of a network.
big_list() { # host|net
	awk -v form="$1" 'BEGIN {
		print form == "host" ? "198.18.7.7" : "198.18.0.0/20"
		for (i = 1; i < 100000; i++)
			printf "11.%d.%d.%d\n", i / 25000, i / 100 % 250,
				i % 100 + (form == "net" && i % 10 == 0) * 100
	}'
}

# ---- the steps

hosts() {
	step 'Three hosts: an attacker, a carrier, and the SIP node between them.'
	lab_up || die 'no lab'
	also 'attacker  203.0.113.0/24, 198.18.0.0/15 ── net1  node  net0 ── 198.51.100.0/24  carrier' \
		'the node answers SIP calls at 192.0.2.1:5060, UDP and TCP'
	lab_sipp_server udp 4 && lab_sipp_server tcp 4
	expect 'SIPp answers at the node' $? = 0
}

# judged SOURCE: what the rehearsal said of it, packets and reason.
judged() {
	awk -v source="$1" '$1 == source { print $NF, $2; exit }' <<<"$verdicts"
}

rehearsed() {
	local what=$LAB_DIR/before.pcap

	step 'Rehearse: what would be dropped?  Nothing is switched on for that.'
	lab_capture before node any 'udp dst port 5060' || die 'no capture'
	lab_sipp_call -s 203.0.113.1 -f options attacker udp 4 300 2000 2>/dev/null
	lab_sipp_call -s 198.18.1.1 -f junk attacker udp 4 50 1000 2>/dev/null
	lab_sipp_call -f options carrier udp 4 5 100 2>/dev/null
	lab_sipp_call -t 3 carrier udp 4 10 100 2>/dev/null
	lab_stop before INT
	also 'captured: an attacker with OPTIONS, one with junk, the calls and pings of the carrier'
	show node fp-load test "$what" --summary \
		--set stealth=enforce,malformed=enforce
	expect 'judged' $rc = 0
	verdicts=$(lab_in node fp-load test "$what" --summary -o src,packets,reason \
		--set stealth=enforce,malformed=enforce 2>/dev/null |
		grep -v pass_)
	expect 'all OPTIONS of the attacker would be dropped' \
		"$(judged 203.0.113.1)" = 'drop_stealth 300'
	expect 'and all junk' "$(judged 198.18.1.1)" = 'drop_malformed 50'
	expect 'but the pings of the carrier as well: to be allowed first' \
		"$(judged 198.51.100.1)" = 'drop_stealth 5'
}

attach() {
	step 'Attach the filter.  Unless it is confirmed within 30 s it stops by itself.'
	show node fp-load attach net0 net1 --confirm 30s
	expect 'attached' $rc = 0
	show node fp-load confirm
	expect 'confirmed' $rc = 0
	show node fp-load status -o nic,state,mode,lists,stealth,malformed
	expect 'both NICs filter' "$(grep -c filtering <<<"$out")" = 2
}

calls_pass() {
	step 'Nothing is listed yet: the calls of the carrier pass, over UDP and TCP.'
	calls 198.51.100.1 carrier udp 50
	expect 'all calls over UDP' $rc = 0
	calls 198.51.100.1 carrier tcp 20
	expect 'all calls over TCP' $rc = 0
}

attacked() {
	step 'The attacker floods with real SIP.  It is seen, and still passes.'
	flood 203.0.113.1
	expect 'all of it reached the node' "$reached" -ge 6000
	show node fp-load stats -o nic,reason,action,packets
	expect 'counted as OPTIONS that a stealthy node would drop' \
		"$(counted seen_stealth)" -ge 6000
}

blocked() {
	step 'Block the attacker, for an hour.'
	show node fp-block add 203.0.113.0/24 --for 1h --why flood
	expect 'on the list and in the kernel' $rc = 0
	flood 203.0.113.1
	expect 'nothing of it reached the node' "$reached" = 0
	expect 'all of it was counted' "$(counted drop_block)" -ge 6000
	show node fp-load top --recent --for 1s -o rank,src,reason,drops,payload
	expect 'its source is first among those that are dropped' \
		"$(grep -c '^ *1 *203.0.113.1 *drop_block .*OPTIONS sip:' <<<"$out")" = 1
	calls 203.0.113.9 attacker udp 3
	expect 'no call of the attacker gets through' $rc != 0
	calls 198.51.100.1 carrier udp 20
	expect 'those of the carrier do' $rc = 0
}

asked() {
	step 'Why is it blocked?  What the lists say, and what the kernel does.'
	show node fp-block why 203.0.113.1
	expect 'they agree' $rc = 0
}

allowed() {
	step 'An allow list beats every block list.'
	show node fp-block add 203.0.113.9 --list friends --kind allow
	calls 203.0.113.9 attacker udp 10
	expect 'calls from the allowed address pass' $rc = 0
	calls 203.0.113.10 attacker udp 3
	expect 'its neighbour stays blocked' $rc != 0
}

stealth() {
	step 'Answer OPTIONS to nobody but the carriers.'
	also 'until now the check has only observed; the carrier pings, and calls:'
	lab_sipp_call -f options carrier udp 4 5 100 2>/dev/null
	calls 198.51.100.1 carrier udp 10
	show node fp-load set stealth=enforce -q
	expect 'refused: a source with calls would be dropped' \
		"$rc $(grep -c 'rule dialog: .*198.51.100.1' <<<"$out")" = '5 1'
	show node fp-block add 198.51.100.0/24 --list carriers --kind allow
	show node fp-load set stealth=enforce
	expect 'set, once the carrier is allowed' $rc = 0
	flood 198.18.1.1
	expect 'no OPTIONS of a stranger reach the node' "$reached" = 0
	expect 'counted as such' "$(counted drop_stealth)" -ge 6000
	before=$(counted pass_allowed)
	lab_sipp_call -f options carrier udp 4 100 100 2>/dev/null
	expect '100 pings of the carrier passed' \
		$(($(counted pass_allowed) - before)) = 100
	calls 198.18.1.1 attacker udp 10
	expect "a stranger's calls pass: he is not listed" $rc = 0
}

malformed() {
	step 'Drop what is not SIP on the SIP port.'
	show node fp-load set malformed=enforce
	printf '    %sattacker# sipp -sf junk.xml -i 198.18.1.1 -m 500 192.0.2.1:5060%s\n' \
		"$bold" "$plain"
	lab_sipp_call -s 198.18.1.1 -f junk attacker udp 4 500 1000 2>/dev/null
	also "500 datagrams \"GET / HTTP/1.1\"; drop_malformed: $(counted drop_malformed)"
	expect 'all of them are dropped' "$(counted drop_malformed)" = 500
	calls 198.18.1.1 attacker udp 10
	expect 'calls from the same address pass' $rc = 0
}

replaced() {
	local i form

	step 'Load a list of 100,000, and replace it ten times under a flood.'
	big_list host >"$LAB_DIR/host.txt" && big_list net >"$LAB_DIR/net.txt"
	show node fp-block load apiban "$LAB_DIR/host.txt" --why feed
	expect 'loaded' $rc = 0
	also '198.18.7.7 is on it as a host; then within 198.18.0.0/20; and so on:'
	flood_on 198.18.7.7
	sleep 0.5
	for ((i = 0; i < 10 && rc == 0; i++)); do
		form=$([ $((i % 2)) = 0 ] && echo net || echo host)
		lab_in node fp-block load apiban "$LAB_DIR/$form.txt" \
			>/dev/null 2>"$LAB_DIR/why" || rc=$?
	done
	[ $rc = 0 ] || also "$(cat "$LAB_DIR/why")"
	flood_off
	say_flood
	expect 'replaced ten times' $i = 10
	expect 'not one packet reached the node meanwhile' "$reached" = 0
	expect 'the flood was there' "$dropped" -ge 1000
}

upgraded() {
	step 'Upgrade the program under the flood.'
	flood_on 198.18.7.7
	sleep 0.5
	if [ -x "$other/fp-load" ]; then
		also 'to a build whose tables have another layout, and back'
		show node "$other/fp-load" upgrade
		expect 'upgraded' $rc = 0
	fi
	show node fp-load upgrade
	expect 'upgraded' $rc = 0
	sleep 0.5
	expect 'the flood is dropped' "$(counted drop_block)" -ge 100
	flood_off
	also "came to the node's UDP: $reached"
	expect 'not one packet reached the node meanwhile' "$reached" = 0
	show node fp-block verify
	expect 'the tables are what the lists say' $rc = 0
}

timed() {
	step 'A ban that ends by itself.'
	show node fp-block add 198.18.2.2 --for 4s --why scan
	calls 198.18.2.2 attacker udp 3
	expect 'no call passes' $rc != 0
	also '4 s later'
	sleep 3
	calls 198.18.2.2 attacker udp 10
	expect 'all calls pass' $rc = 0
}

table() {
	step 'What was counted until here.'
	show node fp-load stats -o nic,reason,action,packets,bytes
	expect 'there are counters' "$(wc -l <<<"$out")" -ge 8
}

end() {
	step 'Take the filter off: the policy stays in the lists.'
	show node fp-load detach --all
	expect 'detached' $rc = 0
	show node fp-block lists
	expect 'the lists are there' $rc = 0
	calls 203.0.113.1 attacker udp 10
	expect 'everybody gets through again' $rc = 0
}

hosts
rehearsed
attach
calls_pass
attacked
blocked
asked
allowed
stealth
malformed
timed
replaced
table
upgraded
end
lab_down
source test/lab/demo-cluster.sh
source "$LAB_SRC/demo-health.sh"
source "$LAB_SRC/demo-rehome.sh"
source "$LAB_SRC/demo-recover.sh"
step_end
printf '\n%sdemo: %d of %d steps as expected%s\n' "$bold" $n_good $n "$plain"
[ $n_good = $n ]
