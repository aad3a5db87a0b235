#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What SECURITY.md claims and no other test shows: hostile nodes and controllers,
# secrets, and what strangers wrote on its way to a terminal or a log.
# shellcheck disable=SC2154 # bats' own variables

bats_require_minimum_version 1.5.0

load block.bash

setup_file() { node_up; }
setup() {
	node_fresh
	PATH=$FP_BUILD/test/prog:$PATH
	export FP_CLUSTER=$PWD/cluster.ini
}
teardown() {
	[ -z "${pid-}" ] || kill "$pid" 2>/dev/null || :
}

# ---- a node that answers its controller

# A node, in place of ssh: HOW it answers is in $HOW.
hostile() {
	printf '[opensips]\nsip1 ansible_host=192.0.2.11\n' >cluster.ini
	cat >node <<-'END'
		#!/usr/bin/env python3
		import os, struct, sys, time
		out = sys.stdout.buffer
		def frame(kind, fields, body=b''):
		    text = b''.join(k + b'=' + v + b'\n' for k, v in fields) + b'\n'
		    return struct.pack('>I', 1 + len(text) + len(body)) + kind + text + body
		evil = b'\x1b[2J\x1b]0;x\x07\xc2\x9b2J\xe2\x80\xaey\x9b2J'
		how = os.environ['HOW']
		if how == 'garbage':
		    out.write(os.urandom(100000))
		elif how == 'long':
		    out.write(b'\xff\xff\xff\xffH' + b'x' * 100000)
		elif how == 'endless':
		    while True:
		        out.write(b'\0\x0f\xff\xffH' + b'x' * 1048574)
		elif how == 'notes':
		    while True:
		        out.write(frame(b'T', [(b'text', b'x' * 4000)]) * 100)
		elif how == 'lists':
		    out.write(frame(b'H', [(b'v', b'1')],
		        b''.join(b'l%d block pushed 1 -\n' % i for i in range(50000))))
		elif how == 'banner':
		    sys.stderr.buffer.write(evil + b' is what sshd says\n')
		    sys.exit(255)
		elif how == 'fail':
		    out.write(frame(b'F', [(b'code', b'failed'), (b'errno', b'EIO'),
		        (b'text', evil + b' is what it says')]))
		elif how == 'hello':
		    out.write(frame(b'H', [(b'v', b'1'), (b'name', evil),
		        (b'accepted_by', evil), (b'policy', evil), (b'filter', evil)]))
		out.flush()
		time.sleep(30)
	END
	chmod +x node
}

# fleet VERB...: on the controller of that node; it says partly, try again, or what
# is wrong, in time; how much memory it took: $rss.
fleet() {
	run --separate-stderr command time -q -o rss -f %M \
		timeout -k 1 20 fp-sync "$@" -t 1s --ssh-command "$PWD/node" \
		--state "$PWD/controller"
	rss=$(tail -n 1 rss)
	[[ $status == [234] ]]
}

# Sanitizers take much more, for themselves.
is_small() {
	local limit=65536

	if [[ $FP_BUILD == *-san ]]; then limit=1048576; fi
	[ "$rss" -lt "$limit" ] || { echo "$rss KB"; return 1; }
}

# Nothing on both streams that a terminal would do something for.
is_harmless() {
	[ "$(printf %s "$output$stderr" | LC_ALL=C tr -d '\n\t -~' | wc -c)" = 0 ]
}

@test "a node that answers garbage, too much or without end: in time, bounded" {
	hostile
	for how in garbage long endless notes lists; do
		echo "$how"
		SECONDS=0
		HOW=$how fleet status
		[ $SECONDS -lt 12 ]
		is_small
		is_harmless
		[[ $stderr == *sip1:* ]]
	done
}

