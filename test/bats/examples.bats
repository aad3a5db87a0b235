#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Every file under examples/ is run or read by a test that says so, and is a whole
# file of its kind.
# shellcheck disable=SC2154 # bats' own variables

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
}

# What a test takes without saying each name: files, the test, and the words by which
# it takes them.  Any other file has to be named by a test.
taken_whole() {
	cat <<-'END'
	ansible/collections/*	ansible.bats	collections_path = $EXAMPLES/collections
	freeswitch/*.xml	examples-recover.bats	doctor "$examples/freeswitch"
	opensips/*-[123].cfg	examples-rehome.bats	configs=(pair-1 pair-2 three-1
	opensips/rtpengine.cfg	examples-rehome.bats	<(code rtpengine)
	systemd/*.service	units.bats	systemd/*.service
	systemd/*.timer	units.bats	systemd/*.timer
	systemd/fastpath.*.conf	install.bats	examples/systemd/fastpath.$what.conf
	af_xdp/receiver.c	xsk.bats	examples/af_xdp/receiver
	*/*.default	examples.bats	files of variables
	*/README.md	man.bats	README.md
	END
}

files() { find examples -type f ! -name '*.pyc' | sed 's|^examples/||' | sort; }

# is_named FILE: by a test that CI runs, or by what tests source.
is_named() {
	local pattern test words

	while IFS=$'\t' read -r pattern test words; do
		# shellcheck disable=SC2053 # a pattern
		[[ $1 == $pattern ]] && return
	done < <(taken_whole)
	grep -qF --exclude=examples.bats -- "${1##*/}" test/bats/*.bats \
		test/lab/*.bash
}

@test "every example is named by a test" {
	while read -r file; do
		is_named "$file" || { echo "examples/$file: by no test"; false; }
	done < <(files)
	run ! is_named systemd/nobody-runs.conf
}

@test "what takes examples as a whole says so still" {
	while IFS=$'\t' read -r pattern test words; do
		grep -qF -- "$words" "test/bats/$test" ||
			{ echo "$test does not say: $words"; false; }
		# shellcheck disable=SC2053 # a pattern
		while read -r file; do
			[[ $file == $pattern ]] && continue 2
		done < <(files)
		echo "no file is $pattern"
		false
	done < <(taken_whole)
}

# whole FILE...: each is one of its kind; those that are not are said.
whole() {
	python3 - "$@" <<-'END'
	import json, re, sys, xml.dom.minidom, yaml

	def xml_part(text):
	    """a file of FreeSWITCH's is a part of one document"""
	    text = re.sub(r'<\?xml.*?\?>', '', text)
	    xml.dom.minidom.parseString('<x>%s</x>' % text)

	kinds = {
	    'yml': lambda text: list(yaml.safe_load_all(text)),
	    'xml': xml_part,
	    'json': json.loads,
	    'py': lambda text: compile(text, 'x', 'exec'),
	}
	bad = 0
	for name in sys.argv[1:]:
	    try:
	        kinds.get(name.rsplit('.', 1)[-1], len)(open(name).read())
	    except Exception as e:
	        print(name, e)
	        bad = 1
	sys.exit(bad)
	END
}

@test "each is a whole file of its kind" {
	command -v python3 >/dev/null || skip 'no python3'
	python3 -c 'import yaml' 2>/dev/null || skip 'no yaml for python3'
	files | sed 's|^|examples/|' >"$BATS_TEST_TMPDIR/files"
	mapfile -t all <"$BATS_TEST_TMPDIR/files"
	whole "${all[@]}"
	cd "$BATS_TEST_TMPDIR"
	echo '{' | tee x.json x.py x.xml x.yml >/dev/null
	run -1 whole x.*
	[ "${#lines[@]}" -ge 4 ]
}

@test "cluster files among them are ones; systemd takes the user" {
	[ -x "$FP_BUILD/fp-sync" ] || skip 'fp-sync is not built'
	while read -r file; do
		[[ $file == *.ini ]] || continue
		run "$FP_BUILD/fp-sync" history -C "examples/$file" \
			--state "$BATS_TEST_TMPDIR"
		[ "$status" = 0 ] || { echo "$file: $output"; false; }
	done < <(files)
	command -v systemd-sysusers >/dev/null || skip 'no systemd-sysusers'
	systemd-sysusers --dry-run "$PWD/examples/systemd/fastpath.sysusers.conf"
}

@test "files of variables have nothing else, and no quote that is left open" {
	n=0
	while read -r file; do
		[[ $file == *.default ]] || continue
		n=$((n + 1))
		run grep -nvE "^(#.*|[A-Z_]+=([^\"']*|\"[^\"]*\"|'[^']*')|)\$" \
			"examples/$file"
		[ -z "$output" ] || { echo "$file: $output"; false; }
	done < <(files)
	[ $n -ge 1 ]
}
