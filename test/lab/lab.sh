# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A SIP node and its neighbours in network namespaces; source it, as root.
#
#   attacker                       node                        carrier
#   net0 203.0.113.1 ─────── net1      net0 ─────── net0 198.51.100.1
#        203.0.113.0/24        192.0.2.1                198.51.100.0/24
#        198.18.0.0/15         2001:db8:5::1            2001:db8:c::/48
#        2001:db8:a::/48
#   VLAN 10: .67, ::67         192.0.2.65, ::65         .66, ::66
#            of 192.0.2.64/26 and 2001:db8:10::/48
#
# attacker and carrier own every address of their prefixes: any of them can be
# bound and is answered for.  No forwarding, no default routes, no resolver.
#
#   lab_up; lab_down            lab_down may be called at any time, again, and
#                               from a trap; it ends only what the lab started
#   lab_vlan_up                 VLAN 10 on both links (needs test/bpf/vlan.bpf.o)
#   lab_in HOST COMMAND...      run in a host: attacker, node, carrier
#   lab_start NAME HOST COMMAND...   in the background; output in LAB_DIR/NAME.log
#   lab_stop NAME [SIGNAL]      end it (TERM) and wait for it
#   lab_wait SECONDS COMMAND... until it succeeds; 1 when the time is over
#   lab_addr HOST 4|6|vlan4|vlan6    its address
#   lab_sipp_server udp|tcp 4|6|vlan4|vlan6          on the node, port 5060
#   lab_sipp_call [-s SOURCE] [-f SCENARIO] [-t SECONDS] HOST udp|tcp FAMILY N RATE
#                               N calls, RATE a second; 0 when all succeeded
#   lab_capture NAME HOST IF [FILTER]   record packets until lab_stop NAME INT
#   lab_packets NAME [FILTER]   how many of them
#
# All of it lives in LAB_DIR; FP_PINS (a bpffs of its own) and FP_STATE are
# exported, so that a tool run by lab_in has pins and lists of its own.  A host
# is a network namespace only: files, /sys and processes are the caller's.

LAB_SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LAB_HOSTS='attacker node carrier'

lab_say() { echo "lab: $*" >&2; }

lab_ns() { echo "fp$LAB_ID-$1"; }

# lab_inside HOST: set inside to the words that run a command in it.
lab_inside() { inside=(nsenter --net="/run/netns/$(lab_ns "$1")" --); }

lab_in() {
	local inside

	lab_inside "$1"
	shift
	"${inside[@]}" "$@"
}

lab_addr() {
	case $1-$2 in
	node-4) echo 192.0.2.1 ;;
	node-6) echo 2001:db8:5::1 ;;
	node-vlan4) echo 192.0.2.65 ;;
	node-vlan6) echo 2001:db8:10::65 ;;
	carrier-4) echo 198.51.100.1 ;;
	carrier-6) echo 2001:db8:c::1 ;;
	carrier-vlan4) echo 192.0.2.66 ;;
	carrier-vlan6) echo 2001:db8:10::66 ;;
	attacker-4) echo 203.0.113.1 ;;
	attacker-6) echo 2001:db8:a::1 ;;
	attacker-vlan4) echo 192.0.2.67 ;;
	attacker-vlan6) echo 2001:db8:10::67 ;;
	*) lab_say "no address: $*"; return 1 ;;
	esac
}

# ---- up and down

lab_up() {
	LAB_ID=$$
	LAB_DIR=$(mktemp -d "${TMPDIR:-/tmp}/fp-lab.XXXXXX") || return 1
	FP_PINS=$LAB_DIR/bpf FP_STATE=$LAB_DIR/state
	TC_BPF_MNT=$LAB_DIR/tc # where tc and ip put what they load
	export LAB_ID LAB_DIR FP_PINS FP_STATE TC_BPF_MNT
	if ! lab_make >"$LAB_DIR/up.log" 2>&1; then
		lab_say "cannot be made:"
		tail -n 5 "$LAB_DIR/up.log" >&2
		lab_down
		return 1
	fi
}

lab_make() {
	local host

	mkdir -p "$LAB_DIR/pids" "$FP_STATE" "$FP_PINS" "$TC_BPF_MNT" &&
		mount -t bpf -o mode=700 bpf "$FP_PINS" &&
		mount -t bpf -o mode=700 bpf "$TC_BPF_MNT" || return
	for host in $LAB_HOSTS; do
		ip netns add "$(lab_ns "$host")" &&
			lab_in "$host" sysctl -qw \
				net.ipv6.conf.all.accept_dad=0 \
				net.ipv6.conf.default.accept_dad=0 \
				net.ipv6.conf.default.accept_ra=0 \
				net.ipv4.conf.all.rp_filter=0 \
				net.ipv4.conf.default.rp_filter=0 \
				net.ipv6.ip_nonlocal_bind=1 &&
			lab_in "$host" ip link set dev lo up || return
	done
	lab_link carrier net0 c && lab_link attacker net1 a &&
		lab_node_addresses &&
		lab_neighbour carrier net0 198.51.100.0/24 2001:db8:c::/48 &&
		lab_neighbour attacker net1 203.0.113.0/24 2001:db8:a::/48 \
			198.18.0.0/15
}

