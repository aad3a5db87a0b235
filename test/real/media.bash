# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Cases of fp-rehome drain-media, alike with the stand-in (test/bats/fp-rehome-media.bats)
# and with real OpenSIPS (test/real/media.bats): two real rtpengines, and voice that
# goes through them.
#   rtpN  NG 127.0.1.3N:2223, media 127.0.1.3N
# shellcheck disable=SC2034,SC2154 # bats' variables

RM_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=test/real/rehome.bash
source "$RM_SOURCE/rehome.bash"

rm_setup_file() {
	command -v rtpengine >/dev/null || skip 'rtpengine is not installed'
	rr_setup_file
}
rm_setup() {
	rr_setup
	declare -gA rm_pid=()
}
rm_teardown() {
	local pid

	for pid in "${rm_pid[@]}"; do
		kill -s KILL "$pid" 2>/dev/null || :
	done
	rr_teardown
}

# Without the configuration of the machine: its other ports are one only.
rm_engine() { # N
	rtpengine --config-file=none --table=-1 --interface="127.0.1.3$1" \
		--listen-ng="127.0.1.3$1:2223" --foreground --log-stderr \
		--log-level=4 --port-min=3"$1"000 --port-max=3"$1"999 \
		>"rtp$1.log" 2>&1 3>&- 4>&- </dev/null &
	rm_pid[$1]=$!
	os_wait 10 rm_listens "$1"
}
rm_kill() { # N
	kill -s KILL "${rm_pid[$1]}"
	wait "${rm_pid[$1]}" 2>/dev/null || :
}
rm_listens() { ss -Hlun "src 127.0.1.3$1:2223" | grep -q .; }

# rm_up CALLS [OPTION...]: two engines, and OpenSIPS nodes that use them.
rm_up() {
	local n=$1

	shift
	rm_engine 1 && rm_engine 2 && rr_up "$n" "$@" \
		--rtpengine udp:127.0.1.31:2223 --rtpengine udp:127.0.1.32:2223 ||
		return
	printf '[rtpengine]\nrtp%s ansible_host=127.0.1.3%s fp_ng=udp:127.0.1.3%s:2223\n' \
		1 1 1 >>"$FP_CLUSTER"
	echo 'rtp2 ansible_host=127.0.1.32 fp_ng=udp:127.0.1.32:2223' >>"$FP_CLUSTER"
}

# rm_told END: "CALL-ID ADDRESS:PORT", where that end was told to send to last.
rm_told() {
	rh_log "$1" | awk '$1 == "up" { at[$3] = $4 }
		$1 == "invited" { at[$3] = $6 }
		$1 == "down" { delete at[$3] }
		END { for (c in at) print c, at[c] }' | sort
}
# rm_ends NODE: "CALL-ID CALLER CALLEE", where they have their media, by their own SDP.
rm_ends() {
	RH_MI=fifo rh_mi "$1" dlg_list | sed 's/^result //' | jq -r '
		def media: capture("c=IN IP4 (?<a>[0-9.]+)").a + ":" +
			capture("m=audio (?<p>[0-9]+)").p;
		.Dialogs[] | select(.state == 3 or .state == 4) |
		"\(.callid) \(.caller_sdp | media) \(.CALLEES[0].callee_sdp | media)"' |
		sort
}
# rm_voice N: N packets each way; "CALL-ID A B" as rtp.py has it.
rm_voice() {
	join <(rm_ends "${RM_NODE:-1}") <(join <(rm_told uac) <(rm_told uas)) |
		awk '{ print $1, $2, $4, $3, $5 }' |
		"$RH_SOURCE/rtp.py" "$1"
}
# rm_is_heard CALLS: so many calls, and both ends hear the other.
rm_is_heard() {
	local said

	said=$(rm_voice 30)
	awk -v n="$1" '$2 < 25 || $3 < 25 || $2 > 35 || $3 > 35 { bad = 1 }
		END { exit bad || NR != n }' <<<"$said" || {
		echo "$said"
		return 1
	}
}
# rm_at N: calls whose both ends were told to send to that engine.
rm_at() {
	join <(rm_told uac) <(rm_told uas) |
		grep -cE " 127\.0\.1\.3$1:[0-9]+ 127\.0\.1\.3$1:" || :
}
# rm_uses NODE N: 0: it is enabled, 1: disabled
rm_uses() {
	rh_mi "$1" rtpengine_show |
		grep -oE "\"udp:127.0.1.3$2:2223\",[^}]*" |
		sed -E 's/.*"disabled": ?([01]).*/\1/'
}

# ---- the cases

