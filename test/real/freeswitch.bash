# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# FreeSWITCH's event socket as fp-health sees it: the cases, for a real FreeSWITCH
# ($FS_KIND real, of $FP_FREESWITCH_PREFIX) and its stand-in (stand-in).
# One switch, fs1 on 127.0.0.21, in the namespaces of test/run.
# shellcheck disable=SC2034,SC2154 # bats' variables, and those of what is loaded

FS_IP=127.0.0.21

# ---- the switch

# fs_setup_file: what is missing is in $FS_SKIP: bats 1.8 takes a skip in
# setup_file for a failure.
fs_setup_file() {
	export FS_SKIP=''

	if [ ! -x "$FP_BUILD/test/prog/probe" ]; then
		FS_SKIP='test/prog/probe is not built'
	elif [ ! -x "$FP_BUILD/fp-health" ]; then
		FS_SKIP='fp-health is not built'
	elif [ "$FS_KIND" = stand-in ]; then
		return
	elif [ -z "${FP_FREESWITCH_PREFIX:-}" ]; then
		FS_SKIP='FP_FREESWITCH_PREFIX names no FreeSWITCH'
	elif [ ! -x "$FP_FREESWITCH_PREFIX/bin/freeswitch" ]; then
		FS_SKIP="no FreeSWITCH in $FP_FREESWITCH_PREFIX"
	elif [ "$(id -u)" != 0 ]; then
		FS_SKIP='it wants namespaces of its own: root'
	fi
}

# fs_setup: for setup; no switch is running yet.
fs_setup() {
	[ -z "${FS_SKIP:-}" ] || skip "$FS_SKIP"
	dir=$BATS_TEST_TMPDIR
	fs_pid='' others=()
	out=$dir/out
	: >"$out"
	printf 'fs1 fp_esl=%s fp_rtp_ports=20384-24383 fp_switchname=fs1\n' \
		"$FS_IP" >"$dir/cluster.ini"
}

# fs_teardown: for teardown.
fs_teardown() {
	[ -z "${FS_SKIP:-}" ] || return 0
	fs_kill
	[ -z "${others[*]}" ] || kill "${others[@]}" 2>/dev/null || :
	# what it was about, when it failed
	sed 's/^/watch said: /' "$out"
}

# fs_start [acl=deny] [password=WORD]: and wait until it answers.
fs_start() {
	if [ "$FS_KIND" = real ]; then
		fs_start_real "$@"
	else
		fs_start_stand_in "$@"
	fi
}

fs_start_stand_in() {
	rm -f "$dir/control"
	python3 test/fake/freeswitch --ip "$FS_IP" --control "$dir/control" \
		heartbeat_s=1 gateways=carrier=127.0.0.60:5080 "$@" >"$dir/said" 2>&1 3>&- 4>&- &
	fs_pid=$!
	within 10 grep -q '^up' "$dir/said"
}

fs_start_real() {
	local acl=everybody password=ClueCon word prefix=$FP_FREESWITCH_PREFIX

	for word; do
		case $word in
		acl=deny) acl=nobody ;;
		password=*) password=${word#*=} ;;
		esac
	done
	mkdir -p "$dir"/{conf,log,db,run,storage,tmp}
	sed -e "s|@DIR@|$dir|g; s|@ACL@|$acl|; s|@PASSWORD@|$password|" \
		test/real/freeswitch.xml.in >"$dir/conf/freeswitch.xml"
	(
		# it wants its threads to have small stacks, and says so
		ulimit -s 240 -c 0
		exec "$prefix/bin/freeswitch" -nf -nc -nonat -nort \
			-conf "$dir/conf" -log "$dir/log" -db "$dir/db" \
			-run "$dir/run" -storage "$dir/storage" \
			-temp "$dir/tmp" -mod "$prefix/lib/freeswitch/mod"
	) >"$dir/said" 2>&1 3>&- 4>&- </dev/null &
	fs_pid=$!
	within 20 fs_is_up
}

