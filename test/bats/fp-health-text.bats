#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-health steer --format nsupdate and haproxy, into a real BIND and a real
# HAProxy.
# shellcheck disable=SC2154 # bats' variables

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	source "$BATS_TEST_DIRNAME/../lab/lab.sh"
	export FP_CLUSTER=$PWD/cluster.ini FP_STATE=$PWD/state
	mkdir state
	cat >cluster.ini <<-'END'
	[opensips]
	sip1 ansible_host=192.0.2.11 fp_sip=udp:192.0.2.11:5060,tcp:[2001:db8::11]:5060
	sip2 ansible_host=192.0.2.12
	sip3 ansible_host=10.0.0.13 fp_sip=udp:192.0.2.13:5060
	[freeswitch]
	fs1 ansible_host=192.0.2.21 fp_sip=udp:192.0.2.21:5060
	END
	pids=()
	mkfifo in
	exec 7<>in
}

teardown() {
	exec 7>&-
	for pid in "${pids[@]}"; do
		kill -KILL "$pid" 2>/dev/null || :
	done
	[ -n "$BATS_TEST_COMPLETED" ] || tail -n 20 ./*.err ./*.log out 2>/dev/null
}

needs() {
	local tool

	for tool; do
		command -v "$tool" >/dev/null || skip "$tool is not installed"
	done
}

background() { # LOG COMMAND...
	"${@:2}" >"$1" 2>&1 </dev/null 3>&- 4>&- 7>&- &
	pids+=($!)
}

rec() { # NODE CHECK STATE [TAKES_CALLS]
	printf '{"type":"transition","node":"%s","check":"%s","to":"%s","takes_calls":%s,"detail":"said"}\n' \
		"$1" "$2" "$3" "${4:-true}"
}
well() { local n; for n; do rec "$n" sip OK; done; }
alive() { echo '{"type":"alive","interval_ms":600000}'; }
steer() { "$FP_BUILD/fp-health" steer -N opensips "$@"; }
dns() { steer --format nsupdate --zone example.net --name edge.example.net "$@"; }
# shellcheck disable=SC2120 # run gives it some
ha() { steer --format haproxy --backend be "$@"; }
heard() { grep -qE -- "$2" "$1"; }

# ---- nsupdate

named_up() {
	needs named nsupdate dig
	cat >zone <<-'END'
	$ORIGIN example.net.
	$TTL 60
	@ IN SOA ns1 hostmaster 1 3600 600 604800 60
	@ IN NS ns1
	ns1 IN A 127.0.0.1
	edge 30 IN A 192.0.2.66
	END
	cat >named.conf <<-END
	options {
		directory "$PWD"; listen-on port 5300 { 127.0.0.1; };
		listen-on-v6 { none; }; pid-file "$PWD/named.pid";
		session-keyfile "$PWD/session.key"; recursion no;
		dnssec-validation no;
	};
	controls { };
	zone "example.net" {
		type primary; file "$PWD/zone"; allow-update { 127.0.0.1; };
	};
	END
	background named.log named -g -c named.conf
	# it answers before it takes updates: SERVFAIL until then
	lab_wait 20 heard named.log ' running$'
	lab_wait 20 answers
}

ask() { dig +short +time=2 +tries=2 -p 5300 @127.0.0.1 "$@"; }
answers() { [ -n "$(ask SOA example.net)" ]; }
addresses() { # A or AAAA
	ask "$1" edge.example.net | sort | xargs
}
are() { [ "$(addresses A)" = "$1" ]; }

@test "nsupdate: the name follows, a second update changes nothing" {
	local serial

	named_up
	# for ever: nsupdate reads what steer says when it says it
	(
		exec 7>&-
		{ echo 'server 127.0.0.1 5300'; dns --ttl 17 <in 2>steer.err; } |
			tee out | nsupdate >nsupdate.log 2>&1
	) 3>&- 4>&- &
	pids+=($!)
	{ well sip1 sip2 sip3; alive; } >&7
	lab_wait 10 are '192.0.2.11 192.0.2.12 192.0.2.13 192.0.2.66'
	[ "$(addresses AAAA)" = 2001:db8::11 ]
	# what it did not put there is not its
	dig +noall +answer -p 5300 @127.0.0.1 A edge.example.net |
		grep -qE '17[[:space:]].*192.0.2.13'
	rec sip1 mi CRITICAL >&7
	lab_wait 10 are '192.0.2.12 192.0.2.13 192.0.2.66'
	[ -z "$(addresses AAAA)" ]
	heard out '^; sip1 out: mi CRITICAL: said$'
	# a state that is another, and nothing follows from it
	cp out before
	rec sip2 sip WARNING >&7
	rec sip2 sip UNKNOWN >&7
	rec fs1 sip CRITICAL >&7
	rec sip1 mi OK >&7
	lab_wait 10 are '192.0.2.11 192.0.2.12 192.0.2.13 192.0.2.66'
	[ "$(grep -c ^send before)" = 2 ]
	[ "$(grep -c ^send out)" = 3 ]
	# another steerer says all of it again: the zone is the same
	serial=$(ask SOA example.net)
	{ well sip1 sip2 sip3; alive; } >again
	{ echo 'server 127.0.0.1 5300'; dns --ttl 17 <again; } >text
	nsupdate <text
	[ "$(ask SOA example.net)" = "$serial" ]
	are '192.0.2.11 192.0.2.12 192.0.2.13 192.0.2.66'
}

@test "nsupdate: guards: --max-down, never the last one" {
	{ well sip3; rec sip1 sip CRITICAL; rec sip2 sip CRITICAL; alive; } >r
	dns <r >out 2>err
	heard out '^update delete edge.example.net. A 192.0.2.11$'
	heard err 'sip2 stays in: more than --max-down would be out \(sip CRITICAL: said\)'
	run ! heard out 'update delete .* 192.0.2.12$'
	{
		well sip1 sip2 sip3
		alive
		rec sip1 sip CRITICAL
		rec sip2 sip CRITICAL
		rec sip3 node MAINT
	} >r2
	dns --max-down 100 <r2 >out 2>err
	heard err 'sip3 stays in: it is the last one'
	run ! heard out 'update delete .* 192.0.2.13$'
	heard out 'update delete edge.example.net. A 192.0.2.12$'
	# what is not known is left alone: nobody is known to be in
	{ rec sip1 sip CRITICAL; rec sip2 sip UNKNOWN; alive; } >r3
	dns <r3 >out 2>err
	[ ! -s out ]
	heard err 'sip1 stays in: it is the last one'
}

@test "nsupdate: an address of two nodes stays while one of them is in" {
	sed -i 's/^sip2 .*/sip2 fp_sip=udp:192.0.2.11:5070/' cluster.ini
	{ well sip2 sip3; rec sip1 sip CRITICAL; alive; } >r
	dns <r >out 2>/dev/null
	heard out '^update delete edge.example.net. AAAA 2001:db8::11$'
	run ! heard out 'delete .*192.0.2.11'
	# a name is no address
	sed -i 's/^sip2 .*/sip2 ansible_host=sip2.example.net/' cluster.ini
	run -3 dns <r
	[[ $output == *'sip2 has no address'* ]]
}

