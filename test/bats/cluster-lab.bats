#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The cluster's lab itself: ssh gets where it should, each fault is the fault
# that it says, and nothing is left behind.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' variables

bats_require_minimum_version 1.5.0

setup_file() {
	[ "$(id -u)" = 0 ] || skip 'network namespaces need root'
	source test/lab/cluster.sh
	export FP_BUILD=${FP_BUILD:-$PWD/build}
	# shellcheck disable=SC2016 # for the node's shell
	export NODE_COMMAND='echo "$FP_STATE ${SSH_ORIGINAL_COMMAND-} \"$(date +%s)\""'
	cluster_up -x broker 3
}

setup() { source test/lab/cluster.sh; }

teardown_file() {
	source test/lab/cluster.sh
	cluster_down
}

# ask NODE [WORD]...: by the key that may run one command
ask() { cluster_in controller ssh -n -o ConnectTimeout=2 "$@"; }

admin() {
	cluster_in controller ssh -n -o IdentitiesOnly=yes \
		-i "$LAB_DIR/id_admin" "$@"
}

# answers NODE: NODE's own command does.
answers() { [[ $(ask "$1" hello) == "$LAB_DIR/$1/state hello "* ]]; }

# banner HOST: what its port 22 says within a second
banner() {
	cluster_in controller bash -c 'exec 3<>"/dev/tcp/$1/22" && echo taken &&
		read -t 1 -r line <&3 && echo "$line"' bash "$(cluster_addr "$1")"
}

ms() { echo $((${EPOCHREALTIME/./} / 1000)); }

@test "every node answers by name, IPv4 and IPv6, with its own command" {
	for i in 1 2 3; do
		for name in sip$i 10.77.0.$i fd77::$i; do
			[[ $(ask $name a b) == "$LAB_DIR/sip$i/state a b "* ]]
		done
	done
}

@test "a host on the bridge beside the controller can do the same" {
	[[ $(cluster_in broker ssh -n sip2 x) == "$LAB_DIR/sip2/state x "* ]]
}

@test "each node has a host key of its own, and known_hosts is strict" {
	[ "$(cut -d ' ' -f 3 "$LAB_DIR/known_hosts" | sort -u | wc -l)" = 3 ]
	run -255 ask -o UserKnownHostsFile=/dev/null \
		-o StrictHostKeyChecking=yes sip1
	[[ $output == *'Host key verification failed'* ]]
	run -255 ask -o HostKeyAlias=sip2 -o StrictHostKeyChecking=yes sip1
	[[ $output == *'HOST IDENTIFICATION HAS CHANGED'* ]]
}

@test "the other key has a shell, in the node's files" {
	admin sip3 'echo ours >~/there && cat ~/there && test -d /run/sshd'
	[ "$(cat "$LAB_DIR/sip3/home/there")" = ours ]
	[ "$(admin sip3 ls /sys/class/net | sort | xargs)" = 'lo net0 net1' ]
}

@test "ansible reads the cluster file, and gets through by it" {
	[ "$FP_CLUSTER" = "$LAB_DIR/cluster.ini" ]
	run -0 cluster_in controller ansible -i "$FP_CLUSTER" \
		--private-key "$LAB_DIR/id_admin" edge -o -m raw -a 'echo $((6 * 7))'
	[ "$(grep -c '42' <<<"$output")" = 3 ]
}

@test "each node has a bpffs and a state directory of its own" {
	cluster_in sip1 bash -c 'mkdir "$FP_PINS/one" && touch "$FP_STATE/one"'
	cluster_in sip1 bash -c '[ "$(stat -f -c %T "$FP_PINS")" = bpf_fs ]'
	cluster_in sip2 bash -c '[ "$(stat -f -c %T "$FP_PINS")" = bpf_fs ] &&
		[ ! -e "$FP_PINS/one" ] && [ ! -e "$FP_STATE/one" ]'
	[ ! -e "$LAB_DIR/sip1/bpf/one" ]
	[ -e "$LAB_DIR/sip1/state/one" ]
	cluster_in sip1 bash -c 'rmdir "$FP_PINS/one" && rm "$FP_STATE/one"'
}

# sip_from SOURCE NODE...: each gets a datagram of the attacker's
sip_from() {
	local source=$1 node

	shift
	for node; do
		cluster_start "udp-$node" "$node" socat -u -T 5 \
			UDP-RECV:5060,bind="$(cluster_addr "$node" sip4)" STDOUT
		lab_wait 5 lab_listens "$node" udp "$(cluster_addr "$node" sip4)" 5060
		cluster_in attacker socat -u STDIN "UDP:$(cluster_addr "$node" sip4):5060,bind=$source" \
			<<<"to $node"
		lab_wait 2 grep -q "to $node" "$LAB_DIR/udp-$node.log" || {
			cluster_stop "udp-$node"
			return 1
		}
		cluster_stop "udp-$node"
	done
}

