/* SPDX-License-Identifier: Apache-2.0 */
#include "logic/drops.h"

#include <errno.h>
#include <stdlib.h>

#define NUMBERS (1ull << FP_DROPS_BITS)

struct stream {
	uint64_t last; /* counter at the sample before */
	uint64_t now;  /* as far as is known; never behind last */
	bool is_early;
};

struct fp_drops {
	size_t n_rows, n;
	struct stream **row; /* n of them; NULL: not begun */
	struct fp_drops_sums sums;
};

struct fp_drops *fp_drops_new(size_t rows, size_t n)
{
	struct fp_drops *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	*d = (struct fp_drops){ .n_rows = rows, .n = n };
	d->row = calloc(rows, sizeof(struct stream *));
	if (!d->row) {
		free(d);
		return NULL;
	}
	return d;
}

void fp_drops_free(struct fp_drops *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->n_rows; i++)
		free(d->row[i]);
	free(d->row);
	free(d);
}

int fp_drops_begin(struct fp_drops *d, size_t row, const uint64_t *count,
		   bool is_early)
{
	if (row >= d->n_rows)
		return -EINVAL;
	if (!d->row[row])
		d->row[row] = calloc(d->n, sizeof(struct stream));
	if (!d->row[row])
		return -ENOMEM;
	for (size_t i = 0; i < d->n; i++) {
		uint64_t at = count ? count[i] : 0;

		d->row[row][i] = (struct stream){ at, at, is_early };
	}
	return 0;
}

/* How far number a is ahead of counter b; half of all numbers and more: it is
 * behind. */
static uint64_t ahead(uint64_t a, uint64_t b)
{
	return (a - b) & (NUMBERS - 1);
}

/* The first of a stream whose account begins with it: the counters were read
 * after it was dropped, so that it was not in the sum. */
static bool take_early(struct fp_drops *d, struct stream *s, uint64_t number,
		       struct fp_drops_weight *out)
{
	uint64_t behind = ahead(s->now, number);

	if (behind >= NUMBERS / 2 || behind >= s->now)
		return false;
	s->last = s->now - behind;
	d->sums.dropped += behind + 1;
	*out = (struct fp_drops_weight){ 1, true };
	return true;
}

static bool take_next(struct fp_drops *d, struct stream *s, uint64_t number,
		      struct fp_drops_weight *out)
{
	uint64_t more = ahead(number, s->last);

	if (!more || more >= NUMBERS / 2)
		return false;
	s->last += more;
	if (s->last > s->now) {
		d->sums.dropped += s->last - s->now;
		s->now = s->last;
	}
	*out = (struct fp_drops_weight){ more, false };
	return true;
}

bool fp_drops_sample(struct fp_drops *d, size_t row, size_t stream,
		     uint64_t number, struct fp_drops_weight *out)
{
	struct stream *s;
	bool is_early;

	if (row >= d->n_rows || stream >= d->n || !d->row[row])
		return false;
	s = &d->row[row][stream];
	is_early = s->is_early;
	s->is_early = false;
	if (!(is_early && take_early(d, s, number, out)) &&
	    !take_next(d, s, number, out))
		return false;
	d->sums.sampled++;
	d->sums.weight += out->drops;
	return true;
}

bool fp_drops_counters(struct fp_drops *d, size_t row, const uint64_t *count)
{
	bool is_right = true;

	if (row >= d->n_rows || !d->row[row])
		return true;
	for (size_t i = 0; i < d->n; i++) {
		struct stream *s = &d->row[row][i];

		if (count[i] < s->now) {
			is_right = false;
			continue;
		}
		d->sums.dropped += count[i] - s->now;
		s->now = count[i];
	}
	return is_right;
}

struct fp_drops_sums fp_drops_sums(const struct fp_drops *d)
{
	return d->sums;
}
