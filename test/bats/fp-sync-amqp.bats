#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-sync consume and publish with a real RabbitMQ: bodies, limits, dead letters,
# usage.  What goes wrong on the way is in fp-sync-amqp-faults.bats.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' variables

bats_require_minimum_version 1.5.0

load amqp.bash

setup_file() { amqp_up; }
setup() { amqp_fresh; }
teardown() { amqp_stop; }
teardown_file() { amqp_down; }

# ---- usage

@test "wrong usage names the word" {
	while IFS='|' read -r args text; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr -2 fp-sync $args </dev/null
		hints "$text"
		same "$output" ''
	done <<-'END'
		publish x|publish reads stdin, it takes no "x"
		consume x|consume takes no "x"
		consume --dry-run|consume takes messages away: no --dry-run
		consume --url amqp://u:secret@localhost|--url: a password on the command line is there for all to see
		publish --url http://localhost|--url: not like amqp://USER@HOST:PORT/VHOST
		publish --url amqp://localhost/|--url: its vhost is empty
		publish --url amqp://localhost --url-file x|--url and --url-file: only one of them
		publish --url-file no-such-file|--url-file: no-such-file: No such file
		consume --ttl 0s|--ttl 0s: not from 1s to 3600s
		consume --ttl 2h|--ttl 2h: not from 1s to 3600s
		consume --max-ttl 25h|--max-ttl 25h: not from 1s to 86400s
		consume --max-ttl x|--max-ttl: "x" is not a duration
		consume --rate 0|--rate 0: not from 1 to 1000000
		consume --rate 7x|--rate 7x: not from 1 to 1000000
		consume --max-bans 0|--max-bans 0: not from 1 to 10000000
		consume --bind amq.topic|--bind amq.topic: not EXCHANGE=KEY
		consume --list NO|"NO"
		consume -o nonsense|nonsense
	END
	[[ $stderr != *secret* ]]
}

@test "a secret is refused when others may read it, or when it is a vault" {
	echo 'amqp://u:secret@localhost' >shown
	chmod 644 shown
	url=shown publish 2 </dev/null
	hints '--url-file: shown holds a secret, but its mode is 0644: chmod o= shown'
	echo '$ANSIBLE_VAULT;1.1;AES256' >vault
	chmod 600 vault
	url=vault publish 2 </dev/null
	hints 'vault is encrypted by Ansible'
	: >empty
	chmod 600 empty
	url=empty publish 2 </dev/null
	hints 'empty is empty'
	[[ $stderr != *secret* ]]
}

@test "a broker that is not there: publish is to be tried again" {
	run --separate-stderr -4 fp-sync publish --url amqp://127.0.0.1:1 <<<192.0.2.9
	hints '127.0.0.1 port 1: cannot connect'
	run --separate-stderr -2 fp-sync publish --url amqp://u@127.0.0.1 <<<192.0.2.9
	hints 'ACCESS_REFUSED'
	run --separate-stderr -2 fp-sync consume --url amqp://u@127.0.0.1
	hints 'ACCESS_REFUSED'
	run --separate-stderr -2 fp-sync consume --url amqp://u@127.0.0.1/nowhere
	hints 'ACCESS_REFUSED'
}

# ---- a change, from a pipe to the kernel

@test "what is published is banned, once, and lifted where that is allowed" {
	consuming --allow-del
	publish 0 --json <<-END
		203.0.113.5 why="toll fraud" by=alice
		+203.0.113.6

		# nothing
		{"ip":"2001:db8:9::1","for":"5m","why":"scan"}
	END
	silent
	json '.[0] | [.published, .changed]' '[3,true]'
	blocked 203.0.113.5 203.0.113.6 2001:db8:9::1 2001:db8:9::ffff
	told 3
	said 'map([.prefix, .action, .why, .by, .source]) | sort' '[["2001:db8:9::/64","added","scan","amqp:fp.bans","fp.bans"],["203.0.113.5","added","toll fraud","amqp:alice","fp.bans"],["203.0.113.6","added",null,"amqp:fp.bans","fp.bans"]]'
	publish 0 <<<'-203.0.113.5'
	told 4
	verdict 203.0.113.5 none
	verdict 203.0.113.6 block
	said '.[3] | [.prefix, .action]' '["203.0.113.5","lifted"]'
	in_step
	ended
	same "$(jq -c '[.messages, .added, .lifted, .dead]' <<<"$summary")" '[4,3,1,0]'
	grep -q '^+203.0.113.6 until=.* by=amqp:fp.bans at=[0-9]*$' "$lists/feeds.list"
}

