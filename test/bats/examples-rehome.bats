#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What stands around fp-rehome in examples/, as the programs that it is for read it,
# and fp-rehome(8)'s own words.  test/real/opensips-examples.bats has OpenSIPS
# itself.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' variables

bats_require_minimum_version 1.5.0

load examples.bash
load say.bash

setup() {
	top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	examples=$top/examples
	tmp=$BATS_TEST_TMPDIR
	configs=(pair-1 pair-2 three-1 three-2 three-3 same-machine-1
		same-machine-2 rtpengine)
	cd "$tmp" || return
	OS_DIR=
}

teardown() {
	[ -z "$OS_DIR" ] || rh_down
}

needs_tool() {
	[ -x "$FP_BUILD/fp-rehome" ] || skip 'fp-rehome is not built'
}
code() { grep -v '^[[:space:]]*#' "$examples/opensips/$1.cfg"; }

# nodes CONFIG: the lines of the cluster file that it says
nodes() {
	echo '[opensips]'
	sed -nE 's/^#\t(sip[0-9] .*)/\1/p' "$examples/opensips/$1.cfg"
}

# ---- examples/opensips

@test "configurations of a cluster differ in addresses, numbers and tags alone" {
	for pair in 'pair-1 pair-2' 'three-1 three-2' 'three-2 three-3' \
		'same-machine-1 same-machine-2'; do
		# shellcheck disable=SC2086 # words
		set -- $pair
		for file in "$1" "$2"; do
			code "$file" | sed -E \
				-e '/^socket=/d; /my_node_i|neighbor_node_info/d' \
				-e '/"httpd", "(ip|port)"|socket_name|fifo_name/d' \
				-e 's/(set_dlg_sharing_tag\("sip)[0-9]/\1N/' \
				>"$file"
		done
		diff "$1" "$2"
	done
	diff <(code pair-1 | sed 's/5566/B/; s/5060/S/; s/8080/M/; s/8888/H/') \
		<(code same-machine-1 |
			sed 's/5566/B/; s/5060/S/; s/8080/M/; s/8888/H/') >d || :
	same "$(grep '^<' d | grep -vc 'neighbor_node_info\|fifo_name')" 0
	# and with rtpengine nothing is less
	run ! grep '^<' <(diff <(code pair-1) <(code rtpengine) |
		grep -v 't_relay();\|^< route\|^< }')
}

@test "every tag is backup, and stands on every node" {
	for file in "${configs[@]}"; do
		run ! grep -E '"sharing_tag".*=active' <(code "$file")
		want=2
		[[ $file != three-* ]] || want=24
		same "$(code "$file" | grep -c '"sharing_tag", "sip.*/1=backup"')" \
			$want
		own=$(code "$file" | sed -nE 's/.*set_dlg_sharing_tag\("([^".]*).*/\1/p')
		code "$file" | grep -q "\"${own}[./]"
		name=$(sed -n '2s/^# \(sip[0-9]\) .*/\1/p' \
			"$examples/opensips/$file.cfg")
		same "$own" "$name"
	done
}

