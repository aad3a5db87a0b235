# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Of dialogs.bash: what nodes of a cluster make of each other's dialogs.
# shellcheck disable=SC2034,SC2154 # of bats, and of dialogs.bash

# ---- ownership

# The owner and nobody else may.
case_owner() {
	local id i

	rh_calls 1
	id=$(one)
	output=$(push 1 "$id")
	is 'result "OK"'
	for i in 2 3; do
		output=$(push $i "$id")
		is 'error 403 Node is backup for requested dialog'
		output=$(rh_mi $i dlg_end_dlg "{\"dialog_id\":\"$id\"}")
		is 'error 403 Node is backup for requested dialog'
	done
	output=$(rh_mi 3 dlg_list_ctx "{\"callid\":\"$id\"}")
	has '"fp":"1"'
	# the tag moves
	rh_activate 3 "$(tag_of "$id")"
	output=$(push 1 "$id")
	is 'error 403 Node is backup for requested dialog'
	output=$(push 3 "$id")
	is 'result "OK"'
	# a move asks for no tag
	output=$(sequential 2 "$id")
	is 'result {"Code":200,"Reason":"OK"}'
	output=$(rh_mi 3 dlg_end_dlg "{\"dialog_id\":\"$id\"}")
	is 'result "OK"'
	os_wait 5 rh_are_down "$id"
	has_fate "$id" 'uac peer 127.0.1.2'
	for i in 1 2 3; do
		os_wait 5 rh_has $i 0
	done
	rh_activate 1
}

# A tag of no one is made, and everybody learns of it.
case_unknown_tag() {
	output=$(rh_mi 2 clusterer_shtag_set_active '{"tag":"nosuch/1"}')
	is 'result "OK"'
	[ "$(rh_owner nosuch)" = 2 ]
	os_wait 3 knows_as_backup 1 nosuch
}
knows_as_backup() {
	[[ $(rh_mi "$1" clusterer_list_shtags) == *"{\"Tag\":\"$2\",\"Cluster\":1,\"State\":\"backup\"}"* ]]
}

# ---- a node is drained, or dead

