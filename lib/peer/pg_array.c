/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays as text.  Source: PostgreSQL 15, 8.15.2. */
#include <string.h>

#include "peer/pg.h"

void fp_pg_array_add(struct fp_buf *to, const char *s, size_t n)
{
	const char *end = s + n;

	fp_buf_str_add(to, to->len ? ",\"" : "{\"");
	while (s < end) {
		const char *p = s;

		while (p < end && *p != '"' && *p != '\\')
			p++;
		fp_buf_add(to, s, (size_t)(p - s));
		if (p == end)
			break;
		fp_buf_add(to, "\\", 1);
		fp_buf_add(to, p, 1);
		s = p + 1;
	}
	fp_buf_add(to, "\"", 1);
}

const char *fp_pg_array(struct fp_buf *to)
{
	fp_buf_str_add(to, to->len ? "}" : "{}");
	return fp_buf_str(to);
}
