#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make bench BENCH=rehome: how fast calls are moved, beside a bare loop over the same
# management interface; what silent endpoints cost; listings over HTTP beside curl;
# memory.  Two OpenSIPS, held calls of bench/rehome_ua through the first, moved to the
# second.  rehome.goals says what each row compares.
#
# FP_OPENSIPS_PREFIX: where a real OpenSIPS is installed; without it the stand-in
# (test/fake/opensips) is asked, and rates are those of the stand-in.
# QUICK=1: fewer rounds and dialogs; rows are of bench rehome-quick then.
# ROUNDS: of each figure.  ONLY: parts to run, of: rate silent http list memory.
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=bench/common.sh
source bench/common.sh
bench_alone "bench/${0##*/}" "$@"

if [ -n "${QUICK:-}" ]; then
	ROUNDS=${ROUNDS:-1}
	moved=400 listed=2000
else
	ROUNDS=${ROUNDS:-5}
	moved=2000 listed=10000
fi
ONLY=${ONLY:-rate silent http list memory}
window=8 cps=250 timeout=5
wt=5 # OpenSIPS' wt_timer: so long a call's transactions stay

bench_begin rehome
trap 'lab_down; rm -rf "$work"' EXIT
ip link set lo up
unset FP_CLUSTER NOTIFY_SOCKET
export FP_STATE=$work/state TMPDIR=$work
mkdir "$FP_STATE"
[ -x "$FP_BUILD/test/prog/mi" ] ||
	make --no-print-directory "${FP_BUILD#"$PWD"/}/test/prog/mi" >&2
# shellcheck source=test/lab/rehome.bash
source test/lab/rehome.bash

value() { # NAME ROUND
	awk -v name="$1" -v round="$2" '$1 == name && $2 == round { print $3 }' \
		"$figures"
}

# ---- two nodes, and calls that both have

rh_uas() { :; } # ours is both ends

# lab CALLS SILENT SHM [DELAY]: $callids are in a file
lab() {
	nodes "$3" || nodes "$3" || nodes "$3" || fail "no OpenSIPS: $os"
	rh_cluster "$work/udp.ini" list=http
	rh_cluster "$work/http.ini" 2=http list=none
	callids=$os/callids
	"$FP_BUILD/bench/rehome_ua" "$1" $cps "$2" "${4:-0}" 127.0.3.1 127.0.3.2 \
		127.0.1.1 "$callids" >"$os/ua" &
	ua=$!
	os_wait $((20 + $1 * 3 / cps)) grep -qs ready "$os/ua" ||
		fail "not all of $1 calls are up"
	os_wait 60 has_all "$1" || fail "node 2 has not all of $1 calls"
}
os='' ua=''
# On a busy machine two that start at once may not find each other.
nodes() { # SHM
	lab_down
	os=$(mktemp -d "$work/os.XXXX")
	rh_up "$os" 2 --shm "$1" --fr-timeout $timeout >&2
}
has_all() { # CALLS
	[ "$(rh_count 2 4)" = "$1" ]
}

lab_down() {
	[ -z "$ua" ] || kill "$ua" 2>/dev/null || :
	[ -z "$os" ] || rh_down
	ua='' os=''
}

move() { # NAME ROUND CLUSTER CALLIDS
	"$FP_BUILD/bench/rehome_move" move "$1" "$2" "$work/$3.ini" sip2 "$4" \
		$window >>"$figures" 2>"$work/said" || {
		cat "$work/said" >&2
		fail "$1"
	}
}

all_moved() { # NAME ROUND N
	[ "$(value "$1/moved" "$2")" = "$3" ] ||
		fail "$1: $(value "$1/moved" "$2") of $3 calls were moved"
}

# Transactions of calls before are gone.
settle() { sleep $((wt + 1)); }

# ---- the parts

bench_rate() {
	local round

	lab $moved 0 256
	figure rate/floor-mb 0 64 # a quarter of it is kept
	for ((round = 0; round < ROUNDS; round++)); do
		"$FP_BUILD/bench/rehome_peer" bare $round 127.0.1.2 8080 \
			$window "$callids" >>"$figures"
		all_moved bare $round $moved
		settle
		move rate $round udp "$callids"
		all_moved rate $round $moved
		settle
	done
	grep 'shared memory' "$work/said" >&2 || :
}

bench_silent() {
	local round

	lab 200 7 256
	awk '(NR - 1) % 28 || NR > 28 * 7' "$callids" >"$work/well"
	figure silent/timeout 0 $timeout
	for ((round = 0; round < ROUNDS && round < 3; round++)); do
		figure silent/timeout $round $timeout
		move well $round udp "$work/well"
		all_moved well $round 193
		settle
		move silent $round udp "$callids"
		all_moved silent $round 193
		figure silent/extra $round \
			"$(calc "$(value silent/s $round) - $(value well/s $round)")"
		settle
	done
}

bench_http() {
	lab 20 0 64 5 # ends that answer in 5 ms, as by a network
	move http 0 http "$callids"
	all_moved http 0 20
	say "$(value http/rate 0) calls a second over HTTP"
}

# The same pages, by one curl, twice over, as fp-rehome walks them twice.
curl_pages() { # CALLS
	local i pass

	for pass in 1 2; do
		for ((i = 0; i < $1; i += 492)); do
			[ $((i + pass)) = 1 ] || echo next
			cat <<-END
				url = "http://127.0.1.2:8888/mi"
				header = "Content-Type: application/json"
				data = "{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":\"dlg_list_ctx\",\"params\":{\"index\":$i,\"counter\":500}}"
				output = "$work/page"
			END
		done
	done
}

bench_list() {
	local round

	lab $listed 0 512
	curl_pages $listed >"$work/curl"
	for ((round = 0; round < ROUNDS; round++)); do
		"$FP_BUILD/bench/timed" curl $round curl -s -K "$work/curl" \
			>>"$figures"
		"$FP_BUILD/bench/rehome_move" list list $round \
			"$work/udp.ini" sip2 >>"$figures"
		[ "$(value list/dialogs $round)" = $listed ] ||
			fail "$(value list/dialogs $round) dialogs were listed"
	done
}

# Of a process that lists and moves them all.
bench_memory() {
	if [ -z "$os" ] || [ "$(wc -l <"$callids")" != $listed ]; then
		lab $listed 0 512
	fi
	move many 0 udp -
	all_moved many 0 $listed
	lab 100 0 64
	move few 0 udp -
	all_moved few 0 100
	figure memory/dialog 0 "$(calc "($(value many/rss 0) - $(value few/rss 0)) * 1024 / ($listed - 100)")"
}

# ---- all of it

if os_is_real; then
	say 'against a real OpenSIPS'
	figure real 0 1
else
	say 'against the stand-in: its rates are no measure of OpenSIPS'
	figure real 0 0
fi
bench_load
for part in rate silent http list memory; do
	! wants $part || "bench_$part"
done
say "load of the machine: $(cut -d ' ' -f 1-3 /proc/loadavg)"
bench_end
