/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/netlink.h"

#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* linux/netdev.h, Linux 6.3 (Debian 12 has the headers of 6.1); the numbers
 * are the kernel's ABI: Documentation/netlink/specs/netdev.yaml. */
#define FP_NETDEV_FAMILY_NAME "netdev"
#define FP_NETDEV_FAMILY_VERSION 1
#define FP_NETDEV_CMD_DEV_GET 1
#define FP_NETDEV_A_DEV_IFINDEX 1
#define FP_NETDEV_A_DEV_XDP_FEATURES 3
#define FP_NETDEV_XDP_ACT_BASIC 1

/* A dump that raced with a change says so (NLM_F_DUMP_INTR, EINTR). */
#define DUMP_TRIES 5

/* Larger than MNL_SOCKET_BUFFER_SIZE: one recv takes more of a dump. */
#define BUFFER_SIZE 32768

/* Send the request and give every answer to cb.  0, -errno, or what cb left in
 * the walk (cb returns MNL_CB_STOP then). */
static int nl_ask(int bus, struct nlmsghdr *req, mnl_cb_t cb, void *ctx)
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

/* One attribute of each type, the last one standing.  max: highest index. */
struct attrs {
	const struct nlattr **v;
	unsigned int max;
};

static int attr_keep(const struct nlattr *a, void *ctx)
{
	struct attrs *t = ctx;

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
	struct attrs t = { v, IFA_MAX };
	const struct nlattr *a;
	struct fp_prefix host;

	mnl_attr_parse(nlh, sizeof(*m), attr_keep, &t);
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
		struct attrs t = { v, RTA_MAX };

		mnl_attr_parse_payload(RTNH_DATA(nh),
				       nh->rtnh_len - RTNH_LENGTH(0), attr_keep,
				       &t);
		rc = give_hop(w, v, family, (unsigned int)nh->rtnh_ifindex);
	}
	return rc;
}

static int on_route(const struct nlmsghdr *nlh, void *ctx)
{
	const struct rtmsg *m = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *v[RTA_MAX + 1] = { NULL };
	struct attrs t = { v, RTA_MAX };

	if (m->rtm_dst_len || m->rtm_type != RTN_UNICAST)
		return MNL_CB_OK;
	mnl_attr_parse(nlh, sizeof(*m), attr_keep, &t);
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

	for (int i = 0; i < DUMP_TRIES && rc == -EINTR; i++) {
		struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

		nlh->nlmsg_type = type;
		nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
		*(uint8_t *)mnl_nlmsg_put_extra_header(nlh, size) = family;
		rc = nl_ask(NETLINK_ROUTE, nlh, cb, w);
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

static void xdp_read(const struct nlattr *nest, struct fp_net_link *out)
{
	static const enum fp_xdp_mode mode[] = {
		[XDP_ATTACHED_NONE] = FP_XDP_NONE,
		[XDP_ATTACHED_DRV] = FP_XDP_NATIVE,
		[XDP_ATTACHED_SKB] = FP_XDP_GENERIC,
		[XDP_ATTACHED_HW] = FP_XDP_OFFLOAD,
		[XDP_ATTACHED_MULTI] = FP_XDP_MULTI,
	};
	const struct nlattr *v[IFLA_XDP_MAX + 1] = { NULL };
	struct attrs t = { v, IFLA_XDP_MAX };
	const struct nlattr *id;

	mnl_attr_parse_nested(nest, attr_keep, &t);
	if (v[IFLA_XDP_ATTACHED] &&
	    mnl_attr_get_u8(v[IFLA_XDP_ATTACHED]) <= XDP_ATTACHED_MULTI)
		out->xdp_mode = mode[mnl_attr_get_u8(v[IFLA_XDP_ATTACHED])];
	id = v[IFLA_XDP_PROG_ID] ? v[IFLA_XDP_PROG_ID]
				 : v[IFLA_XDP_DRV_PROG_ID];
	if (id)
		out->xdp_prog_id = mnl_attr_get_u32(id);
}

static int on_link(const struct nlmsghdr *nlh, void *ctx)
{
	const struct ifinfomsg *m = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *v[IFLA_XDP + 1] = { NULL };
	struct attrs t = { v, IFLA_XDP };
	struct fp_net_link *out = ctx;

	mnl_attr_parse(nlh, sizeof(*m), attr_keep, &t);
	out->ifindex = m->ifi_index;
	out->is_up = m->ifi_flags & IFF_UP;
	out->has_carrier = m->ifi_flags & IFF_RUNNING;
	if (v[IFLA_IFNAME])
		strncpy(out->name, mnl_attr_get_str(v[IFLA_IFNAME]),
			sizeof(out->name) - 1);
	if (v[IFLA_MTU])
		out->mtu = mnl_attr_get_u32(v[IFLA_MTU]);
	if (v[IFLA_NUM_RX_QUEUES])
		out->rx_queues = mnl_attr_get_u32(v[IFLA_NUM_RX_QUEUES]);
	if (v[IFLA_NUM_TX_QUEUES])
		out->tx_queues = mnl_attr_get_u32(v[IFLA_NUM_TX_QUEUES]);
	if (v[IFLA_XDP])
		xdp_read(v[IFLA_XDP], out);
	return MNL_CB_OK;
}

static int link_read(const char *name, struct fp_net_link *out)
{
	_Alignas(8) char buf[512] = { 0 };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *m;

	nlh->nlmsg_type = RTM_GETLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	m = mnl_nlmsg_put_extra_header(nlh, sizeof(*m));
	m->ifi_family = AF_UNSPEC;
	mnl_attr_put_strz(nlh,
			  strlen(name) < IF_NAMESIZE ? IFLA_IFNAME
						     : IFLA_ALT_IFNAME,
			  name);
	/* Statistics of virtual functions can fill megabytes. */
	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return nl_ask(NETLINK_ROUTE, nlh, on_link, out);
}

/* What rtnetlink calls queues is what the driver allocated; ethtool knows how
 * many are in use.  Drivers without either say nothing (-EOPNOTSUPP). */
static void ethtool_read(struct fp_net_link *out)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ethtool_channels ch = { .cmd = ETHTOOL_GCHANNELS };
	struct ifreq ifr = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strcpy(out->driver, "-");
	if (fd < 0)
		return;
	memcpy(ifr.ifr_name, out->name, sizeof(ifr.ifr_name));
	ifr.ifr_data = (char *)&info;
	if (!ioctl(fd, SIOCETHTOOL, &ifr) && info.driver[0])
		memcpy(out->driver, info.driver, sizeof(out->driver) - 1);
	ifr.ifr_data = (char *)&ch;
	if (!ioctl(fd, SIOCETHTOOL, &ifr)) {
		if (ch.combined_count + ch.rx_count)
			out->rx_queues = ch.combined_count + ch.rx_count;
		if (ch.combined_count + ch.tx_count)
			out->tx_queues = ch.combined_count + ch.tx_count;
	}
	close(fd);
}

static struct nlmsghdr *genl_put(char *buf, uint16_t family, uint8_t cmd,
				 uint8_t version)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *g;

	nlh->nlmsg_type = family;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));
	g->cmd = cmd;
	g->version = version;
	return nlh;
}

