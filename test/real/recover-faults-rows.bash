# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Of recover-faults.bash: what rows, far ends and another controller say.
# shellcheck disable=SC2154 # bats' variables

# One of them has a CSeq of a clock that was ahead: it waits, the others do not.
case_far_ends() {
	local cseq

	faulty 2
	calls 5 'bridge-silent bridge-c481 2001 bridge-c503 2001'
	rows_are 10
	fs_sql 'create table early as select uuid from recovery'
	calls 1
	rows_are 12
	crash 1
	cseq=$((($(date +%s) + 2208988800) / 2 % 2 ** 27 + 2))
	fs_sql "update recovery set metadata = regexp_replace(metadata,
		'<sip_cseq>[0-9]*<', '<sip_cseq>$cseq<')
		where uuid not in (select uuid from early)"
	tool 3 failover fs1 --to fs2 --prove 6s
	grep -c recovered "$BATS_TEST_TMPDIR/tool.out"
	said '1 calls wait for '
	[ "$(reinvites | awk -v c="$cseq" '$4 > c' | wc -l)" -ge 2 ]
	[ "$(reinvites | awk -v c="$cseq" '$4 <= c' | wc -l)" -ge 6 ]
	said silent
	said gone
	said 'the far end says 503'
	rows_are 6 "$(rows_of 2)"
	sessions_are 2 6
	all_hear 20
	# no partner is left in silence, none is told that lives
	same "$(pairs | wc -l)" 3
	same "$(held uac | wc -l)" 3
}

# While it proves it asks whose the job is.
case_taken_over() {
	faulty 2
	calls 1 bridge-silent
	rows_are 2
	crash 1
	begin failover fs1 --to fs2 --prove 30s
	begun
	fs_sql "update fp_stage_job set owner = 'another', epoch = epoch + 1"
	SECONDS=0
	ended 4
	[ "$SECONDS" -lt 10 ]
	said 'taken over by another'
}

# It is stopped with questions under way, and wakes after its end of waiting: another
# has brought up its calls, which it would end for what was true then.
case_woken_late() {
	local job

	up 2 sql_s=0.2
	export FP_STATE=$FS_DIR/state
	calls 6 'bridge-ok bridge-slow3'
	rows_are 12
	crash 1
	begin failover fs1 --to fs2 --prove 4s
	within 10 eval '[ "$(reinvites | wc -l)" -ge 9 ]'
	fs_freeze 2
	sleep 0.6 # it looks every 150 ms
	kill -s STOP "$tool_pid"
	fs_thaw 2
	job=$(open_job)
	# its lock is given up after 30 s: its sessions are gone at once here
	pg_sql "select pg_terminate_backend(pid) from pg_stat_activity
		where application_name like '%fp-recover%'" postgres >/dev/null
	FP_STATE=$FS_DIR/other "$FP_BUILD/fp-recover" resume "$job" \
		-C "$FS_DIR/cluster.ini"
	all_up 6
	kill -s CONT "$tool_pid"
	ended 4
	sleep 0.5 # a BYE would be on its way
	all_up 6
	once_each 12
	said "job $job is fp-recover"
	said 'nothing is done until the journal says'
}

# What cannot be read is said, and the others come up.
# One uuid has a newline, which no command can name; another is a long Call-ID
# (inbound-use-callid-as-uuid).
case_rows_broken() {
	local u long

	faulty 2
	calls 6
	rows_are 12
	pairs | cut -d ' ' -f 1 >"$BATS_TEST_TMPDIR/broken"
	fs_sql "update recovery set metadata = left(metadata, 900)
		where uuid = '$(sed -n 1p "$BATS_TEST_TMPDIR/broken")'"
	fs_sql "update recovery set metadata = repeat('<x>', 3500000)
		where uuid = '$(sed -n 2p "$BATS_TEST_TMPDIR/broken")'"
	fs_sql "update recovery set metadata = ''
		where uuid = '$(sed -n 3p "$BATS_TEST_TMPDIR/broken")'"
	u=$(sed -n 4p "$BATS_TEST_TMPDIR/broken")
	fs_sql "update recovery set uuid = E'\\n$u',
		metadata = replace(metadata, '>$u<', '>%0A$u<')
		where uuid = '$u'"
	u=$(sed -n 5p "$BATS_TEST_TMPDIR/broken")
	long=$(printf '%0200d' 0)-$u@127.0.0.1
	fs_sql "update recovery set metadata = replace(metadata, '$u', '$long');
		update recovery set uuid = '$long' where uuid = '$u'"
	crash 1
	tool 3 failover fs1 --to fs2 --orphans skip
	rows_are 4 "$(rows_of 2)"
	rows_are 8 "$(rows_of 1)"
	grep -q "^$long.*recovered" "$BATS_TEST_TMPDIR/tool.out"
	same "$(reinvites | wc -l)" 4
	no_bye
}
