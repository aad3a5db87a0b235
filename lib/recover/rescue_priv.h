/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_RECOVER_RESCUE_PRIV_H
#define FP_RECOVER_RESCUE_PRIV_H

/* What the parts of a rescue share. */

#include "codec/recoverplan.h"
#include "peer/coredb.h"
#include "recover/hops.h"
#include "recover/rescue.h"

/* What a journal said of a call. */
struct fp_rescue_was {
	char *name;
	enum fp_recover_verdict verdict;
	char to[64], token[80], run[40]; /* where it was put last; "" */
};

struct fp_rescue_job {
	struct fp_rescue r;      /* first: what `empty` gets */
	struct fp_rescue_opts o; /* r.o */
	struct fp_rescue_sum *out;
	struct fp_job_head head;
	struct fp_switch *keeper; /* whose database has the staging */
	struct fp_switch **nodes; /* the targets' */
	size_t n_nodes;
	struct fp_coredb *file; /* --from-db: rows of r.rows are ours */
	struct fp_store_row *file_row;
	size_t n_file, n_file_room;
	char now[64];   /* the run that answers; "": none */
	char run[64];   /* the dead one that is looked out for */
	int64_t dead_s; /* since when; 0: not known */
	int64_t n_live; /* rows of the run that answers */
	bool is_staged; /* r.rows is of staging */
	bool is_begun;  /* ... and the store has the job */
	bool is_lost;   /* the job is somebody else's */
	bool is_resumed;
	bool is_copied;           /* staged by a take whose node died since */
	bool is_checked;          /* conditions were told */
	size_t n_skipped, n_lost; /* calls whose rows stay */
	struct fp_rescue_was *was;
	size_t n_was;
	bool is_emptying, is_emptied; /* of an earlier run too */
	bool was_dead;                /* ... made sure of */
	uint64_t n_taken;             /* rows */
	size_t n_others;              /* ... that another job has in hand */
	uint64_t n_torn;              /* ... that cannot be read */
	char (*had)[FP_LEG_UUID_MAX +
		    17]; /* --from-db: calls that an earlier job brought up */
	size_t n_had;
	char (*run_had)[64]; /* ... and runs that it ended with */
	size_t n_runs_had;
	const char **up; /* --from-db: legs that came up since, sorted */
	size_t n_up;
	double *weights;     /* of a plan */
	struct fp_hops hops; /* v NULL: not asked yet */
	bool is_hops_told;
	size_t n_edge; /* calls that stay: fp_rescue_hops */
};

/* rescue.c */
void fp_rescue_init(struct fp_rescue_job *j, const struct fp_rescue_opts *o,
		    struct fp_rescue_sum *out);
