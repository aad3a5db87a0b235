#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp_db on a real PostgreSQL, and behind a real PgBouncer: fp-health setup and
# maintain, who may what, locks and leases.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' variables

bats_require_minimum_version 1.5.0

load db.bash

setup_file() {
	db_up
	pg_pooler session
	pg_pooler transaction
	pg_pooler statement
}
setup() { db_fresh; }
teardown() { db_end; }
teardown_file() { db_down; }

# ---- setup

@test "setup makes the schema and the role, once; a dry run makes nothing" {
	fh 1 setup --admin "$PG_ADMIN" --dry-run
	prints 0 1 fastpath yes 'the role would be made'
	same "$(pg_sql "select to_regnamespace('fastpath') is null,
		to_regrole('fastpath') is null")" 't|t'
	fh 0 setup --admin "$PG_ADMIN" --json
	says 'role fastpath was made, NOLOGIN: GRANT it to who logs in by fp_db'
	json 'map([.type, .from, .version, .role, .changed])' \
		'[["setup",0,1,"fastpath",true],["summary",null,null,null,true]]'
	fh 0 setup --admin "$PG_ADMIN"
	silent
	prints 1 1 fastpath no -
	fh 0 setup --admin "$PG_ADMIN" --dry-run
	prints 1 1 fastpath no -
	same "$(pg_sql "select rolsuper, rolcreaterole, rolcreatedb, rolcanlogin
		from pg_roles where rolname = 'fastpath'")" 'f|f|f|f'
}

@test "setups at once: all are well, and the schema is made once" {
	local i pids=()

	for i in 1 2 3 4; do
		"$FP_BUILD/fp-health" setup --admin "$PG_ADMIN" --json \
			>"out$i" 2>"err$i" 3>&- 4>&- &
		pids+=("$!")
	done
	for i in "${pids[@]}"; do
		wait "$i" || { cat err?; false; }
	done
	same "$(cat out? | jq -s '[.[] | select(.type == "summary" and
		.changed)] | length > 0')" true
	same "$(pg_sql 'select count(*), min(version) from fastpath.meta')" '1|1'
	fh 0 setup --admin "$PG_ADMIN" -o changed
	same "$output" no
}

@test "another role: it gets the same, and what is too much goes" {
	schema
	fh 0 setup --admin "$PG_ADMIN" --role ctl2
	prints 1 1 ctl2 yes -
	fh 0 setup --admin "$PG_ADMIN" --role ctl2 -o changed
	same "$output" no
	pg_sql 'grant all on fastpath.meta, fastpath.lease to fastpath;
		grant create on schema fastpath to fastpath'
	fh 1 setup --admin "$PG_ADMIN" -o changed --dry-run
	fh 0 setup --admin "$PG_ADMIN" -o changed
	same "$output" yes
	same "$(pg_sql "select has_table_privilege('fastpath',
			'fastpath.meta', 'update'),
		has_table_privilege('fastpath', 'fastpath.lease', 'truncate'),
		has_schema_privilege('fastpath', 'fastpath', 'create')")" \
		'f|f|f'
	fh 3 setup --admin "$PG_ADMIN" --role postgres
	says 'role postgres is a superuser: name one that is not'
	fh 3 setup --admin "$PG_ADMIN" --role pg_monitor
	says "role pg_monitor: PostgreSQL's own"
	fh 3 setup --admin "$PG_ADMIN" --role "$(printf 'r%.0s' {1..64})"
	hints 'from 1 to 63 bytes'
	fh 0 setup --admin "$PG_ADMIN" --role dba
	prints 1 1 dba no 'the role owns the schema: it may change it, too'
}

@test "a role whose name wants quotes" {
	fh 0 setup --admin "$PG_ADMIN" --role "o'ne \"Two\"; x" -o changed
	same "$output" yes
	fh 0 setup --admin "$PG_ADMIN" --role "o'ne \"Two\"; x" -o changed
	same "$output" no
	pg_sql "drop owned by \"o'ne \"\"Two\"\"; x\";
		drop role \"o'ne \"\"Two\"\"; x\""
}

