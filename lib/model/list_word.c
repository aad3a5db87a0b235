/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/utf8.h"
#include "model/list_word.h"

const char *fp_word(char out[FP_WORD_SIZE], const char *s, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	size_t to = 0, i;

	for (i = 0; i < n && to < FP_WORD_SIZE - 8; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c >= ' ' && c < 0x7f) {
			out[to++] = s[i];
			continue;
		}
		out[to++] = '\\';
		out[to++] = 'x';
		out[to++] = digits[c >> 4];
		out[to++] = digits[c & 15];
	}
	strcpy(out + to, i < n ? "..." : "");
	return out;
}

size_t fp_char_len(const char *s, size_t n)
{
	char c[5] = { 0 };

	if ((unsigned char)*s < 0x80)
		return *s >= ' ' && *s != 0x7f;
	memcpy(c, s, n < 4 ? n : 4);
	return memcmp(c, "\xc2\xa0", 2) < 0 ? 0 : fp_utf8_len(c);
}
