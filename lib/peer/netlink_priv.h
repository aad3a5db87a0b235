/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_NETLINK_PRIV_H
#define FP_PEER_NETLINK_PRIV_H

/* What the files of netlink.h share; not for others. */

#include <libmnl/libmnl.h>

/* A dump that raced with a change says so (NLM_F_DUMP_INTR, EINTR). */
#define FP_NL_DUMP_TRIES 5

/* Send the request and give every answer to cb.  0, -errno, or what cb left in
 * ctx (cb returns MNL_CB_STOP then). */
int fp_nl_ask(int bus, struct nlmsghdr *req, mnl_cb_t cb, void *ctx);

/* One attribute of each type, the last one standing.  max: highest index. */
struct fp_nl_attrs {
	const struct nlattr **v;
	unsigned int max;
};
/* ctx: struct fp_nl_attrs. */
int fp_nl_keep(const struct nlattr *a, void *ctx);

#endif