@test "nsupdate: --dry-run says what would change, in records" {
	{ well sip2 sip3; rec sip1 sip CRITICAL; alive; } >r
	run -1 --separate-stderr dns --dry-run <r
	[ "${#lines[@]}" = 3 ]
	[[ $output == *'	nsupdate	edge.example.net	-	sip1	out	sip CRITICAL: said	yes'* ]]
	run -1 --separate-stderr dns --dry-run --json <r
	[[ ${lines[-1]} == *'"type":"summary","changed":true'* ]]
}

@test "nsupdate: a watcher that is silent is said" {
	(
		exec 7>&-
		dns <in >out 2>steer.err
	) 3>&- 4>&- &
	pids+=($!)
	{ well sip1 sip2 sip3; echo '{"type":"alive","interval_ms":300}'; } >&7
	lab_wait 10 heard out '^send$'
	lab_wait 10 heard steer.err 'the watcher says nothing any more'
}

# ---- haproxy

haproxy_up() {
	needs haproxy socat
	cat >haproxy.cfg <<-END
	global
		stats socket $PWD/admin.sock mode 600 level admin
	defaults
		mode tcp
		timeout connect 1s
		timeout client 1s
		timeout server 1s
	backend be
		server sip1 192.0.2.11:5061
		server sip2 192.0.2.12:5061
		server sip3 192.0.2.13:5061
	END
	background haproxy.log haproxy -db -f haproxy.cfg
	lab_wait 20 runtime 'show info'
}

runtime() { echo "$1" | socat -t 2 - "UNIX-CONNECT:$PWD/admin.sock" 2>/dev/null; }
# state SERVER: srv_admin_state of "show servers state"; 1: forced to maint
state() {
	runtime 'show servers state be' | awk -v s="$1" '$4 == s { print $7 }'
}
is_maint() { [ $(($(state "$1") & 1)) = 1 ]; }
is_ready() { [ "$(state "$1")" = 0 ]; }
pass_on() { # as examples/haproxy says
	while read -r line; do
		runtime "$line"
	done
}

@test "haproxy: servers follow; an operator's maint stays" {
	haproxy_up
	runtime 'set server be/sip3 state maint'
	(
		exec 7>&-
		ha <in 2>steer.err | tee out | pass_on >pass.log 2>&1
	) 3>&- 4>&- &
	pids+=($!)
	{ well sip1 sip2 sip3; alive; } >&7
	rec sip1 sip OK false >&7
	lab_wait 10 is_maint sip1
	is_ready sip2
	is_maint sip3
	rec sip1 sip OK >&7
	lab_wait 10 is_ready sip1
	is_maint sip3
	[ "$(<out)" = 'set server be/sip1 state maint
set server be/sip1 state ready' ]
}

@test "haproxy: what an earlier run put out comes back" {
	haproxy_up
	{ well sip1 sip3; rec sip2 sip CRITICAL; alive; } >r
	ha <r 2>err | tee out | pass_on
	[ "$(<out)" = 'set server be/sip2 state maint' ]
	is_maint sip2
	# the same again is said again (HAProxy may have started anew), once
	ha <r 2>err >out
	[ "$(<out)" = 'set server be/sip2 state maint' ]
	{ well sip1 sip2 sip3; alive; } >r
	run -1 --separate-stderr ha -n <r
	[[ $output == *'	haproxy	be	-	sip2	in	'* ]]
	is_maint sip2
	ha <r 2>err | tee out | pass_on
	[ "$(<out)" = 'set server be/sip2 state ready' ]
	is_ready sip2
	run -0 --separate-stderr ha <r
	[ -z "$output" ]
	run -0 --separate-stderr ha -n <r
	[ -z "$output" ]
}

@test "haproxy: a state that cannot be kept: nothing is said" {
	{ well sip1 sip3; rec sip2 sip CRITICAL; alive; } >r
	touch file
	run -3 --separate-stderr ha --state "$PWD/file" <r
	[ -z "$output" ]
	[[ $stderr == *"$PWD/file/health"* ]]
}
