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

#define FP_SIP_MIN 20     /* shorter: keep-alives; servers ignore them too */
#define FP_SIP_BLOCKS 128 /* of 32 bytes: more than one XDP buffer holds */
#define FP_SIP_LINE_MAX (FP_SIP_BLOCKS * 32)
#define FP_SIP_METHOD_MAX 8 /* of a method, as much is looked at */
#define FP_SIP_BLANK_MAX 8  /* between method and URI */
#define FP_SIP_TRIM_MAX 4   /* behind SIP/2.0 */

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
	return (__u32)(((marks - 1) & FP_ONES) * FP_ONES >> 56) - 1;
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

/* Of a byte that is to be skipped (CR LF TAB SP NUL) the high bit stays 0, the
 * others' is set.  Bytes over 0x7f may spoil their neighbours', but keep their
 * own.  Other bits are noise. */
fp_sip_inline __u64 fp_sip_not_leading(__u64 w)
{
	const __u64 add =
		~FP_HIGH; /* 0x7f: carries into the high bit unless 0 */

	return ((w + add) & ((w ^ FP_ONES * '\t') + add) &
		((w ^ FP_ONES * '\n') + add) & ((w ^ FP_ONES * '\r') + add) &
		((w ^ FP_ONES * ' ') + add)) |
	       w;
}

/* token, RFC 3261 25.1 */
fp_sip_inline int fp_sip_is_token(__u8 c)
{
	/* ! % ' * + - . 0-9 | A-Z _ ` a-z ~ */
	const __u64 low = 0x03ff6ca200000000ull, high = 0x47ffffff87fffffeull;

	return c < 128 && ((c < 64 ? low : high) >> (c & 63) & 1);
}

/* Bytes of w from lo to hi marked; those over 0x7f never. */
fp_sip_inline __u64 fp_sip_range(__u64 w, __u8 lo, __u8 hi)
{
	__u64 low = w & ~FP_HIGH;

	return (low + FP_ONES * (0x80 - lo)) & ~(low + FP_ONES * (0x7f - hi)) &
	       ~w & FP_HIGH;
}

fp_sip_inline __u64 fp_sip_equal(__u64 w, __u8 c)
{
	return fp_sip_range(w, c, c);
}

fp_sip_inline __u64 fp_sip_letters(__u64 w)
{
	return fp_sip_range(w | FP_ONES * 0x20, 'a', 'z') &
	       ~fp_sip_range(w, 0, '@');
}

/* ALPHA / DIGIT / "+" / "-" / "." */
fp_sip_inline __u64 fp_sip_schemes(__u64 w)
{
	return fp_sip_letters(w) | fp_sip_range(w, '0', '9') |
	       fp_sip_equal(w, '+') | fp_sip_range(w, '-', '.');
}

/* token, RFC 3261 25.1: those and ! % * _ ` ' ~ */
fp_sip_inline __u64 fp_sip_tokens(__u64 w)
{
	return fp_sip_schemes(w) | fp_sip_equal(w, '!') | fp_sip_equal(w, '%') |
	       fp_sip_equal(w, '\'') | fp_sip_equal(w, '*') |
	       fp_sip_range(w, '_', '`') | fp_sip_equal(w, '~');
}

/* How many bytes of w, from the first on, are marked: 0..8. */
fp_sip_inline __u32 fp_sip_run(__u64 marks)
{
	marks ^= FP_HIGH;
	return marks ? fp_sip_index(marks) : 8;
}

/* What to skip in front of the first line, in whole words: bytes. */
fp_sip_inline __u32 fp_sip_leading_words(const __u8 *p, const __u8 *end)
{
	__u32 i, j;

	for (i = 0; i < FP_SIP_BLOCKS; i++) {
		if (p + 32 > end ||
		    (FP_HIGH & (fp_sip_not_leading(fp_load8(p)) |
				fp_sip_not_leading(fp_load8(p + 8)) |
				fp_sip_not_leading(fp_load8(p + 16)) |
				fp_sip_not_leading(fp_load8(p + 24)))))
			break;
		p += 32;
	}
	for (j = 0; j < 4; j++) {
		if (p + 8 > end || FP_HIGH & fp_sip_not_leading(fp_load8(p)))
			break;
		p += 8;
	}
	return i * 32 + j * 8;
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
	__u32 i, j;

	for (i = 0; i < FP_SIP_BLOCKS; i++) {
		if (p + 32 > end ||
		    (fp_sip_eol(fp_load8(p)) | fp_sip_eol(fp_load8(p + 8)) |
		     fp_sip_eol(fp_load8(p + 16)) |
		     fp_sip_eol(fp_load8(p + 24))))
			break;
		p += 32;
	}
	for (j = 0; j < 4; j++) {
		__u64 marks;

		if (p + 8 > end)
			break;
		marks = fp_sip_eol(fp_load8(p));
		if (marks)
			return i * 32 + j * 8 + fp_sip_index(marks);
		p += 8;
	}
	return FP_SIP_REST + i * 32 + j * 8;
}

