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
	cd "$BATS_TEST_TMPDIR" || return
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
# lab NODES CALLS [OPTION...]: held by way of fs1, with rows of all legs.
lab() {
	fs_up "$PWD/lab" "$1" sql_s=0.2 "${@:3}"
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
	# room for one call of two: what is planned wants it for all
	esl 2 fsctl max_sessions 3
	fpr 5 preflight fs1 --to fs2
	is fs1 capacity 'refuse|4 legs, room for 3|capacity'
	esl 2 fsctl max_sessions 1000
	# without fp_db nobody keeps two apart
	is fs1 lock 'ok|*'
	sed '/^fp_db=/d' "$FP_CLUSTER" >cluster.ini
	fpr 5 preflight fs1 --to fs2 -C cluster.ini
	is fs1 lock 'refuse|no fp_db|lock'
	fpr 5 drain fs1 --to fs2 -n -C cluster.ini
	fpr 1 preflight --all -C cluster.ini -o node,calls,saved,lost,refusals
	[ "${lines[0]}" = $'fs1\t2\t0\t2\tlock' ]
	# a leg that nobody tracks would end
	fs_sql "delete from recovery where metadata like '%<direction>inbound%'"
	fpr 5 preflight fs1 --to fs2
	is fs1 lost 'refuse|0 of 2 calls, 2 legs without a row|lost'
	fpr 5 drain fs1 --to fs2 -n
	[[ $stderr == *'rule lost'* ]]
	fpr 1 drain fs1 --to fs2 -n --wait 1s
	fpr 5 drain fs1 --to fs2 -n --orphans skip --override capacity
	fs_sql 'delete from recovery'
	fpr 5 drain fs1 --to fs2 -n
}

@test "a paused target is refused, and lifted" {
	lab 3 1
	esl 2 fsctl pause
	fpr 5 preflight fs1 --to fs2
	is fs2 ready 'refuse|paused|ready'
	[[ $stderr == *'refused by rule ready'* ]]
	# it would recover nothing whatever is lifted: nothing is staged for it
	fpr 5 preflight fs1 --to fs2 --override ready
	is fs2 ready 'warn|paused|-'
	is fs1 place 'refuse|0 of 1 calls|ready'
	[[ $stderr == *'though lifted'* ]]
	fpr 0 preflight fs1 # others are there
	[ -z "$(cond fs2 ready)" ]
	esl 3 fsctl pause
	fpr 5 preflight fs1
	is fs3 ready 'refuse|paused|ready'
	fpr 5 drain fs1 --to auto -n
	[[ $stderr == *'no node can take calls: fs2'*'--override ready'* ]]
	fpr 1 preflight --all -o node,saved,lost,refusals
	[ "${lines[0]}" = $'fs1\t0\t1\tready' ]
}

@test "a dead node: silence is no proof; --all: what would be saved" {
	lab 2 2 --rtp 20000-23998
	fpr 0 preflight --all -o node,state,rows,calls,saved,lost,to
	[ "${lines[0]}" = $'fs1\tup\t4\t2\t2\t0\tfs2' ]
	[ "${lines[1]}" = $'fs2\tup\t0\t0\t0\t0\tfs1' ]
	# one range for all: no reason to lose calls, but one not to move them
	fpr 5 preflight fs1 --to fs2
	is fs2 ports 'refuse|20000-23998|ports'
	fs_kill 1
	fpr 5 preflight fs1 --to fs2
	is fs1 alive 'refuse|silent|alive'
	is fs1 old 'warn|not known since when|-'
	is fs2 ports 'warn|20000-23998|-'
	is fs2 version 'ok|*'
	fpr 5 failover fs1 --to fs2 -n
	[[ $stderr == *'nothing proves'*'rule alive'* ]]
	fpr 0 preflight fs1 --to fs2 --fence true
	is fs1 alive 'warn|silent|-'
	esl 2 fsctl max_sessions 3
	fpr 1 failover fs1 --to auto -n --fence true
	[[ $stderr == *'4 legs, room for 3'* ]]
	fpr 0 failover fs1 --to auto --run nosuch
	[[ $stderr == *'run nosuch has no rows'*'4 rows, and is not asked'* ]]
	fs_start 1
	fpr 1 failover fs1 --to auto -n
	fpr 0 preflight fs1
	is fs1 ports 'ok|20000-23998|-'
	fs_ctl 1 up_s=700 >/dev/null
	fpr 5 preflight fs1
	is fs1 old 'refuse|dead for 7*|old'
	fpr 0 list fs1 --run "$(fs_sql 'select distinct runtime_uuid
		from recovery')",nosuch -o verdict,words
	# too-young besides, within 2 s of the calls' beginning
	[[ ${lines[0]} == $'lost\t'*too-old ]]
	[[ $stderr == *'run nosuch has no rows'* ]]
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
