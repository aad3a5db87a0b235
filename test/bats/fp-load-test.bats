#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-load test: what the filter would do with captured packets.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' stderr

bats_require_minimum_version 1.5.0

setup_file() { source test/bats/load.bash && load_up; }
setup() { source test/bats/load.bash && load_fresh; }
teardown() { load_clean; }
teardown_file() { source test/bats/load.bash && load_down; }

# tests ARG...: of cap.pcap.
tests() { says -j test "$LAB_DIR/cap.pcap" "$@"; }

options() { printf 'OPTIONS sip:a SIP/2.0\r\n\r\n'; }

# is DROPPED OBSERVED, of three packets.
is() {
	[ "$status" = 0 ] && json ".[-1] | .type == \"summary\" and
		.changed == false and .packets == 3 and .judged == 3 and
		.dropped == $1 and .observed == $2"
}

@test "each packet's verdict, each source, and no trace in the live filter" {
	local before

	fl attach net1
	fl set sample=1
	capture cap
	before=$(fl stats)
	seen=$(bpftool -j map dump pinned "$FP_PINS/v2/seen" | jq length)
	tests
	is 1 1
	json 'map(select(.type == "packet")) | map([.n, .src, .verdict, .reason]) ==
		[[1, "203.0.113.7", "drop", "drop_block"],
		[2, "203.0.113.8", "pass", "pass_request"],
		[3, "203.0.113.8", "pass", "pass_request"]]'
	json '.[2].observed == "seen_stealth" and .[0].dport == 5060 and
		.[0].proto == "udp" and .[0].time == "2026-01-02T03:04:05Z" and
		.[0].dst == "192.0.2.1" and .[0].cut == false and
		.[2].payload == "OPTIONS sip:a@192.0.2.1 SIP/2.0"'
	json 'map(select(.type == "source") | [.src, .packets, .dropped,
		.observed, .reason, .first]) ==
		[["203.0.113.7", 1, 1, 0, "drop_block", "2026-01-02T03:04:05Z"],
		["203.0.113.8", 1, 0, 1, "seen_stealth", "2026-01-02T03:04:07Z"],
		["203.0.113.8", 1, 0, 0, "pass_request", "2026-01-02T03:04:06Z"]]'
	json '.[-1] | .sources == 2 and .others == 0 and .cut == 0 and
		.skipped == 0 and .earlier == 0'
	[ "$(fl stats)" = "$before" ]
	[ "$(bpftool -j map dump pinned "$FP_PINS/v2/seen" | jq length)" = "$seen" ]
	capture cap "$BLOCKED" 5060 "$(options)" "$BLOCKED" 5060 "$(options)" \
		"$OTHER" 5060 "$(options)" "$OTHER" 5060 $'BYE sip:a SIP/2.0\r\n'
	tests --summary
	json '.[0] | .src == "203.0.113.8" and .reason == "seen_stealth" and
		.dialog == "2026-01-02T03:04:08Z" and .error == 0'
	json '.[1] | .src == "203.0.113.7" and .dialog == null and .packets == 2'
	json '.[-1].unconfirmed == 0 and .[-1].bypass_s == 0'
	capture cap
	says test "$LAB_DIR/cap.pcap"
	[[ $stderr == *'3 packets, 3 of them for the filter: 1 dropped'* ]]
	[ "${#lines[@]}" = 6 ]
	[ "$(cut -f 1,10-13 <<<"${lines[2]}")" = \
		$'3\tseen_stealth\t192.0.2.1\tno\tOPTIONS sip:a@192.0.2.1 SIP/2.0' ]
}

# The others: unit capture_test.
@test "pcapng, stdin, and what went out" {
	capture cap -k ng
	says -j test --summary - <"$LAB_DIR/cap.pcap"
	is 1 1
	json 'map(.type) == ["source", "source", "source", "summary"]'
	capture cap -k sll2 192.0.2.1 5060 "$(options)" "$OTHER" 5060 "$(options)"
	tests
	json '.[0].n == 2 and (.[-1] | .packets == 2 and .outgoing == 1 and
		.judged == 1 and .observed == 1)'
	[[ $stderr != *'own address'* ]]
	# Ethernet does not say
	capture cap 192.0.2.1 5060 "$(options)" 192.0.2.1 5060 "$(options)"
	tests
	json '.[-1] | .outgoing == 0 and .observed == 2'
	[ "$(grep -c '192.0.2.1 is this node.s own address' <<<"$stderr")" = 1 ]
}

@test "it follows the live lists and settings, and --set" {
	fl attach net1
	capture cap
	fl set lists=observe
	tests
	is 0 2
	json '.[0].verdict == "pass" and .[0].observed == "seen_block"'
	tests --set lists=enforce,stealth=enforce,sip-ports=5060,5061
	is 2 0
	tests --set stealth=enforce,sip-ports=5070
	[ "$status" = 1 ]
	[ "$(fl status -o lists,stealth)" = $'observe\tobserve' ]
	fl set lists=enforce stealth=enforce
	block del "$BLOCKED"
	tests
	is 1 0
	json '.[2].reason == "drop_stealth"'
	tests --set stealth=perhaps
	[ "$status" = 2 ]
	[[ $stderr == *stealth*perhaps* ]]
	tests --set lists=off,nonsense=1
	[ "$status" = 2 ]
}

