# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Jobs of fp-recover that end in the middle, and go on: cases for a real FreeSWITCH
# (FS_KIND=real) and its stand-in.  No call is lost that could be saved, and none comes
# up twice.
# shellcheck disable=SC2034,SC2154 # bats' variables, and those of what is loaded

source test/real/recover.bash

jobs_setup_file() {
	rec_setup_file
	[ -n "$FS_SKIP" ] || [ -x "$FP_BUILD/fp-recover" ] ||
		export FS_SKIP='fp-recover is not built'
}
jobs_setup() {
	rec_setup
	cd "$BATS_TEST_TMPDIR" || return
	export FP_STATE=$PWD/state FP_CLUSTER=$PWD/lab/cluster.ini
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 # strace
	recover=$FP_BUILD/fp-recover
	mkdir "$FP_STATE" other
}

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
	quick "$1" || return
	[ "$2" = 0 ] || calls "$2"
	rows_are $((2 * $2))
}
# crash N: as systemd has it: dead, and there again a while later.
crash() {
	fs_kill "$1"
	fs_start "$1"
}
# all_up N [NODE]: calls, each of both legs, and nobody was told that it ended.
all_up() {
	no_bye
	are_held uac "$1"
	are_held uas "$1"
	rows_are $((2 * $1)) "profile_name = 'internal'"
	[ "$(row_count "uuid like 'fp:%'")" = 0 ]
	[ -z "${2-}" ] || within 5 has_sessions "$2" $((2 * $1))
}
invited() { # N: re-INVITEs, and not one more
	[ "$(reinvites | awk "{ print \$1, \$2, \$4 }" | sort -u | wc -l)" = "$1" ]
}
open_job() { "$recover" jobs 2>/dev/null | cut -f 1; }
staged() {
	fs_sql "select count(*) from fp_stage s join fp_stage_job j using (job)
		where ended_at is null" 2>/dev/null || echo 0
}
is_done() { # nothing is left of any job
	[ -z "$(open_job)" ]
	[ "$(staged)" = 0 ]
}
again() { # ARG...: a second time it finds nothing to do
	fpr 0 "$@" --json
	[[ $output == *'"changed":false'* ]]
}
table() { # all of it
	fs_sql "select md5(string_agg(t::text, ' ' order by uuid)) from recovery t"
}

# begun ARG...: in the background; $first, first.err.
begun() {
	"$recover" "$@" >first.out 2>first.err 3>&- 4>&- &
	first=$!
}
has_put() {
	"$recover" jobs "$(open_job)" 2>/dev/null | grep -q '	put	'
}
# in_the_middle ARG...: one under way, whose calls are put.
in_the_middle() {
	begun "$@"
	within 8 has_put || { cat first.err; return 1; }
}
ended() { # STATUS: of begun
	local status=0

	wait "$first" || status=$?
	[ "$status" = "$1" ] || {
		echo "status $status"
		cat first.out first.err
		return 1
	}
}
# What puts a row waits as long, in its transaction.
stall() { # SECONDS
	fs_sql "create function stall() returns trigger language plpgsql as
		\$\$ begin
			if new.uuid like 'fp:%' then perform pg_sleep($1); end if;
			return new;
		end \$\$;
		create trigger stall before insert on recovery
			for each row execute function stall()" >/dev/null
}
is_stalled() {
	[ "$(fs_sql "select count(*) from pg_stat_activity
		where wait_event = 'PgSleep'")" = 1 ]
}
unstall() {
	fs_sql "select pg_terminate_backend(pid) from pg_stat_activity
		where wait_event = 'PgSleep'" >/dev/null
	fs_sql 'drop function stall() cascade' 2>/dev/null
}
kill_first() {
	kill -9 "$first"
	wait "$first" 2>/dev/null || :
}
# killed_taken ARG...: dies with its rows taken, before any is put.
killed_taken() {
	stall 20
	begun "$@"
	within 15 is_stalled || {
		cat first.out first.err
		return 1
	}
	kill_first
	unstall
	[ "$(row_count "uuid like 'fp:%'")" = 0 ]
}
# killed_put NODE ARG...: ... with all put at fsNODE, which was not asked, and is frozen.
killed_put() {
	local node=$1

	shift
	stall 0.2
	begun "$@"
	within 15 is_stalled || {
		cat first.out first.err
		return 1
	}
	fs_freeze "$node"
	within 10 has_put_rows
	sleep 0.3
	kill_first
	unstall
}
has_put_rows() { [ "$(row_count "uuid like 'fp:%'")" != 0 ]; }
# killed_asked NODE ARG...: ... which was asked, and brought them up.
killed_asked() {
	killed_put "$@"
	fs_thaw "$1"
	esl "$1" fsctl recover "sofia:$(fs_sql "select profile_name from recovery
		where uuid like 'fp:%' limit 1")"
}

