/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FP_LOOKUP_H
#define FP_LOOKUP_H

/* The verdict of the lists for a source address. */

#include "fp_program.h"

/* The highest verdict of the live slots with exactly this prefix. */
fp_noinline int fp_probe(__u64 hi, __u64 lo, __u32 len)
{
	__u32 key = FP_TAB_PREFIX, best = FP_V_NONE, idx, n;
	struct fp_table_head *head;
	void *tab = bpf_map_lookup_elem(&tabs, &key);
	int i, s;

	if (!tab)
		return FP_V_NONE;
	head = bpf_map_lookup_elem(tab, &zero);
	if (!head)
		return FP_V_NONE;
	n = head->n;
	idx = (__u32)((__u64)fp_prefix_hash(hi, lo, len, head->seed) * n >> 32);
	idx++;
	for (i = 0; i < FP_PROBE_MAX; i++) {
		struct fp_bucket *b = bpf_map_lookup_elem(tab, &idx);
		__u32 meta;

		if (!b)
			break;
		meta = *(volatile __u32 *)&b->meta;
		for (s = 0; s < FP_BUCKET_SLOTS; s++) {
			__u32 until, kind = FP_SLOT_KIND(meta, s);

			if (FP_SLOT_LEN(meta, s) != len + 1 || kind <= best)
				continue;
			if (b->key[s][0] != hi || b->key[s][1] != lo)
				continue;
			until = *(volatile __u32 *)&b->until_s[s];
			if (until != FP_UNTIL_NEVER &&
			    bpf_ktime_get_coarse_ns() >= until * 1000000000ull)
				continue;
			best = kind;
		}
		if (!(meta & FP_BUCKET_OVERFLOW))
			break;
		if (++idx > n)
			idx = 1;
	}
	return best;
}

static __always_inline __u64 fp_high_bits(__u32 n)
{
	return n ? ~0ull << ((64 - n) & 63) : 0;
}

fp_noinline int fp_probe4(__u32 addr)
{
	__u64 lo = 0xffff00000000ull | addr;
	__u32 i, n = conf.n_lens4, best = FP_V_NONE;

	for (i = 0; i < FP_LENS4; i++) {
		__u32 v, len;

		if (i >= n)
			break;
		len = conf.lens4[i];
		if (len < 96 || len > 128)
			continue;
		v = fp_probe(0, lo & fp_high_bits(len - 64), len);
		if (v > best)
			best = v;
	}
	return best;
}

static __always_inline __u32 fp_lookup4(__u32 addr)
{
	struct fp_gate4 *g = bpf_map_lookup_elem(&gate4, &zero);
	__u32 net = addr >> 8, host = addr & 255, page = addr >> 18;
	__u32 w, v = FP_V_NONE, x, t;
	struct fp_dir_page *d;

	if (!g || !(g->word[net >> 5] >> (net & 31) & 1))
		return FP_V_NONE;
	d = bpf_map_lookup_elem(&dir4, &page);
	if (!d)
		return FP_V_NONE;
	w = *(volatile __u32 *)&d->word[net & (FP_DIR_PAGE_WORDS - 1)];
	t = FP_DIR_TYPE(w);
	x = FP_DIR_VALUE(w);
	if (t == FP_DIR_INLINE) {
		if ((x & 255) == host || (x >> 8 & 255) == host ||
		    x >> 16 == host)
			v = FP_DIR_VERDICT(w);
	} else if (t == FP_DIR_CHUNK) {
		__u32 key = FP_TAB_CHUNK;
		void *tab = bpf_map_lookup_elem(&tabs, &key);
		struct fp_chunk *c;

		if (tab && (c = bpf_map_lookup_elem(tab, &x)))
			v = c->word[host >> 4] >> ((host & 15) * 2) & 3;
	} else if (t == FP_DIR_ALL) {
		v = FP_DIR_VERDICT(w);
	}
	if (w & FP_DIR_LOOK) {
		t = fp_probe4(addr);
		if (t > v)
			v = t;
	}
	return v;
}

/* The highest verdict over the lengths in use, 48 and more or the shorter ones. */
fp_noinline int fp_probe6(__u64 hi, __u64 lo, __u32 is_long)
{
	__u32 i, n, best = FP_V_NONE;

	n = is_long ? conf.n_long6 : conf.n_short6;
	for (i = 0; i < FP_LENS6; i++) {
		__u32 v, len;

		if (i >= n)
			break;
		len = is_long ? conf.long6[i] : conf.short6[i];
		if (len > 128)
			continue;
		v = len <= 64 ? fp_probe(hi & fp_high_bits(len), 0, len)
			      : fp_probe(hi, lo & fp_high_bits(len - 64), len);
		if (v > best)
			best = v;
	}
	return best;
}

fp_noinline int fp_lookup6(__u64 hi, __u64 lo)
{
	struct fp_gate6 *g = bpf_map_lookup_elem(&gate6, &zero);
	__u32 v, best = FP_V_NONE, bit = fp_gate6_bit(hi);

	if (!g)
		return FP_V_NONE;
	if (conf.n_short6)
		best = fp_probe6(hi, lo, 0);
	if (!(g->word[bit >> 5 & (FP_GATE6_BITS / 32 - 1)] >> (bit & 31) & 1))
		return best;
	v = fp_probe6(hi, lo, 1);
	return v > best ? v : best;
}

#endif
