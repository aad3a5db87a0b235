#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# examples/systemd, examples/cron and examples/ssh as systemd, sshd and the tools
# themselves read them.
# shellcheck disable=SC2154 # bats' own variables

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../../examples" || return
	source=$PWD/..
}

needs_systemd() {
	command -v systemd-analyze >/dev/null || skip 'no systemd-analyze'
}

# Units with the tools' real directory, as make install writes them; the instance
# of a template is "lo".
installed() {
	local unit name

	for unit in systemd/*.service systemd/*.timer; do
		name=${unit##*/}
		sed "s|/usr/sbin/fp-|$FP_BUILD/fp-|" "$unit" \
			>"$BATS_TEST_TMPDIR/${name/@./@lo.}"
	done
}

# commands FILE...: each tool and verb that they run
commands() {
	sed -n -e '/^#[^f]/d' \
		-e 's/.*\(fp-[a-z]* [a-z][a-z]*\( --*[a-z-]*\)*\).*/\1/p' "$@"
}

@test "systemd takes every unit as it stands" {
	needs_systemd
	for tool in fp-block fp-load fp-sync; do
		[ -x "$FP_BUILD/$tool" ] || skip "$tool is not built"
	done
	installed
	for unit in "$BATS_TEST_TMPDIR"/*.*; do
		echo "$unit"
		run -0 systemd-analyze verify --man=no "$unit"
		[ -z "$output" ]
	done
}

@test "every service is hardened: exposure of at most 3.0" {
	needs_systemd
	for unit in systemd/*.service; do
		echo "$unit"
		run -0 systemd-analyze security --offline=true --threshold=30 \
			--no-pager "$unit"
	done
}

@test "a unit without hardening would be found" {
	needs_systemd
	printf '[Service]\nExecStart=/bin/true\n' >"$BATS_TEST_TMPDIR/x.service"
	run ! systemd-analyze security --offline=true --threshold=30 \
		--no-pager "$BATS_TEST_TMPDIR/x.service"
}

@test "pages that units name are there" {
	while read -r page section; do
		[ -f "$source/man/$page.$section" ] ||
			{ echo "no $page($section)"; return 1; }
	done < <(grep -h '^Documentation=' systemd/* |
		grep -oE 'man:[^ ]+' | tr -d ')' | sed 's/man://; s/(/ /')
}

@test "what runs for ever says that it is alive" {
	for unit in systemd/fp-sync-*.service systemd/fp-load@.service; do
		echo "$unit"
		grep -qx 'Type=notify' "$unit"
		grep -q '^WatchdogSec=' "$unit"
		grep -q '^Restart=' "$unit"
	done
	grep -qx 'User=fastpath' systemd/fp-sync-push.service
}

@test "the filter's units: no root, no more capabilities, nothing on stop" {
	unit=systemd/fp-load@.service
	grep -qx 'CapabilityBoundingSet=CAP_BPF CAP_NET_ADMIN CAP_PERFMON' $unit
	for unit in systemd/fp-block-sweep.service \
		systemd/fp-sync-consume.service; do
		grep -qx 'CapabilityBoundingSet=CAP_BPF' $unit
	done
	for unit in systemd/fp-load@.service systemd/fp-block-sweep.service \
		systemd/fp-sync-consume.service; do
		grep -qx 'User=fastpath' $unit
		[ "$(sed -n 's/^AmbientCapabilities=//p' $unit)" = \
			"$(sed -n 's/^CapabilityBoundingSet=//p' $unit)" ]
		run ! grep -E '^(ExecStop|Requires|BindsTo)=' $unit
	done
	# ProtectKernelTunables makes /sys/fs/bpf itself read-only all the same
	run ! grep -E '^ReadWritePaths=-?/sys/fs/bpf$' systemd/*.service
	grep -q '^Before=network-pre.target' systemd/fp-load@.service
	grep -qx 'Wants=network-pre.target' systemd/fp-load@.service
}

# In a root directory of its own, which needs a bpffs and so a mount namespace.
@test "the user and the directories, as systemd makes them" {
	command -v systemd-sysusers systemd-tmpfiles >/dev/null ||
		skip 'no systemd-sysusers and systemd-tmpfiles'
	[ "$(id -u)" = 0 ] || skip 'needs root'
	root=$BATS_TEST_TMPDIR/root
	mkdir -p "$root"/{etc,usr/lib/sysusers.d,usr/lib/tmpfiles.d,sys/fs/bpf}
	for what in sysusers tmpfiles; do
		cp systemd/fastpath.$what.conf \
			"$root/usr/lib/$what.d/fastpath.conf"
	done
	# of a time when all was root's
	mkdir -p "$root/var/lib/fastpath/lists"
	touch "$root/var/lib/fastpath/"{settings,lists/local.list}
	# shellcheck disable=SC2016 # for the inner shell
	run -0 unshare -m bash -euc '
		mount -t bpf -o mode=700 bpf "$1/sys/fs/bpf"
		mkdir -pm 700 "$1/sys/fs/bpf/fastpath/v2"
		for i in 1 2; do
			systemd-sysusers --root="$1"
			systemd-tmpfiles --root="$1" --create fastpath.conf
		done
		cd "$1"
		id=$(sed -n "s/^fastpath:x:\([0-9]*\):.*/\1/p" etc/passwd)
		find var/lib/fastpath sys/fs/bpf ! -name "*.debug" -printf "%p %m %U %G\n" |
			sed "s/\b$id\b/N/g" | sort' x "$root"
	echo "$output"
	got=$(grep -E '^(sys|var)' <<<"$output")
	[ "$got" = "sys/fs/bpf 711 0 0
sys/fs/bpf/fastpath 750 N N
sys/fs/bpf/fastpath/v2 700 N N
var/lib/fastpath 755 N N
var/lib/fastpath/home 750 N N
var/lib/fastpath/lists 750 N N
var/lib/fastpath/lists/local.list 644 N N
var/lib/fastpath/settings 644 N N" ]
	grep -qE '^fastpath:x:[0-9]+:[0-9]+:fastpath:/var/lib/fastpath/home:/bin/sh$' \
		"$root/etc/passwd"
	grep -qE '^fastpath:!' "$root/etc/shadow"
}

@test "units and crontab run verbs and options that the tools have" {
	commands systemd/*.service cron/fp-sync >"$BATS_TEST_TMPDIR/commands"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/commands")" -ge 6 ]
	while read -r tool verb options; do
		[ -x "$FP_BUILD/$tool" ] || skip "$tool is not built"
		echo "$tool $verb $options"
		run -0 "$FP_BUILD/$tool" "$verb" --help
		for option in $options; do
			grep -qE -- "$option( |,|$)" <<<"$output"
		done
	done <"$BATS_TEST_TMPDIR/commands"
}

@test "the crontab is one of cron.d: five times, a user, a command" {
	field='[0-9*/,-]+'
	mapfile -t lines < <(grep -vE '^(#|$|[A-Z]+=)' cron/fp-sync)
	[ ${#lines[@]} = 2 ]
	for line in "${lines[@]}"; do
		grep -qE "^($field ){5}fastpath fp-sync [a-z]+" <<<"$line"
		[[ $line != *%* ]]
	done
}

@test "sshd takes the example, and that user gets no shell" {
	[ -x /usr/sbin/sshd ] || skip 'no sshd'
	[ "$(id -u)" = 0 ] || skip 'sshd -T needs root'
	ssh-keygen -q -t ed25519 -N '' -f "$BATS_TEST_TMPDIR/key"
	{
		echo "HostKey $BATS_TEST_TMPDIR/key"
		cat ssh/sshd_config
	} >"$BATS_TEST_TMPDIR/sshd_config"
	mkdir -p /run/sshd
	run -0 /usr/sbin/sshd -T -f "$BATS_TEST_TMPDIR/sshd_config" \
		-C user=fastpath,host=ctl1,addr=192.0.2.41
	for line in 'forcecommand sudo -n /usr/sbin/fp-sync receive' \
		'permittty no' 'disableforwarding yes' 'permituserrc no' \
		'permitrootlogin forced-commands-only'; do
		grep -qx "$line" <<<"$output" || { echo "no $line"; return 1; }
	done
	ssh-keygen -lf ssh/authorized_keys
	run ! grep -vE '^#|^restrict,command="' ssh/authorized_keys
	if command -v visudo >/dev/null; then visudo -cf ssh/sudoers; fi
}
