/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/stream_priv.h"

#define CHUNK 16384 /* a record of TLS at most */
#define ROUNDS 16   /* then others have their turn */
/* connect(2) to a unix socket whose backlog is full says EAGAIN, and no event
 * tells when there is room. */
#define UNIX_RETRY_MS 20

static void soon(struct fp_stream *s, int64_t in_ms)
{
	/* Out of memory: the caller's deadline will find it. */
	fp_loop_timer_arm(s->loop, &s->timer, fp_clock_ms() + in_ms);
}

static void drop_fd(struct fp_stream *s)
{
	if (s->fd < 0)
		return;
	fp_loop_fd_del(s->loop, s->fd);
	close(s->fd);
	s->fd = -1;
}

/* It is over; closed is called now, and s may be gone after this. */
static void end(struct fp_stream *s, int code)
{
	s->state = OVER;
	drop_fd(s);
	fp_loop_timer_disarm(s->loop, &s->timer);
	s->events.closed(s->events.ctx, code, &s->err);
}

/* It is over; closed is called by the loop. */
static void end_soon(struct fp_stream *s, int code)
{
	s->state = OVER;
	s->code = code;
	drop_fd(s);
	soon(s, 0);
}

/* Watch for what can go on.  -errno. */
static int watch(struct fp_stream *s)
{
	bool has_out = s->state == OPEN && s->sent < s->out.len;
	uint32_t want = EPOLLIN;
	int r;

	if (has_out || s->is_read_blocked)
		want |= EPOLLOUT;
	if (want == s->watched)
		return 0;
	r = fp_loop_fd_mod(s->loop, s->fd, want);
	if (r)
		return fp_err_sys(&s->err, r, "stream");
	s->watched = want;
	return 0;
}

/* ---- bytes */

static ssize_t write_some(struct fp_stream *s, const char *p, size_t n)
{
	ssize_t r;

	if (s->ssl)
		return fp_stream_tls_write(s, p, n);
	r = send(s->fd, p, n, MSG_NOSIGNAL);
	if (r < 0 && errno != EAGAIN && errno != EINTR)
		return fp_err_sys(&s->err, -errno, "connection lost");
	return r < 0 ? -EAGAIN : r;
}

static ssize_t read_some(struct fp_stream *s, char *to, size_t n)
{
	ssize_t r;

	if (s->ssl)
		return fp_stream_tls_read(s, to, n);
	r = recv(s->fd, to, n, 0);
	if (r < 0 && errno != EAGAIN && errno != EINTR)
		return fp_err_sys(&s->err, -errno, "connection lost");
	return r < 0 ? -EAGAIN : r;
}

/* 0; -errno. */
static int flush(struct fp_stream *s)
{
	while (s->sent < s->out.len) {
		ssize_t n = write_some(s, s->out.data + s->sent,
				       s->out.len - s->sent);

		if (n == -EAGAIN)
			break;
		if (n < 0)
			return (int)n;
		s->sent += (size_t)n;
	}
	if (s->sent == s->out.len)
		s->sent = s->out.len = 0;
	return 0;
}

/* Read what is there and tell it.  false: s is gone or over. */
static bool take(struct fp_stream *s)
{
	bool is_gone = false;
	char chunk[CHUNK];

	s->is_gone = &is_gone;
	for (int i = 0; i < ROUNDS; i++) {
		ssize_t n = read_some(s, chunk, sizeof(chunk));

		if (n == -EAGAIN)
			break;
		if (n <= 0) {
			s->is_gone = NULL;
			if (!n)
				fp_err(&s->err, 0,
				       "the other side closed the connection");
			end(s, (int)n);
			return false;
		}
		s->events.data(s->events.ctx, chunk, (size_t)n);
		if (is_gone)
			return false;
		if (s->state == OVER)
			break;
	}
	s->is_gone = NULL;
	if (s->state == OVER)
		return false;
	if (s->ssl && fp_stream_tls_has_more(s))
		soon(s, 0);
	return true;
}

/* ---- its life */

static void go_on(struct fp_stream *s);

/* It is open now. */
static void opened(struct fp_stream *s)
{
	bool is_gone = false;

	s->state = OPEN;
	s->is_gone = &is_gone;
	s->events.opened(s->events.ctx);
	if (is_gone)
		return;
	s->is_gone = NULL;
	if (s->state != OVER)
		go_on(s);
}

