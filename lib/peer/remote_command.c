/* SPDX-License-Identifier: Apache-2.0 */
/* SSH by a command of the user's, ssh(1) or what takes its arguments. */
#include <fcntl.h>
#include <linux/sockios.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer/remote_hosts.h"
#include "peer/remote_priv.h"

#define TURN_CHUNKS 8 /* read in one turn of the loop */
#define CHUNK 32768
#define MAX_WORDS 64

extern char **environ;

struct command {
	struct fp_remote r;
	pid_t pid;
	int fd;             /* its input and output */
	int err_fd, end_fd; /* its stderr; a pidfd */
	uint32_t events;    /* what fd is watched for */
	bool is_heard;      /* it wrote something */
	bool was_fed;       /* something was written to it */
	bool is_eof_sent, is_eof;
};

static void drop(struct fp_loop *l, int *fd)
{
	if (*fd < 0)
		return;
	fp_loop_fd_del(l, *fd);
	close(*fd);
	*fd = -1;
}

/* Its whole process group: ssh may have started a proxy. */
static void stop(struct fp_remote *r)
{
	struct command *c = (struct command *)r;

	if (!r->is_started)
		return;
	drop(r->loop, &c->fd);
	drop(r->loop, &c->err_fd);
	drop(r->loop, &c->end_fd);
	if (c->pid > 0) {
		kill(-c->pid, SIGKILL);
		while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	c->pid = 0;
}

static size_t held(const struct fp_remote *r)
{
	(void)r;
	return 0;
}

static int socket_of(const struct fp_remote *r)
{
	return ((const struct command *)r)->fd;
}

static void watch(struct command *c)
{
	uint32_t events = c->is_eof ? 0 : EPOLLIN;
	size_t n;

	if (c->fd < 0)
		return;
	fp_remote_next(&c->r, &n);
	if (n || (c->r.is_finished && !c->is_eof_sent))
		events |= EPOLLOUT;
	if (events != c->events)
		fp_loop_fd_mod(c->r.loop, c->fd, events);
	c->events = events;
}

static void kick(struct fp_remote *r)
{
	watch((struct command *)r);
}

/* ssh does not say when it is through, but it reads nothing before. */
static bool is_late(struct fp_remote *r)
{
	struct command *c = (struct command *)r;
	int unread = 0;

	return !c->is_heard &&
	       !(c->was_fed && !ioctl(c->fd, SIOCOUTQ, &unread) && !unread);
}

/* ---- how it ended */

/* What OpenSSH 9 writes to stderr; the first that is found counts. */
static const struct cause {
	const char *text;
	int code;
} causes[] = {
	{ "REMOTE HOST IDENTIFICATION HAS CHANGED", -EKEYREJECTED },
	{ "REVOKED HOST KEY DETECTED", -EKEYREJECTED },
	{ "Host key verification failed", -ENOKEY },
	{ "Permission denied (", -EACCES },
	{ "Too many authentication failures", -EACCES },
	{ "Could not resolve hostname", -EHOSTUNREACH },
	{ "Connection timed out", -ETIMEDOUT },
	{ "Operation timed out", -ETIMEDOUT },
	{ "Connection refused", -ECONNREFUSED },
	{ "No route to host", -EHOSTUNREACH },
	{ "Network is unreachable", -ENETUNREACH },
	{ "Connection reset by", -ECONNRESET },
	{ "Connection closed by", -ECONNRESET },
	{ "kex_exchange_identification", -ECONNRESET },
	{ "Broken pipe", -ECONNRESET },
};

static const struct cause *cause_of(const struct command *c)
{
	for (size_t i = 0; i < sizeof(causes) / sizeof(*causes); i++)
		if (memmem(c->r.said, c->r.said_len, causes[i].text,
			   strlen(causes[i].text)))
			return &causes[i];
	return NULL;
}

static void tell_failure(struct command *c, const struct cause *cause)
{
	char said[FP_REMOTE_LINE], run[400];

	fp_remote_said(&c->r, said);
	if (cause->code == -ENOKEY) {
		fp_hosts_remedy(&c->r.config, NULL, run, sizeof(run));
		fp_err(&c->r.err, cause->code,
		       "unknown host key; run ssh-keyscan as here, compare "
		       "what ssh-keygen -lf says of it with the host's own, "
		       "and keep it: %.200s (%.150s)",
		       run, said);
	} else {
		fp_err(&c->r.err, cause->code, "%s", said);
	}
	fp_remote_end(&c->r, cause->code);
}

static void tell_end(struct command *c, int w)
{
	const struct cause *cause = NULL;
	char name[16];

	if (WIFSIGNALED(w)) {
		snprintf(name, sizeof(name), "%d", WTERMSIG(w));
		fp_remote_exited(&c->r, 0, name);
		return;
	}
	if (WEXITSTATUS(w) == 255)
		cause = cause_of(c);
	if (cause)
		tell_failure(c, cause);
	else
		fp_remote_exited(&c->r, WEXITSTATUS(w), NULL);
}

/* ---- the conversation */

/* false: there may be more. */
static bool read_data(struct command *c)
{
	char chunk[CHUNK];

	for (int i = 0; i < TURN_CHUNKS; i++) {
		ssize_t n = c->is_eof ? 0
				      : recv(c->fd, chunk, sizeof(chunk),
					     MSG_DONTWAIT);

		if (n <= 0) {
			c->is_eof |= !n || errno != EAGAIN;
			return true;
		}
		c->is_heard = true;
		fp_remote_tell_data(&c->r, chunk, (size_t)n);
		if (fp_remote_is_done(&c->r))
			return true;
	}
	return false;
}

static void read_stderr(struct command *c)
{
	char chunk[FP_REMOTE_SAID];
	ssize_t n = 1;

	for (int i = 0; i < TURN_CHUNKS && n > 0 && c->err_fd >= 0; i++) {
		n = recv(c->err_fd, chunk, sizeof(chunk), MSG_DONTWAIT);
		if (n > 0)
			fp_remote_hear(&c->r, chunk, (size_t)n);
	}
	if (!n || (n < 0 && errno != EAGAIN))
		drop(c->r.loop, &c->err_fd);
}

/* A program that stopped reading is about to end; its status says why. */
static void send_queue(struct command *c)
{
	const char *p;
	size_t left;
	ssize_t n = 0;

	while ((p = fp_remote_next(&c->r, &left)) && !c->is_eof_sent) {
		n = send(c->fd, p, left, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0)
			break;
		c->was_fed = true;
		fp_remote_took(&c->r, (size_t)n);
	}
	if (n < 0 && errno != EAGAIN) {
		fp_remote_took(&c->r, left);
		c->is_eof_sent = true;
	}
	if (!fp_remote_next(&c->r, &left) && c->r.is_finished &&
	    !c->is_eof_sent) {
		shutdown(c->fd, SHUT_WR);
		c->is_eof_sent = true;
	}
}

static void on_io(void *ctx, uint32_t events)
{
	struct command *c = ctx;

	fp_remote_enter(&c->r);
	if (events & ~(uint32_t)EPOLLOUT)
		read_data(c);
	if (!fp_remote_is_done(&c->r)) {
		send_queue(c);
		fp_remote_tell_drained(&c->r);
	}
	if (!fp_remote_is_done(&c->r))
		watch(c);
	/* Both ways are shut: what is left is its status, and epoll would
	 * report the hang-up without end. */
	if (!fp_remote_is_done(&c->r) && c->is_eof && events & EPOLLHUP)
		drop(c->r.loop, &c->fd);
	fp_remote_leave(&c->r);
}

static void on_stderr(void *ctx, uint32_t events)
{
	(void)events;
	read_stderr(ctx);
}

/* What it wrote is all there. */
static void on_end(void *ctx, uint32_t events)
{
	struct command *c = ctx;
	int w = 0;

	(void)events;
	fp_remote_enter(&c->r);
	read_stderr(c);
	if (c->fd < 0 || read_data(c)) {
		if (!fp_remote_is_done(&c->r) && waitpid(c->pid, &w, 0) > 0) {
			kill(-c->pid, SIGKILL); /* what it left behind */
			c->pid = 0;
			tell_end(c, w);
		}
	}
	fp_remote_leave(&c->r);
}

/* ---- the start */

struct words {
	char *argv[MAX_WORDS + 1];
	unsigned int n;
	char port[8], timeout[40], known[300];
};

static void add(struct words *w, const char *s)
{
	if (w->n < MAX_WORDS)
		w->argv[w->n++] = (char *)s;
}

/* First what the user says: of two settings ssh takes the first. */
static void gather(struct words *w, struct command *c)
{
	const struct fp_remote_config *f = &c->r.config;
	char *at = NULL;

	for (char *s = strtok_r(c->r.transport, " \t", &at);
	     s && w->n < MAX_WORDS / 2; s = strtok_r(NULL, " \t", &at))
		add(w, s);
	snprintf(w->timeout, sizeof(w->timeout), "-oConnectTimeout=%lld",
		 (long long)(c->r.timeout_ms + 999) / 1000);
	add(w, "-oBatchMode=yes");
	add(w, "-oStrictHostKeyChecking=yes");
	add(w, w->timeout);
	add(w, "-T");
	if (f->said.port) {
		snprintf(w->port, sizeof(w->port), "%u", f->port);
		add(w, "-p");
		add(w, w->port);
	}
	if (f->said.user) {
		add(w, "-l");
		add(w, f->user);
	}
	if (f->said.key) {
		add(w, "-i");
		add(w, f->key[0]);
	}
	if (f->said.known_hosts) {
		snprintf(w->known, sizeof(w->known), "-oUserKnownHostsFile=%s",
			 f->known_hosts[0]);
		add(w, w->known);
	}
	add(w, f->host);
	add(w, c->r.command);
	w->argv[w->n] = NULL;
}

/* A session of its own, so that nothing in it finds a terminal to ask at. */
static int spawn(struct command *c, int io, int err)
{
	posix_spawn_file_actions_t actions;
	struct words w = { .n = 0 };
	posix_spawnattr_t attr;
	sigset_t none, all;
	int code;

	gather(&w, c);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, io, 0);
	posix_spawn_file_actions_adddup2(&actions, io, 1);
	posix_spawn_file_actions_adddup2(&actions, err, 2);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID |
						POSIX_SPAWN_SETSIGMASK |
						POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	code = w.n ? -posix_spawnp(&c->pid, w.argv[0], &actions, &attr, w.argv,
				   environ)
		   : -EINVAL;
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	if (code) {
		c->pid = 0;
		return fp_err_sys(&c->r.err, code, "%s",
				  w.n ? w.argv[0] : "no command");
	}
	return 0;
}

