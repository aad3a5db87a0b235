#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# README's "Switch it on safely", its commands in their order, in the lab: a node
# with traffic, and an operator who is logged in over the filtered NIC and makes
# each mistake there is to make.  His session answers after every one of them,
# and he can log in anew.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' stderr

bats_require_minimum_version 1.5.0

operator=203.0.113.77 gateway=203.0.113.1 carrier=198.51.100.1
forgotten=203.0.113.150 # a carrier whom nobody thought of
scanner=203.0.113.66

setup_file() {
	source test/bats/load.bash && load_up
	mkdir "$LAB_DIR/work" "$LAB_DIR/bin"
	lab_in node ip route add default via $gateway dev net1
	# each sees the service on its own side of the node
	start_sshd
	# shellcheck disable=SC2016 # for the inner shell
	lab_start session attacker bash -c 'exec "${@:2}" <>"$1"' x \
		"$LAB_DIR/typed" ssh -F /dev/null -T -b $operator \
		-i "$LAB_DIR/key" -o "UserKnownHostsFile=$LAB_DIR/known_hosts" \
		-o BatchMode=yes root@192.0.2.1 cat
	stand_ins
}

# The node's own sshd, on port 22; in a mount namespace, for the account of root
# and /run are of this machine.
start_sshd() {
	local key command

	for key in key sync_key hostkey; do
		ssh-keygen -q -t ed25519 -N '' -f "$LAB_DIR/$key"
	done
	read -r key <"$LAB_DIR/hostkey.pub"
	echo "192.0.2.1 ${key% *}" >"$LAB_DIR/known_hosts"
	command="env FP_STATE=$FP_STATE FP_PINS=$FP_PINS FP_CLUSTER=/dev/null"
	{
		cat "$LAB_DIR/key.pub"
		echo "restrict,command=\"$command $FP_BUILD/fp-sync receive\"" \
			"$(cat "$LAB_DIR/sync_key.pub")"
	} >"$LAB_DIR/authorized_keys"
	sed 's/^root:[^:]*:/root:*:/' /etc/shadow >"$LAB_DIR/shadow"
	mkfifo "$LAB_DIR/typed"
	# shellcheck disable=SC2016 # for the inner shell
	lab_start sshd node unshare -m bash -c '
		mount --bind "$1/shadow" /etc/shadow &&
		mount -t tmpfs tmpfs /run && mkdir /run/sshd &&
		exec /usr/sbin/sshd -D -e -f /dev/null -h "$1/hostkey" \
			-o PidFile=none -o UsePAM=no -o StrictModes=no \
			-o PermitRootLogin=yes \
			-o AuthorizedKeysFile="$1/authorized_keys"' x "$LAB_DIR"
	lab_wait 5 lab_listens node tcp 0.0.0.0 22
}

# What the lab lacks: a cluster's routing tables, and systemd.  A unit that is
# enabled must be one of ours.
stand_ins() {
	printf '#!/bin/sh\necho "%s why=dispatcher"\n' $carrier \
		>"$LAB_DIR/bin/fp-health"
	cat >"$LAB_DIR/bin/systemctl" <<-END
		#!/bin/bash
		[ "\$1 \$2" = 'enable --now' ] || exit 1
		for unit in "\${@:3}"; do
			unit=\${unit/@*./@.}
			find "$PWD/examples" "$PWD/systemd" -name "\$unit" \\
				2>/dev/null | grep . || exit 1
		done
	END
	chmod +x "$LAB_DIR"/bin/*
}

setup() {
	source test/bats/load.bash
	source test/lab/lab.sh
	load=$FP_BUILD/fp-load
	cd "$BATS_TEST_DIRNAME/../.." || return
}

# After each step, whatever it was: he is there still.
teardown() { not_cut_off; }

teardown_file() { source test/bats/load.bash && load_down; }

# ---- the operator

# His session answers, and so does a new one.
not_cut_off() {
	local word=word$RANDOM$RANDOM

	lab_runs session || { echo 'the session ended'; return 1; }
	echo $word >"$LAB_DIR/typed"
	lab_wait 3 grep -q $word "$LAB_DIR/session.log" ||
		{ echo 'the session is dead'; return 1; }
	[ "$(banner $operator)" = SSH- ] || { echo 'no new session'; return 1; }
}

# banner SOURCE: what sshd says first to a new connection from there.
banner() {
	lab_in attacker python3 - "$1" <<'PY'
import socket, sys
s = socket.create_connection(('192.0.2.1', 22), 2, (sys.argv[1], 0))
print(s.recv(4).decode())
PY
}

# readme: the commands of the section, one a line.
readme() {
	sed -n '/^## Switch it on safely/,/^## A cluster/s/^    //p' README.md |
		sed 's/  *#.*//'
}