@test "what a node says steers no terminal, plain and as JSON" {
	hostile
	for how in banner fail hello; do
		for as in -v --json; do
			echo "$how $as"
			HOW=$how
			export HOW
			run --separate-stderr timeout 20 fp-sync status "$as" \
				-t 1s --ssh-command "$PWD/node" --state controller
			[ "$status" != 124 ] && [[ $output == *sip1* ]]
			is_harmless
		done
	done
}

# ---- a controller that talks to a node

@test "receive: garbage, huge lengths, words from outside: ended, bounded" {
	export SSH_ORIGINAL_COMMAND='fp-sync receive --override wide; touch mine'
	before=$(state)
	for bytes in '\x00\x00\x00\x00' '\xff\xff\xff\xffH' '\x00\x10\x00\x01H' \
		'\x00\x00\x00\x02Z\n' '\x00\x00\x00\x08Hv=1\n\n\n\n'; do
		echo "$bytes"
		run --separate-stderr -2 command time -q -o rss -f %M \
			timeout 10 fp-sync receive < <(
				printf %b "$bytes"
				head -c 20000000 /dev/urandom
			)
		rss=$(tail -n 1 rss)
		is_small
	done
	same "$(state)" "$before"
	[ ! -e mine ]
}

# ---- secrets

# who_reads FILE MODE: each tool that reads a secret, of a file of that mode: all it
# says is in $said.
who_reads() {
	chmod "$2" "$1"
	said=
	case $1 in
	esl)
		said+=$(fp-health check fs1 -t 500ms 2>&1 || :)
		said+=$'\n'$(fp-health peers 2>&1 || :)
		;;
	url)
		said+=$(fp-health check mq -t 500ms 2>&1 || :)
		said+=$'\n'$(fp-sync publish --url-file url -t 500ms 2>&1 </dev/null || :)
		# with a good one it would go on for ever
		[[ $2 == *0 ]] || said+=$'\n'$(fp-sync consume --url-file url 2>&1 || :)
		;;
	key.pem) said+=$(fp-health check tls -t 500ms 2>&1 || :) ;;
	id) said+=$(fp-sync status -N node -t 500ms --state controller 2>&1 || :) ;;
	pgpass) said+=$(fp-health check db -t 500ms 2>&1 || :) ;;
	esac
	echo "$1 $2: $said"
}

# holds TEXT N: in $said, on so many lines at least; lacks: on none.
holds() { [ "$(grep -ce "$1" <<<"$said")" -ge "$2" ]; }
lacks() { run ! grep -e "$1" <<<"$said"; }

secrets() {
	echo 's3cret-of-esl' >esl
	echo 'amqp://u:s3cret-of-url@127.0.0.1:1' >url
	echo '127.0.0.1:1:*:*:s3cret-of-db' >pgpass
	ssh-keygen -q -t ed25519 -N '' -f id
	cp id known
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-subj /CN=x -days 2 -keyout key.pem -out cert.pem 2>/dev/null
	chmod 600 esl url pgpass id key.pem
	cat >cluster.ini <<-END
		[freeswitch]
		fs1 fp_esl=127.0.0.1:8021 fp_esl_password_file=$PWD/esl
		[others]
		mq fp_amqp_file=$PWD/url
		db fp_pg="host=127.0.0.1 port=1 dbname=x user=u passfile=$PWD/pgpass"
		tls fp_sip=tls:127.0.0.1:1 fp_tls_cert=$PWD/cert.pem fp_tls_key=$PWD/key.pem
		[ssh]
		node ansible_host=127.0.0.1 ansible_port=1 fp_ssh_key_file=$PWD/id fp_ssh_known_hosts=$PWD/known
	END
}

@test "a secret that others may read is refused by every tool that reads it" {
	secrets
	for mode in 644 602; do
		who_reads esl $mode
		holds 'chmod o=' 2
		who_reads url $mode
		holds 'chmod o=' 3
		who_reads key.pem $mode
		holds 'chmod o=' 1
	done
	for mode in 640 604; do
		who_reads id $mode
		holds 'chmod 600' 2
		who_reads pgpass $mode
		holds 'WARNING: password file' 1
	done
	for file in esl url key.pem id pgpass; do
		who_reads $file 600
		lacks 'chmod o=\|chmod 600\|WARNING'
	done
	for file in esl url key.pem; do
		who_reads $file 640 # a group's, as units run
		lacks 'chmod o='
	done
}

