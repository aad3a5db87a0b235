#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Jobs of fp-recover: killed at each step and gone on with by another controller, two
# controllers at once, databases that go away; no call is lost that could be saved.
# Switches are the stand-in, or real ones (FS_KIND=real).
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
	mkdir "$FP_STATE" other
}
teardown() { fs_down; }
teardown_file() { pg_down; }

# fpr STATUS ARG...
fpr() {
	local status=$1

	shift
	run --separate-stderr "-$status" "$recover" "$@"
}
# Another controller: it has no copy of any job.
other() { FP_STATE=$PWD/other fpr "$@"; }

# lab NODES CALLS: held by way of fs1, with rows of all legs.
lab() {
	fs_up "$PWD/lab" "$1" sql_s=0.2
	calls "$2"
	rows_are $((2 * $2))
}
# crash N: as systemd has it: dead, and there again a while later.
crash() {
	fs_kill "$1"
	fs_start "$1"
}
# all_up N: calls, each of both legs, and nobody was told that it ended.
all_up() {
	no_bye
	are_held uac "$1"
	are_held uas "$1"
	rows_are $((2 * $1)) "profile_name = 'internal'"
	[ "$(row_count "uuid like 'fp:%'")" = 0 ]
}
open_job() { "$recover" jobs | cut -f 1; }
staged() {
	fs_sql "select count(*) from fp_stage s join fp_stage_job j using (job)
		where ended_at is null"
}

@test "killed at each step: another controller's resume brings all calls up" {
	local from=1 to=2 n total at job

	command -v strace >/dev/null || skip 'strace is not installed'
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	lab 2 2
	crash 1
	strace -f -o trace -e trace=sendto "$recover" failover fs1 --to fs2
	all_up 2
	total=$(grep -c 'sendto(' trace)
	[ "$total" -gt 40 ]
	# before a job, with one, rows taken, put, asked for, proven
	for at in 20 30 40 50 60 70; do
		from=$to to=$((3 - to))
		crash $from
		n=$((total * at / 100))
		strace -f -o killed -e trace=sendto \
			-e "inject=sendto:signal=KILL:when=$n" \
			"$recover" failover fs$from --to fs$to || :
		job=$(open_job)
		echo "at $n of $total: job ${job:-none}, $(staged) staged"
		[ -z "$job" ] || other 0 resume "$job"
		fpr 0 failover fs$from --to fs$to
		all_up 2
		fpr 0 failover fs$from --to fs$to --json
		[[ $output == *'"changed":false'* ]]
		[ -z "$(open_job)" ]
	done
}
