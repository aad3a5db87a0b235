/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FP_HEADERS_H
#define FP_HEADERS_H

/* From the frame to the ports: Ethernet, VLAN tags, IPv4, IPv6. */

#include "fp_program.h"

struct fp_vlan {
	__be16 tci, proto;
};

static __always_inline int fp_is_vlan(__be16 proto)
{
	return proto == bpf_htons(ETH_P_8021Q) ||
	       proto == bpf_htons(ETH_P_8021AD);
}

/* Ports, which UDP and TCP have in the same place. false: not there. */
static __always_inline int fp_read_ports(struct xdp_md *ctx, struct fp_pkt *p,
					 void *l4)
{
	void *end = (void *)(long)ctx->data_end;
	__be16 *port = l4;

	if (l4 + 8 > end)
		return 0;
	p->sport = bpf_ntohs(port[0]);
	p->dport = bpf_ntohs(port[1]);
	p->udp_len = bpf_ntohs(port[2]);
	p->l4 = (__u32)(l4 - (void *)(long)ctx->data);
	return 1;
}

/* false: not UDP or TCP, or no packet at all: none of our business. */
static __always_inline int fp_read_ip4(struct xdp_md *ctx, struct fp_pkt *p,
				       void *at)
{
	void *end = (void *)(long)ctx->data_end;
	struct iphdr *ip = at;

	if (at + sizeof(*ip) > end || ip->version != 4 || ip->ihl < 5)
		return 0;
	if (ip->protocol != IPPROTO_UDP && ip->protocol != IPPROTO_TCP)
		return 0;
	p->is_v4 = 1;
	p->is_udp = ip->protocol == IPPROTO_UDP;
	p->lo = bpf_ntohl(ip->saddr);
	p->is_unread = 1;
	if (ip->frag_off & bpf_htons(0x1fff))
		return 1;
	p->is_odd = ip->ihl > 5 || ip->frag_off & bpf_htons(0x2000);
	if (fp_read_ports(ctx, p, at + ip->ihl * 4))
		p->is_unread = 0;
	return 1;
}

/* Extension headers that may stand before UDP or TCP: RFC 8200 4.1, RFC 4302. */
static __always_inline int fp_is_ext6(__u8 proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING ||
	       proto == IPPROTO_DSTOPTS || proto == IPPROTO_AH ||
	       proto == IPPROTO_MH || proto == 139 /* HIP */ ||
	       proto == 140 /* Shim6 */;
}

static __always_inline int fp_read_ip6(struct xdp_md *ctx, struct fp_pkt *p,
				       void *at)
{
	void *end = (void *)(long)ctx->data_end;
	struct ipv6hdr *ip = at;
	__u8 proto;
	int i;

	if (at + sizeof(*ip) > end || ip->version != 6)
		return 0;
	p->hi = bpf_be64_to_cpu(*(__be64 *)&ip->saddr.s6_addr[0]);
	p->lo = bpf_be64_to_cpu(*(__be64 *)&ip->saddr.s6_addr[8]);
	p->is_unread = 1;
	proto = ip->nexthdr;
	at += sizeof(*ip);
	for (i = 0; i < 8; i++) {
		__u8 *ext = at;

		if (proto == IPPROTO_UDP || proto == IPPROTO_TCP) {
			p->is_udp = proto == IPPROTO_UDP;
			p->is_odd = i > 0;
			if (fp_read_ports(ctx, p, at))
				p->is_unread = 0;
			return 1;
		}
		if (at + 8 > end)
			return fp_is_ext6(proto) || proto == IPPROTO_FRAGMENT;
		if (proto == IPPROTO_FRAGMENT) {
			if (*(__be16 *)(ext + 2) & bpf_htons(0xfff8))
				return 1; /* a later fragment */
			at += 8;
		} else if (proto == IPPROTO_AH) {
			at += (ext[1] + 2) * 4;
		} else if (fp_is_ext6(proto)) {
			at += (ext[1] + 1) * 8;
		} else {
			return 0;
		}
		proto = ext[0];
	}
	return 1;
}

#endif
