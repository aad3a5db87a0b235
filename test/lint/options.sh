#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A tool's options and verbs are those of its manual page.
cd "$(dirname "$0")/../.." || exit 2
: "${FP_BUILD:=build}"
status=0 seen=0

say() {
	echo "$*"
	status=1
}

# The man page says ".Fl Fl dry-run" for an option, ".Cm add" for a verb.
in_page() {
	grep -oE 'Fl Fl [a-z0-9-]+' "$1" | sed 's/Fl Fl /--/' | sort -u
}

for tool in "$FP_BUILD"/fp-*; do
	[ -x "$tool" ] || continue
	seen=1
	name=${tool##*/} page=man/${tool##*/}.8
	[ -f "$page" ] || { say "$name has no $page"; continue; }
	table=$("$tool" --dump-options) || say "$name --dump-options: $?"
	options=$(awk -F'\t' '$2 != "-" { print $2 }' <<<"$table" | sort -u)
	while read -r o; do
		say "$name takes $o, which $page does not name"
	done < <(comm -23 <(echo "$options") <(in_page "$page"))
	while read -r o; do
		say "$page names $o, which $name does not take"
	done < <(comm -13 <(echo "$options") <(in_page "$page"))
	while read -r letter option; do
		grep -qE "Fl $letter\b.*Fl Fl ${option#--}\b" "$page" ||
			say "$page does not say -$letter beside $option"
	done < <(awk -F'\t' '$3 != "-" { print $3, $2 }' <<<"$table" | sort -u)
	while read -r verb; do
		grep -qE "^\.(It )?Cm $verb\b" "$page" ||
			say "$page does not name the verb $verb"
	done < <(awk -F'\t' '$2 == "-" { print $1 }' <<<"$table")
done
[ $seen = 1 ] || { echo "no tool is built"; exit 77; }
exit $status
