/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_REHOME_ORPHANS_H
#define FP_REHOME_ORPHANS_H

#include "rehome/edges.h"

/* A tag with calls that are up, and that nobody who answers owns: nobody runs their
 * timeouts and pings, and what moves tags of owners passes it over. */
struct fp_orphan {
	char tag[64];
	size_t calls;              /* by the dialogs that are listed */
	const struct fp_edge *at;  /* one that has them */
	const struct fp_edge *own; /* whose tag it is; NULL: nobody's */
	const struct fp_edge
		*silent;         /* who may have owned it; NULL: all answer */
	bool is_known, is_owned; /* by any node; false */
};
/* All of them.  0: *out is an array of *n, free(3).  -EINVAL (fp_tags), -ENOMEM. */
int fp_edges_orphans(struct fp_edges *s, struct fp_orphan **out, size_t *n,
		     struct fp_err *e);
/* What to do: a command, in words. */
void fp_orphan_advice(const struct fp_orphan *o, char *out, size_t size);

#endif
