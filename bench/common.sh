# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What run-*.sh share; source it in the project's directory.
#
#   bench_alone "$0" "$@"   run again in mount, network and pid namespaces of its
#                   own: all that is made goes with them, however it ends
#   bench_begin NAME        $work (a directory on a disk: what is durable must
#                   reach one), $figures, FP_BUILD
#   bench_load      says how busy the machine is, and figures of it
#   wants PART      is it in $ONLY?
#   say TEXT...     fail TEXT...
#   figure NAME ROUND VALUE         calc EXPRESSION
#   cpu PID         ticks ($hertz a second) until now, of all its threads
#   rss PID         MB
#   first           words before a command: FIRST=1 puts it before other work
#   children        pids of what was started: they end with us
#   bench_end       the table, from NAME.goals; rows to bench.jsonl, in place of
#                   those of the same name that were there (NAME-quick: QUICK=1)

say() {
	echo "bench: $*" >&2
}

fail() {
	say "$@"
	exit 1
}

figure() {
	echo "$@" >>"$figures"
}

calc() { bc <<<"scale=6; $*"; }

bench_alone() {
	[ -z "${BENCH_INSIDE:-}" ] || return 0
	[ "$(id -u)" = 0 ] || { echo "bench: must be root" >&2; exit 2; }
	BENCH_INSIDE=1 exec unshare --mount --net --pid --fork --kill-child \
		--mount-proc "$@"
}

# shellcheck disable=SC2034 # hertz and first are for who sources this
bench_begin() {
	bench=$1
	export FP_BUILD=${FP_BUILD:-$PWD/build}
	figures=$FP_BUILD/bench.figures
	work=$(mktemp -d /var/tmp/fastpath-bench.XXXXXX)
	hertz=$(getconf CLK_TCK)
	children=() first=()
	[ -z "${FIRST:-}" ] || first=(chrt -r 1)
	trap 'kill_all; rm -rf "$work"' EXIT
	trap 'exit 1' INT TERM HUP
	set -E
	trap 'say "${BASH_SOURCE[0]}:$LINENO: $BASH_COMMAND: failed"' ERR
	: >"$figures"
}

bench_load() {
	say "load of the machine: $(cut -d ' ' -f 1-3 /proc/loadavg)," \
		"$(nproc) cores"
	figure load/first 0 "${FIRST:-0}"
	figure load/start 0 "$(cut -d ' ' -f 1 /proc/loadavg)"
}

kill_all() {
	[ ${#children[@]} = 0 ] || kill -9 "${children[@]}" 2>/dev/null || :
}

# proc(5): utime and stime
cpu() {
	awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"
}

rss() {
	awk -v page="$(getconf PAGESIZE)" '{ print $2 * page / 1e6 }' \
		"/proc/$1/statm"
}

wants() {
	case " $ONLY " in
	*" $1 "*) say "$1"; return 0 ;;
	esac
	return 1
}

bench_end() {
	local name=$bench${QUICK:+-quick}

	[ ! -e bench.jsonl ] ||
		sed -i "/^{\"bench\":\"$name\",/d" bench.jsonl
	awk -v bench="$name" -v json=bench.jsonl -f bench/report.awk \
		"bench/$bench.goals" "$figures"
}
