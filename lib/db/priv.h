/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_DB_PRIV_H
#define FP_DB_PRIV_H

/* What the files of db.h share; not for others. */

#include "db/db.h"

/* ---- locks: two 32-bit keys, ours and the name's.  Source: PostgreSQL 15,
 * 9.27.10, 54.12 (pg_locks: classid, objid, objsubid 2). */

#define FP_DB_CLASS "1718641762" /* "fpdb" */
#define FP_DB_LOCK_KEY 16
/* The second key as text. */
void fp_db_lock_key(const char *name, char out[FP_DB_LOCK_KEY]);
/* A query that has a row when our session holds the lock $1 (its key). */
#define FP_DB_HELD                                                             \
	"select 1 from pg_locks where locktype = 'advisory' and granted"       \
	" and classid = " FP_DB_CLASS " and objid = $1::int::oid"              \
	" and objsubid = 2 and pid = pg_backend_pid() and database ="          \
	" (select oid from pg_database where datname = current_database())"

/* ---- schema */

/* From version to - 1 to version to. */
struct fp_db_step {
	int to;
	const char *sql;
};
extern const struct fp_db_step fp_db_steps[FP_DB_VERSION];

/* What the schema's version is; 0: it is not there.
 * -EEXIST: there is a schema of that name, but not ours. */
int fp_db_version(struct fp_pg *p, int *out, struct fp_err *e);
/* Do those of n steps that are still to be done, each in a transaction, or
 * (is_within) in the caller's.  0: *from: what it was.  -EPERM: newer than the
 * last step. */
int fp_db_migrate(struct fp_pg *p, const struct fp_db_step *step, size_t n,
		  bool is_within, int *from, struct fp_err *e);
/* Begin a transaction that no other setup is in. */
int fp_db_begin(struct fp_pg *p, struct fp_err *e);
/* Commit when r is 0, else roll back; r, or what the commit said. */
int fp_db_finish(struct fp_pg *p, int r, struct fp_err *e);

/* ---- rows */

/* A column into a buffer, cut to size; null: "". */
void fp_db_text(char *to, size_t size, const struct fp_pg_rows *r, size_t row,
		size_t column);
/* An array for n elements and more than none.  0; -ENOMEM. */
int fp_db_array(void *out, size_t n, size_t size, struct fp_err *e);
#define FP_DB_INT 24
void fp_db_int(char out[FP_DB_INT], int64_t v);

#endif
