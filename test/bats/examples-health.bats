#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What stands around fp-health in examples/, as the programs that it is for read
# it, and fp-health(8)'s own examples.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' variables

bats_require_minimum_version 1.5.0

load examples.bash
load say.bash

setup() {
	top=$BATS_TEST_DIRNAME/../..
	examples=$top/examples
	tmp=$BATS_TEST_TMPDIR
	pids=()
	cd "$tmp" || return
	source "$top/test/lab/lab.sh"
}

teardown() {
	for pid in "${pids[@]}"; do
		kill -9 -- "-$pid" 2>/dev/null || kill -9 "$pid" 2>/dev/null || :
	done
}

needs() {
	local tool

	for tool; do
		command -v "$tool" >/dev/null || skip "$tool is not installed"
	done
}

needs_root() { [ "$(id -u)" = 0 ] || skip 'needs root'; }
needs_tool() { [ -x "$FP_BUILD/fp-health" ] || skip 'fp-health is not built'; }

# background COMMAND...: a session of its own, its output in the file log
background() {
	setsid "$@" >>log 2>&1 </dev/null 3>&- 4>&- &
	pids+=($!)
}

# records STATE: what watch --json would say: sip1 is in STATE, sip2 is OK
records() {
	printf '{"type":"transition","at":"2026-01-02T03:04:05Z","node":"%s",' sip1
	printf '"check":"sip","from":"UNKNOWN","to":"%s","takes_calls":true}\n' "$1"
	printf '{"type":"transition","at":"2026-01-02T03:04:05Z","node":"%s",' sip2
	printf '"check":"sip","from":"UNKNOWN","to":"OK","takes_calls":true}\n'
	printf '{"type":"alive","at":"2026-01-02T03:04:06Z","interval_s":10}\n'
}

# steered FORMAT OPTION...: what steer prints of records on its standard input
steered() {
	local format=$1

	shift
	"$FP_BUILD/fp-health" steer --format "$format" --cluster cluster.ini \
		--node opensips --state "$tmp" "$@" -
}

needs_steer() {
	needs_tool
	cat >cluster.ini <<-END
	[opensips]
	sip1 ansible_host=192.0.2.11 fp_sip=udp:192.0.2.11:5060
	sip2 ansible_host=192.0.2.12 fp_sip=udp:192.0.2.12:5060
	[freeswitch]
	fs1 ansible_host=192.0.2.21 fp_sip=udp:192.0.2.21:5060
	END
}

# options_are_there WORD...: each of them that looks like one is fp-health's
options_are_there() {
	local table word

	table=$("$FP_BUILD/fp-health" --dump-options)
	for word; do
		case $word in
		--*) ;;
		*) continue ;;
		esac
		awk -F '\t' -v o="${word%%=*}" '$2 == o { found = 1 }
			END { exit !found }' <<<"$table" ||
			{ echo "no option $word"; return 1; }
	done
}

# ---- systemd

# command_of UNIT: what its shell is given, on one line as systemd joins them
command_of() {
	sed -e ':a; /\\$/N; s/\\\n[ \t]*/ /; ta' "$examples/systemd/$1" |
		sed -n "s/^ExecStart=.*sh -c '\(.*\)'$/\1/p"
}

@test "systemd's watchdog and restarts stand for watch and steer" {
	unit=$examples/systemd/fp-health-watch.service
	for line in Type=notify Restart=always User=fastpath; do
		grep -qx "$line" "$unit"
	done
	grep -q '^WatchdogSec=' "$unit"
}

@test "the commands of units are ones of a shell, and of fp-health" {
	needs_tool
	for unit in "$examples"/systemd/fp-health-*.service; do
		command=$(command_of "${unit##*/}")
		[ -n "$command" ]
		bash -n -c "$command"
		# shellcheck disable=SC2046 # words
		options_are_there $(grep -oE -- '--[a-z-]+' <<<"$command")
	done
}

