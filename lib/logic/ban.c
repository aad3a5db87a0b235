/* SPDX-License-Identifier: Apache-2.0 */
#include "logic/ban.h"

#include <string.h>

#include "model/words.h"

#define V6_LEN 64

static int limit_prefix(struct fp_ban *out, const struct fp_prefix *p,
			struct fp_err *e)
{
	char text[FP_PREFIX_STRLEN];

	out->p = *p;
	if (!fp_prefix_is_v4(p) && p->len > V6_LEN)
		out->p = fp_prefix_cut(p, V6_LEN);
	if (fp_prefix_is_v4(p) ? p->len == 128 : p->len >= V6_LEN)
		return 0;
	fp_prefix_print(p, text);
	return fp_refuse(e, "host",
			 "%s: feeds ban single addresses (IPv6: a /64)", text);
}

static void limit_until(struct fp_ban *out, const struct fp_ban_limits *l,
			const struct fp_event_ban *said)
{
	int64_t at_s = out->at_ms / 1000;
	int64_t max_s = at_s + l->max_ttl_s;

	out->until_s = said->until_s
			       ? said->until_s
			       : at_s + (said->for_s ? said->for_s : l->ttl_s);
	if (out->until_s > max_s)
		out->until_s = max_s;
}

int fp_ban_limit(struct fp_ban *out, const struct fp_ban_limits *l,
		 const struct fp_event_ban *said, int64_t said_ms,
		 int64_t now_ms, struct fp_err *e)
{
	char text[FP_PREFIX_STRLEN];
	struct fp_ban b = { .is_del = said->is_del };
	int r = limit_prefix(&b, &said->p, e);

	if (r)
		return r;
	fp_prefix_print(&b.p, text);
	b.at_ms = said_ms > 0 && said_ms < now_ms ? said_ms : now_ms;
	if (b.is_del) {
		if (!l->is_del_ok)
			return fp_refuse(e, "del",
					 "%s: feeds may not lift bans here",
					 text);
		b.until_s = b.at_ms / 1000;
	} else {
		limit_until(&b, l, said);
		if (b.until_s <= now_ms / 1000)
			return fp_err(e, -ETIME, "%s: its ban has ended", text);
	}
	*out = b;
	return 0;
}

struct fp_ban_word fp_ban_word(const struct fp_entry *x)
{
	struct fp_ban_word w = { .is_there = x };
	char by[sizeof(FP_BAN_BY)];

	if (!x)
		return w;
	w.at_ms = fp_word_at_ms(x);
	w.until_s = x->until_s;
	w.is_feed =
		fp_entry_get(x, "by", by, sizeof(by)) && !strcmp(by, FP_BAN_BY);
	return w;
}

/* Said after old?  Of the same second: the one that came later was. */
static bool is_later(struct fp_ban *b, const struct fp_ban_word *old)
{
	if (b->at_ms <= old->at_ms && b->at_ms / 1000 == old->at_ms / 1000)
		b->at_ms = old->at_ms + 1;
	return b->at_ms > old->at_ms;
}

enum fp_ban_step fp_ban_join(struct fp_ban *b, const struct fp_ban_word *old,
			     int64_t now_s)
{
	bool is_live = old->is_there && (!old->until_s || old->until_s > now_s);
	int64_t said_ms = b->at_ms;

	if (!is_live && b->is_del)
		return FP_BAN_KEEP;
	if (!is_live)
		return !old->is_there || is_later(b, old) ? FP_BAN_NEW
							  : FP_BAN_KEEP;
	if (!old->is_feed)
		return FP_BAN_THEIRS;
	if (b->is_del) {
		if (!is_later(b, old))
			return FP_BAN_KEEP;
		b->until_s = b->at_ms / 1000;
		return FP_BAN_LIFT;
	}
	if (b->until_s < old->until_s)
		b->until_s = old->until_s;
	if (b->at_ms < old->at_ms)
		b->at_ms = old->at_ms;
	return b->until_s > old->until_s || said_ms > old->at_ms ? FP_BAN_LONGER
								 : FP_BAN_KEEP;
}

void fp_ban_rate_init(struct fp_ban_rate *r, int64_t per_s, int64_t now_ms)
{
	*r = (struct fp_ban_rate){ .per_s = per_s,
				   .left = per_s * 1000,
				   .at_ms = now_ms };
}

int64_t fp_ban_rate_wait_ms(struct fp_ban_rate *r, int64_t now_ms)
{
	int64_t full = r->per_s * 1000, past_ms = now_ms - r->at_ms;

	if (past_ms > 0) {
		r->at_ms = now_ms;
		/* a thousandth a ms for each a second */
		if (past_ms > (full - r->left) / r->per_s)
			r->left = full;
		else
			r->left += past_ms * r->per_s;
	}
	return r->left > 0 ? 0 : -r->left / r->per_s + 1;
}

uint64_t fp_ban_rate_left(const struct fp_ban_rate *r)
{
	return r->left > 0 ? ((uint64_t)r->left + 999) / 1000 : 0;
}

void fp_ban_rate_take(struct fp_ban_rate *r, uint64_t n)
{
	r->left -= (int64_t)n * 1000;
}
