# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The fourth part of demo.sh, which sources it: an OpenSIPS dies with calls up, and
# they go on elsewhere; another is emptied for its upgrade.  OpenSIPS are stand-ins
# that send the re-INVITEs which the real one was seen to send (test/fake); the calls
# are SIPp's, and PostgreSQL is a real one.
# shellcheck disable=SC2154 # what demo.sh's show leaves: out, rc

health_down
cd "$top" || die 'no source'
source test/lab/rehome.bash
rehome_dir=$(mktemp -d "${TMPDIR:-/tmp}/fp-rehome.XXXXXX") || die 'no directory'
rehome_down() {
	rh_down 2>/dev/null
	pg_down
	rm -rf "$rehome_dir"
}
trap rehome_down EXIT
export FP_CLUSTER=$rehome_dir/cluster.ini FP_STATE=$rehome_dir/state
# All of it is on loopback here: there are no hosts any more.
lab_in() {
	shift
	"$@"
}
# make demo builds no test programs, so that what the lab asks goes by Python.
rh_mi() { # NODE METHOD [PARAMS]
	python3 -c '
import json, socket, sys
node, method, params = sys.argv[1], sys.argv[2], "".join(sys.argv[3:]) or "{}"
ask = json.dumps({"jsonrpc": "2.0", "id": "1", "method": method,
                  "params": json.loads(params)})
with socket.create_connection(("127.0.1." + node, 8888), 10) as s:
    s.sendall(("POST /mi HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
               "Content-Type: application/json\r\n"
               "Content-Length: %d\r\n\r\n%s" % (len(ask), ask)).encode())
    data = b"".join(iter(lambda: s.recv(65536), b""))
said = json.loads(data.split(b"\r\n\r\n", 1)[1])
print(*(["result", json.dumps(said["result"], separators=(",", ":"))]
        if "result" in said
        else ["error", said["error"]["code"], said["error"]["message"]]))' \
		"$@" 2>/dev/null
}

# quietly COMMAND...: of the lab; what is killed is not told by the shell
quietly() {
	"$@" >"$rehome_dir/log" 2>&1 || {
		cat "$rehome_dir/log"
		return 1
	}
	disown -a
}

# told ADDRESS...: how many re-INVITEs came with a Contact of any of these
told() {
	rh_contacts | awk -v want=" $* " 'index(want, " " $2 " ") { n += $3 }
		END { print n + 0 }'
}

# owns NODE: how many calls are those of its tags, by its own word
owns() { fp-rehome list "$1" -o callid --quiet | wc -l; }

# ---- the steps

rehome_up() {
	step 'Live calls: three OpenSIPS, 24 calls through sip1, PostgreSQL.'
	pg_up || die 'no PostgreSQL'
	quietly rh_up "$rehome_dir/os" 3 --tags 8 --cold || die 'no OpenSIPS'
	rh_cluster "$FP_CLUSTER" db="$PG_DB"
	also 'OpenSIPS are stand-ins that send re-INVITEs as the real one does'
	quietly fp-health setup --admin "$PG_ADMIN" --role ctl || die 'no schema'
	show controller fp-rehome activate sip1 -o tag,to,state --quiet
	expect 'sip1 has its eight tags' "$rc $(grep -c given <<<"$out")" = '0 8'
	fp-rehome activate sip2 --quiet >/dev/null &&
		fp-rehome activate sip3 --quiet >/dev/null
	expect 'the others have theirs' $? = 0
	quietly rh_calls 24
	expect '24 calls are up' "$(rh_held | wc -l)" = 24
	show controller fp-rehome preflight --all -o node,calls,saved,lost,to
	expect 'if a node died now, no call would be lost' $rc = 0
}

rehome_dies() {
	local ids

	step 'sip1 is killed.  Both ends of its calls get a new Contact.'
	quietly rh_kill 1
	also 'sip1: kill -9'
	show controller fp-rehome failover sip1 --to auto \
		-o callid,verdict,code,tag,to --why crash --quiet
	expect 'all 24 moved' "$rc $(grep -c ' moved ' <<<"$out")" = '0 24'
	rh_contacts | sed 's/^/      re-INVITEs at the /'
	expect '48 re-INVITEs, none with the Contact of sip1' \
		"$(told 127.0.1.2 127.0.1.3) $(told 127.0.1.1)" = '48 0'
	mapfile -t ids < <(rh_held)
	quietly rh_bye uac "${ids[@]:0:4}"
	quietly rh_bye uas "${ids[@]:4:4}"
	also 'four callers and four of the called hang up'
	expect 'these calls are over at both ends, the others up' \
		"$(rh_held | wc -l)" = 16
	show controller fp-rehome failover sip1 --to auto
	expect 'again: nothing is left to do' $rc = 0
}

rehome_back() {
	step 'sip1 is back, and empty.  It is proven in step, then gets its tags and calls.'
	quietly rh_restart 1
	show controller fp-rehome join sip1 -o node,name,state,value --quiet
	expect 'in step' $rc = 0
	show controller fp-rehome activate sip1 -o tag,from,to,calls,state --quiet
	expect 'done' $rc = 0
	expect 'it owns its 16 calls again' "$(owns sip1)" = 16
	expect 'their ends were told' "$(told 127.0.1.1)" = 32
}

rehome_drain() {
	local before

	step 'sip2 is to be upgraded, with 12 calls up: drained, restarted, back.'
	RH_VIA=2 quietly rh_calls 12
	before=$(rh_held | wc -l)
	show controller fp-rehome drain sip2 --to auto --why upgrade \
		-o callid,verdict,tag,to --quiet
	expect 'all 12 moved' "$(grep -c ' moved ' <<<"$out")" = 12
	expect 'and the node is empty: exit 0' $rc = 0
	quietly rh_restart 2
	show controller fp-rehome activate sip2 -o tag,from,calls,state --quiet
	expect 'it owns its 12 calls again' "$rc $(owns sip2)" = '0 12'
	expect 'no call was lost' "$before $(rh_held | wc -l)" = '28 28'
	quietly rh_bye uac
	expect 'all end as they should' "$(rh_held | wc -l)" = 0
	show controller fp-rehome jobs --all -o id,verb,node,state
	expect 'every job has ended' "$rc $(grep -c ' done$' <<<"$out")" = '0 4'
}

rehome_up
rehome_dies
rehome_back
rehome_drain
