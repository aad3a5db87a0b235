# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Controllers that run examples/failover/fp-failover, over OpenSIPS nodes (rehome.bash)
# and FreeSWITCH nodes (recover.bash) with calls of their own, in one network
# namespace.  Names of nodes are sipN and fsN.
# shellcheck disable=SC2034

FO_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=test/lab/recover.bash
source "$FO_SOURCE/recover.bash"
# shellcheck source=test/real/rehome.bash
source "$FO_SOURCE/../real/rehome.bash"
FS_NET=127.0.5

# fo_cluster: $FP_CLUSTER of the nodes that are up.
fo_cluster() {
	rh_cluster "$FP_CLUSTER"
	[ -z "${FS_DIR-}" ] || sed '/^\[all:vars\]/,$d' "$FS_DIR/cluster.ini" >>"$FP_CLUSTER"
	{
		echo '[all:vars]'
		echo "fp_db=\"$PG_DB\""
		[ -z "${FS_DIR-}" ] ||
			echo "fp_recovery_db=\"$(fs_conninfo recover)\""
	} >>"$FP_CLUSTER"
	fo_fence
}

# What proves a node dead here: it kills its process, and says in file fenced whom.
fo_fence() {
	cat >fence <<-END
		#!/bin/bash
		case \$FP_NODE in
		sip*) pid=$OS_DIR/\${FP_NODE#sip}/os.pid ;;
		fs*) pid=${FS_DIR-}/\${FP_NODE#fs}/fs.pid ;;
		esac
		echo "\$FP_NODE" >>$PWD/fenced
		kill -s KILL "\$(<"\$pid")" 2>/dev/null
		echo off
	END
	chmod +x fence
	: >fenced
}

# fo_start N [NAME=VALUE...]: controller N, in a session of its own; ctlN.err.
declare -A fo_pid=()
fo_start() {
	local n=$1

	shift
	mkdir -p "ctl$n"
	setsid env PATH="$FP_BUILD:$PATH" FP_STATE="$PWD/ctl$n" \
		FENCE="$PWD/fence" HOLD=1s OBSERVERS='' \
		WATCH_OPTIONS='--only mi,esl,ng --interval 200ms -t 600ms --rise 1' \
		REHOME_OPTIONS="${REHOME_OPTIONS:---to auto -t 2s --wait 2s}" \
		RECOVER_OPTIONS='--to auto -t 2s --prove 4s' "$@" \
		"$FO_SOURCE/../../examples/failover/fp-failover" \
		>"ctl$n.out" 2>"ctl$n.err" 3>&- 4>&- &
	fo_pid[$n]=$!
}
# fo_signal SIGNAL N: the script and all that it started
fo_signal() { kill -s "$1" -- "-${fo_pid[$2]}"; }
fo_stop() {
	local n

	for n in "${!fo_pid[@]}"; do
		fo_signal CONT "$n" 2>/dev/null || :
		fo_signal KILL "$n" 2>/dev/null || :
	done
}

# said N TEXT: controller N (or *), within 30 s.
said() {
	within 30 fo_has "$@" || {
		tail -n 30 ctl*.err
		return 1
	}
}
# shellcheck disable=SC2086 # a glob
fo_has() { cat ctl$1.err 2>/dev/null | grep -qE -- "$2"; }
# fo_watches: all that run see all nodes
fo_watches() {
	local n

	for n in "${!fo_pid[@]}"; do
		said "$n" 'nodes are watched' || return
	done
}
