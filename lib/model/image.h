/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_MODEL_IMAGE_H
#define FP_MODEL_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/list.h"

/* What the lists say, in the form that tables are made equal to: the compiler's
 * middle.  IPv4 entries of lists that are not dynamic and that have no deadline
 * go to the directory; everything else to the prefix table. */

struct fp_image4 {
	uint32_t addr; /* host order */
	uint8_t len;   /* 0..32 */
	uint8_t kind;  /* enum fp_kind */
};

struct fp_image_key {
	uint64_t hi, lo;
	uint32_t until_s; /* CLOCK_MONOTONIC seconds, or FP_UNTIL_NEVER */
	uint8_t len, kind;
};

struct fp_image {
	/* all: every list; otherwise only what decides about `around` */
	bool is_all;
	struct fp_prefix around;
	struct fp_image4 *v4; /* fp_prefix_cmp order, those that cover first */
	size_t n4, cap4;
	struct fp_image_key
		*key; /* by prefix, then kind; each once, latest deadline */
	size_t n_keys, cap_keys;
	uint32_t n_fence; /* entries on fence lists, of all lists */
	int64_t wall_s;   /* CLOCK_REALTIME - CLOCK_MONOTONIC */
	uint32_t now_s;   /* CLOCK_MONOTONIC */
};

/* Everything.  0: free with fp_image_fini.  -EBADMSG: a list holds a bad line
 * (e: file, line, word).  -ENOMEM. */
int fp_image_all(struct fp_image *out, const struct fp_lists *ls,
		 struct fp_err *e);
/* What decides about the tables' parts that p can change: its /24s, its keys.
 * Costs binary searches, however long the lists are. */
int fp_image_around(struct fp_image *out, const struct fp_lists *ls,
		    const struct fp_prefix *p, struct fp_err *e);
void fp_image_fini(struct fp_image *img);

#endif
