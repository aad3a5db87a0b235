/* SPDX-License-Identifier: Apache-2.0 */
#include "logic/ban_batch.h"

#include <stdlib.h>
#include <string.h>

#include "model/words.h"

const char *fp_ban_action_name(enum fp_ban_action a)
{
	static const char *const names[FP_BAN_ACTIONS] = {
		[FP_BAN_ADDED] = "added",     [FP_BAN_EXTENDED] = "extended",
		[FP_BAN_LIFTED] = "lifted",   [FP_BAN_KEPT] = "kept",
		[FP_BAN_REFUSED] = "refused", [FP_BAN_EXPIRED] = "expired",
	};

	return names[a];
}

void fp_ban_room_init(struct fp_ban_room *r, uint64_t max)
{
	*r = (struct fp_ban_room){ .max = max, .live = UINT64_MAX };
}

void fp_ban_words_fini(struct fp_ban_words *w)
{
	free(w->v);
	fp_buf_fini(&w->metas);
	*w = (struct fp_ban_words){ 0 };
}

struct batch {
	const struct fp_ban_place *place;
	int64_t now_ms;
	struct fp_ban_said **v; /* those within limits, by prefix, then order */
	size_t n;
	struct fp_ban_words *out;
	size_t *meta_at; /* of each word, in its metas */
};

/* ---- may it? */

static void set_by(struct fp_ban_said *x)
{
	size_t n = strlen(FP_BAN_BY);

	memcpy(x->by, FP_BAN_BY, n);
	if (*x->said->by)
		strcpy(x->by + n, x->said->by);
	else
		fp_event_text(x->by + n, sizeof(x->by) - n, x->from,
			      strlen(x->from));
}

/* 1: it may.  0: x says why not. */
static int judge(const struct batch *b, struct fp_ban_said *x, struct fp_err *e)
{
	const struct fp_ban_place *p = b->place;
	int r;

	x->note = (struct fp_err){ .text = "" };
	set_by(x);
	r = fp_ban_limit(&x->ban, p->limits, x->said, x->said_ms, b->now_ms,
			 &x->note);
	if (!r && !x->ban.is_del)
		r = p->may(p->ctx, &x->ban.p, &x->note);
	if (!r)
		return 1;
	x->action = r == -ETIME ? FP_BAN_EXPIRED : FP_BAN_REFUSED;
	if (r == -EPERM || r == -ETIME)
		return 0;
	return fp_err(e, r, "%s", x->note.text);
}

static int by_prefix(const void *a, const void *b)
{
	const struct fp_ban_said *x = *(struct fp_ban_said *const *)a;
	const struct fp_ban_said *y = *(struct fp_ban_said *const *)b;
	int order = fp_prefix_cmp(&x->ban.p, &y->ban.p);

	return order ? order : (x > y) - (x < y); /* of one array */
}

static int judge_all(struct batch *b, struct fp_ban_said *v, size_t n,
		     struct fp_err *e)
{
	for (size_t i = 0; i < n; i++) {
		int r = judge(b, &v[i], e);

		if (r < 0)
			return r;
		if (r)
			b->v[b->n++] = &v[i];
	}
	qsort(b->v, b->n, sizeof(*b->v), by_prefix);
	return 0;
}

/* ---- how many are there? */

static int count(const struct batch *b, struct fp_err *e)
{
	const struct fp_list *l = b->place->list;
	struct fp_ban_room *room = b->place->room;
	struct fp_list_iter it;
	struct fp_entry x;
	uint64_t live = 0;
	int r = 0;

	if (l) {
		fp_list_seek(l, &it, NULL);
		while ((r = fp_list_next(&it, &x, e)) == 1)
			live += fp_word_is_live(&x, b->now_ms / 1000);
	}
	if (r)
		return r;
	room->live = live;
	room->counted_s = b->now_ms / 1000;
	return 0;
}

/* Bans end by themselves, so that the count is an old one until it matters. */
static int count_if_due(const struct batch *b, struct fp_err *e)
{
	const struct fp_ban_room *room = b->place->room;
	bool is_known = room->live != UINT64_MAX;

	if (room->live <= room->max && room->max - room->live >= b->n)
		return 0;
	if (is_known && room->counted_s == b->now_ms / 1000)
		return 0;
	return count(b, e);
}