@test "an end is what the message says, within --max-ttl, from its timestamp" {
	consuming --ttl 10m --max-ttl 2h
	before=$(date +%s)
	publish 0 <<-END
		203.0.113.1
		{"ip":"203.0.113.2","for":60}
		{"ip":"203.0.113.3","ttl":"5h"}
		203.0.113.4 until=$(in_seconds 1200)
	END
	rabbit_publish -t $((before - 300)) fp.bans '' <<<203.0.113.5
	rabbit_publish -t $((before + 86400)) fp.bans '' <<<203.0.113.6
	rabbit_publish -t $((before - 7200)) fp.bans '' <<<203.0.113.7
	told 7
	# each within 20 s of what is right
	said "map([.prefix, (if .until then (.until | fromdate) - $before else 0 end)])
		| sort | map(.[1] / 20 | floor * 20)" \
		'[600,60,7200,1200,300,600,0]'
	said 'map(select(.action == "expired") | .prefix)' '["203.0.113.7"]'
	verdict 203.0.113.7 none
	ended
	# acknowledged, not to come again
	same "$(rabbit_count "$queue")" 0
}

@test "a ban that stands is never shortened, nor another's touched" {
	consuming --allow-del
	publish 0 <<<'{"ip":"203.0.113.1","for":3000}'
	publish 0 <<<'{"ip":"203.0.113.1","for":60}'
	told 2
	said 'map(.action)' '["added","extended"]'
	said '(.[0].until == .[1].until)' true
	ended
	# as an operator's fp-sync add leaves it
	list_file feeds dynamic block \
		"203.0.113.8 until=$(in_seconds 9000) why=mine by=alice at=$(date +%s)000"
	consuming --allow-del
	publish 0 <<-'END'
		203.0.113.8
		-203.0.113.8
	END
	told 4
	said '.[2:] | map([.action, .note])' '[["kept","203.0.113.8: banned by somebody else, which stays"],["kept","203.0.113.8: banned by somebody else, which stays"]]'
	ended
	grep -q '^203.0.113.8 .*why=mine by=alice' "$lists/feeds.list"
}

@test "OpenSIPS: an event by its exchange and key, bodies as captured" {
	consuming --bind amq.topic=fp.pike,amq.topic=fp.pub
	rabbit_publish amq.topic fp.pike <<-'END'
		{"jsonrpc":"2.0","method":"E_PIKE_BLOCKED","params":{"ip":"203.0.113.99"}}
	END
	rabbit_publish amq.topic fp.pub \
		<<<'{"ip":"203.0.113.98","ua":"friendly-scanner"}'
	blocked 203.0.113.98 203.0.113.99
	told 2
	said 'map([.prefix, .why, .by, .source]) | sort' '[["203.0.113.98",null,"amqp:amq.topic","amq.topic"],["203.0.113.99","E_PIKE_BLOCKED","amqp:amq.topic","amq.topic"]]'
}

# ---- limits

