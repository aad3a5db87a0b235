#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-sync consume when something goes wrong: the broker, the way to it, the disk,
# itself.  Nothing that was published is lost.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' variables

bats_require_minimum_version 1.5.0

load amqp.bash

setup_file() { amqp_up; }
setup() { amqp_fresh; }
teardown() { amqp_stop; }
teardown_file() { amqp_down; }

# again N: the broker was lost and is followed anew, for the Nth time.
again() { lab_wait 40 following "$1"; }

# lines FROM TO: addresses, one a line
lines() {
	awk -v from="$1" -v to="$2" 'BEGIN {
		for (i = from; i <= to; i++)
			printf "100.%d.%d.%d\n", 64 + int(i / 65536),
				int(i / 256) % 256, i % 256 }'
}

# is_dry: is the queue empty?
is_dry() { [ "$(rabbit_count "$queue")" = 0 ]; }

@test "the broker restarts, dies, freezes: followed again, nothing is lost" {
	consuming
	publish 0 <<<203.0.113.1
	blocked 203.0.113.1
	rabbit_stop
	publish 4 <<<203.0.113.9
	hints 'cannot connect'
	rabbit_start
	again 2
	publish 0 <<<203.0.113.2
	blocked 203.0.113.2
	rabbit_kill
	rabbit_start
	again 3
	publish 0 <<<203.0.113.3
	blocked 203.0.113.3
	rabbit_freeze
	# found out by the heartbeats that do not come
	lost() { grep -q 'heartbeat timeout.*again in' "$err"; }
	lab_wait 40 lost
	rabbit_thaw
	again 4
	publish 0 <<<203.0.113.4
	blocked 203.0.113.4
	ended
	same "$(jq -c .added <<<"$summary")" 4
}

@test "it starts before the broker does" {
	rabbit_stop
	consume
	refused() { grep -q 'cannot connect; again in' "$err"; }
	lab_wait 5 refused
	rabbit_start
	again 1
	publish 0 <<<203.0.113.1
	blocked 203.0.113.1
}

@test "connections are closed or cut in the middle of 20,000 messages" {
	consuming --rate 1000000
	lines 1 20000 >all
	(fp-sync publish --url-file "$url" <all || :) 2>/dev/null 3>&- &
	sleep 0.5
	rabbit_cut
	# the consumer's sockets alone, as by a firewall that forgot them
	ss -K dst 127.0.0.1 dport = 5672 >/dev/null 2>&1 || :
	wait $!
	again 2
	publish 0 <all
	lab_wait 60 has_entries feeds 20000
	lab_wait 20 is_dry
	in_step
	ended
	same "$(jq -c '[.dead, .refused]' <<<"$summary")" '[0,0]'
}

@test "its queue is deleted: it makes a new one" {
	consuming
	rabbit_ctl delete_queue "$queue" >/dev/null
	again 2
	grep -q 'the queue was deleted' "$err"
	publish 0 <<<203.0.113.1
	blocked 203.0.113.1
	# and its exchange
	rabbit_ctl eval 'rabbit_exchange:delete(rabbit_misc:r(<<"/">>, exchange,
		<<"fp.dead">>), false, <<"test">>).' >/dev/null
	rabbit_publish fp.bans '' <<<nonsense
	publish 0 <<<203.0.113.2
	blocked 203.0.113.2
	grep -q 'rejected without the reason' "$err"
	rabbit_cut
	again 3
	rabbit_ctl purge_queue fp.dead >/dev/null
	rabbit_publish fp.bans '' <<<nonsense
	is_dead() { [ "$(rabbit_count fp.dead)" = 1 ]; }
	lab_wait 10 is_dead
}

@test "a queue with other arguments is left as it is" {
	rabbit_queue "$queue"
	run --separate-stderr -2 fp-sync consume --url-file "$url" --queue "$queue"
	hints "PRECONDITION_FAILED - inequivalent arg"
	hints "queue $queue"
	run --separate-stderr -2 fp-sync consume --url-file "$url" \
		--queue q --bind fp.nowhere=x
	hints "binding queue q to exchange fp.nowhere"
}

@test "the node is down for 100,000 messages" {
	local start ms

	consuming
	ended
	lines 1 100000 >all
	start=$(date +%s%N)
	publish 0 <all
	ms=$((($(date +%s%N) - start) / 1000000))
	echo "# published 100,000 in $ms ms: $((100000000 / ms)) a second" >&3
	start=$(date +%s%N)
	: >"$err"
	fp-sync consume --url-file "$url" --queue "$queue" --rate 1000000 \
		2>>"$err" 3>&- 4>&- &
	consumers+=($!)
	pid=$!
	# a head and a line each; to count them well takes as long as to apply some
	applied() { sleep 0.3; [ "$(wc -l <"$lists/feeds.list")" -gt 100000 ]; }
	lab_wait 200 test -e "$lists/feeds.list"
	lab_wait 200 applied
	ms=$((($(date +%s%N) - start) / 1000000))
	echo "# applied durably in $ms ms: $((100000000 / ms)) a second" >&3
	has_entries feeds 100000
	lab_wait 20 is_dry
	in_step
	for address in 100.64.0.1 100.64.77.77 100.65.134.160; do
		is_blocked "$address"
	done
	kill "$pid"
	wait "$pid"
}

