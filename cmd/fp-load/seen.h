/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_SEEN_H
#define FP_CMD_SEEN_H

/* Whom a check saw while it observed, out of the filter's own memory. */

#include "load.h"
#include "logic/guard.h"

struct fl_source {
	struct fp_prefix host;
	struct fp_seen seen;
	const char *node; /* the cluster node that it is; of the guard */
	bool has_dialog;  /* within the last day */
};

struct fl_seen {
	struct fl_source *v; /* the newest first */
	size_t n, n_nodes, n_dialogs;
	size_t first_node, first_dialog; /* in v, when there are any */
	uint64_t n_held;      /* sources in the memory, of any check */
	uint64_t n_forgotten; /* that were in it once, of any check */
	bool is_overrun;      /* ... of the last day some, perhaps */
	uint32_t reason;      /* of collecting, as the next two are */
	uint32_t since_s;
	size_t cap;
};

/* reason: FP_R_seen_stealth or FP_R_seen_malformed.  Those that it saw within
 * the last day, less those that the lists let through or drop by now.
 * 0: *out is the caller's (fl_seen_fini).  -errno. */
int fl_seen_read(struct fl_seen *out, struct fp_filter *f,
		 const struct fp_guard *g, uint32_t reason, struct fp_err *e);
void fl_seen_fini(struct fl_seen *s);

#endif
