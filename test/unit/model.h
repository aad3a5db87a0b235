/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_TEST_MODEL_H
#define FP_TEST_MODEL_H

/* Random lists, random changes, and a naive reference that knows nothing of
 * tables: the unit test holds plain memory against it, test/prog/kernel_model
 * the kernel. */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/clock.h"
#include "model/list.h"
#include "model/tables.h"

#define MODEL_LISTS 7
#define MODEL_MAX 6000

struct model_entry {
	struct fp_prefix p;
	int64_t until_s;
};

struct model_list {
	char name[32];
	enum fp_kind kind;
	enum fp_owner owner;
	struct model_entry v[MODEL_MAX];
	size_t n;
	bool is_there;
};

struct model {
	struct model_list list[MODEL_LISTS];
	uint64_t seed;
	int dir_fd;
};

static inline uint32_t model_rand(struct model *m)
{
	m->seed ^= m->seed << 13;
	m->seed ^= m->seed >> 7;
	m->seed ^= m->seed << 17;
	return (uint32_t)(m->seed >> 24);
}

/* Few networks, so that entries nest and collide. */
static inline struct fp_prefix model_address(struct model *m)
{
	struct fp_prefix p = { .len = 128 };
	uint32_t r = model_rand(m);

	if (r % 4) {
		uint32_t a = 0x0a000000 | (model_rand(m) & 3) << 16 |
			     (model_rand(m) & 7) << 8 |
			     (model_rand(m) & (r & 64 ? 255 : 15));

		if (r % 64 == 1)
			a = model_rand(m);
		p.lo = 0xffff00000000ull | a;
		return p;
	}
	p.hi = 0x20010db800000000ull | (uint64_t)(model_rand(m) & 3) << 28 |
	       (uint64_t)(model_rand(m) & 3) << 16 | (model_rand(m) & 3);
	p.lo = (uint64_t)(model_rand(m) & 3) << 40 | (model_rand(m) & 7);
	return p;
}

static inline struct fp_prefix model_prefix(struct model *m)
{
	struct fp_prefix p = model_address(m);
	uint32_t r = model_rand(m) % 100;

	if (fp_prefix_is_v4(&p))
		return fp_prefix_cut(&p, r < 50   ? 128
					 : r < 75 ? 120 + r % 8
					 : r < 97 ? 112 + r % 8
						  : 104 + r % 8);
	return fp_prefix_cut(&p, r < 30   ? 128
				 : r < 60 ? 64
				 : r < 80 ? 48
				 : r < 97 ? 40 + r % 80
					  : 20 + r % 20);
}

static inline struct model_entry *model_find(struct model_list *l,
					     const struct fp_prefix *p)
{
	for (size_t i = 0; i < l->n; i++)
		if (!fp_prefix_cmp(&l->v[i].p, p))
			return &l->v[i];
	return NULL;
}

static inline void model_put(struct model_list *l, const struct fp_prefix *p,
			     int64_t until_s)
{
	struct model_entry *x = model_find(l, p);

	if (!x) {
		if (l->n == MODEL_MAX)
			return;
		x = &l->v[l->n++];
	}
	*x = (struct model_entry){ *p, until_s };
}

static inline void model_del(struct model_list *l, const struct fp_prefix *p)
{
	struct model_entry *x = model_find(l, p);

	if (x)
		*x = l->v[--l->n];
}

/* What an address's verdict must be. */
static inline enum fp_kind model_verdict(const struct model *m,
					 const struct fp_prefix *addr,
					 int64_t now_s)
{
	enum fp_kind best = FP_KIND_NONE;

	for (int i = 0; i < MODEL_LISTS; i++) {
		const struct model_list *l = &m->list[i];

		if (!l->is_there || l->kind <= best)
			continue;
		for (size_t j = 0; j < l->n; j++)
			if ((!l->v[j].until_s || l->v[j].until_s > now_s) &&
			    fp_prefix_contains(&l->v[j].p, addr)) {
				best = l->kind;
				break;
			}
	}
	return best;
}

