/* SPDX-License-Identifier: Apache-2.0 */
/* Where readers look at all: which prefix lengths are in use, and gate6. */
#include <string.h>

#include "model/tables_priv.h"

#define FP_HOLE 0xff

bool fp_key_is_v4(const struct fp_image_key *k)
{
	struct fp_prefix p = { k->hi, k->lo, k->len };

	return fp_prefix_is_v4(&p);
}

/* Where readers find the length: the array and how much of it counts. */
static uint8_t *fp_lens_of(struct fp_conf *c, const struct fp_image_key *k,
			   uint32_t **n)
{
	if (fp_key_is_v4(k)) {
		*n = &c->n_lens4;
		return c->lens4;
	}
	*n = k->len >= 48 ? &c->n_long6 : &c->n_short6;
	return k->len >= 48 ? c->long6 : c->short6;
}

static uint32_t *fp_len_count(struct fp_conf *c, const struct fp_image_key *k)
{
	return fp_key_is_v4(k) ? &c->count4[k->len - 96] : &c->count[k->len];
}

/* Every store leaves the array such that readers find all lengths in use. */
void fp_len_use(struct fp_conf *c, const struct fp_image_key *k)
{
	uint32_t *n, hole;
	uint8_t *v = fp_lens_of(c, k, &n);

	if ((*fp_len_count(c, k))++)
		return;
	for (hole = 0; hole < *n; hole++)
		if (v[hole] == FP_HOLE || v[hole] == k->len)
			break;
	__atomic_store_n(&v[hole], k->len, __ATOMIC_RELEASE);
	if (hole == *n)
		fp_store32(n, hole + 1);
}

/* Holes for what is not in use any more; the end is cut where it is holes. */
static void fp_len_forget(struct fp_conf *c, uint8_t *v, uint32_t *n,
			  bool is_v4)
{
	for (uint32_t i = 0; i < *n; i++) {
		struct fp_image_key k = {
			.lo = is_v4 ? 0xffff00000000ull : 0,
			.len = v[i],
		};

		if (v[i] != FP_HOLE && !*fp_len_count(c, &k))
			__atomic_store_n(&v[i], FP_HOLE, __ATOMIC_RELEASE);
	}
	while (*n && v[*n - 1] == FP_HOLE)
		fp_store32(n, *n - 1);
}

void fp_len_unuse(struct fp_conf *c, const struct fp_image_key *k)
{
	uint32_t *n, *count = fp_len_count(c, k);
	uint8_t *v = fp_lens_of(c, k, &n);

	if (*count)
		--*count;
	fp_len_forget(c, v, n, fp_key_is_v4(k));
}

/* Counts and lengths anew from the slots: a writer that was killed may have
 * left them one off. */
void fp_lens_recount(struct fp_tables *t)
{
	struct fp_area *a = &t->tab[FP_TAB_PREFIX];
	struct fp_conf *c = fp_tables_conf(t);
	struct fp_table_head *h = fp_prefix_head(a);

	memset(c->count, 0, sizeof(c->count));
	memset(c->count4, 0, sizeof(c->count4));
	h->live = h->dead = 0;
	for (uint32_t idx = 1; idx <= h->n; idx++) {
		struct fp_bucket *b = fp_bucket_at(a, idx);

		for (int i = 0; i < FP_BUCKET_SLOTS; i++) {
			struct fp_image_key k = fp_slot_key(b, i);

			if (fp_slot_is_live(b, i)) {
				h->live++;
				fp_len_use(c, &k);
			} else if (FP_SLOT_LEN(b->meta, i) == FP_SLOT_DEAD) {
				h->dead++;
			}
		}
	}
	fp_len_forget(c, c->lens4, &c->n_lens4, true);
	fp_len_forget(c, c->long6, &c->n_long6, false);
	fp_len_forget(c, c->short6, &c->n_short6, false);
}

void fp_gate6_set(struct fp_tables *t, const struct fp_image_key *k)
{
	uint32_t bit = fp_gate6_bit(k->hi), *w;

	if (fp_key_is_v4(k) || k->len < 48)
		return;
	w = fp_area_at(&t->gate6, (size_t)(bit >> 5) * 4);
	if (!(*w >> (bit & 31) & 1))
		fp_store32(w, *w | 1u << (bit & 31));
}

/* Exactly the bits that the image needs. */
void fp_gate6_exact(struct fp_tables *t, const struct fp_image *img,
		    uint32_t *bits)
{
	for (size_t i = 0; i < img->n_keys; i++) {
		const struct fp_image_key *k = &img->key[i];
		uint32_t bit = fp_gate6_bit(k->hi);

		if (!fp_key_is_v4(k) && k->len >= 48)
			bits[bit >> 5] |= 1u << (bit & 31);
	}
	for (uint32_t i = 0; i < FP_GATE6_BITS / 32; i++) {
		uint32_t *w = fp_area_at(&t->gate6, (size_t)i * 4);

		if (*w & ~bits[i])
			fp_store32(w, bits[i]);
	}
}

bool fp_gate6_has(struct fp_tables *t, const struct fp_image_key *k)
{
	uint32_t bit = fp_gate6_bit(k->hi);
	uint32_t *w = fp_area_at(&t->gate6, (size_t)(bit >> 5) * 4);

	return fp_key_is_v4(k) || k->len < 48 || *w >> (bit & 31) & 1;
}

bool fp_len_is_used(struct fp_tables *t, const struct fp_image_key *k)
{
	uint32_t *n;
	uint8_t *v = fp_lens_of(fp_tables_conf(t), k, &n);

	return memchr(v, k->len, *n) != NULL;
}
