#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# test/run counts what it ran, and nothing that goes wrong looks like a pass.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
	suite=$BATS_TEST_TMPDIR/suite.bats
}

# STATUS LAST_LINE: what test/run says of the suite on stdin.
counts() {
	sed 's/^CASE /@test /' >"$suite" # bats would take ours for its own
	run -"$1" env BATS_TEST_TIMEOUT="${limit:-60}" test/run "$suite"
	[ "${lines[-1]}" = "$2" ] || { echo "$output"; return 1; }
	[ "$(grep -cE '^[0-9]+ passed, ' <<<"$output")" = 1 ]
}

@test "passes, failures and skips are counted, failures shown" {
	counts 1 '2 passed, 1 failed, 1 skipped' <<-'END'
		CASE "one" { true; }
		CASE "two in 3ms" { true; }
		CASE "three" { echo the reason; false; }
		CASE "four" { skip "no such thing"; }
	END
	grep -q 'FAILED .*: three' <<<"$output"
	grep -q 'the reason' <<<"$output"
	grep -q 'skipped .*: four: no such thing' <<<"$output"
}

@test "no failure is exit status 0" {
	counts 0 '1 passed, 0 failed' <<-'END'
		CASE "one" { true; }
	END
}

@test "a setup_file that fails is a failure" {
	counts 1 '0 passed, 1 failed' <<-'END'
		setup_file() { false; }
		CASE "one" { true; }
	END
}

@test "a file that does not parse is a failure" {
	counts 1 '0 passed, 1 failed' <<-'END'
		CASE "one" {
			if
		}
	END
}

@test "a test that hangs is a failure" {
	limit=1 counts 1 '1 passed, 1 failed' <<-'END'
		CASE "hangs" { sleep 100; }
		CASE "goes on" { true; }
	END
}

@test "a file that hangs is a failure, and ends" {
	FP_PROGRAM_TIMEOUT=2 counts 1 '1 passed, 1 failed' <<-'END'
		teardown_file() { sleep 100; }
		CASE "one" { true; }
	END
}

@test "a test program that dies or hangs is a failure" {
	mkdir -p "$BATS_TEST_TMPDIR/test/unit"
	cat >"$BATS_TEST_TMPDIR/cases.c" <<-'END'
		#include "test/unit/unit.h"
		TEST(passes) { EQ(1, 1); }
		TEST(fails) { EQ(1, 2); }
		TEST(crashes) { raise(11); }
		TEST(skips) { SKIP("not here"); }
	END
	cc -include signal.h -D_GNU_SOURCE -I. \
		-o "$BATS_TEST_TMPDIR/test/unit/cases_test" \
		"$BATS_TEST_TMPDIR/cases.c"
	FP_BUILD=$BATS_TEST_TMPDIR run -1 test/run unit
	[ "${lines[-1]}" = '1 passed, 2 failed, 1 skipped' ]
	grep -q 'died of signal 11' <<<"$output"
	grep -q 'cases.c:3: 1 is 1, not 2' <<<"$output"
}

@test "what a test leaves running or mounted ends with its file" {
	[ "$(id -u)" = 0 ] || skip 'namespaces need root'
	counts 0 '1 passed, 0 failed' <<-END
		CASE "one" {
			sleep 98765 3>&- &
			ip netns add left
			touch "\$FP_TEST_BPFFS" "$BATS_TEST_TMPDIR/ran"
			mkdir "\$FP_TEST_BPFFS/left"
		}
	END
	[ -e "$BATS_TEST_TMPDIR/ran" ]
	run ! pgrep -f '^sleep 98765'
	run ! test -e /run/netns/left
}