@test "each says the cluster file that it belongs to" {
	needs_tool
	for file in "${configs[@]}"; do
		name=$(sed -n '2s/^# \(sip[0-9]\) .*/\1/p' \
			"$examples/opensips/$file.cfg")
		nodes "$file" >"$file.ini"
		"$FP_BUILD/test/prog/inventory" "$file.ini" >"$file.vars"
		value() { grep "^var	$name	$1	" "$file.vars" | cut -f 4; }
		code "$file" >"$file"
		grep -qx "socket=$(value fp_sip) tag service" "$file"
		grep -qF "\"socket_name\", \"$(value fp_mi)\"" "$file"
		grep -qF "\"my_node_id\", $(value fp_node_id))" "$file"
		list=$(value fp_mi_list)
		host=${list#http://}
		grep -qF "\"ip\", \"${host%%:*}\"" "$file"
		port=${host#*:}
		grep -qF "\"port\", ${port%/mi})" "$file"
	done
	# two on one machine share nothing but the address
	cat same-machine-[12] >both
	for what in '^socket=udp' '^socket=bin' '"httpd", "port"' socket_name \
		fifo_name my_node_id; do
		same "$(grep "$what" both | sort -u | wc -l)" 2
	done
}

# ---- as fp-rehome reads them

two_nodes() {
	needs_tool
	[ "$(id -u)" = 0 ] || skip 'needs root'
	source "$top/test/lab/rehome.bash"
	rh_up "$tmp/os" 2
	rh_cluster "$tmp/cluster.ini"
	export FP_CLUSTER=$tmp/cluster.ini FP_STATE=$tmp/state
	mkdir -p state
}

# conditions CONFIG: those that the configuration decides, and how
conditions() {
	run "$FP_BUILD/fp-rehome" preflight sip1 --to sip2 --config "$1" \
		-o name,state --quiet
	grep -E '^(auto-sync|active-tag|topology-hiding|ack-rule)	' \
		<<<"$output" | sort | tr '\t\n' '= '
}

@test "preflight --config finds nothing in them that loses calls" {
	two_nodes
	good='ack-rule=ok active-tag=ok auto-sync=ok topology-hiding=ok '
	for file in "${configs[@]}"; do
		echo "$file"
		same "$(conditions "$examples/opensips/$file.cfg")" "$good"
	done
	# and each is found in one that lacks it
	file=$examples/opensips/three-1.cfg
	sed 's/sip1.3\/1=backup/sip1.3\/1=active/' "$file" >bad.cfg
	[[ $(conditions bad.cfg) != *active-tag=ok* ]]
	sed '/cluster_auto_sync/d' "$file" >bad.cfg
	[[ $(conditions bad.cfg) != *auto-sync=ok* ]]
	sed '/DLG_timeout = /d' "$file" >bad.cfg
	[[ $(conditions bad.cfg) != *ack-rule=ok* ]]
	sed '/topology_hiding/d' "$file" >bad.cfg
	[[ $(conditions bad.cfg) != *topology-hiding=ok* ]]
}

# ---- examples/ansible/drain.yml

# A program that takes what NAME takes: verbs, and options of that verb; a line a
# run in the file ran.  An executable VERB beside it says the exit status.
stand_in() {
	cat >"bin/$1" <<-'EOF'
	#!/bin/bash
	name=${0##*/} verb=$1 dir=${0%/*} changed=true rc=0
	table=$("$FP_BUILD/$name" --dump-options) || exit
	awk -F '\t' -v v="$verb" '$1 == v && $2 == "-" { found = 1 }
		END { exit !found }' <<<"$table" || exit 97
	for word; do
		case $word in
		--*)
			awk -F '\t' -v v="$verb" -v o="${word%%=*}" '
				$2 == o && ($1 == v || $1 == "*" || $1 == "-") {
					found = 1
				}
				END { exit !found }' <<<"$table" || exit 98
			;;
		-?)
			awk -F '\t' -v v="$verb" -v o="${word#-}" '
				$3 == o && ($1 == v || $1 == "*" || $1 == "-") {
					found = 1
				}
				END { exit !found }' <<<"$table" || exit 98
			;;
		esac
	done
	case " $verb " in *' preflight '* | *' join '*) changed=false ;; esac
	case "$*" in *--dry-run*) [ $changed = false ] || rc=1 ;; esac
	echo "$name $verb ${2-} $*" | awk '{ dry = / --dry-run/ ? " dry" : ""
		print $1, $2, $3 dry }' >>"$dir/../ran"
	[ ! -e "$dir/$verb.$2" ] || rc=$(<"$dir/$verb.$2")
	case "$*" in *--json*) echo "{\"type\":\"summary\",\"changed\":$changed}" ;; esac
	exit $rc
	EOF
	chmod +x "bin/$1"
}

ansible_here() {
	command -v ansible-playbook >/dev/null || skip 'no ansible-playbook'
	needs_tool
	[ "$(id -u)" = 0 ] || skip 'needs root'
	mkdir bin
	stand_in fp-rehome
	stand_in fp-health
	printf '#!/bin/sh\necho restart "$1" >>"%s"\n' "$tmp/ran" >bin/restart
	chmod +x bin/restart
	cat >cluster.ini <<-END
	[opensips]
	sip1 ansible_host=192.0.2.11
	sip2 ansible_host=192.0.2.12
	[all:vars]
	ansible_connection=local
	fastpath_sbin_dir=$tmp/bin
	END
	cat >ansible.cfg <<-END
	[defaults]
	inventory = $tmp/cluster.ini
	local_tmp = $tmp/at
	remote_tmp = $tmp/rt
	home = $tmp/home
	interpreter_python = /usr/bin/python3
	remote_user = root
	localhost_warning = false
	gathering = explicit
	pipelining = true
	END
}

