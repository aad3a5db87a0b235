#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What stands around fp-recover in examples/, as the programs that it is for read it,
# and fp-recover(8)'s own words.  test/real/freeswitch-examples.bats has FreeSWITCH
# itself.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' variables

bats_require_minimum_version 1.5.0

load examples.bash
load say.bash

setup() {
	top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	examples=$top/examples
	tmp=$BATS_TEST_TMPDIR
	cd "$tmp" || return
}

needs_tool() {
	[ -x "$FP_BUILD/fp-recover" ] || skip 'fp-recover is not built'
}

# ---- examples/freeswitch

# doctor DIR [NAME=VALUE...]: what it makes of a configuration
doctor() {
	[ -x "$FP_BUILD/test/prog/fsconf" ] || skip 'fsconf is not built'
	python3 "$top/test/lab/fsconf.py" "$1" . "${@:2}" &&
		"$FP_BUILD/test/prog/fsconf" switch.conf=switch.conf \
			pre_load_modules.conf=pre_load_modules.conf \
			modules.conf=modules.conf sofia.conf=sofia.conf \
			"unit=$examples/freeswitch/freeswitch.service.d/recover.conf"
}

@test "configurations are well-formed, and the doctor finds nothing in them" {
	rest='unit recover=0 restart=on-failure after_ms=5000 core=0
switch name=fs1 rtp=16384-20383 robust=yes'
	profile='profile internal sip=192.0.2.21:5060 rtp=192.0.2.21 tracking=yes auth-all=no'
	modules='modules preloaded=yes late=no'
	same "$(doctor "$examples/freeswitch")" \
		"$rest pgsql=yes app=fs1 path= file= idle=5 max=1000
$modules
$profile"
	same "$(doctor "$examples/freeswitch" fp_store=schema)" \
		"$rest pgsql=yes app=fs1 path=fs1 file= idle=5 max=1000
$modules
$profile"
	same "$(doctor "$examples/freeswitch" fp_store=sqlite)" \
		"$rest pgsql=no app= path= file=/var/lib/freeswitch/db/core.db idle=5 max=1000
$modules
$profile"
}

@test "what a configuration lacks would be found" {
	cp -r "$examples/freeswitch" bad
	sed -i '/track-calls/d' bad/sip_profiles/internal.xml
	sed -i '/rtp-port-usage/d' bad/autoload_configs/switch.conf.xml
	sed -i '/mod_pgsql/d' bad/autoload_configs/pre_load_modules.conf.xml
	run -0 doctor bad
	[[ $output == *tracking=no* && $output == *robust=no* &&
		$output == *preloaded=no* ]]
	sed -i 's/<.settings>//' bad/autoload_configs/switch.conf.xml
	run ! doctor bad
	run ! doctor "$examples/freeswitch" fp_store=nosuch
}

@test "nodes of the comment have no port in common, and are a cluster file" {
	sed -nE 's/^\t(fs[12] .*)/\1/p' "$examples/freeswitch/vars.xml" >lines
	same "$(wc -l <lines)" 2
	{ echo '[freeswitch]' && cat lines; } >cluster.ini
	[ -x "$FP_BUILD/test/prog/inventory" ] || skip 'inventory is not built'
	"$FP_BUILD/test/prog/inventory" cluster.ini >vars
	grep -oE '(rtp|recovery)_ports[[:space:]=]+[0-9]+-[0-9]+' vars |
		grep -oE '[0-9]+-[0-9]+' | tr - ' ' | sort -n >ranges
	same "$(wc -l <ranges)" 4
	awk '$1 <= last { exit 1 } { last = $2 }' ranges
	# what fs1 has of it is what vars.xml sets
	same "$(python3 "$top/test/lab/fsconf.py" "$examples/freeswitch" . &&
		"$FP_BUILD/test/prog/fsconf" switch.conf=switch.conf |
		sed 's/.*rtp=\([^ ]*\).*/\1/')" 16384-20383
}

@test "nothing in examples runs a plain recover, or holds a password" {
	run ! grep -rnE '^ExecStart.*recover|api_on_startup' \
		"$examples/freeswitch"
	run ! grep -rniE 'password=[^c]|password=c[^a]|ClueCon' \
		"$examples/freeswitch"
}

@test "systemd takes the drop-in" {
	command -v systemd-analyze >/dev/null || skip 'no systemd-analyze'
	mkdir units
	cp -r "$examples/freeswitch/freeswitch.service.d" units
	printf '[Service]\nExecStart=/bin/true\n' >units/freeswitch.service
	run -0 env SYSTEMD_UNIT_PATH="$tmp/units:" systemd-analyze verify \
		--man=no units/freeswitch.service
	same "$output" ''
	echo 'Restrat=no' >>units/freeswitch.service
	run env SYSTEMD_UNIT_PATH="$tmp/units:" systemd-analyze verify \
		--man=no units/freeswitch.service
	[ -n "$output" ]
}

