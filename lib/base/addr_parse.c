/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <string.h>

#include "base/addr.h"

/* Lists have millions of lines, nearly all of them good: the fast path only
 * says yes or no, and explain() finds the reason for a no. */

static bool digit(const char *s, const char *end, unsigned int *d)
{
	return s < end && (*d = (unsigned int)(unsigned char)*s - '0') <= 9;
}

/* A decimal number of at most max without a leading zero, up to its first
 * non-digit.  Returns where it ends, or NULL. */
static inline const char *number(const char *s, const char *end,
				 unsigned int max, unsigned int *out)
{
	unsigned int v, d;

	if (!digit(s++, end, &v))
		return NULL;
	while (digit(s, end, &d)) {
		if (!v)
			return NULL;
		v = v * 10 + d;
		if (v > max)
			return NULL;
		s++;
	}
	*out = v;
	return v <= max ? s : NULL;
}

static bool v4_parse(const char *s, const char *end, uint32_t *addr,
		     unsigned int *len)
{
	unsigned int v;
	uint32_t a = 0;

	for (int i = 0; i < 4; i++) {
		if (i && (s == end || *s++ != '.'))
			return false;
		s = number(s, end, 255, &v);
		if (!s)
			return false;
		a = a << 8 | v;
	}
	*addr = a;
	*len = 32;
	if (s == end)
		return true;
	return *s++ == '/' && (s = number(s, end, 32, len)) && s == end;
}

static bool v6_parse(const char *s, const char *end, unsigned char addr[16],
		     unsigned int *len)
{
	const char *slash = memchr(s, '/', (size_t)(end - s));
	size_t n = (size_t)((slash ? slash : end) - s);
	char copy[INET6_ADDRSTRLEN];

	if (n >= sizeof(copy) || memchr(s, 0, n))
		return false;
	memcpy(copy, s, n);
	copy[n] = 0;
	*len = 128;
	if (inet_pton(AF_INET6, copy, addr) != 1)
		return false;
	return !slash || number(slash + 1, end, 128, len) == end;
}

/* The word as it can stand in a message: printable and not too long. */
static const char *shown(char out[72], const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n && i < 64; i++)
		out[i] = s[i] > ' ' && s[i] < 0x7f ? s[i] : '?';
	memcpy(out + i, i < n ? "..." : "", i < n ? 4 : 1);
	return out;
}

/* Why a word that neither parser takes is wrong. */
static const char *reason(const char *s, const char *end)
{
	size_t n = (size_t)(end - s);
	bool is_v6 = memchr(s, ':', n);
	const char *slash = memchr(s, '/', n);
	unsigned int d, v;

	if (memchr(s, '%', n))
		return "an address with a zone has no meaning here";
	if (slash) {
		bool has_zero = slash + 2 < end && slash[1] == '0';

		if (has_zero && digit(slash + 2, end, &d))
			return "the length has a leading zero";
		if (number(slash + 1, end, is_v6 ? 128 : 32, &v) != end)
			return is_v6 ? "the length is not 0 to 128"
				     : "the length is not 0 to 32";
	}
	for (const char *p = s; !is_v6 && p < end && p != slash; p++) {
		bool is_first = p == s || p[-1] == '.';

		if (is_first && *p == '0' && digit(p + 1, end, &d))
			return "an octet has a leading zero";
		if (is_first && digit(p, end, &d) && !number(p, end, 255, &v))
			return "an octet is more than 255";
	}
	return NULL;
}

static int explain(const char *s, size_t n, struct fp_err *e)
{
	const char *why = n ? reason(s, s + n) : NULL;
	char word[72];

	shown(word, s, n);
	if (why)
		return fp_err(e, -EINVAL, "\"%s\": %s", word, why);
	return fp_err(e, -EINVAL, "\"%s\" is not an address or a prefix", word);
}

static int host_bits(const struct fp_prefix *meant, const char *s, size_t n,
		     struct fp_err *e)
{
	char word[72], text[FP_PREFIX_STRLEN];

	fp_prefix_print(meant, text);
	return fp_err(e, -EINVAL, "\"%s\" has host bits set; did you mean %s?",
		      shown(word, s, n), text);
}

static int parse_v6(struct fp_prefix *out, const char *s, size_t n,
		    struct fp_err *e)
{
	struct fp_prefix whole, p;
	unsigned char a6[16];
	unsigned int len;
	char word[72];

	if (!v6_parse(s, s + n, a6, &len))
		return explain(s, n, e);
	whole = fp_prefix_v6(a6, 128);
	p = fp_prefix_cut(&whole, len);
	/* It would read back as IPv4, and no packet should carry it. */
	if (fp_prefix_is_v4(&p))
		return fp_err(e, -EINVAL,
			      "\"%s\" is IPv4-mapped; write it as IPv4",
			      shown(word, s, n));
	if (whole.hi != p.hi || whole.lo != p.lo)
		return host_bits(&p, s, n, e);
	*out = p;
	return 0;
}

int fp_prefix_parse(struct fp_prefix *out, const char *s, size_t n,
		    struct fp_err *e)
{
	struct fp_prefix p = { 0, 0, 0 };
	unsigned int len;
	uint32_t a4;

	if (!v4_parse(s, s + n, &a4, &len))
		return parse_v6(out, s, n, e);
	p.lo = 0xffffull << 32 | (len ? a4 & ~0u << (32 - len) : 0);
	p.len = len + 96;
	if ((uint32_t)p.lo != a4)
		return host_bits(&p, s, n, e);
	*out = p;
	return 0;
}
