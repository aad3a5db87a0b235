/* SPDX-License-Identifier: GPL-2.0-only */
/* The XDP SIP filter.  One program a NIC (fp_nic_slot differs), maps shared.
 *
 * Order, cheapest first: headers, port sets, source verdict, SIP check.
 * A packet to a port in no set is passed before any other look.  Whatever
 * cannot be proven bad is passed.  Loads on kernels from 5.15 on; needs no
 * BTF on the target. */

#include "fp_count.h"
#include "fp_headers.h"
#include "fp_lookup.h"
#include "fp_program.h"

/* ---- the SIP check ---- */

/* To the AF_XDP socket of this queue, when there is one.  Later fragments cannot
 * be told to be SIP's, so the first one goes to the stack too; and so does what
 * has IP options or extension headers, which only the stack knows to obey. */
static __always_inline int fp_pass_sip(struct xdp_md *ctx,
				       const struct fp_pkt *p, __u32 reason)
{
	__u32 queue = ctx->rx_queue_index;

	if (fp_is_rehearsal || p->is_odd ||
	    !bpf_map_lookup_elem(&xsk, &queue) ||
	    bpf_redirect_map(&xsk, queue, XDP_PASS) != XDP_REDIRECT)
		return fp_pass(ctx, reason);
	fp_count(ctx, FP_R_pass_xsk);
	return XDP_REDIRECT;
}

static __always_inline int fp_check_request(struct xdp_md *ctx,
					    const struct fp_pkt *p,
					    struct fp_sip_msg *m)
{
	if (conf.stealth != FP_OFF && fp_sip_is_options(m->first8)) {
		if (conf.stealth == FP_ENFORCE && !fp_is_bypassed())
			return fp_drop(ctx, p, FP_R_drop_stealth);
		fp_observe(ctx, p, FP_R_seen_stealth);
	}
	if (conf.malformed != FP_OFF && !fp_sip_is_plain(ctx, m->off, m->n) &&
	    fp_sip_first_line(ctx, m->off, m->n) == FP_SIP_BAD) {
		if (conf.malformed == FP_ENFORCE && !fp_is_bypassed())
			return fp_drop(ctx, p, FP_R_drop_malformed);
		fp_observe(ctx, p, FP_R_seen_malformed);
	} else if (fp_sip_is_dialog(m->first8) && fp_is_observing() &&
		   !fp_is_rehearsal) {
		fp_note_dialog(p->hi, fp_mapped(p));
	}
	return fp_pass_sip(ctx, p, FP_R_pass_request);
}

static __always_inline int fp_check_udp(struct xdp_md *ctx,
					const struct fp_pkt *p)
{
	struct fp_sip_msg m = { .off = p->l4 + 8, .n = p->udp_len };

	/* RFC 2675 4; Linux takes it without the jumbo option too */
	if (!m.n && !p->is_v4) {
		__u64 frame = fp_sip_end(ctx) - fp_sip_data(ctx);

		fp_sip_opaque(frame); /* no 32-bit arithmetic with pointers */
		m.n = (__u32)(frame - p->l4);
	}
	if (m.n < 8)
		return fp_pass_sip(ctx, p, FP_R_pass_keepalive);
	m.n -= 8;
	switch (fp_sip_what(ctx, &m)) {
	case FP_SIP_REPLY:
		return fp_pass_sip(ctx, p, FP_R_pass_reply);
	case FP_SIP_REQUEST:
		return fp_check_request(ctx, p, &m);
	default:
		return fp_pass_sip(ctx, p, FP_R_pass_keepalive);
	}
}

/* ---- the filter ---- */

static __always_inline int fp_in(const __u32 *set, __u16 port)
{
	return set[port >> 5] >> (port & 31) & 1;
}

/* Either end of an ssh connection, ours or theirs. */
static __always_inline int fp_is_ssh(const struct fp_pkt *p)
{
	return !p->is_udp && !p->is_unread &&
	       (fp_in(ports.never, p->dport) || fp_in(ports.never, p->sport));
}

#define FP_TO_NONE 0  /* no port of ours */
#define FP_TO_FENCE 1 /* no port of ours, but there are fences */
#define FP_TO_GUARD 2
#define FP_TO_SIP 3

static __always_inline int fp_where(const struct fp_pkt *p)
{
	if (p->is_unread)
		return FP_TO_GUARD;
	if (p->is_udp ? fp_in(ports.sip_udp, p->dport)
		      : fp_in(ports.sip_tcp, p->dport))
		return FP_TO_SIP;
	if (p->is_udp ? fp_in(ports.guard_udp, p->dport)
		      : fp_in(ports.guard_tcp, p->dport))
		return FP_TO_GUARD;
	if (!conf.n_fence)
		return FP_TO_NONE;
	/* a fence is for all ports, either end; but ssh stays open */
	return fp_is_ssh(p) ? FP_TO_NONE : FP_TO_FENCE;
}

static __always_inline int fp_is_unconfirmed(void)
{
	__u32 until = conf.nic[fp_nic_slot & (FP_NICS - 1)].confirm_until_s;

	return until && bpf_ktime_get_coarse_ns() >= until * 1000000000ull;
}