# ---- killed

case_killed() {
	local from=1 to=2 n total at job

	command -v strace >/dev/null || skip 'strace is not installed'
	lab 2 2
	crash 1
	strace -f -o trace -e trace=sendto "$recover" failover fs1 --to fs2
	all_up 2
	total=$(grep -c 'sendto(' trace)
	[ "$total" -gt 40 ]
	# before a job, with one, rows taken, put, asked for, proven
	for at in 25 40 50 65; do
		from=$to to=$((3 - to))
		crash $from
		n=$((total * at / 100))
		{
			strace -f -o killed -e trace=sendto \
				-e "inject=sendto:signal=KILL:when=$n" \
				"$recover" failover fs$from --to fs$to
		} || :
		job=$(open_job)
		echo "at $n of $total: job ${job:-none}, $(staged) staged"
		[ -z "$job" ] || other 0 resume "$job"
		fpr 0 failover fs$from --to fs$to
		all_up 2 $to
		again failover fs$from --to fs$to
		is_done
	done
}

case_dry_run() {
	local before

	lab 2 2
	again failover fs1 --to fs2
	[[ $stderr == *'nothing is dead here: run '*', and its 4 rows are its own'* ]]
	crash 1
	before=$(table)
	fpr 2 failover fs1 --to fs2 --prove 25h
	[[ $stderr == *'--prove: at most 24h'* ]]
	fpr 1 failover fs1 --to fs2 --dry-run
	[ "$(table)" = "$before" ]
	is_done
	reinvites_are 0
	fpr 0 failover fs1 --to fs2
	all_up 2 2
	again failover fs1 --to fs2
	fpr 0 failover fs1 --to fs2 --dry-run
	again resume "$("$recover" jobs --all | head -n 1 | cut -f 1)"
	again abort "$("$recover" jobs --all | head -n 1 | cut -f 1)"
}

# ---- two

case_two() {
	quick 3
	calls 2 'bridge-ok bridge-silent'
	rows_are 4
	crash 1
	in_the_middle failover fs1 --to fs2 --prove 5s
	other 4 failover fs1 --to fs3
	[[ $stderr == *' is held by '* ]]
	fpr 4 resume "$(open_job)"
	fpr 4 abort "$(open_job)"
	ended 3
	within 5 invited 4
	# of the silent one
	byes_are 1
	are_held uac 1
	again failover fs1 --to fs3
	[[ $stderr == *"fs1: its last job was "*"(failover, done), of "* ]]
	[ "$(sessions 3)" = 0 ]
}

# One that was stopped wakes when another has gone on with its job.
case_woken() {
	local job

	quick 3
	calls 2 'bridge-ok bridge-silent'
	rows_are 4
	crash 1
	in_the_middle failover fs1 --to fs2 --prove 4s
	kill -STOP "$first"
	job=$(open_job)
	other 4 failover fs1 --to fs2
	# its lock is given up after 30 s: its sessions are gone at once here
	pg_sql "select pg_terminate_backend(pid) from pg_stat_activity
		where application_name like '%fp-recover%'" postgres >/dev/null
	other 3 resume "$job"
	kill -CONT "$first"
	ended 4
	[[ $(<first.err) == *"job $job is fp-recover"*"'s now (done)"* ]]
	[[ $(<first.err) != *"goes on with it"* ]]
	within 5 invited 4
	# of the silent one
	byes_are 1
	are_held uac 1
	is_done
}

# ---- abort