@test "who may not, is told what to do" {
	fh 3 setup
	hints 'setup is for who owns the database*--admin*permission denied'
	pg_sql 'grant create on database fastpath to ctl'
	fh 3 setup
	says 'there is no role fastpath, and we may not make it: as a superuser, CREATE ROLE fastpath NOLOGIN'
	same "$(pg_sql 'select version from fastpath.meta')" 1
	pg_sql 'create role fastpath nologin'
	fh 0 setup
	prints 1 1 fastpath yes -
	pg_sql 'revoke create on database fastpath from ctl'
}

@test "a schema that is not ours is left alone" {
	pg_sql 'create schema fastpath; create table fastpath.x (x int)'
	fh 3 setup --admin "$(pg_conninfo postgres)"
	says 'there is a schema fastpath, but it is not ours: it has no table meta'
	fh 3 setup extra
	hints 'setup takes no "extra"'
}

@test "a schema without a version, and a newer one: what to type" {
	schema
	pg_sql 'delete from fastpath.meta'
	fh 3 setup --admin "$PG_ADMIN"
	hints 'fastpath.meta is empty: what version the schema has is not known'
	hints 'INSERT INTO fastpath.meta (version) VALUES (1)'
	hints 'DROP SCHEMA fastpath CASCADE, and fp-health setup'
	fh 3 maintain fs1 --for 1h --why x
	hints 'fastpath.meta is empty'
	pg_sql 'insert into fastpath.meta (version) values (9)'
	fh 3 setup --admin "$PG_ADMIN"
	hints 'made by a newer fastpath'
	hints 'install that one here'
	fh 3 maintain
	hints 'install the newer fastpath here'
}

@test "an unlock of what is not held says nothing to the server" {
	schema
	session one -l "$PG_DB"
	tell one 'unlock steer'
	expect one 'lock steer' held
	tell one 'unlock steer'
	tell one 'unlock steer'
	run ! grep "don't own a lock" "$PG_DIR/postgres.log"
}

@test "which fp_db: one for all, without a password in it" {
	cluster
	fh 3 setup
	says "$FP_CLUSTER has no fp_db: which database? (fp_db in [all:vars], or --admin)"
	printf '[freeswitch]\nfs1 fp_db=service=a\nfs2 fp_db=service=b\n' \
		>"$FP_CLUSTER"
	fh 3 setup
	says 'fs1 and fs2 have different fp_db: there is one for all'
	printf '[x]\na fp_db=service=one\nb\n' >"$FP_CLUSTER"
	fh 3 setup
	says 'definition of service "one" not found'
	fh 3 setup --admin "$PG_ADMIN password=geheim"
	says 'a password stands in the conninfo: put it into a password file (passfile=) or a service file'
	fh 3 setup --admin 'postgresql://dba:geheim@127.0.0.1/fastpath'
	hints 'a password stands in the conninfo'
	fh 3 setup --admin 'host=127.0.0.1 nonsense=1'
	says 'not a conninfo: invalid connection option "nonsense"'
	fh 4 setup --admin 'host=127.0.0.1 port=1'
	hints 'Connection refused'
	rm "$FP_CLUSTER"
	fh 3 setup
	hints 'no cluster file'
}

# ---- migration

@test "migration: from an older version, by two at once, half-way, and back" {
	schema
	session one "$PG_ADMIN"
	session two "$PG_ADMIN"
	echo 'migrate 3' >&"${to[one]}"
	echo 'migrate 3' >&"${to[two]}"
	hear one
	[[ $answer == 'from '[123] ]]
	hear two
	[[ $answer == 'from '[123] ]]
	same "$(pg_sql 'select version from fastpath.meta')" 3
	fh 3 setup --admin "$PG_ADMIN"
	says 'the schema has version 3, made by a newer fastpath than this one, which knows 1: install that one here'
	fh 3 maintain
	says 'fp_db has version 3 of the schema, this fastpath wants 1: install the newer fastpath here'
	expect one 'check' 'error EPERM *'
}

@test "a step that fails is not half done" {
	schema
	session one "$PG_ADMIN"
	expect one 'migrate 9' 'error EREMOTEIO to version 3: division by zero'
	same "$(pg_sql "select version, to_regclass('fastpath.half') is null
		from fastpath.meta")" '2|t'
	expect one 'migrate 3' 'from 2'
	same "$(pg_sql 'select version from fastpath.meta')" 3
}

@test "version 0: a tool says setup" {
	session one "$PG_DB"
	expect one check 'error ENOENT fp_db has no schema yet: fp-health setup'
	schema
	expect one check ''
	pg_sql 'update fastpath.meta set version = 0'
	expect one check 'error ENOENT *'
}

