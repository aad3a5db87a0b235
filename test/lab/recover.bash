# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# FreeSWITCH nodes with real calls through them and their rows in a real PostgreSQL,
# for tests of fp-recover: the stand-in (test/fake/freeswitch; FS_KIND=stand-in), or
# real ones of FP_FREESWITCH_PREFIX (FS_KIND=real).  The functions are the same for
# both.  In a network namespace of the test's own: all is on loopback.
#   switch N   fsN on 127.0.0.2N: SIP udp 5060, ESL 8021; files in DIR/N
#   RTP        16384 + 4000*N to + 3998, unless --rtp says otherwise
#   database   fscore: role freeswitch writes, role recover is fp-recover's
#   callers    127.0.3.1, called 127.0.3.2 (FS_NET: another 127.0.3): SIPp with
#              test/lab/sipp; by way of FS_PROXY, an ADDRESS:PORT, when there is one
# The dialplan: 2xxx and bridge-USER to the called; 3xxx a conference; 5000 park;
# 9196 echo; 9100 playback.
# shellcheck disable=SC2034,SC2119

FS_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
FS_ROOT=$(cd "$FS_SOURCE/../.." && pwd)
# shellcheck source=test/lab/postgres.sh
source "$FS_SOURCE/postgres.sh"
# shellcheck source=test/lab/recover-calls.bash
source "$FS_SOURCE/recover-calls.bash"

fs_is_real() { [ "${FS_KIND:-stand-in}" = real ]; }

# within SECONDS COMMAND...: until it is so.
within() {
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || {
			echo "never so: $*"
			return 1
		}
		sleep 0.05
	done
}

# fs_up DIR N [OPTION...] [KEY=VALUE...]: PostgreSQL unless it runs (pg_up in
# setup_file saves 2 s a test), an empty fscore and fp_db, N switches that answer,
# who is called, and DIR/cluster.ini.  Options:
#   --rtp FIRST-LAST   the same range for all
#   --robust           rtp-port-usage-robustness
#   --cold             no switch is started: fs_start N
# KEY=VALUE: settings of the stand-in (switch.py); a real one has none of them.
fs_up() {
	local i

	FS_DIR=$1 FS_NODES=$2
	shift 2
	FS_RTP='' FS_ROBUST='' FS_SETTINGS=''
	FS_NET=${FS_NET:-127.0.3}
	FS_CALLED=${FS_PROXY:-$FS_NET.2:5060}
	local is_cold=''
	while [ $# -gt 0 ]; do
		case $1 in
		--rtp) FS_RTP=$2 && shift ;;
		--robust) FS_ROBUST=yes ;;
		--cold) is_cold=yes ;;
		*=*) FS_SETTINGS+=" $1" ;;
		*) echo "fs_up: no option $1" && return 1 ;;
		esac
		shift
	done
	mkdir -p "$FS_DIR/sipp"
	: >"$FS_DIR/sipp/uac.log"
	: >"$FS_DIR/sipp/uas.log"
	[ -n "${PG_DIR-}" ] || pg_up || return
	fs_database || return
	fs_cluster
	fs_save
	[ -n "$is_cold" ] || for ((i = 1; i <= FS_NODES; i++)); do
		fs_begin $i || return
	done
	fs_uas
	[ -n "$is_cold" ] || for ((i = 1; i <= FS_NODES; i++)); do
		within 20 fs_is_up $i || return
	done
}

# What another process of a test has to know: "fs_load DIR".
fs_save() {
	{
		declare -p "${!FS_@}" | grep -v -e FS_SOURCE -e FS_ROOT \
			-e FS_KIND
	} | sed 's/^declare --/declare -g/' >"$FS_DIR/lab.env"
}
fs_load() { # DIR
	# shellcheck disable=SC1091 # written by fs_save
	source "$1/lab.env"
}

