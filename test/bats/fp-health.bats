#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-health check, watch and status, with peers that answer OPTIONS as files say.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' variables

bats_require_minimum_version 1.5.0
load say.bash

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
	source test/lab/lab.sh
	: "${FP_BUILD:=$PWD/build}"
	src=$PWD fh=$FP_BUILD/fp-health dir=$BATS_TEST_TMPDIR
	export FP_STATE=$dir/state FP_CLUSTER=$dir/cluster.ini
	mkdir "$dir/peer"
	unset NOTIFY_SOCKET WATCHDOG_USEC SUDO_USER
	cat >"$FP_CLUSTER" <<-END
	[edge]
	n1 ansible_host=127.0.0.1 fp_sip=udp:127.0.0.1:25060
	n2 ansible_host=127.0.0.1 fp_sip=udp:127.0.0.1:25061
	n3 ansible_host=127.0.0.1 fp_sip=udp:127.0.0.1:25062
	END
	python3 test/fake/sip-peer "$dir/peer" 127.0.0.1:2506{0,1,2} \
		>"$dir/peer.log" 3>&- &
	peer=$! watch=''
	lab_wait 5 grep -q up "$dir/peer.log"
	cd "$dir" || return
}

teardown() {
	local pid

	for pid in $watch $peer; do
		kill "$pid" 2>/dev/null || :
		wait "$pid" || :
	done
}

# says NODE STATUS|silent|200
says() { echo "$2" >"$dir/peer/2506$((${1#n} - 1))"; }

# check STATUS ARG...
check() {
	local status=$1

	shift
	run --separate-stderr "-$status" "$fh" check --timeout 400ms "$@"
}

# states: NODE=STATE of each record
states() { awk -F'\t' '{ printf "%s%s=%s", s, $1, $3; s = " " }' <<<"$output"; }

# ---- watch

# watch ARG...: in the background, until it has told all first states
watch() {
	"$fh" watch --json --interval 100ms --timeout 250ms "$@" \
		>"$dir/out" 2>"$dir/err" 3>&- &
	watch=$!
	lab_wait 5 told 1 alive
}

# told N TYPE [FILTER]: that many such records
told() {
	[ "$(jq -cn --arg t "$2" \
		"[inputs | select(.type == \$t) | select(${3-true})] | length" \
		<"$dir/out" 2>/dev/null)" -ge "$1" ]
}

# turned NODE CHECK FROM TO
turned() {
	told 1 transition ".node == \"$1\" and .check == \"$2\" and
		.from == \"$3\" and .to == \"$4\""
}

heard() { [ "$(grep -c "$2" said)" -ge "$1" ]; }

@test "wrong usage is UNKNOWN" {
	run --separate-stderr -3 "$fh"
	hints 'no verb given'
	run --separate-stderr -3 "$fh" chekc
	hints 'unknown verb "chekc"'
	run --separate-stderr -0 "$fh" check --help
	check 3 --fail-at ok
	hints '--fail-at ok: warning or critical'
	check 3 --format xml
	hints '--format xml: one of'
	check 3 --only sip,spi
	hints '--only: there is no check "spi"'
	check 3 --warning esl.sessions=x
	check 3 --warning esl.sesions=0
	hints 'esl has no figure "sesions"; it has sessions'
	check 3 --critical nosuch.latency=0
	hints 'there is no check "nosuch"'
	check 3 --rise 0
	hints '--rise 0: a number from 1'
	check 3 --lease 10s
	hints 'is not for "check"'
	check 3 nobody
	check 3 -C nowhere.ini
	hints 'no cluster file nowhere.ini'
	run --separate-stderr -3 "$fh" watch --interval 1ms
	hints '--interval: at least 50ms'
	run --separate-stderr -3 "$fh" watch --fields nothing
	hints '"nothing" is not a field of transition'
	echo 'n1 fp_spi=udp:127.0.0.1:1' >cluster.ini
	check 3
	hints 'cluster.ini:1: "fp_spi": no variable of fastpath'
}

