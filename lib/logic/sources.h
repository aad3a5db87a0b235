/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_SOURCES_H
#define FP_LOGIC_SOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "fp_maps.h"

/* Who sent the packets that were judged, by source and reason, in memory that
 * does not grow with the number of sources: two tables (logic/heavy.h) of
 * FP_SOURCES_MAX rows each, one of what lost packets and one of what did not.
 * What leaves a table is added to the others, so that the sum over all rows and
 * the others is always exact.
 *
 * In a flood from spoofed addresses a customer who loses a few packets is one of
 * a million who do.  What tells him apart is a dialog: a source of whom a packet
 * within one was seen leaves after all who had none. */

#define FP_SOURCES_MAX 32768

struct fp_sources_row {
	struct fp_prefix src;
	enum fp_reason reason;
	bool has_dialog;
	uint64_t packets, dropped, observed;
	uint64_t error; /* at most so many packets more, which are others' */
	int64_t first_s, last_s; /* unix time, the earliest and the latest */
	int64_t dialog_s; /* the latest of the source's within a dialog */
};

struct fp_sources;

/* seed: random, so that nobody can choose sources that share a place.
 * NULL: no memory. */
struct fp_sources *fp_sources_new(uint32_t seed);
void fp_sources_free(struct fp_sources *s); /* NULL is allowed */

/* One packet.  is_observed: it would have been dropped.  is_dialog: it is within
 * one, which says that its source has calls here. */
struct fp_sources_packet {
	struct fp_prefix src;
	enum fp_reason reason;
	bool is_dropped, is_observed, is_dialog;
	int64_t unix_s;
};
void fp_sources_add(struct fp_sources *s, const struct fp_sources_packet *p);

/* Those that lost packets and have calls first, then who lost most (dropped and
 * observed), then who sent most; for as long as nothing is added. */
const struct fp_sources_row *const *fp_sources_sorted(struct fp_sources *s,
						      size_t *n);
/* What is in no row: src and reason mean nothing; packets 0: there is none. */
const struct fp_sources_row *fp_sources_others(const struct fp_sources *s);
/* How many addresses have a row. */
size_t fp_sources_count(const struct fp_sources *s);
bool fp_sources_has(const struct fp_sources *s, const struct fp_prefix *src);

#endif
