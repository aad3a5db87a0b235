#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Ask a real Kamailio which payloads of the corpus, and which mutations of them,
# it takes: test/lab/oracle.sh OUT [MUTATIONS [SEED]]
#   OUT/full, OUT/line: what it took (see test/prog/oracle.c).
#   OUT/report: one line a payload of the corpus, then the sums.
# As root: Kamailio runs on loopback in a network namespace of its own.
# Exit: 0 none of what it took in full is malformed, 1 some is, 2 not asked.
set -u
here=$(cd "$(dirname "$0")/../.." && pwd) || exit 2
program=${FP_BUILD:-$here/build}/test/prog/oracle

die() { echo "oracle: $*" >&2; exit 2; }

if [ "${1-}" != --inside ]; then
	[ $# -ge 1 ] || die 'usage: oracle.sh OUT [MUTATIONS [SEED]]'
	[ "$(id -u)" = 0 ] || die 'needs root'
	command -v kamailio >/dev/null || die 'kamailio is not installed'
	[ -x "$program" ] || die "$program is not built"
	mkdir -p "$1" || exit 2
	exec unshare -n "$0" --inside "$(cd "$1" && pwd)" "${2:-20000}" \
		"${3:-$(date +%s)}"
fi

out=$2 mutations=$3 seed=$4 pid=
run=$(mktemp -d "${TMPDIR:-/tmp}/fp-oracle.XXXXXX") || exit 2
# shellcheck disable=SC2317 # called by trap
stop() {
	if [ -n "$pid" ]; then
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	fi
	rm -rf "$run"
}
trap stop EXIT
trap 'exit 2' INT TERM

ip link set lo up || exit 2
: >"$run/log"
kamailio -f "$here/test/corpus/kamailio.cfg" -DD -E -m 32 -M 8 \
	-w "$run" -Y "$run" 2>>"$run/log" >/dev/null &
pid=$!
for ((i = 0; i < 100; i++)); do
	[ -n "$(ss -Hlun 'sport = :5060')" ] && break
	kill -0 "$pid" 2>/dev/null || break
	sleep 0.1
done
[ -n "$(ss -Hlun 'sport = :5060')" ] || {
	cat "$run/log" >&2
	die 'kamailio does not start'
}
"$program" "$here/test/corpus" "$run/log" "$out" "$mutations" "$seed" \
	>"$out/report"
rc=$?
[ $rc -lt 2 ] || tail -n 5 "$run/log" >&2
grep -e '^seed' -e '^wrong:' -e ' sent,' "$out/report"
exit $rc
