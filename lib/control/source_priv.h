/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CONTROL_SOURCE_PRIV_H
#define FP_CONTROL_SOURCE_PRIV_H

/* What source.c and source_frames.c share; not for others. */

#include "control/source.h"

/* From a version that some node has. */
struct diff {
	struct diff *next;
	char from[65];
	bool is_none; /* not known, or not worth it */
	struct fp_buf frames;
};

struct list {
	char name[FP_LIST_NAME_MAX + 1], digest[65];
	enum fp_kind kind;
	struct fp_buf text; /* entries point into it */
	struct fp_entries entries;
	struct fp_buf whole, buckets; /* frames; empty: not made yet */
	struct diff *diffs;
};

struct fp_source {
	const struct fp_history *history;
	struct list *list;
	struct fp_offer *offer; /* the same */
	size_t n;
	struct fp_offers offers;
	char policy[65];
	int64_t end_s;
	uint64_t n_expired;
};

/* Fills s->offers. */
void fp_source_methods(struct fp_source *s);

#endif
