#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-sync receive: sessions through pipes, on a real filter.  What a controller
# says is written as test/prog/wire.c reads it.
# shellcheck disable=SC2154 # bats' own variables

bats_require_minimum_version 1.5.0

load block.bash

setup_file() { node_up; }
setup() {
	node_fresh
	PATH=$FP_BUILD/test/prog:$PATH
	rm -rf "${FP_STATE:?}"/{stage,step,step.done,pending,accepted,digests}
	fp-load set lists=enforce stealth=observe malformed=observe -q >/dev/null
	printf '%s\n' '203.0.113.1 why=x' 203.0.113.2 2001:db8:a::/48 >a
	printf '%s\n' '203.0.113.1 why=x' 203.0.113.9 2001:db8:a::/48 >b
	printf '%s\n' 198.51.100.1 198.51.100.2 >c
	awk 'BEGIN { for (i = 0; i < 200; i++) print "198.18.0." i }' >many
}

hello='HELLO v=1 min=1 name=ctl'

# session [ARG...] <SCRIPT: with receive's options; answers in $output.
session() {
	cat >script
	run --separate-stderr wire fp-sync receive "$@" <script
}

# good <SCRIPT: a session after HELLO without FAIL.
good() {
	session < <(echo "$hello"; cat)
	[ "$status" = 0 ] && [[ $output != *FAIL* ]] && [ -z "$stderr" ] || {
		printf '%s\n%s\n' "$output" "$stderr"
		return 1
	}
}

# answers GLOB: in this session.
answers() {
	# shellcheck disable=SC2053 # a glob
	[[ $output == *$1* ]] || { printf 'no "%s" in:\n%s\n' "$1" "$output"; return 1; }
}

# now KEY: of HELLO's answer.
now() {
	wire fp-sync receive <<<"$hello" | tr ' ' '\n' | sed -n "s/^$1=//p;/^  /q"
}

# kept: all on disk but what can be made again.
kept() { state | sed '/digests/d'; }

# push BASE ID: list feed from file a, or $3.
push() {
	good <<-END
		list feed block ${3:-a}
		COMMIT push=$2 base=$1 policy=@ by=me why=test ${4-}
	END
	answers 'OK changed=1'
}

# What is left on disk must be whole, and nothing more.
clean() {
	same "$(find "$FP_STATE" -name '*.tmp' -o -name 'step*')" ''
	same "$(ls -A "$FP_STATE/stage" 2>/dev/null)" ''
	in_step
}

# ---- HELLO

@test "HELLO changes nothing, and says what is" {
	before=$(kept)
	good <<<''
	answers "HELLO v=1 name=$(hostname) version=0.1.0 clock_ms=1"
	answers ' policy=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 '
	answers ' filter=attached '
	answers ' nics=1 bypass_s=0 lists=enforce stealth=observe malformed=observe'
	[[ $output != *accepted* && $output != *pending* ]]
	same "$(kept)" "$before"
	fp-block add 203.0.113.7 -q >/dev/null
	fp-block add 203.0.113.8 --list bans --owner dynamic --for 1h -q >/dev/null
	good <<<''
	answers $'\n  bans block dynamic 1 -\n  local block local 1 -'
	answers ' n_words=1 broken=0 '
	session <<<'HELLO v=2 min=2'
	[ "$status" = 2 ]
	answers 'FAIL code=version'
}

@test "HELLO knows an edit by hand at once" {
	push '' p1
	digest=$(now policy)
	same "$digest" "$(fp-block digest -o digest)"
	sleep 0.1
	same "$(now policy)" "$digest"
	was=$(stat -c %y "$lists/feed.list")
	sed -i s/203.0.113.2/203.0.113.3/ "$lists/feed.list"
	touch -d "$was" "$lists/feed.list"
	good <<<''
	answers ' tables=behind '
	[ "$(now policy)" != "$digest" ]
	same "$(now policy)" "$(fp-block digest -o digest 2>/dev/null)"
	good <<-END
		know feed block $lists/feed.list
		COMMIT push=p2 base=p1 policy=@ by=me
		HELLO v=1
	END
	answers 'NOTE text=the tables were behind the lists'
	answers ' tables=ok '
	verdict 203.0.113.3 block
	printf 'x' >"$FP_STATE/digests"
	same "$(now policy)" "$(fp-block digest -o digest 2>/dev/null)"
}

# ---- pushes

@test "a push: whole, by differences, by buckets; a second time nothing" {
	good <<-'END'
		list feed block a
		list friends allow c
		COMMIT push=p1 base= policy=@ by=me why=test
		know friends allow c
		list feed block a
		COMMIT push=p1b base=p1 policy=@ by=me why=test
	END
	answers 'OK changed=1 added=5 removed=0 policy='
	answers ' lists=2 ms='
	answers ' force=1 pending_s=0'
	answers 'OK changed=0 added=0 removed=0'
	same "$(fp-block list feed)" "$(cat a)"
	same "$(fp-block lists -o list,kind,owner,entries | grep friends)" \
		$'friends\tallow\tpushed\t2'
	verdict 203.0.113.2 block
	verdict 198.51.100.2 allow
	same "$(now accepted) $(now accepted_by)" 'p1b ctl'
	same "$(now accepted_policy)" "$(now policy)"
	good <<-'END'
		know friends allow c
		diff feed block a b
		COMMIT push=p2 base=p1b policy=@ by=me why=test
		buckets feed block a 16
		COMMIT push=p3 base=p2 policy=@ by=me why=test
		buckets friends allow many 1
		COMMIT push=p4 base=p3 policy=@ by=me override=max-change
	END
	answers 'OK changed=1 added=1 removed=1'
	answers 'OK changed=1 added=200 removed=2'
	verdict 203.0.113.9 none
	verdict 198.18.0.199 allow
	same "$(fp-block list feed)" "$(cat a)"
	same "$(fp-block digest -o digest)" "$(now policy)"
	good <<-'END'
		know feed block a
		DROP name=friends
		DROP name=nothing
		COMMIT push=p5 base=p4 policy=@ by=me
	END
	answers 'OK changed=1 added=0 removed=200'
	verdict 198.18.0.199 none
	clean
}

