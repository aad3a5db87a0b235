# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The fifth part of demo.sh, which sources it: a FreeSWITCH dies with calls up, and
# they come up elsewhere; another is emptied, and one call is taken from the console.
# FreeSWITCHes are stand-ins that keep rows and recover as the real one was seen to
# (test/fake); the calls and their voice are SIPp's, PostgreSQL is a real one.
# shellcheck disable=SC2154 # what demo.sh's show leaves: out, rc

rehome_down
source test/lab/recover.bash
recover_dir=$(mktemp -d "${TMPDIR:-/tmp}/fp-recover.XXXXXX") || die 'no directory'
recover_down() {
	fs_down 2>/dev/null
	pg_down
	rm -rf "$recover_dir"
}
trap recover_down EXIT
export FP_CLUSTER=$recover_dir/fs/cluster.ini FP_STATE=$recover_dir/state
FP_BUILD=$build
# shellcheck disable=SC2034 # where quietly logs
rehome_dir=$recover_dir

# What proves a node dead here: its process is its power.
cat >"$recover_dir/power-off" <<'END'
#!/bin/sh
# As "ipmitool -H $FP_NODE-bmc power off" would: 0 when it is off.
pid=$(cat "${0%/*}/fs/${FP_NODE#fs}/fs.pid") || exit 1
kill -9 "$pid" 2>/dev/null
sleep 0.2
! kill -0 "$pid" 2>/dev/null
END
chmod +x "$recover_dir/power-off"

# voice_of N: how many calls are heard at both ends, of N packets each way
voice_of() {
	voice "$1" | awk -v want=$(($1 * 9 / 10)) '
		$2 >= want && $3 >= want { n++ } END { print n + 0 }'
}

# ---- the steps

# has_ends 'CALLERS CALLED': who is still up
has_ends() { [ "$(held uac | wc -l) $(held uas | wc -l)" = "$1" ]; }

recover_up() {
	step 'Live calls: three FreeSWITCH, 8 bridged calls and a conference of 3 on fs1.'
	quietly pg_up || die 'no PostgreSQL'
	quietly fs_up "$recover_dir/fs" 3 --robust || die 'no FreeSWITCH'
	also 'FreeSWITCHes are stand-ins that keep rows and recover as the real one does'
	quietly calls 8
	quietly calls 3 3000
	expect '11 callers and 8 called talk' \
		"$(held uac | wc -l) $(held uas | wc -l)" = '11 8'
	quietly rows_are 19
	show controller fp-recover list fs1 -o kind,legs,from,to,age_s
	expect 'nine calls: eight bridges, a room' $rc = 0
	show controller fp-recover preflight --all -o node,calls,saved,lost,to
	expect 'if a node died now, no call would be lost' $rc = 0
}

recover_dies() {
	local args='-o kind,legs,from,to,verdict,target --quiet'

	step 'fs1 is killed.  Each end gets a re-INVITE of another FreeSWITCH; none a BYE.'
	quietly fs_kill 1
	also 'fs1: kill -9'
	# shellcheck disable=SC2086 # words
	show controller fp-recover failover fs1 --to auto $args
	expect 'refused: nothing proves that it is dead' $rc = 5
	# shellcheck disable=SC2086 # words
	show controller fp-recover failover fs1 --to auto \
		--fence "$recover_dir/power-off" $args
	expect 'all nine recovered' "$rc $(grep -c ' recovered ' <<<"$out")" = '0 9'
	expect 'each of 19 ends has been told, by fs2 or fs3' \
		"$(reinvites | grep -c '@127.0.0.2[23]')" = 19
	quietly rows_are 19
	expect 'eight calls are heard at both ends' "$(voice_of 20)" = 8
	expect 'nobody was sent a BYE' "$(byes | wc -l)" = 0
	mapfile -t ids < <(pairs | awk 'NR <= 2 { print $3 }')
	quietly poke bye uac "${ids[@]}"
	also 'two callers hang up'
	quietly within 10 has_ends '9 6'
	expect 'their calls are over at both ends, the others up' \
		"$(held uac | wc -l) $(held uas | wc -l)" = '9 6'
	show controller fp-recover failover fs1 --to auto
	expect 'again: nothing is left to do' $rc = 0
}

recover_take() {
	local a before

	step 'fs1 is back, as another run.  A call is taken from the console; no other is touched.'
	quietly fs_start 1
	before=$(byes | wc -l)
	a=$(pairs "hostname = 'fs2'" | awk 'NR == 1 { print $1 }')
	show controller fp-recover take "$a" --to fs1 \
		-o kind,legs,from,to,verdict,target --quiet
	expect 'recovered' "$rc $(grep -c ' recovered ' <<<"$out")" = '0 1'
	expect 'both ends were told by fs1, and no end was sent a BYE' \
		"$(reinvites | grep -c '@127.0.0.21') $(byes | wc -l)" = \
		"2 $before"
	quietly rows_are 2 "$(rows_of 1)"
	expect 'it is heard at both ends, as the others' "$(voice_of 20)" = 6
	expect 'the node that let it go has billed nothing' \
		"$(cdrs 2 | grep -c "$a")" = 0
}

recover_drain() {
	local left before

	step 'fs3 is to be upgraded: its calls go to the others, then it is down.'
	before=$(byes | wc -l)
	show controller fp-recover drain fs3 --to auto --why upgrade \
		-o kind,legs,from,to,verdict,target --quiet
	expect 'all recovered: exit 0' $rc = 0
	expect 'its process has ended' "$(within 5 fs_is_gone 3)" = ''
	expect 'nobody was sent a BYE' "$(byes | wc -l)" = "$before"
	quietly rows_are 15 "hostname <> 'fs3'"
	expect 'six calls are heard at both ends' "$(voice_of 20)" = 6
	mapfile -t left < <(held uac)
	quietly poke bye uac "${left[@]}"
	quietly within 10 has_ends '0 0'
	expect 'all end as they should' \
		"$(held uac | wc -l) $(held uas | wc -l)" = '0 0'
	quietly within 10 billed 19
	expect 'each of 19 legs is billed once' "$(cdrs_by_leg)" = '19 19'
	show controller fp-recover jobs --all -o id,verb,node,state
	expect 'every job has ended' $rc = 0
}

# cdrs_by_leg: how many CDRs there are, and of how many legs
cdrs_by_leg() {
	{ cdrs 1; cdrs 2; cdrs 3; } | cut -d , -f 1 | awk '{ n++ }
		!seen[$1]++ { legs++ }
		END { print n + 0, legs + 0 }'
}
billed() { [ "$(cdrs_by_leg)" = "$1 $1" ]; }

recover_up
recover_dies
recover_take
recover_drain
