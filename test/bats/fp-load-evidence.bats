#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What the filter shows of what it drops: fp-load stats, watch and top.
# 203.0.113.7 is blocked in every test.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' stderr

bats_require_minimum_version 1.5.0

# One filter for all: its verifier is most of what a test would cost.
setup_file() { source test/bats/load.bash && load_up && load_fresh; }
setup() {
	source test/bats/load.bash && source test/lab/lab.sh
	load=$FP_BUILD/fp-load
	fl attach net0 net1
	fl set sample=1
	fl stats --reset
}
teardown_file() { source test/bats/load.bash && load_fresh && load_clean && load_down; }

# begin VERB OPTION...: in the background, JSON to $LAB_DIR/VERB.json; it has looked
# once before this returns.  end VERB [SIGNAL]: its status.
begin() {
	local verb=$1

	: >"$LAB_DIR/$verb.json"
	# shellcheck disable=SC2016 # for the inner shell
	lab_start "$verb" node bash -c 'exec "$@" >"$0"' \
		"$LAB_DIR/$verb.json" "$load" -j "$@"
	lab_wait 5 is_ready "$verb"
}

# It has a loop: the counters were read before that.
is_ready() {
	local pid

	read -r pid _ <"$LAB_DIR/pids/$1"
	[ "$(readlink "/proc/$pid/exe")" -ef "$load" ] &&
		grep -qs '^sigmask:' "/proc/$pid/fdinfo/"*
}

end() {
	local pid

	read -r pid _ <"$LAB_DIR/pids/$1"
	kill -s "${2:-TERM}" "$pid"
	lab_wait 5 lab_ended "$1"
	wait "$pid"
}

# shown VERB FILTER: of what it printed, one record a line.
shown() { jq -se "$2" "$LAB_DIR/$1.json"; }

# flood SOURCE N [PORT]: that many datagrams, at once.
flood() {
	lab_in attacker python3 -c '
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 0))
for n in range(int(sys.argv[2])):
    s.sendto(b"INVITE sip:%d@192.0.2.1 SIP/2.0\r\nVia: x\r\n\r\n" % n,
             ("192.0.2.1", int(sys.argv[3])))
    if n % 50 == 49:
        time.sleep(0.001)' "$1" "$2" "${3:-5060}"
}

