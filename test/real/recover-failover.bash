# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Calls of a dead FreeSWITCH come up elsewhere, by fp-recover failover: cases for a
# real one (FS_KIND=real, of FP_FREESWITCH_PREFIX) and its stand-in.  No end gets a
# BYE, each is asked once, both hear each other, and each leg is billed once.
# shellcheck disable=SC2016,SC2034,SC2154 # for eval; bats' variables

source test/real/recover.bash

fo_setup_file() {
	rec_setup_file
	[ -n "$FS_SKIP" ] || [ -x "$FP_BUILD/fp-recover" ] ||
		export FS_SKIP='fp-recover is not built'
}
# fo_up N [OPTION...]: switches, and what proves that one of them is dead.
fo_up() {
	quick "$@"
	export FP_STATE=$FS_DIR/state FP_CLUSTER=$FS_DIR/cluster.ini
	mkdir -p "$FP_STATE"
	# only when it is so
	cat >"$FS_DIR/fence" <<-'END'
		#!/bin/bash
		read -r pid <"${0%/*}/${FP_NODE#fs}/fs.pid"
		! grep -q '^State:[[:space:]]*[^ZX]' "/proc/$pid/status" 2>/dev/null
	END
	chmod +x "$FS_DIR/fence"
}

# fpr STATUS ARG...: fp-recover; what it said is in $output and $stderr.
fpr() {
	local want=$1

	shift
	run --separate-stderr "$FP_BUILD/fp-recover" "$@"
	printf '%s\n' "$output" "$stderr"
	[ "$status" = "$want" ] || {
		echo "status $status, not $want: $*"
		return 1
	}
}
# failover STATUS ARG...: of fs1, fenced.
failover() {
	fpr "$1" failover fs1 --prove 8s --fence "$FS_DIR/fence" "${@:2}"
}
# verdicts: "VERDICT N, ..." of the records of calls.
verdicts() {
	cut -f 4 <<<"$output" | sort | uniq -c |
		awk '{ printf "%s%s %s", s, $2, $1; s = ", " }'
}
# column N: of them
column() { cut -f "$1" <<<"$output" | sort -u | paste -sd ' '; }
summary() { tail -n 1 <<<"$output" | jq -c ".$1"; } # MEMBER

# untouched NODE: what must not change of its live calls, and their ends' re-INVITEs.
untouched() {
	local uuid

	fs_sql "select runtime_uuid, profile_name, hostname, uuid,
		substring(metadata from '<local_media_port>[0-9]+'),
		substring(metadata from '<sip_cseq>[0-9]+') from recovery
		where runtime_uuid = '$(fs_run "$1")' order by uuid"
	fs_sql "select distinct uuid from channels where hostname = 'fs$1'
		order by uuid"
	for uuid in $(fs_sql "select uuid from recovery
			where runtime_uuid = '$(fs_run "$1")' order by uuid"); do
		echo "$uuid $(esl "$1" uuid_exists "$uuid")"
	done
}
# each_once N: N ends were asked, each of them once.
each_once() {
	same "$(reinvites | awk '{ print $1, $2 }' | sort -u | wc -l)" "$1"
	same "$(reinvites | wc -l)" "$1"
}
# hang_up uac|uas: that end of the first bridged call; the other one hears of it.
hang_up() {
	local before other=uas field=3

	before=$(byes | wc -l)
	[ "$1" = uac ] || other=uac field=4
	pairs "${2-}" | head -n 1 >"$FS_DIR/pair"
	poke bye "$1" "$(cut -d ' ' -f $field "$FS_DIR/pair")"
	byes_are $((before + 1))
	byes | grep -q "^$other $(cut -d ' ' -f $((7 - field)) "$FS_DIR/pair") "
	rows_are 0 "uuid in ('$(cut -d ' ' -f 1 "$FS_DIR/pair")',
		'$(cut -d ' ' -f 2 "$FS_DIR/pair")')"
}
# settled N: so many bridges are in the rows as such; until then they would be none.
settled() { rows_are "$1" "metadata ~ '<flags>[^<]*;4=1;'"; }
# port_of UUID: of its row
port_of() { variable local_media_port "uuid = '$1'"; }

# ---- a crash

