/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_DB_JOURNAL_OWN_H
#define FP_DB_JOURNAL_OWN_H

/* A journal that is open. */

#include "db/journal_disk.h"

struct fp_journal {
	struct fp_journal_opts o; /* texts are ours */
	char id[40];
	struct fp_journal_flocks flocks;
	struct fp_journal_copy copy;
	bool has_db;
	struct fp_journal_db *db;         /* NULL: without, or at work */
	struct fp_journal_words words;    /* to be told */
	struct fp_buf line, name, detail; /* of an add */

	struct fp_task *task; /* a flush under way */
	bool is_users;        /* it is that of fp_journal_flush */
	bool is_wanted;       /* that one waits for its turn */
	void (*done)(void *ctx, int code, const struct fp_err *e);
	void *done_ctx;
	unsigned int n_waiting; /* who waits for the session */
	bool is_idle;           /* for them: no flush is under way */
	bool is_interrupted;    /* a signal came meanwhile */
	int code;               /* of the last flush */
	struct fp_err err;
	int64_t begun_ms, flushed_ms;
	int64_t begun_boot_ms, sure_boot_ms; /* CLOCK_BOOTTIME */

	int lost; /* -errno: nothing more may be done; lost_err says why */
	struct fp_err lost_err;
	bool is_over; /* its state is its last */
	struct fp_timer beat;
};

/* Without anything in it but copies of o.  0; -ENOMEM. */
int fp_journal_new(struct fp_journal **out, const struct fp_journal_opts *o,
		   struct fp_err *e);
/* In any thread, when nothing is under way. */
void fp_journal_free(struct fp_journal *j);
/* It is whole: flushes itself from now on. */
void fp_journal_start(struct fp_journal *j);

/* A line of the copy. */
int fp_journal_line(struct fp_journal *j, const struct fp_jobline *l,
		    struct fp_err *e);
/* A plan as it is kept, into an empty buffer, NUL-terminated.  -EINVAL. */
int fp_journal_plan_text(struct fp_buf *out, const char *plan,
			 struct fp_err *e);

/* ---- journal_flush.c */

int fp_journal_is_lost(const struct fp_journal *j, struct fp_err *e);
/* Nothing more may be done with it. */
void fp_journal_lose(struct fp_journal *j, int code, const char *why);
/* Longer than all deadlines of the thread's own. */
int64_t fp_journal_deadline_ms(const struct fp_journal *j);
/* Until no flush is under way.  The caller has counted itself in n_waiting, for which
 * other flushes wait; when it has taken itself back it kicks. */
int fp_journal_settle(struct fp_journal *j, struct fp_err *e);
void fp_journal_kick(struct fp_journal *j);
/* A flush with a change, whose texts are given away, and wait. */
int fp_journal_flush_now(struct fp_journal *j, struct fp_journal_change *change,
			 struct fp_err *e);

/* ---- journal_begin.c */

/* Run what takes or reads a job in a thread: data is a struct fp_journal_taking.
 * 0: t->j is the caller's. */
struct fp_journal_taking {
	struct fp_journal *j;
	struct fp_job_head h; /* plan: ours */
	char **lock;
	size_t n_locks;
	/* of resume */
	struct fp_journal_seen seen;
	struct fp_journal_items items;
};
int fp_journal_taking_new(struct fp_journal_taking **out,
			  const struct fp_journal_opts *o,
			  const char *const *locks, size_t n_locks,
			  struct fp_err *e);
void fp_journal_taking_free(void *t);
/* Directories; all locks of this machine, the job's own first, and names of those
 * of fp_db. */
int fp_journal_take_locks(struct fp_journal_taking *t, int *jobs,
			  struct fp_err *e);
/* ... and wait.  is_undone: the state of a job that was taken in spite of a
 * signal, which then ends it.  0: *out is the caller's.  -EINTR. */
int fp_journal_take(struct fp_journal_taking *t,
		    int (*run)(void *data, struct fp_err *e),
		    const char *undone, struct fp_err *e);

/* Lines of the copy: the first, and that of our epoch. */
int fp_journal_head_line(struct fp_journal *j, const struct fp_job_head *h,
			 struct fp_err *e);
int fp_journal_epoch_line(struct fp_journal *j, int64_t epoch,
			  struct fp_err *e);

#endif
