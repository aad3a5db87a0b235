# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A cluster in network namespaces: SIP nodes with sshd, and a controller; source
# it, as root.
#
#   controller ─── net0 ┐             ┌ net0 sip1 net1 ─┐
#   10.77.1.1           ├── switch ───┼ net0 sip2 net1 ─┼─ attacker
#   other hosts ── net0 ┘  (a bridge) └ net0 sipN net1 ─┘  203.0.113.1
#   10.77.1.2 ...        10.77.0.0/16    10.77.0.N         203.0.113.0/24
#                        fd77::/64       fd77::N           198.18.0.0/15
#                                   net1: 192.0.2.N        2001:db8:a::/48
#                                         2001:db8:5::N
#
# The attacker owns every address of its prefixes, as in lab.sh, and has one NIC
# a node, named as the node.  XDP attaches to net0 and net1 natively.
#
#   cluster_up [-H] [-p PORT] [-x HOST]... N
#           N nodes, 1 to 100, sip1 to sipN; controller and attacker.  -H: the
#           names in known_hosts are hashed; -p: sshd's port; -x: one more host on
#           the bridge, with all that the controller has
#   cluster_down            at any time, again, and from a trap; it ends only
#                           what runs in the cluster's hosts
#   cluster_in HOST COMMAND...       run in a host
#   cluster_start NAME HOST COMMAND...   in the background; output in
#                           LAB_DIR/NAME.log
#   cluster_stop NAME [SIGNAL]       end it (TERM) and wait for it
#   cluster_addr HOST [4|6|sip4|sip6]    its address on the bridge, or on net1
#   cluster_mac HOST        of a node's net1: what the attacker sends to
#   cluster_pids HOST       all that runs in it
#   cluster_cut [-s] HOST   the link of its net0 goes down; -s: stays up, and loses
#                           all but ARP and neighbour discovery, so that TCP
#                           hangs: EHOSTUNREACH never comes
#   cluster_slow HOST MS [RATE]      net0 takes MS longer, each way; RATE: and
#                           carries no more, each way ("1mbit": tc(8))
#   cluster_heal HOST       neither cut nor slow any more
#   cluster_freeze HOST     SIGSTOP for all that runs in it; the kernel still
#                           takes TCP connections
#   cluster_thaw HOST
#   cluster_kill_sshd HOST  SIGKILL for sshd, its sessions and their commands
#   cluster_start_sshd HOST
#   cluster_clock HOST SECONDS       its clock is SECONDS off, for what begins after
#                           the first such call (gcc is needed): time(2),
#                           gettimeofday(2) and clock_gettime(2), not timers and
#                           the times of files
#   cluster_full HOST [KB]  its state directory becomes a small tmpfs (with what
#                           was in it) that has KB left, or nothing
#   cluster_roomy HOST      that tmpfs has room again
#
# A node is ssh's root@10.77.0.N with a host key of its own.  The controller's key
# may run one command there, NODE_COMMAND (a shell's words; FP_BUILD, FP_STATE and
# FP_PINS are set): fp-sync receive unless said otherwise before cluster_up.  Its
# other key, ~/.ssh/id_admin, may do anything.
# FP_CLUSTER is exported: a cluster file with all nodes, LAB_DIR/cluster.ini.  In
# every host FP_STATE (LAB_DIR/HOST/state), FP_PINS (a bpffs), HOME, /run and /sys
# are its own, and /etc/hosts knows all names.  Other files and processes are
# the caller's.
# What lab.sh has for a host (lab_wait, lab_capture, lab_listens ...) works for
# these as well; one lab or one cluster at a time in a shell.

CLUSTER_SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=test/lab/lab.sh
source "$CLUSTER_SRC/lab.sh"
# shellcheck source=test/lab/faults.sh
source "$CLUSTER_SRC/faults.sh"

cluster_in() { lab_in "$@"; }
cluster_start() { lab_start "$@"; }
cluster_stop() { lab_stop "$@"; }

# ---- names and addresses

cluster_nodes() { grep '^sip' "$LAB_DIR/hosts"; }
cluster_others() { grep -v '^sip' "$LAB_DIR/hosts"; }

cluster_mac() { printf '02:00:00:00:%02x:01\n' "${1#sip}"; }

