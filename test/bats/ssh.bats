#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Programs on other hosts (lib/peer/remote.h), both transports, against real
# sshds on 127.0.0.1 and ::1.
# shellcheck disable=SC2030,SC2031,SC2154 # a test is a subshell; bats' stderr

bats_require_minimum_version 1.5.0
load say.bash

PORT=2201

setup_file() {
	[ "$(id -u)" = 0 ] && [ -n "${FP_TEST_BPFFS-}" ] ||
		skip 'needs root and test/run'
	export remote=$FP_BUILD/test/prog/remote home=$BATS_FILE_TMPDIR/home
	export keys=$BATS_FILE_TMPDIR/keys known
	[ -x "$remote" ] || skip 'test/prog/remote is not built'
	known=$keys/known_hosts
	unset SSH_AUTH_SOCK SSH_ASKPASS DISPLAY
	home_up
	keys_up
	sshd_up main 127.0.0.1:$PORT -o 'ListenAddress=[::1]:2201'
}

teardown_file() {
	[ ! -e "$BATS_FILE_TMPDIR/main.pid" ] ||
		kill "$(<"$BATS_FILE_TMPDIR/main.pid")"
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	pids=()
	: >"$home/.ssh/config"
	sed "s/^/[127.0.0.1]:$PORT /" "$keys"/host_*.pub >"$known"
	chmod 600 "$keys"/id_*
}

