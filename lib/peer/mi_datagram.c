/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/clock.h"
#include "peer/mi_priv.h"

/* UDP: a connected socket, so that the kernel takes replies of that address only
 * and tells when nobody listens.  Unix: OpenSIPS answers from another socket than
 * the one it listens on (mi_datagram's tx_sock), which a connected one would not
 * hear: each request is sent by path, which also finds a restarted server. */

/* OpenSIPS gives up a reply that finds our queue full, so that over a unix socket
 * no more requests are out than it has room for replies: net.unix.max_dgram_qlen,
 * 10 unless set.  Over UDP its queue of requests is the narrow place: of 256 at
 * once 62 are lost.  Measured: OpenSIPS 3.6.8, net.core.rmem_default 212992. */
#define QUEUE_FILE "/proc/sys/net/unix/max_dgram_qlen"
#define QUEUE_DEFAULT 10
#define UDP_MAX 128
#define RECEIVE_BYTES (4 << 20)

#define RETRY_MS 2 /* until a full queue is tried again */
#define A_TURN 64  /* datagrams before others have theirs */

struct dgram {
	int fd;
	struct sockaddr_un un;
	size_t n_out, n_out_max; /* requests sent and not ended */
	struct mi_queue unsent;
	struct fp_timer retry, refused;
};

static int send_now(struct fp_mi *m, const struct fp_mi_call *c)
{
	struct dgram *d = m->data;
	bool is_unix = m->to.transport == FP_T_UNIX;
	int code = 0;

	if (d->refused.at_ms)
		return -ECONNREFUSED;
	/* An error that came back for an earlier request is reported first, and
	 * once: this one has not been tried then.  Those that are out wait in vain:
	 * their end is told from the loop, and no more are sent until then, as a
	 * kernel says that nobody listens six times at once and then once a
	 * second (icmp_ratelimit): who asks next shall be told, too. */
	for (int i = 0; i < 2; i++) {
		if (sendto(d->fd, c->request.data, c->request.len,
			   MSG_DONTWAIT | MSG_NOSIGNAL,
			   is_unix ? (struct sockaddr *)&d->un : NULL,
			   is_unix ? sizeof(d->un) : 0) >= 0)
			return 0;
		code = -errno;
		if (is_unix || code != -ECONNREFUSED)
			break;
		if (d->n_out &&
		    !fp_loop_timer_arm(m->loop, &d->refused, fp_clock_ms()))
			break;
	}
	return code;
}

static int not_sent(struct fp_mi *m, const struct fp_mi_call *c, int code,
		    struct fp_err *e)
{
	char at[FP_ENDPOINT_STRLEN];

	fp_endpoint_print(&m->to, at);
	if (code == -ECONNREFUSED)
		return mi_err(m, e, code, "%s: nobody listens there", at);
	if (code == -EMSGSIZE)
		return mi_err(m, e, -E2BIG, "%s: too long for %s", c->method,
			      at);
	return mi_err(m, e, code, "%s: %s", at, strerror(-code));
}

static bool is_full(int code)
{
	return code == -EAGAIN || code == -ENOBUFS;
}

static void send_again(void *ctx)
{
	struct fp_mi *m = ctx;
	struct dgram *d = m->data;
	struct fp_mi_call *c;
	struct fp_err e;
	int r = 0;

	mi_enter(m);
	while (!m->is_closed && (c = d->unsent.head) &&
	       d->n_out < d->n_out_max) {
		r = send_now(m, c);
		if (is_full(r))
			break;
		mi_queue_take(&d->unsent, c);
		d->n_out++;
		if (r) {
			r = not_sent(m, c, r, &e);
			mi_end(c, r, NULL, &e);
		}
	}
	if (!m->is_closed && d->unsent.head && is_full(r))
		fp_loop_timer_arm(m->loop, &d->retry, fp_clock_ms() + RETRY_MS);
	mi_leave(m);
}

static int dgram_send(struct fp_mi *m, struct fp_mi_call *c, struct fp_err *e)
{
	struct dgram *d = m->data;
	bool is_waiting = d->unsent.head || d->n_out >= d->n_out_max;
	int r = is_waiting ? 0 : send_now(m, c);

	if (!is_waiting && !r) {
		d->n_out++;
	} else if (is_waiting || is_full(r)) {
		mi_queue_add(&d->unsent, c);
		r = 0;
		/* else the end of one that is out lets it go */
		if (!is_waiting)
			r = fp_loop_timer_arm(m->loop, &d->retry,
					      fp_clock_ms() + RETRY_MS);
		if (r)
			mi_queue_take(&d->unsent, c);
	}
	return r ? not_sent(m, c, r, e) : 0;
}

