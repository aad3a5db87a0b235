# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the tests of fp-sync share: a cluster of real sshd's (test/lab/cluster.sh),
# and controllers.  Each test begins with nodes that have no lists, and a
# controller that has never pushed.
# shellcheck disable=SC2034,SC2154 # bats' own variables

source test/lab/cluster.sh
# shellcheck source=test/bats/say.bash
source test/bats/say.bash

# sync_up [OPTION] N: for setup_file; the filter is attached on net1.
sync_up() {
	local node

	[ "$(id -u)" = 0 ] || skip 'network namespaces need root'
	export FP_BUILD=${FP_BUILD:-$PWD/build}
	unset SUDO_USER LOGNAME
	cluster_up "$@"
	for node in $(cluster_nodes); do
		cluster_in "$node" "$FP_BUILD/fp-load" attach net1 --quiet \
			>/dev/null
	done
}

sync_down() { cluster_down; }

# sync_fresh: for setup.
sync_fresh() {
	local node

	cd "$BATS_TEST_TMPDIR" || return
	for node in $(cluster_nodes); do
		rm -rf "$LAB_DIR/$node/state"/{lists,accepted,pending,digests}
		cluster_in "$node" "$FP_BUILD/fp-block" sweep --quiet
		cluster_in "$node" "$FP_BUILD/fp-load" set bypass=off --quiet \
			2>/dev/null >&2 || :
	done
	rm -rf "$LAB_DIR/controller/state/sync"
	lists=$BATS_TEST_TMPDIR/lists
	mkdir -p lists
}

# put NAME LINE...: a file of the lists directory
put() {
	local name=$1

	shift
	printf '%s\n' "$@" >"$lists/$name.list"
}

# hosts N NET: that many addresses, 10.NET.x.y
hosts() {
	seq 0 $(($1 - 1)) | awk -v net="$2" '{
		print "10." net "." int($1 / 256) "." $1 % 256 }'
}

# on HOST COMMAND...: fp-sync there, with the lists of this test
on() {
	local host=$1 verb=$2 dir=()

	shift 2
	case $verb in
	push | status | compare | pull | rollback) dir=(--lists "$lists") ;;
	esac
	cluster_in "$host" "$FP_BUILD/fp-sync" "$verb" "${dir[@]}" "$@"
}

# fs STATUS VERB ARG...: on the controller; stdout in $output, stderr in $stderr
fs() {
	local status=$1

	shift
	run --separate-stderr "-$status" on controller "$@"
}

# block NODE ARG...: fp-block there
block() {
	local node=$1

	shift
	cluster_in "$node" "$FP_BUILD/fp-block" "$@"
}

# rows FIELDS ROW...: $output's records have these fields (their numbers), sorted
rows() {
	local fields=$1

	shift
	same "$(cut -f "$fields" <<<"$output" | sort)" \
		"$(printf '%b\n' "$@" | sort)"
}

# json FILTER WANT: what jq makes of all records, as one array
json() {
	jq -es '.[-1].type == "summary" and
		(.[-1].changed | type == "boolean") and
		all(.[]; all(.[]; type != "object"))' <<<"$output" >/dev/null ||
		{ echo "not ours: $output"; return 1; }
	same "$(jq -cs "$1" <<<"$output")" "$2"
}

# verdict NODE ADDRESS KIND: what its kernel says
verdict() { same "$(block "$1" test -o verdict "$2" 2>/dev/null)" "$3"; }

ms() { echo $((${EPOCHREALTIME/./} / 1000)); }

# takes MAX COMMAND...: at most so many ms
takes() {
	local max=$1 start spent

	shift
	start=$(ms)
	"$@" || return
	spent=$(($(ms) - start))
	[ $spent -le "$max" ] || { echo "took $spent ms"; return 1; }
}

# Bans of a node, without their times.
bans() {
	block "$1" list "${2-bans}" 2>/dev/null | sed 's/ .*//' | sort | xargs
}
