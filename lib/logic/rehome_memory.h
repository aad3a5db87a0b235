/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_REHOME_MEMORY_H
#define FP_LOGIC_REHOME_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many calls the shared memory of a target lets begin, and what one costs.  A
 * call's transactions stay for wt_timer after their end.  Pure.
 * Source: OpenSIPS 3.6 tm, WT_TIME_OUT 5; facts/opensips.md, "ONE PAGE" 5: 31 KB
 * a call for 5 s; without shared memory OpenSIPS dies. */

#define FP_MEMORY_WT_MS 5000
#define FP_MEMORY_COST (31u * 1024)
#define FP_MEMORY_OLD_MS 2000 /* a sample is good for this long */
#define FP_MEMORY_RECORDS 128 /* at least 50 ms apart: longer than wt_timer */

struct fp_memory {
	size_t cost_min, cost;
	double floor;
	uint64_t begun; /* calls, in all */
	/* the sample that is asked for */
	bool is_asked;
	int64_t asked_ms;
	uint64_t asked_begun;
	unsigned int asked_under; /* under way then: may still take theirs */
	/* the last that came */
	bool is_known;
	int64_t at_ms;
	uint64_t total, free;
	uint64_t held;         /* calls begun within wt_timer before it */
	uint64_t since, limit; /* begun may become limit; it was since */
	uint64_t step;         /* at most this many a sample */
	struct {
		int64_t at_ms;
		uint64_t begun;
		double used, held;
	} record[FP_MEMORY_RECORDS]; /* a ring */
	unsigned int n_records, next;
};

/* cost 0: as measured.  floor: a share of the total; not above 0: 0.25. */
void fp_memory_init(struct fp_memory *m, size_t cost, double floor);
void fp_memory_ask(struct fp_memory *m, int64_t now_ms, unsigned int under);
void fp_memory_sample(struct fp_memory *m, int64_t now_ms, uint64_t total,
		      uint64_t free);
bool fp_memory_is_old(const struct fp_memory *m, int64_t now_ms);
/* May one more begin?  It is the caller's to count it in begun. */
bool fp_memory_has_room(const struct fp_memory *m);
bool fp_memory_wants(const struct fp_memory *m, int64_t now_ms);
double fp_memory_rate(const struct fp_memory *m, int64_t wt_ms);

#endif
