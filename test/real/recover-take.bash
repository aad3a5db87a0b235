# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Calls leave a FreeSWITCH that lives, by fp-recover take and drain: cases for a real
# one (FS_KIND=real) and its stand-in.  No endpoint ever gets a BYE, and each leg is
# billed once.
# shellcheck disable=SC2034,SC2154 # bats' variables, and those of what is loaded

source test/real/recover.bash

take_setup_file() {
	rec_setup_file
	[ -n "$FS_SKIP" ] || [ -x "$FP_BUILD/fp-recover" ] ||
		export FS_SKIP='fp-recover is not built'
}
# take_up: two switches.
take_up() {
	quick 2
	export FP_STATE=$FS_DIR/state
	mkdir -p "$FP_STATE"
}

# tool ARG...: fp-recover; its status and its lines.
tool() {
	run --separate-stderr "$FP_BUILD/fp-recover" "$@" \
		-C "$FS_DIR/cluster.ini" --prove 8s
	echo "$output"
	echo "$stderr"
}
# a NODE: the A legs of bridged calls there.
a_legs() { pairs "$(rows_of "$1")" | cut -d' ' -f1; }
b_of() { pairs "$(rows_of "$1")" | awk -v a="$2" '$1 == a { print $2 }'; }
exists() { [ "$(esl "$1" uuid_exists "$2")" = true ]; } # NODE UUID
var() { esl "$1" uuid_getvar "$2" "$3"; }             # NODE UUID NAME
singles() {                                           # NODE APP
	fs_sql "select uuid from recovery where hostname = 'fs$1'
		and metadata like '%<current_application>$2<%' order by 1"
}
# tamper UUID [CALL-ID]: its dialog, as its row has it; what it was.
tamper() {
	fs_sql "select substring(metadata from '<sip_call_id>([^<]*)')
		from recovery where uuid = '$1'"
	fs_sql "update recovery set metadata = regexp_replace(metadata,
		'<sip_call_id>[^<]*', '<sip_call_id>$2') where uuid = '$1'" \
		>/dev/null
}
# as_it_was UUID: bridged, billed, and nothing of it is staged.
as_it_was() {
	[ "$(var 1 "$1" signal_bond)" != _undef_ ]
	[ "$(var 1 "$1" process_cdr)" = _undef_ ]
	[ "$(fs_sql "select count(*) from fp_stage where uuid = '$1'")" = 0 ]
}

# ---- take

case_take_bridge() {
	local a b other

	take_up
	calls 2
	rows_are 4 "$(rows_of 1)"
	read -r a other < <(a_legs 1 | paste -sd ' ')
	b=$(b_of 1 "$a")
	tool take "$a" --to fs2 --dry-run
	[ "$status" = 1 ]
	[ "$(row_count "$(rows_of 1)")" = 4 ]
	[ "$(var 1 "$a" process_cdr)" = _undef_ ]

	tool take "$a" --to fs2
	[ "$status" = 0 ]
	[[ $output == *recovered* ]]
	reinvites_are 2 "$(fs_ip 2)"
	exists 2 "$a"
	exists 2 "$b"
	exists 1 "$other"
	! exists 1 "$a"
	rows_are 2 "$(rows_of 2)"
	has_rows 2 "$(rows_of 1)"
	[ "$(var 2 "$a" process_cdr)" = _undef_ ]
	no_bye

	tool take "$a" --to fs2
	[ "$status" = 0 ]
	[[ $stderr == *'nothing to do'* ]]

	# back, as a call that was recovered before
	tick 1
	tool take "$b" --to fs1
	[ "$status" = 0 ]
	reinvites_are 2 "$(fs_ip 1)"
	no_bye
	esl 1 uuid_kill "$a"
	esl 1 uuid_kill "$other"
	sessions_are 1 0
	[ "$(cdrs 2 | wc -l)" = 0 ]
	within 5 eval '[ "$(cdrs 1 | wc -l)" = 4 ]'
	[ "$(cdrs 1 | cut -d, -f1 | sort -u | wc -l)" = 4 ]
}

