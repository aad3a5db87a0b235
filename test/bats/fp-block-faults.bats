#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-block when things are missing, full, locked, torn or not ours: a clear
# message, and no entry is lost.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell

bats_require_minimum_version 1.5.0

load block.bash

setup_file() { node_up; }
setup() { node_fresh; }
teardown() {
	if mountpoint -q "$PWD/small"; then umount "$PWD/small"; fi
	fp-load attach n0 --quiet >/dev/null
	fp-load set max-hashed=4000000 --quiet >/dev/null
}

nothing='saved, but NOT in force: no filter is loaded here (fp-load attach IF)'
nowhere='saved, but NOT in force: no NIC has the filter (fp-load status)'

# ---- nothing attached

@test "nothing attached: kept, said so, and in force after attach" {
	fp-load detach --all -q >/dev/null
	block 3 add 203.0.113.7 --for 1h
	says "$nothing"
	[[ $output == $'203.0.113.7\tlocal\tblock\tadded\t2'*$'Z\t-' ]]
	block 3 load feed - <<<203.0.113.8
	says "$nothing"
	block 3 add 203.0.113.7 --for 1h
	says "${nothing/saved/on the lists}"
	block 2 verify
	says 'no filter is loaded: there are no tables to compare (fp-load attach IF)'
	block 0 why 203.0.113.7 -o verdict,mode
	prints - none
	run -0 --separate-stderr fp-load attach n0
	same "$stderr" ''
	block 0 test 203.0.113.7 203.0.113.8
	in_step
}

@test "tables, but no NIC: the same" {
	ip link add n2 type veth peer name n3
	fp-load attach n2 -q >/dev/null
	fp-load detach n0 -q >/dev/null
	ip link del n2
	block 3 add 203.0.113.7
	says "$nowhere"
	prints 203.0.113.7 local block added - block
	block 1 test 203.0.113.7
	prints 203.0.113.7 block no none
	fp-load attach n0 -q >/dev/null
	block 0 test 203.0.113.7
	in_step
}

@test "an attach that was not confirmed filters nothing, and is not in force" {
	fp-load detach --all -q >/dev/null
	fp-load attach n0 --confirm 4s -q >/dev/null
	block 0 add 203.0.113.7
	block 0 test 203.0.113.7
	sleep 5.1 # deadlines are whole seconds
	block 1 test 203.0.113.7
	prints 203.0.113.7 block no none
	block 3 add 203.0.113.8
	says "$nowhere"
	fp-load attach n0 -q >/dev/null
	block 0 test 203.0.113.7
}

# ---- full

@test "table full: refused before anything changes, with the remedy" {
	fp-load set max-hashed=3 -q >/dev/null
	block 0 add 203.0.113.1 203.0.113.2 203.0.113.3 --for 1h
	before=$(state)
	text='table full: 3 of 3 timed and IPv6 entries, 1 more wanted; raise it with fp-load set max-hashed=N'
	block 2 add 203.0.113.4 --for 1h
	says "$text"
	same "$output" ''
	block 2 add 2001:db8:a::1
	says "$text"
	same "$(state)" "$before"
	block 2 load feed - <<<2001:db8:a::/48
	says "$text"
	block 0 add 203.0.113.1 --for 3h # takes no more room
	block 0 add 203.0.113.5          # neither does this
	block 0 del 203.0.113.1
	block 0 add 203.0.113.4 --for 1h
	block 2 add 203.0.113.1 --for 1h
	in_step
	fp-load set max-hashed=10 -q >/dev/null
	block 0 add 203.0.113.1 --for 1h
	block 0 test 203.0.113.1 203.0.113.2 203.0.113.3 203.0.113.4 203.0.113.5
	in_step
}

# small SIZE: lists live on a file system of this size.
small() {
	mkdir -p small
	mount -t tmpfs -o "size=$1" tmpfs small
	export FP_STATE=$PWD/small
	lists=$FP_STATE/lists
	fp-block add 203.0.113.7 -q >/dev/null
}

@test "disk full: the list stays as it was, in file and table" {
	small 64k
	before=$(state)
	seq -f '203.0.%.0f.0/24' 0 112 >file
	awk '{ print $0, "why=" sprintf("%0900d", 1) }' file >fat
	block 2 load feed fat
	says 'feed.list.tmp: No space left on device'
	same "$output" ''
	same "$(state)" "$before"
	in_step
	i=0
	while fp-block add 198.51.100.$i --why "$(printf '%0900d' 1)" -q \
		>/dev/null 2>err; do
		i=$((i + 1))
	done
	grep -q 'local.list: No space left on device' err
	[ $i -gt 10 ]
	same "$(fp-block list local | wc -l)" $((i + 1))
	verdict 198.51.100.$((i - 1)) block
	verdict 198.51.100.$i none
	in_step
	block 0 del 198.51.100.1 198.51.100.2 ||
		hints 'No space left on device'
	mount -o remount,size=1m small
	block 0 add 198.51.100.$i
	in_step
}

