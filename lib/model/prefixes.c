/* SPDX-License-Identifier: Apache-2.0 */
/* The prefix table: a hash by (prefix, length, kind) of everything that has a
 * deadline, comes and goes, or is IPv6. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "model/tables_priv.h"

#define FP_HOLE 0xff

struct fp_slot {
	struct fp_bucket *b;
	uint32_t idx; /* of the bucket */
	int i;
};

static struct fp_bucket *fp_bucket_at(struct fp_area *a, uint32_t idx)
{
	return fp_area_at(a, (size_t)idx * sizeof(struct fp_bucket));
}

static struct fp_table_head *fp_prefix_head(struct fp_area *a)
{
	return fp_area_at(a, 0);
}

static uint32_t fp_bucket_first(struct fp_area *a,
				const struct fp_image_key *k)
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

static bool fp_slot_find(struct fp_area *a, const struct fp_image_key *k,
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
static bool fp_slot_fill(struct fp_area *a, const struct fp_image_key *k)
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
static void fp_slot_kill(struct fp_area *a, const struct fp_slot *s)
{
	struct fp_table_head *h = fp_prefix_head(a);

	fp_store32(&s->b->meta, s->b->meta | FP_SLOT_DEAD << (8 * s->i));
	h->live--;
	h->dead++;
}

static struct fp_image_key fp_slot_key(const struct fp_bucket *b, int i)
{
	return (struct fp_image_key){
		.hi = b->key[i][0],
		.lo = b->key[i][1],
		.until_s = b->until_s[i],
		.len = (uint8_t)(FP_SLOT_LEN(b->meta, i) - 1),
		.kind = (uint8_t)FP_SLOT_KIND(b->meta, i),
	};
}

static bool fp_slot_is_live(const struct fp_bucket *b, int i)
{
	return FP_SLOT_LEN(b->meta, i) != FP_SLOT_EMPTY &&
	       FP_SLOT_LEN(b->meta, i) != FP_SLOT_DEAD;
}

/* ---- which lengths are in use ---- */

static bool fp_key_is_v4(const struct fp_image_key *k)
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
static void fp_len_use(struct fp_conf *c, const struct fp_image_key *k)
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
			.lo = is_v4 ? 0xffff00000000ull : 0, .len = v[i],
		};

		if (v[i] != FP_HOLE && !*fp_len_count(c, &k))
			__atomic_store_n(&v[i], FP_HOLE, __ATOMIC_RELEASE);
	}
	while (*n && v[*n - 1] == FP_HOLE)
		fp_store32(n, *n - 1);
}

static void fp_len_unuse(struct fp_conf *c, const struct fp_image_key *k)
{
	uint32_t *n, *count = fp_len_count(c, k);
	uint8_t *v = fp_lens_of(c, k, &n);

	if (*count)
		--*count;
	fp_len_forget(c, v, n, fp_key_is_v4(k));
}

/* Counts and lengths anew from the slots: a writer that was killed may have
 * left them one off. */
static void fp_lens_recount(struct fp_tables *t)
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

static void fp_gate6_set(struct fp_tables *t, const struct fp_image_key *k)
{
	uint32_t bit = fp_gate6_bit(k->hi), *w;

	if (fp_key_is_v4(k) || k->len < 48)
		return;
	w = fp_area_at(&t->gate6, (size_t)(bit >> 5) * 4);
	if (!(*w >> (bit & 31) & 1))
		fp_store32(w, *w | 1u << (bit & 31));
}

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
			return fp_err(e, -ENOMEM, "the prefix table is too big");
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

