/* SPDX-License-Identifier: Apache-2.0 */
/* A job's plan: what was read can be written, and is read alike. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "codec/moveplan.h"

static bool is_utf8(const char *s)
{
	size_t n = 1;

	for (; *s && n; s += n)
		n = fp_utf8_len(s);
	return n;
}

static void again(const struct fp_moveplan *p)
{
	struct fp_buf b = { .data = NULL };
	struct fp_moveplan q;
	struct fp_err e;

	fp_moveplan_write(&b, p);
	/* bytes that are no UTF-8 are replaced */
	if (fp_moveplan_parse(&q, b.data, b.len, &e) || q.n_tags != p->n_tags ||
	    q.n_callids != p->n_callids || !is_utf8(q.kind) ||
	    (is_utf8(p->kind) && strcmp(q.kind, p->kind)) ||
	    q.count != p->count)
		abort();
	fp_moveplan_fini(&q);
	fp_buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* exactly as long, so that the sanitizer sees a read past it */
	char *text = malloc(n ? n : 1);
	struct fp_moveplan p;
	struct fp_err e;

	memcpy(text, data, n);
	if (!fp_moveplan_parse(&p, text, n, &e)) {
		again(&p);
		fp_moveplan_fini(&p);
	}
	free(text);
	return 0;
}
