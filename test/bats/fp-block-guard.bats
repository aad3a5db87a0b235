#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-block: what is refused, by which rule, and what lifts it.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell

bats_require_minimum_version 1.5.0

load block.bash

setup_file() { node_up; }
setup() { node_fresh; }
teardown() {
	[ -z "${sshd-}" ] || ssh_out
	ip route del default 2>/dev/null || :
}

# lifts RULE ARG...: no other word lifts it, and this one does; twice is once.
lifts() {
	local rule=$1 before other=()

	shift
	before=$(state)
	for word in wide self gateway ssh cluster fence allowed max-change \
		owner empty broken; do
		[ "$word" = "$rule" ] || other+=(--override "$word")
	done
	block 5 "$@" "${other[@]}"
	hints "refused by rule $rule: "
	same "$(state)" "$before"
	block 5 "$@" --dry-run
	hints "refused by rule $rule: "
	block 0 "$@" --override "$rule" --json
	silent
	json '.[-1].changed' true
	block 0 "$@" --override "$rule" --json
	json '.[-1].changed' false
	in_step
}

cluster() {
	export FP_CLUSTER=$PWD/cluster.ini
	cat >"$FP_CLUSTER"
}

@test "wide: shorter than /16 or /32, on any list" {
	block 5 add 198.51.100.7 202.0.0.0/15
	refused wide '202.0.0.0/15 is wider than /16'
	block 5 add 202.0.0.0/15 -k allow
	refused wide '202.0.0.0/15 is wider than /16'
	block 5 add 0.0.0.0/0
	refused wide '0.0.0.0/0 is wider than /16'
	block 5 add ::/0
	refused wide '::/0 is wider than /32'
	block 5 add 2001:db8::/31
	refused wide '2001:db8::/31 is wider than /32'
	block 5 load feed - <<<0.0.0.0/0
	refused wide '0.0.0.0/0 is wider than /16'
	block 0 add 203.0.0.0/16 2a00::/32
	lifts wide add 202.0.0.0/15
	lifts wide add 2a02::/31
	verdict 202.1.2.3 block
	verdict 2a02:1::1 block
}

@test "self: own addresses and loopback, alone or inside a prefix" {
	block 5 add 192.0.2.1
	refused self "192.0.2.1 is this node's own address on n0"
	block 5 add 192.0.2.0/24
	refused self "192.0.2.0/24 holds 192.0.2.1, this node's own address on n0"
	block 5 add 2001:db8:5::/48
	refused self "2001:db8:5::/48 holds 2001:db8:5::1, this node's own address on n0"
	block 5 add 127.0.0.53
	refused self '127.0.0.53 is loopback'
	block 5 add ::1
	refused self '::1 is loopback'
	block 5 load feed - <<-END
		198.51.100.7
		192.0.2.0/28
	END
	refused self "192.0.2.0/28 holds 192.0.2.1, this node's own address on n0"
	block 0 add 192.0.2.2 192.0.2.128/25
	block 0 add 192.0.2.1 127.0.0.1 --kind allow
	fp-block del 192.0.2.1 --kind allow >/dev/null
	lifts self add 192.0.2.1
}

@test "gateway: the next hop of a default route" {
	ip route add default via 192.0.2.254 dev n0
	block 5 add 192.0.2.128/25
	refused gateway '192.0.2.128/25 holds 192.0.2.254, the default gateway on n0'
	block 5 load feed - <<<192.0.2.254
	refused gateway '192.0.2.254 is the default gateway on n0'
	block 0 add 192.0.2.253
	lifts gateway add 192.0.2.254
}

# ssh_in PORT: a peer at 198.51.100.77 is logged in.
ssh_in() {
	ip netns add peer
	ip link add s0 type veth peer name s1 netns peer
	ip addr add 198.51.100.1/24 dev s0
	ip link set s0 up
	ip -n peer addr add 198.51.100.77/24 dev s1
	ip -n peer link set s1 up
	ssh-keygen -q -t ed25519 -N '' -f key
	ssh-keygen -q -t ed25519 -N '' -f hostkey
	chmod 700 .
	cp key.pub authorized
	mkdir -p /run/sshd
	cat >sshd_config <<-END
		HostKey $PWD/hostkey
		AuthorizedKeysFile $PWD/authorized
		StrictModes no
		PidFile none
		UsePAM no
		PermitRootLogin yes
	END
	"$(command -v sshd)" -D -f sshd_config -o "ListenAddress=198.51.100.1:$1" \
		-E sshd.log 3>&- &
	sshd=$!
	for _ in $(seq 50); do
		[ -z "$(ss -Hltn "sport = :$1")" ] || break
		sleep 0.1
	done
	ip netns exec peer ssh -p "$1" -i key -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null -o BatchMode=yes -F none \
		root@198.51.100.1 'echo in; sleep 60' >ssh.out 2>ssh.err 3>&- &
	client=$!
	for _ in $(seq 100); do
		! grep -q in ssh.out || return 0
		sleep 0.1
	done
	cat ssh.err sshd.log
	return 1
}

