#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The tests' own RabbitMQ: it runs, speaks TLS, keeps what is durable, and ends.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' variables

bats_require_minimum_version 1.5.0

setup_file() {
	[ "$(id -u)" = 0 ] || skip 'network namespaces need root'
	[ -n "${FP_TEST_BPFFS-}" ] || skip 'needs the namespaces of test/run'
	source test/lab/cluster.sh
	source test/lab/rabbit.sh
	NODE_COMMAND=true cluster_up -x broker 1
	start=$SECONDS
	rabbit_up broker "$(cluster_addr broker)"
	echo "# RabbitMQ is up after $((SECONDS - start)) s" >&3
	rabbit_queue q
}

setup() {
	source test/lab/cluster.sh
	source test/lab/rabbit.sh
}

teardown_file() {
	source test/lab/cluster.sh
	source test/lab/rabbit.sh
	rabbit_down
	cluster_down
}

# rabbit_says HOST ADDRESS: the first frame of AMQP 0-9-1 names its product.
says_amqp() {
	cluster_in "$1" bash -c 'exec 3<>"/dev/tcp/$1/5672" &&
		printf "AMQP\0\0\11\1" >&3 && timeout 2 dd bs=4k count=1 status=none <&3 |
		grep -aq RabbitMQ' bash "$2"
}

# tls CA NAME: does the certificate hold?
tls() {
	cluster_in sip1 openssl s_client -connect 10.77.1.2:5671 -brief \
		-CAfile "$RABBIT_DIR/$1" -verify_return_error "${@:2}" </dev/null
}

@test "AMQP answers on the broker's loopback and address, and nowhere else" {
	says_amqp broker 127.0.0.1
	says_amqp sip1 10.77.1.2
	run ! says_amqp sip1 127.0.0.1
	[ -z "$(ss -Hltn 'sport = 5672')" ]
	[ "$(rabbit_ctl eval '1 + 1.')" = 2 ]
}

@test "the user's password, and no other" {
	rabbit_ctl authenticate_user fastpath "$(<"$RABBIT_DIR/password")"
	run ! rabbit_ctl authenticate_user fastpath guess
	[ "$(stat -c %a "$RABBIT_DIR/password")" = 600 ]
	run ! rabbit_ctl authenticate_user guest guest
}

@test "TLS: the certificate is for its addresses and by its authority" {
	run -0 tls ca.pem -verify_ip 10.77.1.2
	[[ $output == *'Verification: OK'* ]]
	tls ca.pem -verify_hostname localhost
	run ! tls other-ca.pem
	run ! tls ca.pem -verify_ip 10.77.1.3
}

@test "publish and get: any bytes, the timestamp, and none when it is empty" {
	printf 'a"b\n\0\377' >"$BATS_TEST_TMPDIR/body"
	rabbit_publish -t 1234567890 '' q <"$BATS_TEST_TMPDIR/body"
	[ "$(rabbit_count q)" = 1 ]
	rabbit_get q >"$BATS_TEST_TMPDIR/got"
	cmp "$BATS_TEST_TMPDIR/body" "$BATS_TEST_TMPDIR/got"
	[ "$(cat "$RABBIT_DIR/timestamp")" = 1234567890 ]
	run ! rabbit_get q
	run ! rabbit_publish -n 2 nosuch q <<<x
}

# check STATUS STATE DETAIL: what fp-health on the host $on says of it
check() {
	run "-$1" cluster_in "$on" "$FP_BUILD/fp-health" -C "$BATS_TEST_TMPDIR/c.ini" \
		--state "$BATS_TEST_TMPDIR/state" check --only amqp -t 2s -o state,detail
	# shellcheck disable=SC2053 # a glob
	[[ $output == $2$'\t'$3 ]] || { echo "got: $output"; return 1; }
}