@test "fp-health-watch.service: steer is its process, and ends with watch" {
	mkdir bin
	cat >bin/fp-health <<-'END'
	#!/bin/bash
	case $1 in
	watch) echo '{"type":"alive"}'; sleep 0.2 ;;
	steer) echo "steer $* is $$"; cat ;;
	esac
	END
	chmod +x bin/fp-health
	command=$(command_of fp-health-watch.service |
		sed "s|/usr/sbin|$tmp/bin|g; s/[\$][\$]/\$/g")
	STEER_OPTIONS='--max-down 34' bash -c "$command" >out &
	pid=$!
	wait $pid
	same "$(<out)" "steer steer --max-down 34 - is $pid
{\"type\":\"alive\"}"
}

@test "fp-health-watch.service: its main process says READY and WATCHDOG" {
	needs_tool
	needs python3
	printf '[x]\na fp_sip=udp:127.0.0.1:5\n' >cluster.ini
	cat >listen.py <<-'END'
	import socket
	s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
	s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
	s.bind('notify')
	while True:
	    text, more, _, _ = s.recvmsg(4096, 128)
	    pid = int.from_bytes(more[0][2][:4], 'little')
	    print(pid, text.decode().splitlines()[0], flush=True)
	END
	python3 listen.py >notified 2>&1 3>&- 4>&- &
	pids+=($!)
	lab_wait 5 test -S notify
	command=$(command_of fp-health-watch.service |
		sed "s|/usr/sbin|$FP_BUILD|g; s/[\$][\$]/\$/g")
	# shellcheck disable=SC2016 # for the inner shells
	FP_CLUSTER=$tmp/cluster.ini FP_STATE=$tmp NOTIFY_SOCKET=$tmp/notify \
		WATCHDOG_USEC=2000000 STEER_OPTIONS='--override lock' \
		WATCH_OPTIONS='--interval 200ms --timeout 100ms' \
		background bash -c 'WATCHDOG_PID=$$ exec bash -c "$1"' bash \
		"$command"
	main=$!
	lab_wait 10 grep -q "^$main READY=1" notified ||
		{ cat log notified; false; }
	lab_wait 10 grep -q "^$main WATCHDOG=1" notified ||
		{ cat log notified; false; }
}

@test "fp-health-check.service: the file appears whole, whatever the state" {
	mkdir bin
	cat >bin/fp-health <<-'END'
	#!/bin/bash
	[ -z "$BROKEN" ] || exit 3
	echo up 1
	exit 2
	END
	chmod +x bin/fp-health
	command=$(command_of fp-health-check.service |
		sed "s|/usr/sbin|$tmp/bin|g")
	run -0 sh -c "$command"
	same "$(<fp-health.prom)" 'up 1'
	BROKEN=1 run -1 sh -c "$command"
	same "$(<fp-health.prom)" 'up 1'
}

# ---- keepalived

# The example on this host: users, paths and the NIC are those that there are.
keepalived_conf() {
	sed -e "s|/usr/sbin/fp-health|$1|" \
		-e "s|/usr/local/sbin/fp-notify|$examples/keepalived/fp-notify|" \
		-e "s/keepalived_script$/nobody/" -e 's/_script *$/_script/' \
		"$examples/keepalived/keepalived.conf" |
		sed 's/\(script_user\|fp-notify sip1"\).*/\1 nobody/' >k.conf
}

veth() {
	ip link del eth0 2>/dev/null || :
	ip link add eth0 type veth peer name eth1
	ip addr add 192.0.2.11/24 dev eth0
	ip link set eth0 up
	ip link set eth1 up
}

# keepalived 2.2.7 -t kills itself when scripts have a user, unless it is the first
# process of a namespace.
keepalived_test() { unshare --pid --fork keepalived -t -f "$1"; }

@test "keepalived takes the example" {
	needs keepalived
	needs_root
	veth
	keepalived_conf /bin/true
	keepalived_test k.conf >out 2>&1 || { cat out k.conf; false; }
	same "$(<out)" ''
	sed 's/interval/intervall/' k.conf >bad.conf
	run ! keepalived_test bad.conf
}

@test "keepalived's script is a check that fp-health takes" {
	needs_tool
	read -r _ check words < <(sed -n \
		's/.*script "\([^"]*fp-health check[^"]*\)"/\1/p' \
		"$examples/keepalived/keepalived.conf")
	same "$check" check
	# shellcheck disable=SC2086 # words
	options_are_there $words
}

