#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A cluster over SSH in which things go wrong: after each fault every node has the
# old policy or the new one, whole, in its lists and in its kernel; what was not
# done is said; one more push heals, and one more after it finds nothing to do.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' variables

bats_require_minimum_version 1.5.0
load say.bash

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
		cluster_in "$node" "$FP_BUILD/fp-load" attach net1 --quiet
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
	deadline=2 # seconds
	[[ $FP_BUILD != *-san ]] || deadline=6
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
	# shellcheck disable=SC2016 # for the inner shell
	line=(unshare -u bash -c 'hostname "$0" && exec "$@"' "$who"
		"$FP_BUILD/fp-sync" "$@" --json)
	[[ " $* " == *' -t '* ]] || line+=(-t "${deadline}s")
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

# begin ARG...: the same in the background, one for each $who
begin() {
	local line

	words "$@"
	cluster_start "run-$who" "$who" "${line[@]}"
}

# finish STATUS...: what begin began has ended by itself, with one of these
finish() {
	local pid

	read -r pid _ <"$LAB_DIR/pids/run-$who"
	lab_wait 30 lab_ended "run-$who"
	status=0
	wait "$pid" || status=$?
	rm "$LAB_DIR/pids/run-$who"
	output=$(<"$LAB_DIR/run-$who.log")
	stderr=$output
	[[ " $* " == *" $status "* ]] || {
		printf 'status %s, not %s:\n%s\n' "$status" "$*" "$output"
		return 1
	}
}

ms() { echo $((${EPOCHREALTIME/./} / 1000)); }

hints() {
	[[ $stderr == *"$1"* ]] || {
		printf 'no "%s" in: %s\n' "$1" "$stderr"
		return 1
	}
}

