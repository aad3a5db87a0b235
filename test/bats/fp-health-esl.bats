#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# FreeSWITCH's event socket with the stand-in: the cases that a real one passes
# too (test/real/freeswitch.bats), and what only a stand-in does.
# shellcheck disable=SC2034,SC2154 # bats' variables, and those of what is loaded

bats_require_minimum_version 1.5.0

load ../real/freeswitch.bash

setup_file() {
	export FS_KIND=stand-in
	fs_setup_file
}
setup() { fs_setup; }
teardown() { fs_teardown; }

@test "a healthy one: its figures, its run, its clock" { case_healthy; }
@test "paused: WARNING and refusing, until it is resumed" { case_paused; }
@test "paused one way: pause_check alone would not tell" { case_paused_one_way; }
@test "full, and nearly full" { case_full; }
@test "idle CPU below its minimum" { case_idle_cpu; }
@test "passwords: wrong, from a file, a file that others can read" { case_passwords; }
@test "its ACL does not let us in" { case_acl; }
@test "a frozen process accepts and says nothing" { case_frozen; }
@test "a killed one refuses" { case_killed; }
@test "another run has another Core-UUID" { case_other_run; }
@test "it has another name than the cluster file says" { case_other_name; }
@test "OPTIONS: 200, and 503 when paused" { case_options; }
@test "gateways, and fp-health peers" { case_gateways; }
@test "fp-health check: its exit status" { case_check; }
@test "watched: one connection, heartbeats are news" { case_watched; }
@test "watched: a killed one is news, and comes back with another run" { case_watched_killed; }
@test "watched: a crash is news at once" { case_watched_crash; }
@test "watched: a frozen one, and its thaw" { case_watched_frozen; }

# ---- what only a stand-in does

# control LINE: to the stand-in.
control() {
	[ "$(printf '%s\n' "$1" | socat -t 5 - "UNIX-CONNECT:$dir/control")" \
		= "${2:-ok}" ]
}

@test "a silent host, and one without a way there: it may be us" {
	[ "$(id -u)" = 0 ] || skip 'it wants namespaces of its own: root'
	nft -f - <<-'END'
		table ip silent {
			chain c {
				type filter hook input priority 0;
				tcp dport 8021 drop
			}
		}
	END
	probe 300
	nft delete table ip silent
	says 'fs1 esl CRITICAL silent "no answer from the host"'
	echo 'fs1 fp_esl=192.0.2.21' >"$dir/cluster.ini"
	probe
	says 'fs1 esl CRITICAL silent "cannot connect: Network is unreachable"'
}

@test "IPv6" {
	python3 test/fake/freeswitch --ip ::1 >"$dir/said" 2>&1 3>&- 4>&- &
	others+=($!)
	within 10 grep -q '^up' "$dir/said"
	echo 'fs1 fp_esl=tcp:[::1]' >"$dir/cluster.ini"
	probe
	says 'fs1 esl OK "0 sessions'
}

@test "watched: forty lost connections leave nothing behind" {
	local n pid

	fs_start heartbeat_s=0.1
	watch 20 500
	pid=${others[-1]}
	seen 'fs1 esl OK news'
	for ((n = 0; n < 40; n++)); do
		control hang-up
		sleep 0.02
	done
	seen 'news "it ended the connection'
	# epoll, signals, work, a socket of each family of NG, the connection
	within 5 eval '[ "$(find "/proc/$pid/fd" -type s -o -type l | wc -l)" -le 14 ]'
	kill "$pid"
	wait "$pid"
	others=()
	! grep -q Sanitizer "$out"
}

@test "not ready, and not paused" {
	fs_start shutting_down=1
	probe
	says 'fs1 esl CRITICAL refusing "it is not ready; 0 sessions'
}

@test "answers in pieces of any size, with events between" {
	local n fault

	fs_start
	for fault in none events; do
		control "fault=$fault"
		for n in 1 2 3 5 13 27 28 29 50 99 400; do
			control "chunk=$n"
			probe
			says 'fs1 esl OK "0 sessions' 'version=1.10.12-release'
		done
	done
}

@test "its clock is off" {
	local ms

	fs_start
	for ms in 7000 -90000; do
		control "clock_ms=$ms"
		probe
		[[ $output =~ skew_ms=(-?[0-9]+) ]]
		[ $((BASH_REMATCH[1] - ms)) -ge -50 ]
		[ $((BASH_REMATCH[1] - ms)) -le 50 ]
	done
}

@test "up for years" {
	fs_start up_s=$((400 * 86400 + 7))
	probe
	[[ $output =~ up_s=(34560[0-9]+) ]]
}

