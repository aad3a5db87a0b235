/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_REHOME_CAMPAIGN_H
#define FP_REHOME_CAMPAIGN_H

#include "db/journal.h"
#include "rehome/past.h"
#include "rehome/moving.h"
#include "rehome/preflight.h"

/* A whole move, as failover, drain, balance, take, activate and resume have it: locks
 * and journal, then for each tag: SDP refreshed through a living owner, tag given and
 * proven, calls listed at the target, re-INVITEd, verified; then the job's end.
 * Items of the journal: "tag:NAME" given, proven, moved; "call:CALLID"; "select"
 * worked: those that were selected have their verdicts, others are left. */

struct fp_campaign_sum;

struct fp_campaign_opts {
	struct fp_edges *edges;
	struct fp_journal_opts journal;
	enum fp_move_kind kind;
	const char *verb, *by;
	const char *why; /* or NULL */
	/* of fp_preflight, which comes first */
	const struct fp_mark *marks;
	size_t n_marks;
	/* Those that there are now, when begun took its time; may be NULL. */
	int (*marks_now)(void *ctx, const struct fp_mark **v, size_t *n,
			 struct fp_err *e);
	const struct fp_os_cfg *cfg;
	const struct fp_fleet_opts *fleet; /* NULL: policies are not asked */
	const char *lists_dir;
	int64_t link_wait_ms;
	/* failover: the command that proves the node dead (control/fence.h), run
	 * under the job's locks when the node is silent; NULL: none */
	const char *fence;
	int64_t fence_ms;
	/* conditions, and tags in state "planned": nothing is changed; is_changed
	 * of the sum: it would be */
	bool is_dry_run;
	/* drain: how long calls that are being set up are waited for */
	int64_t settle_ms;
	bool is_settled_late; /* for all of it, new calls coming: not until a pass
			       * finds none */
	/* The job has begun and nothing is done yet; non-zero stops it.  What it
	 * waited for may have taken long: conditions are judged again after it, and
	 * told when they refuse.  May be NULL. */
	int (*begun)(void *ctx, const char *job, struct fp_err *e);
	/* All calls have their verdicts, and the job has not ended: what else
	 * belongs to it goes into its journal; non-zero stops it.  May be NULL. */
	int (*worked)(void *ctx, const struct fp_campaign_sum *s,
		      struct fp_journal *j, struct fp_err *e);
	/* drain, failover: a move whose `to` owns the tag is of the calls that are
	 * signalled through the node; NULL: of all of the node's own tags */
	const struct fp_past *past;
	/* The same, read anew under the job's locks, if need be: what another job
	 * did since it was planned is not done again.  May be NULL. */
	int (*past_now)(void *ctx, const char *job, const struct fp_past **past,
			struct fp_err *e);
	struct fp_select select;
	enum fp_body body;            /* AUTO: by each dialog */
	struct fp_moving_opts moving; /* edges, to, journal, callbacks: ours */
	bool (*is_lifted)(void *ctx, const char *rule);
	/* records, as they come */
	void (*condition)(void *ctx, const struct fp_condition *c);
	void (*tag)(void *ctx, const struct fp_tag_move *m, const char *state,
		    const char *detail);
	void (*call)(void *ctx, const struct fp_moving_call *c,
		     const struct fp_edge *to);
	void (*progress)(void *ctx, const char *what, size_t done, size_t total,
			 double rate, int64_t left_s);
	void (*say)(void *ctx, const char *text); /* to stderr, one line */
	void *ctx;
};
struct fp_campaign_sum {
	struct fp_moving_sum calls;
	size_t n_tags, n_given; /* to move; that changed owner */
	size_t n_early;         /* still being set up: left alone */
	size_t n_left;          /* up, and not selected */
	size_t n_would;         /* of a dry run: calls that would be asked */
	char job[40];
	size_t n_refreshed; /* whose SDP was brought to all nodes before */
	bool is_policy_old; /* failover: push the policy after it */
	bool is_changed;
	bool is_left; /* it did all that it was to, and the job is stopped: resume
		       * asks again, or asks those that were not selected */
};

/* Begin and do it.  from NULL: balance, take.  Edges are read; dialogs that are
 * listed are not listed again for fp_preflight.  A move whose `to` owns the tag
 * gives nothing: its calls are re-INVITEd where they are (media; and what a node that is
 * left still signals for others' tags); take gives no tag either.
 * 0.  -EPERM: refused.  Others as fp_moving_run and fp_journal_begin have them: the
 * job stays, state stopped, for resume. */
int fp_campaign_run(const struct fp_campaign_opts *o, struct fp_edge *from,
		    struct fp_tag_move *move, size_t n_moves,
		    struct fp_campaign_sum *out, struct fp_err *e);
/* Go on with a job.  to NULL: as it was planned.  Calls that are moved are not asked
 * again; those without an answer, silent and failed ones are.  What the job selected
 * counts until all of it has verdicts: then the others are asked, too. */
int fp_campaign_resume(const struct fp_campaign_opts *o, const char *job,
		       struct fp_edge *to, struct fp_campaign_sum *out,
		       struct fp_err *e);

#endif