# What a directory holds, to the nanosecond.
state_of() { (cd "$1" && find . -printf '%p %i %s %T@ %C@ %m\n' | sort); }

@test "--lists: of a controller, of a node, one file; nothing in there changes" {
	local was old=/dev/shm/fp-rehearsal-$$

	capture cap
	mkdir "$LAB_DIR/lists"
	printf '%s\n' '# as people write it' 203.0.113.8 10.0.0.0/8 192.0.2.1 \
		'203.0.113.0/29 why=scan' >"$LAB_DIR/lists/feeds.list"
	printf '#fastpath-list 1 kind=allow\n203.0.113.7\n' \
		>"$LAB_DIR/lists/carriers.list"
	echo junk >"$LAB_DIR/lists/.feeds.list"
	was=$(state_of "$LAB_DIR/lists")
	# of one that was killed
	mkdir -p "$old/lists"
	: >"$old/lists/x.list"
	touch -d '1 hour ago' "$old"
	tests --lists "$LAB_DIR/lists"
	is 2 0
	[ ! -e "$old" ]
	[[ $stderr == *feeds:*10.0.0.0/8*'fp-block would refuse'*'(wide)'* ]]
	[[ $stderr == *feeds:*192.0.2.1*'fp-block would refuse'*'(self)'* ]]
	json '.[0].reason == "pass_allowed" and .[1].reason == "drop_block"'
	[ "$(state_of "$LAB_DIR/lists")" = "$was" ]
	tests --summary --lists "$LAB_DIR/lists/feeds.list"
	is 3 0
	printf '[opensips]\nsip9 ansible_host=%s\n' "$OTHER" >"$LAB_DIR/c.ini"
	tests --summary --lists "$LAB_DIR/lists/feeds.list" -C "$LAB_DIR/c.ini"
	is 1 0
	# a node's, with a torn line at its end, while another one holds the lock
	block add "$OTHER" || [ $? = 3 ] # not in force
	printf '+192.0.2.' >>"$FP_STATE"/lists/local.list ||
		ls "$FP_STATE/lists"
	was=$(state_of "$FP_STATE/lists")
	exec 9<"$FP_STATE/lists"
	flock 9
	tests --summary --lists "$FP_STATE/lists"
	exec 9<&-
	is 3 0
	[ "$(state_of "$FP_STATE/lists")" = "$was" ]
	[ -z "$(find /dev/shm /tmp -maxdepth 1 -name 'fp-rehearsal-*')" ]
}

@test "--lists that cannot be had: exit 2; that cannot be read: rule broken" {
	capture cap
	mkdir "$LAB_DIR/bad"
	tests --lists "$LAB_DIR/bad"
	[ "$status" = 2 ]
	[[ $stderr == *"$LAB_DIR/bad holds no list"* ]]
	printf '192.0.2.1\n192.0.2.999\n' >"$LAB_DIR/bad/x.list"
	tests --lists "$LAB_DIR/bad"
	[ "$status" = 2 ]
	[[ $stderr == *x.list:2:*192.0.2.999* ]]
	sed '2i junk' "$FP_STATE"/lists/local.list >"$LAB_DIR/bad/x.list"
	tests --lists "$LAB_DIR/bad"
	[ "$status" = 5 ]
	[[ $stderr == *'rule broken'*x.list:2:*junk* ]]
	tests --summary --lists "$LAB_DIR/bad" --override broken
	is 0 1
	rm -r "$LAB_DIR/bad"
}

@test "before the first attach, without a bpf filesystem: the node's own lists" {
	capture cap
	echo stealth=enforce >"$FP_STATE/settings"
	says -j --pins "$LAB_DIR/nowhere" test "$LAB_DIR/cap.pcap" --summary
	is 2 0
	[[ $stderr == *'no filter is loaded'*"$FP_STATE"* ]]
	echo 'not a list' >"$FP_STATE/lists/torn.list"
	tests --summary
	is 2 0
	[[ $stderr == *torn.list*'not in force'* ]]
	rm -r "$FP_STATE"
	tests --summary
	is 0 1
	[ ! -e "$FP_STATE" ]
	[ ! -e "$FP_PINS/v2" ]
}

@test "--since: a time, a duration ago, the last set" {
	capture cap
	tests --since 2026-01-02T03:04:06Z
	[ "$status" = 0 ]
	json '.[0].n == 2 and .[-1].packets == 2 and .[-1].earlier == 1'
	tests --since 2h
	[ "$status" = 1 ]
	[[ $stderr == *'nothing was judged'*earlier* ]]
	tests --since set
	[ "$status" = 2 ]
	[[ $stderr == *'nothing was set yet'*settings* ]]
	touch -d 2026-01-02T03:04:06.5Z "$FP_STATE/settings"
	tests --since set
	json '.[0].n == 3 and .[-1].packets == 1'
	capture cap -t "$(date +%s)"
	tests --since 2h
	is 1 1
	tests --since yesterday
	[ "$status" = 2 ]
	[[ $stderr == *'"yesterday"'* ]]
}