cluster_addr() {
	local host=$1 kind=${2:-4} number

	case $host-$kind in
	sip*-4) echo "10.77.0.${host#sip}" ;;
	sip*-6) echo "fd77::${host#sip}" ;;
	sip*-sip4) echo "192.0.2.${host#sip}" ;;
	sip*-sip6) echo "2001:db8:5::${host#sip}" ;;
	attacker-sip4) echo 203.0.113.1 ;;
	attacker-sip6) echo 2001:db8:a::1 ;;
	*-4 | *-6)
		number=$(cluster_others | grep -nx "$host") ||
			{ lab_say "no address: $*"; return 1; }
		number=${number%%:*}
		[ "$kind" = 4 ] && echo "10.77.1.$number" ||
			echo "fd77::1:$number"
		;;
	*) lab_say "no address: $*"; return 1 ;;
	esac
}

# What lab_in and lab_start put before a command.
lab_inside() {
	local dir=$LAB_DIR/$1 pid

	inside=(nsenter --net="/run/netns/$(lab_ns "$1")")
	read -r pid _ 2>/dev/null <"$LAB_DIR/pids/host-$1" ||
		return 0 # the switch, or not made yet
	inside+=(--mount="/proc/$pid/ns/mnt" -- env -C "$PWD" -u SSH_AUTH_SOCK
		HOME="$dir/home" FP_STATE="$dir/state" FP_PINS="$dir/bpf")
	[ ! -e "$dir/clock" ] || inside+=("LD_PRELOAD=$LAB_DIR/clock.so"
		LAB_CLOCK="$dir/clock" "$(cluster_asan)")
}

# ---- up and down

cluster_up() {
	local hash='' port=22 others='' opt OPTIND=1

	while getopts Hp:x: opt; do
		case $opt in
		H) hash=yes ;;
		p) port=$OPTARG ;;
		x) others+=" $OPTARG" ;;
		*) return 2 ;;
		esac
	done
	shift $((OPTIND - 1))
	[[ ${1-} =~ ^([1-9][0-9]?|100)$ ]] ||
		{ lab_say "not a number of nodes, 1 to 100: ${1-}"; return 2; }
	LAB_ID=$$
	LAB_DIR=$(mktemp -d "${TMPDIR:-/tmp}/fp-lab.XXXXXX") || return 1
	FP_CLUSTER=$LAB_DIR/cluster.ini
	export LAB_ID LAB_DIR FP_CLUSTER
	# shellcheck disable=SC2086 # words
	if ! cluster_make "$1" "$port" "$hash" $others >"$LAB_DIR/up.log" 2>&1
	then
		lab_say "the cluster cannot be made:"
		tail -n 5 "$LAB_DIR/up.log" >&2
		cluster_down
		return 1
	fi
}

# cluster_make N PORT HASH OTHER...
cluster_make() {
	local n=$1 port=$2 hash=$3 host

	shift 3
	seq -f 'sip%.0f' "$n" >"$LAB_DIR/hosts"
	printf '%s\n' controller "$@" >>"$LAB_DIR/hosts"
	echo "$port" >"$LAB_DIR/port"
	mkdir "$LAB_DIR/pids" &&
		cluster_links && cluster_keys "$hash" && cluster_file || return
	for host in $(cat "$LAB_DIR/hosts") attacker; do
		cluster_host "$host" || return
	done
	for host in $(cluster_nodes); do
		cluster_sshd "$host"
	done
	for host in $(cluster_nodes); do
		cluster_sshd_wait "$host" || return
	done
}

# All namespaces and cables.  As in lab.sh: one queue, checksums in software, and
# GRO where XDP may send to.
cluster_links() {
	local host ns

	{
		for host in switch attacker $(cat "$LAB_DIR/hosts"); do
			echo "netns add $(lab_ns "$host")"
		done
	} | ip -batch - || return
	for host in switch attacker; do
		cluster_sysctl $host || return
	done
	{
		echo link add name br0 type bridge
		echo link set br0 up
		for host in $(cat "$LAB_DIR/hosts"); do
			ns=$(lab_ns "$host")
			cluster_cable "$host" "$ns" net0
			echo "link set $host master br0 up"
		done
	} | lab_in switch ip -batch - || return
	{
		echo link set lo up
		echo addr add 203.0.113.1/32 dev lo
		echo addr add 2001:db8:a::1/128 dev lo nodad
		for net in 203.0.113.0/24 198.18.0.0/15 2001:db8:a::/48; do
			echo "route add local $net dev lo"
		done
		for host in $(cluster_nodes); do
			cluster_cable "$host" "$(lab_ns "$host")" net1 \
				"$(cluster_mac "$host")"
			cluster_attacker "$host"
		done
	} | lab_in attacker ip -batch - || return
	for host in $(cluster_nodes); do
		lab_in attacker ethtool -K "$host" tx off txvlan off gro on \
			>/dev/null ||
			return
	done
}

