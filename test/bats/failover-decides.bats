#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# examples/failover: what fp-failover decides, over stand-ins of the tools that say what
# the test wants said.  failover.bats is the same with real tools.
# shellcheck disable=SC2154,SC2030,SC2031 # bats' own variables; a test is a subshell

bats_require_minimum_version 1.5.0

setup() {
	command -v jq >/dev/null || skip 'no jq'
	cd "$BATS_TEST_TMPDIR" || return
	mkdir -p bin answers
	mkfifo watch
	exec 8<>watch
	: >calls
	stub
	# as it is, but that a test need not wait for it
	cp "$BATS_TEST_DIRNAME"/../../examples/failover/fp-failover* .
	sed -i 's/^AGAIN=2 SOON=5 /AGAIN=0 SOON=1 /' fp-failover
	grep -q '^AGAIN=0' fp-failover
	script=$PWD/fp-failover
	export PATH=$PWD/bin:$PATH
}
teardown() {
	exec 8>&-
	[ -z "${pid-}" ] || kill -s KILL -- "-$pid" 2>/dev/null || :
}

# One stub for all tools.  It notes its words in file calls, sleeps as answers/SLEEP.VERB
# says, prints answers/VERB.NODE (or answers/VERB) and exits with its first line.
stub() {
	cat >bin/fp-health <<-'END'
		#!/bin/bash
		tool=${0##*/} verb=$1 node=$2
		case $verb in
		watch) exec cat watch ;;
		check) cat answers/check 2>/dev/null; exit 2 ;;
		steer)
			echo "$tool $*" >>calls
			[[ $* != *--dry-run* ]] || exit "$(cat answers/dry-steer 2>/dev/null || echo 0)"
			echo $$ >steer.pid
			while read -r line; do echo "$line"; done >>"steered.$(grep -c '^fp-health steer' calls)"
			exit 0
			;;
		jobs)
			cat answers/jobs 2>/dev/null
			cat answers/jobs.err >&2 2>/dev/null
			exit 0
			;;
		esac
		echo $PPID >worker
		echo "$tool $verb $node" >>calls
		trap 'echo "$tool $verb $node TERM" >>calls; exit 4' TERM
		if [ -e "answers/sleep.$verb" ]; then
			sleep "$(<"answers/sleep.$verb")" &
			wait
		fi
		f=answers/$verb.$node
		[ -e "$f" ] || exit 0
		tail -n +2 "$f"
		exit "$(head -n 1 "$f")"
	END
	chmod +x bin/fp-health
	ln -s fp-health bin/fp-rehome
	ln -s fp-health bin/fp-recover
}
# answer VERB NODE STATUS [RECORD...]; a new one all at once
answer() {
	printf '%s\n' "${@:3}" >answers/new
	mv answers/new "answers/$1.$2"
}
# looks NODE/CHECK/STATE...: what fp-health check says
looks() {
	local w n c s

	for w; do
		IFS=/ read -r n c s <<<"$w"
		printf '{"type":"check","node":"%s","check":"%s","state":"%s"}\n' "$n" "$c" "$s"
	done >answers/new
	mv answers/new answers/check
}
# is NODE/CHECK/STATE [SECONDS]...: watch says so; SECONDS from now
is() {
	local n c s

	IFS=/ read -r n c s <<<"$1"
	printf '{"type":"transition","at":"%s","node":"%s","check":"%s","to":"%s","detail":"%s"}\n' \
		"$(date -u -d "${2:-0} seconds" +%FT%TZ)" "$n" "$c" "$s" 'timeout' >&8
}
alive() { printf '{"type":"alive","at":"%s"}\n' "$(date -u +%FT%TZ)" >&8; }
well() { # NODE/CHECK...
	local w

	for w; do is "$w/OK"; done
	alive
}
start() { # [NAME=VALUE...]
	setsid env FENCE=./fence HOLD=0s OBSERVERS=ctl2,witness "$@" \
		"$script" >out 2>err 3>&- 4>&- 8>&- &
	pid=$!
}
# soon [SECONDS] COMMAND...
soon() {
	local end=$((${EPOCHREALTIME/./} + 12000000))

	until "$@"; do
		[ "${EPOCHREALTIME/./}" -lt $end ] || {
			echo "never so: $*"
			cat err calls
			return 1
		}
		sleep 0.02
	done
}
said() { soon grep -qE -- "$1" err; }
unsaid() { run ! grep -E -- "$1" err; }
called() { soon grep -qE -- "$1" calls; }
times() { grep -cE -- "$1" calls || :; }
# many N RE: calls
many() { [ "$(times "$2")" -ge "$1" ]; }
three() { well sip1/mi sip2/mi sip3/mi fs1/esl fs2/esl fs3/esl; }
moved='{"type":"summary","tags":1,"given":1,"moved":6,"gone":0,"calls":6}'

