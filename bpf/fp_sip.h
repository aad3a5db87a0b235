/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
#ifndef FP_SIP_H
#define FP_SIP_H

/* The SIP first-line parser: the same C in the kernel and, for fuzzing, in user
 * space.  It proves that a datagram is not SIP; what it cannot prove within its
 * bounds, it passes.
 *
 * Grammar: RFC 3261 25.1; leading CRLFs: 7.5.  Lenient where servers are:
 * Kamailio's parse_msg() skips blanks and NULs in front of the first line,
 * parse_first_line() takes any case of "SIP/2.0", white space after it, and
 * a line that ends with CR, LF or both. */

#include <linux/types.h>

#define FP_SIP_MIN 20	 /* shorter: keep-alives; servers ignore them too */
#define FP_SIP_WORDS 512 /* 4 KB: more than one XDP buffer holds */
#define FP_SIP_METHOD_MAX 128
#define FP_SIP_BLANK_MAX 64
#define FP_SIP_SCHEME_MAX 32

enum fp_sip_line { FP_SIP_OK, FP_SIP_BAD };

#define fp_sip_inline static inline __attribute__((always_inline))

/* The compiler may not guess what is in x, so that it does not compute it anew
 * behind the check which the verifier needs. */
#define fp_sip_opaque(x) __asm__ volatile("" : "+r"(x))

#define FP_ONES 0x0101010101010101ull
#define FP_HIGH 0x8080808080808080ull

fp_sip_inline __u64 fp_load8(const __u8 *p)
{
#ifdef __bpf__
	return *(const __u64 *)p;
#else
	__u64 w;

	__builtin_memcpy(&w, p, 8);
	return w;
#endif
}

/* Not 0 when a byte of w is CR or LF; its lowest bit then marks the first. */
fp_sip_inline __u64 fp_sip_eol(__u64 w)
{
	__u64 lf = w ^ FP_ONES * '\n', cr = w ^ FP_ONES * '\r';

	return (((lf - FP_ONES) & ~lf) | ((cr - FP_ONES) & ~cr)) & FP_HIGH;
}

/* Which byte the lowest marked bit is in. */
fp_sip_inline __u32 fp_sip_index(__u64 marks)
{
	return (((marks - 1) & FP_ONES) * FP_ONES >> 56) - 1;
}

fp_sip_inline int fp_sip_is_blank(__u8 c)
{
	return c == ' ' || c == '\t';
}

/* What a server skips before the first line: CR LF TAB SP NUL. */
fp_sip_inline int fp_sip_is_leading(__u8 c)
{
	return c <= ' ' && (0x100002601ull >> c & 1);
}

/* Every zero byte of w marked, and no other. */
fp_sip_inline __u64 fp_sip_zeros(__u64 w)
{
	return ~(((w & ~FP_HIGH) + ~FP_HIGH) | w | ~FP_HIGH);
}

/* Are all 8 bytes of w such as are skipped? */
fp_sip_inline int fp_sip_all_leading(__u64 w)
{
	return (fp_sip_zeros(w) | fp_sip_zeros(w ^ FP_ONES * '\t') |
		fp_sip_zeros(w ^ FP_ONES * '\n') |
		fp_sip_zeros(w ^ FP_ONES * '\r') |
		fp_sip_zeros(w ^ FP_ONES * ' ')) == FP_HIGH;
}

/* token, RFC 3261 25.1 */
fp_sip_inline int fp_sip_is_token(__u8 c)
{
	/* ! % ' * + - . 0-9 | A-Z _ ` a-z ~ */
	const __u64 low = 0x03ff6ca200000000ull, high = 0x47ffffff87fffffeull;

	return c < 128 && ((c < 64 ? low : high) >> (c & 63) & 1);
}

fp_sip_inline int fp_sip_is_alpha(__u8 c)
{
	return (__u8)((c | 32) - 'a') < 26;
}

fp_sip_inline int fp_sip_is_scheme(__u8 c)
{
	return fp_sip_is_alpha(c) || (__u8)(c - '0') < 10 || c == '+' ||
	       c == '-' || c == '.';
}

/* The two loops below come in two halves, by words and by the bytes that are
 * left, so that the kernel's verifier sees each on its own: the exits of the
 * first do not multiply the paths of the second. */

