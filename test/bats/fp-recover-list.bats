#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-recover list: captured rows of several runs and hosts, in PostgreSQL and in SQLite
# files; fs1 and fs2 are up (the stand-in), fs3 does not answer.
# shellcheck disable=SC2154 # bats' variables

bats_require_minimum_version 1.5.0

load ../lab/recover.bash

A=7ecb3580 # captured: the two legs of a bridge, and others, cut to 8
OLD=cbd50a7d-2ceb-43d0-9b94-6550b00227a8

# One lab for all tests: nothing here changes it.
setup_file() {
	export FS_SCHEMA_BY_HAND=yes
	pg_up
	export PG_DIR PG_ADMIN PG_DB PG_HOST PG_PORT
	fs_up "$BATS_FILE_TMPDIR/lab" 3 --cold
	fs_begin 1
	fs_begin 2
	within 20 fs_is_up 1
	within 20 fs_is_up 2
	fs_run 1 >"$BATS_FILE_TMPDIR/run1"
	fs_run 2 >"$BATS_FILE_TMPDIR/run2"
	rows_here
}
setup() {
	cd "$BATS_TEST_TMPDIR" || return
	fs_load "$BATS_FILE_TMPDIR/lab"
	export FP_STATE=$PWD/state FP_CLUSTER=$FS_DIR/cluster.ini
	mkdir "$FP_STATE"
	run1=$(<"$BATS_FILE_TMPDIR/run1") run2=$(<"$BATS_FILE_TMPDIR/run2")
}
teardown_file() {
	fs_load "$BATS_FILE_TMPDIR/lab"
	fs_down
	pg_down
}

# row HOST RUN FILE [SED]: a captured document as a row, on stdin of copy
row() {
	local xml uuid

	xml=$(sed "${4-}" "$FS_ROOT/test/fuzz/corpus/fsrow/$3")
	uuid=$(sed -n 's/.*<uuid>\([^<]*\)<.*/\1/p' <<<"$xml" | head -n 1)
	case $3 in # the session's is the variable, not the partner's
	A-*) uuid=634be068-11e2-42c6-852c-e5f658d0b240 ;;
	B-*) uuid=7ecb3580-b6b5-44e2-8860-1e99a54fec6b ;;
	esac
	jq -cn --arg r "$2" --arg h "$1" --arg u "$uuid" --arg x "$xml" '
		{runtime_uuid: $r, technology: "sofia",
		profile_name: "internal", hostname: $h, uuid: $u, metadata: $x}'
}
all_rows() {
	local run1 run2

	run1=$(<"$BATS_FILE_TMPDIR/run1") run2=$(<"$BATS_FILE_TMPDIR/run2")
	row fs1 "$OLD" one-leg-park
	row fs1 "$OLD" conference-member-2
	row fs1 "$OLD" B-bridged-outbound
	row fs1 "$OLD" A-bridged-inbound
	row fs1 "$OLD" conference-member-1
	row fs1 "$run1" one-leg-echo
	row fs2 "$run2" one-leg-playback-multi-app
	row fs3 dddddddd-0000-4000-8000-000000000003 one-leg-echo \
		's/9aa15773/3aa15773/; s/caller1/%0A%1B[2J%09x\&#13;/g
		s|</variables>|<rtp_last_audio_local_crypto_key>1%20AES_CM_128_HMAC_SHA1_80%20inline:TopSecretKey</rtp_last_audio_local_crypto_key>&|'
	row stranger eeeeeeee-0000-4000-8000-000000000004 one-leg-echo
}
rows_here() {
	all_rows >"$FS_DIR/rows.json"
	fs_sql "delete from recovery"
	while IFS= read -r line; do
		fs_sql "insert into recovery select * from json_populate_record(
			null::recovery, \$doc\$$line\$doc\$)"
	done <"$FS_DIR/rows.json"
}

# core FILE: the rows of all_rows as a node's own SQLite file
core() {
	rm -f "$1"
	/usr/bin/python3 - "$1" "$FS_DIR/rows.json" <<-'END'
		import json, sqlite3, sys
		db = sqlite3.connect(sys.argv[1])
		columns = ("runtime_uuid technology profile_name hostname uuid"
		           " metadata").split()
		db.execute("create table recovery (%s)" % ", ".join(columns))
		for line in open(sys.argv[2]):
		    row = json.loads(line)
		    db.execute("insert into recovery values (?,?,?,?,?,?)",
		               [row[c] for c in columns])
		db.commit()
	END
}