/* Drops by the lists.  false: go on. */
static __always_inline int fp_check_lists(struct xdp_md *ctx,
					  const struct fp_pkt *p, __u32 verdict)
{
	int is_fence = verdict == FP_V_FENCE;

	if (conf.lists == FP_ENFORCE && !fp_is_bypassed()) {
		fp_drop(ctx, p,
			is_fence       ? FP_R_drop_fence
			: p->is_unread ? FP_R_drop_unread
				       : FP_R_drop_block);
		return 1;
	}
	if (conf.lists != FP_OFF)
		fp_observe(ctx, p,
			   is_fence       ? FP_R_seen_fence
			   : p->is_unread ? FP_R_seen_unread
					  : FP_R_seen_block);
	return 0;
}

/* Behind the headers.  Inlined once for each family: what is known of it need
 * not be kept. */
static __always_inline int fp_judge(struct xdp_md *ctx, const struct fp_pkt *p)
{
	int where = fp_where(p);
	__u32 verdict;

	if (where == FP_TO_NONE)
		return fp_pass(ctx, FP_R_pass_other);
	if (fp_is_unconfirmed())
		return fp_pass(ctx, FP_R_pass_unconfirmed);
	verdict =
		p->is_v4 ? fp_lookup4((__u32)p->lo) : fp_lookup6(p->hi, p->lo);
	if (where == FP_TO_FENCE && verdict != FP_V_FENCE)
		return fp_pass(ctx, FP_R_pass_other);
	if (verdict == FP_V_FENCE && fp_is_ssh(p))
		return fp_pass(ctx, FP_R_pass_other);
	if ((verdict == FP_V_BLOCK || verdict == FP_V_FENCE) &&
	    fp_check_lists(ctx, p, verdict))
		return XDP_DROP;
	if (where == FP_TO_FENCE)
		return fp_pass(ctx, FP_R_pass_other);
	if (p->is_unread)
		return fp_pass(ctx, FP_R_pass_unread);
	/* a fence that is only observed is a cluster node still */
	if (where == FP_TO_SIP && p->is_udp && verdict < FP_V_ALLOW)
		return fp_check_udp(ctx, p);
	if (verdict == FP_V_ALLOW)
		return where == FP_TO_SIP && p->is_udp
			       ? fp_pass_sip(ctx, p, FP_R_pass_allowed)
			       : fp_pass(ctx, FP_R_pass_allowed);
	return fp_pass(ctx,
		       where == FP_TO_SIP ? FP_R_pass_tcp : FP_R_pass_guard);
}

static __always_inline int fp_run(struct xdp_md *ctx)
{
	void *at = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = at;
	struct fp_pkt p = {};
	__be16 proto;
	int i;

	if (at + sizeof(*eth) > end)
		return fp_pass(ctx, FP_R_pass_other);
	proto = eth->h_proto;
	at += sizeof(*eth);
#pragma unroll
	for (i = 0; i < 2; i++) {
		struct fp_vlan *tag = at;

		if (!fp_is_vlan(proto))
			break;
		if (at + sizeof(*tag) > end)
			return fp_pass(ctx, FP_R_pass_other);
		proto = tag->proto;
		at += sizeof(*tag);
	}
	if (proto == bpf_htons(ETH_P_IP) && fp_read_ip4(ctx, &p, at)) {
		p.is_v4 = 1;
		return fp_judge(ctx, &p);
	}
	if (proto == bpf_htons(ETH_P_IPV6) && fp_read_ip6(ctx, &p, at)) {
		p.is_v4 = 0;
		return fp_judge(ctx, &p);
	}
	return fp_pass(ctx, FP_R_pass_other);
}

SEC("xdp")
int fp_filter(struct xdp_md *ctx)
{
	return fp_run(ctx);
}

/* ---- rehearsing ---- */

/* A function of its own, which the verifier looks at once and not in every round
 * of the loop below. */
fp_noinline int fp_run_one(struct xdp_md *ctx)
{
	return fp_run(ctx);
}

/* fp-load test: many captured packets in one BPF_PROG_TEST_RUN, each judged by
 * the filter's own code with nothing before it and nothing behind.  Its start is
 * found by moving the head there and back; its end, since they stand from the
 * last to the first, by cutting off the one that was judged. */
SEC("xdp")
int fp_rehearse(struct xdp_md *ctx)
{
	struct fp_rehearse *r = bpf_map_lookup_elem(&rehearsal, &zero);
	__u32 i;

	if (!r)
		return XDP_ABORTED;
	for (i = 0; i < FP_REHEARSE_MAX; i++) {
		__u32 off, len;

		if (i >= r->n)
			break;
		off = r->packet[i].off;
		len = r->packet[i].len;
		if (bpf_xdp_adjust_head(ctx, off))
			return XDP_ABORTED;
		r->at = i;
		r->packet[i].observed = FP_R_N;
		r->packet[i].verdict = (__u8)fp_run_one(ctx);
		if (bpf_xdp_adjust_head(ctx, -off))
			return XDP_ABORTED;
		if (off && bpf_xdp_adjust_tail(ctx, -len))
			return XDP_ABORTED;
	}
	return XDP_PASS;
}

/* ---- asking ---- */

/* fp-block test and why run this through BPF_PROG_TEST_RUN: the same lookups as
 * above, no counter moved. */
SEC("xdp")
int fp_ask(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data,
	     *end = (void *)(long)ctx->data_end;
	struct fp_query *q = data + ETH_HLEN;
	int i;

	for (i = 0; i < FP_QUERY_MAX; i++, q++) {
		if ((void *)(q + 1) > end)
			break;
		if (!q->hi && q->lo >> 32 == 0xffff)
			q->verdict = fp_lookup4((__u32)q->lo);
		else
			q->verdict = fp_lookup6(q->hi, q->lo);
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
