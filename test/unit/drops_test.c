/* SPDX-License-Identifier: Apache-2.0 */
/* What samples stand for, and who is dropped most: the sums are exact. */
#include "unit.h"

#include "logic/drops.h"

#define ROWS 3
#define STREAMS 6
#define NUMBER(c) ((c) & ((1ull << FP_DROPS_BITS) - 1))

static uint64_t seed = 88172645463325252ull;

static uint64_t any(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

/* ---- one stream */

TEST(a_sample_stands_for_those_since_the_one_before)
{
	struct fp_drops *d = fp_drops_new(1, 1);
	const uint64_t at = 100, end = 130;
	struct fp_drops_weight w;

	EQ(fp_drops_begin(d, 0, &at, false), 0);
	OK(!fp_drops_sample(d, 0, 0, 99, &w)); /* before */
	OK(!fp_drops_sample(d, 0, 0, 100, &w));
	OK(fp_drops_sample(d, 0, 0, 101, &w));
	EQ(w.drops, 1);
	OK(!w.is_first);
	OK(!fp_drops_sample(d, 0, 0, 101, &w)); /* twice */
	OK(fp_drops_sample(d, 0, 0, 120, &w));
	EQ(w.drops, 19);
	EQ(fp_drops_sums(d).dropped, 20);
	OK(fp_drops_counters(d, 0, &end));
	EQ(fp_drops_sums(d).dropped, 30);
	EQ(fp_drops_sums(d).sampled, 2);
	EQ(fp_drops_sums(d).weight, 20);
	OK(!fp_drops_sample(d, 1, 0, 1, &w));
	OK(!fp_drops_sample(d, 0, 1, 1, &w));
	fp_drops_free(d);
}

TEST(counters_that_went_back_are_told)
{
	struct fp_drops *d = fp_drops_new(1, 2);
	const uint64_t a[] = { 10, 0 }, b[] = { 12, 5 }, c[] = { 1, 6 };
	struct fp_drops_weight w;

	EQ(fp_drops_begin(d, 0, a, false), 0);
	OK(fp_drops_counters(d, 0, b));
	EQ(fp_drops_sums(d).dropped, 7);
	OK(!fp_drops_counters(d, 0, c));
	EQ(fp_drops_sums(d).dropped, 8);
	EQ(fp_drops_begin(d, 0, NULL, false), 0);
	OK(fp_drops_counters(d, 0, c));
	EQ(fp_drops_sums(d).dropped, 15);
	OK(!fp_drops_sample(d, 0, 0, 0, &w));
	OK(fp_drops_sample(d, 0, 0, 1, &w));
	EQ(w.drops, 1);
	EQ(fp_drops_sums(d).dropped, 15);
	fp_drops_free(d);
}

TEST(what_the_ring_still_holds)
{
	struct fp_drops *d = fp_drops_new(1, 3);
	const uint64_t at[] = { 50, 50, 0 };
	struct fp_drops_weight w;

	EQ(fp_drops_begin(d, 0, at, true), 0);
	OK(fp_drops_sample(d, 0, 0, 41, &w));
	OK(w.is_first && w.drops == 1);
	EQ(fp_drops_sums(d).dropped, 10);
	OK(fp_drops_sample(d, 0, 0, 50, &w));
	OK(!w.is_first && w.drops == 9);
	EQ(fp_drops_sums(d).dropped, 10);
	/* one that came after the counters were read is none of these */
	OK(fp_drops_sample(d, 0, 1, 53, &w));
	OK(!w.is_first && w.drops == 3);
	EQ(fp_drops_sums(d).dropped, 13);
	OK(fp_drops_sample(d, 0, 2, 1, &w));
	OK(!w.is_first && w.drops == 1);
	EQ(fp_drops_sums(d).weight, 14);
	EQ(fp_drops_sums(d).dropped, 14);
	fp_drops_free(d);
}

TEST(numbers_that_begin_anew)
{
	const uint64_t at = (7ull << FP_DROPS_BITS) - 3;
	struct fp_drops *d = fp_drops_new(1, 1);
	const uint64_t end = at + 1000;
	struct fp_drops_weight w;

	EQ(fp_drops_begin(d, 0, &at, false), 0);
	OK(fp_drops_sample(d, 0, 0, NUMBER(at + 2), &w));
	EQ(w.drops, 2);
	OK(fp_drops_sample(d, 0, 0, NUMBER(at + 10), &w));
	EQ(w.drops, 8);
	OK(!fp_drops_sample(d, 0, 0, NUMBER(at + 9), &w));
	OK(fp_drops_counters(d, 0, &end));
	EQ(fp_drops_sums(d).dropped, 1000);
	fp_drops_free(d);
}

/* ---- many streams at random */

struct world {
	uint64_t count[ROWS][STREAMS]; /* the kernel's */
	uint64_t sampled[ROWS][STREAMS];
	uint64_t dropped; /* the truth */
	struct fp_drops *d;
	uint64_t weight, n_taken;
};

/* Drops of a stream; some are sampled, some of these get lost. */
static void drop_some(struct world *w, bool is_begun)
{
	size_t row = any(ROWS), stream = any(STREAMS);
	uint64_t n = any(2) ? any(3) : any(100000);
	struct fp_drops_weight got;

	while (n--) {
		uint64_t *c = &w->count[row][stream];

		++*c;
		w->dropped += is_begun;
		if (n % 1024 || !is_begun || !any(8))
			continue;
		OK(fp_drops_sample(w->d, row, stream, NUMBER(*c), &got));
		EQ(got.drops, *c - w->sampled[row][stream]);
		w->sampled[row][stream] = *c;
		w->weight += got.drops;
		w->n_taken++;
	}
}

static void begin(struct world *w, size_t row)
{
	EQ(fp_drops_begin(w->d, row, w->count[row], false), 0);
	memcpy(w->sampled[row], w->count[row], sizeof(w->count[row]));
}

/* Nothing is lost at a reset when the counters were read right before. */
static void set_to_zero(struct world *w)
{
	size_t row = any(ROWS);

	OK(fp_drops_counters(w->d, row, w->count[row]));
	memset(w->count[row], 0, sizeof(w->count[row]));
	memset(w->sampled[row], 0, sizeof(w->sampled[row]));
	EQ(fp_drops_begin(w->d, row, NULL, false), 0);
}

static void check(struct world *w)
{
	struct fp_drops_sums s;
	uint64_t tail = 0;

	for (size_t row = 0; row < ROWS; row++) {
		OK(fp_drops_counters(w->d, row, w->count[row]));
		for (size_t i = 0; i < STREAMS; i++)
			tail += w->count[row][i] - w->sampled[row][i];
	}
	s = fp_drops_sums(w->d);
	EQ(s.dropped, w->dropped);
	EQ(s.sampled, w->n_taken);
	EQ(s.weight, w->weight);
	OK(s.weight <= s.dropped);
	OK(s.dropped - s.weight <= tail || w->dropped != s.dropped);
}

static void run(bool is_reset)
{
	struct world w = { .d = fp_drops_new(ROWS, STREAMS) };

	for (size_t row = 0; row < ROWS; row++)
		for (size_t i = 0; i < STREAMS; i++)
			w.count[row][i] =
				any(2) ? any(1000)
				       : (1ull << FP_DROPS_BITS) - any(100000);
	for (int i = 0; i < 20; i++)
		drop_some(&w, false);
	for (size_t row = 0; row < ROWS; row++)
		begin(&w, row);
	for (int i = 0; i < 300 && !unit_failed; i++) {
		drop_some(&w, true);
		if (is_reset && !any(20))
			set_to_zero(&w);
		if (!is_reset && !any(10))
			check(&w);
	}
	if (!is_reset)
		check(&w);
	for (size_t row = 0; row < ROWS; row++)
		fp_drops_counters(w.d, row, w.count[row]);
	EQ(fp_drops_sums(w.d).dropped, w.dropped);
	EQ(fp_drops_sums(w.d).weight, w.weight);
	fp_drops_free(w.d);
}

TEST(sums_are_exact)
{
	for (int i = 0; i < 50 && !unit_failed; i++)
		run(false);
}

TEST(sums_are_exact_over_resets)
{
	for (int i = 0; i < 50 && !unit_failed; i++)
		run(true);
}

/* ---- the table */

TEST(ranks_and_adds_up)
{
	struct fp_drops_top *t = fp_drops_top_new(8);
	struct fp_drops_key a = { .lo = 1 }, b = { .lo = 2 },
			    c = { .lo = 2, .reason = 1 };
	size_t place[8];

	EQ(fp_drops_top_rank(t, place), 0);
	fp_drops_top_add(t, &a, 5);
	fp_drops_top_add(t, &b, 7);
	fp_drops_top_add(t, &a, 5);
	fp_drops_top_add(t, &c, 7);
	EQ(fp_drops_top_rank(t, place), 3);
	EQ(fp_drops_top_at(t, place[0])->key.lo, 1);
	EQ(fp_drops_top_at(t, place[0])->samples, 2);
	EQ(fp_drops_top_at(t, place[0])->drops, 10);
	EQ(fp_drops_top_at(t, place[1])->key.reason, 0);
	EQ(fp_drops_top_at(t, place[2])->key.reason, 1);
	EQ(fp_drops_top_drops(t), 24);
	EQ(fp_drops_top_others(t), 0);
	fp_drops_top_clear(t);
	EQ(fp_drops_top_rank(t, place), 0);
	EQ(fp_drops_top_drops(t), 0);
	fp_drops_top_free(t);
}

/* Sources without end: the sum stays, and who is dropped most is at its head. */
TEST(bounded)
{
	enum { MAX = 64 };
	struct fp_drops_top *t = fp_drops_top_new(MAX);
	uint64_t sum = 0, heavy = 0, in_table = 0, of[4] = { 0 };
	size_t place[MAX], n;

	for (int i = 0; i < 200000; i++) {
		struct fp_drops_key k = { .hi = any(1ull << 40), .lo = 7 };
		uint64_t drops = 1 + any(100);

		if (!any(10))
			k = (struct fp_drops_key){ .lo = 1 + any(3) };
		if (!k.hi) {
			heavy += drops;
			of[k.lo] += drops;
		}
		sum += drops;
		OK(fp_drops_top_add(t, &k, drops) < MAX);
	}
	n = fp_drops_top_rank(t, place);
	EQ(n, MAX);
	for (size_t i = 0; i < n; i++) {
		const struct fp_drops_source *s = fp_drops_top_at(t, place[i]);

		in_table += s->drops;
		OK(s->error <= sum / MAX);
		if (!s->key.hi) /* all of it, to within the error */
			OK(s->drops <= of[s->key.lo] &&
			   s->drops + s->error >= of[s->key.lo]);
		OK(!i || s->drops <= fp_drops_top_at(t, place[i - 1])->drops);
		OK((i < 3) == !s->key.hi);
	}
	EQ(in_table, fp_drops_top_drops(t));
	EQ(in_table + fp_drops_top_others(t), sum);
	OK(in_table >= heavy);
	fp_drops_top_free(t);
}

TEST(random_against_a_plain_sum)
{
	enum { MAX = 300, KEYS = 300 };
	struct fp_drops_top *t = fp_drops_top_new(MAX);
	uint64_t drops[KEYS] = { 0 };
	size_t place[MAX], n;

	for (int i = 0; i < 50000; i++) {
		uint64_t k = any(KEYS), more = any(1000);
		struct fp_drops_key key = { k % 7, k, (uint32_t)k % 3, 0 };

		drops[k] += more;
		fp_drops_top_add(t, &key, more);
	}
	n = fp_drops_top_rank(t, place);
	EQ(n, KEYS);
	for (size_t i = 0; i < n; i++) {
		const struct fp_drops_source *s = fp_drops_top_at(t, place[i]);

		EQ(s->drops, drops[s->key.lo]);
	}
	EQ(fp_drops_top_others(t), 0);
	fp_drops_top_free(t);
}
