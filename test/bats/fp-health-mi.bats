#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# OpenSIPS' management interface against the stand-in test/fake/opensips: the cases
# that a real one passes too (test/real/opensips-mi.bash), and faults that no real
# one can be made to have.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' variables

bats_require_minimum_version 1.5.0

load ../real/opensips-mi.bash

setup_file() {
	export FP_REAL_OPENSIPS=${FP_OPENSIPS_PREFIX:-}
	unset FP_OPENSIPS_PREFIX
	mi_setup_file
}
teardown_file() { mi_teardown_file; }
setup() {
	cd "$OS_ROOT" || return
	unset FP_OPENSIPS_PREFIX
	mi_setup
}

ctl() { "$OS_ROOT/test/fake/opensips" ctl "$OS_DIR/$1" "${@:2}"; }
# fault TRANSPORT KIND...: of node 1, for one request
fault() {
	ctl 1 set "fault.$1=${*:2}"
	run -0 "$mi" -t 250 "$(os_mi 1 "$1")" version
	ctl 1 set "fault.$1=none"
}

# ---- as a real one

@test "replies, byte by byte" { case_replies; }
@test "HTTP, byte by byte" { case_http; }
@test "the four transports" { case_transports; }
@test "many requests at once" { case_many; }
@test "nobody there" { case_nobody; }
@test "too long a reply, too long a request" { case_too_long; }
@test "a frozen process" { case_frozen; }
@test "what it says of itself and the others" { case_view; }
@test "ds_set_state: i, p, a" { case_dispatcher; }
@test "a late answer to a probe undoes ds_set_state i" { case_late_probe; }
@test "a silent peer" { case_silent_peer; }
@test "lb_status, lb_resize" { case_load_balancer; }
@test "rtpengine_enable" { case_rtpengine; }
@test "a tag moves" { case_tags; }
@test "a sync that is over at once" { case_sync; }
@test "kill -9, and a restart" { case_killed; }
@test "fp-health check" { case_check; }
@test "fp-health check: killed, a wrong path, a wrong port, too long" { case_check_killed; }

@test "the same with a real OpenSIPS" {
	[ -n "$FP_REAL_OPENSIPS" ] ||
		skip "FP_OPENSIPS_PREFIX does not say where OpenSIPS is"
	# a network of its own, and none of this bats' variables
	mapfile -t mine < <(compgen -e BATS_)
	env "${mine[@]/#/--unset=}" FP_OPENSIPS_PREFIX="$FP_REAL_OPENSIPS" \
		unshare -n bash -c \
		'ip link set lo up && exec bats test/real/opensips-mi.bats'
}

# ---- faults

@test "datagrams: garbage, another's reply, twice, half, nothing" {
	fault udp garbage 'x y'
	is 'failed EBADMSG version: no JSON: "x y"'
	fault udp garbage
	has '^failed EBADMSG version: no JSON: "garbage \{"$'
	fault udp wrong-id
	is 'failed ETIMEDOUT no reply to version in 250 ms'
	fault udp silent
	is 'failed ETIMEDOUT no reply to version in 250 ms'
	fault udp twice
	has '^result '
	fault udp part
	has '^failed EBADMSG version: no JSON: '
	fault udp error 500 'out of memory'
	is 'error 500 out of memory'
	fault udp slow 0.1
	has '^result '
	fault udp slow 0.5
	is 'failed ETIMEDOUT no reply to version in 250 ms'
	sleep 0.3 # what comes later is nobody's
	run -0 "$mi" "$(os_mi 1 udp)" uptime
	has '^result {"Now"'
}

@test "which of many got the short answer is not known" {
	ctl 1 set fault.udp/version=internal
	run -0 "$mi" -t 250 -n 4 -w 4 "$(os_mi 1 udp)" version
	has '^[34] times: failed EMSGSIZE no reply to version in 250 ms, but "500 Internal error" for this or another request'
	has '^0 of 4 in'
	ctl 1 set fault.udp/version=none
}

@test "FIFO: half a reply, one without end, garbage" {
	fault fifo part
	is 'failed ETIMEDOUT no reply to version in 250 ms'
	fault fifo garbage x
	is 'failed EBADMSG version: no JSON: "x"'
	fault fifo wrong-id
	is 'failed EBADMSG version: the reply is for another request'
	fault fifo silent
	is 'failed ETIMEDOUT no reply to version in 250 ms'
	fault fifo flood
	has '^(failed ETIMEDOUT|result)'
	run ls "$OS_DIR/1"
	[[ $output != *fp-* ]]
	# it waits for nobody now
	os_wait 5 has_fifo
}
has_fifo() { "$mi" -t 300 "$(os_mi 1 fifo)" uptime | grep -q ^result; }

@test "HTTP: statuses whose body never ends, closed, garbage, no end" {
	local code t0

	t0=$SECONDS
	for code in 202 400 500 503; do
		ctl 1 set "fault.http=status $code"
		run -0 "$mi" -t 10000 "$(os_mi 1 http)" version
		has "^failed EPROTO version: HTTP status $code"
	done
	# none of them took its time
	[ $((SECONDS - t0)) -lt 10 ]
	fault http close
	is 'failed ECONNRESET version: the connection was closed without an answer'
	fault http garbage '<html>'
	is 'failed EBADMSG version: no JSON: "<html>"'
	fault http wrong-id
	is 'failed EBADMSG version: the reply is for another request'
	for code in endless flood part silent 'slow 0.4'; do
		# shellcheck disable=SC2086 # words
		fault http $code
		is 'failed ETIMEDOUT no reply to version in 250 ms'
	done
	os_wait 5 os_answers 1
	run -0 "$mi" "$(os_mi 1 http)" version
	has '^result '
}

