/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "io/timer.h"

static void place(struct fp_timers *h, uint32_t slot, struct fp_timer *t)
{
	h->list[slot] = t;
	t->slot = slot;
}

/* Move t from slot to where it belongs, up or down. */
static void sift(struct fp_timers *h, uint32_t slot, struct fp_timer *t)
{
	while (slot) {
		uint32_t up = (slot - 1) / 2;

		if (h->list[up]->at_ms <= t->at_ms)
			break;
		place(h, slot, h->list[up]);
		slot = up;
	}
	for (;;) {
		uint32_t down = slot * 2 + 1;

		if (down + 1 < h->n &&
		    h->list[down + 1]->at_ms < h->list[down]->at_ms)
			down++;
		if (down >= h->n || h->list[down]->at_ms >= t->at_ms)
			break;
		place(h, slot, h->list[down]);
		slot = down;
	}
	place(h, slot, t);
}

static int grow(struct fp_timers *h)
{
	uint32_t cap = h->cap ? h->cap * 2 : 16;
	struct fp_timer **list;

	if (h->n < h->cap)
		return 0;
	list = reallocarray(h->list, cap, sizeof(struct fp_timer *));
	if (!list)
		return -ENOMEM;
	h->list = list;
	h->cap = cap;
	return 0;
}

int fp_timers_put(struct fp_timers *h, struct fp_timer *t, int64_t at_ms)
{
	bool is_in = t->at_ms;

	if (!is_in && grow(h))
		return -ENOMEM;
	if (!is_in)
		t->slot = h->n++;
	t->at_ms = at_ms > 0 ? at_ms : 1; /* 0 says: not armed */
	sift(h, t->slot, t);
	return 0;
}

void fp_timers_take(struct fp_timers *h, struct fp_timer *t)
{
	struct fp_timer *last;

	if (!t->at_ms)
		return;
	t->at_ms = 0;
	last = h->list[--h->n];
	if (last != t)
		sift(h, t->slot, last);
}

void fp_timers_fini(struct fp_timers *h)
{
	for (uint32_t i = 0; i < h->n; i++)
		h->list[i]->at_ms = 0;
	free(h->list);
	*h = (struct fp_timers){ 0 };
}