# Its profile is the last to come; without an ACL nobody can ask.
fs_is_up() {
	if grep -q nobody "$dir/conf/freeswitch.xml" &&
		grep -q 'acl" value="nobody' "$dir/conf/freeswitch.xml"; then
		(exec 9<>"/dev/tcp/$FS_IP/8021") 2>/dev/null
		return
	fi
	password=$(sed -n 's/.*"password" value="\(.*\)".*/\1/p' \
		"$dir/conf/freeswitch.xml") esl sofia status 2>/dev/null |
		grep -q RUNNING && esl status | grep -q ') is ready'
}

# fs_signal SIGNAL; fs_kill: and it is gone.
fs_signal() { kill -s "$1" "$fs_pid"; }
fs_kill() {
	[ -n "$fs_pid" ] || return 0
	kill -s KILL "$fs_pid" 2>/dev/null || :
	wait "$fs_pid" 2>/dev/null || :
	fs_pid=
}

# ---- asking

# within SECONDS COMMAND...: until it is true.
within() {
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		[ $SECONDS -lt "$end" ] || {
			echo "not within time: $*"
			return 1
		}
		sleep 0.02
	done
}

# esl COMMAND...: an api command, as another client; all it says.
esl() {
	local fd

	exec {fd}<>"/dev/tcp/$FS_IP/8021" || return
	printf 'auth %s\n\napi %s\n\nexit\n\n' "${password:-ClueCon}" "$*" >&"$fd"
	timeout 5 cat <&"$fd" 2>/dev/null || : # a crash is an end too
	exec {fd}>&-
}

core_uuid() {
	esl global_getvar core_uuid | grep -oE '[0-9a-f]{8}(-[0-9a-f]+){4}'
}

# options: what OPTIONS is answered with; its first line and its header names.
options() {
	local id=$RANDOM$RANDOM

	# one datagram: bash would send each line by itself
	printf '%s\r\n' "OPTIONS sip:$FS_IP SIP/2.0" \
		"Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK$id;rport" \
		'Max-Forwards: 70' "From: <sip:x@127.0.0.1>;tag=$id" \
		"To: <sip:$FS_IP>" "Call-ID: $id" 'CSeq: 1 OPTIONS' \
		'Content-Length: 0' '' >"$dir/options"
	socat -t 0.5 - "UDP:$FS_IP:5060" <"$dir/options" | tr -d '\r' |
		sed '1n; s/:.*//; /^$/d' | paste -sd ' '
}

# probe [TIMEOUT_MS]: one reading of all nodes, in $output.
probe() {
	run "$FP_BUILD/test/prog/probe" "$dir/cluster.ini" "${1:-1000}"
	[ "$status" = 0 ] || {
		echo "$output"
		return 1
	}
}

# tool ARG...: fp-health, as if for the first time.
tool() {
	rm -rf "$dir/state"
	mkdir "$dir/state"
	FP_STATE=$dir/state run "$FP_BUILD/fp-health" "$@" \
		-C "$dir/cluster.ini"
}

# says TEXT...: each is in what probe said.
says() {
	local text

	for text; do
		[[ $output == *"$text"* ]] || {
			printf 'not said: %s\nsaid: %s\n' "$text" "$output"
			return 1
		}
	done
}

# watch [INTERVAL_MS [TIMEOUT_MS]]: readings for ever, into $out.
watch() {
	"$FP_BUILD/test/prog/probe" "$dir/cluster.ini" "${2:-500}" "${1:-500}" \
		>>"$out" 2>&1 3>&- 4>&- &
	others+=($!)
}
# seen TEXT [SECONDS]: a line that comes now has it.
seen() { within "${2:-5}" grep -qF -- "$1" "$out"; }
forget() { : >"$out"; }

fill() {
	local i

	for ((i = 0; i < $1; i++)); do
		esl originate '{null_enable_auto_answer=true}null/1 &park' |
			grep -q '+OK'
	done
}

