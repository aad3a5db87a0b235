/* SPDX-License-Identifier: Apache-2.0 */
#include "logic/rehome_memory.h"

#include <string.h>

#define RECORD_MS 50
#define ASK_MS 20 /* samples are asked for no more often */
#define STEP 256  /* the first ones: what a call costs here is not known yet */
#define COSTS_MAX 8 /* times the least */
/* A cost is believed if calls differed by this much between samples, and if they
 * explain that much of how memory did. */
#define SPREAD 20
#define EXPLAINED 0.75
#define POINTS 5

void fp_memory_init(struct fp_memory *m, size_t cost, double floor)
{
	memset(m, 0, sizeof(*m));
	m->cost = m->cost_min = cost ? cost : FP_MEMORY_COST;
	m->floor = floor > 0 ? floor : 0.25;
	m->step = STEP;
}

void fp_memory_ask(struct fp_memory *m, int64_t now_ms, unsigned int under)
{
	m->is_asked = true;
	m->asked_ms = now_ms;
	m->asked_begun = m->begun;
	m->asked_under = under;
}

/* ---- what a call costs */

/* How many had begun at a time, by the records before and after it; those from
 * before the first were none of ours. */
static double begun_at(const struct fp_memory *m, int64_t at_ms)
{
	unsigned int first = m->next + FP_MEMORY_RECORDS - m->n_records;
	double before = 0;
	int64_t before_ms = 0;

	for (unsigned int k = 0; k < m->n_records; k++) {
		unsigned int i = (first + k) % FP_MEMORY_RECORDS;
		double begun = (double)m->record[i].begun;
		int64_t ms = m->record[i].at_ms;

		if (ms == at_ms)
			return begun;
		if (ms > at_ms)
			return !k ? 0
				  : before + (begun - before) *
						       (double)(at_ms -
								before_ms) /
						       (double)(ms - before_ms);
		before = begun;
		before_ms = ms;
	}
	return before;
}

/* The slope of memory used over calls held, by least squares: what other traffic
 * takes is in the constant, or does not go with our calls.  0: it does not show. */
static double slope(const struct fp_memory *m)
{
	double n = m->n_records, x = 0, y = 0, xx = 0, xy = 0, yy = 0;

	if (m->n_records < POINTS)
		return 0;
	for (unsigned int i = 0; i < m->n_records; i++) {
		x += m->record[i].held / n;
		y += m->record[i].used / n;
	}
	for (unsigned int i = 0; i < m->n_records; i++) {
		double dx = m->record[i].held - x, dy = m->record[i].used - y;

		xx += dx * dx;
		xy += dx * dy;
		yy += dy * dy;
	}
	if (xx < n * SPREAD * SPREAD || xy <= 0 ||
	    xy * xy < EXPLAINED * xx * yy)
		return 0;
	return xy / xx;
}

/* Dearer at once, cheaper slowly. */
static void learn(struct fp_memory *m)
{
	double max = (double)m->cost_min * COSTS_MAX, cost = (double)m->cost;
	double seen = slope(m);

	if (seen <= 0)
		return;
	if (seen < cost)
		seen = cost - (cost - seen) / 8;
	if (seen > max)
		seen = max;
	if (seen < (double)m->cost_min)
		seen = (double)m->cost_min;
	m->cost = (size_t)seen;
}

static void record(struct fp_memory *m)
{
	unsigned int last =
		(m->next + FP_MEMORY_RECORDS - 1) % FP_MEMORY_RECORDS;

	if (m->n_records && m->asked_ms - m->record[last].at_ms < RECORD_MS)
		return;
	m->record[m->next].at_ms = m->asked_ms;
	m->record[m->next].begun = m->asked_begun;
	m->record[m->next].used = (double)(m->total - m->free);
	m->record[m->next].held = (double)m->held;
	m->next = (m->next + 1) % FP_MEMORY_RECORDS;
	if (m->n_records < FP_MEMORY_RECORDS)
		m->n_records++;
	learn(m);
}

/* ---- what may begin */

static uint64_t floor_bytes(const struct fp_memory *m)
{
	return (uint64_t)(m->floor * (double)m->total);
}

/* Those that were under way when it was asked for may have taken nothing yet.  Half
 * of what there is room for, until the next sample: a call may cost more here than
 * was learnt until now. */
static void allow(struct fp_memory *m)
{
	uint64_t floor = floor_bytes(m);
	uint64_t n = m->free > floor ? (m->free - floor) / m->cost : 0;

	n = n > m->asked_under ? (n - m->asked_under + 1) / 2 : 0;
	if (n > m->step)
		n = m->step;
	m->since = m->asked_begun;
	m->limit = m->asked_begun + n;
}

void fp_memory_sample(struct fp_memory *m, int64_t now_ms, uint64_t total,
		      uint64_t free)
{
	if (!m->is_asked)
		fp_memory_ask(m, now_ms, 0);
	m->is_asked = false;
	m->at_ms = now_ms;
	m->total = total;
	m->free = free < total ? free : total;
	m->held = m->asked_begun -
		  (uint64_t)begun_at(m, m->asked_ms - FP_MEMORY_WT_MS);
	/* As fast as it goes, once a step was taken and seen. */
	if (m->is_known && m->asked_begun - m->since >= m->step / 4)
		m->step *= 2;
	m->is_known = true;
	record(m);
	allow(m);
}

bool fp_memory_is_old(const struct fp_memory *m, int64_t now_ms)
{
	return !m->is_known || now_ms - m->at_ms > FP_MEMORY_OLD_MS;
}

bool fp_memory_has_room(const struct fp_memory *m)
{
	return m->is_known && m->begun < m->limit;
}

bool fp_memory_wants(const struct fp_memory *m, int64_t now_ms)
{
	return !m->is_asked && now_ms - m->asked_ms >= ASK_MS &&
	       (!m->is_known ||
		m->begun - m->since >= (m->limit - m->since + 1) / 2);
}

double fp_memory_rate(const struct fp_memory *m, int64_t wt_ms)
{
	double ours = (double)m->held * (double)m->cost;
	double bytes = (double)m->free + ours - (double)floor_bytes(m);

	if (!m->is_known || bytes <= 0 || wt_ms <= 0)
		return 0;
	return bytes / (double)m->cost / ((double)wt_ms / 1000);
}
