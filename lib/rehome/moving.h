/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_REHOME_MOVING_H
#define FP_REHOME_MOVING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "db/journal.h"
#include "logic/rehome_move.h"
#include "rehome/edges.h"

/* Re-INVITE calls through one target: dlg_send_sequential mode=challenge. */

struct fp_moving_call {
	const char *callid, *tag;
	enum fp_body body;        /* OUTBOUND or INBOUND */
	enum fp_move_verdict was; /* of an earlier run; WAITING: none */
	/* out */
	enum fp_move_verdict verdict;
	int code; /* SIP or MI; 0: none; -errno: none came */
	char reason[64];
	unsigned int tries;
	int64_t took_ms;
	bool is_verified; /* by --verify */
	bool is_missing;  /* the target did not have it: MI's 404 */
};

enum fp_verify { FP_VERIFY_NONE, FP_VERIFY_LIST, FP_VERIFY_TRAFFIC };

struct fp_moving_opts {
	struct fp_edges *edges;
	struct fp_edge *to;
	struct fp_journal *journal; /* item "call:CALLID", states of verdicts */
	struct fp_mover_opts mover;
	int64_t call_timeout_ms; /* of one request: OpenSIPS answers after the
				  * second leg, which may be 2 x fr_inv_timeout */
	enum fp_verify verify;
	bool is_memory_told; /* of `to`, by a run before: only changes are said */
	/* Asked once a second, views of all nodes being new: may it go on?
	 * 0.  -errno: stop, e says why (a tag is not the target's any more). */
	int (*check)(void *ctx, struct fp_err *e);
	/* A call has its verdict of this run; and again when it is verified. */
	void (*verdict)(void *ctx, const struct fp_moving_call *c);
	/* every 200 ms */
	void (*progress)(void *ctx, size_t done, size_t total, double rate,
			 int64_t left_s);
	/* the memory's limit changed, or it is why nothing goes on: one line */
	void (*say)(void *ctx, const char *text);
	void *ctx;
};
struct fp_moving_sum {
	size_t count[FP_MOVE_VERDICTS];
	size_t n_verified, n_lost; /* moved, and not there any more after */
	size_t n_missing; /* UNKNOWN: not at the target, and up at another node */
	int64_t took_ms;
	size_t shm_min_free, cost_bytes;
	double rate_limit; /* what memory carries */
};
/* Ask all of call[], as journal, window, rate and memory allow.
 * 0: each has its verdict (see out).  -EINTR: a signal stopped it, calls under way
 * were waited for.  -EBUSY: the job is not ours any more, or check said so.
 * -EHOSTUNREACH: the target went silent: UNKNOWN and SKIPPED calls remain.
 * -EAGAIN: fp_db went away and did not come back.
 * -ENODATA: the target lacks calls that others have: n_missing.
 * -ENOSPC, -EIO: the journal cannot be written.  -EBADMSG: the target does not tell
 * its shared memory.  out is filled in any case.
 * Over HTTP the window is 1; over a unix socket at most 8, over UDP 120. */
int fp_moving_run(const struct fp_moving_opts *o, struct fp_moving_call *call,
		  size_t n, struct fp_moving_sum *out, struct fp_err *e);

#endif
