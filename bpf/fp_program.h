/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FP_PROGRAM_H
#define FP_PROGRAM_H

/* What the parts of the program share: its maps, its settings, a packet.  For
 * fastpath.bpf.c alone, as are fp_count.h, fp_lookup.h and fp_headers.h. */

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "fp_maps.h"
#define FP_SIP_CTX struct xdp_md
#include "fp_sip.h"

#define FP_MAP_ONE(name_, type_, n_, flags_)                                   \
	struct {                                                               \
		__uint(type, BPF_MAP_TYPE_ARRAY);                              \
		__type(key, __u32);                                            \
		__type(value, type_);                                          \
		__uint(max_entries, n_);                                       \
		__uint(map_flags, flags_);                                     \
	} name_ SEC(".maps")

/* Read for every packet: their addresses stand in the code, no lookup. */
struct fp_conf conf SEC(".data.conf");
struct fp_ports ports SEC(".data.ports");

FP_MAP_ONE(gate4, struct fp_gate4, 1, BPF_F_MMAPABLE);
FP_MAP_ONE(dir4, struct fp_dir_page, FP_DIR_PAGES, BPF_F_MMAPABLE);
FP_MAP_ONE(gate6, struct fp_gate6, 1, BPF_F_MMAPABLE);

/* BPF_F_INNER_MAP: copies of other sizes may take the place (5.10). */
struct fp_tab {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, FP_TAB_VALUE_SIZE);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE | BPF_F_INNER_MAP);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__type(key, __u32);
	__uint(max_entries, FP_TAB_N);
	__array(values, struct fp_tab);
} tabs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct fp_counter);
	__uint(max_entries, FP_NICS *FP_REASON_ROW);
} counters SEC(".maps");

/* Not a BPF_MAP_TYPE_RINGBUF: that has one reading position, and what nobody
 * reads fills it up.  Here any number of people watch, and who comes late sees
 * what went before. */
FP_MAP_ONE(samples, struct fp_sample, FP_SAMPLES + 1, BPF_F_MMAPABLE);

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct fp_seen_key);
	__type(value, struct fp_seen);
	__uint(max_entries, FP_SEEN_MAX);
} seen SEC(".maps");

/* One a NIC: its sockets by queue. */
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 64);
} xsk SEC(".maps");

volatile const __u32 fp_nic_slot = 0;
/* A hash of this object: which build does a NIC run? */
volatile const __u64 fp_build = 0;
/* Loaded to judge captured packets (fp_rehearse)?  Read-only data: the verifier
 * leaves out what is for the other case. */
volatile const __u32 fp_is_rehearsal = 0;

FP_MAP_ONE(rehearsal, struct fp_rehearse, 1, BPF_F_MMAPABLE);

static const __u32 zero = 0;

#define fp_noinline __attribute__((noinline))

/* What the headers said. */
struct fp_pkt {
	__u64 hi, lo; /* source; IPv4: lo only, 32 bits */
	__u32 l4;     /* offset of the UDP or TCP header */
	__u16 sport, dport;
	__u16 udp_len; /* as the UDP header says */
	__u8 is_v4, is_udp, is_unread;
	__u8 is_odd; /* a fragment, IP options: nothing for AF_XDP */
};

/* Somebody broke the glass: a check that enforces observes for a while.  Asked
 * where a packet would be dropped, and nowhere else. */
static __always_inline int fp_is_bypassed(void)
{
	__u32 until = conf.bypass_until_s;

	return until && bpf_ktime_get_coarse_ns() < until * 1000000000ull;
}

static __always_inline int fp_is_observing(void)
{
	return conf.stealth == FP_OBSERVE || conf.malformed == FP_OBSERVE;
}

#endif