@test "check: the worst state is the exit status" {
	check 0
	same "$(states)" 'n1=OK n2=OK n3=OK'
	[ -z "$stderr" ]
	says n2 silent
	check 2
	same "$(states)" 'n1=OK n2=CRITICAL n3=OK'
	check 0 n1 n3
	check 0 -N 'edge,!n2'
	check 1 n1 --warning sip.latency=0:0.000001
	same "$(states)" n1=WARNING
	check 0 n1 --warning sip.latency=0:0.000001 --fail-at critical
	check 2 n1 --critical latency=0:0.000001 --fail-at critical
	says n3 503
	check 2 n3 -o state,takes_calls
	same "$output" $'CRITICAL\tno'
	check 0 n3 --sip-fail 500
	check 2 n3 --sip-fail 503,5xx
}

@test "check: variables of a node" {
	says n1 486
	echo 'n1 fp_sip=udp:127.0.0.1:25060,udp:127.0.0.1:25061 fp_sip_fail=486' \
		>cluster.ini
	check 2 -o check,state
	same "$output" $'sip\tCRITICAL\nsip-2\tOK'
	echo 'n1 fp_sip=udp:127.0.0.1:25060 fp_checks=esl' >cluster.ini
	check 3
	[[ $output == *esl*UNKNOWN*'this node has no fp_esl'* ]]
	echo 'n1 fp_sip=udp:127.0.0.1:25060 fp_checks=spi' >cluster.ini
	check 3
	[[ $output == *'there is no check "spi"'* ]]
	echo 'n1 fp_sip=udp:127.0.0.1:25060 fp_warning=sip.latency=0:0.000001' \
		>cluster.ini
	check 1
	check 0 --warning sip.latency=10
	echo 'n1 fp_sip=udp:127.0.0.1:25060 fp_critical=latency=a' >cluster.ini
	check 3
	[[ $output == *'fp_warning, fp_critical'* ]]
	echo 'n1 fp_sip=udp:127.0.0.1:25060 fp_warning=sip.latncy=0' \
		>cluster.ini
	check 3
	[[ $output == *thresholds*UNKNOWN*'sip has no figure "latncy"'* ]]
}

@test "check: what is named and cannot be made is UNKNOWN" {
	echo 'n1 fp_sip=udp:127.0.0.1:25060 fp_checks=sip,esl,tags' >cluster.ini
	check 3 -o check,state,detail
	same "$(cut -f1,2 <<<"$output" | tr '\t\n' '= ')" \
		'sip=OK esl=UNKNOWN tags=UNKNOWN '
	[[ $output == *'made of mi'* ]]
	check 0 --only sip
	echo 'n1 fp_sip=ws:127.0.0.1:25060' >cluster.ini
	check 3
	[[ $output == *sip*UNKNOWN*'nothing in fp_sip that it can ask'* ]]
	cat >cluster.ini <<-'END'
	n1 fp_sip=udp:127.0.0.1:25060
	n2 ansible_host=127.0.0.1
	END
	check 3 n1 --only mi
	[[ $output == n1*mi*UNKNOWN*'no fp_mi or fp_mi_list'* ]]
	check 3 n1 n2 --only sip
	same "$(states)" 'n1=OK n2=UNKNOWN'
	check 0 --only sip
	check 0 --format nagios
	[[ $output == 'OK - 1 checks of 2 nodes, no check of n2 |'* ]]
	[[ $output == *'[-] n2: no check'* ]]
	check 3 n2
	hints 'nothing to check'
}

@test "check: what is wrong with one node is said of that node" {
	cat >>cluster.ini <<-'END'
	bad ansible_host=127.0.0.1 fp_ng=tcp:127.0.0.1:1
	lost ansible_host=127.0.0.1 fp_sip=udp:no-such-host.invalid:5060
	db ansible_host=127.0.0.1 fp_pg="host=no-such-host.invalid user=u"
	mq ansible_host=127.0.0.1 fp_amqp=amqp://u@no-such-host.invalid/
	END
	check 3 --timeout 2s
	same "$(states)" \
		'n1=OK n2=OK n3=OK bad=UNKNOWN lost=UNKNOWN db=UNKNOWN mq=UNKNOWN'
	[[ $output == *'fp_ng: "tcp:127.0.0.1:1"'* ]]
}

