/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/remote_dial.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/clock.h"

#define MAX_ADDRESSES 8
#define STACK_SIZE (512 * 1024) /* NSS modules run on it */

/* A peer that is gone without a word is noticed after 60 s + 4 * 15 s of silence,
 * and after as long with data on its way (tcp(7)). */
#define KEEP_IDLE_S 60
#define KEEP_INTERVAL_S 15
#define KEEP_COUNT 4
#define UNACKED_MS ((KEEP_IDLE_S + KEEP_INTERVAL_S * KEEP_COUNT) * 1000)

/* What the thread says, by value: neither side owns what the other one has. */
struct answer {
	int code; /* of getaddrinfo(3) */
	unsigned int n;
	struct {
		struct sockaddr_storage at;
		socklen_t len;
	} list[MAX_ADDRESSES];
};

struct question {
	char host[256], port[8];
	int fd;
};

struct fp_dial {
	struct fp_loop *loop;
	void (*done)(void *ctx, int fd_or_code, const struct fp_err *e);
	void *ctx;
	struct question q;
	struct answer a;
	unsigned int next;
	int fd; /* the thread's socket, or the one being connected */
	struct fp_timer timer;
	int64_t end_ms;
	struct fp_err err;
	int code; /* of the last attempt */
};

static void drop_fd(struct fp_dial *d)
{
	if (d->fd < 0)
		return;
	fp_loop_fd_del(d->loop, d->fd);
	close(d->fd);
	d->fd = -1;
}

void fp_dial_close(struct fp_dial *d)
{
	if (!d)
		return;
	drop_fd(d);
	fp_loop_timer_disarm(d->loop, &d->timer);
	free(d);
}

/* d may be gone after this. */
static void give_up(struct fp_dial *d, int code)
{
	drop_fd(d);
	fp_loop_timer_disarm(d->loop, &d->timer);
	d->done(d->ctx, code, &d->err);
}

/* ---- names */

static void look_up(const struct question *q, int flags, struct answer *a)
{
	struct addrinfo want = { .ai_socktype = SOCK_STREAM,
				 .ai_flags = flags | AI_NUMERICSERV };
	struct addrinfo *list = NULL;

	*a = (struct answer){ 0 };
	a->code = getaddrinfo(q->host, q->port, &want, &list);
	if (a->code)
		return;
	for (struct addrinfo *i = list; i && a->n < MAX_ADDRESSES;
	     i = i->ai_next) {
		memcpy(&a->list[a->n].at, i->ai_addr, i->ai_addrlen);
		a->list[a->n++].len = i->ai_addrlen;
	}
	freeaddrinfo(list);
}

/* Nobody may be listening any more; that is the end of it. */
static void *ask(void *ctx)
{
	struct question *q = ctx;
	struct answer a;

	look_up(q, AI_ADDRCONFIG, &a);
	send(q->fd, &a, sizeof(a), MSG_NOSIGNAL);
	close(q->fd);
	free(q);
	return NULL;
}

static int start_thread(struct question *q)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all;
	int code;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_attr_setsigmask_np(&attr, &all);
	code = -pthread_create(&thread, &attr, ask, q);
	pthread_attr_destroy(&attr);
	return code;
}

static void on_answer(void *ctx, uint32_t events);

static int ask_thread(struct fp_dial *d)
{
	struct question *q = malloc(sizeof(*q));
	int fds[2], code;

	if (!q)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds)) {
		code = -errno;
		free(q);
		return code;
	}
	*q = d->q;
	q->fd = fds[1];
	d->fd = fds[0];
	code = fp_loop_fd_add(d->loop, d->fd, EPOLLIN, on_answer, d);
	if (!code)
		code = start_thread(q);
	if (code) {
		close(fds[1]);
		free(q);
	}
	return code;
}

/* ---- addresses */

static void set_options(int fd)
{
	const struct {
		int level, name, value;
	} list[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S },
		{ IPPROTO_TCP, TCP_KEEPINTVL, KEEP_INTERVAL_S },
		{ IPPROTO_TCP, TCP_KEEPCNT, KEEP_COUNT },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKED_MS },
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
		setsockopt(fd, list[i].level, list[i].name, &list[i].value,
			   sizeof(list[i].value));
}