# does WORDS...: run the section's command that begins so, as its reader would.
does() {
	local command

	command=$(readme | grep -m 1 -- "^$*")
	[ -n "$command" ] || { echo "README has no: $*"; return 1; }
	echo "$command" >>"$LAB_DIR/done"
	case $command in
	'sudo tcpdump'*) # he is root here
		command=${command#sudo } && command=${command/eth0/any}
		;;
	fp-load*) command=${command/eth0/net0 net1} ;;
	esac
	types "${command/--for 5s/--for 2s}"
}

# types COMMAND: on the node.
types() {
	run --separate-stderr lab_in node env \
		"PATH=$LAB_DIR/bin:$FP_BUILD:$PATH" \
		bash -c "cd '$LAB_DIR/work' && $1" </dev/null
	[ "$status" = 0 ] || echo "$1: $status, $stderr"
}

# errs STATUS PATTERN COMMAND: a mistake of his, which is refused.
errs() {
	types "$3"
	[ "$status" = "$1" ] || return 1
	# shellcheck disable=SC2053 # a pattern
	[[ $stderr == $2 ]] || return 1
	not_cut_off
}

# ---- systemd

user=12345

# tmpfiles: the lines of tmpfiles.d(5), as at boot.
tmpfiles() {
	local type path mode owner

	while read -r type path mode owner _; do
		path=${path/#\/var\/lib\/fastpath/$FP_STATE}
		path=${path/#\/sys\/fs\/bpf/$LAB_DIR\/bpf}
		owner=${owner/fastpath/$user}
		case $type in
		d) mkdir -p "$path" ;;&
		[dz]) chmod "$mode" "$path" && chown "$owner:$owner" "$path" ;;
		Z) chown -R "$owner:$owner" "$path" ;;
		*) return 1 ;;
		esac || return
	done < <(grep -v '^#' examples/systemd/fastpath.tmpfiles.conf)
}

# capabilities UNIT LINE: for setpriv.
capabilities() {
	sed -n "s/^$2=/-all /p" "examples/systemd/$1" | tr '[:upper:]' '[:lower:]' |
		sed 's/ cap_/,+/g'
}

# as_unit UNIT COMMAND...: what systemd leaves it.
as_unit() {
	local caps bounding

	grep -qx 'User=fastpath' "examples/systemd/$1" || return
	caps=$(capabilities "$1" AmbientCapabilities)
	bounding=$(capabilities "$1" CapabilityBoundingSet)
	as=(setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs
		--inh-caps "$caps" --ambient-caps "$caps"
		--bounding-set "$bounding" "$FP_BUILD/$2" "${@:3}")
}

# as_it_starts UNIT: the same of its command, on net1.
as_it_starts() {
	local command

	command=$(sed -n 's|^ExecStart=/usr/sbin/||p' "examples/systemd/$1")
	# shellcheck disable=SC2086 # words
	as_unit "$1" ${command/\%I/net1}
}

# ---- traffic

# sip HOST SOURCE METHOD [N]
sip() {
	lab_in "$1" python3 - "${@:2}" <<'PY'
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 0))
for i in range(int((sys.argv + [1])[3])):
    s.sendto(b'%s sip:n%d@192.0.2.1 SIP/2.0\r\nVia: x\r\n\r\n' %
             (sys.argv[2].encode(), i), ('192.0.2.1', 5060))
PY
}

# traffic [N]: of all kinds; N from one who scans.
traffic() {
	sip carrier $carrier OPTIONS 4
	sip carrier $carrier INVITE 4
	sip attacker $forgotten OPTIONS
	sip attacker $forgotten BYE
	send 203.0.113.67 'GET / HTTP/1.1 and this is not SIP'
	sip attacker $scanner OPTIONS "${1:-4}"
}

# ---- the steps

