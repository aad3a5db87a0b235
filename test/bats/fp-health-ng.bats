#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rtpengine's control protocol with a real rtpengine, in the namespaces of
# test/run; what it never says is said by socat.
# shellcheck disable=SC2034,SC2154 # bats' variables, and those of what is loaded

bats_require_minimum_version 1.5.0

load ../real/freeswitch.bash

setup_file() {
	export FS_KIND=stand-in
	fs_setup_file
	if [ "$(id -u)" != 0 ]; then
		FS_SKIP='it wants namespaces of its own: root'
	elif ! command -v rtpengine >/dev/null; then
		FS_SKIP='rtpengine is not installed'
	fi
}
setup() {
	fs_setup
	echo 'rtp1 fp_ng=udp:127.0.0.31' >"$dir/cluster.ini"
}
teardown() { fs_teardown; }

# rtpengine_start [ADDRESS]: in userspace; fs_signal and fs_kill are for it.
rtpengine_start() {
	rtpengine --table=-1 --interface=127.0.0.1 \
		--listen-ng="${1:-127.0.0.31}:2223" --foreground --log-stderr \
		--log-level=4 >"$dir/said" 2>&1 3>&- 4>&- </dev/null &
	fs_pid=$!
	within 10 is_up "$@"
}
is_up() { ss -Hlun "src ${1:-127.0.0.31}:2223" | grep -q .; }

# answer TEXT: whatever is asked of 127.0.0.32 is answered COOKIE TEXT.
answer() {
	printf '#!/bin/sh\nread -r cookie rest; printf %%s "%s"\n' "$1" \
		>"$dir/answer"
	chmod +x "$dir/answer"
	socat UDP-RECVFROM:2223,bind=127.0.0.32,fork EXEC:"$dir/answer" \
		3>&- 4>&- &
	others+=($!)
	within 5 is_up 127.0.0.32
	echo 'rtp2 fp_ng=127.0.0.32' >>"$dir/cluster.ini"
}

# offer CALL-ID: a call, by the same protocol.
offer() {
	local sdp

	sdp=$(printf '%s\r\n' v=0 'o=- 1 1 IN IP4 127.0.0.1' s=- \
		'c=IN IP4 127.0.0.1' 't=0 0' 'm=audio 30000 RTP/AVP 0' .)
	sdp=${sdp%.$'\r'}
	printf 'x%s d7:call-id%d:%s7:command5:offer8:from-tag1:a3:sdp%d:%se' \
		"$1" "${#1}" "$1" "${#sdp}" "$sdp" >"$dir/offer"
	socat -t 0.5 - UDP:127.0.0.31:2223 <"$dir/offer" | grep -qa 'result2:ok'
}

@test "a healthy one: its sessions, its uptime" {
	rtpengine_start
	probe
	says 'rtp1 ng OK "0 sessions" sessions=0 uptime=' 'view: sessions=0 up_s='
	offer one
	offer two
	probe
	says 'rtp1 ng OK "2 sessions" sessions=2 ' 'view: sessions=2 up_s='
}

@test "a killed one: the kernel says that nobody listens" {
	rtpengine_start
	fs_kill
	probe
	says 'rtp1 ng CRITICAL "Connection refused"'
}

@test "a frozen one is silent, until it goes on" {
	rtpengine_start
	fs_signal STOP
	probe 300
	says 'rtp1 ng CRITICAL silent "no answer"'
	fs_signal CONT
	within 5 eval 'probe && says "rtp1 ng OK"'
}

@test "what is lost is asked again" {
	rtpengine_start
	# all but the first packet of a day
	nft -f - <<-'END'
		table ip lost {
			chain c {
				type filter hook input priority 0;
				udp dport 2223 limit rate over 1/day burst 1 packets accept
				udp dport 2223 counter drop
			}
		}
	END
	probe 2500
	nft list table ip lost | grep -q 'counter packets 1 '
	nft delete table ip lost
	says 'rtp1 ng OK "0 sessions"'
}

@test "IPv6" {
	rtpengine_start '[::1]'
	echo 'rtp1 fp_ng=udp:[::1]:2223' >"$dir/cluster.ini"
	probe
	says 'rtp1 ng OK "0 sessions"'
	fs_kill
	probe
	says 'rtp1 ng CRITICAL "Connection refused"'
}

@test "an address without a way there" {
	echo 'rtp1 fp_ng=192.0.2.1' >"$dir/cluster.ini"
	probe
	says 'rtp1 ng CRITICAL silent "Network is unreachable"'
}

@test "broken answers have a name, and harm nobody else" {
	rtpengine_start
	while IFS='|' read -r said text; do
		echo 'rtp1 fp_ng=udp:127.0.0.31' >"$dir/cluster.ini"
		answer "$said"
		probe 400
		says 'rtp1 ng OK "0 sessions"' "rtp2 ng $text"
		kill "${others[@]}"
		wait "${others[@]}" 2>/dev/null || :
		others=()
	done <<-'END'
		$cookie d6:result5:error12:error-reason8:it hurtse|CRITICAL "it answers to a ping: error: it hurts"
		$cookie d6:result2:oke|CRITICAL "it answers to a ping: ok"
		$cookie d6:result4:ponge|OK "it answers; no statistics: pong"
		$cookie de|CRITICAL "it answers to a ping: no result"
		$cookie d6:result|CRITICAL "its answer: no bencoding near byte
		$cookie 4:pong|CRITICAL "its answer: no dictionary"
		$cookie nonsense|CRITICAL "its answer: no bencoding
		0123456789abcdef d6:result4:ponge|CRITICAL silent "no answer"
		nothing|CRITICAL silent "no answer"
	END
}

@test "watched: killed, and back" {
	rtpengine_start
	watch 300
	seen 'rtp1 ng OK'
	fs_kill
	seen 'rtp1 ng CRITICAL "Connection refused"'
	forget
	rtpengine_start
	seen 'rtp1 ng OK'
}

@test "bad words in the cluster file are named" {
	echo 'rtp1 fp_ng=tcp:127.0.0.1:2223' >"$dir/cluster.ini"
	run "$FP_BUILD/test/prog/probe" "$dir/cluster.ini" 100
	[ "$status" = 2 ]
	says 'rtp1: fp_ng: "tcp:127.0.0.1:2223": it is asked over UDP'
}
