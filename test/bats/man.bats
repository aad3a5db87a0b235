#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What the manual pages say is so.
# shellcheck disable=SC2154 # bats' own variables

bats_require_minimum_version 1.5.0

load block.bash
load examples.bash

setup_file() {
	node_up
	ip link add eth0 type veth peer name eth1
}
setup() {
	node_fresh
	top=$BATS_TEST_DIRNAME/../..
}

@test "the examples of fp-block run" {
	echo '203.0.113.50 twelve failed logins' >attackers.log
	printf '203.0.113.%s\n' 60 61 62 >apiban.txt
	echo nonsense >>apiban.txt
	echo 203.0.113.60 >apiban-new.txt
	echo '198.51.100.0/24 why="a carrier"' >carriers.txt
	n=0
	while IFS= read -r -d '' example; do
		want=0
		[[ $example != *--dry-run* ]] || want=1
		echo "$example"
		run "-$want" bash -e -o pipefail -c "$example" </dev/null
		n=$((n + 1))
	done < <(examples fp-block.8)
	[ $n -ge 7 ]
	block 0 test 203.0.113.50 203.0.113.61
	verdict 198.51.100.9 allow
	in_step
}

# ---- every example of every page

# A cluster of which nobody is there; and what examples read.
nobody_there() {
	ssh-keygen -q -t ed25519 -N '' -f key
	cp "$top/examples/opensips/pair-2.cfg" sip2.cfg
	touch known_hosts attackers.log apiban.txt apiban-new.txt \
		carriers.txt list.txt
	# a capture without a packet
	printf '\xd4\xc3\xb2\xa1\2\0\4\0%08d\0\0\4\0\1\0\0\0' 0 |
		tee incident.pcap >today.pcap
	cat >cluster.ini <<-END
	[opensips]
	sip1 fp_node_id=1 fp_sip=udp:127.0.0.11:5 fp_mi=udp:127.0.0.11:6
	sip2 fp_node_id=2 fp_sip=udp:127.0.0.12:5 fp_mi=udp:127.0.0.12:6
	[freeswitch]
	fs1 ansible_host=127.0.0.21 fp_esl=127.0.0.21:7
	fs2 ansible_host=127.0.0.22 fp_esl=127.0.0.22:7
	fs3 ansible_host=127.0.0.23 fp_esl=127.0.0.23:7
	[freeswitch:vars]
	fp_recovery_db="host=127.0.0.1 port=5"
	[rtpengine]
	rtp1 ansible_host=127.0.0.31 fp_ng=udp:127.0.0.31:2223
	[edge:children]
	opensips
	[edge:vars]
	fp_if=n0
	[all:vars]
	fp_pg=host=127.0.0.1 port=5
	fp_amqp=amqp://fp@127.0.0.1:5
	fp_ssh_key_file=$PWD/key
	fp_ssh_known_hosts=$PWD/known_hosts
	END
	sed -i 's/^sip\(.\)/& ansible_host=127.0.0.1\1/' cluster.ini
	: >ran
	mkdir bin
	echo 198.51.100.0/24 | fp-block load carriers - --kind allow --quiet
	for tool in "$FP_BUILD"/fp-*; do parsed "${tool##*/}"; done
	printf '#!/bin/sh\necho "{}"\n' >bin/ansible-inventory
	chmod +x bin/ansible-inventory
	for tool in nsupdate socat systemctl; do
		printf '#!/bin/sh\ncat >/dev/null\n' >"bin/$tool"
		chmod +x "bin/$tool"
	done
}

# parsed TOOL: bin/TOOL runs it as a dry run, for LOOK, half a second; a word that
# it does not take, a file that it cannot read and what it holds for a mistake is
# told in "wrong".  It is done well all the same, for the rest of an example to be
# run.
parsed() {
	cat >"bin/$1" <<-'END'
	#!/bin/bash
	tool=${0##*/}
	dry=--dry-run
	[ "$tool $1" != 'fp-sync receive' ] || dry=
	grep -qxF "$tool $*" ran && echo "$tool again" >>ran && exit 0
	timeout "${LOOK-0.5}" "$FP_BUILD/$tool" "$@" $dry -t 100ms 2>"said.$$"
	status=$?
	echo "$tool $*" >>ran
	case $status:$tool:$(<"said.$$") in
	*"try $tool"* | *'no such verb'*) ;;
	2:fp-health:* | 2:*:*'there is no job '* | \
		2:*:*'no version before this one'*) exit 0 ;;
	2:*) ;;
	[013456789]:* | 124:* | 141:*) exit 0 ;;
	esac
	echo "$tool $*: $status, $(<"said.$$")" >>wrong
	END
	chmod +x "bin/$1"
}

# is_typed PAGE TEXT: as above; a text of which nothing of ours was run is no example.
is_typed() {
	local before after

	before=$(wc -l <ran)
	FP_CLUSTER=$PWD/cluster.ini PATH=$PWD/bin:$PATH \
		run bash -o pipefail -c "$2" </dev/null
	after=$(wc -l <ran)
	[ "$status" = 0 ] && [ ! -e wrong ] && [ "$after" -gt "$before" ] && return
	echo "$1: $2: $status, $output"
	[ ! -e wrong ] || cat wrong
	return 1
}

