/* SPDX-License-Identifier: Apache-2.0 */
/* A job's plan: what was read can be written, and is read alike. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "codec/recoverplan.h"

static bool is_utf8(const char *s)
{
	size_t n = 1;

	for (; *s && n; s += n)
		n = fp_utf8_len(s);
	return n;
}

static void again(const struct fp_recoverplan *p)
{
	struct fp_buf b = { .data = NULL };
	struct fp_recoverplan q;
	struct fp_err e;

	fp_recoverplan_write(&b, p);
	/* bytes that are no UTF-8 are replaced */
	if (fp_recoverplan_parse(&q, b.data, b.len, &e) || q.n_to != p->n_to ||
	    q.n_runs != p->n_runs || !is_utf8(q.kind) ||
	    (is_utf8(p->kind) && strcmp(q.kind, p->kind)) ||
	    q.batch != p->batch || q.is_auto != p->is_auto)
		abort();
	fp_recoverplan_fini(&q);
	fp_buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* exactly as long, so that the sanitizer sees a read past it */
	char *text = malloc(n ? n : 1);
	struct fp_recoverplan p;
	struct fp_err e;

	memcpy(text, data, n);
	if (!fp_recoverplan_parse(&p, text, n, &e)) {
		again(&p);
		fp_recoverplan_fini(&p);
	}
	free(text);
	return 0;
}
