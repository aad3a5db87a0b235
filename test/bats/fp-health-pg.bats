#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-health check of PostgreSQL and of the recovery rows in it, on a real server
# and its standby.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' variables

bats_require_minimum_version 1.5.0

load db.bash

setup_file() {
	db_up
	pg_standby
	pg_sql 'create role watch login connection limit 3'
	pg_sql "alter role watch password '$(<"$PG_DIR/password")'"
}
setup() {
	db_fresh
	pg_sql 'grant pg_monitor to watch'
	nodes
}
# However a test ended, the next one has both servers.
teardown() {
	db_end
	pg_thaw
	pg_thaw standby
	pg_run lab_stop starting QUIT
	pg_run lab_runs postgres || pg_start
	pg_run lab_runs standby || pg_start standby
	pg_sql 'alter role watch reset all'
}
teardown_file() { db_down; }

# nodes [LINE...]: a primary and its standby, with these variables of all
nodes() {
	{
		printf '[db]\n'
		printf '%s ansible_host=127.0.0.1 fp_pg="%s"\n' \
			pg1 "$(pg_conninfo watch)" \
			pg2 "$(pg_conninfo watch fastpath 5433)"
		printf '%s\n' '[all:vars]' "$@"
	} >"$FP_CLUSTER"
}

# check STATUS ARG...: node, state and detail of all
check() {
	local status=$1

	shift
	fh "$status" check --only pg,store -t 1s -o node,check,state,detail "$@"
}

# row NODE CHECK STATE DETAIL: such a record; the last is a glob
row() {
	local line

	while IFS= read -r line; do
		# shellcheck disable=SC2053 # a glob
		[[ $line != $1$'\t'$2$'\t'$3$'\t'$4 ]] || return 0
	done <<<"$output"
	printf 'no "%s %s %s %s" in:\n%s\n' "$@" "$output"
	return 1
}

# sees STATUS ROW: in a while
sees() {
	local status=$1

	shift
	try() {
		check "$status" && row "$@"
	}
	lab_wait 10 try "$@"
}

@test "a primary and its standby are told apart" {
	sees 0 pg1 pg OK 'PostgreSQL [0-9]*, read-write, 1 standby'
	sees 0 pg2 pg OK 'PostgreSQL [0-9]*, standby'
	fh 0 check --only pg -t 1s --json
	same "$(jq -s '[.[] | select(.check == "pg")] | length' <<<"$output")" 2
	[[ $output == *'connections='*';60'* ]]
	[[ $output == *'lag='* ]]
	[[ $output != *"$(<"$PG_DIR/password")"* ]]
}

@test "a role that may see little sees what it is, still" {
	pg_sql 'revoke pg_monitor from watch'
	sees 0 pg1 pg OK 'PostgreSQL [0-9]*, read-write, 1 standby'
	sees 0 pg2 pg OK 'PostgreSQL [0-9]*, standby*'
	pg_sql "alter role watch set default_transaction_read_only = on"
	check 1
	row pg1 pg WARNING '*, read-only, *default_transaction_read_only is on'
	pg_sql "alter role watch reset default_transaction_read_only"
}

@test "a standby that does not follow: its lag, by itself and by the primary" {
	local sql=("$PG_BIN/psql" -XAtq -h "$PG_DIR/sock" -p 5433 -U postgres
		-d fastpath -c)

	nodes 'fp_warning=lag=0.5' 'fp_critical=pg.lag=300'
	pg_as "${sql[@]}" 'select pg_wal_replay_pause()' >/dev/null
	pg_sql 'create table x (); drop table x; checkpoint'
	late() {
		pg_sql 'select txid_current()' >/dev/null
		check 1 && row pg2 pg WARNING '*, standby*lag*'
	}
	lab_wait 10 late
	pg_as "${sql[@]}" 'select pg_wal_replay_resume()' >/dev/null
	sees 0 pg2 pg OK '*, standby'
	pg_freeze standby
	pg_sql 'create table x (); drop table x; checkpoint'
	stuck() {
		check 2 && row pg1 pg WARNING '*, 1 standby*lag*' &&
			row pg2 pg CRITICAL '*connected, but the server says nothing within 900 ms'
	}
	lab_wait 10 stuck
	pg_thaw standby
	sees 0 pg1 pg OK '*1 standby'
}

