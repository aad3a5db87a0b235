/* SPDX-License-Identifier: Apache-2.0 */
#include "model/tables.h"

#include <sys/mman.h>

#include "model/tables_priv.h"

#define FP_LOOK_SIZE ((1u << 24) / 8)

#define FP_MAX_HASHED_DEFAULT 4000000

struct fp_conf *fp_tables_conf(struct fp_tables *t)
{
	return fp_area_at(&t->conf, 0);
}

void fp_tables_init(struct fp_tables *t)
{
	struct fp_table_head *chunk = fp_area_at(&t->tab[FP_TAB_CHUNK], 0);
	struct fp_table_head *prefix = fp_area_at(&t->tab[FP_TAB_PREFIX], 0);

	chunk->n =
		(uint32_t)(t->tab[FP_TAB_CHUNK].size / FP_TAB_VALUE_SIZE) - 1;
	chunk->fresh = 1;
	prefix->n =
		(uint32_t)(t->tab[FP_TAB_PREFIX].size / FP_TAB_VALUE_SIZE) - 1;
	fp_tables_conf(t)->max_hashed = FP_MAX_HASHED_DEFAULT;
}

int fp_tables_replace(struct fp_tables *t, int tab, struct fp_area *fresh,
		      struct fp_err *e)
{
	int r = t->backing.swap(t->backing.ctx, tab, fresh, e);

	if (r) {
		fp_area_fini(fresh);
		return r;
	}
	fp_area_fini(&t->tab[tab]);
	t->tab[tab] = *fresh;
	return 0;
}

int fp_tables_room(struct fp_tables *t, uint64_t keys, struct fp_err *e)
{
	const struct fp_table_head *h = fp_area_at(&t->tab[FP_TAB_PREFIX], 0);
	uint32_t max = fp_tables_conf(t)->max_hashed;

	if (!keys || h->live + keys <= max)
		return 0;
	return fp_err(
		e, -ENOSPC,
		"table full: %u of %u timed and IPv6 entries, %llu more wanted; raise it with fp-load set max-hashed=N",
		h->live, max, (unsigned long long)keys);
}

/* The /24s under the image's IPv4 keys, one bit each.  NULL: no memory.  Not
 * from the heap, which would clear all of it for a change of one address. */
static uint32_t *fp_look_bits(const struct fp_image *img)
{
	uint32_t *bits = mmap(NULL, FP_LOOK_SIZE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (bits == MAP_FAILED)
		return NULL;
	for (size_t i = 0; i < img->n_keys; i++) {
		const struct fp_image_key *k = &img->key[i];
		struct fp_prefix p = { k->hi, k->lo, k->len };
		uint32_t net, n;

		if (!fp_prefix_is_v4(&p))
			continue;
		net = (uint32_t)p.lo >> 8;
		n = p.len < 120 ? 1u << (120 - p.len) : 1;
		for (; n; n--, net++)
			bits[net >> 5] |= 1u << (net & 31);
	}
	return bits;
}

static int fp_tables_whole(struct fp_tables *t, struct fp_err *e)
{
	struct fp_area *all[] = { &t->gate4, &t->dir4, &t->gate6,
				  &t->tab[FP_TAB_CHUNK],
				  &t->tab[FP_TAB_PREFIX] };
	int r = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all) && !r; i++)
		r = fp_area_whole(all[i], e);
	return r;
}

static int fp_tables_check(const struct fp_tables *t, struct fp_err *e)
{
	if (t->conf.is_failed || t->gate4.is_failed || t->dir4.is_failed ||
	    t->gate6.is_failed || t->tab[FP_TAB_CHUNK].is_failed ||
	    t->tab[FP_TAB_PREFIX].is_failed)
		return fp_err(e, -ENOMEM, "mapping a page of the tables");
	return 0;
}

/* Many /24s: one mapping is cheaper than many. */
static bool fp_is_wide(const struct fp_image *img)
{
	return img->is_all ||
	       (fp_prefix_is_v4(&img->around) && img->around.len < 96 + 14);
}

static uint64_t fp_came(const struct fp_apply_stats *s)
{
	return s->words + s->chunks + s->added + s->changed;
}

/* In before out: what moves between the tables is never in neither. */
static int fp_tables_change(struct fp_tables *t, const struct fp_image *img,
			    const uint32_t *look, struct fp_apply_stats *stats,
			    struct fp_err *e)
{
	struct fp_sweep sweep = {
		.t = t, .img = img, .look = look, .stats = stats
	};
	struct fp_conf *c = fp_tables_conf(t);
	uint64_t before = fp_came(stats);
	int r;

	if (img->n_fence)
		fp_store32(&c->n_fence, img->n_fence);
	r = fp_prefixes_insert(t, img, stats, e);
	if (!r)
		r = fp_directory_sweep(&sweep, e);
	if (!r)
		r = fp_prefixes_remove(t, img, fp_came(stats) != before, stats,
				       e);
	if (!r && !img->n_fence && c->n_fence)
		fp_store32(&c->n_fence, 0);
	if (!r && img->is_all)
		c->wall_s = img->wall_s;
	return r;
}

int fp_tables_apply(struct fp_tables *t, const struct fp_image *img,
		    struct fp_apply_stats *stats, struct fp_err *e)
{
	struct fp_apply_stats none = { 0 };
	uint32_t *look;
	int r = 0;

	if (!stats)
		stats = &none;
	if (fp_is_wide(img))
		r = fp_tables_whole(t, e);
	if (r)
		return r;
	look = fp_look_bits(img);
	if (!look)
		return fp_err(e, -ENOMEM, "out of memory");
	r = fp_tables_change(t, img, look, stats, e);
	munmap(look, FP_LOOK_SIZE);
	return r ? r : fp_tables_check(t, e);
}

int64_t fp_tables_verify(struct fp_tables *t, const struct fp_image *img,
			 void (*each)(void *ctx, const struct fp_prefix *p,
				      const char *text),
			 void *ctx, struct fp_err *e)
{
	struct fp_apply_stats none = { 0 };
	struct fp_sweep sweep = {
		.t = t, .img = img, .stats = &none, .differs = each, .ctx = ctx
	};
	uint32_t *look = NULL;
	uint64_t n = 0;
	int r;

	r = fp_tables_whole(t, e);
	if (r)
		return r;
	look = fp_look_bits(img);
	if (!look)
		return fp_err(e, -ENOMEM, "out of memory");
	sweep.look = look;
	r = fp_directory_sweep(&sweep, e);
	if (!r)
		fp_prefixes_verify(t, img, each, ctx, &n);
	munmap(look, FP_LOOK_SIZE);
	return r ? r : (int64_t)(n + sweep.n_differ);
}

enum fp_kind fp_tables_verdict(struct fp_tables *t, const struct fp_prefix *p,
			       uint32_t now_s)
{
	uint32_t v = FP_V_NONE, more;
	bool is_look = true;

	if (fp_prefix_is_v4(p))
		v = fp_directory_verdict(t, (uint32_t)p->lo, &is_look);
	if (!is_look)
		return (enum fp_kind)v;
	more = fp_prefixes_verdict(t, p, now_s);
	return (enum fp_kind)(more > v ? more : v);
}
