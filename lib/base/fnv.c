/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

/* FNV-1a, 64 bits: draft-eastlake-fnv.  Apart from SHA-256, so that a program
 * that wants only this does not need nettle. */
uint64_t fp_fnv1a(uint64_t h, const void *p, size_t n)
{
	const unsigned char *s = p;

	while (n--)
		h = (h ^ *s++) * 1099511628211ull;
	return h;
}
