/* SPDX-License-Identifier: Apache-2.0 */
/* VLAN 10 for the lab, by tc(8) at both ends of a link: works on kernels without
 * 802.1Q devices as well, and the frames on the wire are the same.
 * What goes to 192.0.2.64/26 or 2001:db8:10::/48 leaves with the tag; a tag that
 * comes in is taken off, after XDP has seen it. */

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define VLAN_ID 10
#define NET4 0xc0000240u /* 192.0.2.64 */
#define MASK4 0xffffffc0u
#define NET6_A 0x20010db8u /* 2001:db8:10::/48 */
#define NET6_B 0x0010u

#define DST4_OFF 16 /* in the IPv4 header */
#define DST6_OFF 24 /* in the IPv6 header */
#define TPA_OFF 24  /* the target address of an ARP packet */

static __always_inline int is_net4(struct __sk_buff *skb, __u32 off)
{
	__be32 dst;

	return !bpf_skb_load_bytes(skb, ETH_HLEN + off, &dst, sizeof(dst)) &&
	       (bpf_ntohl(dst) & MASK4) == NET4;
}

static __always_inline int is_net6(struct __sk_buff *skb)
{
	struct {
		__be32 a;
		__be16 b, c;
	} dst;

	return !bpf_skb_load_bytes(skb, ETH_HLEN + DST6_OFF, &dst,
				   sizeof(dst)) &&
	       dst.a == bpf_htonl(NET6_A) && dst.b == bpf_htons(NET6_B);
}

SEC("tc/push")
int vlan_push(struct __sk_buff *skb)
{
	int is_ours = 0;

	if (skb->protocol == bpf_htons(ETH_P_IP))
		is_ours = is_net4(skb, DST4_OFF);
	else if (skb->protocol == bpf_htons(ETH_P_ARP))
		is_ours = is_net4(skb, TPA_OFF);
	else if (skb->protocol == bpf_htons(ETH_P_IPV6))
		is_ours = is_net6(skb);
	if (is_ours)
		bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), VLAN_ID);
	return TC_ACT_OK;
}

SEC("tc/pop")
int vlan_pop(struct __sk_buff *skb)
{
	if (skb->vlan_present && (skb->vlan_tci & 0xfff) == VLAN_ID)
		bpf_skb_vlan_pop(skb);
	return TC_ACT_OK;
}

char _license[] SEC("license") = "Apache-2.0";
