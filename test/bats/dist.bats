#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What make dist packs, and what debian/ and the container file say of it.
# Building and installing packages: test/full/packages.sh.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
}

# clone DIR: of what is committed
clone() {
	git rev-parse HEAD >/dev/null 2>&1 || skip 'not a git checkout'
	git -c safe.directory='*' clone -q . "$1"
}

# packed DIR [NAME=VALUE...]: the tarball of a clone, made with that environment
packed() {
	env "${@:2}" make -s -C "$1" dist >/dev/null
	echo "$1"/build/fastpath-*.tar.gz
}

@test "two clones of a commit give the same bytes" {
	clone "$BATS_TEST_TMPDIR/a"
	one=$(packed "$BATS_TEST_TMPDIR/a")
	sleep 1.1 # another second on the files, were it kept
	umask 077
	clone "$BATS_TEST_TMPDIR/b"
	git -C "$BATS_TEST_TMPDIR/b" config tar.umask 0077
	two=$(packed "$BATS_TEST_TMPDIR/b" TZ=Asia/Tokyo)
	cmp "$one" "$two"
	touch "$BATS_TEST_TMPDIR/b/uncommitted"
	cmp "$one" "$(packed "$BATS_TEST_TMPDIR/b")"
}

@test "SOURCE_DATE_EPOCH is every file's time" {
	clone "$BATS_TEST_TMPDIR/a"
	file=$(packed "$BATS_TEST_TMPDIR/a" SOURCE_DATE_EPOCH=86400)
	run -0 env TZ=UTC tar -tvzf "$file"
	[ "$(awk '{ print $2, $4 }' <<<"$output" | sort -u)" = '0/0 1970-01-02' ]
}

@test "the tarball holds what git has, and nothing else" {
	clone "$BATS_TEST_TMPDIR/a"
	file=$(packed "$BATS_TEST_TMPDIR/a")
	diff <(tar -tzf "$file" | grep -v '/$' | cut -d/ -f2- | sort) \
		<(git -C "$BATS_TEST_TMPDIR/a" ls-tree -r --name-only HEAD | sort)
}

@test "one version everywhere" {
	version=$(sed -n 's/^VERSION := //p' Makefile)
	[ "$(sed -n '1s/^fastpath (\(.*\)) .*/\1/p' debian/changelog)" = "$version" ]
	grep -q "fastpath-node:$version attach" examples/container/README.md
}

# What make install places belongs to exactly one package.
@test "each installed file is in one package" {
	[ -x "$FP_BUILD/fp-block" ] || skip 'fp-block is not built'
	dest=$BATS_TEST_TMPDIR/dest
	make -s -o tools install DESTDIR="$dest" PREFIX=/usr \
		BASHCOMPDIR=/usr/share/bash-completion/completions \
		ZSHCOMPDIR=/usr/share/zsh/vendor-completions \
		SYSTEMDUNITDIR=/lib/systemd/system \
		SYSUSERSDIR=/usr/lib/sysusers.d TMPFILESDIR=/usr/lib/tmpfiles.d
	cd "$dest"
	while read -r pattern; do
		# shellcheck disable=SC2086 # a pattern
		find $pattern -type f
	done < <(cat "$OLDPWD"/debian/*.install \
		<(grep -v '^#' "$OLDPWD/debian/not-installed")) |
		sort >"$BATS_TEST_TMPDIR/claimed"
	find . -type f -printf '%P\n' | sort | diff - "$BATS_TEST_TMPDIR/claimed"
}

@test "each example is in one package, but for the units and this container" {
	diff <(cat debian/*.examples | sort) \
		<(git ls-files examples | cut -d/ -f1,2 | sort -u |
			grep -v -e '/systemd$' -e '/container$')
}

# words FIELD: of debian/control, without versions and substitutions
words() {
	awk -v field="$1:" '$1 == field { on = 1; $1 = "" } /^[A-Z]/ && $1 != "" &&
		$1 != field { on = 0 } on' debian/control |
		sed 's/([^)]*)//g; s/\${[^}]*}//g; s/|.*//' | tr -s ', ' '\n' |
		grep .
}

@test "the container file names what there is" {
	file=examples/container/Containerfile
	while read -r -a names; do
		for name in "${names[@]::${#names[@]}-1}"; do
			git ls-files --error-unmatch "$name" >/dev/null
		done
	done < <(sed -n 's/^COPY \([^-].*\)/\1/p' $file)
	# the first RUN installs what debian/control needs to build
	diff <(sed -e :a -e '/\\$/N; s/\\\n//; ta' $file |
		sed -n 's/^RUN .*--no-install-recommends//p' | head -1 |
		tr -s ' \t' '\n' | grep . | sort) \
		<({ words Build-Depends | sed 's/^debhelper-compat$/debhelper/'
			echo build-essential; } | sort)
	# and all that debian/ takes is copied
	for name in $(cat debian/*.docs); do
		grep -q "^COPY .*$name" $file
	done
}

# What follows the packages there, without apt: on a Debian that has no state.
@test "the container file makes the state, as root's" {
	[ "$(id -u)" = 0 ] || skip 'needs root, for an owner'
	dest=$BATS_TEST_TMPDIR/dest
	mkdir -p "$dest/var/lib" "$dest/var/lib/apt/lists"
	: >"$dest/fastpath-node_0_all.deb"
	words=$(sed -n '/^FROM/h; //!H; ${x; p}' examples/container/Containerfile |
		sed -e :a -e '/\\$/N; s/\\\n//; ta' | sed -n 's/^RUN //p' |
		sed "s/^apt-get update && apt-get install [^&]*&& //
			s| /\([fv]\)| $dest/\1|g")
	echo "$words"
	[[ $words != *apt-get* ]]
	sh -euc "$words"
	[ "$(stat -c '%U %a' "$dest/var/lib/fastpath" \
		"$dest/var/lib/fastpath/lists")" = $'root 755\nroot 750' ]
	[ -z "$(find "$dest" -name '*.deb')" ]
}

@test "the container has the capabilities of the unit, and no others" {
	readme=examples/container/README.md
	caps=$(sed -n 's/^CapabilityBoundingSet=//p' \
		examples/systemd/fp-load@.service | sed 's/CAP_//g')
	[ "$(grep -o 'cap-add=[A-Z_]*' $readme | cut -d= -f2 | sort | xargs)" = \
		"$(tr ' ' '\n' <<<"$caps" | sort | xargs)" ]
	grep -q -- --cap-drop=ALL $readme
	run ! grep -E 'run .*--privileged' $readme
}
