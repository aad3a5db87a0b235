/* SPDX-License-Identifier: Apache-2.0 */
/* What a link is, what it is made of and what runs on it. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/ethtool.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer/netlink.h"
#include "peer/netlink_priv.h"

/* linux/netdev.h, Linux 6.3 (Debian 12 has the headers of 6.1); the numbers
 * are the kernel's ABI: Documentation/netlink/specs/netdev.yaml. */
#define FP_NETDEV_FAMILY_NAME "netdev"
#define FP_NETDEV_FAMILY_VERSION 1
#define FP_NETDEV_CMD_DEV_GET 1
#define FP_NETDEV_A_DEV_IFINDEX 1
#define FP_NETDEV_A_DEV_XDP_FEATURES 3
#define FP_NETDEV_XDP_ACT_BASIC 1

/* linux/if_bonding.h, which cannot stand beside net/if.h. */
#define BOND_ROUND_ROBIN 0
#define BOND_ACTIVE_BACKUP 1
#define BOND_XOR 2
#define BOND_8023AD 4
#define BOND_HASH_VLAN_SRCMAC 5

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
	struct fp_nl_attrs t = { v, IFLA_XDP_MAX };
	const struct nlattr *id;

	mnl_attr_parse_nested(nest, fp_nl_keep, &t);
	if (v[IFLA_XDP_ATTACHED] &&
	    mnl_attr_get_u8(v[IFLA_XDP_ATTACHED]) <= XDP_ATTACHED_MULTI)
		out->xdp_mode = mode[mnl_attr_get_u8(v[IFLA_XDP_ATTACHED])];
	id = v[IFLA_XDP_PROG_ID] ? v[IFLA_XDP_PROG_ID]
				 : v[IFLA_XDP_DRV_PROG_ID];
	if (id)
		out->xdp_prog_id = mnl_attr_get_u32(id);
}

/* IFLA_LINK of others means something else: the peer of a veth, the way that a
 * tunnel's packets take. */
static bool is_stacked(const char *kind)
{
	static const char *const kinds[] = { "vlan",   "macvlan", "macvtap",
					     "ipvlan", "ipvtap",  "macsec" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kind, kinds[i]))
			return true;
	return false;
}

/* bond_xdp_check() in drivers/net/bonding/bond_main.c, Linux 5.15 to 6.18. */
static bool bond_can_xdp(const struct nlattr *data)
{
	const struct nlattr *v[IFLA_BOND_MAX + 1] = { NULL };
	struct fp_nl_attrs t = { v, IFLA_BOND_MAX };
	const struct nlattr *hash;

	mnl_attr_parse_nested(data, fp_nl_keep, &t);
	if (!v[IFLA_BOND_MODE])
		return false;
	switch (mnl_attr_get_u8(v[IFLA_BOND_MODE])) {
	case BOND_ROUND_ROBIN:
	case BOND_ACTIVE_BACKUP:
		return true;
	case BOND_XOR:
	case BOND_8023AD:
		hash = v[IFLA_BOND_XMIT_HASH_POLICY];
		return !hash || mnl_attr_get_u8(hash) != BOND_HASH_VLAN_SRCMAC;
	default:
		return false;
	}
}

static void info_read(const struct nlattr *nest, struct fp_net_link *out)
{
	const struct nlattr *v[IFLA_INFO_MAX + 1] = { NULL };
	struct fp_nl_attrs t = { v, IFLA_INFO_MAX };

	mnl_attr_parse_nested(nest, fp_nl_keep, &t);
	if (!v[IFLA_INFO_KIND])
		return;
	snprintf(out->kind, sizeof(out->kind), "%s",
		 mnl_attr_get_str(v[IFLA_INFO_KIND]));
	if (v[IFLA_INFO_DATA] && !strcmp(out->kind, "bond"))
		out->is_bond_able = bond_can_xdp(v[IFLA_INFO_DATA]);
}

static void name_of(const struct nlattr *index, char *out)
{
	if (index && !if_indextoname(mnl_attr_get_u32(index), out))
		strcpy(out, "-");
}

/* What it is, and where it is in a stack of devices. */
static void place_read(const struct nlattr *const *v, struct fp_net_link *out)
{
	strcpy(out->kind, "-");
	strcpy(out->over, "-");
	strcpy(out->master, "-");
	if (v[IFLA_LINKINFO])
		info_read(v[IFLA_LINKINFO], out);
	name_of(v[IFLA_MASTER], out->master);
	if (is_stacked(out->kind) && !v[IFLA_LINK_NETNSID])
		name_of(v[IFLA_LINK], out->over);
}

static void link_parse(const struct nlmsghdr *nlh, struct fp_net_link *out)
{
	const struct ifinfomsg *m = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *v[IFLA_XDP + 1] = { NULL };
	struct fp_nl_attrs t = { v, IFLA_XDP };

	mnl_attr_parse(nlh, sizeof(*m), fp_nl_keep, &t);
	out->ifindex = m->ifi_index;
	out->is_up = m->ifi_flags & IFF_UP;
	out->has_carrier = m->ifi_flags & IFF_RUNNING;
	out->has_ethernet =
		m->ifi_type == ARPHRD_ETHER || m->ifi_type == ARPHRD_LOOPBACK;
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
	place_read(v, out);
	strcpy(out->driver, "-");
}

