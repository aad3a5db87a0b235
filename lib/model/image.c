/* SPDX-License-Identifier: Apache-2.0 */
#include "model/image.h"

#include <stdlib.h>

#include "fp_maps.h"
#include "io/clock.h"
#include "model/words.h"

static int fp_image_room(void **v, size_t n, size_t *cap, size_t size)
{
	size_t more;
	void *p;

	if (n < *cap)
		return 0;
	more = *cap ? *cap * 2 : 64;
	p = reallocarray(*v, more, size);
	if (!p)
		return -ENOMEM;
	*v = p;
	*cap = more;
	return 0;
}

/* The clock of the kernel's deadlines. 0: it has passed. */
static uint32_t fp_image_until(const struct fp_image *img, int64_t until_s)
{
	int64_t mono;

	if (!until_s)
		return FP_UNTIL_NEVER;
	mono = until_s - img->wall_s;
	if (mono <= (int64_t)img->now_s)
		return 0;
	return mono < FP_UNTIL_NEVER ? (uint32_t)mono : FP_UNTIL_NEVER - 1;
}

static int fp_image_add4(struct fp_image *img, const struct fp_entry *x,
			 enum fp_kind kind)
{
	if (fp_image_room((void **)&img->v4, img->n4, &img->cap4,
			  sizeof(*img->v4)))
		return -ENOMEM;
	img->v4[img->n4++] = (struct fp_image4){
		.addr = (uint32_t)x->p.lo,
		.len = (uint8_t)(x->p.len - 96),
		.kind = (uint8_t)kind,
	};
	return 0;
}

static bool fp_key_is_of(const struct fp_image_key *k,
			 const struct fp_prefix *p)
{
	return k->hi == p->hi && k->lo == p->lo && k->len == p->len;
}

/* Keys of one prefix come one after the other; at most one a kind, in order. */
static int fp_image_add_key(struct fp_image *img, const struct fp_entry *x,
			    enum fp_kind kind, uint32_t until_s)
{
	size_t first = img->n_keys, i;

	while (first && fp_key_is_of(&img->key[first - 1], &x->p))
		first--;
	for (i = first; i < img->n_keys; i++) {
		if (img->key[i].kind != kind)
			continue;
		if (img->key[i].until_s < until_s)
			img->key[i].until_s = until_s;
		return 0;
	}
	if (fp_image_room((void **)&img->key, img->n_keys, &img->cap_keys,
			  sizeof(*img->key)))
		return -ENOMEM;
	for (; i > first && img->key[i - 1].kind > kind; i--)
		img->key[i] = img->key[i - 1];
	img->key[i] = (struct fp_image_key){
		.hi = x->p.hi,
		.lo = x->p.lo,
		.until_s = until_s,
		.len = x->p.len,
		.kind = (uint8_t)kind,
	};
	img->n_keys++;
	return 0;
}

static bool fp_is_directory(const struct fp_entry *x,
			    const struct fp_list_head *h)
{
	return fp_prefix_is_v4(&x->p) && !x->until_s &&
	       h->owner != FP_OWNER_DYNAMIC;
}

static int fp_image_add(struct fp_image *img, const struct fp_entry *x,
			const struct fp_list_head *h)
{
	uint32_t until_s;

	if (fp_is_directory(x, h))
		return fp_image_add4(img, x, h->kind);
	if (h->owner == FP_OWNER_DYNAMIC && fp_word_is_lift(x))
		return 0;
	until_s = fp_image_until(img, x->until_s);
	return until_s ? fp_image_add_key(img, x, h->kind, until_s) : 0;
}

static void fp_image_init(struct fp_image *img, const struct fp_lists *ls)
{
	int64_t now_ms = fp_clock_ms();

	*img = (struct fp_image){
		.now_s = (uint32_t)(now_ms / 1000),
		.wall_s = fp_clock_unix_s() - now_ms / 1000,
	};
	for (size_t i = 0; i < ls->n; i++) {
		/* counting costs a search a log line: fences have few */
		if (fp_list_about(ls->v[i])->kind == FP_KIND_FENCE)
			img->n_fence +=
				(uint32_t)fp_list_head(ls->v[i])->entries;
	}
}

static int fp_image_merge(struct fp_image *img, const struct fp_lists *ls,
			  const struct fp_prefix *within, bool is_v4_only,
			  struct fp_err *e)
{
	struct fp_merge_item item;
	struct fp_merge *m = NULL;
	int r;

	r = fp_merge_open(&m, ls, within, e);
	if (r)
		return r;
	while ((r = fp_merge_next(m, &item, e)) == 1) {
		const struct fp_list_head *h = fp_list_about(item.list);

		if (is_v4_only && !fp_is_directory(&item.entry, h))
			continue;
		r = fp_image_add(img, &item.entry, h);
		if (r) {
			fp_err(e, r, "out of memory for the lists' image");
			break;
		}
	}
	fp_merge_close(m);
	return r;
}

int fp_image_all(struct fp_image *out, const struct fp_lists *ls,
		 struct fp_err *e)
{
	struct fp_image img;
	int r;

	fp_image_init(&img, ls);
	img.is_all = true;
	r = fp_image_merge(&img, ls, NULL, false, e);
	if (r)
		fp_image_fini(&img);
	else
		*out = img;
	return r;
}

struct fp_image_cover {
	struct fp_image *img;
	const struct fp_prefix *net;
};

/* Entries strictly around the /24s: those inside come from the merge. */
static int fp_image_take_cover(void *ctx, const struct fp_merge_item *item)
{
	struct fp_image_cover *c = ctx;
	const struct fp_list_head *h = fp_list_about(item->list);

	if (item->entry.p.len >= c->net->len ||
	    !fp_is_directory(&item->entry, h))
		return 0;
	return fp_image_add4(c->img, &item->entry, h->kind);
}

/* Shorter first, as the directory's sweep wants them: those that cover one
 * prefix are nested, so length is order enough. */
static int fp_image4_by_len(const void *a, const void *b)
{
	return ((const struct fp_image4 *)a)->len -
	       ((const struct fp_image4 *)b)->len;
}

static int fp_image_keys_of(struct fp_image *img, const struct fp_lists *ls,
			    const struct fp_prefix *p)
{
	struct fp_entry x;
	int r = 0;

	for (size_t i = 0; i < ls->n && !r; i++) {
		const struct fp_list_head *h = fp_list_about(ls->v[i]);

		if (fp_list_find(ls->v[i], p, &x) && !fp_is_directory(&x, h))
			r = fp_image_add(img, &x, h);
	}
	return r;
}

int fp_image_around(struct fp_image *out, const struct fp_lists *ls,
		    const struct fp_prefix *p, struct fp_err *e)
{
	struct fp_prefix net = fp_prefix_cut(p, p->len < 120 ? p->len : 120);
	struct fp_image img;
	int r = 0;

	fp_image_init(&img, ls);
	img.around = *p;
	if (fp_prefix_is_v4(p)) {
		struct fp_image_cover c = { &img, &net };

		r = fp_lists_covering(ls, &net, fp_image_take_cover, &c);
		if (img.n4)
			qsort(img.v4, img.n4, sizeof(*img.v4),
			      fp_image4_by_len);
		if (!r)
			r = fp_image_merge(&img, ls, &net, true, e);
	}
	if (!r)
		r = fp_image_keys_of(&img, ls, p);
	if (r)
		fp_image_fini(&img);
	else
		*out = img;
	return r == -ENOMEM ? fp_err(e, r, "out of memory") : r;
}

void fp_image_fini(struct fp_image *img)
{
	free(img->v4);
	free(img->key);
	*img = (struct fp_image){ 0 };
}
