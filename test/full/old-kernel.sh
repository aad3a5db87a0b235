#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The filter on an old kernel: boots it (machine.bash) with the tools, the kernel
# unit test and test/full/guest as its first process.
set -eu
cd "$(dirname "$0")/../.."
source test/full/machine.bash
build=${FP_BUILD:-$PWD/build}
cases='every_packet_of_the_corpus_gets_its_verdict
	the_kernel_ends_a_ban_by_itself an_unconfirmed_filter_stops_by_itself'

machine_needs setpriv
mkdir -p "$root"/{bin,etc,proc,sys,dev,run,tmp,fastpath/test}
add "$(command -v busybox)" "$(command -v bash)" "$(command -v ip)" \
	"$(command -v setpriv)" \
	"$build/fp-load" "$build/fp-block" "$build/test/unit/kernel_test"
module veth tcp_diag bonding 8021q bridge dummy
cp -r test/corpus "$root/fastpath/test/"
cp test/full/guest.bash "$root/fastpath/"
echo "$cases" >"$root/fastpath/cases"
cp test/full/guest "$root/init"
machine 480