static int on_link(const struct nlmsghdr *nlh, void *ctx)
{
	link_parse(nlh, ctx);
	return MNL_CB_OK;
}

static struct nlmsghdr *link_put(char *buf, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *m;

	nlh->nlmsg_type = RTM_GETLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	m = mnl_nlmsg_put_extra_header(nlh, sizeof(*m));
	m->ifi_family = AF_UNSPEC;
	return nlh;
}

/* Statistics of virtual functions can fill megabytes. */
static void skip_statistics(struct nlmsghdr *nlh)
{
	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

static int link_read(const char *name, struct fp_net_link *out)
{
	_Alignas(8) char buf[512] = { 0 };
	struct nlmsghdr *nlh = link_put(buf, NLM_F_ACK);

	mnl_attr_put_strz(nlh,
			  strlen(name) < IF_NAMESIZE ? IFLA_IFNAME
						     : IFLA_ALT_IFNAME,
			  name);
	skip_statistics(nlh);
	return fp_nl_ask(NETLINK_ROUTE, nlh, on_link, out);
}

struct links {
	fp_net_link_each *each;
	void *ctx;
	int rc; /* what each returned */
};

static int on_each_link(const struct nlmsghdr *nlh, void *ctx)
{
	struct fp_net_link l = { 0 };
	struct links *w = ctx;

	link_parse(nlh, &l);
	w->rc = w->each(w->ctx, &l);
	return w->rc ? MNL_CB_STOP : MNL_CB_OK;
}

int fp_net_links(fp_net_link_each *each, void *ctx, struct fp_err *e)
{
	struct links w = { .each = each, .ctx = ctx };
	_Alignas(8) char buf[128];
	int rc = -EINTR;

	for (int i = 0; i < FP_NL_DUMP_TRIES && rc == -EINTR; i++) {
		struct nlmsghdr *nlh = link_put(buf, NLM_F_DUMP);

		skip_statistics(nlh);
		rc = fp_nl_ask(NETLINK_ROUTE, nlh, on_each_link, &w);
		if (w.rc)
			return w.rc;
	}
	return rc ? fp_err_sys(e, rc, "cannot read interfaces") : 0;
}

bool fp_net_has_ports(const struct fp_net_link *l)
{
	return !strcmp(l->kind, "bond") || !strcmp(l->kind, "bridge") ||
	       !strcmp(l->kind, "team");
}

static bool is_over(const struct fp_net_link *l, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = strstr(l->over, name); at;
	     at = strstr(at + 1, name))
		if ((at == l->over || at[-1] == ',') &&
		    (!at[n] || at[n] == ','))
			return true;
	return false;
}

bool fp_net_is_below(const struct fp_net_link *l,
		     const struct fp_net_link *upper)
{
	return !strcmp(l->master, upper->name) || is_over(upper, l->name);
}

/* One more name; ",..." when there is no room. */
static int over_add(void *ctx, const struct fp_net_link *port)
{
	struct fp_net_link *l = ctx;
	size_t n = strcmp(l->over, "-") ? strlen(l->over) : 0;

	if (strcmp(port->master, l->name) || is_over(l, port->name))
		return 0;
	if (n + 1 + strlen(port->name) + sizeof(",...") > sizeof(l->over)) {
		strcpy(l->over + n, ",...");
		return 1;
	}
	sprintf(l->over + n, "%s%s", n ? "," : "", port->name);
	return 0;
}

/* What rtnetlink calls queues is what the driver allocated; ethtool knows how
 * many are in use.  Drivers without either say nothing (-EOPNOTSUPP). */
static void ethtool_read(struct fp_net_link *out)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ethtool_channels ch = { .cmd = ETHTOOL_GCHANNELS };
	struct ifreq ifr = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

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
	struct fp_nl_attrs t = { v, CTRL_ATTR_FAMILY_ID };

	mnl_attr_parse(nlh, sizeof(struct genlmsghdr), fp_nl_keep, &t);
	if (v[CTRL_ATTR_FAMILY_ID])
		*(uint16_t *)ctx = mnl_attr_get_u16(v[CTRL_ATTR_FAMILY_ID]);
	return MNL_CB_OK;
}

static int on_features(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *v[FP_NETDEV_A_DEV_XDP_FEATURES + 1] = { NULL };
	struct fp_nl_attrs t = { v, FP_NETDEV_A_DEV_XDP_FEATURES };
	enum fp_net_native *out = ctx;

	mnl_attr_parse(nlh, sizeof(struct genlmsghdr), fp_nl_keep, &t);
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
	if (fp_nl_ask(NETLINK_GENERIC, nlh, on_family, &family) || !family)
		return native;
	nlh = genl_put(buf, family, FP_NETDEV_CMD_DEV_GET,
		       FP_NETDEV_FAMILY_VERSION);
	mnl_attr_put_u32(nlh, FP_NETDEV_A_DEV_IFINDEX, (uint32_t)ifindex);
	if (fp_nl_ask(NETLINK_GENERIC, nlh, on_features, &native))
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
	if (fp_net_has_ports(&l))
		rc = fp_net_links(over_add, &l, e);
	if (rc < 0)
		return rc;
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