@test "fp-health check: in, a wrong password, refused, frozen, an alarm" {
	cd "$BATS_TEST_TMPDIR" || return
	url() {
		rm -f url
		(umask 077 && echo "$1" >url)
		echo "mq fp_amqp_file=$BATS_TEST_TMPDIR/url $2" >c.ini
	}
	[ -x "$FP_BUILD/fp-health" ] || skip 'fp-health is not built'
	password=$(<"$RABBIT_DIR/password")
	on=broker # its certificate has a name for there
	url "amqps://fastpath:$password@localhost" "fp_tls_ca=$RABBIT_DIR/ca.pem"
	check 0 OK 'it takes messages'
	url "amqps://fastpath:$password@localhost" \
		"fp_tls_ca=$RABBIT_DIR/other-ca.pem"
	check 2 CRITICAL '*verif*'
	on=sip1
	url "amqp://fastpath:$password@10.77.1.2"
	check 0 OK 'it takes messages'
	url 'amqp://fastpath:wrong@10.77.1.2'
	check 3 UNKNOWN '*ACCESS_REFUSED*'
	[[ $output != *wrong* ]]
	url "amqp://fastpath:$password@10.77.1.2:1"
	check 2 CRITICAL '*cannot connect*'
	echo 'mq fp_amqp=amqp://guest@10.77.1.2' >c.ini
	check 3 UNKNOWN '*ACCESS_REFUSED*'
	url 'http://nonsense'
	check 3 UNKNOWN 'fp_amqp_file *: not like amqp://USER@HOST:PORT/VHOST'
	chmod 644 url
	check 3 UNKNOWN '*holds a secret, but its mode is 0644*'
	url "amqp://fastpath:$password@10.77.1.2"
	rabbit_ctl set_permissions -p / fastpath '.*' 'x' '.*'
	check 0 OK 'it lets us in; that it takes messages is not seen*'
	rabbit_ctl set_permissions -p / fastpath '.*' '.*' '.*'
	rabbit_freeze
	check 2 CRITICAL 'connected, but the broker says nothing within*'
	rabbit_thaw
	rabbit_full
	alarm() { check 2 CRITICAL 'it takes no messages: an alarm of its own (memory or disk)'; }
	lab_wait 15 alarm
	rabbit_full no
	well() { check 0 OK 'it takes messages'; }
	lab_wait 15 well
}

@test "restart and kill: what was confirmed is there, a queue is not lost" {
	rabbit_publish -n 500 '' q <<<kept
	rabbit_restart
	[ "$(rabbit_count q)" = 500 ]
	rabbit_kill
	run ! says_amqp sip1 10.77.1.2
	rabbit_start
	says_amqp sip1 10.77.1.2
	[ "$(rabbit_count q)" = 500 ]
	[ "$(rabbit_get q)" = kept ]
}

@test "freeze: TCP is taken, nobody speaks; thaw" {
	rabbit_freeze
	cluster_in sip1 bash -c ': <>/dev/tcp/10.77.1.2/5672'
	run ! says_amqp sip1 10.77.1.2
	rabbit_thaw
	lab_wait 5 says_amqp sip1 10.77.1.2
}

# A client over TCP, which stays when the one that began it has gone.
client() {
	rabbit_ctl eval "
		{ok, _} = application:ensure_all_started(amqp_client),
		{ok, _} = amqp_connection:start({amqp_params_network,
			<<\"fastpath\">>, <<\"$(<"$RABBIT_DIR/password")\">>,
			<<\"/\">>, \"10.77.1.2\", 5672, 0, 0, 10, 5000, none,
			[fun amqp_auth_mechanisms:plain/3], [], []}), ok."
}

connections() { rabbit_ctl list_connections --no-table-headers pid | wc -l; }

@test "cut: connections are closed by the broker" {
	no_client() { [ "$(connections)" = 0 ]; }
	client
	[ "$(connections)" = 1 ]
	rabbit_cut
	lab_wait 5 no_client
}

@test "full: the broker raises its disk alarm, and lowers it" {
	rabbit_full
	alarms() { rabbit_ctl eval 'length(rabbit_alarm:get_alarms()).'; }
	is_alarmed() { [ "$(alarms)" = "$1" ]; }
	lab_wait 15 is_alarmed 1
	rabbit_full no
	lab_wait 15 is_alarmed 0
}

@test "down leaves no process, epmd among them, and another can begin" {
	bash -c '
		source test/lab/rabbit.sh
		trap rabbit_down EXIT
		rabbit_up || exit
		[ -n "$(ss -Hltn "sport = 4369")" ] || exit
		echo "$RABBIT_DIR"
	' >"$BATS_TEST_TMPDIR/out"
	read -r dir <"$BATS_TEST_TMPDIR/out"
	[ -n "$dir" ]
	[ ! -e "$dir" ]
	processes=$(ps -e -o args=)
	[[ $processes != *"$dir"* ]]
	[ -z "$(ss -Hltn)" ]
	says_amqp broker 127.0.0.1
}
