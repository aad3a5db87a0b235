/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer/mi_priv.h"

/* ":NAME:{json}\n" goes into OpenSIPS' FIFO, the reply comes out of the FIFO NAME
 * in its reply_dir.  A reply is written in pieces, and replies of asynchronous
 * commands come from other processes: each request in flight has a FIFO of its
 * own, used again when its reply was whole.  We open them for reading and writing
 * (fifo(7)): OpenSIPS waits in a sleep, for everybody, for one that nobody reads.
 * Source: OpenSIPS 3.6 mi_fifo, fifo_fnc.c. */

#define NAME_MAX_LEN 127     /* of a reply FIFO: mi_fifo, MAX_MI_FILENAME */
#define A_TURN (1u << 20)    /* bytes before others have theirs */
#define KEPT_MAX (64u << 10) /* buffers beyond are given back after use */

struct pipe_end {
	struct fp_mi *m;
	int fd;
	char path[NAME_MAX_LEN + 1];
	const char *name; /* in path */
	struct fp_mi_call *call;
	struct fp_buf got;
	/* how far got is read as JSON */
	size_t at, depth;
	bool is_text;
	struct pipe_end *next; /* unused ones */
};

struct fifo {
	int fd;          /* -1: to be opened again */
	bool is_waiting; /* for room */
	uid_t uid;
	gid_t gid; /* who reads it: who writes replies */
	uint32_t last_no;
	struct mi_queue unsent;
	struct pipe_end *unused;
};

/* ---- FIFOs for replies */

static void pipe_free(struct pipe_end *p)
{
	/* First its name: who has it open sees us go. */
	unlink(p->path);
	fp_loop_fd_del(p->m->loop, p->fd);
	close(p->fd);
	fp_buf_fini(&p->got);
	free(p);
}

static void pipe_unuse(struct pipe_end *p)
{
	struct fifo *f = p->m->data;

	p->call = NULL;
	p->at = p->depth = 0;
	p->is_text = false;
	p->got.len = 0;
	if (p->got.cap > KEPT_MAX)
		fp_buf_fini(&p->got);
	p->next = f->unused;
	f->unused = p;
}

/* Is there a whole object (or what cannot become one)?  Returns its length, or
 * 0. */
static size_t whole(struct pipe_end *p)
{
	const char *s = p->got.data;

	for (; p->at < p->got.len; p->at++) {
		char c = s[p->at];

		if (p->is_text && c == '\\' && p->at + 1 < p->got.len)
			p->at++;
		else if (p->is_text && c == '\\')
			return 0;
		else if (c == '"' && p->depth)
			p->is_text = !p->is_text;
		else if (!p->is_text && (c == '{' || c == '['))
			p->depth++;
		else if (!p->is_text && (c == '}' || c == ']') && p->depth &&
			 !--p->depth)
			return ++p->at;
		else if (!p->depth && !strchr(" \t\r\n", c))
			return p->got.len;
	}
	return 0;
}

/* Take what there is.  false: nothing of use can come any more. */
static bool pipe_take(struct pipe_end *p, int *code)
{
	size_t taken = 0;
	char *to;
	ssize_t n;

	while (taken < A_TURN) {
		to = p->got.len < MI_REPLY_MAX ? fp_buf_room(&p->got, 65536)
					       : NULL;
		*code = p->got.is_failed ? -ENOMEM : -EMSGSIZE;
		if (!to)
			return false;
		n = read(p->fd, to, 65536);
		if (n <= 0)
			break;
		p->got.len += (size_t)n;
		taken += (size_t)n;
	}
	return true;
}

/* Between two requests there is nothing to read but the end of a line. */
static void pipe_idle(struct pipe_end *p)
{
	struct fifo *f = p->m->data;
	struct pipe_end **at = &f->unused;
	char c[64];
	ssize_t n = read(p->fd, c, sizeof(c));

	for (ssize_t i = 0; i < n; i++) {
		if (strchr(" \t\r\n", c[i]))
			continue;
		while (*at != p)
			at = &(*at)->next;
		*at = p->next;
		pipe_free(p);
		return;
	}
}

static bool is_blank(const char *s, const char *end)
{
	while (s < end && strchr(" \t\r\n", *s))
		s++;
	return s == end;
}

