/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_REHOME_LISTING_H
#define FP_REHOME_LISTING_H

#include <stdint.h>

#include "base/err.h"
#include "logic/dialogs.h"
#include "peer/mi.h"

/* The dialogs of one node, by pages of dlg_list_ctx, on the loop.  Paging is an
 * offset into a live hash table: calls that end shift what follows.  So each page
 * begins with the end of the one before; one that does not begin with what was seen
 * is asked for further back: no dialog that lives all the while is missed.  It is
 * walked twice, and once more while a walk finds new call-ids (at most 4 times).  A
 * page that is too long for the transport is halved; over datagrams one that is lost
 * is asked for three times within its time.
 * Source: facts/opensips.md, "ONE PAGE" 3, and 2.2; OpenSIPS 3.6 dialog, dlg_hash.c,
 * internal_mi_print_dlgs (new ones are put at the end of their bucket). */
struct fp_listing;

struct fp_listing_opts {
	struct fp_mi *mi;
	unsigned int page; /* 0: 500 over HTTP, 40 a datagram, 1000 over FIFO */
	int64_t timeout_ms; /* of a page */
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	/* code 0: s is the callee's (fp_dialogs_free), done and sorted; else as
	 * fp_mi_ask has it, -EREMOTEIO: it said no, -EAGAIN: it changes too
	 * fast, -EOVERFLOW: it does not end; and s is NULL.  The listing is gone then. */
	void (*done)(void *ctx, int code, struct fp_dialogs *s,
		     const struct fp_err *e);
	void *ctx;
};
/* 0; -ENOMEM, -errno: done is not called. */
int fp_listing_start(struct fp_listing **out, const struct fp_listing_opts *o,
		     struct fp_err *e);
void fp_listing_drop(struct fp_listing *l); /* NULL is allowed */

#endif
