/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_RECOVER_H
#define FP_CMD_RECOVER_H

/* What the verbs of fp-recover share. */

#include "cli/log.h"
#include "cli/opt.h"
#include "cli/out.h"
#include "cli/progress.h"
#include "recover/takeover.h"
#include "verb/db.h"
#include "verb/mover.h"
#include "verb/nodes.h"
#include "verb/words.h"

int fv_preflight(struct fp_cli *c);
int fv_list(struct fp_cli *c);
int fv_failover(struct fp_cli *c);
int fv_drain(struct fp_cli *c);
int fv_take(struct fp_cli *c);
int fv_fence(struct fp_cli *c);
int fv_unfence(struct fp_cli *c);
int fv_jobs(struct fp_cli *c);
int fv_resume(struct fp_cli *c);
int fv_abort(struct fp_cli *c);

#define FV_COUNT(v) (sizeof(v) / sizeof(*(v)))

/* Records: a verb's text output (and -o) is of one type; others go to stderr, and with
 * --json they are records of their own types. */
enum fv_record { FV_CONDITION, FV_CALL, FV_LEG };

/* The cluster, and what the command line said. */
struct fv_env {
	struct fp_cli *c;
	struct fp_nodes nodes; /* loop, work, resolver, inventory */
	struct fp_switches switches;
	const char *conninfo; /* of fp_db; NULL: none */
	char app[FP_VERB_APP];
	char by[128];
	char owner[128];
	struct fp_mark *marks;
	size_t n_marks;
	struct fp_calls_opts calls;
	size_t batch;
	int64_t prove_ms;
	int64_t fence_ms;
	int64_t wait_ms; /* --wait; -1: not said */
	double *weights; /* of --to NODE=WEIGHT */
	struct fp_fleet_opts fleet;
	bool has_fleet;
	const char *lists_dir;
	const struct fp_host **filters;
	size_t n_filters;
	struct fp_progress progress;
	const char *progress_what;
	enum fv_record main;
	struct fv_edges *edges; /* edges.c; NULL: not asked yet */
	const char *state; /* of the run of calls that list prints; else NULL */
};
/* Read the cluster file and the options of c->verb, and open its FreeSWITCH nodes (not
 * read yet).  0: fv_close.  -EINVAL. */
int fv_open(struct fv_env *v, struct fp_cli *c, struct fp_err *e);
void fv_close(struct fv_env *v);
/* What the verb prints.  -EINVAL: -o names a field that it does not have. */
int fv_prints(struct fv_env *v, enum fv_record main, struct fp_err *e);
/* A node named on the command line.  -EINVAL: no such, or it has no fp_esl. */
int fv_node(const struct fv_env *v, const char *name, struct fp_switch **out,
	    struct fp_err *e);
/* --to NODE[=WEIGHT],... or auto.  0: *out of *n, free(3); v->weights. */
int fv_targets(struct fv_env *v, struct fp_switch ***out, size_t *n,
	       bool *is_auto, struct fp_err *e);
/* Maintenance marks of fp_db, or of the copy when it is away; marks_now of rescue. */
int fv_marks(struct fv_env *v, struct fp_err *e);
int fv_marks_now(void *env, const struct fp_mark **out, size_t *n,
		 struct fp_err *e);
/* OpenSIPS in front, `edges` of rescue.  Whoever was silent once stays so. */
int fv_edges(void *env, bool is_listed, const struct fp_hop_edge **out,
	     size_t *n, struct fp_err *e);
void fv_edges_close(struct fv_env *v);
void fv_journal(struct fv_env *v, struct fp_journal_opts *out);
bool fv_is_lifted(void *env, const char *rule);
/* All of a rescue's opts that env knows. */
void fv_rescue(struct fv_env *v, enum fp_recover_kind kind,
	       struct fp_rescue_opts *out);
/* The fence of a node, as options have it. */
void fv_fence_of(struct fv_env *v, struct fp_switch *x, struct fp_fence *out);
/* Report e and map it to an exit status. */
int fv_fail(const struct fv_env *v, int code, const struct fp_err *e);
/* Print, and go on; callbacks, with env as ctx. */
void fv_condition(void *env, const struct fp_condition *c);
void fv_call(void *env, const struct fp_calls *all, size_t i,
	     const struct fp_recovering_call *way, const struct fp_switch *to);
void fv_progress(void *env, const char *what, size_t done, size_t total);
void fv_say(void *env, const char *text);
/* The summary and the exit status: 0 all recovered (or gone, or as told), 3 some are
 * not, and what code of fp_rescue_run means. */
int fv_end(struct fv_env *v, int code, const struct fp_rescue_sum *s,
	   const struct fp_err *e);

#endif
