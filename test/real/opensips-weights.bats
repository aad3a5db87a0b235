#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-health weights and peers with a real OpenSIPS 3.6 whose tables are in a real
# PostgreSQL; the FreeSWITCHes are stand-ins, which OpenSIPS asks too (fs://).
#	FP_OPENSIPS_PREFIX=DIR test/run test/real/opensips-weights.bats
# shellcheck disable=SC2154 # bats' variables

bats_require_minimum_version 1.5.0

setup() {
	[ -n "${FP_OPENSIPS_PREFIX:-}" ] ||
		skip "FP_OPENSIPS_PREFIX does not say where OpenSIPS is"
	cd "$BATS_TEST_TMPDIR" || return
	# shellcheck source=test/lab/postgres.sh
	source "$BATS_TEST_DIRNAME/../lab/postgres.sh"
	fake=$BATS_TEST_DIRNAME/../fake
	export FP_CLUSTER=$PWD/cluster.ini FP_STATE=$PWD/state
	mkdir state
	pids=()
	pg_up
	tables
	config
	cat >cluster.ini <<-END
	[opensips]
	sip1 fp_sip=udp:127.0.1.1:5060 fp_mi=udp:127.0.1.1:8080
	[freeswitch]
	fs1 fp_sip=udp:127.0.3.1:5060 fp_esl=127.0.3.1:8021
	fs2 fp_sip=udp:127.0.3.2:5060 fp_esl=127.0.3.2:8021
	[all:vars]
	fp_dispatcher_db="$PG_DB"
	END
	background python3 "$fake/freeswitch" --ip 127.0.3.1 --name fs1 \
		heartbeat_s=1 idle=80 sessions=25 max_sessions=100
	background python3 "$fake/freeswitch" --ip 127.0.3.2 --name fs2 \
		heartbeat_s=1 idle=50 sessions=90 max_sessions=100
	lab_wait 20 up fs
	background "$FP_OPENSIPS_PREFIX/sbin/opensips" -f os.cfg -F -m 64 -M 8 \
		-P "$PWD/pid" -w "$PWD"
	lab_wait 20 up
}

background() {
	"$@" >>log 2>&1 </dev/null 3>&- 4>&- &
	pids+=($!)
}

up() {
	if [ "$#" -gt 0 ]; then
		(exec 9<>/dev/tcp/127.0.3.1/8021 8<>/dev/tcp/127.0.3.2/8021) \
			2>/dev/null
	else
		"$FP_BUILD/fp-health" weights -t 1s >/dev/null 2>&1
	fi
}

# OpenSIPS' processes end with the first of them, told by TERM.
teardown() {
	local pid

	for pid in "${pids[@]}"; do
		kill -TERM "$pid" 2>/dev/null || :
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || :
	done
	pg_down
	[ -n "$BATS_TEST_COMPLETED" ] || tail -n 20 log
}

tables() {
	local t

	for t in standard dispatcher load_balancer drouting permissions \
		dialog; do
		pg_sql "$(sed '/^\\/d' \
			"$FP_OPENSIPS_PREFIX/share/opensips/postgres/$t-create.sql")"
	done >tables.log 2>&1
	pg_sql "grant all on all tables in schema public to ctl;
		insert into dispatcher (setid, destination, weight, attrs)
			values
			(1, 'sip:127.0.3.1:5060', '50', ''),
			(1, 'sip:127.0.3.2:5060', '50', ''),
			(1, 'sip:127.0.3.9:5060', '50', ''),
			(3, 'sip:127.0.3.2:5060',
				'fs://:ClueCon@127.0.3.2:8021', '');
		insert into load_balancer (group_id, dst_uri, resources,
			probe_mode) values
			(1, 'sip:127.0.3.1:5060', 'calls=30', 0),
			(1, 'sip:127.0.3.2:5060',
				'calls=fs://:ClueCon@127.0.3.2:8021', 0);
		insert into address (grp, ip, mask) values
			(1, '203.0.113.0', 24), (2, '192.0.2.77', 32);
		insert into dr_gateways (gwid, type, address)
			values ('gw1', 0, '192.0.2.90:5080')"
}

config() {
	local module url

	url="postgres://ctl:$(<"$PG_DIR/password")@127.0.0.1/fastpath"
	{
		cat <<-END
		log_level=2
		stderror_enabled=yes
		syslog_enabled=no
		udp_workers=1
		mpath="$FP_OPENSIPS_PREFIX/lib64/opensips/modules/"
		socket=udp:127.0.1.1:5060
		END
		for module in proto_udp signaling sl tm rr sipmsgops \
			mi_datagram db_postgres dialog freeswitch dispatcher \
			load_balancer drouting permissions; do
			echo "loadmodule \"$module.so\""
		done
		for module in dispatcher load_balancer drouting permissions; do
			echo "modparam(\"$module\", \"db_url\", \"$url\")"
		done
		cat <<-'END'
		modparam("mi_datagram", "socket_name", "udp:127.0.1.1:8080")
		modparam("freeswitch", "event_heartbeat_interval", 1)
		modparam("dispatcher", "fetch_freeswitch_stats", 1)
		modparam("dispatcher", "persistent_state", 0)
		modparam("load_balancer", "fetch_freeswitch_stats", 1)
		route {
			if (is_method("OPTIONS")) { sl_send_reply(200, "OK"); exit; }
		}
		END
	} >os.cfg
}

weights() { # STATUS ARG...
	run --separate-stderr "-$1" "$FP_BUILD/fp-health" weights "${@:2}"
	echo "$output"
	echo "$stderr" >&2
}
has() { grep -q "^sip1	$(IFS=$'\t'; echo "$*")" <<<"$output"; }
# OpenSIPS took fs2's figures itself
is_asked() {
	"$FP_BUILD/fp-health" weights |
		grep -q 'dispatcher	3	sip:127.0.3.2:5060	fs2	5	5	'
}

@test "weights --apply: what OpenSIPS says of itself afterwards" {
	lab_wait 20 is_asked
	"$FP_BUILD/test/prog/mi" udp:127.0.1.1:8080 ds_set_state \
		'{"state":"i","group":"1","address":"sip:127.0.3.2:5060"}'
	# OpenSIPS' formulas are ours: what it asks itself has the same weight
	weights 0 --apply
	has dispatcher 1 sip:127.0.3.1:5060 fs1 50 60 25 100 80 yes
	has dispatcher 1 sip:127.0.3.2:5060 fs2 50 5 90 100 50 yes
	has dispatcher 3 sip:127.0.3.2:5060 fs2 5 5 90 100 50 no
	has load_balancer 1 sip:127.0.3.1:5060 fs1 30 60 25 100 80 yes
	has load_balancer 1 sip:127.0.3.2:5060 fs2 5 5 90 100 50 no
	"$FP_BUILD/test/prog/mi" udp:127.0.1.1:8080 ds_list '{"full":1}' >list
	grep -q '"state":"Inactive"[^}]*"weight":5,' list
	weights 0 --apply --json
	[[ ${lines[-1]} == '{"type":"summary","changed":false,'* ]]
}

@test "peers: of its tables" {
	run -0 --separate-stderr "$FP_BUILD/fp-health" peers -N sip1
	[ "$output" = '127.0.3.1 why="dispatcher sip1 1, load_balancer sip1 1"
127.0.3.2 why="dispatcher sip1 1, dispatcher sip1 3, load_balancer sip1 1"
127.0.3.9 why="dispatcher sip1 1"
192.0.2.77 why="permissions sip1 address group 2"
192.0.2.90 why="drouting sip1 gateway gw1"
203.0.113.0/24 why="permissions sip1 address group 1"' ]
}
