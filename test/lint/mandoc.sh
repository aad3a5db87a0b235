#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Manual pages are well-formed, and tools' pages have what all of them promise.
cd "$(dirname "$0")/../.." || exit 2
shopt -s nullglob
pages=(man/*.[1-9])
status=0

command -v mandoc >/dev/null || { echo "mandoc is not installed"; exit 77; }
[ ${#pages[@]} -gt 0 ] || { echo "no manual pages"; exit 77; }
mandoc -T lint -W warning "${pages[@]}" || status=1
for page in man/*.8; do
	for section in 'EXIT STATUS' EXAMPLES; do
		awk -v want="$section" '
			/^\.Sh / { name = substr($0, 5); gsub(/"/, "", name) }
			name == want && !/^\.(Sh|\\")/ { found = 1 }
			END { exit !found }' "$page" ||
			{ echo "$page: nothing under $section"; status=1; }
	done
done
exit $status