# The last go took no longer than one deadline, and what it takes besides.
in_time() {
	[ "$took" -le $((deadline * 1000 + 1500)) ] || {
		echo "took $took ms"
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
			-o verdict "$@" 2>/dev/null | sort -u | xargs)" \
			"$node $want"
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
	lab_wait 15 nothing_staged
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
	in_time
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
	in_time
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
	go 0 push -t $((deadline + 2))s
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
	for point in $(points "$LAB_DIR/trace" 7); do
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

# ---- the network

@test "the network is cut in the middle of a transfer, loudly and silently" {
	nodes=(sip2)
	list feed 203.0.113.7
	go 0 push
	for how in '' -s; do
		# narrow, on the way there
		lab_in switch tc qdisc add dev sip2 root tbf rate 2mbit \
			burst 16k latency 400ms
		cp "$BATS_FILE_TMPDIR/big" "$lists/feed.list"
		before=$(received sip2)
		begin push
		lab_wait 10 under_way sip2 80000
		cluster_cut $how sip2
		finish 4
		states unreachable
		cluster_heal sip2
		kernel block 203.0.113.7
		kernel none 11.0.0.1 11.0.119.250
		go 0 push
		of '.[0] | [.changed, .added, .removed]' '[true,30000,1]'
		kernel block 11.0.0.1 11.0.119.250
		kernel none 203.0.113.7
		whole
		list feed 203.0.113.7
		go 0 push --max-change 100
	done
}

@test "of ten nodes two are dead: exit 3, which, within one deadline" {
	nodes=(sip{1,2,3,4,5,6,7,8,9,10})
	list feed 203.0.113.7
	cluster_freeze sip4
	cluster_cut -s sip8
	go 3 push
	in_time
	of 'map(select(.type == "push" and .state != "ok") | [.node, .state])' \
		'[["sip4","unreachable"],["sip8","unreachable"]]'
	of "map(.ms // 0 | . < $deadline * 1000 + 400) | all" true
	of '.[-1] | [.nodes, .done, .unreachable]' '[10,8,2]'
	hints 'sip4: '
	hints 'sip8: '
	cluster_thaw sip4
	cluster_heal sip8
	go 0 push
	of 'map(select(.changed).node)' '["sip4","sip8",null]'
	go 0 push
	changed false
	for node in "${nodes[@]}"; do
		digest "$node"
	done >"$BATS_TEST_TMPDIR/digests"
	same "$(sort -u "$BATS_TEST_TMPDIR/digests" | wc -l)" 1
	on sip1,sip2,sip3 kernel block 203.0.113.7
}

# ---- controllers

@test "a controller is killed in the middle of a push" {
	list feed 203.0.113.7
	go 0 push
	cluster_slow sip2 1 2mbit
	cluster_slow sip3 1 2mbit
	cp "$BATS_FILE_TMPDIR/big" "$lists/feed.list"
	before=$(received sip2)
	begin push
	lab_wait 10 under_way sip2 80000
	lab_wait 5 on sip1 kernel block 11.0.0.1
	lab_stop run-controller KILL
	cluster_heal sip2
	cluster_heal sip3
	on sip2,sip3 kernel block 203.0.113.7
	on sip2,sip3 kernel none 11.0.0.1
	go 0 push
	of 'map(.changed)' '[false,true,true,true]'
	kernel block 11.0.0.1 11.0.119.250
	whole
}

@test "a controller is restored from a backup: it undoes nothing unless told to" {
	local state=$LAB_DIR/controller/state

	list feed 203.0.113.7
	go 0 push
	cp -a "$state" "$BATS_TEST_TMPDIR/backup"
	list feed 203.0.113.9
	go 0 push
	rm -rf "$state" && cp -a "$BATS_TEST_TMPDIR/backup" "$state"
	list feed 203.0.113.11
	go 5 push
	states refused refused refused
	changed false
	hints 'refused by rule adopt: controller pushed '
	kernel block 203.0.113.9
	kernel none 203.0.113.7 203.0.113.11
	go 5 push --dry-run
	go 0 push --adopt
	hints 'sip1: taken over from controller (push '
	hints 'sip3: taken over from controller (push '
	kernel block 203.0.113.11
	kernel none 203.0.113.7 203.0.113.9
	whole
	# the same lists as the nodes have: there is nothing to undo
	rm -rf "$state" && mkdir "$state"
	go 0 push
	changed false
	list feed 203.0.113.12
	go 0 push
	whole
}

@test "two controllers with different lists at once: one wins a node, whole" {
	local ours=$lists theirs=$BATS_TEST_TMPDIR/theirs policies node round

	mkdir "$theirs"
	cp "$BATS_FILE_TMPDIR/big" "$ours/feed.list"
	sed 's/^11/12/' "$BATS_FILE_TMPDIR/big" >"$theirs/feed.list"
	for round in 1 2; do
		[ $round = 1 ] || for node in "${nodes[@]}"; do
			fresh "$node"
		done
		rm -rf "$LAB_DIR"/{controller,other}/state/sync
		begin push
		who=other lists=$theirs begin push
		finish 0 3 5
		cp "$LAB_DIR/run-controller.log" "$BATS_TEST_TMPDIR/one"
		who=other finish 0 3 5
		# each node: ok for one of them, refused for the other
		output=$(cat "$BATS_TEST_TMPDIR/one" "$LAB_DIR/run-other.log")
		of 'map(select(.type == "push")) | group_by(.node) |
			map(map(.state) | sort | join(" ")) | unique' \
			'["ok refused"]'
		of 'map(select(.state == "refused").detail |
			test("(controller|other)( |$)")) | all' true
		policies=$(jq -r 'select(.state == "ok") | "\(.node) \(.policy)"' \
			<<<"$(grep '^{' <<<"$output")" | sort)
		same "$(for node in "${nodes[@]}"; do
			echo "$node $(digest "$node")"
		done)" "$policies"
		for node in "${nodes[@]}"; do
			if on "$node" kernel block 11.0.0.1 11.0.119.250; then
				has "$node" feed "$ours/feed.list"
				on "$node" kernel none 12.0.0.1 12.0.119.250
			else
				has "$node" feed "$theirs/feed.list"
				on "$node" kernel block 12.0.0.1 12.0.119.250
			fi >/dev/null
		done
	done
	# both insist: still never a mixture
	begin push --adopt --max-change 100
	who=other lists=$theirs begin push --adopt --max-change 100
	finish 0 3 5
	who=other finish 0 3 5
	for node in "${nodes[@]}"; do
		has "$node" feed "$ours/feed.list" >/dev/null ||
			has "$node" feed "$theirs/feed.list"
	done
	who=other lists=$theirs go 0 push --adopt --max-change 100
	kernel block 12.0.0.1 12.0.119.250
	kernel none 11.0.0.1 11.0.119.250
	go 5 push
	who=other
	lists=$theirs
	whole
}

# ---- time

@test "clocks of nodes are an hour off: bans end by the controller's" {
	cluster_clock sip2 3600
	cluster_clock sip3 -3600
	list feed 203.0.113.7
	go 0 push
	hints 'sip2: its clock is 3600 s ahead of ours'
	hints 'sip3: its clock is 3600 s behind ours'
	go 0 status
	of 'map(select(.type == "status").clock_s)' '[0,3600,-3600]'
	go 0 add 203.0.113.20 --for 4s
	start=$(ms)
	kernel block 203.0.113.20
	go 0 add 203.0.113.21 --for 1h
	go 0 add 203.0.113.21 --for 1h
	of 'map(.changed)' '[0,0,0,false]'
	same "$(until_of sip2)" $(($(until_of sip1) + 3600))
	same "$(until_of sip3)" $(($(until_of sip1) - 3600))
	# the later word counts, whoever's clock says what
	go 0 del 203.0.113.21
	kernel none 203.0.113.21
	go 0 add 203.0.113.21 --for 1h
	kernel block 203.0.113.21
	# said while it was away, heard later
	cluster_kill_sshd sip3
	go 3 add 203.0.113.22 --for 1h
	cluster_start_sshd sip3
	go 0 push
	kernel block 203.0.113.22
	sleep "$(((4500 - ($(ms) - start)) / 1000 + 1))"
	kernel none 203.0.113.20
	kernel block 203.0.113.7 203.0.113.21 203.0.113.22
	whole
	cluster_clock sip2 0
	cluster_clock sip3 0
}

