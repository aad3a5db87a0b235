#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# fp-block: what is wrong in a file is named by line and word, and nothing of
# the file is applied; or it is left out and counted.
# shellcheck disable=SC2154 # bats' own variables

bats_require_minimum_version 1.5.0

load block.bash

setup_file() { node_up; }
setup() {
	node_fresh
	fp-block load feed - <<<203.0.113.1 >/dev/null
	before=$(state)
}

# bad TEXT: the second line of three is, in $PWD/file, which is the bad one.
bad() {
	block 2 load feed file
	says "file:2: $1"
	same "$output" ''
	same "$(state)" "$before"
	block 2 add - <file
	says "-:2: $1"
	same "$output" ''
	same "$(state)" "$before"
	block 0 load feed file --skip-bad -j
	says "left out: file:2: $1"
	json '.[0] | [.entries, .bad]' '[2,1]'
	verdict 203.0.113.7 block
	verdict 203.0.113.9 block
	in_step
	fp-block load feed - <<<203.0.113.1 >/dev/null
	before=$(state)
}

@test "lines that are no entry" {
	while IFS='|' read -r line text; do
		printf '203.0.113.7\n%b\n203.0.113.9\n' "$line" >file
		bad "$text"
	done <<-'END'
		hello|"hello" is not an address or a prefix
		999.1.1.1|"999.1.1.1": an octet is more than 255
		1.2.3|"1.2.3" is not an address or a prefix
		1.2.3.04|"1.2.3.04": an octet has a leading zero
		10.0.0.1/8|"10.0.0.1/8" has host bits set; did you mean 10.0.0.0/8?
		2001:db8::1/32|"2001:db8::1/32" has host bits set; did you mean 2001:db8::/32?
		10.0.0.0/33|"10.0.0.0/33": the length is not 0 to 32
		2001:db8::/129|"2001:db8::/129": the length is not 0 to 128
		10.0.0.0/|"10.0.0.0/": the length is not 0 to 32
		192.0.2.9 color=red|"color": unknown key
		192.0.2.9 scan|"scan": not key=value
		192.0.2.9 why=a why=b|"why": given twice
		192.0.2.9 why="open|"why="open": the quote does not end
		192.0.2.9 why="a"b|"why="a"b": text after the quote
		192.0.2.9 why=a"b|"why=a"b": a quote inside a value
		192.0.2.9 until=soon|"soon": until= is not a time like 2026-01-02T03:04:05Z
		192.0.2.9 until=2026-02-30T00:00:00Z|"2026-02-30T00:00:00Z": until= is not a time like 2026-01-02T03:04:05Z
		192.0.2.9 why=\0001|"\x01": a control character, or not UTF-8
		192.0.2.9 why=\0377|"\xff": a control character, or not UTF-8
		192.0.\00002.9|"192.0.?2.9" is not an address or a prefix
		\0000\0000|"??" is not an address or a prefix
		+192.0.2.9|"+192.0.2.9" is not an address or a prefix
		192.0.2.9;|"192.0.2.9;" is not an address or a prefix
	END
}

@test "a line of 1 MB" {
	{
		echo 203.0.113.7
		printf '192.0.2.9 why=%1000000s\n' x | tr ' ' x
		echo 203.0.113.9
	} >file
	bad 'line longer than 1024 bytes'
}

@test "a long word is cut, and steers no terminal" {
	printf '203.0.113.7\n%0200d\033[2J\n203.0.113.9\n' 1 >file
	block 2 load feed file
	[[ $stderr == 'fp-block: file:2: "0000'*'...": '* ]]
	[ ${#stderr} -lt 200 ]
	printf '203.0.113.7\n\033[2J\n203.0.113.9\n' >file
	bad '"?[2J" is not an address or a prefix'
}

@test "CRLF, a BOM, blanks, comments and a last line without end are fine" {
	printf '\xef\xbb\xbf203.0.113.7\r\n\r\n \t203.0.113.8\t  why=a\r\n# 300.1.1.1\r\n203.0.113.9 #no\n203.0.113.10' >file
	block 0 load feed file
	silent
	prints feed block 4 4 1 0 0 0 0
	same "$(fp-block list feed)" "203.0.113.7
203.0.113.8 why=a
203.0.113.9
203.0.113.10"
	in_step
}

@test "the same prefix twice: the later line stands" {
	block 0 load feed - <<-'END'
		203.0.113.7 why=first
		203.0.113.7/32 why=second
	END
	same "$(fp-block list feed)" '203.0.113.7 why=second'
}

@test "only the first ten bad lines are shown, all are counted" {
	seq -f 'bad%g' 1 1000 >file
	echo 203.0.113.7 >>file
	block 0 load feed file --skip-bad
	prints feed block 1 1 1 0 1000 0 0
	same "$(wc -l <<<"$stderr")" 10
}

@test "a directory, a missing file, noise" {
	block 2 load feed .
	says '.: Is a directory'
	block 2 load feed nosuch
	says 'nosuch: No such file or directory'
	head -c 1000000 /dev/urandom >noise
	block 2 load feed noise
	hints 'noise:1: '
	head -c 1000000 /dev/zero >noise
	block 2 load feed noise
	hints 'noise:1: line longer than 1024 bytes'
	same "$(state)" "$before"
	block 2 load feed -- noise
	block 0 load feed --skip-bad -- <(cat noise; echo; echo 203.0.113.7)
	prints feed block 1 1 1 0 1 0 0
	in_step
}

@test "5 million lines" {
	awk 'BEGIN { for (i = 0; i < 5000000; i++)
		printf "%d.%d.%d.%d\n", 20 + i / 16777216, i / 65536 % 256,
			i / 256 % 256, i % 256 }' >many
	start=$SECONDS
	block 0 load many many -j
	silent
	json '.[-1].added' 5000000
	[ $((SECONDS - start)) -le 60 ]
	verdict 20.76.75.63 block
	verdict 20.76.75.64 none
	block 0 load many many -j
	json '.[-1].changed' false
	sed -i '4000000s/$/0/' many
	block 2 load many many
	hints 'many:4000000: "20.'
	verdict 20.76.75.63 block
	in_step
	fp-block unload many >/dev/null
}
