# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the tests that boot Debian 12's 6.1 (test/full/kernel gets it) share: a
# root directory for an initrd, and qemu, in software.  Source it in the project's
# directory.  FP_KERNEL=DIR takes another unpacked kernel package; FP_VERBOSE=1
# shows what cases print that pass.

skip() { echo "$*"; exit 77; }

# machine_needs TOOL...: of the host, besides what booting takes.  Sets version
# (of the kernel), vmlinuz, tmp and root, an empty directory.
machine_needs() {
	local tool

	[ "$(uname -m)" = x86_64 ] || skip "for x86_64 only"
	for tool in qemu-system-x86_64 busybox cpio ip "$@"; do
		command -v "$tool" >/dev/null || skip "$tool is not installed"
	done
	if [ -z "${FP_KERNEL-}" ]; then
		for FP_KERNEL in "$PWD"/build/old-kernel/linux-image-*; do :; done
	fi
	vmlinuz=$(find "$FP_KERNEL/boot" -name 'vmlinuz-*' 2>/dev/null | head -1)
	[ -n "$vmlinuz" ] || skip "no kernel was downloaded"
	version=${vmlinuz##*/vmlinuz-}
	tmp=$(mktemp -d "${TMPDIR:-/tmp}/fp-old-kernel.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	trap 'exit 130' INT TERM
	root=$tmp/root
	mkdir "$root"
}

# with_libraries FILE...: into root, the libraries that these programs need.
with_libraries() {
	local f lib

	for f; do
		for lib in $(ldd "$f" 2>/dev/null | grep -o '/[^ ]*'); do
			[ -e "$root$lib" ] || {
				mkdir -p "$root${lib%/*}"
				cp -L "$lib" "$root$lib"
			}
		done
	done
}

# add FILE...: programs, with the libraries they need.
add() {
	cp -L "$@" "$root/bin/"
	with_libraries "$@"
}

# module NAME...: what modprobe needs for them.
module() {
	local modules=lib/modules/$version m f

	busybox depmod -b "$FP_KERNEL" "$version"
	for m; do
		for f in $(grep "/$m\.ko:" "$FP_KERNEL/$modules/modules.dep" |
			tr -d :); do # itself and what it needs
			mkdir -p "$root/$modules/${f%/*}"
			cp "$FP_KERNEL/$modules/$f" "$root/$modules/$f"
		done
	done
	cp "$FP_KERNEL/$modules/modules.dep" "$root/$modules/"
}

# machine LIMIT_S WORD...: boot root with these on the kernel's command line, and
# pass on the TAP that its guest prints.  1 when a case failed, or when the guest
# did not come to its end.
machine() {
	local limit_s=$1

	shift
	(cd "$root" && find . | cpio -o -H newc --quiet) |
		gzip -1 >"$tmp/initrd"
	timeout -k 5 "$limit_s" nice -n 10 qemu-system-x86_64 -accel tcg \
		-cpu max -m 1024 -nic none -nographic -no-reboot \
		-kernel "$vmlinuz" -initrd "$tmp/initrd" \
		-append "console=ttyS0 quiet panic=-1 FP_VERBOSE=${FP_VERBOSE-} $*" \
		</dev/null 2>&1 | tr -d '\r' >"$tmp/console" || :
	grep -aE '^(not )?ok |^#' "$tmp/console" || :
	if ! grep -aq '^guest: end$' "$tmp/console"; then
		echo "not ok 99 $version runs to its end in 0ms"
		tail -n 30 "$tmp/console" | sed 's/^/# /'
		return 1
	fi
	! grep -aq '^not ok' "$tmp/console"
}
