#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make drill: what this project is for, played in network namespaces.  Three OpenSIPS
# at the edge, three FreeSWITCH, two controllers that decide by themselves
# (examples/failover), a witness, 200 calls and an attack that never ends; an edge, a
# FreeSWITCH and a controller are killed, links are cut, and all come back.  Each
# claim is a line of TAP, and a table says how it went.  OpenSIPS and FreeSWITCH are
# stand-ins (test/fake) unless FP_OPENSIPS_PREFIX and FP_FREESWITCH_PREFIX name real
# ones; all else is real.  Exit 0: every claim holds; 1: one does not; 77: not run,
# with the reason.  KEEP=1 leaves the logs.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
export FP_BUILD=${FP_BUILD:-$PWD/build} LC_ALL=C.UTF-8

skip() { echo "$*"; exit 77; }
[ "$(id -u)" = 0 ] || skip 'needs root, for network namespaces and BPF'
for tool in sipp tcpdump rabbitmqctl sshd jq socat ethtool rtpengine; do
	command -v "$tool" >/dev/null || [ -x "/usr/sbin/$tool" ] ||
		skip "$tool is not installed: make deps"
done
/usr/bin/python3 -c 'import psycopg2' 2>/dev/null ||
	skip 'python3-psycopg2 is not installed: make deps'
[ -x "$FP_BUILD/test/prog/mi" ] || skip "$FP_BUILD is not built: make tests"

# By itself it makes what test/run gives to every test program.
if [ -z "${FP_TEST_BPFFS-}" ] && [ "${1-}" != --inside ]; then
	# shellcheck disable=SC2016 # for the inner shell
	exec unshare -m -p -n -f --mount-proc --kill-child bash -c '
		mkdir -p /run/netns &&
		mount -t tmpfs -o mode=755 tmpfs /run/netns &&
		umount -l /sys && mount -t sysfs sysfs /sys &&
		ip link set lo up && exec "$0" --inside' "$PWD/test/drill/drill.sh"
fi
unset FP_CLUSTER FP_STATE FP_PINS

source test/drill/stage.bash
source test/drill/table.bash
source test/drill/attack.bash
trap drill_down EXIT
trap 'exit 130' INT TERM
source test/drill/play.bash
