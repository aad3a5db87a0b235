/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <string.h>

#include "base/addr.h"

#define V4_HI 0ull
#define V4_LO (0xffffull << 32) /* ::ffff:0:0 */

struct fp_prefix fp_prefix_cut(const struct fp_prefix *p, unsigned int len)
{
	struct fp_prefix r = { 0, 0, len };

	if (len > 64) {
		r.hi = p->hi;
		r.lo = len >= 128 ? p->lo : p->lo & ~(~0ull >> (len - 64));
	} else if (len) {
		r.hi = len == 64 ? p->hi : p->hi & ~(~0ull >> len);
	}
	return r;
}

struct fp_prefix fp_prefix_v4(const void *be4, unsigned int len)
{
	struct fp_prefix p = { V4_HI, 0, 128 };
	uint32_t be;

	memcpy(&be, be4, sizeof(be));
	p.lo = V4_LO | ntohl(be);
	return fp_prefix_cut(&p, len + 96);
}

struct fp_prefix fp_prefix_v6(const void *be16, unsigned int len)
{
	struct fp_prefix p = { 0, 0, 128 };
	uint64_t be[2];

	memcpy(be, be16, sizeof(be));
	p.hi = __builtin_bswap64(be[0]);
	p.lo = __builtin_bswap64(be[1]);
	if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) {
		p.hi = be[0];
		p.lo = be[1];
	}
	return fp_prefix_cut(&p, len);
}

int fp_prefix_cmp(const struct fp_prefix *a, const struct fp_prefix *b)
{
	bool is_v4 = fp_prefix_is_v4(a);

	if (is_v4 != fp_prefix_is_v4(b))
		return is_v4 ? -1 : 1;
	if (a->hi != b->hi)
		return a->hi < b->hi ? -1 : 1;
	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	return (int)a->len - (int)b->len;
}

bool fp_prefix_contains(const struct fp_prefix *outer,
			const struct fp_prefix *inner)
{
	struct fp_prefix cut;

	if (outer->len > inner->len ||
	    fp_prefix_is_v4(outer) != fp_prefix_is_v4(inner))
		return false;
	cut = fp_prefix_cut(inner, outer->len);
	return cut.hi == outer->hi && cut.lo == outer->lo;
}

static char *print_uint(char *to, unsigned int v)
{
	if (v >= 100)
		*to++ = '0' + v / 100;
	if (v >= 10)
		*to++ = '0' + v / 10 % 10;
	*to++ = '0' + v % 10;
	return to;
}

static char *print_v4(char *to, uint32_t a)
{
	for (int shift = 24; shift >= 0; shift -= 8) {
		to = print_uint(to, a >> shift & 255);
		if (shift)
			*to++ = '.';
	}
	return to;
}

/* The longest run of zero groups, the first of equals, of two or more: RFC 5952
 * 4.2.  Returns its start and sets *n, or 8 and 0. */
static int zero_run(const uint16_t g[8], int *n)
{
	int best = 8;

	*n = 0;
	for (int i = 0; i < 8; i++) {
		int j = i;

		while (j < 8 && !g[j])
			j++;
		if (j - i >= 2 && j - i > *n) {
			best = i;
			*n = j - i;
		}
		if (j > i)
			i = j - 1;
	}
	return best;
}

static char *print_v6(char *to, const struct fp_prefix *p)
{
	static const char digits[] = "0123456789abcdef";
	uint16_t g[8];
	int run, n;

	for (int i = 0; i < 4; i++) {
		g[i] = p->hi >> (48 - 16 * i);
		g[i + 4] = p->lo >> (48 - 16 * i);
	}
	run = zero_run(g, &n);
	for (int i = 0; i < 8; i++) {
		int shift = 12;

		if (i == run) {
			*to++ = ':';
			*to++ = ':';
			i += n - 1;
			continue;
		}
		if (i && i != run + n)
			*to++ = ':';
		while (shift && !(g[i] >> shift))
			shift -= 4;
		for (; shift >= 0; shift -= 4)
			*to++ = digits[g[i] >> shift & 15];
	}
	return to;
}

size_t fp_prefix_print(const struct fp_prefix *p, char out[FP_PREFIX_STRLEN])
{
	bool is_v4 = fp_prefix_is_v4(p);
	char *to = is_v4 ? print_v4(out, (uint32_t)p->lo) : print_v6(out, p);

	if (p->len < 128) {
		*to++ = '/';
		to = print_uint(to, is_v4 ? p->len - 96u : p->len);
	}
	*to = 0;
	return (size_t)(to - out);
}
