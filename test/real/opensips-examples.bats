#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# examples/opensips as real OpenSIPS 3.6 takes it: each configuration is one, and
# those of a cluster carry a call through, of which every node has a copy.
#	FP_OPENSIPS_PREFIX=DIR test/run test/real/opensips-examples.bats
# shellcheck disable=SC2154 # bats' own variables

bats_require_minimum_version 1.5.0

setup_file() {
	[ -n "${FP_OPENSIPS_PREFIX:-}" ] ||
		skip "FP_OPENSIPS_PREFIX does not say where OpenSIPS is"
}

setup() {
	source "$BATS_TEST_DIRNAME/../lab/rehome.bash"
	examples=$OS_ROOT/examples/opensips
	opensips=$FP_OPENSIPS_PREFIX/sbin/opensips
	OS_DIR=$BATS_TEST_TMPDIR/os
	mkdir -p "$OS_DIR/sipp"
	cd "$OS_DIR" || return
	n=0
}

teardown() {
	[ -z "${OS_DIR-}" ] || rh_down
}

# here FILE [DIR]: as it stands, with this machine's modules, and DIR for FIFOs
here() {
	sed -e "s|^mpath=.*|mpath=\"$FP_OPENSIPS_PREFIX/lib64/opensips/modules/\"|" \
		-e "s|/run/opensips/|${2:-$OS_DIR}/|" "$examples/$1"
}

# node FILE: start it, at addresses of this machine
node() {
	n=$((n + 1))
	mkdir -p "$OS_DIR/$n"
	{
		printf '%s\n' stderror_enabled=yes syslog_enabled=no log_level=2
		here "$1" "$OS_DIR/$n" | sed \
			-e 's/\(192\.0\.2\|10\.0\.0\)\.1\([123]\)/127.0.1.\2/g' \
			-e 's/192\.0\.2\.21/127.0.3.2/' \
			-e 's/10\.0\.0\.3\([12]\)/127.0.4.\1/g'
	} >"$n/cfg"
	"$opensips" -f "$n/cfg" -m 64 -P "$OS_DIR/$n/pid" -w "$OS_DIR/$n" -F \
		>>"$n/log" 2>&1 3>&- 4>&- &
	echo $! >"$n/os.pid"
}

ask() { "$FP_BUILD/test/prog/mi" "$mi" "$@"; } # METHOD [PARAMS]
is_ready() { [[ $(mi=$1 ask clusterer_list_cap) =~ dlg-repl\",\"state\":\"Ok\" ]]; }
has_call() {
	[[ $(mi=$1 ask get_statistics '{"statistics":["active_dialogs"]}') == *':1}' ]]
}

# carries TAG MI...: the first node takes a call, all have it as confirmed and on
# sockets of their own, and it ends for all
carries() {
	local tag=$1 mi

	shift
	for mi; do
		os_wait 15 is_ready "$mi"
	done
	mi=$1 ask clusterer_shtag_set_active "{\"tag\":\"$tag/1\"}"
	rh_uas
	rh_sipp_calls 0 1 ok ok
	os_wait 10 rh_are_held 1 || { cat ./*/log sipp/*.out; false; }
	for mi; do
		os_wait 10 has_call "$mi"
		reply=$(ask dlg_list_ctx '{"index":0,"counter":1}')
		echo "$mi: $reply"
		[[ $reply == *'"state":4'*"\"dlgX_shtag\":\"${tag%.*}"* ]]
	done
	rh_bye uas
	for mi; do
		run ! has_call "$mi"
	done
}

@test "OpenSIPS takes every configuration; a word that is none is found" {
	for file in pair-1 pair-2 three-1 three-2 three-3 same-machine-1 \
		same-machine-2 rtpengine; do
		echo "$file"
		here $file.cfg >$file.cfg
		run -0 "$opensips" -C -f $file.cfg
	done
	sed 's/topology_hiding_match/topology_match/' pair-1.cfg >bad.cfg
	run ! "$opensips" -C -f bad.cfg
	sed 's/cluster_auto_sync/cluster_sync/' pair-1.cfg >bad.cfg
	run ! "$opensips" -C -f bad.cfg
}

@test "a pair carries a call" {
	node pair-1.cfg
	node pair-2.cfg
	carries sip1 udp:127.0.1.1:8080 udp:127.0.1.2:8080
	mi=http://127.0.1.2:8888/mi ask version | grep -q OpenSIPS
	mi=fifo:$OS_DIR/1/fifo ask version | grep -q OpenSIPS
}

@test "three nodes with eight tags each carry a call" {
	for i in 1 2 3; do
		node three-$i.cfg
	done
	carries sip1.0 udp:127.0.1.{1,2,3}:8080
	mi=udp:127.0.1.3:8080 ask clusterer_list_shtags >tags
	[ "$(grep -o '"State":"backup"' tags | wc -l)" = 24 ]
}

@test "two on one machine carry a call, each on its own port" {
	node same-machine-1.cfg
	node same-machine-2.cfg
	carries sip1 udp:127.0.1.1:8080 udp:127.0.1.1:8081
	[[ $reply == *'"caller_bind_addr":"udp:127.0.1.1:5070"'* ]]
}

@test "without an rtpengine no call is made: better none than one without a voice" {
	node rtpengine.cfg
	# it is alone: nobody to be in step with, but after 5 s it begins
	os_wait 15 is_ready udp:127.0.1.1:8080
	rh_uas
	rh_sipp_calls 0 1 ok ok
	os_wait 15 grep -qs 'unexpected.*503' sipp/uac-0.err
	[ "$(rh_held | wc -l)" = 0 ]
}

@test "with one it carries a call" {
	command -v rtpengine >/dev/null || skip 'no rtpengine'
	rh_rtpengine "$OS_DIR" 1 2
	node rtpengine.cfg
	carries sip1 udp:127.0.1.1:8080
	[[ $reply == *'c=IN IP4 127.0.4.'[12]* ]]
}
