/* SPDX-License-Identifier: Apache-2.0 */
/* Bencoding: values lie inside the text, and what was read is read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/bencode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void inside(const struct fp_bencode *v, const char *p, size_t n)
{
	struct fp_bencode again;

	if (v->p < p || v->n > n || v->p > p + n - v->n)
		abort();
	if (v->kind == FP_BEN_STR)
		return;
	if (fp_bencode_parse(&again, v->p, v->n, NULL) ||
	    again.kind != v->kind || again.i != v->i)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const paths[] = {
		"result", "", "a", "a.b", ".", "statistics.currentstatistics."
	};
	/* exactly n bytes, so that the sanitizer sees a read past them */
	char *copy = malloc(n ? n : 1);
	struct fp_bencode v, inner;

	if (!copy)
		return 0;
	if (n)
		memcpy(copy, data, n);
	if (!fp_bencode_parse(&v, copy, n, NULL)) {
		inside(&v, copy, n);
		for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
			if (fp_bencode_get(&v, paths[i], &inner)) {
				inside(&inner, copy, n);
				fp_bencode_is(&inner, "pong");
			}
	}
	free(copy);
	return 0;
}
