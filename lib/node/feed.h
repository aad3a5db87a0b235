/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_NODE_FEED_H
#define FP_NODE_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "logic/ban.h"
#include "logic/guard.h"
#include "node/node.h"

/* Bans of feeds, on this node: limited (logic/ban.h), held against the guard
 * rules and the allow lists, joined to what stands, made durable. */

struct fp_feed_opts {
	struct fp_node_opts node; /* access is not looked at */
	const char *cluster;
	bool is_cluster_named;
	const char *list; /* dynamic block list that takes them */
	struct fp_ban_limits limits;
	uint64_t max_live; /* more are refused by rule max-bans */
};

enum fp_feed_action {
	FP_FEED_ADDED,
	FP_FEED_EXTENDED,
	FP_FEED_LIFTED,
	FP_FEED_KEPT,    /* already so, or an older word */
	FP_FEED_REFUSED, /* by a limit or a guard rule */
	FP_FEED_EXPIRED, /* had ended before it came */
	FP_FEED_ACTIONS,
};
const char *fp_feed_action_name(enum fp_feed_action a); /* "added" */

struct fp_feed_ban {
	/* in */
	const struct fp_event_ban *said;
	int64_t said_ms;  /* unix time; 0: not known */
	const char *from; /* whose word it is when it does not say */
	/* out */
	enum fp_feed_action action;
	char by[sizeof(FP_BAN_BY) + FP_EVENT_BY_SIZE]; /* "amqp:honeypot" */
	struct fp_ban ban;  /* as it stands now, unless refused or expired */
	struct fp_err note; /* refused, expired, kept as somebody else's: why */
};

struct fp_feed {
	struct fp_feed_opts opts;
	/* About how many bans are live, never fewer than there are: counted
	 * when it would be too many, but not each second. */
	uint64_t live;
	int64_t counted_s;
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
int fp_feed_apply(struct fp_feed *f, struct fp_feed_ban *v, size_t n,
		  int64_t now_ms, uint64_t *changed, struct fp_err *e);

#endif