static inline int64_t model_until(struct model *m, enum fp_owner owner)
{
	uint32_t r = model_rand(m);

	if (owner == FP_OWNER_DYNAMIC ? r % 4 == 0 : r % 4 != 0)
		return 0;
	/* far from now, whatever the seconds do between two clocks */
	return fp_clock_unix_s() + 60 + (int64_t)(model_rand(m) % 40) * 60;
}

static inline int model_cmp(const void *a, const void *b)
{
	return fp_prefix_cmp(&((const struct model_entry *)a)->p,
			     &((const struct model_entry *)b)->p);
}

struct model_walk {
	struct model_list *l;
	size_t i;
};

static inline int model_next(void *ctx, struct fp_entry *out, struct fp_err *e)
{
	struct model_walk *w = ctx;

	(void)e;
	if (w->i == w->l->n)
		return 0;
	*out = (struct fp_entry){ .p = w->l->v[w->i].p,
				  .until_s = w->l->v[w->i].until_s };
	w->i++;
	return 1;
}

static inline int model_write(struct model *m, struct model_list *l,
			      struct fp_err *e)
{
	struct fp_list_head h = { .kind = l->kind,
				  .owner = l->owner,
				  .gen = 1 };
	struct model_walk w = { l, 0 };

	strcpy(h.name, l->name);
	qsort(l->v, l->n, sizeof(*l->v), model_cmp);
	l->is_there = true;
	return fp_list_write(m->dir_fd, &h, model_next, &w, e);
}

static inline void model_init(struct model *m, int dir_fd, uint64_t seed)
{
	static const struct {
		enum fp_kind k;
		enum fp_owner o;
	} what[] = {
		{ FP_KIND_BLOCK, FP_OWNER_PUSHED },
		{ FP_KIND_BLOCK, FP_OWNER_PUSHED },
		{ FP_KIND_BLOCK, FP_OWNER_DYNAMIC },
		{ FP_KIND_BLOCK, FP_OWNER_LOCAL },
		{ FP_KIND_ALLOW, FP_OWNER_PUSHED },
		{ FP_KIND_ALLOW, FP_OWNER_DYNAMIC },
		{ FP_KIND_FENCE, FP_OWNER_LOCAL },
	};

	memset(m, 0, sizeof(*m));
	m->seed = seed * 0x9e3779b97f4a7c15ull + 1;
	m->dir_fd = dir_fd;
	for (int i = 0; i < MODEL_LISTS; i++) {
		snprintf(m->list[i].name, sizeof(m->list[i].name), "l%d", i);
		m->list[i].kind = what[i].k;
		m->list[i].owner = what[i].o;
	}
}

/* New random content for a list. */
static inline int model_load(struct model *m, struct model_list *l, size_t n,
			     struct fp_err *e)
{
	l->n = 0;
	if (l->kind == FP_KIND_FENCE)
		n = n / 50;
	if (l->kind == FP_KIND_ALLOW)
		n = n / 5;
	for (size_t i = 0; i < n; i++) {
		struct fp_prefix p = model_prefix(m);

		model_put(l, &p, model_until(m, l->owner));
	}
	return model_write(m, l, e);
}

/* One random add or delete, in the file too; *p: what it was about. */
static inline int model_change(struct model *m, struct model_list *l,
			       struct fp_prefix *p, struct fp_err *e)
{
	struct fp_change c = { .is_del = model_rand(m) % 2 };

	*p = l->n && model_rand(m) % 2 ? l->v[model_rand(m) % l->n].p
				       : model_prefix(m);
	c.entry.p = *p;
	if (c.is_del) {
		model_del(l, p);
	} else {
		c.entry.until_s = model_until(m, l->owner);
		model_put(l, p, c.entry.until_s);
	}
	return fp_list_append(m->dir_fd, l->name, &c, 1, e);
}

#endif
