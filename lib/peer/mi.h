/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_MI_H
#define FP_PEER_MI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/endpoint.h"
#include "base/err.h"
#include "codec/jsonrpc.h"
#include "io/loop.h"

/* The management interface of one OpenSIPS: JSON-RPC over UDP, a unix datagram
 * socket, a FIFO or HTTP, on the loop.  Many requests at once where the transport
 * can (udp, unix, fifo); over HTTP one connection a request, one after the other.
 * Replies are matched by id (a string) and, over UDP, by address.
 * Source: OpenSIPS 3.6 mi_datagram, mi_fifo, mi_http, and measured behaviour:
 * HTTP statuses but 200 come with a body that never ends, so that it is not read;
 * a content type it does not like closes the connection without a word; what is
 * too long for a datagram is the text "500 Internal error". */
struct fp_mi;

struct fp_mi_opts {
	struct fp_endpoint to;      /* names are resolved by the caller: */
	struct sockaddr_storage sa; /* of udp and http */
	socklen_t sa_len;
	const char *reply_dir; /* of fifo: where reply FIFOs are made, as
				* OpenSIPS has it; NULL: beside the FIFO */
	const char *name;      /* the node's, for messages */
	size_t reply_max; /* of http: what is longer is -EMSGSIZE; 0: 64 MB */
};
/* 0: fp_mi_close.  -EINVAL: a transport that MI does not have.  -ENOENT
 * -ECONNREFUSED: no such socket or FIFO, nobody reads it.  -errno. */
int fp_mi_open(struct fp_mi **out, struct fp_loop *l,
	       const struct fp_mi_opts *o, struct fp_err *e);
/* Requests under way are dropped, their done is not called. */
void fp_mi_close(struct fp_mi *m); /* NULL is allowed */

/* Something that a user of the connection keeps with it; it is freed by free when
 * the connection is closed or something else is kept. */
void fp_mi_keep(struct fp_mi *m, void *kept, void (*free)(void *kept));
void *fp_mi_kept(const struct fp_mi *m); /* NULL: nothing */

/* The longest request, and the longest reply that can be had; 0: no limit. */
size_t fp_mi_request_max(const struct fp_mi *m);
size_t fp_mi_reply_max(const struct fp_mi *m);

/* Requests under way: closing would leave who asked without an answer. */
size_t fp_mi_calls(const struct fp_mi *m);

struct fp_mi_call;
/* Send one request.  params: a JSON object or array, or NULL.  Names are those of
 * 3.x; where they are not known (-32601), those of 4.x are asked for.
 * done is called once from the loop:
 * code 0: r is the reply, during the call; it may be an error of the server's
 * (r->is_error).  -ETIMEDOUT.  -ECONNREFUSED -ENOENT ...: nobody there.
 * -EBADMSG: no JSON-RPC (e shows the start of it).  -EMSGSIZE: the reply was too
 * long for the transport.  -EPROTO: an HTTP status but 200.
 * *out may be NULL.  0; -E2BIG: too long a request; -errno: done is not called. */
int fp_mi_ask(struct fp_mi *m, const char *method, const char *params,
	      int64_t timeout_ms,
	      void (*done)(void *ctx, int code, const struct fp_jsonrpc *r,
			   const struct fp_err *e),
	      void *ctx, struct fp_mi_call **out, struct fp_err *e);
void fp_mi_drop(struct fp_mi_call *c);

#endif