# Calls of one tag are moved to 2, of the other to 3, while 1 lives; what still
# comes to it is passed on, and new calls are good ones.
case_drain() {
	local id

	rh_calls 12
	rh_activate 2 sip1.0
	rh_activate 3 sip1.1
	for id in $(rh_held); do
		case $(tag_of "$id") in
		sip1.0) sequential 2 "$id" >/dev/null ;;
		sip1.1) echo "$id" ;;
		esac
	done >"$OS_DIR/still"
	mapfile -t still <"$OS_DIR/still"
	[ ${#still[@]} -gt 0 ]
	rh_moved 127.0.1.2 "$(rh_held | grep -vxFf "$OS_DIR/still" | head -1)"
	# these were not moved: by way of 1
	rh_bye uac "${still[0]}"
	has_fate "${still[0]}" 'uac self 127.0.1.1'
	rh_calls 3
	for i in 1 2 3; do
		[ "$(rh_count $i 4)" = 14 ]
	done
	rh_bye uas
	for i in 1 2 3; do
		os_wait 5 rh_has $i 0
	done
	rh_activate 1
}

case_failover() {
	local id half

	rh_calls 20
	rh_kill 1
	os_wait 8 rh_is_lost 1
	rh_activate 2 sip1.0 sip1.1
	for id in $(rh_held); do
		output=$(sequential 2 "$id")
		is 'result {"Code":200,"Reason":"OK"}'
	done
	rh_moved 127.0.1.2
	mapfile -t half < <(rh_held | head -10)
	rh_bye uac "${half[@]}"
	rh_bye uas
	has_fate "${half[0]}" 'uac self 127.0.1.2'
	has_fate "${half[0]}" 'uas peer 127.0.1.2'
	os_wait 5 rh_has 2 0
	os_wait 5 rh_has 3 0
}

# It comes back empty, owns nothing, and takes what the others have.
case_restart() {
	RH_VIA=2 rh_calls 6
	rh_restart 1
	os_wait 5 rh_has 1 6 4
	[ "$(statistic 1 create_recv)" = 0 ]
	[ "$(statistic 1 processed_dialogs)" = 6 ]
	[ "$(rh_owner sip1.0)" = 2 ]
	output=$(rh_mi 1 sr_list_reports '{"group":"clusterer","identifier":"cap:dialog-dlg-repl"}' |
		grep -o '"Log":"[^"]*"' | sed 's/\[[23]\]/[N]/')
	is '"Log":"Sync request postponed! (no donor available)"
"Log":"Sync started from node [N]"
"Log":"Sync completed, received [6] chunks"'
	# and they are good ones
	rh_activate 1
	for id in $(rh_held); do
		output=$(sequential 1 "$id")
		is 'result {"Code":200,"Reason":"OK"}'
	done
	rh_moved 127.0.1.1
	RH_VIA=1 rh_bye uac
	os_wait 5 rh_has 1 0
	os_wait 5 rh_has 3 0
}

# ---- SDP

# rh_reinvite, and what each node then thinks was said.
case_sdp() {
	local id

	rh_calls 1
	id=$(one)
	origins "$id" | xargs
	rh_reinvite uac "$id"
	if [ -n "$RH_ACK_RULE" ]; then
		os_wait 5 origins_are "$id" '9 9 9'
	else
		os_wait 5 origins_are "$id" '9 1 1'
		output=$(push 1 "$id")
		is 'result "OK"'
		os_wait 5 origins_are "$id" '9 9 9'
	fi
	output=$(sequential 2 "$id" callee)
	is 'result {"Code":200,"Reason":"OK"}'
	[ "$(rh_invites uas | awk -v id="$id" '$1 == id' | tail -1 | cut -d' ' -f5-)" = \
		'uac 1 9 IN IP4 127.0.3.1' ]
	rh_bye uac
}
origins() { # CALLID
	local i

	for i in $(rh_alive); do
		rh_mi "$i" dlg_list "{\"callid\":\"$1\"}" |
			sed -n 's/.*o=uac 1 \([0-9]\).*/\1/p'
	done
}
origins_are() { [ "$(origins "$1" | xargs)" = "$2" ]; }

# Without the ACK rule a call under another's tag stays in state 3 elsewhere.
case_no_ack_rule() {
	case_sdp
	rh_activate 2 sip1.0 sip1.1
	rh_calls 2
	[ "$(rh_count 1 4)" = 2 ]
	[ "$(rh_count 2 3)" = 2 ]
	[ "$(rh_count 3 3)" = 2 ]
	rh_bye uac
	rh_activate 1
}

# ---- time

# The owner ends them when their time is over: node 1 those of sip1.0, node 2, which
# has been given it, those of sip1.1.
case_timeout() {
	local id

	rh_calls 8
	rh_activate 2 sip1.1
	for id in $(rh_held); do
		echo "$id $(tag_of "$id")"
	done >"$OS_DIR/tags"
	mapfile -t ids < <(cut -d' ' -f1 "$OS_DIR/tags")
	os_wait 15 rh_are_down "${ids[@]}"
	for i in 1 2 3; do
		os_wait 5 rh_has $i 0
	done
	[ "$(rh_log uac | grep -c '^down .* peer')" = 8 ]
}

# cluster_auto_sync at its default: a node that is killed and back takes others'
# dialogs with it (facts/opensips-3nodes.md 0.1).
case_auto_sync() {
	local i

	for i in 1 2 3; do
		RH_VIA=$i rh_calls 5
	done
	rh_kill 3
	os_wait 8 rh_is_lost 3
	sleep 1
	rh_restart 3
	os_wait 10 rh_has 2 5
	[ "$(rh_mi 2 clusterer_list_cap | grep -c '"state":"Ok"')" = 1 ]
	output=$(rh_mi 2 sr_list_reports '{"group":"clusterer","identifier":"cap:dialog-dlg-repl"}')
	has 'Sync completed, received \[0\] chunks'
}

# ---- media

# Two rtpengines; the one that has the call dies, and the call is moved with
# body=inbound to the other.  The dialog still tells of the old one.
case_media() {
	local id was

	rh_calls 1
	id=$(one)
	was=$(rh_media uac "$id")
	was=${was%:*}
	[ "$(rh_rtp "$id")" = '50 50' ]
	output=$(rh_mi 2 dlg_list "{\"callid\":\"$id\"}")
	# what each end was sent: the other's words, the rtpengine's address
	has "\"caller_sent_sdp\":\"v=0.r.no=uas 1 1 IN IP4 $was.*c=IN IP4 $was"
	has "\"callee_sent_sdp\":\"v=0.r.no=uac 1 1 IN IP4 $was"
	rh_rtpengine_kill "${was##*.}"
	for i in 1 2; do
		rh_mi $i rtpengine_enable "{\"url\":\"udp:$was:2223\",\"enable\":0}"
	done
	output=$(sequential 2 "$id" challenge inbound)
	is 'result {"Code":200,"Reason":"OK"}'
	[ "$(rh_media uac "$id" | cut -d: -f1)" != "$was" ]
	[ "$(rh_rtp "$id")" = '50 50' ]
	[[ $(rh_mi 2 dlg_list "{\"callid\":\"$id\"}") == *"c=IN IP4 $was"* ]]
	rh_bye uac
}
