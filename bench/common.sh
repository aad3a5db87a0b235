# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What run-*.sh share; source it in the project's directory.
#
#   bench_alone "$0" "$@"   run again in mount, network and pid namespaces of its
#                   own: all that is made goes with them, however it ends
#   bench_begin NAME        $work (a directory on a disk: what is durable must
#                   reach one), $figures, FP_BUILD
#   wants PART      is it in $ONLY?
#   say TEXT...
#   bench_end       the table, from NAME.goals; rows to bench.jsonl, in place of
#                   those of the same name that were there (NAME-quick: QUICK=1)

say() {
	echo "bench: $*" >&2
}

bench_alone() {
	[ -z "${BENCH_INSIDE:-}" ] || return 0
	[ "$(id -u)" = 0 ] || { echo "bench: must be root" >&2; exit 2; }
	BENCH_INSIDE=1 exec unshare --mount --net --pid --fork --kill-child \
		--mount-proc "$@"
}

bench_begin() {
	bench=$1
	export FP_BUILD=${FP_BUILD:-$PWD/build}
	figures=$FP_BUILD/bench.figures
	work=$(mktemp -d /var/tmp/fastpath-bench.XXXXXX)
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' INT TERM HUP
	set -E
	trap 'say "${BASH_SOURCE[0]}:$LINENO: $BASH_COMMAND: failed"' ERR
	: >"$figures"
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
