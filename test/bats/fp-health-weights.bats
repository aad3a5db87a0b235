#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-health weights: with stand-ins of OpenSIPS and FreeSWITCH, and the tables in a
# real PostgreSQL.
# shellcheck disable=SC2154 # bats' variables

bats_require_minimum_version 1.5.0

setup_file() {
	# shellcheck source=test/lab/postgres.sh
	source "$BATS_TEST_DIRNAME/../lab/postgres.sh"
	pg_up
	pg_sql "create table dispatcher (id serial, setid int, destination text,
			socket text, state int default 0, probe_mode int default 0,
			weight text, priority int default 0, attrs text,
			description text);
		create table load_balancer (id serial, group_id int, dst_uri text,
			resources text, probe_mode int default 0, attrs text,
			description text);
		grant select, update on dispatcher to ctl;
		grant select on load_balancer to ctl"
}
teardown_file() { pg_down; }

# What OpenSIPS does at ds_reload: the table as db_text has it.
fill() {
	cat >os/db/fill <<-END
	#!/bin/bash
	{
		echo 'id(int,auto) setid(int) destination(string) socket(string,null) state(int) probe_mode(int) weight(string) priority(int) attrs(string,null) description(string,null) '
		"$PG_BIN/psql" -XAtq -h "$PG_DIR/sock" -U postgres -d fastpath -c "
			select id || ':' || setid || ':' ||
				replace(destination, ':', '\\:') ||
				'::0:0:' || replace(weight, ':', '\\:') || ':0::'
			from dispatcher order by id"
	} >$PWD/os/db/dispatcher.new
	mv $PWD/os/db/dispatcher.new $PWD/os/db/dispatcher
	END
	chmod +x os/db/fill
	os/db/fill
}

tables() {
	pg_sql "truncate dispatcher, load_balancer restart identity;
		insert into dispatcher (setid, destination, weight) values
			(1, 'sip:127.0.3.1:5060', '50'),
			(1, 'sip:127.0.3.2:5060', '50'),
			(1, 'sip:127.0.3.9:5060', '50'),
			(2, 'sip:127.0.3.1', '7'),
			(3, 'sip:127.0.3.2:5060', 'fs://:x@127.0.3.2:8021');
		insert into load_balancer (group_id, dst_uri, resources) values
			(1, 'sip:127.0.3.1:5060', 'calls=30'),
			(1, 'sip:127.0.3.2:5060', 'calls=fs://:x@127.0.3.2:8021')"
	cat >os/db/load_balancer <<-'END'
	id(int,auto) group_id(int) dst_uri(string) resources(string) probe_mode(int) attrs(string,null) description(string,null)
	1:1:sip\:127.0.3.1\:5060:calls=30:0::
	2:1:sip\:127.0.3.2\:5060:calls=40:0::
	END
}

background() {
	"$@" >>log 2>&1 </dev/null 3>&- 4>&- &
	pids+=($!)
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	# shellcheck source=test/lab/postgres.sh
	source "$BATS_TEST_DIRNAME/../lab/postgres.sh"
	fake=$BATS_TEST_DIRNAME/../fake
	export FP_CLUSTER=$PWD/cluster.ini FP_STATE=$PWD/state
	mkdir -p state os/db
	pids=()
	tables
	fill
	cat >cluster.ini <<-END
	[opensips]
	sip1 fp_sip=udp:127.0.1.1:5060 fp_mi=udp:127.0.1.1:8080
	[freeswitch]
	fs1 fp_sip=udp:127.0.3.1:5060 fp_esl=127.0.3.1:8021
	fs2 fp_sip=udp:127.0.3.2:5060 fp_esl=127.0.3.2:8021
	[all:vars]
	fp_dispatcher_db="$PG_DB"
	END
	background "$fake/opensips" run os --node 1 --cluster '' --no-probes
	background python3 "$fake/freeswitch" --ip 127.0.3.1 --name fs1 \
		--control "$PWD/fs1" idle=80 sessions=25 max_sessions=100
	background python3 "$fake/freeswitch" --ip 127.0.3.2 --name fs2 \
		--control "$PWD/fs2" idle=50 sessions=90 max_sessions=100
	lab_wait 20 up
}