@test "keepalived's notify script logs, and marks a node that failed" {
	mkdir bin
	for tool in logger fp-health; do
		printf '#!/bin/sh\necho "%s $*" >>%s/said\n' $tool "$tmp" \
			>bin/$tool
		chmod +x bin/$tool
	done
	for state in MASTER BACKUP FAULT; do
		PATH=$tmp/bin:$PATH run -0 "$examples/keepalived/fp-notify" \
			sip1 INSTANCE sip $state 100
	done
	same "$(grep -c '^logger.*sip1: sip is' said)" 3
	same "$(grep -c '^fp-health' said)" 1
	grep -q "^fp-health maintain sip1 --for 15m --why keepalived: sip FAULT" \
		said
	needs_tool
	# shellcheck disable=SC2046 # words
	options_are_there $(grep ^fp-health said)
}

# Answers OPTIONS on 192.0.2.11:5060, until it is killed.
answerer() {
	cat >answerer.py <<-'END'
	import re, socket
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.bind(('192.0.2.11', 5060))
	while True:
	    text, who = s.recvfrom(4096)
	    keep = re.findall(rb'(?im)^(?:via|from|to|call-id|cseq):.*$', text)
	    s.sendto(b'SIP/2.0 200 OK\r\n' + b'\n'.join(keep) +
	             b'\nContent-Length: 0\r\n\r\n', who)
	END
	background python3 answerer.py
	answerer=$!
}

has_address() { ip -4 addr show dev eth0 | grep -q '192\.0\.2\.10/'; }
lacks_address() { ! has_address; }

@test "the address follows SIP: keepalived, fp-health and a server that dies" {
	needs keepalived python3
	needs_root
	needs_tool
	veth
	answerer
	printf '#!/bin/sh\necho "$*" >>%s/notified\n' "$tmp" >notify
	chmod +x notify
	# as root here, for directories of a test are not everybody's; faster
	keepalived_conf "$FP_BUILD/fp-health"
	sed -i -e "s|[^ \"]*/fp-notify|$tmp/notify|; s/ nobody$/ root/" \
		-e "s|/etc/keepalived/|$examples/keepalived/|" \
		-e "s|/var/lib/keepalived_script|$tmp|" \
		-e 's/interval 2/interval 1/; s/rise 3/rise 1/' k.conf
	background keepalived -n -l -D -f k.conf -p k.pid -r v.pid
	lab_wait 10 has_address || { cat log; false; }
	kill -9 "$answerer"
	lab_wait 10 lacks_address || { cat log; false; }
	grep -q '^sip1 INSTANCE sip FAULT' notified
	answerer
	lab_wait 10 has_address || { cat log; false; }
}

# ---- Icinga

# Its own program is not in every Debian: braces and quotes end, each line is of
# a form that its language has, each option is one of fp-health.
@test "Icinga's objects are well-formed, and name options that there are" {
	conf=$examples/icinga2/fp-health.conf
	python3 - "$conf" <<-'END'
	import re, sys
	text = re.sub(r'/\*.*?\*/', '', open(sys.argv[1]).read(), flags=re.S)
	depth, form = [], re.compile(
	    r'(object \w+ "[\w-]+" \{|template \w+ "[\w-]+" \{|'
	    r'apply \w+ "[\w-]+" \{|"--[a-z-]+" = (\{|"\$\w+\$"|"\w+")|'
	    r'arguments = \{|\}|import "[\w-]+"|assign where .+|'
	    r'[\w.]+ = ("[^"]*"|\d+[smh]?|true|false|\[ .* \]|host\.vars\.\w+))$')
	for line in text.splitlines():
	    line = line.strip()
	    if not line:
	        continue
	    if not form.match(line):
	        sys.exit('not of its language: ' + line)
	    if line.endswith('{'):
	        depth.append(line)
	    elif line == '}':
	        depth.pop()
	if depth:
	    sys.exit('not ended: ' + depth[-1])
	END
	needs_tool
	# shellcheck disable=SC2046 # words
	options_are_there $(grep -oE '"--[a-z-]+"' "$conf" | tr -d '"')
	# every value that it takes from a host or service is one that is set
	grep -oE '\$fp_[a-z_]+\$' "$conf" | sort -u | grep -q fp_timeout
}

# ---- Prometheus

