# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Cases of dialogs that run alike with the stand-in (test/bats/fake-opensips.bats)
# and with real OpenSIPS (test/real/dialogs.bats): what fp-rehome relies on.  Where
# they differ the stand-in is wrong.
# shellcheck disable=SC2154,SC2034

DLG_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=test/lab/rehome.bash
source "$DLG_SOURCE/../lab/rehome.bash"

is() { [ "$output" = "$1" ] || { diff <(echo "$1") <(echo "$output"); false; }; }
has() { grep -qE -- "$1" <<<"$output" || { echo "no $1 in:"; echo "$output"; false; }; }

# What differs from run to run, and between nodes of one run, masked.
masked() {
	sed -E 's/"ID":"[0-9a-f]+\.[0-9a-f]+"/"ID":"ID"/g
		s/"db_id":"[0-9]+"/"db_id":"N"/g
		s/"(timestart|timeout)":[1-9][0-9]*/"\1":T/g
		s/"(datestart|dateout)":"[-0-9]{10} [:0-9]{8}"/"\1":"D"/g
		s/"(caller|callee)_tag":"[0-9]+[cs][0-9]+"/"\1_tag":"TAG"/g
		s/[0-9]+-[0-9]+-[0-9]+@127/CALL@127/g
		s/sip([123])\.[0-7]"/sip\1.K"/g'
}
one() { rh_held | head -1; }
# seq NODE CALLID [MODE [BODY [METHOD]]]: dlg_send_sequential
sequential() {
	rh_mi "$1" dlg_send_sequential "{\"callid\":\"$2\",\"method\":\"${5:-INVITE}\",\"body\":\"${4:-outbound}\",\"mode\":\"${3:-challenge}\"}"
}
push() { # NODE CALLID
	rh_mi "$1" dlg_push_var "{\"dlg_val_name\":\"fp\",\"dlg_val_value\":\"1\",\"DID\":[\"$2\"]}"
}
statistic() { # NODE NAME
	rh_mi "$1" get_statistics "{\"statistics\":[\"$2\"]}" |
		sed -n "s/.*:$2\":\([0-9]*\).*/\1/p"
}
statistic_is() { [ "$(statistic "$1" "$2")" = "$3" ]; }
tag_of() { # CALLID
	rh_mi "$(rh_alive | head -1)" dlg_list_ctx "{\"callid\":\"$1\"}" |
		sed -n 's/.*"dlgX_shtag":"\([^"]*\)".*/\1/p'
}

# ---- listings

case_listing() {
	local i id want

	rh_calls 2
	id=$(one)
	for i in 1 2 3; do
		want='{"ID":"ID","db_id":"N","state":4,"user_flags":"","timestart":T,"datestart":"D","timeout":T,"dateout":"D","callid":"CALL@127.0.3.1","from_uri":"sip:ok-1@127.0.3.1","to_uri":"sip:ok-1@127.0.1.1","caller_tag":"TAG","caller_contact":"sip:uac@127.0.3.1:5060","callee_cseq":"0","caller_route_set":"","caller_bind_addr":"udp:127.0.1.'$i':5060","caller_sdp":"v=0\r\no=uac 1 1 IN IP4 127.0.3.1\r\ns=-\r\nc=IN IP4 127.0.3.1\r\nt=0 0\r\nm=audio 30000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n","CALLEES":[{"callee_tag":"TAG","callee_contact":"sip:uas@127.0.3.2:5060","caller_cseq":"1","callee_route_set":"","callee_bind_addr":"udp:127.0.1.'$i':5060","callee_sdp":"v=0\r\no=uas 1 1 IN IP4 127.0.3.2\r\ns=-\r\nc=IN IP4 127.0.3.2\r\nt=0 0\r\nm=audio 30000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"}]'
		output=$(rh_mi $i dlg_list "{\"callid\":\"$id\"}" | masked)
		is "result {\"Dialog\":$want}}"
		output=$(rh_mi $i dlg_list_ctx "{\"callid\":\"$id\"}" | masked)
		is "result {\"Dialog\":$want,\"context\":{\"values\":[{\"dlgX_shtag\":\"sip1.K\"}]}}}"
		output=$(rh_mi $i dlg_list_ctx '{"index":0,"counter":1}' | masked)
		has '^result \{"count":2,"Dialogs":\[\{"ID":'
		output=$(rh_mi $i dlg_list '{"index":2,"counter":1}')
		is 'result {"count":2,"Dialogs":[]}'
		output=$(rh_mi $i dlg_list '{"index":"0","counter":0}' | masked)
		has '^result \{"Dialogs":\[\{"ID":"ID"'
	done
	# in one order everywhere: that of a hash of the call-id
	[ "$(RH_MI=fifo rh_mi 1 dlg_list | grep -o '"callid":"[^"]*"')" = \
		"$(RH_MI=fifo rh_mi 3 dlg_list | grep -o '"callid":"[^"]*"')" ]
	for i in 1 2 3; do
		[ "$(statistic $i active_dialogs)" = 2 ]
		[ "$(statistic $i processed_dialogs)" = 2 ]
	done
	[ "$(statistic 1 create_sent)$(statistic 1 update_sent)" = 24 ]
	[ "$(statistic 2 create_recv)$(statistic 3 update_recv)" = 24 ]
}

