# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What goes wrong in a cluster: a part of cluster.sh, which says what each does.

cluster_cut() {
	if [ "$1" != -s ]; then
		lab_in switch ip link set dev "$1" down
		return
	fi
	lab_in switch nft list set bridge cut hosts >/dev/null 2>&1 ||
		lab_in switch nft -f - <<-'END' || return
		table bridge cut {
			set hosts { type ifname; }
			chain forward {
				type filter hook forward priority 0;
				ether type arp accept
				icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
				iifname @hosts drop
				oifname @hosts drop
			}
		}
		END
	lab_in switch nft add element bridge cut hosts "{ $2 }"
}

# The kernel's netem is not everywhere; the relay is.  The port leaves the
# bridge, and what goes between it and a new port waits in the relay.
cluster_slow() {
	local host=$1 ms=$2 rate=${3-} at

	cluster_fast "$host"
	[ -z "$rate" ] || for at in "switch $host" "$host net0"; do
		# shellcheck disable=SC2086 # words
		set -- $at
		lab_in "$1" tc qdisc add dev "$2" root tbf rate "$rate" \
			burst 16k latency 400ms || return
	done
	lab_in switch ip -batch - <<-END || return
	link add name a-$host type veth peer name b-$host
	link set $host nomaster
	link set a-$host up
	link set b-$host master br0 up
	END
	lab_in switch ethtool -K "b-$host" tx off >/dev/null &&
		lab_start "slow-$host" switch python3 "$CLUSTER_SRC/relay.py" \
			"$host" "a-$host" "$ms" &&
		lab_wait 5 grep -q ready "$LAB_DIR/slow-$host.log"
}

cluster_fast() {
	local host=$1

	lab_in switch tc qdisc del dev "$host" root 2>/dev/null || :
	lab_in "$host" tc qdisc del dev net0 root 2>/dev/null || :
	[ -e "$LAB_DIR/pids/slow-$host" ] || return 0
	lab_stop "slow-$host"
	lab_in switch ip link del dev "a-$host" &&
		lab_in switch ip link set dev "$host" master br0
}

cluster_heal() {
	cluster_fast "$1" && lab_in switch ip link set dev "$1" up || return
	lab_in switch nft delete element bridge cut hosts "{ $1 }" \
		2>/dev/null || :
}

# The listener alone begins anew: sessions live on.
cluster_clock() {
	local host=$1 dir=$LAB_DIR/$1

	[ -e "$LAB_DIR/clock.so" ] ||
		gcc -shared -fPIC -O2 -o "$LAB_DIR/clock.so" \
			"$CLUSTER_SRC/clock.c" || return
	if [ -e "$dir/clock" ]; then
		echo "$2" >"$dir/clock"
		return
	fi
	echo "$2" >"$dir/clock"
	lab_runs "sshd-$host" || return 0
	lab_stop "sshd-$host"
	cluster_start_sshd "$host"
}

cluster_full() {
	local host=$1 dir=$LAB_DIR/$1 used

	lab_in "$host" mountpoint -q "$dir/state" ||
		lab_in "$host" bash -c "$cluster_small" bash "$dir" || return
	used=$(lab_in "$host" df -k --output=used "$dir/state" | tail -n 1)
	# 0 would be no limit
	used=$((used + ${2:-0}))
	[ $used -gt 0 ] || { used=4; lab_in "$host" truncate -s 0 \
		"$dir/state/.full" && lab_in "$host" dd if=/dev/zero \
		of="$dir/state/.full" bs=4k count=1 status=none; }
	lab_in "$host" mount -o "remount,size=${used}k" "$dir/state"
}

# shellcheck disable=SC2016 # for the inner shell
cluster_small='
	mkdir "$1/small" && mount -t tmpfs tmpfs "$1/small" &&
		cp -a "$1/state/." "$1/small" &&
		mount --move "$1/small" "$1/state"'

cluster_roomy() {
	lab_in "$1" mount -o remount,size=1g "$LAB_DIR/$1/state"
}

# Twice, for what was born in between.
cluster_freeze() {
	local _

	for _ in 1 2; do
		cluster_signal STOP "$1"
	done
}

cluster_thaw() { cluster_signal CONT "$1"; }

cluster_signal() {
	local pids

	pids=$(cluster_pids "$2")
	# shellcheck disable=SC2086 # words
	[ -z "$pids" ] || kill -s "$1" $pids 2>/dev/null || :
}
