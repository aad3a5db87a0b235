/* SPDX-License-Identifier: Apache-2.0 */
#include "logic/sources.h"

#include <stdlib.h>
#include <string.h>

#define PLACES (FP_SOURCES_MAX * 2) /* half of them are free: short probes */

struct fp_sources {
	uint32_t seed;
	size_t n;
	struct fp_sources_row others;
	struct fp_sources_row row[FP_SOURCES_MAX];
	uint16_t place[PLACES]; /* row + 1; 0: free */
};

_Static_assert(FP_SOURCES_MAX < UINT16_MAX, "a place holds row + 1");

struct fp_sources *fp_sources_new(uint32_t seed)
{
	struct fp_sources *s = calloc(1, sizeof(*s));

	if (s)
		s->seed = seed;
	return s;
}

void fp_sources_free(struct fp_sources *s)
{
	free(s);
}

static bool is_of(const struct fp_sources_row *row, const struct fp_prefix *src,
		  enum fp_reason reason)
{
	return row->src.lo == src->lo && row->src.hi == src->hi &&
	       row->reason == reason;
}

/* Where it is, or the free place where it belongs. */
static uint16_t *find(struct fp_sources *s, const struct fp_prefix *src,
		      enum fp_reason reason)
{
	size_t at = fp_prefix_hash(src->hi, src->lo, (uint32_t)reason, s->seed);

	for (at %= PLACES; s->place[at]; at = (at + 1) % PLACES)
		if (is_of(&s->row[s->place[at] - 1], src, reason))
			break;
	return &s->place[at];
}

static int cmp_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* Most lost, most sent; then by address and reason, so that it is one order. */
static int by_weight(const void *a, const void *b)
{
	const struct fp_sources_row *x = a, *y = b;
	int c = cmp_u64(y->dropped + y->observed, x->dropped + x->observed);

	if (!c)
		c = cmp_u64(y->packets, x->packets);
	if (!c)
		c = fp_prefix_cmp(&x->src, &y->src);
	return c ? c : (int)x->reason - (int)y->reason;
}

static void index_rows(struct fp_sources *s)
{
	memset(s->place, 0, sizeof(s->place));
	for (size_t i = 0; i < s->n; i++)
		*find(s, &s->row[i].src, s->row[i].reason) = (uint16_t)(i + 1);
}

/* Times of 0 are times too: packets says whether there are any yet. */
static void sum(struct fp_sources_row *to, const struct fp_sources_row *x)
{
	if (!to->packets || x->first_s < to->first_s)
		to->first_s = x->first_s;
	if (!to->packets || x->last_s > to->last_s)
		to->last_s = x->last_s;
	to->packets += x->packets;
	to->dropped += x->dropped;
	to->observed += x->observed;
}

static void make_room(struct fp_sources *s)
{
	qsort(s->row, s->n, sizeof(*s->row), by_weight);
	while (s->n > FP_SOURCES_MAX / 2)
		sum(&s->others, &s->row[--s->n]);
	index_rows(s);
}

void fp_sources_add(struct fp_sources *s, const struct fp_sources_packet *p)
{
	const struct fp_sources_row one = { .packets = 1,
					    .dropped = p->is_dropped,
					    .observed = p->is_observed,
					    .first_s = p->unix_s,
					    .last_s = p->unix_s };
	uint16_t *place = find(s, &p->src, p->reason);

	if (!*place) {
		if (s->n == FP_SOURCES_MAX) {
			make_room(s);
			place = find(s, &p->src, p->reason);
		}
		s->row[s->n] = (struct fp_sources_row){ .src = p->src,
							.reason = p->reason };
		*place = (uint16_t)++s->n;
	}
	sum(&s->row[*place - 1], &one);
}

const struct fp_sources_row *fp_sources_sorted(struct fp_sources *s, size_t *n)
{
	qsort(s->row, s->n, sizeof(*s->row), by_weight);
	index_rows(s);
	*n = s->n;
	return s->row;
}

const struct fp_sources_row *fp_sources_others(const struct fp_sources *s)
{
	return &s->others;
}

/* A row is the first of its address when no lesser reason has one. */
static bool is_first(struct fp_sources *s, const struct fp_sources_row *row)
{
	for (int reason = 0; reason < (int)row->reason; reason++)
		if (*find(s, &row->src, (enum fp_reason)reason))
			return false;
	return true;
}

size_t fp_sources_count(struct fp_sources *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += is_first(s, &s->row[i]);
	return n;
}