# It is stopped just before its first step at the node; another ends its job, and the
# call stays where it is.
case_take_woken() {
	local a b job taker status=0

	take_up
	calls 1
	rows_are 2 "$(rows_of 1)"
	a=$(a_legs 1)
	b=$(b_of 1 "$a")
	pg_sql "create function stall() returns trigger language plpgsql as
		\$\$ begin
			if new.item = 'empty' then perform pg_sleep(1); end if;
			return new;
		end \$\$;
		create trigger stall before insert on fastpath.journal
			for each row execute function stall()" >/dev/null
	"$FP_BUILD/fp-recover" take "$a" --to fs2 -C "$FS_DIR/cluster.ini" \
		>"$BATS_TEST_TMPDIR/woken" 2>&1 3>&- 4>&- &
	taker=$!
	within 10 eval '[ "$(pg_sql "select count(*) from pg_stat_activity
		where wait_event = \$\$PgSleep\$\$")" = 1 ]'
	kill -s STOP "$taker"
	within 5 eval '[ "$(pg_sql "select count(*) from fastpath.journal
		where item = \$\$empty\$\$")" = 1 ]'
	pg_sql 'drop function stall() cascade' >/dev/null
	# its lock is given up after 30 s: its sessions are gone at once here
	pg_sql "select pg_terminate_backend(pid) from pg_stat_activity
		where application_name like '%fp-recover%'" postgres >/dev/null
	job=$(pg_sql 'select id from fastpath.job')
	FP_STATE=$FS_DIR/other "$FP_BUILD/fp-recover" abort "$job" \
		-C "$FS_DIR/cluster.ini"
	sleep 2 # what it was told is old
	kill -s CONT "$taker"
	status=0
	wait "$taker" || status=$?
	cat "$BATS_TEST_TMPDIR/woken"
	[ "$status" = 4 ]
	grep -q "job $job " "$BATS_TEST_TMPDIR/woken"
	exists 1 "$a" && exists 1 "$b"
	as_it_was "$a"
	are_held uac 1 && are_held uas 1
	reinvites_are 0
	no_bye
}

case_take_room() {
	local a b

	take_up
	calls 2 3000
	calls 1 9196
	rows_are 3 "$(rows_of 1)"
	read -r a b < <(singles 1 conference | paste -sd ' ')
	tool take "$a" --to fs2
	[ "$status" = 2 ]
	[[ $stderr == *'--room'* && $stderr == *'--member'* ]]
	tool take "$a" --to fs2 --room
	[ "$status" = 0 ]
	exists 2 "$a"
	exists 2 "$b"
	tool take "$(singles 1 echo)" --to fs2
	[ "$status" = 0 ]
	sessions_are 1 0
	reinvites_are 3 "$(fs_ip 2)"
	no_bye
	[ "$(cdrs 1 | wc -l)" = 0 ]
}

# The first BYE is refused: nothing has happened.
case_take_first_refused() {
	local a b

	take_up
	calls 1
	rows_are 2 "$(rows_of 1)"
	a=$(a_legs 1) b=$(b_of 1 "$(a_legs 1)")
	tamper "$b" bogus
	tool take "$a" --to fs2
	[ "$status" = 5 ]
	[[ $stderr == *'refused a BYE in the name of the far end: 481'* ]]
	exists 1 "$b"
	as_it_was "$a"
	as_it_was "$b"
	has_rows 0 "$(rows_of 2)"
	reinvites_are 0
	no_bye
}

