/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <time.h>
#include <linux/errqueue.h> /* wants time.h */
#include <unistd.h>

#include "base/buf.h"
#include "io/clock.h"
#include "peer/ng.h"

#define FIRST_AGAIN_MS 500
#define AGAIN_MS 1000
#define COOKIE_LEN 16  /* of a 64 bit number, in hex: nobody guesses it */
#define N_BUCKETS 1024 /* thousands of calls at once are a full house */
#define MAX_TURN 64    /* datagrams read before others have their turn */
#define MAX_DATAGRAM 65535
/* Statistics of rtpengine 10.5 have 7.5 KB: some hundred at once. */
#define RECEIVE_ROOM (4 << 20)

struct fp_ng_call {
	struct fp_ng *ng;
	struct fp_ng_call *next; /* in its bucket */
	uint64_t cookie, number;
	struct sockaddr_storage to;
	socklen_t to_len;
	char *datagram;
	size_t len;
	int64_t deadline_ms;
	struct fp_timer timer; /* to send again, or the deadline */
	void (*done)(void *ctx, int code, const struct fp_bencode *r,
		     const struct fp_err *e);
	void *ctx;
};

struct fp_ng {
	struct fp_loop *loop;
	int fd, fd6; /* opened when they are needed */
	uint64_t n_asked;
	struct fp_ng_call *calls[N_BUCKETS];
	char in[MAX_DATAGRAM + 1];
};

/* ---- calls */

static struct fp_ng_call **bucket(struct fp_ng *g, uint64_t cookie)
{
	return &g->calls[cookie % N_BUCKETS];
}

static void unlink_call(struct fp_ng_call *c)
{
	struct fp_ng_call **at = bucket(c->ng, c->cookie);

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
}

void fp_ng_drop(struct fp_ng_call *c)
{
	if (!c)
		return;
	fp_loop_timer_disarm(c->ng->loop, &c->timer);
	unlink_call(c);
	free(c->datagram);
	free(c);
}

static void finish(struct fp_ng_call *c, int code, const struct fp_bencode *r,
		   const struct fp_err *e)
{
	void (*done)(void *, int, const struct fp_bencode *,
		     const struct fp_err *) = c->done;
	void *ctx = c->ctx;

	fp_ng_drop(c);
	done(ctx, code, r, e);
}

static void fail(struct fp_ng_call *c, int code, const char *what)
{
	struct fp_err e;

	fp_err(&e, code, "%s", what);
	finish(c, code, NULL, &e);
}

/* ---- sending */

static int fd_of(const struct fp_ng *g, int family)
{
	return family == AF_INET6 ? g->fd6 : g->fd;
}

/* An error of an earlier datagram may be waiting on the socket; it is in the
 * queue of errors too and comes from there. */
static int send_it(struct fp_ng_call *c)
{
	int fd = fd_of(c->ng, c->to.ss_family);

	for (int i = 0; i < 2; i++)
		if (sendto(fd, c->datagram, c->len, MSG_NOSIGNAL,
			   (struct sockaddr *)&c->to, c->to_len) >= 0 ||
		    errno == EAGAIN || errno == ENOBUFS)
			return 0; /* what is lost is sent again */
	return -errno;
}

static void arm(struct fp_ng_call *c, int64_t in_ms)
{
	int64_t at_ms = fp_clock_ms() + in_ms;

	if (at_ms > c->deadline_ms)
		at_ms = c->deadline_ms;
	/* it moves or has room already: it cannot fail */
	fp_loop_timer_arm(c->ng->loop, &c->timer, at_ms);
}

static void on_timer(void *ctx)
{
	struct fp_ng_call *c = ctx;

	if (fp_clock_ms() >= c->deadline_ms) {
		fail(c, -ETIMEDOUT, "no answer");
		return;
	}
	send_it(c);
	arm(c, AGAIN_MS);
}

/* ---- receiving */