@test "fp_db is away: media wait for the edge, however long" {
	answer failover sip1 4
	answer failover fs1 4
	echo 'fp-rehome: fp_db: timed out; these are the jobs that are known here' >answers/jobs.err
	looks sip1/mi/CRITICAL fs1/esl/CRITICAL
	start
	three
	is sip1/mi/CRITICAL
	is fs1/esl/CRITICAL
	said 'sip1: .*tried again, exit status 4: fp_db is away'
	soon many 4 'failover sip1'
	[ "$(times 'failover fs1')" = 0 ]
	rm answers/jobs.err
	answer failover sip1 0 "$moved"
	called 'failover fs1'
}

@test "MAX_DOWN holds an edge: media go on; UNKNOWN is not back; no quorum" {
	looks fs1/esl/CRITICAL sip1/mi/CRITICAL sip2/mi/CRITICAL
	start HOLD=1s MAX_DOWN=034
	three
	is sip1/mi/CRITICAL
	is sip2/mi/CRITICAL
	is fs1/esl/CRITICAL
	said 'sip1: .*2 of 3 are down.*nobody waits for it'
	called 'fp-recover failover fs1'
	[ "$(times 'failover sip')" = 0 ]
	is sip1/mi/UNKNOWN
	is sip2/mi/UNKNOWN
	is fs1/esl/UNKNOWN
	alive
	alive
	unsaid 'sip1.*left alone|no quorum'
	is sip3/mi/UNKNOWN
	is fs2/esl/UNKNOWN
	is fs3/esl/UNKNOWN
	alive
	alive
	said 'no quorum.*nothing is moved'
	[ "$(grep -c 'no quorum' err)" = 1 ]
	is sip1/mi/OK
	said 'sip1: .*nothing was moved: left alone'
}

@test "it answers our look while watch says CRITICAL: looked at again, one begins" {
	looks sip1/mi/CRITICAL sip1/mi-2/OK
	start
	three
	is sip1/mi-2/OK
	is sip1/mi/CRITICAL
	is sip1/mi-2/CRITICAL
	said 'sip1: .*looked at again: CRITICAL OK: left alone'
	[ "$(times failover)" = 0 ]
	looks sip1/mi/CRITICAL sip1/mi-2/CRITICAL
	called 'failover sip1'
	[ "$(grep -c begins err)" = 1 ]
}

@test "an edge that only we do not hear holds no FreeSWITCH for ever" {
	looks fs1/esl/CRITICAL sip2/mi/CRITICAL
	start
	three
	is fs1/esl/CRITICAL
	said 'fs1: sip2 is silent, too: its dialogs go first'
	called 'failover fs1'
}

@test "SIGTERM: nothing begins after it" {
	echo 5 >answers/sleep.resume
	printf '%s\n' '{"type":"job","id":"j1","node":"sip1","verb":"drain","state":"stopped"}' \
		>answers/jobs
	looks sip1/mi/CRITICAL
	start
	three
	is sip1/mi/CRITICAL
	called 'resume j1'
	kill -s TERM "$pid"
	wait "$pid"
	[ "$(times TERM)" = 1 ]
	[ "$(times failover)" = 0 ]
	said 'told to end'
}

