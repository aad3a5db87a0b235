# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the tests of fp-load share: a node with two NICs, the lab's net0 (carrier)
# and net1 (attacker), and a listener on port 5060 that keeps what arrives.
# $BLOCKED is blocked in every test.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' stderr

BLOCKED=203.0.113.7
OTHER=203.0.113.8

# load_up: for setup_file.
load_up() {
	[ "$(id -u)" = 0 ] || skip 'XDP needs root'
	export FP_BUILD=${FP_BUILD:-$PWD/build}
	export FP_OTHER_LAYOUT=${FP_OTHER_LAYOUT:-$PWD/build-layout99}
	export FP_CLUSTER=/dev/null
	source test/lab/lab.sh
	lab_up
	# a directory that attach must make
	FP_PINS=$LAB_DIR/bpf/fastpath
	lab_start rx node socat -u UDP4-RECV:5060 "OPEN:$LAB_DIR/rx,creat,append"
	lab_wait 5 lab_listens node udp 0.0.0.0 5060
}

# load_fresh: for setup.
load_fresh() {
	source test/lab/lab.sh
	load=$FP_BUILD/fp-load
	block add $BLOCKED --why scan >/dev/null 2>&1 || [ $? = 3 ] # not in force
}

# load_clean: for teardown.
load_clean() {
	[ ! -e "$LAB_DIR/bpf/elsewhere" ] ||
		lab_in node "$load" --pins "$LAB_DIR/bpf/elsewhere" \
			detach --all >/dev/null 2>&1 || :
	lab_in node "$load" detach --all >/dev/null 2>&1 || :
	lab_in node ip link set dev net1 xdp off || :
	lab_in node ip link set dev net1 xdpgeneric off || :
	[ ! -e "$FP_PINS" ] || find "$FP_PINS" -mindepth 1 -depth -delete
	rm -rf "${FP_STATE:?}"
}

# load_down: for teardown_file.
load_down() {
	source test/lab/lab.sh
	lab_down
}

fl() { lab_in node "$load" "$@"; }
block() { lab_in node "$FP_BUILD/fp-block" "$@"; }

# says VERB...: run it with stdout and stderr apart.
says() { run --separate-stderr fl "$@"; }

# A command after "!" fails unseen.
refute() { ! "$@"; }

# json FILTER: of the output, one record a line.
json() { jq -se "$1" <<<"$output"; }

# ---- packets

# send SOURCE TEXT [PORT]: one datagram to the node.
send() {
	printf '%s' "$2" | lab_in attacker socat -u - \
		"UDP4-SENDTO:192.0.2.1:${3:-5060},bind=$1"
}

invite() { printf 'INVITE sip:%s@192.0.2.1 SIP/2.0\r\nVia: x\r\n\r\n' "$1"; }

arrived() { grep -aq "$1" "$LAB_DIR/rx"; }

# passes SOURCE: does an INVITE get through?  One from elsewhere that was sent
# after it says when to stop waiting.
passes() {
	local id=$RANDOM$RANDOM$RANDOM

	send "$1" "$(invite "$id")"
	send $OTHER "$(invite "mark$id")"
	lab_wait 5 arrived "mark$id"
	arrived "sip:$id@"
}

filters() { ! passes $BLOCKED && passes $OTHER; }
does_not_filter() { passes $BLOCKED; }

# foreign MODE: somebody else's program on net1 (bpftool's name for MODE).
foreign() {
	bpftool prog load "$FP_BUILD/fastpath.bpf.o" "$LAB_DIR/bpf/foreign" \
		type xdp
	lab_in node bpftool net attach "$1" pinned "$LAB_DIR/bpf/foreign" \
		dev net1
	rm "$LAB_DIR/bpf/foreign"
}

counted() { fl stats | grep -q "$1"; }

# capture NAME [OPTION...] [SOURCE PORT TEXT]...: $LAB_DIR/NAME.pcap; without
# packets an INVITE of $BLOCKED, one of $OTHER, and its OPTIONS.
capture() {
	local name=$1

	shift
	python3 test/lab/capture.py -f "$LAB_DIR/$name.pcap" "$@"
}
