/* SPDX-License-Identifier: Apache-2.0 */
#include "test/corpus/packet.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

#define MIN_FRAME 60 /* without the checksum, IEEE 802.3 */
#define TCP_HEADER 20
#define UDP_HEADER 8

static const char *const address[PACKET_SOURCES + 1][2] = {
	[PACKET_UNLISTED] = { "198.51.100.10", "2001:db8:51::10" },
	[PACKET_BLOCKED] = { "198.51.100.66", "2001:db8:66::66" },
	[PACKET_ALLOWED] = { "198.51.100.77", "2001:db8:77::77" },
	[PACKET_FENCED] = { "198.51.100.99", "2001:db8:99::99" },
	[PACKET_NODE] = { "203.0.113.1", "2001:db8:1::1" },
};

const char *packet_address(enum packet_source from, bool is_v6)
{
	return address[from][is_v6];
}

void packet_init(struct packet *p)
{
	*p = (struct packet){
		.proto = IPPROTO_UDP,
		.sport = 40000,
		.dport = 5060,
		.cut = -1,
		.udp_len = -1,
		.ip_len = -1,
		.ihl = -1,
		.trunc = -1,
		.ethertype = -1,
	};
}

bool packet_is_later_fragment(const struct packet *p)
{
	if (p->is_frag && p->frag_off)
		return true;
	for (size_t i = 0; i < p->n_ext; i++)
		if (p->ext[i].type == IPPROTO_FRAGMENT && p->ext[i].frag_off)
			return true;
	return false;
}

/* A frame that grows; n > size: it did not fit. */
struct frame {
	uint8_t *data;
	size_t n, size;
};

static void put(struct frame *f, const void *p, size_t n)
{
	if (f->n + n <= f->size)
		memcpy(f->data + f->n, p, n);
	f->n += n;
}

static void put_zeros(struct frame *f, size_t n)
{
	static const uint8_t zeros[64];

	for (; n > sizeof(zeros); n -= sizeof(zeros))
		put(f, zeros, sizeof(zeros));
	put(f, zeros, n);
}

static void put8(struct frame *f, unsigned int v)
{
	put(f, &(uint8_t){ (uint8_t)v }, 1);
}

static void put16(struct frame *f, unsigned int v)
{
	put(f, &(uint16_t){ htons((uint16_t)v) }, 2);
}

static void put32(struct frame *f, uint32_t v)
{
	put(f, &(uint32_t){ htonl(v) }, 4);
}

static void set16(struct frame *f, size_t at, uint16_t be)
{
	if (at + 2 <= f->size)
		memcpy(f->data + at, &be, 2);
}

/* RFC 1071, over data of which only the last piece may have an odd length. */
static uint32_t sum_add(uint32_t sum, const uint8_t *p, size_t n)
{
	for (; n > 1; n -= 2, p += 2) {
		uint16_t w;

		memcpy(&w, p, 2);
		sum += w;
	}
	if (n)
		sum += htons((uint16_t)(*p << 8));
	return sum;
}

static uint16_t sum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void put_ethernet(struct frame *f, const struct packet *p)
{
	static const uint8_t mac[12] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };
	unsigned int type = p->is_v6 ? ETH_P_IPV6 : ETH_P_IP;

	put(f, mac, sizeof(mac));
	for (size_t i = 0; i < p->n_vlan; i++) {
		/* IEEE 802.1ad: all but the innermost are service tags */
		put16(f, i + 1 < p->n_vlan ? ETH_P_8021AD : ETH_P_8021Q);
		put16(f, p->vlan[i]);
	}
	put16(f, p->ethertype >= 0 ? (unsigned int)p->ethertype : type);
}

/* l4: bytes behind the IPv4 header. */
static void put_ip4(struct frame *f, const struct packet *p, size_t l4)
{
	unsigned int len = 20 + p->ip_options;
	uint8_t src[4], dst[4];
	size_t at = f->n;

	inet_pton(AF_INET, packet_address(p->from, false), src);
	inet_pton(AF_INET, packet_address(PACKET_NODE, false), dst);
	put8(f, 0x40 | (p->ihl >= 0 ? (unsigned int)p->ihl : len / 4));
	put8(f, 0);
	put16(f, p->ip_len >= 0 ? (unsigned int)p->ip_len
				: (unsigned int)(len + l4));
	put16(f, 0x1234); /* identification */
	put16(f, p->is_frag ? p->frag_off | (p->has_more ? 0x2000u : 0)
			    : 0x4000u /* do not fragment */);
	put8(f, 64);
	put8(f, p->proto);
	put16(f, 0);
	put(f, src, 4);
	put(f, dst, 4);
	for (unsigned int i = 0; i < p->ip_options; i++)
		put8(f, 1); /* no operation, RFC 791 */
	if (f->n <= f->size)
		set16(f, at + 10, sum_fold(sum_add(0, f->data + at, len)));
}

