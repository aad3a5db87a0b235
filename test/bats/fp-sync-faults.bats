#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A cluster over SSH in which things go wrong: after each fault every node has the
# old policy or the new one, whole, in its lists and in its kernel; what was not
# done is said; one more push heals, and one more after it finds nothing to do.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' variables

bats_require_minimum_version 1.5.0

setup_file() {
	[ "$(id -u)" = 0 ] && [ -n "${FP_TEST_BPFFS-}" ] ||
		skip 'needs root and test/run'
	[ -x "$FP_BUILD/fp-sync" ] || skip 'fp-sync is not built'
	source test/lab/cluster.sh
	unset SUDO_USER
	# shellcheck disable=SC2016 # for the node's shell
	export NODE_COMMAND='exec "${FP_STATE%/state}/command"'
	cluster_up -x other 10
	for node in $(cluster_nodes); do
		command_is "$node"
	done
	for node in sip1 sip2 sip3; do
		cluster_in $node "$FP_BUILD/fp-load" attach net1 --quiet
	done
	big 30000 >"$BATS_FILE_TMPDIR/big"
}

teardown_file() {
	source test/lab/cluster.sh
	cluster_down
}

# Each test begins with nodes that nobody ever pushed to.
setup() {
	source test/lab/cluster.sh
	nodes=(sip1 sip2 sip3)
	who=controller
	lists=$BATS_TEST_TMPDIR/lists
	mkdir "$lists"
	for host in controller other; do
		rm -rf "$LAB_DIR/$host"/state/{,.[!.]}*
	done
	for node in "${nodes[@]}"; do
		fresh "$node"
	done
}

teardown() {
	for node in "${nodes[@]}"; do
		cluster_heal "$node"
		cluster_thaw "$node"
		lab_runs "sshd-$node" || cluster_start_sshd "$node"
		! cluster_in "$node" mountpoint -q "$LAB_DIR/$node/state" ||
			cluster_roomy "$node"
	done
}

fresh() {
	cluster_in "$1" rm -rf "$LAB_DIR/$1"/state/{lists,stage,step,pending,accepted}
	cluster_in "$1" "$FP_BUILD/fp-block" sweep --quiet --override broken
}

# command_is NODE [WORD]...: what its sessions run, with the words before it
command_is() {
	local node=$1

	shift
	cat >"$LAB_DIR/$node/command.new" <<-END
	#!/bin/sh
	exec $* "\$FP_BUILD/fp-sync" receive --state "\$FP_STATE" --pins "\$FP_PINS"
	END
	chmod +x "$LAB_DIR/$node/command.new"
	mv "$LAB_DIR/$node/command.new" "$LAB_DIR/$node/command"
}

# big N: a list of as many hosts, in order; the first is 11.0.0.1
big() {
	awk -v n="$1" 'BEGIN {
		for (i = 0; i < n; i++)
			printf "11.%d.%d.%d\n", i / 62500, i / 250 % 250,
				i % 250 + 1
	}'
}

# list NAME PREFIX...: into the directory of lists
list() {
	local name=$1

	shift
	printf '%s\n' "$@" >"$lists/$name.list"
}

# words ARG...: a command line of fp-sync for $nodes
words() {
	line=("$FP_BUILD/fp-sync" "$@" --json)
	[[ " $* " == *' -t '* ]] || line+=(-t 2s)
	[[ $1 == receive ]] || line+=("${nodes[@]/#/--node=}")
	case $1 in
	push | status | compare) line+=(--lists "$lists") ;;
	esac
}

# go STATUS ARG...: on $who; records in $output, what was said in $stderr, $took ms
go() {
	local want=$1 start line

	shift
	words "$@"
	start=$(ms)
	run --separate-stderr cluster_in "$who" "${line[@]}"
	took=$(($(ms) - start))
	[ "$status" = "$want" ] || {
		printf 'status %s, not %s, of %s:\n%s\n%s\n' "$status" "$want" \
			"$*" "$output" "$stderr"
		return 1
	}
}

# begin ARG...: the same in the background; its name is run
begin() {
	local line

	words "$@"
	cluster_start run "$who" "${line[@]}"
}

