# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# OpenSIPS nodes with real calls through them, for tests of fp-rehome: the stand-in
# (test/fake/opensips), or, when FP_OPENSIPS_PREFIX says where one is installed,
# real ones with the configuration of examples/opensips.  The functions are the same
# for both.  In a network namespace of the test's own: all is on loopback.
#   node N   127.0.1.N  SIP udp 5060, MI udp 8080, http 8888, DIR/N/fifo
#   callers  127.0.3.1, called 127.0.3.2: SIPp with test/lab/sipp
# shellcheck disable=SC2034

RH_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=test/real/opensips.bash
source "$RH_SOURCE/../real/opensips.bash"

# rh_up DIR [NODES] [OPTION...]: NODES of them (3), each with its own tags active on
# it, in step.  Options, of either kind of OpenSIPS:
#   --tags N         tags of a node, a power of two (2)
#   --active         its own tags are =active in its configuration
#   --auto-sync      cluster_auto_sync is 1
#   --no-ack-rule    without what replicates at an ACK
#   --fr-timeout S   until a silent endpoint is given up (2)
#   --dialog-timeout S
#   --rtpengine udp:H:P (repeatable), --local-route: media by way of it
#   --cold           no tag is activated
#   --shm MB         of the real one (64)
rh_up() {
	local i

	OS_DIR=$1
	shift
	RH_NODES=3
	case ${1-} in
	[1-9]*) RH_NODES=$1 && shift ;;
	esac
	rh_options "$@"
	os_pid=()
	mkdir -p "$OS_DIR/sipp"
	: >"$OS_DIR/sipp/uac.log"
	: >"$OS_DIR/sipp/uas.log"
	rh_save
	for ((i = 1; i <= RH_NODES; i++)); do
		rh_start $i
	done
	rh_uas
	for ((i = 1; i <= RH_NODES; i++)); do
		os_wait 20 rh_answers $i || return
	done
	for ((i = 1; i <= RH_NODES; i++)); do
		os_wait 20 rh_is_synced $i && os_wait 20 rh_is_linked $i ||
			return
		[ -n "$RH_COLD" ] || rh_activate $i
	done
}

rh_options() {
	RH_TAGS=2 RH_ACTIVE='' RH_AUTO_SYNC=0 RH_ACK_RULE=yes RH_FR_TIMEOUT=2
	RH_DIALOG_TIMEOUT=7200 RH_RTPENGINE='' RH_LOCAL_ROUTE='' RH_COLD=''
	RH_SHM=64
	while [ $# -gt 0 ]; do
		case $1 in
		--tags) RH_TAGS=$2 && shift ;;
		--active) RH_ACTIVE=yes ;;
		--auto-sync) RH_AUTO_SYNC=1 ;;
		--no-ack-rule) RH_ACK_RULE='' ;;
		--fr-timeout) RH_FR_TIMEOUT=$2 && shift ;;
		--dialog-timeout) RH_DIALOG_TIMEOUT=$2 && shift ;;
		--rtpengine) RH_RTPENGINE+="${RH_RTPENGINE:+ }$2" && shift ;;
		--local-route) RH_LOCAL_ROUTE=yes ;;
		--cold) RH_COLD=yes ;;
		--shm) RH_SHM=$2 && shift ;;
		*) echo "rh_up: no option $1" && return 1 ;;
		esac
		shift
	done
}

# What another process of a test has to know: "rh_load DIR" in setup().
rh_save() {
	{
		declare -p OS_DIR
		declare -p "${!RH_@}" | grep -v RH_SOURCE
	} | sed 's/^declare --/declare -g/' >"$OS_DIR/lab.env"
}
rh_load() { # DIR
	# shellcheck disable=SC1091 # written by rh_save
	source "$1/lab.env"
	declare -ga os_pid=()
}