case_fo_split() {
	local since=$SECONDS was run

	fo_up 3
	since=$SECONDS
	calls 4
	calls 3 3000
	calls 1 9196
	FS_VIA=3 calls 1
	rows_are 14
	run=$(fs_run 1)
	was=$(untouched 3)

	fpr 0 list fs1
	same "$(cut -f 2 <<<"$output" | sort | uniq -c | awk '{ print $2 $1 }' |
		paste -sd ' ')" 'bridge4 conference1 one-leg1'
	fpr 0 list fs1 -v --json
	same "$(jq -r 'select(.type == "leg").uuid' <<<"$output" | wc -l)" 12
	same "$(jq -r '.run // empty' <<<"$output" | sort -u)" "$run"
	fpr 0 preflight --all --override ready
	# it lives
	failover 0 --to fs2,fs3
	[[ $stderr == *'its 12 rows are its own'* ]]
	same "$(untouched 3)" "$was"
	has_rows 12 "$(rows_of 1)"

	fs_kill 1
	tick 2
	fs_is_real || fs_ctl 3 clock_ms=8000
	fpr 1 failover fs1 --to fs2,fs3 --fence "$FS_DIR/fence" --dry-run
	has_rows 12 "runtime_uuid = '$run'"
	failover 0 --to fs2,fs3
	same "$(verdicts)" 'recovered 6'
	same "$(column 5)" 'fs2 fs3'
	each_once 12
	no_bye
	rows_are 14 "profile_name = 'internal'"
	has_rows 0 "runtime_uuid = '$run' or uuid like 'fp:%'"
	# a room stays one, a call at one node
	same "$(fs_sql "select count(distinct hostname) from recovery where
		metadata like '%<conference_name>%'")" 1
	same "$(pairs "$(rows_of 2)" | wc -l)$(pairs "$(rows_of 3)" | wc -l)" \
		"$(pairs "$(rows_of 2)" | wc -l)$((5 - $(pairs "$(rows_of 2)" |
			wc -l)))"
	untouched 3 >"$FS_DIR/after"
	same "$(grep -cxF "$was" "$FS_DIR/after")" "$(wc -l <<<"$was")"
	all_hear 20

	failover 0 --to fs2,fs3 --json
	same "$(summary changed)" false
	each_once 12

	hang_up uac "$(rows_of 2)"
	hang_up uas "$(rows_of 3)"
	since=$((SECONDS - since))
	fs_is_real || since=$((since + 8)) # its clock was turned
	same "$(cdrs 1)" ''
	within 5 eval '[ "$(cdrs 2; cdrs 3)" ]'
	rows_are 10
	esl 2 hupall >/dev/null
	esl 3 hupall >/dev/null
	rows_are 0
	cat "$FS_DIR"/[23]/cdr.csv "$FS_DIR"/[23]/cdr-csv/Master.csv \
		>"$FS_DIR/all" 2>/dev/null || :
	same "$(grep -c rec=true "$FS_DIR/all")" 12
	same "$(cut -d , -f 1 "$FS_DIR/all" | sort | uniq -d)" ''
	sed -n 's/.*,bill=\([0-9]*\),.*rec=true.*/\1/p' "$FS_DIR/all" |
		awk -v s="$since" '$1 < s - 3 || $1 > s + 3 { print; bad = 1 }
			END { exit bad }'
}

# fs3's live calls are in the same table, and no target of it.
case_fo_other_host() {
	local was

	fo_up 3
	calls 2
	FS_VIA=3 calls 2
	rows_are 8
	was=$(untouched 3)
	fs_kill 1
	tick 2
	failover 0 --to fs2
	same "$(verdicts)" 'recovered 2'
	same "$(untouched 3)" "$was"
	each_once 4
	reinvites_are 4 "$(fs_ip 2)"
	sessions_are 3 4
	all_hear 20
	no_bye
}

# ---- a crash, and the host is there again

case_fo_restart() {
	local was run

	fo_up 2
	calls 3
	calls 2 3000
	rows_are 8
	run=$(fs_run 1)
	fs_kill 1
	fs_start 1
	calls 2
	rows_are 12 "metadata ~ '<sip_cseq>'" # told after the ACK
	was=$(untouched 1)
	tick 1
	fpr 0 failover fs1 --to auto --prove 8s
	same "$(verdicts)" 'recovered 4'
	same "$(column 5)" fs1
	each_once 8
	reinvites_are 8 "$(fs_ip 1)"
	rows_are 12 "runtime_uuid = '$(fs_run 1)'"
	untouched 1 >"$FS_DIR/after"
	same "$(grep -cxF "$was" "$FS_DIR/after")" "$(wc -l <<<"$was")"
	no_bye
	all_hear 20
	hang_up uas
	hang_up uac
	settled 3
	# again, and now to another
	fs_kill 1
	fs_start 1
	calls 1
	rows_are 10 "metadata ~ '<sip_cseq>'"
	was=$(untouched 1)
	tick 2
	fpr 0 failover fs1 --to fs2 --prove 8s
	same "$(verdicts)" 'recovered 4'
	reinvites_are 8 "$(fs_ip 2)"
	same "$(untouched 1)" "$was"
	all_hear 20
	no_bye_but 2
}
no_bye_but() { same "$(byes | wc -l)" "$1"; }

case_fo_second_hop() {
	fo_up 3
	calls 3
	calls 1 5000
	rows_are 7
	fs_kill 1
	tick 2
	failover 0 --to fs2
	rows_are 7 "$(rows_of 2)"
	settled 3
	fs_kill 2
	tick 3
	fpr 0 failover fs2 --prove 8s --fence "$FS_DIR/fence" --to fs3
	same "$(verdicts)" 'recovered 4'
	reinvites_are 7 "$(fs_ip 3)"
	rows_are 7 "$(rows_of 3)"
	all_hear 20
	no_bye
	hang_up uac
	hang_up uas
	same "$(cdrs 1)$(cdrs 2)" ''
}

