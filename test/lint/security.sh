#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SECURITY.md: every claim names tests that there are, and files that there are.
#
#   - **C7** a claim ...            numbered without a gap
#     - `test/bats/x.bats`: title   of a @test; of a unit test the name of a case
#     - `test/fuzz/x_fuzz.c`        a fuzzer
cd "$(dirname "$0")/../.." || exit 2
page=${1:-SECURITY.md}
status=0 last=0 tests=1

say() {
	echo "$page: $*"
	status=1
}

# test_is FILE TITLE
test_is() {
	case $1 in
	test/bats/*.bats) grep -qF -- "@test \"$2\" {" "$1" ;;
	test/unit/*_test.c) grep -qx -- "TEST($2)" "$1" ;;
	test/fuzz/*_fuzz.c | test/lint/*.sh) [ -z "$2" ] ;;
	*) false ;;
	esac 2>/dev/null
}

claim='^- \*\*C([0-9]+)\*\* '
# shellcheck disable=SC2016 # backquotes of the page
shown='^  - `([^`]+)`(: (.*))?$'
while IFS= read -r line; do
	if [[ $line =~ $claim ]]; then
		[ $tests -gt 0 ] || say "C$last has no test"
		[ "${BASH_REMATCH[1]}" = $((last + 1)) ] ||
			say "C${BASH_REMATCH[1]} follows C$last"
		last=${BASH_REMATCH[1]} tests=0
	elif [[ $line =~ $shown ]]; then
		file=${BASH_REMATCH[1]} title=${BASH_REMATCH[3]}
		tests=$((tests + 1))
		test_is "$file" "$title" ||
			say "C$last: there is no \"$title\" in $file"
	fi
done <"$page"
[ $tests -gt 0 ] || say "C$last has no test"
[ "$last" -gt 0 ] || say 'no claims'

while read -r file; do
	[ -e "$file" ] || say "there is no $file"
done < <( # shellcheck disable=SC2016 # backquotes of the page
	grep -oE '`(lib|cmd|bpf|examples|test)/[^` ]+`' "$page" | tr -d '`' |
		sort -u)

# What exists for these claims alone is on the page.
while read -r title; do
	grep -qF -- "threats.bats\`: $title" "$page" ||
		say "no claim has \"$title\" of test/bats/threats.bats"
done < <(sed -n 's/^@test "\(.*\)" {.*/\1/p' test/bats/threats.bats)
exit $status
