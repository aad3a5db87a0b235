/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <linux/errqueue.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer/sip_priv.h"

#define BATCH 16
#define DATAGRAM_MAX 8192
#define ROUNDS 16 /* then timers have their turn */
#define BUFFER_BYTES (4 << 20)
/* An error of one datagram is told by the next call, whatever that is for. */
#define SEND_TRIES 4

struct sip_socket *fp_sip_socket(struct fp_sip *s, int family)
{
	return &s->sockets[family == AF_INET6];
}

/* ---- where we are */

static int open_fd(int family)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

/* Beyond net.core.rmem_max when we may. */
static void set_buffer(int fd, int forced, int plain)
{
	int n = BUFFER_BYTES;

	if (setsockopt(fd, SOL_SOCKET, forced, &n, sizeof(n)))
		setsockopt(fd, SOL_SOCKET, plain, &n, sizeof(n));
}

static int set_up(int fd, int family, uint16_t *port)
{
	struct sockaddr_storage at = { .ss_family = (sa_family_t)family };
	socklen_t len = family == AF_INET6 ? sizeof(struct sockaddr_in6)
					   : sizeof(struct sockaddr_in);
	int one = 1;

	if (family == AF_INET6) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &one, sizeof(one));
	} else {
		setsockopt(fd, IPPROTO_IP, IP_RECVERR, &one, sizeof(one));
	}
	set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF);
	set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF);
	if (bind(fd, (struct sockaddr *)&at, len) ||
	    getsockname(fd, (struct sockaddr *)&at, &len))
		return -errno;
	*port = ntohs(family == AF_INET6
			      ? ((struct sockaddr_in6 *)&at)->sin6_port
			      : ((struct sockaddr_in *)&at)->sin_port);
	return 0;
}

void fp_sip_socket_close(struct fp_sip *s, struct sip_socket *k)
{
	if (k->fd >= 0) {
		fp_loop_fd_del(s->loop, k->fd);
		close(k->fd);
	}
	if (k->route_fd >= 0)
		close(k->route_fd);
	k->fd = k->route_fd = -1;
}

int fp_sip_socket_open(struct fp_sip *s, int family, struct fp_err *e)
{
	struct sip_socket *k = fp_sip_socket(s, family);
	int r = 0;

	if (!s->datagrams)
		s->datagrams = malloc(BATCH * DATAGRAM_MAX);
	if (!s->datagrams)
		return fp_err_sys(e, -ENOMEM, "SIP");
	if (k->fd >= 0)
		return 0;
	k->fd = open_fd(family);
	k->route_fd = open_fd(family);
	if (k->fd < 0 || k->route_fd < 0)
		r = k->fd < 0 ? k->fd : k->route_fd;
	else
		r = set_up(k->fd, family, &k->port);
	if (!r)
		return 0;
	fp_sip_socket_close(s, k);
	return fp_err_sys(e, r, "a socket for SIP");
}

/* A connect(2) of UDP sends nothing; it chooses the route and our address.  That
 * stays through a second one, so that the first is undone: udp(7). */
int fp_sip_local(struct fp_sip *s, const struct sockaddr *to, socklen_t len,
		 char out[INET6_ADDRSTRLEN + 2])
{
	static const struct sockaddr nowhere = { .sa_family = AF_UNSPEC };
	int fd = fp_sip_socket(s, to->sa_family)->route_fd;
	struct sockaddr_storage at;
	socklen_t at_len = sizeof(at);
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&at;
	size_t n;

	if (connect(fd, &nowhere, sizeof(nowhere)) || connect(fd, to, len) ||
	    getsockname(fd, (struct sockaddr *)&at, &at_len))
		return -errno;
	if (at.ss_family == AF_INET) {
		inet_ntop(AF_INET, &((struct sockaddr_in *)&at)->sin_addr, out,
			  INET_ADDRSTRLEN);
		return 0;
	}
	*out = '[';
	inet_ntop(AF_INET6, &v6->sin6_addr, out + 1, INET6_ADDRSTRLEN);
	n = strlen(out);
	memcpy(out + n, "]", 2);
	return 0;
}

/* ---- out */

int fp_sip_udp_send(struct fp_sip_call *c)
{
	int fd = fp_sip_socket(c->s, c->to.ss_family)->fd;
	int code = 0;

	for (int i = 0; i < SEND_TRIES; i++) {
		if (sendto(fd, c->request, c->request_len, MSG_NOSIGNAL,
			   (struct sockaddr *)&c->to, c->to_len) >= 0)
			return 0;
		if (errno == EAGAIN || errno == ENOBUFS)
			return -EAGAIN;
		code = -errno;
	}
	return code;
}

/* ---- in */

static bool is_same_host(const struct sockaddr_storage *a,
			 const struct sockaddr_storage *b)
{
	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
		       ((const struct sockaddr_in *)b)->sin_addr.s_addr;
	return IN6_ARE_ADDR_EQUAL(&((const struct sockaddr_in6 *)a)->sin6_addr,
				  &((const struct sockaddr_in6 *)b)->sin6_addr);
}

