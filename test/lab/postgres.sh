# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A real PostgreSQL, and PgBouncer, of the test's own; source it, as root.
#
#   pg_up [HOST [ADDRESS]]      in a host of lab.sh or cluster.sh (source that
#                   first), or else in the caller's network namespace; it listens
#                   on 127.0.0.1 and ADDRESS.  Some 2 s: once a test file
#   pg_down         at any time, again, and from a trap; before the lab's
#   pg_sql SQL [DATABASE]       as the superuser: rows, '|' between columns
#   pg_standby      a second server that follows the first: NAME standby
#   pg_pooler MODE  PgBouncer: session, transaction or statement
#   pg_conninfo USER [DATABASE [PORT]]      how USER gets there
#
# NAME is postgres (when left out) or standby:
#   pg_stop [NAME]  as systemd would; pg_start [NAME]: again
#   pg_kill [NAME]  as the OOM killer would, all its processes
#   pg_freeze [NAME]; pg_thaw [NAME]      SIGSTOP and SIGCONT of all of them: TCP
#                   is accepted still
#   pg_freeze_one PID; pg_thaw_one PID    of one session's process alone
#   pg_cut          all sessions are ended by the server
#   pg_starting     from now on it is in its start-up, for who connects: a standby
#                   that never gets anywhere.  pg_stop and pg_start end it
#
# Ports: the server 5432, its standby 5433; PgBouncer in session mode 6432, in
# transaction mode 6433, in statement mode 6434.
# Who is there: postgres, the superuser; dba, who owns the database fastpath and may
# make roles; ctl and ctl2, who may do nothing yet.  What is exported: PG_DIR,
# PG_ADMIN (dba), PG_DB (ctl): conninfos without a password, and in PG_DIR
#   password        of all of them;  pgpass   the same for libpq
#   NAME.log        what each process said
# A system's server is not touched, but has the same port: use a network namespace
# beside one.

PG_SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
declare -F lab_in >/dev/null || {
	# shellcheck source=test/lab/lab.sh
	source "$PG_SRC/lab.sh"
}
PG_BIN=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)

# pg_words: set words to what goes before a command of the server's, which is
# not to be run by root.  Its shared memory (System V) goes with it when it is
# killed.
pg_words() {
	local inside=() user=postgres

	[ -z "$PG_HOST" ] || lab_inside "$PG_HOST"
	getent passwd postgres >/dev/null || user=nobody
	words=("${inside[@]}" env -u NOTIFY_SOCKET -u LD_PRELOAD -u PGSERVICE
		-C "$PG_DIR" HOME="$PG_DIR" LC_ALL=C.UTF-8 TZ=UTC
		unshare --ipc -- setpriv --reuid="$user" --regid="$(id -g "$user")"
		--clear-groups --)
}

pg_as() {
	local words

	pg_words
	"${words[@]}" "$@"
}

pg_up() {
	PG_HOST=${1-}
	PG_DIR=$(mktemp -d "${TMPDIR:-/tmp}/fp-postgres.XXXXXX") || return 1
	export PG_DIR PG_HOST
	pg_files "${2-}" >"$PG_DIR/up.log" 2>&1 && pg_start &&
		pg_roles >>"$PG_DIR/up.log" 2>&1 || {
		tail -n 5 "$PG_DIR/up.log" >&2
		pg_down
		return 1
	}
	PG_ADMIN=$(pg_conninfo dba) PG_DB=$(pg_conninfo ctl)
	export PG_ADMIN PG_DB
}