@test "what does not fit is said, and nothing is changed" {
	push '' p1
	before=$(kept)
	session <<-EOF
		$hello
		diff feed block b a
		diff new block a b
		know feed block a
		list feed block b
		COMMIT push=p2 base=p1 policy=$(printf '%064d' 0) by=me
		list feed block b
		COMMIT push=p2 base=p0 policy=@ by=me
		LIST name=feed kind=block digest=$(printf '%064d' 0) entries=1 how=whole
		|192.0.2.9
		DATA
		END
		LIST name=feed kind=block digest=$(printf '%064d' 0) entries=1 how=whole
		|nonsense
		DATA
		END
		LIST name=feed kind=block digest=$(printf '%064d' 0) entries=1 how=diff from=$(now policy)
		|192.0.2.9
		DATA
		END
	EOF
	[ "$status" = 0 ]
	same "$(grep -o 'FAIL code=[a-z]*' <<<"$output" | tr '\n' ' ')" \
		'FAIL code=base FAIL code=base FAIL code=digest FAIL code=stale FAIL code=digest FAIL code=failed FAIL code=base '
	answers 'text=this node has accepted push p1 of ctl (by me) at 20'
	same "$(kept)" "$before"
	clean
}

@test "another controller: stale, adopt, and an equal policy" {
	push '' p1
	session <<-'END'
		HELLO v=1 name=other
		list feed block b
		COMMIT push=q1 base=p0 policy=@ by=you
		list feed block a
		COMMIT push=q2 base=p0 policy=@ by=you
	END
	answers 'FAIL code=stale'
	answers 'OK changed=0'
	same "$(now accepted)" p1
	session <<-'END'
		HELLO v=1 name=other
		list feed block b
		COMMIT push=q3 base=p0 policy=@ by=you adopt=1
		list feed block b
		COMMIT push=q4 base=p0 policy=@ by=you adopt=1
	END
	answers 'OK changed=1'
	answers 'OK changed=0'
	same "$(now accepted) $(now accepted_by)" 'q4 other'
	rm "$FP_STATE/accepted"
	good <<-'END'
		list feed block b
		COMMIT push=p5 base=p0 policy=@ by=me
	END
	same "$(now accepted)" p5
}

@test "--dry-run asks all rules and changes nothing" {
	push '' p1
	before=$(kept)
	session <<-END
		$hello
		list feed block b
		COMMIT push=p2 base=p1 policy=@ by=me dry_run=1
		list feed block c
		list feed block many
		forget feed
		know feed block many
		list none block a
		COMMIT push=p2 base=p0 policy=@ by=me dry_run=1
	END
	answers 'OK changed=1 added=1 removed=1'
	answers 'FAIL code=stale'
	same "$(kept)" "$before"
}

# guarded RULE FILE [KIND]: refused, nothing changed; taken with the override.
guarded() {
	before=$(kept)
	session <<-END
		$hello
		list feed ${3:-block} $2
		COMMIT push=g1 base= policy=@ by=me
	END
	answers "FAIL code=refused errno=EPERM rule=$1"
	same "$(kept)" "$before"
	good <<-END
		list feed ${3:-block} $2
		COMMIT push=g1 base= policy=@ by=me override=$1
	END
	answers 'OK changed=1'
	good <<-END
		DROP name=feed
		COMMIT push=g0 base=g1 policy=@ by=me
	END
	rm "$FP_STATE/accepted"
}

@test "guards: what a push may not list, and what lifts each rule" {
	printf '[sip]\nsip1 ansible_host=198.51.100.11\n' >cluster.ini
	export FP_CLUSTER=$PWD/cluster.ini
	fp-block sweep -q # _cluster follows
	echo 192.0.2.0/24 >own
	guarded self own
	echo 100.0.0.0/8 >wide
	guarded wide wide
	ip route add default via 192.0.2.254
	echo 192.0.2.254 >gw
	guarded gateway gw
	ip route del default
	echo 198.51.100.11 >node
	session <<-END
		$hello
		list feed block node
		COMMIT push=g1 base= policy=@ by=me override=allowed
	END
	answers 'rule=cluster'
	session <<-END
		$hello
		list feed block node
		COMMIT push=g1 base= policy=@ by=me override=cluster
	END
	answers 'rule=allowed'
	echo 203.0.113.5 >stranger
	guarded fence stranger fence
	unset FP_CLUSTER
	fp-block add 203.0.113.2 --list friends --kind allow -q >/dev/null
	guarded allowed a
}