up() {
	"$FP_BUILD/fp-health" weights -t 1s >/dev/null 2>&1
}

teardown() {
	for pid in "${pids[@]}"; do
		kill -KILL "$pid" 2>/dev/null || :
	done
	[ -n "$BATS_TEST_COMPLETED" ] || tail -n 20 log
}

weights() { # STATUS ARG...
	run --separate-stderr "-$1" "$FP_BUILD/fp-health" weights "${@:2}"
	echo "$output"
	echo "$stderr" >&2
}
# has KIND SET URI NODE NOW WEIGHT ...: such a record
has() { grep -q "^$(IFS=$'\t'; echo "sip1	$*")" <<<"$output"; }
control() {
	[ "$(printf '%s\n' "$2" | socat -t 5 - "UNIX-CONNECT:$1")" = ok ]
}

@test "by OpenSIPS' formulas: 60 and 5 of 100" {
	weights 0
	[ "${#lines[@]}" = 6 ]
	has dispatcher 1 sip:127.0.3.1:5060 fs1 50 60 25 100 80 no -
	has dispatcher 1 sip:127.0.3.2:5060 fs2 50 5 90 100 50 no -
	has dispatcher 2 sip:127.0.3.1 fs1 7 60 25 100 80 no -
	has load_balancer 1 sip:127.0.3.1:5060 fs1 30 60 25 100 80 no -
	has load_balancer 1 sip:127.0.3.2:5060 fs2 40 5 90 100 50 no -
	weights 0 --max-weight 10 fs1 --json
	[[ ${lines[0]} == '{"type":"weight","proxy":"sip1","kind":"dispatcher","set":"1","uri":"sip:127.0.3.1:5060","node":"fs1","now":50,"weight":6,"sessions":25,"max_sessions":100,"idle":80,"changed":false}' ]]
	[[ ${lines[-1]} == '{"type":"summary","changed":false,'* ]]
}

@test "--apply: the table, ds_reload and lb_resize; the second run changes nothing" {
	# an operator's state is kept
	"$fake/opensips" ctl os ds 1 sip:127.0.3.2:5060 i
	weights 1 --apply --dry-run
	[ "$(pg_sql "select count(*) from dispatcher where weight = '60'")" = 0 ]
	weights 3 --apply
	has dispatcher 1 sip:127.0.3.1:5060 fs1 50 60 25 100 80 yes -
	has dispatcher 1 sip:127.0.3.2:5060 fs2 50 5 90 100 50 yes -
	has dispatcher 2 sip:127.0.3.1 fs1 7 60 25 100 80 yes -
	has load_balancer 1 sip:127.0.3.1:5060 fs1 30 60 25 100 80 yes -
	# what OpenSIPS sets itself is left alone, and said
	has dispatcher 3 sip:127.0.3.2:5060 fs2 1 5 90 100 50 no 'no row with a plain weight'
	has load_balancer 1 sip:127.0.3.2:5060 fs2 40 5 90 100 50 no 'OpenSIPS asks this FreeSWITCH itself'
	[ "$(pg_sql 'select weight from dispatcher order by id' | xargs)" \
		= '60 5 50 60 fs://:x@127.0.3.2:8021' ]
	"$FP_BUILD/test/prog/mi" udp:127.0.1.1:8080 ds_list '{"full":1}' >list
	grep -q '"state":"Inactive"[^}]*"weight":5,' list
	pg_sql 'delete from dispatcher where setid = 3'
	"$FP_BUILD/test/prog/mi" udp:127.0.1.1:8080 ds_reload \
		'{"inherit_state":"y"}'
	weights 0 --apply --json
	[[ ${lines[-1]} == '{"type":"summary","changed":false,'* ]]
	# it follows
	control fs1 sessions=50
	weights 0 --apply
	has dispatcher 1 sip:127.0.3.1:5060 fs1 60 40 50 100 80 yes -
	has load_balancer 1 sip:127.0.3.1:5060 fs1 60 40 50 100 80 yes -
}

