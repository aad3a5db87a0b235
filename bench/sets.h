/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_BENCH_SETS_H
#define FP_BENCH_SETS_H

/* Random address lists, the same in every run, and which addresses they hold by
 * an exact reference. */

#include "base/addr.h"
#include "bench/bench.h"
#include "bench/peers.h"

enum set_kind {
	SET_MIXED4, /* 90 % /32, 8 % /24, the rest /16 to /31 */
	SET_HOSTS4,
	SET_NETS6, /* /64 and /48, half each */
};

/* at: an IPv4 address, or the first 64 bits of an IPv6 one. */
struct set_entry {
	uint64_t at;
	uint32_t len;
};

struct set_range {
	uint64_t first, last;
};

struct set {
	struct set_entry *v; /* sorted, each once */
	size_t n;
	struct set_range *range; /* their union, sorted */
	size_t n_ranges;
	uint32_t bits; /* 32 or 64 */
	uint64_t seed;
};

static inline uint64_t set_last(const struct set *s, const struct set_entry *x)
{
	return x->at |
	       (x->len == s->bits ? 0 : ~0ull >> (64 - s->bits + x->len));
}

/* Unicast, not 0.0.0.0/8, not 127.0.0.0/8; 2000::/3. */
static inline uint64_t set_address(struct set *s)
{
	uint64_t r = bench_rand(&s->seed);

	if (s->bits == 64)
		return 0x2000000000000000ull | (r << 8 | (r >> 40 & 255)) >> 3;
	r = 0x01000000 + r % 0xdd000000;
	return r < 0x7f000000 ? r : r + 0x01000000;
}

static inline uint32_t set_length(struct set *s, enum set_kind kind)
{
	uint64_t r = bench_rand(&s->seed), m = r >> 32 & 0xff;

	r = (r & 0xffffffff) % 20000;
	if (kind == SET_HOSTS4)
		return 32;
	if (kind == SET_NETS6)
		return r % 2 ? 64 : 48;
	if (r == 0)
		return 16;
	return r < 18000   ? 32
	       : r < 19600 ? 24
	       : r < 19900 ? 20 + m % 4
			   : 25 + m % 7;
}

static inline int set_cmp(const void *a, const void *b)
{
	const struct set_entry *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return (x->len > y->len) - (x->len < y->len);
}

static inline void set_unite(struct set *s)
{
	struct set_range *to = s->range = must_alloc(s->n, sizeof(*to));

	*to = (struct set_range){ s->v[0].at, set_last(s, &s->v[0]) };
	for (size_t i = 1; i < s->n; i++) {
		uint64_t last = set_last(s, &s->v[i]);

		if (s->v[i].at > to->last)
			*++to = (struct set_range){ s->v[i].at, last };
		else if (last > to->last)
			to->last = last;
	}
	s->n_ranges = (size_t)(to - s->range) + 1;
}

/* n entries; other seeds make other lists.  Free with set_fini. */
static inline void set_init(struct set *s, enum set_kind kind, size_t n,
			    uint64_t seed)
{
	size_t more = n + n / 8 + 16, m = 0;

	*s = (struct set){ .bits = kind == SET_NETS6 ? 64 : 32,
			   .n = n,
			   .seed = seed * 0x9e3779b97f4a7c15ull };
	s->v = must_alloc(more, sizeof(*s->v));
	for (size_t i = 0; i < more; i++) {
		uint32_t len = set_length(s, kind), cut = s->bits - len;

		s->v[i] =
			(struct set_entry){ set_address(s) >> cut << cut, len };
	}
	qsort(s->v, more, sizeof(*s->v), set_cmp);
	for (size_t i = 0; i < more; i++)
		if (!i || set_cmp(&s->v[i], &s->v[m - 1]))
			s->v[m++] = s->v[i];
	if (m < n)
		die("too few distinct addresses");
	for (size_t i = 0; i < n; i++)
		s->v[i] = s->v[i * m / n];
	set_unite(s);
}

static inline void set_fini(struct set *s)
{
	free(s->v);
	free(s->range);
}

static inline bool set_has(const struct set *s, uint64_t at)
{
	size_t lo = 0, hi = s->n_ranges;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (s->range[mid].last < at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->n_ranges && s->range[lo].first <= at;
}

static inline uint64_t set_random_listed(struct set *s)
{
	uint64_t r = bench_rand(&s->seed);
	const struct set_entry *x = &s->v[r % s->n];

	return x->at | (bench_rand(&s->seed) & (set_last(s, x) ^ x->at));
}

static inline uint64_t set_random_unlisted(struct set *s)
{
	uint64_t at;

	do
		at = set_address(s);
	while (set_has(s, at));
	return at;
}

/* PEER_KEYS sources, all of them in the list or none. */
static inline void set_keys(struct set *s, bool is_listed, __u64 *key)
{
	for (size_t i = 0; i < PEER_KEYS; i++)
		key[i] = is_listed ? set_random_listed(s)
				   : set_random_unlisted(s);
}

static inline struct fp_prefix set_prefix(const struct set *s, size_t i)
{
	const struct set_entry *x = &s->v[i];

	if (s->bits == 64)
		return (struct fp_prefix){ .hi = x->at,
					   .len = (uint8_t)x->len };
	return (struct fp_prefix){ .lo = 0xffff00000000ull | x->at,
				   .len = (uint8_t)(96 + x->len) };
}

#endif
