/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_DB_JOURNAL_DISK_H
#define FP_DB_JOURNAL_DISK_H

/* The jobs directory of this controller, and threads for what blocks; not for others
 * than the files of journal.h. */

#include "db/journal_db.h"

/* ---- journal_lock.c: STATE/jobs/locks/NAME.  A file goes with its lock. */

struct fp_journal_flocks {
	int dir; /* STATE/jobs/locks */
	struct fp_journal_flock {
		char *name;
		int fd;
	} * v;
	size_t n;
};
/* owner stands in the file, for who meets the lock.  0 (also when it was held).
 * -EBUSY: e says who holds it.  -EINVAL: too long a name. */
int fp_journal_flock(struct fp_journal_flocks *l, const char *name,
		     const char *owner, struct fp_err *e);
void fp_journal_funlock(struct fp_journal_flocks *l, const char *name);
void fp_journal_flocks_fini(struct fp_journal_flocks *l);
/* Does somebody on this machine hold it? */
bool fp_journal_is_flocked(int dir, const char *name);

/* ---- journal_copy.c: STATE/jobs/ID.jsonl */

/* 0: *jobs and *locks (may be NULL) are open directories.  Made 0700 when is_made,
 * else -ENOENT. */
int fp_journal_dir(const char *state_dir, bool is_made, int *jobs, int *locks,
		   struct fp_err *e);

/* What a copy says. */
struct fp_journal_seen {
	struct fp_job_head h; /* plan: ours */
	int64_t epoch;        /* the last */
	bool is_there;        /* it has its first line */
	bool is_torn; /* its last line has no end: not all was written */
	bool is_ended, is_alone;
	bool is_plan_alone; /* the plan was replaced without fp_db */
	off_t size;         /* up to the end of the last whole line */
	size_t n_lines;
	struct fp_journal_place next; /* of the next word under epoch */
};
/* Read ID.jsonl; items may be NULL.  0 also when there is none, or none but an
 * empty one (is_there).  -EBADMSG -EPROTO -EACCES -EIO: e names file and line. */
int fp_journal_copy_read(int jobs, const char *id, struct fp_journal_seen *out,
			 struct fp_journal_items *items, struct fp_err *e);
void fp_journal_seen_fini(struct fp_journal_seen *s);
/* The jobs that have a copy.  0: *out is an array of *n, free(3). */
int fp_journal_copy_ids(int jobs, char (**out)[40], size_t *n,
			struct fp_err *e);

struct fp_journal_copy {
	int fd; /* -1: not open */
	char id[40];
	off_t size;
	bool is_dirty;  /* not fsynced */
	bool is_broken; /* half a line could not be taken back */
};
/* New, or (size from seen) to go on with: what is behind it is cut.  Its entry in
 * the directory is on disk. */
int fp_journal_copy_open(struct fp_journal_copy *c, int jobs, const char *id,
			 bool is_new, off_t size, struct fp_err *e);
/* Whole, or not at all.  -ENOSPC -EIO -EDQUOT. */
int fp_journal_copy_add(struct fp_journal_copy *c, const char *line, size_t n,
			struct fp_err *e);
int fp_journal_copy_sync(struct fp_journal_copy *c, struct fp_err *e);
/* Words of an epoch again, from one on. */
int fp_journal_copy_words(const struct fp_journal_copy *c,
			  struct fp_journal_place from,
			  struct fp_journal_words *out, struct fp_err *e);
void fp_journal_copy_close(struct fp_journal_copy *c);

/* ---- journal_do.c: in a thread of fp_work, waited for on the loop */

/* Texts are copied.  -ENOMEM. */
int fp_journal_opts_copy(struct fp_journal_opts *to,
			 const struct fp_journal_opts *from, struct fp_err *e);
void fp_journal_opts_fini(struct fp_journal_opts *o);
#define FP_JOURNAL_JOB_LOCK 48
void fp_journal_job_lock(const char *id, char out[FP_JOURNAL_JOB_LOCK]);
struct fp_journal_do {
	int (*run)(void *data, struct fp_err *e);
	void (*drop)(void *data); /* nobody waits for it any more */
	void *data;
};
/* 0 or what run returned: data is the caller's again.  *is_lost: it is the thread's,
 * which drops it.  *is_interrupted: a signal came meanwhile; it was waited for. */
int fp_journal_do(const struct fp_journal_opts *o,
		  const struct fp_journal_do *d, int64_t timeout_ms,
		  bool *is_lost, bool *is_interrupted, struct fp_err *e);

#endif
