#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Each tool links only what it needs.
cd "$(dirname "$0")/../.." || exit 2
: "${FP_BUILD:=build}"
status=0 seen=0

allowed() {
	case $1 in
	fp-block) echo libbpf libnettle libmnl libcjson ;;
	fp-load) echo libbpf libnettle libmnl libcjson libpcap ;;
	fp-sync) echo libbpf libnettle libmnl libcjson libssh2 librabbitmq ;;
	fp-health | fp-rehome) echo libbpf libnettle libmnl libcjson libssh2 librabbitmq \
		libssl libcrypto libcurl libpq ;;
	fp-recover) echo libbpf libnettle libmnl libcjson libssh2 librabbitmq \
		libssl libcrypto libcurl libpq libexpat libsqlite3 ;;
	esac
}

for tool in "$FP_BUILD"/fp-*; do
	[ -x "$tool" ] || continue
	seen=1
	name=${tool##*/}
	if [ -z "$(allowed "$name")" ]; then
		echo "$name is not in the table of $0"
		status=1
	fi
	for lib in $(objdump -p "$tool" | awk '$1 == "NEEDED" { print $2 }'); do
		case " $(allowed "$name") libc libasan libubsan libm " in
		*" ${lib%%.so*} "*) ;;
		*)
			echo "$name needs $lib"
			status=1
			;;
		esac
	done
done
[ $seen = 1 ] || { echo "no tool is built"; exit 77; }
exit $status