/* The same in the first FP_SIP_NEAR bytes, which hold nearly every first line:
 * its offset, or FP_SIP_NEAR. */
#define FP_SIP_NEAR 64

fp_sip_inline __u32 fp_sip_end_near(const __u8 *p, const __u8 *end)
{
	__u32 i;

	if (p + FP_SIP_NEAR > end)
		return FP_SIP_NEAR;
	for (i = 0; i < FP_SIP_NEAR / 8; i++) {
		__u64 marks = fp_sip_eol(fp_load8(p + i * 8));

		if (marks)
			return i * 8 + fp_sip_index(marks);
	}
	return FP_SIP_NEAR;
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

/* len without the white space at its end, of which at most FP_SIP_TRIM_MAX is
 * looked at.  All len bytes are there. */
fp_sip_inline __u32 fp_sip_trim(const __u8 *p, const __u8 *end, __u32 len)
{
	__u32 i;

	for (i = 0; i < FP_SIP_TRIM_MAX; i++) {
		const __u8 *last;
		__u32 at = len - 1;

		fp_sip_opaque(at);
		if (at >= FP_SIP_LINE_MAX)
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

/* ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ) ":" in these 8 bytes, as far as
 * they go? */
fp_sip_inline enum fp_sip_line fp_sip_scheme(__u64 w)
{
	__u64 marks = fp_sip_schemes(w) ^ FP_HIGH;

	if (!(fp_sip_letters(w) & 0x80))
		return FP_SIP_BAD;
	/* the first that is none must be the colon */
	return !marks || marks & -marks & fp_sip_equal(w, ':') ? FP_SIP_OK
							       : FP_SIP_BAD;
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
	       !fp_sip_is_token((__u8)(first8 >> 56));
}

/* ACK BYE INFO PRACK UPDATE: requests that only stand within a dialog (ACK also
 * ends an INVITE that failed).  RFC 3261 17.1.1.3, 15; RFC 6086, 3262, 3311. */
fp_sip_inline int fp_sip_is_dialog(__u64 first8)
{
	const __u32 ack = 0x204b4341, bye = 0x20455942;
	__u32 first4 = (__u32)first8; /* its first four bytes */

	return first4 == ack || first4 == bye ||
	       (first8 & 0xffffffffffull) == 0x204f464e49ull ||
	       (first8 & 0xffffffffffffull) == 0x204b43415250ull ||
	       (first8 & 0xffffffffffffffull) == 0x20455441445055ull;
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
	return len + 20 == n &&
	       (type == 0x0001 || type == 0x0101 || type == 0x0111);
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
	return off > FP_SIP_OFF_MAX ? n
				    : n + fp_sip_leading_bytes(p + off, end);
}

/* Is it what nearly all requests begin with: up to nine capitals, one space,
 * and sip: or sips:?  0 proves nothing. */
fp_sip_inline int fp_sip_is_usual(const __u8 *p, const __u8 *end)
{
	__u64 w;
	__u32 n;

	if (p + 9 > end)
		return 0;
	n = fp_sip_run(fp_sip_range(fp_load8(p), 'A', 'Z'));
	if (!n)
		return 0;
	n += n == 8 && p[8] >= 'A' && p[8] <= 'Z';
	fp_sip_opaque(n);
	p += n & 15;
	if (p + 9 > end || *p != ' ')
		return 0;
	w = fp_load8(p + 1) | 0x202020;
	return (w & 0xffffffff) == 0x3a706973 ||                  /* sip: */
	       ((w | 0x20000000) & 0xffffffffff) == 0x3a73706973; /* sips: */
}

/* Method, white space, scheme.  The line is closed, so that at least 8 bytes
 * follow each of them. */
fp_sip_inline enum fp_sip_line fp_sip_line_start(const __u8 *p, const __u8 *end)
{
	__u64 w;
	__u32 n;

	if (p + 8 > end)
		return FP_SIP_BAD;
	n = fp_sip_run(fp_sip_tokens(fp_load8(p)));
	if (!n || n == FP_SIP_METHOD_MAX)
		return n ? FP_SIP_OK : FP_SIP_BAD;
	fp_sip_opaque(n);
	p += n & 7;
	if (p + 8 > end)
		return FP_SIP_BAD;
	w = fp_load8(p);
	n = fp_sip_run(fp_sip_equal(w, ' ') | fp_sip_equal(w, '\t'));
	if (!n || n == FP_SIP_BLANK_MAX)
		return n ? FP_SIP_OK : FP_SIP_BAD;
	fp_sip_opaque(n);
	p += n & 7;
	return p + 8 <= end ? fp_sip_scheme(fp_load8(p)) : FP_SIP_BAD;
}

/* Do the last 8 of the line's len bytes close it, nothing behind them?  0 proves
 * nothing. */
fp_sip_inline int fp_sip_is_closed(const __u8 *p, const __u8 *end, __u32 len)
{
	__u32 at = len - 8;

	fp_sip_opaque(at);
	if (at >= FP_SIP_LINE_MAX)
		return 0;
	p += at;
	return p + 8 <= end && fp_sip_is_version(fp_load8(p));
}

/* White space and SIP/2.0 at the end of the line of len bytes; white space
 * after that is let be. */
fp_sip_inline enum fp_sip_line fp_sip_close(const __u8 *p, const __u8 *end,
					    __u32 len)
{
	__u32 trimmed = fp_sip_trim(p, end, len);

	if (len - trimmed >= FP_SIP_TRIM_MAX)
		return FP_SIP_OK;
	return fp_sip_is_closed(p, end, trimmed) ? FP_SIP_OK : FP_SIP_BAD;
}

/* On its own, so that the verifier takes what it returns for unknown: the exits
 * of its loops do not multiply the paths of its caller. */
fp_sip_func fp_sip_find_end(FP_SIP_CTX *ctx, __u32 off)
{
	const __u8 *p = fp_sip_data(ctx), *end = fp_sip_end(ctx);

	return off > FP_SIP_OFF_MAX ? 0 : fp_sip_end_words(p + off, end);
}

/* The line that begins at off.  n: bytes of the datagram from there on; when
 * more than the packet has, it was cut (a first fragment). */
fp_sip_func fp_sip_first_line(FP_SIP_CTX *ctx, __u32 off, __u32 n)
{
	__u32 len = fp_sip_find_end(ctx, off);
	const __u8 *p = fp_sip_data(ctx), *end = fp_sip_end(ctx);

	if (off > FP_SIP_OFF_MAX)
		return FP_SIP_OK;
	p += off;
	if (len >= FP_SIP_REST + FP_SIP_LINE_MAX)
		return FP_SIP_OK; /* longer than we look */
	if (len >= FP_SIP_REST) {
		__u32 more;

		len -= FP_SIP_REST;
		more = fp_sip_end_bytes(p + (len & (FP_SIP_LINE_MAX - 1)), end);
		len = more == 8 ? n : len + more;
	}
	if (len >= n)
		return n > (__u64)(end - p) ? FP_SIP_OK : FP_SIP_BAD;
	if (!fp_sip_is_closed(p, end, len) &&
	    fp_sip_close(p, end, len) == FP_SIP_BAD)
		return FP_SIP_BAD;
	if (fp_sip_is_usual(p, end))
		return FP_SIP_OK;
	return fp_sip_line_start(p, end);
}

/* Is the line that begins at off as nearly all are: short, closed, usual?  0
 * proves nothing; ask fp_sip_first_line. */
fp_sip_inline int fp_sip_is_plain(FP_SIP_CTX *ctx, __u32 off, __u32 n)
{
	const __u8 *p = fp_sip_data(ctx), *end = fp_sip_end(ctx);
	__u32 len;

	if (off > FP_SIP_OFF_MAX)
		return 0;
	p += fp_sip_bounded(off);
	len = fp_sip_end_near(p, end);
	return len < FP_SIP_NEAR && len < n && fp_sip_is_closed(p, end, len) &&
	       fp_sip_is_usual(p, end);
}

/* ---- what a datagram is ---- */

enum fp_sip_class { FP_SIP_KEEPALIVE, FP_SIP_REPLY, FP_SIP_REQUEST };

/* off: where the datagram's payload begins in the packet; n: its bytes by the
 * UDP header.  fp_sip_what moves both behind what is skipped. */
struct fp_sip_msg {
	__u32 off, n;
	__u64 first8; /* of a request */
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
		m->first8 = 0;
		if (off > FP_SIP_OFF_MAX)
			return FP_SIP_REQUEST;
		p += fp_sip_bounded(off);
		if (p + 8 > end)
			return FP_SIP_REQUEST;
		w = fp_load8(p);
	}
	if (fp_sip_is_reply(w))
		return FP_SIP_REPLY;
	m->first8 = w;
	return FP_SIP_REQUEST;
}

#endif
