/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_NODE_WORDS_H
#define FP_NODE_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/list.h"
#include "node/node.h"

/* What feeds, responders and fp-sync say about addresses, on this node. */

struct fp_words_result {
	uint64_t changed; /* words that were later than what was there */
	uint64_t ignored; /* older or equal words */
};

/* Merge words (entries with at=, any order, a prefix may come twice) into the
 * dynamic list `name`, which is made when it is not there.  n is open with
 * FP_NODE_WRITE.  On return 0 they are durable and, with a filter loaded, in the
 * tables: the whole batch by one append and one fdatasync.
 * -EEXIST: a list of this name is not dynamic, or of another kind.
 * -ENOSPC and other errors of fp_node_change. */
int fp_node_words(struct fp_node *n, const char *name, enum fp_kind kind,
		  const struct fp_entry *v, size_t n_words,
		  struct fp_words_result *out, struct fp_err *e);

#endif
