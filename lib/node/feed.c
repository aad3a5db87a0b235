/* SPDX-License-Identifier: Apache-2.0 */
#include "node/feed.h"

#include "io/clock.h"
#include "node/facts.h"
#include "node/words.h"

#define GUARD_MS 1000

void fp_feed_init(struct fp_feed *f, const struct fp_feed_opts *opts)
{
	*f = (struct fp_feed){ .opts = *opts, .guard_ms = -GUARD_MS };
	fp_ban_room_init(&f->room, opts->max_live);
}

void fp_feed_fini(struct fp_feed *f)
{
	fp_guard_fini(&f->guard);
}

/* Who must not be banned.  It takes as long as a small batch does, so that in a
 * flood it is not asked for with each. */
static int fp_feed_guard(struct fp_feed *f, struct fp_node *n, struct fp_err *e)
{
	const struct fp_feed_opts *o = &f->opts;
	int64_t now_ms = fp_clock_ms();
	struct fp_guard guard;
	bool is_changed;
	int r;

	if (now_ms < f->guard_ms + GUARD_MS)
		return 0;
	r = fp_facts_cluster_list(n, o->cluster, o->is_cluster_named,
				  &is_changed, e);
	if (!r)
		r = fp_facts_guard(&guard, n, o->cluster, o->is_cluster_named,
				   e);
	if (r)
		return r;
	fp_guard_fini(&f->guard);
	f->guard = guard;
	f->guard_ms = now_ms;
	return 0;
}

struct fp_feed_place {
	const struct fp_guard *guard;
	const struct fp_node *node;
};

static int fp_feed_may(void *ctx, const struct fp_prefix *p, struct fp_err *e)
{
	const struct fp_feed_place *at = ctx;
	int r = fp_guard_check(at->guard, p, FP_KIND_BLOCK, NULL, NULL, e);

	return r ? r : fp_facts_allowed(at->node, p, e);
}

static int fp_feed_run(struct fp_feed *f, struct fp_node *n,
		       struct fp_ban_said *v, size_t n_said, int64_t now_ms,
		       struct fp_words_result *result, struct fp_err *e)
{
	struct fp_feed_place at = { &f->guard, n };
	struct fp_ban_place place = { .limits = &f->opts.limits,
				      .room = &f->room,
				      .may = fp_feed_may,
				      .ctx = &at };
	struct fp_ban_words words = { 0 };
	int r = fp_feed_guard(f, n, e);

	if (r)
		return r;
	place.list = fp_lists_get(&n->lists, f->opts.list);
	r = fp_ban_batch(&place, v, n_said, now_ms, &words, e);
	if (!r && words.n)
		r = fp_node_words(n, f->opts.list, FP_KIND_BLOCK, words.v,
				  words.n, result, e);
	if (!r)
		f->room.live += words.n_new;
	fp_ban_words_fini(&words);
	return r;
}

int fp_feed_apply(struct fp_feed *f, struct fp_ban_said *v, size_t n,
		  int64_t now_ms, uint64_t *changed, struct fp_err *e)
{
	struct fp_words_result result = { 0 };
	struct fp_node_opts opts = f->opts.node;
	struct fp_node node;
	int r;

	opts.access = FP_NODE_WRITE;
	r = fp_node_open(&node, &opts, e);
	if (r)
		return r;
	r = fp_feed_run(f, &node, v, n, now_ms, &result, e);
	if (!r) {
		*changed = result.changed;
		f->is_in_force = fp_node_is_in_force(&node);
	}
	fp_node_close(&node);
	return r;
}