case_abort() {
	local before job

	lab 2 2
	crash 1
	before=$(table)
	killed_taken failover fs1 --to fs2
	job=$(open_job)
	fpr 1 abort "$job" --dry-run
	[ "$(staged)" = 4 ]
	other 0 abort "$job"
	[[ $stderr == *'4 rows are back'* ]]
	[ "$(table)" = "$before" ]
	again abort "$job"
	again resume "$job"
	is_done
	fpr 0 failover fs1 --to fs2
	all_up 2 2
	invited 4
}
case_abort_put() {
	local before job

	lab 2 2
	crash 1
	before=$(table)
	killed_put 2 failover fs1 --to fs2
	fs_thaw 2
	job=$(open_job)
	other 0 abort "$job"
	[[ $stderr == *'4 rows are back'* ]]
	[ "$(table)" = "$before" ]
	is_done
	# its target does not answer: it may go on with them
	killed_put 2 failover fs1 --to fs2
	job=$(open_job)
	other 0 abort "$job" --timeout 1s
	[[ $stderr == *'fs2 does not answer'*'stays staged'* ]]
	[[ $stderr == *'4 stay staged'* ]]
	fs_thaw 2
}
# What was asked for is up, and stays there.
case_abort_asked() {
	lab 2 2
	crash 1
	killed_asked 2 failover fs1 --to fs2
	other 0 abort "$(open_job)"
	[[ $stderr == *' 0 rows are back'* ]]
	all_up 2 2
	again failover fs1 --to fs2
	invited 4
}

# ---- what goes on

case_drain() {
	lab 2 2
	killed_taken drain fs1 --to fs2
	fs_is_gone 1
	fs_start 1
	# its rows are staged: failover finds them
	other 0 failover fs1 --to fs2
	[[ $stderr == *'(drain fs1)'* ]]
	all_up 2 2
	invited 4
	is_done
	again failover fs1 --to fs2
}
case_drain_resume() {
	lab 2 2
	killed_taken drain fs1 --to fs2
	fs_is_gone 1
	other 0 resume "$(open_job)"
	all_up 2 2
	invited 4
	is_done
}

# It had stopped new calls, and waited: they are let in again.
case_drain_paused() {
	lab 2 1
	# a leg without a row is waited for
	fs_sql 'delete from recovery where uuid = (select max(uuid) from recovery)'
	killed_waiting drain fs1 --to fs2 --wait 60s
	other 0 abort "$(open_job)"
	[[ $stderr == *'fs1 takes new calls again'* ]]
	! is_paused 1
	is_done
	killed_waiting drain fs1 --to fs2 --wait 60s
	other 5 resume "$(open_job)"
	[[ $stderr == *'rule lost'* ]]
	[[ $stderr == *'fs1 takes new calls again'* ]]
	! is_paused 1
	is_done
	no_bye
}
is_paused() { [[ $(esl "$1" fsctl pause_check inbound) == *true* ]]; }
is_waiting() {
	is_paused 1 && "$recover" jobs "$(open_job)" 2>/dev/null |
		grep -q '^node:fs1	paused'
}
killed_waiting() { # ARG...: dies when the node is paused
	begun "$@"
	within 10 is_waiting || {
		cat first.err
		return 1
	}
	kill_first
}

case_take() {
	local a

	lab 2 2
	a=$(pairs | head -n 1 | cut -d ' ' -f 1)
	killed_taken take "$a" --to fs2
	fpr 5 abort "$(open_job)"
	[[ $stderr == *'rule lost'* ]]
	other 0 resume "$(open_job)"
	reinvites_are 2 "$(fs_ip 2)"
	is_done
	sessions_are 2 2
	rows_are 2 "$(rows_of 2)"
	rows_are 2 "$(rows_of 1)"
	all_up 2
}
# ... and its node dies: the copies are all that is.
case_take_crash() {
	local a

	lab 2 2
	a=$(pairs | head -n 1 | cut -d ' ' -f 1)
	killed_taken take "$a" --to fs2
	fs_kill 1
	fpr 5 failover fs1 --to fs2
	[[ $stderr == *'rule alive'* ]]
	fs_start 1
	fpr 0 failover fs1 --to fs2
	all_up 2 2
	invited 4
	is_done
	again failover fs1 --to fs2
}
# ... or its rows are there still.
case_take_crash_early() {
	local a end

	lab 2 2
	a=$(pairs | head -n 1 | cut -d ' ' -f 1)
	begun take "$a" --to fs2
	end=$((SECONDS + 10))
	until [ "$(staged)" = 2 ]; do
		# it may be done before it is seen
		[ $SECONDS -lt $end ] || skip 'the take was too fast to be killed'
	done
	fs_freeze 1
	kill_first
	fs_kill 1
	fs_start 1
	other 0 resume "$(open_job)"
	is_done
	fpr 0 failover fs1 --to fs2
	all_up 2 2
	invited 4
	again failover fs1 --to fs2
}

