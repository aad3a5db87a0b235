# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The drill's servers when real ones are installed: OpenSIPS with the configuration of
# examples/opensips/rtpengine.cfg, FreeSWITCH with that of test/lab/recover.xml.in.
# shellcheck disable=SC2016,SC2154 # $rU is OpenSIPS'; of stage.bash

# Numbers go to FreeSWITCH, by a hash of the number; what that calls to the called.
real_edge_route='if ($rU =~ "^[0-9]+$" \&\& !ds_is_in_list($si, $sp, 1)) {\
		if (!ds_select_dst(1, 7)) {\
			send_reply(503, "No Destination");\
			exit;\
		}\
	} else {\
		$du = "sip:@CALLED@";\
	}'

# real_table DIR NAME COLUMNS <ROWS: of db_text, as it wants them
real_table() {
	{
		echo "$3"
		cat
	} >"$1/db/$2"
}

real_edge_config() { # EDGE
	local n dir at service i k more='' engines='' pick fs

	n=$(number "$1") dir=$(edge_dir "$1") at=$(cluster_addr "$1")
	service=$(cluster_addr "$1" sip4)
	for i in $EDGES; do
		[ "$i" = "$1" ] ||
			more+="modparam(\"clusterer\", \"neighbor_node_info\", \"cluster_id=1,node_id=$(number "$i"),url=bin:$(cluster_addr "$i"):5566\")\\n"
		for ((k = 0; k < TAGS; k++)); do
			more+="modparam(\"clusterer\", \"sharing_tag\", \"$i.$k/1=backup\")\\n"
		done
	done
	more+="loadmodule \"db_text.so\"\\nloadmodule \"dispatcher.so\"\\n"
	more+="modparam(\"dispatcher\", \"db_url\", \"text://$dir/db\")\\n"
	more+="modparam(\"dispatcher\", \"hash_pvar\", \"\$rU\")\\n"
	more+="modparam(\"dispatcher\", \"persistent_state\", 0)\\n"
	for fs in $ENGINES; do
		engines+="${engines:+ }udp:$(cluster_addr "$fs"):2223"
	done
	pick="\$var(k) = \$(ci{s.crc32}{s.int}) \\& $((TAGS - 1));\\n\\tset_dlg_sharing_tag(\"$1.\$var(k)\");"
	sed -e '/^#/d; /neighbor_node_info/d; /"sharing_tag"/d' \
		-e "/node_timeout/s|\$|\\n$more|" \
		-e "s|set_dlg_sharing_tag(.*|$pick|" \
		-e "s|\$du = \"sip:192\\.0\\.2\\.21:5060\";|${real_edge_route/@CALLED@/$CALLED}|" \
		-e "s/192\.0\.2\.11/$service/g; s/10\.0\.0\.11/$at/g" \
		-e "s|^mpath=.*|mpath=\"$FP_OPENSIPS_PREFIX/lib64/opensips/modules/\"|" \
		-e "s|^udp_workers=.*|udp_workers=2\nlog_level=2\nstderror_enabled=yes\nsyslog_enabled=no\ndns_try_ipv6=no|" \
		-e "s|^open_files_limit=.*|open_files_limit=1024|" \
		-e "s|/run/opensips|$dir|g" \
		-e "s|\"my_node_id\", 1|\"my_node_id\", $n|" \
		-e "s|\"fr_timeout\", [0-9]*|\"fr_timeout\", 2|" \
		-e "s|\"rtpengine_sock\", .*|\"rtpengine_sock\", \"$engines\")|" \
		"$root/examples/opensips/rtpengine.cfg" >"$dir/cfg"
}
real_edge_begin() { # EDGE
	local dir i=0 fs

	dir=$(edge_dir "$1")
	mkdir -p "$dir/db"
	rm -f "$dir/fifo"
	real_table "$dir" version 'table_name(string) table_version(int) ' \
		<<<'dispatcher:9'
	for fs in $SWITCHES; do
		i=$((i + 1))
		echo "$i:1:sip\\:$(cluster_addr "$fs")\\:5060::0:0:1:0::"
	done | real_table "$dir" dispatcher 'id(int,auto) setid(int) destination(string) socket(string,null) state(int) probe_mode(int) weight(string) priority(int) attrs(string,null) description(string,null) '
	real_edge_config "$1"
	serve "$1" "$1" "$FP_OPENSIPS_PREFIX/sbin/opensips" -f "$dir/cfg" \
		-m 64 -M 8 -w "$dir" -F
}

real_switch_begin() { # SWITCH
	local dir=$stage/$1 range prefix=$FP_FREESWITCH_PREFIX

	range=$(switch_ports "$1")
	mkdir -p "$dir"/{conf,log,db,run,storage,tmp}
	sed -e "s|@DIR@|$dir|g; s|@NAME@|$1|g; s|@IP@|$(cluster_addr "$1")|g" \
		-e "s|@FIRST@|${range%-*}|; s|@LAST@|${range#*-}|" \
		-e "s|@DSN@|pgsql://$(fs_conninfo) application_name=$1|" \
		-e "s|@CALLED@|$(cluster_addr "sip$(number "$1")" sip4):5060|" \
		-e 's|@ROBUST@|<param name="rtp-port-usage-robustness" value="true"/>|' \
		"$root/test/lab/recover.xml.in" >"$dir/conf/freeswitch.xml"
	# it wants its threads to have small stacks, and says so
	serve "$1" "$1" bash -c 'ulimit -s 240 -c 0; exec "$@"' bash \
		"$prefix/bin/freeswitch" -nf -nc -nonat -nort \
		-conf "$dir/conf" -log "$dir/log" -db "$dir/db" \
		-run "$dir/run" -storage "$dir/storage" -temp "$dir/tmp" \
		-mod "$prefix/lib/freeswitch/mod"
}
real_switch_is_up() {
	local said

	said=$(on "$1" "$FP_FREESWITCH_PREFIX/bin/fs_cli" -H "$(cluster_addr "$1")" \
		-x 'sofia status' 2>/dev/null) && [[ $said == *RUNNING* ]]
}