# list STATUS ARG...
list() {
	local status=$1

	shift
	run --separate-stderr "-$status" "$FP_BUILD/fp-recover" list "$@"
}

@test "calls of each run of each node, dead ones first, as its node says" {
	list 0 -o node,state,kind,legs,verdict,words,call
	[[ $(sed 's/-[^\t]*$//' <<<"$output") == "$(sed 's/^\t*//; s/ /\t/g' <<-END
		fs1 dead conference 2 move ok room3000
		fs1 dead one-leg 1 move one-leg 4b629201
		fs1 dead bridge 2 move ok 634be068
		fs1 live one-leg 1 move one-leg 9aa15773
		fs2 live one-leg 1 move one-leg d9fbad5d
		fs3 unknown one-leg 1 move one-leg,srtp 3aa15773
	END
	)" ]] || {
		echo "$output"
		return 1
	}
	[[ $stderr == *'1 rows are of stranger, which no node of '* ]]
	first=$output
	list 0 -o node,state,kind,legs,verdict,words,call
	[ "$output" = "$first" ]
}

@test "nodes by name, by pattern; runs; words that are wrong" {
	list 0 fs2 fs2 -o node,run
	[ "$output" = "fs2	$run2" ]
	[ -z "$stderr" ]
	list 0 -N 'fs*' -N '!fs2' -o node
	[ "$(sort -u <<<"$output" | xargs)" = 'fs1 fs3' ]
	list 0 -N freeswitch -N '!fs1' -o node
	[ "$(sort -u <<<"$output" | xargs)" = 'fs2 fs3' ]
	list 0 --run "$run1,$run2" -o node,state
	[ "$output" = "fs1	live
fs2	live" ]
	list 0 --run nosuch
	[ -z "$output" ]
	list 2 -N nosuch
	[[ $stderr == *nosuch* ]]
	list 2 fs9
	[[ $stderr == *"fs9: no such node in $FP_CLUSTER"* ]]
	list 2 fs1 -N fs2
	[[ $stderr == *'-N or as operands'* ]]
	list 2 -o node,nosuch
	[[ $stderr == *nosuch* ]]
}

@test "JSON: calls, their legs with -v, a summary; nothing has changed" {
	list 0 fs1 --json
	jq -es 'length == 5 and (.[2] | .type == "call" and .kind == "bridge"
		and .legs == 2 and .from == "caller1" and .node == "fs1"
		and .state == "dead" and .age_s > 0 and .run == "'$OLD'")
		and (.[-1] | .type == "summary" and .changed == false and
		.calls == 4 and .legs == 6 and .unread == 0)' <<<"$output"
	list 0 fs1 --json -v
	jq -es '[.[] | select(.type == "leg")] | length == 6 and
		(map(select(.call | startswith("634be068"))) | length == 2
		and (map(.direction) | sort) == ["inbound", "outbound"])' \
		<<<"$output"
	list 0 fs1 -v -o kind
	[ "$(wc -l <<<"$output")" = 4 ]
	[[ $stderr == *"leg $A-"*', outbound, '*', far end '* ]]
}

@test "keys are never printed, and control characters do nothing" {
	list 0 fs3 -vv
	[[ $output$stderr != *TopSecret* && $output$stderr != *inline* ]]
	[ "$(tr -d '\n\t -~' <<<"$output$stderr")" = '' ]
	[ "$(wc -l <<<"$output")" = 1 ]
	[ "$(awk -F '\t' '{ print NF }' <<<"$output")" = 16 ]
	list 0 fs3 --json -v
	[[ $output != *TopSecret* ]]
	jq -es '.[1].remote | test("\u001b")' <<<"$output"
	[ "$(tr -d '\n -~' <<<"$output")" = '' ]
	core core.db
	list 0 --from-db core.db -vv
	[[ $output$stderr != *TopSecret* && $output$stderr != *inline* ]]
}