# The second is: the first leg comes back where it was.
case_take_second_refused() {
	local a b was

	take_up
	calls 1
	rows_are 2 "$(rows_of 1)"
	a=$(a_legs 1) b=$(b_of 1 "$(a_legs 1)")
	was=$(tamper "$a" bogus)
	tool take "$a" --to fs2
	[ "$status" = 5 ]
	[[ $stderr == *'bringing back'* ]]
	exists 1 "$a"
	exists 1 "$b"
	reinvites_are 1 "$(fs_ip 1)"
	as_it_was "$a"
	as_it_was "$b"
	no_bye
	# and then it goes
	rows_are 2 "$(rows_of 1)"
	tamper "$a" "$was" >/dev/null
	tick 2
	tool take "$a" --to fs2
	[ "$status" = 0 ]
	reinvites_are 2 "$(fs_ip 2)"
	no_bye
}

case_take_words() {
	take_up
	tool take nosuch --to fs2
	[ "$status" = 2 ]
	[[ $stderr == *'nosuch: no node has such a call'* ]]
	tool take 'a b' --to fs2
	[ "$status" = 2 ]
	[[ $stderr == *'not the UUID of a leg'* ]]
	tool take x --to fs1,fs2
	[ "$status" = 2 ]
	tool take x --to auto
	[ "$status" = 2 ]
	tool take x --to fs2 --room --member
	[ "$status" = 2 ]
	fs_freeze 1
	tool take nosuch --to fs2 --timeout 1s
	fs_thaw 1
	[ "$status" = 4 ]
}

# ---- drain

case_drain() {
	local run

	take_up
	calls 3
	calls 2 3000
	calls 1 9196
	rows_are 9 "$(rows_of 1)"
	run=$(fs_run 1)
	tool drain fs1 --to fs1
	[ "$status" = 2 ]
	tool drain fs1 --to fs2 --dry-run
	[ "$status" = 1 ]
	[ "$(fs_run 1)" = "$run" ]
	[ "$(esl 1 fsctl pause_check inbound)" = false ]

	tool drain fs1 --to fs2
	[ "$status" = 0 ]
	[[ $stderr == *'fs1 is empty'* ]]
	[[ $stderr == *'not in maintenance'* ]]
	fs_is_gone 1
	reinvites_are 9 "$(fs_ip 2)"
	sessions_are 2 9
	rows_are 9 "$(rows_of 2)"
	has_rows 0 "$(rows_of 1)"
	no_bye
	[ "$(cdrs 1 | wc -l)" = 0 ]

	fs_start 1
	tool drain fs1 --to fs2
	[ "$status" = 0 ]
	[[ $stderr == *'fs1 is empty'* ]]
	[ -n "$(fs_run 1)" ]
}

# A row that is not there would be a call that is lost: it is as it was.
case_drain_lost() {
	local run a

	take_up
	calls 1
	calls 1 9196
	rows_are 3 "$(rows_of 1)"
	run=$(fs_run 1)
	a=$(singles 1 echo)
	fs_sql "delete from recovery where uuid = '$a'"
	tool drain fs1 --to fs2 --wait 1s
	[ "$status" = 5 ]
	[[ $stderr == *'rule lost'* ]]
	[[ $stderr == *"$a has no recovery row"* ]]
	[ "$(fs_run 1)" = "$run" ]
	[ "$(esl 1 fsctl pause_check inbound)" = false ]
	has_rows 2 "$(rows_of 1)"
	reinvites_are 0
	# nor does the row of another, there twice, stand for it
	fs_sql "insert into recovery select * from recovery
		where uuid = '$(a_legs 1)'"
	has_rows 3 "$(rows_of 1)"
	tool drain fs1 --to fs2 --wait 1s
	[ "$status" = 5 ]
	[[ $stderr == *"$a has no recovery row"* ]]
	[ "$(fs_run 1)" = "$run" ]
	# it waits for the end of that one
	(
		sleep 2
		esl 1 uuid_kill "$a"
	) 3>&- 4>&- &
	tool drain fs1 --to fs2 --wait 20s
	[ "$status" = 0 ]
	reinvites_are 2 "$(fs_ip 2)"
	[ "$(byes | wc -l)" = 1 ]
}
