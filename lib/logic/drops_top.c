/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "logic/drops.h"
#include "logic/heavy.h"

struct fp_drops_top {
	size_t max;
	struct fp_heavy *table;
	struct fp_drops_source *source; /* by place in the table */
	uint64_t drops, others;
};

struct fp_drops_top *fp_drops_top_new(size_t max)
{
	struct fp_drops_top *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->max = max ? max : 1;
	t->table = fp_heavy_new((uint32_t)t->max, 0);
	t->source = calloc(t->max, sizeof(*t->source));
	if (!t->table || !t->source) {
		fp_drops_top_free(t);
		return NULL;
	}
	return t;
}

void fp_drops_top_free(struct fp_drops_top *t)
{
	if (!t)
		return;
	fp_heavy_free(t->table);
	free(t->source);
	free(t);
}

void fp_drops_top_clear(struct fp_drops_top *t)
{
	fp_heavy_clear(t->table);
	for (size_t i = 0; i < t->max; i++)
		t->source[i] = (struct fp_drops_source){ .drops = 0 };
	t->drops = t->others = 0;
}

size_t fp_drops_top_add(struct fp_drops_top *t, const struct fp_drops_key *k,
			uint64_t drops)
{
	const struct fp_heavy_key key = { k->hi, k->lo, k->reason, k->nic };
	bool is_new;
	size_t i = fp_heavy_add(t->table, &key, drops, &is_new);
	struct fp_drops_source *s = &t->source[i];

	if (is_new) {
		t->others += s->drops;
		t->drops -= s->drops;
		*s = (struct fp_drops_source){
			.key = *k, .error = fp_heavy_at(t->table, i).error
		};
	}
	s->samples++;
	s->drops += drops;
	t->drops += drops;
	return i;
}

const struct fp_drops_source *fp_drops_top_at(const struct fp_drops_top *t,
					      size_t place)
{
	return &t->source[place];
}

static int by_rank(const void *a, const void *b, void *ctx)
{
	const struct fp_drops_top *t = ctx;
	const struct fp_drops_source *x = &t->source[*(const size_t *)a];
	const struct fp_drops_source *y = &t->source[*(const size_t *)b];

	if (x->drops != y->drops)
		return x->drops < y->drops ? 1 : -1;
	if (x->key.hi != y->key.hi)
		return x->key.hi < y->key.hi ? -1 : 1;
	if (x->key.lo != y->key.lo)
		return x->key.lo < y->key.lo ? -1 : 1;
	if (x->key.nic != y->key.nic)
		return x->key.nic < y->key.nic ? -1 : 1;
	return x->key.reason < y->key.reason ? -1
					     : x->key.reason > y->key.reason;
}

size_t fp_drops_top_rank(const struct fp_drops_top *t, size_t *place)
{
	size_t n = fp_heavy_n(t->table);

	for (size_t i = 0; i < n; i++)
		place[i] = i;
	qsort_r(place, n, sizeof(*place), by_rank, (void *)(uintptr_t)t);
	return n;
}

uint64_t fp_drops_top_drops(const struct fp_drops_top *t)
{
	return t->drops;
}

uint64_t fp_drops_top_others(const struct fp_drops_top *t)
{
	return t->others;
}
