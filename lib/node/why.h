/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_NODE_WHY_H
#define FP_NODE_WHY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/list.h"
#include "node/node.h"

/* What becomes of an address: what the lists say, and what the kernel does.
 * They may not disagree. */

struct fp_why {
	enum fp_kind lists_say; /* of live entries; FP_KIND_NONE unless asked */
	enum fp_kind kernel;    /* FP_KIND_NONE without a filter */
	const char *mode; /* of the lists: "enforce", "observe" (a filter that
				 * is bypassed, too), "off", "none": no NIC has it */
	bool is_blocked;  /* its packets are dropped now */
	bool is_ending; /* an entry ends about now, by one clock or the other */
	bool disagrees;
};

/* Ask the kernel about a host.  n: open with FP_NODE_READ_BOTH or for writing.
 * 0; -errno. */
int fp_why_kernel(struct fp_node *n, const struct fp_prefix *host,
		  struct fp_why *out, struct fp_err *e);

/* The same and the lists: each is called for every entry that covers the host
 * and lives, or ended within the last two seconds; what it returns when not 0 is
 * returned.  now_s: unix time.
 * 0; -EBADMSG: a list holds a line that cannot be read; -errno. */
int fp_why_ask(struct fp_node *n, const struct fp_prefix *host, int64_t now_s,
	       int (*each)(void *ctx, const struct fp_merge_item *item),
	       void *ctx, struct fp_why *out, struct fp_err *e);

#endif
