#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# No number loses bits unsaid where bytes from outside are read: lib/codec, and
# bpf/ for both its targets.  Signs too in lib/codec; functions of a BPF program
# return int, whatever it stands for.
cd "$(dirname "$0")/../.." || exit 2
status=0

check() { # COMPILER FLAG|FILE...
	local cc=$1

	shift
	"$cc" -std=gnu11 -D_GNU_SOURCE -Ilib -Ibpf -I. -fsyntax-only -Werror \
		-Wconversion "$@" || status=1
}

for cc in gcc clang; do
	command -v $cc >/dev/null || { echo "$cc is not installed"; exit 77; }
	check $cc -Wsign-conversion lib/codec/*.c
	for header in fp_sip.h fp_maps.h; do
		check $cc -Wno-sign-conversion -xc - <<<"#include \"$header\""
	done
done
for f in bpf/*.bpf.c; do
	check clang -Wno-sign-conversion -target bpf -O2 -mcpu=v3 \
		-idirafter "/usr/include/$(uname -m)-linux-gnu" "$f"
done
exit $status