@test "promtool takes the alerts, and they fire on what they are for" {
	needs promtool
	run -0 promtool check rules "$examples/prometheus/fp-health.rules.yml"
	cp "$examples"/prometheus/*.yml .
	run -0 promtool test rules fp-health.test.yml
}

@test "the alerts are on metrics that fp-health check has" {
	needs_tool
	printf '[x]\nsip1 fp_sip=udp:127.0.0.1:1\n' >cluster.ini
	run "$FP_BUILD/fp-health" check --format prometheus --state . \
		--cluster cluster.ini --timeout 1s
	for name in $(grep -ohE 'fastpath_[a-z_]+' \
		"$examples/prometheus/fp-health.rules.yml" | sort -u); do
		case $name in
		# one server that is away has no figures
		fastpath_figure_*) continue ;;
		esac
		grep -qE "^${name}[ {]" <<<"$output" || { echo "no $name"; false; }
	done
}

# ---- HAProxy

haproxy_conf() {
	sed -e "s|/run/haproxy|$tmp|; /user haproxy/d; /group haproxy/d" \
		"$examples/haproxy/haproxy.cfg" >h.cfg
}

api() { socat -t 2 - "UNIX-CONNECT:$tmp/admin.sock"; }

# state SERVER: its srv_admin_state (1: maint) and srv_uweight
state() {
	echo 'show servers state sip_tls' | api |
		awk -v s="$1" '$4 == s { print $7, $8 }'
}

# pipe_of FILE: what follows steer in the pipe that its head has, less the marks
# of comments
pipe_of() {
	sed -n '/fp-health steer/,/done$/ s/^# *//p' "$1" | sed 1d |
		sed "s|/run/haproxy|$tmp|"
}

@test "HAProxy takes the example without a warning" {
	needs haproxy
	haproxy_conf
	run -0 haproxy -c -f h.cfg
	same "$output" 'Configuration file is valid'
}

@test "HAProxy does what steer says" {
	needs haproxy socat
	needs_root
	haproxy_conf
	background haproxy -db -f h.cfg
	lab_wait 5 test -S admin.sock
	same "$(state sip1)" '0 1'
	needs_steer
	pipe_of "$examples/haproxy/haproxy.cfg" >pipe
	grep -q '^while read' pipe
	steered haproxy --backend sip_tls <<<"$(records CRITICAL)" | bash -e pipe
	same "$(state sip1) $(state sip2)" '0 0 0 1'
	# an operator's word stays
	echo 'set server sip_tls/sip2 state maint' | api
	steered haproxy --backend sip_tls <<<"$(records OK)" | bash -e pipe
	same "$(state sip1) $(state sip2)" '0 1 1 1'
}

@test "examples that print lines for others say whom they mean" {
	n=0
	for file in "$examples/haproxy/haproxy.cfg" \
		"$examples/dns/named.conf" "$top/man/fp-health.8"; do
		while read -r line; do
			[[ $line == *' -N opensips '* ]] || { echo "$line"; false; }
			n=$((n + 1))
		done < <(sed -e 's|^[#/]* *||; s/\\e$/\\/' "$file" |
			sed -e ':a; /\\$/N; s/\\\n */ /; ta' |
			grep -E 'fp-health steer .*--format (nsupdate|haproxy)')
	done
	same $n 4
}

# ---- DNS

dns_conf() {
	tsig-keygen fp-health >fp-health.key
	cp "$examples/dns/sip.example.net.zone" .
	sed "s|/etc/bind|$tmp|; s|/var/lib/bind|$tmp|" \
		"$examples/dns/named.conf" >zone.conf
}

@test "BIND takes the zone and who may change what" {
	needs named-checkconf named-checkzone tsig-keygen
	dns_conf
	run -0 named-checkconf -z zone.conf
	run -0 named-checkzone sip.example.net sip.example.net.zone
}

# addresses: of the name, sorted
addresses() {
	dig +short +time=1 +tries=1 -p 5300 @127.0.0.1 A edge.sip.example.net |
		sort | xargs
}

update() { nsupdate -t 2 -k fp-health.key; }

