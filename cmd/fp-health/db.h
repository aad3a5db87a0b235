/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_HEALTH_DB_H
#define FP_CMD_HEALTH_DB_H

/* What verbs that want fp_db share. */

#include "health.h"
#include "health/db.h"
#include "model/inventory.h"

/* A variable that is one for all hosts that have it: fp_dispatcher_db.
 * 0: *out is inv's; NULL: no host has it.  -EINVAL: two hosts differ. */
int fh_db_var(const struct fp_inventory *inv, const char *key, const char **out,
	      struct fp_err *e);
/* How fp_db is reached. */
int fh_db_conninfo(const struct fp_inventory *inv, const char **out,
		   struct fp_err *e);
/* application_name: fp-health@HOST. */
#define FH_APP 80
void fh_db_app(char out[FH_APP]);
/* Open and check its schema.  conninfo NULL: -ENOENT.  Errors of fp_pg_open and
 * fp_db_check. */
int fh_db_open(struct fp_pg **out, const struct fp_cli *c, const char *conninfo,
	       struct fp_err *e);
/* The same, for who will hold a lock. */
int fh_db_open_locking(struct fp_pg **out, const struct fp_cli *c,
		       const char *conninfo, struct fp_err *e);
/* Is it one of an fp_db that is away, or not there at all (no variable, database
 * or schema)?  What --override lock is for. */
bool fh_db_is_away(int code);
/* The exit status of an error of fp_db; says it. */
int fh_db_fail(const struct fp_cli *c, int code, const struct fp_err *e);
/* The cluster file; a missing one is -EINVAL. */
int fh_db_cluster(struct fp_inventory **out, const struct fp_cli *c,
		  struct fp_err *e);

#endif
