/* SPDX-License-Identifier: Apache-2.0 */
#include "node/feed.h"

#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "model/words.h"
#include "node/facts.h"
#include "node/words.h"

#define GUARD_MS 1000

const char *fp_feed_action_name(enum fp_feed_action a)
{
	static const char *const names[FP_FEED_ACTIONS] = {
		[FP_FEED_ADDED] = "added",     [FP_FEED_EXTENDED] = "extended",
		[FP_FEED_LIFTED] = "lifted",   [FP_FEED_KEPT] = "kept",
		[FP_FEED_REFUSED] = "refused", [FP_FEED_EXPIRED] = "expired",
	};

	return names[a];
}

void fp_feed_init(struct fp_feed *f, const struct fp_feed_opts *opts)
{
	*f = (struct fp_feed){ .opts = *opts,
			       .live = UINT64_MAX,
			       .guard_ms = -GUARD_MS };
}

void fp_feed_fini(struct fp_feed *f)
{
	fp_guard_fini(&f->guard);
}

/* One apply. */
struct fp_batch {
	struct fp_feed *feed;
	struct fp_node node;
	struct fp_list *list; /* NULL: there is none yet */
	int64_t now_ms;
	struct fp_feed_ban **v; /* those within limits, by prefix, then order */
	size_t n;
	struct fp_entry *word;
	size_t *meta_at; /* of each word, in metas */
	size_t n_words;
	struct fp_buf metas;
	uint64_t n_new;
};

/* ---- may it? */

static int fp_batch_count(struct fp_batch *b, struct fp_err *e)
{
	struct fp_list_iter it;
	struct fp_entry x;
	uint64_t live = 0;
	int r = 0;

	if (b->list) {
		fp_list_seek(b->list, &it, NULL);
		while ((r = fp_list_next(&it, &x, e)) == 1)
			live += fp_word_is_live(&x, b->now_ms / 1000);
	}
	if (r)
		return r;
	b->feed->live = live;
	b->feed->counted_s = b->now_ms / 1000;
	return 0;
}

/* Bans end by themselves, so that the count is an old one until it matters. */
static int fp_batch_room(struct fp_batch *b, size_t more, struct fp_err *e)
{
	struct fp_feed *f = b->feed;
	uint64_t max = f->opts.max_live;

	if (f->live <= max && max - f->live >= more)
		return 0;
	if (f->live != UINT64_MAX && f->counted_s == b->now_ms / 1000)
		return 0;
	return fp_batch_count(b, e);
}

static int fp_refused(struct fp_feed_ban *x, int r)
{
	if (r == -EPERM)
		x->action = FP_FEED_REFUSED;
	else if (r == -ETIME)
		x->action = FP_FEED_EXPIRED;
	else
		return r;
	return 0;
}

/* Is it within limits and rules?  1: yes.  0: x says what became of it. */
static int fp_batch_judge(struct fp_batch *b, struct fp_feed_ban *x,
			  struct fp_err *e)
{
	int r = fp_ban_limit(&x->ban, &b->feed->opts.limits, x->said,
			     x->said_ms, b->now_ms, &x->note);

	if (!r && !x->ban.is_del)
		r = fp_guard_check(&b->feed->guard, &x->ban.p, FP_KIND_BLOCK,
				   NULL, NULL, &x->note);
	if (!r && !x->ban.is_del)
		r = fp_facts_allowed(&b->node, &x->ban.p, &x->note);
	if (!r)
		return 1;
	r = fp_refused(x, r);
	if (r)
		*e = x->note;
	return r;
}

static void fp_set_by(struct fp_feed_ban *x)
{
	size_t n = strlen(FP_BAN_BY);

	memcpy(x->by, FP_BAN_BY, n);
	if (*x->said->by)
		strcpy(x->by + n, x->said->by);
	else
		fp_event_text(x->by + n, sizeof(x->by) - n, x->from,
			      strlen(x->from));
}

static int fp_by_prefix(const void *a, const void *b)
{
	const struct fp_feed_ban *x = *(struct fp_feed_ban *const *)a;
	const struct fp_feed_ban *y = *(struct fp_feed_ban *const *)b;
	int order = fp_prefix_cmp(&x->ban.p, &y->ban.p);

	return order ? order : (x > y) - (x < y); /* of one array */
}

static int fp_batch_judge_all(struct fp_batch *b, struct fp_feed_ban *v,
			      size_t n, struct fp_err *e)
{
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		v[i].note = (struct fp_err){ .text = "" };
		fp_set_by(&v[i]);
		r = fp_batch_judge(b, &v[i], e);
		if (r < 0)
			return r;
		if (r)
			b->v[b->n++] = &v[i];
	}
	qsort(b->v, b->n, sizeof(*b->v), fp_by_prefix);
	return 0;
}

/* ---- what it changes */

static bool fp_batch_is_full(const struct fp_batch *b)
{
	return b->n_new >= b->feed->opts.max_live ||
	       b->feed->live >= b->feed->opts.max_live - b->n_new;
}

/* Join x to the word that stands for its prefix, which becomes the joined one.
 * true: that is a change. */
static bool fp_batch_join(struct fp_batch *b, struct fp_feed_ban *x,
			  struct fp_ban_word *now)
{
	static const enum fp_feed_action actions[] = {
		[FP_BAN_NEW] = FP_FEED_ADDED,
		[FP_BAN_LONGER] = FP_FEED_EXTENDED,
		[FP_BAN_LIFT] = FP_FEED_LIFTED,
		[FP_BAN_KEEP] = FP_FEED_KEPT,
		[FP_BAN_THEIRS] = FP_FEED_KEPT,
	};
	enum fp_ban_step step = fp_ban_join(&x->ban, now, b->now_ms / 1000);
	char text[FP_PREFIX_STRLEN];

