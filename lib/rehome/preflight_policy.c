/* SPDX-License-Identifier: Apache-2.0 */
/* The policy of targets, asked now. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health/filter.h"
#include "io/clock.h"
#include "rehome/preflight_priv.h"

/* What one said. */
struct said {
	bool is_told;
	bool has_view;
	struct fp_view_filter view;
	char detail[240];
};
struct asking {
	struct fp_loop *loop;
	struct said *said;
	size_t n, n_told;
	bool is_done;
};

static void reading(void *ctx, size_t i, struct fp_reading *r,
		    int64_t started_ms)
{
	struct asking *a = ctx;
	struct said *s = &a->said[i];

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

static int ask(struct preflight *f, const struct fp_host *const *hosts,
	       struct asking *a, struct fp_err *e)
{
	struct fp_work *work = NULL;
	struct fp_filters *filters = NULL;
	struct fp_filters_opts o = { .fleet = f->p->fleet,
				     .lists_dir = f->p->lists_dir,
				     .reading = reading,
				     .ctx = a };
	/* connecting and the answer have a step each, and lists are read first */
	struct fp_timer end = { .fire = expire, .ctx = a };
	int r = fp_work_open(&work, a->loop, 1, e);

	o.work = work;
	if (!r)
		r = fp_filters_open(&filters, a->loop, &o, hosts, a->n, e);
	if (!r)
		r = fp_loop_timer_arm(a->loop, &end,
				      fp_clock_ms() +
					      3 * f->p->fleet->timeout_ms);
	if (!r) {
		fp_filters_ask(filters);
		r = fp_loop_wait(a->loop, &a->is_done, e);
		fp_loop_timer_disarm(a->loop, &end);
	}
	fp_filters_close(filters);
	if (work)
		fp_work_close(work);
	return r;
}

static void judge(struct preflight *f, const struct fp_host *h,
		  const struct said *s)
{
	struct fp_check_policy in = {
		.is_known = s->has_view,
		.is_in_step = s->has_view && s->view.is_in_step,
		.is_failover = preflight_is_failover(f),
		.digest = s->view.policy,
		.why = s->is_told ? s->detail : "no answer over SSH",
	};
	struct fp_check c;

	fp_check_policy(&c, &in);
	preflight_tell(f, h->name, &c);
	f->is_policy_old |= !in.is_in_step;
}

int preflight_policy(struct preflight *f, struct fp_err *e)
{
	struct asking a = { .loop = f->p->edges->o.loop };
	const struct fp_host **hosts;
	int r = 0;

	if (!f->p->fleet || f->p->kind == FP_MOVE_MEDIA)
		return 0;
	hosts = calloc(f->n_to + 1, sizeof(const struct fp_host *));
	a.said = calloc(f->n_to + 1, sizeof(*a.said));
	if (!hosts || !a.said)
		r = fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < f->n_to && !r; i++)
		if (fp_inventory_var(f->to[i]->host, "fp_if"))
			hosts[a.n++] = f->to[i]->host;
	if (!r && a.n)
		r = ask(f, hosts, &a, e);
	for (size_t i = 0; i < a.n && !r; i++)
		judge(f, hosts[i], &a.said[i]);
	free(hosts);
	free(a.said);
	return r;
}