ssh_out() {
	[ -z "${client-}" ] || kill "$client"
	for _ in $(seq 50); do
		[ -n "$(ss -Htn state established src 198.51.100.1)" ] || break
		sleep 0.1
	done
	kill "$sshd"
	ip link del s0
	ip netns del peer
}

@test "ssh: whoever is logged in now" {
	ssh_in 22
	block 5 add 198.51.100.77
	refused ssh '198.51.100.77 is connected to this node by SSH now'
	block 5 load feed - <<<198.51.100.64/26
	refused ssh '198.51.100.64/26 holds 198.51.100.77, connected to this node by SSH now'
	block 0 add 198.51.100.78
	lifts ssh add 198.51.100.77
}

@test "ssh: on another port too, with and without a filter" {
	ssh_in 2022
	block 5 add 198.51.100.77 --pins "$FP_PINS/none"
	refused ssh '198.51.100.77 is connected to this node by SSH now'
	fp-load attach n0 -q >/dev/null # learns where sshd listens
	block 5 add 198.51.100.77
	refused ssh '198.51.100.77 is connected to this node by SSH now'
}

@test "cluster: nodes are allowed by themselves, and not to be blocked" {
	cluster <<-'END'
		[opensips]
		sip1 ansible_host=203.0.113.11 fp_sip=udp:203.0.113.12:5060
		sip2 ansible_host=2001:db8:c::2
	END
	block 5 add 203.0.113.11
	same "$stderr" "fp-block: allow list _cluster now follows $FP_CLUSTER
fp-block: refused by rule cluster: 203.0.113.11 is cluster node sip1; --override cluster lifts it"
	block 5 add 203.0.113.0/28
	refused cluster '203.0.113.0/28 holds 203.0.113.11, cluster node sip1'
	block 5 load feed - <<<2001:db8:c::/48
	refused cluster '2001:db8:c::/48 holds 2001:db8:c::2, cluster node sip2'
	same "$(fp-block list _cluster)" "203.0.113.11 why=sip1
203.0.113.12 why=sip1
2001:db8:c::2 why=sip2"
	verdict 203.0.113.12 allow
	# what is in the cluster file is on an allow list too
	block 5 add 203.0.113.11 --override cluster
	refused allowed '203.0.113.11 is on the allow list _cluster'
	block 0 add 203.0.113.11 --override cluster --override allowed
	prints 203.0.113.11 local block added - allow
	in_step
}

@test "cluster: the file is followed; a bad one stops every change" {
	cluster <<<'sip1 ansible_host=203.0.113.11'
	block 0 add 203.0.113.99 -q
	cluster <<<'sip1 ansible_host=203.0.113.13'
	block 0 add 203.0.113.98 -q
	same "$(fp-block list _cluster -o prefix)" 203.0.113.13
	verdict 203.0.113.11 none
	before=$(state)
	cluster <<<'sip1 ansible_host'
	block 2 add 203.0.113.97
	hints cluster.ini:1:
	same "$(state)" "$before"
	block 0 list local
	in_step
}

@test "allowed: what touches an entry of an allow list" {
	fp-block load carriers - --kind allow <<<'203.0.113.64/26 why=carrier' >/dev/null
	block 5 add 203.0.113.70
	refused allowed '203.0.113.70 overlaps 203.0.113.64/26 of the allow list carriers'
	block 5 add 203.0.113.0/24
	refused allowed '203.0.113.0/24 overlaps 203.0.113.64/26 of the allow list carriers'
	block 5 load feed - <<<203.0.113.64/26
	refused allowed '203.0.113.64/26 is on the allow list carriers'
	block 0 add 203.0.113.7
	lifts allowed add 203.0.113.0/24
	verdict 203.0.113.70 allow
	verdict 203.0.113.63 block
}