@test "hours-old bans are acknowledged and count as expired" {
	consuming
	ended
	rabbit_publish -n 1000 -t $(($(date +%s) - 7200)) fp.bans '' <<<203.0.113.1
	publish 0 <<<203.0.113.2
	consuming
	blocked 203.0.113.2
	ended
	same "$(jq -c '[.messages, .expired, .added]' <<<"$summary")" '[1001,1000,1]'
	verdict 203.0.113.1 none
	is_dry
}

@test "the queue is full: the oldest go to the dead exchange" {
	consuming
	ended
	rabbit_ctl set_policy short "^$queue\$" '{"max-length":10}' >/dev/null
	rabbit_ctl purge_queue fp.dead >/dev/null
	lines 1 25 >all
	publish 0 <all
	same "$(rabbit_count "$queue")" 10
	same "$(rabbit_count fp.dead)" 15
	consuming
	lab_wait 10 has_entries feeds 10
	verdict 100.64.0.25 block
	verdict 100.64.0.15 none
	rabbit_ctl clear_policy short >/dev/null
}

@test "the broker is short of disk: publish says so, bans still arrive" {
	consuming
	ended
	publish 0 <<<203.0.113.1
	rabbit_publish fp.bans '' <<<nonsense
	touch alarm
	rabbit_full
	publish 4 -t 5s <<<203.0.113.9
	hints 'an alarm of its own'
	hints '0 published and confirmed before that'
	consuming
	blocked 203.0.113.1
	lab_wait 20 is_dry
	grep -q 'an alarm of its own' "$err"
	rabbit_full no
	publish 0 <<<203.0.113.2
	blocked 203.0.113.2
}

@test "the node's disk is full: not acknowledged, applied when there is room" {
	export FP_STATE=$BATS_TEST_TMPDIR/small
	mkdir small
	mount -t tmpfs -o size=256k tmpfs small
	consuming
	publish 0 <<<203.0.113.1
	blocked 203.0.113.1
	head -c 1M /dev/zero >small/filler 2>/dev/null || :
	lines 1 200 >all
	publish 0 <all
	full() { grep -q 'No space left on device.*again in' "$err"; }
	lab_wait 10 full
	run ! is_blocked 100.64.0.200
	rm small/filler
	blocked 100.64.0.1 100.64.0.200
	lab_wait 10 is_dry
	ended
}

@test "somebody holds the lists' lock: it waits, and is still alive" {
	consuming -t 1s
	flock "$lists" sleep 5 3>&- &
	sleep 0.5
	publish 0 <<<203.0.113.1
	locked() { grep -q 'nothing is lost, again in' "$err"; }
	lab_wait 10 locked
	wait $!
	blocked 203.0.113.1
	ended
	same "$(jq -c .added <<<"$summary")" 1
}

# killed SYSCALL WHEN: consume is killed there; the next one does it all.
killed() {
	publish 0 <all
	strace -f -o strace -e trace="$1" -e inject="$1:signal=KILL:when=$2" \
		fp-sync consume --url-file "$url" --queue "$queue" --rate 1000000 \
		2>>"$err" 3>&- &
	wait $! || :
	grep -q 'killed by SIGKILL' strace
}

@test "killed between writing and acknowledging: delivered again, harmless" {
	command -v strace >/dev/null || skip 'no strace'
	consuming
	ended
	lines 1 500 >all
	# in the middle of the lists, after them, and before the broker knows
	killed pwrite64 1
	killed fdatasync 1
	killed munmap 8
	consuming --rate 1000000
	lab_wait 20 has_entries feeds 500
	lab_wait 20 is_dry
	in_step
	ended
	jq -e '.kept + .extended + .added >= 1500' <<<"$summary"
}

@test "two consumers on one node do not hurt" {
	consuming --rate 1000000
	one=$pid
	out=$out-2 consuming --rate 1000000
	lines 1 5000 >all
	publish 0 <all
	lab_wait 40 has_entries feeds 5000
	lab_wait 10 is_dry
	in_step
	kill "$one" "$pid"
	wait "$one"
	wait "$pid"
	# each message went to one of them
	same "$(jq -s 'map(select(.type == "summary").messages) | add' \
		"$out" "$out-2")" 5000
}

@test "each of two nodes gets every change" {
	consuming
	FP_STATE=$BATS_TEST_TMPDIR/other FP_PINS=/sys/fs/bpf/other \
		queue=$queue-other consuming
	lines 1 100 >all
	publish 0 <all
	lab_wait 10 has_entries feeds 100
	other() { [ "$(fp-block list feeds -o prefix --state other 2>/dev/null | wc -l)" = 100 ]; }
	lab_wait 10 other
	# the same words, to the byte
	same "$(fp-block list feeds)" "$(fp-block list feeds --state other)"
}