@test "guards: an allow list that comes with the push counts" {
	session <<-END
		$hello
		list feed block a
		list friends allow b
		COMMIT push=p1 base= policy=@ by=me
	END
	answers 'rule=allowed text=list feed: 203.0.113.1 is on the allow list friends'
	fp-block add 203.0.113.2 --list local-allow --kind allow -q >/dev/null
	fp-block del 203.0.113.2 --list local-allow -q >/dev/null
	push '' p1
}

@test "guards: too much gone, all gone, and lists that are not pushed" {
	push '' p1 many
	tail -n 150 many >fewer
	session <<-END
		$hello
		list feed block fewer
		COMMIT push=p2 base=p1 policy=@ by=me
		list feed block /dev/null
		COMMIT push=p2 base=p1 policy=@ by=me max_change=100
		list feed block fewer
		COMMIT push=p2 base=p1 policy=@ by=me max_change=30
	END
	answers 'rule=max-change text=list feed: 50 of 200 entries would go, more than 20 %'
	answers 'rule=empty'
	answers 'OK changed=1 added=0 removed=50'
	fp-block add 203.0.113.7 -q >/dev/null
	session <<-END
		$hello
		know feed block fewer
		list local block a
		COMMIT push=p3 base=p2 policy=@ by=me
		DROP name=local
		know feed block fewer
		COMMIT push=p3 base=p2 policy=@ by=me
	END
	[ "$(grep -c rule=owner <<<"$output")" = 2 ]
	same "$(fp-block list local)" 203.0.113.7
}

@test "guards: the SSH connection that the push itself may come over" {
	ip netns add peer
	ip link add s0 type veth peer name s1 netns peer
	ip addr add 198.51.100.1/24 dev s0
	ip link set s0 up
	ip -n peer addr add 198.51.100.77/24 dev s1
	ip -n peer link set s1 up
	ssh-keygen -q -t ed25519 -N '' -f key
	ssh-keygen -q -t ed25519 -N '' -f hostkey
	chmod 700 .
	echo "restrict,command=\"fp-sync receive --state $FP_STATE --pins $FP_PINS\" $(cat key.pub)" >authorized
	mkdir -p /run/sshd
	cat >sshd_config <<-END
		HostKey $PWD/hostkey
		AuthorizedKeysFile $PWD/authorized
		StrictModes no
		PidFile none
		UsePAM no
		PermitRootLogin yes
		SetEnv PATH=$FP_BUILD:/usr/bin:/bin
	END
	"$(command -v sshd)" -D -f sshd_config -o ListenAddress=198.51.100.1:22 \
		-E sshd.log 3>&- &
	sshd=$!
	for _ in $(seq 50); do
		[ -z "$(ss -Hltn 'sport = :22')" ] || break
		sleep 0.1
	done
	echo 198.51.100.77 >me
	cat >script <<-END
		$hello
		list feed block me
		COMMIT push=p1 base= policy=@ by=me
		list feed block a
		COMMIT push=p1 base= policy=@ by=me confirm_ms=2000
	END
	run --separate-stderr ip netns exec peer env PATH="$PATH" wire \
		ssh -i key -o StrictHostKeyChecking=no -F none -o BatchMode=yes \
		-o UserKnownHostsFile=/dev/null root@198.51.100.1 \
		'rm -rf /; fp-sync receive --state /tmp' <script
	kill $sshd
	ip link del s0
	ip netns del peer
	answers 'rule=ssh text=list feed: 198.51.100.77 is connected to this node by SSH now'
	answers 'OK changed=1'
	# sshd let go of the session while its child waits, and takes back
	same "$(now pending)" p1
	sleep 3
	same "$(now pending)$(now accepted)" ''
	verdict 203.0.113.1 none
}