# ---- stand-ins of the tools

# A program that takes what NAME takes: verbs, and options of that verb; a line a
# run in the file ran.  A file VERB.NODE beside it says the exit status.
stand_in() {
	cat >"bin/$1" <<-'EOF'
	#!/bin/bash
	name=${0##*/} verb=$1 dir=${0%/*} changed=true rc=0
	table=$("$FP_BUILD/$name" --dump-options) || exit
	awk -F '\t' -v v="$verb" '$1 == v && $2 == "-" { found = 1 }
		END { exit !found }' <<<"$table" || exit 97
	for word; do
		case $word in
		--* | -?)
			awk -F '\t' -v v="$verb" -v o="${word%%=*}" '
				($2 == o || "-" $3 == o) &&
				($1 == v || $1 == "*" || $1 == "-") {
					found = 1
				}
				END { exit !found }' <<<"$table" || exit 98
			;;
		esac
	done
	case " $verb " in *' preflight '* | *' check '*) changed=false ;; esac
	case "$*" in *--dry-run*) [ $changed = false ] || rc=1 ;; esac
	echo "$name $verb ${2-} $*" | awk '{ dry = / --dry-run/ ? " dry" : ""
		back = / --end/ ? " end" : ""
		print $1, $2, $3 back dry }' >>"$dir/../ran"
	printf '%s\n' "$*" >>"$dir/../words"
	[ ! -e "$dir/$verb.$2" ] || rc=$(<"$dir/$verb.$2")
	case "$*" in *--json*) echo "{\"type\":\"summary\",\"changed\":$changed}" ;; esac
	exit $rc
	EOF
	chmod +x "bin/$1"
}

# ---- examples/ansible/maintenance.yml

ansible_here() {
	command -v ansible-playbook >/dev/null || skip 'no ansible-playbook'
	needs_tool
	[ "$(id -u)" = 0 ] || skip 'needs root'
	mkdir bin
	stand_in fp-recover
	stand_in fp-health
	printf '#!/bin/sh\necho start "$1" >>"%s"\n' "$tmp/ran" >bin/start
	chmod +x bin/start
	cat >cluster.ini <<-END
	[freeswitch]
	fs1 ansible_host=192.0.2.21
	fs2 ansible_host=192.0.2.22
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
		-e "{\"freeswitch_start\": [\"$tmp/bin/start\", \"now\"]}" \
		-e check_delay=0 \
		"$examples/ansible/maintenance.yml" "$@"
	echo "$output"
}

@test "maintenance.yml: in this order; calls left on a node end the run before its upgrade" {
	ansible_here
	echo 3 >bin/drain.fs2
	# its plan is a drain too: only the real one comes out so
	sed -i 's/^\[ ! -e "\$dir/[[ $* == *--dry-run* ]] || &/' bin/fp-recover
	play
	[ "$status" != 0 ]
	same "$(cat ran)" "fp-recover drain fs1 dry
fp-health maintain fs1
fp-recover drain fs1
start now
fp-health check fs1
fp-health maintain fs1 end
fp-recover drain fs2 dry
fp-health maintain fs2
fp-recover drain fs2"
	grep -qE '^fs1 .*changed=4 .*failed=0' <<<"$output"
	grep -qE '^fs2 .*changed=1 .*failed=1' <<<"$output"
}

@test "maintenance.yml --check: plans are made, and nothing is done" {
	ansible_here
	play --check --limit fs1
	same "$status" 0
	same "$(cat ran)" "fp-recover drain fs1 dry
fp-health maintain fs1 dry
fp-recover drain fs1 dry"
}

@test "maintenance.yml: what is refused touches no call, nor routing" {
	ansible_here
	echo 5 >bin/drain.fs1
	play --limit fs1
	[ "$status" != 0 ]
	same "$(cat ran)" 'fp-recover drain fs1 dry'
}

# ---- keepalived

@test "keepalived's notify script brings the other's calls up, with a fence" {
	needs_tool
	mkdir bin
	stand_in fp-recover
	printf '#!/bin/sh\necho "logger $*" >>%s/said\ncat >/dev/null\n' "$tmp" \
		>bin/logger
	chmod +x bin/logger
	for what in 'fs1 MASTER' 'fs2 BACKUP' 'fs2 FAULT' 'fs2 MASTER'; do
		# shellcheck disable=SC2086 # words
		PATH=$tmp/bin:$PATH run -0 "$examples/keepalived/fp-recover-notify" \
			fs1 INSTANCE $what 100 </dev/null
	done
	same "$(cat ran)" 'fp-recover failover fs2'
	grep -q -- '^failover fs2 --to fs1 --fence /usr/local/sbin/fp-fence ' words
	same "$(grep -c 'fs[12] is [A-Z]*$' said)" 4
}

