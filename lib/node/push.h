/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_NODE_PUSH_H
#define FP_NODE_PUSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "logic/receiver.h"
#include "node/judge.h"
#include "node/node.h"

/* Several pushed lists become the node's policy in one step.
 *
 *   STATE/stage/PID.N/  what a session brings: lists, written and fsynced
 *   STATE/step/         a step that was begun: whoever has the lock finishes it
 *   STATE/pending/      a step back, until it is confirmed or its time comes
 *   STATE/accepted      the push that was accepted last
 *
 * A step is a directory: NAME.list is put in, -NAME.list taken out; +accepted,
 * -accepted, +pending, -pending the same for those.  It is one from the moment
 * on in which its directory has the name `step`; to finish it twice is to finish
 * it once. */

/* ---- what was accepted, what is pending */

struct fp_accepted {
	char push[FP_RECEIVER_ID_MAX + 1];
	char controller[FP_RECEIVER_WHO_MAX + 1], by[FP_RECEIVER_WHO_MAX + 1];
	int64_t at_s;
	char policy[65];
};
struct fp_pending {
	char push[FP_RECEIVER_ID_MAX + 1];
	char controller[FP_RECEIVER_WHO_MAX + 1];
	int64_t left_ms; /* until it is taken back; 0 or less: now */
};
/* 0; -ENOENT: none; -errno. */
int fp_accepted_read(struct fp_accepted *out, const char *state_dir,
		     struct fp_err *e);
int fp_pending_read(struct fp_pending *out, const char *state_dir,
		    struct fp_err *e);

/* For fp_node_open, with the lock and before lists are opened: finish a step
 * that was begun, take back what nobody confirmed in time.  *said: what was done,
 * or "".  0; -errno. */
int fp_push_recover(const char *state_dir, int lists_fd, char *said,
		    size_t size, struct fp_err *e);
/* Is there anything for it to do? */
bool fp_push_is_due(const char *state_dir);

/* CONFIRM and BACK of a pending push.  n: open with FP_NODE_WRITE.
 * 0; *is_changed false: it was so already.  -ENOENT: it is not pending. */
int fp_push_settle(struct fp_node *n, const char *push, bool is_back,
		   bool *is_changed, struct fp_err *e);

/* ---- staging, without the lock */

struct fp_push;

/* The area of a session; nothing is made on disk before it is needed.
 * 0; -ENOMEM. */
int fp_push_open(struct fp_push **out, const char *state_dir, struct fp_err *e);
void fp_push_close(struct fp_push *p); /* with all that is staged */
void fp_push_forget(struct fp_push *p);

/* The operations stage_* of fp_receiver_ops. */
int fp_push_begin(struct fp_push *p, const struct fp_receiver_list *l,
		  struct fp_err *e);
int fp_push_data(struct fp_push *p, const char *text, size_t n,
		 struct fp_err *e);
int fp_push_end(struct fp_push *p, struct fp_err *e);
void fp_push_abort(struct fp_push *p);
int fp_push_drop(struct fp_push *p, const char *name, struct fp_err *e);

/* ---- COMMIT.  n: open with FP_NODE_WRITE; also is_raw, where fp_node_open
 * refuses because of a list that is staged.
 * guard: as fp_judge_open wants it; what it overrides counts for all rules.
 * 0: durable, and compiled where a filter is loaded.  *is_accepted: the accepted
 * push is another now.  -ESTALE -EILSEQ -EPERM (with a rule): nothing was
 * changed.  -ENOSPC: the same.  Errors once the step was begun say so. */
int fp_push_commit(struct fp_push *p, struct fp_node *n,
		   const struct fp_judge_opts *guard,
		   const struct fp_receiver_commit *c,
		   struct fp_receiver_done *out, bool *is_accepted,
		   struct fp_err *e);

#endif
