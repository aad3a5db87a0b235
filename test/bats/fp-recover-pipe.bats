#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-health watch --json | fp-recover failover -: a node that dies, that comes back as
# another run, that is in maintenance, full, or the same run again; lines that are no
# records; signals.  Switches are the stand-in, with calls through them.
# shellcheck disable=SC2154 # bats' variables

bats_require_minimum_version 1.5.0

load ../lab/recover.bash

setup_file() {
	pg_up
	export PG_DIR PG_ADMIN PG_DB PG_HOST PG_PORT
}
setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export FP_STATE=$PWD/state FP_CLUSTER=$PWD/lab/cluster.ini
	mkdir "$FP_STATE"
	others=()
}
teardown() {
	local pid

	for pid in "${others[@]}"; do
		kill -s KILL "$pid" 2>/dev/null || :
	done
	fs_down
}
teardown_file() { pg_down; }

# lab NODES CALLS: held by way of fs1, with rows of all legs.
lab() {
	fs_up "$PWD/lab" "$1" sql_s=0.2
	[ "$2" = 0 ] || {
		calls "$2"
		rows_are $((2 * $2))
	}
}
# mover ARG...: fp-recover failover - reads from descriptor 9, which we write.
mover() {
	rm -f to
	mkfifo to
	"$FP_BUILD/fp-recover" failover - --to auto --prove 3s -t 1s "$@" \
		<to >out 2>err 3>&- 4>&- &
	pid=$!
	others+=("$pid")
	exec 9>to
	said 'FreeSWITCH nodes are watched'
}
# piped ARG...: fed by fp-health watch; all nodes were seen.
piped() {
	mover "$@"
	"$FP_BUILD/fp-health" watch --json --only esl --interval 200ms -t 600ms \
		--fall 1 --rise 1 >records 2>watch.err 3>&- 4>&- 9>&- &
	others+=($!)
	tail -n +1 -f records >&9 2>/dev/null 3>&- 4>&- &
	others+=($!)
	exec 9>&-
	within 10 seen_all
}
seen_all() {
	[ "$(grep -c '"check":"esl"' records)" -ge "$FS_NODES" ]
}
# said TEXT: on stderr, within 15 s.
said() {
	within 15 grep -qF -- "$1" err || {
		cat err
		return 1
	}
}
# tell NODE STATE: a transition of its event socket
tell() {
	printf '{"type":"transition","at":"2026-01-01T00:00:00Z","node":"%s",%s}\n' \
		"$1" "\"check\":\"esl\",\"from\":\"OK\",\"to\":\"$2\",\"detail\":\"told\"" >&9
}
# ends STATUS: it ended so.
ends() {
	local got=0

	within 20 is_gone || {
		cat err
		return 1
	}
	wait "$pid" || got=$?
	[ "$got" = "$1" ] || {
		echo "exit status $got"
		cat err
		return 1
	}
}
is_gone() { ! grep -q '^State:[[:space:]]*[^ZX]' "/proc/$pid/status" 2>/dev/null; }
# all_up N: calls, each of both legs, and nobody was told that it ended.
all_up() {
	no_bye
	are_held uac "$1"
	are_held uas "$1"
	rows_are $((2 * $1)) "profile_name = 'internal'"
}

@test "a node is killed; the next crashes and is there again at once" {
	lab 3 3
	piped --fence 'echo "$FP_NODE" >>fenced'
	fs_kill 1
	said 'fs1: failover is done'
	[ "$(cat fenced)" = fs1 ]
	[ "$(grep -c 'fs1: its event socket is CRITICAL.*: failover$' err)" = 1 ]
	all_up 3
	[ "$(grep -c $'\trecovered\t' out)" = 3 ]
	[ "$(row_count "$(rows_of 1)")" = 0 ]
	fs_start 1
	said 'fs1: it is another run'
	at=2
	[ "$(row_count "$(rows_of 2)")" != 0 ] || at=3
	fs_kill $at
	fs_start $at
	said "fs$at: failover is done"
	all_up 3
	[ "$(wc -l <fenced)" -le 2 ]
	kill -s TERM "$pid"
	ends 0
}

@test "without proof it is refused and said; the restart is proof, and in time" {
	lab 2 2
	piped
	fs_kill 1
	said 'fs1: failover ended with exit status 5: it was refused'
	[[ $(<err) == *'--fence COMMAND'* ]]
	[ "$(row_count "$(rows_of 1)")" = 4 ]
	fs_start 1
	said 'fs1: failover is done'
	[ "$(grep -c 'fs1: it is another run: failover$' err)" = 1 ]
	all_up 2
	kill -s TERM "$pid"
	ends 3
}