static bool is_same(const struct sockaddr_storage *a,
		    const struct sockaddr_storage *b)
{
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET6)
		return a6->sin6_port == b6->sin6_port &&
		       !memcmp(&a6->sin6_addr, &b6->sin6_addr,
			       sizeof(a6->sin6_addr));
	return a4->sin_port == b4->sin_port &&
	       a4->sin_addr.s_addr == b4->sin_addr.s_addr;
}

/* The call whose cookie the n bytes at g->in begin with. */
static struct fp_ng_call *find(struct fp_ng *g, size_t n)
{
	struct fp_ng_call *c;
	uint64_t cookie;

	if (n <= COOKIE_LEN || g->in[COOKIE_LEN] != ' ' ||
	    strspn(g->in, "0123456789abcdef") != COOKIE_LEN)
		return NULL;
	cookie = strtoull(g->in, NULL, 16);
	for (c = *bucket(g, cookie); c; c = c->next)
		if (c->cookie == cookie)
			return c;
	return NULL;
}

/* A datagram that is no answer to a call is nobody's. */
static void take_reply(struct fp_ng *g, size_t n,
		       const struct sockaddr_storage *from)
{
	struct fp_bencode r;
	struct fp_ng_call *c;
	struct fp_err e;
	int code;

	g->in[n] = 0;
	c = find(g, n);
	if (!c || !is_same(&c->to, from))
		return;
	code = fp_bencode_parse(&r, g->in + COOKIE_LEN + 1, n - COOKIE_LEN - 1,
				&e);
	if (!code && r.kind != FP_BEN_DICT)
		code = fp_err(&e, -EBADMSG, "no dictionary");
	if (code)
		fp_err_prefix(&e, code, "its answer");
	finish(c, code, code ? NULL : &r, code ? &e : NULL);
}

/* A call to that address that is as old as the error. */
static struct fp_ng_call *find_to(struct fp_ng *g,
				  const struct sockaddr_storage *to,
				  uint64_t before)
{
	for (size_t i = 0; i < N_BUCKETS; i++)
		for (struct fp_ng_call *c = g->calls[i]; c; c = c->next)
			if (c->number < before && is_same(&c->to, to))
				return c;
	return NULL;
}

static int error_of(struct msghdr *m)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		struct sock_extended_err x;

		if ((h->cmsg_level != IPPROTO_IP ||
		     h->cmsg_type != IP_RECVERR) &&
		    (h->cmsg_level != IPPROTO_IPV6 ||
		     h->cmsg_type != IPV6_RECVERR))
			continue;
		memcpy(&x, CMSG_DATA(h), sizeof(x));
		return x.ee_errno ? -(int)x.ee_errno : -EIO;
	}
	return 0;
}