static void dgram_forget(struct fp_mi *m, struct fp_mi_call *c)
{
	struct dgram *d = m->data;

	if (c->is_queued) {
		mi_queue_take(&d->unsent, c);
		return;
	}
	d->n_out--;
	if (d->unsent.head && !d->retry.at_ms)
		fp_loop_timer_arm(m->loop, &d->retry, fp_clock_ms());
}

/* Nobody listens, no route: all that are under way wait in vain. */
static void failed(struct fp_mi *m, int code)
{
	char at[FP_ENDPOINT_STRLEN];
	struct fp_err e;

	fp_endpoint_print(&m->to, at);
	if (code == -ECONNREFUSED)
		mi_err(m, &e, code, "%s: nobody listens there", at);
	else
		mi_err(m, &e, code, "%s: %s", at, strerror(-code));
	mi_end_all(m, code, &e);
}

static void refused(void *ctx)
{
	struct fp_mi *m = ctx;

	mi_enter(m);
	failed(m, -ECONNREFUSED);
	mi_leave(m);
}

static void readable(void *ctx, uint32_t events)
{
	struct fp_mi *m = ctx;
	struct dgram *d = m->data;
	char buf[65536];
	ssize_t n;

	(void)events;
	mi_enter(m);
	for (int i = 0; i < A_TURN && !m->is_closed; i++) {
		n = recv(d->fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n < 0)
			failed(m, -errno);
		else
			mi_reply(m, NULL, buf, (size_t)n);
	}
	mi_leave(m);
}

/* ---- open, close */

static int udp_connect(struct fp_mi *m, int fd)
{
	if (!m->sa_len)
		return -EDESTADDRREQ;
	return connect(fd, (struct sockaddr *)&m->sa, m->sa_len) ? -errno : 0;
}

/* An abstract address of the kernel's choice: replies find it and no file stays
 * behind (unix(7), autobind). */
static int unix_bind(struct fp_mi *m, struct dgram *d)
{
	sa_family_t any = AF_UNIX;

	if (strlen(m->to.path) >= sizeof(d->un.sun_path))
		return -ENAMETOOLONG;
	d->un.sun_family = AF_UNIX;
	strcpy(d->un.sun_path, m->to.path);
	if (access(m->to.path, F_OK))
		return -errno;
	return bind(d->fd, (struct sockaddr *)&any, sizeof(any)) ? -errno : 0;
}

static size_t queue_of_unix(void)
{
	FILE *f = fopen(QUEUE_FILE, "re");
	unsigned int n = 0;

	if (f && fscanf(f, "%6u", &n) != 1)
		n = 0;
	if (f)
		fclose(f);
	return n ? n : QUEUE_DEFAULT;
}

static int socket_open(struct fp_mi *m, struct dgram *d)
{
	bool is_unix = m->to.transport == FP_T_UNIX;
	int r;

	d->fd = socket(is_unix ? AF_UNIX : m->sa.ss_family,
		       SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->fd < 0)
		return -errno;
	d->n_out_max = is_unix ? queue_of_unix() : UDP_MAX;
	setsockopt(d->fd, SOL_SOCKET, SO_RCVBUF, &(int){ RECEIVE_BYTES },
		   sizeof(int));
	r = is_unix ? unix_bind(m, d) : udp_connect(m, d->fd);
	if (!r)
		r = fp_loop_fd_add(m->loop, d->fd, EPOLLIN, readable, m);
	if (r)
		close(d->fd);
	return r;
}

static int dgram_open(struct fp_mi *m, struct fp_err *e)
{
	struct dgram *d = calloc(1, sizeof(*d));
	char at[FP_ENDPOINT_STRLEN];
	int r;

	if (!d)
		return mi_err(m, e, -ENOMEM, "no memory");
	mi_queue_init(&d->unsent);
	d->retry.fire = send_again;
	d->retry.ctx = m;
	d->refused.fire = refused;
	d->refused.ctx = m;
	r = socket_open(m, d);
	if (r) {
		free(d);
		fp_endpoint_print(&m->to, at);
		return mi_err(m, e, r, "%s: %s", at, strerror(-r));
	}
	m->data = d;
	return 0;
}

static void dgram_close(struct fp_mi *m)
{
	struct dgram *d = m->data;

	fp_loop_timer_disarm(m->loop, &d->retry);
	fp_loop_timer_disarm(m->loop, &d->refused);
	fp_loop_fd_del(m->loop, d->fd);
	close(d->fd);
	free(d);
	m->data = NULL;
}

const struct mi_transport mi_datagram = {
	.request_max = MI_DATAGRAM_MAX,
	.reply_max = MI_DATAGRAM_MAX,
	.open = dgram_open,
	.close = dgram_close,
	.send = dgram_send,
	.forget = dgram_forget,
};
