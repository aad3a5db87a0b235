# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the tests of fp-sync consume and publish share: a node (block.bash) and a
# real RabbitMQ on its loopback.  Each test has a queue of its own.
# shellcheck disable=SC2034,SC2154 # bats' own variables

load block.bash

# amqp_up: for setup_file; amqp_down: for teardown_file.
amqp_up() {
	node_up
	[ -x "$FP_BUILD/fp-sync" ] || skip 'fp-sync is not built'
	source test/lab/rabbit.sh
	rabbit_up
	(umask 077 && printf 'amqp://fastpath:%s@127.0.0.1\n' \
		"$(<"$RABBIT_DIR/password")" >"$RABBIT_DIR/url")
}

amqp_down() {
	source test/lab/rabbit.sh
	rabbit_down
}

# amqp_fresh: for setup; amqp_stop: for teardown.
amqp_fresh() {
	source test/lab/rabbit.sh
	url=$RABBIT_DIR/url queue=q$BATS_TEST_NUMBER
	node_fresh
	out=$BATS_TEST_TMPDIR/out err=$BATS_TEST_TMPDIR/err
	consumers=()
}

amqp_stop() {
	local pid

	for pid in "${consumers[@]}"; do
		kill -s KILL "$pid" 2>/dev/null || :
	done
	! mountpoint -q "$BATS_TEST_TMPDIR/small" ||
		umount -l "$BATS_TEST_TMPDIR/small"
	[ ! -e "$BATS_TEST_TMPDIR/alarm" ] || rabbit_full no
	# what it was about, when it failed
	[ ! -s "$err" ] || sed 's/^/consume said: /' "$err"
}

# consume ARG...: in the background, its pid in $pid, JSON in $out.
consume() {
	fp-sync consume --url-file "$url" --queue "$queue" --json "$@" \
		>>"$out" 2>>"$err" 3>&- 4>&- &
	pid=$!
	consumers+=("$pid")
}

# following [N]: has it said so N times?
following() { [ "$(grep -c 'following queue' "$err")" -ge "${1:-1}" ]; }
# consuming ARG...: and it follows its queue.
consuming() {
	local n

	n=$(grep -cs 'following queue' "$err" || :)
	consume "$@"
	lab_wait 20 following $((n + 1))
}

# ended: SIGTERM, and it says how it was: status 0, a summary.
ended() {
	kill -s TERM "$pid"
	wait "$pid"
	summary=$(tail -n 1 "$out")
	[ "$(jq -r .type <<<"$summary")" = summary ]
}

# publish STATUS ARG... <LINES
publish() {
	local status=$1

	shift
	run --separate-stderr "-$status" fp-sync publish --url-file "$url" "$@"
}

# said FILTER WANT: what jq makes of the consumer's bans.
said() { same "$(grep '"type":"ban"' "$out" | jq -cs "$1")" "$2"; }

# has_said N: has it told of N bans?
has_said() { [ "$(grep -c '"type":"ban"' "$out")" -ge "$1" ]; }
told() { lab_wait "${2:-10}" has_said "$1"; }

# blocked ADDRESS...: does the kernel say so of each?
is_blocked() { fp-block test "$1" >/dev/null 2>&1; }
blocked() {
	local address

	for address; do
		lab_wait 10 is_blocked "$address" || {
			echo "$address is not blocked"
			return 1
		}
	done
}

# entries LIST: how many.
entries() { fp-block list "$1" -o prefix | wc -l; }
has_entries() { [ "$(entries "$1")" = "$2" ]; }

# dead: the oldest message of the dead queue; its reason in $reason.
dead() {
	body=$(rabbit_get fp.dead) || return
	reason=$(tr -d '\n' <"$RABBIT_DIR/headers" |
		sed -n 's/.*x-fastpath-reason">>,longstr, *<<"\([^>]*\)">>.*/\1/p')
	reason=${reason//\\/}
}
