#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make bench BENCH=rehearsal: how fast fp-load test judges a capture, beside tcpdump
# reading it.  rehearsal.goals says what each row compares.
#
# QUICK=1: a capture of 100 MB; rows are of bench rehearsal-quick then, and most of
# the time is the verifier's, so that the rate misses its goal.  ROUNDS: of each
# figure.
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=bench/common.sh
source bench/common.sh
bench_alone "bench/${0##*/}" "$@"

if [ -n "${QUICK:-}" ]; then
	ROUNDS=${ROUNDS:-1} size=100000000
else
	ROUNDS=${ROUNDS:-3} size=1000000000
fi

bench_begin rehearsal
unset FP_CLUSTER
export FP_STATE=$work/state FP_PINS=$work/none FP_CLUSTER=/dev/null
mkdir "$FP_STATE"

# measure NAME COMMAND...: its CPU time, and memory
measure() {
	local name=$1 user system kb

	shift
	/usr/bin/time -q -o "$work/time" -f '%U %S %M' "$@" >"$work/out" \
		2>"$work/err"
	read -r user system kb <"$work/time"
	cpu=$(calc "$user + $system")
	figure "cpu/$name" "$round" "$cpu"
	figure "rss/$name" "$round" "$(calc "$kb / 1000")"
}

judge() {
	measure "$1" "$FP_BUILD/fp-load" -q test "$2" --lists "$work/bad.list" \
		"${@:3}"
}

echo 203.0.0.0/20 >"$work/bad.list"
n=$("$FP_BUILD/bench/sip_pcap" $size 20000 2>&1 >"$work/sip.pcap")
"$FP_BUILD/bench/sip_pcap" $((size / 100)) 20000 2>/dev/null >"$work/small.pcap"
bench_load
for ((round = 0; round < ROUNDS; round++)); do
	say "round $((round + 1))"
	judge summary "$work/sip.pcap" --summary
	figure rate/summary $round "$(calc "$n / $cpu / 1000000")"
	measure tcpdump tcpdump -nr "$work/sip.pcap" -w /dev/null 'udp port 5060'
	judge records "$work/sip.pcap"
	figure rate/records $round "$(calc "$n / $cpu / 1000000")"
	measure print tcpdump -ttnr "$work/sip.pcap" 'udp port 5060'
	judge small "$work/small.pcap" --summary
done
bench_end
