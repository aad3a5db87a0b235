/* SPDX-License-Identifier: Apache-2.0 */
#include "node/why.h"

#include <stdlib.h>

#include "fp_maps.h"
#include "model/words.h"
#include "node/filter.h"

/* The kernel's deadlines are whole seconds of another clock. */
#define ENDING_S 2

/* The mode that counts: none when nothing is attached. */
static const char *mode_of(struct fp_node *n)
{
	const struct fp_conf *c;

	if (!fp_node_is_in_force(n))
		return "none";
	c = fp_maps_conf(n->maps);
	if (c->lists == FP_ENFORCE && fp_filter_bypass_s(c))
		return fp_mode_name(FP_OBSERVE);
	return fp_mode_name(c->lists <= FP_ENFORCE ? (enum fp_mode)c->lists
						   : FP_OFF);
}

static bool is_blocked(enum fp_kind k)
{
	return k == FP_KIND_BLOCK || k == FP_KIND_FENCE;
}

int fp_why_kernel(struct fp_node *n, const struct fp_prefix *host,
		  struct fp_why *out, struct fp_err *e)
{
	struct fp_why w = { .mode = mode_of(n) };
	int r = 0;

	if (n->maps)
		r = fp_maps_ask(n->maps, host, 1, &w.kernel, e);
	if (r)
		return r;
	w.is_blocked =
		w.mode == fp_mode_name(FP_ENFORCE) && is_blocked(w.kernel);
	*out = w;
	return 0;
}

struct walk {
	struct fp_why *w;
	int64_t now_s;
	int (*each)(void *ctx, const struct fp_merge_item *item);
	void *ctx;
};

static int walk_entry(void *ctx, const struct fp_merge_item *item)
{
	enum fp_kind kind = fp_list_about(item->list)->kind;
	int64_t until_s = item->entry.until_s;
	struct walk *k = ctx;

	if (llabs(until_s - k->now_s) <= ENDING_S)
		k->w->is_ending = true;
	if ((until_s && until_s <= k->now_s - ENDING_S) ||
	    fp_word_is_lift(&item->entry))
		return 0; /* over; the sweep will take it out */
	if ((!until_s || until_s > k->now_s) && kind > k->w->lists_say)
		k->w->lists_say = kind;
	return k->each ? k->each(k->ctx, item) : 0;
}

int fp_why_ask(struct fp_node *n, const struct fp_prefix *host, int64_t now_s,
	       int (*each)(void *ctx, const struct fp_merge_item *item),
	       void *ctx, struct fp_why *out, struct fp_err *e)
{
	struct fp_why w;
	struct walk k = { &w, now_s, each, ctx };
	int r = fp_why_kernel(n, host, &w, e);

	if (r)
		return r;
	if (e)
		e->text[0] = 0;
	r = fp_lists_covering(&n->lists, host, walk_entry, &k);
	if (r == -EBADMSG && e && !e->text[0])
		fp_err(e, r,
		       "a list holds a line that cannot be read (fp-block verify says which)");
	if (r)
		return r;
	w.disagrees = n->maps && w.kernel != w.lists_say && !w.is_ending;
	*out = w;
	return 0;
}
