#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-recover where FreeSWITCH is behind a proxy, as providers run it: caller, OpenSIPS
# with topology hiding, FreeSWITCH, OpenSIPS, called one; media through rtpengine on
# both sides.  All of them are real: FP_FREESWITCH_PREFIX, FP_OPENSIPS_PREFIX and the
# rtpengine of the system.
#   OpenSIPS 127.0.0.11:5060    rtpengine NG 127.0.0.31:2223
# shellcheck disable=SC2034,SC2154 # bats' variables, and those of what is loaded

bats_require_minimum_version 1.5.0

load recover-failover.bash

setup_file() {
	export FS_KIND=real FS_PROXY=127.0.0.11:5060
	if [ ! -x "${FP_OPENSIPS_PREFIX:-/nowhere}/sbin/opensips" ]; then
		export FS_SKIP='FP_OPENSIPS_PREFIX names no OpenSIPS'
	elif ! command -v rtpengine >/dev/null; then
		export FS_SKIP='rtpengine is not installed'
	else
		fo_setup_file
	fi
}
teardown_file() { rec_teardown_file; }
setup() { rec_setup; }
teardown() {
	[ -n "${FS_SKIP:-}" ] || stop_stack
	rec_teardown
}

# Without the configuration of the machine.
start_rtpengine() {
	rtpengine --config-file=none --table=-1 --interface=127.0.0.31 \
		--listen-ng=127.0.0.31:2223 --foreground --log-stderr \
		--log-level=4 --port-min=35000 --port-max=35999 \
		>"$stack/rtpengine.log" 2>&1 3>&- 4>&- </dev/null &
	echo $! >"$stack/rtpengine.pid"
	disown
	within 10 eval "ss -Hlun 'src 127.0.0.31:2223' | grep -q ."
}
start_opensips() {
	sed "s|@PREFIX@|$FP_OPENSIPS_PREFIX|" test/real/recover-stack.cfg.in \
		>"$stack/opensips.cfg"
	"$FP_OPENSIPS_PREFIX/sbin/opensips" -f "$stack/opensips.cfg" -m 64 \
		-M 8 -w "$stack" -F >"$stack/opensips.log" 2>&1 3>&- 4>&- &
	echo $! >"$stack/opensips.pid"
	disown
	within 10 eval "ss -Hlun 'src 127.0.0.11:5060' | grep -q ."
}
stop_stack() {
	local pid

	stack=$BATS_TEST_TMPDIR/stack
	tail -n 5 "$stack"/*.log 2>/dev/null || :
	for pid in "$stack"/*.pid; do
		[ -e "$pid" ] || continue
		pid=$(<"$pid")
		# shellcheck disable=SC2046 # pids
		kill -s KILL "$pid" $(pgrep -P "$pid") 2>/dev/null || :
	done
}
# stack_up N [OPTION...]: switches, and what is before them.
stack_up() {
	stack=$BATS_TEST_TMPDIR/stack
	mkdir -p "$stack"
	start_rtpengine
	start_opensips
	fo_up "$@"
}
# by_rtpengine: the ends were told of it alone, and so were the switches.
by_rtpengine() {
	local a b a_id b_id

	same "$(variable remote_media_ip | sort -u)" 127.0.0.31
	while read -r a b a_id b_id; do
		[[ $(told uac "$a_id") == *' 127.0.0.31:'* ]]
		[[ $(told uas "$b_id") == *' 127.0.0.31:'* ]]
	done < <(pairs)
}

@test "a crash: calls come up elsewhere, and the proxy and rtpengine follow" {
	local run

	stack_up 3
	calls 3
	rows_are 6
	settled 3
	by_rtpengine
	all_hear 20
	fs_kill 1
	failover 0 --to fs2
	same "$(verdicts)" 'recovered 3'
	each_once 6
	# the ends see the proxy, as before
	same "$(reinvites | cut -d ' ' -f 3 | grep -o '127[0-9.]*' | sort -u)" \
		127.0.0.11
	rows_are 6 "$(rows_of 2)"
	settled 3
	no_bye
	by_rtpengine
	all_hear 20
	hang_up uas

	# a second hop, with what the proxy knows by now
	fs_kill 2
	fpr 0 failover fs2 --prove 8s --fence "$FS_DIR/fence" --to fs3
	same "$(verdicts)" 'recovered 2'
	rows_are 4 "$(rows_of 3)"
	settled 2
	by_rtpengine
	all_hear 20
	same "$(byes | wc -l)" 1
	hang_up uac
	hang_up uas
	sessions_are 3 0
	same "$(cdrs 3 | grep -c rec=true)" 4
}

@test "a crash and a restart: the host itself takes them again" {
	stack_up 1 --robust
	calls 2
	rows_are 4
	settled 2
	fs_kill 1
	fs_start 1
	calls 1
	rows_are 6
	fpr 0 failover fs1 --prove 8s --to auto
	same "$(verdicts)" 'recovered 2'
	each_once 4
	rows_are 6 "runtime_uuid = '$(fs_run 1)'"
	settled 3
	no_bye
	by_rtpengine
	all_hear 20
	hang_up uac
	hang_up uas
}
