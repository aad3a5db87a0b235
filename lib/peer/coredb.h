/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_COREDB_H
#define FP_PEER_COREDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* The SQLite file of a dead FreeSWITCH (core.db): rows of table recovery.  What is
 * named is never opened: it, and a -journal or -wal beside it, are copied together to
 * a folder of ours, and the copy is read.  FreeSWITCH writes without a journal: a
 * file may be torn, then it is read row by row.  It blocks.
 * Source: SQLite 3; facts of FreeSWITCH 1.10.12, part 2, 4. */
struct fp_coredb;

struct fp_coredb_row { /* NUL-terminated; the coredb's */
	const char *run, *technology, *profile, *hostname, *uuid;
	const char *xml;
	size_t xml_len;
};
/* file: its path; dir: where copies go (made, 0700, removed by close).
 * 0: fp_coredb_close.  -ENOENT.  -EBADMSG: no SQLite file, or no table recovery.
 * -EBUSY: it changes while it is copied.  -ENOSPC -EIO -EACCES -ENOMEM. */
int fp_coredb_open(struct fp_coredb **out, const char *file, const char *dir,
		   struct fp_err *e);
void fp_coredb_close(struct fp_coredb *d); /* NULL is allowed */
/* Is it torn (integrity_check)?  Then n_lost rows could not be read by the last
 * fp_coredb_rows: a row number in what cannot be read counts as one, had it a row or
 * not. */
bool fp_coredb_is_torn(const struct fp_coredb *d, uint64_t *n_lost);
/* Each row once, in the order of rowids; stops at non-zero and returns it. */
int fp_coredb_rows(struct fp_coredb *d,
		   int (*each)(void *ctx, const struct fp_coredb_row *row),
		   void *ctx, struct fp_err *e);

#endif
