#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-health peers: whom the routing itself trusts, into a real list of fp-block;
# with stand-ins of OpenSIPS and FreeSWITCH.
# shellcheck disable=SC2154 # bats' variables

bats_require_minimum_version 1.5.0

load block.bash

setup_file() { node_up; }

os_tables() {
	mkdir -p os/db
	cat >os/db/dispatcher <<-'END'
	id(int,auto) setid(int) destination(string) socket(string,null) state(int) probe_mode(int) weight(string) priority(int) attrs(string,null) description(string,null)
	1:1:sip\:198.51.100.1\:5060::0:0:50:0::
	2:2:sip\:198.51.100.1::0:0:50:0::
	3:2:sip\:198.51.100.2::1:0:50:0::
	END
	cat >os/db/load_balancer <<-'END'
	id(int,auto) group_id(int) dst_uri(string) resources(string) probe_mode(int) attrs(string,null) description(string,null)
	1:5:sip\:[2001\:db8\:\:5]\:5060;transport=tcp:calls=30:0::
	END
	cat >os/db/dr_gateways <<-'END'
	id(int,auto) gwid(string) type(int) address(string) strip(int) pri_prefix(string,null) attrs(string,null) probe_mode(int) state(int) socket(string,null) description(string,null)
	1:gw1:1:192.0.2.90\:5080:0:::0:0::
	2:gw2:1:sip\:carrier.example.net:0:::0:1::
	END
	cat >os/db/address <<-'END'
	id(int,auto) grp(int) ip(string) mask(int) port(int) proto(string) pattern(string,null) context_info(string,null)
	1:1:192.0.2.77:32:0:any::
	2:1:203.0.113.0:24:5060:udp::
	3:2:2001\:db8\:\:7:128:0:any::
	4:3:0.0.0.0:0:0:any::
	END
}

background() {
	"$@" >>log 2>&1 </dev/null 3>&- 4>&- &
	pids+=($!)
}

setup() {
	node_fresh
	# shellcheck source=test/lab/lab.sh
	source "$BATS_TEST_DIRNAME/../lab/lab.sh"
	fake=$BATS_TEST_DIRNAME/../fake
	pids=()
	os_tables
	cat >cluster.ini <<-'END'
	[opensips]
	sip1 fp_sip=udp:127.0.1.1:5060 fp_mi=udp:127.0.1.1:8080 fp_mi_list=http://127.0.1.1:8888/mi
	[freeswitch]
	fs1 ansible_host=127.0.3.1 fp_esl=127.0.3.1:8021
	END
	# names are known here alone
	cp /etc/hosts hosts
	printf '%s\n' '192.0.2.33 carrier.example.net' \
		'192.0.2.34 carrier.example.net' \
		'2001:db8::33 carrier.example.net' >>hosts
	mount --bind hosts /etc/hosts
	background "$fake/opensips" run os --node 1 --cluster '' --no-probes
	background python3 "$fake/freeswitch" --ip 127.0.3.1 --name fs1 \
		gateways=telco=192.0.2.7:5080,other=carrier.example.net
	lab_wait 20 up
}

up() {
	[ "$(peers --no-resolve -t 1s 2>/dev/null | wc -l)" -gt 5 ]
}

teardown() {
	umount /etc/hosts || :
	for pid in "${pids[@]}"; do
		kill -KILL "$pid" 2>/dev/null || :
	done
	[ -n "$BATS_TEST_COMPLETED" ] || tail -n 20 log
}

peers() { "$FP_BUILD/fp-health" peers -C cluster.ini "$@"; }

@test "lines of a list: each prefix once, sorted, names looked up" {
	run -0 --separate-stderr peers
	same "$output" '192.0.2.7 why="gateway fs1 internal::telco"
192.0.2.33 why="drouting sip1 gateway gw2, gateway fs1 internal::other"
192.0.2.34 why="drouting sip1 gateway gw2, gateway fs1 internal::other"
192.0.2.77 why="permissions sip1 address group 1"
192.0.2.90 why="drouting sip1 gateway gw1"
198.51.100.1 why="dispatcher sip1 1, dispatcher sip1 2"
198.51.100.2 why="dispatcher sip1 2"
203.0.113.0/24 why="permissions sip1 address group 1"
2001:db8::5 why="load_balancer sip1 5"
2001:db8::7 why="permissions sip1 address group 2"
2001:db8::33 why="drouting sip1 gateway gw2, gateway fs1 internal::other"'
	[[ $stderr == *'permissions sip1 address group 3: 0.0.0.0/0 is everybody: left out'* ]]
	run -0 --separate-stderr peers --no-resolve --json
	[ "${#lines[@]}" = 9 ]
	[[ ${lines[0]} == '{"type":"peer","prefix":"192.0.2.7","why":"gateway fs1 internal::telco"}' ]]
	[[ ${lines[-1]} == *'"type":"summary","changed":false,"peers":8,"failed":0,"left_out":3}' ]]
	[[ $stderr == *'drouting sip1 gateway gw2: carrier.example.net is a name: left out'* ]]
}

@test "into fp-block: what the routing trusts is not blocked" {
	peers >out
	fp-block load peers --kind allow - --quiet <out
	printf '203.0.113.9\n192.0.2.34\n192.0.2.35\n' |
		fp-block load bad --quiet --override allowed -
	block 0 test 192.0.2.35
	block 1 test 203.0.113.9
	block 1 test 192.0.2.34
	peers | fp-block load peers --kind allow - --json >again
	grep -q '"type":"summary","changed":false' again
}

@test "not all could be asked: nothing is printed, unless --override partial" {
	kill -KILL "${pids[1]}"
	run -3 --separate-stderr peers -t 2s
	[ -z "$output" ]
	[[ $stderr == *'fs1: '*'--override partial lifts it'* ]]
	run -3 --separate-stderr peers -t 2s --override partial
	[ "${#lines[@]}" = 10 ]
	run -0 --separate-stderr peers -N sip1
	[ "${#lines[@]}" = 10 ]
}

@test "an OpenSIPS that is silent, lies, or says no" {
	local fault

	for fault in silent garbage 'error 500 x' 'status 500'; do
		"$fake/opensips" ctl os set "fault.http/dr_gw_status=$fault"
		run -3 --separate-stderr peers -t 1s
		[ -z "$output" ]
		[[ $stderr == *'sip1: dr_gw_status: '* ]]
	done
	"$fake/opensips" ctl os set fault.http/dr_gw_status=none
	# a module that is not loaded trusts nobody
	"$fake/opensips" ctl os command address_dump no
	"$fake/opensips" ctl os command subnet_dump no
	run -0 --separate-stderr peers
	[[ $output != *permissions* && $output == *dispatcher* ]]
	kill -KILL "${pids[0]}"
	run -3 --separate-stderr peers -t 1s
	[ -z "$output" ]
	[[ $stderr == *'sip1: '* ]]
}

@test "a name that nobody knows" {
	: >hosts
	run -3 --separate-stderr peers -t 2s
	[ -z "$output" ]
	[[ $stderr == *'gateway fs1 internal::other: carrier.example.net: '* ]]
}

@test "bad words" {
	run -3 peers -N nosuch
	[[ $output == *nosuch* ]]
	run -3 peers -o nosuch
	[[ $output == *nosuch* ]]
	run -3 "$FP_BUILD/fp-health" peers -C none.ini
	[[ $output == *'no cluster file none.ini'* ]]
}
