# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Three OpenSIPS in a cluster, for cases that run alike against the stand-in
# (test/fake/opensips) and, when FP_OPENSIPS_PREFIX says where one is installed,
# against a real one.  In a network namespace of their own: the addresses are on
# loopback.
#   node 1  127.0.1.1  MI udp, fifo, http    node 2  127.0.1.2  unix, fifo, http
#   node 3  127.0.1.3  udp, fifo, http with a reply of at most 4 KB; 600
#           destinations in set 9
# What they send traffic to are the servers of peers.py.
# shellcheck disable=SC2034

OS_SOURCE=$(dirname "${BASH_SOURCE[0]}")
OS_ROOT=$(cd "$OS_SOURCE/../.." && pwd)

os_is_real() { [ -n "${FP_OPENSIPS_PREFIX:-}" ]; }
# os_mi NODE TRANSPORT: its address in the cluster file.
os_mi() {
	case $2 in
	udp) echo "udp:127.0.1.$1:8080" ;;
	unix) echo "unix:$OS_DIR/$1/mi.sock" ;;
	fifo) echo "fifo:$OS_DIR/$1/fifo" ;;
	http) echo "http://127.0.1.$1:8888/mi" ;;
	esac
}
# os_any NODE: the one that is quick.
os_any() { os_mi "$1" "$([ "$1" = 2 ] && echo unix || echo udp)"; }
os_ask() { # NODE METHOD [PARAMS]
	"$FP_BUILD/test/prog/mi" "$(os_any "$1")" "${@:2}"
}

# os_wait SECONDS COMMAND...: until it is so.
os_wait() {
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || { echo "never so: $*"; return 1; }
		sleep 0.05
	done
}

# ---- the tables

os_table() { # NAME COLUMNS: rows on stdin
	{ echo "$2"; cat; } >"$db/$1"
}

os_tables() { # NODE
	local db=$OS_DIR/$1/db i

	mkdir -p "$db"
	os_table version 'table_name(string) table_version(int) ' <<-'END'
		address:5
		dialog:12
		dispatcher:9
		dr_carriers:3
		dr_gateways:6
		dr_groups:2
		dr_rules:4
		load_balancer:3
	END
	os_table address 'id(int,auto) grp(int) ip(string) mask(int) port(int) proto(string) pattern(string,null) context_info(string,null) ' <<-'END'
		1:1:192.0.2.77:32:0:any::
		2:1:198.51.100.0:24:5060:udp::
		3:2:2001\:db8\:\:7:128:0:any::
	END
	os_table dr_gateways 'id(int,auto) gwid(string) type(int) address(string) strip(int) pri_prefix(string,null) attrs(string,null) probe_mode(int) state(int) socket(string,null) description(string,null) ' <<-'END'
		1:gw1:1:127.0.2.1\:5060:0:::0:0::
		2:gw2:1:sip\:127.0.2.2:0:::0:1::
	END
	os_table dr_rules 'ruleid(int,auto) groupid(string) prefix(string) timerec(string,null) priority(int) routeid(string,null) gwlist(string,null) sort_alg(string) sort_profile(int,null) attrs(string,null) description(string,null) ' </dev/null
	os_table dr_carriers 'id(int,auto) carrierid(string) gwlist(string) flags(int) sort_alg(string) state(int) attrs(string,null) description(string,null) ' </dev/null
	os_table dr_groups 'id(int,auto) username(string) domain(string,null) groupid(int) description(string,null) ' </dev/null
	{
		for i in 1 2 3; do
			echo "$i:1:sip\\:127.0.2.$i\\:5060::0:1:$((10 * i)):0:a$i:fs$i"
		done
		[ "$1" != 3 ] || for ((i = 10; i < 610; i++)); do
			echo "$i:9:sip\\:10.9.$((i / 250)).$((i % 250))\\:5060::0:0:1:0::"
		done
	} | os_table dispatcher 'id(int,auto) setid(int) destination(string) socket(string,null) state(int) probe_mode(int) weight(string) priority(int) attrs(string,null) description(string,null) '
	for i in 1 2 3; do
		echo "$i:1:sip\\:127.0.2.$i\\:5060:calls=$((i * 30)):2::fs$i"
	done | os_table load_balancer 'id(int,auto) group_id(int) dst_uri(string) resources(string) probe_mode(int) attrs(string,null) description(string,null) '
}

# ---- the real one