@test "nsupdate may change that name, and no other" {
	needs named nsupdate dig tsig-keygen
	needs_root
	dns_conf
	cat >named.conf <<-END
	options {
		directory "$tmp"; listen-on port 5300 { 127.0.0.1; };
		listen-on-v6 { none; }; pid-file "$tmp/named.pid";
		session-keyfile "$tmp/session.key"; recursion no;
		dnssec-validation no;
	};
	controls { };
	include "$tmp/zone.conf";
	END
	background named -g -c named.conf
	lab_wait 10 dig_works
	same "$(addresses)" '192.0.2.11 192.0.2.12'
	run ! update <<-END
	server 127.0.0.1 5300
	zone sip.example.net
	update add www.sip.example.net 30 A 192.0.2.66
	send
	END
	[[ $output == *REFUSED* ]]
	needs_steer
	{
		echo server 127.0.0.1 5300
		steered nsupdate --zone sip.example.net \
			--name edge.sip.example.net <<<"$(records CRITICAL)"
	} >lines
	update <lines
	same "$(addresses)" 192.0.2.12
	{
		echo server 127.0.0.1 5300
		steered nsupdate --zone sip.example.net \
			--name edge.sip.example.net <<<"$(records OK)"
	} >lines
	update <lines
	same "$(addresses)" '192.0.2.11 192.0.2.12'
}

dig_works() { [ -n "$(addresses)" ]; }

# ---- OpenSIPS

needs_opensips() {
	opensips=${FP_OPENSIPS_PREFIX:-/nonexistent}/sbin/opensips
	[ -x "$opensips" ] ||
		skip 'FP_OPENSIPS_PREFIX is not set: no OpenSIPS'
}

# opensips_conf FRAGMENT MODULE...: the last of them has the tables in db
opensips_conf() {
	local fragment=$1 module

	shift
	cat <<-END
	log_level=2
	stderror_enabled=yes
	syslog_enabled=no
	udp_workers=2
	socket=udp:127.0.0.1:5070
	mpath="$(echo "$FP_OPENSIPS_PREFIX"/lib*/opensips/modules)/"
	END
	for module in proto_udp signaling sl tm rr sipmsgops db_text \
		mi_datagram "$@"; do
		echo "loadmodule \"$module.so\""
	done
	cat <<-END
	modparam("mi_datagram", "socket_name", "udp:127.0.0.1:8080")
	modparam("${!#}", "db_url", "text://$tmp/db")
	include_file "$fragment"
	route {
		if (is_method("INVITE") && !has_totag())
			route(to_media);
		\$du = "sip:127.0.0.22:5060";
		t_relay();
	}
	END
}

# tables: a server that is not there, and one that is
tables() {
	mkdir -p db
	cat >db/version <<-'END'
	table_name(string) table_version(int)
	dispatcher:9
	load_balancer:3
	END
	cat >db/dispatcher <<-'END'
	id(int,auto) setid(int) destination(string) socket(string,null) state(int) probe_mode(int) weight(string) priority(int) attrs(string,null) description(string,null)
	1:1:sip\:127.0.0.21\:5060::0:1:1:0::
	2:1:sip\:127.0.0.22\:5060::0:1:1:0::
	END
	cat >db/load_balancer <<-'END'
	id(int,auto) group_id(int) dst_uri(string) resources(string) probe_mode(int) attrs(string,null) description(string,null)
	1:1:sip\:127.0.0.21\:5060:calls=30:2::
	2:1:sip\:127.0.0.22\:5060:calls=20:2::
	END
}

# mi COMMAND [PARAMETERS]
mi() {
	echo "{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"method\":\"$1\"," \
		"\"params\":${2-[]}}" |
		socat -t 1 - UDP:127.0.0.1:8080
}
mi_works() { mi version | grep -q OpenSIPS; }

# serve FILE: OpenSIPS, and one of its two servers
serve() {
	background "$opensips" -F -f "$1"
	background sipp -sf "$top/test/lab/uas.xml" -i 127.0.0.22 -p 5060 \
		-nostdin -nd
	lab_wait 5 mi_works || { cat log; false; }
}

# calls N: N calls by OpenSIPS; each that meets the dead server waits 3 s
calls() {
	timeout 30 sipp -sf "$top/test/lab/uac.xml" -key user service \
		-i 127.0.0.1 -p 5090 -m "$1" -r 1 -rp 500 -nostdin \
		-timeout 20s -timeout_error 127.0.0.1:5070 >calls 2>&1 ||
		{ tail -n 30 log calls; return 1; }
}

