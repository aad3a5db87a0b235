/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FP_COUNT_H
#define FP_COUNT_H

/* What is written down of packets: counters, samples of drops, who was seen. */

#include "fp_program.h"

static __always_inline int fp_is_seen(__u32 reason)
{
	return reason >= FP_R_seen_block && reason <= FP_R_seen_malformed;
}

/* Of several checks that observe, the first: enforced, the packet would come no
 * further. */
static __always_inline void fp_rehearse_note(__u32 reason)
{
	struct fp_rehearse *r = bpf_map_lookup_elem(&rehearsal, &zero);
	__u32 i;

	if (!r)
		return;
	i = r->at & (FP_REHEARSE_MAX - 1);
	if (!fp_is_seen(reason))
		r->packet[i].reason = (__u8)reason;
	else if (r->packet[i].observed == FP_R_N)
		r->packet[i].observed = (__u8)reason;
}

static __always_inline struct fp_counter *fp_count(struct xdp_md *ctx,
						   __u32 reason)
{
	__u32 key = fp_nic_slot * FP_REASON_ROW + reason;
	struct fp_counter *c;

	if (fp_is_rehearsal) {
		fp_rehearse_note(reason);
		return 0;
	}
	c = bpf_map_lookup_elem(&counters, &key);
	if (c) {
		c->packets++;
		c->bytes += ctx->data_end - ctx->data;
	}
	return c;
}

static __always_inline int fp_pass(struct xdp_md *ctx, __u32 reason)
{
	fp_count(ctx, reason);
	return XDP_PASS;
}

/* The next place in the ring, taken; its number. */
static __always_inline struct fp_sample *fp_sample_take(__u64 *seq)
{
	struct fp_sample *s = bpf_map_lookup_elem(&samples, &zero);
	__u32 key;

	if (!s)
		return 0;
	*seq = __sync_fetch_and_add(&s->seq, 1) + 1;
	key = 1 + (*seq & (FP_SAMPLES - 1));
	return bpf_map_lookup_elem(&samples, &key);
}

/* A copy of what was dropped, for those who watch.  ports: sport << 16 | dport;
 * what: count << 16 | protocol << 8 | reason */
fp_noinline int fp_put_sample(struct xdp_md *ctx, __u64 hi, __u64 lo,
			      __u32 ports_, __u64 what)
{
	const __u8 *p = (void *)(long)ctx->data;
	const __u8 *end = (void *)(long)ctx->data_end;
	__u64 len = end - p, seq, was;
	struct fp_sample *s;
	__u32 i;

	s = fp_sample_take(&seq);
	if (!s)
		return 0;
	/* The ring may have come round while another CPU was held up.  Whoever finds
	 * a number has the place to himself; atomics: what stands between the two
	 * stays between them. */
	was = __sync_lock_test_and_set(&s->seq, FP_SAMPLE_BUSY);
	if (was == FP_SAMPLE_BUSY)
		return 0;
	if (was > seq) {
		__sync_lock_test_and_set(&s->seq, was);
		return 0;
	}
	s->time_ns = bpf_ktime_get_coarse_ns();
	s->hi = hi;
	s->lo = lo;
	s->count = what >> 16;
	s->sport = (__u16)(ports_ >> 16);
	s->dport = (__u16)(ports_ & 0xffff);
	s->len = (__u16)(len > 0xffff ? 0xffff : len);
	s->reason = (__u8)(what & 0xff);
	s->proto = (__u8)(what >> 8 & 0xff);
	s->nic = (__u16)fp_nic_slot; /* below FP_NICS */
	s->cpu = (__u16)bpf_get_smp_processor_id();
	p += ETH_HLEN;
	for (i = 0; i < FP_SAMPLE_HEAD; i++) {
		if (p + i + 1 > end)
			break;
		s->head[i] = p[i];
	}
	s->head_len = (__u16)i;
	__sync_lock_test_and_set(&s->seq, seq);
	return 0;
}

static __always_inline void fp_note_new(__u32 now)
{
	__u32 key = fp_nic_slot * FP_REASON_ROW + FP_C_SEEN_NEW;
	struct fp_seen_news *c = bpf_map_lookup_elem(&counters, &key);
	__u64 day = now / FP_SEEN_DAY_S;

	if (!c)
		return;
	if (c->day != day) {
		c->before = c->day + 1 == day ? c->today : 0;
		c->today = 0;
		c->day = day;
	}
	c->ever++;
	c->today++;
}

/* CLOCK_MONOTONIC seconds: 32 bits last 136 years. */
static __always_inline __u32 fp_now_s(void)
{
	return (__u32)(bpf_ktime_get_coarse_ns() / 1000000000);
}

/* Who would have been dropped. */
fp_noinline int fp_note_seen(__u64 hi, __u64 lo, __u32 reason)
{
	struct fp_seen_key k = { .hi = hi, .lo = lo, .reason = reason };
	__u32 now = fp_now_s();
	struct fp_seen *s = bpf_map_lookup_elem(&seen, &k);
	struct fp_seen fresh = { .packets = 1, .first_s = now, .last_s = now };

	if (s) {
		__sync_fetch_and_add(&s->packets, 1);
		s->last_s = now;
		return 0;
	}
	fp_note_new(now);
	bpf_map_update_elem(&seen, &k, &fresh, BPF_ANY);
	return 0;
}

/* One of them has calls here: of each check that observes. */
fp_noinline int fp_note_dialog(__u64 hi, __u64 lo)
{
	struct fp_seen_key k = { .hi = hi, .lo = lo };
	struct fp_seen *s;

	if (conf.stealth == FP_OBSERVE) {
		k.reason = FP_R_seen_stealth;
		s = bpf_map_lookup_elem(&seen, &k);
		if (s)
			s->dialog_s = fp_now_s();
	}
	if (conf.malformed == FP_OBSERVE) {
		k.reason = FP_R_seen_malformed;
		s = bpf_map_lookup_elem(&seen, &k);
		if (s)
			s->dialog_s = fp_now_s();
	}
	return 0;
}

static __always_inline __u64 fp_mapped(const struct fp_pkt *p)
{
	return p->is_v4 ? 0xffff00000000ull | p->lo : p->lo;
}

/* One comparison: this is paid for every drop. */
static __always_inline int fp_is_sampled(struct fp_counter *c)
{
	__u64 now = bpf_jiffies64();

	if (now < c->next)
		return 0;
	c->next = now + conf.sample_ticks;
	return 1;
}

static __always_inline int fp_drop(struct xdp_md *ctx, const struct fp_pkt *p,
				   __u32 reason)
{
	struct fp_counter *c = fp_count(ctx, reason);

	if (c && fp_is_sampled(c))
		fp_put_sample(ctx, p->hi, fp_mapped(p),
			      (__u32)p->sport << 16 | p->dport,
			      c->packets << 16 |
				      (p->is_udp ? IPPROTO_UDP : IPPROTO_TCP)
					      << 8 |
				      reason);
	return XDP_DROP;
}

static __always_inline void fp_observe(struct xdp_md *ctx,
				       const struct fp_pkt *p, __u32 reason)
{
	fp_count(ctx, reason);
	if (!fp_is_rehearsal)
		fp_note_seen(p->hi, fp_mapped(p), reason);
}

#endif