os_config() { # NODE
	local i neighbours='' tags='' datagram httpd=''

	for i in 1 2 3; do
		[ "$i" = "$1" ] || neighbours+="modparam(\"clusterer\", \"neighbor_node_info\", \"cluster_id=1,node_id=$i,url=bin:127.0.1.$i:5566\")\\n"
		tags+="modparam(\"clusterer\", \"sharing_tag\", \"sip$i.0/1=backup\")\\n"
	done
	datagram=$(os_mi "$1" udp)
	if [ "$1" = 2 ]; then
		datagram=$OS_DIR/2/mi.sock
	elif [ "$1" = 3 ]; then
		httpd='modparam("httpd", "buf_size", 4096)'
	fi
	sed -e "s|@ID@|$1|g; s|@IP@|127.0.1.$1|g; s|@DIR@|$OS_DIR/$1|g" \
		-e "s|@PREFIX@|$FP_OPENSIPS_PREFIX|g; s|@DATAGRAM@|$datagram|g" \
		-e "s|@NEIGHBOURS@|$neighbours|; s|@TAGS@|$tags|" \
		-e "s|@HTTPD@|$httpd|" "$OS_SOURCE/opensips.cfg.in" \
		>"$OS_DIR/$1/cfg"
}

# os_start NODE
os_start() {
	local log=$OS_DIR/$1/log more=()

	if os_is_real; then
		os_config "$1"
		"$FP_OPENSIPS_PREFIX/sbin/opensips" -f "$OS_DIR/$1/cfg" -m 64 \
			-M 8 -P "$OS_DIR/$1/pid" -w "$OS_DIR/$1" -F \
			>>"$log" 2>&1 3>&- 4>&- &
	else
		[ "$1" != 3 ] || more=(--buf-size 4096)
		"$OS_ROOT/test/fake/opensips" run "$OS_DIR/$1" --node "$1" \
			"${more[@]}" >>"$log" 2>&1 3>&- 4>&- &
	fi
	os_pid[$1]=$!
	echo $! >"$OS_DIR/$1/os.pid" # for other processes of a test
}

# All processes of a node; with the stand-in it is one.
os_pids() {
	local pid

	pid=$(<"$OS_DIR/$1/os.pid")
	echo "$pid"
	pgrep -P "$pid" || :
}
os_signal() { # SIGNAL NODE
	# shellcheck disable=SC2046 # pids
	kill -s "$1" $(os_pids "$2")
}
# os_is_gone PID...: they are no more, or wait for a parent to hear it.
os_is_gone() {
	local pid

	for pid; do
		! grep -q '^State:[[:space:]]*[^ZX]' "/proc/$pid/status" \
			2>/dev/null || return
	done
}
os_kill() { # NODE: as a crash would
	local pids

	mapfile -t pids < <(os_pids "$1")
	kill -s KILL "${pids[@]}" || : # one may have followed another
	os_wait 10 os_is_gone "${pids[@]}"
	wait "${pids[0]}" 2>/dev/null || :
}

os_answers() { os_ask "$1" uptime >"$OS_DIR/$1/said" && grep -q ^result "$OS_DIR/$1/said"; }
os_says() { # TEXT NODE METHOD [PARAMS]
	os_ask "${@:2}" | grep -qF -- "$1"
}
os_is_synced() { # NODE
	! os_says 'not synced' "$1" clusterer_list_cap &&
		os_says '"Ok"' "$1" clusterer_list_cap
}

# os_up DIR: all of it, with each node's tag active on it.
os_up() {
	local i

	OS_DIR=$1
	os_pid=()
	mkdir -p "$OS_DIR/peers"
	"$OS_SOURCE/peers.py" "$OS_DIR/peers" >"$OS_DIR/peers.log" 2>&1 \
		3>&- 4>&- &
	os_peers=$!
	for i in 1 2 3; do
		mkdir -p "$OS_DIR/$i"
		os_tables $i
		os_start $i
	done
	for i in 1 2 3; do
		os_wait 20 os_answers $i || return
	done
	for i in 1 2 3; do
		os_wait 20 os_is_synced $i || return
		os_ask $i clusterer_shtag_set_active "{\"tag\":\"sip$i.0/1\"}"
	done
}

os_down() {
	local i

	for i in 1 2 3; do
		[ -e "$OS_DIR/$i/os.pid" ] || continue
		os_signal CONT $i 2>/dev/null || :
		os_kill $i 2>/dev/null || :
	done
	kill "$os_peers" 2>/dev/null || :
	wait "$os_peers" 2>/dev/null || :
}
