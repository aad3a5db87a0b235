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
	# shellcheck disable=SC2034 # session starts it
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
		grep -avx ok)
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
	same "$(cd one/jobs/locks && echo *) " \
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
	run "$FP_BUILD/fp-health" status -t 500ms
	[[ $output == *running*"$id"* ]]
	kill -s KILL "${sessions[0]}"
	stopped() { rh 0 jobs -o id,state && [ "$output" = "$id"$'\t'stopped ]; }
	lab_wait 5 stopped
	run "$FP_BUILD/fp-health" status -t 500ms
	[[ $output == *stopped*"$id"* ]]
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
	[ -n "$id" ] || id=$(basename -s .jsonl one/jobs/*.jsonl)
	n=$(grep -cx ok <out) || :
	[ "$n" -ge 9 ] || was_killed=$((was_killed + 1))
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
	[ $((was_killed % 4)) = 0 ] || return 0
	once -d "$PG_DB" two -- "resume $id tag:sip1" 'state done' close
	grep '^call:' <<<"$said" | cut -d ' ' -f 1,2 | sort | cmp - got
	same "$(job_is)" 'done'
}

@test "kill -9 at any system call: what was said to be there is" {
	local call n at=0 total was_killed=0

	command -v strace >/dev/null || skip 'strace is not installed'
	script >in
	# a leak checker does not work under strace
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	strace -f -o trace "$journal" -d "$PG_DB" -o a one <in >out
	same "$(grep -cx ok out)" 9
	points trace >all
	total=$(wc -l <all)
	echo "$total points"
	while read -r call n; do
		at=$((at + 1))
		case $call in
		close | recvfrom | flock) [ $((at % 12)) = 0 ] || continue ;;
		sendto | fsync | connect) [ $((at % 3)) = 0 ] || continue ;;
		esac
		echo "at $call $n"
		killed "$call" "$n"
	done <all
	echo "killed $was_killed times"
	[ "$was_killed" -ge 20 ]
}

# ---- who goes on

@test "resume elsewhere, and back: each knows what the other did" {
	job a -d "$PG_DB" one
	begin a tag:sip1
	tell a 'add call:1 moved'
	tell a 'add call:2 silent'
	expect a flush ''
	tell a 'add call:2 failed'
	tell a 'add call:3 moved {"code":200}'
	kill -s KILL "${sessions[0]}"
	# the other one knows what was flushed
	once -d "$PG_DB" two -- "resume $id tag:sip1" 'add call:2 moved' \
		'add call:4 gone' 'state stopped' close
	same "$said" $'call:1 moved -\ncall:2 silent -\nfailover sip1 plan={"to": "sip2"} n=2'
	# the first one comes back: its word on call:3 is told, that on call:2 is old
	once -d "$PG_DB" one -- "resume $id tag:sip1" close
	same "$(sort <<<"$said")" 'call:1 moved -
call:2 moved -
call:3 moved {"code":200}
call:4 gone -
failover sip1 plan={"to": "sip2"} n=4'
	same "$(in_db)" $'call:1|moved\ncall:2|moved\ncall:3|moved\ncall:4|gone'
	# and has all of it, should fp_db be away
	once one -- "read $id"
	same "$(grep -c ^call <<<"$said")" 4
	[[ $said == *'call:2 moved'* ]]
	once -d "$PG_DB" two -- "resume $id tag:sip1" "state done" close
	same "$(grep -c ^call <<<"$said")" 4
	same "$(pg_sql "select count(*) - count(distinct (item, state))
		from fastpath.journal where item <> ''")" 0
}

@test "two at once, on one machine and on two: one of them" {
	job a -d "$PG_DB" one
	job b -d "$PG_DB" one
	job c -d "$PG_DB" two
	begin a tag:x tag:y
	expect b 'begin drain sip2 tag:z tag:y' \
		'error EBUSY/lock lock "tag:y" is held on this machine by a'
	expect c 'begin drain sip2 tag:z tag:y' \
		'error EBUSY/lock fp_db: lock "tag:y" is held by test, pid *'
	expect b "resume $id" 'error EBUSY lock "job:*" is held on this machine by a'
	expect c "resume $id" 'error EBUSY fp_db: lock "job:*'
	# those that were to be had were given back
	expect a 'lock tag:z' ''
	expect c 'begin drain sip2 tag:z' 'error EBUSY/lock *'
	tell a 'unlock tag:z'
	begin c tag:z
	expect a 'lock tag:z' 'error EBUSY fp_db: lock "tag:z" *'
	expect a flush ''
	expect a close ''
	expect c 'lock tag:x' ''
	same "$(pg_sql 'select count(*) from fastpath.job')" 2
	same "$(find one two -name '*.jsonl' | wc -l)" 2
}

@test "many that begin at the same moment: exactly one has the lock" {
	local i pids=()

	for i in 1 2 3 4 5 6; do
		printf 'begin failover sip1 tag:a tag:b\nhold 2000\n' |
			"$journal" -d "$PG_DB" "state$((i % 3))" >"out$i" \
				3>&- 4>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	same "$(cat out? | grep -c '^2')" 1
	same "$(cat out? | grep -c '^error EBUSY')" 5
	same "$(pg_sql 'select count(*) from fastpath.job')" 1
}

@test "a holder that is stopped: another takes over, and it finds out" {
	job a -d "$PG_DB" -i 1 one
	begin a tag:x
	tell a 'add call:1 moved'
	expect a flush ''
	tell a 'add call:2 moved'
	# one that lives says something by itself
	echo 'hold 1700' >&"${to[a]}"
	job b -d "$PG_DB" -i 1 two
	expect b "resume $id tag:x" 'error EBUSY *'
	hear a
	kill -s STOP "${sessions[0]}"
	taken() {
		tell b "resume $id tag:x"
		[[ $answer == *'failover sip1'* ]]
	}
	lab_wait 10 taken
	expect b 'add call:2 gone' ''
	expect b flush ''
	kill -s CONT "${sessions[0]}"
	tell a 'add call:3 moved'
	expect a flush 'error EBUSY *'
	expect a 'add call:4 moved' 'error EBUSY *'
	expect a 'state done' 'error EBUSY *'
	expect a close ''
	expect b 'state done' ''
	same "$(in_db)" $'call:1|moved\ncall:2|gone'
}

@test "another took the job while we were away: its epoch is later" {
	job a -d "$PG_DB" one
	begin a tag:x
	tell a 'add call:1 moved'
	expect a flush ''
	pg_cut
	once -d "$PG_DB" two -- "resume $id tag:x" 'state stopped' close
	tell a 'add call:2 moved'
	expect a flush "error EBUSY job $id was taken over by once"
	same "$(in_db)" 'call:1|moved'
}

# ---- fp_db

@test "fp_db goes, and comes back: what was added meanwhile is told once" {
	job a -d "$PG_DB" -t 1000 one
	begin a tag:x
	tell a 'add call:1 moved'
	expect a flush ''
	pg_sql checkpoint # commits are not waited for in this lab
	pg_kill
	tell a 'add call:2 moved'
	expect a flush 'error E* fp_db: *'
	tell a 'add call:3 moved'
	expect a 'lock tag:y' 'error E*'
	pg_start
	expect a flush ''
	same "$(in_db)" $'call:1|moved\ncall:2|moved\ncall:3|moved'
	pg_freeze
	tell a 'add call:4 moved'
	expect a flush 'error ETIMEDOUT *'
	pg_thaw
	expect a flush ''
	expect a 'lock tag:y' ''
	same "$(pg_sql "select count(*) from fastpath.journal
		where item <> ''")" 4
	# away at its end: the copy knows, and tells
	pg_stop
	tell a 'add call:5 moved'
	expect a 'state done' 'error E*'
	tell a close
	pg_start
	same "$(job_is)" running
	once -d "$PG_DB" one -- "resume $id" all
	same "$said" "error EALREADY job $id has ended: done
$id done once"
	same "$(in_db | wc -l)" 5
}

@test "a standby that lagged took over: what it lacks is told again" {
	job a -d "$PG_DB" one
	begin a tag:x
	for i in 1 2 3 4; do
		tell a "add call:$i asked"
		expect a flush ''
	done
	tell a 'add call:5 asked'
	pg_sql "delete from fastpath.journal where item > 'call:2'"
	pg_cut
	expect a flush ''
	same "$(pg_sql "select item from fastpath.journal where item <> ''
		order by seq" | tr '\n' ' ')" 'call:1 call:2 call:3 call:4 call:5 '
	# and of the job itself, when this controller goes on with it
	pg_sql 'delete from fastpath.job'
	expect a flush 'error EBUSY fp_db has no job * any more: resume tells it again'
	expect a close ''
	once -d "$PG_DB" two -- "resume $id"
	[[ $said == 'error ENOENT '* ]]
	once -d "$PG_DB" one -- "resume $id" close
	same "$(in_db | wc -l)" 5
	# by one that has it all from fp_db, too
	once -d "$PG_DB" two -- "resume $id" close
	pg_sql "delete from fastpath.journal where item = 'call:4'"
	once -d "$PG_DB" two -- "resume $id" close
	same "$(in_db | wc -l)" 5
	pg_sql 'delete from fastpath.job'
	once -d "$PG_DB" two -- "resume $id" close
	same "$(in_db | wc -l)" 5
}

@test "a commit without an answer: told once" {
	local at

	for at in 0.001 0.003 0.006 0.01 0.02; do
		job "a$at" -d "$PG_DB" "one$at"
		begin "a$at" "tag:$at"
		tell "a$at" 'many 3000 moved'
		echo flush >&"${to[a$at]}"
		sleep "$at"
		pg_cut >/dev/null
		hear "a$at"
		expect "a$at" flush ''
		same "$(pg_sql "select count(*), count(distinct item)
			from fastpath.journal
			where job = '$id' and item <> ''")" '3000|3000'
	done
}

@test "without fp_db: this machine alone; it is told when it can be" {
	job a one
	job b one
	begin a tag:x
	expect b 'begin failover sip1 tag:x' 'error EBUSY/lock *'
	tell a 'add call:1 moved'
	expect a flush ''
	kill -s KILL "${sessions[0]}"
	once one -- list
	same "$said" "$id stopped a"
	once one -- "resume $id tag:x" 'add call:2 gone' 'plan {"to":"sip3"}' \
		'state stopped' close
	once -d "$PG_DB" one -- list
	same "$said" "$id stopped once"
	once -d "$PG_DB" one -- "resume $id tag:x" 'state done' close
	same "$said" $'call:1 moved -\ncall:2 gone -\nfailover sip1 plan={"to":"sip3"} n=2'
	same "$(in_db)" $'call:1|moved\ncall:2|gone'
	same "$(job_is)" 'done'
	expect b 'resume 20200101-000000-rehome-0000' 'error ENOENT *'
	sed -i /fp_db/d "$FP_CLUSTER"
	rh 5 abort "$id"
	hints 'refused by rule lock'
}

@test "a pooler in transaction mode is refused; no fp_db, no begin" {
	once -d "$(pg_conninfo ctl fastpath 6433)" one -- 'begin failover sip1 a'
	[[ $said == 'error EPERM/pooler fp_db: a pooler in transaction mode'* ]]
	once -d "${PG_DB/5432/1}" one -- 'begin failover sip1 a'
	[[ $said == 'error ECONNREFUSED/lock fp_db: '* ]]
	pg_sql 'update fastpath.meta set version = 9'
	once -d "$PG_DB" one -- 'begin failover sip1 a' list
	[[ $said == 'error EPERM fp_db: fp_db has version 9'* ]]
	pg_sql 'drop schema fastpath cascade'
	once -d "$PG_DB" one -- 'begin failover sip1 a'
	[[ $said == 'error ENOENT/lock fp_db: '*'fp-health setup' ]]
	same "$(ls one/jobs)" locks
	same "$(ls one/jobs/locks)" ''
	rh 4 jobs
	hints 'these are the jobs that are known here'
}

# ---- the copy

# made [WORD...]: a job that was killed with two words in its copy, one of them told
made() {
	job a -d "$PG_DB" one
	begin a tag:x
	tell a 'add call:1 moved'
	expect a flush ''
	tell a 'add call:2 moved'
	kill -s KILL "${sessions[-1]}"
	copy=one/jobs/$id.jsonl
}

@test "a torn last line is cut, and said" {
	made
	truncate -s -7 "$copy"
	once -d "$PG_DB" one -- "resume $id tag:x" 'add call:3 gone' \
		'state stopped' close
	same "$said" "say jobs/$id.jsonl: its last line had no end, and was cut
call:1 moved -
failover sip1 plan={\"to\": \"sip2\"} n=1"
	while read -r line; do
		jq -e .type <<<"$line" >/dev/null
	done <"$copy"
	same "$(in_db)" $'call:1|moved\ncall:3|gone'
	# of power loss: nothing but its name is there
	: >"$copy"
	once -d "$PG_DB" one -- "resume $id tag:x" close
	same "$(grep -c ^call <<<"$said")" 2
	same "$(grep -c '"type":"item"' "$copy")" 2
}

@test "a copy that cannot be read: the job does not go on" {
	made
	cp "$copy" good
	sed -i '3s/.*/{"type":"item"}/' "$copy"
	once -d "$PG_DB" one -- "resume $id" "read $id" list
	same "$(head -n 1 <<<"$said")" "error EBADMSG what was done is not known (move the file away to go on with what fp_db has): jobs/$id.jsonl:3: no item, or no state of one"
	[[ $said == *"$id stopped a" ]]
	sed '1s/"version":1/"version":2/' good >"$copy"
	once -d "$PG_DB" one -- "resume $id"
	[[ $said == 'error EPROTO '*"jobs/$id.jsonl:1: written by another fastpath (version 2, this one knows 1)" ]]
	rm "$copy"
	mkdir "$copy"
	once -d "$PG_DB" one -- "resume $id"
	[[ $said == 'error EISDIR '* ]]
	once one -- list
	[[ $said == *'Is a directory' ]]
	rmdir "$copy"
	once -d "$PG_DB" one -- "resume $id tag:x" close
	same "$(grep -c ^call <<<"$said")" 1
}

