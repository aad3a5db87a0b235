# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The second part of demo.sh, which sources it: three nodes and a controller.
# What it steps, shows and expects with is there.
# shellcheck disable=SC2034,SC2154 # at and sip are for it; what it counted

source test/lab/cluster.sh
trap cluster_down EXIT

# Whom lab_sipp_call calls.
lab_addr() { echo "$sip"; }

# facing NODE: attack it, call it, count at it
facing() {
	at=$1
	sip=$(cluster_addr "$1" sip4)
}

# attack SOURCE NODE...: 1,500 OPTIONS to each; what became of them all is
# $all_dropped and $all_reached.
attack() {
	local source=$1

	shift
	all_dropped=0 all_reached=0
	for node; do
		facing "$node"
		flood "$source" 1500
		all_dropped=$((all_dropped + dropped))
		all_reached=$((all_reached + reached))
	done
}


cluster() {
	step 'A cluster: three SIP nodes with sshd and a filter each, and a controller.'
	cluster_up 3 || die 'no cluster'
	cd "$LAB_DIR" || die 'no cluster'
	mkdir lists
	also 'attacker ── net1  sip1, sip2, sip3  net0 ── switch ── controller' \
		'SIP at 192.0.2.1, .2 and .3; the controller reaches them by SSH alone, with' \
		'a key that may run fp-sync receive there, and nothing else'
	for node in sip1 sip2 sip3; do
		facing $node
		show $node fp-load attach net1 --quiet
		lab_start "sipp-$node" $node sipp -sf "$LAB_SRC/uas.xml" \
			-i "$sip" -p 5060 -t u1 -nostdin -nd
	done
	show controller fp-sync status --lists lists -o node,state,filter,lists
	expect 'all of them answer and filter' "$(grep -c attached <<<"$out")" = 3
}

pushed() {
	step 'Push the lists to all nodes.'
	{ echo '#fastpath-list 1 kind=allow' && echo 203.0.113.64/26; } \
		>lists/carriers.list
	big_list host >lists/apiban.list
	also 'in lists: apiban.list, 100,000 entries; carriers.list, which allows'
	show controller fp-sync push --lists lists --quiet \
		-o node,state,changed,added,ms
	expect 'done' $rc = 0
	show controller fp-sync push --lists lists --quiet -o node,state,changed,sent
	expect 'a second time there is nothing to do' \
		"$(grep -c 'no ' <<<"$out")" = 3
	show controller fp-sync status --lists lists -o node,policy,in_step
	expect 'one policy on every node' \
		"$(grep '^sip' <<<"$out" | awk '{ print $2 }' | uniq | wc -l)" = 1
}

seen_at_one() {
	step 'An attack is seen at one node, and blocked at all.'
	attack 198.18.9.9 sip1
	expect 'it reached sip1' "$all_reached" -ge 1500
	show controller fp-sync add 198.18.9.9 --for 1h --why flood --quiet
	expect 'banned everywhere' $rc = 0
	attack 198.18.9.9 sip2 sip3
	expect 'nothing of it reached sip2 and sip3' "$all_reached" = 0
	expect 'their filters dropped it' "$all_dropped" -ge 3000
	facing sip2
	calls 203.0.113.70 attacker udp 10
	expect 'calls of a carrier pass' $rc = 0
	show controller fp-sync why 198.18.9.9 -o node,list,prefix,why,verdict
	expect 'lists and kernels agree' $rc = 0
}

cut_off() {
	step 'A node is cut off, and the world goes on.'
	cluster_cut sip3
	also "the link of sip3's net0 is down"
	sed -i '/^11\.0\.0\./d' lists/apiban.list
	show controller fp-sync push --lists lists --quiet -t 2s \
		-o node,state,changed,removed
	expect 'partly done: exit 3' $rc = 3
	expect 'it says which node was not there' \
		"$(grep -c 'sip3 *unreachable' <<<"$out")" = 1
	show controller fp-sync add 198.18.5.5 --for 1h --quiet -t 2s \
		-o node,state,changed
	expect 'partly done: exit 3' $rc = 3
	attack 198.18.5.5 sip1 sip3
	expect 'sip1 drops it, sip3 has not heard of it' \
		"$((all_dropped >= 1500 && all_reached >= 1500))" = 1
}

back() {
	step 'It comes back, and is in step: nothing was lost.'
	cluster_heal sip3
	show controller fp-sync status --lists lists -o node,state,in_step,bans,detail
	expect 'it is behind' $rc = 1
	show controller fp-sync push --lists lists --quiet \
		-o node,state,changed,removed,sent
	expect 'done' $rc = 0
	show controller fp-sync status --lists lists -o node,state,in_step,bans
	expect 'all are in step' $rc = 0
	attack 198.18.5.5 sip3
	expect 'it drops what was banned meanwhile' \
		"$((all_dropped >= 1500 && all_reached == 0))" = 1
	show sip3 fp-block verify
	expect 'its tables are what the lists say' $rc = 0
}

bypassed() {
	step 'Break the glass: every filter only observes, for a while.'
	show controller fp-sync bypass --for 8s --why outage --quiet \
		-o node,state,bypass_s
	expect 'done' $rc = 0
	attack 198.18.9.9 sip2
	expect 'nothing is dropped' "$all_dropped" = 0
	also '8 s later it has ended by itself'
	sleep 8
	attack 198.18.9.9 sip2
	expect 'the filter drops again' \
		"$((all_dropped >= 1500 && all_reached == 0))" = 1
}

cluster
pushed
seen_at_one
cut_off
back
bypassed
