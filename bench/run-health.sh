#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make bench BENCH=health: what watching costs, and how soon it says so: probes of
# one fp-health process against bench/health_peer on this host, beside a plugin of
# monitoring-plugins that asks the same.  health.goals says what each row compares.
#
# QUICK=1: fewer rounds, a tenth of a day; rows are of bench health-quick then.
# ROUNDS: of each figure.  ONLY: parts to run, of: rate round kill day.
# FIRST=1: on a machine with other work, watch and the servers go before that
# (SCHED_RR): what they take themselves is measured, and not how others hold them up.
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=bench/common.sh
source bench/common.sh
bench_alone "bench/${0##*/}" "$@"

if [ -n "${QUICK:-}" ]; then
	ROUNDS=${ROUNDS:-1}
	readings_a_day=8640 victims=10
else
	ROUNDS=${ROUNDS:-3}
	readings_a_day=86400 victims=30
fi
ONLY=${ONLY:-rate round kill day}
rate=10000 seconds=20
plugin=/usr/lib/nagios/plugins/check_udp
port=5060 silent=5061

bench_begin health
ip link set lo up
unset FP_CLUSTER FP_PINS NOTIFY_SOCKET
export FP_STATE=$work/state TMPDIR=$work
mkdir "$FP_STATE"

# ---- processes: what is in this pid namespace ends with it

# until_true SECONDS COMMAND...
until_true() {
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		[ $SECONDS -le $end ] || return 1
		sleep 0.02
	done
}

# peer PORT [SILENT]: $peer is its pid
peer() {
	"${first[@]}" "$FP_BUILD/bench/health_peer" "$@" >"$work/peer.$1" &
	peer=$!
	children+=("$peer")
	disown # or the shell would tell when it is killed
	until_true 5 grep -qs ready "$work/peer.$1" || fail "no peer on $1"
}

# watch CLUSTER OPTION...: $watch is its pid, what it says is in $work/says, what it
# measures of itself in $work/log
watch() {
	local cluster=$1

	shift
	"${first[@]}" "${before_watch[@]}" "$FP_BUILD/fp-health" watch --json -vv \
		--cluster "$cluster" "$@" >"$work/says" 2>"$work/log" &
	watch=$!
	children+=("$watch")
	until_true 30 says alive 1 || {
		tail "$work/log" >&2
		fail "watch does not say that it lives"
	}
}
before_watch=()

watch_end() {
	kill "$watch"
	wait "$watch" || :
}

# readings: how many it has made until now, as it tells every few seconds
readings() {
	awk '$3 == "readings," { n += $2 } END { print n + 0 }' "$work/log"
}

# says TYPE N: at least that many records of a type
says() {
	[ "$(grep -c "\"type\":\"$1\"" "$work/says")" -ge "$2" ]
}

# ---- cluster files

# nodes N [SILENT]: N nodes with three addresses each, the last SILENT of them
# silent
nodes() {
	awk -v n="$1" -v silent="${2:-0}" -v port=$port -v no=$silent '
		BEGIN {
			print "[edge]"
			for (i = 0; i < n; i++) {
				at = i < n - silent ? port : no
				printf "n%d fp_sip=", i
				for (k = 1; k <= 3; k++)
					printf("%sudp:127.%d.%d.%d:%d",
					       (k > 1) ? "," : "", k,
					       i / 250, i % 250 + 1, at)
				print ""
			}
		}'
}

# single N: N nodes with one address each
single() {
	awk -v n="$1" -v port=$port 'BEGIN {
		print "[edge]"
		for (i = 0; i < n; i++)
			printf "n%d fp_sip=udp:127.1.%d.%d:%d\n", i, i / 250,
				i % 250 + 1, port
	}'
}

# ---- 10,000 probes a second

bench_rate() {
	local round cpu n

	single $rate >"$work/rate.ini"
	for ((round = 0; round < ROUNDS; round++)); do
		watch "$work/rate.ini" --interval 1s --timeout 2s
		sleep 3
		n=$(datagrams)
		cpu=$(cpu "$watch")
		sleep $seconds
		cpu=$(($(cpu "$watch") - cpu))
		n=$((($(datagrams) - n) / 2))
		figure rate/rss "$round" "$(rss "$watch")"
		figure rate/cpu "$round" \
			"$(calc "$cpu / $hertz / $n * 1000000")"
		figure rate/probes "$round" "$(calc "$n / $seconds")"
		figure rate/late "$round" "$(late)"
		if grep -m 3 CRITICAL "$work/says" >&2; then
			fail 'not all are well'
		fi
		watch_end
		plugin_rounds "$round"
	done
}

# datagrams: that came to anybody here: a question and its answer are two
datagrams() {
	awk '$1 == "Udp:" && $2 ~ /^[0-9]/ { print $2 }' /proc/net/snmp
}

# late: the worst p99 that was told, but for the first, of the start
late() {
	jq -s 'map(select(.type == "alive") | .late_ms) | .[1:] | max' \
		"$work/says"
}

plugin_rounds() {
	local i

	for ((i = 0; i < 20; i++)); do
		"$FP_BUILD/bench/timed" plugin $((20 * $1 + i)) "$plugin" \
			-H 127.0.0.1 -p $port -t 2 -E -s "$question" \
			-e 'SIP/2.0 200' >>"$work/plugin"
	done
	awk -v round="$1" '$1 == "cpu/plugin" { n++; s += $3 }
		END { print "rate/plugin", round, s / n * 1000000 }' \
		"$work/plugin" >>"$figures"
	rm "$work/plugin"
}

