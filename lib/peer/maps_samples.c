/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/maps_samples.h"

#include <bpf/bpf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/area.h"
#include "peer/maps_priv.h"

struct fp_samples {
	struct fp_area area;
	struct fp_sample *ring;
	uint64_t next;    /* number of the first that was not read */
	uint64_t awaited; /* was not there when it was looked for */
};

static uint64_t fp_samples_newest(const struct fp_samples *s)
{
	return __atomic_load_n(&s->ring[0].seq, __ATOMIC_ACQUIRE);
}

static uint64_t fp_samples_oldest(uint64_t newest)
{
	return newest > FP_SAMPLES ? newest - FP_SAMPLES + 1 : 1;
}

int fp_samples_open(struct fp_samples **out, const char *dir,
		    bool is_from_start, struct fp_err *e)
{
	struct fp_samples *s = calloc(1, sizeof(*s));
	int fd, r;

	if (!s)
		return fp_err(e, -ENOMEM, "out of memory");
	fd = fp_pin_get(dir, "samples", e);
	if (fd < 0) {
		free(s);
		return fd;
	}
	fp_area_map(&s->area, fd, (FP_SAMPLES + 1) * sizeof(struct fp_sample));
	r = fp_area_whole(&s->area, e);
	if (r) {
		fp_samples_close(s);
		return r;
	}
	s->ring = fp_area_at(&s->area, 0);
	s->next = fp_samples_newest(s) + 1;
	if (is_from_start)
		s->next = fp_samples_oldest(s->next - 1);
	*out = s;
	return 0;
}

void fp_samples_close(struct fp_samples *s)
{
	if (!s)
		return;
	fp_area_fini(&s->area);
	free(s);
}

enum fp_sample_state { FP_SAMPLE_WHOLE, FP_SAMPLE_GONE, FP_SAMPLE_COMING };

/* A copy of number seq, unless it is overwritten while we read it. */
static enum fp_sample_state fp_sample_copy(const struct fp_samples *s,
					   uint64_t seq, struct fp_sample *out)
{
	const struct fp_sample *at = &s->ring[1 + (seq & (FP_SAMPLES - 1))];
	uint64_t is = __atomic_load_n(&at->seq, __ATOMIC_ACQUIRE);

	if (is < seq || is == FP_SAMPLE_BUSY)
		return FP_SAMPLE_COMING;
	if (is > seq)
		return FP_SAMPLE_GONE;
	memcpy(out, at, sizeof(*out));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	is = __atomic_load_n(&at->seq, __ATOMIC_RELAXED);
	return is == seq ? FP_SAMPLE_WHOLE : FP_SAMPLE_GONE;
}

uint64_t fp_samples_read(struct fp_samples *s, fp_samples_each *each, void *ctx)
{
	uint64_t newest = fp_samples_newest(s), lost = 0;
	uint64_t oldest = fp_samples_oldest(newest);
	struct fp_sample copy;

	if (s->next < oldest) {
		lost = oldest - s->next;
		s->next = oldest;
	}
	for (; s->next <= newest; s->next++) {
		enum fp_sample_state is = fp_sample_copy(s, s->next, &copy);

		if (is == FP_SAMPLE_COMING && s->awaited != s->next) {
			s->awaited = s->next; /* the next call finds it */
			break;
		}
		if (is == FP_SAMPLE_WHOLE)
			each(ctx, &copy);
		else
			lost++;
	}
	return lost;
}