static bool is_full(const struct batch *b)
{
	const struct fp_ban_room *room = b->place->room;

	return b->out->n_new >= room->max ||
	       room->live >= room->max - b->out->n_new;
}

/* ---- what it changes */

/* Join x to the word that stands for its prefix, which becomes the joined one.
 * true: that is a change. */
static bool join(struct batch *b, struct fp_ban_said *x,
		 struct fp_ban_word *now)
{
	static const enum fp_ban_action actions[] = {
		[FP_BAN_NEW] = FP_BAN_ADDED,
		[FP_BAN_LONGER] = FP_BAN_EXTENDED,
		[FP_BAN_LIFT] = FP_BAN_LIFTED,
		[FP_BAN_KEEP] = FP_BAN_KEPT,
		[FP_BAN_THEIRS] = FP_BAN_KEPT,
	};
	enum fp_ban_step step = fp_ban_join(&x->ban, now, b->now_ms / 1000);
	char text[FP_PREFIX_STRLEN];

	x->action = actions[step];
	fp_prefix_print(&x->ban.p, text);
	if (step == FP_BAN_THEIRS)
		fp_err(&x->note, -EEXIST,
		       "%s: banned by somebody else, which stays", text);
	if (step == FP_BAN_NEW && is_full(b)) {
		x->action = FP_BAN_REFUSED;
		fp_refuse(&x->note, "max-bans",
			  "%s: %llu bans of feeds are in force", text,
			  (unsigned long long)b->place->room->max);
	}
	if (x->action > FP_BAN_LIFTED)
		return false;
	b->out->n_new += step == FP_BAN_NEW;
	*now = (struct fp_ban_word){ true, true, x->ban.at_ms, x->ban.until_s };
	return true;
}

static int word(struct batch *b, const struct fp_ban_said *x, struct fp_err *e)
{
	const char *why = *x->said->why ? x->said->why : NULL;
	struct fp_ban_words *w = b->out;

	b->meta_at[w->n] = w->metas.len;
	return fp_word_make(&w->metas, &w->v[w->n++], &x->ban.p, x->ban.until_s,
			    x->ban.at_ms, why, x->by, e);
}

/* Bans of one prefix, in their order, make one word: the last that changed it. */
static int words(struct batch *b, struct fp_err *e)
{
	const struct fp_list *l = b->place->list;
	size_t i = 0;
	int r = 0;

	while (i < b->n && !r) {
		const struct fp_prefix *p = &b->v[i]->ban.p;
		const struct fp_ban_said *last = NULL;
		struct fp_ban_word now;
		struct fp_entry old;

		now = fp_ban_word(l && fp_list_find(l, p, &old) ? &old : NULL);
		for (; i < b->n && !fp_prefix_cmp(&b->v[i]->ban.p, p); i++)
			if (join(b, b->v[i], &now))
				last = b->v[i];
		if (last)
			r = word(b, last, e);
	}
	/* the buffer may have moved */
	for (i = 0; i < b->out->n; i++)
		b->out->v[i].meta = b->out->metas.data + b->meta_at[i];
	return r;
}

int fp_ban_batch(const struct fp_ban_place *place, struct fp_ban_said *v,
		 size_t n, int64_t now_ms, struct fp_ban_words *out,
		 struct fp_err *e)
{
	struct batch b = { .place = place, .now_ms = now_ms, .out = out };
	int r;

	b.v = calloc(n + 1, sizeof(struct fp_ban_said *));
	b.meta_at = calloc(n + 1, sizeof(*b.meta_at));
	out->v = calloc(n + 1, sizeof(*out->v));
	r = b.v && b.meta_at && out->v ? 0
				       : fp_err(e, -ENOMEM, "out of memory");
	if (!r)
		r = judge_all(&b, v, n, e);
	if (!r)
		r = count_if_due(&b, e);
	if (!r)
		r = words(&b, e);
	free(b.v);
	free(b.meta_at);
	return r;
}