# ---- the role

# may SQL: as ctl, who has been granted the role; may_not SQL
may() { psql "$PG_DB" -XAtq -v ON_ERROR_STOP=1 -c "$1" >/dev/null; }
may_not() {
	run psql "$PG_DB" -XAtq -v ON_ERROR_STOP=1 -c "$1"
	[ "$status" != 0 ] && [[ $output == *'permission denied'* ||
		$output == *'must be '* ]] || {
		echo "$1: $output"
		return 1
	}
}

@test "the role may what the tools need, and no more" {
	schema
	may 'select version from fastpath.meta'
	may "insert into fastpath.maintenance (node, until, why, who)
		values ('a', now(), 'b', 'c');
		update fastpath.maintenance set why = 'd';
		delete from fastpath.maintenance"
	may "insert into fastpath.lease (proxy, kind, dest_set, uri, owner,
			until, epoch, why) values ('p', 'dispatcher', '1', 'u',
			'o', now(), nextval('fastpath.epoch'), '');
		update fastpath.lease set is_let_go = true;
		delete from fastpath.lease"
	may "insert into fastpath.job (id, tool, verb, node, state, who, owner,
			epoch) values ('j', 't', 'v', 'n', 's', 'w', 'o', 1);
		insert into fastpath.journal (job, item, state)
			values ('j', 'i', 's');
		update fastpath.job set ended = now();
		delete from fastpath.job"
	may_not 'update fastpath.meta set version = 7'
	may_not 'delete from fastpath.meta'
	may_not 'truncate fastpath.lease'
	may_not 'create table fastpath.x (x int)'
	may_not 'drop table fastpath.lease'
	may_not 'alter table fastpath.lease add column x int'
	may_not 'create table public.x (x int)'
	may_not 'create schema x'
	may_not 'drop schema fastpath cascade'
	may_not 'create role x'
	may_not 'create database x'
	may_not 'select pg_read_file('"'PG_VERSION'"')'
	pg_sql 'create table public.recovery (x int)'
	may_not 'select * from recovery'
}

@test "who was not granted the role may nothing" {
	schema
	pg_sql 'revoke fastpath from ctl'
	fh 3 maintain
	hints 'fp_db (is its role granted? fp-health setup): permission denied for schema fastpath'
	may_not 'select version from fastpath.meta'
}

# ---- poolers

@test "a pooler in session mode is fine; in the others, no locks" {
	schema
	session one -l "$(pg_conninfo ctl fastpath 6432)"
	same "$answer" ''
	expect one 'lock steer' held
	session two -l "$PG_DB"
	expect two 'lock steer' 'test, pid * of ctl*'
	for port in 6433 6434; do
		session "no$port" -l "$(pg_conninfo ctl fastpath "$port")"
		[[ $answer == 'error EPERM/pooler a pooler in '@(transaction|statement)' mode is in between: '* ]]
		session "yes$port" "$(pg_conninfo ctl fastpath "$port")"
		same "$answer" ''
		expect "yes$port" check ''
		expect "yes$port" leases ''
	done
	fh 5 setup --admin "$(pg_conninfo dba fastpath 6433)"
	hints 'refused by rule pooler: a pooler in transaction mode'
	hints '--override pooler lifts it'
	fh 0 setup --admin "$(pg_conninfo dba fastpath 6433)" --override pooler
	cluster "fp_db=$(pg_conninfo ctl fastpath 6434)"
	fh 0 maintain fs1 --for 1h --why upgrade -o node,action
	prints fs1 set
}

@test "a pooler that gives out processes in turn is found, too" {
	local i

	pg_run lab_stop transaction
	pg_pooler transaction 'server_round_robin = 1' 'min_pool_size = 6'
	for i in 1 2 3 4 5 6; do
		session "s$i" "$(pg_conninfo ctl fastpath 6433)"
		echo 'do select pg_sleep(0.3)' >&"${to[s$i]}"
	done
	for i in 1 2 3 4 5 6; do
		hear "s$i"
	done
	session x -l "$(pg_conninfo ctl fastpath 6433)"
	[[ $answer == 'error EPERM/pooler '* ]]
}

# ---- sessions

