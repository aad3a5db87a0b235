#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What the manual pages say is so.
# shellcheck disable=SC2154 # bats' own variables

bats_require_minimum_version 1.5.0

load block.bash

setup_file() { node_up; }
setup() {
	node_fresh
	top=$BATS_TEST_DIRNAME/../..
}

# The literal blocks under EXAMPLES of a page, NUL after each.
examples() {
	awk '
		/^\.Sh / { is_ours = $2 == "EXAMPLES" }
		/^\.Ed/ && is_ours { printf "%c", 0; is_in = 0 }
		is_in && is_ours { gsub(/\\e/, "\\"); print }
		/^\.Bd -literal/ { is_in = 1 }' "$top/man/$1"
}

@test "the examples of fp-block run" {
	echo '203.0.113.50 twelve failed logins' >attackers.log
	printf '203.0.113.%s\n' 60 61 62 >apiban.txt
	echo nonsense >>apiban.txt
	echo 203.0.113.60 >apiban-new.txt
	echo '198.51.100.0/24 why="a carrier"' >carriers.txt
	n=0
	while IFS= read -r -d '' example; do
		want=0
		[[ $example != *--dry-run* ]] || want=1
		echo "$example"
		run "-$want" bash -e -o pipefail -c "$example" </dev/null
		n=$((n + 1))
	done < <(examples fp-block.8)
	[ $n -ge 7 ]
	block 0 test 203.0.113.50 203.0.113.61
	verdict 198.51.100.9 allow
	in_step
}

@test "fp-block's records have the fields that its page names, in order" {
	page=$(mandoc -Tascii -O width=1000 "$top/man/fp-block.8" | col -b |
		tr -s '[:space:]' ' ' | sed 's/ ([^)]*)//g')
	for args in 'add 203.0.113.7' 'load x -' 'unload x' list lists \
		'test 203.0.113.7' sweep verify digest; do
		# shellcheck disable=SC2086 # words
		block 2 $args -o nope
		fields=${stderr##*which has: }
		[[ $page == *" ${fields// /, }"[,.\;\ ]* ]] ||
			{ echo "$args: $fields"; false; }
	done
	[[ $page == *' address, prefix, list, kind, owner, until, why, by, run. '* ]]
	[[ $page == *' address, lists_say, verdict, blocked, mode. '* ]]
	fp-block add 203.0.113.7 >/dev/null
	for args in 'add 203.0.113.7' 'del 203.0.113.9' 'load x /dev/null' \
		'unload x' list lists 'test 203.0.113.7' 'why 203.0.113.7' \
		sweep verify; do
		# shellcheck disable=SC2086 # words
		block 0 $args --json
		for name in $(jq -r 'select(.type == "summary") | keys[]' \
			<<<"$output"); do
			case $name in type | changed) continue ;; esac
			[[ $page == *"ummary: "*"$name"* ]]
		done
	done
}

@test "every rule that refuses is on fp-block's page" {
	rules=$(grep -rhoE --exclude='rehome*' \
		'fp_refuse\(\s*[^,]*, "[a-z-]+"' "$top"/lib/logic \
		"$top"/cmd/fp-block "$top"/lib/node/facts.c |
		grep -oE '"[a-z-]+"' | tr -d '"' | sort -u)
	[ "$(wc -w <<<"$rules")" -ge 6 ]
	for rule in $rules; do
		grep -qE "^\.It Cm $rule\b" "$top/man/fp-block.8" ||
			{ echo "$rule"; false; }
	done
}

@test "fp-rehome's rules are those of its page, and all that refuse" {
	known=$(fp-rehome list --override nosuch 2>&1 | sed 's/.*there are: //' |
		tr -d ' ' | tr , '\n' | sort)
	[ "$(wc -w <<<"$known")" -ge 19 ]
	awk '/^\.Ss / { on = /Safety rules/ } on && /^\.It Cm/ { print $3 }' \
		"$top/man/fp-rehome.8" | sort | diff - <(echo "$known")
	# fp_refuse(e, "RULE", SAY(out, REFUSE, "RULE", .rule = "RULE"
	cat "$top"/cmd/fp-rehome/*.c "$top"/lib/rehome/*.c "$top"/lib/db/*.c \
		"$top"/lib/logic/rehome*.c "$top"/lib/peer/pg*.c | tr '\n\t' '  ' |
		grep -oE '(fp_refuse\([^",]*, *|REFUSE, *|\.rule = )"[a-z-]+"' |
		grep -oE '"[a-z-]+"' | tr -d '"' | sort -u >refuse
	[ "$(wc -l <refuse)" -ge 15 ]
	run grep -vxF "$known" refuse
	[ -z "$output" ]
}

@test "fp-recover's rules are those of its page, and all that refuse" {
	known=$(fp-recover list --override nosuch 2>&1 |
		sed 's/.*there are: //' | tr -d ' ' | tr , '\n' | sort)
	[ "$(wc -w <<<"$known")" -ge 15 ]
	awk '/^\.Ss / { on = /Safety rules/ } on && /^\.It Cm/ { print $3 }' \
		"$top/man/fp-recover.8" | sort | diff - <(echo "$known")
	cat "$top"/cmd/fp-recover/*.c "$top"/lib/recover/*.c "$top"/lib/db/*.c \
		"$top"/lib/logic/recover*.c "$top"/lib/peer/pg*.c |
		tr '\n\t' '  ' >code
	{
		# fp_refuse(e, "RULE", .rule = "RULE"
		grep -oE '(fp_refuse\([^",]*, *|\.rule = )"[a-z-]+"' code
		# say(f, node, NAME, FP_COND_REFUSE, "RULE"
		grep -oE 'FP_COND_REFUSE, *"[a-z-]+"' code
	} | grep -oE '"[a-z-]+"' | tr -d '"' | sort -u >refuse
	[ "$(wc -l <refuse)" -ge 12 ]
	run grep -vxF "$known" refuse
	[ -z "$output" ]
}

@test "the layout of the tables is the one that fp-lists.5 freezes" {
	[ -x "$FP_BUILD/test/prog/layout" ] || skip 'layout is not built'
	awk '/^layout [0-9]/ { on = 1 } /^\.Ed/ { on = 0 } on' \
		"$top/man/fp-lists.5" >frozen
	"$FP_BUILD/test/prog/layout" | diff frozen -
}

@test "the list in fp-lists.5 is one" {
	mkdir -p "$lists"
	awk '/^#fastpath-list/ { on = 1 } /^\.Ed/ { on = 0 } on' \
		"$top/man/fp-lists.5" >"$lists/ours.list"
	fp-block verify --repair -q
	same "$(fp-block list ours -o prefix,why)" "198.51.100.0/24	toll fraud
203.0.113.9	scan
2001:db8::/32	-"
	block 0 lists -j
	json '.[0] | [.generation, .entries]' '[14,3]'
	in_step
}

@test "the example of a cluster file is one, and its nodes are allowed" {
	FP_CLUSTER=$top/examples/cluster.ini block 0 sweep
	same "$(fp-block list _cluster -o prefix | head -n 3)" "10.0.0.11
10.0.0.12
10.0.0.21"
	FP_CLUSTER=$top/examples/cluster.ini block 5 add 192.0.2.31
	refused cluster '192.0.2.31 is cluster node rtp1'
}
