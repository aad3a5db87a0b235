#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The units of examples/systemd on a booted system: Debian 12's 6.1 (machine.bash)
# with this system's own systemd as its first process.  test/full/boot has what
# else there is: a cable (nic.service), a SIP server that says what it found when
# it was started (opensips.service), and the checks (guest).
set -eu
cd "$(dirname "$0")/../.."
source test/full/machine.bash
build=${FP_BUILD:-$PWD/build}

# What of systemd the guest gets.
units='sysinit.target local-fs-pre.target local-fs.target sockets.target
	timers.target paths.target slices.target basic.target multi-user.target
	network-pre.target network.target network-online.target time-set.target
	time-sync.target shutdown.target umount.target final.target
	systemd-journald.service systemd-journald.socket
	systemd-journald-dev-log.socket systemd-sysusers.service
	systemd-tmpfiles-setup.service'
wanted='sysinit.target.wants/systemd-journald.service
	sysinit.target.wants/systemd-sysusers.service
	sysinit.target.wants/systemd-tmpfiles-setup.service
	sockets.target.wants/systemd-journald.socket
	sockets.target.wants/systemd-journald-dev-log.socket'
programs='systemctl journalctl systemd-sysusers systemd-tmpfiles'

# system: /lib/systemd, and programs that come with it.
system() {
	local to=$root/lib/systemd f

	mkdir -p "$to"/system/{sysinit,sockets}.target.wants
	for f in $units; do
		cp "/lib/systemd/system/$f" "$to/system/" ||
			skip "this system's systemd has no $f"
	done
	for f in $wanted; do
		ln -s "../${f#*/}" "$to/system/$f"
	done
	# from 255 on, services are run by systemd-executor
	for f in systemd systemd-journald systemd-executor; do
		[ ! -x "/lib/systemd/$f" ] || {
			cp "/lib/systemd/$f" "$to/"
			with_libraries "/lib/systemd/$f"
		}
	done
	for f in $programs; do
		add "$(command -v "$f")"
	done
	ln -s lib/systemd/systemd "$root/init"
	ln -s multi-user.target "$to/system/default.target"
}

# etc: no users but root, so that the package's own is made at boot.
etc() {
	mkdir -p "$root/etc/systemd/system"
	echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
	echo 'root:x:0:' >"$root/etc/group"
	echo 'ID=guest' >"$root/etc/os-release"
	echo guest >"$root/etc/hostname"
	# else the system takes this for its first boot
	echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
}

# package: as make install and an operator leave it.
package() {
	local from=examples/systemd what

	cp "$build/fp-load" "$build/fp-block" "$build/fp-sync" "$root/usr/sbin/"
	with_libraries "$root"/usr/sbin/fp-*
	for what in sysusers tmpfiles; do
		mkdir -p "$root/usr/lib/$what.d"
		cp "$from/fastpath.$what.conf" \
			"$root/usr/lib/$what.d/fastpath.conf"
	done
	cp $from/fp-load@.service $from/fp-block-sweep.* \
		$from/fp-sync-consume.service "$root/lib/systemd/system/"
	mkdir -p "$root/etc/fastpath"
	(umask 077 && echo 'amqp://node:secret@127.0.0.1' \
		>"$root/etc/fastpath/amqp.url")
	systemctl --quiet --root="$root" enable fp-load@fp0.service \
		fp-block-sweep.timer
}

machine_needs bash ldd systemctl
[ -x /lib/systemd/systemd ] && [ -d /lib/systemd/system ] ||
	skip "systemd is not installed"
for tool in $programs; do
	command -v "$tool" >/dev/null || skip "$tool is not installed"
done
mkdir -p "$root"/usr/{bin,sbin,lib,lib64} \
	"$root"/{dev,fastpath,proc,root,run,sys,tmp,var/lib,var/log,var/tmp}
ln -s usr/bin usr/sbin usr/lib usr/lib64 "$root/"
chmod 1777 "$root/tmp" "$root/var/tmp"
add "$(command -v busybox)" "$(command -v bash)" "$(command -v ip)"
module veth tcp_diag autofs4
system
busybox --install -s "$root/usr/bin" 2>/dev/null || : # but for what is there
ln -s ../bin/busybox "$root/usr/sbin/modprobe" # where the kernel looks
etc
cp test/full/boot/*.service "$root/etc/systemd/system/"
cp test/full/guest.bash test/full/boot/guest "$root/fastpath/"
package
systemctl --quiet --root="$root" enable nic.service opensips.service guest.service
machine 450 systemd.show_status=no