# ---- cases

case_healthy() {
	fs_start
	probe
	says 'fs1 esl OK "0 sessions, at most 5000"' "run=$(core_uuid) " \
		' sessions=0 sessions_percent=0% rate=0 idle_cpu=' \
		'name=fs1 version=1.10.12-release~64bit ready=1 paused=0' \
		'sessions=0/5000 rate=0/300' 'has_clock=1' 'rtp=20384-24383'
	# the same machine: what a FreeSWITCH drifts by in a second
	[[ $output =~ skew_ms=(-?[0-9]+) ]]
	[ "${BASH_REMATCH[1]#-}" -lt 500 ]
	[[ $output =~ latency=([0-9.]+)s ]]
}

case_paused() {
	fs_start
	esl fsctl pause
	probe
	says 'fs1 esl WARNING refusing "paused; 0 sessions' 'ready=0 paused=1'
	[[ $(options) == 'SIP/2.0 503 '* ]]
	esl fsctl resume
	probe
	says 'fs1 esl OK "0 sessions' 'ready=1 paused=0'
	[[ $(options) == 'SIP/2.0 200 OK '* ]]
}

# "fsctl pause_check" says false then, and status ready.
case_paused_one_way() {
	fs_start
	esl fsctl pause inbound
	probe
	says 'WARNING refusing "paused for inbound calls; ' 'ready=1 paused=1'
	[[ $(options) == 'SIP/2.0 503 '* ]]
	esl fsctl resume
	esl fsctl pause outbound
	probe
	says 'WARNING refusing "paused for outbound calls; ' 'ready=1 paused=1'
	[[ $(options) == 'SIP/2.0 200 OK '* ]]
}

case_full() {
	fs_start
	fill 9
	esl fsctl max_sessions 20
	probe
	says 'fs1 esl OK "9 sessions, at most 20"' ' sessions_percent=45%'
	esl fsctl max_sessions 10
	probe
	says 'fs1 esl WARNING "nearly full: 9 sessions, at most 10"'
	fill 1
	probe
	says 'fs1 esl CRITICAL refusing "full: 10 sessions, at most 10"' \
		' sessions_percent=100%'
	[[ $(esl originate 'null/1 &park') == *'-ERR DESTINATION_OUT_OF_ORDER'* ]]
	[[ $(options) == 'SIP/2.0 503 '* ]]
}

case_idle_cpu() {
	fs_start
	esl fsctl min_idle_cpu 101
	probe
	says 'fs1 esl WARNING refusing "idle CPU ' \
		' %, below its minimum 101.0 %; 0 sessions'
	esl fsctl min_idle_cpu 0
	probe
	says 'fs1 esl OK "0 sessions'
}

case_passwords() {
	fs_start password=other
	probe
	says 'fs1 esl UNKNOWN "it refuses the password"'
	printf 'other\n' >"$dir/secret"
	sed -i "s|\$| fp_esl_password_file=$dir/secret|" "$dir/cluster.ini"
	chmod 644 "$dir/secret"
	probe
	says 'fs1 esl UNKNOWN "' 'chmod o='
	chmod 600 "$dir/secret"
	probe
	says 'fs1 esl OK "0 sessions'
	rm "$dir/secret"
	probe
	says 'fs1 esl UNKNOWN "' 'No such file'
	[[ $output != *other* ]]
}

case_acl() {
	fs_start acl=deny
	probe
	says 'fs1 esl UNKNOWN "its ACL does not let us in (rude-rejection)"'
}

# The kernel accepts for it; there is no banner.
case_frozen() {
	fs_start
	fs_signal STOP
	probe 500
	says 'fs1 esl CRITICAL "it accepts connections but says nothing: frozen?"'
	fs_signal CONT
	within 5 eval 'probe && says "fs1 esl OK"'
}

case_killed() {
	fs_start
	fs_kill
	probe
	says 'fs1 esl CRITICAL "cannot connect: Connection refused"'
}