# all_examples: PAGE:TEXT, NUL after each.
all_examples() {
	local page

	for page in "$top"/man/*.[1-9]; do
		page=${page##*/}
		case $page in
		fp-sync-protocol.5) continue ;; # frames: see below
		esac
		examples "$page" | sed -z "s/^/$page:/"
	done
	(cd "$top" && find README.md doc examples -name '*.md' 2>/dev/null) |
		while read -r page; do
			commands "$page" | sed "s|^|$page:|" | tr '\n' '\0'
		done
}

@test "every example of every page, and of README, is taken by the tools that it names" {
	nobody_there
	n=0
	while IFS=: read -r -d '' page example; do
		is_typed "$page" "$example"
		n=$((n + 1))
	done < <(all_examples)
	[ $n -ge 100 ]
	for tool in fp-load fp-block fp-sync fp-health fp-rehome fp-recover; do
		grep -q "^$tool " ran
	done
}

@test "an example that no tool takes is found" {
	nobody_there
	export LOOK=20
	for bad in 'fp-load atach eth0' 'fp-block add 203.0.113.7 --fro 1h' \
		'fp-health look' 'fp-health check --onyl sip' 'fp-sync' \
		'fp-rehome failover sip1' 'fp-recover failover fs9 --to auto' \
		'fp-rehome drain sip9 --to auto' 'echo fp-load' \
		'fp-nothing status'; do
		rm -f wrong
		run is_typed page "$bad"
		[ "$status" = 1 ] || { echo "taken: $bad"; false; }
	done
}

# The frames of C as test/prog/wire reads them; the list that it sends has the five
# entries more and two less that N counts.
session() {
	sed -n "s/clock_ms=[0-9]*/clock_ms=$(date +%s)000/; s/policy=[^ ]*/policy=@/
		s/^C  H /HELLO /p; s/^C  L .*/buckets feed block new 4/p
		s/^C  C /COMMIT /p; s/^C  U /CONFIRM /p"
}

@test "the session of fp-sync-protocol(5) goes as it says" {
	[ -x "$FP_BUILD/test/prog/wire" ] || skip 'wire is not built'
	export FP_STATE=$PWD/state FP_PINS=$PWD/none
	mkdir state
	seq -f 203.0.113.%g 40 >old
	{ seq -f 203.0.113.%g 3 40; seq -f 203.0.114.%g 5; } >new
	wire=$FP_BUILD/test/prog/wire
	"$wire" fp-sync receive >/dev/null <<-END
	HELLO v=1 min=1 name=c1
	list feed block old
	COMMIT push=p7 base= policy=@ by=al
	END
	examples fp-sync-protocol.5 | tr -d '\0' >said
	session <said | "$wire" fp-sync receive | grep '^[A-Z]' >answers
	# a frame of N a line, with the words of it that the page says
	sed -n 's/^N  H/HELLO/p; s/^N  W/WANT/p; s/^N  K/OK/p' said >want
	same "$(wc -l <answers)" "$(wc -l <want)"
	while read -r -u 3 type words && read -r -u 4 answer; do
		same "${answer%% *}" "$type"
		for word in $words; do
			case $word in
			v=* | changed=* | added=* | removed=* | staged=* | \
				accepted=* | pending_s=* | name=feed) ;;
			*=*) word=${word%%=*}= ;; # another run, another value
			*) continue ;;
			esac
			[[ " $answer " == *" $word"* ]] || {
				echo "no $word in: $answer"
				false
			}
		done
	done 3<want 4<answers
}

@test "messages as fp-sync-amqp(5) shows them are ones that publish takes" {
	awk '/^\.Sh / { is_ours = $2 == "MESSAGES" }
		/^\.Ed/ { is_in = 0 }
		is_in && is_ours
		/^\.Bd -literal/ { is_in = 1 }' "$top/man/fp-sync-amqp.5" |
		sed -z 's/,\n */,/g' >messages
	[ "$(wc -l <messages)" -ge 6 ]
	run -1 fp-sync publish --dry-run - <messages # it would
	same "$output" ''
	echo '{"prefix":"nonsense"}' >>messages
	run -2 fp-sync publish --dry-run - <messages
}

@test "fp-block's records have the fields that its page names, in order" {
	page=$(mandoc -Tascii -O width=1000 "$top/man/fp-block.8" | col -b |
		tr -s '[:space:]' ' ' | sed 's/ ([^)]*)//g')
	for args in 'add 203.0.113.7' 'load x -' 'unload x' list lists \
		'test 203.0.113.7' sweep verify digest; do
		# shellcheck disable=SC2086 # words
		block 2 $args -o nope
		fields=${stderr##*which has: }
		[[ $page == *" ${fields// /, }"[,.\;\ ]* ]] ||
			{ echo "$args: $fields"; false; }
	done
	[[ $page == *' address, prefix, list, kind, owner, until, why, by, run. '* ]]
	[[ $page == *' address, lists_say, verdict, blocked, mode. '* ]]
	fp-block add 203.0.113.7 >/dev/null
	for args in 'add 203.0.113.7' 'del 203.0.113.9' 'load x /dev/null' \
		'unload x' list lists 'test 203.0.113.7' 'why 203.0.113.7' \
		sweep verify; do
		# shellcheck disable=SC2086 # words
		block 0 $args --json
		for name in $(jq -r 'select(.type == "summary") | keys[]' \
			<<<"$output"); do
			case $name in type | changed) continue ;; esac
			[[ $page == *"ummary: "*"$name"* ]]
		done
	done
}