# cluster_cable NAME NAMESPACE IF [MAC]: for ip -batch
cluster_cable() {
	echo "link add name $1 numrxqueues 1 numtxqueues 1 type veth" \
		"peer name $3 netns $2 numrxqueues 1 numtxqueues 1" \
		"${4:+address $4}"
}

# cluster_attacker NODE: the attacker's end, for ip -batch
cluster_attacker() {
	cat <<-END
	addr add fe80::2/64 dev $1 nodad
	link set $1 up
	route add $(cluster_addr "$1" sip4) dev $1 src 203.0.113.1
	route add $(cluster_addr "$1" sip6) via fe80::1 dev $1 src 2001:db8:a::1
	END
}

cluster_sysctl() {
	lab_in "$1" sysctl -qw net.ipv6.conf.all.accept_dad=0 \
		net.ipv6.conf.default.accept_dad=0 \
		net.ipv6.conf.default.accept_ra=0 \
		net.ipv4.conf.all.rp_filter=0 \
		net.ipv4.conf.default.rp_filter=0 \
		net.ipv6.ip_nonlocal_bind=1
}

# Host keys, the two keys of controllers, known_hosts, /etc/hosts.
cluster_keys() {
	local hash=$1 host key names name port

	read -r port <"$LAB_DIR/port"
	cp /etc/hosts "$LAB_DIR/etc-hosts"
	for key in id_ed25519 id_admin; do
		cluster_key "$LAB_DIR/$key" $key || return
	done
	for host in $(cat "$LAB_DIR/hosts"); do
		for name in 4 6; do
			echo "$(cluster_addr "$host" $name) $host"
		done >>"$LAB_DIR/etc-hosts"
	done
	for host in $(cluster_nodes); do
		mkdir -p "$LAB_DIR/$host"
		cluster_key "$LAB_DIR/$host/host_key" "$host" || return
		names=
		for name in "$host" "$(cluster_addr "$host")" \
			"$(cluster_addr "$host" 6)"; do
			[ "$port" = 22 ] || name=[$name]:$port
			names+=,$name
		done
		read -r key <"$LAB_DIR/$host/host_key.pub"
		echo "${names#,} ${key% *}"
	done >"$LAB_DIR/known_hosts"
	[ -z "$hash" ] || ssh-keygen -q -H -f "$LAB_DIR/known_hosts" &&
		rm -f "$LAB_DIR/known_hosts.old"
}

cluster_key() { ssh-keygen -q -t ed25519 -N '' -C "$2" -f "$1"; }

cluster_file() {
	local host port

	read -r port <"$LAB_DIR/port"
	{
		echo '[edge]'
		for host in $(cluster_nodes); do
			echo "$host ansible_host=$(cluster_addr "$host")" \
				"fp_sip=udp:$(cluster_addr "$host" sip4):5060"
		done
		printf '\n[all:vars]\nfp_if=net1\n'
		[ "$port" = 22 ] || echo "ansible_port=$port"
	} >"$FP_CLUSTER"
}

# ---- a host

