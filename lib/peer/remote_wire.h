/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_REMOTE_WIRE_H
#define FP_PEER_REMOTE_WIRE_H

#include <libssh2.h>
#include <stdbool.h>

#include "base/buf.h"

/* What libssh2 gets for a socket and for memory.  It gets no socket of its own:
 * what it sends goes to a buffer that takes all, what it reads comes in portions.
 * So it never stops in the middle of a packet, after which 1.10 answers every
 * other call with LIBSSH2_ERROR_BAD_USE (transport.c, send_existing); a peer that
 * talks without end cannot keep the loop; and what it queued before the
 * connection broke is not lost (channel.c, _libssh2_channel_read). */
struct fp_wire {
	int fd;            /* the caller's */
	struct fp_buf out; /* from out_at on it is to be sent */
	size_t out_at;
	size_t budget; /* what may be read yet, in this turn */
	size_t n_read; /* all in all */
	size_t memory;
	int broken;         /* -errno of the connection, or 0 */
	bool is_leaving;    /* nothing more will be read */
	char farewell[200]; /* of SSH_MSG_DISCONNECT, printable */
};

/* A non-blocking session over w, which stays where it is as long.  NULL: no
 * memory. */
LIBSSH2_SESSION *fp_wire_session(struct fp_wire *w);
/* Send what the kernel takes. */
void fp_wire_flush(struct fp_wire *w);
size_t fp_wire_held(const struct fp_wire *w);
void fp_wire_fini(struct fp_wire *w);

/* Where a session's memory comes from: what a peer makes it hold is bounded.
 * Source: libssh2_session_init_ex(3). */
LIBSSH2_ALLOC_FUNC(fp_wire_alloc);

#endif
