/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_NETLINK_H
#define FP_PEER_NETLINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/err.h"

/* What the kernel says about this network namespace (rtnetlink(7), generic
 * netlink, ethtool).  Every call opens and closes its own sockets. */

/* host: a /32 or /128.  ifname: the interface it belongs to ("-" when it
 * vanished meanwhile), valid during the call.  Non-zero ends the walk. */
typedef int fp_net_each(void *ctx, const struct fp_prefix *host,
			const char *ifname);

/* Call each for every address of this network namespace, both families,
 * loopback and link-local ones too.  When the tables change during the walk it
 * starts again, and an address may come twice.
 * 0; what each returned; -errno of the socket; -EINTR: they kept changing. */
int fp_net_addresses(fp_net_each *each, void *ctx, struct fp_err *e);

/* The same for the next hops of default routes: both families, all routing
 * tables, every path of a multipath route, IPv6 next hops of IPv4 routes. */
int fp_net_gateways(fp_net_each *each, void *ctx, struct fp_err *e);

/* Order and values are not the kernel's. */
enum fp_xdp_mode {
	FP_XDP_NONE,
	FP_XDP_NATIVE,
	FP_XDP_GENERIC,
	FP_XDP_OFFLOAD,
	FP_XDP_MULTI, /* several modes at once; prog_id is the native one */
};

/* Can the driver run XDP itself?  Kernels before 6.3 do not say. */
enum fp_net_native {
	FP_NET_NATIVE_UNKNOWN,
	FP_NET_NATIVE_NO,
	FP_NET_NATIVE_YES
};

struct fp_net_link {
	int ifindex;
	char name[16];     /* IFNAMSIZ */
	char driver[32];   /* "-" when it has none or does not say (lo) */
	char kind[16];     /* as in `ip -d link`: "vlan"; "-": a NIC, or lo */
	char master[16];   /* whose port it is; "-": nobody's */
	char over[128];    /* the ports of a bond, bridge or team, or the device
			    * that a VLAN or the like is on, "eth0,eth1"; "-":
			    * none, or in another network namespace; a list that
			    * is too long ends in ",..." */
	bool has_ethernet; /* its frames begin with an Ethernet header */
	bool is_bond_able; /* a bond in a mode in which it can run XDP */
	uint32_t mtu;      /* bytes, without the link-layer header */
	bool is_up;        /* IFF_UP: set up by the administrator */
	bool has_carrier;
	uint32_t rx_queues, tx_queues; /* in use */
	enum fp_xdp_mode xdp_mode;
	uint32_t xdp_prog_id; /* 0: none */
	enum fp_net_native native;
};

/* name: as in `ip link` (alternative names too).
 * 0: *out filled.  -ENODEV: no such interface here.  -errno. */
int fp_net_link(const char *name, struct fp_net_link *out, struct fp_err *e);

/* Call each for every link of this namespace, of which only what rtnetlink says
 * is filled in: driver is "-", native unknown, and over does not name ports.  When
 * links come and go meanwhile one may be told twice.
 * 0; what each returned when that is not 0; -errno. */
typedef int fp_net_link_each(void *ctx, const struct fp_net_link *l);
int fp_net_links(fp_net_link_each *each, void *ctx, struct fp_err *e);

/* Is it made of others, its ports: a bond, bridge or team? */
bool fp_net_has_ports(const struct fp_net_link *l);
/* Does l carry upper: is it upper's port, or what upper is on? */
bool fp_net_is_below(const struct fp_net_link *l,
		     const struct fp_net_link *upper);

const char *fp_xdp_mode_name(enum fp_xdp_mode m); /* "native", "-" for none */

#endif
