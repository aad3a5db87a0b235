# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Cases of the management interface that run alike with the stand-in
# (test/bats/fp-health-mi.bats) and with real OpenSIPS
# (test/real/opensips-mi.bats).
# shellcheck disable=SC2034,SC2154

MI_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=test/real/opensips.bash
source "$MI_SOURCE/opensips.bash"

mi_setup_file() {
	export OS_DIR=$BATS_FILE_TMPDIR/os
	os_up "$OS_DIR"
}
mi_teardown_file() { [ ! -d "$OS_DIR" ] || os_down; }
mi_setup() {
	declare -gA os_pid=()
	mi=$FP_BUILD/test/prog/mi
}

# is TEXT: the output; has TEXT: there is a line like it.
is() { [ "$output" = "$1" ] || { diff <(echo "$1") <(echo "$output"); false; }; }
has() { grep -qE -- "$1" <<<"$output" || { echo "no $1 in:"; echo "$output"; false; }; }

view() { "$mi" -v "$(os_any "$1")"; }
# dest NODE KIND URI: its state there ("active", "inactive forever").
dest() {
	view "$1" | sed -n "s|^dest $2 [^ ]* $3 [^ ]* \(.*\) weight=.*|\1|p"
}
dest_is() { [ "$(dest "$1" "$2" "$3")" = "$4" ]; }
dispatch() { # STATE ADDRESS
	os_ask 1 ds_set_state \
		"{\"state\":\"$1\",\"group\":\"1\",\"address\":\"sip:$2:5060\"}"
}
peer() { # ADDRESS WORDS...
	echo "${@:2}" >"$OS_DIR/peers/$1"
}
asked() { cat "$OS_DIR/peers/$1.asked" 2>/dev/null || echo 0; }
is_asked_more() { [ "$(asked "$1")" -gt "$2" ]; }
next_question() { os_wait 5 is_asked_more "$1" "$(asked "$1")"; }

# ---- what it says, byte by byte

