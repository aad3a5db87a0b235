/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

char *fp_buf_room(struct fp_buf *b, size_t n)
{
	size_t need, cap;
	char *data;

	if (b->is_failed)
		return NULL;
	if (__builtin_add_overflow(b->len, n, &need))
		goto fail;
	if (need <= b->cap && b->data)
		return b->data + b->len;
	if (__builtin_mul_overflow(b->cap, 2, &cap))
		goto fail;
	if (cap < need)
		cap = need;
	if (cap < 64)
		cap = 64;
	data = realloc(b->data, cap);
	if (!data)
		goto fail;
	b->data = data;
	b->cap = cap;
	return data + b->len;
fail:
	b->is_failed = true;
	return NULL;
}

void fp_buf_add(struct fp_buf *b, const void *p, size_t n)
{
	char *to = fp_buf_room(b, n);

	if (!to || !n)
		return;
	memcpy(to, p, n);
	b->len += n;
}

void fp_buf_str_add(struct fp_buf *b, const char *s)
{
	fp_buf_add(b, s, strlen(s));
}

void fp_buf_printf(struct fp_buf *b, const char *fmt, ...)
{
	va_list ap;
	char *to;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->is_failed = true;
		return;
	}
	to = fp_buf_room(b, (size_t)n + 1);
	if (!to)
		return;
	va_start(ap, fmt);
	vsnprintf(to, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

const char *fp_buf_str(struct fp_buf *b)
{
	char *end = fp_buf_room(b, 1);

	if (!end)
		return NULL;
	*end = 0;
	return b->data;
}

void fp_buf_fini(struct fp_buf *b)
{
	free(b->data);
	*b = (struct fp_buf){ 0 };
}
