#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Jobs of movers: in a real PostgreSQL, and in each controller's copy.  A controller is
# a process of test/prog/journal.c with a state directory of its own.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' variables

bats_require_minimum_version 1.5.0

load db.bash

setup_file() {
	db_up
	pg_pooler transaction
}
setup() {
	db_fresh
	printf '%s\n' '[opensips]' \
		'sip1 ansible_host=127.0.0.11 fp_node_id=1 fp_mi=udp:127.0.0.11:8080' \
		'[all:vars]' "fp_db=$PG_DB" >"$FP_CLUSTER"
	schema
	journal=$FP_BUILD/test/prog/journal
}
teardown() { db_end; }
teardown_file() { db_down; }

# job NAME [ARG...] STATE: a controller
job() {
	local db=$journal name=$1

	shift
	session "$name" -o "$name" "$@"
}

# begin NAME [LOCK...]: $id is the job's
begin() {
	local name=$1

	shift
	tell "$name" "begin failover sip1 $*"
	[[ $answer == 2*-rehome-???? ]] || { echo "$answer"; return 1; }
	id=$answer
}

# once ARG... -- COMMAND...: a controller that does these; what it says is in $said
once() {
	local args=()

	while [ "$1" != -- ]; do
		args+=("$1")
		shift
	done
	shift
	said=$(printf '%s\n' "$@" | "$journal" -o once "${args[@]}" |
		grep -vx ok)
}

# in_db: the last state of each item, as fp_db has it
in_db() {
	pg_sql "select item, state from (select distinct on (item) item, state,
		seq from fastpath.journal where job = '$id' and item <> ''
		order by item, seq desc) x order by item"
}
job_is() { pg_sql "select state from fastpath.job where id = '$id'"; }

rh() { # STATUS ARG...
	local status=$1

	shift
	run --separate-stderr "-$status" "$FP_BUILD/fp-rehome" "$@"
}

# ---- the main road

