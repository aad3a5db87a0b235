/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_REHOME_TAGS_H
#define FP_REHOME_TAGS_H

#include "base/err.h"
#include "rehome/edges.h"

/* Sharing tags change owner: the word of OpenSIPS that it did ("OK") proves nothing,
 * so that every node is asked.  Source: facts/opensips.md "ONE PAGE" 2, 2.4. */

/* Make a tag active at `to`, and read it back on every node until all that answer
 * agree or wait_ms is over (asked again while two say active: a link may have come
 * Up).  Views of s are new afterwards, but for nodes that are mute.
 * from: who alone may have it before, NULL: nobody.
 * 0: *is_changed: it was not so before.
 * -ENOENT rule "tag": no node knows it, or `to` does not: OpenSIPS would make it.
 * -EBUSY rule "active": another one alone has it.
 * -EBUSY rule "split": two say active still, e says which.
 * -EAGAIN: `to` does not answer.  -EREMOTEIO: it said no. */
int fp_tag_give(struct fp_edges *s, const char *tag, const struct fp_edge *from,
		struct fp_edge *to, int64_t wait_ms, bool *is_changed,
		struct fp_err *e);
/* The harmless proof, by a dialog of that tag: dlg_push_var is OK at the owner and
 * 403 at every other.  0.  -EBUSY rule "owner": e says who answered what.
 * -ENOENT: nobody has that dialog any more. */
int fp_tag_prove(struct fp_edges *s, const char *callid, struct fp_edge *owner,
		 struct fp_err *e);
/* Bring the SDP that the living owner has to all others (dlg_push_var), several
 * call-ids a request, a window of requests; pace as of moves.  *n_done.
 * 0; -EAGAIN; -EREMOTEIO: the owner said 403. */
int fp_tag_refresh(struct fp_edge *owner, const char *const *callids, size_t n,
		   double rate, size_t *n_done, struct fp_err *e);

#endif
