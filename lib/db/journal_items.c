/* SPDX-License-Identifier: Apache-2.0 */
/* The last word on each item.  fp_db and the copies of controllers each have words
 * that others lack: which is later is said by their epochs, no clock. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "db/journal_priv.h"

#define SLOTS_MIN 64

/* ---- the index */

static size_t slot_of(const struct fp_journal_items *s, const char *item)
{
	size_t mask = s->n_slots - 1;
	size_t i = fp_fnv1a(FP_FNV1A_INIT, item, strlen(item)) & mask;

	while (s->slot[i] &&
	       strcmp(fp_journal_items_item(s, s->slot[i] - 1), item))
		i = (i + 1) & mask;
	return i;
}

static int more_slots(struct fp_journal_items *s)
{
	size_t n = s->n_slots ? s->n_slots * 2 : SLOTS_MIN;
	uint32_t *slot = calloc(n, sizeof(*slot));

	if (!slot)
		return -ENOMEM;
	free(s->slot);
	s->slot = slot;
	s->n_slots = n;
	for (size_t i = 0; i < s->n; i++)
		slot[slot_of(s, fp_journal_items_item(s, i))] = (uint32_t)i + 1;
	return 0;
}

/* ---- words */

static size_t keep(struct fp_buf *text, const char *s)
{
	size_t at = text->len;

	fp_buf_add(text, s, strlen(s) + 1);
	return at;
}

static size_t keep_word(struct fp_journal_items *s, const char *state,
			const char *detail)
{
	size_t at = keep(&s->text, state);

	keep(&s->text, *detail ? detail : "{}");
	return at;
}

static int add(struct fp_journal_items *s, const char *item,
	       struct fp_journal_entry **out)
{
	struct fp_journal_entry *more;
	size_t i;

	if (s->n == s->cap) {
		more = reallocarray(s->v, s->cap * 2 + 16, sizeof(*more));
		if (!more)
			return -ENOMEM;
		s->v = more;
		s->cap = s->cap * 2 + 16;
	}
	if (s->n_slots <= s->n * 2 && more_slots(s))
		return -ENOMEM;
	i = slot_of(s, item);
	if (!s->slot[i]) {
		s->v[s->n] = (struct fp_journal_entry){ .item = keep(&s->text,
								     item) };
		if (s->text.is_failed)
			return -ENOMEM;
		s->slot[i] = (uint32_t)++s->n;
	}
	*out = &s->v[s->slot[i] - 1];
	return 0;
}

static bool is_same_word(const struct fp_journal_items *s, size_t i,
			 const char *state, const char *detail, int64_t at_s)
{
	return s->v[i].at_s == at_s &&
	       !strcmp(fp_journal_items_state(s, i), state) &&
	       !strcmp(fp_journal_items_detail(s, i), *detail ? detail : "{}");
}

int fp_journal_items_put(struct fp_journal_items *s, const char *item,
			 const char *state, const char *detail, int64_t at_s,
			 struct fp_journal_place place, unsigned int in)
{
	struct fp_journal_entry *x;

	if (add(s, item, &x))
		return -ENOMEM;
	if (x->in &&
	    (place.epoch < x->place.epoch ||
	     (place.epoch == x->place.epoch && place.n < x->place.n))) {
		/* what a copy had of fp_db (fp_db may have lost it since) */
		if (x->place.n < 0 &&
		    is_same_word(s, (size_t)(x - s->v), state, detail, at_s))
			x->in |= in;
		return 0;
	}
	if (x->in &&
	    ((place.epoch == x->place.epoch && place.n == x->place.n) ||
	     is_same_word(s, (size_t)(x - s->v), state, detail, at_s))) {
		x->place = place;
		x->in |= in;
		return 0;
	}
	x->word = keep_word(s, state, detail);
	x->at_s = at_s;
	x->place = place;
	x->in = in;
	return s->text.is_failed ? -ENOMEM : 0;
}

const char *fp_journal_items_item(const struct fp_journal_items *s, size_t i)
{
	return s->text.data + s->v[i].item;
}

const char *fp_journal_items_state(const struct fp_journal_items *s, size_t i)
{
	return s->text.data + s->v[i].word;
}

const char *fp_journal_items_detail(const struct fp_journal_items *s, size_t i)
{
	const char *state = fp_journal_items_state(s, i);

	return state + strlen(state) + 1;
}

int fp_journal_items_each(struct fp_journal_items *s, fp_journal_item *each,
			  void *ctx, struct fp_err *e)
{
	struct fp_buf name = { .data = NULL };
	int r = 0;

	for (size_t i = 0; i < s->n && !r; i++) {
		const char *item = fp_journal_items_item(s, i);
		const char *detail = fp_journal_items_detail(s, i);

		name.len = 0;
		fp_buf_add(&name, item, strlen(item) + 1);
		if (name.is_failed) {
			r = fp_err(e, -ENOMEM, "out of memory");
			break;
		}
		fp_jobline_item_decode(name.data);
		r = each(ctx, name.data, fp_journal_items_state(s, i),
			 strcmp(detail, "{}") ? detail : NULL, s->v[i].at_s);
	}
	fp_buf_fini(&name);
	return r;
}

void fp_journal_items_fini(struct fp_journal_items *s)
{
	fp_buf_fini(&s->text);
	free(s->v);
	free(s->slot);
	*s = (struct fp_journal_items){ .v = NULL };
}

/* ---- words for fp_db */

int fp_journal_words_add(struct fp_journal_words *w, const char *item,
			 const char *state, const char *detail, int64_t at_s)
{
	struct fp_journal_word *more;
	size_t at = w->text.len;

	if (w->n == w->cap) {
		more = reallocarray(w->v, w->cap * 2 + 64, sizeof(*more));
		if (!more)
			return -ENOMEM;
		w->v = more;
		w->cap = w->cap * 2 + 64;
	}
	keep(&w->text, item);
	keep(&w->text, state);
	keep(&w->text, *detail ? detail : "{}");
	if (w->text.is_failed) {
		w->text.is_failed = false;
		w->text.len = at;
		return -ENOMEM;
	}
	w->v[w->n++] = (struct fp_journal_word){ at, at_s };
	return 0;
}

int fp_journal_words_before(struct fp_journal_words *a,
			    struct fp_journal_words *b)
{
	for (size_t i = b->first; i < b->n; i++) {
		const char *item = b->text.data + b->v[i].at;
		const char *state = item + strlen(item) + 1;

		if (fp_journal_words_add(a, item, state,
					 state + strlen(state) + 1,
					 b->v[i].at_s))
			return -ENOMEM;
	}
	fp_journal_words_fini(b);
	*b = *a;
	*a = (struct fp_journal_words){ .v = NULL };
	return 0;
}

void fp_journal_words_fini(struct fp_journal_words *w)
{
	fp_buf_fini(&w->text);
	free(w->v);
	*w = (struct fp_journal_words){ .v = NULL };
}
