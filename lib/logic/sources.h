/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_SOURCES_H
#define FP_LOGIC_SOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "fp_maps.h"

/* Who sent the packets that were judged, by source and reason, in memory that
 * does not grow with the number of sources.  When the table is full the smaller
 * half makes room: what was counted of it is added to the others, so that the
 * sum over all rows and the others is always exact.  A source that comes again
 * begins at zero. */

#define FP_SOURCES_MAX 16384

struct fp_sources_row {
	struct fp_prefix src;
	enum fp_reason reason;
	uint64_t packets, dropped, observed;
	int64_t first_s, last_s; /* unix time, the earliest and the latest */
};

struct fp_sources;

/* seed: random, so that nobody can choose sources that share a place.
 * NULL: no memory. */
struct fp_sources *fp_sources_new(uint32_t seed);
void fp_sources_free(struct fp_sources *s); /* NULL is allowed */

/* One packet.  is_observed: it would have been dropped. */
struct fp_sources_packet {
	struct fp_prefix src;
	enum fp_reason reason;
	bool is_dropped, is_observed;
	int64_t unix_s;
};
void fp_sources_add(struct fp_sources *s, const struct fp_sources_packet *p);

/* Those that lost most (dropped and observed) first, then who sent most; for as
 * long as nothing is added. */
const struct fp_sources_row *fp_sources_sorted(struct fp_sources *s, size_t *n);
/* What is in no row: src and reason mean nothing; packets 0: there is none. */
const struct fp_sources_row *fp_sources_others(const struct fp_sources *s);
/* How many addresses have a row. */
size_t fp_sources_count(struct fp_sources *s);

#endif
