/* SPDX-License-Identifier: Apache-2.0 */
#include "control/bans.h"

#include "control/stay.h"
#include "io/clock.h"
#include "model/inventory.h"

#define GUARD_MS 1000

int fp_bans_open(struct fp_bans *out, const struct fp_bans_opts *opts,
		 struct fp_err *e)
{
	*out = (struct fp_bans){ .opts = *opts, .guard_ms = -GUARD_MS };
	fp_ban_room_init(&out->room, opts->max_live);
	return fp_copy_open(&out->copy, opts->state_dir, e);
}

void fp_bans_close(struct fp_bans *b)
{
	fp_copy_close(b->copy);
	b->copy = NULL;
	fp_guard_fini(&b->guard);
}

static int add_node(void *ctx, const struct fp_host *h,
		    const struct fp_prefix *p)
{
	return fp_guard_add(ctx, FP_GUARD_NODE, p, h->name);
}

static int read_guard(struct fp_bans *b, struct fp_err *e)
{
	const struct fp_bans_opts *o = &b->opts;
	int64_t now_ms = fp_clock_ms();
	struct fp_guard g = { 0 };
	struct fp_inventory *inv;
	const struct fp_host *host;
	size_t n;
	int r;

	if (now_ms < b->guard_ms + GUARD_MS)
		return 0;
	r = fp_inventory_read(&inv, o->cluster, e);
	if (r == -ENOENT && !o->is_cluster_named)
		return 0;
	if (r)
		return r;
	n = fp_inventory_hosts(inv, &host);
	for (size_t i = 0; i < n && !r; i++)
		r = fp_inventory_addresses(&host[i], add_node, &g);
	fp_inventory_free(inv);
	if (r) {
		fp_guard_fini(&g);
		return fp_err(e, r, "out of memory");
	}
	fp_guard_fini(&b->guard);
	b->guard = g;
	b->guard_ms = now_ms;
	return 0;
}

static int may(void *ctx, const struct fp_prefix *p, struct fp_err *e)
{
	const struct fp_bans *b = ctx;

	return fp_guard_check(&b->guard, p, FP_KIND_BLOCK, NULL, NULL, e);
}

static void on_node(void *ctx, const struct fp_handed *h)
{
	struct fp_bans *b = ctx;

	if (h->is_connected && h->is_ok) {
		b->n_told++;
		return;
	}
	b->n_away++;
	b->said = h->ev.err;
	fp_err_prefix(&b->said, 0, "%s", h->node);
}

/* That some node, or all, do not hear it now is no failure: the copy has it. */
static void hand(struct fp_bans *b, const struct fp_ban_words *w)
{
	struct fp_err e;

	b->n_told = b->n_away = 0;
	b->is_handed = fp_stay_hand(b->opts.state_dir, b->opts.list,
				    FP_KIND_BLOCK, "consume", NULL, w->v, w->n,
				    b->opts.timeout_ms, on_node, b, &e);
}

int fp_bans_apply(struct fp_bans *b, struct fp_ban_said *v, size_t n,
		  int64_t now_ms, uint64_t *changed, struct fp_err *e)
{
	struct fp_ban_place place = { .limits = &b->opts.limits,
				      .room = &b->room,
				      .may = may,
				      .ctx = b };
	struct fp_ban_words words = { 0 };
	const struct fp_lists *lists;
	size_t n_merged = 0;
	int r = read_guard(b, e);

	if (!r)
		r = fp_copy_lists(b->copy, &lists, e);
	if (r)
		return r;
	place.list = fp_lists_get(lists, b->opts.list);
	r = fp_ban_batch(&place, v, n, now_ms, &words, e);
	if (!r && words.n)
		r = fp_copy_merge(b->copy, b->opts.list, FP_KIND_BLOCK, words.v,
				  words.n, b->opts.timeout_ms, &n_merged, e);
	if (!r && words.n)
		hand(b, &words);
	if (!r) {
		b->room.live += words.n_new;
		*changed = n_merged;
	}
	fp_ban_words_fini(&words);
	return r;
}