static void pipe_ready(void *ctx, uint32_t events)
{
	struct pipe_end *p = ctx;
	struct fp_mi_call *c = p->call;
	struct fp_mi *m = p->m;
	struct fp_err e;
	size_t n;
	int code;

	(void)events;
	if (!c) {
		pipe_idle(p);
		return;
	}
	mi_enter(m);
	if (!pipe_take(p, &code)) {
		mi_err(m, &e, code, "%s: the reply is longer than %u bytes",
		       c->method, MI_REPLY_MAX);
		mi_end(c, code, NULL, &e);
	} else if ((n = whole(p))) {
		struct fp_buf got = p->got;

		/* It may be used again by what done asks. */
		memset(&p->got, 0, sizeof(p->got));
		c->held = NULL;
		if (p->depth || !p->at ||
		    !is_blank(got.data + p->at, got.data + got.len))
			pipe_free(p);
		else
			pipe_unuse(p);
		mi_reply(m, c, got.data, n);
		fp_buf_fini(&got);
	}
	mi_leave(m);
}

/* OpenSIPS may run as another user: it must be able to write, nobody else
 * should.  Only root can give it away; else everybody may write, and cannot know
 * our ids. */
static int pipe_let_write(const struct fifo *f, int fd)
{
	if (f->uid == geteuid())
		return 0;
	if (!fchown(fd, f->uid, f->gid))
		return 0;
	return fchmod(fd, 0622) ? -errno : 0;
}

