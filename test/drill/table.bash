# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the drill found: a claim a line as TAP, and a table at the end.
# shellcheck disable=SC2154 # of stage.bash

n_claims=0 is_good=1 claimed=$(date +%s%3N)

# claim SENTENCE COMMAND...: "ok N SENTENCE in Tms", T since the claim before
claim() {
	local what=$1 now word=ok

	shift
	"$@" || word='not ok'
	now=$(ms)
	n_claims=$((n_claims + 1))
	echo "$word $n_claims $what in $((now - claimed))ms"
	claimed=$now
	[ "$word" = ok ] && return
	[ $is_good = 0 ] || drill_logs
	is_good=0
}
say() { echo "# $*"; }

# event_begin NAME IDS [planned]: what comes from now on is of it; IDS: a file of the
# Call-IDs that it concerns; planned: nobody is silent meanwhile
event_begin() {
	event=$stage/events/$(($(find "$stage/events" -name '*.ids' | wc -l) + 10))
	[ -z "${3-}" ] || : >"$event.planned"
	echo "$1" >"$event.name"
	sort -u "$2" >"$event.ids"
	event_at=$(ms)
	echo "$event_at" >"$event.at"
}
event_look() {
	"$drill_src/wire.py" move "$LAB_DIR/wire.pcap" "$event_at" "$(ms)" \
		"$event.ids" >"$event.json.new" &&
		mv "$event.json.new" "$event.json"
}
# event_end: all that is of it has come, and its ends hear each other
event_end() {
	lab_wait 5 event_heard
	event_look
}
event_heard() {
	voice "$event_at" "$(ms)" "$event.ids" >"$event.voice" &&
		jq -e '.deaf == []' "$event.voice" >"$stage/jq"
}
# event_says FIELD: its Call-IDs, of a claim that does not hold
event_says() {
	cat "$event.json" "$event.voice" |
		jq -r --arg f "$1" '.[$f] // empty | .[]' |
		head -n 5 | sed "s/^/#   $1: /"
}
# event_told: has each call that it concerns been told?
event_told() { event_look && event_is '.untold == []'; }
event_is() { jq -e "$1" "$event.json" >"$stage/jq"; }

# table: a line for each event
table() {
	local file

	printf '# %-34s %28s   %23s   %s\n' '' '' 'signalling silent, ms' \
		'voice silent, ms'
	printf '# %-34s %5s %5s %5s %8s %7s %7s %7s %6s %7s\n' event calls told \
		lost 'last, s' median p99 max ends max
	for file in "$stage"/events/*.json; do
		printf '# %-34s ' "$(<"${file%.json}.name")"
		jq -r --arg planned "$(find "${file%.json}.planned" 2>/dev/null)" \
			'.silence_ms as $s | ($s | length) as $n |
			[.concerned, .told, (.untold | length)] +
			if $n == 0 or $planned != "" then ["-", "-", "-", "-"]
			else [$s[-1] / 1000, $s[$n / 2 | floor],
			$s[($n * 0.99 | ceil) - 1], $s[-1]] end +
			(input | [(.gap_ms | length), .gap_ms[-1] // "-"]) | @tsv' \
			"$file" "${file%.json}.voice" |
			awk -F'\t' '{ printf "%5s %5s %5s %8s %7s %7s %7s %6s %7s\n",
				$1, $2, $3, $4, $5, $6, $7, $8, $9 }'
	done
}

# attack_table: what was sent to each edge, and what became of it
attack_table() {
	local host sent dropped reached idle

	printf '# %-34s %8s %8s %10s %14s\n' attack sent dropped \
		'at SIP' 'no server yet'
	while read -r host sent dropped reached idle; do
		printf '# %-34s %8s %8s %10s %14s\n' "$host" "$sent" "$dropped" \
			"$reached" "$idle"
	done <"$stage/attack/result"
}