@test "never an allowed address, a node, ourselves, or more than an address" {
	mkdir -p etc
	printf '[opensips]\nsip2 ansible_host=198.51.100.2\n' >etc/cluster.ini
	fp-block add 198.51.100.128/25 --kind allow --list carriers --quiet
	consuming -C etc/cluster.ini
	publish 0 <<-'END'
		198.51.100.2
		198.51.100.200
		192.0.2.1
		127.0.0.1
		2001:db8:5::77
		203.0.113.1
	END
	rabbit_publish fp.bans '' <<-'END'
		203.0.113.0/24
		0.0.0.0/0
		2001:db8::/48
		-203.0.113.1
	END
	told 10
	blocked 203.0.113.1
	said 'map(select(.action == "refused") | .note)' '["198.51.100.2 is cluster node sip2","198.51.100.200 overlaps 198.51.100.128/25 of the allow list carriers","192.0.2.1 is this node'"'"'s own address on n0","127.0.0.1 is loopback","2001:db8:5::/64 holds 2001:db8:5::1, this node'"'"'s own address on n0","203.0.113.0/24: feeds ban single addresses (IPv6: a /64)","0.0.0.0/0: feeds ban single addresses (IPv6: a /64)","2001:db8::/48: feeds ban single addresses (IPv6: a /64)","203.0.113.1: feeds may not lift bans here"]'
	for address in 198.51.100.2 198.51.100.200 192.0.2.1 203.0.113.2; do
		run ! is_blocked "$address"
	done
	ended
	same "$(jq -c '[.refused, .added, .messages]' <<<"$summary")" '[9,1,7]'
	# said, but not nine times
	[ "$(grep -c refused "$err")" -le 2 ]
}

@test "--rate: what is more waits, and none is lost" {
	consuming --rate 10
	printf '203.0.113.%d\n' {1..40} >lines
	publish 0 <lines
	[ "$(entries feeds)" -le 30 ]
	# what comes meanwhile, and heartbeats, are not in its way
	publish 0 <<<203.0.113.41
	lab_wait 10 has_entries feeds 41
	ended
	same "$(jq -c '[.added, .refused]' <<<"$summary")" '[41,0]'
}

@test "--max-bans: the others are refused, what is banned may be extended" {
	consuming --max-bans 3
	printf '203.0.113.%d\n' {1..5} >lines
	publish 0 <lines
	publish 0 <<<203.0.113.1
	told 6
	said 'map(.action)' '["added","added","added","refused","refused","extended"]'
	said '.[3].note' '"203.0.113.4: 3 bans of feeds are in force"'
	# room again when some have ended
	rm "$lists/feeds.list"
	sleep 1
	publish 0 <<<203.0.113.77
	told 7
	said '.[6].action' '"added"'
}

# ---- dead letters

@test "what is not understood goes to the dead exchange with the reason" {
	consuming
	rabbit_ctl purge_queue fp.dead >/dev/null
	rabbit_publish fp.bans some.key <<<'{"jsonrpc":"2.0","method":"E_FP_TEST","params":{"":"a","":"b"}}'
	rabbit_publish fp.bans '' <<<$'203.0.113.1\nnonsense'
	printf '{"ip":"203.0.113.2' | rabbit_publish fp.bans ''
	publish 0 <<<203.0.113.3
	blocked 203.0.113.3
	is_dead() { [ "$(rabbit_count fp.dead)" = 3 ]; }
	lab_wait 10 is_dead
	dead
	same "$body" '{"jsonrpc":"2.0","method":"E_FP_TEST","params":{"":"a","":"b"}}'
	same "$reason" 'no "ip" in it'
	grep -q "x-fastpath-queue.*$queue" "$RABBIT_DIR/headers"
	grep -q 'x-fastpath-exchange.*fp.bans' "$RABBIT_DIR/headers"
	grep -q 'x-fastpath-routing-key.*some.key' "$RABBIT_DIR/headers"
	dead
	same "$body" $'203.0.113.1\nnonsense'
	same "$reason" 'line 2: "nonsense" is not an address or a prefix'
	dead
	same "$reason" 'byte 8: not JSON'
	verdict 203.0.113.1 none
	ended
	same "$(jq -c '[.messages, .dead, .added]' <<<"$summary")" '[4,3,1]'
	grep -q 'is not understood' "$err"
}

