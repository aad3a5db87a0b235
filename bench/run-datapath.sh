#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make bench BENCH=datapath
set -eu
cd "$(dirname "$0")/.."
if [ -z "${BENCH_INSIDE:-}" ]; then
	BENCH_INSIDE=1 exec unshare --mount --net --fork --kill-child "$0"
fi
work=$(mktemp -d /var/tmp/fastpath-bench.XXXXXX)
trap 'rm -rf "$work"' EXIT
mount -t bpf bpf /sys/fs/bpf
mkdir /sys/fs/bpf/bench
export BENCH_BPFFS=/sys/fs/bpf/bench BENCH_STATE=$work
export ROUNDS=${ROUNDS:-7}
ip link set lo up
ip link add tx0 type veth peer name rx0
ip link set tx0 up; ip link set rx0 up
xdp-filter load -m native -p allow -f ipv4 rx0
id=$(ip -d link show rx0 | sed -n 's/.*prog\/xdp id \([0-9]*\) .*/\1/p')
${RUN:-taskset -c 1 $FP_BUILD/bench/hot $id}
