# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# How tests say what they expected.
#
#   same GOT WANT
#   hints PATTERN     this glob somewhere on stderr, of run --separate-stderr
#   silent            nothing there
# shellcheck disable=SC2154 # bats' own variables

same() {
	[ "$1" = "$2" ] || {
		printf 'got:  %s\nwant: %s\n' "$1" "$2"
		return 1
	}
}

hints() {
	# shellcheck disable=SC2053 # a glob
	[[ $stderr == *$1* ]] || {
		printf 'no "%s" in: %s\n' "$1" "$stderr"
		return 1
	}
}

silent() { same "$stderr" ''; }
