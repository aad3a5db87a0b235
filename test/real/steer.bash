# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Cases of fp-health steer that run alike with the stand-in
# (test/bats/fp-health-steer.bats) and with real OpenSIPS
# (test/real/opensips-steer.bats): three of them (opensips.bash), a PostgreSQL, and
# steerers on controllers of any name that hear what the test says.
# shellcheck disable=SC2034

ST_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=test/real/opensips.bash
source "$ST_SOURCE/opensips.bash"
# shellcheck source=test/lab/postgres.sh
source "$ST_SOURCE/../lab/postgres.sh"

st_cluster() {
	local i

	echo '[opensips]'
	for i in 1 2 3; do
		echo "sip$i fp_sip=udp:127.0.1.$i:5060 fp_mi=$(os_any $i)" \
			"fp_mi_list=$(os_mi $i fifo)"
	done
	echo '[freeswitch]'
	for i in 1 2 3; do
		echo "fs$i ansible_host=127.0.2.$i fp_sip=udp:127.0.2.$i:5060"
	done
	echo '[rtpengine]'
	for i in 1 2; do
		echo "rtp$i fp_ng=udp:127.0.2.3$i:2223"
	done
}

st_setup_file() {
	export ST_DIR=$BATS_FILE_TMPDIR
	pg_up
	os_up "$ST_DIR/os"
	declare -p os_pid os_peers OS_DIR | sed 's/^declare /&-g /' >"$ST_DIR/vars"
	"$FP_BUILD/fp-health" setup -C <(st_cluster) --admin "$PG_ADMIN" \
		--role ctl
}

st_teardown_file() {
	# shellcheck disable=SC1091
	[ ! -e "$ST_DIR/vars" ] || { source "$ST_DIR/vars"; os_down; }
	pg_down
}

st_setup() {
	cd "$BATS_TEST_TMPDIR" || return
	# shellcheck disable=SC1091
	source "$ST_DIR/vars"
	export FP_CLUSTER=$PWD/cluster.ini FP_STATE=$PWD/state
	mkdir -p state
	st_cluster >cluster.ini
	printf '[all:vars]\nfp_db="%s"\n' "$PG_DB" >>cluster.ini
	st_pids=()
	mkfifo ctl1.in ctl2.in
	exec 7<>ctl1.in 8<>ctl2.in
}

