# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What goes wrong while fp-recover failover brings calls up: cases for a real
# FreeSWITCH (FS_KIND=real) and its stand-in.  A call that could be had is up at the
# end, once, and no endpoint was told that it ended.
# shellcheck disable=SC2016,SC2034,SC2154 # for eval; bats' variables

source test/real/recover.bash
source test/real/recover-faults-rows.bash

faults_setup_file() {
	rec_setup_file
	[ -n "$FS_SKIP" ] || [ -x "$FP_BUILD/fp-recover" ] ||
		export FS_SKIP='fp-recover is not built'
}
faults_teardown() {
	[ -z "${FS_SKIP:-}" ] || return 0
	relay_down
	rec_teardown
	cat "$BATS_TEST_TMPDIR"/tool.out 2>/dev/null || :
}

# faulty N [OPTION...]: switches that take their time; fs1 is the one that dies.
faulty() {
	quick "$@"
	export FP_STATE=$FS_DIR/state
	mkdir -p "$FP_STATE"
}

# tool STATUS ARG...: fp-recover, and its status is that.
tool() {
	begin "${@:2}"
	ended "$1"
}
# begin ARG...: and it runs beside.
begin() {
	"$FP_BUILD/fp-recover" "$@" -C "$FS_DIR/cluster.ini" \
		>"$BATS_TEST_TMPDIR/tool.out" 2>&1 3>&- 4>&- &
	tool_pid=$!
}
# ended STATUS: what began.
ended() {
	local status=0

	wait "$tool_pid" || status=$?
	[ "$status" = "$1" ] || {
		echo "fp-recover: exit $status"
		return 1
	}
}
said() { # WORDS
	grep -qF -- "$1" "$BATS_TEST_TMPDIR/tool.out"
}
open_job() { "$FP_BUILD/fp-recover" jobs -C "$FS_DIR/cluster.ini" | cut -f 1; }
put() { row_count "profile_name like 'fp-%'"; }

# crash N: dead, and there again: the proof.
crash() {
	fs_kill "$1"
	fs_start "$1"
}
# begun [NODE...]: the first re-INVITEs of them are out.
begun() {
	local n

	for n in "${@:-2}"; do
		within 15 has_reinvite "$n"
	done
}
has_reinvite() { reinvites | grep -q "@$(fs_ip "$1")"; }

# all_up CALLS: of two legs each, in a bridge, each told once where to send, and rows
# of nobody else.
all_up() {
	no_bye
	are_held uac "$1"
	are_held uas "$1"
	rows_are $((2 * $1)) "profile_name = 'internal' and
		runtime_uuid in ($(living))"
	has_rows $((2 * $1))
	same "$(pairs | wc -l)" "$1"
	[ -z "$(open_job)" ]
	same "$(fs_sql "select count(*) from fp_stage
		where state not in ('proven', 'lost')")" 0
}
once_each() { # LEGS
	same "$(reinvites | awk '{ print $2 }' | sort | uniq -d)" ''
	same "$(reinvites | wc -l)" "$1"
}
living() { # Core-UUIDs as SQL has them
	local i

	for ((i = 1; i <= FS_NODES; i++)); do
		fs_is_gone "$i" || printf "'%s'," "$(fs_run "$i")"
	done
	echo "''"
}

# ---- a relay before a target's event socket, that can be cut

# relay_up NODE: fp-recover comes by way of port 9021.
relay_up() {
	relay_node=$1
	relay_on
	sed -i "s|fp_esl=$(fs_ip "$1"):8021|fp_esl=$(fs_ip "$1"):9021|" \
		"$FS_DIR/cluster.ini"
}
relay_on() {
	socat "TCP-LISTEN:9021,bind=$(fs_ip "$relay_node"),fork,reuseaddr" \
		"TCP:$(fs_ip "$relay_node"):8021" 3>&- 4>&- &
	relay_pid=$!
	disown
	within 5 relay_is_on
}
relay_is_on() { [ -n "$(ss -Hltn "src $(fs_ip "$relay_node"):9021")" ]; }
# relay_cut: connections end; new ones are taken.
relay_cut() {
	local pid

	for pid in $(ps -o pid= --ppid "$relay_pid"); do
		kill -s KILL "$pid"
	done
}
relay_down() {
	[ -n "${relay_pid:-}" ] || return 0
	relay_cut
	kill -s KILL "$relay_pid" 2>/dev/null || :
	relay_pid=''
}

# ---- the event socket

# It ends in the middle of a batch: nothing is asked for twice, nothing forgotten.
case_cut() {
	faulty 2 recover_ms=60
	relay_up 2
	calls 6
	rows_are 12
	crash 1
	begin failover fs1 --to fs2 --batch 4
	begun
	relay_cut
	within 10 eval '[ "$(reinvites | wc -l)" -ge 5 ]'
	relay_cut
	ended 0
	all_up 6
	once_each 12
}

