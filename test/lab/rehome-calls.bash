# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The calls of rehome.bash: SIPp at both ends, and what each end was told.

# rh_scenario uac|uas: as sipp/held.xml says.
rh_scenario() {
	local held=$OS_DIR/sipp/$1.held

	sed -e '/<!-- SPDX/,/-->/d' -e "s/@ME@/$1/g" \
		"$RH_SOURCE/sipp/held.xml" >"$held"
	sed -e "/^@HELD@\$/{r $held" -e 'd}' "$RH_SOURCE/sipp/$1.xml" \
		>"$OS_DIR/sipp/$1.xml"
}

# rh_sipp NAME ARG...: in the background, in DIR/sipp.
rh_sipp() {
	local name=$1

	shift
	(
		cd "$OS_DIR/sipp" || exit
		exec sipp "$@" -nostdin -nd -trace_err \
			-error_file "$name.err" -trace_logs \
			-log_file "$name.log" </dev/null \
			>"$name.out" 2>&1 3>&- 4>&-
	) &
	echo $! >"$OS_DIR/sipp/$name.pid"
}

rh_uas() {
	rh_scenario uac
	rh_scenario uas
	rh_sipp uas -sf uas.xml -i 127.0.3.2 -p 5060 -mp 16000 \
		-key rtp_port 30000
}

# rh_calls N [CALLED [CALLER]]: N calls more by way of node RH_VIA (1), of users
# CALLED-1 ... and CALLER-1 ...: ok c491 c488 ...: see sipp/held.xml; of several
# words each call takes the next.  When it returns all are held, and all nodes that
# live have them.
rh_calls() {
	local n=$1 called=${2:-ok} caller=${3:-ok} k before i
	local -A want=()

	before=$(rh_held | wc -l)
	for i in $(rh_alive); do
		want[$i]=$((n + $(rh_count "$i")))
	done
	k=$(find "$OS_DIR/sipp" -name 'uac-*.pid' | wc -l)
	rh_sipp_calls "$k" "$n" "$called" "$caller"
	os_wait $((15 + n / 20)) rh_are_held $((before + n)) || return
	for i in "${!want[@]}"; do
		os_wait 15 rh_has "$i" "${want[$i]}" || return
	done
	rh_is_settled
}

# rh_ring N: N calls more that ring, and are not answered: early dialogs of node
# RH_VIA, which no other has.
rh_ring() {
	local k before

	before=$(rh_count "${RH_VIA:-1}" 2)
	k=$(find "$OS_DIR/sipp" -name 'uac-*.pid' | wc -l)
	rh_sipp_calls "$k" "$1" early ok
	os_wait 10 rh_ring_ok $((before + $1))
}
rh_ring_ok() { [ "$(rh_count "${RH_VIA:-1}" 2)" = "$1" ]; }

rh_sipp_calls() { # K N CALLED CALLER
	local i called caller

	read -ra called <<<"$3"
	read -ra caller <<<"$4"
	{
		echo SEQUENTIAL
		for ((i = 0; i < $2; i++)); do
			echo "${caller[i % ${#caller[@]}]}-$((i + 1));${called[i % ${#called[@]}]}-$((i + 1))"
		done
	} >"$OS_DIR/sipp/uac-$1.csv"
	rh_sipp "uac-$1" -sf uac.xml -i 127.0.3.1 -p $((5060 + 10 * $1)) \
		-mp $((20000 + 100 * $1)) -key rtp_port 30000 -inf "uac-$1.csv" -m "$2" \
		-r "${RH_CPS:-100}" -cid_str "$1-%u-%p@%s" \
		"127.0.1.${RH_VIA:-1}:5060"
	echo $((5060 + 10 * $1)) >"$OS_DIR/sipp/uac-$1.port"
}

rh_log() { # uac|uas
	case $1 in
	uac) cat "$OS_DIR"/sipp/uac-*.log 2>/dev/null ;;
	uas) cat "$OS_DIR/sipp/uas.log" ;;
	esac
}
# rh_held [uac|uas]: Call-IDs of calls that are up there; without a word, at both.
rh_held() {
	case ${1-} in
	'') comm -12 <(rh_held uac) <(rh_held uas) ;;
	*)
		rh_log "$1" | awk '$1 == "up" { up[$3] = 1 }
			$1 == "down" { delete up[$3] }
			END { for (c in up) print c }' | sort
		;;
	esac
}
# rh_users: "CALLID CALLER CALLED" of those that are held.
rh_users() {
	local csv=$OS_DIR/sipp/uac

	rh_held | while IFS=- read -r k n rest; do
		sed -n "$((n + 1))s/\\(.*\\);/$k-$n-$rest \\1 /p" "$csv-$k.csv"
	done
}
rh_are_held() { [ "$(rh_held | wc -l)" = "$1" ]; }

# rh_count NODE [STATES]: dialogs that it has, of states 34 unless said.
rh_count() {
	RH_MI=fifo rh_mi "$1" dlg_list | grep -oE "\"state\":[${2:-34}]," |
		wc -l
}
# All their ACKs are known everywhere, where there is a rule that tells them.
rh_is_settled() {
	local i

	[ -n "$RH_ACK_RULE" ] || return 0
	for i in $(rh_alive); do
		os_wait 15 rh_has "$i" 0 3 || return
	done
}
rh_has() { # NODE N [STATES]
	[ "$(rh_count "$1" "${3:-34}")" = "$2" ]
}