# A BYE: state 5 lingers where it passed, elsewhere the dialog is gone.
case_deleted() {
	local id

	id=$(one)
	rh_bye uac "$id"
	[ "$(rh_count 1 5)" = 1 ]
	os_wait 2 rh_has 2 1 12345
	os_wait 2 rh_has 3 1 12345
	[ "$(statistic 2 active_dialogs)" = 1 ]
	output=$(RH_MI=fifo rh_mi 1 dlg_list_ctx | masked)
	has '"state":5,"user_flags":"","timestart":T,"datestart":"D","timeout":0,"callid"'
	output=$(rh_mi 1 dlg_list "{\"callid\":\"$id\"}")
	is 'error 404 No such dialog'
	output=$(sequential 1 "$id")
	is 'error 404 Dialog Not Found'
	output=$(push 1 "$id")
	is 'result "OK"'
	rh_bye uas
}

case_errors() {
	rh_calls 1
	run "$DLG_SOURCE/raw.py" udp 127.0.1.2:8080 < <(
		sed "s/CALLID/$(one)/" <<'END'
{"jsonrpc":"2.0","id":"1","method":"dlg_list","params":{"callid":"nosuch"}}
{"jsonrpc":"2.0","id":"1","method":"dlg_list","params":{"callid":5}}
{"jsonrpc":"2.0","id":"1","method":"dlg_list","params":{"callid":"CALLID","from_tag":"x"}}
{"jsonrpc":"2.0","id":"1","method":"dlg_list","params":{"index":0}}
{"jsonrpc":"2.0","id":"1","method":"dlg_list_ctx","params":{"index":"a","counter":"2"}}
{"jsonrpc":"2.0","id":"1","method":"dlg_list_ctx","params":[0,2]}
{"jsonrpc":"2.0","id":"1","method":"dlg_list","params":{"index":7,"counter":2}}
{"jsonrpc":"2.0","id":"1","method":"dlg_send_sequential","params":{"callid":"nosuch"}}
{"jsonrpc":"2.0","id":"1","method":"dlg_send_sequential","params":["CALLID"]}
{"jsonrpc":"2.0","id":"1","method":"dlg_send_sequential","params":{"callid":"CALLID","mode":"both"}}
{"jsonrpc":"2.0","id":"1","method":"dlg_send_sequential","params":{"callid":"CALLID","mode":"challenge-nobody"}}
{"jsonrpc":"2.0","id":"1","method":"dlg_send_sequential","params":{"callid":"CALLID","body":"sdp"}}
{"jsonrpc":"2.0","id":"1","method":"dlg_send_sequential","params":{"callid":"CALLID","mode":"challenge","method":"OPTIONS"}}
{"jsonrpc":"2.0","id":"1","method":"dlg_send_sequential","params":{"callid":"CALLID","headers":"X: 1\r\n"}}
{"jsonrpc":"2.0","id":"1","method":"dlg_send_sequential","params":{"callid":"nosuch","mode":"both"}}
{"jsonrpc":"2.0","id":"1","method":"dlg_push_var","params":{"dlg_val_name":"fp","dlg_val_value":"1","DID":"x"}}
{"jsonrpc":"2.0","id":"1","method":"dlg_push_var","params":{"dlg_val_name":"fp","dlg_val_value":"1","DID":["nosuch"]}}
{"jsonrpc":"2.0","id":"1","method":"dlg_push_var","params":["fp","1",["nosuch"]]}
{"jsonrpc":"2.0","id":"1","method":"dlg_push_var","params":{"dlg_val_name":"fp","DID":["nosuch"]}}
{"jsonrpc":"2.0","id":"1","method":"dlg_push_var","params":{"dlg_val_name":"fp","dlg_val_value":"1","DID":["CALLID"]}}
{"jsonrpc":"2.0","id":"1","method":"dlg_end_dlg","params":{"dialog_id":"nosuch"}}
{"jsonrpc":"2.0","id":"1","method":"dlg_end_dlg","params":{"dialog_id":"CALLID"}}
{"jsonrpc":"2.0","id":"1","method":"dlg_end_dlg"}
{"jsonrpc":"2.0","id":"1","method":"which","params":{"command":"dlg_list_ctx"}}
{"jsonrpc":"2.0","id":"1","method":"which","params":{"command":"dlg_send_sequential"}}
{"jsonrpc":"2.0","id":"1","method":"which","params":{"command":"dlg_push_var"}}
{"jsonrpc":"2.0","id":"1","method":"which","params":{"command":"dlg_cluster_sync"}}
{"jsonrpc":"2.0","id":"1","method":"clusterer_list_shtags"}
END
	)
	[ -z "${DLG_WRITE:-}" ] || echo "$output" >"$DLG_SOURCE/dialogs.replies"
	is "$(cat "$DLG_SOURCE/dialogs.replies")"
	rh_bye uac
}

