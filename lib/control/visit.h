/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CONTROL_VISIT_H
#define FP_CONTROL_VISIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "control/copy.h"
#include "control/fleet.h"
#include "control/history.h"
#include "control/source.h"
#include "logic/sender.h"

/* One node made to agree: words said, words exchanged both ways, lists pushed;
 * each only as far as it is needed. */

/* What all nodes are to be made to. */
struct fp_plan {
	int64_t timeout_ms; /* for our own locks */
	/* pushed lists; source NULL: they are let be */
	struct fp_source *source;
	struct fp_history *history;
	struct fp_order push; /* offers and id are filled by fp_plan_begin */
	bool is_adopt;        /* take over from other controllers */
	bool is_patient; /* a node with a push that is not settled is let be */
	char id[FP_PUSH_ID_SIZE];
	bool is_recorded; /* id is in the history */
	/* dynamic lists; copy NULL: they are let be */
	struct fp_copy *copy;
	/* words to be said before all else; n_words 0: none */
	const char *list, *by, *why;
	enum fp_kind kind;
	const struct fp_entry *words;
	size_t n_words;
	struct fp_buf overrides; /* what push.overrides points to */
	/* what a node says besides; may be NULL */
	void (*notice)(void *ctx, const char *node, const char *text);
	/* it refused some of the words said: ev, the answer; may be NULL */
	void (*refused)(void *ctx, const char *node, const struct fp_event *ev);
	void *ctx;
};

/* Before its first visit.  0; -errno. */
int fp_plan_begin(struct fp_plan *p, struct fp_err *e);
/* Source, history and copy go with it. */
void fp_plan_fini(struct fp_plan *p);

enum fp_standing {
	FP_STANDS_WELL,    /* all was done, or was so already */
	FP_STANDS_AWAY,    /* unreachable, busy, no answer: try again */
	FP_STANDS_REFUSED, /* a safety rule said no */
	FP_STANDS_FAILED,
};

struct fp_outcome {
	enum fp_standing standing;
	const char *state; /* one word: ok, pending, refused, unreachable ... */
	bool is_done, is_changed, is_in_force;
	bool is_conflict;        /* words: that list is something else there */
	uint64_t added, removed; /* entries of pushed lists */
	uint64_t said, refused;  /* words that the node took, did not */
	uint64_t words_here, words_there; /* learned by us, by the node */
	char policy[65];                  /* at last */
	/* a push is taken back there unless it is confirmed; "": none */
	char pending[FP_PUSH_ID_SIZE];
	int64_t pending_s;
	bool is_partly;    /* well, but not all that was wanted: err */
	struct fp_err err; /* why not; or what should be known */
};

struct fp_visit;

/* 0: free with fp_visit_free.  -ENOMEM.  p outlives it. */
int fp_visit_new(struct fp_visit **out, struct fp_plan *p, struct fp_err *e);
void fp_visit_free(struct fp_visit *v); /* NULL is allowed */
/* With other lists or words than before; v has no session under way, or its
 * exchange is over. */
void fp_visit_again(struct fp_visit *v, struct fp_plan *p);

/* To be called from the ops of a fleet. */
void fp_visit_opened(struct fp_visit *v, struct fp_member *m);
void fp_visit_event(struct fp_visit *v, struct fp_member *m,
		    const struct fp_event *ev);
void fp_visit_ended(struct fp_visit *v, struct fp_member *m);

/* As far as it is; is_done: nothing more will come. */
const struct fp_outcome *fp_visit_outcome(const struct fp_visit *v);

/* What a node made of words; note: what it noted before, or NULL. */
void fp_outcome_said(struct fp_outcome *o, const struct fp_event *ev,
		     const char *note);
/* What a FAIL, and what the end of a session, mean. */
void fp_outcome_fail(struct fp_outcome *o, const struct fp_event *ev);
void fp_outcome_end(struct fp_outcome *o, int code, const struct fp_err *e);

#endif
