#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-health check --only sip: a real Kamailio over UDP, TCP and TLS; SIPp and
# socat as servers that are not well.  In the network namespace of test/run.
# shellcheck disable=SC2154 # bats' own variables

bats_require_minimum_version 1.5.0

setup_file() {
	[ "$(id -u)" = 0 ] || skip 'Kamailio runs in a network namespace: root'
	[ -n "${FP_TEST_BPFFS-}" ] || skip 'needs the namespaces of test/run'
	command -v kamailio >/dev/null || skip 'kamailio is not installed'
	[ -x "$FP_BUILD/fp-health" ] || skip 'fp-health is not built'
	source test/lab/kamailio.sh
	mkdir "$BATS_FILE_TMPDIR/kamailio"
	kamailio_up "$BATS_FILE_TMPDIR/kamailio" || return
	if command -v sipp >/dev/null; then
		sipp_answer 5081 '404 Not Found'
		sipp_answer 5082 '408 Request Timeout'
		sipp_answer 5083 '503 Service Unavailable' 'Retry-After: 30 (busy)'
		sipp_answer 5084 '603 Decline' 'Warning: 399 h "not today"'
		sipp_answer 5085 '200 OK' 'Server: slow' 400
	fi
}

setup() {
	source test/lab/kamailio.sh
	cd "$BATS_TEST_TMPDIR" || return
	export FP_STATE=$PWD/state
	pids=()
}

teardown() {
	[ -z "${pids[*]}" ] || kill "${pids[@]}" 2>/dev/null || true
	[ "$(<"$KAMAILIO_DIR/pid")" ] && kamailio_thaw
}

teardown_file() {
	source test/lab/kamailio.sh
	sipp_down
	kamailio_down
}

# check STATUS [ARG...]: of the cluster file on stdin.  What is said of a check is
# in output, one a line: NODE CHECK STATE DETAIL.
check() {
	local want=$1

	cat >c.ini
	run "$FP_BUILD/fp-health" check -C c.ini --only sip -t 3s "${@:2}"
	records=$output
	[ "$status" = "$want" ] || {
		echo "exit $status: $output"
		return 1
	}
	output=$(cut -f1-3,6 <<<"$output" | tr '\t' ' ')
}