	x->action = actions[step];
	fp_prefix_print(&x->ban.p, text);
	if (step == FP_BAN_THEIRS)
		fp_err(&x->note, -EEXIST,
		       "%s: banned by somebody else, which stays", text);
	if (step == FP_BAN_NEW && fp_batch_is_full(b)) {
		x->action = FP_FEED_REFUSED;
		fp_refuse(&x->note, "max-bans",
			  "%s: %llu bans of feeds are in force", text,
			  (unsigned long long)b->feed->opts.max_live);
	}
	if (x->action > FP_FEED_LIFTED)
		return false;
	b->n_new += step == FP_BAN_NEW;
	*now = (struct fp_ban_word){ true, true, x->ban.at_ms, x->ban.until_s };
	return true;
}

static int fp_batch_word(struct fp_batch *b, const struct fp_feed_ban *x,
			 struct fp_err *e)
{
	const char *why = *x->said->why ? x->said->why : NULL;

	b->meta_at[b->n_words] = b->metas.len;
	return fp_word_make(&b->metas, &b->word[b->n_words++], &x->ban.p,
			    x->ban.until_s, x->ban.at_ms, why, x->by, e);
}

/* Bans of one prefix, in their order, make one word: the last that changed it. */
static int fp_batch_words(struct fp_batch *b, struct fp_err *e)
{
	size_t i = 0;
	int r = 0;

	while (i < b->n && !r) {
		const struct fp_prefix *p = &b->v[i]->ban.p;
		const struct fp_feed_ban *last = NULL;
		struct fp_ban_word now;
		struct fp_entry old;

		now = fp_ban_word(b->list && fp_list_find(b->list, p, &old)
					  ? &old
					  : NULL);
		for (; i < b->n && !fp_prefix_cmp(&b->v[i]->ban.p, p); i++)
			if (fp_batch_join(b, b->v[i], &now))
				last = b->v[i];
		if (last)
			r = fp_batch_word(b, last, e);
	}
	for (i = 0; i < b->n_words; i++)
		b->word[i].meta = b->metas.data + b->meta_at[i];
	return r;
}

/* ---- all of it */

/* Who must not be banned.  It takes as long as a small batch does, so that in a
 * flood it is not asked for with each. */
static int fp_batch_guard(struct fp_batch *b, struct fp_err *e)
{
	struct fp_feed *f = b->feed;
	const struct fp_feed_opts *o = &f->opts;
	int64_t now_ms = fp_clock_ms();
	struct fp_guard guard;
	bool is_changed;
	int r;

	if (now_ms < f->guard_ms + GUARD_MS)
		return 0;
	r = fp_facts_cluster_list(&b->node, o->cluster, o->is_cluster_named,
				  &is_changed, e);
	if (!r)
		r = fp_facts_guard(&guard, &b->node, o->cluster,
				   o->is_cluster_named, e);
	if (r)
		return r;
	fp_guard_fini(&f->guard);
	f->guard = guard;
	f->guard_ms = now_ms;
	return 0;
}

static int fp_batch_open(struct fp_batch *b, size_t n, struct fp_err *e)
{
	struct fp_node_opts opts = b->feed->opts.node;
	int r;

	opts.access = FP_NODE_WRITE;
	r = fp_node_open(&b->node, &opts, e);
	if (r)
		return r;
	b->v = calloc(n + 1, sizeof(struct fp_feed_ban *));
	b->word = calloc(n + 1, sizeof(*b->word));
	b->meta_at = calloc(n + 1, sizeof(*b->meta_at));
	if (!b->v || !b->word || !b->meta_at)
		return fp_err(e, -ENOMEM, "out of memory");
	r = fp_batch_guard(b, e);
	b->list = fp_lists_get(&b->node.lists, b->feed->opts.list);
	return r;
}

static int fp_batch_run(struct fp_batch *b, struct fp_feed_ban *v, size_t n,
			struct fp_words_result *result, struct fp_err *e)
{
	struct fp_feed *f = b->feed;
	int r = fp_batch_open(b, n, e);

	if (!r)
		r = fp_batch_judge_all(b, v, n, e);
	if (!r)
		r = fp_batch_room(b, b->n, e);
	if (!r)
		r = fp_batch_words(b, e);
	if (!r && b->n_words)
		r = fp_node_words(&b->node, f->opts.list, FP_KIND_BLOCK,
				  b->word, b->n_words, result, e);
	if (r)
		return r;
	f->live += b->n_new;
	f->is_in_force = fp_node_is_in_force(&b->node);
	return 0;
}

int fp_feed_apply(struct fp_feed *f, struct fp_feed_ban *v, size_t n,
		  int64_t now_ms, uint64_t *changed, struct fp_err *e)
{
	struct fp_batch b = { .feed = f,
			      .node.lists_fd = -1,
			      .now_ms = now_ms };
	struct fp_words_result result = { 0 };
	int r = fp_batch_run(&b, v, n, &result, e);

	if (!r)
		*changed = result.changed;
	fp_node_close(&b.node);
	fp_buf_fini(&b.metas);
	free(b.v);
	free(b.word);
	free(b.meta_at);
	return r;
}
