#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# No wrong verdict while lists are replaced and the program is upgraded: a flood
# from 1,280 listed and 1,000 allowed sources, neighbours of each other, during
# 100 replacements of the block list, 25 of the allow list and 10 upgrades.
# Every source stays listed or allowed, but in another form each time: as a
# host, in a /28, /24 or /20 (IPv6: /64, /56), with a deadline or without.
# Told by counters: of the filter, of the link, and of who listens at the node.
# shellcheck disable=SC2154 # bats' variables

bats_require_minimum_version 1.5.0

LOADS=100 GOAL=200000 PACE=450000

setup_file() {
	[ "$(id -u)" = 0 ] || skip 'XDP needs root'
	export FP_BUILD=${FP_BUILD:-$PWD/build} FP_CLUSTER=/dev/null
	export FP_OTHER_LAYOUT=${FP_OTHER_LAYOUT:-$PWD/build-layout99}
	source test/lab/lab.sh
	lab_up
	make_lists "$LAB_DIR" "$(date -u -d '+1 hour' +%FT%TZ)"
	make_builds
	flood_through
}

setup() { source test/lab/lab.sh; }

teardown_file() {
	source test/lab/lab.sh
	lab_down
}

# make_lists DIR UNTIL: listed, allowed (addresses); block.0, block.1, allow.0,
# allow.1 (lists).  Sources are in groups, a /20 or a /56 each; the forms of the
# groups in list 0 and 1 are all pairs of two that differ.
make_lists() {
	awk -v dir="$1" -v until=" until=$2" '
	function entry(l, text) { print text >(dir "/block." l) }
	function source(is_allowed, text) {
		print text >(dir (is_allowed ? "/allowed" : "/listed"))
	}
	function list4(l, form, net, third,   h, end) {
		end = form ~ /t/ ? until : ""
		if (form == "20")
			entry(l, net third ".0/20")
		if (form ~ /24/)
			entry(l, net third + 5 ".0/24" end)
		for (h = 0; h < 64 && form == "28"; h += 16)
			entry(l, net third + 5 "." h "/28")
		for (h = 0; h < 60 && form ~ /host/; h++)
			if (h % 5 < 3)
				entry(l, net third + 5 "." h end)
		for (h = 0; h < 3 + 40 * l; h++) # neighbours come and go
			entry(l, net third + 5 "." 100 + l + h)
	}
	function list6(l, form, net,   h, end) {
		end = form ~ /t/ ? until : ""
		if (form == "56")
			entry(l, net "00::/56")
		if (form ~ /64/)
			entry(l, net "05::/64" end)
		for (h = 0; h < 10 && form ~ /host/; h++)
			entry(l, net "05::a:" h end)
	}
	function group4(a, b, net, third,   h) {
		list4(0, a, net, third)
		list4(1, b, net, third)
		for (h = 0; h < 60; h++)
			source(h % 5 > 2, net third + 5 "." h)
	}
	function group6(a, b, net,   h) {
		list6(0, a, net)
		list6(1, b, net)
		for (h = 0; h < 24; h++)
			source(h > 9, net "05::a:" (h > 9 ? "a" : "") h)
	}
	BEGIN {
		n = split("host 28 24 20 host-t 24-t", form)
		for (a = 1; a <= n; a++)
			for (b = 1; b <= n; b++)
				if (a != b) {
					group4(form[a], form[b],
						"198." 18 + int(g / 16) ".",
						g % 16 * 16)
					g++
				}
		n = split("host 64 56 host-t 64-t", form)
		for (a = 1; a <= n; a++)
			for (b = 1; b <= n; b++)
				if (a != b)
					group6(form[a], form[b],
						sprintf("2001:db8:a:%x", g++))
		for (i = 0; i < 20000; i++) {
			entry(0, "11.0." int(i / 200) "." i % 200)
			entry(1, "11.0." int(i / 190) "." i % 190)
		}
	}'
	cp "$1/allowed" "$1/allow.0"
	sed "s/\$/ until=$2/" "$1/allowed" >"$1/allow.1"
}