@test "hostile bodies: too large, too deep, too many, NULs, a thousand bad ones" {
	consuming
	rabbit_ctl purge_queue fp.dead >/dev/null
	rabbit_ctl eval '
		{ok, _} = application:ensure_all_started(amqp_client),
		{ok, C} = amqp_connection:start({amqp_params_direct, none, none,
			<<"/">>, node(), none, []}),
		{ok, Ch} = amqp_connection:open_channel(C),
		P = {'"'P_basic'"', undefined, undefined, undefined, 2, undefined,
			undefined, undefined, undefined, undefined, undefined,
			undefined, undefined, undefined, undefined},
		Send = fun(B) -> ok = amqp_channel:cast(Ch,
			{'"'basic.publish'"', 0, <<"fp.bans">>, <<>>, false, false},
			{amqp_msg, P, B}) end,
		{'"'confirm.select_ok'"'} = amqp_channel:call(Ch,
			{'"'confirm.select'"', false}),
		Send(binary:copy(<<"x">>, 2 * 1048576)),
		Send(binary:copy(<<"[">>, 1000000)),
		Send(binary:copy(<<"203.0.113.1\n">>, 1001)),
		Send(<<"203.0.113.1", 0>>),
		Send(<<>>),
		[Send(<<"bad", (integer_to_binary(N))/binary>>) ||
			N <- lists:seq(1, 1000)],
		Send(<<"203.0.113.2">>),
		true = amqp_channel:wait_for_confirms(Ch, 60),
		amqp_connection:close(C).' >/dev/null
	blocked 203.0.113.2
	is_dead() { [ "$(rabbit_count fp.dead)" = 1005 ]; }
	lab_wait 20 is_dead
	verdict 203.0.113.1 none
	ended
	same "$(jq -c '[.messages, .dead, .added]' <<<"$summary")" '[1006,1005,1]'
	[ "$(grep -c 'not understood' "$err")" -le 3 ]
}

# ---- publish

@test "publish: a pipe is read line by line, and sent when no more is there" {
	consuming
	mkfifo pipe
	fp-sync publish --url-file "$url" --json <pipe >published 2>published.err 3>&- &
	publisher=$!
	exec 9>pipe
	echo 203.0.113.1 >&9
	blocked 203.0.113.1
	printf 203.0.113. >&9
	sleep 0.3
	echo 2 >&9
	blocked 203.0.113.2
	# longer than a heartbeat may be missing
	sleep 25
	echo 203.0.113.3 >&9
	blocked 203.0.113.3
	exec 9>&-
	wait "$publisher"
	same "$(cat published)" '{"type":"summary","changed":true,"published":3,"expired":0}'
}

@test "publish: a bad line is named, what was before it is sent" {
	consuming
	publish 2 --json <<-'END'
		203.0.113.1
		203.0.113.2
		nonsense
		203.0.113.4
	END
	hints '-:3: "nonsense" is not an address or a prefix'
	hints '2 published and confirmed before that'
	json '.[0].published' 2
	blocked 203.0.113.1 203.0.113.2
	publish 2 <<<203.0.113.0/24
	hints '-:1: 203.0.113.0/24: feeds ban single addresses'
	publish 0 --json <<<"203.0.113.5 until=2020-01-01T00:00:00Z"
	hints '1 left out: their until= has passed'
	json '.[0] | [.changed, .published, .expired]' '[false,0,1]'
	publish 0 </dev/null
	silent
}

@test "publish --dry-run reads all and sends nothing" {
	consuming
	publish 1 --dry-run --json <<<203.0.113.1
	json '.[0] | [.changed, .published]' '[true,0]'
	publish 0 --dry-run --json </dev/null
	json '.[0].changed' false
	publish 2 --dry-run <<<x
	sleep 0.5
	run ! is_blocked 203.0.113.1
}

