# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Cases of fp-rehome join and activate, as those of rehome.bash.
# shellcheck disable=SC2154 # bats' variables

# shellcheck source=test/real/rehome.bash
source "${BASH_SOURCE[0]%/*}/rehome.bash"

# edges ARG...: parts of lib/rehome, by hand.
edges() { "$FP_BUILD/test/prog/edges" -t 2000 "$FP_CLUSTER" "$@"; }
# cond NODE NAME: "STATE VALUE" of a condition in $output
cond() { awk -F'\t' -v n="$1" -v c="$2" '$1 == n && $2 == c { print $3, $4; exit }' <<<"$output"; }
tags_of() { # NODE: that are active there
	rh_mi "$1" clusterer_list_shtags |
		grep -oE '"Tag":"[^"]*","Cluster":1,"State":"active"' |
		cut -d '"' -f 4 | sort | xargs
}
signs() { edges signs | awk -v n="$1" '$1 == n { print $2, $3 }'; } # NODE
signs_are() { [ "$(signs "$1")" = "$2" ]; }                         # NODE TEXT

# lose_and_restart NODE: not before the others said that it is down: what comes back
# sooner was never away to them.
lose_and_restart() {
	! rh_is_alive "$1" || rh_kill "$1"
	if os_is_real; then
		os_wait 20 says_down 1 "$1" && os_wait 20 says_down 2 "$1"
	fi
	rm -f "$OS_DIR/$1/pid" "$OS_DIR/$1/fifo"
	rh_start "$1"
	os_wait 20 rh_answers "$1"
}
says_down() { # NODE OTHER
	[[ $(rh_mi "$1" sr_list_reports '{"group":"clusterer","identifier":"node_states"}') == *"Node [$2], cluster [1] is DOWN"* ]]
}

case_first_start() {
	rr_up 0 --cold
	fr 1 activate sip1 --dry-run
	same "$(cut -f 1,3,5 <<<"$output" | xargs)" \
		'sip1.0 sip1 planned sip1.1 sip1 planned'
	same "$(tags_of 1)" ''
	fr 0 activate sip1
	same "$(cut -f 1,3,5 <<<"$output" | xargs)" \
		'sip1.0 sip1 given sip1.1 sip1 given'
	same "$(tags_of 1)" 'sip1.0 sip1.1'
	fr 0 activate sip1 --json
	same "$(summary changed)" false
	fr 0 activate sip2 --tag sip2.1,sip2.9 --override tag
	same "$(tags_of 2)" sip2.1
	same "$(edges own sip3)" 'sip3.0 sip3.1'
	# the cluster file may name them
	rh_cluster "$FP_CLUSTER" 'fp_tags="sip2.0, sip3.0"'
	same "$(edges own sip3)" 'sip2.0 sip3.0'
	# one that exists nowhere
	fr 5 activate sip1 --tag sip1.9
	hints '*rule tag*does not know the tag sip1.9*'
	[[ $(rh_mi 1 clusterer_list_shtags) != *sip1.9* ]]
	[[ $(rh_mi 2 clusterer_list_shtags) != *sip2.9* ]]
}

case_restart() {
	local link=()

	# of real ones on a busy machine a link may stay Probe for minutes
	! os_is_real || link=(--override link)
	rr_up 6
	rh_kill 3
	fr 4 join sip3 --wait 0s
	hints '*sip3 does not answer*'
	lose_and_restart 3
	fr 0 join sip3 --wait 40s "${link[@]}"
	same "$(cond sip3 dialogs)" 'ok 6 of 6'
	same "$(cond sip3 sync)" 'ok 6 chunks'
	same "$(cond sip3 tags)" 'ok 6 backup, 0 active'
	hints '*sip3 is in step*'
	fr 0 activate sip3 "${link[@]}"
	same "$(tags_of 3)" 'sip3.0 sip3.1'
	fr 0 activate sip3 --json "${link[@]}"
	same "$(summary changed)" false
	same "$(rh_count 1) $(rh_count 2) $(rh_count 3)" '6 6 6'
}

# Its reports tell: no command made it so.
case_active() {
	rr_up 0 --cold --active
	fr 5 join sip1 --wait 0s
	hints '*rule active*'
	[[ $(cond sip1 tags) == 'refuse sip1.'* ]]
	fr 5 activate sip1
	fr 0 join sip1 --wait 0s --override active
}

# Of real ones alone: when a node came back, do the others copy it?
case_auto_sync_off() {
	rr_up 0
	lose_and_restart 3
	# a link may stay Probe for long: that is another matter
	os_wait 30 signs_are sip1 'active=- auto_sync=0'
	fr 0 join sip1 --override link
	same "$(cond sip1 auto-sync)" 'ok off'
}
case_auto_sync_on() {
	rr_up 0 --auto-sync
	same "$(signs sip1)" 'active=- auto_sync=-1'
	sleep 3 # reports have whole seconds: this is not of its start
	lose_and_restart 3
	os_wait 30 signs_are sip1 'active=- auto_sync=1'
	fr 0 join sip1 --override link
	same "$(cond sip1 auto-sync)" 'warn on'
}

# What was taken from a node comes back with it.
case_back() {
	rr_up 6
	fr 0 drain sip1 --to sip2
	same "$(tags_of 2)" 'sip1.0 sip1.1 sip2.0 sip2.1'
	same "$(pg_sql 'select count(*) from fastpath.maintenance')" 1
	fr 0 activate sip1
	same "$(tags_of 1)" 'sip1.0 sip1.1'
	same "$(tags_of 2)" 'sip2.0 sip2.1'
	hints '*6 calls moved*'
	hints '*sip1: maintenance ended*'
	same "$(pg_sql 'select count(*) from fastpath.maintenance')" 0
	rh_bye uac
	# what a person marked stays
	"$FP_BUILD/fp-health" maintain sip3 --for 1h --why 'new disks' >/dev/null
	fr 0 activate sip3
	hints '*sip3 stays in maintenance (new disks*fp-health maintain sip3 --end*'
	same "$(pg_sql 'select node from fastpath.maintenance')" sip3
}
