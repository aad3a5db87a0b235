/* SPDX-License-Identifier: Apache-2.0 */
/* The prefix table: everything that has a deadline, comes and goes, or is IPv6,
 * made equal to the image. */
#include <stdlib.h>
#include <sys/random.h>

#include "model/tables_priv.h"

/* ---- growing ---- */

static bool fp_is_crowded(struct fp_area *a, uint64_t more)
{
	const struct fp_table_head *h = fp_prefix_head(a);

	/* 60 % of the slots: hardly a bucket overflows twice */
	return (h->live + h->dead + more) * 5 >
	       (uint64_t)h->n * FP_BUCKET_SLOTS * 3;
}

static bool fp_copy_live(struct fp_area *to, struct fp_area *from)
{
	uint32_t n = fp_prefix_head(from)->n;

	for (uint32_t idx = 1; idx <= n; idx++) {
		struct fp_bucket *b = fp_bucket_at(from, idx);

		for (int i = 0; i < FP_BUCKET_SLOTS; i++) {
			struct fp_image_key k;

			if (!fp_slot_is_live(b, i))
				continue;
			k = fp_slot_key(b, i);
			if (!fp_slot_fill(to, &k))
				return false;
		}
	}
	return true;
}

/* Replace the table by one with room for `more`, without the dead. */
static int fp_prefixes_renew(struct fp_tables *t, uint64_t more,
			     struct fp_err *e)
{
	struct fp_area *old = &t->tab[FP_TAB_PREFIX], fresh;
	uint64_t want = (fp_prefix_head(old)->live + more) * 2;
	uint64_t n = want / FP_BUCKET_SLOTS + 1024;
	struct fp_table_head *h;
	int r;

	r = fp_area_whole(old, e);
	if (r)
		return r;
	for (;; n *= 2) {
		if (n > UINT32_MAX / 2)
			return fp_err(e, -ENOMEM,
				      "the prefix table is too big");
		r = t->backing.make(t->backing.ctx, FP_TAB_PREFIX, (uint32_t)n,
				    &fresh, e);
		if (r)
			return r;
		h = fp_prefix_head(&fresh);
		h->n = (uint32_t)n;
		h->seed = fp_prefix_head(old)->seed;
		/* who knows the seed could fill one bucket's reach */
		if (getrandom(&h->seed, sizeof(h->seed), GRND_NONBLOCK) < 0)
			h->seed ^= (uint32_t)n;
		if (fp_copy_live(&fresh, old))
			return fp_tables_replace(t, FP_TAB_PREFIX, &fresh, e);
		fp_area_fini(&fresh);
	}
}

/* ---- from the image ---- */

static uint64_t fp_count_missing(struct fp_tables *t,
				 const struct fp_image *img)
{
	struct fp_slot s;
	uint64_t n = 0;

	for (size_t i = 0; i < img->n_keys; i++)
		n += !fp_slot_find(&t->tab[FP_TAB_PREFIX], &img->key[i], &s);
	return n;
}

/* The later deadline now; an earlier one is for fp_prefixes_remove. */
static int fp_insert_one(struct fp_tables *t, const struct fp_image_key *k,
			 struct fp_apply_stats *stats, struct fp_err *e)
{
	struct fp_conf *c = fp_tables_conf(t);
	struct fp_slot s;
	int r;

	if (fp_slot_find(&t->tab[FP_TAB_PREFIX], k, &s)) {
		if (s.b->until_s[s.i] < k->until_s &&
		    !fp_until_is_near(s.b->until_s[s.i], k->until_s,
				      FP_UNTIL_KEEP_S)) {
			fp_store32(&s.b->until_s[s.i], k->until_s);
			stats->changed++;
		}
		fp_gate6_set(t, k);
		return 0;
	}
	while (!fp_slot_fill(&t->tab[FP_TAB_PREFIX], k)) {
		r = fp_prefixes_renew(t,
				      fp_prefix_head(&t->tab[FP_TAB_PREFIX])
					      ->live,
				      e);
		if (r)
			return r;
		stats->is_rebuilt = true;
	}
	fp_len_use(c, k);
	fp_gate6_set(t, k);
	stats->added++;
	return 0;
}

