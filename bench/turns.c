/* SPDX-License-Identifier: Apache-2.0 */
/* turns FILE COMMAND...: run a command and carry all that is said to it and by
 * it.  FILE has a line, true at any time, for we may be killed at the end: bytes
 * to it, bytes from it, and how often it answered, which is the round trips that
 * the two needed. */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "bench/bench.h"

struct said {
	uint64_t to, from, answers;
	bool is_asked; /* something was said since the last answer */
};

static void pass(int fd, const char *data, size_t n)
{
	ssize_t w;

	for (; n; data += w, n -= (size_t)w) {
		w = write(fd, data, n);
		if (w < 0)
			die("write: %s", strerror(errno));
	}
}

/* 0: the other end is done. */
static size_t carry(int from, int to)
{
	static char data[65536];
	ssize_t n = read(from, data, sizeof(data));

	if (n < 0)
		die("read: %s", strerror(errno));
	pass(to, data, (size_t)n);
	return (size_t)n;
}

static void note(int file, const struct said *s)
{
	char line[96];
	int n = snprintf(line, sizeof(line), "%12llu %12llu %12llu\n",
			 (unsigned long long)s->to, (unsigned long long)s->from,
			 (unsigned long long)s->answers);

	if (pwrite(file, line, (size_t)n, 0) != n)
		die("the file of counts: %s", strerror(errno));
}

static void relay(int child, int file, struct said *s)
{
	struct pollfd p[] = { { .fd = 0, .events = POLLIN },
			      { .fd = child, .events = POLLIN } };
	size_t n;

	for (;;) {
		if (poll(p, 2, -1) < 0)
			die("poll: %s", strerror(errno));
		if (p[0].revents) {
			n = carry(0, child);
			s->to += n;
			s->is_asked = s->is_asked || n;
			if (!n) {
				shutdown(child, SHUT_WR);
				p[0].fd = -1;
			}
		}
		if (p[1].revents) {
			n = carry(child, 1);
			if (!n)
				return;
			s->from += n;
			s->answers += s->is_asked;
			s->is_asked = false;
		}
		note(file, s);
	}
}

static pid_t start(char **argv, int *fd)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		die("socketpair: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (!pid) {
		dup2(pair[1], 0);
		dup2(pair[1], 1);
		execvp(argv[0], argv);
		die("%s: %s", argv[0], strerror(errno));
	}
	close(pair[1]);
	*fd = pair[0];
	return pid;
}

int main(int argc, char **argv)
{
	struct said s = { .to = 0 };
	int fd, file, status;
	pid_t pid;

	if (argc < 3)
		die("usage: turns FILE COMMAND...");
	signal(SIGPIPE, SIG_IGN);
	file = open(argv[1], O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0644);
	if (file < 0)
		die("%s: %s", argv[1], strerror(errno));
	pid = start(argv + 2, &fd);
	relay(fd, file, &s);
	if (waitpid(pid, &status, 0) != pid)
		die("wait: %s", strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}
