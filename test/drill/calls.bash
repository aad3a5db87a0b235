# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The calls of the drill: SIPp at both ends, on the host ends, and what comes to
# them on the wire (wire.py).
#   calls_up        200: 120 from end to end, 80 by way of a FreeSWITCH: 60 bridges,
#                   three rooms of four, and eight alone (park, echo)
#   calls_end       each is ended by one of its ends
# shellcheck disable=SC2034,SC2154 # for what is sourced; of what sources it

FS_DIR=$stage
VOICE_EACH=6 # of so many calls one speaks

# fs_scenario, fs_log and held are those of test/lab/recover-calls.bash.
fs_sipp() { # NAME ARG...
	local name=$1

	shift
	serve "sipp-$name" ends env -C "$stage/sipp" sipp "$@" -nostdin -nd \
		-trace_err -error_file "$name.err" -trace_logs \
		-log_file "$name.log"
}

calls_up() {
	local host

	lab_capture wire ends net0 'udp port 5060' || return
	fs_scenario uac
	fs_scenario uas
	: >"$stage/sipp/uas.log"
	fs_sipp uas -sf uas.xml -i "${CALLED%:*}" -p 5060 \
		-mi "${CALLED%:*}" -mp 30000
	lab_wait 5 lab_listens ends udp "${CALLED%:*}" 5060 || return
	for host in $EDGES; do
		calls_by "$host"
	done
	lab_wait 30 calls_are 200 180 || return
	lab_wait 15 calls_have_rows 140 || return
	lab_wait 15 calls_are_copied || return
	calls_pairs >"$stage/pairs"
	lab_capture voice ends net0 'udp dst portrange 20000-34000 and
		dst net 10.77.3.0/24' || return
	serve speak ends "$drill_src/voice.py" speak "$stage/sipp" 100 \
		"$VOICE_EACH"
}
# voice FROM UNTIL [IDS]: what arrived, as voice.py has it
voice() {
	"$drill_src/voice.py" heard "$stage/sipp" "$LAB_DIR/voice.pcap" "$1" \
		"$2" "$VOICE_EACH" "${@:3}"
}

# calls_by EDGE: its share.  Numbers: 2xxx a bridge, 3xxx a room, 5000 and 9196 one
# leg; who calls a room gets to the FreeSWITCH where it is.
calls_by() {
	local host=$1 n i k=0
	local numbers=()

	n=$(number "$host")
	for ((i = 1; i <= 20; i++)); do
		numbers+=($((2000 + 100 * n + i)))
	done
	for i in 3000 3001 3002; do
		numbers+=("$i")
	done
	# a fourth for each room, and the eight
	case $n in
	1) numbers+=(3000 5000 9196 5000) ;;
	2) numbers+=(3001 5000 9196 5000) ;;
	3) numbers+=(3002 9196 9196) ;;
	esac
	{
		echo SEQUENTIAL
		for ((i = 1; i <= 40; i++)); do
			echo "ok-$i;ok-$i"
			[ $k -ge ${#numbers[@]} ] || echo "ok-$((100 + i));${numbers[k]}"
			k=$((k + 1))
		done
	} >"$stage/sipp/uac-$n.csv"
	echo $((5060 + 10 * n)) >"$stage/sipp/uac-$n.port"
	fs_sipp "uac-$n" -sf uac.xml -i $CALLER -p $((5060 + 10 * n)) \
		-mi $CALLER -mp $((20000 + 1000 * n)) -inf "uac-$n.csv" \
		-m $((40 + ${#numbers[@]})) -r "${CALLS_RATE:-30}" \
		-cid_str "$n-%u-%p@%s" "$(cluster_addr "$host" sip4):5060"
}

calls_are() { are_held uac "$1" && are_held uas "$2"; } # CALLERS CALLED
calls_have_rows() { has_rows "$1"; }
# Each edge has all dialogs, of calls that are up and whose ACK came.
calls_are_copied() {
	local host

	for host in $EDGES; do
		[ "$(edge_dialogs "$host")" = 260 ] || return
	done
}
# edge_dialogs EDGE: how many are up there
edge_dialogs() {
	"$FP_BUILD/test/prog/mi" -t 5000 "fifo:$(edge_dir "$1")/fifo" dlg_list |
		grep -oE '"state":4,' | wc -l
}

# calls_pairs: "CALL-ID OF-THE-OTHER-LEG", of the bridges
calls_pairs() { pairs | cut -d ' ' -f 3,4; }

# calls_of_edge EDGE, calls_of_switch SWITCH: Call-IDs that its end concerns
calls_of_edge() {
	on ctl1 "$FP_BUILD/fp-rehome" list "$1" -o callid --quiet
}
calls_of_switch() {
	fs_sql "select replace(substring(metadata from
		'<sip_call_id>([^<]*)'), '%40', '@') from recovery
		where hostname = '$1'"
}

# calls_end: of all that are up, by the caller and the called by turns; each gets its
# 200 from the other end.
calls_end() {
	local log n at

	for log in "$stage/sipp"/uac-*.log; do
		n=$(basename "$log" .log)
		at=$CALLER:$(<"$stage/sipp/$n.port")
		awk '$1 == "up" { print $3 }' "$log" | awk 'NR % 2' |
			on ends "$root/test/lab/sipp/poke.py" -r 60 bye "$at"
	done
	lab_wait 15 calls_ending 100
	held uas | on ends "$root/test/lab/sipp/poke.py" -r 60 bye "$CALLED"
	held uac >"$stage/still"
	for log in "$stage/sipp"/uac-*.log; do
		n=$(basename "$log" .log)
		at=$CALLER:$(<"$stage/sipp/$n.port")
		awk '$1 == "up" { print $3 }' "$log" |
			grep -Fxf "$stage/still" |
			on ends "$root/test/lab/sipp/poke.py" -r 60 bye "$at"
	done
	lab_wait 15 calls_are 0 0
}
calls_ending() { [ "$(held uac | wc -l)" -le "$1" ]; }