question='OPTIONS sip:127.0.0.1 SIP/2.0\r\n'\
'Via: SIP/2.0/UDP 127.0.0.1:5099;branch=z9hG4bK776asdhds\r\n'\
'Max-Forwards: 70\r\nFrom: <sip:check@127.0.0.1>;tag=1\r\n'\
'To: <sip:127.0.0.1>\r\nCall-ID: a84b4c76e66710\r\nCSeq: 1 OPTIONS\r\n'\
'Content-Length: 0\r\n\r\n'

# ---- one round costs one timeout

bench_round() {
	local round

	nodes 1000 20 >"$work/silent.ini"
	nodes 1000 >"$work/well.ini"
	for ((round = 0; round < ROUNDS; round++)); do
		figure round/timeout "$round" 2
		checked round/well "$round" 0 "$work/well.ini"
		checked round/silent "$round" 2 "$work/silent.ini"
	done
}

# checked NAME ROUND STATUS CLUSTER
checked() {
	# shellcheck disable=SC2016 # for the inner shell
	"${first[@]}" "$FP_BUILD/bench/timed" "$1" "$2" sh -c '
		"$1/fp-health" check --cluster "$3" --timeout 2s --quiet
		[ $? = "$2" ]' sh "$FP_BUILD" "$3" "$4" >>"$figures"
}

# ---- kill -9

# killed NAME SIGNAL: servers on ports of their own, one after the other ended at
# some moment of the interval; from there to its transition as a reader of the
# pipe sees it.  Ten others live on: not everything is silent.
killed() {
	local name=$1 signal=$2 i pids=()

	single 10 >"$work/kill.ini"
	for ((i = 0; i < victims; i++)); do
		peer $((6000 + i))
		pids+=("$peer")
		echo "v$i fp_sip=udp:127.0.0.1:$((6000 + i))" >>"$work/kill.ini"
	done
	mkfifo "$work/pipe"
	stamp <"$work/pipe" >"$work/seen" &
	"${first[@]}" "$FP_BUILD/fp-health" watch --json \
		--cluster "$work/kill.ini" \
		--interval 1s --timeout 900ms --fall 2 >"$work/pipe" \
		2>"$work/log" &
	watch=$!
	children+=("$watch")
	until_true 20 grep -qs '"type":"alive"' "$work/seen" ||
		fail "watch does not say that it lives"
	for ((i = 0; i < victims; i++)); do
		sleep "0.$((RANDOM % 900 + 100))"
		echo "v$i $EPOCHREALTIME" >>"$work/killed"
		kill "-$signal" "${pids[i]}"
	done
	until_true 20 all_seen || fail "not all were seen: $work/seen"
	watch_end
	times "$name" >>"$figures"
	kill -9 "${pids[@]}" 2>/dev/null || :
	rm "$work"/{pipe,seen,killed}
}

stamp() {
	local line

	while read -r line; do
		printf '%s %s\n' "$EPOCHREALTIME" "$line"
	done
}

all_seen() {
	[ "$(grep -c '"node":"v.*"check":"sip".*"to":"CRITICAL"' "$work/seen")" -ge $victims ]
}

# Median and p99 (of 30: the worst) in seconds.
times() {
	awk -v name="$1" '
		FILENAME ~ /killed$/ { at[$1] = $2; next }
		/"to":"CRITICAL"/ && match($0, /"node":"v[0-9]+"/) {
			node = substr($0, RSTART + 8, RLENGTH - 9)
			if (!(node in took))
				took[node] = $1 - at[node]
		}
		END {
			for (node in took)
				print name, n++, took[node]
		}' "$work/killed" "$work/seen" | sort -k 3 -n >"$work/times"
	cat "$work/times"
	awk -v name="$1" '{ v[NR] = $3 } END {
		i = int(NR * 0.99 + 0.999999)
		print name "/p99", 0, v[i]
	}' "$work/times"
}

bench_kill() {
	killed kill/process KILL
	killed kill/frozen STOP
}

# ---- a day of it

# A day in minutes: its clock runs faster.
bench_day() {
	local turn=600 n=10 before after

	"${CC:-cc}" -shared -fPIC -O2 -o "$work/turn.so" test/lab/turn.c
	single $n >"$work/day.ini"
	before_watch=(env "LD_PRELOAD=$work/turn.so" "LAB_TURN=$turn")
	watch "$work/day.ini" --interval 1s --timeout 30s
	before_watch=()
	# an hour of it, until everything has had its first time
	until_true 60 read_enough $((n * 3600))
	before=$(rss "$watch")
	until_true 600 read_enough $((n * (3600 + readings_a_day))) ||
		fail "not a day of readings in ten minutes"
	after=$(rss "$watch")
	figure day/before 0 "$before"
	figure day/after 0 "$after"
	figure day/growth 0 "$(calc "$after - $before")"
	figure day/readings 0 "$(readings)"
	watch_end
}

read_enough() {
	sleep 0.5
	[ "$(readings)" -ge "$1" ]
}

# ---- all of it

bench_load
peer $port $silent
if wants rate; then
	[ -x "$plugin" ] || fail "$plugin is not installed"
	bench_rate
fi
if wants round; then
	bench_round
fi
if wants kill; then
	bench_kill
fi
if wants day; then
	bench_day
fi
kill_all
say "load of the machine: $(cut -d ' ' -f 1-3 /proc/loadavg)"
bench_end
