/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_REHOME_CAMPAIGN_PRIV_H
#define FP_REHOME_CAMPAIGN_PRIV_H

/* What the files of campaign.h share; not for others. */

#include "codec/moveplan.h"
#include "rehome/campaign.h"

/* ---- calls that were handled, by call-id */

struct fp_seen_call {
	char *callid; /* NULL: a free place */
	enum fp_move_verdict verdict;
};
struct fp_seen {
	struct fp_seen_call *v; /* a hash table, open addressing */
	size_t n, size;
};
/* 0; -ENOMEM. */
int fp_seen_put(struct fp_seen *s, const char *callid, enum fp_move_verdict v);
/* FP_MOVE_WAITING and *is_there (may be NULL) false: not seen. */
enum fp_move_verdict fp_seen_get(const struct fp_seen *s, const char *callid,
				 bool *is_there);
void fp_seen_fini(struct fp_seen *s);

/* ---- a campaign */

struct fp_campaign_tag {
	bool is_given;         /* it is where it shall be: to be watched */
	bool is_proven;        /* by dlg_push_var, in this run */
	bool is_moved;         /* its calls have their verdicts */
	bool is_told;          /* the memory of its target was */
	bool is_moved_before;  /* by an earlier run of the job */
	bool is_turned;        /* to another target, by this run */
	unsigned int n_starts; /* of the target, when it was judged */
	/* it stays where it is, by the plan: only calls that are signalled through
	 * the node that is left are asked */
	bool is_path;
	bool is_own;     /* of that node */
	bool is_removed; /* its target is in the cluster file no more */
};
struct fp_campaign {
	struct fp_campaign_opts o; /* of resume: with the plan's */
	struct fp_edge *from;
	struct fp_tag_move *move;
	struct fp_campaign_tag *state; /* of move[i] */
	size_t n_moves;
	int64_t at_s; /* ages are meant at this time */
	struct fp_journal *journal;
	struct fp_job_head head;
	struct fp_seen seen;   /* in this run */
	struct fp_seen before; /* by earlier runs of the job */
	struct fp_campaign_sum *out;
	size_t n_fresh; /* chosen, and not by an earlier run */
	size_t n_new;   /* of the last pass over targets */
	/* what the check of a run under way found */
	int check_code;
	struct fp_err check_err;
	bool is_split, is_mended, is_back_said;
	struct fp_edge *turn_to; /* resume --to; NULL: as it was planned */
	bool is_resumed;
	bool is_worked; /* by earlier runs: all that was selected has verdicts */
	bool is_lost;   /* the job is somebody else's */
	bool is_ended;  /* its state is written, or it is lost */
};
#define FP_CAMPAIGN_ALL SIZE_MAX

