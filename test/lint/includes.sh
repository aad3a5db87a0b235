#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Who may include whom: downwards only, never sideways in codec, peer, logic.
cd "$(dirname "$0")/../.." || exit 2
status=0

# Directory, and the directories whose headers it may include, in "reply": a
# process for each of thousands of lines would take a quarter of a minute.
below() {
	reply=
	case $1 in
	lib/base) reply="base" ;;
	lib/io) reply="base io" ;;
	lib/cli) reply="base io cli" ;;
	lib/model) reply="base io model" ;;
	lib/codec) reply="base" ;;
	lib/peer) reply="base io model codec" ;;
	lib/logic) reply="base model codec" ;;
	lib/node) reply="base io model codec peer logic node" ;;
	lib/control) reply="base io model codec peer logic control" ;;
	lib/db) reply="base io model codec peer logic db" ;;
	lib/health) reply="base io model codec peer logic control db health" ;;
	lib/rehome) reply="base io model codec peer logic control db health rehome" ;;
	lib/recover) reply="base io model codec peer logic control db health recover" ;;
	lib/verb) reply="base io cli model codec peer logic control db verb" ;;
	cmd*)
		reply="base io cli model codec peer logic node control db health"
		reply+=" rehome recover verb"
		;;
	esac
}

# Sideways, and why: maps and xdp keep what they make under the directories of
# pins; xdp attaches the program that bpfobj holds to the maps of maps.  What
# is counted of many sources is bounded by heavy.  JSON objects have members.
sideways='drops:heavy sources:heavy maps:pins xdp:pins xdp:maps xdp:bpfobj
	moveplan:member recoverplan:member jobline:member records:member
	trusted:member fschannels:member'

# Third-party headers, and the directories that hide them from the rest.
third_party() {
	reply=
	case $1 in
	bpf/* | libmnl/* | pcap* | libssh2* | libpq* | amqp* | curl/* | sqlite3*)
		reply=lib/peer ;;
	openssl/*) reply=lib/io ;;
	nettle/*) reply="lib/base lib/peer" ;;
	expat.h) reply=lib/codec ;;
	cjson/*) reply="lib/model lib/codec lib/peer" ;;
	esac
}

# A module is a file with its parts and its header: list, list_read, list.h.
module() {
	local m=${1##*/}

	m=${m%.*}
	reply=${m%%_*}
}

bad() {
	echo "$1 includes $2"
	status=1
}

check_own() { # FILE DIR HEADER
	local dir=${3%/*} from to

	case $3 in
	fp_*.h) return ;; # bpf/: what kernel and user share
	esac
	module "$1"
	from=$reply
	module "$3"
	to=$reply
	if [ "lib/$dir" = "$2" ] && [ "$from" = "$to" ]; then
		return
	fi
	case " ${sideways//[$'\n\t']/ } " in
	*" $from:$to "*) return ;;
	esac
	below "$2"
	case " $reply " in
	*" $dir "*) ;;
	*) [[ $2 == cmd* && $dir == "$3" ]] || bad "$1" "\"$3\"" ;; # own
	esac
}

while IFS=: read -r file line; do
	dir=${file%/*}
	header=${line#*[<\"]}
	header=${header%[>\"]*}
	case $line in
	*\"*) check_own "$file" "$dir" "$header" ;;
	*)
		third_party "$header"
		case " $reply " in
		*" $dir "* | '  ') ;;
		*) bad "$file" "<$header>" ;;
		esac
		;;
	esac
done < <(grep -rEo '^#[[:space:]]*include[[:space:]]*[<"][^>"]+[>"]' \
	--include='*.[ch]' lib cmd)

# The kernel's side: its own headers, the kernel's, libbpf's two.
while IFS=: read -r file header; do
	case $header in
	*'<linux/'* | *'<asm/'* | *'<bpf/bpf_helpers.h>' | \
		*'<bpf/bpf_endian.h>' | *'"fp_'*'.h"') ;;
	*) bad "$file" "${header#*include }" ;;
	esac
done < <(grep -rEo '^#[[:space:]]*include[[:space:]]*[<"][^>"]+[>"]' \
	--include='*.[ch]' bpf)

# ARCHITECTURE.md has a line a folder, with what it may include besides itself.
for dir in lib/*/; do
	dir=${dir%/}
	below "$dir"
	want=$(tr ' ' '\n' <<<"$reply" | grep -vx "${dir#lib/}" | xargs)
	said=$(sed -n "s#^| $dir | *\\([^|]*[^| ]\\)\\{0,1\\} *|.*#:\\1#p" ARCHITECTURE.md)
	[ "$said" = ":$want" ] || {
		echo "ARCHITECTURE.md: $dir may include: $want; it says: ${said#:}"
		status=1
	}
done
exit $status
