/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_TEST_PACKET_H
#define FP_TEST_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ethernet frames for tests, right ones and wrong ones. */

/* In which state of the lists a packet's source is. */
enum packet_source {
	PACKET_UNLISTED,
	PACKET_BLOCKED,
	PACKET_ALLOWED,
	PACKET_FENCED,
	PACKET_SOURCES,
};

/* IPv6 extension headers, RFC 8200 4.1 (AH: RFC 4302, ESP: RFC 4303, Mobility:
 * RFC 6275, HIP: RFC 7401, Shim6: RFC 5533). */
struct packet_ext {
	uint8_t type;      /* its number as a next header */
	uint8_t extra;     /* 8 bytes each, beyond the shortest form */
	uint16_t frag_off; /* fragment header: in units of 8 bytes */
	bool has_more;     /* fragment header: M */
};

#define PACKET_EXT_MAX 32
#define PACKET_VLAN_MAX 4

/* {0} with source and ports set is a plain IPv4 UDP packet.  Fields that lie
 * about the packet hold -1 for the truth: begin with packet_init. */
struct packet {
	enum packet_source from;
	bool is_v6;
	uint8_t proto; /* IPPROTO_UDP, IPPROTO_TCP, others have no header */
	uint16_t sport, dport;
	uint16_t vlan[PACKET_VLAN_MAX]; /* outermost first */
	size_t n_vlan;
	unsigned int ip_options; /* bytes, a multiple of 4, up to 40 */
	bool is_frag;            /* IPv4: the next two count */
	uint16_t frag_off;       /* in units of 8 bytes */
	bool has_more;
	struct packet_ext ext[PACKET_EXT_MAX];
	size_t n_ext;
	long cut;     /* only so many bytes of the payload are in the frame */
	long udp_len; /* the UDP header's length field */
	long ip_len;  /* IPv4 total length, IPv6 payload length */
	long ihl;     /* IPv4 header length field, in words */
	long trunc;   /* the frame ends after so many bytes */
	long ethertype;
	unsigned int trail; /* bytes after the end of the IP packet */
	bool has_pad;       /* fill up to 60 bytes, the shortest frame */
	uint8_t pad;        /* with this */
};

void packet_init(struct packet *p);

/* Is the payload in front of the reader: the packet is the beginning of its
 * datagram, and that datagram is UDP? */
bool packet_is_later_fragment(const struct packet *p);

/* The frame of p around n bytes of payload, in frame (size bytes).  Checksums
 * are right for what the packet says.  A later fragment, and every protocol but
 * UDP and TCP, has its payload right behind the IP headers.
 * Returns its length, 0 when it does not fit. */
size_t packet_build(const struct packet *p, const void *payload, size_t n,
		    uint8_t *frame, size_t size);

/* A source's address (documentation prefixes, RFC 5737 and RFC 3849), for
 * lists; the last source is the node that packets go to. */
const char *packet_address(enum packet_source from, bool is_v6);
#define PACKET_NODE PACKET_SOURCES

#endif