case_replies() {
	run "$MI_SOURCE/raw.py" udp 127.0.1.1:8080 <<'END'
{"jsonrpc":"2.0","id":"1","method":"version"}
{"jsonrpc":"2.0","id":9007199254740993,"method":"uptime"}
{"jsonrpc":"2.0","id":null,"method":"uptime"}
garbage
{"jsonrpc":"2.0","id":"1","method":"uptime"
[{"jsonrpc":"2.0","id":1,"method":"uptime"}]
{"jsonrpc":"2.0","id":"1","method":"nosuch"}
{"jsonrpc":"2.0","method":"uptime"}
{"id":"1","method":"uptime"}
{"jsonrpc":"2.0","id":"1","method":"ds_set_state","params":{"x":1}}
{"jsonrpc":"2.0","id":"1","method":"which","params":{"x":1}}
{"jsonrpc":"2.0","id":"1","method":"which","params":{"command":"nope"}}
{"jsonrpc":"2.0","id":"1","method":"get_statistics"}
{"jsonrpc":"2.0","id":"1","method":"get_statistics","params":{"statistics":["nosuch","dialog:active_dialogs"]}}
{"jsonrpc":"2.0","id":"1","method":"get_statistics","params":{"statistics":["active_dialogs"]}}
{"jsonrpc":"2.0","id":"1","method":"sr_list_reports","params":{"group":"nosuch"}}
{"jsonrpc":"2.0","id":"1","method":"sr_list_reports","params":{"group":"clusterer","identifier":"nosuch"}}
{"jsonrpc":"2.0","id":"1","method":"ds_list","params":["1"]}
{"jsonrpc":"2.0","id":"1","method":"dlg_list","params":["0","10"]}
{"jsonrpc":"2.0","id":"1","method":"ds_set_state","params":{"state":"x","group":"1","address":"sip:127.0.2.2:5060"}}
{"jsonrpc":"2.0","id":"1","method":"ds_set_state","params":{"state":"i","group":"9","address":"sip:127.0.2.2:5060"}}
{"jsonrpc":"2.0","id":"1","method":"ds_set_state","params":{"state":"i","group":"x","address":"sip:127.0.2.2:5060"}}
{"jsonrpc":"2.0","id":"1","method":"ds_set_state","params":{"state":"a","group":1,"address":"sip:127.0.2.2:5060"}}
{"jsonrpc":"2.0","id":"1","method":"lb_status","params":{"destination_id":1}}
{"jsonrpc":"2.0","id":"1","method":"lb_status","params":{"destination_id":99}}
{"jsonrpc":"2.0","id":"1","method":"lb_resize","params":{"destination_id":3,"res_name":"xx","new_capacity":55}}
{"jsonrpc":"2.0","id":"1","method":"rtpengine_enable","params":{"url":"udp:9.9.9.9:1","enable":0}}
{"jsonrpc":"2.0","id":"1","method":"rtpengine_enable","params":{"url":"udp:127.0.2.31:2223","enable":0,"setid":7}}
{"jsonrpc":"2.0","id":"1","method":"clusterer_shtag_set_active","params":{"tag":"vip1"}}
{"jsonrpc":"2.0","id":"1","method":"clusterer_shtag_set_active","params":{"tag":"vip1/9"}}
{"jsonrpc":"2.0","id":"1","method":"clusterer_list_cap"}
{"jsonrpc":"2.0","id":"1","method":"dr_gw_status"}
{"jsonrpc":"2.0","id":"1","method":"address_dump"}
{"jsonrpc":"2.0","id":"1","method":"subnet_dump"}
END
	is "$(cat "$MI_SOURCE/opensips-mi.replies")"
}

case_http() {
	local u='{"jsonrpc":"2.0","id":"1","method":"version"}' pad
	local post='POST /mi HTTP/1.1\r\nHost: x\r\nContent-Type: application/json'

	printf -v pad '%1500s' ''
	run "$MI_SOURCE/raw.py" http 127.0.1.1:8888 <<-END
		$post\r\nContent-Length: ${#u}\r\n\r\n$u
		$post\r\nConnection: close\r\nContent-Length: ${#u}\r\n\r\n$u
		$post\r\nContent-Length: 5\r\n\r\n{"jso
		$post\r\nContent-Length: 35\r\n\r\n{"jsonrpc":"2.0","method":"uptime"}
		$post\r\nContent-Length: 0\r\n\r\n
		$post\r\nContent-Length: $((${#u} + 1500))\r\n\r\n$u$pad
		POST /mi/x HTTP/1.1\r\nContent-Type: application/json; charset=utf-8\r\nHost: x\r\nContent-Length: ${#u}\r\n\r\n$u
		POST /x HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${#u}\r\n\r\n$u
		POST /mi HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: ${#u}\r\n\r\n$u
		POST /mi HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${#u}\r\n\r\n$u
		GET /mi HTTP/1.1\r\nHost: x\r\n\r\n
	END
	is "$(cat "$MI_SOURCE/opensips-mi.http")"
}

# ---- transports

case_transports() {
	local t

	for t in '1 udp' '1 fifo' '1 http' '2 unix' '2 fifo' '2 http'; do
		# shellcheck disable=SC2086 # two words
		run -0 "$mi" "$(os_mi $t)" version
		is 'result {"Server":"OpenSIPS (3.6.8 (x86_64/linux))"}'
	done
	# an error is an answer
	run -0 "$mi" "$(os_mi 1 http)" nosuch
	is 'error -32601 Method not found'
}

case_many() {
	local t n

	for t in '1 udp' '1 fifo' '2 unix' '2 fifo'; do
		for n in 1 16 256; do
			# shellcheck disable=SC2086 # two words
			run -0 "$mi" -n 2000 -w $n "$(os_mi $t)" version
			has '^2000 of 2000 in'
		done
	done
	run -0 "$mi" -n 100 -w 16 "$(os_mi 1 http)" version
	has '^100 of 100 in'
	run ls "$OS_DIR/1" "$OS_DIR/2"
	[[ $output != *fp-* ]]
}

case_nobody() {
	run -0 "$mi" udp:127.0.1.1:8081 uptime
	is 'failed ECONNREFUSED udp:127.0.1.1:8081: nobody listens there'
	run -0 "$mi" http://127.0.1.1:8889/mi uptime
	is 'failed ECONNREFUSED http://127.0.1.1:8889/mi: nobody listens there'
	run "$mi" "unix:$OS_DIR/no" uptime
	is "failed ENOENT unix:$OS_DIR/no: No such file or directory"
	run "$mi" "fifo:$OS_DIR/no" uptime
	is "failed ENOENT fifo:$OS_DIR/no: No such file or directory"
	mkfifo "$BATS_TEST_TMPDIR/f"
	run "$mi" "fifo:$BATS_TEST_TMPDIR/f" uptime
	is "failed ECONNREFUSED fifo:$BATS_TEST_TMPDIR/f: nobody reads it"
	run "$mi" "fifo:$OS_DIR/1/db/version" uptime
	has '^failed EINVAL .*: not a FIFO'
	run "$mi" tcp:127.0.1.1:8080 uptime
	has '^failed EINVAL "tcp:127.0.1.1:8080": the management interface is'
}

case_too_long() {
	local x

	run -0 "$mi" "$(os_mi 3 udp)" ds_list
	is 'failed EMSGSIZE the reply to ds_list is too long for a datagram ("500 Internal error")'
	run -0 "$mi" "$(os_mi 3 http)" ds_list
	has '^failed EPROTO ds_list: HTTP status 500'
	"$mi" "$(os_mi 3 fifo)" ds_list '{"full":1}' >"$BATS_TEST_TMPDIR/list"
	[ "$(grep -o '"URI"' "$BATS_TEST_TMPDIR/list" | wc -l)" = 603 ]
	# the others are there all the same
	run -0 "$mi" -v "$(os_mi 3 udp)"
	has '^failed EMSGSIZE'
	has '^dest load_balancer 1 sip:127.0.2.3:5060 3 active'
	run -0 "$mi" -v "$(os_mi 3 fifo)"
	has '^dest dispatcher 9 sip:10.9.2.109:5060 -1 active'
	# and requests
	printf -v x '%5000s' ''
	run -0 "$mi" "$(os_mi 1 http)" get_statistics "{\"statistics\":[\"$x\"]}"
	has '^failed EPROTO get_statistics: HTTP status 400'
	run -0 "$mi" "$(os_mi 1 fifo)" get_statistics "{\"statistics\":[\"$x\"]}"
	has '^failed E2BIG get_statistics: 5[0-9]* bytes, above 4031 of this'
	run -0 "$mi" "$(os_mi 1 udp)" get_statistics "{\"statistics\":[\"$x\"]}"
	is 'result {}'
	run -0 "$mi" http://127.0.1.1:8888/x uptime
	has '^failed EPROTO uptime: HTTP status 400'
}

# It hangs; the others do not.
case_frozen() {
	local t

	os_signal STOP 1
	for t in udp fifo http; do
		run -0 "$mi" -t 300 "$(os_mi 1 $t)" uptime
		is 'failed ETIMEDOUT no reply to uptime in 300 ms'
	done
	run -0 "$mi" -t 300 -v "$(os_mi 1 udp)"
	is 'failed ETIMEDOUT no reply to which in 300 ms'
	run -0 "$mi" -t 300 "$(os_any 2)" version
	has ^result
	os_signal CONT 1
	os_wait 5 os_answers 1
	run ls "$OS_DIR/1"
	[[ $output != *fp-* ]]
}

# ---- what it says of itself

case_view() {
	run -0 view 2
	has '^version OpenSIPS \(3\.6\.8 '
	has '^up [0-9]+$'
	has '^skew (0|-1|1)$'
	has '^has clusterer dialog dests$'
	has '^dialogs 0 0$'
	has '^shm [0-9]{8} 67108864$'
	has '^sync 0$'
	has '^tag sip2\.0/1 active$'
	has '^tag sip1\.0/1 backup$'
	has '^link 1 Up 1$'
	has '^link 3 Up 3$'
	has '^cap dialog-dlg-repl Ok$'
	has '^dest dispatcher 1 sip:127\.0\.2\.2:5060 -1 active weight=20 '
	has '^dest load_balancer 1 sip:127\.0\.2\.2:5060 2 active .* calls=0/60$'
	has '^dest rtpengine 1 udp:127\.0\.2\.31:2223 -1 active weight=1 '
}

# ---- destinations

case_dispatcher() {
	local to=sip:127.0.2.2:5060

	dispatch i 127.0.2.2
	dest_is 1 dispatcher $to inactive
	next_question 127.0.2.1
	next_question 127.0.2.1
	dest_is 1 dispatcher $to inactive # it is not asked, so it stays
	dest_is 2 dispatcher $to active   # and nobody else was told
	# what is to be "probing" is active now
	dispatch p 127.0.2.2
	dest_is 1 dispatcher $to active
	dispatch a 127.0.2.2
	dest_is 1 dispatcher $to active
}

# The answer to a probe that was out when it was made inactive makes it active.
case_late_probe() {
	local to=sip:127.0.2.2:5060 is_undone=''

	# longer than between two questions, shorter than fr_timeout, which a
	# busy machine may make it miss
	peer 127.0.2.2 delay 1.2
	sleep 1.3 # now each question waits for so long
	for _ in 1 2 3; do
		dispatch i 127.0.2.2
		dest_is 1 dispatcher $to inactive
		os_wait 2 dest_is 1 dispatcher $to active &&
			{ is_undone=yes; break; }
		dispatch a 127.0.2.2
		sleep 1.3
	done
	[ "$is_undone" = yes ]
	# made so again before it is asked again, and when all answers are in
	# and the last question has run into fr_timeout (2 s), it stays
	peer 127.0.2.2 silent
	for _ in {1..16}; do
		dispatch i 127.0.2.2
		sleep 0.2
	done
	peer 127.0.2.2 ok
	next_question 127.0.2.2 # of the load_balancer
	dest_is 1 dispatcher $to inactive
	dispatch a 127.0.2.2
}

case_silent_peer() {
	local to=sip:127.0.2.3:5060

	peer 127.0.2.3 silent
	os_wait 8 dest_is 1 dispatcher $to probing
	os_wait 8 dest_is 1 load_balancer $to probing
	# by hand it goes out, and comes back by hand alone
	dispatch i 127.0.2.3
	dest_is 1 dispatcher $to inactive
	sleep 2.2 # fr_timeout: a question that is out may be asked again
	peer 127.0.2.3 ok
	os_wait 8 dest_is 1 load_balancer $to active
	os_wait 8 dest_is 2 dispatcher $to active
	dest_is 1 dispatcher $to inactive
	dispatch a 127.0.2.3
	dest_is 1 dispatcher $to active
	# a status that is no answer to be content with
	peer 127.0.2.3 503
	os_wait 8 dest_is 1 dispatcher $to probing
	peer 127.0.2.3 ok
	os_wait 8 dest_is 1 dispatcher $to active
}

case_load_balancer() {
	local to=sip:127.0.2.2:5060

	peer 127.0.2.2 delay 1
	next_question 127.0.2.2
	run -0 os_ask 1 lb_status '{"destination_id":2,"new_status":0}'
	is 'result "OK"'
	dest_is 1 load_balancer $to 'inactive forever'
	peer 127.0.2.2 ok
	sleep 1.5 # an answer that comes late changes nothing here
	dest_is 1 load_balancer $to 'inactive forever'
	os_says '"enabled":"no","auto-reenable":"off"' 1 lb_list
	os_ask 1 lb_status '{"destination_id":2,"new_status":1}'
	dest_is 1 load_balancer $to active
	os_says '{"enable":"yes"}' 1 lb_status '{"destination_id":2}'
	run -0 os_ask 1 lb_resize \
		'{"destination_id":2,"res_name":"calls","new_capacity":7}'
	is 'result "OK"'
	run -0 view 1
	has "^dest load_balancer 1 $to 2 active .* calls=0/7$"
}

case_rtpengine() {
	local to=udp:127.0.2.31:2223

	os_ask 1 rtpengine_enable "{\"url\":\"$to\",\"enable\":0,\"setid\":1}"
	dest_is 1 rtpengine $to 'inactive forever'
	dest_is 1 rtpengine udp:127.0.2.32:2223 active
	os_ask 1 rtpengine_enable "{\"url\":\"$to\",\"enable\":2}"
	dest_is 1 rtpengine $to probing
	os_ask 1 rtpengine_enable "{\"url\":\"$to\",\"enable\":1}"
	dest_is 1 rtpengine $to active
}

# ---- the cluster

tag_is() { view "$1" | grep -qx "tag $2/1 $3"; }
link_is() { view "$1" | grep -qE "^link $2 $3$"; }

case_tags() {
	os_ask 1 clusterer_shtag_set_active '{"tag":"sip2.0/1"}'
	os_wait 5 tag_is 1 sip2.0 active
	os_wait 5 tag_is 2 sip2.0 backup
	os_wait 5 tag_is 3 sip2.0 backup
	os_ask 2 clusterer_shtag_set_active '{"tag":"sip2.0/1"}'
	os_wait 5 tag_is 2 sip2.0 active
	os_wait 5 tag_is 1 sip2.0 backup
}

case_sync() {
	run -0 os_ask 2 dlg_cluster_sync
	is 'result "OK"'
	os_wait 5 os_says 'Sync requested from node' 2 sr_list_reports \
		'{"group":"clusterer","identifier":"cap:dialog-dlg-repl"}'
	run -0 view 2
	has '^sync 0$' # done, though its request is reported last
}

case_killed() {
	local t

	os_kill 3
	for t in udp fifo http; do
		run "$mi" "$(os_mi 3 $t)" uptime
		has '^failed ECONNREFUSED '
	done
	# Probe, Down, and Probe again: never straight
	os_wait 5 link_is 1 3 '(Probe|Down) 0'
	os_wait 8 link_is 1 3 'Down 0'
	os_wait 8 link_is 1 3 'Probe 0'
	# its tag goes to one that lives; back it has none
	os_ask 1 clusterer_shtag_set_active '{"tag":"sip3.0/1"}'
	tag_is 1 sip3.0 active
	os_start 3
	os_wait 10 os_answers 3
	os_wait 10 os_is_synced 3
	os_wait 10 link_is 1 3 'Up 3'
	os_wait 5 tag_is 3 sip3.0 backup
	os_ask 3 clusterer_shtag_set_active '{"tag":"sip3.0/1"}'
	os_wait 5 tag_is 1 sip3.0 backup
}

# ---- fp-health check

check_setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export FP_CLUSTER=$PWD/cluster.ini FP_STATE=$PWD/state
	mkdir -p state
	cat >cluster.ini <<-END
		[opensips]
		sip1 ansible_host=127.0.1.1 fp_node_id=1 fp_mi=$(os_mi 1 udp)
		sip2 ansible_host=127.0.1.2 fp_node_id=2 fp_mi=$(os_mi 2 unix),$(os_mi 2 fifo)
		sip3 ansible_host=127.0.1.3 fp_node_id=3 fp_mi_list=$(os_mi 3 fifo)
	END
}
# check STATUS ARG...; said NODE CHECK: its state and detail.
check() { run --separate-stderr "-$1" "$FP_BUILD/fp-health" check -t 1s "${@:2}"; }
said() {
	awk -F '\t' -v n="$1" -v c="$2" '$1 == n && $2 == c { print $3, $6 }' \
		<<<"$output"
}
said_is() { # NODE CHECK REGEX
	[[ $(said "$1" "$2") =~ $3 ]] ||
		{ echo "$1 $2: not $3:"; echo "$output"; false; }
}

case_check() {
	local run

	check_setup
	check 0 --only mi --json
	[ "$(jq -r 'select(.check == "mi" and .state == "OK") | .node' \
		<<<"$output" | xargs)" = \
		'sip1 sip2 sip3' ]
	run=$(jq -r 'select(.node == "sip1") | .run' <<<"$output")
	[[ $run == 20*Z ]]
	has 'OpenSIPS 3\.6\.8, up [0-9]+s, 0 dialogs, 9[0-9] % of shared memory'
	has 'dialogs=0 shm_free=9'
	# the same run is the same text
	sleep 1.1
	check 0 --only mi -N sip1 --json
	[ "$(jq -r 'select(.node == "sip1") | .run' <<<"$output")" = "$run" ]
	os_signal STOP 1
	check 2 --only mi
	os_signal CONT 1
	said_is sip1 mi '^CRITICAL no reply to which in '
	said_is sip2 mi '^OK '
	said_is sip3 mi '^OK '
	os_wait 5 os_answers 1
}

case_check_killed() {
	check_setup
	os_kill 3
	check 2 --only mi
	said_is sip3 mi '^CRITICAL fifo:.*: nobody reads it$'
	os_start 3
	os_wait 10 os_answers 3
	os_wait 10 os_is_synced 3
	check 0 --only mi
	os_ask 3 clusterer_shtag_set_active '{"tag":"sip3.0/1"}'
	sed -i '/^sip3/s|fp_mi_list=.*|fp_mi=http://127.0.1.3:8888/x|' cluster.ini
	check 2 --only mi -N sip3
	said_is sip3 mi '^CRITICAL which: HTTP status 400 '
	sed -i '/^sip3/s|http:.*|udp:127.0.1.3:8080|' cluster.ini
	check 1 --only mi -N sip3
	said_is sip3 mi '^WARNING OpenSIPS .*; the reply to ds_list is too long'
	sed -i '/^sip3/s|udp:127.0.1.3:8080|udp:127.0.1.3:8081|' cluster.ini
	check 2 --only mi -N sip3
	said_is sip3 mi '^CRITICAL udp:127.0.1.3:8081: nobody listens there$'
}
