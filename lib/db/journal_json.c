/* SPDX-License-Identifier: Apache-2.0 */
/* Reading JSON text as text: details and plans go through as they are, and lines of
 * the copy are too many for a tree each.  Source: RFC 8259; PostgreSQL 15, 8.14
 * (what jsonb refuses). */
#include <string.h>

#include "base/utf8.h"
#include "db/journal_priv.h"

#define DEPTH_MAX 32
/* numeric has 131072 digits before its point, and jsonb fails beyond. */
#define NUMBER_MAX 64
#define EXPONENT_MAX 3

static void put(struct fp_jscan *s, const char *p, size_t n)
{
	if (s->to)
		fp_buf_add(s->to, p, n);
}

static void space(struct fp_jscan *s)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' ||
				  *s->at == '\n' || *s->at == '\r'))
		s->at++;
}

bool fp_jscan_is(struct fp_jscan *s, char c)
{
	space(s);
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

/* ---- strings */

/* The four digits after \u at p; -1. */
static int hex4(const char *p, const char *end)
{
	int v = 0;

	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		int c = (unsigned char)p[i] | 0x20;

		if (c >= '0' && c <= '9' && p[i] == c)
			v = v << 4 | (c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (c - 'a' + 10);
		else
			return -1;
	}
	return v;
}

/* RFC 3629 3. */
static void put_utf8(struct fp_jscan *s, unsigned int c)
{
	char u[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n - 1; i; i--, c >>= 6)
		u[i] = (char)(0x80 | (c & 0x3f));
	u[0] = (char)(n == 1 ? c : (0xf00u >> n & 0xff) | c);
	put(s, u, n);
}

static bool unicode(struct fp_jscan *s)
{
	int c = hex4(s->at, s->end), low = -1;
	size_t n = 6;

	if (c < 0)
		return false;
	if (c >= 0xd800 && c < 0xdc00)
		low = hex4(s->at + 6, s->end);
	if (low >= 0xdc00 && low < 0xe000)
		n = 12;
	else if (!c || (c >= 0xd800 && c < 0xe000))
		c = -1;
	if (c < 0)
		put(s, "?", 1);
	else if (!s->is_text)
		put(s, s->at, n);
	else if (n == 12)
		put_utf8(s, 0x10000 + ((unsigned int)(c - 0xd800) << 10) +
				    (unsigned int)(low - 0xdc00));
	else
		put_utf8(s, (unsigned int)c);
	s->at += n;
	return true;
}

static bool escape(struct fp_jscan *s)
{
	static const char names[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	const char *name;

	if (s->end - s->at < 2)
		return false;
	if (s->at[1] == 'u')
		return unicode(s);
	name = s->at[1] ? strchr(names, s->at[1]) : NULL;
	if (!name)
		return false;
	if (s->is_text)
		put(s, &means[name - names], 1);
	else
		put(s, s->at, 2);
	s->at += 2;
	return true;
}

/* The length of the character at p, not ASCII; 0: it is none. */
static size_t beyond_ascii(const char *p, const char *end)
{
	char u[5] = { 0 };

	if (end - p >= 4)
		return fp_utf8_len(p);
	memcpy(u, p, (size_t)(end - p));
	return fp_utf8_len(u);
}

static bool character(struct fp_jscan *s)
{
	size_t n;

	if (*s->at == '\\')
		return escape(s);
	if ((unsigned char)*s->at < ' ')
		return false;
	n = beyond_ascii(s->at, s->end);
	put(s, n ? s->at : "?", n ? n : 1);
	s->at += n ? n : 1;
	return true;
}

/* Most of all text needs no look at its single characters. */
static void plain(struct fp_jscan *s)
{
	const char *from = s->at;

	while (s->at < s->end && *s->at >= ' ' && *s->at != '"' &&
	       *s->at != '\\' && (unsigned char)*s->at < 0x80)
		s->at++;
	put(s, from, (size_t)(s->at - from));
}

bool fp_jscan_string(struct fp_jscan *s)
{
	if (!fp_jscan_is(s, '"'))
		return false;
	if (!s->is_text)
		put(s, "\"", 1);
	for (;;) {
		plain(s);
		if (s->at == s->end)
			return false;
		if (*s->at == '"')
			break;
		if (!character(s))
			return false;
	}
	s->at++;
	if (!s->is_text)
		put(s, "\"", 1);
	return true;
}

/* ---- values */

static size_t digits(struct fp_jscan *s)
{
	const char *from = s->at;

	while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
		s->at++;
	return (size_t)(s->at - from);
}

static bool number(struct fp_jscan *s)
{
	const char *from = s->at;
	bool is_zero;
	size_t n;

	if (*s->at == '-')
		s->at++;
	is_zero = s->at < s->end && *s->at == '0';
	n = digits(s);
	if (!n || (is_zero && n > 1))
		return false;
	if (s->at < s->end && *s->at == '.') {
		s->at++;
		if (!digits(s))
			return false;
	}
	if (s->at < s->end && (*s->at | 0x20) == 'e') {
		s->at++;
		if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
			s->at++;
		n = digits(s);
		if (!n || n > EXPONENT_MAX)
			return false;
	}
	if (s->at - from > NUMBER_MAX)
		return false;
	put(s, from, (size_t)(s->at - from));
	return true;
}

static bool word(struct fp_jscan *s)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t i = 0; i < 3; i++) {
		size_t n = strlen(words[i]);

		if ((size_t)(s->end - s->at) < n || memcmp(s->at, words[i], n))
			continue;
		put(s, s->at, n);
		s->at += n;
		return true;
	}
	return false;
}

