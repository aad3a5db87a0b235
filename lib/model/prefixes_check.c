/* SPDX-License-Identifier: Apache-2.0 */
/* The prefix table compared with the lists, and asked. */
#include <stdlib.h>
#include <string.h>

#include "model/tables_priv.h"

static int fp_image_key_cmp(const void *a, const void *b)
{
	const struct fp_image_key *x = a, *y = b;

	if (x->hi != y->hi)
		return x->hi < y->hi ? -1 : 1;
	if (x->lo != y->lo)
		return x->lo < y->lo ? -1 : 1;
	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return (int)x->kind - (int)y->kind;
}

const struct fp_image_key *fp_image_find(const struct fp_image *img,
					 const struct fp_image_key *k)
{
	return img->n_keys ? bsearch(k, img->key, img->n_keys, sizeof(*k),
				     fp_image_key_cmp)
			   : NULL;
}

bool fp_until_is_near(uint32_t a, uint32_t b, uint32_t slack_s)
{
	if (a == FP_UNTIL_NEVER || b == FP_UNTIL_NEVER)
		return a == b;
	return (a > b ? a - b : b - a) <= slack_s;
}

static void fp_key_differs(const struct fp_image_key *k, fp_differs *differs,
			   void *ctx, const char *text)
{
	struct fp_prefix p = { k->hi, k->lo, k->len };

	differs(ctx, &p, text);
}

static uint64_t fp_verify_keys(struct fp_tables *t, const struct fp_image *img,
			       fp_differs *differs, void *ctx)
{
	uint64_t n = 0;

	for (size_t i = 0; i < img->n_keys; i++) {
		const struct fp_image_key *k = &img->key[i];
		const char *text = NULL;
		struct fp_slot s;

		if (!fp_slot_find(&t->tab[FP_TAB_PREFIX], k, &s))
			text = "not in the prefix table";
		else if (!fp_until_is_near(s.b->until_s[s.i], k->until_s,
					   FP_UNTIL_SLACK_S))
			text = "another deadline in the prefix table";
		else if (!fp_gate6_has(t, k))
			text = "gate bit missing";
		else if (!fp_len_is_used(t, k))
			text = "prefix length not looked at";
		if (!text)
			continue;
		n++;
		fp_key_differs(k, differs, ctx, text);
	}
	return n;
}

void fp_prefixes_verify(struct fp_tables *t, const struct fp_image *img,
			fp_differs *differs, void *ctx, uint64_t *n_differ)
{
	struct fp_area *a = &t->tab[FP_TAB_PREFIX];
	uint32_t n = fp_prefix_head(a)->n;

	*n_differ = fp_verify_keys(t, img, differs, ctx);
	for (uint32_t idx = 1; idx <= n; idx++) {
		struct fp_bucket *b = fp_bucket_at(a, idx);

		for (int i = 0; i < FP_BUCKET_SLOTS; i++) {
			struct fp_image_key k;

			if (!fp_slot_is_live(b, i))
				continue;
			k = fp_slot_key(b, i);
			/* what has run out is not there for the kernel */
			if (k.until_s <= img->now_s + FP_UNTIL_SLACK_S ||
			    fp_image_find(img, &k))
				continue;
			++*n_differ;
			fp_key_differs(&k, differs, ctx,
				       "in the prefix table, in no list");
		}
	}
}

static uint32_t fp_probe(struct fp_tables *t, const struct fp_prefix *p,
			 uint32_t now_s)
{
	uint32_t best = FP_V_NONE;
	struct fp_slot s;

	for (uint8_t kind = FP_V_BLOCK; kind <= FP_V_FENCE; kind++) {
		struct fp_image_key k = {
			.hi = p->hi, .lo = p->lo, .len = p->len, .kind = kind
		};

		if (fp_slot_find(&t->tab[FP_TAB_PREFIX], &k, &s) &&
		    s.b->until_s[s.i] > now_s)
			best = kind;
	}
	return best;
}

uint32_t fp_prefixes_verdict(struct fp_tables *t, const struct fp_prefix *p,
			     uint32_t now_s)
{
	struct fp_image_key k = { .hi = p->hi, .lo = p->lo, .len = p->len };
	uint32_t best = FP_V_NONE, v;

	for (int len = fp_key_is_v4(&k) ? 96 : 0; len <= 128; len++) {
		struct fp_prefix cut = fp_prefix_cut(p, (unsigned int)len);

		k.len = (uint8_t)len;
		if (!fp_len_is_used(t, &k) || !fp_gate6_has(t, &k))
			continue;
		v = fp_probe(t, &cut, now_s);
		if (v > best)
			best = v;
	}
	return best;
}
