/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "model/list_collect.h"

/* A stable radix sort, least significant byte first.  Passes over a byte that
 * all elements share are skipped: most of them, in any real list. */

#define WORDS_MAX 3
#define DIGITS_MAX (8 * WORDS_MAX)

struct order {
	size_t words; /* 64-bit words of an element, the first weighs most */
	unsigned int shift; /* low bits of the last word that are no key */
};

static inline unsigned int digit(const uint64_t *v, struct order o,
				 unsigned int d)
{
	if (d < 8)
		return v[o.words - 1] >> o.shift >> (8 * d) & 255;
	return v[o.words - 1 - d / 8] >> (8 * (d % 8)) & 255;
}

static inline void scatter(uint64_t *to, const uint64_t *from, size_t n,
			   struct order o, unsigned int d, const size_t *count)
{
	size_t at[256], sum = 0;

	for (unsigned int b = 0; b < 256; b++) {
		at[b] = sum;
		sum += count[b];
	}
	for (size_t i = 0; i < n; i++, from += o.words) {
		uint64_t *slot = to + o.words * at[digit(from, o, d)]++;

		for (size_t w = 0; w < o.words; w++)
			slot[w] = from[w];
	}
}

static inline void sort(uint64_t **v, uint64_t **tmp, size_t n, struct order o)
{
	unsigned int digits = 8 * (unsigned int)o.words;
	size_t count[DIGITS_MAX][256];

	memset(count, 0, digits * sizeof(*count));
	for (size_t i = 0; i < n; i++)
		for (unsigned int d = 0; d < digits; d++)
			count[d][digit(*v + i * o.words, o, d)]++;
	for (unsigned int d = 0; d < digits; d++) {
		uint64_t *swap = *v;

		if (count[d][digit(*v, o, d)] == n)
			continue;
		scatter(*tmp, *v, n, o, d, count[d]);
		*v = *tmp;
		*tmp = swap;
	}
}

int fp_radix_sort(uint64_t **v, size_t n, size_t words, unsigned int shift)
{
	uint64_t *tmp = reallocarray(NULL, n, words * sizeof(*tmp));

	if (!tmp)
		return -ENOMEM;
	/* Two copies of the code, each with its constants folded in. */
	if (words == 1)
		sort(v, &tmp, n, (struct order){ 1, shift });
	else
		sort(v, &tmp, n, (struct order){ 3, shift });
	free(tmp);
	return 0;
}
