/* SPDX-License-Identifier: Apache-2.0 */
#include "logic/sources.h"

#include <stdlib.h>

#include "logic/heavy.h"

struct table {
	struct fp_heavy *heavy;
	struct fp_sources_row *row; /* by place */
};

struct fp_sources {
	struct table lost, passed;
	struct fp_heavy *dialogs; /* sources that have any */
	int64_t *dialog_s;        /* the latest, by place */
	struct fp_sources_row others;
	const struct fp_sources_row **sorted;
};

static bool table_init(struct table *t, uint32_t seed)
{
	t->heavy = fp_heavy_new(FP_SOURCES_MAX, seed);
	t->row = calloc(FP_SOURCES_MAX, sizeof(*t->row));
	return t->heavy && t->row;
}

static void table_fini(struct table *t)
{
	fp_heavy_free(t->heavy);
	free(t->row);
}

struct fp_sources *fp_sources_new(uint32_t seed)
{
	struct fp_sources *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->dialogs = fp_heavy_new(FP_SOURCES_MAX, seed);
	s->dialog_s = calloc(FP_SOURCES_MAX, sizeof(*s->dialog_s));
	s->sorted = calloc(2 * FP_SOURCES_MAX, sizeof(*s->sorted));
	if (table_init(&s->lost, seed) && table_init(&s->passed, seed) &&
	    s->dialogs && s->dialog_s && s->sorted)
		return s;
	fp_sources_free(s);
	return NULL;
}

void fp_sources_free(struct fp_sources *s)
{
	if (!s)
		return;
	table_fini(&s->lost);
	table_fini(&s->passed);
	fp_heavy_free(s->dialogs);
	free(s->dialog_s);
	free(s->sorted);
	free(s);
}

static struct fp_heavy_key key_of(const struct fp_prefix *src,
				  enum fp_reason reason)
{
	return (struct fp_heavy_key){ src->hi, src->lo, (uint32_t)reason, 0 };
}

static const struct table *table_of(const struct fp_sources *s,
				    enum fp_reason reason)
{
	return reason >= FP_R_seen_block ? &s->lost : &s->passed;
}

/* Its place, or FP_HEAVY_NONE. */
static size_t find(const struct fp_sources *s, const struct fp_prefix *src,
		   enum fp_reason reason)
{
	const struct fp_heavy_key key = key_of(src, reason);

	return fp_heavy_find(table_of(s, reason)->heavy, &key);
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

static void keep(const struct table *t, size_t place, int64_t dialog_s)
{
	t->row[place].has_dialog = true;
	t->row[place].dialog_s = dialog_s;
	fp_heavy_keep(t->heavy, place);
}

/* The rows that a source has when it is first seen within a dialog; later ones
 * find it in s->dialogs when they are made. */
static void note_dialog(struct fp_sources *s, const struct fp_prefix *src,
			int64_t unix_s)
{
	const struct fp_heavy_key key = key_of(src, 0);
	bool is_new;
	size_t i = fp_heavy_add(s->dialogs, &key, 1, &is_new);

	if (is_new || unix_s > s->dialog_s[i])
		s->dialog_s[i] = unix_s;
	for (int reason = 0; is_new && reason < FP_R_N; reason++) {
		size_t place = find(s, src, (enum fp_reason)reason);

		if (place != FP_HEAVY_NONE)
			keep(table_of(s, (enum fp_reason)reason), place,
			     unix_s);
	}
}

static void begin(struct fp_sources *s, const struct table *t, size_t place,
		  const struct fp_sources_packet *p)
{
	const struct fp_heavy_key key = key_of(&p->src, 0);
	struct fp_sources_row *row = &t->row[place];
	size_t i = fp_heavy_find(s->dialogs, &key);

	if (row->packets) /* of who had this place */
		sum(&s->others, row);
	*row = (struct fp_sources_row){
		.src = p->src,
		.reason = p->reason,
		.error = fp_heavy_at(t->heavy, place).error,
	};
	if (i != FP_HEAVY_NONE)
		keep(t, place, s->dialog_s[i]);
}

void fp_sources_add(struct fp_sources *s, const struct fp_sources_packet *p)
{
	const struct fp_sources_row one = { .packets = 1,
					    .dropped = p->is_dropped,
					    .observed = p->is_observed,
					    .first_s = p->unix_s,
					    .last_s = p->unix_s };
	const struct fp_heavy_key key = key_of(&p->src, p->reason);
	const struct table *t = table_of(s, p->reason);
	bool is_new;
	size_t place = fp_heavy_add(t->heavy, &key, 1, &is_new);

	if (is_new)
		begin(s, t, place, p);
	sum(&t->row[place], &one);
	if (p->is_dialog)
		note_dialog(s, &p->src, p->unix_s);
}

/* ---- order ---- */

static int cmp_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static uint64_t lost(const struct fp_sources_row *x)
{
	return x->dropped + x->observed;
}

/* At last by address and reason, so that it is one order. */
static int by_weight(const void *a, const void *b)
{
	const struct fp_sources_row *x =
		*(const struct fp_sources_row *const *)a;
	const struct fp_sources_row *y =
		*(const struct fp_sources_row *const *)b;
	int c = (y->has_dialog && lost(y)) - (x->has_dialog && lost(x));

	if (!c)
		c = cmp_u64(lost(y), lost(x));
	if (!c)
		c = cmp_u64(y->packets, x->packets);
	if (!c)
		c = fp_prefix_cmp(&x->src, &y->src);
	return c ? c : (int)x->reason - (int)y->reason;
}

/* Rows know of a dialog since it began; now of its latest packet. */
static size_t gather(struct fp_sources *s, const struct table *t, size_t n)
{
	for (size_t i = 0; i < fp_heavy_n(t->heavy); i++) {
		struct fp_sources_row *row = &t->row[i];
		const struct fp_heavy_key key = key_of(&row->src, 0);
		size_t at = row->has_dialog ? fp_heavy_find(s->dialogs, &key)
					    : FP_HEAVY_NONE;

		if (at != FP_HEAVY_NONE)
			row->dialog_s = s->dialog_s[at];
		s->sorted[n++] = row;
	}
	return n;
}

const struct fp_sources_row *const *fp_sources_sorted(struct fp_sources *s,
						      size_t *n)
{
	*n = gather(s, &s->passed, gather(s, &s->lost, 0));
	qsort(s->sorted, *n, sizeof(*s->sorted), by_weight);
	return s->sorted;
}

const struct fp_sources_row *fp_sources_others(const struct fp_sources *s)
{
	return &s->others;
}

/* Has the source a row of a reason below this one? */
static bool has_below(const struct fp_sources *s, const struct fp_prefix *src,
		      int below)
{
	for (int reason = 0; reason < below; reason++)
		if (find(s, src, (enum fp_reason)reason) != FP_HEAVY_NONE)
			return true;
	return false;
}

/* A row is the first of its address when no lesser reason has one. */
static size_t count_first(const struct fp_sources *s, const struct table *t)
{
	size_t n = 0;

	for (size_t i = 0; i < fp_heavy_n(t->heavy); i++)
		n += !has_below(s, &t->row[i].src, (int)t->row[i].reason);
	return n;
}

size_t fp_sources_count(const struct fp_sources *s)
{
	return count_first(s, &s->lost) + count_first(s, &s->passed);
}

bool fp_sources_has(const struct fp_sources *s, const struct fp_prefix *src)
{
	return has_below(s, src, FP_R_N);
}