/* What to skip in front of the first line, in whole words: bytes. */
fp_sip_inline __u32 fp_sip_leading_words(const __u8 *p, const __u8 *end)
{
	__u32 i;

	for (i = 0; i < FP_SIP_WORDS; i++) {
		if (p + 8 > end || !fp_sip_all_leading(fp_load8(p)))
			break;
		p += 8;
	}
	return i * 8;
}

/* The rest of it: 0..8 more bytes. */
fp_sip_inline __u32 fp_sip_leading_bytes(const __u8 *p, const __u8 *end)
{
	__u32 i;

	for (i = 0; i < 8; i++) {
		if (p + 1 > end || !fp_sip_is_leading(*p))
			break;
		p++;
	}
	return i;
}

/* Offset of the first CR or LF in whole words; else FP_SIP_REST plus the offset
 * of the bytes that are left. */
#define FP_SIP_REST 0x10000u

fp_sip_inline __u32 fp_sip_end_words(const __u8 *p, const __u8 *end)
{
	__u32 i;

	for (i = 0; i < FP_SIP_WORDS; i++) {
		__u64 marks;

		if (p + 8 > end)
			break;
		marks = fp_sip_eol(fp_load8(p));
		if (marks)
			return i * 8 + fp_sip_index(marks);
		p += 8;
	}
	return FP_SIP_REST + i * 8;
}

/* The same in up to 7 bytes: its offset, or 8. */
fp_sip_inline __u32 fp_sip_end_bytes(const __u8 *p, const __u8 *end)
{
	__u32 i;

	for (i = 0; i < 7; i++) {
		if (p + 1 > end)
			break;
		if (*p == '\r' || *p == '\n')
			return i;
		p++;
	}
	return 8;
}

/* len without the white space at its end, of which at most FP_SIP_BLANK_MAX is
 * looked at.  All len bytes are there. */
fp_sip_inline __u32 fp_sip_trim(const __u8 *p, const __u8 *end, __u32 len)
{
	__u32 i;

	for (i = 0; i < FP_SIP_BLANK_MAX; i++) {
		const __u8 *last;
		__u32 at = len - 1;

		fp_sip_opaque(at);
		if (at >= FP_SIP_WORDS * 8)
			break;
		last = p + at;
		if (last + 1 > end || !fp_sip_is_blank(*last))
			break;
		len--;
	}
	return len;
}

/* Are these last 8 bytes of a line white space and SIP/2.0, in any case? */
fp_sip_inline int fp_sip_is_version(__u64 last8)
{
	return fp_sip_is_blank(last8 & 0xff) &&
	       (last8 >> 8 | 0x202020) == 0x302e322f706973ull;
}

/* Length of the token at p, at most FP_SIP_METHOD_MAX. */
fp_sip_inline __u32 fp_sip_token(const __u8 *p, const __u8 *end)
{
	__u32 i;

	for (i = 0; i < FP_SIP_METHOD_MAX; i++) {
		if (p + 1 > end || !fp_sip_is_token(*p))
			break;
		p++;
	}
	return i;
}

/* Length of the white space at p, at most FP_SIP_BLANK_MAX. */
fp_sip_inline __u32 fp_sip_blanks(const __u8 *p, const __u8 *end)
{
	__u32 i;

	for (i = 0; i < FP_SIP_BLANK_MAX; i++) {
		if (p + 1 > end || !fp_sip_is_blank(*p))
			break;
		p++;
	}
	return i;
}

/* ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ) ":" at p */
fp_sip_inline enum fp_sip_line fp_sip_scheme(const __u8 *p, const __u8 *end)
{
	int i;

	if (p + 1 > end || !fp_sip_is_alpha(*p))
		return FP_SIP_BAD;
	for (i = 0; i < FP_SIP_SCHEME_MAX; i++) {
		p++;
		if (p + 1 > end)
			return FP_SIP_BAD;
		if (*p == ':')
			return FP_SIP_OK;
		if (!fp_sip_is_scheme(*p))
			return FP_SIP_BAD;
	}
	return FP_SIP_OK;
}

/* "SIP/2.0 " in any case: a reply. */
fp_sip_inline int fp_sip_is_reply(__u64 first8)
{
	return (first8 | 0x202020) == 0x20302e322f706973ull;
}

