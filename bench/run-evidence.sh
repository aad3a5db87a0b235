#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make bench BENCH=evidence: what it costs to see what the filter drops: fp-load
# watch and top under a flood, and whether their sums are exact.  evidence.goals
# says what each row compares.
#
# QUICK=1: fewer and shorter rounds; rows are of bench evidence-quick then.
# FIRST=1: on a machine with other work, the flood goes before that (SCHED_RR).
# ROUNDS: of each figure.  ONLY: parts to run, of: flood.
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=bench/common.sh
source bench/common.sh
bench_alone "bench/${0##*/}" "$@"

if [ -n "${QUICK:-}" ]; then
	ROUNDS=${ROUNDS:-1} seconds=4
else
	ROUNDS=${ROUNDS:-3} seconds=10
fi
ONLY=${ONLY:-flood}

bench_begin evidence
mount -t bpf bpf /sys/fs/bpf
unset FP_CLUSTER NOTIFY_SOCKET
export FP_STATE=$work/state FP_PINS=/sys/fs/bpf/bench FP_CLUSTER=/dev/null
mkdir "$FP_STATE"

# ---- under a flood

make_link() {
	ip link set lo up
	ip link add tx0 type veth peer name rx0 address 02:00:00:00:00:02
	ethtool -K rx0 gro on # frames come as in a driver's NAPI
	ip link set tx0 up
	ip link set rx0 up
	"$FP_BUILD/fp-load" -q attach rx0 >"$work/log"
	"$FP_BUILD/fp-block" -q add 203.0.113.7 --why bench >"$work/log"
}

flood_start() {
	"${first[@]}" taskset -c 0 "$FP_BUILD/bench/live" tx0 203.0.113.7 203.0.113.8 &
	flood=$!
	children+=("$flood")
}

flood_end() {
	kill -TERM $flood
	wait $flood || :
}

dropped() {
	"$FP_BUILD/fp-load" -j stats | jq -s 'map(select(.action == "drop" or
		.action == "observe") | .packets) | add // 0'
}

# measure NAME PID: its share while the flood lasts, and the flood's rate
measure() {
	local ticks before t0 t1

	flood_start
	sleep 1
	ticks=$(cpu "$2") before=$(dropped) t0=${EPOCHREALTIME/./}
	sleep $seconds
	ticks=$(($(cpu "$2") - ticks)) t1=${EPOCHREALTIME/./}
	figure "flood/$1" "$round" \
		"$(calc "($(dropped) - $before) / ($t1 - $t0)")"
	figure "cpu/$1" "$round" \
		"$(calc "$ticks / $hertz * 1000000 / ($t1 - $t0) * 100")"
	figure "rss/$1" "$round" "$(rss "$2")"
	flood_end
}

# tool VERB OPTION...: it looks before the flood begins and after it has ended
tool() {
	local verb=$1 before pid

	before=$(dropped)
	taskset -c 1 "$FP_BUILD/fp-load" -j "$@" >"$work/$verb" &
	pid=$!
	children+=("$pid")
	sleep 0.5
	measure "$verb" $pid
	sleep 0.5
	kill -INT $pid
	wait $pid
	figure "off/$verb" "$round" "$(tail -n 1 "$work/$verb" |
		jq --argjson n "$(($(dropped) - before))" \
			'(.shown + .not_shown + .attributed + .others +
			.unsampled - $n) | fabs')"
}

bench_watch() {
	tool watch
	figure shown/watch "$round" "$(tail -n 1 "$work/watch" |
		jq ".shown / ($seconds + 1)")"
	figure lost/watch "$round" "$(tail -n 1 "$work/watch" | jq .lost)"
}

bench_tcpdump() {
	local pid before

	"$FP_BUILD/fp-load" -q set lists=observe >"$work/log"
	before=$(dropped)
	taskset -c 1 tcpdump -i rx0 -n -w /dev/null -s 270 \
		'src host 203.0.113.7' \
		2>"$work/tcpdump" &
	pid=$!
	children+=("$pid")
	sleep 0.5
	measure tcpdump $pid
	kill -INT $pid
	wait $pid || :
	figure seen/tcpdump "$round" "$(calc "$(awk '/captured/ { print $1 }' \
		"$work/tcpdump") * 100 / ($(dropped) - $before)")"
	"$FP_BUILD/fp-load" -q set lists=enforce >"$work/log"
}

bench_flood() {
	make_link
	for ((round = 0; round < ROUNDS; round++)); do
		bench_watch
		tool top --every 2s
		bench_tcpdump
	done
}

# ---- all of it

bench_load
if wants flood; then
	bench_flood
fi
bench_end