@test "entries that move between lists stay blocked all the time" {
	push '' p0 c
	good <<-'END'
		know feed block c
		list one block a
		list two block many
		COMMIT push=p1 base=p0 policy=@ by=me
	END
	# shellcheck source=test/lab/verdict.sh
	source "$BATS_TEST_DIRNAME/../lab/verdict.sh"
	frame 1 >frame
	id=$(ip -j link show dev n0 | jq '.[0].xdp.prog.id')
	fp-load stats --reset -q >/dev/null
	while [ ! -e stop ]; do
		bpftool prog run id "$id" data_in frame repeat 200000 >ran
	done 3>&- &
	flood=$!
	{
		echo "$hello"
		was=p1
		for i in $(seq 10); do
			echo "list one block $([ $((i % 2)) = 1 ] && echo many || echo a)"
			echo "list two block $([ $((i % 2)) = 1 ] && echo a || echo many)"
			echo know feed block c
			echo "COMMIT push=m$i base=$was policy=@ by=me override=max-change"
			was=m$i
		done
	} >moves
	wire fp-sync receive <moves >said
	: >stop
	wait $flood
	same "$(grep -c 'OK changed=1' said)" 10
	run fp-load stats -o reason,packets
	[[ $output =~ drop_block.([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -gt 200000 ]
	[[ $output != *pass_request* ]]
	clean
}

# ---- one step

# killed: receive is killed at each of its calls from the first that stages on,
# while it reads ./frames; what is there then is old or new, never of each a part.
killed() {
	cp -r "$FP_STATE" saved
	fp-block list -o list,kind,prefix,until,why >old
	fp-sync receive <frames >/dev/null
	fp-block list -o list,kind,prefix,until,why >new
	cat >before <<-END
		find "$FP_STATE" -mindepth 1 -delete
		cp -r "$PWD/saved/." "$FP_STATE" || exit
		fp-block del 192.0.2.200 -q >/dev/null
	END
	cat >check <<-END
		cd "$PWD"
		entries() { fp-block list -o list,kind,prefix,until,why; }
		fp-block del 192.0.2.200 -q >/dev/null || exit
		entries >now
		case \$(sed -n s/^push=//p "$FP_STATE/accepted") in
		p1) cmp now old ;;
		p2) cmp now new ;;
		*) false ;;
		esac || { cat "$FP_STATE/accepted" now; exit 1; }
		fp-block test 203.0.113.1 198.51.100.2 >/dev/null || exit
		fp-block verify -q || exit
		fp-sync receive <frames >answers || exit
		entries | cmp - new || exit
		fp-block verify -q || exit
		find "$FP_STATE" -name '*.tmp' -o -name 'step*' >left
		ls -A "$FP_STATE/stage" >>left
		! grep . left
	END
	# a leak checker does not work under strace
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	run "$BATS_TEST_DIRNAME/../lab/killat.sh" -b "bash $PWD/before" \
		-c "bash $PWD/check" -s '"stage' \
		kill -- bash -c 'exec fp-sync receive <frames >/dev/null'
	echo "$output"
	[ "$status" = 0 ]
	[[ ${lines[-1]} =~ ^killed\ ([0-9]+)\ times\ at\ ([0-9]+)\ calls ]]
	[ "${BASH_REMATCH[1]}" -ge 8 ]
	[ "${BASH_REMATCH[2]}" -ge 25 ]
}

@test "killed at every call: all of a push or nothing" {
	good <<-'END'
		list one block a
		list two block c
		list gone block many
		COMMIT push=p1 base= policy=@ by=me
	END
	cp -r "$FP_STATE" start
	cat >script <<-END
		$hello
		diff one block a c
		list two block a
		list new allow many
		DROP name=gone
		COMMIT push=p2 base=p1 policy=@ by=me confirm_ms=600000
		CONFIRM push=p2
	END
	wire sh -c 'tee frames | fp-sync receive' <script >said
	grep 'OK changed=1' said
	find "$FP_STATE" -mindepth 1 -delete
	cp -r start/. "$FP_STATE"
	killed
}

@test "disk full at any point: nothing is lost, and it is said" {
	mkdir small
	mount -t tmpfs -o size=256k tmpfs small
	FP_STATE=$PWD/small lists=$PWD/small/lists
	push '' p1
	awk 'BEGIN { for (i = 0; i < 10000; i++)
		printf "198.18.%d.%d\n", i / 250, i % 250 }' >big
	session <<-END
		$hello
		list feed block big
		COMMIT push=p2 base=p1 policy=@ by=me
	END
	answers 'FAIL code=failed errno=ENOSPC'
	same "$(fp-block list feed)" "$(cat a)"
	same "$(now accepted)" p1
	# step by step towards full: each push is whole, or was never there
	for i in $(seq 0 8 240); do
		rm -f small/fill
		head -c ${i}k /dev/zero >small/fill 2>/dev/null || :
		session <<-END
			$hello
			list feed block b
			list two block c
			COMMIT push=p2 base=p1 policy=@ by=me confirm_ms=60000
		END
		case $(fp-block list feed | sed -n 2p) in
		203.0.113.2) same "$(now accepted)" p1 ;;
		203.0.113.9)
			same "$(now accepted)" p2
			good <<<'BACK push=p2'
			same "$(now accepted)" p1
			;;
		*) false ;;
		esac
	done
	grep -q ENOSPC <<<"$output"
	rm small/fill
	in_step
	umount small
}

@test "a list that cannot be read is mended by a push of it" {
	push '' p1
	echo nonsense >"$lists/feed.list"
	same "$(now broken)" 1
	session <<-END
		$hello
		list other block c
		COMMIT push=p2 base=p1 policy=@ by=me
	END
	answers 'rule=broken'
	good <<-'END'
		list feed block a
		COMMIT push=p2 base=p1 policy=@ by=me
	END
	answers 'OK changed=1'
	same "$(fp-block list feed)" "$(cat a)"
	sed -i s/203.0.113.2/nonsense/ "$lists/feed.list"
	session <<-END
		$hello
		list other block c
		COMMIT push=p3 base=p2 policy=@ by=me
		forget other
		list feed block b
		COMMIT push=p3 base=p2 policy=@ by=me
	END
	answers 'rule=broken text=feed.list:3: "nonsense"' || answers 'FAIL code=digest'
	answers 'OK changed=1'
	same "$(fp-block list feed)" "$(cat b)"
	clean
}

# ---- pending

# pend ID BASE FILE MS [MORE]: the lines of a push that waits.
pend() {
	printf '%s\n' "list feed block $3" \
		"COMMIT push=$1 base=$2 policy=@ by=me confirm_ms=$4 ${5-}"
}

# back: p1 and file a are in force again.
back() {
	same "$(sed -n s/^push=//p "$FP_STATE/accepted")" p1
	same "$(fp-block list feed)" "$(cat a)"
	[ ! -e "$FP_STATE/pending" ]
	verdict 203.0.113.2 block
	verdict 203.0.113.9 none
}