# The builds to upgrade to, one after the other: the same layout with another
# program (a name in its type information is another one), and another layout.
make_builds() {
	local b copy

	for b in "$FP_BUILD" "$FP_OTHER_LAYOUT"; do
		[ -x "$b/fp-load" ] || continue
		copy=$LAB_DIR/builds/${b##*/}
		mkdir -p "$copy"
		cp "$b/fp-block" "$copy/"
		LC_ALL=C sed 's/fp_counter\x00/fp_countex\x00/g' "$b/fp-load" \
			>"$copy/fp-load"
		chmod +x "$copy/fp-load"
		printf '%s\n' "$copy" "$b"
	done >"$LAB_DIR/builds.list"
}

load() { # LIST FORM [OPTION]...
	lab_in node "$build/fp-block" load "$1" "$LAB_DIR/$1.$2" -q \
		--max-change 100 "${@:3}" >/dev/null
}

# Keep the counters of every layout that there was.
keep_counters() {
	local layout

	for layout in "$FP_PINS"/v*; do
		[ "$layout" != "$kept" ] || continue
		kept=$layout n_kept=$((n_kept + 1))
		bpftool map pin pinned "$layout/counters" \
			"$TC_BPF_MNT/counters$n_kept"
	done
}

upgrade() {
	local all

	mapfile -t all <"$LAB_DIR/builds.list"
	build=${all[$((n_upgrades % ${#all[@]}))]}
	n_upgrades=$((n_upgrades + 1))
	lab_in node "$build/fp-load" upgrade -j >>"$LAB_DIR/upgrades"
	keep_counters
}

replace_all() {
	local i

	for ((i = 1; i <= LOADS; i++)); do
		load block $((i % 2)) --override allowed
		[ $((i % 4)) != 0 ] || load allow $((i / 4 % 2)) --kind allow
		[ $((i % 10)) != 5 ] || upgrade
		n_loads=$((n_loads + 1))
	done
}

link_drops() {
	{
		lab_in attacker ethtool -S net0
		lab_in node ethtool -S net1
		lab_in attacker ip -j -s link show dev net0 |
			jq -r '"tx_drops: \(.[0].stats64.tx.dropped)"'
	} | awk '/(_[0-9]_|tx_)drops:/ { n += $2 } END { print n }'
}

flood_through() {
	local build=$FP_BUILD kept='' n_kept=0 n_loads=0 n_upgrades=0 before

	lab_in node "$build/fp-load" attach net1 -q >/dev/null
	keep_counters
	load allow 0 --kind allow
	load block 0 --override allowed
	before=$(link_drops)
	lab_start receiver node "$FP_BUILD/test/prog/flood" receive \
		"$LAB_DIR/allowed"
	lab_wait 5 lab_listens node udp '*' 5060
	lab_start sender attacker "$FP_BUILD/test/prog/flood" send net0 \
		02:00:00:00:0a:01 192.0.2.1 2001:db8:5::1 "$LAB_DIR/listed" \
		"$LAB_DIR/allowed" $PACE
	replace_all
	lab_stop sender
	sleep 0.5
	lab_stop receiver
	{
		echo "loads $n_loads"
		echo "upgrades $(jq -s 'map(select(.type == "summary" and
			.changed)) | length' "$LAB_DIR/upgrades")"
		echo "link_drops $(($(link_drops) - before))"
		sed 's/^/sent_/' "$LAB_DIR/sender.log"
		sed 's/^/got_/' "$LAB_DIR/receiver.log"
		"$FP_BUILD/test/prog/counters" "$TC_BPF_MNT"/counters*
	} >"$LAB_DIR/result"
}

# value NAME: from the result of the run.
value() {
	awk -v name="$1" '$1 == name { print $2; n = 1 }
		END { exit !n }' "$LAB_DIR/result"
}

@test "lists were replaced and programs upgraded, each time to another" {
	cat "$LAB_DIR/result"
	[ "$(value loads)" = $LOADS ]
	[ "$(value upgrades)" = 10 ]
	[ "$(sort -u "$LAB_DIR/listed" | wc -l)" = 1280 ]
	[ "$(sort -u "$LAB_DIR/allowed" | wc -l)" = 1000 ]
}

@test "no packet of a listed source reached the node" {
	cat "$LAB_DIR/result"
	[ "$(value got_other)" = 0 ]
	[ "$(value pass_request)" = 0 ]
	[ "$(value seen_block)" = 0 ]
	[ "$(value pass_unconfirmed)" = 0 ]
}

@test "every packet of a listed source was counted as blocked" {
	cat "$LAB_DIR/result"
	[ "$(value drop_block)" -le "$(value sent_listed)" ]
	[ $(($(value drop_block) + $(value link_drops))) -ge \
		"$(value sent_listed)" ]
}

@test "every packet of an allowed source arrived" {
	cat "$LAB_DIR/result"
	[ "$(value pass_allowed)" = "$(value got_allowed)" ]
	[ $(($(value sent_listed) + $(value sent_allowed))) = \
		$(($(value drop_block) + $(value pass_allowed) + \
		$(value link_drops))) ]
}

@test "200,000 packets a second from listed sources" {
	rate=$(($(value sent_listed) * 1000 / $(value sent_ms)))
	echo "# $rate packets a second for $(value sent_ms) ms" >&3
	[ $rate -ge $GOAL ] || skip "$rate packets a second, on this machine"
}
