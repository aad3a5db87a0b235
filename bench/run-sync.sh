#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make bench BENCH=sync: fp-sync beside what else brings a list to nodes, in turn,
# in the same run: real sshds in namespaces of one machine, real RabbitMQ.
# sync.goals says what each row compares.
#
# QUICK=1: fewer rounds, lists of 100k where a row says 1M, 30 nodes where it says
# 100; rows are of bench sync-quick then.
# ROUNDS: of each figure.  ONLY: parts to run, of: cold one amqp change many.
set -eu
cd "$(dirname "$0")/.."
# shellcheck source=bench/common.sh
source bench/common.sh
bench_alone "bench/${0##*/}" "$@"

if [ -n "${QUICK:-}" ]; then
	ROUNDS=${ROUNDS:-3}
	entries=100000 many=30 messages=5000
else
	ROUNDS=${ROUNDS:-5}
	entries=1000000 many=100 messages=20000
fi
ONLY=${ONLY:-cold one amqp change many}
few=10

bench_begin sync
trap 'leave >/dev/null 2>&1 || :; rm -rf "$work"' EXIT
mkdir -p /run/netns
mount -t tmpfs -o mode=755 tmpfs /run/netns
umount -l /sys
mount -t sysfs sysfs /sys
ip link set lo up
export TMPDIR=$work
unset SUDO_USER SSH_AUTH_SOCK JOURNAL_STREAM NOTIFY_SOCKET
# shellcheck source=test/lab/cluster.sh
source test/lab/cluster.sh
# shellcheck source=test/lab/rabbit.sh
source test/lab/rabbit.sh

leave() {
	rabbit_down
	cluster_down
}

# ---- what is measured

# timed NAME ROUND COMMAND...: on the controller.  What it says is in log.  Also
# the CPU time of all hosts together, the least disturbed by others on the machine.
timed() {
	local before

	before=$(busy)
	cluster_in controller "$FP_BUILD/bench/timed" "$@" >>"$figures" \
		2>"$work/log" || {
		cat "$work/log" >&2
		fail "$1: see above"
	}
	figure "all/$1" "$2" "$(calc "($(busy) - $before) / $hertz")"
}

# busy: ticks of CPU that this pid namespace used until now, of processes that
# ended too: proc(5), utime, stime, and those of children waited for
busy() {
	cat /proc/[0-9]*/stat 2>/dev/null |
		awk '{ sub(/.*\) /, ""); n += $12 + $13 + $14 + $15 }
			END { print n }'
}

block() {
	cluster_in "$node" "$FP_BUILD/fp-block" "$@"
}

# link: bytes that the controller sent and received until now
link() {
	cluster_in controller cat /sys/class/net/net0/statistics/{r,t}x_bytes |
		paste -sd+ | bc
}

# ---- nodes

# up N: the cluster; ssh.conf and hosts are for its controller's admin key, mux.conf
# keeps connections open.
up() {
	cluster_up "$1"
	nodes=$(cluster_nodes)
	cluster_nodes >"$work/hosts"
	cat >"$work/ssh.conf" <<-END
	IdentityFile $LAB_DIR/id_admin
	IdentitiesOnly yes
	UserKnownHostsFile $LAB_DIR/known_hosts
	StrictHostKeyChecking yes
	END
	mkdir -p "$work/mux"
	{
		cat "$work/ssh.conf"
		echo "ControlPath $work/mux/%h"
	} >"$work/mux.conf"
	export ANSIBLE_CONFIG=$work/ansible.cfg
	cat >"$ANSIBLE_CONFIG" <<-END
	[defaults]
	inventory = $FP_CLUSTER
	forks = $1
	local_tmp = $work/ansible
	remote_tmp = $work/ansible-node
	home = $work/ansible
	interpreter_python = /usr/bin/python3
	[ssh_connection]
	ssh_args = -F $work/ssh.conf -o ControlMaster=auto -o ControlPersist=60s
	control_path_dir = $work/ansible-mux
	pipelining = true
	END
	cat >"$work/play.yml" <<-END
	- hosts: edge
	  gather_facts: false
	  tasks:
	    - copy: {src: $work/list.ipset, dest: "$LAB_DIR/{{ inventory_hostname }}/list"}
	    - shell: ipset restore <$LAB_DIR/{{ inventory_hostname }}/list
	END
}

attach() {
	for node in $nodes; do
		cluster_in "$node" "$FP_BUILD/fp-load" attach net1 --quiet \
			>"$work/log"
	done
}

# Nodes that nobody ever pushed to, a controller that never did.
forget() {
	rm -rf "$LAB_DIR"/controller/state/{,.[!.]}*
	for node in $nodes; do
		rm -rf "$LAB_DIR/$node"/state/{lists,stage,step,pending,accepted}
		block sweep --quiet --override broken >"$work/log"
	done
}

