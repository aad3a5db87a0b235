/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_REHOME_H
#define FP_CMD_REHOME_H

/* What the verbs of fp-rehome share. */

#include "base/addr.h"
#include "cli/log.h"
#include "cli/opt.h"
#include "cli/out.h"
#include "cli/progress.h"
#include "rehome/campaign.h"
#include "verb/db.h"
#include "verb/mover.h"
#include "verb/nodes.h"
#include "verb/words.h"

int fr_preflight(struct fp_cli *c);
int fr_list(struct fp_cli *c);
int fr_failover(struct fp_cli *c);
int fr_drain(struct fp_cli *c);
int fr_balance(struct fp_cli *c);
int fr_take(struct fp_cli *c);
int fr_drain_media(struct fp_cli *c);
int fr_join(struct fp_cli *c);
int fr_activate(struct fp_cli *c);
int fr_compare(struct fp_cli *c);
int fr_jobs(struct fp_cli *c);
int fr_resume(struct fp_cli *c);
int fr_abort(struct fp_cli *c);

#define FR_COUNT(v) (sizeof(v) / sizeof(*(v)))

/* Records.  A verb has one that its text output (and -o) is made of; what else there
 * is to say goes to stderr, and with --json it is records of their own types too. */
enum fr_record { FR_CONDITION, FR_TAG, FR_CALL, FR_DIALOG };

/* The cluster, and what the command line said. */
struct fr_env {
	struct fp_cli *c;
	struct fp_nodes nodes; /* loop, work, resolver, inventory */
	struct fp_edges edges;
	const char *conninfo; /* of fp_db; NULL: none */
	char app[FP_VERB_APP];
	char by[128];
	char owner[128];
	struct fp_mark *marks; /* of maintenance */
	size_t n_marks;
	struct fp_words tags, callids; /* of --tag, --calls */
	struct fp_select select;
	char media[FP_PREFIX_STRLEN]; /* of --media */
	enum fp_body body;
	struct fp_moving_opts moving; /* of --window ... --verify */
	int64_t wait_ms;              /* --wait; -1: not said */
	const char *fence;            /* its command, or NULL */
	int64_t fence_ms;
	struct fp_progress progress;
	const char *progress_what; /* what progress is of, or NULL */
	enum fr_record main;
};
/* Read the cluster file and the options of c->verb, and open its OpenSIPS nodes (not
 * read yet).  0: fr_close.  -EINVAL. */
int fr_open(struct fr_env *v, struct fp_cli *c, struct fp_err *e);
void fr_close(struct fr_env *v);
/* What the verb prints; a call record unless it says otherwise (a record of the plan,
 * FR_TAG, under --dry-run).  -EINVAL: -o names a field that it does not have. */
int fr_prints(struct fr_env *v, enum fr_record main, struct fp_err *e);
/* A node named on the command line.  -EINVAL: there is none of that name, or it has no
 * fp_mi. */
int fr_node(const struct fr_env *v, const char *name, struct fp_edge **out,
	    struct fp_err *e);
bool fr_is_among(const char (*v)[64], size_t n, const char *tag);
/* A line of the first tag with calls that nobody owns, by the dialogs that are listed,
 * and what to do; "": there is none.  x: the node that may have had it, or NULL.
 * 0; errors of fp_edge_own_tags. */
int fr_orphans(struct fr_env *v, const struct fp_edge *x, char *out,
	       size_t size, struct fp_err *e);
/* Does --tag name what x owns, or its own that another owns by now?  0.  -EPERM, rules
 * tag, owner, active (lifted: said, 0). */
int fr_named_tags(struct fr_env *v, const struct fp_edge *x, struct fp_err *e);
/* Is it one that the verb is of: by operands, else by -N, else any? */
bool fr_is_named(const struct fr_env *v, const struct fp_edge *x);
/* --to: nodes; *is_auto.  0: *out is an array of *n, free(3); without --to *n is 0.
 * -EINVAL: a name, one twice. */
int fr_targets(const struct fr_env *v, struct fp_edge ***out, size_t *n,
	       bool *is_auto, struct fp_err *e);
/* Read the file of --config.  0; -errno, -EFBIG, -EINVAL: e names it. */
int fr_config(const char *name, struct fp_os_cfg *out, struct fp_err *e);
/* Maintenance marks of fp_db, or of the copy when it is away. */
int fr_marks(struct fr_env *v, struct fp_err *e);
/* The same anew: those before are gone.  marks_now of a campaign. */
int fr_marks_now(void *env, const struct fp_mark **out, size_t *n,
		 struct fp_err *e);
/* How journals are opened: conninfo NULL under --override lock. */
void fr_journal(struct fr_env *v, struct fp_journal_opts *out);
/* The fleet that is asked for policies; false: no node has fp_if. */
bool fr_fleet(const struct fr_env *v, struct fp_fleet_opts *out,
	      const char **lists_dir);
bool fr_is_lifted(void *env, const char *rule);
/* Report e and map it to an exit status. */
int fr_fail(const struct fr_env *v, int code, const struct fp_err *e);
/* Print, and go on; callbacks of preflight and campaign, with env as ctx.
 * fr_progress: what NULL: it is over; rate and left_s are worked out from done. */
void fr_condition(void *env, const struct fp_condition *c);
void fr_tag(void *env, const struct fp_tag_move *m, const char *state,
	    const char *detail);
void fr_call(void *env, const struct fp_moving_call *c,
	     const struct fp_edge *to);
void fr_progress(void *env, const char *what, size_t done, size_t total,
		 double rate, int64_t left_s);
void fr_say(void *env, const char *text);
void fr_dialog(struct fr_env *v, const struct fp_dialog *d,
	       const struct fp_edge *owner, const struct fp_edge *seen_at);
/* A campaign's opts from env. */
void fr_campaign(struct fr_env *v, enum fp_move_kind kind,
		 struct fp_campaign_opts *out);
/* The summary and the exit status: 0 all moved or gone, 3 some are not, and what
 * code of fp_campaign_run means. */
int fr_end(struct fr_env *v, int code, const struct fp_campaign_sum *s,
	   const struct fp_err *e);

#endif
