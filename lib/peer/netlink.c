/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/netlink.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer/netlink_priv.h"

/* Larger than MNL_SOCKET_BUFFER_SIZE: one recv takes more of a dump. */
#define BUFFER_SIZE 32768

int fp_nl_ask(int bus, struct nlmsghdr *req, mnl_cb_t cb, void *ctx)
{
	_Alignas(8) char buf[BUFFER_SIZE];
	struct mnl_socket *s = mnl_socket_open2(bus, SOCK_CLOEXEC);
	unsigned int port;
	ssize_t n = -1;
	int rc = -1;

	if (!s)
		return -errno;
	if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0)
		goto out;
	port = mnl_socket_get_portid(s);
	req->nlmsg_seq = 1;
	if (mnl_socket_sendto(s, req, req->nlmsg_len) < 0)
		goto out;
	do {
		n = mnl_socket_recvfrom(s, buf, sizeof(buf));
		if (n < 0)
			break;
		rc = mnl_cb_run(buf, (size_t)n, 1, port, cb, ctx);
	} while (rc > 0);
out:
	rc = n < 0 || rc < 0 ? -errno : 0;
	mnl_socket_close(s);
	return rc;
}

int fp_nl_keep(const struct nlattr *a, void *ctx)
{
	struct fp_nl_attrs *t = ctx;

	if (mnl_attr_get_type(a) <= t->max)
		t->v[mnl_attr_get_type(a)] = a;
	return MNL_CB_OK;
}

static bool addr_get(const struct nlattr *a, int family, struct fp_prefix *out)
{
	if (family == AF_INET && mnl_attr_get_payload_len(a) == 4)
		*out = fp_prefix_v4(mnl_attr_get_payload(a), 32);
	else if (family == AF_INET6 && mnl_attr_get_payload_len(a) == 16)
		*out = fp_prefix_v6(mnl_attr_get_payload(a), 128);
	else
		return false;
	return true;
}

struct walk {
	fp_net_each *each;
	void *ctx;
	int rc;            /* what each returned */
	unsigned int last; /* interface of name */
	char name[IF_NAMESIZE];
};

static int walk_give(struct walk *w, const struct fp_prefix *host,
		     unsigned int ifindex)
{
	if (ifindex != w->last && !if_indextoname(ifindex, w->name))
		strcpy(w->name, "-");
	w->last = ifindex;
	w->rc = w->each(w->ctx, host, w->name);
	return w->rc ? MNL_CB_STOP : MNL_CB_OK;
}

/* On a point-to-point link IFA_ADDRESS is the peer's and IFA_LOCAL ours; an
 * IPv6 address without a peer has IFA_ADDRESS only (linux/if_addr.h). */
static int on_address(const struct nlmsghdr *nlh, void *ctx)
{
	const struct ifaddrmsg *m = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *v[IFA_MAX + 1] = { NULL };
	struct fp_nl_attrs t = { v, IFA_MAX };
	const struct nlattr *a;
	struct fp_prefix host;

	mnl_attr_parse(nlh, sizeof(*m), fp_nl_keep, &t);
	a = v[IFA_LOCAL] ? v[IFA_LOCAL] : v[IFA_ADDRESS];
	if (!a || !addr_get(a, m->ifa_family, &host))
		return MNL_CB_OK;
	return walk_give(ctx, &host, m->ifa_index);
}

/* RTA_VIA: a next hop of another family than the route's (RFC 8950). */
static bool via_get(const struct nlattr *a, struct fp_prefix *out)
{
	const struct rtvia *via = mnl_attr_get_payload(a);
	size_t n = mnl_attr_get_payload_len(a);

	if (n < sizeof(*via))
		return false;
	n -= sizeof(*via);
	if (via->rtvia_family == AF_INET && n == 4)
		*out = fp_prefix_v4(via->rtvia_addr, 32);
	else if (via->rtvia_family == AF_INET6 && n == 16)
		*out = fp_prefix_v6(via->rtvia_addr, 128);
	else
		return false;
	return true;
}

