# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A real RabbitMQ of the test's own; source it, as root.
#
#   rabbit_up [HOST [ADDRESS]]      in a host of lab.sh or cluster.sh (source that
#                   first), or else in the caller's network namespace; it listens
#                   on 127.0.0.1 and ADDRESS.  6 to 9 s on two CPUs, nearly all of
#                   it the CPU: once a test file
#   rabbit_down     at any time, again, and from a trap; before the lab's
#   rabbit_ctl ARG...   rabbitmqctl: 1 to 2 s, most of it its own start
#   rabbit_queue QUEUE [EXCHANGE KEY]     declare it, durable, and bind it
#   rabbit_publish [-n COUNT] [-t TIME] EXCHANGE KEY <BODY
#                   any bytes, COUNT times, confirmed; TIME: the timestamp
#                   property, in seconds
#   rabbit_get QUEUE    take a message: its body; 1 when there is none.  Its
#                   headers and timestamp, as Erlang has them, are in RABBIT_DIR
#   rabbit_count QUEUE      messages in it, those not acknowledged too
#   rabbit_stop     as systemd would (SIGTERM); what is durable stays
#   rabbit_kill     as the OOM killer would
#   rabbit_start    again
#   rabbit_restart  stop and start
#   rabbit_freeze; rabbit_thaw      SIGSTOP and SIGCONT: TCP is accepted still
#   rabbit_cut      all connections are closed by the broker
#   rabbit_full [yes|no]    the disk alarm, from now on or no more: publishers
#                   are blocked, consumers are not
#
# AMQP is on port 5672, over TLS on 5671.  The user fastpath may do anything in the
# virtual host /.  What is exported: RABBIT_DIR, and there
#   password        of that user, without a newline
#   ca.pem          who signed the broker's certificate, which is for localhost,
#                   127.0.0.1 and ADDRESS
#   other-ca.pem    who did not
#   rabbit.log      what it said
# Node name, cookie, epmd and data are its own; a system's broker is not touched,
# but has the same ports: use a network namespace beside one.

RABBIT_SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
declare -F lab_in >/dev/null || {
	# shellcheck source=test/lab/lab.sh
	source "$RABBIT_SRC/lab.sh"
}
RABBIT_SBIN=/usr/lib/rabbitmq/bin

# rabbit_words: set words to what goes before a command of the broker's.
# RUNNING_UNDER_SYSTEMD: the start script becomes the server, instead of waiting
# for it and asking rabbitmqctl to stop it.
rabbit_words() {
	local inside=()

	[ -z "$RABBIT_HOST" ] || lab_inside "$RABBIT_HOST"
	words=("${inside[@]}" env -u NOTIFY_SOCKET -u LD_PRELOAD
		HOME="$RABBIT_DIR" LC_ALL=C.UTF-8
		RUNNING_UNDER_SYSTEMD=true
		ERL_EPMD_ADDRESS=127.0.0.1
		ERL_INETRC="$RABBIT_DIR/inetrc"
		RABBITMQ_CONF_ENV_FILE=/dev/null
		RABBITMQ_CONFIG_FILE="$RABBIT_DIR/rabbitmq.conf"
		RABBITMQ_ADVANCED_CONFIG_FILE="$RABBIT_DIR/none.config"
		RABBITMQ_ENABLED_PLUGINS_FILE="$RABBIT_DIR/plugins"
		RABBITMQ_NODENAME=fastpath@localhost
		RABBITMQ_MNESIA_BASE="$RABBIT_DIR/data"
		RABBITMQ_LOG_BASE="$RABBIT_DIR/log"
		RABBITMQ_LOGS=-
		RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}')
}

rabbit_up() {
	RABBIT_HOST=${1-}
	RABBIT_DIR=$(mktemp -d "${TMPDIR:-/tmp}/fp-rabbit.XXXXXX") || return 1
	export RABBIT_DIR RABBIT_HOST
	rabbit_files "${2-}" >"$RABBIT_DIR/up.log" 2>&1 &&
		rabbit_epmd && rabbit_start || {
		tail -n 5 "$RABBIT_DIR/up.log" >&2
		rabbit_down
		return 1
	}
}

