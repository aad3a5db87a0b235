/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "model/list_collect.h"

#define DETAIL_BITS 26
#define DETAIL_MASK ((1u << DETAIL_BITS) - 1)

/* Make room for one more of size bytes at the end of *v. */
static bool grow(void *v, size_t n, size_t *cap, size_t size)
{
	size_t want = *cap ? *cap * 2 : 64;
	void *more;

	if (n < *cap)
		return true;
	more = reallocarray(*(void **)v, want, size);
	if (!more)
		return false;
	*(void **)v = more;
	*cap = want;
	return true;
}

/* The number of the line's detail, 0 for none, or -errno. */
static int64_t detail_add(struct fp_collect *c, const struct fp_line *x,
			  unsigned int flags)
{
	struct fp_collect_detail *d;

	if (!x->x.until_s && !x->x.meta_len && !flags)
		return 0;
	if (c->n_detail == DETAIL_MASK)
		return -E2BIG;
	if (!grow(&c->detail, c->n_detail, &c->cap_detail, sizeof(*d)))
		return -ENOMEM;
	d = &c->detail[c->n_detail];
	d->until_s = x->x.until_s;
	d->meta_len = x->x.meta_len;
	d->flags = flags | (x->is_stored ? FP_COLLECT_STORED : 0);
	if (x->is_stored)
		d->store_at = x->store_at;
	else
		d->meta = x->x.meta;
	return (int64_t)++c->n_detail;
}

static int add_v4(struct fp_collect *c, const struct fp_prefix *p,
		  uint64_t detail)
{
	uint64_t word = (p->lo & 0xffffffff) << 32 |
			(uint64_t)(p->len - 96) << DETAIL_BITS | detail;

	if (!grow(&c->v4, c->n4, &c->cap4, sizeof(*c->v4)))
		return -ENOMEM;
	if (c->n4 && word >> DETAIL_BITS < c->v4[c->n4 - 1] >> DETAIL_BITS)
		c->is_unsorted4 = true;
	c->v4[c->n4++] = word;
	return 0;
}

/* Is the IPv6 prefix at a before the one at b? */
static bool is_before(const uint64_t *a, const uint64_t *b)
{
	if (a[0] != b[0])
		return a[0] < b[0];
	if (a[1] != b[1])
		return a[1] < b[1];
	return a[2] >> DETAIL_BITS < b[2] >> DETAIL_BITS;
}

static int add_v6(struct fp_collect *c, const struct fp_prefix *p,
		  uint64_t detail)
{
	const size_t words = FP_COLLECT_WORDS6;
	uint64_t *v;

	if (!grow(&c->v6, c->n6, &c->cap6, words * sizeof(*c->v6)))
		return -ENOMEM;
	v = c->v6 + words * c->n6;
	v[0] = p->hi;
	v[1] = p->lo;
	v[2] = (uint64_t)p->len << DETAIL_BITS | detail;
	if (c->n6++ && is_before(v, v - words))
		c->is_unsorted6 = true;
	return 0;
}

int fp_collect_add(struct fp_collect *c, const struct fp_line *x,
		   unsigned int flags, struct fp_err *e)
{
	int64_t detail = detail_add(c, x, flags);
	int r = (int)detail;

	if (detail >= 0)
		r = fp_prefix_is_v4(&x->x.p)
			    ? add_v4(c, &x->x.p, (uint64_t)detail)
			    : add_v6(c, &x->x.p, (uint64_t)detail);
	if (r == -E2BIG)
		return fp_err(e, r, "more than %u lines with until= or why=",
			      DETAIL_MASK);
	return r ? fp_err(e, r, "out of memory") : 0;
}

static int sort(struct fp_collect *c)
{
	int r;

	r = c->is_unsorted4 ? fp_radix_sort(&c->v4, c->n4, 1, DETAIL_BITS) : 0;
	if (!r && c->is_unsorted6)
		r = fp_radix_sort(&c->v6, c->n6, FP_COLLECT_WORDS6,
				  DETAIL_BITS);
	return r;
}

/* Fill in what number `detail` says.  false: the entry is left out. */
static bool detail_get(struct fp_collect *c, struct fp_entry *x, size_t detail,
		       bool has_deleted)
{
	const struct fp_collect_detail *d;

	x->until_s = 0;
	x->meta = NULL;
	x->meta_len = 0;
	if (!detail)
		return true;
	d = &c->detail[detail - 1];
	if (d->flags & FP_COLLECT_DEL)
		x->until_s = FP_UNTIL_DELETED;
	if (d->flags & (FP_COLLECT_DEL | FP_COLLECT_EXPIRED))
		return d->flags & FP_COLLECT_DEL && has_deleted;
	x->until_s = d->until_s;
	x->meta_len = d->meta_len;
	if (d->meta_len)
		x->meta = d->flags & FP_COLLECT_STORED
				  ? c->store.data + d->store_at
				  : d->meta;
	return true;
}

/* Of equal prefixes the last stands. */
static struct fp_entry *emit_v4(struct fp_collect *c, struct fp_entry *to,
				bool has_deleted)
{
	for (size_t i = 0; i < c->n4; i++) {
		uint64_t w = c->v4[i];

		if (i + 1 < c->n4 &&
		    w >> DETAIL_BITS == c->v4[i + 1] >> DETAIL_BITS)
			continue;
		to->p.hi = 0;
		to->p.lo = 0xffffull << 32 | w >> 32;
		to->p.len = 96 + (w >> DETAIL_BITS & 63);
		to += detail_get(c, to, w & DETAIL_MASK, has_deleted);
	}
	return to;
}

static struct fp_entry *emit_v6(struct fp_collect *c, struct fp_entry *to,
				bool has_deleted)
{
	for (size_t i = 0; i < c->n6; i++) {
		const uint64_t *v = c->v6 + FP_COLLECT_WORDS6 * i;

		if (i + 1 < c->n6 && !is_before(v, v + FP_COLLECT_WORDS6))
			continue;
		to->p.hi = v[0];
		to->p.lo = v[1];
		to->p.len = v[2] >> DETAIL_BITS;
		to += detail_get(c, to, v[2] & DETAIL_MASK, has_deleted);
	}
	return to;
}

int fp_collect_finish(struct fp_collect *c, struct fp_entries *out,
		      bool has_deleted, struct fp_err *e)
{
	struct fp_entry *v, *end;

	if (sort(c) || !(v = reallocarray(NULL, c->n4 + c->n6 + 1, sizeof(*v))))
		return fp_err(e, -ENOMEM, "out of memory");
	end = emit_v4(c, v, has_deleted);
	end = emit_v6(c, end, has_deleted);
	out->v = v;
	out->n = (size_t)(end - v);
	out->store = c->store;
	c->store = (struct fp_buf){ 0 };
	fp_collect_fini(c);
	return 0;
}

void fp_collect_fini(struct fp_collect *c)
{
	free(c->v4);
	free(c->v6);
	free(c->detail);
	fp_buf_fini(&c->store);
	*c = (struct fp_collect){ 0 };
}
