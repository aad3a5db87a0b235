#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# lib/ never exits, never prints, reads no environment and keeps no state of its
# own (lib/cli speaks to people and is free to, but for exiting: fp_cli_main, which
# is what main returns, may leave without destructors).
cd "$(dirname "$0")/../.." || exit 2
: "${FP_BUILD:=build}"
status=0

find_calls() { # PATTERN DIR...
	local pattern=$1

	shift
	grep -nE "(^|[^_[:alnum:]>.])($pattern)[[:space:]]*\(" -r \
		--include='*.c' "$@" && status=1
}

find_calls 'exit|abort|err|errx|quick_exit' lib
find_calls '_exit|printf|puts|putchar|perror|getenv|secure_getenv|warn|warnx' \
	lib/base lib/io lib/model lib/codec lib/peer lib/logic lib/node \
	lib/control lib/db lib/health lib/rehome lib/recover lib/verb

# What can change between calls: symbols in .data, .bss and their thread-local
# likes.  The clock is turned by tests, the log has a level; a write beside a
# table goes to fp_area_void, and libbpf hands its messages to a function without
# a context, which keeps them in fp_bpf_said until the call returns.
for o in "$FP_BUILD"/lib/*/*.o; do
	case $o in
	*/io/clock.o | */cli/log.o) continue ;;
	esac
	objdump -t "$o" | awk -v file="${o#"$FP_BUILD"/}" '
		$0 ~ /[[:space:]](\.data|\.bss|\.tdata|\.tbss|\*COM\*)[[:space:]]/ &&
		$0 !~ / d  / && $NF !~ /^(fp_area_void|fp_bpf_said)$/ &&
		$NF !~ /^(\.|__|_?\.?Lubsan|\.LASAN|_ZZ)/ {
			print file ": " $NF " can change"; bad = 1
		}
		END { exit bad }' || status=1
done
exit $status