@test "--dropped and --fields choose records" {
	capture cap
	tests --dropped
	is 1 1
	json 'map(select(.type == "packet").n) == [1, 3] and
		(map(select(.type == "source")) | length) == 2'
	says test "$LAB_DIR/cap.pcap" -o src,dropped
	[ "$output" = $'203.0.113.7\t1\n203.0.113.8\t0\n203.0.113.8\t0' ]
	says test "$LAB_DIR/cap.pcap" -o src,nope
	[ "$status" = 2 ]
}

@test "what the capture cut off passes, and is counted where it matters" {
	local line='OPTIONX sip:a@192.0.2.1 nothing of the kind'

	# in its first line; to another port; behind its first line
	capture cap -s 70 "$OTHER" 5060 "$line"$'\r\n' "$OTHER" 9 "$line"$'\r\n' \
		"$OTHER" 5060 "OPTIONX sip:a no"$'\r\n'"$line"
	tests --set malformed=enforce
	[ "$status" = 0 ]
	json '.[0].verdict == "pass" and .[0].cut and .[1].cut == false and
		.[2].reason == "drop_malformed" and .[2].cut == false and
		.[-1].cut == 1 and .[-1].judged == 2'
	# in its Ethernet header
	capture cap -s 10
	tests
	[ "$status" = 1 ]
	json '.[-1].skipped == 3 and .[0].verdict == null'
}

@test "nothing to judge: exit 1 and why" {
	capture cap "$OTHER" 9 x
	tests
	[ "$status" = 1 ]
	[[ $stderr == *cap.pcap*'nothing was judged'*'SIP or guarded port'* ]]
	json '.[0].reason == "pass_other" and .[-1].judged == 0'
	capture cap -e
	tests
	[ "$status" = 1 ]
	[[ $stderr == *'nothing was judged'*'no packet'* ]]
}

@test "no capture: exit 2 and what it is instead" {
	says test "$LAB_DIR/none.pcap"
	[ "$status" = 2 ]
	[[ $stderr == *none.pcap*'No such file'* ]]
	says test "$LAB_DIR"
	[ "$status" = 2 ]
	[[ $stderr == *'Is a directory'* ]]
	echo 'what is this?' >"$LAB_DIR/bad.pcap"
	says test "$LAB_DIR/bad.pcap"
	[ "$status" = 2 ]
	[[ $stderr == *bad.pcap*'not a capture'* ]]
	: >"$LAB_DIR/bad.pcap"
	says test "$LAB_DIR/bad.pcap"
	[ "$status" = 2 ]
	[[ $stderr == *bad.pcap*empty* ]]
	capture cap
	gzip -c "$LAB_DIR/cap.pcap" >"$LAB_DIR/bad.pcap"
	says test - <"$LAB_DIR/bad.pcap"
	[ "$status" = 2 ]
	[[ $stderr == *stdin*gzip*'-dc'* ]]
	# LINKTYPE_IEEE802_11
	(head -c 20 "$LAB_DIR/cap.pcap" && printf '\x69\0\0\0' &&
		tail -c +25 "$LAB_DIR/cap.pcap") >"$LAB_DIR/bad.pcap"
	says test "$LAB_DIR/bad.pcap"
	[ "$status" = 2 ]
	[[ $stderr == *IEEE802_11*'these are: Ethernet'* ]]
	says test
	[ "$status" = 2 ]
}

@test "a file that breaks off: what was judged, then exit 2 and where" {
	capture cap
	head -c -7 "$LAB_DIR/cap.pcap" >"$LAB_DIR/bad.pcap"
	says -j test "$LAB_DIR/bad.pcap"
	[ "$status" = 2 ]
	[[ $stderr == *bad.pcap*'packet 3:'* ]]
	json 'map(select(.type == "packet")) | length == 2'
	json '.[-1] | .type == "summary" and .packets == 2 and .dropped == 1'
}

@test "interrupted: the summary of what was judged, exit 3" {
	local pid rc=0

	capture cap
	mkfifo "$LAB_DIR/pipe"
	lab_start stop node bash -c \
		'exec "$0" -j test - <"$1" >"$2"' "$load" "$LAB_DIR/pipe" \
		"$LAB_DIR/out"
	read -r pid _ <"$LAB_DIR/pids/stop"
	exec 8>"$LAB_DIR/pipe"
	cat "$LAB_DIR/cap.pcap" >&8
	lab_wait 9 eval "grep -q pipe_read /proc/$pid/wchan" # has read all
	kill -INT "$pid"
	wait "$pid" || rc=$?
	exec 8>&-
	[ $rc = 3 ]
	output=$(<"$LAB_DIR/out")
	json '.[-1].packets == 3 and .[-1].dropped == 1'
	grep -q 'interrupted after packet 3' "$LAB_DIR/stop.log"
}
