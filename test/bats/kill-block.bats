#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-block killed at every system call from its first write on: no entry is
# lost, none invented, and the next writer leaves lists and tables in step.
# shellcheck disable=SC2154 # bats' own variables

bats_require_minimum_version 1.5.0

load block.bash

setup_file() { node_up; }
setup() {
	node_fresh
	command -v strace >/dev/null || skip 'strace is not installed'
	fp-block load feed - <<-'END' >/dev/null
		203.0.113.1 why=stays
		203.0.113.2
		2001:db8:a::/48 why="stays too"
	END
	fp-block add 198.51.100.1 --until 2099-01-01T00:00:00Z >/dev/null
}

entries() { fp-block list -o list,kind,prefix,until,why; }

# killed COMMAND...: $PWD/old and new are the entries before and after; what is
# in both stays blocked all the time.  A writer that changes nothing finishes
# what the killed one began; then the command does what it was to do.
killed() {
	entries >old
	cp -r "$lists" saved
	cat >before <<-END
		rm -rf "$lists" && cp -r "$PWD/saved" "$lists" || exit
		fp-block del 192.0.2.200 -q >/dev/null
	END
	cat >check <<-END
		cd "$PWD"
		entries() { fp-block list -o list,kind,prefix,until,why; }
		entries >now
		cmp -s now old || cmp -s now new ||
			{ echo 'neither old nor new:'; diff new now; exit 1; }
		fp-block test 203.0.113.1 2001:db8:a::1 198.51.100.1 || exit
		fp-block del 192.0.2.200 -q >/dev/null || exit
		fp-block verify || exit
		! ls "$lists" | grep tmp || exit
		entries | cmp - now || exit
		$(printf '%q ' "$@") >/dev/null || exit
		entries | cmp - new
	END
	"$@" >/dev/null
	entries >new
	run "$BATS_TEST_DIRNAME/../lab/killat.sh" -a -b "bash $PWD/before" \
		-c "bash $PWD/check" -s 'pwrite64|O_CREAT|^unlinkat' \
		kill -- "$@"
	echo "$output"
	[ "$status" = 0 ]
	[[ ${lines[-1]} =~ ^killed\ ([0-9]+)\ times\ at\ ([0-9]+)\ calls ]]
	[ "${BASH_REMATCH[1]}" -ge 10 ]
	[ "${BASH_REMATCH[2]}" -ge 30 ]
}

@test "add, to a list that is there" {
	killed fp-block add 203.0.113.7 203.0.113.8
}

@test "add, with a deadline, to a new list" {
	killed fp-block add 203.0.113.7 2001:db8:b::1 --list new \
		--until 2099-01-01T00:00:00Z
}

@test "del" {
	killed fp-block del 203.0.113.2 198.51.100.2
}

@test "load: a new list, with tables that grow" {
	awk 'BEGIN { for (i = 0; i < 16000; i++)
		printf "2001:db8:b:%x::/64\n198.18.%d.%d\n", i, i / 256, i % 256
		}' >file
	killed fp-block load new file
}

@test "load: a list that changes" {
	cat >file <<-'END'
		203.0.113.1 why=stays
		203.0.113.3
		2001:db8:a::/48 why="stays too"
		2001:db8:b::/48
		198.18.0.0/15
	END
	killed fp-block load feed file --override wide
}

@test "unload" {
	fp-block load gone - <<<203.0.113.9 >/dev/null
	killed fp-block unload gone
}

@test "sweep" {
	fp-block add 203.0.113.9 --list brief --until "$(in_seconds 1)" \
		>/dev/null
	sleep 3
	killed fp-block sweep
}
