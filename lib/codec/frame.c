/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/frame.h"

#include <errno.h>
#include <netinet/in.h>

#define ETH_SIZE 14
#define VLAN_SIZE 4
#define IP4_SIZE 20
#define IP6_SIZE 40
#define UDP_SIZE 8
#define TCP_SIZE 20
#define MAX_EXT 8

static uint16_t be16(const unsigned char *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* p: the UDP or TCP header. */
static void read_ports(struct fp_frame *f, const unsigned char *p, size_t n)
{
	size_t head = UDP_SIZE;

	if (f->proto != IPPROTO_UDP && f->proto != IPPROTO_TCP)
		return;
	f->l4 = p;
	if (n < 4)
		return;
	f->has_ports = true;
	f->sport = be16(p);
	f->dport = be16(p + 2);
	if (f->proto == IPPROTO_TCP)
		head = n > 12 ? (size_t)(p[12] >> 4) * 4 : TCP_SIZE;
	if (n <= head)
		return;
	f->payload = p + head;
	f->payload_len = n - head;
	/* Ethernet pads short packets: what UDP says is shorter. */
	if (f->proto == IPPROTO_UDP && be16(p + 4) >= UDP_SIZE &&
	    be16(p + 4) - (size_t)UDP_SIZE < f->payload_len)
		f->payload_len = be16(p + 4) - (size_t)UDP_SIZE;
}

static int parse_ip4(struct fp_frame *f, const unsigned char *p, size_t n)
{
	size_t head = (size_t)(p[0] & 15) * 4, total;

	if (n < IP4_SIZE || head < IP4_SIZE)
		return -EPROTO;
	f->src = fp_prefix_v4(p + 12, 32);
	f->dst = fp_prefix_v4(p + 16, 32);
	f->proto = p[9];
	total = be16(p + 2);
	if (total >= head && total < n)
		n = total;
	f->is_later = be16(p + 6) & 0x1fff;
	if (n > head && !f->is_later)
		read_ports(f, p + head, n - head);
	return 0;
}

/* RFC 8200 4: these have their length in their second byte. */
static bool is_ext(uint8_t proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING ||
	       proto == IPPROTO_DSTOPTS || proto == IPPROTO_MH ||
	       proto == 139 /* HIP */ || proto == 140 /* Shim6 */;
}

/* The size of the extension header at p, 0 when it is none that is followed. */
static size_t ext_size(uint8_t proto, const unsigned char *p)
{
	if (proto == IPPROTO_FRAGMENT) /* a later one has no ports */
		return be16(p + 2) & 0xfff8 ? 0 : 8;
	if (proto == IPPROTO_AH) /* RFC 4302 2.2 */
		return ((size_t)p[1] + 2) * 4;
	return is_ext(proto) ? ((size_t)p[1] + 1) * 8 : 0;
}

static int parse_ip6(struct fp_frame *f, const unsigned char *p, size_t n)
{
	const unsigned char *end = p + n;

	if (n < IP6_SIZE)
		return -EPROTO;
	f->src = fp_prefix_v6(p + 8, 128);
	f->dst = fp_prefix_v6(p + 24, 128);
	f->proto = p[6];
	p += IP6_SIZE;
	for (int i = 0; i < MAX_EXT && end - p >= 8; i++) {
		size_t size = ext_size(f->proto, p);

		if (!size) {
			f->is_later = f->proto == IPPROTO_FRAGMENT;
			break;
		}
		if (size > (size_t)(end - p))
			return 0;
		f->proto = p[0];
		p += size;
	}
	read_ports(f, p, (size_t)(end - p));
	return 0;
}

int fp_frame_parse_ip(struct fp_frame *out, const unsigned char *p, size_t n)
{
	struct fp_frame f = { 0 };
	int r = -EPROTO;

	if (n && p[0] >> 4 == 4)
		r = parse_ip4(&f, p, n);
	else if (n && p[0] >> 4 == 6)
		r = parse_ip6(&f, p, n);
	if (!r)
		*out = f;
	return r;
}

int fp_frame_parse(struct fp_frame *out, const unsigned char *p, size_t n)
{
	size_t at = ETH_SIZE;

	if (n < ETH_SIZE)
		return -EPROTO;
	for (int i = 0; i < 2; i++) {
		uint16_t type = be16(p + at - 2);

		if ((type != 0x8100 && type != 0x88a8) || n < at + VLAN_SIZE)
			break;
		at += VLAN_SIZE;
	}
	if (be16(p + at - 2) != 0x0800 && be16(p + at - 2) != 0x86dd)
		return -EPROTO;
	return fp_frame_parse_ip(out, p + at, n - at);
}