rh_down() {
	local pid

	[ -n "${OS_DIR:-}" ] || return 0
	for pid in "$OS_DIR"/[1-9]/os.pid; do
		[ -e "$pid" ] || continue
		pid=${pid%/os.pid}
		os_signal CONT "${pid##*/}" 2>/dev/null || :
		os_kill "${pid##*/}" 2>/dev/null || :
	done
	for pid in "$OS_DIR"/sipp/*.pid; do
		[ ! -e "$pid" ] || kill -s KILL "$(<"$pid")" 2>/dev/null || :
	done
}

# ---- nodes

rh_address() { # NODE TRANSPORT
	case $2 in
	udp) echo "udp:127.0.1.$1:8080" ;;
	unix) echo "unix:$OS_DIR/$1/mi.sock" ;; # the stand-in's alone
	fifo) echo "fifo:$OS_DIR/$1/fifo" ;;
	http) echo "http://127.0.1.$1:8888/mi" ;;
	esac
}
# rh_mi NODE METHOD [PARAMS]: "result JSON", or "error CODE TEXT".  RH_MI is the
# transport.
rh_mi() {
	"$FP_BUILD/test/prog/mi" -t 10000 \
		"$(rh_address "$1" "${RH_MI:-udp}")" "${@:2}"
}
rh_ctl() { # NODE WORD...: of the stand-in
	"$OS_ROOT/test/fake/opensips" ctl "$OS_DIR/$1" "${@:2}"
}

rh_fake_options() {
	local r

	echo "--tags $RH_TAGS --fr-timeout $RH_FR_TIMEOUT --sync-s 0.8"
	echo "--dialog-timeout $RH_DIALOG_TIMEOUT --no-probes"
	[ -z "$RH_ACTIVE" ] || echo --active
	[ "$RH_AUTO_SYNC" = 0 ] || echo --auto-sync
	[ -n "$RH_ACK_RULE" ] || echo --no-ack-rule
	[ -z "$RH_LOCAL_ROUTE" ] || echo --local-route
	for r in $RH_RTPENGINE; do
		echo "--rtpengine $r"
	done
}

rh_start() { # NODE
	local log=$OS_DIR/$1/log

	mkdir -p "$OS_DIR/$1"
	rm -f "$OS_DIR/$1/dead"
	if os_is_real; then
		rh_config "$1"
		"$FP_OPENSIPS_PREFIX/sbin/opensips" -f "$OS_DIR/$1/cfg" \
			-m "$RH_SHM" -M 8 -P "$OS_DIR/$1/pid" \
			-w "$OS_DIR/$1" -F >>"$log" 2>&1 3>&- 4>&- &
	else
		# shellcheck disable=SC2046 # words
		"$OS_ROOT/test/fake/opensips" run "$OS_DIR/$1" --node "$1" \
			--cluster "$(seq -s , 1 "$RH_NODES")" \
			$(rh_fake_options) >>"$log" 2>&1 3>&- 4>&- &
	fi
	os_pid[$1]=$!
	echo $! >"$OS_DIR/$1/os.pid"
}

# The configuration that is recommended, with this lab's addresses and options.
rh_config() { # NODE
	local i k nodes='' base=three-1 cfg=$OS_DIR/$1/cfg mine pick

	for ((i = 1; i <= RH_NODES; i++)); do
		[ "$i" = "$1" ] || nodes+="modparam(\"clusterer\", \"neighbor_node_info\", \"cluster_id=1,node_id=$i,url=bin:127.0.1.$i:5566\")\\n"
		mine=backup
		[ -z "$RH_ACTIVE" ] || [ "$i" != "$1" ] || mine=active
		for ((k = 0; k < RH_TAGS; k++)); do
			nodes+="modparam(\"clusterer\", \"sharing_tag\", \"sip$i.$k/1=$mine\")\\n"
		done
	done
	[ -z "$RH_RTPENGINE" ] || base=rtpengine
	pick="\$var(k) = \$(ci{s.crc32}{s.int}) \\& $((RH_TAGS - 1));\\n\\tset_dlg_sharing_tag(\"sip$1.\$var(k)\");"
	sed -e '/^#/d; /neighbor_node_info/d; /"sharing_tag"/d; /\$var(k) =/d' \
		-e "/node_timeout/s|\$|\\n$nodes|" \
		-e "s|set_dlg_sharing_tag(.*|$pick|" \
		-e "s/192\.0\.2\.11/127.0.1.$1/g; s/10\.0\.0\.11/127.0.1.$1/g" \
		-e "s/192\.0\.2\.21/127.0.3.2/" \
		-e "s|^mpath=.*|mpath=\"$FP_OPENSIPS_PREFIX/lib64/opensips/modules/\"|" \
		-e "s|^udp_workers=.*|udp_workers=2\nlog_level=2\nstderror_enabled=yes\nsyslog_enabled=no\ndns_try_ipv6=no|" \
		-e "s|^open_files_limit=.*|open_files_limit=1024|" \
		-e "s|/run/opensips|$OS_DIR/$1|g" \
		-e "s|\"my_node_id\", 1|\"my_node_id\", $1|" \
		-e "s|\"fr_timeout\", [0-9]*|\"fr_timeout\", $RH_FR_TIMEOUT|" \
		-e "s|\"default_timeout\", [0-9]*|\"default_timeout\", $RH_DIALOG_TIMEOUT|" \
		-e "s|\"cluster_auto_sync\", 0|\"cluster_auto_sync\", $RH_AUTO_SYNC|" \
		-e "s|\"rtpengine_sock\", .*|\"rtpengine_sock\", \"$RH_RTPENGINE\")|" \
		"$OS_ROOT/examples/opensips/$base.cfg" >"$cfg"
	[ -n "$RH_ACK_RULE" ] ||
		sed -i '/is_method("ACK")/{N;/DLG_timeout/d}' "$cfg"
	[ -z "$RH_RTPENGINE" ] || [ -n "$RH_LOCAL_ROUTE" ] ||
		sed -i '/^local_route/,/^}/d' "$cfg"
}

rh_answers() { # NODE
	[[ $(rh_mi "$1" uptime 2>/dev/null) == result* ]]
}
rh_is_synced() { # NODE
	[[ $(rh_mi "$1" clusterer_list_cap) =~ dlg-repl\",\"state\":\"Ok\" ]]
}
rh_is_alive() { [ -e "$OS_DIR/$1/os.pid" ] && [ ! -e "$OS_DIR/$1/dead" ]; }
rh_alive() { # all that are
	local i

	for ((i = 1; i <= RH_NODES; i++)); do
		! rh_is_alive $i || echo $i
	done
}
# All that are alive can be reached from it: real ones may see one as Probe for
# minutes, by way of another (facts/opensips-3nodes.md 0.5).
rh_is_linked() { # NODE
	local list i

	list=$(rh_mi "$1" clusterer_list)
	for i in $(rh_alive); do
		[ "$i" = "$1" ] ||
			[[ $list =~ \"node_id\":$i,[^}]*\"next_hop\":\"[0-9] ]] ||
			return
	done
}
rh_is_lost() { # NODE: to all others
	local i

	for i in $(rh_alive); do
		[[ $(rh_mi "$i" clusterer_list) =~ \"node_id\":$1,[^}]*\"link_state\":\"(Down|Probe)\" ]] ||
			return
	done
}
rh_activate() { # NODE [TAG...]: its own
	local tag i=$1

	shift
	[ $# -gt 0 ] || for ((tag = 0; tag < RH_TAGS; tag++)); do
		set -- "$@" "sip$i.$tag"
	done
	for tag; do
		rh_mi "$i" clusterer_shtag_set_active "{\"tag\":\"$tag/1\"}" \
			>/dev/null
		os_wait 10 rh_tag_is "$tag" "$i" || return
	done
}
# rh_owner TAG: the nodes that say they have it.
rh_owner() {
	local i

	for i in $(rh_alive); do
		[[ $(rh_mi "$i" clusterer_list_shtags) != *"\"Tag\":\"$1\",\"Cluster\":1,\"State\":\"active\""* ]] ||
			echo "$i"
	done | xargs
}
rh_tag_is() { [ "$(rh_owner "$1")" = "$2" ]; } # TAG NODES

# rh_kill NODE: as a crash would.
rh_kill() {
	: >"$OS_DIR/$1/dead"
	os_kill "$1"
}
# rh_restart NODE: empty, and in step again when it returns.
rh_restart() {
	! rh_is_alive "$1" || rh_kill "$1"
	rm -f "$OS_DIR/$1/pid" "$OS_DIR/$1/fifo"
	rh_start "$1"
	os_wait 20 rh_answers "$1" && os_wait 20 rh_is_synced "$1" &&
		os_wait 20 rh_is_linked "$1"
}

# ---- the cluster file

# rh_cluster FILE [N=TRANSPORT...] [list=TRANSPORT|none] [db=CONNINFO] [LINE...]:
# fp_mi of node N (udp), fp_mi_list of all (http), and other lines of [all:vars].
rh_cluster() {
	local file=$1 i word list=http db='' lines=''
	local -A mi=()

	shift
	for word; do
		case $word in
		[0-9]=*) mi[${word%%=*}]=${word#*=} ;;
		list=*) list=${word#*=} ;;
		db=*) db=${word#*=} ;;
		*) lines+=$word$'\n' ;;
		esac
	done
	{
		echo '[opensips]'
		for ((i = 1; i <= RH_NODES; i++)); do
			echo "sip$i ansible_host=127.0.1.$i fp_node_id=$i" \
				"fp_sip=udp:127.0.1.$i:5060" \
				"fp_mi=$(rh_address $i "${mi[$i]:-udp}")" \
				"$([ "$list" = none ] || echo "fp_mi_list=$(rh_address "$i" "$list")")"
		done
		[ -z "$db$lines" ] || echo '[all:vars]'
		[ -z "$db" ] || echo "fp_db=\"$db\""
		printf '%s' "$lines"
	} >"$file"
}

# shellcheck source=test/lab/rehome-calls.bash
source "$RH_SOURCE/rehome-calls.bash"
