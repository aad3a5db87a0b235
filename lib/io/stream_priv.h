/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_IO_STREAM_PRIV_H
#define FP_IO_STREAM_PRIV_H

#include <stdio.h>
#include <sys/types.h>

#include "base/buf.h"
#include "io/stream.h"

struct ssl_st;

enum fp_stream_state { CONNECTING, HANDSHAKE, OPEN, OVER };

struct fp_stream {
	struct fp_loop *loop;
	struct fp_stream_events events;
	struct sockaddr_storage to;
	socklen_t to_len;
	int fd;
	enum fp_stream_state state;
	uint32_t watched;     /* of epoll */
	bool is_read_blocked; /* TLS cannot read before it has written */
	struct fp_buf out;
	size_t sent;           /* of out */
	struct fp_timer timer; /* what is to be told, or done, soon */
	int code;              /* to be told */
	struct fp_err err;
	struct ssl_st *ssl;
	char name[256]; /* of its certificate */
	bool *is_gone;  /* of the call that is in hand */
};

/* ---- TLS over s->fd.  Errors are in s->err. */

/* 0; -errno. */
int fp_stream_tls_init(struct fp_stream *s, const struct fp_tls *t,
		       const char *name);
void fp_stream_tls_fini(struct fp_stream *s);
/* 1: done.  0: again when s->fd is ready; s->is_read_blocked says for what. */
int fp_stream_tls_shake(struct fp_stream *s);
/* Bytes; 0: the other side ended it; -EAGAIN; -errno. */
ssize_t fp_stream_tls_read(struct fp_stream *s, char *to, size_t n);
ssize_t fp_stream_tls_write(struct fp_stream *s, const char *p, size_t n);
/* Bytes that are decrypted already: no event will tell of them. */
bool fp_stream_tls_has_more(const struct fp_stream *s);

#endif
