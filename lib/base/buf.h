/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_BASE_BUF_H
#define FP_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

/* A growing byte buffer.  Start with {0}.  A failed allocation is remembered
 * (is_failed) and later writes do nothing, so that a run of writes needs one
 * check at its end.  data is not NUL-terminated; fp_buf_str makes it so. */
struct fp_buf {
	char *data;
	size_t len, cap;
	bool is_failed;
};

void fp_buf_add(struct fp_buf *b, const void *p, size_t n);
void fp_buf_str_add(struct fp_buf *b, const char *s);
void fp_buf_printf(struct fp_buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Make room for n more bytes and return where they go (the caller adds to len),
 * or NULL. */
char *fp_buf_room(struct fp_buf *b, size_t n);
/* The content as a C string (owned by the buffer), or NULL after a failure. */
const char *fp_buf_str(struct fp_buf *b);
void fp_buf_fini(struct fp_buf *b);

#endif
