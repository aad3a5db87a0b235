/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_VERB_DB_H
#define FP_VERB_DB_H

/* fp_db, for verbs of the tools that use it. */

#include "cli/opt.h"
#include "db/db.h"
#include "model/inventory.h"

/* A variable that is one for all hosts that have it: fp_dispatcher_db.
 * 0: *out is inv's; NULL: no host has it.  -EINVAL: two hosts differ. */
int fp_verb_db_var(const struct fp_inventory *inv, const char *key,
		   const char **out, struct fp_err *e);
/* How fp_db is reached. */
int fp_verb_db_conninfo(const struct fp_inventory *inv, const char **out,
			struct fp_err *e);
/* application_name: TOOL@HOST. */
#define FP_VERB_APP 80
void fp_verb_db_app(const struct fp_cli *c, char out[FP_VERB_APP]);
/* Open and check its schema.  conninfo NULL: -ENOENT.  Errors of fp_pg_open and
 * fp_db_check. */
int fp_verb_db_open(struct fp_pg **out, const struct fp_cli *c,
		    const char *conninfo, struct fp_err *e);
/* The same, for who will hold a lock. */
int fp_verb_db_open_locking(struct fp_pg **out, const struct fp_cli *c,
			    const char *conninfo, struct fp_err *e);
/* Is it one of an fp_db that is away, or not there at all (no variable, database
 * or schema)?  What --override lock is for. */
bool fp_verb_db_is_away(int code);
/* The exit status of an error of fp_db; says it. */
int fp_verb_db_fail(const struct fp_cli *c, int code, const struct fp_err *e);
/* The cluster file; a missing one is -EINVAL. */
int fp_verb_db_cluster(struct fp_inventory **out, const struct fp_cli *c,
		       struct fp_err *e);

#endif
