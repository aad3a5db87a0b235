#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-recover fence, unfence: two SIP nodes with real sshd's and filters, and a
# FreeSWITCH (the stand-in) on a host of its own, whose traffic they see.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # a test is a subshell; bats' variables

bats_require_minimum_version 1.5.0

setup_file() {
	source test/bats/sync.bash
	source test/lab/postgres.sh
	sync_up -x fs1 2
	export FS_ADDR ROOT=$PWD
	FS_ADDR=$(cluster_addr fs1)
	pg_up fs1 "$FS_ADDR"
	password=$(<"$PG_DIR/password")
	pg_sql "create role freeswitch login password '$password';
		create role recover login password '$password'
			in role freeswitch, pg_signal_backend" postgres
	pg_sql 'create database fscore owner freeswitch' postgres
	pg_sql 'create table recovery (runtime_uuid varchar(255),
		technology varchar(255), profile_name varchar(255),
		hostname varchar(255), uuid varchar(255), metadata text);
		alter table recovery owner to freeswitch' fscore
	db="host=$FS_ADDR dbname=fscore passfile=$PG_DIR/pgpass"
	printf '%s\n' '[freeswitch]' "fs1 ansible_host=$FS_ADDR$(
		) fp_esl=$FS_ADDR:8021 fp_recovery_db=\"$db user=recover\"" \
		>>"$FP_CLUSTER"
	export FS_DB="$db user=freeswitch application_name=fs1"
}

teardown_file() {
	source test/bats/sync.bash
	source test/lab/postgres.sh
	pg_down
	sync_down
}

setup() {
	source test/bats/sync.bash
	source test/lab/postgres.sh
	sync_fresh
	lab_in controller "$FP_BUILD/fp-sync" push -N edge --override empty --prune \
		--lists "$lists" -q >/dev/null 2>&1 || :
}

teardown() {
	cluster_stop switch KILL
	cluster_stop session KILL
}

# up: the stand-in runs; prints its run
up() {
	cluster_start switch fs1 /usr/bin/python3 "$ROOT/test/fake/freeswitch" --ip "$FS_ADDR" \
		--name fs1
	lab_wait 10 lab_listens fs1 tcp "$FS_ADDR" 8021 ||
		{ cat "$LAB_DIR/switch.log"; return 1; }
}

# fence STATUS ARG...: on the controller
fence() {
	local status=$1

	shift
	run --separate-stderr "-$status" cluster_in controller \
		"$FP_BUILD/fp-recover" "$@" --by me
}

# A session as a dead run leaves it.
session() {
	cluster_start session fs1 env PGPASSFILE="$PG_DIR/pgpass" \
		psql "$FS_DB" -XAtqc 'select pg_sleep(100)'
	lab_wait 5 has_session
}
has_session() {
	[ "$(pg_sql "select count(*) from pg_stat_activity
		where application_name = 'fs1'")" != 0 ]
}

fenced() { verdict sip1 "$FS_ADDR" "$1" && verdict sip2 "$FS_ADDR" "$1"; }

@test "a run that answers is not fenced; nor one that nothing proves dead" {
	up
	fence 5 fence fs1
	hints 'rule alive'
	hints 'it answers: it is not dead'
	cluster_stop switch KILL
	fence 5 fence fs1 --run r1
	hints 'nothing proves it dead'
	fenced allow
}

@test "a command proves it dead: its sessions end, and all nodes fence it" {
	session
	fence 1 fence fs1 --run r1 --fence 'echo off' --dry-run
	has_session
	fenced allow
	fence 0 fence fs1 --run r1 --why crash --json \
		--fence 'echo "was $FP_NODE $FP_RUN $FP_ADDRESS"; echo off'
	json '.[-1].changed' true
	json '[.[] | select(.name == "power") | .value, .detail]' \
		'["exit status 0","off"]'
	json '[.[] | select(.name == "sessions") | .value]' '["1 ended"]'
	json '[.[] | select(.name == "nic") | .value, .detail]' \
		'["fenced","1 address at 2 of 2 nodes"]'
	run ! has_session
	fenced fence
	[[ $(block sip1 list fence) == *'why=crash by=me run=r1'* ]]
	fence 0 fence fs1 --run r1 --why crash --json --fence true
	json '.[-1].changed' false
}

@test "a command that says no, takes too long, or is wrong" {
	fence 5 fence fs1 --run r1 --fence 'echo "cannot: $FP_ADDRESS" >&2; exit 3'
	hints 'did not prove it dead'
	[[ $output == *"exit status 3"*"cannot: $FS_ADDR"* ]]
	fence 5 fence fs1 --run r1 --fence 'sleep 9' --fence-timeout 200ms
	[[ $output == *timeout* ]]
	up
	fence 5 fence fs1 --fence true
	hints 'it answers: it is not dead'
	fenced allow
}

@test "a node that cannot be told is named; without a proof it refuses" {
	cluster_kill_sshd sip2
	fence 0 fence fs1 --run r1 --fence true
	[[ $output == *sip2*nic*warn* ]]
	verdict sip1 "$FS_ADDR" fence
	fence 5 fence fs1 --run r1 --override alive
	hints 'rule fence'
	fence 0 fence fs1 --run r1 --override alive --override fence
	cluster_start_sshd sip2
	# what it missed it hears at the next contact
	lab_in controller "$FP_BUILD/fp-sync" push -N edge --override empty --prune \
		--lists "$lists" -q
	fenced fence
}

@test "a new run is unfenced; one that is not there, or has calls left, is not" {
	fence 0 unfence fs1 --json
	json '.[-1].changed' false
	fence 0 fence fs1 --run r1 --fence true
	fence 5 unfence fs1
	hints 'no new run is proven'
	up
	pg_sql "insert into recovery (runtime_uuid, technology, profile_name,
		hostname, uuid, metadata) values ('r1', 'sofia', 'internal', 'fs1',
		'u', '')" fscore
	fence 5 unfence fs1
	hints 'calls are not recovered'
	pg_sql 'delete from recovery' fscore
	fence 0 unfence fs1 --json
	json '.[-1].changed' true
	fenced allow
	fence 0 unfence fs1 --json
	json '.[-1].changed' false
	# a restarted node is not cut off
	fence 0 fence fs1 --run r1 --json
	json '[.[] | select(.name == "run") | .value]' '["restarted"]'
	json '.[-1].changed' false
	fenced allow
}
