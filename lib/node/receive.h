/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_NODE_RECEIVE_H
#define FP_NODE_RECEIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* The node's end of a channel: bytes in, answers out, on the real node.  The node
 * is opened for each request (lock, open, apply, close), so that whatever else
 * changes it meanwhile, and an upgrade of the filter, does not matter. */

struct fp_receive_opts {
	const char *state_dir, *pins, *cluster;
	bool is_cluster_named;
	int64_t timeout_ms;  /* for the lock */
	const char *version; /* of this program */
	/* Bytes for the other side: all of them, or -errno. */
	int (*send)(void *ctx, const char *data, size_t n);
	/* A change that was applied, once: for syslog.  by, why: may be "". */
	void (*changed)(void *ctx, const char *by, const char *why,
			const char *text);
	void *ctx;
};

struct fp_receive;

/* 0: *out is the caller's (fp_receive_close); opts are copied, what they point to
 * is not.  -ENOMEM. */
int fp_receive_open(struct fp_receive **out, const struct fp_receive_opts *o,
		    struct fp_err *e);
void fp_receive_close(struct fp_receive *r);

/* Bytes from the other side.  0: go on.  1: the session is over, the other side
 * was told why.  -errno: of send, or -ENOMEM. */
int fp_receive_bytes(struct fp_receive *r, const char *data, size_t n);
/* Is a transaction open?  Then the next message may not be long in coming. */
bool fp_receive_is_staging(const struct fp_receive *r);

/* Is something pending that this session brought? */
bool fp_receive_has_pending(const struct fp_receive *r);

/* A push is pending on this node: ms until it is taken back (0: now); -1: none. */
int64_t fp_receive_due_ms(const struct fp_receive_opts *o);
/* Take it back when nobody confirmed it in time.  0, also when there is nothing
 * to do; -errno. */
int fp_receive_due(const struct fp_receive_opts *o, struct fp_err *e);

#endif
