# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The stage of the drill: hosts of test/lab/cluster.sh, and the servers on them.
#
#   attacker ── net1  sip1 sip2 sip3  net0 ──┐
#   203.0.113.0/24    192.0.2.N: SIP        │
#   198.18.0.0/15     OpenSIPS, the filter  ├── switch, 10.77.0.0/16
#   fs1 fs2 fs3       FreeSWITCH ───────────┤
#   rtp1 rtp2         rtpengine, for all media ────┤
#   ctl1 ctl2         the controllers ──────┤
#   witness           the third observer; PostgreSQL, RabbitMQ, the power
#   ends              callers 10.77.3.1, called 10.77.3.2: SIPp
#
# Calls: ends -> sipN -> called, or ends -> sipN -> fsM -> sipM -> called; numbers
# go to FreeSWITCH (the stand-in's --ds-route), users to the called.
# A server is started and killed by edge_start, edge_kill, switch_start and
# switch_kill, whatever is behind them: stand-ins, or real ones where
# FP_OPENSIPS_PREFIX and FP_FREESWITCH_PREFIX name them.
# shellcheck disable=SC2154 # of what is sourced

EDGES='sip1 sip2 sip3' SWITCHES='fs1 fs2 fs3' CONTROLLERS='ctl1 ctl2'
ENGINES='rtp1 rtp2'
CALLED=10.77.3.2:5060 CALLER=10.77.3.1
TAGS=4 # of an edge, a power of two
WATCH_OPTIONS='--interval 1s --timeout 2s'

drill_src=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$drill_src/../.." && pwd)
# shellcheck source=test/lab/cluster.sh
source "$root/test/lab/cluster.sh"
# shellcheck source=test/lab/rabbit.sh
source "$root/test/lab/rabbit.sh"
# shellcheck source=test/lab/recover.bash
source "$root/test/lab/recover.bash"

# shellcheck source=test/drill/real.bash
source "$drill_src/real.bash"

edge_is_real() { [ -n "${FP_OPENSIPS_PREFIX-}" ]; }
switch_is_real() { [ -n "${FP_FREESWITCH_PREFIX-}" ]; }

# on HOST COMMAND...: run it there, with our tools
on() { cluster_in "$@"; }
# serve NAME HOST COMMAND...: in the background; the shell is silent of its end
serve() {
	lab_start "$@"
	disown
}
number() { echo "${1##*[a-z]}"; }
ms() { echo $(($(date +%s%N) / 1000000)); }

# ---- up and down

stage_up() {
	local host

	# shellcheck disable=SC2046 # words
	cluster_up $(printf -- '-x %s ' $CONTROLLERS witness $SWITCHES \
		$ENGINES ends) 3 ||
		return
	stage=$LAB_DIR/stage
	mkdir -p "$stage/lists" "$stage/sipp" "$stage/os"
	stage_routes || return
	TMPDIR=$stage rabbit_up witness "$(cluster_addr witness)" \
		>"$stage/rabbit.up" 2>&1 &
	local rabbit=$!
	pg_up witness "$(cluster_addr witness)" && stage_database || return
	stage_file
	WATCH_OPTIONS+=" --lists $stage/lists"
	stage_observers || return
	for host in $SWITCHES; do
		switch_begin "$host"
	done
	for host in $ENGINES; do
		engine_start "$host" || return
	done
	for host in $EDGES; do
		filter_up "$host" && edge_begin "$host" || return
	done
	for host in $SWITCHES; do
		lab_wait 20 switch_is_up "$host" || return
	done
	for host in $EDGES; do
		lab_wait 20 edge_is_up "$host" || return
	done
	wait "$rabbit" || return
	# what rabbit_up exports was its subshell's
	stage_rabbit
}

stage_down() {
	if [ -n "${LAB_DIR-}" ]; then
		stage_rabbit 2>/dev/null
		rabbit_down
		pg_down
		cluster_down
	fi
}

# What was made in the background is found by its place.
stage_rabbit() {
	local dir

	[ -z "${RABBIT_DIR-}" ] || return 0
	for dir in "$stage"/fp-rabbit.*; do
		[ -e "$dir/run/pids/rabbit" ] || continue
		export RABBIT_DIR=$dir RABBIT_HOST=witness
	done
	[ -n "${RABBIT_DIR-}" ] || return
	(umask 077 && printf 'amqp://fastpath:%s@%s\n' \
		"$(<"$RABBIT_DIR/password")" "$(cluster_addr witness)" \
		>"$stage/amqp-url")
}