# finish STATUS...: what begin began has ended by itself, with one of these
finish() {
	local pid

	read -r pid _ <"$LAB_DIR/pids/run"
	lab_wait 30 lab_ended run
	status=0
	wait "$pid" || status=$?
	rm "$LAB_DIR/pids/run"
	output=$(<"$LAB_DIR/run.log")
	stderr=$output
	[[ " $* " == *" $status "* ]] || {
		printf 'status %s, not %s:\n%s\n' "$status" "$*" "$output"
		return 1
	}
}

ms() { echo $((${EPOCHREALTIME/./} / 1000)); }

same() {
	[ "$1" = "$2" ] || {
		printf 'got:  %s\nwant: %s\n' "$1" "$2"
		return 1
	}
}

hints() {
	[[ $stderr == *"$1"* ]] || {
		printf 'no "%s" in: %s\n' "$1" "$stderr"
		return 1
	}
}

# within MS: the last go took no longer
within() {
	[ "$took" -le "$1" ] || {
		printf 'took %s ms, not %s\n' "$took" "$1"
		return 1
	}
}

# of FILTER WANT: what jq makes of the records, as one array
of() { same "$(grep '^{' <<<"$output" | jq -cs "$1")" "$2"; }

# states STATE...: of $nodes, in order
states() {
	of '[.[] | select(.type == "push" or .type == "status" or .type == "change") |
		.state] | join(" ")' "\"$*\""
}
changed() { of '.[-1].changed' "$1"; }

# kernel VERDICT ADDR...: so say the kernels of $nodes
kernel() {
	local want=$1 node

	shift
	for node in "${nodes[@]}"; do
		same "$node $(cluster_in "$node" "$FP_BUILD/fp-block" test \
			-o verdict "$@" 2>/dev/null | sort -u)" "$node $want"
	done
}

# on NODE[,NODE]... COMMAND...: with these for $nodes
on() {
	local nodes

	IFS=, read -ra nodes <<<"$1"
	shift
	"$@"
}

digest() { cluster_in "$1" "$FP_BUILD/fp-block" digest -o digest; }

# has NODE NAME FILE: the list there is what the file says, and so is the kernel
has() {
	cluster_in "$1" "$FP_BUILD/fp-block" verify --quiet || {
		echo "$1: tables are not what the lists say"
		return 1
	}
	cluster_in "$1" "$FP_BUILD/fp-block" list "$2" -o prefix |
		cmp - <(cat "$3" 2>/dev/null)
}