@test "a DNS that hangs holds up nobody else" {
	[ "$(id -u)" = 0 ] || skip 'needs a resolv.conf of its own'
	echo 'nameserver 127.0.0.9' >resolv.conf
	echo 'hosts: files dns' >nsswitch.conf
	echo 'lost fp_sip=udp:sip.example.net:5060' >>cluster.ini
	echo 'db fp_pg="host=db.example.net user=u"' >>cluster.ini
	echo 'mq fp_amqp=amqp://u@mq.example.net/' >>cluster.ini
	cat >dns.py <<-'END'
	import socket, time
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.bind(("127.0.0.9", 53))
	print("up", flush=True)
	time.sleep(60)
	END
	python3 dns.py >dns.up 3>&- &
	watch=$!
	lab_wait 5 grep -q up dns.up
	# shellcheck disable=SC2016 # for the inner shell
	run -3 unshare -m bash -c '
		mount --bind resolv.conf /etc/resolv.conf &&
		mount --bind nsswitch.conf /etc/nsswitch.conf || exit 99
		exec "$1" check --timeout 500ms' bash "$fh"
	same "$(states)" \
		'n1=OK n2=OK n3=OK lost=UNKNOWN db=UNKNOWN mq=UNKNOWN'
	[[ $output == *'no answer from DNS in 500 ms'* ]]
	[[ $output == *'no answer of DNS within 500 ms'* ]]
}

@test "check: formats" {
	says n2 503
	check 2 --json
	jq -es '.[-1].type == "summary" and .[-1].state == "CRITICAL" and
		.[-1].critical == 1 and .[-1].changed == false and
		(map(select(.type == "check")) | length) == 3 and
		.[1].takes_calls == false and (.[0].figures | startswith("latency="))
		' <<<"$output"
	check 2 --format json
	jq -es '.[-1].type == "summary"' <<<"$output"
	check 2 --format nagios
	[[ ${lines[0]} == 'CRITICAL - n2/sip: 503 Because | '*"n1/sip.latency="* ]]
	same "${lines[1]%%:*}" '[OK] n1/sip'
	check 0 n1 --format nagios
	[[ ${lines[0]} == 'OK - 1 checks of 1 nodes | '* ]]
	check 3 -C nowhere --format nagios
	[[ $output == 'UNKNOWN - no cluster file nowhere'* ]]
	check 2 --format prometheus
	[[ $output == *'fastpath_check_state{node="n2",check="sip"} 2'* ]]
	[[ $output == *'fastpath_figure_value{node="n1",check="sip",figure="latency",unit="s"} 0.'* ]]
	[[ $output == *$'\nfastpath_health_state 2\n'* ]]
	if command -v promtool; then
		promtool check metrics <<<"$output"
	fi
}

@test "check: since, rise and fall hold from run to run" {
	local before

	check 0 n1 -o since
	before=$output
	sleep 1.1
	check 0 n1 -o since
	same "$output" "$before"
	says n1 503
	check 0 n1 --fall 3
	check 0 n1 --fall 3
	check 2 n1 --fall 3
	rm peer/25060
	check 2 n1 --rise 2
	check 0 n1 --rise 2
	# others are kept; those whose node is gone are not
	check 0 n2
	grep -q '^n1	sip' state/health/state
	sed -i /^n1/d cluster.ini
	check 0 n2
	run -1 grep -q '^n1	sip' state/health/state
}

@test "check: a state file that is broken, or cannot be written" {
	check 0
	printf 'nonsense\n' >>state/health/state
	printf 'torn' >>state/health/state
	check 0
	hints '2 lines of the state file could not be read'
	check 0
	[ -z "$stderr" ]
	rm -r state
	echo >state
	check 0
	hints 'what was seen is not kept'
	same "$(states)" 'n1=OK n2=OK n3=OK'
}

@test "all silent at once is us" {
	says n1 silent
	says n2 silent
	says n3 silent
	check 3
	same "$(states)" 'n1=UNKNOWN n2=UNKNOWN n3=UNKNOWN'
	[[ $output == *'are we cut off?'* ]]
	check 2 n1 # one node alone says nothing of us
}

