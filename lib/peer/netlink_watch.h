/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_NETLINK_WATCH_H
#define FP_PEER_NETLINK_WATCH_H

#include <stdbool.h>

#include "base/err.h"

/* What becomes of the interfaces of this network namespace, as it happens
 * (rtnetlink(7), RTNLGRP_LINK).  For an event loop: wait for the descriptor to be
 * readable, then read. */

struct fp_net_watch;

/* 0: close with fp_net_watch_close.  -errno. */
int fp_net_watch_open(struct fp_net_watch **out, struct fp_err *e);
void fp_net_watch_close(struct fp_net_watch *w);
int fp_net_watch_fd(const struct fp_net_watch *w);

/* One change of an interface: it is new, or something about it is, its name
 * included; or it is gone from here (deleted, or moved to another namespace).
 * name: the one that it has now, or had; valid during the call. */
typedef void fp_net_event(void *ctx, int ifindex, const char *name,
			  bool is_gone);

/* Take all that has come, without waiting.
 * 0.  -ENOBUFS: there was more than the socket holds, and some of it is lost:
 * look at every interface anew; the watch goes on.  -errno. */
int fp_net_watch_read(struct fp_net_watch *w, fp_net_event *each, void *ctx,
		      struct fp_err *e);

#endif
