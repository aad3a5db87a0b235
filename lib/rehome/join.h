/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_REHOME_JOIN_H
#define FP_REHOME_JOIN_H

#include "logic/dialogs.h"
#include "logic/rehome_check.h"

/* Has a node all dialogs that the others have?  Capability "Ok" does not say so:
 * the sets of call-ids do.  Pure.  Source: facts/opensips-3nodes.md 0.4, 4. */

struct fp_join_node {
	const char *name;
	const struct fp_dialogs *dialogs; /* NULL: it was not to be had */
	int64_t since_s;                  /* up since; 0: not known */
};
struct fp_join_in {
	const struct fp_join_node *node;
	size_t n, x; /* x: the one that joins */
	/* The index of the node that has a tag active, or n: nobody. */
	size_t (*owner)(void *ctx, const char *tag);
	void *ctx;
};

/* Call-ids of one look, sorted; they are the diff's own. */
struct fp_join_ids {
	char **v;
	size_t n;
};
/* A dialog of a tag whose owner does not have it has ended, and somebody was not
 * told: a zombie.  Unless the owner was started later than the call: then it lost
 * the call, and others' copies are what is left of it. */
struct fp_join_diff {
	struct fp_join_ids lacking; /* up elsewhere, and not at x */
	size_t n_own;               /* of them: x itself owns the tag */
	struct fp_join_ids
		zombies;     /* of x, or at x alone and of nobody's tag */
	size_t n_elsewhere;  /* zombies of others */
	size_t n_lost;       /* at x or at others, lost by their owner */
	const char *lost_by; /* one of those owners */
	size_t n_stale;      /* the owner has another SDP */
	size_t n, n_most; /* up at x; at the one that has most of the others */
	const char *lacking_at; /* a node that has the first that lacks */
	/* up elsewhere, not of x's tags: the oldest one's answer; 0: none */
	int64_t oldest_s;
};
/* 0: fp_join_diff_fini.  -ENOMEM. */
int fp_join_compare(const struct fp_join_in *in, struct fp_join_diff *out);
void fp_join_diff_fini(struct fp_join_diff *d);
/* Keep of now what was in before, too: what differs for a moment does not count. */
void fp_join_persist(struct fp_join_diff *now,
		     const struct fp_join_diff *before);

void fp_check_join_dialogs(struct fp_check *out, const struct fp_join_diff *d);
void fp_check_join_zombies(struct fp_check *out, const struct fp_join_diff *d);
/* Of the owner that lost them. */
void fp_check_join_lost(struct fp_check *out, const struct fp_join_diff *d);
void fp_check_join_sdp(struct fp_check *out, const struct fp_join_diff *d);

/* Its last sync. */
struct fp_check_sync {
	bool is_pending, is_fallback;
	int64_t synced_s, chunks; /* 0: none is told; -1 */
	int64_t oldest_s;         /* as above */
};
void fp_check_join_sync(struct fp_check *out, const struct fp_check_sync *f);

/* Its tags: all backup, or its by a command and nobody else's. */
struct fp_check_tags {
	size_t n, n_active;
	const char *split, *other; /* active here and at another; "" */
	const char *configured;    /* active without a command; "" */
};
void fp_check_join_tags(struct fp_check *out, const struct fp_check_tags *f);

/* May x ask for a sync?  It drops what its donor lacks, and OpenSIPS picks the
 * donor: every other node must have at least as many, and each dialog that is up at
 * x must be at the owner of its tag and at all others.
 * 0.  -EPERM rule "sync". */
int fp_join_may_sync(const struct fp_join_in *in, struct fp_err *e);

#endif