static void shake(struct fp_stream *s)
{
	int r = fp_stream_tls_shake(s);

	if (r > 0) {
		opened(s);
		return;
	}
	if (!r)
		r = watch(s);
	if (r)
		end(s, r);
}

static void connected(struct fp_stream *s)
{
	socklen_t len = sizeof(int);
	int code = 0;

	getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &code, &len);
	if (code) {
		end(s, fp_err_sys(&s->err, -code, "cannot connect"));
		return;
	}
	s->state = HANDSHAKE;
	if (s->ssl)
		shake(s);
	else
		opened(s);
}

static void go_on(struct fp_stream *s)
{
	int r = flush(s);

	/* What it said before it went is worth hearing: read in any case. */
	if (!take(s))
		return;
	if (!r)
		r = flush(s);
	if (!r)
		r = watch(s);
	if (r)
		end(s, r);
}

static void on_ready(void *ctx, uint32_t events)
{
	struct fp_stream *s = ctx;

	(void)events;
	if (s->state == CONNECTING)
		connected(s);
	else if (s->state == HANDSHAKE)
		shake(s);
	else
		go_on(s);
}

/* 0: under way; -errno. */
static int dial(struct fp_stream *s)
{
	int r;

	if (connect(s->fd, (const struct sockaddr *)&s->to, s->to_len) &&
	    errno != EINPROGRESS) {
		if (errno != EAGAIN || s->to.ss_family != AF_UNIX)
			return fp_err_sys(&s->err, -errno, "cannot connect");
		soon(s, UNIX_RETRY_MS);
		return 0;
	}
	s->watched = EPOLLOUT;
	r = fp_loop_fd_add(s->loop, s->fd, s->watched, on_ready, s);
	return r ? fp_err_sys(&s->err, r, "stream") : 0;
}

static void on_timer(void *ctx)
{
	struct fp_stream *s = ctx;
	int r;

	if (s->state == OVER)
		s->events.closed(s->events.ctx, s->code, &s->err);
	else if (s->state == CONNECTING && (r = dial(s)))
		end(s, r);
	else if (s->state == OPEN)
		go_on(s);
}

static int open_socket(struct fp_stream *s)
{
	int one = 1;

	s->fd = socket(s->to.ss_family,
		       SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return fp_err_sys(&s->err, -errno, "socket");
	if (s->to.ss_family != AF_UNIX)
		setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return 0;
}

int fp_stream_open(struct fp_stream **out, struct fp_loop *l,
		   const struct sockaddr *to, socklen_t len,
		   const struct fp_tls *tls, const char *name,
		   const struct fp_stream_events *events, struct fp_err *e)
{
	struct fp_stream *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return fp_err_sys(e, -ENOMEM, "stream");
	s->loop = l;
	s->events = *events;
	s->fd = -1;
	s->timer = (struct fp_timer){ .fire = on_timer, .ctx = s };
	s->to_len = len < sizeof(s->to) ? len : sizeof(s->to);
	memcpy(&s->to, to, s->to_len);
	r = open_socket(s);
	if (!r && tls)
		r = fp_stream_tls_init(s, tls, name);
	if (r) {
		if (e)
			*e = s->err;
		fp_stream_close(s);
		return r;
	}
	r = dial(s);
	if (r)
		end_soon(s, r);
	*out = s;
	return 0;
}

int fp_stream_write(struct fp_stream *s, const void *p, size_t n)
{
	int r = 0;

	if (s->state == OVER)
		return 0; /* it will be, or was, told */
	fp_buf_add(&s->out, p, n);
	if (s->out.is_failed) {
		end_soon(s, fp_err_sys(&s->err, -ENOMEM, "stream"));
		return -ENOMEM;
	}
	if (s->state == OPEN)
		r = flush(s);
	if (!r && s->state == OPEN)
		r = watch(s);
	/* what the other side said before it went is read first */
	if (r && s->state == OPEN)
		soon(s, 0);
	return 0;
}

size_t fp_stream_unsent(const struct fp_stream *s)
{
	return s->out.len - s->sent;
}

void fp_stream_close(struct fp_stream *s)
{
	if (!s)
		return;
	if (s->is_gone)
		*s->is_gone = true;
	fp_stream_tls_fini(s);
	drop_fd(s);
	fp_loop_timer_disarm(s->loop, &s->timer);
	fp_buf_fini(&s->out);
	free(s);
}