static int pipe_make(struct fp_mi *m, struct pipe_end *p)
{
	struct fifo *f = m->data;
	const char *dir = m->reply_dir;
	int r, n = snprintf(p->path, sizeof(p->path), "%s%sfp-%s-%" PRIu32, dir,
			    dir[strlen(dir) - 1] == '/' ? "" : "/", m->key,
			    ++f->last_no);

	if (n >= (int)sizeof(p->path))
		return -ENAMETOOLONG;
	p->name = strrchr(p->path, '/') + 1;
	if (mkfifo(p->path, 0600))
		return -errno;
	p->fd = open(p->path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	r = p->fd < 0 ? -errno : pipe_let_write(f, p->fd);
	if (!r)
		r = fp_loop_fd_add(m->loop, p->fd, EPOLLIN, pipe_ready, p);
	if (r) {
		unlink(p->path);
		if (p->fd >= 0)
			close(p->fd);
	}
	return r;
}

static int pipe_use(struct fp_mi *m, struct fp_mi_call *c)
{
	struct fifo *f = m->data;
	struct pipe_end *p = f->unused;
	int r;

	if (p) {
		f->unused = p->next;
	} else {
		p = calloc(1, sizeof(*p));
		if (!p)
			return -ENOMEM;
		p->m = m;
		r = pipe_make(m, p);
		if (r) {
			free(p);
			return r;
		}
	}
	p->call = c;
	c->held = p;
	return 0;
}

/* ---- the FIFO of requests */

static int fifo_connect(struct fp_mi *m, struct fifo *f)
{
	struct stat st;

	/* ENXIO: nobody has it open for reading (fifo(7)). */
	f->fd = open(m->to.path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (f->fd < 0)
		return errno == ENXIO ? -ECONNREFUSED : -errno;
	if (fstat(f->fd, &st) || !S_ISFIFO(st.st_mode)) {
		close(f->fd);
		f->fd = -1;
		return -EINVAL;
	}
	f->uid = st.st_uid;
	f->gid = st.st_gid;
	return 0;
}

static void fifo_disconnect(struct fp_mi *m)
{
	struct fifo *f = m->data;

	if (f->is_waiting)
		fp_loop_fd_del(m->loop, f->fd);
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	f->is_waiting = false;
}

static int fifo_err(struct fp_mi *m, struct fp_err *e, int code)
{
	const char *path = m->to.path;

	if (code == -ECONNREFUSED || code == -EPIPE)
		return mi_err(m, e, -ECONNREFUSED, "fifo:%s: nobody reads it",
			      path);
	if (code == -EINVAL)
		return mi_err(m, e, code, "fifo:%s: not a FIFO", path);
	return mi_err(m, e, code, "fifo:%s: %s", path, strerror(-code));
}

/* write(2) without SIGPIPE, which has no flag for pipes. */
static ssize_t write_quietly(int fd, const void *p, size_t n)
{
	const struct timespec none = { 0 };
	sigset_t set, before, pending;
	ssize_t r;
	int code;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &set, &before);
	r = write(fd, p, n);
	code = errno;
	if (r < 0 && code == EPIPE && !sigismember(&pending, SIGPIPE))
		sigtimedwait(&set, NULL, &none);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = code;
	return r;
}

/* A line of at most PIPE_BUF goes whole or not at all (pipe(7)). */
static int write_line(struct fp_mi *m, struct fp_mi_call *c)
{
	struct fifo *f = m->data;
	struct pipe_end *p = c->held;
	char line[MI_FIFO_LINE_MAX + 1];
	int n = snprintf(line, sizeof(line), ":%s:%.*s\n", p->name,
			 (int)c->request.len, c->request.data);

	if (n >= (int)sizeof(line))
		return -E2BIG;
	return write_quietly(f->fd, line, (size_t)n) < 0 ? -errno : 0;
}

static void gone(struct fp_mi *m)
{
	struct fp_err e;
	int r;

	fifo_disconnect(m);
	r = fifo_err(m, &e, -ECONNREFUSED);
	mi_end_all(m, r, &e);
}

static void writable(void *ctx, uint32_t events)
{
	struct fp_mi *m = ctx;
	struct fifo *f = m->data;
	struct fp_mi_call *c;
	int r = events & EPOLLERR ? -EPIPE : 0;

	mi_enter(m);
	while (!r && (c = f->unsent.head)) {
		r = write_line(m, c);
		if (!r)
			mi_queue_take(&f->unsent, c);
	}
	if (r && r != -EAGAIN) {
		gone(m);
	} else if (!f->unsent.head) {
		fp_loop_fd_del(m->loop, f->fd);
		f->is_waiting = false;
	}
	mi_leave(m);
}

static int wait_for_room(struct fp_mi *m, struct fp_mi_call *c)
{
	struct fifo *f = m->data;
	int r = 0;

	if (!f->is_waiting)
		r = fp_loop_fd_add(m->loop, f->fd, EPOLLOUT, writable, m);
	if (r)
		return r;
	f->is_waiting = true;
	mi_queue_add(&f->unsent, c);
	return 0;
}

static int fifo_write(struct fp_mi *m, struct fp_mi_call *c)
{
	struct fifo *f = m->data;
	int r = f->unsent.head ? -EAGAIN : write_line(m, c);

	if (r == -EPIPE) {
		/* it was started again */
		fifo_disconnect(m);
		r = fifo_connect(m, f);
		if (!r)
			r = write_line(m, c);
	}
	return r == -EAGAIN ? wait_for_room(m, c) : r;
}

static void fifo_forget(struct fp_mi *m, struct fp_mi_call *c)
{
	struct fifo *f = m->data;

	mi_queue_take(&f->unsent, c);
	if (c->held)
		pipe_free(c->held);
	c->held = NULL;
}

static int fifo_send(struct fp_mi *m, struct fp_mi_call *c, struct fp_err *e)
{
	struct fifo *f = m->data;
	int r = f->fd < 0 ? fifo_connect(m, f) : 0;

	if (r)
		return fifo_err(m, e, r);
	r = pipe_use(m, c);
	if (r)
		return mi_err(m, e, r, "a reply FIFO in %s: %s", m->reply_dir,
			      strerror(-r));
	r = fifo_write(m, c);
	if (!r)
		return 0;
	fifo_forget(m, c);
	return fifo_err(m, e, r);
}

/* ---- open, close */

static bool has_reply_dir(struct fp_mi *m)
{
	size_t n = strlen(m->to.path);

	if (m->reply_dir && *m->reply_dir)
		return true;
	while (n > 1 && m->to.path[n - 1] != '/')
		n--;
	free(m->reply_dir);
	m->reply_dir = n ? strndup(m->to.path, n) : strdup("/");
	return m->reply_dir;
}

static int fifo_open_requests(struct fp_mi *m, struct fifo *f, struct fp_err *e)
{
	int r;

	mi_queue_init(&f->unsent);
	r = fifo_connect(m, f);
	return r ? fifo_err(m, e, r) : 0;
}

static int fifo_open(struct fp_mi *m, struct fp_err *e)
{
	struct fifo *f = calloc(1, sizeof(*f));
	int r;

	if (!f || !has_reply_dir(m))
		r = mi_err(m, e, -ENOMEM, "no memory");
	else
		r = fifo_open_requests(m, f, e);
	if (r)
		free(f);
	else
		m->data = f;
	return r;
}

static void fifo_close(struct fp_mi *m)
{
	struct fifo *f = m->data;
	struct pipe_end *p;

	while ((p = f->unused)) {
		f->unused = p->next;
		pipe_free(p);
	}
	fifo_disconnect(m);
	free(f);
	m->data = NULL;
}

/* In a line: ":NAME:" and the newline. */
const struct mi_transport mi_fifo = {
	.request_max = MI_FIFO_LINE_MAX - 64,
	.reply_max = MI_REPLY_MAX,
	.open = fifo_open,
	.close = fifo_close,
	.send = fifo_send,
	.forget = fifo_forget,
};
