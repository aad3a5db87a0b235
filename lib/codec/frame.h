/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CODEC_FRAME_H
#define FP_CODEC_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

/* The headers of a packet, as far as people want to be told about them. */
struct fp_frame {
	struct fp_prefix src, dst;
	uint8_t proto;         /* IPPROTO_*, behind IPv6 extension headers */
	bool has_ports;        /* UDP or TCP, not a later fragment */
	bool is_later;         /* a later fragment: has none, cut off or not */
	uint16_t sport, dport; /* host order */
	const unsigned char *l4;      /* the UDP or TCP header, or NULL */
	const unsigned char *payload; /* of UDP or TCP; into the packet */
	size_t payload_len;
};

/* Parse n bytes from the Ethernet header on; up to two VLAN tags.
 * 0; -EPROTO: not IP, or cut off within its header. */
int fp_frame_parse(struct fp_frame *out, const unsigned char *p, size_t n);
/* The same from the IP header on. */
int fp_frame_parse_ip(struct fp_frame *out, const unsigned char *p, size_t n);

#endif
