#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# make deps installs what is missing, starts no daemon, and needs no network
# when nothing is missing.  apt-get and dpkg-query are stand-ins here.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
	[ "$(id -u)" = 0 ] || skip 'only root installs'
	stubs=$BATS_TEST_TMPDIR/stubs log=$BATS_TEST_TMPDIR/log
	mkdir "$stubs"
	: >"$log"
	cat >"$stubs/dpkg-query" <<-'END'
		#!/bin/sh
		case $4 in
		here) echo installed ;;
		removed) echo config-files ;;
		*) exit 1 ;;
		esac
	END
	cat >"$stubs/apt-get" <<-END
		#!/bin/sh
		/usr/sbin/policy-rc.d x start; echo "\$? \$*" >>"$log"
		exit \${APT_STATUS:-0}
	END
	chmod +x "$stubs"/*
}

# Run test/deps where /usr/sbin is a directory of our own; what is in it
# afterwards is on stdout.  POLICY is what stood in policy-rc.d before.
deps() {
	# shellcheck disable=SC2016 # for the inner shell
	PATH=$stubs:$PATH unshare -m bash -c '
		mount -t tmpfs tmpfs /usr/sbin
		if [ -n "$POLICY" ]; then
			echo "$POLICY" >/usr/sbin/policy-rc.d
		fi
		test/deps "$@" || echo "status $?"
		find /usr/sbin -type f -printf "%f: " -exec cat {} \;' bash "$@"
}

@test "nothing missing: apt is not asked" {
	run -0 deps here here
	[ -z "$output" ]
	[ ! -s "$log" ]
}

@test "what is missing is installed, and daemons may not start" {
	run -0 deps here gone removed
	[ "$output" = 'installing: gone removed' ]
	[[ $(head -1 "$log") == '101 '*update ]]
	[[ $(tail -1 "$log") == '101 '*'install gone removed' ]]
}

@test "a policy that was there is put back, after a failure too" {
	POLICY='# mine' run -0 deps gone
	[ "${lines[-1]}" = 'policy-rc.d: # mine' ]
	POLICY='# mine' APT_STATUS=100 run -0 deps gone
	[ "${lines[-2]}" = 'status 100' ]
	[ "${lines[-1]}" = 'policy-rc.d: # mine' ]
}

@test "not root: says what is missing and goes on" {
	printf '#!/bin/sh\necho 65534\n' >"$stubs/id"
	chmod +x "$stubs/id"
	run -0 deps here gone
	[[ $output == *'only root with apt can change that: gone' ]]
	[ ! -s "$log" ]
}
