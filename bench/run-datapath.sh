#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make bench BENCH=datapath: the filter beside its peers, in turn, in the same
# run.  Figures to build/bench.figures, a table to stdout, a JSON line a row to
# bench.jsonl.  datapath.goals says what each row compares.
#
# QUICK=1: fewer rounds, lists of 100k where a row says 1M of load and veth; rows
# are of bench datapath-quick then.  CPU: the core to measure on.
# ROUNDS: of each figure.  ONLY: parts to run, of: hot random load pps cli.
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=bench/common.sh
source bench/common.sh
bench_alone "bench/${0##*/}" "$@"

CPU=${CPU:-$(($(nproc) - 1))}
if [ -n "${QUICK:-}" ]; then
	ROUNDS=${ROUNDS:-3}
	entries=100000
	scenarios='mixed ipv6 timed'
else
	ROUNDS=${ROUNDS:-7}
	entries=1000000
	scenarios='10k 100k mixed ipv6 both timed 10M busy'
fi
ONLY=${ONLY:-hot random load pps cli}
export ROUNDS

bench_begin datapath
mount -t bpf bpf /sys/fs/bpf
mkdir /sys/fs/bpf/bench "$work/state"
export BENCH_BPFFS=/sys/fs/bpf/bench BENCH_STATE=$work/state

on_core() {
	taskset -c "$CPU" "$@" >>"$figures"
}

timed() {
	on_core "$FP_BUILD/bench/timed" "$@"
}

make_veths() {
	local name

	sysctl -qw net.ipv4.conf.all.rp_filter=0
	ip link set lo up
	for name in node xdp-filter bare ours hash+lpm nft-hash nft-interval ipset; do
		ip link add "tx$name" type veth peer name "rx$name" \
			address 02:00:00:00:00:02
		# so that frames come as in a driver's NAPI, without a program
		ethtool -K "rx$name" gro on
		ip link set "tx$name" up
		ip link set "rx$name" up
	done
	ip addr add 10.88.0.2/24 dev rxbare
	ip route add default via 10.88.0.1 dev rxbare
}

xdp_filter_prog() {
	xdp-filter load -m native -p allow -f ipv4 rxxdp-filter >&2
	ip -d link show rxxdp-filter |
		sed -n 's/.*prog\/xdp id \([0-9]*\) .*/\1/p'
}

fp_block() {
	"$FP_BUILD/fp-block" "$@" --quiet --state "$work/node" \
		--pins /sys/fs/bpf/node >"$work/log"
}

# A node as its users have it.
make_node() {
	local words=(--quiet --state "$work/node" --pins /sys/fs/bpf/node)

	"$FP_BUILD/fp-load" attach rxnode "${words[@]}" >"$work/log"
	"$FP_BUILD/fp-load" set stealth=enforce malformed=enforce \
		"${words[@]}" >"$work/log"
}

bench_load() {
	local round

	on_core "$FP_BUILD/bench/phases" "$work/list.txt"
	# nft needs some 20 s a round
	for ((round = 0; round < (ROUNDS + 1) / 2; round++)); do
		fp_block unload bulk --override max-change 2>/dev/null || true
		timed load/ours "$round" "$FP_BUILD/fp-block" load bulk \
			"$work/list.txt" --quiet --state "$work/node" \
			--pins /sys/fs/bpf/node
		ipset destroy b 2>/dev/null || true
		timed load/ipset "$round" ipset restore -f "$work/list.ipset"
		nft delete table netdev fp_interval 2>/dev/null || true
		timed load/nft-interval "$round" nft -f "$work/interval.nft"
	done
	fp_block unload bulk --override max-change
}

# The sets of bench_load stand; rules that drop what is in them.
make_rules() {
	local name

	nft list table netdev fp_interval >/dev/null 2>&1 ||
		nft -f "$work/interval.nft"
	nft -f "$work/hash.nft"
	ipset list -n b >/dev/null 2>&1 || ipset restore -f "$work/list.ipset"
	iptables -t raw -A PREROUTING -i rxipset -m set --match-set b src \
		-j DROP
	for name in hash interval; do
		nft -f - <<-END
			table netdev fp_$name {
				chain c {
					type filter hook ingress device rxnft-$name priority 0
					ip saddr @b drop
				}
			}
		END
	done
}

# One address, 1M others in three lists.
bench_cli() {
	local round part words=(--quiet --state "$work/node"
		--pins /sys/fs/bpf/node)

	split -n l/3 "$work/list.txt" "$work/part."
	for part in aa ab ac; do
		fp_block load "list-$part" "$work/part.$part"
	done
	for ((round = 0; round < 3 * ROUNDS; round++)); do
		timed cli/floor "$round" -s "$work/floor" /bin/true
		timed cli/add "$round" "$FP_BUILD/fp-block" add 203.0.113.9 \
			--list list-aa --why bench "${words[@]}"
		timed cli/why "$round" "$FP_BUILD/fp-block" why 203.0.113.9 \
			"${words[@]}"
		timed cli/del "$round" "$FP_BUILD/fp-block" del 203.0.113.9 \
			--list list-aa "${words[@]}"
	done
}

make_veths
"$FP_BUILD/bench/lists" "$entries" "$work"
if wants hot; then
	on_core "$FP_BUILD/bench/hot" "$(xdp_filter_prog)"
fi
if wants random; then
	for scenario in $scenarios; do
		on_core "$FP_BUILD/bench/random" "$scenario"
	done
fi
if wants load || wants cli; then
	make_node
fi
if wants load; then
	bench_load
fi
if wants cli; then
	bench_cli
fi
if wants pps; then
	make_rules
	on_core "$FP_BUILD/bench/pps" "$entries"
fi
bench_end
