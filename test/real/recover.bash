# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What FreeSWITCH does with calls, rows and recoveries: cases for a real one
# (FS_KIND=real, of FP_FREESWITCH_PREFIX) and its stand-in (stand-in).  fp-recover is
# not in them: they say what it must reckon with.
# shellcheck disable=SC2016,SC2034,SC2119,SC2154 # bats' variables; for eval

source test/lab/recover.bash
# shellcheck source=test/bats/say.bash
source test/bats/say.bash

# rec_setup_file: what is missing is in $FS_SKIP: bats 1.8 takes a skip in setup_file
# for a failure.
rec_setup_file() {
	export FS_SKIP=''

	if [ "$(id -u)" != 0 ] || [ -z "${FP_TEST_BPFFS-}" ]; then
		FS_SKIP='needs root and test/run'
	elif [ "$FS_KIND" = real ] &&
		[ ! -x "${FP_FREESWITCH_PREFIX:-/nowhere}/bin/freeswitch" ]; then
		FS_SKIP='FP_FREESWITCH_PREFIX names no FreeSWITCH'
	else
		pg_up
	fi
}
rec_teardown_file() { [ -n "$FS_SKIP" ] || pg_down; }
rec_setup() { [ -z "${FS_SKIP:-}" ] || skip "$FS_SKIP"; }
rec_teardown() {
	[ -z "${FS_SKIP:-}" ] || return 0
	fs_down
	# what it was about, when it failed
	tail -n 15 "$BATS_TEST_TMPDIR"/lab/*/said 2>/dev/null || :
}

# up N [OPTION...]: of fs_up
up() { fs_up "$BATS_TEST_TMPDIR/lab" "$@"; }
# quick: a stand-in that writes sooner and gives up sooner.
quick() { up "$@" sql_s=0.2 sip_timeout_s=3; }

# tick NODE: CSeq is a clock of 2 s, and NODE's goes on.
tick() {
	if fs_is_real; then
		sleep 2
	else
		fs_ctl "$1" "clock_ms=$((4000 * $1))" >/dev/null
	fi
}

# rehost FROM TO TOKEN [WHERE]: rows of switch FROM as TO can take them, by token.
rehost() {
	fs_sql "update recovery set profile_name = '$3',
		metadata = regexp_replace(regexp_replace(metadata,
			'<(local_media_ip|advertised_media_ip)>[^<]*<',
			'<\\1>$(fs_ip "$2")<', 'g'),
			'<sip_recover_via>[^<]*</sip_recover_via>', '')
		where hostname = 'fs$1' ${4:+and $4}"
}
# recovers NODE TOKEN N: fsctl recover says so.
recovers() {
	[ "$(esl "$1" fsctl recover "sofia:$2")" = \
		"+OK $3 session(s) recovered in total" ]
}
states() { # NODE: how many legs are in which state
	local uuid

	for uuid in $(fs_sql "select uuid from recovery where $(rows_of "$1")"); do
		esl "$1" uuid_dump "$uuid" | sed -n 's/^Channel-State: //p'
	done | sort | uniq -c | awk '{ printf "%s%s %s", s, $1, $2; s = ", " }'
}
variable() { # VARIABLE [WHERE]: of rows, a line each
	fs_sql "select replace(replace(substring(metadata from '<$1>([^<]*)<'),
		'%40', '@'), '%3A', ':') from recovery ${2:+where $2} order by uuid"
}

# ---- rows

case_rows() {
	local before run

	up 2
	before=$(date +%s%N)
	calls 4 '2001 3000 3000 5000'
	rows_are 5
	# queued for a second
	[ $((($(date +%s%N) - before) / 1000000)) -ge 900 ]
	run=$(fs_run 1)
	same "$(fs_sql 'select distinct technology, profile_name, hostname,
		runtime_uuid from recovery')" "sofia|internal|fs1|$run"
	same "$(variable conference_name "metadata like '%<conference_name>%'")" \
		$'room3000\nroom3000'
	same "$(variable local_media_ip | sort -u)" 127.0.0.21
	same "$(pairs | wc -l)" 1
	# a hangup takes the rows of both legs away
	esl 1 uuid_kill "$(pairs | cut -d ' ' -f 1)"
	rows_are 3
	byes_are 2
	same "$(cdrs 1 | cut -d , -f 2 | sort)" $'"inbound"\n"outbound"'
	# a crash leaves them; the next run has another name and nothing else
	fs_kill 1
	fs_start 1
	same "$(row_count)" 3
	[ "$(fs_run 1)" != "$run" ]
	same "$(sessions 1)" 0
	same "$(fs_sql "select count(*) from channels where hostname = 'fs1'")" 0
	byes_are 2
}

# ---- as it should be done

case_token() {
	local cseq a b

	quick 2
	calls 5 '2001 2001 3000 3000 5000'
	rows_are 7
	fs_kill 1
	tick 2
	cseq=$(variable sip_cseq | sort -u)
	rehost 1 2 fp-1
	recovers 2 fp-1 7
	reinvites_are 7 127.0.0.22
	rows_are 7 "$(rows_of 2) and runtime_uuid = '$(fs_run 2)' and
		profile_name = 'internal'"
	within 5 eval '[ "$(states 2)" = \
		"2 CS_EXCHANGE_MEDIA, 3 CS_EXECUTE, 2 CS_SOFT_EXECUTE" ]'
	! grep -qxF -f <(variable sip_cseq) <<<"$cseq"
	same "$(variable dlg_req_swap_direction "metadata like
		'%<direction>inbound%'" | sort -u)" true
	no_bye
	all_hear 20
	# its calls end as calls do, at both ends
	read -r a b _ < <(pairs)
	poke bye uac "$(pairs | head -n 1 | cut -d ' ' -f 3)"
	byes_are 1
	rows_are 5
	same "$(cdrs 1)" ''
	same "$(cdrs 2 | grep -c 'rec=true')" 2
	same "$(esl 2 uuid_exists "$a")$(esl 2 uuid_exists "$b")" falsefalse
}

case_same_host() {
	quick 1
	calls 3 2001
	rows_are 6
	fs_kill 1
	fs_start 1
	calls 1 2001
	rows_are 8
	fs_sql "update recovery set profile_name = 'fp-2'
		where runtime_uuid <> '$(fs_run 1)'"
	recovers 1 fp-2 6
	reinvites_are 6 127.0.0.21
	rows_are 8 "runtime_uuid = '$(fs_run 1)'"
	all_hear 20
	no_bye
}

case_second_hop() {
	quick 3
	calls 3 '2001 3000 5000'
	rows_are 4
	fs_kill 1
	tick 2
	rehost 1 2 fp-1
	recovers 2 fp-1 4
	rows_are 4 "$(rows_of 2)"
	reinvites_are 4
	# a row says so a moment after its legs are bridged
	rows_are 1 "metadata ~ '<flags>[^<]*;4=1;'"
	tick 3
	fs_kill 2
	rehost 2 3 fp-2
	recovers 3 fp-2 4
	reinvites_are 4 127.0.0.23
	rows_are 4 "$(rows_of 3)"
	within 5 eval '[ "$(states 3)" = \
		"1 CS_EXCHANGE_MEDIA, 2 CS_EXECUTE, 1 CS_SOFT_EXECUTE" ]'
	all_hear 20
	no_bye
}

# ---- driven wrongly

# A plain recover on a shared table takes the live calls of other switches too.
case_steal() {
	quick 3
	calls 1 2001
	FS_VIA=3 calls 1 2001
	rows_are 4
	fs_kill 1
	tick 2
	rehost 1 2 internal
	rehost 3 2 internal
	same "$(esl 2 fsctl recover)" '+OK 4 session(s) recovered in total'
	reinvites_are 4 127.0.0.22
	rows_are 4 "$(rows_of 2)"
	# both have it; who was robbed hangs up, and the thief's rows go
	same "$(sessions 3)" 2
	esl 3 hupall
	byes_are 2
	rows_are 2
}

case_paused() {
	quick 2
	calls 1 2001
	rows_are 2
	fs_kill 1
	rehost 1 2 fp-1
	esl 2 fsctl pause
	recovers 2 fp-1 0
	same "$(row_count)" 0
	esl 2 fsctl resume
	recovers 2 fp-1 0
	same "$(reinvites)" ''
}

# An unknown profile: the row is gone and the session leaks, until it is killed.
case_leak() {
	local uuid

	quick 2
	calls 1 5000
	rows_are 1
	uuid=$(fs_sql 'select uuid from recovery')
	fs_sql 'create table kept as select * from recovery'
	fs_kill 1
	rehost 1 2 fp-1
	fs_sql "update recovery set metadata = replace(metadata,
		'<recovery_profile_name>internal', '<recovery_profile_name>nosuch')"
	recovers 2 fp-1 0
	same "$(row_count)" 0
	same "$(esl 2 uuid_exists "$uuid")" true
	[[ $(esl 2 show channels count) == *'0 total.'* ]]
	# it stands in the way of the next attempt
	fs_sql 'insert into recovery select * from kept'
	rehost 1 2 fp-2
	recovers 2 fp-2 0
	esl 2 uuid_kill "$uuid"
	fs_sql 'insert into recovery select * from kept'
	rehost 1 2 fp-3
	recovers 2 fp-3 1
	reinvites_are 1 127.0.0.22
}

# An address that is not its own: counted, and nothing is sent.
case_bind() {
	quick 2
	calls 1 5000
	rows_are 1
	fs_kill 1
	rehost 1 2 fp-1
	fs_sql "update recovery set metadata = regexp_replace(metadata,
		'<local_media_ip>[^<]*', '<local_media_ip>192.0.2.9')"
	recovers 2 fp-1 1
	sessions_are 2 0
	same "$(row_count)" 0
	same "$(reinvites)" ''
	no_bye
}

# Two calls on one port: both come up, nobody says a word, the later socket gets the
# packets, and a stranger hears them.
case_port_twice() {
	local a b port

	quick 2
	calls 1 2001
	FS_VIA=2 calls 1 2001
	rows_are 4
	fs_kill 1
	tick 2
	all_hear 20 "$(rows_of 2)"
	read -r a b _ < <(pairs "$(rows_of 2)")
	port=$(variable local_media_port "uuid = '$a'")
	rehost 1 2 fp-1
	fs_sql "update recovery set metadata = regexp_replace(metadata,
		'<local_media_port>[0-9]+', '<local_media_port>$port')
		where profile_name = 'fp-1' and metadata like '%>inbound<%'"
	recovers 2 fp-1 2
	reinvites_are 2 127.0.0.22
	within 5 eval '[ "$(states 2 2>/dev/null)" != "" ]'
	same "$(ss -Hlun "src 127.0.0.22:$port" | wc -l)" 2
	# the live call's caller is not heard by its own called one any more
	within 5 eval '[ "$(row_count "$(rows_of 2)")" = 4 ]'
	voice 20 "$(rows_of 2)" | awk -v a="$a" '$1 == a { n = $2 }
		END { exit n > 2 }'
}

# ---- far ends

# 481: that leg ends; its partner stays in CS_RESET until it is killed.
case_gone() {
	local a

	quick 2
	calls 1 bridge-c481
	rows_are 2
	a=$(pairs | cut -d ' ' -f 1)
	fs_kill 1
	tick 2
	rehost 1 2 fp-1
	recovers 2 fp-1 2
	rows_are 1 "$(rows_of 2)"
	same "$(states 2)" '1 CS_RESET'
	sleep 1
	same "$(states 2)" '1 CS_RESET'
	no_bye
	esl 2 uuid_kill "$a"
	byes_are 1
	rows_are 0
}

# A silent one: bridged all the same, and given up when SIP's timers have run out.
case_silent() {
	local cseq

	quick 2
	calls 1 bridge-silent
	rows_are 2
	cseq=$(variable sip_cseq "metadata like '%is_outbound%'")
	fs_kill 1
	tick 2
	rehost 1 2 fp-1
	recovers 2 fp-1 2
	rows_are 2 "$(rows_of 2)"
	within 5 eval '[ "$(states 2)" = "1 CS_EXCHANGE_MEDIA, 1 CS_SOFT_EXECUTE" ]'
	same "$(variable sip_cseq "metadata like '%is_outbound%'")" "$cseq"
	within 40 has_sessions 2 0
	within 5 eval 'cdrs 2 | grep -q RECOVERY_ON_TIMER_EXPIRE'
	rows_are 0
}

# A partner whose row is lost: the caller's leg dials again, the called one's ends.
case_orphans() {
	quick 2
	calls 2 2001
	rows_are 4
	fs_kill 1
	tick 2
	rehost 1 2 fp-1
	fs_sql "delete from recovery where uuid in (
		select uuid from recovery where metadata like '%is_outbound%'
		order by uuid limit 1)"
	fs_sql "delete from recovery where metadata like '%>inbound<%' and
		uuid in (select substring(metadata from '<signal_bond>([^<]*)')
			from recovery where metadata like '%is_outbound%')"
	fs_sql "update recovery set metadata = regexp_replace(metadata,
		'<signal_bond>[^<]*</signal_bond>', '')"
	recovers 2 fp-1 2
	reinvites_are 2
	byes_are 1
	within 5 eval 'byes | grep -q ^uas'
	within 5 are_held uac 2
	rows_are 2 "$(rows_of 2)"
}

# ---- one call of a live switch

# spoof NODE UUID...: a BYE as if of the far end of each; what is answered.
spoof() {
	local node=$1 uuid in from to

	shift
	for uuid; do
		in=$(fs_sql "select metadata like '%<direction>inbound%'
			from kept where uuid = '$uuid'")
		from=full_from to=full_to
		[ "$in" = t ] || from=full_to to=full_from
		fs_sql "select 'BYE sip:$(fs_ip "$node"):5060 SIP/2.0' || e'\\r\\n' ||
			'Via: SIP/2.0/UDP 127.0.3.9:5099;branch=z9hG4bK$uuid' ||
			e'\\r\\nMax-Forwards: 70\\r\\nFrom: ' ||
			substring(metadata from '<sip_$from>([^<]*)') ||
			e'\\r\\nTo: ' ||
			substring(metadata from '<sip_$to>([^<]*)') ||
			e'\\r\\nCall-ID: ' ||
			substring(metadata from '<sip_call_id>([^<]*)') ||
			e'\\r\\nCSeq: 900000000 BYE\\r\\nContent-Length: 0\\r\\n\\r\\n'
			from kept where uuid = '$uuid'" |
			python3 -c 'import sys, urllib.parse as u
sys.stdout.write(u.unquote(sys.stdin.read()).replace("\r\r", "\r"))' |
			socat -t 0.2 - "UDP:$(fs_ip "$node"):5060,bind=127.0.3.9:5099" |
			head -n 1 | tr -d '\r'
	done
}

case_take() {
	local a b

	quick 2
	calls 2 2001
	rows_are 4
	read -r a b _ < <(pairs)
	fs_sql "create table kept as select * from recovery
		where uuid in ('$a', '$b')"
	same "$(esl 1 uuid_setvar "$a" process_cdr false)" +OK
	same "$(esl 1 uuid_setvar "$b" process_cdr false)" +OK
	[[ $(esl 1 uuid_transfer "$a" -both park: inline) == +OK* ]]
	same "$(spoof 1 "$a" "$b" | sort -u)" 'SIP/2.0 200 OK'
	rows_are 2
	tick 2
	fs_sql 'insert into recovery select * from kept'
	rehost 1 2 fp-1 "uuid in ('$a', '$b')"
	recovers 2 fp-1 2
	reinvites_are 2 127.0.0.22
	rows_are 2 "$(rows_of 2)"
	rows_are 2 "$(rows_of 1)"
	no_bye
	all_hear 20
	esl 2 uuid_kill "$a"
	byes_are 2
	same "$(cdrs 1)" ''
	within 5 eval '[ "$(cdrs 2 | wc -l)" = 2 ]'
}