/* ICMP: IP_RECVERR tells where the datagram went to.  Source: ip(7). */
static bool take_error(struct fp_ng *g, int fd)
{
	uint64_t before = g->n_asked;
	struct sockaddr_storage to = { 0 };
	struct fp_ng_call *c;
	char control[512];
	struct msghdr m = { .msg_name = &to,
			    .msg_namelen = sizeof(to),
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	int code;

	if (recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return false;
	code = error_of(&m);
	while (code && (c = find_to(g, &to, before)))
		fail(c, code, strerror(-code));
	return true;
}

static void read_some(struct fp_ng *g, int fd, uint32_t events)
{
	struct sockaddr_storage from;
	socklen_t len;
	ssize_t n;

	if (events & EPOLLERR)
		for (int i = 0; i < MAX_TURN && take_error(g, fd); i++)
			;
	for (int i = 0; i < MAX_TURN; i++) {
		len = sizeof(from);
		n = recvfrom(fd, g->in, MAX_DATAGRAM, MSG_DONTWAIT,
			     (struct sockaddr *)&from, &len);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n > 0)
			take_reply(g, (size_t)n, &from);
	}
}

static void on_ready(void *ctx, uint32_t events)
{
	struct fp_ng *g = ctx;

	read_some(g, g->fd, events);
}

static void on_ready6(void *ctx, uint32_t events)
{
	struct fp_ng *g = ctx;

	read_some(g, g->fd6, events);
}

/* ---- sockets */

static int open_socket(struct fp_ng *g, int family)
{
	bool is_v6 = family == AF_INET6;
	int fd, code, on = 1, room = RECEIVE_ROOM;

	fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* as much of it as the system allows; what is lost is asked again */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (setsockopt(fd, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP,
		       is_v6 ? IPV6_RECVERR : IP_RECVERR, &on, sizeof(on)))
		code = -errno;
	else
		code = fp_loop_fd_add(g->loop, fd, EPOLLIN,
				      is_v6 ? on_ready6 : on_ready, g);
	if (code) {
		close(fd);
		return code;
	}
	*(is_v6 ? &g->fd6 : &g->fd) = fd;
	return 0;
}

int fp_ng_open(struct fp_ng **out, struct fp_loop *l, struct fp_err *e)
{
	struct fp_ng *g = calloc(1, sizeof(*g));

	if (!g)
		return fp_err_sys(e, -ENOMEM, "rtpengine");
	g->loop = l;
	g->fd = g->fd6 = -1;
	*out = g;
	return 0;
}

static void close_fd(struct fp_ng *g, int fd)
{
	if (fd < 0)
		return;
	fp_loop_fd_del(g->loop, fd);
	close(fd);
}

void fp_ng_close(struct fp_ng *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < N_BUCKETS; i++)
		while (g->calls[i])
			fp_ng_drop(g->calls[i]);
	close_fd(g, g->fd);
	close_fd(g, g->fd6);
	free(g);
}

/* ---- asking */

static int fill(struct fp_ng_call *c, const char *dict, size_t n)
{
	if (n > MAX_DATAGRAM - COOKIE_LEN - 1)
		return -EMSGSIZE;
	c->len = COOKIE_LEN + 1 + n;
	c->datagram = malloc(c->len + 1);
	if (!c->datagram)
		return -ENOMEM;
	if (getrandom(&c->cookie, sizeof(c->cookie), 0) != sizeof(c->cookie))
		return -errno;
	snprintf(c->datagram, COOKIE_LEN + 2, "%016" PRIx64 " ", c->cookie);
	memcpy(c->datagram + COOKIE_LEN + 1, dict, n);
	return 0;
}

static int begin(struct fp_ng_call *c, int64_t timeout_ms)
{
	struct fp_ng *g = c->ng;
	int code = 0;

	if (fd_of(g, c->to.ss_family) < 0)
		code = open_socket(g, c->to.ss_family);
	if (!code)
		code = send_it(c);
	if (code)
		return code;
	c->deadline_ms = fp_clock_ms() + timeout_ms;
	c->timer = (struct fp_timer){ .fire = on_timer, .ctx = c };
	return fp_loop_timer_arm(g->loop, &c->timer,
				 fp_clock_ms() + (timeout_ms < FIRST_AGAIN_MS
							  ? timeout_ms
							  : FIRST_AGAIN_MS));
}

int fp_ng_ask(struct fp_ng *g, const struct sockaddr *to, socklen_t len,
	      const char *dict, size_t n, int64_t timeout_ms,
	      void (*done)(void *ctx, int code, const struct fp_bencode *r,
			   const struct fp_err *e),
	      void *ctx, struct fp_ng_call **out, struct fp_err *e)
{
	struct fp_ng_call *c = calloc(1, sizeof(*c));
	int code;

	if (!c)
		return fp_err_sys(e, -ENOMEM, "rtpengine");
	*c = (struct fp_ng_call){
		.ng = g, .to_len = len, .done = done, .ctx = ctx
	};
	memcpy(&c->to, to, len);
	code = fill(c, dict, n);
	if (!code)
		code = begin(c, timeout_ms);
	if (code) {
		free(c->datagram);
		free(c);
		return fp_err(e, code, "%s", strerror(-code));
	}
	c->number = g->n_asked++;
	c->next = *bucket(g, c->cookie);
	*bucket(g, c->cookie) = c;
	if (out)
		*out = c;
	return 0;
}