@test "HTTP goes by no proxy and follows nowhere" {
	http_proxy=http://127.0.1.1:9 HTTP_PROXY=http://127.0.1.1:9 \
		ALL_PROXY=http://127.0.1.1:9 \
		run -0 "$mi" "$(os_mi 1 http)" version
	has '^result '
	fault http status 302
	has '^failed EPROTO version: HTTP status 302'
}

@test "HTTP: one after the other, and a slow one holds up its own node only" {
	ctl 1 set 'fault.http=slow 0.1'
	run -0 "$mi" -t 3000 -n 5 -w 5 "$(os_mi 1 http)" version
	has '^5 of 5 in (5|6|7)[0-9][0-9] ms'
	ctl 1 set fault.http=none
}

# ---- what it says

@test "no command is asked that is not there" {
	ctl 2 command ds_list no
	ctl 2 command clusterer_list_shtags no
	run -0 view 2
	[[ $output != *'dest dispatcher'* && $output != *tag* ]]
	has '^dest load_balancer'
	run -0 ctl 2 asked
	run -0 sed -n '/which/h;//!H;${x;p}' <<<"$output" # since the last which
	[[ $output != *ds_list* && $output != *shtags* ]]
	[ "$(grep -c . <<<"$output")" -gt 5 ]
	[[ $output != *dlg_list* ]]
	ctl 2 command ds_list yes
	ctl 2 command clusterer_list_shtags yes
}

@test "split brain, Probe, an empty sync, no sync, a link by way of another" {
	ctl 2 set tag.sip1.0=active link.3=Probe/1 link.1.enabled=no
	ctl 2 report 'Sync completed, received [0] chunks'
	run -0 view 2
	has '^tag sip1.0/1 active$'
	has '^link 3 Probe 1$'
	has '^link 1 Up 1 disabled$'
	has '^sync 0$'
	run -0 view 1
	has '^tag sip1.0/1 active$'
	ctl 2 report 'Sync started from node [1]'
	ctl 2 set cap='not synced' cap.enabled=no
	run -0 view 2
	has '^sync 0 pending$'
	has '^cap dialog-dlg-repl not synced disabled$'
	ctl 2 set tag.sip1.0=backup link.3=auto link.1.enabled=yes cap=Ok \
		cap.enabled=yes
	ctl 2 report 'Sync completed, received [138] chunks'
	run -0 view 2
	has '^sync 138$'
}

@test "numbers" {
	ctl 2 set shm.free=1000 shm.total=8000 dialogs=17 processed=20
	run -0 view 2
	has '^shm 1000 8000$'
	has '^dialogs 17 20$'
	ctl 2 set shm.free=60000000 shm.total=67108864 dialogs=0 processed=0
}

@test "its clock, in any zone" {
	for zone in 0 19800 -36000; do
		ctl 2 restart
		ctl 2 set zone=$zone skew=0
		run -0 view 2
		has '^skew (-1|0|1)$'
		ctl 2 set skew=400
		run -0 view 2
		has '^skew (399|400|401)$'
	done
	ctl 2 set zone=0 skew=0
	ctl 2 restart
	os_wait 5 os_is_synced 2
	os_ask 2 clusterer_shtag_set_active '{"tag":"sip2.0/1"}'
}

@test "a destination of each state" {
	ctl 1 ds 1 sip:127.0.2.1:5060 Probing
	ctl 1 lb 1 no on
	ctl 1 rtp udp:127.0.2.31:2223 2
	run -0 view 1
	has '^dest rtpengine 1 udp:127.0.2.31:2223 -1 probing weight'
	ctl 1 rtp udp:127.0.2.31:2223 1
	os_wait 5 dest_is 1 dispatcher sip:127.0.2.1:5060 active
	os_wait 5 dest_is 1 load_balancer sip:127.0.2.1:5060 active
}

@test "fp-health check: split brain, links, syncs, memory" {
	check_setup
	check 0
	ctl 2 set tag.sip1.0=active link.3=Probe/1 shm.free=1000000
	ctl 3 set cap='not synced'
	check 2
	said_is - tags '^CRITICAL .*sip1\.0'
	said_is sip2 links '^WARNING .*Probe'
	said_is sip2 shm '^CRITICAL '
	said_is sip3 sync '^(WARNING|CRITICAL) '
	said_is sip1 mi '^OK '
	ctl 2 set tag.sip1.0=backup link.3=auto shm.free=60000000
	ctl 3 set cap=Ok
	check 0
}

@test "fp-health check: one that does not end hurts no other" {
	check_setup
	sed -i "/^sip1/s|fp_mi=.*|fp_mi=$(os_mi 1 http)|" cluster.ini
	for kind in endless flood silent 'status 500' 'garbage x'; do
		ctl 1 set "fault.http=$kind"
		check 2 --only mi
		said_is sip1 mi '^CRITICAL '
		said_is sip2 mi '^OK '
		said_is sip3 mi '^OK '
	done
	ctl 1 set fault.http=none
}

@test "its own words" {
	run -1 ctl 1 nonsense
	run -1 ctl 1 set x=1
	run -1 ctl 1 ds 1 sip:nobody i
	run -0 ctl 1 help
	has '^  set KEY=VALUE'
	run -1 test/fake/opensips ctl "$BATS_TEST_TMPDIR" help
	run -2 test/fake/opensips
}