@test "what is broken has a name, and harms nobody else" {
	local fault text

	printf 'fs2 fp_esl=127.0.0.22\nfs3 fp_esl=127.0.0.23\n' \
		>>"$dir/cluster.ini"
	fs_start
	python3 test/fake/freeswitch --ip 127.0.0.22 --name fs2 \
		--control "$dir/control2" >"$dir/said2" 2>&1 3>&- 4>&- &
	others+=($!)
	within 10 grep -q '^up' "$dir/said2"
	while IFS='|' read -r fault text; do
		printf 'fault=%s\n' "$fault" |
			socat -t 5 - "UNIX-CONNECT:$dir/control2" >/dev/null
		probe 400
		says 'fs1 esl OK "0 sessions' "fs2 esl $text" \
			'fs3 esl CRITICAL "cannot connect: Connection refused"'
	done <<-'END'
		none|OK "0 sessions, at most 5000"
		mute-banner|CRITICAL "it accepts connections but says nothing: frozen?"
		mute-auth|CRITICAL "it does not answer to the password: frozen?"
		mute-answers|CRITICAL "it does not answer: frozen?"
		half|CRITICAL "it stopped in the middle of an answer"
		half-eof|CRITICAL "it ended the connection, in the middle of an answer"
		eof|CRITICAL "it ended the connection, without an answer"
		notice|CRITICAL "it ended the connection, without an answer"
		endless-head|CRITICAL "a head of more than 65536 bytes"
		endless-body|CRITICAL "no event socket: it says "xxxxxxxx
		huge|CRITICAL "it announces more than 1048576 bytes"
		garbage|CRITICAL "no event socket: it says "
		wrong|UNKNOWN "it does not tell its status: "+OK?[31m of something else""
		extra|UNKNOWN "it does not tell
		events|OK "0 sessions
		none|OK "0 sessions
	END
}

@test "what is no event socket" {
	local banner text

	fs_start
	while IFS='|' read -r banner text; do
		control "banner=$banner"
		probe 400
		says "fs1 esl CRITICAL \"$text"
	done <<-'END'
		SSH-2.0-OpenSSH_9.2p1\r\n|no event socket: it says "SSH-2.0-OpenSSH_9.2p1?"
		220 mx.example.net ESMTP\r\n|no event socket: it says "220 mx.example.net ESMTP?"
		HTTP/1.1 400 Bad Request\r\n\r\n|no event socket: it says "HTTP/1.1 400 Bad Request?"
		\x16\x03\x01\x00\x02|no event socket: it says "?????"
		Content-Type: command/reply\nReply-Text: +OK\n\n|no event socket: it asks for no password
		Content-Type: |it stopped in the middle of an answer
		\n\n\n|it accepts connections but says nothing: frozen?
	END
}

@test "what it does not know it does not tell" {
	fs_start mute=version,switchname,strmicroepoch
	probe
	says 'fs1 esl OK "0 sessions' 'name= version= ' 'has_clock=0'
	control mute=json
	probe
	says 'fs1 esl UNKNOWN "it does not tell its status: "-ERR json Command not found!""'
	control mute=global_getvar
	probe
	says 'fs1 esl UNKNOWN "it does not tell its Core-UUID: "-ERR'
	control mute=fsctl
	probe
	says 'fs1 esl UNKNOWN "it does not tell whether it is paused: "-ERR'
}

@test "watched: a connection is kept, and made anew when it was lost" {
	fs_start heartbeat_s=0.3
	watch 300 300
	seen 'fs1 esl OK news'
	within 5 eval '[ "$(grep -c "esl OK \"" "$out")" -ge 3 ]'
	control accepted 1
	forget
	control hang-up
	seen 'fs1 esl CRITICAL news "it ended the connection"'
	seen 'fs1 esl OK "0 sessions'
	control accepted 2
	seen 'fs1 esl OK news'
}

@test "watched: broken on a connection that is kept" {
	fs_start heartbeat_s=0.3
	watch 300 300
	seen 'fs1 esl OK news'
	control fault=half
	forget
	seen 'fs1 esl CRITICAL "it stopped in the middle of an answer"'
	control fault=none
	forget
	seen 'fs1 esl OK "0 sessions'
	control fault=extra
	forget
	seen 'fs1 esl CRITICAL news "an answer to nothing"'
}

@test "bad words in the cluster file are named" {
	while IFS='|' read -r words text; do
		echo "fs1 $words" >"$dir/cluster.ini"
		run "$FP_BUILD/test/prog/probe" "$dir/cluster.ini" 100
		[ "$status" = 2 ]
		says "$text"
	done <<-'END'
		fp_esl=udp:127.0.0.1:8021|fs1: fp_esl: "udp:127.0.0.1:8021": an event socket is TCP
		fp_esl=127.0.0.1:99999|"fp_esl"
		fp_esl=127.0.0.1 fp_rtp_ports=9-1|fs1: fp_rtp_ports: "9-1": not like 16384-32767
		fp_esl=127.0.0.1 fp_rtp_ports=1-65536|fp_rtp_ports: "1-65536"
		fp_esl=127.0.0.1 fp_rtp_ports=all|fp_rtp_ports: "all"
	END
}
