#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make bench BENCH=recover: how fast a dead FreeSWITCH's calls come up elsewhere, beside
# `fsctl recover` of the same rows by itself; rows read and rewritten, beside expat
# alone; 5,000 rows through PostgreSQL, beside SQL alone; memory.  recover.goals says
# what each row compares.
#
# FP_FREESWITCH_PREFIX: where a real FreeSWITCH is installed; without it the stand-in
# (test/fake/freeswitch) is asked, and times are those of the stand-in.
# QUICK=1: fewer rounds and calls; rows are of bench recover-quick then.
# ROUNDS: of each figure.  ONLY: parts to run, of: rows store one two.
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=bench/common.sh
source bench/common.sh
bench_alone "bench/${0##*/}" "$@"

if [ -n "${QUICK:-}" ]; then
	ROUNDS=${ROUNDS:-1}
	legs=100 many=1000
else
	ROUNDS=${ROUNDS:-3}
	legs=500 many=5000
fi
ONLY=${ONLY:-rows store one two}

bench_begin recover
trap 'fs_down; pg_down; rm -rf "$work"' EXIT
ip link set lo up
unset FP_CLUSTER NOTIFY_SOCKET JOURNAL_STREAM
export FP_STATE=$work/state TMPDIR=$work LC_ALL=C.UTF-8
mkdir "$FP_STATE"
chmod 755 "$work"
FS_KIND=stand-in
[ ! -x "${FP_FREESWITCH_PREFIX:-/nowhere}/bin/freeswitch" ] || FS_KIND=real
FS_TRACE=yes # each message with its time
# shellcheck source=test/lab/recover.bash
source test/lab/recover.bash
docs=(test/fuzz/corpus/fsrow/A-bridged-inbound
	test/fuzz/corpus/fsrow/B-bridged-outbound)

now() { date +%s.%N; }

# ---- rows, PostgreSQL

bench_rows() {
	local round

	for ((round = 0; round < ROUNDS + 2; round++)); do
		"$FP_BUILD/bench/recover_rows" parse $round $legs "${docs[@]}" \
			>>"$figures"
	done
}

# fill: $many rows of run "dead"
fill() {
	fs_sql 'truncate recovery'
	psql -XAtqc "\\copy recovery from '$work/rows'" "$(fs_conninfo)"
	fs_sql 'vacuum analyze recovery' >/dev/null
}

bench_store() {
	local round started

	fs_up "$work/store" 1 --cold >&2
	fs_sql 'create table recovery (runtime_uuid varchar(255),
		technology varchar(255), profile_name varchar(255),
		hostname varchar(255), uuid varchar(255), metadata text);
		alter table recovery owner to freeswitch;
		create index recovery1 on recovery(technology);
		create index recovery2 on recovery(profile_name);
		create index recovery3 on recovery(uuid);
		create index recovery4 on recovery(runtime_uuid);
		create table floor (like recovery)'
	"$FP_BUILD/bench/recover_rows" print $many "${docs[@]}" >"$work/rows"
	chmod 644 "$work/rows"
	for ((round = 0; round < ROUNDS; round++)); do
		fill
		"$FP_BUILD/bench/recover_rows" store $round "$(fs_conninfo recover)" \
			fs1 dead >>"$figures"
		[ "$(row_count "profile_name like 'fp-bench-%'")" = $many ] ||
			fail 'not all rows were put'
		fill
		started=$(now)
		fs_sql "begin;
			insert into floor select * from recovery
				where runtime_uuid = 'dead';
			delete from recovery where runtime_uuid = 'dead';
			commit; begin;
			insert into recovery select * from floor;
			delete from floor; commit"
		figure sql/s $round "$(bc <<<"$(now) - $started")"
	done
	fs_down
}

# ---- calls