@test "publish: an exchange that is not there, or that nobody hears" {
	publish 4 --exchange fp.nowhere <<<203.0.113.1
	hints "NOT_FOUND - no exchange 'fp.nowhere'"
	hints '0 published and confirmed before that'
	rabbit_ctl eval 'rabbit_exchange:declare(rabbit_misc:r(<<"/">>, exchange,
		<<"fp.deaf">>), fanout, true, false, false, [], <<"test">>).' >/dev/null
	publish 4 --exchange fp.deaf <<<203.0.113.1
	hints 'exchange fp.deaf returned them (NO_ROUTE): no queue is bound to it'
	hints '0 published and confirmed before that'
}

# ---- the service

@test "SIGTERM ends it with a summary, SIGHUP reads the URL again" {
	cp "$url" mine
	chmod 600 mine
	url=$PWD/mine consuming
	url=$RABBIT_DIR/url publish 0 <<<203.0.113.1
	blocked 203.0.113.1
	kill -s HUP "$pid"
	lab_wait 10 following 2
	echo nonsense >mine
	kill -s HUP "$pid"
	bad_url() { grep -q 'mine: not like amqp://' "$err"; }
	lab_wait 5 bad_url
	url=$RABBIT_DIR/url publish 0 <<<203.0.113.2
	blocked 203.0.113.2
	ended
	same "$(jq -c '[.changed, .added]' <<<"$summary")" '[true,2]'
}

@test "it tells systemd: ready, status, watchdog, stopping" {
	socat -u "UNIX-RECV:$PWD/notify" "OPEN:$PWD/notified,creat,append" 3>&- &
	socat=$!
	lab_wait 5 test -S notify
	NOTIFY_SOCKET=$PWD/notify WATCHDOG_USEC=2000000 consuming
	publish 0 <<<203.0.113.1
	blocked 203.0.113.1
	watched() { [ "$(grep -o WATCHDOG=1 notified | wc -l)" -ge 2 ]; }
	lab_wait 10 watched
	counted() { grep -q 'STATUS=following .*; 1 messages, 1 bans' notified; }
	lab_wait 10 counted
	ended
	kill "$socat"
	grep -q READY=1 notified
	grep -q STOPPING=1 notified
}

@test "systemd takes the unit" {
	command -v systemd-analyze >/dev/null || skip 'no systemd-analyze'
	sed "s|/usr/sbin/fp-|$FP_BUILD/fp-|" \
		"$BATS_TEST_DIRNAME/../../examples/systemd/fp-sync-consume.service" \
		>fp-sync-consume.service
	run -0 --separate-stderr systemd-analyze verify --man=no \
		"$PWD/fp-sync-consume.service"
	run ! grep fp-sync-consume <<<"$stderr"
}

# ---- who may what

