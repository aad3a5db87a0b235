# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Cases of fp-rehome that run alike with the stand-in (test/bats/fp-rehome*.bats)
# and with real OpenSIPS (test/real/opensips-rehome.bats): nodes with held calls
# (test/lab/rehome.bash) and a PostgreSQL.
# shellcheck disable=SC2034,SC2154 # bats' variables

RR_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=test/lab/rehome.bash
source "$RR_SOURCE/../lab/rehome.bash"
# shellcheck source=test/lab/postgres.sh
source "$RR_SOURCE/../lab/postgres.sh"
# shellcheck source=test/bats/say.bash
source "$RR_SOURCE/../bats/say.bash"

rr_setup_file() {
	[ -n "${FP_TEST_BPFFS-}" ] && [ "$(id -u)" = 0 ] ||
		skip 'needs root and test/run'
	[ -x "$FP_BUILD/fp-rehome" ] || skip 'fp-rehome is not built'
	command -v sipp >/dev/null || skip 'no sipp'
	unset SUDO_USER FP_CLUSTER FP_STATE
	pg_up
	printf '[all:vars]\nfp_db="%s"\n' "$PG_DB" >"$BATS_FILE_TMPDIR/db.ini"
	"$FP_BUILD/fp-health" setup -C "$BATS_FILE_TMPDIR/db.ini" \
		--admin "$PG_ADMIN" --role ctl >/dev/null
}
rr_teardown_file() { pg_down; }

rr_setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export FP_CLUSTER=$PWD/cluster.ini FP_STATE=$PWD/state
	mkdir -p state other
	pg_sql 'truncate fastpath.maintenance, fastpath.journal, fastpath.job' 2>/dev/null || :
	rr_pids=()
}
rr_teardown() {
	local pid

	for pid in "${rr_pids[@]}"; do
		kill -s KILL "$pid" 2>/dev/null || :
	done
	rh_down
}

# rr_up CALLS [OPTION...]: of rh_up; CALLS by way of node 1.
rr_up() {
	local n=$1

	shift
	rr_nodes "$@" && rh_cluster "$FP_CLUSTER" db="$PG_DB" || return
	[ "$n" = 0 ] || rh_calls "$n"
}

# Real ones that start together are one in seven times left with a link that is not Up
# for minutes: they are started anew..
rr_nodes() {
	rh_up "$PWD/os" "$@" && return
	os_is_real || return
	rh_down
	rm -rf os
	rh_up "$PWD/os" "$@"
}

# fr STATUS ARG...: fp-rehome; stdout in $output, stderr in $stderr
fr() {
	local status=$1

	shift
	run --separate-stderr "-$status" "$FP_BUILD/fp-rehome" "$@" || {
		printf '%s\n' "$stderr" "$output"
		return 1
	}
}
# fr_begin ARG...: in the background; out, err are files.  fr_end STATUS: its end.
fr_begin() {
	"$FP_BUILD/fp-rehome" "$@" >out 2>err 3>&- 4>&- &
	rr_pid=$!
	rr_pids+=("$!")
}
fr_end() {
	local rc=0

	wait "$rr_pid" || rc=$?
	output=$(<out) stderr=$(<err)
	[ "$rc" = "$1" ] || {
		printf 'exit %s, not %s\n%s\n%s\n' "$rc" "$1" "$stderr" "$output"
		return 1
	}
}