@test "secrets are on no command line, in no environment, output or file" {
	secrets
	python3 "$BATS_TEST_DIRNAME/../fake/freeswitch" --ip 127.0.0.1 --name fs1 \
		password=s3cret-of-esl >fake 2>&1 3>&- &
	pid=$!
	for _ in {1..100}; do grep -q ^up fake && break; sleep 0.05; done
	export FP_STATE=$PWD/mine
	mkdir mine
	fp-health watch -vv --json --interval 200ms -t 2s >out 2>err 3>&- &
	watch=$!
	for _ in {1..400}; do grep -q 'fs1.*esl.*OK' out && break; sleep 0.05; done
	cat "/proc/$watch/cmdline" "/proc/$watch/environ" >seen
	kill $watch
	wait $watch || :
	fp-health check -vv -t 500ms >>out 2>>err || :
	fp-recover preflight fs1 -vv -t 500ms >>out 2>>err || :
	echo 203.0.113.9 | fp-sync publish --url-file url -vv -t 500ms >>out 2>>err || :
	[ -s seen ]
	grep -q 'fs1.*esl.*OK' out
	run ! grep -ra s3cret out err seen mine fake
}

@test "no tool leaves a core, whatever the shell allows" {
	ulimit -S -c "$(ulimit -H -c)"
	for tool in fp-block fp-health fp-load fp-recover fp-rehome fp-sync; do
		ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 \
			strace -qq -e trace=prlimit64,prctl -o trace \
			"$(command -v $tool)" --version >/dev/null
		grep -q 'RLIMIT_CORE, {rlim_cur=0,' trace
		# nor to a program: core_pattern with '|' has no limit
		grep -Eq 'PR_SET_DUMPABLE, (SUID_DUMP_DISABLE|0)' trace
	done
}

# ---- what becomes words of a command, a log or a line

@test "nodes, hosts and users are no options or commands of what we start" {
	# shellcheck disable=SC2016 # for no shell
	for line in 'a ansible_host=-oProxyCommand=id' 'a ansible_host=$(id)' \
		'a ansible_host=a;id' '-oProxyCommand=id' '$(id)' 'a;id' \
		'a fp_sip=udp:$(id):5060' "a fp_esl='127.0.0.1;id'"; do
		printf '[x]\n%s\n' "$line" >cluster.ini
		echo "$line"
		run --separate-stderr -2 fp-sync status --state controller
		[[ $stderr == "fp-sync: $PWD/cluster.ini:2: "* ]]
	done
	printf '[x]\na ansible_host=192.0.2.11 ansible_user=-oProxyCommand=id\n' \
		>cluster.ini
	printf '#!/bin/sh\necho started >>started\nexit 255\n' >node
	chmod +x node
	run ! fp-sync status --ssh-command "$PWD/node" --state controller
	[[ $output == *'the user cannot be "-oProxyCommand=id"'* ]]
	[ ! -e started ]
}

@test "why=, by= and words of a command line steer no terminal" {
	evil=$'\e[2J\e]0;x\a\xc2\x9b2J\xe2\x80\xaey'
	mkdir -p "$lists"
	printf '203.0.113.7 why="%s"\n' "$evil" >file
	for command in "load feed file" "add 203.0.113.8 --why $evil" \
		"add 203.0.113.8 --by $evil" "list" "why 203.0.113.7" "test $evil" \
		"load $evil file" "$evil"; do
		IFS=' ' read -ra words <<<"$command"
		run --separate-stderr fp-block "${words[@]}"
		is_harmless || { echo "$command: $output$stderr"; return 1; }
	done
}
