/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"

/* ---- strings */

/* c: up to U+FFFF */
static void escape(struct fp_buf *b, uint32_t c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *known = c < 0x80 ? strchr(from, (int)c) : NULL;

	if (known)
		fp_buf_printf(b, "\\%c", to[known - from]);
	else
		fp_buf_printf(b, "\\u%04x", c);
}

/* What most texts are made of goes as it is. */
static size_t plain(const char *s)
{
	size_t n = 0;

	while (s[n] >= ' ' && s[n] <= '~' && s[n] != '"' && s[n] != '\\')
		n++;
	return n;
}

/* foreign: instead of a byte that is no UTF-8 (Unicode 3.9, U+FFFD substitution,
 * one for each byte); NULL: the byte. */
static void add(struct fp_buf *b, const char *s, const char *foreign)
{
	fp_buf_add(b, "\"", 1);
	for (;;) {
		size_t n = plain(s);
		uint32_t c;

		fp_buf_add(b, s, n);
		s += n;
		if (!*s)
			break;
		n = fp_utf8_len(s);
		c = n ? fp_utf8_char(s, n) : 0;
		if (!n && foreign)
			fp_buf_str_add(b, foreign);
		else if (!n)
			fp_buf_add(b, s, 1);
		else if (c == '"' || c == '\\' || fp_utf8_is_control(c))
			escape(b, c);
		else
			fp_buf_add(b, s, n);
		s += n ? n : 1;
	}
	fp_buf_add(b, "\"", 1);
}

void fp_json_str_add(struct fp_buf *b, const char *s)
{
	add(b, s, "\xef\xbf\xbd");
}

void fp_json_bytes_add(struct fp_buf *b, const char *s)
{
	add(b, s, NULL);
}

/* ---- bounds */

bool fp_json_is_bounded(const char *s, size_t n, size_t depth, size_t values)
{
	size_t deep = 0, many = 1;
	bool is_text = false;

	for (size_t i = 0; i < n; i++) {
		char c = s[i];

		if (is_text && c == '\\')
			i++;
		else if (c == '"')
			is_text = !is_text;
		else if (is_text)
			continue;
		else if (c == ',')
			many++;
		else if ((c == '}' || c == ']') && deep)
			deep--;
		else if ((c == '{' || c == '[') && (many++, ++deep > depth))
			return false;
	}
	return many <= values;
}
