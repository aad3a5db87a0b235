# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The attack of the drill, which runs all the time: floods of who is on a pushed
# list, of who was banned by way of RabbitMQ, scans that stealth drops, and what is no
# SIP.  What gets past the filter is recorded in each edge's namespace: there is
# nothing between it and the SIP server's socket.
# shellcheck disable=SC2154 # of stage.bash

ATTACK_RATE=${ATTACK_RATE:-60} # a second, to each edge

# attack_up: lists pushed from ctl1, the edges and it follow RabbitMQ, and it begins.
attack_up() {
	local host

	mkdir -p "$stage/attack"
	# 5,000 others, so that there is a list to push
	seq 0 4999 | awk '{ print "11." int($1 / 256) "." $1 % 256 ".7" }' \
		>"$stage/lists/apiban.list"
	echo 203.0.113.0/26 >>"$stage/lists/apiban.list"
	attack_push || return
	for host in $EDGES; do
		serve "consume-$host" "$host" "$FP_BUILD/fp-sync" consume \
			--url-file "$stage/amqp-url" --queue "q-$host" --json
	done
	for host in $EDGES; do
		lab_wait 20 grep -qs 'following queue' \
			"$LAB_DIR/consume-$host.log" || return
		lab_capture "leak-$host" "$host" net1 \
			'inbound and port 5060 and not arp and not icmp' ||
			return
	done
	attack_ban 198.18.7.1 || return
	attack_kinds 'flood 203.0.113.* 198.18.7.1' 'scan 198.18.1.*' \
		'junk 198.18.2.*'
	# shellcheck disable=SC2046 # addresses
	serve attack attacker "$drill_src/attack.py" "$stage/attack" \
		"$ATTACK_RATE" $(for host in $EDGES; do
			cluster_addr "$host" sip4
		done)
}

attack_push() {
	on ctl1 "$FP_BUILD/fp-sync" push --lists "$stage/lists" -N edge \
		--quiet >"$stage/push.log" 2>&1
}
# attack_ban ADDRESS: a honeypot tells RabbitMQ, and every edge hears it
attack_ban() {
	echo "$1 why=scan by=honeypot" |
		on witness "$FP_BUILD/fp-sync" publish \
			--url-file "$stage/amqp-url" >"$stage/publish.log" 2>&1 &&
		lab_wait 15 attack_is_banned "$1"
}
attack_is_banned() {
	local host

	for host in $EDGES; do
		[ "$(on "$host" "$FP_BUILD/fp-block" test -o verdict "$1" \
			2>/dev/null)" = block ] || return
	done
}
# attack_kinds LINE...: what is sent from now on
attack_kinds() {
	printf '%s\n' "$@" >"$stage/attack/.kinds"
	mv "$stage/attack/.kinds" "$stage/attack/kinds"
}

# attack_paused COMMAND... EDGE: for so long, so that its counters can be read
attack_paused() {
	cp "$stage/attack/kinds" "$stage/attack/kept"
	attack_kinds ''
	lab_wait 5 attack_is_even "${*: -1}"
	"$@"
	mv "$stage/attack/kept" "$stage/attack/kinds"
}
attack_is_even() { [ "$(attack_sent "$1")" = "$(attack_dropped "$1")" ]; }
# attack_reset EDGE: as after a crash of the host, it has neither filter nor counters
attack_reset() {
	attack_dropped "$1" >"$stage/attack/before-$1"
	on "$1" "$FP_BUILD/fp-load" detach --all --quiet >/dev/null
}

# attack_dropped EDGE: what its filter says that it dropped, with what one before it
# said
attack_dropped() {
	local before

	before=$(cat "$stage/attack/before-$1" 2>/dev/null)
	echo $((${before:-0} + $(attack_dropped_now "$1")))
}
attack_dropped_now() {
	on "$1" "$FP_BUILD/fp-load" stats -o reason,packets 2>/dev/null |
		awk -F'\t' '$1 ~ /^drop_/ { n += $2 } END { print n + 0 }'
}
attack_sent() { # EDGE
	awk -v at="$(cluster_addr "$1" sip4)" '$1 == at { n += $3 }
		END { print n + 0 }' "$stage/attack/sent"
}

# attack_end: it stops, and captures too.
attack_end() {
	local host

	lab_stop attack
	for host in $EDGES; do
		lab_stop "leak-$host" INT
	done
}
# attack_leaked EDGE: what came past the filter: while a SIP server ran there, and
# while none did
attack_leaked() {
	"$drill_src/wire.py" leaked "$LAB_DIR/leak-$1.pcap" "$1" "$stage/servers"
}
# attack_judge EDGE: what was sent is what was dropped, and what came when neither a
# filter nor a server was there; a cable between namespaces may lose one in a thousand
# when its queue is full.
attack_judge() {
	local sent dropped reached idle

	sent=$(attack_sent "$1") dropped=$(attack_dropped "$1")
	read -r reached idle < <(attack_leaked "$1")
	echo "$1 $sent $dropped $reached $idle" >>"$stage/attack/result"
	[ $((dropped + idle)) -le "$sent" ] &&
		[ $(((dropped + idle) * 1000)) -ge $((sent * 999)) ]
}
attack_reached() {
	awk '{ n += $4 } END { print n + 0 }' "$stage/attack/result"
}