static bool fp_until_is_near(uint32_t a, uint32_t b)
{
	if (a == FP_UNTIL_NEVER || b == FP_UNTIL_NEVER)
		return a == b;
	return (a > b ? a - b : b - a) <= FP_UNTIL_SLACK_S;
}

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
		    !fp_until_is_near(s.b->until_s[s.i], k->until_s)) {
			fp_store32(&s.b->until_s[s.i], k->until_s);
			stats->changed++;
		}
		fp_gate6_set(t, k);
		return 0;
	}
	while (!fp_slot_fill(&t->tab[FP_TAB_PREFIX], k)) {
		r = fp_prefixes_renew(t, fp_prefix_head(&t->tab[FP_TAB_PREFIX])
						 ->live, e);
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

/* Take a slot out, or shorten its deadline. */
static void fp_remove_one(struct fp_tables *t, const struct fp_slot *s,
			  const struct fp_image_key *want,
			  struct fp_apply_stats *stats)
{
	struct fp_image_key k = fp_slot_key(s->b, s->i);
	struct fp_conf *c = fp_tables_conf(t);

	if (want) {
		if (!fp_until_is_near(k.until_s, want->until_s)) {
			fp_store32(&s->b->until_s[s->i], want->until_s);
			stats->changed++;
		}
		return;
	}
	fp_slot_kill(&t->tab[FP_TAB_PREFIX], s);
	fp_len_unuse(c, &k);
	c->look_stale++;
	stats->removed++;
}

static int fp_remove_around(struct fp_tables *t, const struct fp_image *img,
			    struct fp_apply_stats *stats)
{
	for (uint8_t kind = FP_V_BLOCK; kind <= FP_V_FENCE; kind++) {
		const struct fp_image_key *want = NULL;
		struct fp_image_key k = {
			.hi = img->around.hi, .lo = img->around.lo,
			.len = img->around.len, .kind = kind,
		};
		struct fp_slot s;

		for (size_t i = 0; i < img->n_keys; i++)
			if (img->key[i].kind == kind)
				want = &img->key[i];
		if (fp_slot_find(&t->tab[FP_TAB_PREFIX], &k, &s))
			fp_remove_one(t, &s, want, stats);
	}
	return 0;
}

/* The image's keys in the order of fp_image_key_cmp: they come that way but
 * for the kinds of one prefix. */
static struct fp_image_key *fp_sorted_keys(const struct fp_image *img)
{
	size_t size = img->n_keys * sizeof(*img->key);
	struct fp_image_key *v = malloc(size ? size : 1);

	if (v && img->n_keys) {
		memcpy(v, img->key, size);
		qsort(v, img->n_keys, sizeof(*v), fp_image_key_cmp);
	}
	return v;
}

/* Exactly the bits that the image needs. */
static void fp_gate6_exact(struct fp_tables *t, const struct fp_image *img,
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

int fp_prefixes_remove(struct fp_tables *t, const struct fp_image *img,
		       struct fp_apply_stats *stats, struct fp_err *e)
{
	struct fp_area *a = &t->tab[FP_TAB_PREFIX];
	struct fp_image_key *want;
	uint32_t n = fp_prefix_head(a)->n, *bits;

	if (!img->is_all)
		return fp_remove_around(t, img, stats);
	want = fp_sorted_keys(img);
	bits = calloc(FP_GATE6_BITS / 32, sizeof(*bits));
	if (!want || !bits) {
		free(want);
		free(bits);
		return fp_err(e, -ENOMEM, "out of memory");
	}
	for (uint32_t idx = 1; idx <= n; idx++) {
		struct fp_bucket *b = fp_bucket_at(a, idx);

		for (int i = 0; i < FP_BUCKET_SLOTS; i++) {
			struct fp_slot s = { b, idx, i };
			struct fp_image_key k;

			if (!fp_slot_is_live(b, i))
				continue;
			k = fp_slot_key(b, i);
			fp_remove_one(t, &s, bsearch(&k, want, img->n_keys,
						     sizeof(k),
						     fp_image_key_cmp),
				      stats);
		}
	}
	fp_lens_recount(t);
	fp_gate6_exact(t, img, bits);
	fp_tables_conf(t)->look_stale = 0;
	free(bits);
	free(want);
	return 0;
}

/* ---- comparing and asking ---- */

static void fp_key_differs(const struct fp_image_key *k, fp_differs *differs,
			   void *ctx, const char *text)
{
	struct fp_prefix p = { k->hi, k->lo, k->len };

	differs(ctx, &p, text);
}

static bool fp_gate6_has(struct fp_tables *t, const struct fp_image_key *k)
{
	uint32_t bit = fp_gate6_bit(k->hi);
	uint32_t *w = fp_area_at(&t->gate6, (size_t)(bit >> 5) * 4);

	return fp_key_is_v4(k) || k->len < 48 || *w >> (bit & 31) & 1;
}

static bool fp_len_is_used(struct fp_tables *t, const struct fp_image_key *k)
{
	uint32_t *n;
	uint8_t *v = fp_lens_of(fp_tables_conf(t), k, &n);

	return memchr(v, k->len, *n) != NULL;
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
		else if (!fp_until_is_near(s.b->until_s[s.i], k->until_s))
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

int fp_prefixes_verify(struct fp_tables *t, const struct fp_image *img,
		       fp_differs *differs, void *ctx, uint64_t *n_differ,
		       struct fp_err *e)
{
	struct fp_area *a = &t->tab[FP_TAB_PREFIX];
	struct fp_image_key *want = fp_sorted_keys(img);
	uint32_t n = fp_prefix_head(a)->n;

	if (!want)
		return fp_err(e, -ENOMEM, "out of memory");
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
			    bsearch(&k, want, img->n_keys, sizeof(k),
				    fp_image_key_cmp))
				continue;
			++*n_differ;
			fp_key_differs(&k, differs, ctx,
				       "in the prefix table, in no list");
		}
	}
	free(want);
	return 0;
}

static uint32_t fp_probe(struct fp_tables *t, const struct fp_prefix *p,
			 uint32_t now_s)
{
	uint32_t best = FP_V_NONE;
	struct fp_slot s;

	for (uint8_t kind = FP_V_BLOCK; kind <= FP_V_FENCE; kind++) {
		struct fp_image_key k = { .hi = p->hi, .lo = p->lo,
					  .len = p->len, .kind = kind };

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
