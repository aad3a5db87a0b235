# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the tests of fp-block share: a node with one NIC, n0, in the namespaces
# that test/run made for this file.  Each test begins without lists.
# shellcheck disable=SC2034,SC2154 # bats' own variables

# shellcheck source=test/bats/say.bash
source test/bats/say.bash

# node_up: for setup_file.
node_up() {
	[ -n "${FP_TEST_BPFFS-}" ] && [ "$(id -u)" = 0 ] ||
		skip 'needs root and test/run'
	[ -x "$FP_BUILD/fp-load" ] || skip 'fp-load is not built'
	export FP_STATE=$BATS_FILE_TMPDIR/state FP_PINS=/sys/fs/bpf/fastpath
	unset SUDO_USER FP_CLUSTER
	[ ! -d /etc/fastpath ] || mount -t tmpfs tmpfs /etc/fastpath
	mkdir -p "$FP_STATE"
	ip link add n0 type veth peer name n1
	ip addr add 192.0.2.1/24 dev n0
	ip addr add 2001:db8:5::1/64 dev n0 nodad
	ip link set n0 up
	ip link set n1 up
	fp-load attach n0 --quiet >/dev/null
}

# node_fresh: for setup.
node_fresh() {
	cd "$BATS_TEST_TMPDIR" || return
	rm -rf "$FP_STATE/lists"
	fp-block sweep --quiet --override broken
	lists=$FP_STATE/lists
}

# block STATUS ARG...: fp-block, with its stdout in $output, stderr in $stderr.
block() {
	local status=$1

	shift
	run --separate-stderr "-$status" fp-block "$@"
}

# says TEXT: this one line on stderr.  prints FIELD...: one record on stdout.
says() { same "$stderr" "fp-block: $1"; }
prints() {
	local IFS=$'\t'

	same "$output" "$*"
}

# refused RULE TEXT: by that rule, and nothing was printed as done.
refused() {
	says "refused by rule $1: $2; --override $1 lifts it" && same "$output" ''
}

# Is $output JSON Lines, one flat object a line with its type, a summary last?
is_json() {
	jq -es --argjson n "$(wc -l <<<"$output")" '
		length == $n and .[-1].type == "summary" and
		(.[-1].changed | type == "boolean") and
		all(.[]; has("type") and all(.[]; type != "object"))' \
		<<<"$output" >/dev/null || { echo "not ours: $output"; return 1; }
}

# json FILTER WANT: what jq makes of all records, as one array.
json() { is_json && same "$(jq -cs "$1" <<<"$output")" "$2"; }

# All that is on disk, and what the tables were compiled from.
state() {
	(cd "$FP_STATE" && find . -type f -exec sha256sum {} + | sort -k 2)
}

# Does the kernel say so?  verdict ADDRESS KIND
verdict() { same "$(fp-block test -o verdict "$1" 2>/dev/null)" "$2"; }

in_step() { fp-block verify --quiet; }

# in_seconds N: this time from now, as lists have it.
in_seconds() { date -u -d "@$(($(date +%s) + $1))" +%Y-%m-%dT%H:%M:%SZ; }

# list_file NAME OWNER KIND ENTRY...: a list as another program would leave it.
list_file() {
	local name=$1 owner=$2 kind=$3

	shift 3
	mkdir -p "$lists"
	{
		echo "#fastpath-list 1 kind=$kind owner=$owner gen=1 entries=$#"
		printf '%s\n' "$@"
	} >"$lists/$name.list"
}