static int on_family(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *v[CTRL_ATTR_FAMILY_ID + 1] = { NULL };
	struct attrs t = { v, CTRL_ATTR_FAMILY_ID };

	mnl_attr_parse(nlh, sizeof(struct genlmsghdr), attr_keep, &t);
	if (v[CTRL_ATTR_FAMILY_ID])
		*(uint16_t *)ctx = mnl_attr_get_u16(v[CTRL_ATTR_FAMILY_ID]);
	return MNL_CB_OK;
}

static int on_features(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *v[FP_NETDEV_A_DEV_XDP_FEATURES + 1] = { NULL };
	struct attrs t = { v, FP_NETDEV_A_DEV_XDP_FEATURES };
	enum fp_net_native *out = ctx;

	mnl_attr_parse(nlh, sizeof(struct genlmsghdr), attr_keep, &t);
	if (v[FP_NETDEV_A_DEV_XDP_FEATURES])
		*out = mnl_attr_get_u64(v[FP_NETDEV_A_DEV_XDP_FEATURES]) &
				       FP_NETDEV_XDP_ACT_BASIC
			       ? FP_NET_NATIVE_YES
			       : FP_NET_NATIVE_NO;
	return MNL_CB_OK;
}

/* A kernel without the family (-ENOENT) leaves UNKNOWN. */
static enum fp_net_native native_read(int ifindex)
{
	enum fp_net_native native = FP_NET_NATIVE_UNKNOWN;
	_Alignas(8) char buf[128] = { 0 };
	struct nlmsghdr *nlh;
	uint16_t family = 0;

	nlh = genl_put(buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, FP_NETDEV_FAMILY_NAME);
	if (nl_ask(NETLINK_GENERIC, nlh, on_family, &family) || !family)
		return native;
	nlh = genl_put(buf, family, FP_NETDEV_CMD_DEV_GET,
		       FP_NETDEV_FAMILY_VERSION);
	mnl_attr_put_u32(nlh, FP_NETDEV_A_DEV_IFINDEX, (uint32_t)ifindex);
	if (nl_ask(NETLINK_GENERIC, nlh, on_features, &native))
		return FP_NET_NATIVE_UNKNOWN;
	return native;
}

int fp_net_link(const char *name, struct fp_net_link *out, struct fp_err *e)
{
	struct fp_net_link l = { 0 };
	int rc = strlen(name) < 128 ? link_read(name, &l) : -ENODEV;

	if (!rc && !l.ifindex)
		rc = -ENODEV;
	if (rc == -ENODEV)
		return fp_err(e, rc, "%.40s: no such interface here", name);
	if (rc)
		return fp_err_sys(e, rc, "%.40s: cannot read interface", name);
	ethtool_read(&l);
	l.native = native_read(l.ifindex);
	*out = l;
	return 0;
}

const char *fp_xdp_mode_name(enum fp_xdp_mode m)
{
	static const char *const name[] = {
		[FP_XDP_NONE] = "-",          [FP_XDP_NATIVE] = "native",
		[FP_XDP_GENERIC] = "generic", [FP_XDP_OFFLOAD] = "offload",
		[FP_XDP_MULTI] = "multi",
	};

	return name[m];
}