# Everything is enabled, and nobody's.
st_teardown() {
	local pid i pids=()

	for pid in "${st_pids[@]}"; do
		kill -s CONT "$pid" 2>/dev/null || :
		kill -s KILL "$pid" 2>/dev/null || :
	done
	exec 7>&- 8>&-
	pg_sql 'delete from fastpath.lease'
	rm -f "$OS_DIR"/peers/127.0.2.?
	for i in 1 2 3; do
		st_reset "$i" >"teardown.$i" &
		pids+=($!)
	done
	wait "${pids[@]}"
	[ -z "$BATS_TEST_COMPLETED" ] || return 0
	tail -n 40 ./*.out ./*.err 2>/dev/null || :
}

st_reset() { # PROXY
	local k

	for k in 1 2 3; do
		st_set "$1" "$k" a 1
	done
	for k in 31 32; do
		os_ask "$1" rtpengine_enable \
			"{\"url\":\"udp:127.0.2.$k:2223\",\"enable\":1}"
	done
}

# st_set PROXY FS a|i 0|1: as an operator would: its dispatcher, its load_balancer
st_set() {
	os_ask "$1" ds_set_state \
		"{\"state\":\"$3\",\"group\":\"1\",\"address\":\"sip:127.0.2.$2:5060\"}"
	os_ask "$1" lb_status "{\"destination_id\":$2,\"new_status\":$4}"
}

# ... until no late reply to a probe has undone it: so do operators
st_disable() { # PROXY FS
	st_set "$1" "$2" i 0 >/dev/null
	stays 700 is ds "$1" "$2" Inactive
}

# ---- what they have

st_list() { "$FP_BUILD/test/prog/mi" "$(os_mi "$1" fifo)" "$2"; }
# ds PROXY FS; lb PROXY FS; rtp PROXY N
ds() {
	st_list "$1" ds_list | sed 's/^result //' | jq -r ".PARTITIONS[].SETS[]
		| select(.id == 1).Destinations[]
		| select(.URI == \"sip:127.0.2.$2:5060\").state"
}
lb() {
	os_ask "$1" lb_list | sed 's/^result //' | jq -r ".Destinations[]
		| select(.id == $2).enabled"
}
rtp() {
	os_ask "$1" rtpengine_show | sed 's/^result //' | jq -r ".[].Nodes[]
		| select(.url == \"udp:127.0.2.3$2:2223\").disabled"
}
# is WHAT PROXY N VALUE; all WHAT N VALUE
is() { [ "$("$1" "$2" "$3")" = "$4" ]; }
all() { is "$1" 1 "$2" "$3" && is "$1" 2 "$2" "$3" && is "$1" 3 "$2" "$3"; }
is_out() { all ds "$1" Inactive && all lb "$1" no; }
is_in() { all ds "$1" Active && all lb "$1" yes; }
# stays MILLISECONDS COMMAND...: it is so all the time
stays() {
	local end=$((${EPOCHREALTIME/[.,]/} / 1000 + $1))

	shift
	while [ $((${EPOCHREALTIME/[.,]/} / 1000)) -lt $end ]; do
		"$@" || { echo "no longer so: $*"; return 1; }
		sleep 0.1
	done
}
n_leases() { pg_sql 'select count(*) from fastpath.lease'; }
has_leases() { [ "$(n_leases)" = "$1" ]; }

are_confirmed() {
	[ "$(pg_sql 'select count(*) from fastpath.lease where is_confirmed')" = "$1" ]
}

# ---- steerers

rec() { # NODE CHECK STATE [TAKES_CALLS]
	printf '{"type":"transition","node":"%s","check":"%s","to":"%s","takes_calls":%s,"detail":"said"}\n' \
		"$1" "$2" "$3" "${4:-true}"
}
alive() { echo "{\"type\":\"alive\",\"interval_ms\":${1:-600000}}"; }
well() { # NODE...: is well, all that is told
	local n

	for n; do
		rec "$n" sip OK
	done
}
all_well() { well fs1 fs2 fs3 rtp1 rtp2; }

steer() { # on a controller of that name: NAME [ARG...]
	local name=$1

	shift
	# shellcheck disable=SC2016 # for the inner shell
	exec unshare -u sh -c 'hostname "$0" && exec "$@"' "$name" \
		"$FP_BUILD/fp-health" steer "$@"
}
# st_start NAME [ARG...]: NAME is ctl1 (which hears 7) or ctl2 (8)
st_start() {
	local name=$1

	shift
	(steer "$name" --lease 3s --settle 6s -t 2s "$@") <"$name.in" \
		>>"$name.out" 2>>"$name.err" 3>&- 4>&- 7>&- 8>&- &
	st_pids+=($!)
	st_pid=$!
}
heard() { grep -qE -- "$2" "$1"; }
did() { # NAME ACT: how often
	cut -f 7 "$1.out" | grep -cx -- "$2" || :
}

# ---- the cases

case_follows() {
	st_start ctl1
	{ all_well; alive; } >&7
	stays 500 is_in 1
	rec fs1 esl CRITICAL >&7
	os_wait 10 is_out 1
	has_leases 6
	is_in 2
	is_in 3
	[ "$(did ctl1 disable)" = 6 ]
	rec fs1 esl OK >&7
	os_wait 10 is_in 1
	os_wait 5 has_leases 0
	[ "$(did ctl1 enable)" = 6 ]
	stays 1500 is_in 1
	[ "$(did ctl1 disable)" = 6 ]
}

case_rtpengine() {
	st_start ctl1
	{ all_well; rec rtp1 ng CRITICAL; alive; } >&7
	os_wait 10 all rtp 1 1
	all rtp 2 0
	# the last one stays, whatever it is
	rec rtp2 ng CRITICAL >&7
	os_wait 10 heard ctl1.out 'rtp2	held	.*no other'
	stays 500 all rtp 2 0
	rec rtp1 ng OK >&7
	os_wait 10 all rtp 1 0
}

case_maintenance() {
	st_start ctl1
	{ all_well; rec fs2 node MAINT; alive; } >&7
	os_wait 10 is_out 2
	rec fs2 node OK >&7
	os_wait 10 is_in 2
	# what is not known is left alone
	rec fs2 sip UNKNOWN >&7
	rec fs3 sip OK false >&7
	os_wait 10 is_out 3
	is_in 2
	rec fs3 sip UNKNOWN >&7
	stays 1200 is_out 3
	rec fs3 sip OK >&7
	os_wait 10 is_in 3
}

case_guards() {
	st_start ctl1 --max-down 40
	{ all_well; rec fs1 sip CRITICAL; rec fs2 sip CRITICAL; alive; } >&7
	os_wait 10 is_out 1
	os_wait 10 heard ctl1.out 'fs2	held	.*at most 40%'
	rec fs3 sip CRITICAL >&7
	stays 1200 is_in 2
	is_in 3
	# said once
	[ "$(grep -c 'fs2	held' ctl1.out)" -le 12 ]
}

case_operator() {
	# what an operator disabled stays so
	os_wait 10 st_disable 1 1
	st_start ctl1 --settle 1s
	{ all_well; rec fs1 sip CRITICAL; alive; } >&7
	os_wait 10 is_out 1
	has_leases 4
	rec fs1 sip OK >&7
	os_wait 10 is ds 2 1 Active
	os_wait 10 is lb 3 1 yes
	stays 1200 is ds 1 1 Inactive
	is lb 1 1 no
	# what an operator enables under a lease is let go
	st_set 1 1 a 1 >/dev/null
	rec fs1 sip CRITICAL >&7
	os_wait 10 is_out 1
	os_wait 10 are_confirmed 6 # past what a late reply could be
	st_set 2 1 a 1 >/dev/null
	os_wait 10 heard ctl1.out 'sip2	dispatcher	.*	let-go	'
	os_wait 10 heard ctl1.out 'sip2	load_balancer	.*	let-go	'
	stays 1200 is ds 2 1 Active
	is ds 1 1 Inactive
	rec fs1 sip OK >&7
	os_wait 10 is_in 1
	os_wait 5 has_leases 0
}

case_dry_run() {
	local ask="$FP_BUILD/fp-health steer --dry-run"

	{ all_well; rec fs1 sip CRITICAL; alive; } >in
	# shellcheck disable=SC2086
	run -1 --separate-stderr $ask <in
	[ "$(grep -c '	disable	sip CRITICAL: said	yes$' <<<"$output")" = 6 ]
	is_in 1
	has_leases 0
	st_start ctl1
	cat in >&7
	os_wait 10 is_out 1
	# to what is done there is nothing to do, for anybody
	# shellcheck disable=SC2086
	run -0 --separate-stderr $ask --json <in
	[[ $output == *'"type":"summary","changed":false'* ]]
	# told up to the end of the input, without a word of life
	grep -v alive in >in2
	# shellcheck disable=SC2086
	run -0 --separate-stderr $ask <in2
	[ -z "$output" ]
}

case_killed() {
	st_start ctl1
	{ all_well; rec fs1 sip CRITICAL; rec fs2 sip CRITICAL; alive; } >&7
	os_wait 10 heard ctl1.out 'fs2	held'
	os_wait 10 is_out 1
	kill -s KILL "$st_pid"
	# another one comes: one of them is well again
	st_start ctl2
	{ all_well; rec fs2 sip CRITICAL; alive; } >&8
	is_out 1
	os_wait 15 is_in 1
	os_wait 10 is_out 2
	heard ctl2.out 'fs1	enable	'
	rec fs2 sip OK >&8
	os_wait 10 is_in 2
	os_wait 5 has_leases 0
}

case_take_over() {
	st_start ctl1
	{ all_well; rec fs1 sip CRITICAL; alive; } >&7
	os_wait 10 is_out 1
	kill -s KILL "$st_pid"
	st_start ctl2
	{ all_well; rec fs1 sip CRITICAL; alive; } >&8
	os_wait 15 heard ctl2.out 'fs1	take-over	.*ctl1'
	stays 3500 is_out 1
	[ "$(did ctl2 disable)" = 0 ]
	[ "$(pg_sql 'select distinct owner from fastpath.lease')" = ctl2 ]
	rec fs1 sip OK >&8
	os_wait 10 is_in 1
}

case_standby() {
	local first

	st_start ctl1
	first=$st_pid
	{ all_well; alive; } >&7
	rec fs1 sip CRITICAL >&7
	os_wait 10 is_out 1
	st_start ctl2
	{ all_well; rec fs1 sip CRITICAL; alive; } >&8
	os_wait 10 heard ctl2.err 'standby: .*ctl1'
	rec fs1 sip OK >&8 # nobody asks it
	stays 1200 is_out 1
	[ ! -s ctl2.out ]
	kill -s TERM "$first"
	wait "$first"
	heard ctl1.err 'stay disabled: their leases end within 3s'
	os_wait 15 is_in 1
	heard ctl2.err 'this controller steers'
}

case_db_frozen() {
	st_start ctl1
	{ all_well; alive; } >&7
	rec fs1 sip CRITICAL >&7
	os_wait 10 is_out 1
	pg_freeze
	rec fs1 sip OK >&7
	rec fs2 sip CRITICAL >&7
	os_wait 15 heard ctl1.err 'fp_db: .*everything stays as it is'
	is_out 1
	is_in 2
	pg_thaw
	os_wait 15 is_in 1
	os_wait 10 is_out 2
}

case_stale() {
	st_start ctl1
	{ all_well; rec fs1 sip CRITICAL; alive 700; } >&7
	os_wait 10 is_out 1
	os_wait 10 heard ctl1.err 'the watcher says nothing any more'
	# another controller, whose watcher lives, may have it
	st_start ctl2
	{ all_well; alive; } >&8
	os_wait 15 is_in 1
}

case_ambiguous() {
	sed -i '/^fs1 /a fs9 ansible_host=127.0.2.1 fp_sip=udp:127.0.2.1:5060' \
		cluster.ini
	st_start ctl1
	{ all_well; rec fs1 sip CRITICAL; rec fs9 sip CRITICAL; alive; } >&7
	rec fs2 sip CRITICAL >&7
	os_wait 10 is_out 2
	os_wait 10 heard ctl1.err 'sip1: sip:127.0.2.1:5060 leads to fs1 and to fs9 alike: left alone'
	stays 500 is_in 1
}

# A proxy that starts anew has forgotten; that is no operator's word.
case_restart() {
	st_start ctl1 --settle 1s
	{ all_well; alive; } >&7
	rec fs1 sip CRITICAL >&7
	os_wait 10 is_out 1
	sleep 2.5 # past what a late reply could be
	os_kill 2
	os_start 2
	declare -p os_pid os_peers OS_DIR | sed 's/^declare /&-g /' >"$ST_DIR/vars"
	os_wait 20 os_answers 2
	os_wait 15 is_out 1
	heard ctl1.out 'sip2	dispatcher	.*	disable	sip2 started anew'
	rec fs1 sip OK >&7
	os_wait 10 is_in 1
}

# A reply to a probe that was under way when the destination was disabled enables
# it again; OpenSIPS is told once more.
case_late_probe() {
	echo 'delay 1.5' >"$OS_DIR/peers/127.0.2.1"
	sleep 2
	st_start ctl1
	{ all_well; rec fs1 esl CRITICAL; alive; } >&7
	os_wait 20 heard ctl1.out '	again	a late probe reply'
	sleep 3
	stays 3000 is_out 1
	run ! heard ctl1.out let-go
}

# All of it: a watcher that sees a backend die, and come back.
case_watch() {
	local fs_pid n

	sed -i 's/^fs1 .*/& fp_esl=127.0.2.1:8021/' cluster.ini
	st_backend
	(
		exec 7>&- 8>&- 3>&- 4>&-
		"$FP_BUILD/fp-health" watch --json --interval 200ms -N fs1,fs2 \
			2>watch.err | tee watch.out
	) >ctl1.in &
	st_pids+=($!)
	st_start ctl1
	os_wait 10 heard watch.out '"type":"alive"'
	is_in 1
	kill -KILL "$fs_pid"
	os_wait 10 is_out 1
	stays 2000 is_out 1
	st_backend
	os_wait 10 is_in 1
	stays 2000 is_in 1
	n=$(did ctl1 disable)
	[ "$n" = 6 ]
	[ "$(did ctl1 enable)" = 6 ]
}
st_backend() {
	python3 "$OS_ROOT/test/fake/freeswitch" --ip 127.0.2.1 --sip 5070 \
		--name fs1 >>fs1.log 2>&1 3>&- 4>&- 7>&- 8>&- &
	fs_pid=$!
	st_pids+=("$fs_pid")
	os_wait 10 fs_is_up
}
fs_is_up() { (exec 9<>/dev/tcp/127.0.2.1/8021) 2>/dev/null; }
