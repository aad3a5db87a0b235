/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_DB_JOURNAL_DB_H
#define FP_DB_JOURNAL_DB_H

/* A job's session with fp_db; not for others than the files of journal.h.  All of it
 * blocks. */

#include "db/journal_priv.h"

/* ---- journal_db.c, journal_sql.c: one session, of one thread at a time */

struct fp_journal_db {
	char *conninfo, *app, *owner;
	int64_t timeout_ms, idle_s;
	char id[40];
	char **lock; /* names; the first is the job's own */
	size_t n_locks;
	struct fp_pg *pg;
	int64_t epoch, seq; /* ours, and the row that says so */
	uint64_t n_told;    /* our words that are there */
	bool is_doubtful; /* a commit's answer, or the session, was lost: n_told may
			     * be more, or less (a standby that lagged) */
	char ghost[64]; /* our last session, which may hold our locks still:
			 * "PID START", or "" */
};
struct fp_journal_db *fp_journal_db_new(const struct fp_journal_opts *o);
/* Gives the locks back. */
void fp_journal_db_free(struct fp_journal_db *d);
/* The name is to be held: copied.  -ENOMEM. */
int fp_journal_db_name(struct fp_journal_db *d, const char *name);

/* Open when it is not, and hold all locks.  is_from_idle: also from a session that
 * is stopped.  -EBUSY: somebody else has one.  Others: fp_pg_open, fp_db_check. */
int fp_journal_db_ready(struct fp_journal_db *d, bool is_from_idle,
			struct fp_err *e);
/* One lock more. */
int fp_journal_db_lock(struct fp_journal_db *d, const char *name,
		       struct fp_err *e);
void fp_journal_db_unlock(struct fp_journal_db *d, const char *name);
/* Errors that mean that fp_db is away get the rule "lock". */
int fp_journal_db_away(int code, struct fp_err *e);

/* Ready; the job's row, and our epoch.  -EEXIST: that id is taken. */
int fp_journal_db_begin(struct fp_journal_db *d, const struct fp_job_head *h,
			const char *plan, struct fp_err *e);
/* Ready; epochs from now on are later than this one. */
int fp_journal_db_pass(struct fp_journal_db *d, int64_t epoch,
		       struct fp_err *e);
/* Ready; a later epoch.  h, plan (malloced) and epoch before as fp_db has them.
 * -ENOENT: it has no such job.  -EALREADY: it has ended. */
int fp_journal_db_take(struct fp_journal_db *d, struct fp_job_head *h,
		       char **plan, int64_t *was, struct fp_err *e);
/* What else a flush changes. */
struct fp_journal_change {
	char *state, *plan; /* NULL: not */
	bool is_end;
};
/* Ready; tell all words.  w->first goes on with what is told, also on errors.
 * -ESTALE: fp_db lost some: n_told are there, what follows is to be told again. */
int fp_journal_db_flush(struct fp_journal_db *d, struct fp_journal_words *w,
			const struct fp_journal_change *change,
			struct fp_err *e);

/* ---- journal_rows.c: reading fp_db */

/* The head; plan may be NULL.  *epoch may be NULL.  -ENOENT. */
int fp_journal_rows_head(struct fp_pg *p, const char *id, struct fp_job_head *h,
			 char **plan, int64_t *epoch, struct fp_err *e);
/* All words. */
int fp_journal_rows_items(struct fp_pg *p, const char *id,
			  struct fp_journal_items *items, struct fp_err *e);
/* Heads, the latest first; states as they are, but "stopped" when nobody holds the
 * job's lock. */
int fp_journal_rows_jobs(struct fp_pg *p, bool is_all, struct fp_job_head **out,
			 size_t *n, struct fp_err *e);
/* Does any session hold it? */
int fp_journal_rows_is_held(struct fp_pg *p, const char *name, bool *out,
			    struct fp_err *e);

#endif
