/* SPDX-License-Identifier: GPL-2.0-only */
/* What the filter is held against: no filter at all, and the plain way to keep
 * a list, a hash of single addresses and an LPM trie of prefixes. */

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bench/peers.h"

#define SIP_PORT 5060

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 1);
} hosts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct peer_lpm4);
	__type(value, __u32);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} prefixes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u64);
	__type(value, __u32);
	__uint(max_entries, 1);
} nets6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct peer_lpm6);
	__type(value, __u32);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} prefixes6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 1);
} drops SEC(".maps");

/* addr: network order, as it stands in the packet. */
static __always_inline int in_list4(__u32 addr)
{
	struct peer_lpm4 key = { 32, addr };

	return bpf_map_lookup_elem(&hosts, &addr) ||
	       bpf_map_lookup_elem(&prefixes, &key);
}

/* A hash of /64s, which is what one blocks, and LPM for other lengths. */
static __always_inline int in_list6(__u64 hi, __u64 lo)
{
	struct peer_lpm6 key = { 128, { hi, hi >> 32, lo, lo >> 32 } };

	return bpf_map_lookup_elem(&nets6, &hi) ||
	       bpf_map_lookup_elem(&prefixes6, &key);
}

static __always_inline int drop(void)
{
	__u32 zero = 0;
	__u64 *n = bpf_map_lookup_elem(&drops, &zero);

	if (n)
		++*n;
	return XDP_DROP;
}

/* The least a filter can do. */
SEC("xdp")
int bare_drop(struct xdp_md *ctx)
{
	return XDP_DROP;
}

static __always_inline int to_sip(struct udphdr *udp, void *end)
{
	return (void *)(udp + 1) <= end && udp->dest == bpf_htons(SIP_PORT);
}

SEC("xdp")
int hash_lpm(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data,
	     *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);
	struct ipv6hdr *ip6 = data + sizeof(*eth);

	if ((void *)(ip + 1) > end)
		return XDP_PASS;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		if (ip->ihl != 5 || ip->protocol != IPPROTO_UDP ||
		    !to_sip((void *)(ip + 1), end))
			return XDP_PASS;
		return in_list4(ip->saddr) ? drop() : XDP_PASS;
	}
	if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		__u64 *src = (void *)&ip6->saddr;

		if ((void *)(ip6 + 1) > end || ip6->nexthdr != IPPROTO_UDP ||
		    !to_sip((void *)(ip6 + 1), end))
			return XDP_PASS;
		return in_list6(src[0], src[1]) ? drop() : XDP_PASS;
	}
	return XDP_PASS;
}

/* ---- a source of its own for every packet ---- */

struct peer_keys keys;

static __always_inline __u64 next_key(void)
{
	return keys.key[keys.next++ & (PEER_KEYS - 1)];
}

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 1);
} filter SEC(".maps");

/* Then the filter: it cannot know that the packet was not so from the wire. */
SEC("xdp")
int random4(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data,
	     *end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + sizeof(struct ethhdr);

	if ((void *)(ip + 1) > end)
		return XDP_ABORTED;
	ip->saddr = bpf_htonl(next_key());
	bpf_tail_call(ctx, &filter, 0);
	return XDP_ABORTED;
}

SEC("xdp")
int random6(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data,
	     *end = (void *)(long)ctx->data_end;
	struct ipv6hdr *ip = data + sizeof(struct ethhdr);

	if ((void *)(ip + 1) > end)
		return XDP_ABORTED;
	*(__u64 *)&ip->saddr = bpf_cpu_to_be64(next_key());
	bpf_tail_call(ctx, &filter, 0);
	return XDP_ABORTED;
}

/* The look-up alone. */
SEC("xdp")
int key_only(struct xdp_md *ctx)
{
	__u64 key = next_key();

	return key ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int look_up4(struct xdp_md *ctx)
{
	__u32 addr = next_key();

	return in_list4(bpf_htonl(addr)) ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int look_up6(struct xdp_md *ctx)
{
	__u64 hi = next_key();

	return in_list6(bpf_cpu_to_be64(hi), 0) ? XDP_DROP : XDP_PASS;
}

/* ---- a flood: frames that travel through a veth ---- */

SEC("xdp")
int flood(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data,
	     *end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + sizeof(struct ethhdr);
	__u32 fresh, old, sum;

	if ((void *)(ip + 1) > end)
		return XDP_ABORTED;
	fresh = bpf_htonl(next_key());
	old = ip->saddr;
	/* RFC 1624: HC' = ~(~HC + ~m + m') */
	sum = (__u16)~ip->check + (__u16)~old + (__u16) ~(old >> 16) +
	      (__u16)fresh + (__u16)(fresh >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	ip->saddr = fresh;
	ip->check = ~sum;
	return bpf_redirect(keys.to_ifindex, 0);
}

SEC("xdp")
int count_drop(struct xdp_md *ctx)
{
	return drop();
}

char _license[] SEC("license") = "GPL";