@test "maintenance, by the local copy" {
	run -0 "$fh" maintain n2 --for 1h --why upgrade --override lock
	says n2 silent
	check 0
	same "$(states)" 'n1=OK n2=MAINT n3=OK'
	[[ $output == *'upgrade: CRITICAL: no reply'* ]]
	run --separate-stderr -0 "$fh" status --timeout 400ms
	[[ $output == *$'maintenance\tn2\t'* ]]
	run -0 "$fh" maintain n2 --end --override lock
	check 2
}

@test "status: nodes and problems on one screen" {
	says n3 503
	mkdir lists
	printf '#fastpath-list 1 kind=fence\n127.0.0.1 why="split brain" by=me\n' \
		>lists/fence-n1.list
	run --separate-stderr -2 "$fh" status --timeout 400ms --lists lists
	hints 'has no fp_db'
	same "$(cut -f 1-3 <<<"$output" | tr '\t\n' '  ')" \
		'node n1 OK node n2 OK node n3 CRITICAL problem n3 CRITICAL fence n1 127.0.0.1 '
	run --separate-stderr -2 "$fh" status --timeout 400ms --lists lists --json
	jq -es '.[-1].type == "summary" and .[-1].critical == 1 and
		.[0].type == "status" and .[0].fence == "fence-n1" and
		.[2].problems == "sip"' <<<"$output"
}

@test "watch: first states, transitions, and that it lives" {
	watch
	told 3 transition '.check == "sip" and .to == "OK" and (.from | not)'
	told 3 transition '.check == "node" and .to == "OK"'
	jq -es 'map(.type) | index("alive") == 6' <out
	jq -es '.[6].interval_ms == 500 and .[6].nodes == 3' <out
	says n2 silent
	lab_wait 5 turned n2 sip OK CRITICAL
	lab_wait 5 turned n2 node OK CRITICAL
	says n2 200
	lab_wait 5 turned n2 sip CRITICAL OK
	says n1 503
	lab_wait 5 told 1 transition '.node == "n1" and .takes_calls == false'
	lab_wait 5 told 3 alive
	kill "$watch"
	wait "$watch"
	watch=
	[ ! -s err ]
}

@test "watch: one reading is no change" {
	watch --fall 50
	says n2 503
	lab_wait 5 told 4 alive
	run -1 turned n2 sip OK CRITICAL
}

@test "watch: all silent at once is us, and passes" {
	watch
	says n1 silent
	says n2 silent
	says n3 silent
	lab_wait 5 told 3 transition '.check == "sip" and .to == "UNKNOWN"'
	rm peer/2506?
	lab_wait 5 told 3 transition '.check == "sip" and .from == "UNKNOWN"'
	run -1 told 1 transition '.to == "CRITICAL"'
}

@test "watch: --on-change gets each change, in order" {
	says n3 503
	watch --on-change 'cat >>changes; echo said; exit 3'
	lab_wait 5 grep -q n3 changes
	says n1 503
	lab_wait 5 turned n1 node OK CRITICAL
	says n1 200
	lab_wait 5 turned n1 node CRITICAL OK
	lab_wait 5 grep -q '"check":"node","from":"CRITICAL"' changes
	same "$(jq -r '[.node, .check, .from, .to] | join(" ")' changes |
		grep n1 | xargs)" \
		'n1 sip OK CRITICAL n1 node OK CRITICAL n1 sip CRITICAL OK n1 node CRITICAL OK'
	run -1 grep n2 changes
	grep -q 'fp-health: --on-change for n1: exit status 3' err
}

@test "watch: --on-change that cannot be started is not lost" {
	watch --on-change 'cat >>changes'
	prlimit --pid "$watch" --nofile=3:
	says n1 503
	lab_wait 5 turned n1 node OK CRITICAL
	lab_wait 5 grep -q 'on-change: .*: it is tried again' err
	[ ! -e changes ]
	prlimit --pid "$watch" --nofile=1024:
	lab_wait 5 grep -q '"check":"node","from":"OK"' changes
	same "$(grep -c 'tried again' err)" 1
}

@test "watch: it ends with what held" {
	says n2 503
	watch
	kill "$watch"
	wait "$watch"
	watch=''
	tail -1 out | jq -e '.type == "summary" and .changed == false and
		.state == "CRITICAL" and .critical == 1 and .ok == 2'
	# bats has its own at 3
	run --separate-stderr -3 bash -c "exec '$fh' watch >&-"
	hints 'stdout is closed'
}

