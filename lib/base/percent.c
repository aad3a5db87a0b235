/* SPDX-License-Identifier: Apache-2.0 */
#include "base/percent.h"

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void fp_percent_decode(char *s)
{
	char *to = s;

	for (; *s; s++) {
		int high = *s == '%' ? digit(s[1]) : -1;
		int low = high >= 0 ? digit(s[2]) : -1;

		if (low >= 0 && (high || low)) {
			*to++ = (char)(high << 4 | low);
			s += 2;
		} else {
			*to++ = *s;
		}
	}
	*to = 0;
}