@test "a statement has a deadline, and its session lives on" {
	session one -t 300 "$PG_DB"
	expect one 'do select pg_sleep(9)' 'error ETIMEDOUT *cancelled'
	expect one alive yes
	expect one 'do select 7' 7
	session two -l -t 300 "$PG_DB"
	expect two 'do select pg_sleep(9)' 'error ETIMEDOUT *'
	expect two 'do select 7' 7
	same "$(pg_sql "select count(*) from pg_stat_activity
		where query like '%pg_sleep(9)%' and state = 'active'
		and pid <> pg_backend_pid()")" 0
}

@test "the server looks after a session with locks as we do" {
	session one -l "$PG_DB"
	for i in idle=5 interval=2 count=3; do
		expect one "do show tcp_keepalives_${i%=*}" "${i#*=}"
	done
	expect one 'do show tcp_user_timeout' '15@(s|000)'
	expect one 'do show statement_timeout' 5s
	pid=${sessions[0]}
	ss -Htnpo "dport = 5432" | grep "pid=$pid," | grep -q 'timer:(keepalive,4'
}

@test "a frozen process: the deadline, and the session is gone" {
	session one -t 300 "$PG_DB"
	tell one pid
	pid=$answer
	same "$(pg_sql "select application_name, usename from pg_stat_activity
		where pid = $pid")" 'test|ctl'
	pg_freeze_one "$pid"
	expect one 'do select 1' 'error ETIMEDOUT no answer within 3?? ms (frozen?)'
	expect one 'do select 1' 'error ECONNRESET the session is gone'
	expect one alive no
	pg_thaw_one "$pid"
}

@test "errors are what they are" {
	schema
	session one "$PG_DB"
	expect one 'do select * from nosuch' 'error ENOENT relation "nosuch" does not exist'
	expect one 'do select nosuch()' 'error ENOENT *'
	expect one 'do select * from nosuch.x' 'error ENOENT *'
	expect one 'do create table fastpath.x ()' 'error EACCES permission denied for schema fastpath'
	expect one 'do selec' 'error EREMOTEIO syntax error at or near "selec"'
	expect one "do insert into fastpath.job values ('j', 't', 'v', 'n', 's', 'w', 'o', 1)" ''
	expect one "do insert into fastpath.job values ('j', 't', 'v', 'n', 's', 'w', 'o', 1)" 'error EEXIST *'
	expect one jobs 'j s'
	expect one 'do update fastpath.job set ended = now()' ''
	expect one jobs ''
	expect one 'do set transaction_read_only = on' ''
	expect one 'do begin' ''
	expect one 'do set transaction read only' ''
	expect one 'do delete from fastpath.job' 'error EROFS *'
	expect one 'do rollback' ''
	expect one 'do copy (select 1) to stdout' 'error EINVAL COPY is not spoken here'
	expect one 'do select 1' 'error ECONNRESET *'
}

@test "several hosts: the first that answers, within the deadline" {
	local pass="user=ctl dbname=fastpath passfile=$PG_DIR/pgpass"

	nft -f - <<-END
	table inet cut { chain out { type filter hook output priority 0;
		ip daddr 192.0.2.9 drop; }; }
	END
	ip addr add 192.0.2.8/24 dev lo
	session a -t 2000 "host=192.0.2.9,127.0.0.1 port=5432 $pass"
	same "$answer" ''
	session b -t 2000 "host=127.0.0.1,192.0.2.9,127.0.0.1 port=1,5432,5432 $pass"
	same "$answer" ''
	session c -t 400 "host=192.0.2.9 port=5432 $pass"
	same "$answer" 'error ETIMEDOUT 192.0.2.9 port 5432: no connection within 400 ms'
	session d -t 9000 "host=192.0.2.9,127.0.0.1 port=5432 connect_timeout=1 $pass"
	same "$answer" ''
	ip addr del 192.0.2.8/24 dev lo
	nft delete table inet cut
}

# ---- locks and leases

@test "a lock is one session's, until it ends" {
	schema
	session one -l -a 'fp-health@one' "$PG_DB"
	session two -l -a 'fp-health@two' "$PG_DB"
	expect one 'lock steer' held
	expect one 'lock steer' held
	expect two 'lock steer' 'fp-health@one, pid * of ctl*'
	expect two 'lock other' held
	tell one 'unlock steer'
	expect two 'lock steer' held
	kill -s KILL "${sessions[1]}"
	is_free() {
		tell one 'lock steer'
		[ "$answer" = held ]
	}
	lab_wait 5 is_free
}