# whole: $nodes have our lists and nothing else, and a push finds that so
whole() {
	local node name policy

	for node in "${nodes[@]}"; do
		for name in "$lists"/*.list; do
			has "$node" "$(basename "$name" .list)" "$name"
		done
	done
	go 0 push
	changed false
	policy=$(jq -r 'select(.type == "push").policy' <<<"$output" | sort -u)
	for node in "${nodes[@]}"; do
		same "$node $(digest "$node")" "$node $policy"
	done
	go 0 status
	of 'map(select(.type == "status").in_step) | all' true
	lab_wait 5 nothing_staged
}

nothing_staged() {
	local node

	for node in "${nodes[@]}"; do
		[ -z "$(cluster_in "$node" find "$LAB_DIR/$node/state/stage" \
			-mindepth 1 2>/dev/null)" ] || return
	done
}

# received NODE: bytes, by net0.  under_way NODE N: so many since $before
received() { cluster_in "$1" cat /sys/class/net/net0/statistics/rx_bytes; }
under_way() { [ "$(received "$1")" -ge $((before + $2)) ]; }

# ---- nodes

@test "a node is dead: the others are done, it is named, and later caught up" {
	list feed 203.0.113.7 203.0.113.9
	go 0 push
	cluster_kill_sshd sip2
	cluster_cut sip3
	list feed 203.0.113.9 203.0.113.11
	go 3 push
	states ok unreachable unreachable
	of '.[-1] | [.changed, .done, .unreachable]' '[true,1,2]'
	hints 'sip2: '
	hints 'refused'
	hints 'sip3: '
	within 3500
	go 3 add 203.0.113.20
	states ok unreachable unreachable
	go 3 status
	of '[.[] | .in_step]' '[true,false,false,1]'
	on sip1 kernel block 203.0.113.9 203.0.113.11 203.0.113.20
	on sip2,sip3 kernel none 203.0.113.11 203.0.113.20
	on sip2,sip3 kernel block 203.0.113.7 203.0.113.9
	cluster_start_sshd sip2
	cluster_heal sip3
	go 0 push
	of 'map(.changed)' '[false,true,true,true]'
	kernel block 203.0.113.9 203.0.113.11 203.0.113.20
	kernel none 203.0.113.7
	whole
}

@test "a node is frozen: given up at the deadline, whole when it thaws" {
	list feed 203.0.113.7
	go 0 push
	cluster_freeze sip2
	list feed 203.0.113.7 203.0.113.9
	go 3 push
	states ok unreachable ok
	hints 'sip2: '
	within 3500
	cluster_thaw sip2
	on sip2 kernel none 203.0.113.9
	go 0 push
	whole
	# in the middle of a transfer
	cluster_slow sip2 1 2mbit
	cp "$BATS_FILE_TMPDIR/big" "$lists/feed.list"
	before=$(received sip2)
	begin push
	lab_wait 10 under_way sip2 80000
	cluster_freeze sip2
	finish 3
	states ok unreachable ok
	cluster_thaw sip2
	cluster_heal sip2
	on sip2 kernel block 203.0.113.7 203.0.113.9
	on sip2 kernel none 11.0.0.1
	go 0 push
	kernel block 11.0.0.1 11.0.119.250
	whole
}

@test "a slow node: no deadline passes while bytes do" {
	list feed 203.0.113.7
	go 0 push
	cluster_slow sip2 100
	cluster_slow sip3 1 500kbit
	cp "$BATS_FILE_TMPDIR/big" "$lists/feed.list"
	go 0 push -t 4s
	of 'map(.changed) | all' true
	[ "$took" -ge 5000 ]
	cluster_heal sip2
	cluster_heal sip3
	whole
}

@test "a disk is full: the old policy stays, whole, and so do bans" {
	list feed 203.0.113.7
	go 0 push
	cluster_full sip2
	cp "$BATS_FILE_TMPDIR/big" "$lists/feed.list"
	go 3 push
	states ok failed ok
	hints 'sip2: '
	hints 'No space left'
	go 3 add 203.0.113.20
	states ok failed ok
	cluster_in sip2 "$FP_BUILD/fp-block" verify --quiet
	on sip2 kernel block 203.0.113.7
	on sip2 kernel none 203.0.113.20 11.0.0.1
	# half of it fits
	cluster_full sip2 200
	go 3 push
	hints 'No space left'
	on sip2 kernel block 203.0.113.7
	on sip2 kernel none 11.0.0.1
	cluster_roomy sip2
	go 0 push
	kernel block 11.0.0.1 203.0.113.20
	whole
}

# points TRACE N: N of the calls with which a push changes something
points() {
	awk '{
		sub(/^[0-9]+ +/, "")
		call = $0
		sub(/\(.*/, "", call)
		n[call]++
		if (/"stage"/)
			begun = 1
		if (begun && !/^write\(1,/ && !/^bpf\(BPF_(OBJ_GET|MAP_LOOKUP)/)
			print call ":signal=KILL:when=" n[call]
	}' "$1" |
		awk -v n="$2" '{ line[NR] = $0 } END {
			for (i = 0; i < n; i++)
				print line[1 + int(i * (NR - 1) / (n - 1))]
		}'
}

@test "receive is killed in the middle of an apply" {
	nodes=(sip2)
	calls=trace=write,pwrite64,fsync,fdatasync,rename,renameat,renameat2
	calls+=,link,linkat,unlink,unlinkat,mkdir,mkdirat,ftruncate,bpf
	list kept 203.0.113.7
	list feed 203.0.113.9
	go 0 push
	list feed 203.0.113.11
	command_is sip2 strace -f -o "$LAB_DIR/trace" -e "$calls"
	go 0 push
	for point in $(points "$LAB_DIR/trace" 9); do
		echo "killed at $point"
		command_is sip2
		list feed 203.0.113.9
		go 0 push
		changed true
		list feed 203.0.113.11
		command_is sip2 strace -f -o /dev/null -e trace="${point%%:*}" \
			-e inject="$point"
		begin push
		finish 0 2 # 0: it had answered
		kernel block 203.0.113.7
		command_is sip2
		go 0 push
		kernel block 203.0.113.7 203.0.113.11
		kernel none 203.0.113.9
		cluster_in sip2 "$FP_BUILD/fp-block" verify --quiet
	done
	whole
}