int fp_prefixes_insert(struct fp_tables *t, const struct fp_image *img,
		       struct fp_apply_stats *stats, struct fp_err *e)
{
	uint64_t missing = fp_count_missing(t, img);
	int r;

	r = fp_tables_room(t, missing, e);
	if (!r && fp_is_crowded(&t->tab[FP_TAB_PREFIX], missing)) {
		r = fp_prefixes_renew(t, missing, e);
		stats->is_rebuilt = true;
	}
	for (size_t i = 0; i < img->n_keys && !r; i++)
		r = fp_insert_one(t, &img->key[i], stats, e);
	return r;
}

/* What goes, goes after every reader has seen what came. */
struct leave {
	struct fp_tables *t;
	bool is_waited;
	struct fp_apply_stats *stats;
	struct fp_err *e;
};

static int fp_leave(struct leave *l)
{
	int r = l->is_waited ? 0 : l->t->backing.wait(l->t->backing.ctx, l->e);

	l->is_waited = !r;
	return r;
}

/* Take a slot out, or shorten its deadline. */
static int fp_remove_one(struct leave *l, const struct fp_slot *s,
			 const struct fp_image_key *want)
{
	struct fp_image_key k = fp_slot_key(s->b, s->i);
	struct fp_conf *c = fp_tables_conf(l->t);
	int r;

	if (want && fp_until_is_near(k.until_s, want->until_s, FP_UNTIL_KEEP_S))
		return 0;
	r = fp_leave(l);
	if (r)
		return r;
	if (want) {
		fp_store32(&s->b->until_s[s->i], want->until_s);
		l->stats->changed++;
		return 0;
	}
	fp_slot_kill(&l->t->tab[FP_TAB_PREFIX], s);
	fp_len_unuse(c, &k);
	c->look_stale++;
	l->stats->removed++;
	return 0;
}

static int fp_remove_around(struct leave *l, const struct fp_image *img)
{
	int r = 0;

	for (uint8_t kind = FP_V_BLOCK; kind <= FP_V_FENCE && !r; kind++) {
		const struct fp_image_key *want = NULL;
		struct fp_image_key k = {
			.hi = img->around.hi,
			.lo = img->around.lo,
			.len = img->around.len,
			.kind = kind,
		};
		struct fp_slot s;

		for (size_t i = 0; i < img->n_keys; i++)
			if (img->key[i].kind == kind)
				want = &img->key[i];
		if (fp_slot_find(&l->t->tab[FP_TAB_PREFIX], &k, &s))
			r = fp_remove_one(l, &s, want);
	}
	return r;
}

static int fp_remove_all(struct leave *l, const struct fp_image *img)
{
	struct fp_area *a = &l->t->tab[FP_TAB_PREFIX];
	uint32_t n = fp_prefix_head(a)->n;
	int r = 0;

	for (uint32_t idx = 1; idx <= n; idx++) {
		struct fp_bucket *b = fp_bucket_at(a, idx);

		for (int i = 0; i < FP_BUCKET_SLOTS && !r; i++) {
			struct fp_slot s = { b, idx, i };
			struct fp_image_key k;

			if (!fp_slot_is_live(b, i))
				continue;
			k = fp_slot_key(b, i);
			r = fp_remove_one(l, &s, fp_image_find(img, &k));
		}
	}
	return r;
}

int fp_prefixes_remove(struct fp_tables *t, const struct fp_image *img,
		       bool has_come, struct fp_apply_stats *stats,
		       struct fp_err *e)
{
	/* a writer that was killed may have put in what we find */
	struct leave l = { t, !img->is_all && !has_come, stats, e };
	uint32_t *bits;
	int r;

	if (!img->is_all)
		return fp_remove_around(&l, img);
	bits = calloc(FP_GATE6_BITS / 32, sizeof(*bits));
	if (!bits)
		return fp_err(e, -ENOMEM, "out of memory");
	r = fp_remove_all(&l, img);
	if (!r) {
		fp_lens_recount(t);
		fp_gate6_exact(t, img, bits);
		fp_tables_conf(t)->look_stale = 0;
	}
	free(bits);
	return r;
}