@test "a job: words are in the copy at once, in fp_db after a flush" {
	job a -d "$PG_DB" one
	begin a tag:sip1 node:sip1
	same "$(stat -c %a one/jobs)" 700
	same "$(ls one/jobs/locks | sort | tr '\n' ' ')" \
		"job%3A$id node%3Asip1 tag%3Asip1 "
	expect a 'add call:1 asked' ''
	expect a 'add call:2 moved {"code": 200}' ''
	expect a 'add call:1 moved' ''
	same "$(grep -c '"type":"item"' "one/jobs/$id.jsonl")" 3
	same "$(in_db)" ''
	expect a flush ''
	same "$(in_db)" $'call:1|moved\ncall:2|moved'
	expect a "read $id" "call:1 moved -
call:2 moved {\"code\":200}
$id running a plan={\"to\": \"sip2\"} n=2"
	same "$(job_is)" running
	expect a 'state stopped' ''
	expect a close ''
	same "$(ls one/jobs/locks)" ''
	same "$(pg_sql 'select count(*) from pg_locks
		where locktype = '"'advisory'")" 0
	once -d "$PG_DB" one -- "resume $id tag:sip1" 'add call:3 gone' \
		'state done' close list all "resume $id"
	same "$said" "call:1 moved -
call:2 moved {\"code\":200}
failover sip1 plan={\"to\": \"sip2\"} n=2
$id done once
error EALREADY job $id has ended: done"
	same "$(pg_sql 'select state, ended is not null from fastpath.job')" \
		'done|t'
}

@test "fp-rehome jobs, abort; fp-health status" {
	job a -d "$PG_DB" "$FP_STATE"
	begin a tag:sip1
	tell a 'add call:1 moved {"code":200}'
	tell a 'add call:2 silent'
	tell a 'add tag:sip1 given'
	expect a flush ''
	rh 0 jobs -o id,verb,node,state,by,owner,moved,silent,left
	prints "$id" failover sip1 running me a 1 1 0
	rh 0 jobs "$id" -o item,state,detail
	same "$output" $'call:1\tmoved\t{"code":200}\ncall:2\tsilent\t-\ntag:sip1\tgiven\t-'
	rh 4 abort "$id"
	[[ $stderr == "fp-rehome: job $id runs: lock \"job:$id\" is held on this machine by a" ]]
	rh 4 abort "$id" --state other
	[[ $stderr == "fp-rehome: job $id runs: fp_db: lock \"job:$id\" is held by test, pid "* ]]
	rh 4 abort "$id" --dry-run --state other
	fh 2 status -o node,problem
	[[ $stderr$output == *"$id"* ]]
	kill -s KILL "${sessions[0]}"
	stopped() { rh 0 jobs -o id,state && [ "$output" = "$id"$'\t'stopped ]; }
	lab_wait 5 stopped
	rh 1 abort "$id" --dry-run -o state
	same "$output" stopped
	rh 0 abort "$id" --json --state other
	same "$(jq -s -c 'map([.id, .state, .moved, .changed])' <<<"$output")" \
		"[[\"$id\",\"aborted\",1,null],[null,null,null,true]]"
	[[ $stderr == *'nothing is undone: 1 calls that moved stay where they are, 1 others'* ]]
	rh 0 abort "$id" --json
	same "$(jq -s '.[-1].changed' <<<"$output")" false
	rh 0 jobs
	same "$output" ''
	rh 0 jobs --all -o id,state,moved
	prints "$id" aborted -
	rh 2 abort 20200101-000000-rehome-0000
	rh 2 jobs ../x
	same "$stderr" 'fp-rehome: there is no job ../x'
}

# ---- killed

# What a killed one was told of, and so must be there.
acknowledged() {
	local n

	n=$(grep -cx ok <out) || :
	{
		[ "$n" -lt 3 ] || echo 'call:1 asked'
		[ "$n" -lt 4 ] || echo 'call:2 moved'
		[ "$n" -lt 6 ] || echo 'call:1 moved'
		[ "$n" -lt 7 ] || echo 'call:3 silent'
	} | awk '{ s[$1] = $2 } END { for (i in s) print i, s[i] }' | sort
}

script() {
	cat <<-'END'
		begin failover sip1 tag:sip1
		add call:1 asked
		add call:2 moved
		flush
		add call:1 moved
		add call:3 silent
		state stopped
		close
	END
}

# points TRACE: "CALL N" of what others see, by thread as strace counts
points() {
	awk '/jobs/ { begun = 1 }
	match($2, /^[a-z0-9_]+\(/) {
		call = substr($2, 1, RLENGTH - 1)
		n = ++count[$1, call]
		if (begun && call ~ /^(write|openat|ftruncate|fsync|unlinkat|mkdir|mkdirat|sendto|connect|flock|close|recvfrom)$/ &&
			!(call == "openat" && !/O_CREAT/))
			print call, n
	}' "$1" | sort -u
}

# killed CALL N: run the script up to there; then the same controller, and another
# one, know what was acknowledged
killed() {
	local n

	rm -rf one two
	pg_sql 'delete from fastpath.job'
	script >in
	(strace -f -o strace -e "trace=$1" -e "inject=$1:signal=KILL:when=$2" \
		"$journal" -d "$PG_DB" -o a one <in >out 2>/dev/null || :) 2>/dev/null
	acknowledged >want
	id=$(pg_sql 'select id from fastpath.job')
	[ -n "$id" ] || id=$(cd one/jobs 2>/dev/null && echo *.jsonl)
	id=${id%.jsonl}
	n=$(grep -cx ok <out) || :
	[ "$n" -lt 9 ] || echo "not killed at $1 $2"
	if [ -z "$id" ] || [ "$id" = '*' ]; then
		[ "$n" -lt 2 ]
		return
	fi
	once -d "$PG_DB" one -- "resume $id tag:sip1" flush close
	if [[ $said == 'error ENOENT'* ]]; then
		[ "$n" -lt 2 ]
		return
	fi
	[[ $said == *'failover sip1 plan='* ]] || { echo "$said"; return 1; }
	grep '^call:' <<<"$said" | cut -d ' ' -f 1,2 | sort >got
	# a word may be there before it was acknowledged
	[ -z "$(comm -23 want got)" ] || grep -q 'call:1 moved' got ||
		{ diff want got; return 1; }
	in_db | tr '|' ' ' | cmp - got
	once -d "$PG_DB" two -- "resume $id tag:sip1" 'state done' close
	grep '^call:' <<<"$said" | cut -d ' ' -f 1,2 | sort | cmp - got
	same "$(job_is)" done
}

@test "kill -9 at any system call: what was said to be there is" {
	local call n at=0 total

	command -v strace >/dev/null || skip 'strace is not installed'
	script >in
	strace -f -o trace "$journal" -d "$PG_DB" -o a one <in >out
	same "$(grep -cx ok out)" 9
	points trace >all
	total=$(wc -l <all)
	echo "$total points"
	while read -r call n; do
		at=$((at + 1))
		case $call in
		close | recvfrom | flock) [ $((at % 12)) = 0 ] || continue ;;
		esac
		echo "at $call $n"
		killed "$call" "$n"
	done <all
}