@test "a lease is renewed by who took it, as long as the lock is held" {
	schema
	session one -l "$PG_DB"
	expect one 'take steer sip1 sip:a one 60 0 no' 'error EBUSY lock "steer" is not ours any more'
	expect one 'lock steer' held
	expect one 'take steer sip1 sip:a one 60 0 no' '* 60'
	epoch=${answer% *}
	expect one leases "sip1 sip:a one $epoch @(60|59) no"
	expect one "renew steer sip1 sip:a 120 $epoch" ''
	expect one leases "sip1 sip:a one $epoch @(120|119) no"
	expect one "renew steer sip1 sip:a 120 $((epoch + 1))" 'error EBUSY the lease of sip:a on sip1 is not ours any more'
	expect one "renew steer sip1 sip:b 120 $epoch" 'error EBUSY *'
	expect one "let-go steer sip1 sip:a $epoch" ''
	expect one leases "sip1 sip:a one $epoch * yes"
	expect one "end steer sip1 sip:a $((epoch + 1))" 'error EBUSY *'
	expect one "end steer sip1 sip:a $epoch" ''
	expect one leases ''
	expect one "end steer sip1 sip:a $epoch" 'error EBUSY *'
}

@test "an expired lease is anyone's, and its epoch grows" {
	schema
	session one -l "$PG_DB"
	session two -l "$PG_DB"
	expect one 'lock steer' held
	expect one 'take steer sip1 sip:a one 1 0 no' '* 1'
	first=${answer% *}
	expect one 'take steer sip1 sip:b one 60 0 no' '* 60'
	tell one 'unlock steer'
	expect two 'lock steer' held
	expect two 'take steer sip1 sip:b two 60 0 no' 'error EBUSY *'
	taken() {
		tell two "take steer sip1 sip:a two 60 $first no"
		[[ $answer == [0-9]* ]]
	}
	lab_wait 5 taken
	[ "${answer%% *}" -gt "$first" ]
	expect one "renew steer sip1 sip:a 60 $first" 'error EBUSY lock *'
	tell two 'unlock steer'
	expect one 'lock steer' held
	expect one "renew steer sip1 sip:a 60 $first" 'error EBUSY the lease *'
}

@test "a lock lost with its process: nothing is done under it any more" {
	schema
	session one -l "$PG_DB"
	session two -l "$PG_DB"
	expect one 'lock steer' held
	expect one 'take steer sip1 sip:a one 60 0 no' '*'
	epoch=${answer% *}
	pg_cut
	is_over() {
		tell one alive
		[ "$answer" = no ]
	}
	lab_wait 5 is_over
	expect one "renew steer sip1 sip:a 60 $epoch" 'error ECONNRESET *'
	session three -l "$PG_DB"
	expect three 'lock steer' held
	expect three "renew steer sip1 sip:a 60 $epoch" ''
	expect three 'do select pg_advisory_unlock_all()' ''
	expect three "renew steer sip1 sip:a 60 $epoch" 'error EBUSY lock *'
	expect three "end steer sip1 sip:a $epoch" 'error EBUSY lock *'
	expect three leases "sip1 sip:a one $epoch * no"
}

# ---- maintenance

@test "maintain: wrong usage names the word" {
	while IFS='|' read -r args text; do
		# shellcheck disable=SC2086 # words
		fh 3 maintain $args
		hints "$text"
		same "$output" ''
	done <<-'END'
		fs1|maintain needs --for DUR or --until TIME: it ends by itself
		fs1 --for 1h|maintain needs --why TEXT
		--for 1h --why x|maintain needs a node
		--why x|maintain needs a node
		--end|maintain needs a node
		--end fs1 --for 1h|maintain --end takes nodes alone
		--end fs1 --why x|maintain --end takes nodes alone
		fs1 --for 1h --until 2030-01-01T00:00:00Z --why x|--for and --until: only one of them
		fs1 --for 0s --why x|--for 0s: from 1s to 100 years
		fs1 --until 2020-01-01T00:00:00Z --why x|that has passed
		fs1 --until tomorrow --why x|"tomorrow" is not a time
		nosuch --for 1h --why x|"nosuch": matches no node
		fs1 --for 1h --why x -o nonsense|nonsense
	END
	fh 3 maintain fs1 --for 1h --why $'a\nb'
	says '--why: a control character in it'
	fh 3 maintain fs1 --for 1h --why "$(printf 'w%.0s' {1..200})"
	says '--why: at most 199 bytes'
	fh 3 maintain fs1 --for 1h --why x --by "$(printf 'w%.0s' {1..128})"
	says '--by: at most 127 bytes'
	[ ! -e "$FP_STATE" ]
}