/* Socket pairs and not pipes: MSG_NOSIGNAL spares us SIGPIPE, and one of them goes
 * both ways. */
static int make_pairs(struct command *c, int theirs[2])
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return -errno;
	c->fd = fds[0];
	theirs[0] = fds[1];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return -errno;
	c->err_fd = fds[0];
	theirs[1] = fds[1];
	return 0;
}

static int begin(struct command *c)
{
	int theirs[2] = { -1, -1 }, code = make_pairs(c, theirs);

	if (code)
		fp_err_sys(&c->r.err, code, "no socket");
	else
		code = spawn(c, theirs[0], theirs[1]);
	for (int i = 0; i < 2; i++)
		if (theirs[i] >= 0)
			close(theirs[i]);
	if (code)
		return code;
	c->events = EPOLLIN;
	c->end_fd = pidfd_open(c->pid, 0);
	code = c->end_fd < 0 ? -errno : 0;
	if (!code)
		code = fp_loop_fd_add(c->r.loop, c->fd, c->events, on_io, c);
	if (!code)
		code = fp_loop_fd_add(c->r.loop, c->err_fd, EPOLLIN, on_stderr,
				      c);
	if (!code)
		code = fp_loop_fd_add(c->r.loop, c->end_fd, EPOLLIN, on_end, c);
	return code ? fp_err_sys(&c->r.err, code, "event loop") : 0;
}

static void start(struct fp_remote *r)
{
	struct command *c = (struct command *)r;
	int code;

	c->fd = c->err_fd = c->end_fd = -1;
	r->doing = "waiting for the command";
	code = begin(c);
	if (code) {
		fp_remote_end(r, code);
		return;
	}
	fp_remote_tell_opened(r);
	if (!fp_remote_is_done(r))
		watch(c);
}

const struct fp_remote_ops fp_remote_command = {
	.size = sizeof(struct command),
	.start = start,
	.kick = kick,
	.is_late = is_late,
	.held = held,
	.socket = socket_of,
	.stop = stop,
};
