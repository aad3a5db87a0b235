/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_RECOVER_STAGING_H
#define FP_RECOVER_STAGING_H

#include "recover/store.h"

/* The rows of a job, in tables of ours beside recovery. */

/* Make staging where there is none, take the lock of `node` and a new epoch of `job`
 * (begun or gone on with).  -EBUSY rule "lock": somebody holds it, e says who.
 * -EROFS: a standby.  -EACCES: not permitted to make tables: e says what to run. */
int fp_store_begin(struct fp_store *s, const char *job, const char *node,
		   const char *owner, struct fp_err *e);
/* Is it ours still?  0; -EBUSY; -ECONNRESET: open a new one, begin again. */
int fp_store_check(struct fp_store *s, struct fp_err *e);

/* Rows of p into staging, out of recovery (is_copy: they stay there: take).  One
 * transaction.  Rows that are staged already stay as they are: safe to run twice.
 * 0: *n_taken. */
int fp_store_take(struct fp_store *s, const struct fp_store_pick *p,
		  bool is_copy, uint64_t *n_taken, struct fp_err *e);
/* What was copied (is_copy) is moved after all: the run that wrote it is dead, and its
 * rows would be found once more.  Staging keeps what it has.  0: *n rows. */
int fp_store_move(struct fp_store *s, uint64_t *n, struct fp_err *e);
/* The same of rows from elsewhere (a dead node's SQLite). */
int fp_store_stage(struct fp_store *s, const struct fp_store_row *v, size_t n,
		   uint64_t *n_taken, struct fp_err *e);
/* All that the job has staged, ordered by uuid. */
int fp_store_staged(struct fp_store *s, struct fp_store_rows *out,
		    struct fp_err *e);

struct fp_store_put {
	const char *uuid; /* as staged */
	const char *xml;  /* rewritten */
	size_t xml_len;
	const char *profile_real; /* kept with it, for people */
};
/* Insert v[] into recovery of `to` (may be s itself) in that order: profile_name token,
 * hostname of the target, runtime_uuid as it was (never the target's), uuid "fp:"||uuid;
 * rows of that token that are there go first.  Staging says put, to whom, by which
 * token: in the same transaction, or before when `to` is another database.
 * -EBUSY. */
int fp_store_put(struct fp_store *s, struct fp_store *to, const char *token,
		 const char *target, const char *target_hostname,
		 const struct fp_store_put *v, size_t n, struct fp_err *e);
/* Take away rows of a token that FreeSWITCH did not consume; staging says taken again.
 * 0: *n_back of them.  Those that it did consume stay put. */
int fp_store_unput(struct fp_store *s, struct fp_store *to, const char *token,
		   uint64_t *n_back, struct fp_err *e);
/* Delete rows of p (a dead target's) from recovery of `to`: of calls that are staged.
 * -EBUSY: the job is not ours; nothing is deleted. */
int fp_store_drop(struct fp_store *s, struct fp_store *to,
		  const struct fp_store_pick *p, struct fp_err *e);
/* Who else has one of uuids in the database `at`: "job ID" of another job that has it
 * in hand, else the hostname of the switch whose row it is; "": nobody. */
int fp_store_holder(struct fp_store *s, struct fp_store *at,
		    const char *const *uuids, size_t n, char out[300],
		    struct fp_err *e);
/* Which of v[] (uuid, run) came up, or may have: any job, also one that ended, has put,
 * proven or lost it; or recovery has a row of it, of any host.  is_known[i] is set. */
int fp_store_known(struct fp_store *at, const struct fp_store_row *v, size_t n,
		   bool *is_known, struct fp_err *e);
/* Say of staged rows what became of them: taken, put, proven, lost,
 * returned. */
int fp_store_mark(struct fp_store *s, const char *const *uuids, size_t n,
		  const char *state, struct fp_err *e);
/* abort: rows whose state is taken go back into recovery as they were.
 * 0: *n_back. */
int fp_store_return(struct fp_store *s, uint64_t *n_back, struct fp_err *e);
/* End the job: returned rows are forgotten.  is_all false: until fp_store_forget it is
 * known what became of each leg; those that were put and not proven keep their XML, the
 * others have none any more. */
int fp_store_end(struct fp_store *s, bool is_all, struct fp_err *e);
/* Staged rows of ended jobs older than age_s. */
int fp_store_forget(struct fp_store *s, int64_t age_s, uint64_t *n,
		    struct fp_err *e);

#endif