# slot NUMBER [BYTE...]: the place of this sample in the ring; its number is these
# bytes, the rest zero.  Without: its number, 16 bits of it.  slot top: the newest.
slot() {
	local key=0 pin

	pin=$(ls -d "$FP_PINS"/v*/samples)
	[ "$1" = top ] || key=$((1 + ($1 & 1023)))
	key="$((key & 255)) $((key >> 8)) 0 0"
	shift
	if [ $# = 0 ]; then
		# shellcheck disable=SC2086 # bytes
		bpftool -j map lookup pinned "$pin" key $key |
			jq -r '.value[0:2][]' | { read -r a; read -r b
				echo $((b << 8 | a)); }
	else
		# shellcheck disable=SC2046,SC2086
		bpftool map update pinned "$pin" key $key value "$@" \
			$(printf '0 %.0s' $(seq $(($# + 1)) 312))
	fi
}

dropped() { # N: so many of net1 by lists
	[ "$(fl stats -o nic,reason,packets | awk '/^net1\tdrop_block/ { print $3 }')" = "$1" ]
}

# ---- stats

@test "stats: by NIC and reason, and --reset" {
	filters
	says stats -j
	[ "$status" = 0 ]
	json 'any(.type == "stats" and .nic == "net1" and
		.reason == "drop_block" and .action == "drop" and
		.packets == 1 and .bytes > 42 and
		(.help | contains("block list")))'
	json 'all(.type != "stats" or .packets > 0) and .[-1].changed == false'
	says stats -n --reset
	[ "$status" = 1 ]
	says -j stats --reset
	[ "$status" = 0 ]
	json 'any(.reason == "drop_block") and .[-1].changed'
	refute counted drop_block
	says stats all
	[ "$status" = 2 ]
}

@test "stats --format: prometheus, json, nonsense" {
	filters
	says stats --format prometheus
	[ "$status" = 0 ]
	grep -qx 'fastpath_filter_packets_total{nic="net1",reason="drop_block",action="drop"} 1' \
		<<<"$output"
	grep -qx '# TYPE fastpath_filter_bytes_total counter' <<<"$output"
	says stats --format json
	json '.[0].type == "stats"'
	says stats --format xml
	[ "$status" = 2 ]
}

@test "stats --every: rates until a signal, exit 0" {
	filters
	lab_start every node "$load" stats -j --every 100ms
	lab_wait 5 grep -q '"pps"' "$LAB_DIR/every.log"
	filters
	sleep 0.3
	read -r pid _ <"$LAB_DIR/pids/every"
	kill -INT "$pid"
	wait "$pid"
	jq -se 'map(select(.reason == "drop_block")) | length >= 3 and
		any(.pps > 0) and .[-1].packets == 2' "$LAB_DIR/every.log"
	jq -se '.[-1].type == "summary"' "$LAB_DIR/every.log"
	lab_stop every
	says stats --every 1s --reset
	[ "$status" = 2 ]
}

@test "without a filter: exit 2" {
	for verb in stats watch top; do
		FP_PINS=$LAB_DIR/bpf/none says "$verb"
		[ "$status" = 2 ]
		[[ $stderr == *'no filter is loaded'* ]]
	done
	says top --limit 0
	[ "$status" = 2 ]
	says top now
	[ "$status" = 2 ]
}

@test "stats --output: whole, 0644, each round; for Prometheus what one asks at night" {
	local out=$LAB_DIR/out.prom

	filters
	umask 077
	echo precious >"$LAB_DIR/precious"
	ln "$LAB_DIR/precious" "$out.tmp" # not our file
	says stats --format prometheus --output "$out"
	[ "$status" = 0 ]
	[ "$output$stderr" = '' ]
	[ "$(stat -c %a "$out")" = 644 ]
	[ "$(ls "$out".*)" = "$out.tmp" ]
	[ "$(cat "$LAB_DIR/precious")" = precious ]
	grep -qx 'fastpath_filter_packets_total{nic="net1",reason="drop_block",action="drop"} 1' "$out"
	grep -qx 'fastpath_filter_packets_total{nic="net1",reason="seen_stealth",action="observe"} 0' "$out"
	grep -qx 'fastpath_filter_mode{check="stealth"} 1' "$out"
	grep -qx 'fastpath_filter_bypass_seconds 0' "$out"
	grep -qx 'fastpath_filter_attached 1' "$out"
	lab_start rounds node "$load" stats --format prometheus --output "$out" \
		--every 100ms
	filters
	lab_wait 5 grep -q 'drop_block.* 2$' "$out"
	lab_stop rounds INT
	says stats --format json --output "$out"
	jq -se '.[0].type == "stats" and .[-1].type == "summary"' "$out"
	says stats --output "$out"
	grep -q $'^net1\tdrop_block\tdrop\t2\t' "$out"
}

@test "stats --output: what cannot be written: exit 2, and the old file stays" {
	local small=$LAB_DIR/small

	filters
	says stats --output "$LAB_DIR/none/file"
	[ "$status" = 2 ]
	[[ $stderr == *"$LAB_DIR/none/file"*'No such file'* ]]
	says stats --output /dev/null
	[ "$status" = 2 ]
	[[ $stderr == *'/dev/null: not a file'* ]]
	[ -c /dev/null ]
	says stats --output ''
	[ "$status" = 2 ]
	mkdir "$small"
	mount -t tmpfs -o size=8k tmpfs "$small"
	echo old >"$small/file"
	head -c 4096 /dev/zero >"$small/full"
	run --separate-stderr lab_in node "$load" stats --reset --output "$small/file"
	old=$(cat "$small/file") left=$(ls "$small")
	umount "$small"
	[ "$status" = 2 ]
	[[ $stderr == *"$small/file"*'No space left'* ]]
	[ "$old" = old ]
	[ "$left" = $'file\nfull' ]
}

# ---- watch

@test "watch shows drops as they come, until a signal, exit 0" {
	fl set sample=all
	filters # before watch: not shown
	begin watch
	send $BLOCKED "$(printf '\r\nREGISTER sip:x\033[2J\302\233\342\200\256@192.0.2.1 SIP/2.0\r\nVia: x\r\n\r\n')" 5061
	lab_wait 5 grep -q '}' "$LAB_DIR/watch.json"
	end watch
	shown watch 'length == 2 and (.[0] | .type == "drop" and .nic == "net1" and
		.reason == "drop_block" and .src == "203.0.113.7" and
		.dport == 5061 and .sport > 0 and .proto == "udp" and
		.len > 60 and .skipped == 0 and
		.payload == "REGISTER sip:x\u001b[2J\u009b\u202e@192.0.2.1 SIP/2.0") and
		(now - (.[0].time | fromdate) | fabs) < 5'
	shown watch '.[-1] | .dropped == 1 and .shown == 1 and .not_shown == 0 and
		.lost == 0 and .exact'
	refute grep -qP '[^ -~]' "$LAB_DIR/watch.json"
}

@test "watch: text has no control characters" {
	lab_start watch node "$load" -q watch
	lab_wait 5 is_ready watch
	send $BLOCKED "$(printf 'REGISTER sip:x\033[2J\t\302\233\342\200\256y SIP/2.0\r\n\r\n')"
	lab_wait 5 grep -q REGISTER "$LAB_DIR/watch.log"
	end watch INT
	[ "$(wc -l <"$LAB_DIR/watch.log")" = 1 ]
	refute grep -qP '[^\n\t -~]' "$LAB_DIR/watch.log"
	[ "$(tr -cd '\t' <"$LAB_DIR/watch.log" | wc -c)" = 9 ]
}

@test "watch: VLAN, IPv6 and a long first line" {
	fl set sample=all
	block add 2001:db8:a::7 --why scan
	begin watch
	printf 'INVITE sip:six@x SIP/2.0\r\n\r\n' | lab_in attacker socat -u - \
		"UDP6-SENDTO:[2001:db8:5::1]:5060,bind=[2001:db8:a::7]"
	lab_in attacker python3 - <<'PY'
import socket, struct
def frame(tags, uri):
    sip = b'INVITE sip:%s@x SIP/2.0\r\n\r\n' % uri
    udp = struct.pack('>HHHH', 4660, 5060, 8 + len(sip), 0) + sip
    ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                     socket.inet_aton('203.0.113.7'),
                     socket.inet_aton('192.0.2.1'))
    eth = bytes.fromhex('0200000a01'.rjust(12, '0')) * 2
    return eth + tags + b'\x08\x00' + ip + udp
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('net0', 0))
s.send(frame(bytes.fromhex('8100000a'), b'tagged'))
s.send(frame(bytes.fromhex('88a8400581004006'), b'twice'))
s.send(frame(b'', b'a' * 300))
PY
	lab_wait 5 grep -q aaaa "$LAB_DIR/watch.json"
	end watch
	shown watch 'map(select(.type == "drop")) | map([.src, .sport == 4660, .payload]) |
		.[0][0] == "2001:db8:a::7" and .[0][2] == "INVITE sip:six@x SIP/2.0" and
		.[1] == ["203.0.113.7", true, "INVITE sip:tagged@x SIP/2.0"] and
		.[2] == ["203.0.113.7", true, "INVITE sip:twice@x SIP/2.0"] and
		(.[3][2] | startswith("INVITE sip:aaa") and length == 228)'
}

@test "watch: what was not sampled is counted, by NIC, and --recent goes back" {
	flood $BLOCKED 300
	dropped 300
	begin watch
	flood $BLOCKED 1000
	lab_wait 5 dropped 1300
	end watch
	shown watch '.[-1] | .dropped == 1000 and .shown + .not_shown == 1000 and
		.shown >= 2 and .not_shown > 0 and .lost == 0 and .exact'
	# what stands behind the last one is in the sum alone
	shown watch '(map(select(.type == "drop") | .skipped + 1) | add) as $n |
		$n <= 1000 and $n > 100'
	says -j watch --recent --for 300ms
	[ "$status" = 0 ]
	json '(map(select(.type == "drop")) | length) as $n | .[0].skipped == null and
		.[-1].shown == $n and .[-1].dropped == 1300 and .[-1].exact'
}

@test "watch: an overrun is said once, counted, and the sums stay exact" {
	local pid

	fl attach net1
	fl set sample=all
	begin watch
	read -r pid _ <"$LAB_DIR/pids/watch"
	flood $BLOCKED 10
	lab_wait 5 grep -q sip:9@ "$LAB_DIR/watch.json"
	for i in 1 2; do
		kill -STOP "$pid"
		flood $BLOCKED 1500
		kill -CONT "$pid"
		lab_wait 5 eval '[ "$(grep -c sip:1499@ "$LAB_DIR/watch.json")" = '$i' ]'
	done
	end watch
	shown watch '.[-1] | .dropped == 3010 and .lost == 952 and .shown == 2058 and
		.not_shown == 952 and .exact'
	[ "$(grep -c overwritten "$LAB_DIR/watch.log")" = 1 ]
	# a gap is in the record behind it of the same processor, when there is one
	shown watch '(map(select(.type == "drop") | .skipped)) as $g |
		($g | add) <= 952 and ($g | max) > 0'
}

# A CPU that was held up while the ring came round.
@test "watch: a place that another CPU has, or had, is lost and holds up nobody" {
	local n

	fl set sample=all
	begin watch
	read -r pid _ <"$LAB_DIR/pids/watch"
	kill -STOP "$pid"
	n=$(slot top)
	for i in 1 2 3; do send $BLOCKED "$(invite "$i")"; done
	slot $((n + 2)) 0 # as if it were being written
	slot $((n + 4)) 255 255 255 255 255 255 255 255
	slot $((n + 5)) 255 255 255 255 255 255 255 127 # a later round
	for i in 4 5 6; do send $BLOCKED "$(invite "$i")"; done
	[ "$(slot $((n + 4)))" = 65535 ]
	[ "$(slot $((n + 5)))" = 65535 ]
	kill -CONT "$pid"
	lab_wait 5 grep -q sip:6@ "$LAB_DIR/watch.json"
	end watch
	slot $((n + 4)) 0
	slot $((n + 5)) 0
	shown watch '(map(select(.type == "drop").payload[11:12]) == ["1", "3", "6"]) and
		(.[-1] | .dropped == 6 and .lost == 3 and .exact)'
}

@test "watch: counters set to zero, NICs that go and come: it says so" {
	fl set sample=all
	begin watch
	flood $BLOCKED 20
	lab_wait 5 grep -q sip:19@ "$LAB_DIR/watch.json"
	fl stats --reset
	lab_wait 5 grep -q 'net1: counters were set to zero' "$LAB_DIR/watch.log"
	flood $BLOCKED 30
	lab_wait 5 grep -q sip:29@ "$LAB_DIR/watch.json"
	fl detach net1
	sleep 0.2 # two looks
	fl attach net1
	flood $BLOCKED 40
	lab_wait 5 grep -q sip:39@ "$LAB_DIR/watch.json"
	begin stats --every 100ms
	lab_start prom node "$load" stats --format prometheus --every 100ms \
		--output "$LAB_DIR/gone.prom"
	lab_wait 5 grep -q 'attached 1' "$LAB_DIR/gone.prom"
	fl detach --all
	lab_wait 5 grep -q 'was taken away' "$LAB_DIR/watch.log"
	lab_wait 5 grep -q 'was taken away' "$LAB_DIR/stats.log"
	lab_wait 5 grep -q 'attached 0' "$LAB_DIR/gone.prom"
	: >"$LAB_DIR/stats.json"
	fl attach net1
	lab_wait 5 grep -q 'is back' "$LAB_DIR/watch.log"
	flood $BLOCKED 50
	lab_wait 5 grep -q sip:49@ "$LAB_DIR/watch.json"
	lab_wait 5 grep -q '"packets":50,' "$LAB_DIR/stats.json"
	lab_wait 5 grep -q 'net1.*drop_block.* 50$' "$LAB_DIR/gone.prom"
	end watch
	end stats
	lab_stop prom
	shown watch '.[-1] | .dropped == 140 and .shown == 140 and .exact == false'
}

# ---- top

@test "top: by source, weighed, and the sums are right" {
	fl set sample=all
	block add 203.0.113.9 203.0.113.10 --why scan
	begin top --every 1h
	flood 203.0.113.9 600 5061
	flood 203.0.113.10 300
	flood $BLOCKED 100
	lab_wait 5 dropped 1000
	end top
	shown top 'map(select(.type == "top")) | map([.rank, .src]) ==
		[[1, "203.0.113.9"], [2, "203.0.113.10"], [3, "203.0.113.7"]] and
		all(.reason == "drop_block" and .nic == "net1" and .samples > 0) and
		.[0].dport == 5061 and .[0].drops == 600 and .[0].share == 0.6 and
		(.[2].payload | startswith("INVITE sip:"))'
	shown top '(map(select(.type == "top").drops) | add) as $n | .[-1] |
		.dropped == 1000 and .attributed == $n and .others == 0 and
		.attributed + .others + .unsampled == .dropped and .exact'
	says -j top --recent --for 200ms --limit 1
	json 'length == 2 and .[0].src == "203.0.113.9" and .[-1].dropped == 1000'
}

@test "top: more sources than it remembers are others" {
	fl set sample=all
	block add 198.18.0.0/15 --why scan --override prefix 2>/dev/null ||
		block add 198.18.0.0/16 --why scan
	begin top --every 1h
	lab_in attacker python3 -c '
import socket, time
for n in range(4200):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("198.18.%d.%d" % (n >> 8, n & 255), 0))
    s.sendto(b"INVITE sip:x@192.0.2.1 SIP/2.0\r\n\r\n", ("192.0.2.1", 5060))
    s.close()
    if n % 100 == 99:
        time.sleep(0.01)'
	lab_wait 5 dropped 4200
	end top
	shown top '.[-1] | .dropped == 4200 and .others > 0 and
		.attributed + .others + .unsampled == 4200 and .exact'
	shown top 'map(select(.type == "top")) | length == 20'
}

@test "top on a terminal clears the screen each round" {
	filters
	lab_start screen node script -qec \
		"$load --pins $FP_PINS top --recent --every 100ms --for 500ms" \
		/dev/null
	lab_wait 5 lab_ended screen
	[ "$(grep -c $'\033\\[H\033\\[Jfp-load top' "$LAB_DIR/screen.log")" -ge 3 ]
	grep -q 'RANK' "$LAB_DIR/screen.log"
	grep -q $BLOCKED "$LAB_DIR/screen.log"
}