# Its files and mounts.  Root's home is where passwd(5) says, for ssh looks there
# and not at HOME; a root without password is no locked account to sshd.
cluster_host() {
	local host=$1 dir=$LAB_DIR/$1 file

	mkdir -p "$dir/home/.ssh" "$dir/state" "$dir/bpf" "$dir/etc"
	awk -F: -v OFS=: -v home="$dir/home" '
		$3 == 0 { $6 = home; $7 = "/bin/bash" } { print }' \
		/etc/passwd >"$dir/etc/passwd"
	(umask 077 && awk -F: -v OFS=: '$1 == "root" { $2 = "*" } { print }' \
		/etc/shadow >"$dir/etc/shadow")
	cp "$LAB_DIR/etc-hosts" "$dir/etc/hosts"
	case $host in
	sip*) cluster_sshd_files "$host" ;;
	attacker) ;;
	*)
		for file in id_ed25519 id_ed25519.pub id_admin id_admin.pub \
			known_hosts; do
			cp "$LAB_DIR/$file" "$dir/home/.ssh/$file"
		done
		;;
	esac
	cluster_sysctl "$host" && cluster_holder "$host" || return
	[ "$host" = attacker ] || cluster_net "$host"
}

# A mount namespace is there while a process is in it: Linux 6.18 refuses now and
# then to bind one to a file (its numbers come from each CPU's own range, and a
# lower one than the binder's is taken for a loop).  The holder is not in the
# network namespace: it is none of the host's processes.
cluster_holder() {
	local host=$1 pid ready

	read -r ready < <(exec unshare -m bash -c "$cluster_mounts" bash \
		"$LAB_DIR/$host" "/run/netns/$(lab_ns "$host")" \
		</dev/null 3>&- 4>&-)
	pid=$!
	[ "$ready" = ready ] || return
	echo "$pid $(lab_birth "$pid")" >"$LAB_DIR/pids/host-$host"
}

# shellcheck disable=SC2016 # for the inner shell
cluster_mounts='
	for file in passwd shadow hosts; do
		mount --bind "$1/etc/$file" "/etc/$file" || exit
	done
	nsenter --net="$2" -- mount -t sysfs sysfs /sys &&
		mount -t bpf -o mode=700 bpf "$1/bpf" &&
		mount -t tmpfs -o mode=755,size=16m tmpfs /run &&
		mkdir -m 755 /run/sshd && echo ready &&
		exec sleep infinity >/dev/null 2>&1'

cluster_net() {
	local host=$1

	{
		echo link set lo up
		echo link set net0 up
		echo "addr add $(cluster_addr "$host")/16 dev net0"
		echo "addr add $(cluster_addr "$host" 6)/64 dev net0 nodad"
		[[ $host != sip* ]] || cat <<-END
		addr add $(cluster_addr "$host" sip4)/32 dev net1
		addr add $(cluster_addr "$host" sip6)/128 dev net1 nodad
		addr add fe80::1/64 dev net1 nodad
		link set net1 up
		route add 203.0.113.0/24 dev net1 src $(cluster_addr "$host" sip4)
		route add 198.18.0.0/15 dev net1 src $(cluster_addr "$host" sip4)
		route add 2001:db8:a::/48 via fe80::2 dev net1 src $(cluster_addr "$host" sip6)
		END
	} | lab_in "$host" ip -batch - &&
		lab_in "$host" ethtool -K net0 tx off txvlan off >/dev/null || return
	[[ $host != sip* ]] || lab_in "$host" ethtool -K net1 tx off txvlan off \
		>/dev/null
}

cluster_down() {
	local file pids

	[ -n "${LAB_DIR-}" ] && [ -d "$LAB_DIR" ] || return 0
	pids=$(cluster_all_pids)
	# shellcheck disable=SC2046,SC2086 # words
	[ -z "$pids" ] || {
		kill -s TERM $pids
		kill -s CONT $pids
		lab_wait 3 cluster_is_empty ||
			kill -s KILL $(cluster_all_pids)
	} 2>/dev/null
	for file in "$LAB_DIR"/pids/*; do
		lab_runs "${file##*/}" && kill "$(cut -d ' ' -f 1 "$file")"
	done
	for file in "$LAB_DIR"/pids/*; do
		[ ! -e "$file" ] || lab_stop "${file##*/}"
	done
	for file in "/run/netns/$(lab_ns '')"*; do
		[ ! -e "$file" ] || echo "netns del ${file##*/}"
	done | ip -batch -
	rm -rf --one-file-system "$LAB_DIR"
	unset LAB_ID LAB_DIR FP_CLUSTER
}

# ---- processes

# Of a host is what is in its network namespace.
cluster_pids() { cluster_pids_of "/run/netns/$(lab_ns "$1")"; }
cluster_all_pids() { cluster_pids_of "/run/netns/$(lab_ns '')"*; }
cluster_is_empty() { [ -z "$(cluster_all_pids)" ]; }

