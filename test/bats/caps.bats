#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Which capabilities each verb of fp-block and fp-load takes: as another user who
# owns the state and pins directories, mixed with root in between.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' stderr
bats_require_minimum_version 1.5.0
load say.bash

USER_ID=12345

# Tool, verb, capabilities, exit status, arguments.  In this order: attach makes
# the tables, and what follows finds them.
#   none  files alone: a list is read
#   bpf   the tables
#   load  the program is loaded too
table() {
	cat <<-'END'
		fp-load attach load 0 n0
		fp-load status bpf 0
		fp-load set bpf 0 lists=enforce malformed=observe
		fp-load confirm bpf 0
		fp-load stats bpf 0
		fp-load watch bpf 0 --for 50ms
		fp-load top bpf 0 --for 50ms
		fp-load test load 1 /mnt/none.pcap
		fp-load upgrade load 0
		fp-block add bpf 0 203.0.113.9
		fp-block load bpf 0 many /mnt/many.txt
		fp-block list none 0 many
		fp-block lists none 0
		fp-block digest none 0
		fp-block test bpf 0 203.0.113.9
		fp-block why bpf 0 203.0.113.9
		fp-block sweep bpf 0
		fp-block verify bpf 0
		fp-block del bpf 0 203.0.113.9
		fp-block unload bpf 0 many
		fp-load detach bpf 0 n0
	END
}

# The rows of verbs that this build has.
rows() {
	if fp-load top --for 1ms 2>&1 | grep -q 'not built'; then
		table | grep -v '^fp-load top '
	else
		table
	fi
}

setup_file() {
	[ -n "${FP_TEST_BPFFS-}" ] && [ "$(id -u)" = 0 ] ||
		skip 'needs root and test/run'
	export FP_STATE=/mnt/state FP_PINS=/sys/fs/bpf/fastpath
	export FP_CLUSTER=/dev/null
	unset SUDO_USER
	mount -t tmpfs -o mode=755 tmpfs /mnt
	mkdir /mnt/bin /mnt/state
	cp "$FP_BUILD/fp-block" "$FP_BUILD/fp-load" "$FP_BUILD/fp-sync" /mnt/bin
	seq -f '198.51.%.0f.0/24' 0 100 >/mnt/many.txt
	# more than the first tables hold
	seq -f '2001:db8::%.0f' 1 9999 >>/mnt/many.txt
	printf '\xd4\xc3\xb2\xa1\2\0\4\0%8s\0\0\4\0\1\0\0\0' '' |
		tr ' ' '\0' >/mnt/none.pcap
	ip link add n0 type veth peer name n1
	ip addr add 192.0.2.1/24 dev n0
	ip link set n0 up
	ip link set n1 up
}

# As the package's units and tmpfiles.d(5) leave a host.
setup() {
	cd "$BATS_TEST_TMPDIR" || return
	chmod 711 /sys/fs/bpf
	mkdir -p "$FP_PINS"
	chmod 750 "$FP_PINS"
	chown -R $USER_ID:$USER_ID /mnt/state "$FP_PINS"
	chmod 755 /mnt/state
}

teardown() {
	fp-load detach --all -q >/dev/null 2>&1 || :
	[ ! -L "$FP_PINS" ] || rm "$FP_PINS"
	find "$FP_PINS" -mindepth 1 -depth -delete 2>/dev/null || :
	rm -rf /mnt/state/*
	[ -z "${pids-}" ] || kill $pids 2>/dev/null || :
}

caps_of() {
	case $1 in
	none) echo -all ;;
	bpf) echo -all,+bpf ;;
	load) echo -all,+bpf,+net_admin,+perfmon ;;
	esac
}

# as CAPS COMMAND...: as the user, with those and no more to be had.
as() {
	local caps

	caps=$(caps_of "$1")
	setpriv --reuid ${uid-$USER_ID} --regid $USER_ID --clear-groups \
		--inh-caps "$caps" --ambient-caps "$caps" \
		--bounding-set "$caps" "${@:2}"
}

# user STATUS CAPS COMMAND...
user() { run --separate-stderr "-$1" as "${@:2}"; }

# Nothing that root made keeps the user out.
owned() {
	same "$(find /mnt/state "$FP_PINS" ! -uid $USER_ID | head)" ''
}

@test "every verb has a row" {
	for tool in fp-block fp-load; do
		same "$(table | sed -n "s/^$tool \([a-z]*\) .*/\1/p" | sort)" \
			"$($tool --dump-options | cut -f1 | grep -v '^-' | sort -u)"
	done
}