# lab_link HOST IF LETTER: a cable from the node's IF to net0 of HOST.  Checksums
# are made in software and tags put into the frame: what a program sees is what
# a wire would carry.  Queues are fixed since XDP on veth wants as many to
# receive as the other end has to send; GRO at the far end lets it take what
# XDP sends there.
lab_link() {
	local host=$1 if=$2 letter=$3

	ip link add dev "$if" netns "$(lab_ns node)" numrxqueues 1 numtxqueues 1 \
		address 02:00:00:00:0"$letter":01 type veth \
		peer name net0 netns "$(lab_ns "$host")" numrxqueues 1 \
		numtxqueues 1 address 02:00:00:00:0"$letter":02 &&
		lab_in node ethtool -K "$if" tx off txvlan off &&
		lab_in "$host" ethtool -K net0 tx off txvlan off gro on &&
		lab_in node ip addr add fe80::1/64 dev "$if" &&
		lab_in "$host" ip addr add fe80::2/64 dev net0 &&
		lab_in node ip link set dev "$if" up &&
		lab_in "$host" ip link set dev net0 up
}

lab_node_addresses() {
	lab_in node ip addr add "$(lab_addr node 4)/32" dev net0 &&
		lab_in node ip addr add "$(lab_addr node 6)/128" dev net0
}

# lab_neighbour HOST IF PREFIX4 PREFIX6 [MORE4]: whom the node sees behind IF.
lab_neighbour() {
	local host=$1 if=$2 net4=$3 net6=$4 more4=${5-} four six

	four=$(lab_addr "$host" 4) six=$(lab_addr "$host" 6)
	lab_in "$host" ip addr add "$four/32" dev net0 &&
		lab_in "$host" ip addr add "$six/128" dev net0 &&
		lab_in "$host" ip route add local "$net4" dev lo &&
		lab_in "$host" ip route add local "$net6" dev lo &&
		lab_in "$host" ip route add "$(lab_addr node 4)" dev net0 \
			src "$four" &&
		lab_in "$host" ip route add "$(lab_addr node 6)" via fe80::1 \
			dev net0 src "$six" &&
		lab_in node ip route add "$net4" dev "$if" \
			src "$(lab_addr node 4)" &&
		lab_in node ip route add "$net6" via fe80::2 dev "$if" \
			src "$(lab_addr node 6)" || return
	[ -z "$more4" ] || {
		lab_in "$host" ip route add local "$more4" dev lo &&
			lab_in node ip route add "$more4" via "$four" \
				dev "$if" src "$(lab_addr node 4)"
	}
}

lab_vlan_up() {
	local object=${FP_BUILD:-$LAB_SRC/../../build}/test/vlan.bpf.o

	[ -e "$object" ] || { lab_say "$object is not built"; return 1; }
	lab_vlan_end node net0 "$object" && lab_vlan_end node net1 "$object" &&
		lab_vlan_end carrier net0 "$object" &&
		lab_vlan_end attacker net0 "$object" &&
		lab_in node ip addr add 192.0.2.65/32 dev net0 &&
		lab_in node ip addr add 2001:db8:10::65/128 dev net0 &&
		lab_vlan_neighbour carrier net0 &&
		lab_vlan_neighbour attacker net1
}

lab_vlan_end() {
	local host=$1 if=$2 object=$3

	lab_in "$host" tc qdisc add dev "$if" clsact &&
		lab_in "$host" tc filter add dev "$if" egress \
			bpf direct-action object-file "$object" \
			section tc/push &&
		lab_in "$host" tc filter add dev "$if" ingress \
			bpf direct-action object-file "$object" section tc/pop
}

lab_vlan_neighbour() {
	local host=$1 if=$2 four six

	four=$(lab_addr "$host" vlan4) six=$(lab_addr "$host" vlan6)
	lab_in "$host" ip addr add "$four/32" dev net0 &&
		lab_in "$host" ip addr add "$six/128" dev net0 &&
		lab_in "$host" ip route add 192.0.2.65 dev net0 src "$four" &&
		lab_in "$host" ip route add 2001:db8:10::65 via fe80::1 \
			dev net0 src "$six" &&
		lab_in node ip route add "$four" dev "$if" src 192.0.2.65 &&
		lab_in node ip route add "$six" via fe80::2 dev "$if" \
			src 2001:db8:10::65
}

lab_down() {
	local file host mount

	[ -n "${LAB_DIR-}" ] && [ -d "$LAB_DIR" ] || return 0
	for file in "$LAB_DIR"/pids/*; do
		if [ -e "$file" ]; then lab_stop "${file##*/}"; fi
	done
	for host in $LAB_HOSTS; do
		if [ -e "/run/netns/$(lab_ns "$host")" ]; then
			ip netns del "$(lab_ns "$host")"
		fi
	done
	for mount in "$LAB_DIR/bpf" "$LAB_DIR/tc"; do
		if mountpoint -q "$mount"; then umount "$mount"; fi
	done
	rm -rf --one-file-system "$LAB_DIR"
	unset LAB_ID LAB_DIR FP_PINS FP_STATE TC_BPF_MNT
}