cluster_pids_of() {
	stat -L -c '%d:%i %n' "$@" /proc/[0-9]*/ns/net 2>/dev/null |
		awk '$2 !~ "^/proc/" { is_ours[$1] }
			$2 ~ "^/proc/" && $1 in is_ours {
				split($2, part, "/"); print part[3]
			}'
}

# ---- sshd

cluster_sshd_files() {
	local host=$1 dir=$LAB_DIR/$1 port command

	read -r port <"$LAB_DIR/port"
	# shellcheck disable=SC2016 # the node's shell expands them
	command=${NODE_COMMAND-'"$FP_BUILD/fp-sync" receive \
		--state "$FP_STATE" --pins "$FP_PINS"'}
	command=${command//\\$'\n\t\t'/}
	cat >"$dir/authorized_keys" <<-END
	restrict,command="${command//\"/\\\"}" $(<"$LAB_DIR/id_ed25519.pub")
	$(<"$LAB_DIR/id_admin.pub")
	END
	cat >"$dir/sshd_config" <<-END
	Port $port
	ListenAddress $(cluster_addr "$host")
	ListenAddress $(cluster_addr "$host" 6)
	HostKey $dir/host_key
	PidFile $dir/sshd.pid
	AuthorizedKeysFile $dir/authorized_keys
	PermitRootLogin prohibit-password
	PasswordAuthentication no
	KbdInteractiveAuthentication no
	UsePAM no
	StrictModes no
	UseDNS no
	PrintMotd no
	MaxStartups 200
	END
}

# What a session's command finds in its environment: sshd(8) makes a new one.
cluster_setenv() {
	local dir=$LAB_DIR/$1 name

	printf 'SetEnv "FP_STATE=%s" "FP_PINS=%s" "FP_BUILD=%s"' \
		"$dir/state" "$dir/bpf" "${FP_BUILD:-$CLUSTER_SRC/../../build}"
	for name in FP_CLUSTER UBSAN_OPTIONS; do
		[ -z "${!name-}" ] || printf ' "%s=%s"' "$name" "${!name}"
	done
	if [ -e "$dir/clock" ]; then
		printf ' "LD_PRELOAD=%s" "LAB_CLOCK=%s" "%s"' \
			"$LAB_DIR/clock.so" "$dir/clock" "$(cluster_asan)"
	else
		printf ' "ASAN_OPTIONS=%s"' "${ASAN_OPTIONS-}"
	fi
	echo
}

# A sanitizer wants to be the first library, which a preloaded one is.
cluster_asan() {
	echo "ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0"
}

cluster_sshd() {
	local host=$1 dir=$LAB_DIR/$1

	{ cat "$dir/sshd_config"; cluster_setenv "$host"; } >"$dir/sshd.conf"
	rm -f "$dir/sshd.pid"
	lab_start "sshd-$host" "$host" env -u LD_PRELOAD /usr/sbin/sshd -D -e \
		-f "$dir/sshd.conf"
	disown # or the shell would tell when it is killed
}

# sshd writes its number when it listens.
cluster_sshd_wait() {
	lab_wait 10 test -s "$LAB_DIR/$1/sshd.pid" || {
		lab_say "no sshd on $1:"
		tail -n 3 "$LAB_DIR/sshd-$1.log" >&2
		return 1
	}
}

cluster_start_sshd() { cluster_sshd "$1" && cluster_sshd_wait "$1"; }

# All that descends from it, found before any of it dies.
cluster_kill_sshd() {
	local pid pids

	lab_runs "sshd-$1" || return 0
	read -r pid _ <"$LAB_DIR/pids/sshd-$1"
	kill -s STOP "$pid"
	pids=$(cluster_tree "$pid")
	# shellcheck disable=SC2086 # words
	kill -s KILL $pids 2>/dev/null || :
	lab_stop "sshd-$1"
}

cluster_tree() {
	ps -e -o pid=,ppid= | awk -v root="$1" '
		{ parent[$1] = $2 }
		END {
			for (pid in parent) {
				for (p = pid; p && p != root; p = parent[p]);
				if (p == root)
					print pid
			}
		}'
}