# ---- targets

case_fo_paused() {
	fo_up 3
	calls 2
	rows_are 4
	fs_kill 1
	tick 3
	esl 2 fsctl pause >/dev/null
	failover 5 --to fs2
	[[ $stderr == *'rule ready'* ]]
	has_rows 4 "$(rows_of 1)"
	fpr 5 preflight fs1 --to fs2
	has_rows 4 "$(rows_of 1)"
	# the one that is left is enough
	failover 0 --to auto
	same "$(column 5)" fs3
	reinvites_are 4 "$(fs_ip 3)"
	all_hear 20
	no_bye
}

# Ports that a live call of the target holds.
case_fo_ports() {
	local live was a

	fo_up 2 --rtp 20000-20198
	calls 2
	FS_VIA=2 calls 1
	rows_are 6
	read -r live _ < <(pairs "$(rows_of 2)")
	a=$(pairs "$(rows_of 1)" | cut -d ' ' -f 1 | head -n 1)
	was=$(port_of "$live")
	fs_kill 1
	tick 2
	fs_sql "update recovery set metadata = regexp_replace(metadata,
		'<local_media_port>[0-9]+', '<local_media_port>$was')
		where uuid = '$a'"
	failover 0 --to fs2
	[[ $stderr == *'ports: 20000-20198: overlaps with fs1'* ]]
	same "$(verdicts)" 'recovered 2'
	rows_are 6 "$(rows_of 2)"
	[ "$(port_of "$a")" != "$was" ]
	same "$(port_of "$live")" "$was"
	same "$(variable local_media_port | sort | uniq -d)" ''
	all_hear 20
	no_bye
}

# All legs get ports of the recovery range.
case_fo_recovery_ports() {
	fo_up 2 --rtp 20000-20198
	sed -i '/^fs2 /s/$/ fp_recovery_ports=40000-40098/' "$FP_CLUSTER"
	calls 2
	FS_VIA=2 calls 1
	rows_are 6
	fs_kill 1
	tick 2
	failover 0 --to fs2
	same "$(verdicts)" 'recovered 2'
	rows_are 6 "$(rows_of 2)"
	same "$(variable local_media_port | grep -c '^400[0-9][0-9]$')" 4
	all_hear 20
	no_bye
}

# ---- which calls

# orphans: two calls, of one the caller's leg is left, of the other the called one's.
orphans() {
	calls 2
	rows_are 4
	fs_sql "delete from recovery where uuid in (
		select uuid from recovery where metadata like '%is_outbound%'
		order by uuid limit 1)"
	fs_sql "delete from recovery where metadata like '%>inbound<%' and
		uuid in (select substring(metadata from '<signal_bond>([^<]*)')
			from recovery where metadata like '%is_outbound%')"
	fs_kill 1
	tick 2
}

case_fo_orphans() {
	fo_up 2
	orphans
	failover 0 --to fs2 --orphans skip
	same "$(verdicts)" 'skipped 2'
	has_rows 2 "$(rows_of 1)"
	reinvites_are 0
	failover 0 --to fs2
	same "$(verdicts)" 'bye 2'
	byes_are 2
	rows_are 0
	sessions_are 2 0
}

case_fo_redial() {
	fo_up 2
	orphans
	failover 0 --to fs2 --orphans redial
	rows_are 2 "$(rows_of 2)"
	byes_are 1
	byes | grep -q ^uas
	within 5 are_held uac 2
}

case_fo_one_leg() {
	fo_up 2
	calls 1 9196
	calls 1 9100
	rows_are 2
	fs_kill 1
	tick 2
	fs_sql "update recovery set metadata = replace(metadata,
		'app_name=\"set\" app_data=\"mystage=one\"',
		'app_name=\"sched_hangup\" app_data=\"+3600\"')"
	fpr 1 preflight fs1 --to fs2 --fence true
	[[ $output == *unsafe* ]]
	failover 3 --to fs2
	same "$(verdicts)" 'lost 1, recovered 1'
	has_rows 1 "$(rows_of 1)"
	reinvites_are 1 "$(fs_ip 2)"
	failover 0 --to fs2 --one-leg all
	same "$(verdicts)" 'recovered 1'
	reinvites_are 2 "$(fs_ip 2)"
	rows_are 2 "$(rows_of 2)"
	no_bye
}

# ---- fences

case_fo_unfence() {
	fo_up 2
	calls 1
	rows_are 2
	fs_kill 1
	tick 2
	failover 0 --to fs2
	fs_start 1
	fpr 0 unfence fs1
	fpr 0 unfence fs1 --json
	same "$(summary changed)" false
	all_hear 20
	no_bye
}