is_calling() {
	[ "$(mi get_statistics '{"statistics":["inuse_transactions"]}' |
		jq '.result["tm:inuse_transactions"]')" -gt 0 ]
}

destinations() {
	mi ds_list | jq -r '.result.PARTITIONS[].SETS[].Destinations[] |
		"\(.URI) \(.state)"' | sort
}

@test "OpenSIPS takes the failure routes" {
	needs_opensips
	tables
	opensips_conf "$examples/opensips/dispatcher-failover.cfg" \
		dispatcher >ds.cfg
	run -0 "$opensips" -C -f ds.cfg
	opensips_conf "$examples/opensips/load-balancer-failover.cfg" \
		dialog load_balancer >lb.cfg
	run -0 "$opensips" -C -f lb.cfg
	sed 's/ds_next_dst/ds_other_dst/' \
		"$examples/opensips/dispatcher-failover.cfg" >bad
	opensips_conf "$tmp/bad" dispatcher >bad.cfg
	run ! "$opensips" -C -f bad.cfg
}

@test "calls that meet a dead server go to the next: dispatcher" {
	needs_opensips
	needs sipp socat jq
	tables
	opensips_conf "$examples/opensips/dispatcher-failover.cfg" \
		dispatcher >ds.cfg
	echo 'modparam("dispatcher", "ds_probing_threshold", 1)' >>ds.cfg
	serve ds.cfg
	calls 4
	same "$(destinations)" "sip:127.0.0.21:5060 Probing
sip:127.0.0.22:5060 Active"
}

@test "a call that waits for a server does not undo who set it inactive" {
	needs_opensips
	needs sipp socat jq
	tables
	# 8: by priority, the dead one first
	sed 's/(1, 4,/(1, 8,/' "$examples/opensips/dispatcher-failover.cfg" \
		>priority.cfg
	sed -i '/127.0.0.21/s/:0::$/:9::/' db/dispatcher
	opensips_conf "$tmp/priority.cfg" dispatcher >ds.cfg
	echo 'modparam("dispatcher", "ds_probing_threshold", 1)' >>ds.cfg
	serve ds.cfg
	calls 1 &
	pid=$!
	lab_wait 5 is_calling
	mi ds_set_state '{"state":"i","group":"1",
		"address":"sip:127.0.0.21:5060"}' | grep -q OK
	wait $pid
	same "$(destinations)" "sip:127.0.0.21:5060 Inactive
sip:127.0.0.22:5060 Active"
}

@test "calls that meet a dead server go to the next: load_balancer" {
	needs_opensips
	needs sipp socat jq
	tables
	opensips_conf "$examples/opensips/load-balancer-failover.cfg" \
		dialog load_balancer >lb.cfg
	serve lb.cfg
	calls 4
	same "$(mi lb_list | jq -r '.result.Destinations[] |
		"\(.uri) \(.enabled)"' | sort)" "sip:127.0.0.21:5060 no
sip:127.0.0.22:5060 yes"
}

# ---- fp-health(8)

# A program that takes what NAME takes: verbs, and options of that verb.
stand_in() {
	cat >"bin/$1" <<-'EOF'
	#!/bin/bash
	name=${0##*/} verb=$1
	table=$("$FP_BUILD/$name" --dump-options) || exit
	awk -F '\t' -v v="$verb" '$1 == v && $2 == "-" { found = 1 }
		END { exit !found }' <<<"$table" || exit 97
	for word; do
		case $word in
		--) break ;;
		--*)
			awk -F '\t' -v v="$verb" -v o="${word%%=*}" '
				$2 == o && ($1 == v || $1 == "*" || $1 == "-") {
					found = 1
				}
				END { exit !found }' <<<"$table" || exit 98
			;;
		esac
	done
	[ "$name $verb" != 'fp-health steer' ] || cat >/dev/null
	echo "$name $verb" >>ran
	EOF
	chmod +x "bin/$1"
}

@test "the examples of fp-health(8) are commands that there are" {
	needs_tool
	mkdir bin
	stand_in fp-health
	stand_in fp-block
	printf '#!/bin/sh\ncat >/dev/null\n' >bin/nsupdate
	chmod +x bin/nsupdate
	n=0
	while IFS= read -r -d '' example; do
		echo "$example"
		PATH=$tmp/bin:$PATH run -0 bash -e -o pipefail -c "$example"
		n=$((n + 1))
	done < <(examples fp-health.8)
	[ $n -ge 6 ]
	for verb in status check watch steer peers maintain; do
		grep -qx "fp-health $verb" ran
	done
	# a word that is none is found
	run -98 bin/fp-health check --nonsense
	run -97 bin/fp-health look
}