@test "a full disk: nothing more is added, and the job is stopped" {
	mkdir small
	mount -t tmpfs -o size=64k tmpfs small
	job a -d "$PG_DB" small
	begin a tag:x
	expect a 'many 2000 moved' 'error ENOSPC jobs/*'
	expect a flush ''
	tell a 'state stopped'
	same "$(job_is)" stopped
	same "$(in_db | wc -l)" "$(grep -c '"type":"item"' "small/jobs/$id.jsonl")"
	tail -c 1 "small/jobs/$id.jsonl" | od -c | grep -q '\\n'
	expect a close ''
	head -c 60000 /dev/zero >small/zero 2>/dev/null || :
	once -d "$PG_DB" small -- 'begin failover sip1 tag:x'
	[[ $said == 'error ENOSPC'* ]]
	same "$(pg_sql 'select count(*) from fastpath.job')" 1
	umount small
}

@test "any bytes in a call-id, and much of everything" {
	job a -d "$PG_DB" one
	begin a
	tell a $'add call:\xff\\x41"\x01{é moved {"reason":"\xfe \\u0001"}'
	expect a 'add call:1 moved {"reason":"\ud800"}' 'error EINVAL *'
	expect a 'add call:1 moved [1]' 'error EINVAL *'
	expect a 'add call:1 moved {"a":1}}' 'error EINVAL *'
	expect a flush ''
	tell a 'many 20000 asked'
	expect a flush ''
	tell a 'many 20000 moved'
	expect a flush ''
	tell a close
	for state in one two; do
		once -d "$PG_DB" $state -- "resume $id" close
		same "$(head -n 1 <<<"$said")" $'call:\xff\\x41"\x01{é moved {"reason":"\xef\xbf\xbd \\u0001"}'
		[[ $(sed -n 2p <<<"$said") == 'call:0@198.51.100.7 moved {'* ]]
		same "$(tail -n 1 <<<"$said")" 'failover sip1 plan={"to": "sip2"} n=20001'
	done
	# fp_db's text of the plan is told to a copy once
	once -d "$PG_DB" one -- "resume $id" close
	same "$(grep -c '"plan":' "one/jobs/$id.jsonl")" 1
}
