/* SPDX-License-Identifier: GPL-2.0-only */
/* The filter's own look-ups without the rest of it, one new source each time. */

#include "fastpath.bpf.c"

#include "bench/peers.h"

struct peer_keys keys;

static __always_inline __u64 next_key(void)
{
	return keys.key[keys.next++ & (PEER_KEYS - 1)];
}

SEC("xdp")
int look_up4(struct xdp_md *ctx)
{
	__u32 addr = next_key();

	return fp_lookup4(addr) == FP_V_BLOCK ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int look_up6(struct xdp_md *ctx)
{
	__u64 hi = next_key();

	return fp_lookup6(hi, 0) == FP_V_BLOCK ? XDP_DROP : XDP_PASS;
}