# New calls go to the other engine, the old ones too, both ends hear each other; a
# second run has nothing to do.
case_media_drain() { # CALLS [NODES]
	local n=${1:-12} nodes=${2:-2} k i

	rm_up "$n" "$nodes" --local-route
	k=$(rm_at 1)
	[ "$k" -gt 0 ] && [ "$(rm_at 2)" = $((n - k)) ]
	rm_is_heard "$n"

	# a tag that moves keeps its calls' media: by inbound alone
	fr 0 preflight sip1 --to sip2
	same "$(awk -F '\t' '$2 == "body" { print $4 }' <<<"$output")" \
		"auto: $n inbound, 0 outbound"
	fr 5 preflight sip1 --to sip2 --body outbound
	hints 'refused by rule body'

	fr 1 drain-media rtp1 -n
	hints "rtp1 has $k calls"
	same "$(rm_uses 1 1)" 0

	fr 0 drain-media rtp1
	same "$(verdicts)" "moved $k"
	same "$(cut -f 7 <<<"$output" | sort -u)" inbound
	same "$(cut -f 10 <<<"$output" | sort -u)" yes
	hints 'rtp1 is empty'
	hints 'undoes that'
	same "$(rm_at 2)" "$n"
	for ((i = 1; i <= nodes; i++)); do
		same "$(rm_uses $i 1) $(rm_uses $i 2)" '1 0'
	done
	same "$(state "$(job)")" 'done'
	# what a dialog says of media may be old by now
	fr 0 list
	hints 'rtpengine udp:127.0.1.31:2223 is disabled: a call '
	# what is drained may be stopped: a chain of two engines would be heard, too
	rm_kill 1
	rm_is_heard "$n"

	# dialogs still name the engine of before: the engines know better
	fr 0 drain-media rtp1 --json
	same "$(summary changed)" false
	hints "$k calls whose dialogs name rtp1 are anchored elsewhere"
	same "$(rh_invites uac | wc -l)" "$k"
	rh_calls 4
	same "$(rm_at 1)" 0

	# nothing is left to take its calls
	fr 5 drain-media rtp2
	hints 'refused by rule last'
	same "$(rm_uses 1 2)" 0
	rh_bye uac
}

# Without local_route { rtpengine_offer() } voice goes past all engines: seen at the
# first call, and no other one is asked.
case_media_local_route() {
	local k

	rm_up 8 2
	k=$(rm_at 1)
	[ "$k" -gt 1 ]
	fr 5 drain-media rtp1
	hints 'refused by rule local-route'
	same "$(rh_invites uac | wc -l)" 1
	same "$(rm_at 1)" $((k - 1))
	# resumed it would do harm
	same "$(state "$(job)")" aborted
}

# kill -9 in the middle: resume asks those that are left, and only those.
case_media_resume() {
	local k id

	rm_up 16 2 --local-route
	k=$(rm_at 1)
	[ "$k" -gt 4 ]
	fr_begin drain-media rtp1 --rate 4
	os_wait 10 invited 3
	kill -s KILL "$rr_pid"
	wait "$rr_pid" 2>/dev/null || :
	[ "$(rm_at 1)" -gt 0 ]
	id=$(pg_sql 'select id from fastpath.job')
	fr 0 resume "$id"
	same "$(rm_at 2)" 16
	[ "$(twice | wc -l)" -le 1 ] # the one that was under way
	rm_is_heard 16
	fr 0 drain-media rtp1 --json
	same "$(summary changed)" false
}

# A dead engine: its calls have no voice, until they are anchored elsewhere.
case_media_dead() {
	local k

	rm_up 8 2 --local-route
	k=$(rm_at 1)
	[ "$k" -gt 0 ]
	rm_kill 1
	same "$(rm_voice 10 | awk '$2 + $3 == 0' | wc -l)" "$k"
	fr 0 drain-media rtp1 --to rtp2
	same "$(verdicts)" "moved $k"
	same "$(cut -f 10 <<<"$output" | sort -u)" yes
	same "$(rm_at 2)" 8
	rm_is_heard 8
	fr 0 drain-media rtp1 --json
	same "$(summary changed)" false
}

case_media_words() {
	rm_up 0 2
	fr 2 drain-media
	hints 'wants one rtpengine'
	fr 2 drain-media rtp9
	hints 'rtp9: no such node'
	fr 2 drain-media sip1
	hints 'sip1: no rtpengine: it has no fp_ng'
	fr 2 drain-media rtp1 --to rtp1
	hints '--to rtp1: it is the one to drain'
	fr 5 drain-media rtp1 --body outbound
	hints 'refused by rule body'
	# no call: OpenSIPS is told all the same
	fr 0 drain-media rtp1 --json
	same "$(summary changed)" true
	same "$(rm_uses 1 1) $(rm_uses 2 1)" '1 1'
	fr 0 drain-media rtp1 --json
	same "$(summary changed)" false
}