static void put_ext(struct frame *f, const struct packet_ext *x,
		    unsigned int next)
{
	unsigned int size = 8 + 8u * x->extra;

	put8(f, next);
	switch (x->type) {
	case IPPROTO_FRAGMENT:
		put8(f, 0);
		put16(f, x->frag_off << 3 | x->has_more);
		put32(f, 0x12345678);
		return;
	case IPPROTO_AH: /* 12 fixed bytes and 4 of check value at least */
		put8(f, (size + 8) / 4 - 2);
		put_zeros(f, size + 8 - 2);
		return;
	case IPPROTO_HOPOPTS:
	case IPPROTO_DSTOPTS:
		put8(f, x->extra);
		put8(f, 1); /* PadN over the rest: RFC 8200 4.2 */
		put8(f, size - 4);
		put_zeros(f, size - 4);
		return;
	default:
		put8(f, x->extra);
		put_zeros(f, size - 2);
	}
}

static void put_ip6(struct frame *f, const struct packet *p, size_t l4)
{
	size_t at = f->n, ext;
	uint8_t addr[16];
	long len;

	put32(f, 6u << 28);
	put16(f, 0);
	put8(f, p->n_ext ? p->ext[0].type : p->proto);
	put8(f, 64);
	inet_pton(AF_INET6, packet_address(p->from, true), addr);
	put(f, addr, 16);
	inet_pton(AF_INET6, packet_address(PACKET_NODE, true), addr);
	put(f, addr, 16);
	ext = f->n;
	for (size_t i = 0; i < p->n_ext; i++)
		put_ext(f, &p->ext[i],
			i + 1 < p->n_ext ? p->ext[i + 1].type : p->proto);
	len = p->ip_len >= 0 ? p->ip_len : (long)(f->n - ext + l4);
	set16(f, at + 4, htons((uint16_t)len));
}

/* Of the addresses in the pseudo-header, RFC 768 and RFC 8200 8.1. */
static uint32_t pseudo_sum(const struct packet *p, size_t l4)
{
	int family = p->is_v6 ? AF_INET6 : AF_INET;
	uint8_t src[16], dst[16];
	uint32_t sum = htons((uint16_t)l4) + (uint32_t)htons(p->proto);

	inet_pton(family, packet_address(p->from, p->is_v6), src);
	inet_pton(family, packet_address(PACKET_NODE, p->is_v6), dst);
	sum = sum_add(sum, src, p->is_v6 ? 16 : 4);
	return sum_add(sum, dst, p->is_v6 ? 16 : 4);
}

static void put_l4_header(struct frame *f, const struct packet *p, size_t n)
{
	put16(f, p->sport);
	put16(f, p->dport);
	if (p->proto == IPPROTO_UDP) {
		put16(f, p->udp_len >= 0 ? (unsigned int)p->udp_len
					 : (unsigned int)(UDP_HEADER + n));
		put16(f, 0);
		return;
	}
	put32(f, 1);              /* sequence number */
	put32(f, 1);              /* acknowledgement */
	put16(f, 5 << 12 | 0x18); /* five words; PSH ACK */
	put16(f, 65535);          /* window */
	put32(f, 0);              /* checksum, urgent pointer */
}

/* header: of UDP or TCP, whose checksum is over all n bytes of the payload even
 * if the frame has less of them. */
static void set_l4_sum(struct frame *f, const struct packet *p, size_t header,
		       const uint8_t *payload, size_t n)
{
	size_t size = p->proto == IPPROTO_UDP ? UDP_HEADER : TCP_HEADER;
	uint32_t sum;
	uint16_t be;

	if (f->n > f->size)
		return;
	sum = pseudo_sum(p, size + n);
	sum = sum_add(sum, f->data + header, size);
	be = sum_fold(sum_add(sum, payload, n));
	if (p->proto == IPPROTO_UDP)
		set16(f, header + 6, be ? be : 0xffff);
	else
		set16(f, header + 16, be);
}

size_t packet_build(const struct packet *p, const void *payload, size_t n,
		    uint8_t *frame, size_t size)
{
	struct frame f = { .data = frame, .size = size };
	size_t in = p->cut >= 0 && (size_t)p->cut < n ? (size_t)p->cut : n;
	size_t header = 0, at;

	if (!packet_is_later_fragment(p))
		header = p->proto == IPPROTO_UDP   ? UDP_HEADER
			 : p->proto == IPPROTO_TCP ? TCP_HEADER
						   : 0;
	put_ethernet(&f, p);
	if (p->is_v6)
		put_ip6(&f, p, header + in);
	else
		put_ip4(&f, p, header + in);
	at = f.n;
	if (header)
		put_l4_header(&f, p, n);
	put(&f, payload, in);
	if (header)
		set_l4_sum(&f, p, at, payload, n);
	for (unsigned int i = 0; i < p->trail; i++)
		put8(&f, 'Z');
	while (p->has_pad && f.n < MIN_FRAME)
		put8(&f, p->pad);
	if (f.n > f.size)
		return 0;
	return p->trunc >= 0 && (size_t)p->trunc < f.n ? (size_t)p->trunc : f.n;
}
