/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_WOULD_H
#define FP_CMD_WOULD_H

#include "load.h"

/* Sums over the checks that begin to enforce, for the summary. */
struct fl_would {
	uint64_t sources, nodes, dialogs, forgotten;
};

/* Before key (stealth or malformed) becomes enforce: print whom it would have
 * dropped while it observed, of the last day; sources that are allowed or
 * blocked by now do not count.
 * 0.  -EPERM: rule unseen: nothing was observed; rule cluster: a cluster node is among them; rule dialog: a source
 * with calls is; rule memory: the filter has forgotten some.  -errno. */
int fl_would(struct fp_cli *c, struct fp_filter *f, enum fp_setting key,
	     enum fp_mode was, struct fl_would *sum, struct fp_err *e);

#endif
