/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_ESL_H
#define FP_PEER_ESL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "codec/esl.h"
#include "io/loop.h"

/* One FreeSWITCH's event socket on the loop: connect, authenticate, ask, hear
 * events.  Commands are answered in order.
 * How it fails, each its own error:
 * -ECONNREFUSED -EHOSTUNREACH ...: no process, no host.
 * -ETIMEDOUT: connect; -ENODATA: connected, but no banner within banner_ms: a
 *   frozen process (the kernel accepts for it).
 * -EPERM: its ACL does not know us (rude-rejection).  -EACCES: bad password.
 * -ECONNRESET: it ended the connection.  -EBADMSG: no event socket. */
struct fp_esl;
struct fp_esl_events {
	void (*opened)(void *ctx); /* authenticated */
	void (*event)(void *ctx, const struct fp_esl_frame *f);
	void (*closed)(void *ctx, int code, const struct fp_err *e);
	void *ctx;
};
struct fp_esl_opts {
	struct sockaddr_storage sa;
	socklen_t sa_len;
	const char *password; /* copied; wiped at close */
	int64_t connect_ms,
		banner_ms; /* banner_ms: of the answer to auth too */
	size_t max_bytes;  /* of an answer or event; 0: 1 MiB */
};
/* 0: *out is the caller's; what goes wrong later is told by closed, after which
 * nothing comes but fp_esl_close.  -EINVAL: a newline in the password. */
int fp_esl_open(struct fp_esl **out, struct fp_loop *l,
		const struct fp_esl_opts *o, const struct fp_esl_events *ev,
		struct fp_err *e);
void fp_esl_close(struct fp_esl *s); /* NULL is allowed; no event after */

/* How far it came; is_mid: in the middle of an answer or event. */
enum fp_esl_stage {
	FP_ESL_AT_CONNECT,
	FP_ESL_AT_BANNER,   /* connected; auth/request is awaited */
	FP_ESL_AT_PASSWORD, /* the password was sent */
	FP_ESL_AT_OPEN,
	FP_ESL_AT_END,
};
enum fp_esl_stage fp_esl_stage(const struct fp_esl *s, bool *is_mid);

/* Send a command line ("api status", "event plain HEARTBEAT"); done is called
 * with its api/response or command/reply: code 0, f during the call; or
 * -ETIMEDOUT (the connection is closed: answers would not match any more; closed
 * follows).  When the connection ends otherwise, closed is the only word.
 * 0; -ENOTCONN: not opened, or over; -EINVAL: a newline in it; -ENOMEM. */
int fp_esl_ask(struct fp_esl *s, const char *command, int64_t timeout_ms,
	       void (*done)(void *ctx, int code, const struct fp_esl_frame *f,
			    const struct fp_err *e),
	       void *ctx, struct fp_err *e);

#endif