@test "maintain: set, changed, listed, ended; each once" {
	schema
	fh 0 maintain
	prints ''
	fh 1 maintain fs1 --until 2030-01-01T00:00:00Z --why upgrade --dry-run -o node,action
	prints fs1 set
	same "$(pg_sql 'select count(*) from fastpath.maintenance')" 0
	fh 0 maintain fs1 --until 2030-01-01T00:00:00Z --why upgrade --by alice --json
	json 'map([.node, .until, .by, .why, .in, .action, .changed])' \
		'[["fs1","2030-01-01T00:00:00Z","alice","upgrade","fp_db","set",null],[null,null,null,null,null,null,true]]'
	fh 0 maintain fs1 --until 2030-01-01T00:00:00Z --why upgrade --by alice --json
	json '[.[0].action, .[-1].changed]' '["kept",false]'
	fh 0 maintain fs1 fs2 --until 2030-01-02T00:00:00Z --why 'two nodes' --by bob -o node,until,action
	same "$output" $'fs1\t2030-01-02T00:00:00Z\tset\nfs2\t2030-01-02T00:00:00Z\tset'
	fh 0 maintain -o node,until,by,why,in
	same "$output" $'fs1\t2030-01-02T00:00:00Z\tbob\ttwo nodes\tfp_db\nfs2\t2030-01-02T00:00:00Z\tbob\ttwo nodes\tfp_db'
	fh 0 maintain -N fs2 -o node
	same "$output" fs2
	same "$(cut -f 1,3- "$FP_STATE/health/maintenance" | tail -n +2)" \
		$'fs1\t1893542400\tfp_db\tbob\ttwo nodes\nfs2\t1893542400\tfp_db\tbob\ttwo nodes'
	fh 1 maintain --end fs1 --dry-run -o action
	same "$output" ended
	fh 0 maintain --end freeswitch -o node,action
	same "$output" $'fs1\tended\nfs2\tended'
	fh 0 maintain --end fs1 --json
	json '[.[0].action, .[-1].changed]' '["kept",false]'
	fh 0 maintain
	prints ''
	same "$(wc -l <"$FP_STATE/health/maintenance")" 1
}

@test "maintain: it ends by itself; a node that is gone can be let go" {
	schema
	fh 0 maintain fs1 --for 1s --why short
	fh 0 maintain fs2 --for 1h --why long
	until="$(pg_sql "select extract(epoch from until - now())::int
		from fastpath.maintenance where node = 'fs2'")"
	[ "$until" -ge 3590 ] && [ "$until" -le 3600 ]
	only_fs2() {
		fh 0 maintain -o node
		[ "$output" = fs2 ]
	}
	lab_wait 5 only_fs2
	printf '[freeswitch]\nfs1\n[all:vars]\nfp_db=%s\n' "$PG_DB" >"$FP_CLUSTER"
	fh 3 maintain fs2 --for 1h --why x
	fh 0 maintain --end fs2 -o node,action
	prints fs2 ended
}

@test "maintain: a mark ends by the clock of fp_db" {
	schema
	"${CC:-cc}" -shared -fPIC -o clock.so \
		"$BATS_TEST_DIRNAME/../lab/clock.c" -ldl
	export LAB_CLOCK=$PWD/off
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:verify_asan_link_order=0
	echo -7200 >off # ours is two hours behind
	LD_PRELOAD=$PWD/clock.so fh 0 maintain fs1 --for 1h --why up --json
	json '[.[0].action, .[-1].changed]' '["set",true]'
	until="$(pg_sql "select extract(epoch from until)::int
		from fastpath.maintenance where node = 'fs1' and until > now()")"
	same "$(jq -rs '.[0].until | fromdate' <<<"$output")" "$until"
	[ $((until - $(date +%s))) -gt 3500 ]
	# absolute is absolute: it has passed there
	LD_PRELOAD=$PWD/clock.so fh 3 maintain fs2 --why up \
		--until "$(date -u -d '1 hour ago' +%FT%TZ)"
	hints 'that has passed, in fp_db it is '
	LD_PRELOAD=$PWD/clock.so fh 3 maintain fs2 --why up --dry-run \
		--until "$(date -u -d '1 hour ago' +%FT%TZ)"
	same "$(pg_sql 'select count(*) from fastpath.maintenance')" 1
}