@test "keepalived takes freeswitch.conf" {
	command -v keepalived >/dev/null || skip 'no keepalived'
	[ "$(id -u)" = 0 ] || skip 'needs root'
	ip link add eth0 type veth peer name eth1
	ip addr add 10.0.0.21/24 dev eth0
	ip link set eth0 up
	sed -e 's|/usr/sbin/fp-health|/bin/true|' \
		-e "s|/usr/local/sbin/fp-recover-notify|$examples/keepalived/fp-recover-notify|" \
		-e 's/keepalived_script$/nobody/' \
		"$examples/keepalived/freeswitch.conf" >k.conf
	unshare --pid --fork keepalived -t -f k.conf >out 2>&1 ||
		{ cat out; false; }
	same "$(<out)" ''
	ip link del eth0
	needs_tool
	read -r _ words < <(sed -n \
		's/.*script "[^ "]*fp-health \([^"]*\)"/\1/p' k.conf \
		"$examples/keepalived/freeswitch.conf")
	mkdir bin
	stand_in fp-health
	# shellcheck disable=SC2086 # words
	run -0 bin/fp-health check ${words#* }
}

# ---- systemd

@test "the nightly look is of all nodes, and changes nothing" {
	unit=$examples/systemd/fp-recover-preflight
	grep -q '^ExecStart=/usr/sbin/fp-recover preflight --all ' $unit.service
	grep -q '^OnCalendar=' $unit.timer
	run ! grep -E '^(State|ReadWrite)' $unit.service
}

@test "the watch service runs what it says, with what is in its file" {
	needs_tool
	unit=$examples/systemd/fp-recover-watch.service
	mkdir bin
	stand_in fp-recover
	stand_in fp-health
	# systemd's own: a line goes on after \, $$ is $
	command=$(awk '/^ExecStart=/ { on = 1 } on { print } on && !/\\$/ { exit }' \
		"$unit" | sed -e 's/^ExecStart=//' -e 's/\\$//' \
		-e "s|/usr/sbin|$tmp/bin|g; s/\\\$\\\$/\$/g" | tr -d '\n')
	run -0 env FENCE='power off' FAILOVER_OPTIONS='--to fs3,fs4' \
		WATCH_OPTIONS='--interval 1s' bash -c "$command"
	grep -qx 'failover --fence power off --fence-targets --why watch --to fs3,fs4 -' words
	lines() { [ "$(wc -l <words)" = 2 ]; }
	for _ in {1..50}; do lines && break || sleep 0.1; done
	grep -qx 'watch --json --interval 1s' words
	# without a fence it does not begin
	run -2 "$FP_BUILD/fp-recover" failover --fence '' --to auto - \
		-C /dev/null </dev/null
	[[ $output == *'--fence: an empty command'* ||
		$output == *'cluster'* ]]
}

# ---- fp-recover(8)

@test "the commands of fp-recover(8) are ones that there are" {
	needs_tool
	mkdir bin
	stand_in fp-recover
	stand_in fp-health
	n=0
	while IFS= read -r -d '' example; do
		echo "$example"
		PATH=$tmp/bin:$PATH run bash -c "$example"
		[ "$status" -le 1 ]
		n=$((n + 1))
	done < <(examples fp-recover.8)
	[ $n -ge 9 ]
	for verb in preflight list failover drain take jobs resume; do
		grep -q "^fp-recover $verb" ran
	done
	run -98 bin/fp-recover list --nonsense
	run -97 bin/fp-recover look
}

@test "records have the fields that fp-recover(8) names, in order" {
	needs_tool
	cat >cluster.ini <<-'END'
	[x]
	fs1 fp_esl=127.0.0.21:5 fp_recovery_db="host=127.0.0.1 port=5"
	fs2 fp_esl=127.0.0.22:5 fp_recovery_db="host=127.0.0.1 port=5"
	END
	export FP_CLUSTER=$tmp/cluster.ini FP_STATE=$tmp
	page=$(mandoc -Tascii -O width=1000 "$top/man/fp-recover.8" | col -b |
		tr -s '[:space:]' ' ' | sed 's/ ([^)]*)//g')
	for args in 'preflight fs1' 'preflight --all' list \
		'failover fs1 --to fs2' 'drain fs1 --to fs2' 'take x --to fs2' \
		'fence fs1' 'unfence fs1' 'resume x' 'abort x' jobs 'jobs x'; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr -2 "$FP_BUILD/fp-recover" $args -t 100ms \
			-o nope
		fields=${stderr##*which has: }
		[ "$fields" != "$stderr" ] || { echo "$args: $stderr"; false; }
		[[ $page == *" ${fields// /, }"[,.\;\ ]* ]] ||
			{ echo "$args: $fields"; false; }
	done
}