/* Does move i give its tag?  Not when only calls move. */
bool fp_campaign_gives(const struct fp_campaign *c, size_t i);
/* Who owns the tag of move i when all is well. */
struct fp_edge *fp_campaign_owner(const struct fp_campaign *c, size_t i);
void fp_campaign_say(const struct fp_campaign *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* An error with a rule: lifted, it is said and 0; else -EPERM.  Others as they
 * are. */
int fp_campaign_refused(const struct fp_campaign *c, int code,
			struct fp_err *e);
/* Nothing but the loop for a while.  0; -EINTR. */
int fp_campaign_pause(const struct fp_campaign *c, int64_t ms,
		      struct fp_err *e);
/* Flush the journal; -EBUSY: is_lost. */
int fp_campaign_flush(struct fp_campaign *c, struct fp_err *e);
/* List some, each once; nodes that are silent or NULL are left out.  0; e names
 * who could not be listed. */
int fp_campaign_list(struct fp_campaign *c, struct fp_edge *const *which,
		     size_t n, struct fp_err *e);

/* ---- tags (campaign_tags.c) */

/* SDP refreshed, given, read back, journaled: move i. */
int fp_campaign_give(struct fp_campaign *c, size_t i, struct fp_err *e);
/* Proven by a dialog of those that the target has. */
int fp_campaign_prove(struct fp_campaign *c, size_t i, struct fp_err *e);
/* All calls of it have verdicts. */
int fp_campaign_moved(struct fp_campaign *c, size_t i, struct fp_err *e);
/* 0; -ESTALE: the target began anew since it was judged, and has no dialogs. */
int fp_campaign_is_same(const struct fp_campaign *c, size_t i,
			struct fp_err *e);
/* Are they still where they shall be?  For fp_moving_run; ctx: the campaign. */
int fp_campaign_check(void *campaign, struct fp_err *e);
/* Two say active: give it once more, when the links are Up. */
int fp_campaign_mend(struct fp_campaign *c, struct fp_err *e);

/* ---- calls (campaign_calls.c) */

/* List at the target of move `only` (FP_CAMPAIGN_ALL: of all moves to `to`), and
 * move those that are up, selected and not handled yet; c->n_new: how many. */
int fp_campaign_calls(struct fp_campaign *c, struct fp_edge *to, size_t only,
		      struct fp_err *e);

/* ---- paths (campaign_paths.c) */

/* After the plan, and before owners are looked for. */
int fp_campaign_paths(struct fp_campaign *c, struct fp_err *e);
/* Under its locks: another job may have given tags since it was planned, and moved
 * their calls; of these the others are asked.  0; errors of past_now. */
int fp_campaign_since(struct fp_campaign *c, struct fp_err *e);
/* Leave out calls of tags that stay and that are not signalled through the node that
 * is left: how many there are then. */
size_t fp_campaign_meant(const struct fp_campaign *c,
			 const struct fp_dialog **v, size_t n);
/* What earlier runs say of a call; of a job that goes on another may have moved it to
 * that node meanwhile. */
enum fp_move_verdict fp_campaign_was(const struct fp_campaign *c,
				     const char *callid,
				     const struct fp_edge *to);
/* How many calls of move i would be asked. */
size_t fp_campaign_would(const struct fp_campaign *c, size_t i);

/* ---- is it dead? (campaign_fence.c) */

bool fp_campaign_is_fenced(const struct fp_campaign *c);
/* With locks: the node is asked at all its addresses, the command is run, and it is
 * asked again; views are read with it.  A dry run tells the command.
 * 0: dead, or there is no such command.  -EPERM rule "alive" (unless lifted): it
 * answers, or the command does not say so. */
int fp_campaign_fence(const struct fp_campaign *c, struct fp_err *e);

/* ---- the plan (campaign_plan.c) */

/* 0; -ENOMEM. */
int fp_campaign_plan(const struct fp_campaign *c, struct fp_buf *to,
		     struct fp_err *e);
/* Into c->o and c->move; texts stay p's.  -EBADMSG, -EINVAL: a node that is not
 * there any more. */
int fp_campaign_unplan(struct fp_campaign *c, const struct fp_moveplan *p,
		       struct fp_err *e);

/* ---- all of it (campaign.c) */

int fp_campaign_init(struct fp_campaign *c, const struct fp_campaign_opts *o,
		     struct fp_campaign_sum *out);
/* Names of locks: one block, free(3).  NULL: no memory. */
const char **fp_campaign_locks(const struct fp_campaign *c);
int fp_campaign_preflight(struct fp_campaign *c, enum fp_move_kind kind,
			  struct fp_err *e);
/* The same with all that it is of read anew; what does not refuse is not told. */
int fp_campaign_preflight_again(struct fp_campaign *c, struct fp_err *e);
/* What --dry-run tells. */
void fp_campaign_planned(struct fp_campaign *c);
/* With a journal: do it, end the job; r of what came before. */
int fp_campaign_do(struct fp_campaign *c, struct fp_err *e);
void fp_campaign_fini(struct fp_campaign *c);

#endif
