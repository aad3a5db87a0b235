/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_REMOTE_DIAL_H
#define FP_PEER_REMOTE_DIAL_H

#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"

/* A TCP connection being made: the name is looked up in a thread, then its
 * addresses are tried in turn, each with its share of the time left. */
struct fp_dial;

/* done is called from the loop, once: with a connected non-blocking socket,
 * which is its own, or with -errno and why.  It is called at end_ms
 * (CLOCK_MONOTONIC) at the latest.
 * 0: *out is the caller's (fp_dial_close, in done too); -errno. */
int fp_dial_open(struct fp_dial **out, struct fp_loop *l, const char *host,
		 uint16_t port, int64_t end_ms,
		 void (*done)(void *ctx, int fd_or_code,
			      const struct fp_err *e),
		 void *ctx, struct fp_err *e);
/* NULL is allowed. */
void fp_dial_close(struct fp_dial *d);

#endif