case_other_run() {
	local first

	fs_start
	first=$(core_uuid)
	probe
	says "run=$first "
	fs_kill
	fs_start
	probe
	says "run=$(core_uuid) "
	[[ $output != *"run=$first "* ]]
}

case_other_name() {
	fs_start
	sed -i 's/fp_switchname=fs1/fp_switchname=fs7/' "$dir/cluster.ini"
	probe
	says 'WARNING "it calls itself fs1, the cluster file fs7; 0 sessions'
}

case_options() {
	fs_start
	[ "$(options)" = "SIP/2.0 200 OK Via From To Call-ID CSeq Contact\
 User-Agent Accept Allow Supported Allow-Events Content-Length" ]
	esl fsctl pause
	[ "$(options)" = "SIP/2.0 503 Maximum Calls In Progress Via From To\
 Call-ID CSeq Retry-After User-Agent Allow Supported Allow-Events\
 Content-Length" ]
}

case_gateways() {
	fs_start
	[ "$(esl sofia xmlstatus gateway | grep -c '^    <.*>.*</.*>$')" = 28 ]
	esl sofia status | grep -q "^ *internal::carrier	gateway	 *\
sip:fastpath@127.0.0.60:5080	NOREG\$"
	tool peers
	[ "$status" = 0 ]
	says '127.0.0.60 why="gateway fs1 internal::carrier"'
}

# The tool itself: its exit status is a plugin's.
case_check() {
	local first

	fs_start
	tool check --only esl
	[ "$status" = 0 ]
	first=$(core_uuid)
	says "fs1	esl	OK	" "	yes	$first"
	tool check --only esl --warning sessions=1:
	[ "$status" = 1 ]
	esl fsctl pause
	tool check --only esl
	[ "$status" = 1 ]
	says 'fs1	esl	WARNING	' '	paused; 0 sessions, at most 5000	' \
		"	no	$first"
	tool check --only esl --fail-at critical
	[ "$status" = 0 ]
	esl fsctl resume
	fill 1
	esl fsctl max_sessions 1
	tool check --only esl --format nagios
	[ "$status" = 2 ]
	says 'CRITICAL' 'full: 1 sessions, at most 1' 'esl.sessions=1;;;;1'
	fs_kill
	tool check --only esl
	[ "$status" = 2 ]
	fs_start acl=deny
	tool check --only esl
	[ "$status" = 3 ]
}

# One connection for all readings; heartbeats between them, which know nothing of
# a pause and do not hide it.
case_watched() {
	fs_start
	watch
	seen 'fs1 esl OK "0 sessions'
	seen 'fs1 esl OK news "0 sessions'
	fill 2
	seen 'news "2 sessions' 3
	esl fsctl pause
	seen 'fs1 esl WARNING refusing "paused; 2 sessions'
	forget
	seen 'fs1 esl WARNING refusing news "paused; 2 sessions'
	! grep -q ' OK ' "$out"
}

case_watched_killed() {
	local first

	fs_start
	first=$(core_uuid)
	watch
	seen 'fs1 esl OK news'
	forget
	fs_kill
	seen 'fs1 esl CRITICAL "cannot connect: Connection refused"'
	forget
	fs_start
	seen 'fs1 esl OK "0 sessions'
	! grep -qF "run=$first" "$out"
}

# An end without a word, at once, not at the next reading.
case_watched_crash() {
	fs_start
	watch 30000
	seen 'fs1 esl OK news'
	forget
	esl fsctl crash
	seen 'fs1 esl CRITICAL news "it ended the connection"' 1
}

case_watched_frozen() {
	fs_start
	watch
	seen 'fs1 esl OK news'
	forget
	fs_signal STOP
	seen '"it does not answer: frozen?"'
	seen 'fs1 esl CRITICAL "it accepts connections but says nothing: frozen?"'
	forget
	fs_signal CONT
	seen 'fs1 esl OK "0 sessions'
}