# The data is lost with the machine, and is made in a moment: nothing is synced.
pg_files() {
	local address=$1 user=postgres

	[ -n "$PG_BIN" ] || { echo "no PostgreSQL is installed"; return 1; }
	getent passwd postgres || user=nobody
	mkdir -p "$PG_DIR/run/pids" "$PG_DIR/sock" || return
	(umask 077 && openssl rand -hex 16 | tr -d '\n' >"$PG_DIR/password" &&
		printf '*:*:*:*:%s\n' "$(<"$PG_DIR/password")" \
			>"$PG_DIR/pgpass") || return
	chmod 755 "$PG_DIR" && chown "$user" "$PG_DIR" "$PG_DIR/sock" || return
	pg_as "$PG_BIN/initdb" -D "$PG_DIR/postgres" -N -U postgres -A trust \
		-E UTF8 --no-locale --no-instructions || return
	cat >>"$PG_DIR/postgres/postgresql.conf" <<-END
	listen_addresses = '127.0.0.1${address:+,$address}'
	unix_socket_directories = '$PG_DIR/sock'
	fsync = off
	synchronous_commit = off
	full_page_writes = off
	shared_buffers = 16MB
	max_connections = 60
	max_wal_senders = 4
	wal_keep_size = 64MB
	wal_receiver_status_interval = 1s
	log_min_messages = warning
	END
	cat >"$PG_DIR/postgres/pg_hba.conf" <<-END
	local all all trust
	local replication all trust
	host all all 127.0.0.1/32 scram-sha-256
	host all all 0.0.0.0/0 scram-sha-256
	host all all ::/0 scram-sha-256
	END
}

pg_roles() {
	local password

	password=$(<"$PG_DIR/password")
	pg_sql "alter role postgres password '$password';
		create role dba login createrole password '$password';
		create role ctl login password '$password';
		create role ctl2 login password '$password'" postgres &&
		pg_sql 'create database fastpath owner dba' postgres
}

pg_conninfo() {
	echo "host=127.0.0.1 port=${3:-5432} dbname=${2:-fastpath} user=$1" \
		"passfile=$PG_DIR/pgpass"
}

pg_sql() {
	pg_as "$PG_BIN/psql" -XAtq -v ON_ERROR_STOP=1 -h "$PG_DIR/sock" \
		-U postgres -d "${2:-fastpath}" <<<"$1"
}

# ---- processes: LAB_DIR is where lab_start and lab_stop keep theirs

pg_run() {
	local LAB_DIR=$PG_DIR/run

	"$@"
}

# pg_begin NAME COMMAND...
pg_begin() {
	local name=$1 words

	shift
	pg_words
	"${words[@]}" "$@" >>"$PG_DIR/$name.log" 2>&1 </dev/null 3>&- 4>&- &
	echo "$! $(lab_birth $!)" >"$PG_DIR/run/pids/$name"
	disown # or the shell would tell of its death
}

# pg_wait NAME SECONDS COMMAND...: or it has ended before.
pg_wait() {
	local name=$1

	pg_until() { pg_run lab_ended "$name" || "$@"; }
	lab_wait "$2" pg_until "${@:3}" && ! pg_run lab_ended "$name" || {
		lab_say "$name does not run:"
		tail -n 5 "$PG_DIR/$name.log" >&2
		return 1
	}
}

pg_port() { case $1 in standby) echo 5433 ;; *) echo 5432 ;; esac; }

pg_is_ready() {
	pg_as "$PG_BIN/pg_isready" -q -h "$PG_DIR/sock" -p "$(pg_port "$1")"
}

pg_start() {
	local name=${1:-postgres}

	rm -f "$PG_DIR/$name/standby.never"
	pg_begin "$name" "$PG_BIN/postgres" -D "$PG_DIR/$name" \
		-p "$(pg_port "$name")" &&
		pg_wait "$name" 20 pg_is_ready "$name"
}

pg_pid() { cut -d ' ' -f 1 "$PG_DIR/run/pids/$1"; }

# pg_all NAME: the server's first process, then its others
pg_all() {
	local pid

	pid=$(pg_pid "$1") || return
	echo "$pid"
	ps -o pid= --ppid "$pid" || :
}

pg_signal() { # SIGNAL NAME
	local pid

	# the first one first, so that it starts no others meanwhile
	for pid in $(pg_all "$2"); do
		kill -s "$1" "$pid" 2>/dev/null || :
	done
}