/* "OPTIONS" in any case and then no token character. */
fp_sip_inline int fp_sip_is_options(__u64 first8)
{
	return ((first8 | 0x20202020202020ull) & 0xffffffffffffffull) ==
		       0x736e6f6974706full &&
	       !fp_sip_is_token(first8 >> 56);
}

/* A STUN message: RFC 5389 by its cookie, RFC 3489 (none) by type and length.
 * p: 20 bytes; n: of the whole datagram. */
fp_sip_inline int fp_sip_is_stun(const __u8 *p, __u32 n)
{
	__u32 type = p[0] << 8 | p[1], len = p[2] << 8 | p[3];

	if (p[0] & 0xc0 || len & 3 || len + 20 > n)
		return 0;
	if (p[4] == 0x21 && p[5] == 0x12 && p[6] == 0xa4 && p[7] == 0x42)
		return 1;
	return len + 20 == n && (type == 0x0001 || type == 0x0101 ||
				 type == 0x0111);
}

/* ---- the parser: these work on a packet, from an offset in it ---- */

#ifdef __bpf__
/* Global functions: the verifier looks at each once, on its own, and takes what
 * it returns for unknown. */
#define fp_sip_func __attribute__((noinline)) int
#else
#define FP_SIP_CTX struct fp_sip_ctx
struct fp_sip_ctx {
	const __u8 *data, *data_end;
};
#define fp_sip_func static __attribute__((unused)) int
#endif

/* An offset that the verifier can follow; packets are shorter. */
#define FP_SIP_OFF_MAX 0x3fff

/* Behind a check against FP_SIP_OFF_MAX: older verifiers (6.1) do not know what a
 * register was checked for once the compiler takes it from the stack. */
fp_sip_inline __u32 fp_sip_bounded(__u32 off)
{
	fp_sip_opaque(off);
	return off & FP_SIP_OFF_MAX;
}

#define fp_sip_data(ctx) ((const __u8 *)(long)(ctx)->data)
#define fp_sip_end(ctx) ((const __u8 *)(long)(ctx)->data_end)

fp_sip_func fp_sip_skip_words(FP_SIP_CTX *ctx, __u32 off)
{
	const __u8 *p = fp_sip_data(ctx), *end = fp_sip_end(ctx);

	return off > FP_SIP_OFF_MAX ? 0 : fp_sip_leading_words(p + off, end);
}

/* How many bytes stand in front of the first line. */
fp_sip_func fp_sip_skip(FP_SIP_CTX *ctx, __u32 off)
{
	__u32 n = fp_sip_skip_words(ctx, off);
	const __u8 *p = fp_sip_data(ctx), *end = fp_sip_end(ctx);

	off += n;
	return off > FP_SIP_OFF_MAX ? n :
				      n + fp_sip_leading_bytes(p + off, end);
}

fp_sip_func fp_sip_find_end(FP_SIP_CTX *ctx, __u32 off)
{
	const __u8 *p = fp_sip_data(ctx), *end = fp_sip_end(ctx);

	return off > FP_SIP_OFF_MAX ? 0 : fp_sip_end_words(p + off, end);
}

fp_sip_func fp_sip_trimmed(FP_SIP_CTX *ctx, __u32 off, __u32 len)
{
	const __u8 *p = fp_sip_data(ctx), *end = fp_sip_end(ctx);

	return off > FP_SIP_OFF_MAX ? 0 : fp_sip_trim(p + off, end, len);
}

fp_sip_func fp_sip_token_len(FP_SIP_CTX *ctx, __u32 off)
{
	const __u8 *p = fp_sip_data(ctx), *end = fp_sip_end(ctx);

	return off > FP_SIP_OFF_MAX ? 0 : fp_sip_token(p + off, end);
}

fp_sip_func fp_sip_blank_len(FP_SIP_CTX *ctx, __u32 off)
{
	const __u8 *p = fp_sip_data(ctx), *end = fp_sip_end(ctx);

	return off > FP_SIP_OFF_MAX ? 0 : fp_sip_blanks(p + off, end);
}

fp_sip_func fp_sip_scheme_at(FP_SIP_CTX *ctx, __u32 off)
{
	const __u8 *p = fp_sip_data(ctx), *end = fp_sip_end(ctx);

	return off > FP_SIP_OFF_MAX ? FP_SIP_OK : fp_sip_scheme(p + off, end);
}

