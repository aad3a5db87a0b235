#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What cppcheck finds in C that runs as a process.  Programs of the kernel it does
# not parse (SEC, maps): clang and the verifier see to them.  Unit tests and fuzzers
# run under sanitizers, and their checks are macros that it does not follow.
cd "$(dirname "$0")/../.." || exit 2

command -v cppcheck >/dev/null || { echo "cppcheck is not installed"; exit 77; }
list=$(mktemp) || exit 2
trap 'rm -f "$list"' EXIT
find lib cmd test/prog test/lab bench examples -name '*.c' ! -name '*.bpf.c' \
	>"$list"

# Left out, each for its reason:
leave=(
	varFuncNullUB         # NULL ends fp_out_counts: POSIX has it as (void *)0
	autoVariables         # is_gone: who frees a thing in its own callback says so
	arrayIndexThenCheck   # "while (table[n].name && n < i)": the name is the bound
	comparePointers       # symbols of one .incbin: start and end
	memleakOnRealloc      # the old pointer stands in the caller's struct too
	invalidPointerCast:lib/cli/out.c         # a field is found by its offset
	invalidFunctionArgBool:lib/model/pattern.c   # memchr for true, in an array of bool
	arrayIndexOutOfBoundsCond:lib/control/source.c   # an address, not used then
	memleak:lib/db/journal.c   # the job has it, and locking_free frees it
	memleak:lib/node/receive.c   # "rc = r ? 0 : -ENOMEM": there is none then
	uninitvar:lib/peer/remote.c  # a text that a loop has ended
	legacyUninitvar:lib/peer/maps_ask.c   # the kernel fills these,
	uninitvar:test/prog/flood.c           # and these
)
cppcheck -q -j "$(nproc)" --std=c11 --error-exitcode=1 --inline-suppr \
	--enable=warning,performance,portability "${leave[@]/#/--suppress=}" \
	-Ilib -Ibpf -I. -D_GNU_SOURCE -DFP_VERSION='""' -DFP_BPF_OBJECT='""' \
	-D'LIBBPF_OPTS(type,name,...)=struct type name = { 0 }' \
	-D'bpf_object__for_each_program(program,object)=if (1)' \
	--template='{file}:{line}: {message} [{id}]' --file-list="$list" 2>&1
