# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The calls of recover.bash: SIPp at both ends, what each was told, and voice.

# fs_scenario uac|uas: as sipp/held.xml says, each call with an RTP port of its own,
# by the call's number, which is in the log: "up END CALL-ID TOLD NUMBER".
fs_scenario() {
	local held=$FS_DIR/sipp/$1.held

	sed -e '/<!-- SPDX/,/-->/d' -e "s/@ME@/$1/g" \
		-e 's/"up [^"]*/& [call_number]/' \
		"$FS_SOURCE/sipp/held.xml" >"$held"
	sed -e "/^@HELD@\$/{r $held" -e 'd}' "$FS_SOURCE/sipp/$1.xml" |
		sed 's/\[rtp_port\]/[auto_media_port]/' >"$FS_DIR/sipp/$1.xml"
}

# fs_sipp NAME ARG...: in the background, in DIR/sipp.
fs_sipp() {
	local name=$1

	shift
	(
		cd "$FS_DIR/sipp" || exit
		exec sipp "$@" ${FS_TRACE:+-trace_msg -message_file "$name.msg"} -nostdin -nd -trace_err \
			-error_file "$name.err" -trace_logs \
			-log_file "$name.log" </dev/null \
			>"$name.out" 2>&1 3>&- 4>&-
	) &
	echo $! >"$FS_DIR/sipp/$name.pid"
	disown
}

fs_uas() {
	fs_scenario uac
	fs_scenario uas
	fs_sipp uas -sf uas.xml -i "$FS_NET.2" -p 5060 -mi "$FS_NET.2" -mp 30000
}

# calls N [DIALLED [CALLER]]: N calls more by way of switch FS_VIA (1), of users
# CALLER-1 ... (ok, and what else sipp/held.xml knows: c481 silent ...); of several
# words each call takes the next.  DIALLED is a number of the dialplan or
# bridge-WORD: a called one that behaves so.  When it returns all are held; rows come
# a second later.
calls() {
	local n=$1 dialled=${2:-2001} caller=${3:-ok} k before

	before=$(held uac | wc -l)
	k=$(find "$FS_DIR/sipp" -name 'uac-*.pid' | wc -l)
	fs_dial "$k" "$n" "$dialled" "$caller"
	within $((15 + n / 20)) are_held uac $((before + n))
}

fs_dial() { # K N DIALLED CALLER
	local i dialled caller to

	read -ra dialled <<<"$3"
	read -ra caller <<<"$4"
	{
		echo SEQUENTIAL
		for ((i = 0; i < $2; i++)); do
			to=${dialled[i % ${#dialled[@]}]}
			[[ $to =~ ^[0-9]+$ ]] || to+=-$((i + 1))
			echo "${caller[i % ${#caller[@]}]}-$((i + 1));$to"
		done
	} >"$FS_DIR/sipp/uac-$1.csv"
	fs_sipp "uac-$1" -sf uac.xml -i "$FS_NET.1" -p $((5060 + 10 * $1)) \
		-mi "$FS_NET.1" -mp $((20000 + 1000 * $1)) -inf "uac-$1.csv" \
		-m "$2" -r "${FS_CPS:-100}" -cid_str "$1-%u-%p@%s" \
		"${FS_PROXY:-$(fs_ip "${FS_VIA:-1}"):5060}"
	echo $((5060 + 10 * $1)) >"$FS_DIR/sipp/uac-$1.port"
}

fs_log() { # uac|uas
	case $1 in
	uac) cat "$FS_DIR"/sipp/uac-*.log 2>/dev/null ;;
	uas) cat "$FS_DIR/sipp/uas.log" ;;
	esac
}
# held uac|uas: Call-IDs of calls that are up there.
held() {
	fs_log "$1" | awk '$1 == "up" { up[$3] = 1 }
		$1 == "down" { delete up[$3] }
		END { for (c in up) print c }' | sort
}
are_held() { [ "$(held "$1" | wc -l)" = "$2" ]; } # uac|uas N

# reinvites: "END CALL-ID CONTACT CSEQ MEDIA" of each that came, at both ends.
reinvites() {
	local end

	for end in uac uas; do
		fs_log $end | sed -n 's/^invited //p'
	done
}
have_reinvites() { # N [CONTACT-HOST]
	[ "$(reinvites | grep -c "sip:[^ ]*@${2-}")" = "$1" ]
}
# reinvites_are N [HOST]: that many have come, from HOST, within 10 s.
reinvites_are() { within 10 have_reinvites "$@"; }

# byes: "END CALL-ID ADDRESS" of each BYE that an endpoint got.
byes() {
	local end

	for end in uac uas; do
		fs_log $end | awk '$1 == "down" && $4 == "peer" {
			print $2, $3, $5 }'
	done
}
no_bye() {
	local got

	got=$(byes)
	[ -z "$got" ] || {
		printf 'BYE: %s\n' "$got"
		return 1
	}
}
byes_are() { within 10 have_byes "$1"; }
have_byes() { [ "$(byes | wc -l)" = "$1" ]; }

# poke bye|reinvite uac|uas CALL-ID...: make ends do it.
poke() {
	local what=$1 end=$2 log at

	shift 2
	for log in "$FS_DIR/sipp/$end"*.log; do
		at=127.0.3.2:5060
		[ "$end" = uas ] || {
			[ -e "${log%.log}.port" ] || continue
			at=127.0.3.1:$(<"${log%.log}.port")
		}
		printf '%s\n' "$@" |
			grep -xF -f <(awk '$1 == "up" { print $3 }' "$log") |
			"$FS_SOURCE/sipp/poke.py" "$what" "$at" || :
	done
}

# ---- which legs there are

# pairs [WHERE]: "A-UUID B-UUID A-CALL-ID B-CALL-ID" of bridged calls, by their rows.
pairs() {
	fs_sql "with r as (select uuid,
			substring(metadata from '<signal_bond>([^<]*)') as bond,
			replace(substring(metadata from
				'<sip_call_id>([^<]*)'), '%40', '@') as id,
			metadata like '%<is_outbound>%' as is_out
			from recovery ${1:+where $1})
		select a.uuid || ' ' || b.uuid || ' ' || a.id || ' ' || b.id
		from r a join r b on b.uuid = a.bond
		where not a.is_out and b.is_out order by 1"
}

# ---- voice

# told END CALL-ID: "OWN TOLD": where it has its media, and where it was last told to
# send it.  SIPp has 4 ports a call.
told() {
	local ip=127.0.3.1 first

	if [ "$1" = uac ]; then
		first=$((20000 + 1000 * ${2%%-*}))
	else
		ip=127.0.3.2 first=30000
	fi
	fs_log "$1" | awk -v id="$2" -v ip=$ip -v first=$first '
		$1 == "up" && $3 == id {
			own = ip ":" first + 4 * ($5 - 1); told = $4 }
		$1 == "invited" && $3 == id { told = $6 }
		END { print own, told }'
}
# voice N [WHERE]: N packets each way through each bridged call: "A-UUID TO-CALLED
# TO-CALLER", how many arrived.  As root.
voice() {
	local a a_id b_id

	pairs "${2-}" | while read -r a _ a_id b_id; do
		echo "$a $(told uac "$a_id") $(told uas "$b_id")"
	done | python3 "$FS_SOURCE/rtp.py" "$1"
}
# all_hear N: of N packets most arrive, both ways, of every call: not all of them on a
# busy machine, and of two calls on one port none do.
all_hear() {
	voice "$1" "${2-}" | awk -v want=$(($1 * 3 / 4)) '
		$2 < want || $3 < want { print; bad = 1 } END { exit bad }'
}
