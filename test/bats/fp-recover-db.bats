#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Databases of fp-recover that go away in the middle, are read-only, or are a dead
# node's own file (--from-db); on the stand-in.
# shellcheck disable=SC2034,SC2154 # bats' variables, and those of what is loaded

bats_require_minimum_version 1.5.0

load ../real/recover-jobs.bash

setup_file() {
	export FS_KIND=stand-in
	jobs_setup_file
}
teardown_file() { rec_teardown_file; }
setup() { jobs_setup; }
teardown() { rec_teardown; }

# to_file FILE: all rows of recovery go into a file as FreeSWITCH has it.
to_file() {
	fs_sql 'select row_to_json(r) from recovery r' |
		/usr/bin/python3 -c '
import json, sqlite3, sys
q = sqlite3.connect(sys.argv[1])
q.execute("create table if not exists recovery (runtime_uuid VARCHAR(255),"
          " technology VARCHAR(255), profile_name VARCHAR(255),"
          " hostname VARCHAR(255), uuid VARCHAR(255), metadata text)")
for line in sys.stdin:
    q.execute("insert into recovery values (:runtime_uuid, :technology,"
              " :profile_name, :hostname, :uuid, :metadata)", json.loads(line))
q.commit()' "$1"
	fs_sql 'delete from recovery'
}

@test "read-only: refused, and nothing is begun" {
	lab 2 1
	crash 1
	pg_sql 'alter role recover set default_transaction_read_only = on' \
		postgres
	fpr 2 failover fs1 --to fs2 --override store
	[[ $stderr == *read-only* ]]
	pg_sql 'alter role recover reset default_transaction_read_only' postgres
	is_done
	[ "$(row_count "$(rows_of 1)")" = 2 ]
	fpr 0 failover fs1 --to fs2
	all_up 1 2
}

@test "its session ends while rows are put: resume has them" {
	lab 2 2
	crash 1
	stall 0.5
	begun failover fs1 --to fs2
	within 15 is_stalled
	unstall
	wait "$first" || :
	cat first.err
	[ -z "$(open_job)" ] || other 0 resume "$(open_job)"
	all_up 2 2
	invited 4
	again failover fs1 --to fs2
	is_done
}

@test "the server fails over while rows are put" {
	lab 2 2
	crash 1
	stall 0.5
	begun failover fs1 --to fs2
	within 15 is_stalled
	pg_kill
	pg_start
	unstall
	wait "$first" || :
	cat first.err
	[ -z "$(open_job)" ] || other 0 resume "$(open_job)"
	all_up 2 2
	invited 4
	again failover fs1 --to fs2
	is_done
}

@test "fp_db is away: refused by its rule, and without it when told so" {
	lab 2 2
	crash 1
	sed -i 's/^fp_db=.*/fp_db="host=127.0.0.1 port=1 user=x"/' \
		"$FP_CLUSTER"
	fpr 5 failover fs1 --to fs2
	[[ $stderr == *'rule lock'* ]]
	[ "$(row_count "$(rows_of 1)")" = 4 ]
	fpr 0 failover fs1 --to fs2 --override lock
	all_up 2 2
	invited 4
	again failover fs1 --to fs2 --override lock
}

# A caller's name in ISO-8859-1; a row of another node.
odd() { # FILE
	/usr/bin/python3 -c '
import sqlite3, sys
q = sqlite3.connect(sys.argv[1])
q.execute("insert into recovery select runtime_uuid, technology, profile_name,"
          " \"fs9\", \"x\", metadata from recovery limit 1")
xml, row = q.execute("select metadata, rowid from recovery").fetchone()
xml = xml.encode().replace(b"<caller_id_name>", b"<caller_id_name>M\xfcller ")
assert b"\xfc" in xml
q.execute("update recovery set metadata = cast(? as text) where rowid = ?",
          (xml, row))
q.commit()' "$1"
}

@test "--from-db: a dead node's file, once" {
	local sum

	lab 2 2
	fs_kill 1
	to_file core.db
	odd core.db
	sum=$(sha1sum core.db)
	fs_start 1
	fpr 1 failover fs1 --to fs2 --from-db core.db --dry-run
	[ "$(staged)" = 0 ]
	fpr 0 failover fs1 --to fs2 --from-db core.db
	[[ $stderr == *"others': 1 rows left out"* ]]
	all_up 2 2
	invited 4
	[ "$(sha1sum core.db)" = "$sum" ]
	# no keys are kept
	[ "$(fs_sql "select count(*), bool_or(metadata <> '')
		from fp_stage")" = '4|f' ]
	# the file has its rows for ever
	again failover fs1 --to fs2 --from-db core.db
	[[ $stderr == *'was had by an earlier job'* ]]
	again failover fs1 --to fs2 --from-db core.db \
		--run "$(sqlite_run core.db)"
	invited 4
	[ -z "$(find "$FP_STATE" -name 'recover-coredb*')" ]
	fpr 2 failover fs2 --to fs1 --from-db core.db
	[[ $stderr == *'core.db is of fs1, not of fs2'* ]]
	fpr 2 failover fs1 --to fs2 --from-db nosuch.db
	[[ $stderr == *nosuch.db* ]]
}
sqlite_run() {
	/usr/bin/python3 -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute(
    "select runtime_uuid from recovery").fetchone()[0])' "$1"
}

# Journals are lost, then what the database knows, and then the rows, too.
@test "--from-db: what came up is left alone, whoever remembers" {
	lab 3 2
	fs_kill 1
	to_file core.db
	fs_start 1
	fpr 0 failover fs1 --to fs2 --from-db core.db
	all_up 2 2
	sed -i '/^fp_db=/d' "$FP_CLUSTER"
	export FP_STATE=$PWD/other
	for what in 'delete from fp_stage' 'delete from recovery'; do
		again failover fs1 --to fs3 --from-db core.db --override lock
		[[ $stderr == *'core.db: 4 of its rows are left alone: 4 that'* ]]
		fs_sql "$what"
	done
	again failover fs1 --to fs3 --from-db core.db --override lock
	[[ $stderr == *'and 4 whose legs are up at fs2'* ]]
	no_bye
	invited 4
	[ "$(sessions 3)" = 0 ]
}

@test "--from-db: its controller died, another has no such file" {
	lab 2 2
	fs_kill 1
	to_file core.db
	fs_start 1
	killed_taken failover fs1 --to fs2 --from-db core.db
	[ "$(staged)" = 4 ]
	mv core.db gone.db
	other 0 resume "$(open_job)"
	all_up 2 2
	invited 4
	is_done
	again failover fs1 --to fs2 --from-db gone.db
}

@test "--from-db: torn: what can be read" {
	lab 2 3
	fs_kill 1
	to_file core.db
	# a page of the middle of a row's XML is not what it was
	/usr/bin/python3 -c '
import sys
f = open(sys.argv[1], "r+b")
data = f.read()
at = data.rindex(b"</cdr>") // 4096 * 4096
f.seek(at)
f.write(b"\xff" * 4096)
f.close()
q = __import__("sqlite3").connect(sys.argv[1])
q.execute("insert into recovery (hostname, uuid, metadata)"
          " values (\"\", \"x\", \"<cdr></cdr>\")")
q.commit()' core.db
	fs_start 1
	run --separate-stderr "$recover" failover fs1 --to fs2 --from-db core.db
	echo "$status $output $stderr"
	[ "$status" = 3 ]
	[[ $stderr == *torn* ]]
	[[ $stderr == *'no rows: 1 rows left out'* ]]
	[ "$(reinvites | wc -l)" -ge 4 ]
}