@test "1: install, record" {
	# other tests install, and make the user
	[[ $(sed -n '/^## Install/,/^## /p' README.md) == *systemd-sysusers* ]]
	chmod 711 "$LAB_DIR"
	tmpfiles
	does 'sudo tcpdump' &
	local tcpdump=$!
	until ! kill -0 $tcpdump 2>/dev/null; do traffic 11000; done
	wait $tcpdump
	[ "$(tcpdump -r "$LAB_DIR/work/today.pcap" 2>/dev/null | wc -l)" = \
		"$(readme | sed -n 's/^sudo tcpdump.* -c \([0-9]*\).*/\1/p')" ]
}

@test "2: rehearse, and 3: allow" {
	does fp-load test
	[ "$status" = 0 ]
	grep -q "^$carrier"$'\t.*\tdrop_stealth' <<<"$output"
	grep -q "^$scanner"$'\t.*\tdrop_stealth' <<<"$output"
	grep -q $'^203.0.113.67\t.*\tdrop_malformed' <<<"$output"
	does fp-health peers
	[ "$status" = 3 ] # as README says
	[[ $stderr == *'NOT in force'* ]]
	does fp-block add 198.51.100.0/24
	[ "$status" = 3 ]
	does fp-load test
	refute grep -q "^$carrier"$'\t.*\tdrop_' <<<"$output"
	grep -q "^$scanner"$'\t.*\tdrop_stealth' <<<"$output"
}

@test "3: blocking himself, his gateway, his node, a /8, everybody; enforcing unseen" {
	errs 5 '*rule ssh*' "fp-block add $operator --why oops"
	errs 5 '*rule ssh*' 'fp-block add 203.0.113.64/26 --why oops'
	errs 5 '*rule gateway*' 'fp-block add 203.0.113.0/24 --why oops'
	errs 5 '*rule wide*' 'fp-block add 203.0.0.0/8 --why oops'
	errs 5 '*rule wide*' 'fp-block add 0.0.0.0/0 --why oops'
	errs 5 '*rule wide*' 'fp-block add 0.0.0.0/0 --list all --kind allow'
	errs 5 '*rule gateway*' "fp-block add $gateway --why oops"
	errs 5 '*rule self*' 'fp-block add 192.0.2.1 --why oops'
	errs 5 '*rule unseen*' 'fp-load set stealth=enforce'
}

is_unconfirmed() { lab_in node "$load" status -o state | grep -qx unconfirmed; }

@test "4: attach, and confirm forgotten, or too late" {
	types 'fp-block add 203.0.113.68 --why scan'
	types "$(readme | sed -n '/^fp-load attach/{s/60s/1s/;s/eth0/net0 net1/p}')"
	[ "$status" = 0 ]
	refute passes 203.0.113.68
	lab_wait 5 passes 203.0.113.68
	is_unconfirmed
	errs 2 '*attach*' 'fp-load confirm'
}

@test "4: attach, confirm, status" {
	does fp-load attach
	[ "$status" = 0 ]
	passes $forgotten
	does fp-load confirm
	[ "$status" = 0 ]
	does fp-load status
	[ "$status" = 0 ]
	[ "$(grep -c filtering <<<"$output")" = 2 ]
}

@test "5: block; bad lists" {
	{ seq -f '11.0.0.%g' 200 && echo $scanner; } >"$LAB_DIR/work/list.txt"
	does fp-block load apiban
	[ "$status" = 0 ]
	refute passes $scanner
	passes $forgotten
	does fp-block add 203.0.113.7
	[ "$status" = 0 ]
	refute passes 203.0.113.7
	does fp-block why
	[ "$status" = 0 ]
	cd "$LAB_DIR/work"
	printf '11.0.0.1\n11.0.0.x\n' >bad.txt
	errs 2 '*bad.txt:2*11.0.0.x*' 'fp-block load apiban bad.txt'
	printf '11.0.0.1\n203.0.113.64/26\n' >bad.txt
	errs 5 '*rule ssh*' 'fp-block load feed bad.txt'
	printf '0.0.0.0/0\n' >bad.txt
	errs 5 '*rule wide*' 'fp-block load feed bad.txt'
	: >bad.txt
	errs 5 '*rule empty*' 'fp-block load apiban bad.txt'
	refute passes $scanner
}

