/* SPDX-License-Identifier: Apache-2.0 */
#include "health/policy.h"

#include <stdio.h>

#include "health/filter.h"
#include "io/clock.h"

struct asking {
	struct fp_loop *loop;
	struct fp_policy *said;
	size_t n, n_told;
	bool is_done;
};

static void reading(void *ctx, size_t i, struct fp_reading *r,
		    int64_t started_ms)
{
	struct asking *a = ctx;
	struct fp_policy *s = &a->said[i];

	(void)started_ms;
	if (s->is_told)
		return;
	s->is_told = true;
	snprintf(s->detail, sizeof(s->detail), "%s", r->detail);
	if (r->view) {
		s->has_view = true;
		s->view = r->view->filter;
	}
	if (++a->n_told < a->n)
		return;
	a->is_done = true;
	fp_loop_stop(a->loop);
}

static void expire(void *ctx)
{
	struct asking *a = ctx;

	a->is_done = true;
	fp_loop_stop(a->loop);
}

int fp_policy_ask(struct fp_loop *l, const struct fp_fleet_opts *fleet,
		  const char *lists_dir, const struct fp_host *const *hosts,
		  size_t n, struct fp_policy *out, struct fp_err *e)
{
	struct asking a = { .loop = l, .said = out, .n = n };
	struct fp_work *work = NULL;
	struct fp_filters *filters = NULL;
	struct fp_filters_opts o = { .fleet = fleet,
				     .lists_dir = lists_dir,
				     .reading = reading,
				     .ctx = &a };
	/* connecting and the answer have a step each, and lists are read first */
	struct fp_timer end = { .fire = expire, .ctx = &a };
	int r;

	for (size_t i = 0; i < n; i++)
		out[i] = (struct fp_policy){ .is_told = false };
	if (!n)
		return 0;
	r = fp_work_open(&work, l, 1, e);
	o.work = work;
	if (!r)
		r = fp_filters_open(&filters, l, &o, hosts, n, e);
	if (!r)
		r = fp_loop_timer_arm(l, &end,
				      fp_clock_ms() + 3 * fleet->timeout_ms);
	if (!r) {
		fp_filters_ask(filters);
		r = fp_loop_wait(l, &a.is_done, e);
		fp_loop_timer_disarm(l, &end);
	}
	fp_filters_close(filters);
	if (work)
		fp_work_close(work);
	return r;
}
