/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_REHOME_CAMPAIGN_H
#define FP_REHOME_CAMPAIGN_H

#include "db/journal.h"
#include "rehome/moving.h"
#include "rehome/preflight.h"

/* A whole move, as failover, drain, balance, take, activate and resume have it: locks
 * and journal, then for each tag: SDP refreshed through a living owner, tag given and
 * proven, calls listed at the target, re-INVITEd, verified; then the job's end.
 * Items of the journal: "tag:NAME" given, proven, moved; "call:CALLID". */

struct fp_campaign_opts {
	struct fp_edges *edges;
	struct fp_journal_opts journal;
	enum fp_move_kind kind;
	const char *verb, *by;
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
	char job[40];
	bool is_changed;
};

/* Begin and do it.  from NULL: balance.
 * 0.  -EPERM: refused.  Others as fp_moving_run and fp_journal_begin have them: the
 * job stays, state stopped, for resume. */
int fp_campaign_run(const struct fp_campaign_opts *o, struct fp_edge *from,
		    struct fp_tag_move *move, size_t n_moves,
		    struct fp_campaign_sum *out, struct fp_err *e);
/* Go on with a job.  to NULL: as it was planned.  Calls that are moved are not asked
 * again; those without an answer, silent and failed ones are. */
int fp_campaign_resume(const struct fp_campaign_opts *o, const char *job,
		       struct fp_edge *to, struct fp_campaign_sum *out,
		       struct fp_err *e);

#endif
