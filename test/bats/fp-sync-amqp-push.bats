#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-sync consume --push: one controller hears the broker and bans on all nodes;
# and every node consuming for itself.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' variables

bats_require_minimum_version 1.5.0

setup_file() {
	source test/bats/sync.bash
	sync_up -x broker 2
	source test/lab/rabbit.sh
	rabbit_up broker "$(cluster_addr broker)"
	(umask 077 && printf 'amqp://fastpath:%s@%s\n' \
		"$(<"$RABBIT_DIR/password")" "$(cluster_addr broker)" \
		>"$RABBIT_DIR/url")
}

setup() {
	source test/bats/sync.bash
	source test/lab/rabbit.sh
	sync_fresh
	url=$RABBIT_DIR/url
	put one 198.51.100.1
}

teardown() {
	for name in consume other stay sip1-consume sip2-consume; do
		cluster_stop $name
	done
	sed 's/^/consume said: /' "$LAB_DIR/consume.log" 2>/dev/null || :
	: >"$LAB_DIR/consume.log"
}

teardown_file() {
	source test/bats/sync.bash
	source test/lab/rabbit.sh
	rabbit_down
	cluster_down
}

following() { [ "$(grep -c 'following queue' "$LAB_DIR/$1.log")" -ge "${2:-1}" ]; }

# consume NAME HOST ARG...
consume() {
	local name=$1 host=$2

	shift 2
	: >"$LAB_DIR/$name.log"
	cluster_start "$name" "$host" "$FP_BUILD/fp-sync" consume \
		--url-file "$url" --queue "q-$name" --json "$@"
	lab_wait 20 following "$name"
}

stay() {
	cluster_start stay controller "$FP_BUILD/fp-sync" push --stay \
		--lists "$lists"
	lab_wait 10 test -S "$LAB_DIR/controller/state/sync/sock"
	lab_wait 10 verdict sip1 198.51.100.1 block
	lab_wait 10 verdict sip2 198.51.100.1 block
}

publish() {
	cluster_in controller "$FP_BUILD/fp-sync" publish --url-file "$url"
}

everywhere() {
	lab_wait 10 verdict sip1 "$1" "$2"
	lab_wait 10 verdict sip2 "$1" "$2"
}

@test "bans of a feed are on all nodes, and lifted from all" {
	stay
	consume consume controller --push --allow-del
	printf '203.0.113.7 why=scan by=honeypot\n203.0.113.8\n' | publish
	everywhere 203.0.113.7 block
	everywhere 203.0.113.8 block
	publish <<<-203.0.113.7
	everywhere 203.0.113.7 none
	# the same words on all of them, and on the controller
	same "$(block sip1 list feeds)" "$(block sip2 list feeds)"
	[[ $(block sip1 list feeds) == *by=amqp:fp.bans* ]]
	fs 0 status
	rows 1,4 'sip1\tyes' 'sip2\tyes'
	# no node is banned; what a node protects is refused there
	publish <<<10.77.0.2
	refused() { grep -q 'is cluster node sip2' "$LAB_DIR/consume.log"; }
	lab_wait 5 refused
}

@test "a node that was away hears it when it is back" {
	stay
	consume consume controller --push
	cluster_cut sip2
	publish <<<203.0.113.7
	lab_wait 10 verdict sip1 203.0.113.7 block
	verdict sip2 203.0.113.7 none
	cluster_heal sip2
	lab_wait 60 verdict sip2 203.0.113.7 block
}

@test "without push --stay bans are kept, said so, and go with the next push" {
	consume consume controller --push
	publish <<<203.0.113.7
	warned() { grep -q 'no push --stay runs' "$LAB_DIR/consume.log"; }
	lab_wait 10 warned
	verdict sip1 203.0.113.7 none
	stay
	everywhere 203.0.113.7 block
}

@test "two controllers' worth of consumers, and nodes that consume themselves" {
	stay
	consume consume controller --push
	consume other controller --push
	consume sip1-consume sip1
	consume sip2-consume sip2
	for i in {1..200}; do echo "203.0.113.$i why=flood"; done | publish
	everywhere 203.0.113.200 block
	everywhere 203.0.113.1 block
	agreed() { [ "$(block sip1 list feeds)" = "$(block sip2 list feeds)" ]; }
	lab_wait 20 agreed
	same "$(block sip1 list feeds | wc -l)" 200
	block sip1 verify
	block sip2 verify
}