@test "owner: lists that another place owns" {
	list_file policy pushed block 203.0.113.7
	fp-block verify --repair -q
	text='list policy is pushed: the controller'\''s file is the truth (fp-sync push)'
	block 5 add 203.0.113.8 --list policy
	refused owner "$text"
	block 5 del 203.0.113.7
	refused owner "$text"
	block 5 load policy - <<<203.0.113.8
	refused owner "$text"
	block 5 unload policy
	refused owner "$text"
	block 5 add 203.0.113.8 --list _mine
	refused owner 'list _mine is compiled from the cluster file'
	lifts owner add 203.0.113.8 --list policy
	lifts owner del 203.0.113.7
	echo 203.0.113.9 >file
	lifts owner load policy file
	lifts owner unload policy
}

@test "empty: a feed that failed leaves a list as it was" {
	fp-block load feed - <<<203.0.113.7 >/dev/null
	: >none
	block 5 load feed none
	refused empty 'none holds no entry; list feed has 1 (fp-block unload removes a list)'
	block 5 load feed - <<<'# sorry, no feed today'
	refused empty '- holds no entry; list feed has 1 (fp-block unload removes a list)'
	block 5 load feed - <<<'203.0.113.7 until=2020-01-01T00:00:00Z'
	verdict 203.0.113.7 block
	block 0 load new none
	prints new block 0 0 0 0 0 0 0
	lifts empty load feed none
}

@test "max-change: how much of a list may go at once" {
	seq -f 203.0.113.%g 1 101 >file
	fp-block load feed file >/dev/null
	head -n 80 file >less # 21 of 101 go
	block 5 load feed less
	refused max-change 'list feed: 21 of 101 entries would go, more than 20 %'
	block 5 load feed less --max-change 20%
	block 1 load feed less --max-change 21 -n
	lifts max-change load feed less
	block 0 load feed file
	head -n 81 file >less # 20 of 101
	block 0 load feed less
	same "$(fp-block lists -o entries)" 81
	head -n 1 file >less # lists up to 100 entries may change freely
	block 0 load feed less
	prints feed block 1 0 80 0 0 0 0
	seq -f 203.0.113.%g 1 101 >file
	fp-block load feed file >/dev/null
	block 5 load feed less --max-change 0
	seq -f 198.51.100.%g 1 101 >other # other entries, as many
	block 5 load feed other
	refused max-change 'list feed: 101 of 101 entries would go, more than 20 %'
}

@test "fence: one address of one node, and not this one" {
	cluster <<-'END'
		sip1 ansible_host=203.0.113.11
		sip2 ansible_host=203.0.113.12 fp_sip=udp:203.0.113.20:5060
		fs2 ansible_host=203.0.113.22 fp_sip=udp:203.0.113.20:5080
		me ansible_host=192.0.2.1
	END
	fp-block sweep -q
	block 5 add 203.0.113.99 --kind fence
	refused fence "203.0.113.99 is no cluster node's address"
	block 5 add 203.0.113.11/32 203.0.113.0/28 --kind fence
	refused fence '203.0.113.0/28 is not one address: a fence holds one cluster node'
	block 5 add 203.0.113.20 --kind fence
	refused fence '203.0.113.20 belongs to fs2 and sip2: a fence would cut off both'
	block 5 add 192.0.2.1 --kind fence
	refused self "192.0.2.1 is this node's own address on n0"
	block 0 add 203.0.113.11 --kind fence --run b6dbd4a6 --for 1h --why dead
	[[ $output == $'203.0.113.11\tlocal-fence\tfence\tadded\t2'*$'Z\tfence' ]]
	block 0 why 203.0.113.11 -o kind,why,run
	same "$output" $'allow\tsip1\t-\nfence\tdead\tb6dbd4a6'
	block 0 test 203.0.113.11
	prints 203.0.113.11 fence yes enforce
	block 0 del 203.0.113.11 --kind fence
	prints 203.0.113.11 local-fence fence removed - allow
	lifts fence add 203.0.113.99 --kind fence
}

@test "load --skip-bad leaves out what a rule refuses, and counts it" {
	fp-block add 198.51.100.0/24 --kind allow >/dev/null
	block 0 load feed - --skip-bad <<-END
		203.0.113.7
		192.0.2.1
		198.51.100.9
		0.0.0.0/0
		nonsense
	END
	prints feed block 1 1 0 0 1 3 0
	same "$stderr" "fp-block: left out: -:5: \"nonsense\" is not an address or a prefix
fp-block: left out by rule wide: 0.0.0.0/0 is wider than /16
fp-block: left out by rule self: 192.0.2.1 is this node's own address on n0
fp-block: left out by rule allowed: 198.51.100.9 overlaps 198.51.100.0/24 of the allow list local-allow"
	verdict 203.0.113.7 block
	verdict 198.51.100.9 allow
	in_step
}