@test "every rule that refuses is on fp-block's page" {
	rules=$(grep -rhoE --exclude='rehome*' \
		'fp_refuse\(\s*[^,]*, "[a-z-]+"' "$top"/lib/logic \
		"$top"/cmd/fp-block "$top"/lib/node/facts.c |
		grep -oE '"[a-z-]+"' | tr -d '"' | sort -u)
	[ "$(wc -w <<<"$rules")" -ge 6 ]
	for rule in $rules; do
		grep -qE "^\.It Cm $rule\b" "$top/man/fp-block.8" ||
			{ echo "$rule"; false; }
	done
}

@test "fp-rehome's rules are those of its page, and all that refuse" {
	known=$(fp-rehome list --override nosuch 2>&1 | sed 's/.*there are: //' |
		tr -d ' ' | tr , '\n' | sort)
	[ "$(wc -w <<<"$known")" -ge 19 ]
	awk '/^\.Ss / { on = /Safety rules/ } on && /^\.It Cm/ { print $3 }' \
		"$top/man/fp-rehome.8" | sort | diff - <(echo "$known")
	# fp_refuse(e, "RULE", SAY(out, REFUSE, "RULE", .rule = "RULE"
	cat "$top"/cmd/fp-rehome/*.c "$top"/lib/rehome/*.c "$top"/lib/db/*.c \
		"$top"/lib/logic/rehome*.c "$top"/lib/peer/pg*.c | tr '\n\t' '  ' |
		grep -oE '(fp_refuse\([^",]*, *|REFUSE, *|\.rule = )"[a-z-]+"' |
		grep -oE '"[a-z-]+"' | tr -d '"' | sort -u >refuse
	[ "$(wc -l <refuse)" -ge 15 ]
	run grep -vxF "$known" refuse
	[ -z "$output" ]
}

@test "fp-recover's rules are those of its page, and all that refuse" {
	known=$(fp-recover list --override nosuch 2>&1 |
		sed 's/.*there are: //' | tr -d ' ' | tr , '\n' | sort)
	[ "$(wc -w <<<"$known")" -ge 15 ]
	awk '/^\.Ss / { on = /Safety rules/ } on && /^\.It Cm/ { print $3 }' \
		"$top/man/fp-recover.8" | sort | diff - <(echo "$known")
	cat "$top"/cmd/fp-recover/*.c "$top"/lib/recover/*.c "$top"/lib/db/*.c \
		"$top"/lib/logic/recover*.c "$top"/lib/peer/pg*.c |
		tr '\n\t' '  ' >code
	{
		# fp_refuse(e, "RULE", .rule = "RULE"
		grep -oE '(fp_refuse\([^",]*, *|\.rule = )"[a-z-]+"' code
		# say(f, node, NAME, FP_COND_REFUSE, "RULE"
		grep -oE 'FP_COND_REFUSE, *"[a-z-]+"' code
	} | grep -oE '"[a-z-]+"' | tr -d '"' | sort -u >refuse
	[ "$(wc -l <refuse)" -ge 12 ]
	run grep -vxF "$known" refuse
	[ -z "$output" ]
}

@test "the layout of the tables is the one that fp-lists.5 freezes" {
	[ -x "$FP_BUILD/test/prog/layout" ] || skip 'layout is not built'
	awk '/^layout [0-9]/ { on = 1 } /^\.Ed/ { on = 0 } on' \
		"$top/man/fp-lists.5" >frozen
	"$FP_BUILD/test/prog/layout" | diff frozen -
}

@test "the list in fp-lists.5 is one" {
	mkdir -p "$lists"
	awk '/^#fastpath-list/ { on = 1 } /^\.Ed/ { on = 0 } on' \
		"$top/man/fp-lists.5" >"$lists/ours.list"
	fp-block verify --repair -q
	same "$(fp-block list ours -o prefix,why)" "198.51.100.0/24	toll fraud
203.0.113.9	scan
2001:db8::/32	-"
	block 0 lists -j
	json '.[0] | [.generation, .entries]' '[14,3]'
	in_step
}

@test "the example of a cluster file is one, and its nodes are allowed" {
	FP_CLUSTER=$top/examples/cluster.ini block 0 sweep
	same "$(fp-block list _cluster -o prefix | head -n 3)" "10.0.0.11
10.0.0.12
10.0.0.21"
	FP_CLUSTER=$top/examples/cluster.ini block 5 add 192.0.2.31
	refused cluster '192.0.2.31 is cluster node rtp1'
}
