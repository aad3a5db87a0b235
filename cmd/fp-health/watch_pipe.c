/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/clock.h"
#include "watch.h"

#define BEHIND_MAX (16u << 20)
#define CLOSE_MS 1000
#define SAY_MS 60000
/* What a pipe takes without waiting when poll(2) says that it can be written. */
#define AT_ONCE 4096

struct fh_pipe {
	struct fp_loop *loop;
	FILE *file;
	struct fp_buf queue;
	size_t done; /* of the queue */
	size_t max;  /* of the queue */
	bool is_socket, is_waiting, is_gone;
	bool is_dropping, may_drop; /* the rest of a record too */
	bool is_within;             /* a record is not yet whole */
	uint64_t n_dropped;
	int64_t said_ms; /* that they were */
	void (*gone)(void *ctx, const struct fp_err *e);
	void *ctx;
};

static void lose(struct fh_pipe *p, int code, const char *why)
{
	struct fp_err e = { .text = "" };

	if (p->is_gone)
		return;
	p->is_gone = true;
	if (code)
		fp_err_sys(&e, code, "cannot write the output");
	else
		fp_err(&e, 0, "%s", why);
	p->gone(p->ctx, &e);
}

/* As much as it takes now; false: an error was told. */
static bool push(struct fh_pipe *p)
{
	while (p->done < p->queue.len) {
		struct pollfd f = { .fd = STDOUT_FILENO, .events = POLLOUT };
		size_t n = p->queue.len - p->done;
		ssize_t r;

		if (poll(&f, 1, 0) <= 0)
			return true;
		n = n < AT_ONCE ? n : AT_ONCE;
		/* a pipe whose reader went away is SIGPIPE, as everywhere */
		r = p->is_socket
			    ? send(STDOUT_FILENO, p->queue.data + p->done, n,
				   MSG_DONTWAIT)
			    : write(STDOUT_FILENO, p->queue.data + p->done, n);
		if (r < 0 && (errno == EAGAIN || errno == EINTR))
			return true;
		if (r < 0) {
			lose(p, -errno, NULL);
			return false;
		}
		p->done += (size_t)r;
	}
	p->queue.len = p->done = 0;
	return true;
}

static void on_ready(void *ctx, uint32_t events);

static void wait_for(struct fh_pipe *p, bool is_waiting)
{
	if (p->is_waiting == is_waiting)
		return;
	p->is_waiting = is_waiting;
	if (is_waiting)
		fp_loop_fd_add(p->loop, STDOUT_FILENO, EPOLLOUT, on_ready, p);
	else
		fp_loop_fd_del(p->loop, STDOUT_FILENO);
}

static void on_ready(void *ctx, uint32_t events)
{
	struct fh_pipe *p = ctx;

	(void)events;
	if (!push(p) || !p->queue.len)
		wait_for(p, false);
}

static void compact(struct fh_pipe *p)
{
	if (p->done < p->queue.len / 2)
		return;
	memmove(p->queue.data, p->queue.data + p->done, p->queue.len - p->done);
	p->queue.len -= p->done;
	p->done = 0;
}

static void say_dropped(struct fh_pipe *p)
{
	int64_t now_ms = fp_clock_ms();

	p->n_dropped++;
	if (p->said_ms && now_ms - p->said_ms < SAY_MS)
		return;
	p->said_ms = now_ms;
	fp_log(FP_LOG_WARN,
	       "nobody reads stdout: records are dropped, %llu so far",
	       (unsigned long long)p->n_dropped);
}

/* Whole records alone: each is flushed, maybe in parts. */
static bool drop(struct fh_pipe *p, const char *data, size_t n)
{
	bool is_whole = n && data[n - 1] == '\n';
	bool is_new = !p->is_within && !p->is_dropping;

	if (is_new && p->may_drop && p->queue.len - p->done + n > p->max)
		p->is_dropping = true;
	p->is_within = !is_whole && !p->is_dropping;
	if (!p->is_dropping)
		return false;
	if (is_whole)
		say_dropped(p);
	p->is_dropping = !is_whole;
	return true;
}

void fh_pipe_may_drop(struct fh_pipe *p, size_t max)
{
	p->may_drop = true;
	p->max = max;
}

/* What stdio flushes. */
static ssize_t take(void *cookie, const char *data, size_t n)
{
	struct fh_pipe *p = cookie;

	if (p->is_gone || drop(p, data, n))
		return (ssize_t)n;
	fp_buf_add(&p->queue, data, n);
	if (p->queue.is_failed || p->queue.len - p->done > BEHIND_MAX) {
		lose(p, 0, "the reader of stdout does not read");
		return (ssize_t)n;
	}
	if (push(p) && p->queue.len) {
		compact(p);
		wait_for(p, true);
	}
	return (ssize_t)n;
}

int fh_pipe_open(struct fh_pipe **out, struct fp_cli *c, struct fp_loop *l,
		 void (*gone)(void *ctx, const struct fp_err *e), void *ctx,
		 struct fp_err *e)
{
	const cookie_io_functions_t io = { .write = take };
	struct fh_pipe *p;
	struct stat st;

	*out = NULL;
	if (fstat(STDOUT_FILENO, &st) ||
	    !(S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
		return 0;
	p = calloc(1, sizeof(*p));
	if (!p)
		return fp_err(e, -ENOMEM, "out of memory");
	*p = (struct fh_pipe){ .loop = l,
			       .is_socket = S_ISSOCK(st.st_mode),
			       .gone = gone,
			       .ctx = ctx };
	p->file = fopencookie(p, "w", io);
	if (!p->file) {
		free(p);
		return fp_err(e, -ENOMEM, "out of memory");
	}
	fp_out_close(c->out, e);
	c->out = NULL;
	*out = p;
	return fp_out_open(&c->out, p->file, c->is_json ? FP_JSON : FP_TEXT,
			   c->fields);
}

void fh_pipe_close(struct fh_pipe *p, struct fp_cli *c)
{
	int64_t end_ms = fp_clock_ms() + CLOSE_MS;
	struct fp_err e;

	if (!p)
		return;
	if (c->out)
		fp_out_close(c->out, &e);
	c->out = NULL;
	fclose(p->file);
	wait_for(p, false);
	while (!p->is_gone && p->queue.len && fp_clock_ms() < end_ms) {
		struct pollfd f = { .fd = STDOUT_FILENO, .events = POLLOUT };

		poll(&f, 1, 100);
		push(p);
	}
	fp_buf_fini(&p->queue);
	free(p);
}
