/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_COREDB_PRIV_H
#define FP_PEER_COREDB_PRIV_H

#include <sqlite3.h>

#include "peer/coredb.h"

struct fp_coredb {
	sqlite3 *sql;
	char *file, *dir, *copy; /* the named one; ours, and the file in it */
	bool is_torn;
	uint64_t n_lost;
};

/* Copy file, and a -journal or -wal beside it, into d->dir, which is made. */
int fp_coredb_copy(struct fp_coredb *d, const char *file, const char *dir,
		   struct fp_err *e);
/* Remove the copies and their folder. */
void fp_coredb_remove(struct fp_coredb *d);

/* What SQLite's result means to us, with its words. */
int fp_coredb_fail(const struct fp_coredb *d, int code, struct fp_err *e);

#endif