@test "watch: another cluster file, states stay" {
	watch
	says n1 503
	lab_wait 5 turned n1 sip OK CRITICAL
	echo 'n4 fp_sip=udp:127.0.0.1:25060' >>cluster.ini
	sed -i /^n3/d cluster.ini
	kill -HUP "$watch"
	lab_wait 5 told 1 transition '.node == "n4" and .to == "CRITICAL"'
	lab_wait 5 told 1 alive '.nodes == 3'
	# who reads it hears what is watched no more
	same "$(jq -cs 'map(select(.type == "gone") | [.node, .check])' out)" \
		'[["n3",null]]'
	same "$(jq -cs 'map(select(.node == "n2" and .check == "sip")) | length' \
		out)" 1
	echo 'n5 fp_what=1' >>cluster.ini
	kill -HUP "$watch"
	lab_wait 5 grep -q 'all stays as it was: .*fp_what' err
	says n1 200
	lab_wait 5 turned n1 sip CRITICAL OK
}

@test "watch: maintenance comes and goes" {
	watch
	says n2 503
	lab_wait 5 turned n2 sip OK CRITICAL
	run -0 "$fh" maintain n2 --for 1h --why w --override lock
	lab_wait 8 turned n2 node CRITICAL MAINT
	run -0 "$fh" maintain n2 --end --override lock
	lab_wait 8 turned n2 node MAINT CRITICAL
}

@test "watch: a new run is told at once" {
	local esl

	echo ClueCon >secret
	chmod 600 secret
	python3 "$src/test/fake/freeswitch" --esl 25021 --sip 25070 \
		--control "$dir/fs.sock" >fs.log 3>&- &
	esl=$!
	lab_wait 5 grep -q up fs.log
	echo "fs1 ansible_host=127.0.0.1 fp_esl=127.0.0.1:25021 fp_esl_password_file=$dir/secret" \
		>cluster.ini
	watch
	lab_wait 5 told 1 transition '.node == "fs1" and .check == "esl"'
	kill -9 "$esl"
	wait "$esl" || :
	python3 "$src/test/fake/freeswitch" --esl 25021 --sip 25070 \
		--control "$dir/fs.sock" >fs.log 3>&- &
	esl=$!
	lab_wait 8 told 1 restart '.node == "fs1" and .run != .run_before'
	kill "$esl"
}

@test "watch: a reader that does not read holds up nothing" {
	local i reader

	for ((i = 0; i < 600; i++)); do
		echo "m$i fp_sip=udp:127.0.0.1:2506$((i % 2))"
	done >>cluster.ini
	mkfifo pipe
	# shellcheck disable=SC2217 # it is there to not read it
	sleep 60 <pipe 3>&- &
	reader=$!
	"$fh" watch --json --interval 500ms --on-change 'cat >>changes' \
		>pipe 2>err 3>&- &
	watch=$!
	lab_wait 10 [ -s peer/25062.asked ]
	sleep 1
	says n3 503
	lab_wait 8 grep -q '"n3","check":"sip","from":"OK"' changes
	kill "$reader" "$watch"
}

@test "watch: stdout that cannot be written" {
	run --separate-stderr -3 timeout 10 \
		sh -c "\"$fh\" watch --json --interval 100ms >/dev/full"
	hints 'cannot write the output'
	# a closed pipe ends it, as any tool
	run -141 timeout 10 bash -c "
		exec 3> >(head -c 1 >/dev/null)
		exec '$fh' watch --json --interval 100ms >&3"
}

@test "watch: systemd hears from it" {
	local ear

	cat >ear.py <<-'END'
	import socket
	s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
	s.bind("notify")
	while True:
	    print(s.recv(4096).decode(), flush=True)
	END
	python3 ear.py >said 3>&- &
	ear=$!
	lab_wait 5 [ -S notify ]
	NOTIFY_SOCKET=$dir/notify WATCHDOG_USEC=400000 watch
	lab_wait 5 grep -q READY=1 said
	lab_wait 5 heard 3 WATCHDOG=1
	kill "$watch"
	lab_wait 5 grep -q STOPPING=1 said
	kill "$ear"
}