forget_sets() {
	local node

	rm -rf "$work/ansible-mux"
	for node in $nodes; do
		cluster_in "$node" ipset destroy
		rm -f "$LAB_DIR/$node/list"
	done
}

# push NAME ROUND WORD...: timed, of the lists directory
push() {
	local name=$1 round=$2

	shift 2
	timed "$name" "$round" "$FP_BUILD/fp-sync" push \
		--lists "$work/lists" --quiet "$@"
}

# ---- a list on nodes that have none

# Each command is what a careful operator would type.
bench_cold() {
	local round last conf=$work/ssh.conf

	last=$(tail -n 1 "$work/list.txt")
	for ((round = 0; round < ROUNDS; round++)); do
		timed cold/floor "$round" xargs -a "$work/hosts" -P $few -I{} \
			ssh -F "$conf" {} true
		forget
		push cold/ours "$round"
		for node in $nodes; do
			block test "$last" >"$work/log" ||
				fail "$node: $last is not blocked"
		done
		cold_peer xargs xargs -a "$work/hosts" -P $few -I{} sh -c \
			"ssh -F $conf {} ipset restore <$work/list.ipset"
		cold_peer pssh sh -c "parallel-ssh -h $work/hosts -p $few \
			-t 60 -I -x '-F $conf' ipset restore <$work/list.ipset"
		cold_peer parallel parallel --will-cite -j $few -a "$work/hosts" \
			"ssh -F $conf {} ipset restore <$work/list.ipset"
		[ $((round % 2)) = 1 ] || cold_peer ansible \
			ansible-playbook "$work/play.yml"
	done
}

# cold_peer NAME COMMAND...
cold_peer() {
	local name=cold/ssh/$1

	[ "$1" != ansible ] || name=cold/ansible
	shift
	forget_sets
	timed "$name" "$round" "$@"
	for node in $nodes; do
		cluster_in "$node" ipset test b "$last" 2>"$work/log" ||
			fail "$node: $last is not in the set"
	done
}

# ---- one address, channels open

bench_one() {
	local round addr

	forget
	push one/before 0
	forget_sets
	sed -i '1s/maxelem.*/maxelem 200000/' "$work/list.ipset"
	for node in $nodes; do
		cluster_in "$node" ipset restore -f "$work/list.ipset"
		cluster_in controller ssh -F "$work/mux.conf" -o ControlMaster=yes \
			-fN "$node" 2>"$work/log"
	done
	cluster_start stay controller "$FP_BUILD/fp-sync" push --stay \
		--lists "$work/lists"
	lab_wait 20 test -S "$LAB_DIR/controller/state/sync/sock"
	lab_wait 20 all_hear
	for ((round = 0; round < 4 * ROUNDS; round++)); do
		addr=198.19.254.$round
		timed one/floor "$round" -s "$work/floor" /bin/true
		timed one/ours "$round" "$FP_BUILD/fp-sync" add "$addr" \
			--for 1h --why bench --quiet
		for node in $nodes; do
			block test "$addr" >"$work/log" ||
				fail "$node: $addr is not blocked"
		done
		timed one/ssh "$round" xargs -a "$work/hosts" -P $few -I{} \
			ssh -F "$work/mux.conf" {} ipset add b "$addr"
	done
	cluster_stop stay
}

# Has each of them a channel that is open?  A new session needs far longer.
all_hear() {
	cluster_in controller "$FP_BUILD/fp-sync" add 198.19.255.1 --for 1h \
		--json >"$work/log" 2>&1 &&
		jq -se 'map(select(.type == "change") | .ms) | max < 20' \
			"$work/log" >/dev/null
}

# ---- much on both ends

# Two lists of which one line in a hundred differs: half of these go, half come.
make_versions() {
	local half=$((entries / 200))

	"$FP_BUILD/bench/lists" $((entries + half)) "$work"
	head -n "$entries" "$work/list.txt" >"$work/version.0"
	tail -n "$entries" "$work/list.txt" >"$work/version.1"
	changed_bytes=$({
		head -n "$half" "$work/list.txt"
		tail -n "$half" "$work/list.txt"
	} | wc -c)
}

# same NAME ROUND WORD...: a push whose bytes are counted by itself and by the
# link, each for a node
counted() {
	local name=$1 round=$2 before

	before=$(link)
	push "$@" --json
	before=$(($(link) - before))
	figure "link/$name" "$round" $((before / few))
}

