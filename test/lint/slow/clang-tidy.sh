#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What clang-tidy finds in C that runs as a process; .clang-tidy says what it looks
# for.  Programs of tests and measurements end with what they hold: no leaks there.
# It takes minutes: `make lint` and `make check-full` run it.
cd "$(dirname "$0")/../../.." || exit 2

command -v clang-tidy >/dev/null ||
	{ echo "clang-tidy is not installed"; exit 77; }
# shellcheck disable=SC2016 # for the inner shell
find lib cmd test bench examples -name '*.c' ! -name '*.bpf.c' -print0 |
	xargs -0 -P "$(nproc)" -n 1 bash -c '
	checks=
	case $1 in
	test/* | bench/*) checks=-clang-analyzer-unix.Malloc ;;
	esac
	said=$(clang-tidy --quiet --checks="$checks" "$1" -- -std=gnu11 -D_GNU_SOURCE \
		-DFP_VERSION=\"\" -DFP_BPF_OBJECT=\"\" -Ilib -Ibpf -I. \
		-idirafter /usr/include/postgresql 2>/dev/null) ||
		{ echo "$said"; exit 1; }' bash
