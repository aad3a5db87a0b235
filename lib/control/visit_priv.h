/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CONTROL_VISIT_PRIV_H
#define FP_CONTROL_VISIT_PRIV_H

/* What visit.c, visit_talk.c and visit_pending.c share; not for others. */

#include "control/visit.h"

/* One dynamic list while words about it are exchanged. */
struct fp_topic {
	char name[FP_LIST_NAME_MAX + 1];
	enum fp_kind kind;
	uint32_t n_buckets;
	unsigned char *differs; /* a bit a bucket */
	struct fp_buf theirs;   /* lines */
	bool is_over;
};

/* The exchange of words with one node. */
struct fp_talk {
	struct fp_topic *topic;
	size_t n, n_open;
	uint64_t n_here, n_there; /* words that were news to us, to the node */
	char why[256];      /* a word was refused, by the node's last note */
	char left_out[256]; /* lists that are something else there */
	char refused[256];  /* lists of which the node refused words */
	char told[600];     /* what was said of these last */
	int failed; /* -errno of a list that could not be exchanged: err */
	struct fp_err err;
	/* digests when the last exchange was over: while neither changes there
	 * is nothing to say */
	char ours[65], theirs[65];
};

/* 1: it goes on by fp_talk_event.  0: there is nothing to say.  -errno. */
int fp_talk_start(struct fp_talk *t, const struct fp_plan *p,
		  struct fp_member *m, struct fp_err *e);
/* true: it is over, well or not (failed). */
bool fp_talk_event(struct fp_talk *t, const struct fp_plan *p,
		   struct fp_member *m, const struct fp_event *ev);
/* Does this note say that a word of the exchange is refused?  Then it is kept for
 * what is said at the end. */
bool fp_talk_note(struct fp_talk *t, const struct fp_event *ev);
void fp_talk_fini(struct fp_talk *t);

struct fp_visit {
	struct fp_plan *plan;
	struct fp_outcome out;
	struct fp_order push; /* the plan's, for this node */
	struct fp_talk talk;
	bool is_talked;
	unsigned int n_hellos; /* that are to come before the next step */
	unsigned int n_pushes, n_settles;
	char note[256]; /* what the node noted last */
};

/* ---- visit_pending.c: a push is pending at the node, by its last HELLO. */

/* is_done: its lists are those of the plan.  true: there is nothing to push, the
 * visit is done or fp_visit_settled comes.  false: push. */
bool fp_visit_pending(struct fp_visit *v, struct fp_member *m, bool is_done);
/* The answer to CONFIRM.  true: HELLO was asked again. */
bool fp_visit_settled(struct fp_visit *v, struct fp_member *m,
		      const struct fp_event *ev);

#endif