# It is away for long: what was asked for is waited for, the rest goes elsewhere.
case_cut_long() {
	faulty 3 recover_ms=60
	relay_up 2
	calls 8
	rows_are 16
	crash 1
	begin failover fs1 --to fs2,fs3 --batch 4
	begun 2 3
	relay_down
	within 15 eval 'said "does not answer" || said "nothing came back"
		[ "$(reinvites | wc -l)" -ge 12 ]'
	relay_on
	ended 0
	all_up 8
	once_each 16
}

# ---- RTP ports

# All of the dead node's ports are held by live calls of the target.
case_ports() {

	faulty 2 --rtp 20000-20014
	calls 2
	FS_VIA=2 calls 2
	rows_are 8
	crash 1
	tool 0 failover fs1 --to fs2 --override ports
	rows_are 8 "$(rows_of 2)"
	same "$(variable local_media_port | sort | uniq -d)" ''
	no_bye
	all_hear 20
	once_each 4
}

# A new call gets a port of one that is about to come back: nothing can be done about
# it any more, and it is said.
case_port_meanwhile() {
	fs_is_real && skip 'FreeSWITCH is too quick for it'
	faulty 2 --rtp 20000-20003 recover_ms=1500
	calls 1
	rows_are 2
	crash 1
	begin failover fs1 --to fs2 --override ports
	within 5 eval '[ "$(put)" = 2 ]'
	FS_VIA=2 calls 1
	ended 0
	said 'a call that began meanwhile has RTP port 2000'
}

# ---- the old run

# It was frozen, and goes on when half is up; the command of --fence lied, and froze a
# target besides, which is the half that is not.
case_comes_back() {
	local n

	faulty 3
	calls 8
	rows_are 16
	fs_freeze 1
	begin failover fs1 --to fs2,fs3 --timeout 1s \
		--fence "kill -s STOP $(fs_pid 2)"
	begun 3
	within 5 eval '[ "$(reinvites | wc -l)" = 8 ]'
	fs_thaw 1
	within 10 said 'fs1: its run'
	fs_thaw 2
	ended 3
	n=$(reinvites | wc -l)
	[ "$n" -lt 16 ]
	same "$(put)" 0
	# it is asked before anything else
	tool 5 resume "$(open_job)"
	same "$(reinvites | wc -l)" "$n"
	crash 1
	tool 0 resume "$(open_job)"
	all_up 8
	once_each 16
}

# ---- a signal

case_interrupted() {
	faulty 2 recover_ms=100
	calls 6
	rows_are 12
	crash 1
	begin failover fs1 --to fs2 --batch 2
	begun
	kill -s INT "$tool_pid"
	ended 4 || ended 3
	[ "$(reinvites | wc -l)" -lt 12 ]
	same "$(put)" 0
	tool 0 resume "$(open_job)"
	all_up 6
	once_each 12
}

# ---- targets

# A leg whose port a stranger holds, beside a partner that is up: it gets another port,
# and they are bridged.
case_half() {
	local b port

	faulty 2
	calls 3
	rows_are 6
	b=$(pairs | head -n 1 | cut -d ' ' -f 2)
	port=$(variable local_media_port "uuid = '$b'")
	hold "$(fs_ip 2)" "$port"
	crash 1
	tool 0 failover fs1 --to fs2
	all_up 3
	once_each 6
	all_hear 20
}
# hold IP PORT: as a program without SO_REUSEADDR has it.
hold() {
	socat -u "UDP-RECV:$2,bind=$1,reuseaddr=0" /dev/null 3>&- 4>&- &
	disown
	within 5 is_held "$1" "$2"
}
is_held() { [ -n "$(ss -Hlun "src $1:$2")" ]; }

# The second leg of a bridge is launched long after the first, which has given up: both
# stay in CS_RESET, and uuid_bridge is what helps.
case_stuck() {
	local a b

	faulty 2
	calls 1
	rows_are 2
	read -r a b _ < <(pairs)
	fs_kill 1
	tick 2
	rehost 1 2 fp-1 "uuid = '$a'"
	rehost 1 2 fp-2 "uuid = '$b'"
	recovers 2 fp-1 1
	sleep 3
	recovers 2 fp-2 1
	reinvites_are 2
	sleep 3
	same "$(states 2)" '2 CS_RESET'
	esl 2 uuid_bridge "$a" "$b"
	within 5 eval '[ "$(states 2)" = \
		"1 CS_EXCHANGE_MEDIA, 1 CS_SOFT_EXECUTE" ]'
	no_bye
	all_hear 20
}
# And fp-recover does so (a real one has no knob for it).
case_stuck_cured() {
	faulty 2 recover_ms=2200
	calls 1
	rows_are 2
	crash 1
	tool 0 failover fs1 --to fs2
	all_up 1
	once_each 2
	all_hear 20
}

# It dies, and stays so: its calls go to the next when that is proven, else they wait.
case_target_dies() {
	faulty 3 recover_ms=100
	calls 6
	rows_are 12
	crash 1
	begin failover fs1 --to fs2,fs3 --batch 4 --fence 'echo off' \
		--fence-targets
	begun 2 3
	fs_kill 2
	ended 0
	# those that were proven at fs2 died with it
	tool 0 failover fs2 --to fs3 --fence 'echo off'
	all_up 6
}
case_target_dies_unproven() {
	faulty 2 recover_ms=200
	calls 3
	rows_are 6
	crash 1
	begin failover fs1 --to fs2 --prove 3s
	begun
	fs_kill 2
	ended 3
	said unknown
	fs_start 2
	tool 0 resume "$(open_job)"
	tool 0 failover fs2 --to fs2
	all_up 3
}