@test "two at once: one after the other, none forgotten" {
	lab 3 2
	FS_VIA=2 calls 2
	rows_are 8
	piped --fence true
	fs_kill 1
	fs_kill 2
	said 'fs1: failover is done'
	said 'fs2: failover is done'
	all_up 4
	[ "$(row_count "$(rows_of 3)")" = 8 ]
	awk '/: failover$/ { if (++open > 1) exit 1; n++ }
		/failover is done$/ { open-- }
		END { exit n != 2 }' err
}

@test "in maintenance, full, the same run again: left alone, and said" {
	lab 3 2
	"$FP_BUILD/fp-health" maintain fs1 --for 1h --why upgrade --quiet
	piped --fence true
	fs_kill 1
	FS_VIA=2 calls 1
	fs_ctl 2 max_sessions=2
	within 10 grep -q 'fs2: its event socket is CRITICAL: .*answers as the run that it was: left alone' err || {
		cat records err
		return 1
	}
	fs_ctl 2 max_sessions=5000
	# a stall, and over before anybody asked
	mover --fence true
	tell fs3 CRITICAL
	said 'fs3: its event socket is CRITICAL: told; it answers as the run that it was: left alone'
	tell fs1 CRITICAL
	said 'fs1: its event socket is CRITICAL: told; it is in maintenance: left alone'
	exec 9>&-
	ends 0
	[ "$(row_count "$(rows_of 1)")" = 4 ]
	[ "$(reinvites | wc -l)" = 0 ]
}

@test "lines that are no records have numbers; the end of stdin ends it" {
	lab 2 1
	mover --fence true
	{
		echo 'garbage'
		echo '{"type":"alive","at":"2026-01-01T00:00:00Z"}'
		echo '{"type":"transition","node":"fs1"}'
		head -c 1000000 /dev/zero | tr '\0' 'x'
		echo
		echo '{"type":"transition","node":"nosuch","check":"esl","to":"CRITICAL"}'
		echo '[1]'
		printf '\001\033[2J\n'
	} >&9
	fs_kill 1
	tell fs1 CRITICAL
	printf '{"type":"transition","no' >&9
	exec 9>&-
	ends 0
	for n in 1 3 4 6 7 9; do
		grep -q "stdin, line $n: no record, passed over: " err
	done
	[ "$(grep -c 'stdin, line' err)" = 6 ]
	grep -q 'line 4: .*longer than 65536 bytes' err
	[ "$(tr -d '\n -~' <err)" = '' ]
	all_up 1
	[ "$(grep -c $'\trecovered\t' out)" = 1 ]
}

@test "told to end: after the job in hand, and what was not begun is exit 3" {
	lab 3 2
	FS_VIA=2 calls 1
	rows_are 6
	mover --fence 'echo "$FP_NODE" >>fenced; sleep 1'
	fs_kill 1
	fs_kill 2
	tell fs1 CRITICAL
	tell fs2 CRITICAL
	within 10 test -s fenced
	kill -s TERM "$pid"
	ends 3
	[ "$(cat fenced)" = fs1 ]
	[ "$(row_count "$(rows_of 2)")" = 2 ]
	no_bye
	cat err
	[ "$(row_count "$(rows_of 3) and profile_name = 'internal'")" = 4 ] ||
		grep -q 'fp-recover resume' err
}

@test "words that are wrong are said before anything is read" {
	lab 1 0
	run -2 --separate-stderr "$FP_BUILD/fp-recover" failover - </dev/null
	[[ $stderr == *'which nodes get the calls?'* ]]
	run -2 --separate-stderr "$FP_BUILD/fp-recover" failover - --to fs9 \
		</dev/null
	[[ $stderr == *'--to: fs9: no such node'* ]]
	run -2 --separate-stderr "$FP_BUILD/fp-recover" failover - --to auto \
		--run x </dev/null
	[[ $stderr == *'--run and --from-db'* ]]
	run -0 --separate-stderr "$FP_BUILD/fp-recover" failover - --to auto \
		</dev/null
	sed -i '/^fp_db=/d' "$FP_CLUSTER"
	run -5 --separate-stderr "$FP_BUILD/fp-recover" failover - --to auto \
		</dev/null
	[[ $stderr == *'has no fp_db'*'--override lock'* ]]
}