@test "pending: confirmed, or taken back when told" {
	push '' p1
	session <<-END
		$hello
		know new block c
		list new block c
		$(pend p2 p1 b 60000)
		HELLO v=1 name=ctl
		CONFIRM push=p1
		CONFIRM push=p2
		CONFIRM push=p2
		BACK push=p2
		CONFIRM push=p9
		BACK push=p9
	END
	answers ' pending=p2 pending_s=60 '
	answers 'FAIL code=absent errno=ENOENT text=push p2 is pending, not p1'
	answers $'OK changed=1\nOK changed=0\nFAIL code=absent'
	answers 'text=push p2 is for good: '
	answers $'text=push p9 is not here: it was taken back, or never came\nOK changed=0'
	same "$(fp-block list feed)" "$(cat b)"
	good <<-END
		know new block c
		$(pend p3 p2 a 60000)
		BACK push=p3
		BACK push=p3
	END
	answers $'OK changed=1\nOK changed=0'
	same "$(now accepted)$(now pending)" p2
	same "$(fp-block list feed)" "$(cat b)"
	clean
}

@test "pending: what is taken back is all of it" {
	fp-block add 203.0.113.99 -q >/dev/null
	session <<-END
		$hello
		list new block c
		$(pend p1 '' b 60000)
		BACK push=p1
	END
	answers $'pending_s=60\nOK changed=1'
	same "$(now accepted)$(now policy)" \
		e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
	same "$(ls "$lists")" local.list
	verdict 198.51.100.1 none
	verdict 203.0.113.99 block
	push '' p1
	good <<-END
		list new block c
		DROP name=feed
		COMMIT push=p2 base=p1 policy=@ by=me confirm_ms=60000
		BACK push=p2
	END
	back
	clean
}

@test "pending: taken back by the session itself" {
	push '' p1
	session <<-END
		$hello
		$(pend p2 p1 b 1000)
		sh fp-block test 203.0.113.9 -q >/dev/null
		sleep 2500
		sh sed -n s/^push=//p \$FP_STATE/accepted
		HELLO v=1 name=ctl
	END
	answers $'\np1\n'
	back
	clean
}

@test "pending: taken back by who stays behind" {
	push '' p1
	session < <(echo "$hello"; pend p2 p1 b 1500)
	same "$(now pending)" p2
	sleep 3
	back
	# and after a confirmation nobody waits for long
	session < <(echo "$hello"; pend p2 p1 b 1500; echo CONFIRM push=p2)
	sleep 2
	same "$(now accepted)" p2
}

@test "pending: taken back by the next writer" {
	push '' p1
	session <<-END
		$hello
		$(pend p2 p1 b 1000)
		sh kill -9 \$WIRE_PID
	END
	same "$(fp-block list feed)" "$(cat b)"
	sleep 1.5
	same "$(fp-block list feed)" "$(cat b)" # a reader changes nothing
	block 0 sweep
	says 'push p2 was not confirmed in time: taken back'
	back
	clean
	# HELLO is enough too
	session <<-END
		$hello
		$(pend p2 p1 b 1000)
		sh kill -9 \$WIRE_PID
	END
	sleep 1.5
	session <<<"$hello"
	answers ' accepted=p1 '
	back
}

@test "pending: over a reboot the wall clock counts" {
	push '' p1
	session <<-END
		$hello
		$(pend p2 p1 b 600000)
		sh kill -9 \$WIRE_PID
	END
	info=$FP_STATE/pending/info
	sed -i 's/^boot=.*/boot=other/; s/^end_boot_ms=.*/end_boot_ms=1/' "$info"
	block 0 sweep
	silent
	sed -i "s/^end_unix_ms=.*/end_unix_ms=$(($(date +%s) - 1))000/" "$info"
	block 0 sweep
	hints 'taken back'
	back
}

@test "pending: a second push" {
	push '' p1
	good < <(pend p2 p1 b 60000)
	session <<-END
		HELLO v=1 name=other
		$(pend q1 p2 c 60000)
	END
	answers 'FAIL code=refused errno=EPERM rule=pending text=push p2 of ctl is not confirmed yet'
	# of the same controller: the way back is to where the first began
	good < <(pend p3 p2 c 60000; echo BACK push=p3)
	back
	# another one takes over; for good
	good < <(pend p2 p1 b 60000)
	session <<-END
		HELLO v=1 name=other
		$(pend q1 p2 c 0 adopt=1)
	END
	answers 'pending_s=0'
	same "$(now accepted)$(now pending)" q1
	same "$(fp-block list feed)" "$(cat c)"
	clean
}

@test "pending: killed while it is taken back" {
	push '' p1
	session < <(echo "$hello"; pend p2 p1 b 60000; echo 'sh kill -9 $WIRE_PID')
	sed -i 's/^end_boot_ms=.*/end_boot_ms=1/' "$FP_STATE/pending/info"
	cp -rp "$FP_STATE" saved
	cat >before <<-END
		find "$FP_STATE" -mindepth 1 -delete
		cp -r "$PWD/saved/." "$FP_STATE" || exit
	END
	cat >check <<-END
		cd "$PWD"
		fp-block sweep -q || exit
		fp-block list feed | cmp - a || exit
		grep -qx push=p1 "$FP_STATE/accepted" || exit
		fp-block verify -q || exit
		! find "$FP_STATE" -name 'step*' -o -name pending | grep .
	END
	# a leak checker does not work under strace
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	run "$BATS_TEST_DIRNAME/../lab/killat.sh" -b "bash $PWD/before" \
		-c "bash $PWD/check" kill -- fp-block sweep -q
	echo "$output"
	[ "$status" = 0 ]
}

