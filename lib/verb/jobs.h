/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_VERB_JOBS_H
#define FP_VERB_JOBS_H

#include <stddef.h>

#include "cli/opt.h"
#include "cli/out.h"
#include "db/journal.h"

/* jobs and abort of the tools that move calls: they differ in how a job's calls are
 * counted, and in what an end undoes. */

#define FP_JOBS_COUNTS 8

/* The record of a job.  FP_JOBS_FIELDS, then one FP_JOBS_COUNT for each count. */
struct fp_job_rec {
	const char *id, *verb, *node, *state, *by, *owner;
	int64_t started_s, updated_s, ended_s;
	double count[FP_JOBS_COUNTS]; /* NaN: not known */
};
#define FP_JOBS_AT(M) offsetof(struct fp_job_rec, M)
#define FP_JOBS_FIELDS                                                         \
	{ "id", FP_JOBS_AT(id), FP_F_STR, NULL, "the job" },                   \
		{ "verb", FP_JOBS_AT(verb), FP_F_STR, NULL,                    \
		  "what it is for" },                                          \
		{ "node", FP_JOBS_AT(node), FP_F_STR, NULL,                    \
		  "whom it is about" },                                        \
		{ "state", FP_JOBS_AT(state), FP_F_STR, NULL,                  \
		  "running, stopped, done or aborted" },                       \
		{ "by", FP_JOBS_AT(by), FP_F_STR, NULL, "who wanted it" },     \
		{ "owner", FP_JOBS_AT(owner), FP_F_STR, NULL,                  \
		  "who had it last" },                                         \
		{ "started", FP_JOBS_AT(started_s), FP_F_TIME, NULL,           \
		  "when it began" },                                           \
		{ "updated", FP_JOBS_AT(updated_s), FP_F_TIME, NULL,           \
		  "when it wrote last" },                                      \
	{                                                                      \
		"ended", FP_JOBS_AT(ended_s), FP_F_TIME, NULL, "when it ended" \
	}
#define FP_JOBS_COUNT(I, NAME, HELP)                                           \
	{                                                                      \
		NAME, FP_JOBS_AT(count[I]), FP_F_DOUBLE, NULL, HELP            \
	}

struct fp_jobs_tool {
	const struct fp_type *type; /* of struct fp_job_rec */
	/* The count that a call in this state is one of. */
	size_t (*count)(const char *state);
	/* abort: what is done beside the journal, which it ends; NULL: nothing.
	 * 0; -EALREADY: it has ended. */
	int (*end)(void *ctx, const char *id, struct fp_err *e);
	/* A line for a person when it has ended (is_changed: just now). */
	void (*ended)(void *ctx, const struct fp_job_head *h,
		      const uint64_t count[FP_JOBS_COUNTS], bool is_changed);
	void *ctx;
};

struct fp_jobs {
	struct fp_cli *c;
	struct fp_journal_opts journal;
	const struct fp_jobs_tool *tool;
	bool is_away; /* out: fp_db is, and what is told is known here alone */
};
/* How a journal says something: to stderr. */
void fp_jobs_say(void *ctx, const char *text);

/* jobs [JOB], jobs --all.  The exit status; or -errno, e. */
int fp_verb_jobs(struct fp_jobs *s, struct fp_err *e);
/* abort JOB.  The exit status; or -errno: -EBUSY: it runs; -EPERM: refused. */
int fp_verb_abort(struct fp_jobs *s, struct fp_err *e);

#endif
