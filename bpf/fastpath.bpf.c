/* SPDX-License-Identifier: GPL-2.0-only */
/* The XDP SIP filter.  One program a NIC (fp_nic_slot differs), maps shared.
 *
 * Order, cheapest first: headers, port sets, source verdict, SIP check.
 * A packet to a port in no set is passed before any other look.  Whatever
 * cannot be proven bad is passed.  Loads on kernels from 5.15 on; needs no
 * BTF on the target. */

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
};

/* ---- counting ---- */

static __always_inline int fp_is_seen(__u32 reason)
{
	return reason >= FP_R_seen_block && reason <= FP_R_seen_malformed;
}

static __always_inline void fp_rehearse_note(__u32 reason)
{
	struct fp_rehearse *r = bpf_map_lookup_elem(&rehearsal, &zero);
	__u32 i;

	if (!r)
		return;
	i = r->at & (FP_REHEARSE_MAX - 1);
	if (fp_is_seen(reason))
		r->packet[i].observed = reason;
	else
		r->packet[i].reason = reason;
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
	struct fp_sample *s;
	__u64 seq;
	__u32 i;

	s = fp_sample_take(&seq);
	if (!s)
		return 0;
	/* atomics: what stands between the two stays between them */
	__sync_lock_test_and_set(&s->seq, 0);
	s->time_ns = bpf_ktime_get_coarse_ns();
	s->hi = hi;
	s->lo = lo;
	s->count = what >> 16;
	s->sport = ports_ >> 16;
	s->dport = ports_;
	s->len = end - p;
	s->reason = what;
	s->proto = what >> 8;
	s->nic = fp_nic_slot;
	s->cpu = bpf_get_smp_processor_id();
	p += ETH_HLEN;
	for (i = 0; i < FP_SAMPLE_HEAD; i++) {
		if (p + i + 1 > end)
			break;
		s->head[i] = p[i];
	}
	s->head_len = i;
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

/* Who would have been dropped. */
fp_noinline int fp_note_seen(__u64 hi, __u64 lo, __u32 reason)
{
	struct fp_seen_key k = { .hi = hi, .lo = lo, .reason = reason };
	__u32 now = bpf_ktime_get_coarse_ns() / 1000000000;
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
			s->dialog_s = bpf_ktime_get_coarse_ns() / 1000000000;
	}
	if (conf.malformed == FP_OBSERVE) {
		k.reason = FP_R_seen_malformed;
		s = bpf_map_lookup_elem(&seen, &k);
		if (s)
			s->dialog_s = bpf_ktime_get_coarse_ns() / 1000000000;
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

/* ---- source verdict ---- */

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
	idx = ((__u64)fp_prefix_hash(hi, lo, len, head->seed) * n >> 32) + 1;
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

/* ---- headers ---- */

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
	p->l4 = l4 - (void *)(long)ctx->data;
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

/* ---- the SIP check ---- */

static __always_inline int fp_pass_sip(struct xdp_md *ctx, __u32 reason)
{
	__u32 queue = ctx->rx_queue_index;

	if (!fp_is_rehearsal && bpf_map_lookup_elem(&xsk, &queue)) {
		fp_count(ctx, FP_R_pass_xsk);
		return bpf_redirect_map(&xsk, queue, XDP_PASS);
	}
	return fp_pass(ctx, reason);
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
	return fp_pass_sip(ctx, FP_R_pass_request);
}

static __always_inline int fp_check_udp(struct xdp_md *ctx,
					const struct fp_pkt *p)
{
	struct fp_sip_msg m = { .off = p->l4 + 8, .n = p->udp_len };

	/* RFC 2675 4; Linux takes it without the jumbo option too */
	if (!m.n && !p->is_v4) {
		__u64 frame = fp_sip_end(ctx) - fp_sip_data(ctx);

		fp_sip_opaque(frame); /* no 32-bit arithmetic with pointers */
		m.n = frame - p->l4;
	}
	if (m.n < 8)
		return fp_pass_sip(ctx, FP_R_pass_keepalive);
	m.n -= 8;
	switch (fp_sip_what(ctx, &m)) {
	case FP_SIP_REPLY:
		return fp_pass_sip(ctx, FP_R_pass_reply);
	case FP_SIP_REQUEST:
		return fp_check_request(ctx, p, &m);
	default:
		return fp_pass_sip(ctx, FP_R_pass_keepalive);
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
	verdict = p->is_v4 ? fp_lookup4(p->lo) : fp_lookup6(p->hi, p->lo);
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
			       ? fp_pass_sip(ctx, FP_R_pass_allowed)
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
		r->packet[i].verdict = fp_run_one(ctx);
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
			q->verdict = fp_lookup4(q->lo);
		else
			q->verdict = fp_lookup6(q->hi, q->lo);
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