# ---- what they are made to do, from outside

rh_poke() { # bye|reinvite uac|uas CALLID...
	local what=$1 end=$2 log at

	shift 2
	for log in "$OS_DIR/sipp/$end"*.log; do
		at=127.0.3.2:5060
		[ "$end" = uas ] || {
			[ -e "${log%.log}.port" ] || continue
			at=127.0.3.1:$(<"${log%.log}.port")
		}
		printf '%s\n' "$@" |
			grep -Fxf <(awk '$1 == "up" { print $3 }' "$log") |
			"$RH_SOURCE/sipp/poke.py" "$what" "$at" || :
	done
}

# rh_bye uac|uas [CALLID...]: that end ends them (all that are held) by BYE to where
# it was told to; when it returns both ends are down.  "rh_fate CALLID" tells how.
rh_bye() {
	local end=$1 ids

	shift
	mapfile -t ids < <([ $# -gt 0 ] && printf '%s\n' "$@" || rh_held)
	[ ${#ids[@]} -gt 0 ] || return 0
	rh_poke bye "$end" "${ids[@]}"
	os_wait $((10 + ${#ids[@]} / 50)) rh_are_down "${ids[@]}"
}
rh_are_down() { # CALLID...
	local end

	for end in uac uas; do
		[ -z "$(comm -12 <(rh_held $end) \
			<(printf '%s\n' "$@" | sort))" ] || return
	done
}
# rh_reinvite uac|uas [CALLID...]: that end sends a re-INVITE, o= of version 9.
rh_reinvite() {
	local end=$1 ids

	shift
	mapfile -t ids < <([ $# -gt 0 ] && printf '%s\n' "$@" || rh_held)
	rh_poke reinvite "$end" "${ids[@]}"
}

# ---- what they were told

# rh_media uac|uas CALLID: where that end was told last to send RTP to.
rh_media() {
	rh_log "$1" | awk -v id="$2" '$3 == id && $1 == "up" { m = $4 }
		$3 == id && $1 == "invited" { m = $6 } END { print m }'
}
# rh_rtp [CALLID]: packets of 50 each way that arrived: "AT-CALLER AT-CALLED".
rh_rtp() {
	local id=${1:-$(rh_held | head -1)}

	"$RH_SOURCE/sipp/rtp.py" 50 127.0.3.1:30000 "$(rh_media uac "$id")" \
		127.0.3.2:30000 "$(rh_media uas "$id")"
}
# rh_rtpengine DIR N...: real ones, NG at 127.0.4.N:2223, before rh_up DIR; each
# ends with "rh_rtpengine_kill N", or rh_down.
rh_rtpengine() {
	local n

	OS_DIR=$1
	shift
	mkdir -p "$OS_DIR/sipp"
	for n; do
		rtpengine --config-file=none --table=-1 \
			--interface="127.0.4.$n" \
			--listen-ng="127.0.4.$n:2223" --foreground \
			--log-stderr --log-level=5 --num-threads=2 \
			--port-min=40000 --port-max=48000 --delete-delay=0 \
			>>"$OS_DIR/rtpengine-$n.log" 2>&1 3>&- 4>&- &
		echo $! >"$OS_DIR/sipp/rtpengine-$n.pid"
		os_wait 10 rh_rtpengine_is_up "$n" || return
	done
}
rh_rtpengine_is_up() { # N
	ss -Hlun "src 127.0.4.$1:2223" | grep -q .
}
rh_rtpengine_kill() { # N
	kill -s KILL "$(<"$OS_DIR/sipp/rtpengine-$1.pid")"
	rm "$OS_DIR/sipp/rtpengine-$1.pid"
}

# rh_invites uac|uas: "CALLID ADDRESS CSEQ MEDIA ORIGIN..." of each re-INVITE.
rh_invites() {
	rh_log "$1" | awk '$1 == "invited" {
		a = $4; sub(/^sip:/, "", a); sub(/[:;].*/, "", a); $4 = a
		print substr($0, index($0, $3)) }'
}
# rh_contacts [uac|uas]: how many re-INVITEs came with which Contact: "END ADDRESS
# COUNT", a line each.
rh_contacts() {
	local end

	for end in ${1:-uac uas}; do
		rh_invites "$end" | awk -v e="$end" '{ n[$2]++ }
			END { for (a in n) print e, a, n[a] }' | sort
	done
}
# rh_moved ADDRESS [CALLID...]: each call's each end had exactly one re-INVITE, with
# that address; all that are held unless said.
rh_moved() {
	local to=$1 end ids

	shift
	mapfile -t ids < <([ $# -gt 0 ] && printf '%s\n' "$@" || rh_held)
	for end in uac uas; do
		rh_invites $end | awk -v to="$to" -v end=$end -v ids="${ids[*]}" '
			{ n[$1]++; at[$1] = $2 }
			END {
				k = split(ids, id, " ")
				for (i = 1; i <= k; i++)
					if (n[id[i]] != 1 || at[id[i]] != to) {
						print end, id[i], "had", n[id[i]] + 0, "re-INVITEs, the last of", at[id[i]]
						bad = 1
					}
				exit bad
			}' || return
	done
}
# rh_fate CALLID: how it ended: "uac self 127.0.1.2" "uas peer 127.0.1.2".
rh_fate() {
	local end

	for end in uac uas; do
		rh_log $end | awk -v id="$1" '$1 == "down" && $3 == id {
			print $2, $4, $5 }'
	done
}
