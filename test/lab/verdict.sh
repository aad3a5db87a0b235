# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the program that is on the lab's NIC says; source it after lab.sh.  No
# packet is sent and nothing of ours is asked: the kernel runs it.
#
#   verdict OCTET     of an INVITE from 203.0.113.OCTET to net1: 1 drop, 2 pass,
#                     "none" when no program is there
#   judged            203.0.113.7 is dropped and 203.0.113.8 passes

# frame OCTET
frame() {
	printf '\2\0\0\0\0\1\2\0\0\0\0\2\x08\0'
	printf '\x45\0\0\x4b\0\0\0\0\x40\x11\0\0\xcb\0\x71'
	# shellcheck disable=SC2059 # the octet is made from a number
	printf "\\x$(printf %02x "$1")"
	printf '\xc0\0\2\1\x13\xc4\x13\xc4\0\x37\0\0'
	printf 'INVITE sip:a@192.0.2.1 SIP/2.0\r\nVia: xxxxxx\r\n\r\n'
}

verdict() {
	local id

	id=$(lab_in node ip -j link show dev net1 | jq '.[0].xdp.prog.id')
	if [ "$id" = null ]; then
		echo none
		return
	fi
	frame "$1" >"$LAB_DIR/frame"
	bpftool -j prog run id "$id" data_in "$LAB_DIR/frame" repeat 1 |
		jq .retval
}

judged() { [ "$(verdict 7)" = 1 ] && [ "$(verdict 8)" = 2 ]; }
