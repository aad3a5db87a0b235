#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What make install puts where, and that uninstall takes it away again.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
	dest=$BATS_TEST_TMPDIR/dest
}

# The tools are built already; with "-o tools" nothing is rebuilt here.
to_dest() {
	make -s -o tools "$1" DESTDIR="$dest" PREFIX=/usr \
		BASHCOMPDIR=/usr/share/bash-completion/completions \
		SYSTEMDUNITDIR=/lib/systemd/system \
		SYSUSERSDIR=/usr/lib/sysusers.d TMPFILESDIR=/usr/lib/tmpfiles.d
}

@test "install puts tools, pages and completions where they belong" {
	[ -x build/fp-block ] || skip "fp-block is not built"
	to_dest install
	for tool in build/fp-*; do
		[ -f "$tool" ] && [ -x "$tool" ] || continue
		name=$(basename "$tool")
		[ -x "$dest/usr/sbin/$name" ]
		[ -f "$dest/usr/share/bash-completion/completions/$name" ]
		[ -f "$dest/usr/share/fish/vendor_completions.d/$name.fish" ]
		run -0 "$dest/usr/sbin/$name" --version
		[ ! -f "man/$name.8" ] ||
			[ -f "$dest/usr/share/man/man8/$name.8" ]
	done
	[ -f "$dest/usr/share/zsh/site-functions/_fastpath" ]
	[ -f "$dest/usr/share/doc/fastpath/LICENSE" ]
	for unit in examples/systemd/*.service; do
		[ -e "$unit" ] || continue
		[ -f "$dest/lib/systemd/system/$(basename "$unit")" ]
	done
	for what in sysusers tmpfiles; do
		cmp "examples/systemd/fastpath.$what.conf" \
			"$dest/usr/lib/$what.d/fastpath.conf"
	done
}

@test "units name the directory the tools went to" {
	[ -x build/fp-block ] || skip "fp-block is not built"
	compgen -G 'examples/systemd/*.service' >/dev/null ||
		skip "there are no units"
	run -0 make -s -o tools install DESTDIR= PREFIX="$dest/opt/fp" \
		SYSTEMDUNITDIR="$dest/units" BASHCOMPDIR="$dest/bash" \
		SYSUSERSDIR="$dest/sysusers" TMPFILESDIR="$dest/tmpfiles"
	# to be done on this machine; in a package's tree there is nothing to do
	[[ $output == *'systemd-sysusers fastpath.conf && systemd-tmpfiles --create fastpath.conf' ]]
	run ! grep -r /usr/sbin/fp- "$dest/units"
	grep -rq "$dest/opt/fp/sbin/fp-" "$dest/units"
}

@test "uninstall leaves no file behind" {
	[ -x build/fp-block ] || skip "fp-block is not built"
	run -0 to_dest install
	[ -z "$output" ]
	to_dest uninstall
	run find "$dest" -type f
	[ -z "$output" ]
}

@test "dist packs what is committed" {
	git rev-parse HEAD >/dev/null 2>&1 || skip "not a git checkout"
	name=$(make -s dist)
	tar -tzf "$name" | grep -q '/Makefile$'
	run ! grep -q '/build/' <(tar -tzf "$name")
}
