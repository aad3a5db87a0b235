/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "logic/drops.h"

#define NONE ((size_t)-1)

/* Sources at fixed places; a hash that finds them, and a heap whose root has the
 * fewest drops. */
struct place {
	struct fp_drops_source source;
	size_t next; /* in its chain */
	size_t heap; /* where in the heap */
};

struct fp_drops_top {
	size_t max, n, n_chains;
	struct place *place;
	size_t *chain, *heap;
	uint64_t drops, others;
};

struct fp_drops_top *fp_drops_top_new(size_t max)
{
	struct fp_drops_top *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->max = max ? max : 1;
	t->n_chains = 2 * t->max;
	t->place = calloc(t->max, sizeof(*t->place));
	t->chain = calloc(t->n_chains, sizeof(*t->chain));
	t->heap = calloc(t->max, sizeof(*t->heap));
	if (!t->place || !t->chain || !t->heap) {
		fp_drops_top_free(t);
		return NULL;
	}
	fp_drops_top_clear(t);
	return t;
}

void fp_drops_top_free(struct fp_drops_top *t)
{
	if (!t)
		return;
	free(t->place);
	free(t->chain);
	free(t->heap);
	free(t);
}

void fp_drops_top_clear(struct fp_drops_top *t)
{
	t->n = 0;
	t->drops = t->others = 0;
	for (size_t i = 0; i < t->n_chains; i++)
		t->chain[i] = NONE;
}

/* ---- the hash */

static size_t *chain_of(struct fp_drops_top *t, const struct fp_drops_key *k)
{
	uint64_t h = (k->hi ^ k->reason) * 0x9e3779b97f4a7c15ull;

	h = (h ^ h >> 32 ^ k->lo) * 0xd6e8feb86659fd93ull;
	h = (h ^ h >> 32 ^ k->nic) * 0xa0761d6478bd642full;
	return &t->chain[(h >> 32) % t->n_chains];
}

static bool is_same(const struct fp_drops_key *a, const struct fp_drops_key *b)
{
	return a->hi == b->hi && a->lo == b->lo && a->reason == b->reason &&
	       a->nic == b->nic;
}

static size_t find(struct fp_drops_top *t, const struct fp_drops_key *k)
{
	size_t i = *chain_of(t, k);

	while (i != NONE && !is_same(&t->place[i].source.key, k))
		i = t->place[i].next;
	return i;
}

static void unlink_place(struct fp_drops_top *t, size_t i)
{
	size_t *at = chain_of(t, &t->place[i].source.key);

	while (*at != i)
		at = &t->place[*at].next;
	*at = t->place[i].next;
}

static void link_place(struct fp_drops_top *t, size_t i)
{
	size_t *at = chain_of(t, &t->place[i].source.key);

	t->place[i].next = *at;
	*at = i;
}

/* ---- the heap */

static uint64_t drops_at(const struct fp_drops_top *t, size_t at)
{
	return t->place[t->heap[at]].source.drops;
}

static void swap(struct fp_drops_top *t, size_t a, size_t b)
{
	size_t i = t->heap[a], j = t->heap[b];

	t->heap[a] = j;
	t->heap[b] = i;
	t->place[j].heap = a;
	t->place[i].heap = b;
}

static void sift_up(struct fp_drops_top *t, size_t at)
{
	while (at && drops_at(t, at) < drops_at(t, (at - 1) / 2)) {
		swap(t, at, (at - 1) / 2);
		at = (at - 1) / 2;
	}
}

static void sift_down(struct fp_drops_top *t, size_t at)
{
	for (;;) {
		size_t least = at, child = 2 * at + 1;

		for (size_t c = child; c < child + 2 && c < t->n; c++)
			if (drops_at(t, c) < drops_at(t, least))
				least = c;
		if (least == at)
			return;
		swap(t, at, least);
		at = least;
	}
}

/* ---- all of it */

/* A place for a new source: a free one, or that of the smallest. */
static size_t make_place(struct fp_drops_top *t)
{
	size_t i = t->n;

	if (t->n < t->max) {
		t->heap[i] = i;
		t->place[i] = (struct place){ .heap = i };
		t->n++;
		return i;
	}
	i = t->heap[0];
	unlink_place(t, i);
	t->others += t->place[i].source.drops;
	t->drops -= t->place[i].source.drops;
	t->place[i].source = (struct fp_drops_source){ .drops = 0 };
	return i;
}

size_t fp_drops_top_add(struct fp_drops_top *t, const struct fp_drops_key *k,
			uint64_t drops)
{
	size_t i = find(t, k);

	if (i == NONE) {
		i = make_place(t);
		t->place[i].source.key = *k;
		link_place(t, i);
		sift_up(t, t->place[i].heap);
	}
	t->place[i].source.samples++;
	t->place[i].source.drops += drops;
	t->drops += drops;
	sift_down(t, t->place[i].heap);
	return i;
}

const struct fp_drops_source *fp_drops_top_at(const struct fp_drops_top *t,
					      size_t place)
{
	return &t->place[place].source;
}

static int by_rank(const void *a, const void *b, void *ctx)
{
	const struct fp_drops_top *t = ctx;
	const struct fp_drops_source *x = &t->place[*(const size_t *)a].source;
	const struct fp_drops_source *y = &t->place[*(const size_t *)b].source;

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
	for (size_t i = 0; i < t->n; i++)
		place[i] = i;
	qsort_r(place, t->n, sizeof(*place), by_rank, (void *)(uintptr_t)t);
	return t->n;
}

uint64_t fp_drops_top_drops(const struct fp_drops_top *t)
{
	return t->drops;
}

uint64_t fp_drops_top_others(const struct fp_drops_top *t)
{
	return t->others;
}
