/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_RECOVER_RESCUE_H
#define FP_RECOVER_RESCUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recover/death.h"
#include "recover/hops.h"
#include "recover/recovering.h"

/* A job from its start to its end: rows of dead runs read, grouped, checked, fenced,
 * taken, recovered. */

struct fp_rescue;
struct fp_rescue_opts {
	enum fp_recover_kind kind;
	const char *verb;
	struct fp_loop *loop;
	struct fp_switches *switches; /* not read yet */
	struct fp_switch *from;
	struct fp_switch **to; /* n_to 0 and is_auto: chosen */
	size_t n_to;
	bool is_auto;
	const double *weights; /* n_to, or NULL */
	const char *const
		*runs; /* --run: these alone; n_runs 0: all that died */
	size_t n_runs;
	const char *from_db; /* --from-db FILE, or NULL */
	const char *state_dir;
	struct fp_calls_opts calls;
	const char *app, *owner, *why, *by;
	int64_t timeout_ms; /* of a statement, an answer */
	int64_t wait_ms; /* failover: for the node's restart when nothing answers;
			  * drain: for calls that cannot be moved to end */
	struct fp_journal_opts journal;
	struct fp_recovering_opts recovering; /* batch, prove_ms, callbacks */
	struct fp_fence
		fence; /* command, fleet ...; node and run are set here */
	bool is_fencing_targets; /* its command may be asked of targets that die, too:
				  * it looks at FP_NODE */
	int (*marks_now)(void *ctx, const struct fp_mark **out, size_t *n,
			 struct fp_err *e);
	/* OpenSIPS in front, all of them: who answers, and (is_listed) the dialogs of
	 * those that do.  *out of *n is the callee's until the next call.  NULL: rows keep
	 * the address of the one their call came by.  0; -EINTR -ENOMEM. */
	int (*edges)(void *ctx, bool is_listed, const struct fp_hop_edge **out,
		     size_t *n, struct fp_err *e);
	bool is_dry_run;
	/* resume: the node is dead, and a drain or a take of it that stopped goes on as
	 * a failover: proven dead or fenced first */
	bool is_node_dead;
	bool (*is_lifted)(void *ctx, const char *rule);
	void (*condition)(void *ctx, const struct fp_condition *c);
	/* a call of the plan (is_dry_run, preflight), or with its verdict */
	void (*call)(void *ctx, const struct fp_calls *all, size_t i,
		     const struct fp_recovering_call *way,
		     const struct fp_switch *to);
	void (*say)(void *ctx, const char *text);
	/* kind DRAIN, TAKE: called once, with empty_ctx, when the job has its locks and
	 * its journal.  DRAIN: before rows are taken; 0: the process is gone, what it
	 * left is read anew, then taken.  TAKE: r's calls are staged, as a copy; 0: the
	 * legs are gone, and so are their rows in recovery.
	 * Non-zero: all is as it was (a run that answers no more: the job is stopped,
	 * and resume goes on; else it is aborted).  -EALREADY (DRAIN): nothing is there
	 * to be moved, nothing was done.  -EINPROGRESS (TAKE): some legs are gone and
	 * could not be brought back: the job is stopped, never aborted.  resume calls it
	 * again when it did not end: it looks before each step whether that was done.
	 * See takeover.h. */
	int (*empty)(void *ctx, struct fp_rescue *r, struct fp_err *e);
	void *empty_ctx;
	void *ctx; /* of the other callbacks */
};
struct fp_rescue_sum {
	char job[40];
	bool is_changed;
	bool is_policy_old;
	size_t n_runs, n_calls, n_left;
	struct fp_recovering_sum legs;
};

/* The job under way, for `empty`. */
struct fp_rescue {
	const struct fp_rescue_opts *o;
	struct fp_store
		*store; /* of from; for --from-db, of the first target */
	struct fp_store **stores; /* of switches, by index; NULL: not opened */
	struct fp_store_rows rows;
	char (*runs)[64];
	size_t n_runs;
	struct fp_leg *leg;
	size_t n_legs;
	struct fp_calls calls;
	struct fp_recovering_call *way;
	struct fp_journal *journal;
	struct fp_recover_target *to;
	size_t n_to;
	enum fp_death death;
	bool is_paused; /* DRAIN: an earlier run of the job stopped new calls */
	int64_t started_ms;
};

/* For `empty`: read r's rows and group them anew, into its rows, leg, calls.
 * 0; -ENODATA: there are none. */
int fp_rescue_reread(struct fp_rescue *r, struct fp_err *e);

/* Read, group and check, and tell conditions and calls; nothing is changed.
 * 0; -EPERM: what refuses. */
int fp_rescue_look(const struct fp_rescue_opts *o, struct fp_rescue_sum *out,
		   struct fp_err *e);
/* The whole.  0: see out.  -EPERM: refused, nothing was changed.  -EALREADY: the dead
 * runs have no rows: nothing to do (out->is_changed false).  Others as
 * fp_recovering_run and fp_journal_begin: fp-recover resume goes on. */
int fp_rescue_run(const struct fp_rescue_opts *o, struct fp_rescue_sum *out,
		  struct fp_err *e);
/* Go on with a job, from its plan, its journal and its staging; also another
 * controller's.  o->from, runs and kind are the plan's; calls.orphans MOVE, batch 0,
 * prove_ms 0: as planned.  to: n_to 0: the plan's, and with is_auto (now or then) all
 * that are ready; else the plan's own are only looked at, for what was put there.
 * -ENOENT -EALREADY -EBUSY. */
int fp_rescue_resume(const struct fp_rescue_opts *o, const char *job,
		     struct fp_rescue_sum *out, struct fp_err *e);
/* End it where it is: rows that no target was asked for go back as they were.
 * 0: *n_back, *n_kept (put, unproven: they stay staged).  -EBUSY: it runs. */
int fp_rescue_abort(const struct fp_rescue_opts *o, const char *job,
		    uint64_t *n_back, uint64_t *n_kept, struct fp_err *e);

#endif