@test "a standby that stops" {
	pg_stop standby
	sees 2 pg2 pg CRITICAL '*Connection refused'
	row pg1 pg OK '*0 standbys'
	pg_start standby
	sees 0 pg2 pg OK '*standby*'
}

@test "wrong password, no such database or role: it is there, but not for us" {
	printf '[db]\npg1 fp_pg="host=127.0.0.1 user=watch dbname=fastpath passfile=%s"\n' \
		"$BATS_TEST_TMPDIR/pass" >"$FP_CLUSTER"
	(umask 077 && echo '*:*:*:*:wrong' >pass)
	check 3
	row pg1 pg UNKNOWN '*password authentication failed for user "watch"'
	printf '[db]\npg1 fp_pg="%s"\n' "$(pg_conninfo watch nosuch)" >"$FP_CLUSTER"
	check 2
	row pg1 pg CRITICAL '*database "nosuch" does not exist'
	printf '[db]\npg1 fp_pg="host=127.0.0.1 password=geheim"\n' >"$FP_CLUSTER"
	check 3
	row pg1 pg UNKNOWN 'a password stands in the conninfo*'
	[[ $output$stderr != *geheim* ]]
	printf '[db]\npg1 fp_pg="host=127.0.0.1 nonsense=1"\n' >"$FP_CLUSTER"
	check 3
	row pg1 pg UNKNOWN '*"nonsense"*'
}

@test "too many connections" {
	session a "$(pg_conninfo watch)"
	session b "$(pg_conninfo watch)"
	session c "$(pg_conninfo watch)"
	check 2
	row pg1 pg CRITICAL '*too many connections for role "watch"'
	row pg2 pg OK '*standby*'
}

@test "frozen, one of its processes frozen, killed, starting up" {
	pg_freeze
	check 2
	row pg1 pg CRITICAL '*connected, but the server says nothing within 900 ms'
	row pg2 pg OK '*standby*'
	pg_thaw
	sees 0 pg1 pg OK '*'
	pg_sql 'begin; lock pg_stat_wal_receiver in access exclusive mode; select pg_sleep(3)' >/dev/null 3>&- 4>&- &
	pid=$!
	locked() {
		check 2 && row pg1 pg CRITICAL '*no answer within *'
	}
	lab_wait 5 locked
	wait "$pid"
	pg_kill
	check 2
	row pg1 pg CRITICAL '*Connection refused'
	pg_starting
	check 2
	row pg1 pg CRITICAL '*the database system is starting up'
	pg_run lab_stop starting QUIT
	pg_start
	sees 0 pg1 pg OK '*'
}

# ---- recovery rows

@test "recovery rows: one probe a database, on the first host that has it" {
	{
		printf '[freeswitch]\n'
		printf '%s fp_recovery_db="%s"\n' fs1 "$(pg_conninfo ctl)" \
			fs2 "$(pg_conninfo ctl)" fs3 "$(pg_conninfo ctl2)" \
			fs4 "$(pg_conninfo ctl)"
	} >"$FP_CLUSTER"
	check 2
	same "$(cut -f 1-3 <<<"$output")" \
		$'fs1\tstore\tCRITICAL\nfs3\tstore\tCRITICAL'
	row fs1 store CRITICAL 'there is no table recovery: no FreeSWITCH has made it'
	pg_sql "create table recovery (runtime_uuid varchar(255),
			technology varchar(255), profile_name varchar(255),
			hostname varchar(255), uuid varchar(255), metadata text);
		grant select on recovery to ctl;
		insert into recovery select case when i < 4 then 'run1'
			else 'run2' end, 'sofia', 'internal', 'fs1', 'u' || i,
			'<cdr/>' from generate_series(1, 10) i;
		insert into recovery values (null, null, null, null, null, null)"
	check 3
	row fs1 store OK '11 rows of 3 runs'
	row fs3 store UNKNOWN '*permission denied for table recovery'
	pg_sql 'grant select on recovery to ctl2'
	check 0 -N fs1
	row fs1 store OK '11 rows of 3 runs'
}
