/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_DROPS_H
#define FP_LOGIC_DROPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of many drops few are sampled; which ones each sample stands for, so that all
 * are accounted for and none twice.
 *
 * A row is a NIC, a stream one reason on one CPU of it: what is counted there and
 * sampled there stays in order.  A sample carries its number in its stream, and
 * stands for the drops since the one before, itself included: its weight. */

struct fp_drops;

/* A sample's number has this many bits; then it begins anew (fp_maps.h: count,
 * shifted by fastpath.bpf.c). */
#define FP_DROPS_BITS 48

/* rows of n streams each.  NULL: no memory. */
struct fp_drops *fp_drops_new(size_t rows, size_t n);
void fp_drops_free(struct fp_drops *d);

/* The account of a row begins, or begins anew: what was accounted stays.
 * count: n counters as they are, NULL: all zero.  is_early: numbers up to them
 * are still to come; each stream begins with its first.  0; -ENOMEM. */
int fp_drops_begin(struct fp_drops *d, size_t row, const uint64_t *count,
		   bool is_early);

struct fp_drops_weight {
	uint64_t drops; /* it stands for */
	bool is_first;  /* nobody knows what was before: it stands for itself */
};
/* The next sample of a stream, in order.  false: it was before the account
 * began, or has been there. */
bool fp_drops_sample(struct fp_drops *d, size_t row, size_t stream,
		     uint64_t number, struct fp_drops_weight *out);
/* The n counters of a row, read after the samples were.  false: one of them is
 * behind what has been seen: they were set to zero meanwhile. */
bool fp_drops_counters(struct fp_drops *d, size_t row, const uint64_t *count);

struct fp_drops_sums {
	uint64_t dropped; /* from where each account began to where it is */
	uint64_t sampled; /* those of them that were sampled and seen */
	uint64_t weight;  /* what these stand for: the rest came after them */
};
struct fp_drops_sums fp_drops_sums(const struct fp_drops *d);

/* ---- who is dropped most ----
 *
 * A table of so many sources (logic/heavy.h); what leaves it is others'. */

struct fp_drops_key {
	uint64_t hi, lo;
	uint32_t reason, nic;
};
struct fp_drops_source {
	struct fp_drops_key key;
	uint64_t samples, drops;
	uint64_t error; /* at most so many drops more, before it came */
};

struct fp_drops_top;

/* NULL: no memory. */
struct fp_drops_top *fp_drops_top_new(size_t max);
void fp_drops_top_free(struct fp_drops_top *t);
void fp_drops_top_clear(struct fp_drops_top *t);

/* One sample.  Returns its source's place, below max: it keeps it until it
 * leaves. */
size_t fp_drops_top_add(struct fp_drops_top *t, const struct fp_drops_key *k,
			uint64_t drops);
const struct fp_drops_source *fp_drops_top_at(const struct fp_drops_top *t,
					      size_t place);
/* The places of all sources into place[max]: most drops first, then by address.
 * Returns how many. */
size_t fp_drops_top_rank(const struct fp_drops_top *t, size_t *place);
/* The drops of those that are in the table, and of those that left it. */
uint64_t fp_drops_top_drops(const struct fp_drops_top *t);
uint64_t fp_drops_top_others(const struct fp_drops_top *t);

#endif