@test "names with quotes are names: no row of another's, no statement of ours" {
	sed "s/fp_switchname=fs1/fp_switchname=\"fs1' or '1'='1\"/
		s/fp_switchname=fs2/fp_switchname=\"x'; drop table recovery; --\"/" \
		"$FP_CLUSTER" >quotes.ini
	grep -q 'drop table' quotes.ini
	FP_CLUSTER=$PWD/quotes.ini list 0 fs1 fs2 -o call
	[ -z "$output" ]
	list 0 fs1 -o call
	[ -n "$output" ]
}

@test "rows that cannot be read, that are another's, that stand twice" {
	mend() { rows_here; }
	fs_sql "insert into recovery select runtime_uuid, 'verto', profile_name,
			hostname, 'b-verto', replace(metadata,
			'4b629201', 'bb629201') from recovery
			where uuid like '4b62%';
		insert into recovery select runtime_uuid, technology,
			profile_name, hostname, 'c-torn', left(metadata, 900)
			from recovery where uuid like '4b62%';
		insert into recovery select runtime_uuid, technology,
			profile_name, hostname, 'd-null', null
			from recovery where uuid like '4b62%';
		insert into recovery select * from recovery
			where uuid like '9aa1%' and hostname = 'fs1';
		delete from recovery where uuid like '7ecb%'"
	list 0 fs1 -o call,kind,verdict,words,reason || { mend; return 1; }
	mend
	grep -P '^bb629201-[^\t]*\t.*\tlost\t(.*,)?foreign' <<<"$output"
	grep -P '^c-torn\t.*\tlost\tbroken\t.*line [0-9]' <<<"$output"
	grep -P '^d-null\t.*\tlost\tbroken\t' <<<"$output"
	grep -P '^634be068-.*\torphan\tbye\t(.*,)?orphan' <<<"$output"
	[ "$(grep '^9aa15773-.*twice' <<<"$output" | cut -f 3 | xargs)" = \
		'move skip' ]
}

@test "--from-db: the same calls of a copy, which is not touched" {
	list 0 fs1 -o node,state,kind,legs,call
	wanted=$output
	core core.db
	before=$(sha256sum core.db)
	list 0 --from-db core.db fs1 -o node,state,kind,legs,call
	[ "$output" = "$wanted" ]
	[ "$(sha256sum core.db)" = "$before" ]
	[ -z "$(ls -A "$FP_STATE")" ]
	[[ $stderr == *'not asked for'* ]]
	list 0 --from-db core.db -o node
	grep -qx stranger <<<"$output"
	list 2 --from-db nosuch.db
	[[ $stderr == *nosuch.db* ]]
	echo 'no database' >text.db
	list 2 --from-db text.db
	[[ $stderr == *text.db* ]]
	sqlite3 empty.db 'create table other (x)'
	list 2 --from-db empty.db
	[[ $stderr == *recovery* ]]
}

@test "--from-db: a torn file is read row by row" {
	core core.db
	size=$(stat -c %s core.db)
	pages=$((size / 4096))
	# pages of one document, not the first of the table
	dd if=/dev/urandom of=core.db bs=4096 seek=$((pages - 4)) count=1 \
		conv=notrunc status=none
	list 0 --from-db core.db -o call
	[[ $stderr == *'core.db is torn: read row by row, '*' rows are lost'* ]]
	[ "$(wc -l <<<"$output")" -ge 5 ]
	[[ $output == *634be068-* ]]
}

@test "a store that is away is exit 4, and keeps no other from being listed" {
	sed "s/^\(fs2 .*\)/\1 fp_recovery_db=\"host=127.0.0.1 port=1 dbname=x\"/" \
		"$FP_CLUSTER" >other.ini
	list 3 -C other.ini -o node
	[ "$(sort -u <<<"$output" | xargs)" = 'fs1 fs3' ]
	[[ $stderr == *'the recovery database of fs2: '* ]]
	list 4 -C other.ini fs2
	[ -z "$output" ]
	list 4 -C other.ini fs2 --json
	jq -e '.type == "summary" and .unread == 1' <<<"$output"
	sed '/fp_recovery_db/d' "$FP_CLUSTER" >none.ini
	list 2 -C none.ini fs1
	[[ $stderr == *'fs1: no fp_recovery_db says'* ]]
}
