/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_WOULD_H
#define FP_CMD_WOULD_H

#include "load.h"

/* Before key (stealth or malformed) becomes enforce: print whom it would have
 * dropped while it observed; sources that are allowed by now do not count.
 * 0.  -EPERM rule cluster: a cluster node is among them.  -errno. */
int fl_would(struct fp_cli *c, struct fp_filter *f, enum fp_setting key,
	     enum fp_mode was, struct fp_err *e);

#endif