@test "as the unit runs it: its user, CAP_BPF alone, a URL of its group" {
	local unit=$BATS_TEST_DIRNAME/../../examples/systemd/fp-sync-consume.service
	local caps

	caps=-all,+$(sed -n 's/^CapabilityBoundingSet=CAP_//p' "$unit" |
		tr '[:upper:]' '[:lower:]')
	mount -t tmpfs -o mode=755 tmpfs /mnt
	mkdir /mnt/state
	cp "$FP_BUILD/fp-sync" "$RABBIT_DIR/ca.pem" /mnt
	chmod 644 /mnt/ca.pem
	sed 's/^amqp:/amqps:/; s/@.*/@localhost/' "$url" >/mnt/url
	chmod 600 /mnt/url
	export FP_STATE=/mnt/state
	lists=$FP_STATE/lists
	fp-block load many - --quiet < <(seq -f '198.51.%.0f.0/24' 0 100)
	chown -R 12345:12345 "$FP_STATE" "$FP_PINS"
	chmod 711 /sys/fs/bpf
	fp-sync() {
		exec setpriv --reuid 12345 --regid 12345 --clear-groups \
			--no-new-privs --inh-caps "$caps" \
			--ambient-caps "$caps" --bounding-set "$caps" \
			/mnt/fp-sync "$@"
	}
	run --separate-stderr -2 fp-sync consume --url-file /mnt/url
	hints '--url-file: /mnt/url: Permission denied'
	chgrp 12345 /mnt/url
	chmod 640 /mnt/url
	url=/mnt/url consuming --ca /mnt/ca.pem --allow-del --rate 1000000
	same "$(grep -E '^(Uid|CapPrm|CapEff|CapBnd)' "/proc/$pid/status" |
		cut -f2 | tr '\n' ' ')" \
		'12345 0000008000000000 0000008000000000 0000008000000000 '
	{
		echo '{"ip":"203.0.113.1","for":60}'
		# more than the tables hold at first
		seq -f '2001:db8:%.0f::1' 1001 4000
	} >lines
	unset -f fp-sync
	publish 0 <lines
	publish 0 <<<'{"ip":"203.0.113.1","for":600}'
	publish 0 <<<-203.0.113.2
	publish 0 <<<203.0.113.2
	told 3004 20
	said 'map(.action) | group_by(.) | map([.[0], length])' \
		'[["added",3002],["extended",1],["kept",1]]'
	kill -s HUP "$pid"
	lab_wait 10 following 2
	publish 0 <<<-203.0.113.2
	told 3005
	verdict 203.0.113.2 none
	verdict 203.0.113.1 block
	run -0 find "$FP_STATE" "$FP_PINS" -not -uid 12345
	same "$output" ''
	in_step
	ended
	chown -R 0:0 "$FP_PINS"
	umount -l /mnt
}

@test "TLS: the authority and the host name are verified" {
	local secret

	secret=$(<"$RABBIT_DIR/password")
	(umask 077
	echo "amqps://fastpath:$secret@localhost" >tls
	echo "amqps://fastpath:$secret@127.0.0.1" >tls-ip)
	url=tls consuming --ca "$RABBIT_DIR/ca.pem"
	url=tls publish 0 --ca "$RABBIT_DIR/ca.pem" <<<203.0.113.1
	blocked 203.0.113.1
	ended
	url=tls publish 2 --ca "$RABBIT_DIR/other-ca.pem" <<<203.0.113.2
	hints 'SSL peer cert verification failed'
	# librabbitmq 0.11 knows host names only
	url=tls-ip publish 2 --ca "$RABBIT_DIR/ca.pem" <<<203.0.113.2
	hints 'SSL hostname verification failed'
	url=tls publish 2 --ca no-such-file <<<203.0.113.2
	hints 'no-such-file: cannot be read'
	grep -q 'localhost' "$err"
}

@test "users with the least rights, as in the examples" {
	local dir=$BATS_TEST_DIRNAME/../../examples/rabbitmq

	sed 's/"CHANGE-ME-[a-z]*"/"example"/' "$dir/definitions.json" >definitions.json
	rabbit_ctl import_definitions definitions.json
	(umask 077
	echo amqp://fp-node:example@127.0.0.1 >node
	echo amqp://fp-feed:example@127.0.0.1 >feed)
	queue=fp-sync.sip1 url=node consuming --bind amq.topic=fp.pike
	url=feed publish 0 <<<203.0.113.1
	blocked 203.0.113.1
	# a node may reject, not publish; a feed may publish, not listen
	rabbit_ctl purge_queue fp.dead >/dev/null
	rabbit_publish fp.bans '' <<<nonsense
	is_dead() { [ "$(rabbit_count fp.dead)" = 1 ]; }
	lab_wait 10 is_dead
	dead
	same "$reason" 'line 1: "nonsense" is not an address or a prefix'
	url=node publish 4 <<<203.0.113.2
	hints 'ACCESS_REFUSED'
	url=feed run --separate-stderr -2 fp-sync consume --url-file feed --queue fp-sync.sip2
	hints 'ACCESS_REFUSED'
	run --separate-stderr -2 fp-sync consume --url-file node --queue other
	hints 'ACCESS_REFUSED'
	ended
}