@test "5: guard ports of sshd, and himself blocked all the same" {
	errs 5 '*rule ssh*' 'fp-load set guard-ports=22'
	errs 0 '*leaves out*22*' 'fp-load set guard-ports=any'
	errs 0 '*' "fp-block add $operator --why oops --override ssh"
	refute passes $operator
	errs 0 '*' "fp-block add $gateway --why oops --override gateway"
	errs 0 '*' 'fp-load set sip-ports=any --override ssh'
	[ "$(banner 203.0.113.7)" = SSH- ] # SSH is nobody's to lose
	types "fp-block del $operator $gateway &&
		fp-load set guard-ports=none sip-ports=5060-5061"
	[ "$status" = 0 ]
}

@test "6: look" {
	types 'fp-load set sample=1'
	lab_start looked_at attacker bash -c "while sleep 0.1; do
		printf 'OPTIONS sip:a@192.0.2.1 SIP/2.0\r\n\r\n' |
			socat -u - UDP4-SENDTO:192.0.2.1:5060,bind=$scanner
	done"
	for verb in watch top; do
		does fp-load $verb
		[ "$status" = 0 ]
		[[ $output == *$scanner* ]]
	done
	lab_stop looked_at
	does fp-load stats
	[ "$status" = 0 ]
	[[ $output == *drop_block* ]]
}

@test "7: enforce: refused over a carrier whom nobody thought of" {
	traffic
	passes $forgotten
	does fp-load set stealth=enforce
	[ "$status" = 5 ]
	[[ $stderr == *'rule dialog'*"$forgotten"* ]]
	[[ $output == *"$forgotten"* && $output != *"$carrier"* ]]
	remedy=$(grep -o 'fp-block add [^"]* --kind allow[^"]*' <<<"$stderr")
	types "$remedy"
	[ "$status" = 0 ]
	does fp-load set stealth=enforce
	[ "$status" = 0 ]
	does fp-load set malformed=enforce
	[ "$status" = 0 ]
}

@test "7: enforced: strangers are not answered, carriers are" {
	sip attacker 203.0.113.69 OPTIONS 3
	sip attacker $forgotten OPTIONS 3
	sip carrier $carrier OPTIONS 3
	passes $forgotten
	lab_in node "$load" stats -o reason,packets | grep -qx $'drop_stealth\t3'
	passes 203.0.113.69 # his calls do, though
}

@test "something is wrong: bypass, and detach" {
	printf '[opensips]\nsip1 ansible_host=192.0.2.1\n\n[all:vars]\n%s\n' \
		"fp_ssh_user=root
fp_ssh_key_file=$LAB_DIR/sync_key
fp_ssh_known_hosts=$LAB_DIR/known_hosts" >"$LAB_DIR/cluster.ini"
	readme | grep '^fp-sync bypass' >>"$LAB_DIR/done"
	run --separate-stderr lab_in carrier env "PATH=$FP_BUILD:$PATH" \
		"FP_STATE=$LAB_DIR/controller" "FP_CLUSTER=$LAB_DIR/cluster.ini" \
		bash -c "$(readme | grep '^fp-sync bypass')"
	[ "$status" = 0 ]
	passes $scanner
	does fp-load detach
	[ "$status" = 0 ]
	passes $scanner
	types 'fp-load attach net0 net1'
	refute passes $scanner
	lab_in node "$load" status -o stealth,malformed |
		grep -qx $'enforce\tenforce'
}

@test "8: at boot" {
	does systemctl
	[ "$status" = 0 ]
	boots
	# the next boot: pins are gone
	lab_stop boot
	find "$FP_PINS" -depth -delete
	tmpfiles
	passes $scanner
	boots
	as_unit fp-block-sweep.service fp-block add 203.0.113.70 --why scan
	lab_in node "${as[@]}"
	refute passes 203.0.113.70
	refute passes $scanner
	lab_stop boot
	[ -z "$(find "$FP_STATE" "$FP_PINS" ! -uid $user)" ]
}

is_on() { lab_in node "$load" status -o nic,state | grep -qx $'net1\tfiltering'; }

# The units' commands, as they are run.
boots() {
	as_it_starts fp-load@.service
	lab_start boot node "${as[@]}"
	lab_wait 10 is_on
	as_it_starts fp-block-sweep.service
	lab_in node "${as[@]}"
}

@test "nothing of the section was left out" {
	[ "$(readme | sort -u)" = "$(sort -u "$LAB_DIR/done")" ]
}
