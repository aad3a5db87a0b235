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
alive() { echo '{"type":"alive","interval_ms":'"${1:-600000}"'}'; } # [MS]
steer() { "$FP_BUILD/fp-health" steer -N opensips "$@"; }
dns() { steer --format nsupdate --zone example.net --name edge.example.net "$@"; }
# shellcheck disable=SC2120 # run gives it some
ha() { steer --format haproxy --backend be "$@"; }
heard() { grep -qE -- "$2" "$1"; }
sent() { [ "$(grep -c '^send' out)" -ge "$1" ]; }
# From now on LAB_TURN says how many times as fast the clock of steer goes.
turned() {
	gcc -shared -fPIC -O2 -o turn.so "$BATS_TEST_DIRNAME/../lab/turn.c"
	steer() {
		LD_PRELOAD=$PWD/turn.so \
			ASAN_OPTIONS=${ASAN_OPTIONS-}:verify_asan_link_order=0 \
			"$FP_BUILD/fp-health" steer -N opensips "$@"
	}
}

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
	heard err 'sip3 stays in: no other one is seen well \(node MAINT: said\)'
	run ! heard out 'update delete .* 192.0.2.13$'
	heard out 'update delete edge.example.net. A 192.0.2.12$'
	# who was never seen well is no reason to take another out
	{ rec sip1 sip CRITICAL; rec sip2 sip UNKNOWN; alive; } >r3
	dns <r3 >out 2>err
	run ! heard out delete
	heard out '^; sip1 in, held: no other one is seen well: sip CRITICAL: said$'
	heard err 'sip1 stays in: no other one is seen well'
}

@test "nsupdate: who is not known keeps what it is; at the start nothing is said" {
	{
		well sip1
		rec sip2 sip UNKNOWN
		alive
		rec sip2 sip CRITICAL
		rec sip2 sip UNKNOWN
		rec sip1 sip UNKNOWN
		rec sip3 sip OK
	} >r
	dns <r >out 2>err
	[ "$(grep -c ^send out)" = 3 ]
	sed '/^send/q' out >first
	heard first '^; sip1 in$'
	run ! heard first 'sip2|sip3|delete'
	[ "$(grep delete out | sort -u)" = 'update delete edge.example.net. A 192.0.2.12' ]
}

@test "nsupdate: all of it again once an hour, and not of a silent watcher" {
	turned
	(
		exec 7>&-
		LAB_TURN=1800 dns <in >out 2>steer.err
	) 3>&- 4>&- &
	pids+=($!)
	{ well sip1 sip3; rec sip2 sip CRITICAL; alive 3000000; } >&7
	# an hour is two seconds; after two and a half hours it is silent
	lab_wait 10 sent 2
	[ "$(grep -c '^update delete' out)" = "$(grep -c '^send' out)" ]
	lab_wait 20 heard steer.err 'the watcher says nothing any more'
	[ "$(grep -c '^send' out)" -le 3 ]
	cp out before
	sleep 2.2
	cmp out before
}

@test "nsupdate: names are whole, within the zone, and ones that DNS has" {
	{ well sip1 sip2 sip3; alive; } >r
	steer --format nsupdate --zone example.net. --name Edge.EXAMPLE.net. \
		<r >out 2>err
	heard out '^zone example.net.$'
	heard out '^update add Edge.EXAMPLE.net. 30 A 192.0.2.11$'
	run ! heard out '\.\.'
	steer --format nsupdate --zone example.net --name example.net <r >out
	heard out '^update add example.net. 30 A 192.0.2.11$'
	label=$(printf 'a%.0s' {1..63})
	steer --format nsupdate --zone example.net --name "$label.example.net" \
		<r >out
	while IFS='|' read -r zone name want; do
		echo "$zone|$name"
		run -3 --separate-stderr steer --format nsupdate \
			--zone "$zone" --name "$name" <r
		[ -z "$output" ]
		[[ $stderr == *"$want"* ]]
	done <<-END
	|edge.example.net|--zone: --format nsupdate needs a zone
	.|edge.example.net|--zone .: not a name in DNS
	example.net..|edge.example.net|--zone example.net..: not a name
	.example.net|edge.example.net|--zone .example.net: not a name
	exa mple.net|edge.example.net|--zone exa mple.net: not a name
	example.net|edge..example.net|--name edge..example.net: not a name
	example.net|-edge.example.net|--name -edge.example.net: not a name
	example.net|edge-.example.net|--name edge-.example.net: not a name
	example.net|édge.example.net|--name édge.example.net: not a name
	example.net|*.example.net|--name *.example.net: not a name
	example.net|a$label.example.net|not a name in DNS
	example.net|$label.$label.$label.$label.example.net|253 in all
	example.net|edge|--name edge: not in --zone example.net (a whole name is needed: edge.example.net)
	example.net|edge.example.org|--name edge.example.org: not in --zone
	example.net|badexample.net|--name badexample.net: not in --zone
	END
}

