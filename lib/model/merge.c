/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "model/list_disk.h"

/* One list of a merge, at its next entry. */
struct source {
	struct fp_list_iter it;
	struct fp_entry x;
	size_t rank; /* of the list among equals */
};

struct fp_merge {
	struct fp_prefix within;
	bool has_within;
	size_t n;             /* sources left */
	struct source **heap; /* of them; the first is the next one */
	struct source v[];
};

static bool is_before(const struct source *a, const struct source *b)
{
	int c = fp_prefix_cmp(&a->x.p, &b->x.p);

	return c < 0 || (!c && a->rank < b->rank);
}

static void sift_down(struct fp_merge *m, size_t i)
{
	struct source *s = m->heap[i];

	for (;;) {
		size_t kid = 2 * i + 1;

		if (kid + 1 < m->n && is_before(m->heap[kid + 1], m->heap[kid]))
			kid++;
		if (kid >= m->n || !is_before(m->heap[kid], s))
			break;
		m->heap[i] = m->heap[kid];
		i = kid;
	}
	m->heap[i] = s;
}

/* Read the next entry of s.  1; 0: it has no more; -EBADMSG. */
static int advance(const struct fp_merge *m, struct source *s, struct fp_err *e)
{
	int r = fp_list_next(&s->it, &s->x, e);

	if (r > 0 && m->has_within && !fp_prefix_contains(&m->within, &s->x.p))
		return 0;
	return r;
}

static int start(struct fp_merge *m, const struct fp_lists *ls,
		 struct fp_err *e)
{
	int r;

	for (size_t i = 0; i < ls->n; i++) {
		struct source *s = &m->v[i];

		s->rank = i;
		fp_list_seek(ls->v[i], &s->it,
			     m->has_within ? &m->within : NULL);
		r = advance(m, s, e);
		if (r < 0)
			return r;
		if (r)
			m->heap[m->n++] = s;
	}
	for (size_t i = m->n / 2; i-- > 0;)
		sift_down(m, i);
	return 0;
}

int fp_merge_open(struct fp_merge **out, const struct fp_lists *ls,
		  const struct fp_prefix *within, struct fp_err *e)
{
	struct fp_merge *m;
	int r;

	m = calloc(1, sizeof(*m) + ls->n * sizeof(*m->v));
	if (m)
		m->heap = calloc(ls->n + 1, sizeof(struct source *));
	if (m && within) {
		m->has_within = true;
		m->within = *within;
	}
	r = m && m->heap ? start(m, ls, e)
			 : fp_err(e, -ENOMEM, "out of memory");
	if (r)
		fp_merge_close(m);
	else
		*out = m;
	return r;
}

int fp_merge_next(struct fp_merge *m, struct fp_merge_item *out,
		  struct fp_err *e)
{
	struct source *s;
	int r;

	if (!m->n)
		return 0;
	s = m->heap[0];
	out->entry = s->x;
	out->list = s->it.list;
	r = advance(m, s, e);
	if (r < 0)
		return r;
	if (!r)
		m->heap[0] = m->heap[--m->n];
	if (m->n)
		sift_down(m, 0);
	return 1;
}

void fp_merge_close(struct fp_merge *m)
{
	if (m)
		free(m->heap);
	free(m);
}

/* ---- what covers a prefix */

/* How many leading bits a and b share. */
static unsigned int common_bits(const struct fp_prefix *a,
				const struct fp_prefix *b)
{
	if (a->hi != b->hi)
		return (unsigned int)__builtin_clzll(a->hi ^ b->hi);
	if (a->lo != b->lo)
		return 64 + (unsigned int)__builtin_clzll(a->lo ^ b->lo);
	return 128;
}

/* Let q be the last entry <= p.  Whatever covers p begins at or before q, and
 * ends after p, so it holds q's address too: it is no longer than the bits that
 * p and q share.  So the next search is for p cut to that, and there are few of
 * them, however many lengths there could be. */
int fp_list_covering(const struct fp_list *l, const struct fp_prefix *p,
		     int (*each)(void *ctx, const struct fp_merge_item *item),
		     void *ctx)
{
	bool is_v4 = fp_prefix_is_v4(p);
	unsigned int least = is_v4 ? 96 : 0, len = p->len;
	struct fp_merge_item item = { .list = l };
	int r;

	for (;;) {
		struct fp_prefix cut = fp_prefix_cut(p, len);

		r = fp_list_before(l, &cut, &item.entry);
		if (r <= 0 || fp_prefix_is_v4(&item.entry.p) != is_v4)
			return r < 0 ? r : 0;
		if (fp_prefix_contains(&item.entry.p, &cut)) {
			r = item.entry.until_s == FP_UNTIL_DELETED
				    ? 0
				    : each(ctx, &item);
			if (r || item.entry.p.len == least)
				return r;
			len = item.entry.p.len - 1u;
			continue;
		}
		len = common_bits(&item.entry.p, &cut);
		if (len < least)
			return 0;
	}
}

int fp_lists_covering(const struct fp_lists *ls, const struct fp_prefix *p,
		      int (*each)(void *ctx, const struct fp_merge_item *item),
		      void *ctx)
{
	for (size_t i = 0; i < ls->n; i++) {
		int r = fp_list_covering(ls->v[i], p, each, ctx);

		if (r)
			return r;
	}
	return 0;
}
