/* SPDX-License-Identifier: Apache-2.0 */
/* The slots of the prefix table: a hash by (prefix, length, kind). */
#include "model/tables_priv.h"

struct fp_bucket *fp_bucket_at(struct fp_area *a, uint32_t idx)
{
	return fp_area_at(a, (size_t)idx * sizeof(struct fp_bucket));
}

struct fp_table_head *fp_prefix_head(struct fp_area *a)
{
	return fp_area_at(a, 0);
}

static uint32_t fp_bucket_first(struct fp_area *a, const struct fp_image_key *k)
{
	const struct fp_table_head *h = fp_prefix_head(a);
	uint32_t hash = fp_prefix_hash(k->hi, k->lo, k->len, h->seed);

	return (uint32_t)((uint64_t)hash * h->n >> 32) + 1;
}

static uint32_t fp_bucket_next(struct fp_area *a, uint32_t idx)
{
	return idx < fp_prefix_head(a)->n ? idx + 1 : 1;
}

static bool fp_slot_is(const struct fp_bucket *b, int i,
		       const struct fp_image_key *k)
{
	return FP_SLOT_LEN(b->meta, i) == k->len + 1u &&
	       FP_SLOT_KIND(b->meta, i) == k->kind && b->key[i][0] == k->hi &&
	       b->key[i][1] == k->lo;
}

bool fp_slot_find(struct fp_area *a, const struct fp_image_key *k,
		  struct fp_slot *out)
{
	uint32_t idx = fp_bucket_first(a, k);

	for (int n = 0; n < FP_PROBE_MAX; n++) {
		struct fp_bucket *b = fp_bucket_at(a, idx);

		for (int i = 0; i < FP_BUCKET_SLOTS; i++)
			if (fp_slot_is(b, i, k)) {
				*out = (struct fp_slot){ b, idx, i };
				return true;
			}
		if (!(b->meta & FP_BUCKET_OVERFLOW))
			break;
		idx = fp_bucket_next(a, idx);
	}
	return false;
}

/* Fill an empty slot, then publish it.  false: none within reach. */
bool fp_slot_fill(struct fp_area *a, const struct fp_image_key *k)
{
	uint32_t idx = fp_bucket_first(a, k);

	for (int n = 0; n < FP_PROBE_MAX; n++) {
		struct fp_bucket *b = fp_bucket_at(a, idx);

		for (int i = 0; i < FP_BUCKET_SLOTS; i++) {
			if (FP_SLOT_LEN(b->meta, i) != FP_SLOT_EMPTY)
				continue;
			b->key[i][0] = k->hi;
			b->key[i][1] = k->lo;
			b->until_s[i] = k->until_s;
			fp_store32(&b->meta,
				   b->meta | (k->len + 1u) << (8 * i) |
					   (uint32_t)k->kind << (24 + 2 * i));
			fp_prefix_head(a)->live++;
			return true;
		}
		if (!(b->meta & FP_BUCKET_OVERFLOW))
			fp_store32(&b->meta, b->meta | FP_BUCKET_OVERFLOW);
		idx = fp_bucket_next(a, idx);
	}
	return false;
}

/* Dead until the table is replaced: a reader may still be looking at it. */
void fp_slot_kill(struct fp_area *a, const struct fp_slot *s)
{
	struct fp_table_head *h = fp_prefix_head(a);

	fp_store32(&s->b->meta, s->b->meta | FP_SLOT_DEAD << (8 * s->i));
	h->live--;
	h->dead++;
}

struct fp_image_key fp_slot_key(const struct fp_bucket *b, int i)
{
	return (struct fp_image_key){
		.hi = b->key[i][0],
		.lo = b->key[i][1],
		.until_s = b->until_s[i],
		.len = (uint8_t)(FP_SLOT_LEN(b->meta, i) - 1),
		.kind = (uint8_t)FP_SLOT_KIND(b->meta, i),
	};
}

bool fp_slot_is_live(const struct fp_bucket *b, int i)
{
	return FP_SLOT_LEN(b->meta, i) != FP_SLOT_EMPTY &&
	       FP_SLOT_LEN(b->meta, i) != FP_SLOT_DEAD;
}