@test "each verb with exactly its capabilities, root in between" {
	while read -r tool verb caps status args; do
		# shellcheck disable=SC2086 # words
		user "$status" "$caps" /mnt/bin/$tool $verb $args
		owned
		[ "$verb" != detach ] || continue
		fp-block add 203.0.113.77 --list root -q >/dev/null
		fp-load set stealth=observe -q >/dev/null
		fp-block unload root -q >/dev/null
		owned
	done < <(rows)
}

# setcaps FILE CAPS: VFS_CAP_REVISION_2, effective (capabilities(7)).
setcaps() {
	local bits=0x8000000000

	case $2 in
	none) return ;;
	load) bits=0xc000001000 ;;
	esac
	python3 -c 'import os, struct, sys
bits = int(sys.argv[2], 16)
os.setxattr(sys.argv[1], "security.capability", struct.pack("<5I",
    0x02000001, bits & 0xffffffff, 0, bits >> 32, 0))' "$1" "$bits"
}

@test "each verb with its capabilities in the file" {
	local at=/mnt/with

	for caps in none bpf load; do
		mkdir -p $at/$caps
		cp /mnt/bin/* $at/$caps
		setcaps $at/$caps/fp-block $caps
		setcaps $at/$caps/fp-load $caps
	done
	while read -r tool verb caps status args; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr "-$status" setpriv --reuid $USER_ID \
			--regid $USER_ID --clear-groups $at/$caps/$tool $verb $args
	done < <(rows)
}

@test "each verb without the right to: who owns what, and what is missing" {
	fp-load attach n0 -q >/dev/null
	fp-block add 203.0.113.9 -q >/dev/null
	uid=65534
	while read -r tool verb caps status args; do
		[ "$caps" != none ] || continue
		# shellcheck disable=SC2086 # words
		user 2 "$caps" /mnt/bin/$tool $verb $args
		hints 'belongs to user 12345 and has mode 0???: user nobody may not'
		# shellcheck disable=SC2086 # words
		user 2 none /mnt/bin/$tool $verb $args
		if [ "$caps" = load ]; then
			hints "$verb needs CAP_BPF and CAP_NET_ADMIN and CAP_PERFMON, which this process does not have"
		else
			hints 'belongs to user 12345'
		fi
	done < <(rows)
	# on a kernel that wants CAP_BPF for every bpf()
	while read -r tool verb caps status args; do
		[ "$caps" = bpf ] || continue
		# shellcheck disable=SC2086 # words
		run --separate-stderr -2 strace -f -o /dev/null -e trace=bpf \
			-e inject=bpf:error=EPERM -- setpriv --reuid $USER_ID \
			--regid $USER_ID --clear-groups --bounding-set -all \
			/mnt/bin/$tool $verb $args
		hints 'it needs CAP_BPF, which this process does not have; kernel.unprivileged_bpf_disabled is '
	done < <(rows)
}

@test "the unit's capabilities are enough" {
	caps=$(sed -n 's/^CapabilityBoundingSet=//p' \
		"$BATS_TEST_DIRNAME/../../examples/systemd/fp-load@.service" |
		tr '[:upper:]' '[:lower:]' | sed 's/cap_/+/g; s/ /,/g')
	run --separate-stderr -0 setpriv --no-new-privs --reuid $USER_ID \
		--regid $USER_ID --clear-groups --inh-caps "-all,$caps" \
		--ambient-caps "-all,$caps" --bounding-set "-all,$caps" \
		/mnt/bin/fp-load attach n0
}

@test "the program needs three" {
	user 2 bpf /mnt/bin/fp-load attach n0
	hints 'fp-load: attach needs CAP_NET_ADMIN and CAP_PERFMON, which this process does not have'
	user 1 bpf /mnt/bin/fp-load attach n0 -n
	user 0 load /mnt/bin/fp-load attach n0
	user 2 bpf /mnt/bin/fp-load test /mnt/none.pcap
	hints 'test needs CAP_NET_ADMIN and CAP_PERFMON'
}

@test "tables that cannot grow: CAP_BPF is named, and nothing is lost" {
	as load /mnt/bin/fp-load attach n0 -q
	user 2 none /mnt/bin/fp-block load many /mnt/many.txt
	hints 'CAP_BPF'
	user 0 bpf /mnt/bin/fp-block verify --repair
}

@test "root in a directory of another user works as that user" {
	as load /mnt/bin/fp-load attach n0 -q
	strace -f -e trace=setresuid,openat -o trace fp-block add 203.0.113.9 -q
	grep -q "setresuid($USER_ID, $USER_ID, $USER_ID)" trace
	owned
	cp "$FP_BUILD/fp-sync" /mnt/bin
	printf 'FP/1 HELLO\n' | fp-sync receive >/dev/null 2>&1 || :
	owned
	# root's own directories stay root's
	chown -R 0:0 /mnt/state "$FP_PINS"
	fp-block add 203.0.113.10 -q
	fp-load set stealth=off -q
	same "$(find /mnt/state "$FP_PINS" ! -uid 0)" ''
}

@test "root without the right to become the owner does not lock him out" {
	run --separate-stderr -2 setpriv --bounding-set -setuid \
		--inh-caps -setuid fp-block add 203.0.113.9
	hints "/mnt/state is not root's, and root without CAP_SETUID and CAP_SETGID would lock its owner out"
	owned
}

@test "who made the pins directory before us does not get the tables" {
	rmdir "$FP_PINS"
	chmod 1777 /sys/fs/bpf # as a bpffs is without mode=
	chown -R 0:0 /mnt/state
	uid=65534 as none mkdir -m 777 "$FP_PINS"
	run --separate-stderr -2 fp-load attach n0
	hints "fp-load: $FP_PINS belongs to user nobody, who has neither /mnt/state nor its lists: "
	[[ $stderr != *chown* ]]
	run --separate-stderr -2 fp-block add 203.0.113.9
	hints 'belongs to user nobody, who has neither'
	same "$(find /mnt/state "$FP_PINS" -mindepth 1)" ''
	# nor by a link, nor where the state is not there yet
	uid=65534 as none mv "$FP_PINS" /sys/fs/bpf/theirs
	uid=65534 as none ln -s /sys/fs/bpf/theirs "$FP_PINS"
	run --separate-stderr -2 env FP_STATE=/mnt/new fp-load attach n0
	hints 'belongs to user nobody'
	[ ! -e /mnt/new ]
	rm "$FP_PINS"
	rmdir /sys/fs/bpf/theirs
	# nor is he told that root would give him what he does not have
	mkdir -m 750 "$FP_PINS"
	fp-load attach n0 -q
	uid=65534 user 2 none /mnt/bin/fp-block add 203.0.113.9
	hints 'user nobody may not'
	[[ $stderr != *chown* ]]
}

# The operator's own files, which nobody else can reach.
private() {
	mkdir -p /mnt/root/lists
	chmod 700 /mnt/root
	cp /mnt/none.pcap /mnt/root
	echo 198.51.100.7 >/mnt/root/file
	cp /mnt/root/file /mnt/root/lists/x.list
	printf '[opensips]\nsip1 ansible_host=192.0.2.11\n' >/mnt/root/cluster.ini
	chmod 600 /mnt/root/*.* /mnt/root/file /mnt/root/lists/*
}

# unread COMMAND...: root's run fails, and tells nothing of what is root's alone.
unread() {
	run --separate-stderr "$@"
	echo "$*: $status: $output $stderr"
	[ "$status" != 0 ] || [ "$1 $2" = 'fp-block lists' ] || return
	[[ $output$stderr != *precious* ]]
}

@test "where the owner's links lead, root does not go for him" {
	private
	echo precious >/mnt/root/secret
	mkdir -p /mnt/sources # root's, to be seen by all
	as load /mnt/bin/fp-load attach n0 -q
	as none ln -s /mnt/root/secret /mnt/state/settings
	unread fp-load set sample=2
	rm /mnt/state/settings
	as none ln -s /mnt/root/secret /mnt/state/lists/x.list
	unread fp-block add 203.0.113.9
	unread fp-block list x
	unread fp-block lists
	unread fp-load test /mnt/none.pcap --lists /mnt/state/lists
	rm /mnt/state/lists/x.list
	as none mv /mnt/state/lists /mnt/state/away
	as none ln -s /mnt/sources /mnt/state/lists
	unread fp-block add 203.0.113.9 --list debian
	# his own directory is not followed to either
	as none ln -sfn /mnt/state/away /mnt/state/lists
	unread fp-block add 203.0.113.9
	same "$(find /mnt/sources -mindepth 1)" ''
	rm /mnt/state/lists
	# but an administrator may have it elsewhere
	as none mv /mnt/state/away /mnt/state/lists
	ln -s /mnt/state /mnt/link
	FP_STATE=/mnt/link fp-block add 203.0.113.9
	owned
}

@test "where the owner links health, sync and jobs, root does not go for him" {
	private
	mkdir /mnt/root/locks
	echo precious >/mnt/root/state
	for name in maintenance steer state.tmp pushes; do
		cp /mnt/root/state /mnt/root/$name
	done
	chmod 600 /mnt/root/*
	chmod 700 /mnt/root/lists /mnt/root/locks
	before=$(find /mnt/root -printf '%p %m %u %s %T@\n')
	for name in health sync jobs; do
		as none ln -sfn /mnt/root /mnt/state/$name
	done
	controller() {
		run --separate-stderr "$FP_BUILD/$1" "${@:2}" -C /mnt/cluster.ini
		echo "$*: $status: $output $stderr"
	}
	printf '[opensips]\nsip1 ansible_host=192.0.2.11 fp_mi=http://192.0.2.11:8888/mi fp_node_id=1\n' >/mnt/cluster.ini
	controller fp-health status -t 200ms
	hints 'health is a link, and is not followed'
	controller fp-health maintain sip1 --for 1h --why test --override lock
	[ "$status" = 3 ] # it says so
	hints 'health is a link, and is not followed'
	controller fp-sync add 203.0.113.9 -t 200ms
	[ "$status" = 2 ]
	hints 'sync is a link, and is not followed'
	controller fp-rehome jobs
	[ "$status" = 2 ]
	hints 'jobs is a link, and is not followed'
	same "$(find /mnt/root -printf '%p %m %u %s %T@\n')" "$before"
	# and what root makes there is the owner's
	rm /mnt/state/health /mnt/state/sync /mnt/state/jobs
	controller fp-health status -t 200ms
	controller fp-health maintain sip1 --for 1h --why test --override lock
	controller fp-sync add 203.0.113.9 -t 200ms
	[ -f /mnt/state/health/state ] && [ -f /mnt/state/health/maintenance ]
	[ -n "$(find /mnt/state/sync -type f)" ]
	owned
	# nor by a link in it
	for name in state maintenance; do
		as none ln -sf /mnt/root/secret /mnt/state/health/$name
	done
	as none ln -sf /mnt/root/state /mnt/state/health/state.tmp
	controller fp-health status -t 200ms
	controller fp-health maintain sip1 --for 1h --why test --override lock
	[[ $output$stderr != *precious* ]]
	same "$(find /mnt/root -printf '%p %m %u %s %T@\n')" "$before"
}

@test "what root names he reads with his own rights, as another user too" {
	private
	as load /mnt/bin/fp-load attach n0 -q
	run -1 fp-load test /mnt/root/none.pcap --lists /mnt/root/lists
	[[ $output == *'it holds no packet'* ]]
	fp-block load mine /mnt/root/file -C /mnt/root/cluster.ini -q
	fp-block list _cluster | grep -q 192.0.2.11
	fp-load stats --format prometheus --output /mnt/root/stats.prom
	same "$(stat -c %u /mnt/root/stats.prom)" 0
	owned
}

# CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_NET_ADMIN
is_narrow() { [ "$(caps "$1")" = '000000c000081000 000000c000081000 ' ]; }

@test "attach --stay keeps what a NIC that comes back takes" {
	fp-load attach n0 --stay -q >/dev/null 3>&- &
	pids=$!
	wait_for is_narrow $!
}

# caps PID: permitted and effective.
caps() { sed -n 's/^Cap\(Prm\|Eff\):\t//p' "/proc/$1/status" | tr '\n' ' '; }
no_caps() { [ "$(caps "$1")" = '0000000000000000 0000000000000000 ' ]; }
wait_for() {
	for _ in $(seq 50); do
		! "$@" || return 0
		sleep 0.1
	done
	"$@"
}

@test "what strangers sent is read without any capability, root's too" {
	as load /mnt/bin/fp-load attach n0 -q
	fp-load watch --for 20s >/dev/null 3>&- &
	pids=$!
	wait_for no_caps $!
	mkfifo in
	fp-load test - <in >/dev/null 2>&1 3>&- &
	pids+=" $!"
	exec 4>in
	wait_for no_caps $! # before its first byte
	cat /mnt/none.pcap >&4
	exec 4>&-
	wait $! || [ $? = 1 ] # it held no packet
	# and the lists: their file is asked for entries after the last capset
	strace -e trace=capset,write -o trace fp-block list many >/dev/null || :
	grep capset trace | tail -1 | grep -q 'effective=0, permitted=0'
}

@test "a directory that is not the user's" {
	as load /mnt/bin/fp-load attach n0 -q
	chown 0:0 /mnt/state /mnt/state/*
	user 2 bpf /mnt/bin/fp-block add 203.0.113.9
	hints 'fp-block: /mnt/state/lists belongs to user root and has mode 0750: user 12345 may not change it'
	chown $USER_ID /mnt/state /mnt/state/*
	chown 0:0 "$FP_PINS"
	user 2 bpf /mnt/bin/fp-block test 203.0.113.9
	hints "fp-block: $FP_PINS belongs to user root and has mode 0750: user 12345 may not "
	chown $USER_ID "$FP_PINS"
	chmod 700 /sys/fs/bpf
	user 2 bpf /mnt/bin/fp-load stats
	hints 'fp-load: /sys/fs/bpf belongs to user root and has mode ?700: user 12345 may not pass through it'
	run -2 fp-load stats # nor may root, for him
	chmod 711 /sys/fs/bpf
	# what root left there before it was the user's
	chown -R 0:0 "$FP_PINS"/*
	run --separate-stderr -2 fp-load stats
	command=$(sed -n 's/.*root hands it over with: //p' <<<"$stderr")
	same "$command" "chown -R $USER_ID /mnt/state $FP_PINS"
	touch /mnt/state/lists/x.list
	user 2 bpf /mnt/bin/fp-block add 203.0.113.9
	hints '/mnt/state/lists/x.list belongs to user root and has mode 0644: user 12345 may not change it'
	$command
	rm /mnt/state/lists/x.list
	fp-load stats -q
	user 0 bpf /mnt/bin/fp-block add 203.0.113.9
	owned
}

@test "no bpf filesystem, and one elsewhere" {
	rmdir "$FP_PINS"
	umount /sys/fs/bpf
	run --separate-stderr -2 fp-load attach n0
	hints "$FP_PINS is not in a bpf filesystem, where kernel tables can be pinned; there is one on $FP_TEST_BPFFS: mount -t bpf -o mode=711 bpf /sys/fs/bpf, or give --pins $FP_TEST_BPFFS/fastpath"
	umount "$FP_TEST_BPFFS"
	run --separate-stderr -2 fp-load attach n0
	hints 'and none is mounted: mount -t bpf -o mode=711 bpf /sys/fs/bpf, or give'
	run --separate-stderr -3 fp-block add 203.0.113.9
	hints 'NOT in force: no filter is loaded here'
	mount -t bpf -o mode=711 bpf "$FP_TEST_BPFFS"
	mount --bind "$FP_TEST_BPFFS" /sys/fs/bpf
}

@test "an interpreted filter is warned of" {
	mount -t tmpfs tmpfs /proc/sys/net/core
	echo 0 >/proc/sys/net/core/bpf_jit_enable
	run --separate-stderr -2 fp-load attach nosuch
	umount /proc/sys/net/core
	hints 'net.core.bpf_jit_enable is 0: the filter is interpreted'
}

# ---- sshd

# sshd_up [COMMAND [COMMAND]]: sshd on 2222, started by the second command; on
# 2300 another server, of another user or started by the first command.
sshd_up() {
	ip netns add peer
	ip link set n1 netns peer
	ip -n peer addr add 192.0.2.2/24 dev n1
	ip -n peer link set n1 up
	ssh-keygen -q -t ed25519 -N '' -f hostkey
	mkdir -p /run/sshd
	printf 'HostKey %s\nPidFile none\nUsePAM no\n' "$PWD/hostkey" >conf
	${2-} "$(command -v sshd)" -D -f "$PWD/conf" -o ListenAddress=192.0.2.1:2222 \
		-E sshd.log 3>&- &
	pids=$!
	${1-setpriv --reuid 65534} socat TCP-LISTEN:2300,fork,reuseaddr \
		SYSTEM:'echo other' 3>&- &
	pids+=" $!"
	wait_for listens 2222
	wait_for listens 2300
}

sshd_down() {
	ip -n peer link set n1 netns "$$" 2>/dev/null || :
	ip netns del peer
}

listens() { [ -n "$(ss -Hltn "sport = :$1")" ]; }
greeting() {
	ip netns exec peer socat -T1 - "TCP:192.0.2.1:$1,connect-timeout=0.4" \
		</dev/null 2>/dev/null
}

# The user covers every port but sshd's.
never_covers() {
	as load /mnt/bin/fp-load attach n0 -q
	user 0 bpf /mnt/bin/fp-load set guard-ports=any lists=enforce
	hints 'leaves out sshd'"'"'s TCP ports: 22 2222'
	user 0 bpf /mnt/bin/fp-block add 192.0.2.2
	[[ $(greeting 2222) == SSH-* ]]
	same "$(greeting 2300)" ''
}

@test "the port of root's sshd is never covered: nothing tells whose is what" {
	sshd_up
	same "$(greeting 2300)" other
	never_covers
	sshd_down
}

# in_cgroup NAME COMMAND...
in_cgroup() {
	echo $BASHPID >"/mnt/cgroup/$1/cgroup.procs"
	exec "${@:2}"
}

# handed_on PORT: an sshd whose socket was made in another cgroup, where nobody
# is any more, as systemd does for ssh.socket; one of its connections listens too.
handed_on() {
	in_cgroup fp-socket python3 - "$1" <<'PY' 3>&- &
import os, socket, sys
s = [socket.create_server(('0.0.0.0', int(sys.argv[1])))]
open('/proc/self/comm', 'w').write('sshd')
open('/mnt/cgroup/fp-caps/cgroup.procs', 'w').write('0')
if not os.fork():
    os.setuid(1000)
    s = [socket.create_server(('127.0.0.1', 6010))]
while True:
    s[0].accept()[0].send(b'SSH-2.0-x\r\n')
PY
	pids+=" $!"
	wait_for listens "$1"
	wait_for listens 6010
}

@test "the port of root's sshd is never covered: cgroups tell" {
	mkdir -p /mnt/cgroup
	mount -t cgroup2 cgroup2 /mnt/cgroup &&
		mkdir -p /mnt/cgroup/fp-{caps,other,socket} ||
		skip 'no cgroup v2 to be had'
	sshd_up 'in_cgroup fp-other' 'in_cgroup fp-caps'
	never_covers
	# shellcheck disable=SC2086 # words
	kill $pids
	# shellcheck disable=SC2086
	wait $pids || :
	handed_on 2223
	user 0 bpf /mnt/bin/fp-load set guard-ports=any
	hints 'TCP ports: 22 2223 6010'
	[[ $(greeting 2223) == SSH-* ]]
	pkill -P "$!"; kill $!
	wait $! || :
	sshd_down
	for name in caps other socket; do
		wait_for rmdir "/mnt/cgroup/fp-$name"
	done
	umount /mnt/cgroup
}
