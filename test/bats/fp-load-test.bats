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
	says test "$LAB_DIR/cap.pcap"
	[[ $stderr == *'3 packets, 3 of them for the filter: 1 dropped'* ]]
	[ "${#lines[@]}" = 6 ]
	[ "$(cut -f 1,10-13 <<<"${lines[2]}")" = \
		$'3\tseen_stealth\t192.0.2.1\tno\tOPTIONS sip:a@192.0.2.1 SIP/2.0' ]
}

@test "every link layer, tags, nanoseconds, pcapng and stdin" {
	for kind in null sll2 sllvlan qinq ng; do
		capture cap -k $kind
		tests --summary
		is 1 1 || { echo "$kind: $stderr $output"; return 1; }
	done
	says -j test - <"$LAB_DIR/cap.pcap"
	is 1 1
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
	local was

	fl attach net1
	capture cap
	mkdir "$LAB_DIR/lists"
	printf '# as people write it\n203.0.113.8\n203.0.113.0/29 why=scan\n' \
		>"$LAB_DIR/lists/feeds.list"
	printf '#fastpath-list 1 kind=allow\n203.0.113.7\n' \
		>"$LAB_DIR/lists/carriers.list"
	echo junk >"$LAB_DIR/lists/.feeds.list"
	was=$(state_of "$LAB_DIR/lists")
	tests --lists "$LAB_DIR/lists"
	is 2 0
	json '.[0].reason == "pass_allowed" and .[1].reason == "drop_block"'
	[ "$(state_of "$LAB_DIR/lists")" = "$was" ]
	tests --summary --lists "$LAB_DIR/lists/feeds.list"
	is 3 0
	printf '[opensips]\nsip9 ansible_host=%s\n' "$OTHER" >"$LAB_DIR/c.ini"
	tests --summary --lists "$LAB_DIR/lists/feeds.list" -C "$LAB_DIR/c.ini"
	is 1 0
	# a node's, with a torn line at its end, while another one holds the lock
	block add "$OTHER"
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
	tests --lists "$LAB_DIR/nowhere"
	[ "$status" = 2 ]
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

@test "--dropped, --summary and --fields choose records" {
	capture cap
	tests --dropped
	is 1 1
	json 'map(select(.type == "packet").n) == [1, 3] and
		(map(select(.type == "source")) | length) == 2'
	tests --summary
	json 'map(.type) == ["source", "source", "source", "summary"]'
	says test "$LAB_DIR/cap.pcap" -o n,payload
	[ "${#lines[@]}" = 3 ]
	says test "$LAB_DIR/cap.pcap" -o src,dropped
	[ "$output" = $'203.0.113.7\t1\n203.0.113.8\t0\n203.0.113.8\t0' ]
	says test "$LAB_DIR/cap.pcap" -o src,nope
	[ "$status" = 2 ]
}

@test "what the capture cut off passes, and is counted where it matters" {
	local line='OPTIONX sip:a@192.0.2.1 nothing of the kind'

	# in its first line; behind it; in its Ethernet header
	capture cap -s 70 "$OTHER" 5060 "$line"$'\r\n' "$OTHER" 9 "$line"$'\r\n'
	tests --set malformed=enforce
	[ "$status" = 0 ]
	json '.[0].verdict == "pass" and .[0].cut and .[1].cut == false and
		.[-1].cut == 1 and .[-1].judged == 1'
	says test "$LAB_DIR/cap.pcap" --summary
	[[ $stderr == *'1 were captured in part'*'passes'* ]]
	capture cap -s 90 "$OTHER" 5060 "$line"$'\r\n'"$line"
	tests --set malformed=enforce
	json '.[0].reason == "drop_malformed" and .[-1].cut == 0'
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
