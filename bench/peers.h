/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
#ifndef FP_BENCH_PEERS_H
#define FP_BENCH_PEERS_H

/* What peers.bpf.c and those who fill its maps share. */

#include <linux/types.h>

#define PEER_KEYS (1u << 20)

/* All of .bss: sources, taken in turn. */
struct peer_keys {
	__u64 key
		[PEER_KEYS]; /* IPv4: 32 bits, IPv6: the first 64; host order */
	__u32 next;
	__u32 to_ifindex; /* where a flood goes */
};

struct peer_lpm4 {
	__u32 len;
	__u32 addr; /* network order */
};

struct peer_lpm6 {
	__u32 len;
	__u32 addr[4]; /* network order */
};

#endif
