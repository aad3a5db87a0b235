#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 2

command -v shellcheck >/dev/null ||
	{ echo "shellcheck is not installed"; exit 77; }
# Shell by name or by first line; build directories and git's are not ours.
find . -name .git -prune -o -name 'build*' -prune -o -type f -print |
	while read -r f; do
		case $f in
		*.bats | *.sh | *.bash) echo "$f" ;;
		*) ! head -c 64 "$f" | head -1 | tr -d '\0' |
			grep -qE '^#!.*/(ba)?sh( |$)' || echo "$f" ;;
		esac
	done | xargs -r -n 8 -P 2 shellcheck -x -S warning
