#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-health check and watch: whose word counts, what is us, and what is told.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' variables

bats_require_minimum_version 1.5.0
load say.bash

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
	source test/lab/lab.sh
	: "${FP_BUILD:=$PWD/build}"
	fake=$PWD/test/fake fh=$FP_BUILD/fp-health dir=$BATS_TEST_TMPDIR
	export FP_STATE=$dir/state FP_CLUSTER=$dir/cluster.ini
	mkdir "$dir/peer"
	started=()
	cat >"$FP_CLUSTER" <<-END
	n1 fp_sip=udp:127.0.0.1:25060
	n2 fp_sip=udp:127.0.0.1:25061
	END
	cd "$dir" || return
	background python3 "$fake/sip-peer" "$dir/peer" 127.0.0.1:2506{0,1}
	lab_wait 5 grep -q up "$dir/out.0"
}

teardown() {
	local pid

	for pid in "${started[@]}"; do
		kill -CONT "$pid" 2>/dev/null || :
		kill "$pid" 2>/dev/null || :
		wait "$pid" || :
	done
}

background() {
	"$@" >"$dir/out.${#started[@]}" 2>"$dir/err.${#started[@]}" 3>&- &
	started+=($!)
}

says() { echo "$2" >"$dir/peer/2506$((${1#n} - 1))"; }

check() { run --separate-stderr "-$1" "$fh" check --timeout 400ms "${@:2}"; }

# states: NODE/CHECK=STATE of each record
states() {
	awk -F'\t' '{ printf "%s%s/%s=%s", s, $1, $2, $3; s = " " }' <<<"$output"
}

has() {
	# shellcheck disable=SC2053 # a glob
	[[ $output == *$1* ]] || { printf 'no "%s" in: %s\n' "$1" "$output"; return 1; }
}

# told [FILTER]: a record of the watch
told() {
	[ "$(jq -cn "[inputs | select($1)] | length" <watched 2>/dev/null)" -ge 1 ]
}

watch() {
	"$fh" watch --json --interval 100ms --timeout 250ms "$@" >>watched \
		2>watched.err 3>&- &
	watcher=$!
	started+=("$watcher")
	lab_wait 5 told '.type == "alive"'
}

# proxy: an OpenSIPS that does not probe, and calls n1, n2 and one more Active.
proxy() {
	mkdir -p os/db
	{
		echo 'setid(int) destination(string) weight(int)'
		printf '1:sip\\:127.0.0.1\\:%d:1\n' 25060 25061 25069
	} >os/db/dispatcher
	background "$fake/opensips" run os --node 1 --cluster '' --no-probes
	lab_wait 5 [ -S os/ctl ]
	echo "sip1 ansible_host=127.0.1.1 fp_mi=udp:127.0.1.1:8080 fp_checks=mi" >>cluster.ini
	check 0
}

# ---- OpenSIPS' own eyes

@test "Active of an OpenSIPS that does not probe is no word" {
	proxy
	says n1 silent
	check 2 --fail-at critical
	same "$(states)" 'n1/sip=CRITICAL n2/sip=OK sip1/mi=OK'
	says n1 200
	check 0
	watch
	says n1 silent
	lab_wait 5 told '.node == "n1" and .check == "sip" and .to == "CRITICAL"'
}

@test "Active of one that probes is: WARNING, then UNKNOWN, at last CRITICAL" {
	proxy
	"$fake/opensips" ctl os ds 1 sip:127.0.0.1:25069 Probing
	says n1 silent
	check 1
	has 'but proxies say that it is active'
	check 0 --fail-at critical
	# what was seen in other runs counts
	seen_silent 20
	check 1
	seen_silent 31
	check 3
	seen_silent 301
	check 2 --fail-at critical
	"$fake/opensips" ctl os ds 1 sip:127.0.0.1:25060 Probing
	says n1 200
	check 0
	says n1 silent
	check 2
}

# seen_silent S: n1's sip, since then, by the state file
seen_silent() {
	awk -F'\t' -v OFS='\t' -v since="$(($(date +%s) - $1))000" \
		'$1 == "n1" { $9 = since } { print }' state/health/state >new
	mv new state/health/state
}

# ---- what is us

