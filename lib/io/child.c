/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/child.h"
#include "io/clock.h"
#include "io/spawn_start.h"

#define CHUNK 16384
#define ROUNDS 16 /* then others have their turn */

struct fp_child {
	struct fp_loop *loop;
	void (*out)(void *ctx, const char *p, size_t n);
	void (*ended)(void *ctx, int code, int status);
	void *ctx;
	int in_fd, out_fd, pid_fd; /* -1: closed, or not wanted */
	pid_t pid;
	char *in;
	size_t in_len, written;
	int code;
	struct fp_timer timer;
	bool *is_gone; /* of the call that is in hand */
};

static void drop_fd(struct fp_child *c, int *fd)
{
	if (*fd < 0)
		return;
	fp_loop_fd_del(c->loop, *fd);
	close(*fd);
	*fd = -1;
}

/* The process is reaped, or never was. */
static void release(struct fp_child *c)
{
	if (c->is_gone)
		*c->is_gone = true;
	fp_loop_timer_disarm(c->loop, &c->timer);
	drop_fd(c, &c->in_fd);
	drop_fd(c, &c->out_fd);
	drop_fd(c, &c->pid_fd);
	free(c->in);
	free(c);
}

/* Itself too: it may have gone to another group. */
static void kill_group(const struct fp_child *c)
{
	kill(-c->pid, SIGKILL);
	kill(c->pid, SIGKILL);
}

static int reap(const struct fp_child *c)
{
	int w = 0;

	while (waitpid(c->pid, &w, 0) < 0 && errno == EINTR)
		;
	return WIFSIGNALED(w) ? 128 + WTERMSIG(w) : WEXITSTATUS(w);
}

/* ---- its pipes.  Socket pairs: MSG_NOSIGNAL spares us SIGPIPE. */

/* It may well end without having read all; that is its own affair. */
static void on_in(void *ctx, uint32_t events)
{
	struct fp_child *c = ctx;
	ssize_t n = send(c->in_fd, c->in + c->written, c->in_len - c->written,
			 MSG_NOSIGNAL);

	(void)events;
	if (n > 0)
		c->written += (size_t)n;
	if (c->written == c->in_len ||
	    (n < 0 && errno != EAGAIN && errno != EINTR))
		drop_fd(c, &c->in_fd);
}

/* Tell what is there, for so many rounds.  false: c is gone. */
static bool drain(struct fp_child *c, int rounds)
{
	bool is_gone = false;
	char chunk[CHUNK];

	while (c->out_fd >= 0 && rounds--) {
		ssize_t n = recv(c->out_fd, chunk, sizeof(chunk), 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0) {
			drop_fd(c, &c->out_fd);
			break;
		}
		c->is_gone = &is_gone;
		c->out(c->ctx, chunk, (size_t)n);
		if (is_gone)
			return false;
		c->is_gone = NULL;
	}
	return true;
}

static void on_out(void *ctx, uint32_t events)
{
	(void)events;
	drain(ctx, ROUNDS);
}

/* What it wrote is in the socket by now; what outlives it is not waited for, and
 * what such a one still writes is not listened to. */
static void on_end(void *ctx, uint32_t events)
{
	struct fp_child *c = ctx;
	void (*ended)(void *ctx, int code, int status) = c->ended;
	void *ended_ctx = c->ctx;
	int code = c->code, status;

	(void)events;
	if (!drain(c, 4 * ROUNDS))
		return;
	status = reap(c);
	release(c);
	ended(ended_ctx, code, status);
}

/* Its end comes by the pidfd. */
static void on_deadline(void *ctx)
{
	struct fp_child *c = ctx;

	c->code = -ETIMEDOUT;
	kill_group(c);
}

/* ---- start */

static int open_pair(int *ours, int *its, int how)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return -errno;
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	shutdown(fds[0], how);
	*ours = fds[0];
	*its = fds[1];
	return 0;
}

static int copy_in(struct fp_child *c, const struct fp_child_opts *o)
{
	if (!o->in)
		return 0;
	c->in = malloc(o->in_len + !o->in_len);
	if (!c->in)
		return -ENOMEM;
	memcpy(c->in, o->in, o->in_len);
	c->in_len = o->in_len;
	return 0;
}

static int watch(struct fp_child *c, int64_t timeout_ms)
{
	int r = 0;

	c->pid_fd = pidfd_open(c->pid, 0);
	if (c->pid_fd < 0)
		return -errno;
	r = fp_loop_fd_add(c->loop, c->pid_fd, EPOLLIN, on_end, c);
	if (!r && c->in_fd >= 0)
		r = fp_loop_fd_add(c->loop, c->in_fd, EPOLLOUT, on_in, c);
	if (!r && c->out_fd >= 0)
		r = fp_loop_fd_add(c->loop, c->out_fd, EPOLLIN, on_out, c);
	if (!r && timeout_ms)
		r = fp_loop_timer_arm(c->loop, &c->timer,
				      fp_clock_ms() + timeout_ms);
	return r;
}

static int begin(struct fp_child *c, const struct fp_child_opts *o)
{
	int theirs[3] = { -1, -1, -1 };
	int r = copy_in(c, o);

	if (!r && o->in)
		r = open_pair(&c->in_fd, &theirs[0], SHUT_RD);
	if (!r && o->out)
		r = open_pair(&c->out_fd, &theirs[1], SHUT_WR);
	if (!r)
		r = fp_spawn_start(&c->pid, o->argv, theirs);
	for (int i = 0; i < 2; i++)
		if (theirs[i] >= 0)
			close(theirs[i]);
	return r ? r : watch(c, o->timeout_ms);
}

int fp_child_start(struct fp_child **out, struct fp_loop *l,
		   const struct fp_child_opts *o, struct fp_err *e)
{
	struct fp_child *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return fp_err_sys(e, -ENOMEM, "%s", o->argv[0]);
	c->loop = l;
	c->out = o->out;
	c->ended = o->ended;
	c->ctx = o->ctx;
	c->in_fd = c->out_fd = c->pid_fd = -1;
	c->timer = (struct fp_timer){ .fire = on_deadline, .ctx = c };
	r = begin(c, o);
	if (r) {
		fp_child_kill(c);
		return fp_err_sys(e, r, "%s", o->argv[0]);
	}
	*out = c;
	return 0;
}

void fp_child_kill(struct fp_child *c)
{
	if (!c)
		return;
	if (c->pid) {
		kill_group(c);
		reap(c);
	}
	release(c);
}