@test "a state directory that cannot be written, or made" {
	small 64k
	mount -o remount,ro small
	block 2 add 203.0.113.8
	says 'local.list: Read-only file system'
	block 2 load feed - <<<203.0.113.8
	says 'feed.list.tmp: Read-only file system'
	block 0 list local
	block 0 test 203.0.113.7
	in_step
	block 2 add 203.0.113.8 --state /proc/none
	hints '/proc/none: '
	: >file
	block 2 add 203.0.113.8 --state file
	says 'file/lists: Not a directory'
}

@test "not root: what is missing is named" {
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$FP_STATE" 2>/dev/null
	fp-block add 203.0.113.7 >/dev/null
	cp "$FP_BUILD/fp-block" "$FP_STATE/fp-block"
	as_nobody() {
		run --separate-stderr "-$1" setpriv --reuid 65534 --regid 65534 \
			--clear-groups "$FP_STATE/fp-block" "${@:2}"
	}
	as_nobody 2 list local
	hints "$FP_STATE/lists belongs to user root and has mode 0750: user nobody may not read it"
	as_nobody 2 add 203.0.113.8
	hints "$FP_STATE/lists belongs to user root and has mode 0750: user nobody may not change it"
	as_nobody 2 test 203.0.113.7 --state "$FP_STATE/none"
	hints 'belongs to user root and has mode ?700: user nobody may not '
	rm "$FP_STATE/fp-block"
}

# ---- several at once

@test "two writers at once: twenty adds and a load, nothing is lost" {
	seq -f '203.0.%.0f.0/24' 0 112 >file
	pids=()
	for i in $(seq 20); do
		fp-block add 198.51.100.$i --list shared -q >/dev/null \
			2>"err$i" &
		pids+=($!)
	done
	fp-block load feed file -q >/dev/null &
	pids+=($!)
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
	same "$(cat err*)" ''
	same "$(fp-block list shared | wc -l)" 20
	same "$(fp-block list feed | wc -l)" 113
	fp-block test $(seq -f 198.51.100.%g 20) >/dev/null
	in_step
}

# locked COMMAND...: while somebody else holds the lock.
locked() {
	flock "$lists" "$@"
}

@test "lock held: exit 4 in time; reading lists needs no lock" {
	fp-block add 203.0.113.7 >/dev/null
	before=$(state)
	for args in 'add 203.0.113.8' 'del 203.0.113.7' 'load feed -' \
		'unload local' sweep 'verify' 'verify --repair' digest \
		'test 203.0.113.7' 'why 203.0.113.7'; do
		start=$(date +%s%N)
		# shellcheck disable=SC2086 # words
		run --separate-stderr -4 flock "$lists" \
			fp-block $args --timeout 300ms <<<203.0.113.9
		ms=$((($(date +%s%N) - start) / 1000000))
		[ $ms -ge 300 ] && [ $ms -le 2000 ]
		says "$lists: locked by another process for 300 ms"
		same "$output" ''
	done
	same "$(state)" "$before"
	flock "$lists" fp-block list local
	flock "$lists" fp-block lists
	flock -s "$lists" fp-block test 203.0.113.7 # beside another reader
}

@test "a lock that is given back in time is waited for" {
	mkdir -p "$lists"
	flock "$lists" sleep 0.7 &
	sleep 0.2
	block 0 add 203.0.113.7
	silent
	wait $!
}

@test "a slow stdin keeps nobody waiting" {
	mkfifo pipe
	fp-block add - --list slow <pipe >out 2>err &
	slow=$!
	fp-block load slower - <pipe >out2 2>err2 &
	slower=$!
	exec 9>pipe
	sleep 0.3
	block 0 add 203.0.113.7 --timeout 500ms
	echo 203.0.113.8 >&9
	exec 9>&-
	wait $slow
	wait $slower
	same "$(cat err err2)" ''
	in_step
}

# ---- pins of another build

@test "tables of another layout: exit 5, and nothing is touched" {
	[ -x "$FP_OTHER_LAYOUT/fp-load" ] || skip 'no build of another layout'
	fp-load detach --all -q >/dev/null
	fp-block add 203.0.113.7 -q >/dev/null || [ $? = 3 ]
	"$FP_OTHER_LAYOUT/fp-load" attach n0 -q >/dev/null
	before=$(state)
	for args in 'add 203.0.113.8' 'del 203.0.113.7' 'load feed -' verify \
		sweep 'test 203.0.113.7' 'why 203.0.113.7'; do
		# shellcheck disable=SC2086 # words
		block 5 $args <<<203.0.113.8
		says "the tables in $FP_PINS are of layout 99, this program is of layout 2: use the version that made them, or fp-load upgrade of this one"
		same "$output" ''
	done
	same "$(state)" "$before"
	block 0 list local
	run -0 "$FP_OTHER_LAYOUT/fp-block" test 203.0.113.7
	"$FP_OTHER_LAYOUT/fp-load" detach --all -q >/dev/null
}

# ---- lists that were touched