@test "what could not be asked is no silence of the network" {
	says n1 silent
	cat >cluster.ini <<-'END'
	n1 fp_sip=udp:127.0.0.1:25060
	ours fp_sip=tls:127.0.0.1:25061 fp_tls_ca=/nowhere.pem
	END
	check 2
	same "$(states)" 'n1/sip=CRITICAL ours/sip=UNKNOWN'
	watch
	lab_wait 5 told '.node == "n1" and .check == "sip" and .to == "CRITICAL"'
	run -1 told '.detail | strings | contains("cut off")'
	# of two nodes that can be asked, and one that cannot
	echo 'n2 fp_sip=udp:127.0.0.1:25061' >>cluster.ini
	says n2 silent
	check 3
	same "$(states)" 'n1/sip=UNKNOWN ours/sip=UNKNOWN n2/sip=UNKNOWN'
	has 'are we cut off?'
	says n2 200
	check 2
}

@test "nor is a host name that does not exist" {
	[ "$(id -u)" = 0 ] || skip 'needs an nsswitch.conf of its own'
	cat >cluster.ini <<-'END'
	n1 fp_sip=udp:127.0.0.1:25060
	lost fp_sip=udp:no-such-host.invalid:5060
	END
	echo 'hosts: files' >nsswitch.conf
	says n1 silent
	# shellcheck disable=SC2016 # for the inner shell
	run -2 unshare -m bash -c '
		mount --bind nsswitch.conf /etc/nsswitch.conf || exit 99
		exec "$1" check --timeout 500ms' bash "$fh"
	same "$(states)" 'n1/sip=CRITICAL lost/sip=UNKNOWN'
	has 'no such host name'
}

@test "a threshold of sip is of sip-2 too, one of sip-2 of that alone" {
	echo 'n1 fp_sip=udp:127.0.0.1:25060,udp:127.0.0.1:25061' >cluster.ini
	check 1 --warning sip-2.latency=0:0.000001
	same "$(states)" 'n1/sip=OK n1/sip-2=WARNING'
	check 1 --warning sip.latency=0:0.000001
	same "$(states)" 'n1/sip=WARNING n1/sip-2=WARNING'
	check 1 --warning sip.latency=0:0.000001,sip-2.latency=10
	same "$(states)" 'n1/sip=WARNING n1/sip-2=OK'
}

# ---- comparisons that cannot be made

@test "a comparison that is named is never silent" {
	proxy
	sed -i 's/ fp_checks=mi//' cluster.ini
	echo 'sip2 ansible_host=127.0.1.2 fp_mi=udp:127.0.1.2:8080' >>cluster.ini
	check 3 --only shm,links
	same "$(states)" 'sip1/shm=OK sip2/links=UNKNOWN sip2/shm=UNKNOWN'
	has 'mi told nothing: '
	check 0 --only shm sip1
	check 3 --only dialogs
	same "$(states)" '-/dialogs=UNKNOWN'
	has 'nothing to compare'
	check 3 --only dialogs sip1
	same "$(states)" '-/dialogs=UNKNOWN'
	has 'dialogs compares all nodes, and these are not all'
	sed -i '/^sip2/s/$/ fp_checks=shm/' cluster.ini
	check 3 sip2
	same "$(states)" 'sip2/shm=UNKNOWN'
	# what is told of the server itself is enough
	sed -i '/^sip2/s/ fp_checks=shm//' cluster.ini
	check 2 sip2
	same "$(states)" 'sip2/mi=CRITICAL'
	watch --only shm
	lab_wait 5 told '.node == "sip2" and .check == "shm" and .to == "UNKNOWN"'
	told '.node == "sip1" and .check == "shm" and .to == "OK"'
	run -1 told '.node == "sip1" and .to == "UNKNOWN"'
}

# ---- what is told

@test "the detail is of the state that is told" {
	check 0
	says n1 503
	check 2
	says n1 200
	check 2 n1 --rise 2
	has 'the last reading is OK: '
	check 0 n1 --rise 2
}

@test "watch: what is no longer in the cluster file is UNKNOWN" {
	watch --on-change 'cat >>changes'
	sed -i /^n1/d cluster.ini
	kill -HUP "$watcher"
	lab_wait 5 told '.node == "n1" and .check == "node" and
		.from == "OK" and .to == "UNKNOWN" and .takes_calls == false'
	told '.node == "n1" and .check == "sip" and .to == "UNKNOWN" and
		(.detail | contains("no longer in the cluster file"))'
	run -1 told '.node == "n2" and .to == "UNKNOWN"'
	lab_wait 5 grep -q '"n1","check":"node","from":"OK"' changes
	# it comes back
	echo 'n1 fp_sip=udp:127.0.0.1:25060' >>cluster.ini
	: >watched
	kill -HUP "$watcher"
	lab_wait 5 told '.node == "n1" and .check == "node" and .to == "OK"'
}
