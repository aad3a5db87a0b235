# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The examples of manual pages, for the tests that run them.

# examples PAGE: what it tells a reader to type, NUL after each: the literal blocks
# and runs of .Dl under EXAMPLES and INCIDENT RUNBOOK, and those elsewhere that have
# a command of ours at the start of a line.
examples() {
	awk '
		function done() {
			if (text != "" && (is_ours || is_typed))
				printf "%s%c", text, 0
			text = ""
			is_in = is_typed = 0
		}
		function line(s) {
			gsub(/\\e/, "\\", s)
			gsub(/\\&/, "", s)
			text = text s "\n"
			if (s ~ /^(.*\| )?fp-[a-z]+ / && s !~ /-->/)
				is_typed = 1
		}
		/^\.Dl / { line(substr($0, 5)); next }
		!is_in { done() }
		/^\.Sh / { is_ours = / (EXAMPLES|INCIDENT RUNBOOK)$/ }
		/^\.Ed/ { done() }
		is_in { line($0) }
		/^\.Bd -literal/ { is_in = 1 }
		END { done() }' "$BATS_TEST_DIRNAME/../../man/$1"
}

# commands FILE: those that a page of text shows, indented by four, without comments.
commands() {
	sed -n 's/  *# .*//; s/^    \(fp-[a-z]* .*\)/\1/p' \
		"$BATS_TEST_DIRNAME/../../$1"
}
