/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_NODE_FILTER_KEEP_H
#define FP_NODE_FILTER_KEEP_H

#include "node/filter.h"

/* For whoever keeps the filter on NICs that come and go. */

/* Without lists, settings and lock: for fp_filter_look and fp_filter_knows alone;
 * close with fp_filter_close.  pins: kept by reference.
 * 0, also when nothing is loaded.  -EPROTO: tables of another layout.  -errno. */
int fp_filter_open_look(struct fp_filter *f, const char *pins,
			struct fp_err *e);

/* Has a person detached it, and not attached it again? */
bool fp_filter_is_off(const struct fp_filter *f, const char *ifname);

/* Has the NIC a slot?  It keeps it while it is away, until it is detached. */
bool fp_filter_knows(struct fp_filter *f, const char *ifname);

/* Lists, settings and _cluster into the tables that are there, as the first
 * attach does.  0, also without tables; -errno. */
int fp_filter_refresh(struct fp_filter *f, struct fp_err *e);

/* Settings into the tables that are there, with the ports where sshd listens by
 * now; not while a line of the settings file is bad.  0; -errno. */
int fp_filter_ports(struct fp_filter *f, bool *is_changed, struct fp_err *e);

#endif
