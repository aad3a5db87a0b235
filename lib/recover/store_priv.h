/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_RECOVER_STORE_PRIV_H
#define FP_RECOVER_STORE_PRIV_H

/* What the files of store.h and staging.h share; not for others. */

#include "base/buf.h"
#include "recover/staging.h"

struct fp_store {
	struct fp_pg *pg;
	/* the schema of table recovery, quoted; it alone is our search_path */
	char schema[160];
	char identity
		[128]; /* server, database and schema: the same of two sessions */
	/* of begin; job "": not begun */
	char job[40], node[256], lock[272];
	int64_t epoch;
};

/* Column uuid of a row of `t`, without what we put before it. */
#define FP_STORE_PREFIX "fp:"
#define FP_STORE_UUID(t)                                                       \
	"(case when " t "uuid like 'fp:%' then substr(" t "uuid, 4)"           \
	" else coalesce(" t "uuid, '') end)"

static inline int fp_store_oom(struct fp_err *e)
{
	return fp_err(e, -ENOMEM, "out of memory");
}
/* A column of metadata, and how long it is. */
#define FP_STORE_XML                                                           \
	"case when octet_length(metadata) <= 4194304 then metadata end,"       \
	" octet_length(metadata)"

/* Texts as an array: of n, or NULL when n is 0.  0: *out is the buffer's; -ENOMEM. */
int fp_store_array(struct fp_buf *to, const char *const *v, size_t n,
		   const char **out, struct fp_err *e);
/* Columns: run, technology, profile, hostname, uuid, XML, its length, and of staging:
 * state, target, token, at.  Rows become out's. */
int fp_store_rows_of(struct fp_store_rows *out, struct fp_pg_rows *rows,
		     struct fp_err *e);

/* ---- transactions */

int fp_store_tx(struct fp_store *s, struct fp_err *e);
/* Commit when r is 0, else roll back; r, or what the commit said. */
int fp_store_tx_end(struct fp_store *s, int r, struct fp_err *e);
/* One that writes to staging: begun, and our lock and epoch are checked in it. */
int fp_store_tx_ours(struct fp_store *s, struct fp_err *e);
/* Are the tables of staging there? */
int fp_store_has_staging(struct fp_store *s, bool *out, struct fp_err *e);
/* Make them; what we may not: -EACCES. */
int fp_store_make_staging(struct fp_store *s, struct fp_err *e);

#endif