play() {
	run env ANSIBLE_NOCOLOR=1 ANSIBLE_NOCOWS=1 PYTHONDONTWRITEBYTECODE=1 \
		ANSIBLE_CONFIG="$tmp/ansible.cfg" ansible-playbook \
		-e "{\"opensips_restart\": [\"$tmp/bin/restart\", \"now\"]}" \
		"$examples/ansible/drain.yml" "$@"
	echo "$output"
}

@test "drain.yml: in this order; what is left on a node ends the run before its restart" {
	ansible_here
	echo 3 >bin/drain.sip2
	play
	[ "$status" != 0 ]
	same "$(cat ran)" "fp-rehome preflight sip1
fp-health maintain sip1
fp-rehome drain sip1
restart now
fp-rehome join sip1
fp-rehome activate sip1
fp-rehome preflight sip2
fp-health maintain sip2
fp-rehome drain sip2"
	# preflight and join change nothing
	grep -qE '^sip1 .*changed=4 .*failed=0' <<<"$output"
	grep -qE '^sip2 .*changed=1 .*failed=1' <<<"$output"
}

@test "drain.yml --check: plans are made, and nothing is done" {
	ansible_here
	play --check --limit sip1
	same "$status" 0
	same "$(cat ran)" "fp-rehome preflight sip1 dry
fp-health maintain sip1 dry
fp-rehome drain sip1 dry
fp-rehome balance --why=after dry"
}

# ---- fp-rehome(8)

@test "the commands of fp-rehome(8) are ones that there are" {
	needs_tool
	mkdir bin
	stand_in fp-rehome
	n=0
	while IFS= read -r -d '' example; do
		echo "$example"
		PATH=$tmp/bin:$PATH run bash -c "$example"
		[ "$status" -le 1 ]
		n=$((n + 1))
	done < <(examples fp-rehome.8)
	[ $n -ge 9 ]
	for verb in preflight list failover drain join activate balance \
		compare jobs resume; do
		grep -q "^fp-rehome $verb" ran
	done
	run -98 bin/fp-rehome list --nonsense
	run -97 bin/fp-rehome look
}

@test "records have the fields that fp-rehome(8) names, in order" {
	needs_tool
	cat >cluster.ini <<-'END'
	[x]
	sip1 fp_node_id=1 fp_mi=udp:127.0.0.1:5
	sip2 fp_node_id=2 fp_mi=udp:127.0.0.2:5
	END
	export FP_CLUSTER=$tmp/cluster.ini FP_STATE=$tmp
	page=$(mandoc -Tascii -O width=1000 "$top/man/fp-rehome.8" | col -b |
		tr -s '[:space:]' ' ' | sed 's/ ([^)]*)//g')
	for args in 'preflight sip1' 'preflight --all' list \
		'failover sip1 --to sip2' 'activate sip1' 'join sip1' \
		'compare sip1 sip2' jobs; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr -2 "$FP_BUILD/fp-rehome" $args -t 100ms \
			-o nope
		fields=${stderr##*which has: }
		[ "$fields" != "$stderr" ]
		[[ $page == *" ${fields// /, }"[,.\;\ ]* ]] ||
			{ echo "$args: $fields"; false; }
	done
}

@test "every rule that refuses is on fp-rehome's page" {
	rules=$(
		grep -rhoE 'fp_refuse\(\s*[^,]*,\s*"[a-z-]+"' "$top"/cmd/fp-rehome \
			"$top"/lib/{rehome,verb,db} "$top"/lib/logic/rehome*.c \
			"$top"/lib/peer/pg*.c | grep -oE '"[a-z-]+"'
		sed -n '/^ \* Rules/,/\*\//s/^ \*   \([a-z-]*\) .*/"\1"/p' \
			"$top/lib/rehome/preflight.h"
	)
	rules=$(tr -d '"' <<<"$rules" | sort -u)
	[ "$(wc -w <<<"$rules")" -ge 15 ]
	for rule in $rules; do
		grep -qE "^\.It Cm $rule\b" "$top/man/fp-rehome.8" ||
			{ echo "$rule"; false; }
	done
}

# ---- systemd

@test "the nightly look is of all nodes, and changes nothing" {
	unit=$examples/systemd/fp-rehome-preflight
	grep -q '^ExecStart=/usr/sbin/fp-rehome preflight --all ' $unit.service
	grep -q '^OnCalendar=' $unit.timer
	run ! grep -E '^(State|ReadWrite)' $unit.service
}
