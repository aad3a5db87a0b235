/* SPDX-License-Identifier: Apache-2.0 */
#include <nettle/sha2.h>

#include "base/hash.h"

_Static_assert(sizeof(struct sha256_ctx) <= sizeof(struct fp_sha256),
	       "struct fp_sha256 holds nettle's context");

void fp_sha256_init(struct fp_sha256 *h)
{
	sha256_init((struct sha256_ctx *)h);
}

void fp_sha256_add(struct fp_sha256 *h, const void *p, size_t n)
{
	sha256_update((struct sha256_ctx *)h, n, p);
}

void fp_sha256_fini(struct fp_sha256 *h, unsigned char out[FP_SHA256_SIZE])
{
	sha256_digest((struct sha256_ctx *)h, FP_SHA256_SIZE, out);
}

void fp_hex(const void *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *s = p;

	for (; n--; s++) {
		*out++ = digits[*s >> 4];
		*out++ = digits[*s & 15];
	}
	*out = 0;
}
