/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_IO_STREAM_H
#define FP_IO_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "io/loop.h"

/* A byte stream to a server on the loop: TCP, TLS over it (OpenSSL), or a unix
 * socket.  It never blocks; deadlines are the caller's. */

/* Settings of TLS, shared by streams.  TLS 1.2 or later. */
struct fp_tls;
struct fp_tls_opts {
	const char *ca_file;   /* certificates to trust; NULL: the system's */
	const char *cert_file; /* our own, or NULL */
	const char *key_file;
	bool is_unverified; /* take any certificate */
};
/* 0: fp_tls_close when no stream uses it.  -ENOENT -EINVAL: a file. */
int fp_tls_open(struct fp_tls **out, const struct fp_tls_opts *o,
		struct fp_err *e);
void fp_tls_close(struct fp_tls *t);

struct fp_stream;
/* From the loop only; in each the stream may be closed. */
struct fp_stream_events {
	void (*opened)(void *ctx); /* handshake included */
	void (*data)(void *ctx, const char *p, size_t n);
	/* code 0: the other side ended it.  -ECONNREFUSED -EHOSTUNREACH ...
	 * -EKEYREJECTED: its certificate (e: expired, of another name, unknown
	 * issuer ...).  -EPROTO: no TLS.  The stream is over: close it. */
	void (*closed)(void *ctx, int code, const struct fp_err *e);
	void *ctx;
};

/* tls: NULL for none; then name is what the certificate must be for, a host name
 * or an address.  0: *out is the caller's (fp_stream_close); what goes wrong
 * later is told by closed.  -errno. */
int fp_stream_open(struct fp_stream **out, struct fp_loop *l,
		   const struct sockaddr *to, socklen_t len,
		   const struct fp_tls *tls, const char *name,
		   const struct fp_stream_events *events, struct fp_err *e);
/* Queued until it is open.  -ENOMEM: then it is closed by the loop. */
int fp_stream_write(struct fp_stream *s, const void *p, size_t n);
/* Bytes that are still to go. */
size_t fp_stream_unsent(const struct fp_stream *s);
/* Days until the server's certificate ends; -1: no TLS, or not open. */
int fp_stream_cert_days(const struct fp_stream *s, int64_t now_s);
void fp_stream_close(struct fp_stream *s); /* NULL is allowed */

#endif
