/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CONTROL_BANS_H
#define FP_CONTROL_BANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "control/copy.h"
#include "logic/ban_batch.h"
#include "logic/guard.h"

/* Bans of feeds, for all nodes: within limits (logic/ban.h), joined to this
 * controller's copy, and handed to the push --stay that runs here.  Nodes hold
 * them against their own guard rules and allow lists. */

struct fp_bans_opts {
	const char *state_dir, *cluster; /* strings outlive it */
	bool is_cluster_named;
	const char *list;
	struct fp_ban_limits limits;
	uint64_t max_live;
	int64_t timeout_ms; /* for the copy's lock, and for nodes */
};

struct fp_bans {
	struct fp_bans_opts opts;
	struct fp_copy *copy;
	struct fp_ban_room room;
	struct fp_guard guard; /* the cluster's nodes, as of guard_ms */
	int64_t guard_ms;
	/* after an apply that changed something */
	bool is_handed;        /* a push --stay took them */
	size_t n_told, n_away; /* nodes that have them; that hear them later */
	struct fp_err said;    /* a node that failed: what it said */
};

/* 0: fp_bans_close.  Errors of fp_copy_open. */
int fp_bans_open(struct fp_bans *out, const struct fp_bans_opts *opts,
		 struct fp_err *e);
void fp_bans_close(struct fp_bans *b);

/* Bring bans in, in their order.
 * 0: they are durable in the copy, from which nodes that were away get them;
 *    *changed: how many words.
 * -EAGAIN: locked.  -EINVAL: the cluster file.  What else fp_copy_merge says:
 * call again with the same bans. */
int fp_bans_apply(struct fp_bans *b, struct fp_ban_said *v, size_t n,
		  int64_t now_ms, uint64_t *changed, struct fp_err *e);

#endif