# ---- words

@test "words: union, the later one wins, lifted ones stay" {
	good <<-'END'
		|198.51.100.7 until=2099-01-01T00:00:00Z why=x by=y at=1700000000000
		|198.51.100.8 at=1700000000000
		CHANGE list=bans kind=block by=pike why=flood
		|198.51.100.7 until=2099-01-01T00:00:00Z why=old at=1600000000000
		|198.51.100.8 at=1700000000000
		CHANGE list=bans kind=block
		|198.51.100.8 until=2023-11-14T22:13:21Z why=sorry at=1700000001000
		|198.51.100.9 at=3
		|198.51.100.9 why=later at=5
		|198.51.100.9 at=4
		CHANGE list=bans kind=block
		CHANGE list=bans kind=block
	END
	answers 'OK changed=2 ignored=0 refused=0 force=1'
	answers 'OK changed=0 ignored=2 refused=0 force=1'
	answers 'OK changed=2 ignored=2 refused=0 force=1'
	answers 'OK changed=0 ignored=0 refused=0 force=1'
	same "$(grep -c at= <(fp-block list bans))" 2
	verdict 198.51.100.7 block
	verdict 198.51.100.8 none
	grep -q '198.51.100.8 until=2023-11-14T22:13:21Z why=sorry at=' \
		"$lists/bans.list"
	grep -q '198.51.100.9 why=later at=5' "$lists/bans.list"
	session <<-END
		$hello
		CHANGE list=bans kind=allow
		list feed block a
		COMMIT push=p1 base= policy=@ by=me
		|198.51.100.9 at=9
		CHANGE list=feed kind=block
		list bans block a
		COMMIT push=p2 base=p1 policy=@ by=me
	END
	[ "$(grep -c errno=EEXIST <<<"$output")" = 2 ]
	answers rule=owner
	in_step
}

@test "words: what would cut off the node is refused, the rest is taken" {
	printf '[sip]\nsip1 ansible_host=198.51.100.11\n' >cluster.ini
	fp-block add 203.0.113.2 --list friends --kind allow -q >/dev/null
	FP_CLUSTER=cluster.ini session <<-END
		$hello
		|198.51.100.11 at=5
		|192.0.2.1 at=5
		|203.0.113.2 at=5
		|203.0.113.3 at=5
		CHANGE list=bans kind=block
		|192.0.2.1 until=2001-01-01T00:00:00Z at=$(date +%s)000
		CHANGE list=bans kind=block
		|10.0.0.0/8 at=5
		CHANGE list=bans kind=block
		|10.0.0.0/8 at=5
		CHANGE list=bans kind=block override=wide
	END
	answers "NOTE text=192.0.2.1 is this node's own address on n0"
	answers 'NOTE text=198.51.100.11 is cluster node sip1'
	answers 'OK changed=2 ignored=0 refused=2'
	answers $'OK changed=1 ignored=0 refused=0 force=1\nNOTE text=10.0.0.0/8 is wider than /16'
	answers $'OK changed=0 ignored=0 refused=1 force=1\n  10.0.0.0/8 wide\nOK changed=1'
	verdict 203.0.113.2 allow
	verdict 203.0.113.3 block
	verdict 192.0.2.1 none
}

@test "words: only those that differ are sent back" {
	good <<-'END'
		|198.51.100.7 at=5
		|198.51.100.8 at=5
		CHANGE list=bans kind=block
	END
	printf '198.51.100.7 at=5\n198.51.100.8 at=5\n' >same
	printf '198.51.100.7 at=5\n198.51.100.8 at=6\n198.51.100.9 at=6\n' >theirs
	good <<-'END'
		words bans block same 64
		words bans block theirs 64
		words other block theirs 16
	END
	[ "$(grep -c '^WORDS list=bans' <<<"$output")" = 2 ]
	same "$(grep -A2 '^WORDS' <<<"$output" | sed -n 2p)" \
		'  0000000000000000'
	[ "$(grep -c '^  198.51.100.8 at=5' <<<"$output")" = 1 ]
	[[ $output != *'198.51.100.7 at'* ]]
	[ ! -e "$lists/other.list" ]
}

@test "words: a controller whose clock is an hour off" {
	late=$(($(date +%s) - 3600))
	session <<-END
		HELLO v=1 name=ctl clock_ms=${late}000
		|198.51.100.7 until=$(date -u -d "@$((late + 60))" +%FT%TZ) at=${late}000
		CHANGE list=bans kind=block
		words bans block /dev/null 1
	END
	answers "198.51.100.7 until=$(date -u -d "@$((late + 60))" +%FT%TZ) at=${late}000"
	verdict 198.51.100.7 block
	[[ $(fp-block list bans) =~ until=([^ ]*) ]]
	left=$(($(date -d "${BASH_REMATCH[1]}" +%s) - $(date +%s)))
	[ $left -gt 50 ] && [ $left -le 61 ]
}

# ---- asking