@test "paused or not ready: the weight that it has, for 0 keeps nothing away" {
	control fs1 pause=inbound
	control fs2 shutting_down=1
	weights 0 --apply
	grep -q '	fs1	.*	no	paused: left as it is' <<<"$output"
	grep -q '	fs2	.*	no	not ready: left as it is' <<<"$output"
	[ "$(pg_sql "select count(*) from dispatcher where weight = '50'")" = 3 ]
}

@test "who is silent is said, the others are set" {
	kill -KILL "${pids[2]}"
	weights 0 --apply fs1
	has dispatcher 2 sip:127.0.3.1 fs1 7 60 25 100 80 yes -
	weights 3 -t 2s
	has dispatcher 1 sip:127.0.3.2:5060 fs2 50 - - - - no 'no figures: '
	kill -KILL "${pids[0]}"
	weights 3 -t 2s
	[[ $stderr == *'sip1: '* ]]
	[ -z "$output" ]
}

@test "no fp_dispatcher_db, a wrong one, another resource" {
	sed -i '/fp_dispatcher_db/d' cluster.ini
	weights 3 --apply
	has load_balancer 1 sip:127.0.3.1:5060 fs1 30 60 25 100 80 yes -
	has dispatcher 1 sip:127.0.3.1:5060 fs1 50 60 25 100 80 no 'no fp_dispatcher_db'
	echo 'fp_dispatcher_db="host=127.0.0.1 port=1 connect_timeout=1"' \
		>>cluster.ini
	weights 4 --apply
	[[ $stderr == *'fp_dispatcher_db: '* ]]
	weights 0 --resource mips
	has load_balancer 1 sip:127.0.3.1:5060 fs1 60 60 25 100 80 no 'its first resource is calls, not mips'
	weights 3 --max-weight x
	[[ $stderr == *'--max-weight x'* ]]
	weights 3 sip1
	[[ $stderr == *'no node has fp_esl'* ]]
}

@test "--apply: marks and a lock in fp_db, when there is one" {
	"$FP_BUILD/fp-health" setup --admin "$PG_ADMIN" --role ctl
	echo "fp_db=\"$PG_DB\"" >>cluster.ini
	"$FP_BUILD/fp-health" maintain fs1 --for 1h --why upgrade
	mkfifo lock.in
	"$FP_BUILD/test/prog/db" -l -a 'fp-health@other' "$PG_DB" \
		<lock.in >lock.out 2>&1 3>&- 4>&- &
	pids+=($!)
	exec 9>lock.in
	echo 'lock weights' >&9
	lab_wait 10 grep -q held lock.out
	weights 1 --apply --dry-run
	has load_balancer 1 sip:127.0.3.1:5060 fs1 30 60 25 100 80 no 'in maintenance'
	weights 4 --apply
	[[ $stderr == *'another one sets weights: fp-health@other'* ]]
	weights 0
	exec 9>&-
	lab_wait 10 unlocked
	weights 3 --apply
	has dispatcher 1 sip:127.0.3.1:5060 fs1 50 60 25 100 80 no 'in maintenance: left as it is'
	has load_balancer 1 sip:127.0.3.1:5060 fs1 30 60 25 100 80 no 'in maintenance'
	has dispatcher 1 sip:127.0.3.2:5060 fs2 50 5 90 100 50 yes
	sed -i '/^fp_db=/d' cluster.ini
	echo 'fp_db="host=127.0.0.1 port=1"' >>cluster.ini
	weights 5 --apply
	[[ $stderr == *'--override lock'* ]]
	# fp_dispatcher_db is one for all, too
	sed -i '/^fp_db=/d; s/^fs1 .*/& fp_dispatcher_db=service=x/' cluster.ini
	weights 3 --apply
	[[ $stderr == *'have different fp_dispatcher_db'* ]]
}
unlocked() {
	[ "$(pg_sql "select count(*) from pg_locks
		where locktype = 'advisory'")" = 0 ]
}

@test "--apply: ds_reload fails: it is said that the table has it" {
	printf '#!/bin/sh\nexit 1\n' >os/db/fill
	weights 3 --apply
	has dispatcher 1 sip:127.0.3.1:5060 fs1 50 60 25 100 80 yes 'its table has it, and sip1 does not: opensips-cli -x mi ds_reload inherit_state=y'
	[ "$(pg_sql "select count(*) from dispatcher where weight = '60'")" -ge 1 ]
}
