/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_VERB_MOVER_H
#define FP_VERB_MOVER_H

/* What the tools that move calls (fp-rehome, fp-recover) have alike. */

#include "base/condition.h"
#include "cli/opt.h"
#include "cli/out.h"
#include "control/fleet.h"
#include "db/journal.h"
#include "verb/db.h"
#include "verb/nodes.h"

/* Maintenance marks: of fp_db (conninfo, NULL: none), or of our copy while it is away
 * (which is said).  0: *out of *n, free(3).  Errors of fp_verb_db_open and
 * fp_db_marks that are not its being away. */
int fp_verb_marks(const struct fp_cli *c, const char *conninfo,
		  struct fp_mark **out, size_t *n, struct fp_err *e);

/* How journals are opened, conninfo NULL under --override lock.  say and ctx are the
 * caller's to set. */
void fp_verb_journal(const struct fp_cli *c, const struct fp_nodes *n,
		     const char *conninfo, const char *app, const char *owner,
		     struct fp_journal_opts *out);

/* How nodes are reached by SSH, and where lists are (--lists, --ssh-command,
 * --no-ssh-config).  home and agent are the caller's to set: lib/ does not read the
 * environment. */
void fp_verb_fleet(const struct fp_cli *c, const struct fp_nodes *n,
		   struct fp_fleet_opts *out, const char **lists_dir);

/* --override RULE: each must be one of rules.  -EINVAL: which, and what there is. */
int fp_verb_rules(const struct fp_cli *c, const char *const *rules, size_t n,
		  struct fp_err *e);
/* A duration that an option has; none: it is left as it is.  -EINVAL. */
int fp_verb_duration(const struct fp_cli *c, const char *option,
		     int64_t *out_ms, struct fp_err *e);
/* --fence COMMAND and --fence-timeout (30s when it is not said).  -EINVAL: an empty
 * command, less than 100ms. */
int fp_verb_fence(const struct fp_cli *c, const char **command, int64_t *ms,
		  struct fp_err *e);
/* Who wants it: --by, else user@host.  -EINVAL. */
int fp_verb_by(const struct fp_cli *c, char by[128], struct fp_err *e);

/* The record of a condition, and what it is made of. */
struct fp_verb_condition {
	const char *node, *name, *state, *value, *rule, *detail;
};
extern const struct fp_type fp_verb_condition_type;
struct fp_verb_condition fp_verb_condition(const struct fp_condition *c);
/* ... as a line on stderr, where records are of another type. */
void fp_verb_condition_say(const struct fp_condition *c);

#endif
