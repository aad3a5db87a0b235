# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A real Kamailio that answers OPTIONS, and SIPp in the part of servers that are
# not well; source it, as root, in a network namespace of one's own.
#
#   kamailio_up DIR     in the caller's network namespace: on 127.0.0.1, port 5060
#                   over UDP and TCP, and over TLS
#                     5061  a certificate for 127.0.0.1 and localhost
#                     5062  one that has expired
#                     5063  one for sip9.example.net
#                     5064  one that ends in five days
#                   below DIR what they are signed by: ca.pem; who did not:
#                   other-ca.pem; certificates that ca.pem signed: NAME.pem and
#                   NAME.key (good, expired, name, soon); kamailio.log
#   kamailio_down   at any time, again, and from a trap
#   kamailio_freeze; kamailio_thaw      SIGSTOP and SIGCONT
#   sipp_answer PORT STATUS [HEADER [PAUSE_MS]]     SIPp over UDP answers each
#                   OPTIONS to 127.0.0.1:PORT so: sipp_answer 5080 '486 Busy Here'
#   sipp_down       all of them

KAMAILIO_SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# kamailio_certs: keys of elliptic curves, as they are quick.
kamailio_certs() (
	cd "$KAMAILIO_DIR" || return
	key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
	for ca in ca other-ca; do
		openssl req -x509 "${key[@]}" -keyout $ca.key -out $ca.pem \
			-subj "/CN=test $ca" -days 90 || return
	done
	while read -r name days names; do
		openssl req "${key[@]}" -keyout "$name.key" -out "$name.csr" \
			-subj "/CN=$name" &&
			openssl x509 -req -in "$name.csr" -CA ca.pem \
				-CAkey ca.key -CAcreateserial -days "$days" \
				-out "$name.pem" \
				-extfile <(echo "subjectAltName=$names") || return
	done <<-END
		good 90 IP:127.0.0.1,DNS:localhost
		expired -1 IP:127.0.0.1,DNS:localhost
		name 90 DNS:sip9.example.net
		soon 5 IP:127.0.0.1
	END
) >"$KAMAILIO_DIR/openssl.log" 2>&1

kamailio_config() {
	local port=5061 name

	cat >"$KAMAILIO_DIR/kamailio.cfg" <<-END
		#!KAMAILIO
		debug=1
		log_stderror=yes
		children=1
		tcp_children=1
		dns=no
		rev_dns=no
		enable_tls=yes
		listen=udp:127.0.0.1:5060
		listen=tcp:127.0.0.1:5060
		listen=tls:127.0.0.1:5061
		listen=tls:127.0.0.1:5062
		listen=tls:127.0.0.1:5063
		listen=tls:127.0.0.1:5064
		loadmodule "pv.so"
		loadmodule "sl.so"
		loadmodule "tls.so"
		loadmodule "xlog.so"
		loadmodule "siputils.so"
		loadmodule "sanity.so"
		loadmodule "textops.so"
		modparam("tls", "config", "$KAMAILIO_DIR/tls.cfg")
		request_route {
			if (!sanity_check("17895", "7")) exit;
			xlog("L_ALERT", "\$rm \$ru from \$fu by \$pr\n");
			if (is_method("OPTIONS")) options_reply();
		}
	END
	: >"$KAMAILIO_DIR/tls.cfg"
	for name in good expired name soon; do
		cat >>"$KAMAILIO_DIR/tls.cfg" <<-END
			[server:127.0.0.1:$port]
			method = TLSv1.2+
			certificate = $KAMAILIO_DIR/$name.pem
			private_key = $KAMAILIO_DIR/$name.key
			ca_list = $KAMAILIO_DIR/ca.pem
		END
		port=$((port + 1))
	done
	cat >>"$KAMAILIO_DIR/tls.cfg" <<-END
		[server:default]
		method = TLSv1.2+
		certificate = $KAMAILIO_DIR/good.pem
		private_key = $KAMAILIO_DIR/good.key
		[client:default]
		method = TLSv1.2+
	END
}

kamailio_up() {
	KAMAILIO_DIR=$(cd "$1" && pwd) || return
	export KAMAILIO_DIR
	kamailio_certs && kamailio_config || return
	kamailio -f "$KAMAILIO_DIR/kamailio.cfg" -DD -E -m 64 -M 8 \
		-w "$KAMAILIO_DIR" -Y "$KAMAILIO_DIR" \
		</dev/null >"$KAMAILIO_DIR/kamailio.log" 2>&1 3>&- 4>&- &
	echo $! >"$KAMAILIO_DIR/pid"
	for ((i = 0; i < 200; i++)); do
		kill -0 $! 2>/dev/null || break
		[ -z "$(ss -Hltn 'sport = 5064')" ] ||
			[ -z "$(ss -Hlun 'sport = 5060')" ] || return 0
		sleep 0.05
	done
	cat "$KAMAILIO_DIR/kamailio.log"
	return 1
}

# kamailio_signal SIGNAL: to it and its children.
kamailio_signal() {
	local pid

	pid=$(<"$KAMAILIO_DIR/pid") || return
	# shellcheck disable=SC2046 # several words
	kill "-$1" "$pid" $(ps -o pid= --ppid "$pid")
}

kamailio_freeze() { kamailio_signal STOP; }
kamailio_thaw() { kamailio_signal CONT; }

# There is nothing that it should keep, and its own end takes it seconds.
kamailio_down() {
	[ -f "${KAMAILIO_DIR-}/pid" ] || return 0
	kamailio_signal KILL 2>/dev/null
	rm -f "$KAMAILIO_DIR/pid"
}

sipp_answer() {
	mkdir -p "$KAMAILIO_DIR/sipp"
	sed "s|STATUS|$2|; s|MORE|${3:-Server: sick}|" \
		"$KAMAILIO_SRC/answer.xml" >"$KAMAILIO_DIR/sipp/$1.xml"
	(
		cd "$KAMAILIO_DIR/sipp" || exit
		exec sipp -sf "$1.xml" -i 127.0.0.1 -p "$1" -d "${4:-0}" \
			-nostdin -bg
	) </dev/null >"$KAMAILIO_DIR/sipp/$1.log" 2>&1 3>&- 4>&- || [ $? = 99 ] # as SIPp has it
	for ((i = 0; i < 200; i++)); do
		[ -z "$(ss -Hlun "sport = $1")" ] || break
		sleep 0.02
	done
	# Background mode - PID=[123]
	sed -n 's/.*PID=\[\([0-9]*\)\].*/\1/p' "$KAMAILIO_DIR/sipp/$1.log" \
		>>"$KAMAILIO_DIR/sipp/pids"
}

sipp_down() {
	local pid

	[ -f "${KAMAILIO_DIR-}/sipp/pids" ] || return 0
	while read -r pid; do
		kill -9 "$pid" 2>/dev/null
	done <"$KAMAILIO_DIR/sipp/pids"
	rm -f "$KAMAILIO_DIR/sipp/pids"
}