/* Method, white space, scheme. */
fp_sip_func fp_sip_line_start(FP_SIP_CTX *ctx, __u32 off)
{
	__u32 n = fp_sip_token_len(ctx, off);

	if (!n)
		return FP_SIP_BAD;
	if (n >= FP_SIP_METHOD_MAX)
		return FP_SIP_OK;
	off += n;
	n = fp_sip_blank_len(ctx, off);
	if (!n)
		return FP_SIP_BAD;
	if (n >= FP_SIP_BLANK_MAX)
		return FP_SIP_OK;
	return fp_sip_scheme_at(ctx, off + n);
}

/* White space and SIP/2.0 at the end of the line of len bytes; white space
 * after that is let be. */
fp_sip_func fp_sip_line_close(FP_SIP_CTX *ctx, __u32 off, __u32 len)
{
	__u32 trimmed = fp_sip_trimmed(ctx, off, len);
	const __u8 *p = fp_sip_data(ctx), *end = fp_sip_end(ctx);

	if (len - trimmed >= FP_SIP_BLANK_MAX)
		return FP_SIP_OK;
	off += trimmed;
	if (trimmed < 8 || off - 8 > FP_SIP_OFF_MAX)
		return FP_SIP_BAD;
	p += off - 8;
	if (p + 8 > end || !fp_sip_is_version(fp_load8(p)))
		return FP_SIP_BAD;
	return FP_SIP_OK;
}

/* The line that begins at off.  n: bytes of the datagram from there on; when
 * more than the packet has, it was cut (a first fragment). */
fp_sip_func fp_sip_first_line(FP_SIP_CTX *ctx, __u32 off, __u32 n)
{
	__u32 len = fp_sip_find_end(ctx, off), more;
	const __u8 *p = fp_sip_data(ctx), *end = fp_sip_end(ctx);

	if (off > FP_SIP_OFF_MAX || len >= FP_SIP_REST + FP_SIP_WORDS * 8)
		return FP_SIP_OK; /* longer than we look */
	p += off;
	if (len >= FP_SIP_REST) {
		len -= FP_SIP_REST;
		more = fp_sip_end_bytes(p + len, end);
		len = more == 8 ? n : len + more;
	}
	if (len >= n)
		return n > (__u64)(end - p) ? FP_SIP_OK : FP_SIP_BAD;
	if (fp_sip_line_close(ctx, off, len) == FP_SIP_BAD)
		return FP_SIP_BAD;
	return fp_sip_line_start(ctx, off);
}

/* ---- what a datagram is ---- */

enum fp_sip_class { FP_SIP_KEEPALIVE, FP_SIP_REPLY, FP_SIP_REQUEST };

/* off: where the datagram's payload begins in the packet; n: its bytes by the
 * UDP header.  fp_sip_what moves both behind what is skipped. */
struct fp_sip_msg {
	__u32 off, n;
	int is_options;
};

fp_sip_inline enum fp_sip_class fp_sip_what(FP_SIP_CTX *ctx,
					    struct fp_sip_msg *m)
{
	const __u8 *p = fp_sip_data(ctx), *end = fp_sip_end(ctx);
	__u32 off = m->off, skip;
	__u64 w;

	if (off > FP_SIP_OFF_MAX || m->n < FP_SIP_MIN)
		return FP_SIP_KEEPALIVE;
	p += fp_sip_bounded(off);
	if (p + FP_SIP_MIN > end)
		return FP_SIP_KEEPALIVE;
	w = fp_load8(p);
	if ((__u8)w < '@') { /* no letter */
		if (fp_sip_is_stun(p, m->n))
			return FP_SIP_KEEPALIVE;
		skip = fp_sip_skip(ctx, off);
		if (skip >= m->n)
			return FP_SIP_KEEPALIVE;
		off += skip;
		m->n -= skip;
		m->off = off;
		p = fp_sip_data(ctx);
		end = fp_sip_end(ctx);
		/* cut away, or shorter than the shortest beginning */
		if (off > FP_SIP_OFF_MAX)
			return FP_SIP_REQUEST;
		p += fp_sip_bounded(off);
		if (p + 8 > end)
			return FP_SIP_REQUEST;
		w = fp_load8(p);
	}
	if (fp_sip_is_reply(w))
		return FP_SIP_REPLY;
	m->is_options = fp_sip_is_options(w);
	return FP_SIP_REQUEST;
}

#endif
