# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The third part of demo.sh, which sources it: a FreeSWITCH dies, and routing
# follows.  OpenSIPS and FreeSWITCH are stand-ins that answer as the real ones were
# seen to (test/fake); PostgreSQL is a real one.
# shellcheck disable=SC2154 # what demo.sh's show leaves: out, rc

cd "${LAB_SRC%/test/lab}" || die 'no source'
source test/lab/cluster.sh
source test/lab/postgres.sh
health_down() {
	pg_down
	cluster_down
}
trap health_down EXIT

# ---- who is there

# switch NAME: a FreeSWITCH on its host, which dies with it
switch() {
	lab_start "$1" "$1" python3 "$top/test/fake/freeswitch" \
		--ip "$(cluster_addr "$1")" --name "$1" \
		--control "$LAB_DIR/$1.sock"
	disown # or the shell would tell when it is killed
	lab_wait 5 grep -qs up "$LAB_DIR/$1.log" || die "no $1"
}

# tell NAME WORDS: to that stand-in, beside its event socket
tell() {
	python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(sys.argv[2].encode() + b"\n")
s.recv(100)' "$LAB_DIR/$1.sock" "$2"
}

proxy() {
	local one=10.77.0.1 dir=$LAB_DIR/proxy fs n=0

	mkdir -p "$dir/db"
	{
		echo 'id(int,auto) setid(int) destination(string)' \
			'state(int) weight(string)'
		for fs in fs1 fs2 fs3; do
			n=$((n + 1))
			echo "$n:1:sip\\:$(cluster_addr $fs)\\:5060:0:1"
		done
	} >"$dir/db/dispatcher"
	lab_start proxy sip1 python3 "$top/test/fake/opensips" run "$dir" \
		--ip $one --cluster 1 --no-probes
	lab_wait 5 test -S "$dir/ctl" || die 'no OpenSIPS'
	ctl set cap=Ok tag.sip1.0=active
	ctl report 'Sync completed, received [0] chunks'
}

# ctl WORD...: to that stand-in, beside its management interface
ctl() { python3 "$top/test/fake/opensips" ctl "$LAB_DIR/proxy" "$@"; }

# What the dispatcher of sip1 has, asked by MI: "fs1=Active fs2=..."
routing() {
	lab_in sip1 python3 -c '
import json, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(2)
s.sendto(json.dumps({"jsonrpc": "2.0", "id": "1",
                     "method": "ds_list"}).encode(), ("10.77.0.1", 8080))
reply = json.loads(s.recv(65536))["result"]["PARTITIONS"][0]["SETS"][0]
print(*("fs%d=%s" % (i + 1, d["state"])
        for i, d in enumerate(reply["Destinations"])))' 2>/dev/null
}

routing_is() { [ "$(routing)" = "$*" ]; }

# follows STATE...: of fs1, fs2 and fs3, within ten seconds
follows() {
	local want="fs1=$1 fs2=$2 fs3=$3"

	lab_wait 10 routing_is "$want"
	also "the dispatcher of sip1: $(routing)"
	expect 'routing has followed' "$(routing)" = "$want"
}

# steering HOST: watch and steer there, until all in that host is killed.  A
# controller is known by the name of its host, which is no namespace's by itself.
steering() {
	# shellcheck disable=SC2016 # for the inner shell
	lab_start "steer-$1" "$1" unshare --uts bash -c 'hostname "$1"
		fp-health watch --json --interval 250ms --timeout 1s \
			2>"$2/$1.watch" | tee "$2/$1.json" |
			fp-health steer --lease 4s' bash "$1" "$LAB_DIR"
	disown
	lab_wait 10 grep -qs '"type":"alive"' "$LAB_DIR/$1.json"
}

leases() { pg_sql 'select count(*) from fastpath.lease'; }

# ---- the steps

health() {
	local db

	step 'Health: an OpenSIPS, three FreeSWITCHes, PostgreSQL, two controllers.'
	cluster_down
	cluster_up -x ctl2 -x db -x fs1 -x fs2 -x fs3 1 || die 'no cluster'
	pg_up db "$(cluster_addr db)" || die 'no PostgreSQL'
	also 'OpenSIPS and FreeSWITCH are stand-ins that answer as the real ones do'
	db="host=$(cluster_addr db) dbname=fastpath passfile=$PG_DIR/pgpass"
	{
		echo '[opensips]'
		echo 'sip1 fp_sip=udp:10.77.0.1:5060 fp_mi=udp:10.77.0.1:8080'
		echo '[freeswitch]'
		for node in fs1 fs2 fs3; do
			echo "$node fp_sip=udp:$(cluster_addr $node):5060" \
				"fp_esl=$(cluster_addr $node):8021"
		done
		printf '[all:vars]\nfp_db=%s user=ctl\n' "$db"
	} >"$FP_CLUSTER"
	for node in fs1 fs2 fs3; do
		switch $node
	done
	proxy
	show controller fp-health setup --admin "$db user=dba" \
		-o version,role,changed --quiet
	expect 'the schema is made' $rc = 0
	pg_sql 'grant fastpath to ctl'
	show controller fp-health status
	expect 'all is well' $rc = 0
}

dies() {
	step 'A FreeSWITCH is killed.  watch says so, and steer takes it out of routing.'
	steering controller
	also 'controller# fp-health watch --json --interval 250ms | fp-health steer'
	lab_stop fs1 KILL
	also 'fs1: kill -9'
	follows Inactive Active Active
	grep '"node":"fs1","check":"sip"' "$LAB_DIR/controller.json" | tail -n 1 |
		jq -r '"      \(.type): \(.node) \(.check) \(.from) -> \(.to): \(.detail)"'
	show controller fp-health status
	expect 'status names it: exit 2' $rc = 2
	expect 'what steering disabled is a lease in fp_db' "$(leases)" = 1
}

lives() {
	step 'It comes back, as another run, and gets calls again.'
	switch fs1
	follows Active Active Active
	expect 'the restart was told' \
		"$(grep -c '"type":"restart","at":"[^"]*","node":"fs1"' \
			"$LAB_DIR/controller.json")" -ge 1
	lab_wait 5 no_leases
	expect 'no lease is left' "$(leases)" = 0
}

no_leases() { [ "$(leases)" = 0 ]; }

paused() {
	step 'An operator disables fs2; fs3 is paused, which no OPTIONS can tell.'
	ctl ds 1 "sip:$(cluster_addr fs2):5060" i
	tell fs3 pause=both
	follows Active Inactive Inactive
	tell fs3 pause=none
	follows Active Inactive Active
	expect "the operator's word stands, with fs2 as well as can be" \
		"$(routing | grep -c fs2=Inactive)" = 1
	ctl ds 1 "sip:$(cluster_addr fs2):5060" a
}

heals() {
	step 'The controller that steers is killed while fs1 is out; another one heals.'
	show controller fp-health maintain fs1 --for 1h --why upgrade --quiet \
		-o node,why,action
	follows Inactive Active Active
	# shellcheck disable=SC2046 # words
	kill -s KILL $(cluster_pids controller)
	also 'all that ran on the controller: kill -9'
	steering ctl2
	also 'ctl2# fp-health watch --json --interval 250ms | fp-health steer'
	show ctl2 fp-health maintain fs1 --end --quiet -o node,action
	follows Active Active Active
	lab_wait 5 no_leases
	expect 'no lease is left' "$(leases)" = 0
}

top=$PWD
health
dies
lives
paused
heals