@test "the attacker reaches every node from any address of its prefixes" {
	sip_from 203.0.113.77 sip1 sip2 sip3
	sip_from 198.19.255.254 sip1 sip3
	lab_capture seen sip2 net1 'ip6 and udp'
	cluster_in attacker socat -u STDIN \
		"UDP6:[2001:db8:5::2]:5060,bind=[2001:db8:a:7::9]" <<<hello
	lab_stop seen INT
	[ "$(lab_packets seen 'src 2001:db8:a:7::9')" = 1 ]
	[ "$(cluster_in sip2 cat /sys/class/net/net1/address)" = \
		"$(cluster_mac sip2)" ]
}

@test "a filter on one node is on that node only, native" {
	[ -x "$FP_BUILD/fp-load" ] || skip 'fp-load is not built'
	FP_CLUSTER=/dev/null
	cluster_in sip1 "$FP_BUILD/fp-load" attach net1 >/dev/null
	cluster_in sip2 "$FP_BUILD/fp-load" attach net0 net1 >/dev/null
	cluster_in sip2 ip link show dev net0 | grep -q 'prog/xdp'
	cluster_in sip1 "$FP_BUILD/fp-block" add 203.0.113.9 >/dev/null
	run ! sip_from 203.0.113.9 sip1
	sip_from 203.0.113.9 sip2 sip3
	sip_from 203.0.113.10 sip1
	answers sip2
	cluster_in sip1 "$FP_BUILD/fp-load" detach --all >/dev/null
	cluster_in sip2 "$FP_BUILD/fp-load" detach --all >/dev/null
}

@test "cut: the node is gone, others are not; heal" {
	cluster_cut sip1
	run -255 ask sip1
	[ "$(cluster_in sip1 cat /sys/class/net/net0/carrier)" = 0 ]
	answers sip2
	cluster_heal sip1
	lab_wait 5 answers sip1
}

@test "cut -s: the link is there, connections hang; heal lets them go on" {
	cluster_cut -s sip1
	cluster_cut -s sip3
	[ "$(cluster_in sip1 cat /sys/class/net/net0/carrier)" = 1 ]
	# hangs for longer than ARP would have taken to give up
	run -124 cluster_in controller timeout 5 bash -c \
		': <>/dev/tcp/10.77.0.1/22'
	answers sip2
	cluster_start late controller ssh -n sip1 late
	sleep 0.5
	lab_runs late
	cluster_heal sip1
	lab_wait 8 grep -q late "$LAB_DIR/late.log"
	cluster_stop late
	cluster_heal sip3
	answers sip3
}

# round_trip NODE: the shortest of five connects, in ms
round_trip() {
	cluster_in controller python3 -c '
import socket, sys, time
def took():
    start = time.monotonic()
    socket.create_connection((sys.argv[1], 22), 5).close()
    return time.monotonic() - start
print(int(1000 * min(took() for _ in range(5))))' "$(cluster_addr "$1")"
}

@test "slow: the time there and back is twice that, and a rate is kept" {
	cluster_slow sip2 200
	took=$(round_trip sip2)
	[ "$took" -ge 400 ]
	[ "$took" -le 800 ]
	[ "$(round_trip sip1)" -le 200 ]
	answers sip2
	cluster_slow sip2 1 1mbit
	start=$(ms)
	admin sip2 'head -c 125000 /dev/zero' | wc -c
	took=$(($(ms) - start))
	[ $took -ge 800 ]
	cluster_heal sip2
	[ "$(round_trip sip2)" -le 200 ]
	admin sip2 'head -c 5000000 /dev/zero' | wc -c | grep -x 5000000
}

@test "freeze: TCP is taken, and nobody speaks; thaw" {
	cluster_start long sip3 sleep 60
	cluster_freeze sip3
	run ! banner sip3
	[ "$output" = taken ]
	[ "$(ps -o state= -p "$(cluster_pids sip3 | xargs | tr ' ' ,)" |
		sort -u)" = T ]
	answers sip1
	cluster_thaw sip3
	answers sip3
	cluster_stop long
}