# verdicts: "gone 1 moved 19", of $output
verdicts() {
	cut -f 2 <<<"$output" | sort | uniq -c | awk '{ print $2, $1 }' | xargs
}
# job: the last one, of $stderr
job() { grep -oE 'job [0-9]{8}-[0-9]{6}-[a-z0-9-]+' <<<"$stderr" | tail -n 1 | cut -d ' ' -f 2; }
# state JOB: of fp_db
state() { pg_sql "select state from fastpath.job where id = '$1'"; }
# summary: the JSON summary's member
summary() { jq -rs ".[-1].$1" <<<"$output"; }
# invited N: so many re-INVITEs came to the callers
invited() { [ "$(rh_invites uac | wc -l)" -ge "$1" ]; }
# twice: calls that had more than one re-INVITE, at the end that was asked first
twice() {
	rh_invites uac | awk '{ n[$1]++ }
		END { for (c in n) if (n[c] > 1) print c }' | sort
}
# at END ADDRESS: the calls whose last re-INVITE there had that address
at() {
	rh_invites "$1" | awk -v a="$2" '{ last[$1] = $2 }
		END { for (c in last) if (last[c] == a) n++; print n + 0 }'
}
# are_gone: no node that lives has a call any more
are_gone() {
	local i

	for i in $(rh_alive); do
		[ "$(rh_count "$i")" = 0 ] || return
	done
}
# owns TAG NODE
owns() { os_wait 5 rh_tag_is "$1" "$2"; }

# ---- the main road

case_failover() { # CALLS
	local n=${1:-20} half ids

	rr_up "$n"
	rh_kill 1
	fr 1 failover sip1 --to sip2 --dry-run
	same "$(cut -f 1,3,5 <<<"$output" | xargs)" \
		'sip1.0 sip2 planned sip1.1 sip2 planned'
	same "$(rh_owner sip1.0)$(rh_owner sip1.1)" ''
	# what a node has that is not in the file is not the dead one's
	grep -v '^sip3' "$FP_CLUSTER" >two.ini
	fr 1 failover sip1 --to sip2 --dry-run -C two.ini
	same "$(cut -f 1 <<<"$output" | xargs)" 'sip1.0 sip1.1'
	hints 'node 3 of the cluster is not in the cluster file'
	fr 0 failover sip1 --to sip2
	same "$(verdicts)" "moved $n"
	hints "2 tags given, $n calls moved, 0 had ended"
	same "$(state "$(job)")" 'done'
	owns sip1.0 2
	owns sip1.1 2
	rh_moved 127.0.1.2
	fr 0 failover sip1 --to sip2 --json
	same "$(summary changed)" false
	same "$(rh_invites uac | wc -l)" "$n"
	mapfile -t ids < <(rh_held)
	half=$((n / 2))
	rh_bye uac "${ids[@]:0:half}"
	rh_bye uas "${ids[@]:half}"
	[[ $(rh_fate "${ids[0]}") == *'uas peer 127.0.1.2'* ]]
	[[ $(rh_fate "${ids[half]}") == *'uac peer 127.0.1.2'* ]]
	os_wait 10 are_gone
}

# rr_mute NODE: as a power cut would: nothing refuses what is asked.
rr_mute() {
	: >"$OS_DIR/$1/dead"
	os_signal STOP "$1"
}

