/* SPDX-License-Identifier: Apache-2.0 */
#include "logic/heavy.h"

#include <stdlib.h>

#include "fp_maps.h"

#define NONE UINT32_MAX
#define KEPT (1ull << 63) /* in a rank: above every weight */

/* Rows at fixed places; chains of a hash that find them, and a heap whose root is
 * the lightest. */
struct place {
	struct fp_heavy_key key;
	uint64_t error;
	uint32_t next; /* in its chain */
	uint32_t heap; /* where in the heap */
};

struct node {
	uint64_t rank; /* weight and error, and KEPT */
	uint32_t place;
};

struct fp_heavy {
	uint32_t max, n, seed;
	uint64_t left; /* the heaviest that left */
	struct place *place;
	struct node *heap;
	uint32_t *chain; /* twice as many as places */
};

struct fp_heavy *fp_heavy_new(uint32_t max, uint32_t seed)
{
	struct fp_heavy *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->max = max;
	h->seed = seed;
	h->place = calloc(max, sizeof(*h->place));
	h->heap = calloc(max, sizeof(*h->heap));
	h->chain = calloc(2 * (size_t)max, sizeof(*h->chain));
	if (!h->place || !h->heap || !h->chain) {
		fp_heavy_free(h);
		return NULL;
	}
	fp_heavy_clear(h);
	return h;
}

void fp_heavy_free(struct fp_heavy *h)
{
	if (!h)
		return;
	free(h->place);
	free(h->heap);
	free(h->chain);
	free(h);
}

void fp_heavy_clear(struct fp_heavy *h)
{
	h->n = 0;
	h->left = 0;
	for (size_t i = 0; i < 2 * (size_t)h->max; i++)
		h->chain[i] = NONE;
}

/* ---- the hash ---- */

static uint32_t *chain_of(const struct fp_heavy *h,
			  const struct fp_heavy_key *k)
{
	uint64_t at =
		fp_prefix_hash(k->hi, k->lo, k->reason ^ k->nic << 8, h->seed);

	return &h->chain[at * (2 * (uint64_t)h->max) >> 32];
}

static bool is_same(const struct fp_heavy_key *a, const struct fp_heavy_key *b)
{
	return a->hi == b->hi && a->lo == b->lo && a->reason == b->reason &&
	       a->nic == b->nic;
}

size_t fp_heavy_find(const struct fp_heavy *h, const struct fp_heavy_key *k)
{
	uint32_t i = *chain_of(h, k);

	while (i != NONE && !is_same(&h->place[i].key, k))
		i = h->place[i].next;
	return i == NONE ? FP_HEAVY_NONE : i;
}

static void unlink_place(struct fp_heavy *h, uint32_t i)
{
	uint32_t *at = chain_of(h, &h->place[i].key);

	while (*at != i)
		at = &h->place[*at].next;
	*at = h->place[i].next;
}

static void link_place(struct fp_heavy *h, uint32_t i)
{
	uint32_t *at = chain_of(h, &h->place[i].key);

	h->place[i].next = *at;
	*at = i;
}

/* ---- the heap ---- */

static void put(struct fp_heavy *h, uint32_t at, struct node n)
{
	h->heap[at] = n;
	h->place[n.place].heap = at;
}

static void sift_up(struct fp_heavy *h, uint32_t at)
{
	const struct node n = h->heap[at];

	while (at && n.rank < h->heap[(at - 1) / 2].rank) {
		put(h, at, h->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	put(h, at, n);
}

static void sift_down(struct fp_heavy *h, uint32_t at)
{
	const struct node n = h->heap[at];

	for (;;) {
		size_t least = 2 * (size_t)at + 1;

		if (least + 1 < h->n &&
		    h->heap[least + 1].rank < h->heap[least].rank)
			least++;
		if (least >= h->n || h->heap[least].rank >= n.rank)
			break;
		put(h, at, h->heap[least]);
		at = (uint32_t)least;
	}
	put(h, at, n);
}

/* ---- all of it ---- */

/* A place for a new key: a free one, or the lightest one's, at the root. */
static uint32_t make_place(struct fp_heavy *h)
{
	uint64_t weight = h->heap[0].rank & ~KEPT;
	uint32_t i = h->n;

	if (h->n < h->max) {
		h->heap[i].place = i;
		h->place[i].heap = h->n++;
		return i;
	}
	i = h->heap[0].place;
	unlink_place(h, i);
	/* one that was kept may weigh less than others that left before */
	if (weight > h->left)
		h->left = weight;
	return i;
}

size_t fp_heavy_add(struct fp_heavy *h, const struct fp_heavy_key *k,
		    uint64_t weight, bool *is_new)
{
	size_t found = fp_heavy_find(h, k);
	uint32_t i, at;

	*is_new = found == FP_HEAVY_NONE;
	if (!*is_new) {
		at = h->place[found].heap;
		h->heap[at].rank += weight;
		sift_down(h, at);
		return found;
	}
	i = make_place(h);
	at = h->place[i].heap;
	h->place[i].key = *k;
	h->place[i].error = h->left;
	h->heap[at].rank = h->left + weight;
	link_place(h, i);
	sift_up(h, at);
	sift_down(h, h->place[i].heap);
	return i;
}

void fp_heavy_keep(struct fp_heavy *h, size_t place)
{
	uint32_t at = h->place[place].heap;

	h->heap[at].rank |= KEPT;
	sift_down(h, at);
}

size_t fp_heavy_n(const struct fp_heavy *h)
{
	return h->n;
}

struct fp_heavy_row fp_heavy_at(const struct fp_heavy *h, size_t place)
{
	const struct place *p = &h->place[place];

	return (struct fp_heavy_row){
		.key = p->key,
		.weight = (h->heap[p->heap].rank & ~KEPT) - p->error,
		.error = p->error,
	};
}
