#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-recover where the OpenSIPS that calls came by is dead, too: rows name it.  Stand-ins:
# caller, sip1 or sip2 (127.0.1.N), fs1, the same again, called one; media is direct.
# shellcheck disable=SC2034,SC2154 # bats' variables, and those of what is loaded

bats_require_minimum_version 1.5.0

load ../real/recover-failover.bash

setup_file() {
	export FS_KIND=stand-in FS_PROXY=127.0.1.1:5060
	fo_setup_file
}
teardown_file() { rec_teardown_file; }
setup() { rec_setup; }
teardown() {
	local pid

	for pid in "$BATS_TEST_TMPDIR"/os/*/pid; do
		[ ! -e "$pid" ] || kill -s KILL "$(<"$pid")" 2>/dev/null || :
	done
	rec_teardown
}

edge_start() { # N
	local dir=$BATS_TEST_TMPDIR/os/$1

	mkdir -p "$dir/db"
	printf '%s\n' \
		'id(int,auto) setid(int) destination(string) state(int) weight(string)' \
		'1:1:sip\:127.0.0.21\:5060:0:1' >"$dir/db/dispatcher"
	test/fake/opensips run "$dir" --node "$1" --cluster "$edge_nodes" \
		--ds-route --fr-timeout 2 --no-probes --sync-s 0.3 \
		>"$dir/log" 2>&1 3>&- 4>&- </dev/null &
	echo $! >"$dir/pid"
	disown
}
edge_kill() { kill -s KILL "$(<"$BATS_TEST_TMPDIR/os/$1/pid")"; }
edge_mi() { "$FP_BUILD/test/prog/mi" -t 3000 "udp:127.0.1.$1:8080" "${@:2}"; }
edge_is_up() {
	[[ $(edge_mi "$1" clusterer_list_cap 2>/dev/null) == *'dlg-repl","state":"Ok"'* ]]
}
edge_has() { # N DIALOGS: of calls whose ACK came
	[ "$(edge_mi "$1" dlg_list | grep -o '"state":4,' | wc -l)" = "$2" ]
}
# edges_up ID...: OpenSIPS of one cluster, and two switches behind them
edges_up() {
	local i

	edge_nodes=$(IFS=,; echo "$*")
	for i; do
		edge_start "$i"
	done
	for i; do
		within 10 edge_is_up "$i"
	done
	fo_up 2
	{
		echo '[opensips]'
		for i; do
			echo "sip$i ansible_host=127.0.1.$i fp_node_id=$i" \
				"fp_sip=udp:127.0.1.$i:5060" \
				"fp_mi=udp:127.0.1.$i:8080"
		done
	} >>"$FP_CLUSTER"
	for i; do
		"$FP_BUILD/fp-rehome" activate "sip$i" --quiet
	done
}
calls_up() { # CALLS LEGS: of the number 2001, and the rest alone
	calls "$1" '2001 2001 9196'
	rows_are "$2"
	within 10 edge_has 1 "$2"
}
# The next hops of rows: nobody's but edge N's.
hops_are() { # N [WHERE]
	same "$(fs_sql "select distinct (regexp_matches(metadata,
		'<sip_(?:network_ip|contact_uri|recover_contact)>[^<]*?(127\.0\.1\.[0-9])',
		'g'))[1] from recovery ${2:+where $2}")" "127.0.1.$1"
}

@test "an edge and a switch die together: a living edge stands for the dead one" {
	local uuid

	edges_up 1 2
	calls_up 3 5
	within 10 edge_has 2 5
	hops_are 1
	fpr 0 preflight fs1 --to fs2
	[[ $stderr$output != *edge* ]]
	edge_kill 1
	fs_kill 1
	fpr 0 preflight fs1 --to fs2 --fence true
	[[ $output == *$'sip1\tedge\twarn\t'*'5 legs, 5 by sip2'* ]]
	failover 0 --to fs2
	same "$(verdicts)" 'recovered 3'
	[[ $stderr == *'sip1: edge: 5 legs, 5 by sip2'* ]]
	each_once 5
	same "$(reinvites | grep -o '127\.0\.1\.[0-9]' | sort -u)" 127.0.1.2
	rows_are 5 "$(rows_of 2)"
	hops_are 2
	no_bye
	all_hear 20
	# and it goes on with it
	settled 2
	hang_up uas
}

@test "an edge dies, its calls are moved, then the switch dies" {
	edges_up 1 2
	calls_up 3 5
	within 10 edge_has 2 5
	edge_kill 1
	run --separate-stderr "$FP_BUILD/fp-rehome" failover sip1 --to sip2 \
		--fence true --timeout 2s
	same "$status" 0
	within 5 eval '[ "$(reinvites | grep -c 127.0.1.2)" = 5 ]'
	# rows do not follow
	rows_are 5
	hops_are 1
	fs_kill 1
	failover 0 --to fs2
	same "$(verdicts)" 'recovered 3'
	hops_are 2 "$(rows_of 2)"
	no_bye
	all_hear 20
}

@test "no living edge has the dialogs: rows stay, until one has" {
	edges_up 1 2
	calls_up 2 4
	edge_kill 2
	within 5 eval '! edge_is_up 2'
	edge_nodes=2 # and nobody to sync from
	edge_start 2
	within 10 edge_is_up 2
	edge_has 2 0
	edge_kill 1
	fs_kill 1
	fpr 1 preflight fs1 --to fs2 --fence true
	[[ $output == *'of 2 calls no OpenSIPS that does has the dialog: their rows stay (fp-rehome failover sip1'* ]]
	failover 3 --to fs2
	same "$(verdicts)" 'skipped 2'
	[[ $(column 6) == *edge ]]
	rows_are 4 "$(rows_of 1)"
	hops_are 1
	have_reinvites 0
	# it is back, without its dialogs: who answers is never replaced
	edge_nodes=1
	edge_start 1
	within 10 edge_is_up 1
	fpr 0 preflight fs1 --to fs2 --fence true
	[[ $output != *edge* ]]
	# as told: by one that has not, and says 481
	edge_kill 1
	failover 0 --to fs2 --override edge
	[[ $stderr == *'4 legs, 4 by sip2'* ]]
	same "$(verdicts)" 'gone 2'
}

@test "MI alone is away: an edge that answers SIP is never replaced" {
	edges_up 1 2
	calls_up 2 4
	sed -i 's/127\.0\.1\.1:8080/127.0.1.1:8081/' "$FP_CLUSTER"
	fs_kill 1
	failover 0 --to fs2
	same "$(verdicts)" 'recovered 2'
	[[ $stderr != *': edge:'* ]]
	same "$(reinvites | grep -o '127\.0\.1\.[0-9]' | sort -u)" 127.0.1.1
	hops_are 1
	no_bye
}