teardown() {
	[ ${#pids[@]} = 0 ] || kill -KILL "${pids[@]}" 2>/dev/null || :
}

# ssh(1) takes the home from passwd(5), not from the environment.
home_up() {
	mkdir -p "$home/.ssh" /run/sshd
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR"
	sed -E "s|^(root:([^:]*:){4})[^:]*|\1$home|" /etc/passwd \
		>"$BATS_FILE_TMPDIR/passwd"
	mount --bind "$BATS_FILE_TMPDIR/passwd" /etc/passwd
}

keys_up() {
	local t

	mkdir "$keys"
	for t in ed25519 ecdsa rsa; do
		ssh-keygen -q -t $t -N '' -C '' -f "$keys/host_$t"
		ssh-keygen -q -t $t -N '' -C '' -f "$keys/id_$t"
	done
	ssh-keygen -q -t rsa -m PEM -N '' -f "$keys/id_rsapem"
	ssh-keygen -q -t ecdsa -m PEM -N '' -f "$keys/id_ecdsapem"
	ssh-keygen -q -t ed25519 -N secret -f "$keys/id_locked"
	ssh-keygen -q -t ecdsa -m PEM -N secret -f "$keys/id_lockedpem"
	ssh-keygen -q -t ed25519 -N '' -f "$keys/id_stranger"
	ssh-keygen -q -t ed25519 -N '' -f "$keys/id_forced"
	grep -h . "$keys"/id_{ed25519,ecdsa,rsa,rsapem,ecdsapem,locked}.pub \
		"$keys/id_lockedpem.pub" >"$keys/authorized"
	echo "restrict,command=\"echo forced \$SSH_ORIGINAL_COMMAND; cat\"" \
		"$(<"$keys/id_forced.pub")" >>"$keys/authorized"
}

# sshd_up NAME ADDRESS:PORT [OPTION]...: its pid is in NAME.pid.
sshd_up() {
	local name=$1 at=$2

	shift 2
	cat >"$BATS_FILE_TMPDIR/$name.conf" <<-END
		HostKey $keys/host_ed25519
		HostKey $keys/host_ecdsa
		HostKey $keys/host_rsa
		AuthorizedKeysFile $keys/authorized
		StrictModes no
		PidFile none
		UsePAM no
		PermitRootLogin yes
		MaxStartups 200
		PasswordAuthentication no
		PrintMotd no
	END
	"$(command -v sshd)" -D -f "$BATS_FILE_TMPDIR/$name.conf" \
		-E "$BATS_FILE_TMPDIR/$name.log" -o "ListenAddress=$at" "$@" \
		3>&- 4>&- &
	echo $! >"$BATS_FILE_TMPDIR/$name.pid"
	wait_for listens "${at##*:}"
}

# one_more NAME PORT [OPTION]...: for this test.
one_more() {
	local name=$1 port=$2

	shift 2
	sshd_up "$name" "127.0.0.1:$port" "$@"
	pids+=("$(<"$BATS_FILE_TMPDIR/$name.pid")")
	sed "s/^/[127.0.0.1]:$port /" "$keys"/host_*.pub >>"$known"
}

# listener PORT COMMAND: each connection gets what COMMAND prints.
listener() {
	socat "TCP4-LISTEN:$1,bind=127.0.0.1,reuseaddr,fork" "SYSTEM:$2" \
		2>/dev/null 3>&- 4>&- &
	pids+=($!)
	wait_for listens "$1"
}

listens() { [ -n "$(ss -Hltn "sport = :$1")" ]; }

wait_for() {
	local end=$((SECONDS + 10))

	until "$@"; do
		[ $SECONDS -le $end ] || return 1
		sleep 0.05
	done
}

# go STATUS ARG...: over libssh2; by STATUS ARG...: over ssh(1).
# $output is what the program printed, $stderr what happened.
go() {
	local want=$1

	shift
	run --separate-stderr "$remote" -p $PORT -k "$known" "$@" \
		<"${in-/dev/null}"
	[ "$status" = "$want" ] || {
		printf 'status %s of %s:\n%s\n' "$status" "$*" "$stderr"
		return 1
	}
}
by() {
	local want=$1

	shift
	go "$want" -C ssh "$@"
}

hints() {
	[[ $stderr == *"$1"* ]] || {
		printf 'no "%s" in: %s\n' "$1" "$stderr"
		return 1
	}
}

lacks() {
	[[ $stderr != *"$1"* ]] || {
		printf '"%s" in: %s\n' "$1" "$stderr"
		return 1
	}
}

# No sanitizer's report, and every event as the header promises.
sound() {
	lacks Sanitizer && lacks 'closed twice' && lacks 'too early'
}

# libssh2 1.10 leaks two numbers with each ECDSA signature of a key file.  A full
# stack shows that they are its own.
ecdsa_leaks() {
	echo 'leak:libssh2.so' >suppressions
	export LSAN_OPTIONS=suppressions=$PWD/suppressions
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:fast_unwind_on_malloc=0
	LSAN_OPTIONS+=:print_suppressions=0
}

key() { echo "$keys/id_$1"; }
print_of() { ssh-keygen -lf "$keys/host_$1.pub" | cut -d ' ' -f 2; }

@test "a program runs, reads, writes and ends, over both transports" {
	ecdsa_leaks
	echo hello >in
	in=in
	for way in go by; do
		for k in ed25519 ecdsa ecdsapem; do
			$way 0 -i "$(key $k)" 127.0.0.1 'cat; echo done'
			same "$output" $'hello\ndone'
			hints opened
			hints drained
			hints 'closed 0'
			sound
		done
	done
	by 0 -i "$(key rsa)" 127.0.0.1 cat
	go 1 -i "$(key ed25519)" localhost cat # known by its address only
	hints 'closed ENOKEY'
}

@test "IPv6, and a name that is looked up" {
	sed "s/^/[::1]:2201,[localhost]:2201 /" "$keys"/host_*.pub >"$known"
	for way in go by; do
		$way 0 -i "$(key ed25519)" ::1 'echo six'
		same "$output" six
		$way 0 -i "$(key ed25519)" localhost 'echo name'
		same "$output" name
	done
	for way in go by; do
		$way 1 -i "$(key ed25519)" nowhere.invalid 'echo name'
		hints 'closed EHOSTUNREACH'
		hints nowhere.invalid
		sound
	done
}

@test "a status, a signal and stderr are passed on" {
	for way in go by; do
		$way 1 -i "$(key ed25519)" 127.0.0.1 \
			'echo out; printf "first\nlast \033[31mred\n" >&2; exit 7'
		same "$output" out
		hints 'closed EREMOTEIO'
		hints 'ended with status 7: first last [31mred'
		sound
	done
	# shellcheck disable=SC2016 # for the far shell
	go 1 -i "$(key ed25519)" 127.0.0.1 'kill -TERM $$'
	hints 'closed EREMOTEIO'
	hints 'was killed by signal TERM'
	for way in go by; do # more than is kept, and the window it takes
		$way 1 -i "$(key ed25519)" 127.0.0.1 \
			'seq 1000000 >&2; echo the end >&2; exit 1'
		hints '1000000 the end'
		sound
	done
	echo x >in
	in=in
	for way in go by; do # silence is no error once it runs
		$way 0 -t 1000 -i "$(key ed25519)" 127.0.0.1 'read x; sleep 2; echo ok'
		same "$output" ok
	done
}

@test "the agent's keys, and an agent that is none" {
	eval "$(ssh-agent -a "$PWD/agent" 3>&- 4>&-)" >/dev/null
	pids+=("$SSH_AGENT_PID")
	unset SSH_AUTH_SOCK
	go 1 -A "$PWD/agent" 127.0.0.1 'echo in'
	hints 'closed EACCES'
	hints 'the agent has no key'
	SSH_AUTH_SOCK=$PWD/agent ssh-add -q "$(key stranger)" "$(key rsa)"
	go 1 -A "$PWD/agent" 127.0.0.1 'echo in'
	hints 'an RSA key cannot be used'
	for k in ecdsa ed25519; do
		SSH_AUTH_SOCK=$PWD/agent ssh-add -q "$(key $k)"
		go 0 -A "$PWD/agent" 127.0.0.1 'echo in'
		same "$output" in
		sound
		SSH_AUTH_SOCK=$PWD/agent ssh-add -q -d "$(key $k)"
	done
	SSH_AUTH_SOCK=$PWD/agent ssh-add -q "$(key ed25519)"
	go 0 -A "$PWD/agent" -i "$(key locked)" 127.0.0.1 'echo in'
	go 0 -A "$PWD/agent" -n 20 127.0.0.1 'echo in'
	same "$output" '3 3'
	SSH_AUTH_SOCK=$PWD/agent by 0 127.0.0.1 'echo in'
	# locked: it has keys and signs nothing
	go 1 -A "$PWD/nothing" 127.0.0.1 'echo in'
	hints 'closed EACCES'
	hints "agent $PWD/nothing: No such file"
	go 0 -A "$PWD/nothing" -i "$(key ed25519)" 127.0.0.1 'echo in'
	sound
}

@test "an agent that does not answer is as late as a host" {
	socat UNIX-LISTEN:frozen,fork EXEC:'sleep 60' 3>&- 4>&- &
	pids+=($!)
	wait_for test -S frozen
	go 1 -t 1500 -A "$PWD/frozen" 127.0.0.1 'echo in'
	hints 'closed ETIMEDOUT'
	hints authentication
	sound
	socat UNIX-LISTEN:babble,fork SYSTEM:'head -c 100000 /dev/zero' \
		3>&- 4>&- 2>/dev/null &
	pids+=($!)
	wait_for test -S babble
	go 1 -A "$PWD/babble" 127.0.0.1 'echo in'
	hints 'closed EACCES'
	hints "agent $PWD/babble: Bad message"
	sound
}

@test "keys that cannot be used say why, before anything is connected to" {
	for k in rsa rsapem; do
		go 1 -p 1 -i "$(key $k)" 127.0.0.1 'echo in'
		hints 'closed EACCES an RSA key cannot be used: libssh2 before 1.11'
		hints 'ssh-keygen -t ed25519'
		hints '--ssh-command ssh'
	done
	for k in locked lockedpem; do
		go 1 -p 1 -i "$(key $k)" 127.0.0.1 'echo in'
		hints 'closed EACCES'
		hints "id_$k: encrypted: put it into an agent"
	done
	cp "$(key ed25519)" open
	chmod 640 open
	go 1 -p 1 -i open 127.0.0.1 'echo in'
	hints 'closed EACCES no key: open: mode 0640 lets others read it'
	chmod 604 open
	chown 65534 open # another's that all may read is no secret either
	go 1 -p 1 -i open 127.0.0.1 'echo in'
	hints 'closed EACCES no key: open: mode 0604 lets others read it'
	go 1 -p 1 -i absent 127.0.0.1 'echo in'
	hints 'absent: No such file'
	go 1 -p 1 -i "$(key ed25519).pub" 127.0.0.1 'echo in'
	hints 'no private key'
	go 1 -p 1 127.0.0.1 'echo in'
	hints 'no key: neither an agent nor a key file'
	head -c 200 "$(key ed25519)" >short
	chmod 600 short
	go 1 -p 1 -i short 127.0.0.1 'echo in'
	hints 'short: no private key'
	sound
}

@test "a key that the host does not take" {
	for way in go by; do
		$way 1 -i "$(key stranger)" 127.0.0.1 'echo in'
		hints 'closed EACCES'
		sound
		$way 1 -l noone -i "$(key ed25519)" 127.0.0.1 'echo in'
		hints 'closed EACCES'
	done
	go 1 -i "$(key stranger)" 127.0.0.1 'echo in'
	hints '127.0.0.1 takes no key of ours for user root'
	hints 'id_stranger: refused'
}

@test "default keys are tried in turn" {
	ecdsa_leaks
	cp "$(key stranger)" "$home/.ssh/id_ed25519"
	cp "$(key ecdsa)" "$home/.ssh/id_ecdsa"
	cp "$(key rsa)" "$home/.ssh/id_rsa"
	go 0 -H "$home" 127.0.0.1 'echo in'
	same "$output" in
	rm "$home/.ssh/id_ecdsa"
	go 1 -H "$home" 127.0.0.1 'echo in'
	hints 'closed EACCES an RSA key cannot be used'
	hints 'id_ed25519: refused'
	rm "$home"/.ssh/id_*
}

@test "an unknown host is refused, and the remedy heals" {
	for way in go by; do
		: >"$known"
		$way 1 -i "$(key ed25519)" 127.0.0.1 'echo in'
		same "$output" ''
		hints 'closed ENOKEY'
		same "$(<"$known")" ''
		sound
		[[ $stderr =~ (ssh-keyscan\ -p\ ${PORT}[^\(]*known_hosts) ]]
		bash -c "${BASH_REMATCH[1]}" 2>/dev/null
		$way 0 -i "$(key ed25519)" 127.0.0.1 'echo in'
	done
	: >"$known"
	go 1 -i "$(key ed25519)" 127.0.0.1 'echo in'
	hints "$(print_of ed25519)"
	rm "$known" # not there: nothing is known
	go 1 -i "$(key ed25519)" 127.0.0.1 'echo in'
	hints 'closed ENOKEY'
}

@test "another key than the known one is told with file and line" {
	{
		echo '# a comment'
		sed "s/^/[127.0.0.1]:$PORT /" "$(key stranger).pub"
	} >"$known"
	for way in go by; do
		$way 1 -i "$(key ed25519)" 127.0.0.1 'echo in'
		hints 'closed EKEYREJECTED'
		hints "$known:2"
		sound
	done
	go 1 -i "$(key ed25519)" 127.0.0.1 'echo in'
	hints "$(print_of ed25519)"
	# a good key beside it is good; a revoked one is not
	sed "s/^/[127.0.0.1]:$PORT /" "$keys/host_ed25519.pub" >>"$known"
	go 0 -i "$(key ed25519)" 127.0.0.1 'echo in'
	echo "@revoked * $(<"$keys/host_ed25519.pub")" >>"$known"
	for way in go by; do
		$way 1 -i "$(key ed25519)" 127.0.0.1 'echo in'
		hints 'closed EKEYREJECTED'
	done
	go 1 -i "$(key ed25519)" 127.0.0.1 'echo in'
	hints "revoked at $known:4"
}

@test "known_hosts: hashed, patterns, several files, without the port" {
	ssh-keygen -q -H -f "$known" 2>/dev/null
	rm -f "$known.old"
	grep -q '^|1|' "$known"
	go 0 -i "$(key ed25519)" 127.0.0.1 'echo in'
	go 1 -i "$(key ed25519)" ::1 'echo in'
	hints 'closed ENOKEY'
	key=$(<"$keys/host_ed25519.pub")
	for hosts in '*' 'x,[127.0.0.*]:22?1,y' 127.0.0.1; do
		echo "$hosts $key" >"$known"
		go 0 -i "$(key ed25519)" 127.0.0.1 'echo in'
		by 0 -i "$(key ed25519)" 127.0.0.1 'echo in'
	done
	for hosts in '*,![127.0.0.1]:2201,!127.0.0.1' '[127.0.0.1]:2202' \
		'127.0.0.11' '#127.0.0.1'; do
		echo "$hosts $key" >"$known"
		go 1 -i "$(key ed25519)" 127.0.0.1 'echo in'
		hints 'closed ENOKEY'
		by 1 -i "$(key ed25519)" 127.0.0.1 'echo in'
		hints 'closed ENOKEY'
	done
	# a wrong key without the port is no reason to call it changed
	echo "127.0.0.1 $(<"$(key stranger).pub")" >"$known"
	go 1 -i "$(key ed25519)" 127.0.0.1 'echo in'
	hints 'closed ENOKEY'
	echo "@cert-authority * $key" >"$known"
	go 1 -i "$(key ed25519)" 127.0.0.1 'echo in'
	hints 'closed ENOKEY'
	hints "@cert-authority at $known:1"
	# broken lines do no harm
	{
		printf '[127.0.0.1]:2201\n|1|\n|1|x|y z w\n@revoked\n*  \n'
		printf '[127.0.0.1]:2201 ssh-ed25519 A\n%0300000d\n' 1
		printf '[127.0.0.1]:2201 %s' "$key"
	} >"$known"
	go 0 -i "$(key ed25519)" 127.0.0.1 'echo in'
	sound
}

@test "the host is asked for the kind of key that is known" {
	for kind in ed25519 ecdsa; do
		sed "s/^/[127.0.0.1]:$PORT /" "$keys/host_$kind.pub" \
			>"$known"
		go 0 -i "$(key ed25519)" 127.0.0.1 'echo in'
	done
	sed "s/^/[127.0.0.1]:$PORT /" "$keys/host_rsa.pub" >"$known"
	go 1 -i "$(key ed25519)" 127.0.0.1 'echo in'
	hints 'closed ENOKEY'
	hints "the RSA key at $known:1 is not one that libssh2"
	hints "$(print_of ed25519)"
	by 0 -i "$(key ed25519)" 127.0.0.1 'echo in'
	# known by a kind that it has no more: somebody else
	sed "s/^/[127.0.0.1]:$PORT /" "$keys/host_ecdsa.pub" |
		sed 's/nistp256/nistp384/; s/A[A-Z]*2/AAAAE2/' >"$known"
	one_more rsa-only 2202 -o HostKey="$keys/host_rsa" -o \
		HostKeyAlgorithms=rsa-sha2-512
	go 1 -p 2202 -i "$(key ed25519)" 127.0.0.1 'echo in'
	hints 'closed EPROTO'
	hints 'no RSA host key of today'
	by 0 -p 2202 -i "$(key ed25519)" 127.0.0.1 'echo in'
}

@test "a dead port, a host that closes at once, and one that is no SSH server" {
	for way in go by; do
		$way 1 -p 2 -i "$(key ed25519)" 127.0.0.1 'echo in'
		hints 'closed ECONNREFUSED'
	done
	go 1 -p 2 -i "$(key ed25519)" 127.0.0.1 'echo in'
	hints '127.0.0.1 port 2: Connection refused'
	ip route add unreachable 192.0.2.0/24
	for way in go by; do
		$way 1 -i "$(key ed25519)" 192.0.2.1 'echo in'
		hints 'closed EHOSTUNREACH'
	done
	listener 2211 true
	for way in go by; do
		$way 1 -p 2211 -i "$(key ed25519)" 127.0.0.1 'echo in'
		hints 'closed ECONNRESET'
	done
	listener 2212 'yes HTTP/1.0'
	go 1 -p 2212 -i "$(key ed25519)" 127.0.0.1 'echo in'
	hints 'closed EPROTO'
	hints 'is no SSH server'
	listener 2213 'printf "SSH-2.0-x\r\n"; cat /dev/zero'
	go 1 -p 2213 -i "$(key ed25519)" 127.0.0.1 'echo in'
	hints 'closed E'
	listener 2214 'printf "SSH-2.0-x\r\n"; cat /dev/urandom'
	go 1 -p 2214 -i "$(key ed25519)" 127.0.0.1 'echo in'
	hints 'closed E'
	sound
}

@test "a frozen host is given up at the deadline" {
	one_more frozen 2203
	kill -STOP "${pids[0]}"
	for way in go by; do
		start=$(date +%s%N)
		$way 1 -p 2203 -t 2000 -i "$(key ed25519)" 127.0.0.1 'echo in'
		took=$((($(date +%s%N) - start) / 1000000))
		hints 'closed ETIMEDOUT'
		sound
		[ $took -ge 1900 ] && [ $took -lt 4500 ]
	done
	# in the middle of the banner
	listener 2215 'printf "SSH-2.0-x"; sleep 60'
	go 1 -p 2215 -t 1000 -i "$(key ed25519)" 127.0.0.1 'echo in'
	hints 'closed ETIMEDOUT'
	hints 'no answer within 1000 ms'
	# in the middle of the key exchange
	(
		sleep 1
		kill -CONT "${pids[0]}"
	) 3>&- 4>&- &
	go 0 -p 2203 -t 10000 -i "$(key ed25519)" 127.0.0.1 'echo in'
	# nobody there at all
	ip link add dead type veth peer name deader
	ip addr add 198.51.100.1/24 dev dead
	ip link set dead up
	ip link set deader up
	ip neigh add 198.51.100.2 lladdr 02:00:00:00:00:01 dev dead
	for way in go by; do
		$way 1 -t 1000 -i "$(key ed25519)" 198.51.100.2 'echo in'
		hints 'closed ETIMEDOUT'
	done
}

@test "a host that dies while the program runs" {
	one_more dying 2204
	for way in go by; do
		(
			sleep 1.5
			pkill -KILL -P "${pids[0]}"
		) 3>&- 4>&- &
		$way 1 -p 2204 -i "$(key ed25519)" 127.0.0.1 'echo in; sleep 30'
		hints 'closed E'
		lacks ETIMEDOUT
		same "$output" in
		sound
	done
}

@test "1 MB and 100 MB go both ways" {
	for size in 1000000 100000000; do
		head -c $size /dev/urandom >big
		for way in "" "-C ssh"; do
			# shellcheck disable=SC2086 # words
			"$remote" $way -p $PORT -k "$known" \
				-i "$(key ed25519)" 127.0.0.1 cat <big 2>said |
				cmp - big
			grep -q '^closed 0' said
		done
	done
	# one way only; the far end stops reading
	in=big
	for way in go by; do
		$way 0 -i "$(key ed25519)" 127.0.0.1 'wc -c'
		same "$output" 100000000
		$way 0 -i "$(key ed25519)" 127.0.0.1 'head -c 10 | wc -c'
		same "$output" 10
		sound
	done
	in=/dev/null
	go 0 -n 2 -i "$(key ed25519)" 127.0.0.1 'head -c 20000000 /dev/zero'
	same "$output" '20000000 20000000'
}

@test "keys are exchanged anew under way" {
	one_more rekey 2205 -o 'RekeyLimit=1M'
	head -c 20000000 /dev/urandom >big
	"$remote" -p 2205 -k "$known" -i "$(key ed25519)" 127.0.0.1 cat \
		<big 2>said | cmp - big
	grep -q '^closed 0' said
}

@test "a forced command is what runs" {
	echo input >in
	in=in
	for way in go by; do
		$way 0 -i "$(key forced)" 127.0.0.1 'rm -rf all'
		same "$output" $'forced rm -rf all\ninput'
	done
}

@test "50 at once" {
	head -c 100000 /dev/urandom >some
	in=some
	for way in go by; do
		$way 0 -t 120000 -n 50 -i "$(key ed25519)" 127.0.0.1 cat
		same "$output" '100000 100000'
		sound
	done
}

@test "closing inside an event, and before anything was said" {
	for way in go by; do
		$way 0 -s -i "$(key ed25519)" 127.0.0.1 'sleep 60'
		hints opened
		lacks closed
		sound
		$way 0 -s -n 10 -i "$(key ed25519)" 127.0.0.1 'sleep 60'
	done
	# nothing is left of them
	wait_for eval '! pgrep -f "[s]sh -oBatchMode"'
}

@test "ssh -G says what ~/.ssh/config holds; the cluster file wins" {
	cat >"$home/.ssh/config" <<-END
		Host edge
			HostName 127.0.0.1
			Port $PORT
			User someone
			IdentityFile ~/.ssh/id_edge
			HostKeyAlias edge-alias
			UserKnownHostsFile ~/.ssh/kh1 %d/.ssh/kh2
			IdentityAgent ~/.ssh/agent
		Host plain
			HostName 127.0.0.%%
		Host jump
			ProxyJump edge
		Host pipe
			ProxyCommand nc %h %p
	END
	sed -i 's/127.0.0.%%/127.0.0.1/' "$home/.ssh/config"
	cp "$(key ed25519)" "$home/.ssh/id_edge"
	sed 's/^/edge-alias /' "$keys/host_ed25519.pub" >"$home/.ssh/kh2"
	run -0 --separate-stderr "$remote" -G ssh -H "$home" -c edge
	same "$output" "host 127.0.0.1
alias edge-alias
user someone
port $PORT
agent $home/.ssh/agent
key $home/.ssh/id_edge
known_hosts $home/.ssh/kh1
known_hosts $home/.ssh/kh2
known_hosts /etc/ssh/ssh_known_hosts
known_hosts /etc/ssh/ssh_known_hosts2"
	run -0 --separate-stderr "$remote" -G ssh -H "$home" -l root edge \
		'echo in' </dev/null
	same "$output" in
	run -0 --separate-stderr "$remote" -G ssh -H "$home" -l me -p 7 -i k \
		-k kh -A sock -c plain
	same "$output" $'host 127.0.0.1\nalias [127.0.0.1]:7\nuser me\nport 7\nagent sock\nkey k\nknown_hosts kh'
	for host in jump pipe; do
		run -2 --separate-stderr "$remote" -G ssh -H "$home" -c $host
		hints 'config EINVAL'
		hints '--ssh-command ssh'
	done
	# the command does it
	ssh-keyscan -p $PORT 127.0.0.1 2>/dev/null |
		sed 's/^[^ ]* /edge-alias /' >>"$home/.ssh/kh1"
	sed -i 's/someone/root/' "$home/.ssh/config"
	cat >>"$home/.ssh/config" <<-END
		Host far
			HostName 127.0.0.1
			Port $PORT
			ProxyCommand socat - TCP:%h:%p
			IdentityFile ~/.ssh/id_edge
			HostKeyAlias edge-alias
			UserKnownHostsFile ~/.ssh/kh1
	END
	run -0 --separate-stderr "$remote" -C ssh far 'echo in' </dev/null
	same "$output" in
}

@test "ssh -G: a broken configuration is told, an ssh that fails is left out" {
	echo 'Nonsense yes' >"$home/.ssh/config"
	run -2 --separate-stderr "$remote" -G ssh -H "$home" -c 127.0.0.1
	hints 'config EBADMSG'
	hints nonsense
	printf '#!/bin/sh\necho "usage: ssh" >&2\nexit 255\n' >old
	chmod 755 old
	for ssh in ./none false ./old; do
		run -0 --separate-stderr "$remote" -G $ssh -H "$home" \
			-A sock -c host
		same "$output" "host host
alias host
user root
port 22
agent sock
known_hosts $home/.ssh/known_hosts
known_hosts /etc/ssh/ssh_known_hosts"
	done
	for host in -oProxyCommand=x 'a b' ''; do
		run -2 --separate-stderr "$remote" -c -- "$host"
		hints 'config EINVAL'
	done
	run -2 --separate-stderr "$remote" -c -- "$(printf '%0300d' 1)"
	hints 'config EINVAL'
	hints 'too long'
	run -2 --separate-stderr "$remote" -l -x -c host
	hints 'config EINVAL'
}
