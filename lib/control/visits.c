/* SPDX-License-Identifier: Apache-2.0 */
#include "control/visits.h"

#include <stdlib.h>

struct one {
	struct fp_visit *visit;
	bool has_hello;
};

struct visits {
	const struct fp_visits_ops *ops;
	struct one *v;
};

static void on_opened(void *ctx, struct fp_member *m)
{
	struct one *x = m->data;

	(void)ctx;
	fp_visit_opened(x->visit, m);
}

static void on_event(void *ctx, struct fp_member *m, const struct fp_event *ev)
{
	const struct visits *all = ctx;
	struct one *x = m->data;

	if (ev->ask == FP_ASK_HELLO && ev->kind == FP_EVENT_DONE &&
	    !x->has_hello) {
		x->has_hello = true;
		if (all->ops->hello)
			all->ops->hello(all->ops->ctx, (size_t)(x - all->v),
					fp_sender_said(m->sender));
	}
	fp_visit_event(x->visit, m, ev);
}

static void on_ended(void *ctx, struct fp_member *m)
{
	const struct visits *all = ctx;
	struct one *x = m->data;

	fp_visit_ended(x->visit, m);
	if (all->ops->ended)
		all->ops->ended(all->ops->ctx, (size_t)(x - all->v), m,
				fp_visit_outcome(x->visit));
}

int fp_visit_hosts(struct fp_loop *l, const struct fp_fleet_opts *o,
		   struct fp_plan *plan, const struct fp_host *const *hosts,
		   size_t n, const struct fp_visits_ops *ops, struct fp_err *e)
{
	struct visits all = { .ops = ops, .v = calloc(n + 1, sizeof(*all.v)) };
	const struct fp_fleet_ops fleet = { on_opened, on_event, on_ended,
					    &all };
	struct fp_fleet *f = NULL;
	int r = all.v ? fp_fleet_open(&f, l, o, hosts, n, &fleet, e)
		      : fp_err(e, -ENOMEM, "out of memory");

	for (size_t i = 0; i < n && !r; i++) {
		fp_fleet_member(f, i)->data = &all.v[i];
		r = fp_visit_new(&all.v[i].visit, plan, e);
	}
	if (!r) {
		r = fp_fleet_run(f);
		if (r < 0)
			fp_err_sys(e, r, "event loop");
	}
	fp_fleet_close(f);
	for (size_t i = 0; all.v && i < n; i++)
		fp_visit_free(all.v[i].visit);
	free(all.v);
	return r < 0 ? r : 0;
}
