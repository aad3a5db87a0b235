/* SPDX-License-Identifier: Apache-2.0 */
#include "test/corpus/reference.h"

#include <string.h>
#include <strings.h>

static bool is_in(const char *set, uint8_t c)
{
	return c && strchr(set, c);
}

static bool is_alpha(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* RFC 3261 25.1: token */
static bool is_token(uint8_t c)
{
	return is_alpha(c) || is_digit(c) || is_in("-.!%*_+`'~", c);
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* RFC 5389 6, RFC 3489 11.1 */
static bool is_stun(const uint8_t *p, size_t n)
{
	size_t type = (size_t)p[0] << 8 | p[1], len = (size_t)p[2] << 8 | p[3];

	if (p[0] >= 0x40 || len % 4 || 20 + len > n)
		return false;
	if (!memcmp(p + 4, "\x21\x12\xa4\x42", 4))
		return true;
	return 20 + len == n &&
	       (type == 0x001 || type == 0x101 || type == 0x111);
}

/* METHOD blanks SCHEME ":" anything blank "SIP/2.0" blanks */
static bool is_request_line(const uint8_t *p, size_t n)
{
	size_t i = 0, start;

	while (n && is_blank(p[n - 1]))
		n--;
	if (n < 8 || strncasecmp((const char *)p + n - 7, "SIP/2.0", 7) ||
	    !is_blank(p[n - 8]))
		return false;
	while (i < n && is_token(p[i]))
		i++;
	if (!i || !is_blank(p[i]))
		return false;
	while (is_blank(p[i]))
		i++;
	start = i;
	while (i < n && (is_alpha(p[i]) ||
			 (i > start && (is_digit(p[i]) || is_in("+-.", p[i])))))
		i++;
	return i > start && i < n && p[i] == ':';
}

enum reference_kind reference_judge(const uint8_t *p, size_t n,
				    bool *is_options)
{
	size_t line = 0;

	*is_options = false;
	if (n < 20 || is_stun(p, n))
		return REFERENCE_QUIET;
	while (n && (is_in("\r\n\t ", *p) || !*p))
		p++, n--;
	if (!n)
		return REFERENCE_QUIET;
	if (n >= 8 && !strncasecmp((const char *)p, "SIP/2.0 ", 8))
		return REFERENCE_REPLY;
	*is_options = n >= 8 && !strncasecmp((const char *)p, "OPTIONS", 7) &&
		      !is_token(p[7]);
	while (line < n && p[line] != '\r' && p[line] != '\n')
		line++;
	return line < n && is_request_line(p, line) ? REFERENCE_REQUEST
						    : REFERENCE_MALFORMED;
}