# Several targets: each call goes where its tag went.  What is mute costs its time
# once, not once a tag.
case_spread() { # rh_kill|rr_mute
	local to began

	rr_up 20 --tags 4
	"${1:-rh_kill}" 1
	began=$SECONDS
	fr 0 failover sip1 --to auto --json --timeout 3s
	((SECONDS - began < 15))
	same "$(summary moved)" 20
	same "$(jq -r 'select(.type == "tag" and .state == "given").to' \
		<<<"$output" | sort | uniq -c | awk '{ print $1 }' | xargs)" '2 2'
	for to in 2 3; do
		same "$(at uac 127.0.1.$to) $(at uas 127.0.1.$to)" \
			"$(jq -rs "map(select(.type == \"call\" and .to == \"sip$to\")) |
				\"\\(length) \\(length)\"" <<<"$output")"
	done
	same "$(twice)" ''
	# another dies, which had tags of the first
	rh_kill 2
	fr 0 failover sip2 --to sip3
	same "$(at uac 127.0.1.3) $(at uas 127.0.1.3)" '20 20'
	same "$(rh_owner sip1.0)$(rh_owner sip1.1)$(rh_owner sip1.2)" 333
}

# A node that lives is not failed over.
case_alive() {
	rr_up 4
	fr 5 failover sip1 --to sip2
	hints 'refused by rule alive: sip1: '
	same "$(rh_owner sip1.0) $(rh_owner sip1.1)" '1 1'
	same "$(rh_invites uac)" ''
	same "$(pg_sql 'select count(*) from fastpath.job')" 0
	fr 2 failover sip1 --to sip1
	hints '--to sip1: that is the node itself'
	fr 2 failover sip1
	hints 'failover: which node gets them? (--to)'
	fr 2 failover nosuch --to sip1
	hints 'nosuch: no such node in'
}

# What endpoints answer, and what resume asks again.
case_verdicts() {
	local id

	rr_up 0
	rh_calls 4
	rh_calls 1 c491
	rh_calls 1 c488
	rh_calls 1 c481
	rh_calls 1 silent
	rh_calls 1 ok nosdp
	rh_calls 1 slow3
	rh_calls 1 once491
	rh_kill 1
	fr 3 failover sip1 --to sip2 --retries 1 --rate max
	same "$(verdicts)" 'failed 1 gone 1 moved 6 refused 2 silent 1'
	id=$(job)
	same "$(state "$id")" stopped
	hints "fp-rehome resume $id asks again what is silent or failed"
	# a second one goes on with that job; what moved is not asked again
	fr 3 failover sip1 --to sip2 --retries 1
	same "$(verdicts)" 'done 6 failed 1 gone 1 refused 2 silent 1'
	same "$(job)" "$id"
	fr 3 resume "$id" --retries 1
	same "$(cut -f 2 <<<"$output" | grep -c "done")" 6
	same "$(cut -f 2 <<<"$output" | grep -c 'failed\|silent')" 2
	# asked twice are callers that did not move at once, but refused ones
	same "$(rh_users | grep -Ff <(twice) | awk '{ print $3 }' | cut -d - -f 1 | sort | xargs)" \
		'c491 once491 silent'
}

case_drain() {
	local id

	rr_up 20
	fr 5 drain sip1 --to sip2 --tag sip1.0,sip1
	hints 'refused by rule tag: no node knows the tag sip1'
	fr 5 drain sip1 --to sip2 --tag sip2.0
	hints "refused by rule active: tag sip2.0 is sip2's, not sip1's"
	fr 3 drain sip1 --to sip2 --tag sip1 --override tag
	hints 'sip1 is not empty: it owns 2 tags with 20 calls'
	fr 5 preflight sip1 --to sip2 --tag sip1
	hints 'refused by rule tag: no node knows the tag sip1'
	fr 1 drain sip1 --to sip2,sip3 --dry-run
	same "$(rh_owner sip1.0) $(rh_owner sip1.1)" '1 1'
	fr 0 drain sip1 --to sip2,sip3 --why 'a new kernel'
	same "$(verdicts)" 'moved 20'
	hints 'sip1 is empty'
	id=$(job)
	same "$(state "$id")" 'done'
	same "$(pg_sql "select node || ': ' || why from fastpath.maintenance")" \
		"sip1: fp-rehome drain $id"
	same "$(at uac 127.0.1.1)" 0
	same "$(twice)" ''
	fr 0 drain sip1 --to sip2,sip3 --json
	same "$(summary changed)" false
	hints 'sip1 is empty: it owns no tag'
	# new calls that it made meanwhile are signalled through it
	rh_calls 4
	fr 0 drain sip1 --to sip2,sip3
	hints 'sip1 is empty'
	same "$(at uac 127.0.1.2)$(at uas 127.0.1.1)" "$(at uas 127.0.1.2)0"
	same "$(($(at uac 127.0.1.2) + $(at uac 127.0.1.3)))" 24
	# and those that come when it dies
	rh_calls 2
	rh_kill 1
	fr 0 failover sip1 --to sip2,sip3
	same "$(verdicts)" 'moved 2'
	same "$(($(at uac 127.0.1.2) + $(at uac 127.0.1.3)))" 26
	rh_bye uac
}

# A drain that was killed, and then its node died: both ways on lead to the end, and
# what one did the other does not do again.
case_drain_dies() {
	local id

	rr_up 12
	fr_begin drain sip1 --to sip2 --rate 6 --override new-calls
	os_wait 15 invited 2
	kill -s KILL "$rr_pid"
	wait "$rr_pid" || :
	id=$(pg_sql 'select id from fastpath.job')
	rh_kill 1
	fr 0 failover sip1 --to sip2
	hints "job $id of sip1 has not ended (stopped): fp-rehome resume $id"
	same "$(at uac 127.0.1.2) $(at uas 127.0.1.2)" '12 12'
	fr 0 resume "$id" --dry-run --json
	same "$(summary changed) $(summary calls)" 'false 0'
	fr 0 resume "$id"
	hints 'sip1 does not answer: its drain goes on as failover'
	same "$(verdicts)" 'done 12'
	[ "$(twice | wc -l)" -le 8 ] # what was under way
	same "$(state "$id")" 'done'
}

# What the endpoints agreed on since the call's set-up goes with it.
case_refresh() {
	rr_up 6
	rh_reinvite uas
	os_wait 5 invited 6
	# what is true no more after its wait refuses it
	fr_begin drain sip1 --to sip2
	os_wait 10 grep -q 'waiting until no new calls' err
	"$FP_BUILD/fp-health" maintain sip2 --for 2h --why x
	fr_end 5
	hints 'refused by rule maintenance: sip2: '
	same "$(rh_owner sip1.0) $(rh_owner sip1.1)" '1 1'
	"$FP_BUILD/fp-health" maintain sip2 --end
	fr 0 resume "$(job)"
	same "$(rh_invites uac | awk '$2 == "127.0.1.2"' | grep -c ' 9 IN ')" 6
}

case_new_calls() {
	rr_up 6
	RH_CPS=2 rh_sipp_calls 9 60 ok ok # for half a minute
	fr 5 drain sip1 --to sip2 --wait 4s
	hints 'refused by rule new-calls: sip1: new calls still come to it'
	same "$(rh_owner sip1.0)" 1
	same "$(state "$(job)")" stopped
	# lifted: they are moved as they come, for as long as it is said
	SECONDS=0
	fr 3 drain sip1 --to sip2 --wait 3s --override new-calls
	[ "$SECONDS" -ge 3 ]
	hints 'still are moved as they come up, until --wait is over'
	hints 'empty: no: new calls came while it was drained'
}

case_balance() {
	rr_up 20 --tags 4
	fr 1 balance --dry-run
	same "$(rh_invites uac)" ''
	fr 0 balance --json
	same "$(summary changed)" true
	[ "$(at uac 127.0.1.2)" -gt 0 ]
	[ "$(at uac 127.0.1.3)" -gt 0 ]
	same "$(at uac 127.0.1.2) $(at uac 127.0.1.3)" \
		"$(at uas 127.0.1.2) $(at uas 127.0.1.3)"
	fr 0 balance --json
	same "$(summary changed)" false
}

case_take() {
	local id tag

	rr_up 4
	id=$(rh_held | head -n 1)
	fr 1 take "$id" --to sip2 --dry-run
	# shellcheck disable=SC2046 # words
	fr 1 take $(rh_held) --to sip2 --dry-run --json
	same "$(summary calls)" 4
	fr 0 take "$id" --to sip2
	same "$(verdicts)" 'moved 1'
	tag=$(cut -f 5 <<<"$output")
	same "$(rh_owner "$tag")" 1
	hints "its tag $tag stays: timeouts and pings are sip1's still"
	same "$(rh_invites uas | cut -d ' ' -f 1,2)" "$id 127.0.1.2"
	# what was taken is the taker's, too
	fr 1 drain sip2 --to sip3 --dry-run
	same "$(awk -v t="$tag" '$1 == t' <<<"$output" | xargs)" \
		"$tag sip1 sip1 1 planned -"
	rh_kill 2
	fr 0 failover sip2 --to sip3
	same "$(rh_invites uas | cut -d ' ' -f 1,2 | xargs)" \
		"$id 127.0.1.2 $id 127.0.1.1"
	rh_restart 2
	rh_kill 1
	os_wait 10 rh_is_lost 1
	fr 5 take "$(rh_held | tail -n 1)" --to sip2
	hints 'refused by rule owner: '
	hints 'failover is for those'
	fr 2 take nosuch --to sip2
	hints 'nosuch: sip2 has no such dialog'
}

# ---- two at once

case_two() {
	local id n

	rr_up 20
	rh_kill 1
	# slow enough for all that follows
	fr_begin failover sip1 --to sip2 --rate 1
	os_wait 15 invited 2
	fr 4 failover sip1 --tag sip1.0,sip1.1 --to sip3 --override active
	hints 'lock "rehome tag:sip1.0" is held '
	FP_STATE=$PWD/other fr 4 failover sip1 --tag sip1.0,sip1.1 --to sip3 \
		--override active
	hints 'lock "rehome tag:sip1.0" is held '
	id=$(pg_sql "select id from fastpath.job where state = 'running'")
	fr 4 resume "$id" --dry-run
	hints "job $id is running"
	kill -s INT "$rr_pid"
	fr_end 4
	n=$(cut -f 2 <<<"$output" | grep -c moved)
	fr 0 resume "$id"
	same "$(verdicts)" "done $n moved $((20 - n))"
	rh_moved 127.0.1.2
}

case_stopped() {
	local id

	rr_up 30
	rh_kill 1
	fr_begin failover sip1 --to sip2 --rate 15
	os_wait 15 invited 5
	kill -s STOP "$rr_pid"
	id=$(pg_sql 'select id from fastpath.job')
	pg_sql "select pg_terminate_backend(pid) from pg_stat_activity
		where application_name like '%rehome%'" >/dev/null
	sleep 1 # what is late is so after 2 s
	FP_STATE=$PWD/other fr 0 resume "$id" --rate max
	sleep 0.5
	kill -s CONT "$rr_pid"
	fr_end 4
	# what was under way, and what fp_db was not told
	[ "$(twice | wc -l)" -le 5 ]
	same "$(state "$id")" 'done'
}

# ---- what goes wrong

# Ends that accept what the dead one asked wait for an ACK that never comes, and are
# asked by the next.
case_target_dies() {
	local id

	rr_up 14
	rh_calls 3 slow3
	rh_calls 3 ok slow3
	rh_kill 1
	fr_begin failover sip1 --to sip2 --rate 10
	os_wait 15 invited 6
	os_wait 15 are_amid
	rh_kill 2
	fr_end 4
	id=$(job)
	same "$(state "$id")" stopped
	hints "fp-rehome resume $id goes on with it"
	# what is refused changes nothing: it is sip2's still
	"$FP_BUILD/fp-health" maintain sip3 --for 2h --why x
	fr 5 resume "$id" --to sip3
	hints 'refused by rule maintenance: sip3: '
	"$FP_BUILD/fp-health" maintain sip3 --end
	fr 4 resume "$id"
	hints 'sip2 does not answer'
	os_wait 5 are_settled
	fr 0 resume "$id" --to sip3
	owns sip1.0 3
	owns sip1.1 3
	same "$(state "$id")" 'done'
	same "$(at uac 127.0.1.3) $(at uas 127.0.1.3)" '20 20'
}
# Slow ends that have not answered yet.
amid() {
	{
		rh_log uac
		rh_log uas
	} | awk '$1 == "waits" { n[$2 $3]++ } $1 == "accepted" { n[$2 $3]-- }
		END { for (c in n) if (n[c] > 0) print c }'
}
are_amid() { [ -n "$(amid)" ]; }
are_settled() { [ -z "$(amid)" ]; }

case_source_returns() {
	rr_up 20
	rh_kill 1
	fr_begin failover sip1 --to sip2 --rate 4
	os_wait 15 invited 2
	rh_restart 1
	fr_end 0
	hints 'sip1 answers again, and owns none of these tags'
	same "$(verdicts)" 'moved 20'
	rh_moved 127.0.1.2
}

case_stolen() {
	local id n

	rr_up 20
	rh_kill 1
	fr_begin failover sip1 --to sip2 --rate 5
	os_wait 15 invited 3
	rh_mi 3 clusterer_shtag_set_active '{"tag":"sip1.1/1"}'
	fr_end 5
	hints "tag sip1.1 is not sip2's any more: sip3 has it active"
	id=$(job)
	same "$(state "$id")" stopped
	n=$(rh_invites uac | wc -l)
	fr 5 resume "$id"
	hints "tag sip1.1 is sip3's by now: somebody moved it since"
	same "$(rh_invites uac | wc -l)" "$n"
	rh_activate 2 sip1.1
	fr 0 resume "$id"
	rh_moved 127.0.1.2
}

case_no_tag() {
	rr_up 4
	rh_kill 1
	os_wait 10 rh_is_lost 1
	fr 5 failover sip1 --tag nosuch.0 --to sip2
	hints 'refused by rule tag: '
	[[ $(rh_mi 2 clusterer_list_shtags) != *nosuch* ]]
}

case_db_away() {
	rr_up 4
	rh_kill 1
	pg_stop
	fr 5 failover sip1 --to sip2 --timeout 2s
	hints 'refused by rule lock: '
	same "$(rh_invites uac)" ''
	fr 0 failover sip1 --to sip2 --timeout 2s --override lock
	same "$(verdicts)" 'moved 4'
	pg_start
}

case_db_goes() {
	rr_up 20
	rh_kill 1
	fr_begin failover sip1 --to sip2 --rate 8
	os_wait 15 invited 3
	pg_stop
	sleep 1
	pg_start
	fr_end 0
	same "$(verdicts)" 'moved 20'
	rh_moved 127.0.1.2
	same "$(state "$(job)")" 'done'
	# for good
	RH_VIA=2 rh_calls 12
	fr_begin drain sip2 --to sip3 --rate 2 --timeout 1s --override new-calls
	os_wait 15 grep -q 'given, sip2 to sip3' err
	pg_stop
	fr_end 4
	hints 'fp_db is away for '
	pg_start
}

case_signal() {
	local id n

	rr_up 20
	rh_kill 1
	fr_begin failover sip1 --to sip2 --rate 5
	os_wait 15 invited 3
	kill -s INT "$rr_pid"
	fr_end 4
	id=$(job)
	hints "fp-rehome resume $id goes on with it"
	same "$(state "$id")" stopped
	n=$(cut -f 2 <<<"$output" | grep -c moved)
	same "$(rh_invites uac | wc -l)" "$n"
	fr 0 resume "$id"
	same "$(verdicts)" "done $n moved $((20 - n))"
	rh_moved 127.0.1.2
}

# kill -9 after so many re-INVITEs (0: as soon as its job is there), then resume: from
# here, or (other) from another controller.
killed_at() { # RE-INVITES STATE
	local id before

	fr_begin failover sip1 --to sip2 --rate 20
	if [ "$1" = 0 ]; then
		os_wait 15 has_job
	else
		os_wait 15 invited "$1"
	fi
	kill -s KILL "$rr_pid"
	wait "$rr_pid" || :
	id=$(pg_sql "select id from fastpath.job where state <> 'done'")
	# what each of them knows: here also what fp_db was not told yet
	before=$(pg_sql "select substr(item, 6) from fastpath.journal
		where item like 'call:%' and state = 'moved' and job = '$id'")
	[ ! -e "$2/jobs/$id.jsonl" ] ||
		before+=$'\n'$(grep '"moved"' "$2/jobs/$id.jsonl" |
			grep -o 'call:[^"]*' | cut -c 6-)
	FP_STATE=$PWD/$2 fr 0 resume "$id" --rate max
	# what was written as moved was not asked again
	same "$(sort -u <<<"$before" | comm -12 - <(twice))" ''
	# what was under way is asked again: the window
	[ "$2" = other ] || [ "$(twice | wc -l)" -le 8 ]
	same "$(at uac 127.0.1.2) $(at uas 127.0.1.2)" '20 20'
	same "$(state "$id")" 'done'
}
has_job() { [ "$(pg_sql "select count(*) from fastpath.job where state <> 'done'")" = 1 ]; }

case_killed() { # RE-INVITES STATE
	rr_up 20
	rh_kill 1
	os_wait 10 rh_is_lost 1
	killed_at "$@"
}