bench_same() {
	local round

	forget
	cp "$work/version.0" "$work/lists/bulk.list"
	push same/first 0
	for ((round = 0; round < ROUNDS; round++)); do
		counted same "$round"
		timed same/floor "$round" xargs -a "$work/hosts" -P $few -I{} \
			ssh -F "$work/ssh.conf" {} true
		turns "$round"
	done
}

# turns ROUND: the same through a relay that counts, to one node
turns() {
	local to from answers

	timed same/relayed "$1" "$FP_BUILD/fp-sync" push --lists "$work/lists" \
		--node sip1 --ssh-command "$FP_BUILD/bench/turns $work/turns ssh"
	read -r to from answers <"$work/turns"
	figure same/turns "$1" "$answers"
	figure same/bytes "$1" $((to + from))
}

# One line in a hundred, and before that: none.
bench_change() {
	local round

	make_versions
	bench_same
	for ((round = 0; round < ROUNDS; round++)); do
		figure change/lines "$round" "$changed_bytes"
		cp "$work/version.$(((round + 1) % 2))" "$work/lists/bulk.list"
		counted change/diff "$round"
	done
	# a controller that does not know what nodes have
	for ((round = 0; round < 2; round++)); do
		rm -rf "$LAB_DIR"/controller/state/{,.[!.]}*
		cp "$work/version.$(((ROUNDS + round + 1) % 2))" \
			"$work/lists/bulk.list"
		counted change/buckets "$round" --adopt
	done
}

# ---- more nodes

bench_many() {
	local round chosen=()

	for node in $(head -n $few "$work/hosts"); do
		chosen+=(--node "$node")
	done
	for ((round = 0; round < 3; round++)); do
		forget_state
		push many/cold/few "$round" "${chosen[@]}"
		push many/same/few "$round" "${chosen[@]}"
		forget_state
		push many/cold/all "$round"
		push many/same/all "$round"
	done
}

# They have no filter, so that there is nothing in the kernel to forget.
forget_state() {
	rm -rf "$LAB_DIR"/controller/state/{,.[!.]}*
	for node in $nodes; do
		rm -rf "$LAB_DIR/$node"/state/{,.[!.]}*
	done
}

# ---- the broker

# consume QUEUE: in the background, until cluster_stop consume
consume() {
	cluster_start consume sip1 "$FP_BUILD/fp-sync" consume \
		--url-file "$work/url" --queue "$1" --rate 1000000 \
		--max-bans 1000000 --verbose
}

says() {
	[ "$(grep -c "$1" "$LAB_DIR/consume.log")" -ge "$2" ]
}

bench_amqp() {
	local round

	rabbit_up controller 10.77.1.1
	(umask 077 && printf 'amqp://fastpath:%s@10.77.1.1\n' \
		"$(<"$RABBIT_DIR/password")" >"$work/url")
	for ((round = 0; round < 3; round++)); do
		bench_backlog "$round"
	done
	consume backlog
	lab_wait 20 says 'following queue' 1
	"$FP_BUILD/bench/drop" "$work/url" fp.bans 192.0.2.1 100 \
		"/run/netns/$(lab_ns controller)" "/run/netns/$(lab_ns sip1)" \
		"/run/netns/$(lab_ns attacker)" >>"$figures"
	cluster_stop consume
}

# What came while the node was away: from the start of consume to the last of it
# durable, acknowledged and in the kernel.
bench_backlog() {
	local start end

	consume backlog
	lab_wait 20 says 'following queue' 1
	cluster_stop consume
	awk -v n="$messages" -v round="$1" 'BEGIN {
		for (i = 0; i < n; i++)
			printf "198.19.%d.%d\n", i / 250 + 80 * round,
				i % 250 + 1
	}' | cluster_in controller "$FP_BUILD/fp-sync" publish \
		--url-file "$work/url" --quiet >"$work/log"
	start=$EPOCHREALTIME
	consume backlog
	lab_wait 120 says "198[.]19[.]" "$messages"
	end=$EPOCHREALTIME
	cluster_stop consume
	[ "$(rabbit_count backlog)" = 0 ] || fail "messages are left"
	figure amqp/rate "$1" "$(bc <<<"$messages / ($end - $start)")"
}

# ---- all of it

mkdir "$work/lists"
if [ "$ONLY" != many ]; then
	up $few
	attach
fi
"$FP_BUILD/bench/lists" 100000 "$work"
cp "$work/list.txt" "$work/lists/bulk.list"
if wants cold; then
	bench_cold
fi
if wants one; then
	bench_one
fi
if wants amqp; then
	bench_amqp
fi
if wants change; then
	bench_change
fi
leave
if wants many; then
	"$FP_BUILD/bench/lists" 100000 "$work"
	cp "$work/list.txt" "$work/lists/bulk.list"
	up $many
	bench_many
	leave
fi
bench_end
