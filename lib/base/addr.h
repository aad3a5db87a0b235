/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_BASE_ADDR_H
#define FP_BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* One prefix type for both families: 128 bits in host order, IPv4 as
 * v4-mapped (::ffff:a.b.c.d, RFC 4291 2.5.5.2).  len counts from bit 0 of the
 * 128, so that an IPv4 /24 has len 120.  Bits past len are zero.
 * The families never mix: ::/0 neither contains nor sorts among IPv4 prefixes,
 * since no IPv6 rule ever meets an IPv4 packet.
 * Order (fp_prefix_cmp): IPv4 before IPv6, then address, then shorter first, so
 * that a prefix comes right before everything inside it. */
struct fp_prefix {
	uint64_t hi, lo;
	uint8_t len;
};

#define FP_PREFIX_STRLEN 64 /* enough for any printed prefix and its NUL */

/* Parse "192.0.2.1", "192.0.2.0/24", "2001:db8::/32", ...: exactly n bytes of s.
 * Strict: no leading zeros in octets or length, no host bits, no zone, no
 * IPv4-mapped IPv6 (it would read back as IPv4).
 * 0; -EINVAL with a message that says what is wrong with the word (host bits:
 * names the prefix that was probably meant). */
int fp_prefix_parse(struct fp_prefix *out, const char *s, size_t n,
		    struct fp_err *e);

/* Canonical text (RFC 5952 for IPv6); a host has no "/32" or "/128".
 * Returns the length written, without the NUL. */
size_t fp_prefix_print(const struct fp_prefix *p, char out[FP_PREFIX_STRLEN]);

/* From network-order bytes as they stand in a packet or a netlink message.
 * len is in the family's own bits; host bits are cleared. */
struct fp_prefix fp_prefix_v4(const void *be4, unsigned int len);
struct fp_prefix fp_prefix_v6(const void *be16, unsigned int len);

int fp_prefix_cmp(const struct fp_prefix *a, const struct fp_prefix *b);
bool fp_prefix_contains(const struct fp_prefix *outer,
			const struct fp_prefix *inner);
/* p cut to its first len bits (of 128). */
struct fp_prefix fp_prefix_cut(const struct fp_prefix *p, unsigned int len);

static inline bool fp_prefix_is_v4(const struct fp_prefix *p)
{
	return p->len >= 96 && !p->hi && p->lo >> 32 == 0xffff;
}

static inline bool fp_prefix_overlaps(const struct fp_prefix *a,
				      const struct fp_prefix *b)
{
	return fp_prefix_contains(a, b) || fp_prefix_contains(b, a);
}

/* A host: /32 or /128. */
static inline bool fp_prefix_is_host(const struct fp_prefix *p)
{
	return p->len == 128;
}

#endif