fs_down() {
	local pid

	[ -n "${FS_DIR:-}" ] || return 0
	for pid in "$FS_DIR"/[1-9]/fs.pid "$FS_DIR"/sipp/*.pid; do
		[ -e "$pid" ] || continue
		kill -s CONT "$(<"$pid")" 2>/dev/null || :
		kill -s KILL "$(<"$pid")" 2>/dev/null || :
	done
}

# ---- the database

# fs_conninfo [ROLE]: libpq's.
fs_conninfo() { pg_conninfo "${1:-freeswitch}" fscore; }

# Made once in a server's life, and emptied from then on.
fs_database() {
	local password

	export PGOPTIONS='-c client_min_messages=warning'
	[ ! -e "$PG_DIR/fscore" ] || {
		fs_empty
		return
	}
	password=$(<"$PG_DIR/password")
	pg_sql "create role freeswitch login password '$password';
		create role recover login password '$password'
			in role freeswitch, pg_signal_backend" postgres &&
		pg_sql 'create database fscore owner freeswitch' postgres &&
		pg_sql 'grant create on database fscore to recover;
			alter schema public owner to freeswitch' fscore || return
	: >"$PG_DIR/fscore"
	# real ones look for it, and make it, one by one
	[ -z "${FS_SCHEMA_BY_HAND-}" ] || return 0
	[ ! -x "$FP_BUILD/fp-health" ] ||
		"$FP_BUILD/fp-health" setup --quiet --admin "$PG_ADMIN" \
			-C /dev/null >/dev/null 2>&1 &&
		pg_sql 'grant fastpath to ctl, ctl2'
}
fs_empty() {
	pg_sql "select pg_terminate_backend(pid, 5000) from pg_stat_activity
			where backend_type = 'client backend'
			and pid <> pg_backend_pid();
		\connect fscore
		drop schema public cascade;
		create schema public authorization freeswitch;
		grant usage on schema public to public;
		\connect fastpath
		do \$\$ begin
			if to_regnamespace('fastpath') is not null then
				truncate fastpath.job, fastpath.journal,
					fastpath.maintenance, fastpath.lease;
			end if;
		end \$\$" postgres >/dev/null
}

# fs_sql SQL: of fscore, as its superuser.
fs_sql() { pg_sql "$1" fscore; }

# rows [WHERE]: HOST|PROFILE|RUN|UUID of table recovery, run and uuid shortened.
rows() {
	fs_sql "select hostname, profile_name, left(runtime_uuid,8), uuid
		from recovery ${1:+where $1} order by 1, 4"
}
row_count() { # [WHERE]
	fs_sql "select count(*) from recovery ${1:+where $1}"
}
has_rows() { [ "$(row_count "${2-}")" = "$1" ]; }
# rows_are N [WHERE]: within 10 s.
rows_are() { within 10 has_rows "$@"; }
rows_of() { echo "hostname = 'fs$1'"; } # NODE: a WHERE

# ---- switches

fs_ip() { echo "127.0.0.2$1"; }
fs_rtp() { # NODE: FIRST-LAST
	echo "${FS_RTP:-$((16384 + 4000 * $1))-$((16384 + 4000 * $1 + 3998))}"
}

# fs_start NODE [KEY=VALUE...]: and it answers.
fs_start() {
	fs_begin "$@" && within 20 fs_is_up "$1"
}

fs_begin() {
	mkdir -p "$FS_DIR/$1"
	if fs_is_real; then
		fs_begin_real "$1"
	else
		fs_begin_stand_in "$@"
	fi
	echo $! >"$FS_DIR/$1/fs.pid"
	disown # or the shell would tell of its death
}

# The interpreter of the system: psycopg2 is Debian's.
fs_begin_stand_in() {
	local n=$1

	shift
	rm -f "$FS_DIR/$n/control"
	# shellcheck disable=SC2086 # settings are words
	/usr/bin/python3 "$FS_ROOT/test/fake/freeswitch" --ip "$(fs_ip "$n")" \
		--name "fs$n" --control "$FS_DIR/$n/control" \
		--db "$(fs_conninfo)" --cdr "$FS_DIR/$n/cdr.csv" \
		"rtp=$(fs_rtp "$n")" "callee=$FS_CALLED" heartbeat_s=1 \
		${FS_ROBUST:+robust=1} $FS_SETTINGS "$@" \
		>>"$FS_DIR/$n/said" 2>&1 3>&- 4>&- </dev/null &
}

fs_begin_real() {
	local dir=$FS_DIR/$1 prefix=$FP_FREESWITCH_PREFIX range robust=''

	range=$(fs_rtp "$1")
	[ -z "$FS_ROBUST" ] ||
		robust='<param name="rtp-port-usage-robustness" value="true"/>'
	mkdir -p "$dir"/{conf,log,db,run,storage,tmp}
	sed -e "s|@DIR@|$dir|g; s|@NAME@|fs$1|g; s|@IP@|$(fs_ip "$1")|g" \
		-e "s|@FIRST@|${range%-*}|; s|@LAST@|${range#*-}|" \
		-e "s|@DSN@|pgsql://$(fs_conninfo) application_name=fs$1|" \
		-e "s|@CALLED@|$FS_CALLED|; s|@ROBUST@|$robust|" \
		"$FS_SOURCE/recover.xml.in" >"$dir/conf/freeswitch.xml"
	(
		# it wants its threads to have small stacks, and says so
		ulimit -s 240 -c 0
		exec "$prefix/bin/freeswitch" -nf -nc -nonat -nort \
			-conf "$dir/conf" -log "$dir/log" -db "$dir/db" \
			-run "$dir/run" -storage "$dir/storage" \
			-temp "$dir/tmp" -mod "$prefix/lib/freeswitch/mod"
	) >>"$dir/said" 2>&1 3>&- 4>&- </dev/null &
}

fs_is_up() { # NODE
	esl "$1" sofia status 2>/dev/null | grep -q RUNNING &&
		esl "$1" status | grep -q ') is ready'
}

fs_pid() { cat "$FS_DIR/$1/fs.pid"; }
fs_is_gone() { # NODE
	! grep -q '^State:[[:space:]]*[^ZX]' "/proc/$(fs_pid "$1")/status" \
		2>/dev/null
}
fs_signal() { kill -s "$1" "$(fs_pid "$2")"; } # SIGNAL NODE
# fs_kill NODE: as a crash would: no BYE, its rows stay.
fs_kill() {
	fs_signal KILL "$1"
	within 5 fs_is_gone "$1"
}
fs_freeze() { fs_signal STOP "$1"; }
fs_thaw() { fs_signal CONT "$1"; }

# esl NODE COMMAND...: the answer to an api command alone.
esl() {
	local fd

	exec {fd}<>"/dev/tcp/$(fs_ip "$1")/8021" || return
	printf 'auth ClueCon\n\napi %s\n\nexit\n\n' "${*:2}" >&"$fd"
	timeout 20 cat <&"$fd" 2>/dev/null | fs_answer || : # a crash is an end
	exec {fd}>&-
}
fs_answer() {
	awk '/^Content-Type: api\/response/ { is_head = 1; next }
		is_head && /^$/ { is_head = 0; is_body = 1; next }
		is_head { next }
		sub(/Content-Type: (command\/reply|text\/disconnect-notice).*/, "") {
			if ($0 != "") print
			is_body = 0 }
		is_body'
}
fs_run() { esl "$1" global_getvar core_uuid; } # NODE: its Core-UUID
# fs_ctl NODE LINE: control.py of the stand-in
fs_ctl() {
	printf '%s\n' "$2" | socat -t 5 - "UNIX-CONNECT:$FS_DIR/$1/control"
}
sessions() { # NODE
	esl "$1" status | sed -n '4s/ .*//p'
}
has_sessions() { [ "$(sessions "$1")" = "$2" ]; }
sessions_are() { within 10 has_sessions "$@"; } # NODE N

# cdrs NODE: the lines of its CDRs: uuid, direction, numbers, start, answer, end,
# dur=, bill=, cause, disposition, rec=, ...
cdrs() {
	local file

	for file in "$FS_DIR/$1/cdr.csv" "$FS_DIR/$1/cdr-csv/Master.csv"; do
		[ ! -e "$file" ] || cat "$file"
	done
}

# ---- the cluster file

fs_cluster() {
	local i

	{
		echo '[freeswitch]'
		for ((i = 1; i <= FS_NODES; i++)); do
			echo "fs$i ansible_host=$(fs_ip $i) fp_switchname=fs$i" \
				"fp_sip=udp:$(fs_ip $i):5060" \
				"fp_esl=$(fs_ip $i):8021 fp_rtp=$(fs_ip $i)" \
				"fp_rtp_ports=$(fs_rtp $i)"
		done
		echo '[all:vars]'
		echo "fp_recovery_db=\"$(fs_conninfo recover)\""
		echo "fp_db=\"$PG_DB\""
	} >"$FS_DIR/cluster.ini"
}