# until_of NODE: the end of the ban of 203.0.113.21, as its list has it
until_of() {
	date +%s -d "$(cluster_in "$1" "$FP_BUILD/fp-block" list bans --json |
		jq -r 'select(.prefix == "203.0.113.21").until')"
}

@test "a node was down for 1,000 changes: one push and it is in step" {
	list feed 203.0.113.7
	go 0 push
	cluster_kill_sshd sip2
	for round in {1..10}; do
		printf "198.18.$round.%s why=scan\n" {1..80} \
			>"$BATS_TEST_TMPDIR/add"
		printf "198.18.$((round - 1)).%s\n" {1..20} \
			>"$BATS_TEST_TMPDIR/del"
		go 3 add - --for 1h <"$BATS_TEST_TMPDIR/add"
		go 3 del - <"$BATS_TEST_TMPDIR/del"
		list feed 203.0.113.7 "203.0.113.1$round"
	done
	go 3 push
	cluster_start_sshd sip2
	on sip2 kernel none 198.18.1.80 203.0.113.110
	go 0 push
	of 'map(.changed)' '[false,true,false,true]'
	kernel block 198.18.1.21 198.18.9.80 198.18.10.1 203.0.113.110
	kernel none 198.18.0.1 198.18.1.1 198.18.9.20 203.0.113.19
	go 0 status
	of 'map(select(.type == "status").bans) | unique' '[620]'
	go 0 add 198.18.10.80
	of 'map(.caught_up)' '[0,0,0,null]'
	whole
}

# ---- the filter

@test "a channel is alive across upgrades of the filter, and so is push --stay" {
	[ -x "$FP_BUILD/test/prog/wire" ] || skip 'wire is not built'
	nodes=(sip1)
	echo 203.0.113.7 >"$BATS_TEST_TMPDIR/one"
	echo 203.0.113.9 >"$BATS_TEST_TMPDIR/two"
	upgrade="sh ssh -n -o IdentitiesOnly=yes -i $LAB_DIR/id_admin sip1 exec"
	{
		echo HELLO v=1 min=1 name=held clock_ms="$(date +%s%3N)"
		echo "list feed block $BATS_TEST_TMPDIR/one"
		echo COMMIT push=p1 base= policy=@ by=me
		echo "$upgrade $FP_BUILD/fp-load upgrade --quiet"
		echo "list feed block $BATS_TEST_TMPDIR/two"
		echo COMMIT push=p2 base=p1 policy=@ by=me
		[ ! -x "$FP_OTHER_LAYOUT/fp-load" ] || {
			echo "$upgrade $FP_OTHER_LAYOUT/fp-load upgrade --quiet"
			echo HELLO v=1 min=1 name=held clock_ms="$(date +%s%3N)"
			echo "|203.0.113.30 at=$(date +%s%3N)"
			echo CHANGE list=bans kind=block by=me why=it
			echo "$upgrade $FP_BUILD/fp-load upgrade --quiet"
		}
		echo "|203.0.113.20 at=$(date +%s%3N)"
		echo CHANGE list=bans kind=block by=me why=it
		echo HELLO v=1 min=1 name=held clock_ms="$(date +%s%3N)"
	} >"$BATS_TEST_TMPDIR/script"
	run cluster_in controller "$FP_BUILD/test/prog/wire" ssh sip1 \
		<"$BATS_TEST_TMPDIR/script"
	[ "$status" = 0 ] || {
		echo "$output"
		false
	}
	[ ! -x "$FP_OTHER_LAYOUT/fp-load" ] || [[ $output == *FAIL*layout* ]]
	kernel block 203.0.113.9 203.0.113.20
	kernel none 203.0.113.7 203.0.113.30
	cluster_in sip1 "$FP_BUILD/fp-block" verify --quiet
	list feed 203.0.113.11
	begin push --stay --adopt
	lab_wait 5 kernel block 203.0.113.11
	cluster_in sip1 "$FP_BUILD/fp-load" upgrade --quiet
	list feed 203.0.113.11 203.0.113.12
	lab_wait 5 kernel block 203.0.113.12
	go 0 add 203.0.113.21
	kernel block 203.0.113.20 203.0.113.21
	lab_stop run-controller
	whole
}
