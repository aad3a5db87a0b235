/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/netlink_watch.h"

#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

/* A link with many virtual functions fills tens of kilobytes; what does not fit
 * is cut (MSG_TRUNC) and counts as lost. */
#define BUFFER_SIZE 65536

struct fp_net_watch {
	struct mnl_socket *socket;
	fp_net_event *each;
	void *ctx;
	_Alignas(8) char buf[BUFFER_SIZE];
};

int fp_net_watch_open(struct fp_net_watch **out, struct fp_err *e)
{
	struct fp_net_watch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return fp_err_sys(e, -ENOMEM, "netlink");
	w->socket =
		mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!w->socket ||
	    mnl_socket_bind(w->socket, RTMGRP_LINK, MNL_SOCKET_AUTOPID) < 0) {
		r = fp_err_sys(e, -errno, "cannot watch interfaces");
		fp_net_watch_close(w);
		return r;
	}
	*out = w;
	return 0;
}

void fp_net_watch_close(struct fp_net_watch *w)
{
	if (!w)
		return;
	if (w->socket)
		mnl_socket_close(w->socket);
	free(w);
}

int fp_net_watch_fd(const struct fp_net_watch *w)
{
	return mnl_socket_get_fd(w->socket);
}

static int name_keep(const struct nlattr *a, void *ctx)
{
	if (mnl_attr_get_type(a) == IFLA_IFNAME &&
	    mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0)
		*(const char **)ctx = mnl_attr_get_str(a);
	return MNL_CB_OK;
}

/* A bridge tells of its ports in the same group, and of a port that leaves it by
 * RTM_DELLINK: those have the family AF_BRIDGE (br_ifinfo_notify). */
static int on_event(const struct nlmsghdr *nlh, void *ctx)
{
	const struct ifinfomsg *m = mnl_nlmsg_get_payload(nlh);
	struct fp_net_watch *w = ctx;
	const char *name = "";

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*m) ||
	    (nlh->nlmsg_type != RTM_NEWLINK &&
	     nlh->nlmsg_type != RTM_DELLINK) ||
	    m->ifi_family != AF_UNSPEC)
		return MNL_CB_OK;
	mnl_attr_parse(nlh, sizeof(*m), name_keep, &name);
	w->each(w->ctx, m->ifi_index, name, nlh->nlmsg_type == RTM_DELLINK);
	return MNL_CB_OK;
}

int fp_net_watch_read(struct fp_net_watch *w, fp_net_event *each, void *ctx,
		      struct fp_err *e)
{
	bool is_lost = false;

	w->each = each;
	w->ctx = ctx;
	for (;;) {
		ssize_t n =
			mnl_socket_recvfrom(w->socket, w->buf, sizeof(w->buf));

		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0 && (errno == ENOBUFS || errno == ENOSPC))
			is_lost = true; /* ENOSPC: libmnl's for MSG_TRUNC */
		else if (n < 0 && errno != EINTR)
			return fp_err_sys(e, -errno, "watching interfaces");
		else if (n >= 0 &&
			 mnl_cb_run(w->buf, (size_t)n, 0, 0, on_event, w) < 0)
			is_lost = true;
	}
	return is_lost ? fp_err(e, -ENOBUFS,
				"changes of interfaces came faster than they could be read")
		       : 0;
}