# seen NAME ROUND START: figures of re-INVITEs that came since (seconds of the day), as
# the far ends saw them: each leg's first.
seen() {
	local name=$1 round=$2

	cat "$FS_DIR"/sipp/*.msg | awk -v from="$3" '
		/^-----.* [0-9:.]+$/ {
			split($3, t, ":")
			at = t[1] * 3600 + t[2] * 60 + t[3] - from
			if (at < -43200) at += 86400 }
		/message received/ { is_in = 1 }
		/message sent/ { is_in = 0 }
		is_in && /^INVITE / { is_invite = at > 0; is_in = 0; next }
		/^Call-ID:/ { if (is_invite && !($2 in first)) {
				first[$2] = at; print at }
			is_invite = 0 }' | sort -g |
		awk -v name="$name" -v round="$round" -v legs=$legs '
		{ at[NR] = $1 }
		END { if (NR) {
				print name "/s", round, at[NR]
				print name "/median", round, at[int((NR + 1) / 2)]
				print name "/p99", round,
					at[int((NR * 99 + 99) / 100)] }
			print name "/lost", round, legs - NR }' >>"$figures"
}
of_day() {
	date +'%H %M %S.%N' | awk '{ printf "%.6f\n", $1 * 3600 + $2 * 60 + $3 }'
}

has_all() { [ "$(row_count "$(rows_of "$1")
	and profile_name = 'internal'")" = $legs ]; }
settled() { # NODE: the rows of all legs are its own run's
	within 60 has_all "$1" || fail "fs$1 has not all rows"
	sleep 2 # CSeq is a clock of 2 s
}

# crash NODE: dead, and there again: its run is proven dead by the next.
crash() {
	fs_kill "$1"
	fs_start "$1" >&2
}

# Rows of FROM rewritten for TO under a token, as people do it by hand.
by_hand() { # FROM TO
	local to

	to=$(fs_ip "$2")
	fs_sql "update recovery set profile_name = 'by-hand',
		metadata = regexp_replace(regexp_replace(metadata,
		'<(local_media_ip|advertised_media_ip)>[^<]*<',
		'<\\1>$to<', 'g'),
		'<sip_recover_via>[^<]*</sip_recover_via>', '', 'g')
		where hostname = 'fs$1' and profile_name = 'internal'"
}

# move NAME DIALLED CALLS: there by the tool, and back by hand, each round.
move() {
	local name=$1 round started from

	fs_up "$work/$name" 2 >&2
	: >"$FS_DIR/sipp/uac-none.log" # before the first call
	FS_CPS=50 calls "$3" "$2"
	for ((round = 0; round < ROUNDS; round++)); do
		settled 1
		crash 1
		sleep 1
		started=$(now) from=$(of_day)
		"$FP_BUILD/bench/timed" "$name/tool" $round "$FP_BUILD/fp-recover" \
			failover fs1 -C "$FS_DIR/cluster.ini" --to fs2 \
			--quiet >"$work/timed" 2>"$work/said" ||
			{ cat "$work/said" >&2; fail "$name: fp-recover"; }
		figure $name/end $round "$(bc <<<"$(now) - $started")"
		sed -n "s|^rss/.* |$name/rss $round |p" "$work/timed" >>"$figures"
		seen "$name" $round "$from"
		settled 2
		crash 2
		by_hand 2 1
		sleep 1
		from=$(of_day)
		esl 1 fsctl recover sofia:by-hand >"$work/said"
		grep -q "+OK $legs " "$work/said" ||
			fail "by hand: $(<"$work/said")"
		sleep 3
		seen "$name-bare" $round "$from"
	done
	no_bye || fail "$name: an end got a BYE"
	fs_down
}

bench_one() { move one 9196 $legs; }
bench_two() { move two 2001 $((legs / 2)); }

# ---- all of it

if fs_is_real; then
	say 'against a real FreeSWITCH'
	figure real 0 1
else
	say 'against the stand-in: its times are no measure of FreeSWITCH'
	figure real 0 0
fi
bench_load
pg_up
for part in rows store one two; do
	! wants $part || "bench_$part"
done
say "load of the machine: $(cut -d ' ' -f 1-3 /proc/loadavg)"
bench_end
