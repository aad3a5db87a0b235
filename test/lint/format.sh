#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# C files look as .clang-format says; `make format` makes them so.
cd "$(dirname "$0")/../.." || exit 2

command -v clang-format >/dev/null ||
	{ echo "clang-format is not installed"; exit 77; }
find bpf lib cmd test bench examples -name '*.[ch]' -print0 2>/dev/null |
	xargs -0r clang-format --dry-run -Werror 2>&1 |
	sed -nE 's/^([^:]+:[0-9]+):[0-9]+: error:.*/\1/p' | sort -u -t: -k1,1 |
	{ ! grep . ; }