@test "a worker that is killed is missed, and its node is worked on again" {
	echo 3 >answers/sleep.failover
	looks sip1/mi/CRITICAL
	start
	three
	is sip1/mi/CRITICAL
	called 'failover sip1'
	rm answers/sleep.failover
	kill -s KILL "$(<worker)"
	said 'sip1: .*exit status gone: its process is gone'
	soon many 2 'failover sip1'
}

@test "a rehearsal says what would be; steer is tried once" {
	echo 3 >answers/dry-steer
	answer failover sip1 1 '{"type":"condition","name":"power","state":"ok"}' \
		'{"type":"tag","tag":"a","calls":4}' '{"type":"tag","tag":"b","calls":2}' \
		'{"type":"tag","tag":"b","calls":2}' '{"type":"summary","tags":2,"calls":6}'
	looks sip1/mi/CRITICAL
	start REHEARSE=yes
	three
	is sip1/mi/CRITICAL
	said 'rehearsal, nothing is touched: .*: FENCE not run, would move 6$'
	said 'steer --dry-run: exit status 3'
	[ "$(times 'health steer')" = 1 ]
	unsaid 'fence ok'
}

@test "steer ends: it is started again, told all, and what is in hand goes on" {
	echo 1 >answers/sleep.failover
	answer failover sip1 0 "$moved"
	looks sip1/mi/CRITICAL
	start
	three
	soon test -s steer.pid
	is sip1/mi/CRITICAL
	called 'failover sip1'
	kill -s KILL "$(<steer.pid)"
	said 'sip1: .*6 moved'
	again() { alive && sleep 0.3 && [ -s steered.2 ]; }
	soon again
	grep -q '"sip1".*CRITICAL' steered.2 && grep -q '"fs3".*OK' steered.2
	[ "$(times TERM)" = 0 ]
	kill -0 "$pid"
	[ "$(grep -c 'steer ended' err)" = 1 ]
}

@test "REJOIN: a rejoin holds nothing, is once an hour; an hour's wrong clock neither" {
	echo 30 >answers/sleep.join
	looks sip1/mi/CRITICAL sip2/mi/CRITICAL fs1/esl/CRITICAL
	start REJOIN=yes
	three
	is sip1/mi/CRITICAL 3600
	called 'failover sip1'
	said 'sip1: .*done|sip1: .*nothing was there'
	is sip1/mi/OK
	called 'join sip1'
	is sip2/mi/CRITICAL
	is fs1/esl/CRITICAL
	called 'failover sip2'
	called 'failover fs1'
	rm answers/sleep.join
	[ "$(times TERM)" = 0 ]
}

@test "another controller is first: said once; what it did is not called lost" {
	printf '{"type":"job","id":"j9","node":"bus","verb":"failover","state":"running","started":"%s"}\n' \
		"$(date -u +%FT%TZ)" >answers/jobs
	answer failover bus 4
	looks bus/esl/CRITICAL
	start HOLD=00s
	well sip1/mi bus/esl fs2/esl
	is bus/esl/CRITICAL
	said 'bus: .*another controller has it'
	soon many 3 'failover bus'
	[ "$(grep -c 'another controller has it' err)" = 1 ]
	[ "$(grep -c 'begins' err)" = 1 ]
	sed -i 's/running/done/' answers/jobs
	answer failover bus 3 \
		'{"type":"summary","recovered":2,"gone":0,"unknown":5,"skipped":7,"lost":0}'
	said '2 moved, 0 had ended, 0 lost, 12 left to another, job j9'
	answer failover bus 0 '{"type":"summary","runs":0,"calls":0,"recovered":0}'
	said 'bus: .*: nothing is left, another controller had done it, job j9'
}

@test "what it is told is read, or refused" {
	for bad in HOLD=2m MAX_DOWN=half REHEARSE=true REJOIN=1 FENCE=; do
		run -2 env FENCE=x "$bad" "$script"
		[[ $output == *"${bad%%=*}"* ]]
	done
}