@test "WHY and GET" {
	push '' p1
	fp-block add 203.0.113.0/24 --list friends --kind allow \
		--until 2099-01-01T00:00:00Z --why 'a b' -q >/dev/null
	good <<-'END'
		WHY addr=203.0.113.1
		GET list=feed
		GET list=friends
	END
	answers $'  friends\tallow\tlocal\t203.0.113.0/24\t2099-01-01T00:00:00Z\twhy="a b"\n'
	answers $'  feed\tblock\tpushed\t203.0.113.1\t-\twhy=x\n'
	answers $'  kernel\t-\t-\t203.0.113.1\tallow\tenforce\nEND'
	answers "LIST name=feed kind=block owner=pushed digest="
	answers "$(sed 's/^/  /' a)"
	session < <(echo "$hello"; echo 'GET list=none'; echo 'WHY addr=x')
	answers 'FAIL code=absent'
	answers 'FAIL code=failed errno=EINVAL'
}

# ---- bypass

@test "bypass: dropped, passed and counted as seen, dropped again" {
	push '' p1
	fp-load set stealth=enforce malformed=enforce -q --override would >/dev/null ||
		fp-load set stealth=enforce malformed=enforce -q >/dev/null
	# shellcheck source=test/lab/verdict.sh
	source "$BATS_TEST_DIRNAME/../lab/verdict.sh"
	id=$(ip -j link show dev n0 | jq '.[0].xdp.prog.id')
	frame 1 >frame
	frame 200 | sed 's/INVITE/OPTIONS/; s/xxxxxx/xxxxx/' >options
	frame 200 | sed 's|SIP/2.0|NO/2.00|' >junk
	runs() { bpftool -j prog run id "$id" data_in "$1" repeat 1 | jq .retval; }
	seen() {
		fp-load stats -o reason,packets | awk -v r="$1" '$1 == r { print $2 }'
	}
	fp-load stats --reset -q >/dev/null
	same "$(runs frame) $(runs options) $(runs junk)" '1 1 1'
	good <<<'MODE bypass_ms=2000 by=me why=help'
	answers 'OK changed=1 bypass_s='
	same "$(runs frame) $(runs options) $(runs junk)" '2 2 2'
	same "$(seen seen_block) $(seen seen_stealth) $(seen seen_malformed)" \
		'1 1 1'
	same "$(seen drop_block) $(seen drop_stealth) $(seen drop_malformed)" \
		'1 1 1'
	same "$(fp-block test -o mode,blocked 203.0.113.1)" $'observe\tno'
	run --separate-stderr fp-load status --json
	[ "$status" = 1 ]
	jq -e 'select(.type == "nic") | .bypass_s > 0' <<<"${lines[0]}"
	run --separate-stderr fp-load set sample=all -q
	[[ $(fp-load set sample=256 2>&1 >/dev/null) == *'the filter is bypassed'* ]]
	sleep 3
	same "$(runs frame) $(runs options) $(runs junk)" '1 1 1'
	same "$(now bypass_s)" 0
	good <<-'END'
		MODE bypass_ms=600000 by=me why=help
		MODE bypass_ms=0 by=me why=done
		MODE bypass_ms=0 by=me why=done
	END
	answers $'OK changed=1 bypass_s=0\nOK changed=0 bypass_s=0'
	same "$(runs frame)" 1
	fp-load status -q >/dev/null
}

# ---- a session

@test "it lives through an upgrade, and through the filter's end" {
	good <<-'END'
		sh fp-load upgrade -q
		|198.51.100.7 at=5
		CHANGE list=bans kind=block
		sh fp-load detach n0 -q >/dev/null
		|198.51.100.8 at=5
		CHANGE list=bans kind=block
		HELLO v=1
		sh fp-load attach n0 -q >/dev/null
		|198.51.100.9 at=5
		CHANGE list=bans kind=block
		WHY addr=198.51.100.8
	END
	answers $'refused=0 force=1\n'
	answers $'refused=0 force=0\n'
	answers ' filter=none '
	answers $'kernel\t-\t-\t198.51.100.8\tblock\tenforce'
	in_step
}

@test "a node that is locked: busy, and then not" {
	fp-block add 203.0.113.7 -q >/dev/null
	session --timeout 300ms <<-END
		$hello
		sh (flock 9; touch locked; sleep 2) 9<$lists & while [ ! -e locked ]; do sleep 0.05; done
		|198.51.100.7 at=5
		CHANGE list=bans kind=block
		sleep 2500
		|198.51.100.7 at=5
		CHANGE list=bans kind=block
	END
	answers 'FAIL code=busy errno=EAGAIN'
	answers 'OK changed=1'
}

@test "several messages at once are answered in their order" {
	good <<-'END'
		quiet
		list feed block a
		COMMIT push=p1 base= policy=@ by=me
		list feed block b
		COMMIT push=p2 base=p1 policy=@ by=me
		HELLO v=1
		loud
	END
	same "$(grep -Eo '^[A-Z]+( accepted=..)?' <<<"$output" | tr '\n' ' ')" \
		'HELLO OK OK OK OK HELLO '
	answers ' accepted=p2 '
}

@test "two sessions stage at once, and one that was killed leaves nothing" {
	good <<-END
		list feed block a
		sh ls \$FP_STATE/stage | wc -l
		sh (echo '$hello'; echo list other block c; echo 'sh kill -9 \$WIRE_PID') | wire fp-sync receive >/dev/null || :
		sh ls \$FP_STATE/stage | wc -l
		sh (echo '$hello'; echo list other block c; echo 'COMMIT push=q1 base= policy=@ by=me') | wire fp-sync receive
		sh ls \$FP_STATE/stage | wc -l
		know other block c
		COMMIT push=p1 base=q1 policy=@ by=me
	END
	[[ $output == *$'OK staged=1\n1\n2\n'*$'OK changed=1'*$'\n1\nOK changed=1'* ]] || { echo "$output"; false; }
	same "$(now accepted)" p1
	clean
}