# ---- dlg_send_sequential

# What it says, and which ends were told, by what the ends answer: "CALLER CALLED
# ENDS WANT".
answers='ok ok uac+uas result {"Code":200,"Reason":"OK"}
c491 ok uac result {"Code":491,"Reason":"Request Pending"}
ok c491 uac+uas result {"Code":491,"Reason":"Request Pending"}
c488 ok uac result {"Code":488,"Reason":"Not Acceptable Here"}
ok c481 uac+uas result {"Code":481,"Reason":"Call/Transaction Does Not Exist"}
ok c503 uac+uas result {"Code":503,"Reason":"Service Unavailable"}
nosdp ok uac result {"Code":400,"Reason":"OK"}
ok nosdp uac+uas result {"Code":200,"Reason":"OK"}
silent ok uac error 408 Request Timeout
slow3 ok uac+uas result {"Code":200,"Reason":"OK"}'
case_answers() {
	local id caller called n

	n=$(wc -l <<<"$answers")
	rh_calls "$n" "$(cut -d ' ' -f 2 <<<"$answers" | xargs)" \
		"$(cut -d ' ' -f 1 <<<"$answers" | xargs)"
	rh_users | while read -r id caller called; do
		answer "$id" "${caller%-*}" "${called%-*}" 3>&- &
	done >"$OS_DIR/answers"
	os_wait 9 lines_are "$OS_DIR/answers" "$n"
	diff <(sort <<<"$answers") <(sort "$OS_DIR/answers")
	# they live, whatever was said
	rh_has 2 "$n" 4
	rh_bye uas
	os_wait 5 rh_has 1 0 34
}
lines_are() { [ "$(wc -l <"$1")" = "$2" ]; }
answer() { # CALLID CALLER CALLED
	local said ends

	said=$(sequential 2 "$1")
	ends=$(for end in uac uas; do
		! rh_invites $end | grep -q "^$1 127.0.1.2 " || echo $end
	done | xargs)
	echo "$2 $3 ${ends// /+} $said"
}

# 491 goes away; to ask again is harmless.
case_again() {
	local id

	rh_calls 1 once491 ok
	id=$(one)
	output=$(sequential 2 "$id")
	is 'result {"Code":491,"Reason":"Request Pending"}'
	output=$(sequential 2 "$id")
	is 'result {"Code":200,"Reason":"OK"}'
	output=$(sequential 2 "$id")
	is 'result {"Code":200,"Reason":"OK"}'
	# CSeqs rise, and are those of the whole cluster
	output=$(sequential 3 "$id")
	is 'result {"Code":200,"Reason":"OK"}'
	[ "$(rh_invites uac | awk -v id="$id" '$1 == id { print $3 }' | xargs)" = '1 2 3 4' ]
	[ "$(rh_invites uas | awk -v id="$id" '$1 == id { print $2, $3 }' | xargs)" = \
		'127.0.1.2 2 127.0.1.2 3 127.0.1.2 4 127.0.1.3 5' ]
	rh_bye uac
	has_fate "$id" 'uac self 127.0.1.3'
}
has_fate() { # CALLID TEXT
	rh_fate "$1" | grep -qxF -- "$2" || { rh_fate "$1"; return 1; }
}