void fp_rescue_fini(struct fp_rescue_job *j);
void fp_rescue_say(const struct fp_rescue_job *j, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void fp_rescue_tell(const struct fp_rescue_job *j, const char *name,
		    enum fp_condition_state state, const char *value,
		    const char *detail);
int fp_rescue_pause(const struct fp_rescue_job *j, int64_t ms,
		    struct fp_err *e);
#define FP_RESCUE_LOCK 280
/* The lock of its node, in fp_db. */
void fp_rescue_lock(const struct fp_rescue_job *j, char out[FP_RESCUE_LOCK]);
int fp_rescue_begin_store(struct fp_rescue_job *j, struct fp_err *e);

/* rescue_do.c: with journal and store, to the end. */
int fp_rescue_do(struct fp_rescue_job *j, struct fp_err *e);
/* Tell and journal calls whose rows stay in recovery. */
int fp_rescue_leave(struct fp_rescue_job *j, struct fp_err *e);

/* rescue_rows.c */
int fp_rescue_store(struct fp_rescue_job *j, struct fp_switch *x,
		    struct fp_store **out, struct fp_err *e);
bool fp_rescue_has_run(const struct fp_rescue_job *j, const char *run);
/* -EPERM, rule alive: where it answers. */
int fp_rescue_refuse_live(const struct fp_rescue_job *j, const char *run,
			  struct fp_err *e);
/* Runs that are to be had, added to those known.  0, also when there are none. */
int fp_rescue_runs(struct fp_rescue_job *j, struct fp_err *e);
/* Their rows of recovery, or of staging, as legs and calls. */
int fp_rescue_rows(struct fp_rescue_job *j, struct fp_err *e);
void fp_rescue_forget(struct fp_rescue_job *j);
int fp_rescue_staged(struct fp_rescue_job *j, struct fp_err *e);
int fp_rescue_group(struct fp_rescue_job *j, struct fp_err *e);
bool fp_rescue_is_had(const struct fp_call *c);

/* rescue_file.c: --from-db */
int fp_rescue_file(struct fp_rescue_job *j, struct fp_err *e);
/* Calls of the file that an earlier job brought up: the file has them for ever.  They
 * are left alone. */
int fp_rescue_had(struct fp_rescue_job *j, struct fp_err *e);
void fp_rescue_leave_had(struct fp_rescue_job *j);
bool fp_rescue_is_run_had(const struct fp_rescue_job *j, const char *run);
void fp_rescue_file_fini(struct fp_rescue_job *j);
/* Legs of its rows that any job put or proved, that have a row in recovery, or that are
 * up at a switch that answers: asked now.  0: fp_rescue_is_up of a leg. */
int fp_rescue_up(struct fp_rescue_job *j, struct fp_err *e);
bool fp_rescue_is_up(const struct fp_rescue_job *j, const char *uuid);

/* rescue_hops.c: of j's calls those that came by a dead OpenSIPS; a call whose dialog no
 * other has is left alone.  Who answers is asked once. */
int fp_rescue_hops(struct fp_rescue_job *j, struct fp_err *e);

/* rescue_look.c */
int fp_rescue_see(struct fp_rescue_job *j, struct fp_err *e);
/* Has the job rows in staging?  -errno: nobody knows. */
int fp_rescue_has_staged(struct fp_rescue_job *j, bool *out, struct fp_err *e);
int fp_rescue_survey(struct fp_rescue_job *j, struct fp_err *e);
int fp_rescue_check(struct fp_rescue_job *j, struct fp_err *e);
/* Each call, as it would be. */
void fp_rescue_planned(struct fp_rescue_job *j);
int fp_rescue_targets(struct fp_rescue_job *j, struct fp_err *e);
/* --to auto: the node was started again since targets were chosen; is it one now? */
int fp_rescue_home(struct fp_rescue_job *j, struct fp_err *e);

/* rescue_take.c: the run is dead, the rows are staged.
 * compare: does the node answer as it did?  -EPERM: with a run that is to be dead. */
int fp_rescue_compare(struct fp_rescue_job *j, bool *is_new, struct fp_err *e);
int fp_rescue_kill(struct fp_rescue_job *j, struct fp_err *e);
int fp_rescue_empty(struct fp_rescue_job *j, struct fp_err *e);
int fp_rescue_take(struct fp_rescue_job *j, struct fp_err *e);

/* rescue_plan.c */
int fp_rescue_plan(const struct fp_rescue_job *j, struct fp_buf *to,
		   struct fp_err *e);
int fp_rescue_replan(struct fp_rescue_job *j, struct fp_err *e);
/* Into o, runs and targets; p is used as long as j.  j->weights is of j->nodes then. */
int fp_rescue_unplan(struct fp_rescue_job *j, const struct fp_recoverplan *p,
		     struct fp_err *e);

/* rescue_resume.c: what an earlier run of the job did to each call, into way. */
void fp_rescue_remember(struct fp_rescue_job *j);
/* Its journal's items, a fp_journal_item. */
int fp_rescue_item(void *job, const char *item, const char *state,
		   const char *detail, int64_t at_s);
/* Read, not taken: its plan is kept.  0; -ENOENT; -EALREADY: it has ended. */
int fp_rescue_read(struct fp_rescue_job *j, const char *id,
		   struct fp_recoverplan *p, struct fp_err *e);

#endif