pg_stop() {
	local name=${1:-postgres}

	pg_run lab_runs "$name" || return 0
	pg_signal CONT "$name"
	pg_run lab_stop "$name" INT
}

pg_gone() { # PID...
	local pid

	for pid; do
		[ -z "$(lab_birth "$pid")" ] || return 1
	done
}

pg_kill() {
	local name=${1:-postgres} pids

	pg_run lab_runs "$name" || return 0
	pids=$(pg_all "$name")
	pg_signal KILL "$name"
	# shellcheck disable=SC2086 # words
	lab_wait 5 pg_gone $pids
	pg_run lab_stop "$name" KILL
}

pg_freeze() { pg_signal STOP "${1:-postgres}"; }
pg_thaw() { pg_signal CONT "${1:-postgres}"; }
pg_freeze_one() { kill -s STOP "$1"; }
pg_thaw_one() { kill -s CONT "$1"; }

pg_cut() {
	pg_sql "select count(pg_terminate_backend(pid)) from pg_stat_activity
		where backend_type = 'client backend' and
			pid <> pg_backend_pid()"
}

# It waits for WAL that nobody has.
pg_starting() {
	pg_stop postgres
	cp -a "$PG_DIR/postgres" "$PG_DIR/starting" &&
		pg_as touch "$PG_DIR/starting/recovery.signal" &&
		pg_as tee -a "$PG_DIR/starting/postgresql.conf" >/dev/null <<-END
		restore_command = 'sleep 600; false'
		END
	pg_begin starting "$PG_BIN/postgres" -D "$PG_DIR/starting" -p 5432
	pg_says_starting() {
		local rc=0

		pg_is_ready postgres || rc=$?
		[ $rc = 1 ] # pg_isready(1): rejecting connections
	}
	pg_wait starting 10 pg_says_starting
}

# ---- more of them

pg_standby() {
	[ -d "$PG_DIR/standby" ] ||
		pg_as "$PG_BIN/pg_basebackup" -h "$PG_DIR/sock" -U postgres \
			-D "$PG_DIR/standby" -R -X stream -c fast || return
	pg_start standby
}

# pg_pooler MODE [LINE...]: with further lines in its section [pgbouncer]
pg_pooler() {
	local mode=$1 port user

	case $mode in
	session) port=6432 ;;
	transaction) port=6433 ;;
	statement) port=6434 ;;
	*) return 2 ;;
	esac
	shift
	for user in postgres dba ctl ctl2; do
		printf '"%s" "%s"\n' "$user" "$(<"$PG_DIR/password")"
	done | pg_as tee "$PG_DIR/users" >/dev/null
	pg_as tee "$PG_DIR/$mode.ini" >/dev/null <<-END
	[databases]
	* = host=$PG_DIR/sock port=5432
	[pgbouncer]
	listen_addr = 127.0.0.1
	listen_port = $port
	unix_socket_dir =
	auth_type = scram-sha-256
	auth_file = $PG_DIR/users
	pool_mode = $mode
	$(printf '%s\n' "$@")
	END
	pg_begin "$mode" pgbouncer -q "$PG_DIR/$mode.ini"
	pg_listens() {
		local words

		pg_words
		[ -n "$("${words[@]}" ss -Hltn "sport = $1")" ]
	}
	pg_wait "$mode" 5 pg_listens "$port"
}

pg_down() {
	local name

	[ -n "${PG_DIR-}" ] && [ -d "$PG_DIR" ] || return 0
	for name in session transaction statement; do
		pg_run lab_stop "$name"
	done
	for name in standby starting postgres; do
		[ -e "$PG_DIR/run/pids/$name" ] || continue
		pg_signal CONT "$name"
		pg_run lab_stop "$name" QUIT # without a checkpoint
	done
	rm -rf --one-file-system "$PG_DIR"
	unset PG_DIR PG_HOST PG_ADMIN PG_DB
}
