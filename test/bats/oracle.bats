#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a real Kamailio takes is never dropped as malformed: the corpus and
# 100,000 mutations of it, half of them the same in every run.

bats_require_minimum_version 1.5.0

setup_file() {
	[ "$(id -u)" = 0 ] || skip 'Kamailio runs in a network namespace: root'
	command -v kamailio >/dev/null || skip 'kamailio is not installed'
	export FP_BUILD=${FP_BUILD:-$PWD/build}
}

# ask MUTATIONS SEED: what Kamailio took is none of what the parser calls
# malformed.
ask() {
	echo "seed $2"
	test/lab/oracle.sh "$BATS_TEST_TMPDIR/out" "$1" "$2"
	[ "$(find "$BATS_TEST_TMPDIR/out/full" -type f | wc -l)" -ge 1000 ]
	[ "$(find "$BATS_TEST_TMPDIR/out/line" -type f | wc -l)" -ge 1000 ]
	find "$BATS_TEST_TMPDIR"/out/{full,line} -type f | sort |
		"$FP_BUILD/test/prog/judge"
}

@test "50,000 mutations, the same in every run" {
	ask 50000 5060
}

@test "50,000 mutations, others in every run" {
	ask 50000 "$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')"
}

@test "the judge says what is malformed, but for Kamailio's quirks" {
	cd "$BATS_TEST_TMPDIR"
	printf 'INVITE sip:a@example.net SIP/2.0\r\n\r\n' >good
	printf 'INVITE sip:a@example.net HTTP/1.1\r\n\r\n' >version
	printf 'INVITE a@example.net SIP/2.0\r\n\r\n' >scheme
	printf 'INV@TE sip:a@example.net SIP/2.0\r\n\r\n' >method
	printf 'INVITE sip\x1aa@example.net SIP/2.0\r\n\r\n' >sub
	printf '%s\n' good method sub | "$FP_BUILD/test/prog/judge"
	for bad in version scheme; do
		run -1 "$FP_BUILD/test/prog/judge" <<<$bad
		[[ $output == *"malformed: $bad: INVITE "*'1 judged, 1 wrong'* ]]
	done
	run -1 "$FP_BUILD/test/prog/judge" </dev/null
	run -2 "$FP_BUILD/test/prog/judge" <<<missing
}
