#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Kills a command at each of its system calls, one run a call, and asks after
# each whether what is left is right:
#
#   killat.sh [-a] [-b BEFORE] [-c CHECK] [-s START] OUTDIR -- COMMAND [ARG]...
#
# BEFORE makes the state that COMMAND starts from, CHECK says whether the state
# after a kill is right; both are run by bash -c with KILLAT_AT set to the call
# ("rename#2": in place of the second rename).  Calls before the first line of
# the trace that matches the regular expression START are left out (default:
# the first that names $FP_STATE or $FP_PINS).  So are calls that leave no trace
# outside the process: the state is the one that the next call finds.  With -a
# none are: for a command that stores into mapped tables between its calls.
#
# The first call of each kind is one to die at (of bpf(2) each command is a kind,
# of what names a file each directory and flag), the last call, and every sixth
# of all, which makes a third of them; with FP_FULL in the environment all are.
#
# Exit 0: all checks passed; prints how many of how many calls.  1: one did not;
# its output is in OUTDIR, with the trace.  2: usage, or the command fails when
# left alone.
set -u

all=0 every=6 before=: check=: start=
[ -z "${FP_FULL-}" ] || every=1
while getopts ab:c:s: opt; do
	case $opt in
	a) all=1 ;;
	b) before=$OPTARG ;;
	c) check=$OPTARG ;;
	s) start=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
if [ $# -lt 3 ] || [ "$2" != -- ]; then
	sed -n '6s/^# *//p' "$0" >&2
	exit 2
fi
out=$1
shift 2
mkdir -p "$out" || exit 2
[ -n "$start" ] || start="${FP_STATE:-/var/lib/fastpath}|${FP_PINS:-/sys/fs/bpf}"

# Only the process itself sees these.
quiet='access|arch_prctl|bind|brk|clock_gettime|clock_nanosleep|close|connect|dup|dup[23]'
quiet+='|epoll_create1|epoll_ctl|epoll_pwait|epoll_wait|execve|exit|exit_group'
quiet+='|faccessat2?|fcntl|flock|fstat|futex|getcwd|getdents64|getegid|geteuid'
quiet+='|getgid|getpid|getppid|getrandom|getsockname|getsockopt|gettid|getuid'
quiet+='|ioctl|lseek|madvise|mmap|mprotect|mremap|munmap|newfstatat|pause|pipe2?'
quiet+='|poll|ppoll|pread64|prlimit64|read|readlink|readlinkat|recvfrom|recvmsg'
quiet+='|rseq|rt_sigaction|rt_sigprocmask|rt_sigreturn|sched_getaffinity'
quiet+='|select|sendmsg|sendto|set_robust_list|set_tid_address|setns|setsockopt'
quiet+='|sigaltstack|signalfd4|socket|stat|statfs|fstatfs|statx|sysinfo'
quiet+='|timerfd_create|timerfd_settime|uname|wait4|prctl|capget'
# Of bpf(2), what only makes a descriptor or reads.
quiet_bpf='BPF_(BTF_LOAD|BTF_GET_FD_BY_ID|LINK_GET_FD_BY_ID|MAP_CREATE|MAP_FREEZE'
quiet_bpf+='|MAP_GET_FD_BY_ID|MAP_GET_NEXT_KEY|MAP_LOOKUP_BATCH|MAP_LOOKUP_ELEM'
quiet_bpf+='|OBJ_GET|OBJ_GET_INFO_BY_FD|PROG_GET_FD_BY_ID|PROG_LOAD'
quiet_bpf+='|PROG_TEST_RUN|PROG_BIND_MAP)'

# points TRACE: "CALL N KIND" for each call worth dying at.  N counts all calls
# of that name, as strace's when= does.
points() {
	awk -v start="$start" -v quiet="^($quiet)\$" -v bpf="$quiet_bpf" \
		-v all=$all '
	# What sort of change it is: numbers and names of files do not count.
	function kind(line) {
		sub(/ = .*/, "", line)
		if (call == "bpf" && match(line, /BPF_[A-Z_]+/))
			return substr(line, RSTART, RLENGTH)
		if (line !~ /"\//)
			return call
		gsub(/\/[^\/"]*"/, "\"", line) # the directory stays
		gsub(/[0-9]+/, "", line)
		gsub(/[ \t]/, "", line)
		return line
	}
	{
		sub(/^[0-9]+ +/, "")
		if (!match($0, /^[a-z0-9_]+\(/))
			next
		call = substr($0, 1, RLENGTH - 1)
		n[call]++
		if ($0 ~ start)
			begun = 1
		if (begun && all)
			print call, n[call], kind($0)
		if (!begun || all || call ~ quiet)
			next
		if (call == "bpf" && $0 ~ "^bpf\\(" bpf "[,)]")
			next
		if (/ = -1 E[A-Z]+ \(/) # it did nothing
			next
		if (call == "openat" && $0 !~ /O_CREAT|O_TRUNC/)
			next
		print call, n[call], kind($0)
	}' "$1"
}

# some POINTS: those of them that are tried: see above.
some() {
	awk -v every=$every '
	{ point[NR] = $1 " " $2; first[NR] = !seen[$3]++ }
	END {
		for (i = 1; i <= NR; i++)
			if (first[i] || i % every == 0 || i == NR)
				print point[i]
	}' "$1"
}

# stop WHERE LOG
stop() {
	echo "killat: $1:" >&2
	cat "$2" >&2
	exit 1
}

export KILLAT_AT=start
bash -c "$before" >"$out/before.log" 2>&1 ||
	stop 'the command before fails' "$out/before.log"
strace -f -s 256 -o "$out/trace" "$@" >"$out/run.log" 2>&1 || {
	echo "killat: the command fails when left alone:" >&2
	cat "$out/run.log" >&2
	exit 2
}
points "$out/trace" >"$out/points"
[ -s "$out/points" ] || {
	echo "killat: no call after one that matches $start" >&2
	exit 2
}

some "$out/points" >"$out/tried"
n=0 missed=0
while read -r call nth <&3; do
	KILLAT_AT=$call#$nth
	bash -c "$before" >"$out/before.log" 2>&1 ||
		stop "the command before fails ($KILLAT_AT)" "$out/before.log"
	# In a shell of its own, whose report of the death is not wanted.
	(
		strace -f -o /dev/null -e "trace=$call" \
			-e "inject=$call:signal=KILL:when=$nth" "$@"
		exit $?
	) >"$out/run.log" 2>&1
	[ $? -ge 128 ] || missed=$((missed + 1))
	n=$((n + 1))
	bash -c "$check" >"$out/check.log" 2>&1 ||
		stop "the check fails after a kill at $KILLAT_AT" "$out/check.log"
done 3<"$out/tried"
[ $missed -lt $n ] || {
	echo 'killat: no run was killed' >&2
	exit 2
}
echo "killed $((n - missed)) times at $(wc -l <"$out/points") calls," \
	'every check passed'
