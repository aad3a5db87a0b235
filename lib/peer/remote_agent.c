/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/remote_agent.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "peer/remote_key.h"

#define MAX_ANSWER 262144 /* OpenSSH's AGENT_MAX_LEN */

enum {
	AGENT_FAILURE = 5,
	ASK_LIST = 11,
	LIST = 12,
	ASK_SIGNATURE = 13,
	SIGNATURE = 14,
};

struct fp_agent {
	struct fp_loop *loop;
	void (*ready)(void *ctx);
	void *ctx;
	int fd;
	struct fp_buf out, in; /* in: the length too */
	size_t sent;
	unsigned char want; /* the answer that is waited for, or 0 */
	int code;
};

void fp_agent_close(struct fp_agent *a)
{
	if (!a)
		return;
	if (a->fd >= 0) {
		fp_loop_fd_del(a->loop, a->fd);
		close(a->fd);
	}
	fp_buf_fini(&a->out);
	fp_buf_fini(&a->in);
	free(a);
}

static void put32(struct fp_buf *b, size_t n)
{
	const unsigned char be[4] = { (unsigned char)(n >> 24),
				      (unsigned char)(n >> 16),
				      (unsigned char)(n >> 8),
				      (unsigned char)n };

	fp_buf_add(b, be, sizeof(be));
}

static size_t wanted(const struct fp_agent *a)
{
	const unsigned char *p = (const unsigned char *)a->in.data;

	if (a->in.len < 4)
		return 4;
	return 4 + ((size_t)p[0] << 24 | (size_t)p[1] << 16 |
		    (size_t)p[2] << 8 | p[3]);
}

/* Read up to the end of the answer.  0; -EAGAIN; -errno. */
static int receive(struct fp_agent *a)
{
	for (;;) {
		size_t need = wanted(a);
		char *to;
		ssize_t n;

		if (need > MAX_ANSWER || (need == 4 && a->in.len >= 4))
			return -EBADMSG;
		if (a->in.len == need)
			return 0;
		to = fp_buf_room(&a->in, need - a->in.len);
		if (!to)
			return -ENOMEM;
		n = recv(a->fd, to, need - a->in.len, MSG_DONTWAIT);
		if (n < 0)
			return -errno;
		if (!n)
			return -ECONNRESET;
		a->in.len += (size_t)n;
	}
}

static int transmit(struct fp_agent *a)
{
	while (a->sent < a->out.len) {
		ssize_t n =
			send(a->fd, a->out.data + a->sent, a->out.len - a->sent,
			     MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0)
			return -errno;
		a->sent += (size_t)n;
	}
	return 0;
}

static void on_ready(void *ctx, uint32_t events)
{
	struct fp_agent *a = ctx;
	int code = transmit(a);

	(void)events;
	if (!code) {
		code = receive(a);
		if (code == -EAGAIN)
			fp_loop_fd_mod(a->loop, a->fd, EPOLLIN);
	}
	if (code == -EAGAIN)
		return;
	if (!code && (unsigned char)a->in.data[4] != a->want)
		code = a->in.data[4] == AGENT_FAILURE ? -EACCES : -EBADMSG;
	a->code = code;
	fp_loop_fd_del(a->loop, a->fd);
	a->ready(a->ctx);
}

int fp_agent_open(struct fp_agent **out, struct fp_loop *l, const char *path,
		  void (*ready)(void *ctx), void *ctx, struct fp_err *e)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct fp_agent *a;
	int code = 0;

	if (strlen(path) >= sizeof(at.sun_path))
		return fp_err_sys(e, -ENAMETOOLONG, "agent %s", path);
	strcpy(at.sun_path, path);
	a = calloc(1, sizeof(*a));
	if (!a)
		return fp_err(e, -ENOMEM, "out of memory");
	*a = (struct fp_agent){ .loop = l, .ready = ready, .ctx = ctx };
	a->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (a->fd < 0 || connect(a->fd, (struct sockaddr *)&at, sizeof(at))) {
		code = -errno;
		fp_agent_close(a);
		return fp_err_sys(e, code, "agent %s", path);
	}
	*out = a;
	return 0;
}

static int ask(struct fp_agent *a)
{
	if (a->out.is_failed)
		return -ENOMEM;
	a->sent = 0;
	a->in.len = 0;
	a->code = -EAGAIN;
	return fp_loop_fd_add(a->loop, a->fd, EPOLLIN | EPOLLOUT, on_ready, a);
}

int fp_agent_ask_list(struct fp_agent *a)
{
	const unsigned char question[] = { 0, 0, 0, 1, ASK_LIST };

	a->want = LIST;
	a->out.len = 0;
	fp_buf_add(&a->out, question, sizeof(question));
	return ask(a);
}

/* What is signed names the algorithm (RFC 4252 7); for RSA it says which hash
 * (draft-miller-ssh-agent 4.5.1): session, 50, user, service, method, 1, name. */
static size_t signature_flags(const unsigned char *p, size_t n)
{
	const unsigned char *end = p + n, *s;
	size_t len;

	if (!fp_key_string(&p, end, &s, &len) || p++ == end ||
	    !fp_key_string(&p, end, &s, &len) ||
	    !fp_key_string(&p, end, &s, &len) ||
	    !fp_key_string(&p, end, &s, &len) || p++ == end ||
	    !fp_key_string(&p, end, &s, &len) || len != 12)
		return 0;
	return !memcmp(s, "rsa-sha2-256", 12)   ? 2
	       : !memcmp(s, "rsa-sha2-512", 12) ? 4
						: 0;
}

int fp_agent_ask_signature(struct fp_agent *a, const void *blob, size_t blob_n,
			   const void *data, size_t n)
{
	const unsigned char type = ASK_SIGNATURE;

	a->want = SIGNATURE;
	a->out.len = 0;
	put32(&a->out, 1 + 4 + blob_n + 4 + n + 4);
	fp_buf_add(&a->out, &type, 1);
	put32(&a->out, blob_n);
	fp_buf_add(&a->out, blob, blob_n);
	put32(&a->out, n);
	fp_buf_add(&a->out, data, n);
	put32(&a->out, signature_flags(data, n));
	return ask(a);
}

int fp_agent_answer(const struct fp_agent *a)
{
	return a->code;
}

/* count, then each key and its comment */
int fp_agent_next(const struct fp_agent *a, size_t *at,
		  const unsigned char **blob, size_t *n)
{
	const unsigned char *start = (const unsigned char *)a->in.data;
	const unsigned char *p = start + (*at ? *at : 9), *comment;
	size_t len;

	if (a->in.len < 9 || !fp_key_string(&p, start + a->in.len, blob, n) ||
	    !fp_key_string(&p, start + a->in.len, &comment, &len))
		return -ENOENT;
	*at = (size_t)(p - start);
	return 0;
}

/* a string that holds two: the name of the kind, the signature */
int fp_agent_signature(const struct fp_agent *a, const unsigned char **sig,
		       size_t *n)
{
	const unsigned char *p = (const unsigned char *)a->in.data + 5, *both;
	const unsigned char *end = p + a->in.len - 5, *name;
	size_t len;

	if (!fp_key_string(&p, end, &both, &len))
		return -EBADMSG;
	p = both;
	end = both + len;
	if (!fp_key_string(&p, end, &name, &len) ||
	    !fp_key_string(&p, end, sig, n))
		return -EBADMSG;
	return 0;
}