# All others reach the SIP side of an edge by its net0.
stage_routes() {
	local host edge

	for host in $(cluster_others) ; do
		for edge in $EDGES; do
			echo "route add $(cluster_addr "$edge" sip4)" \
				"via $(cluster_addr "$edge")"
		done | on "$host" ip -batch - || return
	done
	for edge in $EDGES; do
		on "$edge" sysctl -qw net.ipv4.ip_forward=0
		for host in $EDGES; do
			[ "$host" = "$edge" ] ||
				echo "route add $(cluster_addr "$host" sip4)" \
					"via $(cluster_addr "$host")"
		done | on "$edge" ip -batch - || return
	done
	on ends ip addr add "$CALLER/16" dev net0 &&
		on ends ip addr add "${CALLED%:*}/16" dev net0
}

# sshd on the controllers and the witness, who ask each other what they see.
stage_observers() {
	local host key name port=22 command

	# shellcheck disable=SC2016 # the host's shell expands it
	command='"$FP_BUILD/fp-health" watch --json '"$WATCH_OPTIONS"
	for host in $CONTROLLERS witness; do
		cluster_key "$LAB_DIR/$host/host_key" "$host" || return
		NODE_COMMAND=$command cluster_sshd_files "$host"
		read -r key <"$LAB_DIR/$host/host_key.pub"
		echo "$host,$(cluster_addr "$host") ${key% *}" \
			>>"$LAB_DIR/known_hosts"
	done
	for host in $CONTROLLERS witness; do
		cp "$LAB_DIR/known_hosts" "$LAB_DIR/$host/home/.ssh/"
		cluster_sshd "$host"
	done
	for host in $CONTROLLERS witness; do
		cluster_sshd_wait "$host" || return
	done
}

# ---- PostgreSQL and the cluster file

# Of everybody but the server's own host.
pg_words_to() { # USER DATABASE
	echo "host=$(cluster_addr witness) port=5432 dbname=$2 user=$1" \
		"passfile=$PG_DIR/pgpass"
}
fs_conninfo() { pg_words_to "${1:-freeswitch}" fscore; }

stage_database() {
	FS_SCHEMA_BY_HAND=yes fs_database &&
		on ctl1 "$FP_BUILD/fp-health" setup --quiet -C /dev/null \
			--admin "$(pg_words_to dba fastpath)" --role ctl
}

stage_file() {
	local host n

	{
		echo '[opensips]'
		for host in $EDGES; do
			n=$(number "$host")
			echo "$host ansible_host=$(cluster_addr "$host")" \
				"fp_node_id=$n" \
				"fp_sip=udp:$(cluster_addr "$host" sip4):5060" \
				"fp_mi=udp:$(cluster_addr "$host"):8080"
		done
		echo '[freeswitch]'
		for host in $SWITCHES; do
			echo "$host ansible_host=$(cluster_addr "$host")" \
				"fp_switchname=$host" \
				"fp_sip=udp:$(cluster_addr "$host"):5060" \
				"fp_esl=$(cluster_addr "$host"):8021" \
				"fp_rtp=$(cluster_addr "$host")" \
				"fp_rtp_ports=$(switch_ports "$host")"
		done
		echo '[rtpengine]'
		for host in $ENGINES; do
			echo "$host ansible_host=$(cluster_addr "$host")" \
				"fp_ng=udp:$(cluster_addr "$host"):2223"
		done
		echo '[observers]'
		for host in $CONTROLLERS; do
			echo "$host ansible_host=$(cluster_addr "$host")"
		done
		echo "witness ansible_host=$(cluster_addr witness)" \
			"fp_pg=\"$(pg_words_to ctl fastpath)\"" \
			"fp_amqp_file=$stage/amqp-url"
		printf '[edge:children]\nopensips\n[edge:vars]\nfp_if=net1\n'
		echo '[all:vars]'
		echo "fp_db=\"$(pg_words_to ctl fastpath)\""
		echo "fp_recovery_db=\"$(fs_conninfo recover)\""
	} >"$FP_CLUSTER"
}

# ---- the filter of an edge

# As fp-load@.service does, before SIP starts.
filter_up() {
	on "$1" "$FP_BUILD/fp-load" attach net1 --quiet >/dev/null &&
		on "$1" "$FP_BUILD/fp-load" set stealth=enforce \
			malformed=enforce --override unseen --quiet >/dev/null
}

