/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_DB_JOURNAL_H
#define FP_DB_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"
#include "io/work.h"

/* A mover's job: what it means to do, and what it did to each item, in fp_db and in
 * a copy of this controller's, STATE/jobs/ID.jsonl.  It holds locks by name while
 * it runs; whoever resumes it gets a later epoch, and the one before can write no
 * more.  A line of the copy is written (write(2)) before fp_journal_add returns:
 * what a process did before kill -9 is there.
 * Without fp_db (conninfo NULL) locks are this machine's alone (flock on
 * STATE/jobs/locks/NAME), and the copy is all there is. */
struct fp_journal;

struct fp_journal_opts {
	struct fp_loop *loop;
	struct fp_work *work;
	const char *conninfo; /* of fp_db; NULL: without */
	bool is_alone; /* without fp_db on purpose (--override lock); when not,
			* conninfo NULL is refused: rule "lock" */
	const char *app; /* application_name */
	const char *state_dir;
	const char *owner;  /* this controller, and its process */
	int64_t timeout_ms; /* of each step at fp_db */
	/* A holder that said nothing to fp_db for so long is stopped, and resume
	 * takes its job; one that lives says something six times as often.
	 * 0: 30. */
	int64_t idle_s;
	/* One line for a person: a torn line was cut.  May be NULL. */
	void (*say)(void *ctx, const char *text);
	void *ctx;
};

struct fp_job_head {
	char id[40]; /* out of begin: "20261121-210312-rehome-1f3a" */
	char tool[32], verb[32], node[256], by[128];
	char state[32]; /* running, stopped, done, aborted */
	char owner[128];
	int64_t started_s, updated_s, ended_s; /* 0: not */
	char *plan; /* JSON object; of read and resume: the caller's, free(3) */
};

/* Begin: takes locks (all or none), writes the row and the copy.
 * 0: h->id is set, fp_journal_close.  -EBUSY rule "lock": somebody holds one, e says
 * who and which.  Errors of fp_pg_open: fp_db is away (also rule "lock": without
 * it nothing keeps two controllers apart). */
int fp_journal_begin(struct fp_journal **out, const struct fp_journal_opts *o,
		     struct fp_job_head *h, const char *const *locks,
		     size_t n_locks, struct fp_err *e);

/* What was written of an item last; each is called once an item, in the order in
 * which they came first. */
typedef int fp_journal_item(void *ctx, const char *item, const char *state,
			    const char *detail, int64_t at_s);

/* Take over a job that is not ended: its locks are taken, its epoch is ours.  fp_db
 * and the copy are read; of what the copy alone has (this controller was killed
 * before it was told), fp_db is told now.
 * -ENOENT: no such job.  -EALREADY: it has ended.  -EBUSY: it runs (its lock is
 * held). */
int fp_journal_resume(struct fp_journal **out, const struct fp_journal_opts *o,
		      const char *id, struct fp_job_head *h,
		      const char *const *locks, size_t n_locks,
		      fp_journal_item *each, void *ctx, struct fp_err *e);
/* The same without taking it: nothing is locked or changed. */
int fp_journal_read(const struct fp_journal_opts *o, const char *id,
		    struct fp_job_head *h, fp_journal_item *each, void *ctx,
		    struct fp_err *e);
/* Jobs, the latest first: of fp_db, and copies that fp_db does not have.
 * is_all: ended ones too.  0: *out, free(3) (plans are NULL). */
int fp_journal_list(const struct fp_journal_opts *o, bool is_all,
		    struct fp_job_head **out, size_t *n, struct fp_err *e);

/* More locks while it runs, and fewer: a tag at a time.  0; -EBUSY; -errno. */
int fp_journal_lock(struct fp_journal *j, const char *name, struct fp_err *e);
void fp_journal_unlock(struct fp_journal *j, const char *name);

/* Write of an item; detail: a JSON object or NULL, kept as fp_jobline_object has it
 * (codec/jobline.h); -EINVAL: it is none.  It is in the copy when this
 * returns, in fp_db after the next flush.  -ENOSPC -EIO: the copy cannot be
 * written: nothing more may be done. */
int fp_journal_add(struct fp_journal *j, const char *item, const char *state,
		   const char *detail, struct fp_err *e);
/* Bring all that was added to fp_db, in one transaction that re-checks our locks and
 * our epoch; the copy is fsynced.  done is called once from the loop.  Also with
 * nothing added it checks.
 * code 0.  -EBUSY: it is not ours any more: stop.  Others: fp_db is away, or lost
 * our locks with the session; what was added is kept for the next flush, which
 * opens a session and takes the locks again (-EBUSY when somebody has them).
 * One at a time.  Without fp_db: 0, from the loop. */
int fp_journal_flush(struct fp_journal *j,
		     void (*done)(void *ctx, int code, const struct fp_err *e),
		     void *ctx, struct fp_err *e);
/* The same, and wait on the loop. */
int fp_journal_flush_wait(struct fp_journal *j, struct fp_err *e);
/* The last successful flush, CLOCK_MONOTONIC. */
int64_t fp_journal_flushed_ms(const struct fp_journal *j);
/* How long ago the last flush began that said that it is ours, CLOCK_BOOTTIME: what a
 * stopped process or a machine that slept knew is old. */
int64_t fp_journal_unsure_ms(const struct fp_journal *j);

/* Replace the plan (resume --to). */
int fp_journal_plan(struct fp_journal *j, const char *plan, struct fp_err *e);
/* Flush, and set its state; done and aborted end it.  Locks are given back by
 * close.  The copy says so too. */
int fp_journal_state(struct fp_journal *j, const char *state, struct fp_err *e);
void fp_journal_close(struct fp_journal *j); /* NULL is allowed */
const char *fp_journal_id(const struct fp_journal *j);

#endif