static bool value(struct fp_jscan *s, int depth);

/* Behind '{' or '['. */
static bool members(struct fp_jscan *s, int depth, char close)
{
	put(s, close == '}' ? "{" : "[", 1);
	if (!fp_jscan_is(s, close)) {
		for (;;) {
			if (close == '}') {
				if (!fp_jscan_string(s) || !fp_jscan_is(s, ':'))
					return false;
				put(s, ":", 1);
			}
			if (!value(s, depth))
				return false;
			if (fp_jscan_is(s, close))
				break;
			if (!fp_jscan_is(s, ','))
				return false;
			put(s, ",", 1);
		}
	}
	put(s, &close, 1);
	return true;
}

static bool value(struct fp_jscan *s, int depth)
{
	space(s);
	if (s->at == s->end || depth > DEPTH_MAX)
		return false;
	switch (*s->at) {
	case '"':
		return fp_jscan_string(s);
	case '{':
		s->at++;
		return members(s, depth + 1, '}');
	case '[':
		s->at++;
		return members(s, depth + 1, ']');
	default:
		return *s->at == '-' || (*s->at >= '0' && *s->at <= '9')
			       ? number(s)
			       : word(s);
	}
}

bool fp_jscan_value(struct fp_jscan *s)
{
	return value(s, 0);
}

int fp_journal_object(struct fp_buf *to, const char *s, size_t n)
{
	struct fp_jscan scan = { .at = s, .end = s + n, .to = to };

	space(&scan);
	if (scan.at == scan.end || *scan.at != '{' || !fp_jscan_value(&scan))
		return -EBADMSG;
	space(&scan);
	if (scan.at != scan.end)
		return -EBADMSG;
	return to && to->is_failed ? -ENOMEM : 0;
}

/* ---- writing */

void fp_journal_string(struct fp_buf *to, const char *s)
{
	static const char hex[] = "0123456789abcdef";

	fp_buf_add(to, "\"", 1);
	while (*s) {
		size_t n = fp_utf8_len(s);
		char u[6] = "\\u00";

		if (*s == '"' || *s == '\\') {
			u[1] = *s;
			fp_buf_add(to, u, 2);
		} else if ((unsigned char)*s < ' ') {
			u[4] = hex[*s >> 4];
			u[5] = hex[*s & 15];
			fp_buf_add(to, u, 6);
		} else {
			fp_buf_add(to, n ? s : "?", n ? n : 1);
		}
		s += n ? n : 1;
	}
	fp_buf_add(to, "\"", 1);
}