@test "kill_sshd: refused, and sessions are dead; start_sshd" {
	cluster_start session controller ssh -n -o IdentitiesOnly=yes \
		-i "$LAB_DIR/id_admin" sip1 'sleep 61'
	session() { cluster_pids sip1 | xargs -r ps -o args= -p | grep -q '^sleep 61'; }
	lab_wait 5 session
	cluster_start other sip1 sleep 62
	cluster_kill_sshd sip1
	run ! session
	lab_wait 2 lab_ended session
	lab_runs other
	run -255 ask sip1
	[[ $output == *'refused'* ]]
	cluster_kill_sshd sip1
	cluster_start_sshd sip1
	answers sip1
	cluster_stop other
	cluster_stop session
}

# about SECONDS SHOWN: that much from now
about() {
	local off=$(($2 - $(date +%s) - $1))

	[ $off -ge -5 ] && [ $off -le 5 ]
}

@test "clock: off for what is asked on the node, and not elsewhere" {
	command -v gcc >/dev/null || skip 'gcc is not installed'
	cluster_clock sip2 3600
	about 3600 "$(ask sip2 | tr -d '"' | awk '{ print $NF }')"
	about 3600 "$(admin sip2 date +%s)"
	about 3600 "$(cluster_in sip2 python3 -c 'import time; print(int(time.time()))')"
	about 0 "$(admin sip1 date +%s)"
	about 0 "$(cluster_in controller date +%s)"
	cluster_clock sip2 -7200
	about -7200 "$(admin sip2 date +%s)"
	cluster_clock sip2 0
	about 0 "$(admin sip2 date +%s)"
}

@test "full: nothing more can be written, all is still there; roomy" {
	echo kept >"$LAB_DIR/sip1/state/kept"
	cluster_full sip1
	for way in 'cluster_in sip1' 'admin sip1'; do
		run ! $way bash -c "'head -c 8192 /dev/zero >$LAB_DIR/sip1/state/new'"
		run ! cluster_in sip1 bash -c 'head -c 8192 /dev/zero >"$FP_STATE/new"'
		[[ $output == *'No space left'* ]]
	done
	[ "$(cluster_in sip1 cat "$LAB_DIR/sip1/state/kept")" = kept ]
	cluster_roomy sip1
	cluster_in sip1 bash -c 'head -c 100000 /dev/zero >"$FP_STATE/new"'
	cluster_full sip1 64
	cluster_in sip1 bash -c 'head -c 60000 /dev/zero >"$FP_STATE/newer"'
	run ! cluster_in sip1 bash -c 'head -c 60000 /dev/zero >"$FP_STATE/newest"'
	cluster_roomy sip1
}

@test "hashed names and another port" {
	bash -c '
		source test/lab/cluster.sh
		trap cluster_down EXIT
		NODE_COMMAND="echo it is" cluster_up -H -p 2222 1 || exit
		! grep -q "sip1\|10.77" "$LAB_DIR/known_hosts" || exit
		grep -q ansible_port=2222 "$FP_CLUSTER" || exit
		cluster_in controller ssh -n -p 2222 sip1 &&
			cluster_in controller ssh -n -p 2222 10.77.0.1 &&
			cluster_in controller ssh -n -p 2222 fd77::1
	' >"$BATS_TEST_TMPDIR/out"
	[ "$(grep -c 'it is' "$BATS_TEST_TMPDIR/out")" = 3 ]
}

@test "what is no number of nodes is refused" {
	for n in '' 0 101 x 007; do
		run -2 bash -c 'source test/lab/cluster.sh; cluster_up $1' bash "$n"
	done
}

@test "50 nodes are up in 30 seconds; down ends all, and nothing else" {
	sleep 63 3>&- 4>&- &
	ours=$!
	start=$SECONDS
	bash -c '
		source test/lab/cluster.sh
		trap cluster_down EXIT
		cluster_up 50 && [ $SECONDS -le 30 ] || exit
		cluster_in controller ssh -n -i "$LAB_DIR/id_admin" \
			-o IdentitiesOnly=yes sip50 "setsid -f sleep 64 >/dev/null 2>&1"
		cluster_freeze sip7
		cluster_cut sip8
		cluster_slow sip9 10
		cluster_full sip10
		echo "$LAB_DIR $LAB_ID"
		ps -e -o args= | grep -q "^sleep 64"
	' >"$BATS_TEST_TMPDIR/out"
	echo "# 50 nodes, up and down: $((SECONDS - start)) s"
	read -r dir id <"$BATS_TEST_TMPDIR/out"
	[ ! -e "$dir" ]
	run ! grep -q "$dir" /proc/mounts
	run ! grep -q "fp$id-" <(ip netns list)
	processes=$(ps -e -o args=)
	[[ $processes != *'sleep 64'* && $processes != *"$dir"* ]]
	kill $ours
	answers sip1
}