@test "-N is needed: the cluster file has others too" {
	{ well sip1 sip2 sip3 fs1; alive; } >r
	run -3 --separate-stderr "$FP_BUILD/fp-health" steer --format nsupdate \
		--zone example.net --name edge.example.net <r
	[ -z "$output" ]
	[[ $stderr == *'-N (--node): --format nsupdate needs the nodes'* ]]
	run -3 --separate-stderr "$FP_BUILD/fp-health" steer --format haproxy \
		--backend be <r
	[ -z "$output" ]
	[[ $stderr == *'-N (--node): --format haproxy needs the nodes'* ]]
	dns <r >out 2>/dev/null
	run ! heard out 192.0.2.21
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

haproxy_up() { # [LINE of the backend]
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
		${1:-balance roundrobin}
		server sip1 192.0.2.11:5061 weight 7
		server sip2 192.0.2.12:5061
		server sip3 192.0.2.13:5061
	END
	haproxy_start
}

haproxy_start() {
	background haproxy.log haproxy -db -f haproxy.cfg
	haproxy_pid=$!
	lab_wait 20 runtime 'show info'
}

haproxy_stop() {
	kill -KILL "$haproxy_pid"
	wait "$haproxy_pid" || :
	rm -f admin.sock
}

runtime() { echo "$1" | socat -t 2 - "UNIX-CONNECT:$PWD/admin.sock" 2>/dev/null; }
# column N SERVER, of "show servers state": 7 is srv_admin_state (1: forced to
# maint, 8: to drain), 8 srv_uweight
column() {
	runtime 'show servers state be' | awk -v n="$1" -v s="$2" '$4 == s { print $n }'
}
weight() { [ "$(column 8 "$1")" = "$2" ]; }
admin() { [ "$(column 7 "$1")" = "$2" ]; }
pass_on() { # as examples/haproxy says
	while read -r line; do
		runtime "$line" | grep . || :
	done
}
ha_lines() { # PERCENT of sip1, sip2, sip3
	local n=0 percent order

	for order in 100 0; do
		n=0
		for percent; do
			n=$((n + 1))
			[ "$percent" != $order ] ||
				echo "set server be/sip$n weight $order%"
		done
	done
}

@test "haproxy: servers follow; an operator's maint and drain stay" {
	haproxy_up
	runtime 'set server be/sip1 state maint'
	runtime 'set server be/sip3 state drain'
	(
		exec 7>&-
		ha --max-down 100 <in 2>steer.err | tee out |
			pass_on >pass.log 2>&1
	) 3>&- 4>&- &
	pids+=($!)
	{ well sip1 sip2 sip3; alive; } >&7
	# the nodes that he looks after die, and come back
	{ rec sip1 sip CRITICAL; rec sip3 sip OK false; } >&7
	lab_wait 10 weight sip3 0
	weight sip1 0
	weight sip2 1
	well sip1 sip3 >&7
	lab_wait 10 weight sip3 1
	weight sip1 7
	admin sip1 1
	admin sip2 0
	admin sip3 8
	run ! grep -v ' weight ' out
	[ ! -s pass.log ]
}

@test "haproxy: every way of balancing takes the lines" {
	for balance in static-rr 'source' leastconn first random \
		"source
		hash-type consistent"; do
		echo "$balance"
		haproxy_up "balance $balance"
		{ well sip2 sip3; rec sip1 sip CRITICAL; alive; } >r
		pass_on < <(ha <r 2>err) >said
		[ ! -s said ]
		weight sip1 0
		weight sip2 1
		{ well sip1 sip2 sip3; alive; } >r
		pass_on < <(ha <r 2>err) >said
		[ ! -s said ]
		weight sip1 7
		haproxy_stop
	done
}

@test "haproxy: no memory: another controller says all that is wanted" {
	{ well sip1 sip3; rec sip2 sip CRITICAL; alive; } >r
	ha --state "$PWD/no/such" <r >out 2>err
	[ "$(<out)" = "$(ha_lines 100 0 100)" ]
	ha <r 2>err | cmp - out
	{ well sip1 sip2 sip3; alive; } >r
	ha --state "$PWD/other/one" <r >out 2>err
	[ "$(<out)" = "$(ha_lines 100 100 100)" ]
	# of some nodes alone: the others are left as they are
	"$FP_BUILD/fp-health" steer -N sip2 --format haproxy --backend be \
		<r >out 2>err
	[ "$(<out)" = 'set server be/sip2 weight 100%' ]
	[ ! -e no ]
	[ ! -e other ]
	[ -z "$(ls state)" ]
}

@test "haproxy: one that starts anew learns it; a silent watcher repeats nothing" {
	haproxy_up
	turned
	# 30 s are half a second
	(
		exec 7>&-
		LAB_TURN=60 ha <in 2>steer.err | tee out | pass_on >pass.log 2>&1
	) 3>&- 4>&- &
	pids+=($!)
	{ well sip1 sip3; rec sip2 sip CRITICAL; alive 120000; } >&7
	lab_wait 10 weight sip2 0
	haproxy_stop
	haproxy_start
	alive 120000 >&7
	lab_wait 10 weight sip2 0
	weight sip1 7
	lab_wait 20 heard steer.err 'the watcher says nothing any more'
	cp out before
	sleep 1.2
	cmp out before
	# once it is back, all is said again
	alive 120000 >&7
	lab_wait 10 longer
}
longer() { ! cmp -s out before; }

@test "haproxy: who is not known keeps what it is; at the start nothing is said" {
	{
		well sip1 sip3
		rec sip2 sip UNKNOWN
		alive
		rec sip2 sip CRITICAL
		rec sip2 sip UNKNOWN
		rec sip1 sip UNKNOWN
		rec sip2 sip OK
	} >r
	ha <r >out 2>err
	{
		ha_lines 100 - 100
		ha_lines 100 0 100
		ha_lines 100 100 100
	} | cmp - out
	# nobody is known: nothing is said of them, and none leaves
	{ rec sip1 sip CRITICAL; rec sip2 sip UNKNOWN; alive; } >r
	ha <r >out 2>err
	[ "$(<out)" = 'set server be/sip1 weight 100%' ]
	heard err 'sip1 stays in: no other one is seen well'
}

@test "haproxy: --dry-run says where each is to be, in records" {
	{ well sip3; rec sip1 sip CRITICAL; rec sip2 sip CRITICAL; alive; } >r
	run -1 --separate-stderr ha -n -o kind,set,node,act,changed <r
	[ "$output" = "$(printf 'haproxy\tbe\t%s\n' 'sip1	out	yes' \
		'sip2	held	no' 'sip3	in	yes')" ]
}

@test "haproxy: names that it would not take" {
	for backend in a/b 'a b' 'a;b' é '#1' ''; do
		run -3 --separate-stderr steer --format haproxy \
			--backend "$backend" </dev/null
		[ -z "$output" ]
		[[ $stderr == *"--backend"* ]]
	done
}

@test "haproxy: a disk that is full is said" {
	{ well sip1 sip2 sip3; alive; } >r
	ha <r >/dev/full 2>err && false
	heard err 'stdout: No space left'
}