/* What is not understood, late, or somebody else's is no answer. */
static void take_datagram(struct fp_sip *s, const char *p, size_t n,
			  const struct sockaddr_storage *from)
{
	struct fp_sip_response r;
	struct fp_sip_call *c;

	if (fp_sip_parse_response(&r, p, n, false, NULL) != 1)
		return;
	c = fp_sip_find(s, r.branch, r.branch_len);
	if (!c || c->transport != FP_T_UDP || !fp_sip_is_answer(c, &r) ||
	    !is_same_host(&c->to, from))
		return;
	if (r.status < 200)
		c->provisional = r.status;
	else
		fp_sip_end(c, 0, &r, NULL);
}

/* false: nothing more is there. */
static bool take_batch(struct fp_sip *s, int fd)
{
	struct sockaddr_storage from[BATCH];
	struct mmsghdr m[BATCH];
	struct iovec v[BATCH];
	int n;

	memset(m, 0, sizeof(m));
	for (int i = 0; i < BATCH; i++) {
		v[i].iov_base = s->datagrams + i * DATAGRAM_MAX;
		v[i].iov_len = DATAGRAM_MAX;
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
		m[i].msg_hdr.msg_name = &from[i];
		m[i].msg_hdr.msg_namelen = sizeof(from[i]);
	}
	n = recvmmsg(fd, m, BATCH, 0, NULL);
	if (n < 0)
		return errno != EAGAIN; /* it is in the error queue too */
	for (int i = 0; i < n && !s->is_closed; i++)
		take_datagram(s, v[i].iov_base, m[i].msg_len, &from[i]);
	return !s->is_closed && n == BATCH;
}

/* ---- ICMP */

/* The request comes back with the error, as much of it as the ICMP message had:
 * our branch in it tells whose it is.  Routers that return eight bytes are not
 * believed, as anybody could write those: it stays silence. */
static struct fp_sip_call *whose(const struct fp_sip *s, const char *p,
				 size_t n)
{
	static const char mark[] = ";branch=" COOKIE;
	const char *at = memmem(p, n, mark, strlen(mark));
	size_t len = strlen(COOKIE) + 2 * BRANCH_BYTES;

	if (!at || (size_t)(p + n - at) < strlen(";branch=") + len)
		return NULL;
	return fp_sip_find(s, at + strlen(";branch="), len);
}

static int code_of(struct msghdr *m)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		struct sock_extended_err ee;

		if (h->cmsg_type !=
		    (h->cmsg_level == IPPROTO_IPV6 ? IPV6_RECVERR : IP_RECVERR))
			continue;
		memcpy(&ee, CMSG_DATA(h), sizeof(ee));
		switch (ee.ee_errno) {
		case EMSGSIZE: /* the kernel has learnt from it */
			return 0;
		case ECONNREFUSED:
		case ENETUNREACH:
			return -(int)ee.ee_errno;
		}
		return -EHOSTUNREACH;
	}
	return 0;
}

/* false: none is left. */
static bool take_error(struct fp_sip *s, int fd)
{
	char control[512];
	struct iovec v = { s->datagrams, DATAGRAM_MAX };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &m, MSG_ERRQUEUE);
	struct fp_sip_call *c;
	struct fp_err e;
	int code;

	if (n < 0)
		return false;
	code = code_of(&m);
	c = code ? whose(s, s->datagrams, (size_t)n) : NULL;
	if (c) {
		fp_err(&e, code, "ICMP: %s", strerrordesc_np(-code));
		fp_sip_end(c, code, NULL, &e);
	}
	return true;
}

static void on_ready(struct fp_sip *s, int family, uint32_t events)
{
	int fd = fp_sip_socket(s, family)->fd, n = 0;

	s->is_busy = true;
	if (events & EPOLLERR)
		while (n++ < BATCH * ROUNDS && !s->is_closed &&
		       take_error(s, fd))
			;
	n = 0;
	while (n++ < ROUNDS && !s->is_closed && take_batch(s, fd))
		;
	s->is_busy = false;
	if (s->is_closed)
		fp_sip_close(s);
}

static void on_ready_v4(void *ctx, uint32_t events)
{
	on_ready(ctx, AF_INET, events);
}

static void on_ready_v6(void *ctx, uint32_t events)
{
	on_ready(ctx, AF_INET6, events);
}

int fp_sip_udp_watch(struct fp_sip_call *c)
{
	int family = c->to.ss_family, r = 0;
	struct sip_socket *k = fp_sip_socket(c->s, family);

	if (!k->n_calls)
		r = fp_loop_fd_add(c->s->loop, k->fd, EPOLLIN,
				   family == AF_INET ? on_ready_v4
						     : on_ready_v6,
				   c->s);
	c->is_watched = !r;
	k->n_calls += c->is_watched;
	return r;
}

void fp_sip_udp_unwatch(struct fp_sip_call *c)
{
	struct sip_socket *k = fp_sip_socket(c->s, c->to.ss_family);

	if (c->is_watched && !--k->n_calls)
		fp_loop_fd_del(c->s->loop, k->fd);
}
