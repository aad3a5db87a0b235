# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The play of drill.sh, step by step.
# shellcheck disable=SC2034,SC2154 # of what drill.sh has sourced

failover=$root/examples/failover/fp-failover

drill_down() {
	local rc=$?

	[ -n "${LAB_DIR-}" ] || exit $rc
	if [ -n "${KEEP-}" ]; then
		cp -r "$LAB_DIR" "${TMPDIR:-/tmp}/fp-drill.$$" 2>/dev/null
		echo "# logs: ${TMPDIR:-/tmp}/fp-drill.$$"
	fi
	stage_down
	exit $rc
}
# What servers, controllers and tools said last.
drill_logs() {
	local file

	for file in "$LAB_DIR"/{decide-*,sip?,fs?,attack,up}.log \
		"$stage"/{push.log,publish.log,rabbit.up} "$stage"/*.said; do
		[ -s "$file" ] || continue
		echo "# ---- ${file#"$LAB_DIR/"}"
		tail -n 15 "$file" | cut -c 1-300 | sed 's/^/#   /'
	done
}

# tool NAME HOST COMMAND...: it is to succeed; what it said is in NAME.said
tool() {
	local name=$1 host=$2

	shift 2
	on "$host" "$FP_BUILD/$1" "${@:2}" >"$stage/$name.said" 2>&1
}

# ---- the controllers

controllers_up() {
	serve power witness "$drill_src/power" serve \
		"$(cluster_addr witness)" "$LAB_DIR"
	for host in $CONTROLLERS; do
		controller_start "$host"
	done
	lab_wait 30 controllers_see
}
# Each sees by its own eyes, and by those of the two others.
controllers_see() {
	local host

	for host in $CONTROLLERS; do
		[ "$(grep -c 'observer [a-z0-9]* watches too' \
			"$LAB_DIR/decide-$host.log")" -ge 2 ] || return
	done
}
controller_start() {
	serve "decide-$1" "$1" env PATH="$FP_BUILD:$PATH" \
		FENCE="$drill_src/power off $(cluster_addr witness)" \
		OBSERVERS="$(controller_observers "$1")" \
		WATCH_OPTIONS="$WATCH_OPTIONS" HOLD=2s REJOIN=yes \
		RECOVER_OPTIONS="--to auto --lists $stage/lists" \
		REHOME_OPTIONS="--to auto --timeout 2s --lists $stage/lists" \
		unshare --uts bash -c 'hostname "$1"; "$2" 2>&1 |
			while IFS= read -r line; do
				echo "$(date +%s%3N) $line"
			done' bash "$1" "$failover"
}
controller_observers() {
	local host

	for host in $CONTROLLERS witness; do
		[ "$host" = "$1" ] || echo "$host"
	done | paste -sd,
}
# ---- the steps

step_up() {
	claim 'the stage is up' stage_up
	[ $is_good = 1 ] || exit 1
	mkdir -p "$stage/events"
	source test/drill/calls.bash
	for host in $EDGES; do
		tool activate ctl1 fp-rehome activate "$host"
	done
	claim 'policy is pushed, and the attack begins' attack_up
	claim '200 calls are up' calls_up
	claim 'the controllers watch' controllers_up
}

# judge NAME [again]: of the event; all are told, once, and nobody else.  again: who
# had been asked when a controller died is asked again by the next, to the same end.
judge() {
	local once='.twice + .again == []' what

	[ -z "${2-}" ] || once='.twice == []'
	event_end
	claim "$1: every call goes on" event_is '.untold == []'
	claim "$1: no call is moved twice" event_is "$once"
	claim "$1: no other call is touched" event_is '.others == []'
	claim "$1: both ends hear each other" event_heard
	for what in untold twice others deaf; do
		event_says $what
	done
}

step_edge_dies() {
	calls_of_edge sip1 >"$stage/of-sip1"
	event_begin "kill -9 sip1 (edge)" "$stage/of-sip1"
	edge_kill sip1
	lab_wait 40 event_told
	decided=$(jq '.silence_ms[0] // 10000' "$event.json")
	judge 'sip1 is killed'
	# policy goes on meanwhile
	echo 203.0.113.128/26 >>"$stage/lists/apiban.list"
	claim 'policy is pushed meanwhile' attack_push
	attack_kinds 'flood 203.0.113.* 198.18.7.1' 'flood 203.0.113.130' \
		'scan 198.18.1.*' 'junk 198.18.2.*'
}

# Its calls came through sip1, too, which their rows name and which is down still.
step_switch_dies() {
	calls_of_switch fs2 >"$stage/concerned"
	event_begin 'kill -9 fs2 (media)' "$stage/concerned"
	switch_kill fs2
	lab_wait 40 event_told
	judge 'fs2 is killed'
	claim 'a ban goes by RabbitMQ to all edges' attack_ban 198.18.7.2
	attack_kinds 'flood 203.0.113.* 198.18.7.1 198.18.7.2' \
		'flood 203.0.113.130' 'scan 198.18.1.*' 'junk 198.18.2.*'
	claim 'fs2 is back' switch_start fs2
	orders=$(powered_off)
}

# As a boot does: the filter, then SIP; the controllers give it its tags.
step_edge_back() {
	event_begin 'sip1 is back' "$stage/of-sip1" planned
	attack_paused attack_reset sip1
	claim 'sip1 filters before it takes SIP' filter_up sip1
	claim 'sip1 is up' edge_start sip1
	lab_wait 30 event_told
	judge 'sip1 is back'
}

# Nothing is moved while links between living ones are cut: ctl2 is cut off from all,
# and ctl1 from sip3 alone, which the witness still sees.
step_links_cut() {
	local jobs

	: >"$stage/concerned"
	event_begin 'ctl2 cut off, ctl1 from sip3' "$stage/concerned"
	jobs=$(jobs_begun)
	cluster_cut -s ctl2
	neighbour ctl1 sip3 off
	lab_wait 20 controller_says ctl1 'observer ctl2 is gone'
	# as long again as a death takes to be decided
	lab_wait $((decided > 8000 ? 8 : decided / 1000 + 1)) false
	claim 'cut links: no job has begun' test "$(jobs_begun)" = "$jobs"
	claim 'cut links: no power is cut' test "$(powered_off)" = "$orders"
	neighbour ctl1 sip3 on
	cluster_heal ctl2
	event_end
	claim 'cut links: no call is touched' event_is '.others == []'
	lab_wait 30 controllers_see_again
}
controllers_see_again() {
	[ "$(grep -c 'observer ctl2 watches too' "$LAB_DIR/decide-ctl1.log")" \
		-ge 2 ]
}
controller_says() { grep -qs "$2" "$LAB_DIR/decide-$1.log"; }
jobs_begun() { pg_sql 'select count(*) from fastpath.job'; }
powered_off() { grep -c '' "$stage/power" 2>/dev/null || :; }
# neighbour HOST OTHER on|off: what HOST sends to OTHER goes nowhere
neighbour() {
	local at

	at=$(cluster_addr "$2")
	case $3 in
	off) on "$1" ip neigh replace "$at" dev net0 \
		lladdr 02:00:00:00:ff:ff nud permanent ;;
	on) on "$1" ip neigh del "$at" dev net0 ;;
	esac
}

# An edge dies, and the controller that moves its calls dies amid it, with its host.
step_controller_dies() {
	local owner first

	calls_of_edge sip2 >"$stage/concerned"
	event_begin 'kill -9 sip2, and its controller' "$stage/concerned"
	invites 5 &
	first=$!
	edge_kill sip2
	lab_wait 30 job_runs sip2
	owner=$(job_owner sip2)
	wait $first
	# shellcheck disable=SC2046 # pids
	kill -s KILL $(cluster_pids "$owner") 2>/dev/null
	event_look
	say "$owner is killed with $(jq .told "$event.json") of" \
		"$(jq .concerned "$event.json") calls moved"
	lab_wait 60 event_told
	judge 'sip2 and its controller are killed' again
	say "asked again: $(jq '.again | length' "$event.json")"
	event_begin 'sip2 and the controller are back' "$stage/concerned" planned
	claim 'sip2 is up' edge_start sip2
	cluster_start_sshd "$owner"
	mv "$LAB_DIR/decide-$owner.log" "$LAB_DIR/decide-$owner-before.log"
	controller_start "$owner"
	lab_wait 40 event_told
	judge 'sip2 is back'
}
# invites N: until so many have come to the ends
invites() {
	on ends timeout 40 tcpdump -p -n -i net0 -c "$1" --immediate-mode \
		'src net 192.0.2.0/24 and udp[8:4] = 0x494e5649' >/dev/null 2>&1
}
job_runs() { [ -n "$(job_owner "$1")" ]; }
# job_owner NODE: the controller that has begun its failover
job_owner() {
	pg_sql "select substring(owner from '@(ctl[12])') from fastpath.job
		where node = '$1' and verb = 'failover' and
		started > to_timestamp($event_at / 1000.0)"
}

step_end() {
	attack_end
	for host in $EDGES; do
		claim "$host: filters have counted what was sent" \
			attack_judge "$host"
	done
	claim 'no packet of the attack reached a SIP server' \
		test "$(attack_reached)" = 0
	claim 'all is well (fp-health check)' lab_wait 30 all_is_well
	lab_wait 5 no_job
	: >"$stage/none"
	event_begin 'jobs that were left are aborted' "$stage/none" planned
	claim 'jobs that controllers have left are aborted by hand' jobs_end
	event_end
	claim 'and that touches no call' event_is '.others == []'
	claim 'one policy on every edge' one_policy
	claim 'nodes are in step (fp-sync compare)' tool compare ctl1 \
		fp-sync compare --lists "$stage/lists" -N edge
	claim 'OpenSIPS have the same calls' tool rehome-compare ctl1 \
		fp-rehome compare sip1 sip2
	bye_at=$(ms)
	calls_end
	"$drill_src/wire.py" byes "$LAB_DIR/wire.pcap" "$bye_at" \
		>"$stage/byes"
	say "BYE: $(cut -d ' ' -f 2,3 "$stage/byes" | sort | uniq -c | xargs)"
	claim 'all 200 calls were alive: a BYE of either end is answered by the other' \
		all_alive
}
all_is_well() {
	on ctl1 "$FP_BUILD/fp-health" check --lists "$stage/lists" --quiet \
		>"$stage/health.said" 2>&1
}
# The next controller may have made a job of its own of the same node, when the first
# one had the lock still; then the first one's is left.  Its calls have been moved, so
# that it is not resumed, which would ask their ends once more.
jobs_end() {
	local id tool what

	pg_sql "select id, tool, verb, node from fastpath.job
		where ended is null" |
		tr '|' ' ' >"$stage/left"
	while read -r id tool what; do
		say "left: $tool $what, $id"
		tool "end-$id" ctl1 "$tool" abort "$id" </dev/null
	done <"$stage/left"
	no_job
}
no_job() {
	[ "$(pg_sql 'select count(*) from fastpath.job where ended is null')" = 0 ]
}
decisions() {
	local host

	say 'decisions, seconds from the first kill:'
	for host in $CONTROLLERS; do
		cat "$LAB_DIR/decide-$host"*.log |
			sed -n "s/^\([0-9]*\) fp-failover: /\1 $host: /p"
	done | sort -n | awk -v from="$(head -n 1 "$stage"/events/10.at)" '{
		t = ($1 - from) / 1000
		sub(/^[0-9]+ /, "")
		printf "#  %6.1f %s\n", t, $0 }'
}
one_policy() {
	on ctl1 "$FP_BUILD/fp-sync" status --lists "$stage/lists" -N edge \
		-o node,policy,in_step --quiet >"$stage/status.said" 2>&1
	sed 's/^/#   /' "$stage/status.said"
	[ "$(cut -f 2 "$stage/status.said" | sort -u | wc -l)" = 1 ] &&
		[ "$(wc -l <"$stage/status.said")" = 3 ]
}
all_alive() {
	[ "$(awk '$3 == 200' "$stage/byes" | wc -l)" = 200 ] &&
		! awk '$3 != 200' "$stage/byes" | grep . && calls_are 0 0
}

step_up
step_edge_dies
step_switch_dies
step_edge_back
step_links_cut
step_controller_dies
step_end
decisions
table
attack_table
echo "1..$n_claims"
[ $is_good = 1 ]
