/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_HEAVY_H
#define FP_LOGIC_HEAVY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Who weighs most in a stream of any length, in memory that does not grow: the
 * Space-Saving algorithm (Metwally, Agrawal, El Abbadi: Efficient Computation of
 * Frequent and Top-k Elements in Data Streams, 2005).
 *
 * When the table is full the lightest leaves, and the new one inherits what that
 * one weighed as its possible error: it may have been there before, and have left
 * again.  So of each key true weight is between weight and weight + error, an
 * error is never above sum / max, and a key that weighs more than that is in the
 * table. */

struct fp_heavy;

struct fp_heavy_key {
	uint64_t hi, lo;
	uint32_t reason, nic;
};
struct fp_heavy_row {
	struct fp_heavy_key key;
	uint64_t weight; /* since it came into the table */
	uint64_t error;  /* at most so much more, before */
};

/* max: 1 at least.  seed: random, so that nobody can choose keys that share a
 * chain.  NULL: no memory. */
struct fp_heavy *fp_heavy_new(uint32_t max, uint32_t seed);
void fp_heavy_free(struct fp_heavy *h); /* NULL is allowed */
void fp_heavy_clear(struct fp_heavy *h);

/* Returns the key's place, below max: it keeps it until it leaves.  *is_new: it has
 * this place from now on, and who had it before, if anybody, has left. */
size_t fp_heavy_add(struct fp_heavy *h, const struct fp_heavy_key *k,
		    uint64_t weight, bool *is_new);

#define FP_HEAVY_NONE ((size_t)-1)
size_t fp_heavy_find(const struct fp_heavy *h, const struct fp_heavy_key *k);
/* Those that are kept leave after all others. */
void fp_heavy_keep(struct fp_heavy *h, size_t place);

/* Places from 0 to below this are taken. */
size_t fp_heavy_n(const struct fp_heavy *h);
struct fp_heavy_row fp_heavy_at(const struct fp_heavy *h, size_t place);

#endif