# server_kill NAME: kill -9, all its processes
server_kill() {
	local pid

	read -r pid _ <"$LAB_DIR/pids/$1"
	# shellcheck disable=SC2046 # pids
	kill -s KILL "$pid" $(ps -o pid= --ppid "$pid") 2>/dev/null
	lab_stop "$1" KILL
}

# ---- OpenSIPS

edge_dir() { echo "$stage/os/$(number "$1")"; }

edge_begin() {
	if edge_is_real; then
		real_edge_begin "$1"
	else
		fake_edge_begin "$1"
	fi
	echo "up $(ms) $1" >>"$stage/servers"
}
fake_edge_begin() {
	local n fs i=0 dir

	n=$(number "$1") dir=$(edge_dir "$1")
	mkdir -p "$dir/db"
	{
		echo 'id(int,auto) setid(int) destination(string)' \
			'state(int) weight(string)'
		for fs in $SWITCHES; do
			i=$((i + 1))
			echo "$i:1:sip\\:$(cluster_addr "$fs")\\:5060:0:1"
		done
	} >"$dir/db/dispatcher"
	# shellcheck disable=SC2046 # words
	serve "$1" "$1" "$root/test/fake/opensips" run "$dir" --node "$n" \
		--ip "$(cluster_addr "$1")" \
		--sip "$(cluster_addr "$1" sip4):5060" --cluster 1,2,3 \
		--tags $TAGS --uas "$CALLED" --ds-route --fr-timeout 2 \
		--no-probes --sync-s 0.8 --local-route \
		$(for fs in $ENGINES; do
			echo "--rtpengine udp:$(cluster_addr "$fs"):2223"
		done)
}
edge_start() { edge_begin "$1" && lab_wait 20 edge_is_up "$1"; }
edge_is_up() {
	[[ $(edge_mi "$1" clusterer_list_cap 2>/dev/null) =~ dlg-repl\",\"state\":\"Ok\" ]] &&
		edge_links "$1"
}
edge_mi() { # EDGE METHOD [PARAMS]
	on ctl1 "$FP_BUILD/test/prog/mi" -t 3000 \
		"udp:$(cluster_addr "$1"):8080" "${@:2}"
}
# All others that run are linked to it.
edge_links() {
	local list other

	list=$(edge_mi "$1" clusterer_list)
	for other in $EDGES; do
		[ "$other" = "$1" ] || ! lab_runs "$other" ||
			[[ $list =~ \"node_id\":$(number "$other"),[^}]*\"next_hop\":\"[0-9] ]] ||
			return
	done
}
edge_kill() {
	server_kill "$1"
	echo "down $(ms) $1" >>"$stage/servers"
}

# ---- FreeSWITCH

switch_ports() {
	echo "$((16384 + 4000 * $(number "$1")))-$((16384 + 4000 * $(number "$1") + 3998))"
}
switch_begin() {
	if switch_is_real; then
		real_switch_begin "$1"
	else
		fake_switch_begin "$1"
	fi
	echo "up $(ms) $1" >>"$stage/servers"
}
fake_switch_begin() {
	rm -f "$stage/$1.control"
	serve "$1" "$1" /usr/bin/python3 "$root/test/fake/freeswitch" \
		--ip "$(cluster_addr "$1")" --name "$1" \
		--control "$stage/$1.control" --db "$(fs_conninfo)" \
		--cdr "$stage/$1.cdr" "rtp=$(switch_ports "$1")" \
		"callee=$(cluster_addr "sip$(number "$1")" sip4):5060" \
		heartbeat_s=1 robust=1
}
switch_start() { switch_begin "$1" && lab_wait 20 switch_is_up "$1"; }
switch_is_up() {
	if switch_is_real; then
		real_switch_is_up "$1"
	else
		grep -qs '^up' "$LAB_DIR/$1.log"
	fi
}
switch_kill() {
	server_kill "$1"
	echo "down $(ms) $1" >>"$stage/servers"
}

# ---- rtpengine

# Without the configuration of the machine.
engine_start() {
	local at

	at=$(cluster_addr "$1")
	serve "$1" "$1" rtpengine --config-file=none --table=-1 \
		--interface="$at" --listen-ng="$at:2223" --foreground \
		--log-stderr --log-level=4 --num-threads=1 --port-min=40000 \
		--port-max=44000 --delete-delay=0
	lab_wait 10 lab_listens "$1" udp "$at" 2223
}
engine_kill() { lab_stop "$1" KILL; }
