#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shell by name or by first line.  Tests source the same long files in each of
# their functions, and following them there takes four times as long as all the
# rest: they are read alone.
cd "$(dirname "$0")/../.." || exit 2

command -v shellcheck >/dev/null ||
	{ echo "shellcheck is not installed"; exit 77; }

# Build directories and git's are not ours.
shell_files() {
	local f

	find . -name .git -prune -o -name 'build*' -prune -o -type f -print |
		while read -r f; do
			case $f in
			*.bats | *.sh | *.bash) echo "$f" ;;
			*) ! head -c 64 "$f" | head -1 | tr -d '\0' |
				grep -qE '^#!.*/(ba)?sh( |$)' || echo "$f" ;;
			esac
		done
}

files=$(shell_files)
check() { xargs -r -n 8 -P "$(nproc)" shellcheck -S warning "$@"; }
status=0
grep -v '\.bats$' <<<"$files" | check -x || status=1
grep '\.bats$' <<<"$files" | check || status=1
exit $status