# Two runs are dead, and one is asked for.
case_crash_twice() {
	local was

	lab 2 1
	was=$(fs_run 1)
	crash 1
	calls 1
	rows_are 4
	crash 1
	fpr 5 failover fs1 --to fs2 --run "$(fs_run 1)"
	[[ $stderr == *'rule alive'* ]]
	fpr 0 failover fs1 --to fs2 --run "$was"
	invited 2
	rows_are 2 "$(rows_of 2)"
	rows_are 2 "$(rows_of 1)"
	again failover fs1 --to fs2 --run "$was"
	run --separate-stderr "$recover" failover fs1 --to auto; echo "$status $output $stderr"; rows; [ "$status" = 0 ]
	all_up 2
	invited 4
}
case_crash_twice_at_once() {
	local was now_s

	lab 2 1
	was=$(fs_run 1)
	crash 1
	calls 1
	rows_are 4
	crash 1
	# the first had ended when the second began a call, long ago
	fs_sql "create table kept as select * from recovery"
	now_s=$(date +%s)
	fs_sql "update recovery set metadata = regexp_replace(metadata,
		'<created_time>[0-9]*', '<created_time>' || case runtime_uuid
		when '$was' then $((now_s - 3000)) else $((now_s - 2000)) end
		|| '000000')"
	fpr 1 failover fs1 --to fs2 --dry-run
	[ "$(grep -c too-old <<<"$output")" = 1 ]
	[[ $output == *too-old*"$was"* ]]
	fpr 1 failover fs1 --to fs2 --dry-run --override old
	[[ $output != *too-old* ]]
	fs_sql "truncate recovery; insert into recovery select * from kept"
	fpr 0 failover fs1 --to fs2
	all_up 2 2
	invited 4
	again failover fs1 --to fs2
}

# The controller and its target die: the target's failover is asked for first.
case_target_dies() {
	lab 3 2
	crash 1
	killed_asked 2 failover fs1 --to fs2
	rows_are 4 "$(rows_of 2) and profile_name = 'internal'"
	crash 2
	other 0 failover fs2 --to fs3
	[[ $stderr == *'(failover fs1)'* ]]
	all_up 2
	is_done
	echo "$output $stderr"; "$recover" jobs --all; fs_sql "select job,uuid,state,target,token,hostname from fp_stage"; rows
	again failover fs2 --to fs3
	again failover fs1 --to fs3
	all_up 2
	# each leg once more, at one node
	[ $(($(sessions 2) + $(sessions 3))) = 4 ]
	invited 8
}

# --to names others than the job had: what the first was asked for is looked at there.
case_other_target() {
	lab 3 2
	crash 1
	killed_asked 2 failover fs1 --to fs2
	other 0 failover fs1 --to fs3
	all_up 2 2
	invited 4
	is_done
}
# ... and when it is dead, they come up at those that are ready.
case_auto() {
	lab 3 2
	crash 1
	killed_put 2 failover fs1 --to fs2
	fs_kill 2
	other 0 failover fs1 --to auto --fence true
	all_up 2
	invited 4
	is_done
}

# ---- fencing

# It takes connections and says nothing: the command is asked, and ends it.
case_frozen() {
	lab 2 1
	fs_freeze 1
	fpr 0 fence fs1 --fence 'echo it is off' --timeout 1s
	[[ $output == *'it is off'* ]]
	[ "$(row_count "$(rows_of 1)")" = 2 ]
	fpr 0 failover fs1 --to fs2 --timeout 1s \
		--fence "kill -9 $(fs_pid 1) && touch killed"
	[ -e killed ]
	all_up 1 2
	invited 2
	is_done
}

# ---- waiting

case_wait() {
	lab 2 2
	fs_kill 1
	fpr 5 failover fs1 --to fs2 --wait 1s
	[[ $stderr == *'rule alive'* ]]
	[ "$(row_count "$(rows_of 1)")" = 4 ]
	begun failover fs1 --to auto --wait 20s
	within 5 grep -q 'waiting for its restart' first.err
	fs_start 1
	ended 0
	# a real one may answer before it is ready
	if grep -q 'its calls come back to it' first.err; then
		all_up 2 1
	else
		fs_is_real && all_up 2 2
	fi
	is_done
}