@test "maintain --override lock: not for another schema" {
	schema
	pg_sql 'update fastpath.meta set version = 99'
	fh 3 maintain fs1 --for 1h --why x
	fh 3 maintain fs1 --for 1h --why x --override lock
	hints 'version 99'
	[ ! -e "$FP_STATE/health/maintenance" ]
}

@test "maintain without fp_db: refused, or this controller's alone" {
	cluster
	fh 5 maintain fs1 --for 1h --why x
	says "refused by rule lock: $FP_CLUSTER has no fp_db; other controllers would not know; --override lock lifts it"
	fh 0 maintain fs1 --until 2030-01-01T00:00:00Z --why x --override lock --json
	says "$FP_CLUSTER has no fp_db; only this controller's copy is written, others do not know"
	json '[.[0].in, .[0].action, .[-1].changed]' '["local","set",true]'
	fh 0 maintain fs1 --until 2030-01-01T00:00:00Z --why x --override lock --json
	json '[.[0].action, .[-1].changed]' '["kept",false]'
	fh 0 maintain -o node,in
	prints fs1 local
	hints 'these are the marks that are known here (fp_db was read last: never)'
	fh 1 maintain --end fs1 --override lock --dry-run -o action
	fh 0 maintain --end fs1 --override lock -o action
	same "$output" ended
	fh 0 maintain -o node
	same "$output" ''
}

@test "fp_db away: the copy; what is local stays when it is back" {
	schema
	fh 0 maintain fs1 --until 2030-01-01T00:00:00Z --why upgrade
	cluster "fp_db=${PG_DB/5432/1}"
	fh 4 maintain -o node,in
	prints fs1 fp_db
	hints 'Connection refused; these are the marks that are known here (fp_db was read last: 20'
	fh 5 maintain fs2 --for 1h --why x
	hints 'refused by rule lock: *Connection refused; other controllers would not know'
	fh 0 maintain fs2 --until 2030-01-01T00:00:00Z --why alone --override lock -o in
	same "$output" local
	cluster "fp_db=$PG_DB"
	fh 0 maintain -o node,why,in
	same "$output" $'fs1\tupgrade\tfp_db\nfs2\talone\tlocal'
	fh 0 maintain fs2 --until 2030-01-01T00:00:00Z --why all -o in
	fh 0 maintain -o node,why,in
	same "$output" $'fs1\tupgrade\tfp_db\nfs2\tall\tfp_db'
	cluster "fp_db=${PG_DB/5432/1}"
	fh 0 maintain fs2 --until 2030-01-02T00:00:00Z --why alone --override lock -o in
	cluster "fp_db=$PG_DB"
	fh 0 maintain --end fs1 fs2 -o action
	same "$output" $'ended\nended'
	fh 0 maintain -o node
	same "$output" ''
}

@test "a frozen server: the deadline" {
	schema
	pg_freeze
	fh 4 maintain -t 500ms
	hints 'connected, but the server says nothing within'
	pg_thaw
	fh 0 maintain
}

@test "a copy that is not ours is named, and is written anew by fp_db" {
	schema
	mkdir -p "$FP_STATE/health"
	cluster "fp_db=${PG_DB/5432/1}"
	echo nonsense >"$FP_STATE/health/maintenance"
	fh 3 maintain
	hints 'health/maintenance:1: not ours (move it away)'
	printf '#fastpath-maintenance 1 read=5\nfs1\t1\t1893456000\tfp_db\tme\n' \
		>"$FP_STATE/health/maintenance"
	fh 3 maintain
	hints 'health/maintenance:2: no mark (move the file away)'
	cluster "fp_db=$PG_DB"
	fh 0 maintain
	grep -qx '#fastpath-maintenance 1 read=[1-9][0-9]*' "$FP_STATE/health/maintenance"
	same "$(wc -l <"$FP_STATE/health/maintenance")" 1
}