static int give_hop(struct walk *w, const struct nlattr *const *v, int family,
		    unsigned int ifindex)
{
	struct fp_prefix host;

	if ((v[RTA_GATEWAY] && addr_get(v[RTA_GATEWAY], family, &host)) ||
	    (v[RTA_VIA] && via_get(v[RTA_VIA], &host)))
		return walk_give(w, &host, ifindex);
	return MNL_CB_OK;
}

static int give_hops(struct walk *w, const struct nlattr *multi, int family)
{
	const struct rtnexthop *nh = mnl_attr_get_payload(multi);
	int rest = mnl_attr_get_payload_len(multi);
	int rc = MNL_CB_OK;

	for (; rc == MNL_CB_OK && RTNH_OK(nh, rest);
	     rest -= RTNH_ALIGN(nh->rtnh_len), nh = RTNH_NEXT(nh)) {
		const struct nlattr *v[RTA_MAX + 1] = { NULL };
		struct fp_nl_attrs t = { v, RTA_MAX };

		mnl_attr_parse_payload(RTNH_DATA(nh),
				       nh->rtnh_len - RTNH_LENGTH(0),
				       fp_nl_keep, &t);
		rc = give_hop(w, v, family, (unsigned int)nh->rtnh_ifindex);
	}
	return rc;
}

static int on_route(const struct nlmsghdr *nlh, void *ctx)
{
	const struct rtmsg *m = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *v[RTA_MAX + 1] = { NULL };
	struct fp_nl_attrs t = { v, RTA_MAX };

	if (m->rtm_dst_len || m->rtm_type != RTN_UNICAST)
		return MNL_CB_OK;
	mnl_attr_parse(nlh, sizeof(*m), fp_nl_keep, &t);
	if (v[RTA_MULTIPATH])
		return give_hops(ctx, v[RTA_MULTIPATH], m->rtm_family);
	return give_hop(ctx, v, m->rtm_family,
			v[RTA_OIF] ? mnl_attr_get_u32(v[RTA_OIF]) : 0);
}

/* size: of the family header, whose first byte is the address family. */
static int dump(uint16_t type, size_t size, uint8_t family, mnl_cb_t cb,
		struct walk *w)
{
	_Alignas(8) char buf[128] = { 0 };
	int rc = -EINTR;

	for (int i = 0; i < FP_NL_DUMP_TRIES && rc == -EINTR; i++) {
		struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

		nlh->nlmsg_type = type;
		nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
		*(uint8_t *)mnl_nlmsg_put_extra_header(nlh, size) = family;
		rc = fp_nl_ask(NETLINK_ROUTE, nlh, cb, w);
	}
	return rc;
}

/* The host may have no IPv6: the kernel then answers with what it has. */
static int dump_both(uint16_t type, size_t size, mnl_cb_t cb, fp_net_each *each,
		     void *ctx, const char *what, struct fp_err *e)
{
	static const uint8_t family[] = { AF_INET, AF_INET6 };
	struct walk w = { .each = each, .ctx = ctx, .name = "-" };

	for (size_t i = 0; i < sizeof(family); i++) {
		int rc = dump(type, size, family[i], cb, &w);

		if (w.rc)
			return w.rc;
		if (rc < 0)
			return fp_err_sys(e, rc, "cannot read %s", what);
	}
	return 0;
}

int fp_net_addresses(fp_net_each *each, void *ctx, struct fp_err *e)
{
	return dump_both(RTM_GETADDR, sizeof(struct ifaddrmsg), on_address,
			 each, ctx, "own addresses", e);
}

int fp_net_gateways(fp_net_each *each, void *ctx, struct fp_err *e)
{
	return dump_both(RTM_GETROUTE, sizeof(struct rtmsg), on_route, each,
			 ctx, "routes", e);
}
