/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/spawn.h"
#include "io/spawn_start.h"

#define CHUNK 16384

extern char **environ;

enum { IN, OUT, ERR, END, N_POLL };

/* A run in hand.  poll[] holds our ends of the pipes and the pidfd; -1 is
 * closed or not wanted. */
struct run {
	const struct fp_spawn *s;
	struct pollfd poll[N_POLL];
	int theirs[3]; /* the child's ends, or -1 */
	size_t written, got[3];
	int64_t end_ms;
	pid_t pid;
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* A socket pair and not a pipe: MSG_NOSIGNAL spares us SIGPIPE. */
static int open_pair(struct run *r, int i)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return -errno;
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	shutdown(fds[0], i == IN ? SHUT_RD : SHUT_WR);
	r->poll[i] = (struct pollfd){ fds[0], i == IN ? POLLOUT : POLLIN, 0 };
	r->theirs[i] = fds[1];
	return 0;
}

static int open_pairs(struct run *r)
{
	const struct fp_spawn *s = r->s;
	const bool is_wanted[] = { s->in, s->out, s->err };
	int code = 0;

	for (int i = 0; i < N_POLL; i++)
		r->poll[i].fd = -1;
	for (int i = IN; i <= ERR; i++)
		r->theirs[i] = -1;
	for (int i = IN; i <= ERR && !code; i++)
		if (is_wanted[i])
			code = open_pair(r, i);
	return code;
}

int fp_spawn_start(pid_t *out, const char *const *argv, const int fds[3])
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	pid_t pid;
	int code;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP |
						POSIX_SPAWN_SETSIGMASK |
						POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	if (fds[0] < 0)
		posix_spawn_file_actions_addopen(&actions, 0, "/dev/null",
						 O_RDONLY, 0);
	for (int i = 0; i < 3; i++)
		if (fds[i] >= 0)
			posix_spawn_file_actions_adddup2(&actions, fds[i], i);
	code = -posix_spawnp(&pid, argv[0], &actions, &attr,
			     (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	if (!code)
		*out = pid;
	return code;
}

static int start(struct run *r)
{
	int code = fp_spawn_start(&r->pid, r->s->argv, r->theirs);

	if (code)
		return code;
	r->poll[END] = (struct pollfd){ pidfd_open(r->pid, 0), POLLIN, 0 };
	return r->poll[END].fd < 0 ? -errno : 0;
}

/* It may well end without having read all; that is its own affair. */
static void feed(struct run *r)
{
	const struct fp_spawn *s = r->s;
	ssize_t n = send(r->poll[IN].fd, s->in + r->written,
			 s->in_len - r->written, MSG_NOSIGNAL);

	if (n > 0)
		r->written += (size_t)n;
	if (r->written == s->in_len || (n < 0 && errno != EAGAIN))
		close_fd(&r->poll[IN].fd);
}

/* Read what is there.  0; -EMSGSIZE; -ENOMEM. */
static int drain(struct run *r, int i)
{
	struct fp_buf *to = i == OUT ? r->s->out : r->s->err;
	char chunk[CHUNK];
	size_t left;
	ssize_t n;

	while (r->poll[i].fd >= 0) {
		n = recv(r->poll[i].fd, chunk, sizeof(chunk), 0);
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0) {
			close_fd(&r->poll[i].fd);
			return 0;
		}
		left = r->s->max_bytes - r->got[i];
		fp_buf_add(to, chunk, (size_t)n < left ? (size_t)n : left);
		if (to->is_failed)
			return -ENOMEM;
		if ((size_t)n > left)
			return -EMSGSIZE;
		r->got[i] += (size_t)n;
	}
	return 0;
}

/* Until the process ended and what it wrote is read. */
static int converse(struct run *r)
{
	for (;;) {
		int64_t left_ms = r->end_ms - fp_clock_ms();
		int code = 0;

		if (left_ms <= 0)
			return -ETIMEDOUT;
		if (poll(r->poll, N_POLL,
			 left_ms < 1000 ? (int)left_ms : 1000) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (r->poll[IN].revents && r->poll[IN].fd >= 0)
			feed(r);
		for (int i = OUT; i <= ERR && !code; i++)
			code = drain(r, i);
		if (code || r->poll[END].revents)
			return code;
	}
}

static int reap(struct run *r, int code, int *status)
{
	int w;

	if (code)
		kill(-r->pid, SIGKILL);
	while (waitpid(r->pid, &w, 0) < 0)
		if (errno != EINTR)
			return code ? code : -errno;
	if (!code)
		*status = WIFSIGNALED(w) ? 128 + WTERMSIG(w) : WEXITSTATUS(w);
	return code;
}

int fp_spawn_run(const struct fp_spawn *s, int *status, struct fp_err *e)
{
	struct run r = { .s = s, .end_ms = fp_clock_ms() + s->timeout_ms };
	int code = open_pairs(&r);

	if (!code)
		code = start(&r);
	for (int i = IN; i <= ERR; i++)
		close_fd(&r.theirs[i]);
	if (!code)
		code = converse(&r);
	if (r.pid)
		code = reap(&r, code, status);
	for (int i = 0; i < N_POLL; i++)
		close_fd(&r.poll[i].fd);
	if (code == -ETIMEDOUT)
		return fp_err(e, code, "%s: no end after %lld ms", s->argv[0],
			      (long long)s->timeout_ms);
	if (code == -EMSGSIZE)
		return fp_err(e, code, "%s: printed more than %zu bytes",
			      s->argv[0], s->max_bytes);
	return code ? fp_err_sys(e, code, "%s", s->argv[0]) : 0;
}