rabbit_files() {
	local address=$1

	mkdir "$RABBIT_DIR/data" "$RABBIT_DIR/log" || return
	(umask 077
	openssl rand -hex 16 | tr -d '\n' >"$RABBIT_DIR/password"
	openssl rand -hex 16 | tr -d '\n' >"$RABBIT_DIR/.erlang.cookie") || return
	chmod 400 "$RABBIT_DIR/.erlang.cookie"
	echo '[].' >"$RABBIT_DIR/plugins"
	# no resolver: there is none in a namespace, and it is waited for
	printf '%s.\n' '{lookup, [file]}' '{host, {127,0,0,1}, ["localhost"]}' \
		>"$RABBIT_DIR/inetrc"
	rabbit_ca ca && rabbit_ca other-ca && rabbit_cert "$address" || return
	cat >"$RABBIT_DIR/rabbitmq.conf" <<-END
	listeners.tcp.1 = 127.0.0.1:5672
	listeners.ssl.1 = 127.0.0.1:5671
	${address:+listeners.tcp.2 = $(lab_hostport "$address" 5672)}
	${address:+listeners.ssl.2 = $(lab_hostport "$address" 5671)}
	ssl_options.cacertfile = $RABBIT_DIR/ca.pem
	ssl_options.certfile = $RABBIT_DIR/server.pem
	ssl_options.keyfile = $RABBIT_DIR/server.key
	default_user = fastpath
	default_pass = $(<"$RABBIT_DIR/password")
	loopback_users = none
	disk_free_limit.absolute = 1MB
	log.console.level = info
	END
}

# rabbit_ca NAME: an authority, NAME.pem and NAME.key
rabbit_ca() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
		-nodes -days 2 -subj "/CN=$1" -addext keyUsage=keyCertSign \
		-keyout "$RABBIT_DIR/$1.key" -out "$RABBIT_DIR/$1.pem"
}

rabbit_cert() {
	local name="DNS:localhost,IP:127.0.0.1${1:+,IP:$1}"

	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
		-subj /CN=localhost -keyout "$RABBIT_DIR/server.key" \
		-out "$RABBIT_DIR/server.csr" &&
		openssl x509 -req -in "$RABBIT_DIR/server.csr" -days 2 \
			-CA "$RABBIT_DIR/ca.pem" -CAkey "$RABBIT_DIR/ca.key" \
			-CAcreateserial -out "$RABBIT_DIR/server.pem" \
			-extfile <(echo "subjectAltName=$name")
}

# ---- processes: LAB_DIR is where lab_start and lab_stop keep theirs

rabbit_run() {
	local LAB_DIR=$RABBIT_DIR/run

	"$@"
}

# Started by us, since one that Erlang starts would outlive the test.
rabbit_epmd() {
	mkdir -p "$RABBIT_DIR/run/pids"
	rabbit_begin epmd epmd -address 127.0.0.1 &&
		rabbit_wait epmd 5 rabbit_listens 127.0.0.1 4369
}

# rabbit_begin NAME COMMAND...
rabbit_begin() {
	local name=$1 words

	shift
	rabbit_words
	"${words[@]}" "$@" >>"$RABBIT_DIR/$name.log" 2>&1 </dev/null 3>&- 4>&- &
	echo "$! $(lab_birth $!)" >"$RABBIT_DIR/run/pids/$name"
	disown # or the shell would tell of its death
}

# rabbit_wait NAME SECONDS COMMAND...: or it has ended before.
rabbit_wait() {
	local name=$1

	rabbit_until() { rabbit_run lab_ended "$name" || "$@"; }
	lab_wait "$2" rabbit_until "${@:3}" && ! rabbit_run lab_ended "$name" || {
		lab_say "$name does not run:"
		tail -n 5 "$RABBIT_DIR/$name.log" >&2
		return 1
	}
}

rabbit_listens() {
	local words

	rabbit_words
	[ -n "$("${words[@]}" ss -Hltn src "$1:$2")" ]
}

rabbit_start() {
	rabbit_begin rabbit "$RABBIT_SBIN/rabbitmq-server" &&
		rabbit_wait rabbit 60 rabbit_listens 127.0.0.1 5671
}

rabbit_pid() { cut -d ' ' -f 1 "$RABBIT_DIR/run/pids/rabbit"; }

# It closes queues and mnesia first, for longer than lab_stop would wait.
rabbit_stop() {
	rabbit_run lab_runs rabbit || return 0
	kill -s TERM "$(rabbit_pid)"
	lab_wait 20 rabbit_run lab_ended rabbit || :
	rabbit_run lab_stop rabbit KILL
}

rabbit_kill() { rabbit_run lab_stop rabbit KILL; }
rabbit_restart() { rabbit_stop && rabbit_start; }
rabbit_freeze() { kill -s STOP "$(rabbit_pid)"; }
rabbit_thaw() { kill -s CONT "$(rabbit_pid)"; }