case_modes() {
	local id mode end

	rh_calls 1
	id=$(one)
	for mode in caller callee challenge-caller challenge_callee; do
		output=$(sequential 2 "$id" $mode inbound)
		is 'result {"Code":200,"Reason":"OK"}'
	done
	for end in uac uas; do
		[ "$(rh_invites $end | grep -c "^$id 127.0.1.2 ")" = 3 ]
	done
	output=$(rh_mi 2 dlg_send_sequential "{\"callid\":\"$id\"}")
	is 'result {"Code":200,"Reason":"OK"}'
	output=$(rh_invites uac | tail -1)
	[[ $output != *uas* ]] # nothing is offered
	for mode in caller callee; do
		output=$(sequential 3 "$id" $mode none OPTIONS)
		is 'result {"Code":200,"Reason":"OK"}'
		output=$(sequential 3 "$id" $mode outbound UPDATE)
		is 'result {"Code":200,"Reason":"OK"}'
	done
	output=$(for e in uac uas; do rh_log $e; done |
		awk -v id="$id" '$1 == "asked" && $3 == id {
			sub(/;.*/, "", $5); print $2, $4, $5 }')
	is "uac OPTIONS sip:127.0.1.3:5060
uac UPDATE sip:127.0.1.3:5060
uas OPTIONS sip:127.0.1.3:5060
uas UPDATE sip:127.0.1.3:5060"
	rh_bye uas
	has_fate "$id" 'uas self 127.0.1.3'
}

# Over HTTP it looks each half a second.
case_http() {
	local id start

	rh_calls 1
	id=$(one)
	for _ in 1 2; do
		start=$(date +%s%N)
		output=$(RH_MI=http sequential 2 "$id")
		is 'result {"Code":200,"Reason":"OK"}'
		start=$((($(date +%s%N) - start) / 1000000))
		((start >= 450 && start < 1500)) || { echo "$start ms"; false; }
	done
	output=$(RH_MI=fifo sequential 2 "$id")
	is 'result {"Code":200,"Reason":"OK"}'
	rh_bye uac
}

# A re-homing takes some 31 KB of shared memory for 5 s.
case_memory() {
	local id before taken ids

	rh_calls 20
	mapfile -t ids < <(rh_held)
	before=$(statistic 2 used_size)
	for id in "${ids[@]}"; do
		sequential 2 "$id" >/dev/null
	done
	taken=$((($(statistic 2 used_size) - before) / 20))
	((taken > 20000 && taken < 45000)) || { echo "$taken bytes"; false; }
	rh_moved 127.0.1.2
	rh_bye uas
	[ "$(rh_count 2 5)" -ge 20 ]
	os_wait 9 memory_is_back 2 $((before + 20 * 8000))
	os_wait 5 rh_has 2 0 12345
	os_wait 1 rh_has 1 0 12345
}
memory_is_back() { [ "$(statistic "$1" used_size)" -lt "$2" ]; }

# ---- early dialogs

case_early() {
	local id

	rh_ring 1
	id=$(RH_MI=fifo rh_mi 1 dlg_list | sed 's/^result //' |
		jq -r '.Dialogs[] | select(.state == 2).callid')
	output=$(rh_mi 1 dlg_list "{\"callid\":\"$id\"}" | masked)
	has '"state":2,"user_flags":"","timestart":0,"timeout":0,"callid":"CALL@127.0.3.1"'
	has '"CALLEES":\[\{"callee_tag":"TAG","callee_contact":"sip:uas@127.0.3.2:5060","caller_cseq":"1","callee_route_set":"","callee_bind_addr":"udp:127.0.1.1:5060"\}\]'
	[ "$(statistic 1 early_dialogs)" = 1 ]
	[ "$(rh_count 2 1234)" = 0 ] # others know nothing of it
	output=$(rh_mi 1 dlg_end_dlg "{\"dialog_id\":\"$id\"}")
	is 'result "OK"'
	os_wait 5 rh_has 1 0 1234
	os_wait 5 statistic_is 1 early_dialogs 0
}

# shellcheck source=test/real/dialogs-cluster.bash
source "$DLG_SOURCE/dialogs-cluster.bash"