@test "what is no protocol ends the session" {
	session <<-END
		$hello
		raw 000000015a
	END
	[ "$status" = 2 ]
	answers 'FAIL code=bad errno=EPROTO text=a frame of unknown type'
	session <<<'raw ffffffff00'
	[ "$status" = 2 ]
	answers 'FAIL code=bad'
	session < <(echo "$hello"; echo quiet; echo 'raw 00') # cut in a frame
	[ "$status" = 0 ]
	run --separate-stderr -2 fp-sync receive now </dev/null
	same "$stderr" 'fp-sync: receive takes no "now"; try fp-sync receive --help'
}

@test "SIGTERM ends it after the step in hand" {
	session <<-END
		$hello
		quiet
		list feed block many
		COMMIT push=p1 base= policy=@ by=me
		sh kill \$WIRE_PID
		loud
	END
	[ "$status" = 0 ] || [ "$status" = 143 ] # it had not begun
	in_step
	case $(now accepted) in
	'') same "$(fp-block list feed 2>&1)" '' || : ;;
	p1) same "$(fp-block list feed)" "$(cat many)" ;;
	*) false ;;
	esac
}

@test "it keeps CAP_BPF alone, needs no environment and no umask" {
	umask 077
	SSH_ORIGINAL_COMMAND='fp-sync receive --state /tmp' good <<-'END'
		sh grep -E '^(CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs)' /proc/$WIRE_PID/status >caps
		sh tr '\0' '\n' </proc/$WIRE_PID/environ | grep -c . >/dev/null
		list feed block a
		COMMIT push=p1 base= policy=@ by=me
	END
	same "$(cut -f2 caps | tr '\n' ' ')" \
		'0000008000000000 0000008000000000 0000008000000000 0000000000000000 1 '
	same "$(stat -c %a "$lists/feed.list" "$FP_STATE/accepted" | tr '\n' ' ')" \
		'644 644 '
}

@test "it works as a user who owns lists and pins and has CAP_BPF" {
	mount -t tmpfs -o mode=755 tmpfs /mnt
	cp "$FP_BUILD/fp-sync" "$FP_BUILD/test/prog/wire" a b /mnt
	mkdir /mnt/state
	FP_STATE=/mnt/state fp-block verify --repair -q >/dev/null 2>&1 || :
	chown -R 65534:65534 /mnt/state "$FP_PINS"
	chmod 755 /sys/fs/bpf
	as_nobody() {
		setpriv --reuid 65534 --regid 65534 --clear-groups \
			--inh-caps "$1" --ambient-caps "$1" \
			/mnt/wire /mnt/fp-sync receive --state /mnt/state
	}
	cat >script <<-END
		$hello
		list feed block /mnt/a
		COMMIT push=p1 base= policy=@ by=me
		|198.51.100.7 at=5
		CHANGE list=bans kind=block
		WHY addr=198.51.100.7
		MODE bypass_ms=1000 by=me
	END
	run --separate-stderr as_nobody +bpf <script
	umount /mnt
	chown -R 0:0 "$FP_PINS"
	answers 'OK changed=1 added=3'
	answers 'refused=0 force=1'
	answers $'kernel\t-\t-\t198.51.100.7\tblock\tenforce'
	answers 'OK changed=1 bypass_s=1'
}

@test "each change goes to syslog once, with who and why" {
	cat >script <<-END
		$hello
		list feed block a
		COMMIT push=p1 base= policy=@ by=alice why=monday
		list feed block a
		COMMIT push=p1 base=p1 policy=@ by=alice why=monday
		|198.51.100.7 at=5
		CHANGE list=bans kind=block by=pike why=flood
		|198.51.100.7 at=5
		CHANGE list=bans kind=block by=pike why=flood
		MODE bypass_ms=9000 by=bob why=outage
		MODE bypass_ms=0 by=bob why=outage
		list feed block b
		COMMIT push=p2 base=p1 policy=@ by=alice confirm_ms=500
		sleep 1500
		list feed block b
		COMMIT push=p3 base=p1 policy=@ by=alice confirm_ms=60000
		BACK push=p3
	END
	cat >in-dev <<-'END'
		mount -t tmpfs tmpfs /dev
		mknod /dev/null c 1 3
		socat -u UNIX-RECV:/dev/log CREATE:log &
		while [ ! -e /dev/log ]; do sleep 0.05; done
		wire fp-sync receive <script >out
		sleep 0.2
		kill $!
	END
	unshare -m bash in-dev
	tr '<' '\n' <log | grep -ao 'receive: .*' >said
	diff said - <<-'END'
		receive: push p1 of ctl accepted: 1 lists, +3 -0 by=alice why=monday
		receive: 1 words on block list bans, first 198.51.100.7 by=pike why=flood
		receive: bypass: nothing is dropped for 9 s by=bob why=outage
		receive: bypass ended: the filter drops again by=bob why=outage
		receive: push p2 of ctl accepted: 1 lists, +1 -1, taken back in 1 s unless confirmed by=alice
		receive: push p2 was not confirmed in time: taken back
		receive: push p3 of ctl accepted: 1 lists, +1 -1, taken back in 60 s unless confirmed by=alice
		receive: push p3 taken back by=ctl
	END
}
