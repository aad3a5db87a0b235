/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_REHOME_PAST_H
#define FP_REHOME_PAST_H

#include <stdbool.h>
#include <stddef.h>

#include "db/journal.h"

/* What the journals say of calls and tags: whose Contact the ends of a call have, and
 * who had a tag last, nobody else knows of a node that died.  The latest jobs of
 * fp-rehome are read (200, of 7 days), whatever became of them; a later word wins.
 * What was done longer ago, by hand, or by a controller without fp_db is not in it:
 * such a call is asked once more, which is harmless. */
struct fp_past;

/* Without fp_db (away, or none) the copies here are read, and that is said.  A job
 * that cannot be read is said and left out.
 * 0: fp_past_free.  -EINTR, -ENOMEM. */
int fp_past_read(struct fp_past **out, const struct fp_journal_opts *o,
		 struct fp_err *e);
/* May jobs other than that one have done something since h was read?  True also when
 * it cannot be known. */
bool fp_past_is_old(const struct fp_past *h, const struct fp_journal_opts *o,
		    const char *job);
void fp_past_free(struct fp_past *h); /* NULL is allowed */

/* Was it moved to that node (or had ended when it was asked there), and not asked since by anybody?  h may be NULL. */
bool fp_past_is_at(const struct fp_past *h, const char *callid,
		   const char *node);
/* Is it signalled through that node, or may it be: moved there last; asked there and
 * not moved for sure; or of no job, and (is_own) of a tag of the node's own, which its
 * calls get when they are made.  h may be NULL: is_own. */
bool fp_past_is_through(const struct fp_past *h, const char *callid,
			const char *node, bool is_own);
/* Who got a tag last; NULL: no job says. */
const char *fp_past_owner(const struct fp_past *h, const char *tag);
/* Jobs that have not ended, the latest first; *n. */
const struct fp_job_head *fp_past_open(const struct fp_past *h, size_t *n);

#endif