# It dies as soon as rows of what it recovered are there: they have bonds, and no leg
# that re-bridges (flag 4) yet.
case_target_dies_young() {
	faulty 3
	calls 3
	rows_are 6
	crash 1
	tool 0 failover fs1 --to fs2
	within 5 eval 'has_rows 6 "$(rows_of 2) and profile_name = '"'internal'"'"'
	fs_kill 2
	echo "with flag 4: $(row_count "metadata ~ '<flags>[^<]*;4=1[;<]'")"
	fs_sql "update recovery set metadata = regexp_replace(metadata,
		'(<flags>[^<]*);4=1', '\1')"
	fs_start 2
	tool 0 failover fs2 --to fs3
	all_up 3
	same "$(sessions 3)" 6
	all_hear 20
}

# Somebody takes its calls before the job goes on: nothing is up twice.
case_target_failed_over() {
	local job

	faulty 3 recover_ms=200
	calls 3
	rows_are 6
	crash 1
	begin failover fs1 --to fs2 --prove 3s
	begun
	fs_is_real || sleep 1 # its rows come
	fs_kill 2
	ended 3
	job=$(open_job)
	fs_start 2
	tool 0 failover fs2 --to fs3
	tool 0 resume "$job"
	all_up 3
	same "$(($(sessions 2) + $(sessions 3)))" 6
}

case_target_paused() {
	faulty 3 recover_ms=500
	calls 6
	rows_are 12
	crash 1
	begin failover fs1 --to fs2,fs3 --batch 2
	begun 2 3
	# between two batches: what a pause stops amid one is half up
	kill -s STOP "$tool_pid"
	within 5 are_whole 2
	! fs_is_real || sleep 0.5
	esl 2 fsctl pause
	kill -s CONT "$tool_pid"
	ended 0
	all_up 6
	once_each 12
}
# are_whole NODE: it has told both ends of each call that it began with.
are_whole() {
	(($(reinvites | grep -c "@$(fs_ip "$1")") % 2 == 0))
}

# Amid a call: that one waits for the pause's end, and no other does.
case_target_paused_amid() {
	fs_is_real && skip 'FreeSWITCH is too quick for it'
	faulty 3
	fs_ctl 2 recover_ms=3000
	calls 6
	rows_are 12
	crash 1
	begin failover fs1 --to fs2,fs3 --batch 2
	begun 2
	esl 2 fsctl pause
	fs_ctl 2 recover_ms=0
	ended 3
	said 'a part of it is up'
	esl 2 fsctl resume
	tool 0 resume "$(open_job)"
	all_up 6
	once_each 12
}

# It does not have the profile any more when it is asked.
case_profile() {
	faulty 3 recover_ms=100
	calls 6
	rows_are 12
	crash 1
	begin failover fs1 --to fs2,fs3 --batch 2
	begun 2 3
	if fs_is_real; then
		sed -i 's/"internal"/"other"/' "$FS_DIR/2/conf/freeswitch.xml"
		skip 'a profile that stops says BYE'
	fi
	# between two calls: of one that is half up nothing could be had
	kill -s STOP "$tool_pid"
	sleep 0.5
	fs_ctl 2 profile=other
	kill -s CONT "$tool_pid"
	ended 0
	same "$(fs_sql "select count(*) from recovery where profile_name <> 'internal'")" 0
	all_up 6
	once_each 12
}

# Two jobs to one target take turns.
case_two_jobs() {
	local first

	faulty 3
	calls 3
	FS_VIA=2 calls 3
	rows_are 12
	fs_kill 1
	crash 2
	fs_start 1
	begin failover fs1 --to fs3
	first=$tool_pid
	"$FP_BUILD/fp-recover" failover fs2 --to fs3 -C "$FS_DIR/cluster.ini" \
		>"$BATS_TEST_TMPDIR/other.out" 2>&1
	ended 0
	all_up 6
	once_each 12
	all_hear 20
}

# ---- databases

end_sessions() { # DATABASE
	pg_sql "select pg_terminate_backend(pid) from pg_stat_activity
		where application_name like 'fp-recover%'
		and datname = '$1'" postgres
}
# lost DATABASE: its sessions end in the middle; and then it goes on.
lost() {
	local job status=0

	faulty 2 recover_ms=60
	calls 6
	rows_are 12
	crash 1
	begin failover fs1 --to fs2 --batch 2
	begun
	end_sessions "$1"
	wait "$tool_pid" || status=$?
	job=$(open_job)
	[ "$status" = 0 ] || {
		[ "$status" = 4 ]
		tool 0 resume "$job"
	}
	all_up 6
	once_each 12
}
case_store_lost() { lost fscore; }
case_journal_lost() { lost fastpath; }
