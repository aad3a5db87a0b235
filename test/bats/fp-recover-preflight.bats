#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-recover preflight: each condition by its name, a verdict a call, each node as if it
# died now.  Switches are the stand-in, or real ones (FS_KIND=real).
# shellcheck disable=SC2154 # bats' variables

bats_require_minimum_version 1.5.0

load ../lab/recover.bash

setup_file() {
	pg_up
	export PG_DIR PG_ADMIN PG_DB PG_HOST PG_PORT
}
setup() {
	cd "$BATS_TEST_TMPDIR"
	export FP_STATE=$PWD/state FP_CLUSTER=$PWD/lab/cluster.ini
	recover=$FP_BUILD/fp-recover
	mkdir "$FP_STATE"
}
teardown() { fs_down; }
teardown_file() { pg_down; }

# fpr STATUS ARG...
fpr() {
	local status=$1

	shift
	run --separate-stderr "-$status" "$recover" "$@"
}
# cond NODE NAME: "STATE|VALUE|RULE" of $output, a line each
cond() {
	awk -F '\t' -v n="$1" -v c="$2" '$1 == n && $2 == c {
		print $3 "|" $4 "|" $5 }' <<<"$output"
}
# is NODE NAME GLOB
is() {
	# shellcheck disable=SC2053 # a glob
	[[ $(cond "$1" "$2") == $3 ]] || {
		printf '%s %s is "%s", not "%s"\n%s\n' "$1" "$2" \
			"$(cond "$1" "$2")" "$3" "$output"
		return 1
	}
}
# lab NODES CALLS: held by way of fs1, with rows of all legs.
lab() {
	fs_up "$PWD/lab" "$1" sql_s=0.2
	calls "$2"
	rows_are $((2 * $2))
}

@test "a node that lives: as drain would judge; each call" {
	lab 3 2
	fpr 0 preflight fs1 --to fs2,fs3
	is fs1 alive 'ok|*'
	is fs2 ready 'ok|*'
	is fs2 store 'ok|PostgreSQL|-'
	is fs2 clock 'ok|*'
	is fs2 profile 'ok|internal|-'
	is fs1 capacity 'ok|4 legs, *'
	is fs1 lost 'ok|0 of 2 calls|-'
	fpr 0 preflight fs1 --to fs2 --json
	[ "$(grep -c '"type":"call"' <<<"$output")" = 2 ]
	fpr 0 preflight fs1 --to fs2 -o call,verdict
	[ "$(cut -f 2 <<<"$output" | sort -u)" = move ]
	fpr 0 preflight fs1
	is fs3 ready 'ok|*'
	[ "$(row_count)" = 4 ]
}

@test "a paused target is refused, and lifted" {
	lab 3 1
	esl 2 fsctl pause
	fpr 5 preflight fs1 --to fs2
	is fs2 ready 'refuse|paused|ready'
	[[ $stderr == *'refused by rule ready'* ]]
	fpr 0 preflight fs1 --to fs2 --override ready
	is fs2 ready 'warn|paused|-'
	fpr 0 preflight fs1 # others are there
	[ -z "$(cond fs2 ready)" ]
}

@test "a dead node: silence is no proof; --all: what would be saved" {
	lab 2 2
	fpr 0 preflight --all -o node,state,rows,calls,saved,lost,to
	[ "${lines[0]}" = $'fs1\tup\t4\t2\t2\t0\tfs2' ]
	[ "${lines[1]}" = $'fs2\tup\t0\t0\t0\t0\tfs1' ]
	fs_kill 1
	run --separate-stderr "$recover" preflight fs1 --to fs2
	is fs1 alive 'warn|silent|-'
	is fs2 version 'ok|*'
}

@test "a clone that answers under the dead node's name: its calls live" {
	local run

	fs_up "$PWD/lab" 3 sql_s=0.2
	fs_ctl 2 name=fs1
	calls 1
	FS_VIA=2 calls 1
	rows_are 4 "$(rows_of 1)"
	run=$(fs_run 2)
	fpr 5 failover fs1 --to fs3
	[[ $stderr == *'fs2: it calls itself fs1'*'alive'* ]]
	fs_kill 1
	fpr 0 list fs1 -o run,state
	grep -qx "$run	live" <<<"$output"
	fpr 5 preflight fs1 --to fs3
	is fs2 switchname 'refuse|fs1|alive'
	is fs1 lost 'ok|0 of 1 calls|-'
	fpr 5 failover fs1 --to fs3 --fence true
	[[ $stderr == *'fs2: switchname: fs1, it calls itself fs1'* ]]
	fpr 5 failover fs1 --to fs3 --fence true --override alive --run "$run"
	[[ $stderr == *"run $run answers at fs2"* ]]
	fpr 0 failover fs1 --to fs3 --fence true --override alive
	sessions_are 3 2
	[ "$(sessions 2)" = 2 ]
	[ "$(row_count "$(rows_of 3)")" = 2 ]
}