static void on_connect(void *ctx, uint32_t events);

static int try_next(struct fp_dial *d)
{
	int64_t now_ms = fp_clock_ms();
	unsigned int i = d->next++;
	int code;

	d->fd = socket(d->a.list[i].at.ss_family,
		       SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->fd < 0)
		return -errno;
	set_options(d->fd);
	if (connect(d->fd, (struct sockaddr *)&d->a.list[i].at,
		    d->a.list[i].len) &&
	    errno != EINPROGRESS)
		return -errno;
	code = fp_loop_fd_add(d->loop, d->fd, EPOLLOUT, on_connect, d);
	if (code)
		return code;
	return fp_loop_timer_arm(d->loop, &d->timer,
				 now_ms + (d->end_ms - now_ms) / (d->a.n - i));
}

/* d may be gone after this. */
static void proceed(struct fp_dial *d)
{
	while (d->next < d->a.n) {
		d->code = try_next(d);
		if (!d->code)
			return;
		drop_fd(d);
	}
	fp_err_sys(&d->err, d->code, "%s port %s", d->q.host, d->q.port);
	give_up(d, d->code);
}

static void on_connect(void *ctx, uint32_t events)
{
	struct fp_dial *d = ctx;
	socklen_t len = sizeof(d->code);
	int fd = d->fd;

	(void)events;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &d->code, &len))
		d->code = errno;
	if (d->code) {
		d->code = -d->code;
		drop_fd(d);
		proceed(d);
		return;
	}
	fp_loop_fd_del(d->loop, fd);
	fp_loop_timer_disarm(d->loop, &d->timer);
	d->fd = -1;
	d->done(d->ctx, fd, NULL);
}

static void take_answer(struct fp_dial *d)
{
	if (!d->a.code) {
		proceed(d);
		return;
	}
	fp_err(&d->err, -EHOSTUNREACH, "%s: %s", d->q.host,
	       gai_strerror(d->a.code));
	give_up(d, -EHOSTUNREACH);
}

static void on_answer(void *ctx, uint32_t events)
{
	struct fp_dial *d = ctx;

	(void)events;
	if (recv(d->fd, &d->a, sizeof(d->a), MSG_DONTWAIT) != sizeof(d->a))
		d->a.code = EAI_SYSTEM;
	drop_fd(d);
	take_answer(d);
}

static void on_timer(void *ctx)
{
	struct fp_dial *d = ctx;

	if (d->fd < 0) { /* the first turn of the loop: an address was given */
		take_answer(d);
		return;
	}
	if (!d->a.n) {
		fp_err(&d->err, -ETIMEDOUT, "%s: no address found in time",
		       d->q.host);
		give_up(d, -ETIMEDOUT);
		return;
	}
	d->code = -ETIMEDOUT;
	drop_fd(d);
	proceed(d);
}

int fp_dial_open(struct fp_dial **out, struct fp_loop *l, const char *host,
		 uint16_t port, int64_t end_ms,
		 void (*done)(void *ctx, int fd_or_code,
			      const struct fp_err *e),
		 void *ctx, struct fp_err *e)
{
	struct fp_dial *d = calloc(1, sizeof(*d));
	int code = 0;

	if (!d)
		return fp_err(e, -ENOMEM, "out of memory");
	*d = (struct fp_dial){ .loop = l,
			       .done = done,
			       .ctx = ctx,
			       .fd = -1,
			       .timer = { .fire = on_timer, .ctx = d },
			       .end_ms = end_ms };
	snprintf(d->q.host, sizeof(d->q.host), "%s", host);
	snprintf(d->q.port, sizeof(d->q.port), "%u", port);
	look_up(&d->q, AI_NUMERICHOST, &d->a);
	if (d->a.code == EAI_NONAME) {
		d->a.code = 0;
		code = ask_thread(d);
	}
	/* An address is tried from the loop, for done to be called there. */
	if (!code)
		code = fp_loop_timer_arm(l, &d->timer, d->fd < 0 ? 1 : end_ms);
	if (code) {
		fp_dial_close(d);
		return fp_err_sys(e, code, "%s", host);
	}
	*out = d;
	return 0;
}