# ---- processes

lab_wait() {
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		[ $SECONDS -le $end ] || return 1
		sleep 0.05
	done
}

# A process is known by its number and start time, so that a number which was
# given to another is left alone.  proc(5), /proc/PID/stat, field 22.
lab_birth() {
	local stat

	read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
	stat=${stat##*) }
	# shellcheck disable=SC2086 # words
	set -- $stat
	[ "$1" != Z ] && echo "${20}"
}

lab_start() {
	local name=$1 host=$2 inside

	shift 2
	lab_inside "$host"
	# 3 and 4 are bats'; a server that holds them would keep bats waiting.
	"${inside[@]}" "$@" \
		>"$LAB_DIR/$name.log" 2>&1 </dev/null 3>&- 4>&- &
	echo "$! $(lab_birth $!)" >"$LAB_DIR/pids/$name"
}

# Is it still the process that we started?
lab_runs() {
	local pid birth

	read -r pid birth 2>/dev/null <"$LAB_DIR/pids/$1" &&
		[ "$(lab_birth "$pid")" = "$birth" ]
}

lab_ended() { ! lab_runs "$1"; }

lab_stop() {
	local name=$1 signal=${2:-TERM} pid

	if lab_runs "$name"; then
		read -r pid _ <"$LAB_DIR/pids/$name"
		kill -s "$signal" "$pid" 2>/dev/null || :
		lab_wait 3 lab_ended "$name" || kill -s KILL "$pid" || :
		wait "$pid" 2>/dev/null || : # of another shell: not ours to wait for
	fi
	rm -f "$LAB_DIR/pids/$name"
}

# ---- SIP

# lab_hostport ADDRESS [PORT]: with the brackets that IPv6 needs.
lab_hostport() {
	case $1 in
	*:*) echo "[$1]${2:+:$2}" ;;
	*) echo "$1${2:+:$2}" ;;
	esac
}

# lab_listens HOST udp|tcp ADDRESS PORT
lab_listens() {
	[ -n "$(lab_in "$1" ss -Hln --"$2" src "$(lab_hostport "$3" "$4")")" ]
}

lab_sipp_server() {
	local proto=$1 family=$2 addr

	addr=$(lab_addr node "$family") || return
	lab_start "sipp-$proto-$family" node sipp -sf "$LAB_SRC/uas.xml" \
		-i "$addr" -p 5060 -t "${proto:0:1}1" -nostdin -nd
	lab_wait 5 lab_listens node "$proto" "$addr" 5060 || {
		lab_say "no SIPp server on $proto $addr:"
		tail -n 5 "$LAB_DIR/sipp-$proto-$family.log" >&2
		return 1
	}
}

# The server does not end on its own, so that N calls are N of this caller.
lab_sipp_call() {
	local source='' scenario=uac seconds=10 OPTIND=1 opt
	local host proto family n rate to log rc

	while getopts s:f:t: opt; do
		case $opt in
		s) source=$OPTARG ;;
		f) scenario=$OPTARG ;;
		t) seconds=$OPTARG ;;
		*) return 2 ;;
		esac
	done
	shift $((OPTIND - 1))
	host=$1 proto=$2 family=$3 n=$4 rate=$5
	source=${source:-$(lab_addr "$host" "$family")} || return
	to=$(lab_hostport "$(lab_addr node "$family")" 5060) || return
	log=$(mktemp "$LAB_DIR/call.XXXXXX")
	lab_in "$host" timeout -k 2 $((seconds + 5)) \
		sipp -sf "$LAB_SRC/$scenario.xml" -key user service -i "$source" \
		-t "${proto:0:1}1" -m "$n" -r "$rate" -nostdin \
		-timeout "${seconds}s" -timeout_error "$to" \
		>"$log" 2>&1 </dev/null
	rc=$?
	[ $rc = 0 ] || {
		lab_say "SIPp from $source over $proto: status $rc"
		grep -aE 'Successful call|Failed call|Retrans' "$log" |
			tail -n 3 >&2
	}
	rm -f "$log"
	return $rc
}

# ---- packets

lab_capture() {
	local name=$1 host=$2 if=$3

	lab_start "$name" "$host" tcpdump -p -n -U -i "$if" -B 8192 \
		--immediate-mode \
		-w "$LAB_DIR/$name.pcap" ${4:+"$4"}
	lab_wait 5 grep -qs 'listening on' "$LAB_DIR/$name.log" || {
		lab_say "tcpdump on $host $if:"
		tail -n 3 "$LAB_DIR/$name.log" >&2
		return 1
	}
}

lab_packets() {
	tcpdump -n -r "$LAB_DIR/$1.pcap" ${2:+"$2"} 2>/dev/null | wc -l
}