rabbit_ctl() {
	local words

	rabbit_words
	"${words[@]}" "$RABBIT_SBIN/rabbitmqctl" -q "$@"
}

rabbit_cut() { rabbit_ctl close_all_connections 'cut by the test'; }

# ---- messages, through RabbitMQ's own client inside the broker

# rabbit_channel EXPRESSIONS: with Channel, as rabbit_ctl eval prints the last.
rabbit_channel() {
	rabbit_ctl eval "
		{ok, _} = application:ensure_all_started(amqp_client),
		{ok, Connection} = amqp_connection:start({amqp_params_direct,
			none, none, <<\"/\">>, node(), none, []}),
		{ok, Channel} = amqp_connection:open_channel(Connection),
		Result = begin $1 end,
		ok = amqp_connection:close(Connection),
		Result."
}

# rabbit_binary: stdin as an Erlang binary
rabbit_binary() { printf '<<%s>>' "$(od -An -v -tu1 | xargs | tr ' ' ,)"; }

rabbit_queue() {
	local queue exchange key bind=ok

	queue=$(printf %s "$1" | rabbit_binary)
	if [ $# -gt 1 ]; then
		exchange=$(printf %s "$2" | rabbit_binary)
		key=$(printf %s "$3" | rabbit_binary)
		bind="{'queue.bind_ok'} = amqp_channel:call(Channel,
			{'queue.bind', 0, $queue, $exchange, $key, false, []})"
	fi
	rabbit_channel "
		{'queue.declare_ok', _, _, _} = amqp_channel:call(Channel,
			{'queue.declare', 0, $queue, false, true, false, false,
			false, []}), $bind" >/dev/null
}

rabbit_publish() {
	local count=1 time=undefined OPTIND=1 opt exchange key

	while getopts n:t: opt; do
		case $opt in
		n) count=$OPTARG ;;
		t) time=$OPTARG ;;
		*) return 2 ;;
		esac
	done
	shift $((OPTIND - 1))
	exchange=$(printf %s "$1" | rabbit_binary)
	key=$(printf %s "$2" | rabbit_binary)
	# the 14 properties of AMQP 0-9-1, of which delivery mode 2: persistent
	rabbit_channel "
		Body = $(rabbit_binary),
		U = undefined,
		Properties = {'P_basic', U, U, U, 2, U, U, U, U, U, $time, U, U,
			U, U},
		Publish = {'basic.publish', 0, $exchange, $key, false, false},
		{'confirm.select_ok'} = amqp_channel:call(Channel,
			{'confirm.select', false}),
		[ok = amqp_channel:cast(Channel, Publish,
			{amqp_msg, Properties, Body}) ||
			_ <- lists:seq(1, $count)],
		true = amqp_channel:wait_for_confirms(Channel, 60)" >/dev/null
}

rabbit_get() {
	local queue

	queue=$(printf %s "$1" | rabbit_binary)
	rm -f "$RABBIT_DIR/body"
	rabbit_channel "
		case amqp_channel:call(Channel,
			{'basic.get', 0, $queue, true}) of
		{'basic.get_empty', _} -> none;
		{_, {amqp_msg, Properties, Body}} ->
			[ok = file:write_file(\"$RABBIT_DIR/\" ++ Name,
				io_lib:format(\"~0p\", [element(N, Properties)]))
				|| {Name, N} <- [{\"headers\", 4}, {\"timestamp\", 11}]],
			ok = file:write_file(\"$RABBIT_DIR/body\", Body)
		end" >/dev/null && [ -e "$RABBIT_DIR/body" ] &&
		cat "$RABBIT_DIR/body"
}

rabbit_count() {
	rabbit_ctl list_queues name messages --no-table-headers |
		awk -F'\t' -v queue="$1" '$1 == queue { print $2 }'
}

rabbit_full() {
	case ${1:-yes} in
	yes) rabbit_ctl set_disk_free_limit 1000000000000000 ;;
	no) rabbit_ctl set_disk_free_limit 1000000 ;;
	esac
}

rabbit_down() {
	[ -n "${RABBIT_DIR-}" ] && [ -d "$RABBIT_DIR" ] || return 0
	rabbit_kill
	rabbit_run lab_stop epmd
	rm -rf --one-file-system "$RABBIT_DIR"
	unset RABBIT_DIR RABBIT_HOST
}
