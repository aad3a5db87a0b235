# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the scripts share that run inside the machines: TAP, and a sender in a
# network namespace of its own, which is the process $sender.
# shellcheck disable=SC2034 # n_bad
n=0 n_bad=0
: "${FP_VERBOSE=}" # from the kernel's command line

ms_now() {
	local t=${EPOCHREALTIME/[.,]/}

	echo $((t / 1000))
}

# check NAME COMMAND...: counts those that fail in n_bad.
check() {
	local name=$1 start not='' out

	shift
	start=$(ms_now)
	out=$("$@" 2>&1) || not="not "
	echo "${not}ok $((++n)) $(uname -r): $name in $(($(ms_now) - start))ms"
	[ -z "$not" ] || n_bad=$((n_bad + 1))
	[ -z "$not$FP_VERBOSE" ] || tail -n 20 <<<"$out" | sed 's/^/# /'
}

# sender_up: starts it.
sender_up() {
	unshare -n sleep 10000 &
	sender=$!
	until [ "$(readlink /proc/$sender/ns/net)" != \
		"$(readlink /proc/self/ns/net)" ]; do
		sleep 0.1
	done
}

at_sender() { nsenter -t "$sender" -n "$@"; }

# send SOURCE N: N INVITEs.  Prints how many of them reached the stack: nobody
# listens, so that they are counted as NoPorts.  $to says which way they go.
to='192.0.2.1 fp1'
send() {
	local before

	before=$(no_ports)
	at_sender ip route replace "${to% *}" dev "${to#* }" src "$1" || return
	# shellcheck disable=SC2016 # for the inner shell
	at_sender bash -c 'for ((i = 0; i < $1; i++)); do
		echo "INVITE sip:a@192.0.2.1 SIP/2.0" >/dev/udp/$2/5060
	done 2>/dev/null' bash "$2" "${to% *}"
	sleep 0.2
	echo $(($(no_ports) - before))
}

no_ports() { awk '/^Udp:/ && $2 ~ /[0-9]/ { print $3 }' /proc/net/snmp; }

# reach SOURCE WANT: all of 20, or none?
reach() {
	local got

	got=$(send "$1" 20)
	echo "from $1: $got of 20, want $2"
	[ "$got" = "$2" ]
}

# plug: fp0 here and fp1 there, with two networks for the sender, one of them to be
# blocked.
plug() {
	ip link set fp1 netns "$sender" &&
		ip addr add 192.0.2.1/24 dev fp0 && ip link set fp0 up &&
		ip route add 203.0.113.0/24 dev fp0 &&
		ip route add 198.51.100.0/24 dev fp0 &&
		at_sender ip addr add 203.0.113.7/32 dev fp1 &&
		at_sender ip addr add 198.51.100.7/32 dev fp1 &&
		at_sender ip link set fp1 up
}

# filters [ADDRESS DEVICE]: what comes that way, from the sender's DEVICE?
filters() {
	local to="${1:-192.0.2.1} ${2:-fp1}"

	reach 198.51.100.7 20 && reach 203.0.113.7 0
}
