# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# sshd on the lab's node, for tests of what the filter leaves alone.

# A real sshd at port 22 of the node, and a key that it takes.
start_sshd() {
	local dir=$BATS_TEST_TMPDIR

	command -v sshd >/dev/null || skip 'sshd is not installed'
	mkdir -p /run/sshd # where sshd insists on going
	ssh-keygen -q -t ed25519 -N '' -f "$dir/host"
	ssh-keygen -q -t ed25519 -N '' -f "$dir/key"
	cat >"$dir/conf" <<-END
		HostKey $dir/host
		AuthorizedKeysFile $dir/key.pub
		ListenAddress 192.0.2.1:22
		ListenAddress [2001:db8:5::1]:22
		StrictModes no
		PidFile none
		UsePAM no
		PermitRootLogin yes
	END
	lab_start ssh node "$(command -v sshd)" -D -e -f "$dir/conf"
	lab_wait 5 lab_listens node tcp 192.0.2.1 22
}

# ssh_from SOURCE: a login and a command.
ssh_from() {
	local to=192.0.2.1

	[[ $1 != *:* ]] || to=2001:db8:5::1
	[ "$(lab_in attacker timeout 10 ssh -F none -b "$1" \
		-i "$BATS_TEST_TMPDIR/key" -o BatchMode=yes \
		-o ConnectTimeout=3 -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
		"root@$to" echo in)" = in ]
}
