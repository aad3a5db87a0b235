# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the tests of fp_db share: a real PostgreSQL (test/lab/postgres.sh), and
# sessions with it that a test speaks through (test/prog/db.c).
# shellcheck disable=SC2034,SC2154 # bats' own variables

source test/lab/postgres.sh
# shellcheck source=test/bats/say.bash
source test/bats/say.bash

# db_up: for setup_file; db_down: for teardown_file.
db_up() {
	[ -n "${FP_TEST_BPFFS-}" ] && [ "$(id -u)" = 0 ] ||
		skip 'needs root and test/run'
	[ -x "$FP_BUILD/fp-health" ] || skip 'fp-health is not built'
	unset SUDO_USER LOGNAME FP_CLUSTER FP_STATE
	pg_up
}

db_down() { pg_down; }

# db_fresh: for setup; db_end: for teardown.  A controller without a past, and a
# database without our schema.
db_fresh() {
	cd "$BATS_TEST_TMPDIR" || return
	export FP_STATE=$BATS_TEST_TMPDIR/state FP_CLUSTER=$BATS_TEST_TMPDIR/c.ini
	db=$FP_BUILD/test/prog/db
	sessions=()
	declare -gA to from
	pg_sql "drop schema if exists fastpath cascade;
		drop table if exists recovery;
		do \$\$ begin
			if to_regrole('fastpath') is not null then
				drop owned by fastpath;
				drop role fastpath;
			end if;
		end \$\$" 2>/dev/null
	cluster "fp_db=$PG_DB"
}

db_end() {
	local pid

	for pid in "${sessions[@]}"; do
		kill -s KILL "$pid" 2>/dev/null || :
	done
}

# cluster LINE...: the cluster file, with these variables of all
cluster() {
	printf '%s\n' '[freeswitch]' 'fs1 ansible_host=192.0.2.21' \
		'fs2 ansible_host=192.0.2.22' '[all:vars]' "$@" >"$FP_CLUSTER"
}

# fh STATUS ARG...: fp-health; stdout in $output, stderr in $stderr
fh() {
	local status=$1

	shift
	run --separate-stderr "-$status" "$FP_BUILD/fp-health" "$@"
}

# schema: as the admin would, and ctl is one who may use it
schema() {
	"$FP_BUILD/fp-health" setup --quiet --admin "$PG_ADMIN" >/dev/null &&
		pg_sql 'grant fastpath to ctl, ctl2'
}

# says TEXT: this one line on stderr
says() { same "$stderr" "fp-health: $1"; }
prints() {
	local IFS=$'\t'

	same "$output" "$*"
}

# json FILTER WANT: what jq makes of all records, as one array
json() {
	jq -es '.[-1].type == "summary" and
		(.[-1].changed | type == "boolean") and
		all(.[]; all(.[]; type != "object"))' <<<"$output" >/dev/null ||
		{ echo "not ours: $output"; return 1; }
	same "$(jq -cs "$1" <<<"$output")" "$2"
}

# session NAME ARG...: begin one; $answer has what it said first
session() {
	local name=$1 in out

	shift
	mkfifo "$name.in" "$name.out"
	"$db" "$@" <"$name.in" >"$name.out" 3>&- 4>&- &
	sessions+=("$!")
	disown # or the shell would tell of its death
	exec {in}>"$name.in" {out}<"$name.out"
	to[$name]=$in from[$name]=$out
	hear "$name"
}

hear() {
	local line

	answer=
	while read -r -t 20 -u "${from[$1]}" line; do
		case $line in
		ok) return 0 ;;
		error*)
			answer=$line
			return 0
			;;
		esac
		answer+=${answer:+$'\n'}$line
	done
	answer='nothing'
}

# tell NAME COMMAND: what it says is in $answer
tell() {
	echo "$2" >&"${to[$1]}"
	hear "$1"
}

# expect NAME COMMAND WANT: a glob
expect() {
	tell "$1" "$2"
	# shellcheck disable=SC2053 # a glob
	[[ $answer == $3 ]] || {
		printf '%s: %s\ngot:  %s\nwant: %s\n' "$1" "$2" "$answer" "$3"
		return 1
	}
}
