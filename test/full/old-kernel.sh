#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The filter on an old kernel: boots Debian 12's 6.1 (test/full/kernel gets it)
# in qemu, in software, with the tools, the kernel unit test and test/full/guest
# as its first process, and passes on the TAP that it prints.
# FP_KERNEL=DIR takes another unpacked kernel package; FP_VERBOSE=1 shows what
# cases print that pass.
set -eu
cd "$(dirname "$0")/../.."
build=${FP_BUILD:-$PWD/build}
limit_s=350
cases='every_packet_of_the_corpus_gets_its_verdict
	the_kernel_ends_a_ban_by_itself an_unconfirmed_filter_stops_by_itself'

skip() { echo "$*"; exit 77; }

[ "$(uname -m)" = x86_64 ] || skip "for x86_64 only"
for tool in qemu-system-x86_64 busybox cpio ip setpriv; do
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

# add FILE...: programs, with the libraries they need.
add() {
	local f lib

	for f; do
		cp -L "$f" "$root/bin/"
		for lib in $(ldd "$f" 2>/dev/null | grep -o '/[^ ]*'); do
			[ -e "$root$lib" ] || {
				mkdir -p "$root${lib%/*}"
				cp -L "$lib" "$root$lib"
			}
		done
	done
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

mkdir -p "$root"/{bin,etc,proc,sys,dev,run,tmp,fastpath/test}
add "$(command -v busybox)" "$(command -v bash)" "$(command -v ip)" \
	"$(command -v setpriv)" \
	"$build/fp-load" "$build/fp-block" "$build/test/unit/kernel_test"
module veth tcp_diag bonding 8021q bridge dummy
cp -r test/corpus "$root/fastpath/test/"
echo "$cases" >"$root/fastpath/cases"
cp test/full/guest "$root/init"
(cd "$root" && find . | cpio -o -H newc --quiet) | gzip -1 >"$tmp/initrd"

timeout -k 5 "$limit_s" qemu-system-x86_64 -accel tcg -cpu max -m 1024 \
	-nic none -nographic -no-reboot -kernel "$vmlinuz" \
	-initrd "$tmp/initrd" -append "console=ttyS0 quiet panic=-1 FP_VERBOSE=${FP_VERBOSE-}" \
	</dev/null 2>&1 | tr -d '\r' >"$tmp/console" || :
grep -E '^(not )?ok |^#' "$tmp/console" || :
if ! grep -q '^guest: end$' "$tmp/console"; then
	echo "not ok 99 $version runs to its end in 0ms"
	tail -n 30 "$tmp/console" | sed 's/^/# /'
	exit 1
fi
! grep -q '^not ok' "$tmp/console"