# says 'NODE CHECK STATE' DETAIL-PATTERN
says() {
	local line

	line=$(grep "^$1 " <<<"$output") || {
		echo "nothing of $1 in: $output"
		return 1
	}
	# shellcheck disable=SC2053 # a pattern
	[[ ${line#"$1 "} == $2 ]] || {
		echo "$line"
		return 1
	}
}

# until_bound PROTOCOL PORT
until_bound() {
	for ((i = 0; i < 200; i++)); do
		[ -z "$(ss -Hl"$1"n "sport = $2")" ] || return 0
		sleep 0.02
	done
	return 1
}

# server PORT COMMAND: of the shell, for each connection.
server() {
	echo "$2" >"server$1"
	socat "TCP-LISTEN:$1,bind=127.0.0.1,reuseaddr,fork" \
		"EXEC:bash server$1" >/dev/null 2>&1 3>&- 4>&- &
	pids+=($!)
	until_bound t "$1"
}

needs_sipp() { command -v sipp >/dev/null || skip 'sipp is not installed'; }

@test "Kamailio by UDP, TCP and TLS, by address and by name" {
	check 0 <<-END
		a fp_sip=udp:127.0.0.1:5060,tcp:127.0.0.1:5060,tls:127.0.0.1:5061
		b fp_sip=127.0.0.1,tcp:localhost,tls:localhost
		c fp_sip=ws:127.0.0.1:1,sctp:127.0.0.1:1,udp:localhost:5060
		[all:vars]
		fp_tls_ca=$KAMAILIO_DIR/ca.pem
	END
	for line in 'a sip' 'a sip-2' 'a sip-3' 'b sip' 'b sip-2' 'b sip-3' \
		'c sip'; do
		says "$line OK" '200 OK in * ms'
	done
	[ "$(wc -l <<<"$output")" = 7 ]
	[[ $records == *'cert_days='@(89|90)* ]] # it is of this second, or older
	for by in udp tcp tls; do
		grep -q "OPTIONS sip:.* from sip:fastpath@127.0.0.1 by $by" \
			"$KAMAILIO_DIR/kamailio.log"
	done
	run ! grep -q sanity "$KAMAILIO_DIR/kamailio.log"
}

@test "IPv6, and a From of one's own" {
	check 2 <<-END
		a fp_sip='udp:[::1]:5060'
		b fp_sip=udp:127.0.0.1 fp_sip_from=probe@sip.example.net
	END
	says 'a sip CRITICAL' 'ICMP: Connection refused'
	says 'b sip OK' '200 OK in * ms'
	grep -q ' from sip:probe@sip.example.net by udp' \
		"$KAMAILIO_DIR/kamailio.log"
}

@test "certificates: expired, another name, unknown issuer, soon at its end" {
	check 2 <<-END
		expired fp_sip=tls:127.0.0.1:5062
		name fp_sip=tls:127.0.0.1:5063
		soon fp_sip=tls:127.0.0.1:5064
		unknown fp_sip=tls:127.0.0.1:5061 fp_tls_ca=$KAMAILIO_DIR/other-ca.pem
		good fp_sip=tls:127.0.0.1:5061
		[all:vars]
		fp_tls_ca=$KAMAILIO_DIR/ca.pem
	END
	says 'expired sip CRITICAL' 'its certificate expired at 20*Z'
	says 'name sip CRITICAL' \
		'its certificate is for sip9.example.net, not for 127.0.0.1'
	says 'unknown sip CRITICAL' 'the issuer of its certificate is not known*'
	says 'soon sip WARNING' '200 OK in * ms; the certificate ends in [45] days'
	says 'good sip OK' '200 OK in * ms'
	[[ $records == *cert_days=[45]* ]]
}

@test "no TLS where TLS is asked, and files that are not there" {
	server 5090 'printf "SIP/2.0 400 Bad\r\n\r\n"; sleep 0.2'
	check 2 <<-END
		a fp_sip=tls:127.0.0.1:5090
	END
	says 'a sip CRITICAL' 'TLS handshake: wrong version number'
	echo "b fp_sip=tls:127.0.0.1:5061 fp_tls_ca=$PWD/none.pem" >c.ini
	run ! "$FP_BUILD/fp-health" check -C c.ini --only sip
	[[ $output == *'none.pem: No such file'* ]]
}

@test "statuses: failures by default, by node and by option" {
	needs_sipp
	check 2 <<-END
		ok fp_sip=127.0.0.1:5081
		timeout fp_sip=127.0.0.1:5082
		busy fp_sip=127.0.0.1:5083
		decline fp_sip=127.0.0.1:5084
		own fp_sip=127.0.0.1:5081 fp_sip_fail=404,5xx
		calm fp_sip=127.0.0.1:5083 fp_sip_fail=4xx
	END
	says 'ok sip OK' '404 Not Found in * ms'
	says 'timeout sip CRITICAL' '408 Request Timeout'
	says 'busy sip CRITICAL' '503 Service Unavailable, retry after 30 s'
	says 'decline sip CRITICAL' '603 Decline: not today'
	says 'own sip CRITICAL' '404 Not Found'
	says 'calm sip OK' '503 Service Unavailable in * ms'
	check 2 --sip-fail 404 <<-END
		a fp_sip=127.0.0.1:5081
		b fp_sip=127.0.0.1:5083
	END
	says 'a sip CRITICAL' '404 Not Found'
	says 'b sip OK' '503 *'
}

@test "a list of statuses that is none is named by its word" {
	for bad in 7xx 99 40x 4xxx 1xx xx5 200x; do
		echo "sip1 fp_sip=127.0.0.1 fp_sip_fail=408x,$bad" |
			sed 's/408x,//' >c.ini
		run ! "$FP_BUILD/fp-health" check -C c.ini --only sip
		[[ $output == *"$bad"* ]]
	done
	echo 'sip1 fp_sip=127.0.0.1 fp_sip_from=nobody' >c.ini
	run ! "$FP_BUILD/fp-health" check -C c.ini --only sip
	[[ $output == *'"nobody": not user@domain'* ]]
	echo 'sip1 fp_sip=unix:/run/x' >c.ini
	run ! "$FP_BUILD/fp-health" check -C c.ini --only sip
	[[ $output == *'unix:/run/x'*'not where SIP is taken'* ]]
}

@test "slow is not silent; silence is asked again by the timers" {
	needs_sipp
	socat -u UDP-RECV:5091,bind=127.0.0.1 CREATE:heard 3>&- 4>&- &
	pids+=($!)
	until_bound u 5091
	server 5092 'sleep 5'
	check 2 -t 2500ms <<-END
		slow fp_sip=127.0.0.1:5085
		udp fp_sip=127.0.0.1:5091
		tcp fp_sip=tcp:127.0.0.1:5092
		tls fp_sip=tls:127.0.0.1:5092
		refused fp_sip=udp:127.0.0.1:5098,tcp:127.0.0.1:5098
	END
	says 'slow sip OK' '200 OK in ???* ms'
	says 'udp sip CRITICAL' 'no reply within 2500 ms, asked 3 times'
	says 'tcp sip CRITICAL' 'connected, but no reply within 2500 ms'
	says 'tls sip CRITICAL' 'no TLS connection within 2500 ms'
	says 'refused sip CRITICAL' 'ICMP: Connection refused'
	says 'refused sip-2 CRITICAL' 'cannot connect: Connection refused'
	[ "$(grep -ac '^OPTIONS sip:127.0.0.1:5091 SIP/2.0' heard)" = 3 ]
}

@test "a frozen Kamailio is silent over UDP, connected over TCP" {
	kamailio_freeze
	check 2 -t 1s <<-END
		a fp_sip=udp:127.0.0.1,tcp:127.0.0.1
	END
	kamailio_thaw
	says 'a sip CRITICAL' 'no reply within 1000 ms, asked 2 times'
	says 'a sip-2 CRITICAL' 'connected, but no reply within 1000 ms'
	check 0 <<-END
		a fp_sip=udp:127.0.0.1,tcp:127.0.0.1
	END
}

@test "garbage, endless bytes, and who hangs up: the others are unharmed" {
	server 5093 'head -c 3000000 /dev/urandom'
	server 5094 'printf "SIP/2.0 200 OK\r\n"; yes "X: y"'
	server 5095 'exit'
	server 5096 'printf "SIP/2.0 200 OK\r\nContent-Length: 999999999999\r\n\r\n"; sleep 5'
	check 2 <<-END
		random fp_sip=tcp:127.0.0.1:5093
		endless fp_sip=tcp:127.0.0.1:5094
		gone fp_sip=tcp:127.0.0.1:5095
		huge fp_sip=tcp:127.0.0.1:5096
		good fp_sip=udp:127.0.0.1:5060,tcp:127.0.0.1:5060
	END
	says 'random sip CRITICAL' 'not a SIP reply: *'
	says 'endless sip CRITICAL' 'a reply whose header does not end: *'
	says 'gone sip CRITICAL' '*connection*'
	says 'huge sip CRITICAL' 'a Content-Length that cannot be*'
	says 'good sip OK' '200 OK in * ms'
	says 'good sip-2 OK' '200 OK in * ms'
}
