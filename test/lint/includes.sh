#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Who may include whom: downwards only, never sideways in codec, peer, logic.
cd "$(dirname "$0")/../.." || exit 2
status=0

# Directory, and the directories whose headers it may include.
below() {
	case $1 in
	lib/base) echo base ;;
	lib/io) echo base io ;;
	lib/cli) echo base io cli ;;
	lib/model) echo base io model ;;
	lib/codec) echo base ;;
	lib/peer) echo base io model codec ;;
	lib/logic) echo base model codec ;;
	lib/node) echo base io model codec peer logic node ;;
	lib/control) echo base io model codec peer logic control ;;
	lib/db) echo base io model codec peer logic db ;;
	lib/health) echo base io model codec peer logic control db health ;;
	lib/rehome) echo base io model codec peer logic control db health rehome ;;
	lib/recover) echo base io model codec peer logic control db health recover ;;
	lib/verb) echo base io cli model codec peer logic control db verb ;;
	cmd*) echo base io cli model codec peer logic node control db health \
		rehome recover verb ;;
	esac
}

# Sideways, and why: maps and xdp keep what they make under the directories of
# pins; xdp attaches the program that bpfobj holds to the maps of maps.  What
# is counted of many sources is bounded by heavy.
sideways='drops:heavy sources:heavy maps:pins xdp:pins xdp:maps xdp:bpfobj'

# Third-party headers, and the directories that hide them from the rest.
third_party() {
	case $1 in
	bpf/* | libmnl/* | pcap* | libssh2* | libpq* | amqp* | curl/* | sqlite3*)
		echo lib/peer ;;
	openssl/*) echo lib/io ;;
	nettle/*) echo lib/base lib/peer ;;
	expat.h) echo lib/codec ;;
	cjson/*) echo lib/model lib/codec lib/peer ;;
	esac
}

# A module is a file with its parts and its header: list, list_read, list.h.
module() {
	local m=${1##*/}

	m=${m%.*}
	echo "${m%%_*}"
}

bad() {
	echo "$1 includes $2"
	status=1
}

check_own() { # FILE DIR HEADER
	local dir=${3%/*}

	case $3 in
	fp_*.h) return ;; # bpf/: what kernel and user share
	esac
	if [ "lib/$dir" = "$2" ] && [ "$(module "$1")" = "$(module "$3")" ]; then
		return
	fi
	case " $sideways " in
	*" $(module "$1"):$(module "$3") "*) return ;;
	esac
	case " $(below "$2") " in
	*" $dir "*) ;;
	*) [[ $2 == cmd* && $dir == "$3" ]] || bad "$1" "\"$3\"" ;; # own
	esac
}

while IFS=: read -r file line; do
	dir=${file%/*}
	header=$(sed -E 's/.*[<"]([^>"]*)[>"].*/\1/' <<<"$line")
	case $line in
	*\"*) check_own "$file" "$dir" "$header" ;;
	*)
		homes=$(third_party "$header")
		case " $homes " in
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
	want=$(below "$dir" | tr ' ' '\n' | grep -vx "${dir#lib/}" | xargs)
	said=$(sed -n "s#^| $dir | *\\([^|]*[^| ]\\)\\{0,1\\} *|.*#:\\1#p" ARCHITECTURE.md)
	[ "$said" = ":$want" ] || {
		echo "ARCHITECTURE.md: $dir may include: $want; it says: ${said#:}"
		status=1
	}
done
exit $status
