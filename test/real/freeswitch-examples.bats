#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# examples/freeswitch as a real FreeSWITCH 1.10 takes it: with each store it starts,
# the doctor finds nothing, and calls of a node that is killed come up on the other.
#	FP_FREESWITCH_PREFIX=DIR test/run test/real/freeswitch-examples.bats
# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # bats' variables, and the lab's

bats_require_minimum_version 1.5.0

load recover.bash

setup_file() {
	export FS_KIND=real
	rec_setup_file
}
teardown_file() { rec_teardown_file; }

setup() {
	rec_setup
	examples=$FS_ROOT/examples/freeswitch
	up 2 --cold
	cd "$FS_DIR" || return
	export FP_CLUSTER=$FS_DIR/cluster.ini FP_STATE=$FS_DIR/state
	mkdir -p state
	(umask 077 && echo secret >esl.password)
}
teardown() { rec_teardown; }

# here: addresses, services and files of the examples, on this machine
here() {
	sed -e 's/192\.0\.2\.2\([12]\)/127.0.0.2\1/g' \
		-e 's/10\.0\.0\.2\([12]\)/127.0.0.2\1/g' \
		-e 's|10\.0\.0\.0/24|127.0.0.0/8|; s/192\.0\.2\.10/127.0.3.2/' \
		-e "s|service=fscore|$(fs_conninfo)|" \
		-e "s|/etc/freeswitch/|$FS_DIR/|" \
		-e "s|/var/lib/freeswitch/|$FS_DIR/${n-1}/|"
}

# node N [STORE]: it is started, and answers.
node() {
	local n=$1 dir=$FS_DIR/$1 prefix=$FP_FREESWITCH_PREFIX file

	mkdir -p "$dir"/{log,db,run,storage,tmp,conf}
	cp -r "$examples/." "$dir/conf"
	while read -r file; do
		here <"$examples/$file" >"$dir/conf/$file"
	done < <(cd "$examples" && find . -name '*.xml')
	sed -i -e "s/fp_store=shared/fp_store=${2-shared}/" "$dir/conf/vars.xml"
	[ "$n" = 1 ] || sed -i -e '/PROCESS/s/=fs1/=fs2/' \
		-e '/PROCESS/s/127\.0\.0\.21/127.0.0.22/' \
		-e 's/first=16384/first=20384/; s/last=20383/last=24383/' \
		"$dir/conf/vars.xml"
	(
		ulimit -s 240 -c 0
		exec "$prefix/bin/freeswitch" -nf -nc -nonat -nort \
			-conf "$dir/conf" -log "$dir/log" -db "$dir/db" \
			-run "$dir/run" -storage "$dir/storage" \
			-temp "$dir/tmp" -mod "$prefix/lib/freeswitch/mod"
	) >>"$dir/said" 2>&1 3>&- 4>&- </dev/null &
	echo $! >"$dir/fs.pid"
	disown
	within 20 is_up "$n"
}
esl_here() { # N COMMAND...: as recover.bash's, with this password
	local fd

	exec {fd}<>"/dev/tcp/$(fs_ip "$1")/8021" || return
	printf 'auth secret\n\napi %s\n\nexit\n\n' "${*:2}" >&"$fd"
	timeout 20 cat <&"$fd" | fs_answer
	exec {fd}>&-
}
is_up() {
	esl_here "$1" sofia status 2>/dev/null | grep -q RUNNING &&
		esl_here "$1" status | grep -q ') is ready'
}

# cluster [LINE...]: the file that vars.xml says
cluster() {
	{
		echo '[freeswitch]'
		sed -nE 's/^\t(fs[12] .*)/\1/p' "$examples/vars.xml" | here
		echo '[all:vars]'
		echo "fp_esl_password_file=$FS_DIR/esl.password"
		echo "fp_db=\"$PG_DB\""
		printf '%s\n' "$@"
	} >cluster.ini
}
# clean ARG...: preflight finds nothing to say against it.
clean() {
	run "$FP_BUILD/fp-recover" preflight "$@" --override alive \
		-o state,node,name,value,detail
	echo "$output"
	[ "$status" = 0 ] && [ "$(grep -c ^ok <<<"$output")" -ge 10 ] &&
		! grep -E '^(warn|refuse)' <<<"$output"
}

@test "one table for all: nothing to warn about, and a dead node's calls come up" {
	node 1
	node 2
	cluster "fp_recovery_db=\"$(fs_conninfo recover)\""
	calls 2 2001
	calls 2 3000
	rows_are 6
	clean fs1 --to fs2 \
		--unit "$examples/freeswitch.service.d/recover.conf"
	fs_kill 1
	run --separate-stderr "$FP_BUILD/fp-recover" failover fs1 --to fs2 \
		--fence true -o kind,verdict
	echo "$output$stderr"
	[ "$status" = 0 ]
	[ "$(grep -c recovered <<<"$output")" = 3 ]
	reinvites_are 6 127.0.0.22
	no_bye
}

@test "a schema a node: each has its rows, and fp-recover finds them" {
	fs_sql 'create schema fs1 authorization freeswitch;
		create schema fs2 authorization freeswitch' >/dev/null
	node 1 schema
	node 2 schema
	cluster
	for i in 1 2; do
		sed -i "s|^fs$i .*|& fp_recovery_db=\"$(fs_conninfo recover) options=-csearch_path=fs$i\"|" cluster.ini
	done
	calls 1 2001
	within 10 eval '[ "$(fs_sql "select count(*) from fs1.recovery")" = 2 ]'
	clean fs1 --to fs2
	fs_kill 1
	run --separate-stderr "$FP_BUILD/fp-recover" failover fs1 --to fs2 \
		--fence true -o kind,verdict
	echo "$output$stderr"
	[ "$status" = 0 ]
	[ "$output" = $'bridge\trecovered' ]
	no_bye
}

@test "SQLite: rows are in the file that it says" {
	node 1 sqlite
	calls 1 3000
	within 10 has_row
}
has_row() {
	[ "$(/usr/bin/python3 -c 'import sqlite3, sys
print(sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True).execute(
    "select count(*) from recovery").fetchone()[0])' "$FS_DIR/1/db/core.db")" = 1 ]
}
