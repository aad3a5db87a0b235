/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_NODE_FEED_H
#define FP_NODE_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "logic/ban_batch.h"
#include "logic/guard.h"
#include "node/node.h"

/* Bans of feeds, on this node: within limits (logic/ban.h), held against the
 * guard rules and the allow lists, joined to what stands, made durable. */

struct fp_feed_opts {
	struct fp_node_opts node; /* access is not looked at */
	const char *cluster;
	bool is_cluster_named;
	const char *list; /* dynamic block list that takes them */
	struct fp_ban_limits limits;
	uint64_t max_live; /* more are refused by rule max-bans */
};

struct fp_feed {
	struct fp_feed_opts opts;
	struct fp_ban_room room;
	struct fp_guard guard; /* of guard_ms, CLOCK_MONOTONIC; asked for anew
				* each second */
	int64_t guard_ms;
	bool is_in_force; /* after an apply: is a filter attached? */
};
void fp_feed_init(struct fp_feed *f, const struct fp_feed_opts *opts);
void fp_feed_fini(struct fp_feed *f);

/* Bring bans in, in their order; the lists' lock is held for this call only.
 * 0: what was to be done is durable and, with a filter loaded, in the tables;
 *    *changed: how many words.  Errors leave the lists as they were, or are
 *    finished by the next writer: call again with the same bans.
 * -EAGAIN: locked.  -ENOSPC -EDQUOT -EIO: the disk.  -EEXIST: the list is not
 * dynamic.  What else fp_node_open and fp_facts_guard say. */
int fp_feed_apply(struct fp_feed *f, struct fp_ban_said *v, size_t n,
		  int64_t now_ms, uint64_t *changed, struct fp_err *e);

#endif