# A FreeSWITCH, an OpenSIPS and fp_db on this host, that the cluster file names.
world() {
	source "$top/test/lab/postgres.sh"
	background python3 "$top/test/fake/freeswitch" --ip 127.0.0.21 \
		--name fs1
	mkdir -p proxy/db
	printf '%s\n' 'id(int,auto) setid(int) destination(string) weight(string)' \
		'1:1:sip\:127.0.0.21\:5060:1' >proxy/db/dispatcher
	background python3 "$top/test/fake/opensips" run proxy --cluster '' \
		--no-probes
	pg_up || { cat log; return 1; }
	pg_sql 'create role fastpath nologin; grant fastpath to ctl'
	cat >cluster.ini <<-END
	[opensips]
	sip1 fp_sip=udp:127.0.1.1:5060 fp_mi=udp:127.0.1.1:8080
	[freeswitch]
	fs1 fp_sip=udp:127.0.0.21:5060 fp_esl=127.0.0.21:8021
	[all:vars]
	fp_db=$PG_DB
	END
	lab_wait 5 test -S proxy/ctl || { cat log; return 1; }
	lab_wait 5 grep -q up log
	"$top/test/fake/opensips" ctl proxy command clusterer_list no
	"$top/test/fake/opensips" ctl proxy command clusterer_list_cap no
}

@test "the examples of fp-health(8) run, but for those that never end" {
	needs_tool
	needs python3
	needs_root
	[ -n "$(ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null)" ] ||
		skip 'no PostgreSQL'
	world
	trap pg_down EXIT
	export FP_CLUSTER=$tmp/cluster.ini FP_STATE=$tmp PATH=$FP_BUILD:$PATH
	run -0 fp-health setup --admin "$PG_ADMIN"
	n=0
	while IFS= read -r -d '' example; do
		# the first line alone never changes what follows
		example=$(grep -v 'fp-health steer$' <<<"$example")
		case $example in
		*nsupdate*) continue ;;
		esac
		echo "$example"
		run timeout 20 bash -e -c "$example"
		[ "$status" = 0 ] || [[ $example == *fp-block* &&
			$output == *'NOT in force'* && $status = 3 ]] ||
			{ echo "$status: $output"; pg_down; false; }
		n=$((n + 1))
	done < <(examples fp-health.8)
	[ $n -ge 5 ]
	same "$(fp-block list peers -o prefix)" 127.0.0.21
	pg_down
	trap - EXIT
}

@test "records have the fields that fp-health(8) names, in order" {
	needs_tool
	printf '[x]\na fp_sip=udp:127.0.0.1:5 fp_esl=127.0.0.1:6\n' >cluster.ini
	export FP_CLUSTER=$tmp/cluster.ini FP_STATE=$tmp
	page=$(mandoc -Tascii -O width=1000 "$top/man/fp-health.8" | col -b |
		tr -s '[:space:]' ' ' | sed 's/ ([^)]*)//g')
	for verb in check status watch steer weights peers maintain setup; do
		run --separate-stderr -3 "$FP_BUILD/fp-health" $verb -o nope \
			</dev/null
		fields=${stderr##*which has: }
		[ "$fields" != "$stderr" ]
		[[ $page == *"${fields// /, }"[,.\;\ ]* ]] ||
			{ echo "$verb: $fields"; false; }
	done
}

@test "every rule that refuses is on fp-health's page" {
	rules=$(grep -rhoE 'fp_refuse\(\s*[^,]*, "[a-z-]+"' \
		"$top"/cmd/fp-health "$top"/lib/health "$top"/lib/peer/pg*.c |
		grep -oE '"[a-z-]+"' | tr -d '"' | sort -u)
	[ "$(wc -w <<<"$rules")" -ge 2 ]
	for rule in $rules; do
		grep -qE "^\.It Cm $rule\b" "$top/man/fp-health.8" ||
			{ echo "$rule"; false; }
	done
}
