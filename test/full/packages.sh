#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The Debian packages, built from what is committed (make deb), in a clean Debian 12:
# installed, used, upgraded, removed and purged.  test/full/packages has what runs in
# mount, pid and network namespaces of its own.
# The mirror and proxies are those of this machine's apt.  FP_DEBS=DIR takes packages
# that are built already.
set -eu
cd "$(dirname "$0")/../.."

skip() { echo "$*"; exit 77; }

[ "$(id -u)" = 0 ] || skip 'needs root'
for tool in debootstrap dpkg-buildpackage dh lintian setpriv unshare; do
	command -v "$tool" >/dev/null || skip "$tool is not installed"
done
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
	'Codename: bookworm' 'Component: main' 2>/dev/null | head -1)
mirror=${mirror%/}
[ -n "$mirror" ] || skip 'apt here has no mirror of Debian 12'
tmp=$(mktemp -d "${TMPDIR:-/tmp}/fp-packages.XXXXXX")
inside=
trap '[ -z "$inside" ] || { kill "$inside"; wait "$inside"; }
	rm -rf --one-file-system "$tmp"' EXIT
trap 'exit 130' INT TERM
/usr/lib/apt/apt-helper download-file "$mirror/dists/bookworm/InRelease" \
	"$tmp/InRelease" >/dev/null 2>&1 || skip 'no network: the mirror does not answer'

if [ -z "${FP_DEBS-}" ]; then
	git rev-parse HEAD >/dev/null 2>&1 || skip 'not a git checkout'
	make -s deb >"$tmp/log" 2>&1 || { tail -n 40 "$tmp/log"; exit 1; }
	FP_DEBS=$PWD/build/deb
fi

# What is fetched is kept for the next run.
mkdir -p "$PWD/build/packages"
export FP_DEBS FP_MIRROR=$mirror FP_CACHE=$PWD/build/packages FP_ROOT=$tmp/root
exec 8</proc/self/ns/net # the way back to the network
unshare -m -p -n -f --mount-proc --kill-child test/full/packages/inside &
inside=$!
rc=0
wait $inside || rc=$?
inside=
exit $rc