@test "a list edited by hand: sorted, taken over, said once" {
	fp-block load feed - <<<203.0.113.7 >/dev/null
	cat >>"$lists/feed.list" <<-'END'
		203.0.113.9
		203.0.113.8   why=by-hand # me
		203.0.113.8
	END
	behind='the tables are behind the lists (a change was interrupted, or a file edited): fp-block verify --repair'
	block 1 test 203.0.113.9
	says "$behind"
	block 2 verify
	hints "$behind"
	hints 'feed.list:4: '
	block 0 add 198.51.100.1
	hints 'the tables were behind the lists (a change was interrupted, or a file edited): compiled anew'
	hints 'feed.list was edited by hand: sorted and written anew'
	same "$(fp-block list feed)" $'203.0.113.7\n203.0.113.8\n203.0.113.9'
	block 0 test 203.0.113.7 203.0.113.8 203.0.113.9
	block 0 add 198.51.100.2
	silent
	in_step
}

@test "a list put there or taken away is noticed by the next writer" {
	list_file mine local block 203.0.113.7
	block 2 why 203.0.113.7
	hints 'the tables are behind the lists'
	hints '203.0.113.7: the lists say block, the kernel none: fp-block verify --repair'
	block 1 verify
	block 0 sweep
	says 'the tables were behind the lists (a change was interrupted, or a file edited): compiled anew'
	verdict 203.0.113.7 block
	rm "$lists/mine.list"
	block 0 verify --repair
	hints 'the tables were behind the lists'
	verdict 203.0.113.7 none
}

# broken TEXT: nothing is changed, it is said which, where and why.
broken() {
	block 5 add 203.0.113.8
	refused broken "$1 (mend the file or move it away; nothing was changed)"
	block 3 lists
	says "$1: this list is not in force"
	verdict 203.0.113.7 block # as it was
	block 0 add 203.0.113.8 --override broken
	hints "$1: this list is not in force"
	verdict 203.0.113.8 block
	block 3 verify
	rm -r "$lists"
	fp-block sweep -q
}

@test "a list that cannot be read: rule broken" {
	while IFS='|' read -r content text; do
		fp-block add 203.0.113.7 -q >/dev/null
		printf '%b' "$content" >"$lists/feed.list"
		broken "$text"
	done <<-'END'
		|feed.list:1: empty, or without a head
		203.0.113.9\n|feed.list:1: "203.0.113.9": not the head of a list (#fastpath-list 1 kind=... owner=... gen=... entries=...)
		#fastpath-list 2 kind=block owner=local gen=1 entries=0\n|feed.list:1: "#fastpath-list 2 kind=block owner=local gen=1 entries=0": not the head of a list (#fastpath-list 1 kind=... owner=... gen=... entries=...)
		#fastpath-list 1 kind=deny owner=local gen=1 entries=0\n|feed.list:1: "#fastpath-list 1 kind=deny owner=local gen=1 entries=0": not the head of a list (#fastpath-list 1 kind=... owner=... gen=... entries=...)
	END
	fp-block add 203.0.113.7 -q >/dev/null
	mkdir "$lists/feed.list"
	broken 'feed.list: not a regular file'
}

@test "a list with a line that is no entry: rule broken, the line is named" {
	fp-block add 203.0.113.7 -q >/dev/null
	list_file feed local block 203.0.113.9 999.1.1.1
	block 5 add 203.0.113.8
	hints 'refused by rule broken: feed.list:3: "999.1.1.1": an octet is more than 255 ('
	verdict 203.0.113.7 block
	verdict 203.0.113.9 none
	sed -i 3d "$lists/feed.list"
	sed -i 's/entries=2/entries=1/' "$lists/feed.list"
	block 0 add 203.0.113.8 -q
	verdict 203.0.113.9 block
	in_step
}

@test "a torn last line is ignored by readers, cut and reported by a writer" {
	fp-block add 203.0.113.7 -q >/dev/null
	printf '+203.0.113.9 why="to' >>"$lists/local.list"
	block 0 list local
	same "$output" 203.0.113.7
	silent
	block 0 add 203.0.113.8
	hints 'local.list: the last change was not written whole (a crash?): 20 bytes of it cut off'
	same "$(fp-block list local)" $'203.0.113.7\n203.0.113.8'
	verdict 203.0.113.9 none
	block 0 add 203.0.113.10
	silent
	{
		echo +203.0.113.11
		head -c 4096 /dev/zero
	} >>"$lists/local.list"
	block 0 sweep -q
	same "$(fp-block list local | tail -n 1)" 203.0.113.11
	same "$(tr -d '\0' <"$lists/local.list" | wc -c)" \
		"$(wc -c <"$lists/local.list")"
	in_step
}

@test "what a killed writer left is swept up; other files are left alone" {
	mkdir -p "$lists"
	: >"$lists/feed.list.tmp"
	echo hello >"$lists/README"
	block 0 add 203.0.113.7
	[ ! -e "$lists/feed.list.tmp" ]
	[ -e "$lists/README" ]
}
