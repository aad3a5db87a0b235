/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "rehome/edges_priv.h"
#include "rehome/listing.h"

/* Listings of several nodes at once. */
struct list_run {
	struct fp_loop *loop;
	struct list_one *one;
	size_t n, n_left;
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
	bool is_done;
};
struct list_one {
	struct list_run *run;
	struct fp_edge *edge;
	struct fp_listing *listing;
	uint64_t done, total;
};

static void one_less(struct list_run *run)
{
	if (--run->n_left)
		return;
	run->is_done = true;
	fp_loop_stop(run->loop);
}

static void progressed(void *ctx, uint64_t done, uint64_t total)
{
	struct list_one *o = ctx;
	struct list_run *run = o->run;
	uint64_t all_done = 0, all = 0;

	o->done = done;
	o->total = total;
	for (size_t i = 0; i < run->n; i++) {
		all_done += run->one[i].done;
		all += run->one[i].total;
	}
	if (run->progress)
		run->progress(run->ctx, all_done, all);
}

static void listed(void *ctx, int code, struct fp_dialogs *s,
		   const struct fp_err *e)
{
	struct list_one *o = ctx;
	struct fp_edge *x = o->edge;

	o->listing = NULL;
	x->dialogs = s;
	if (code) {
		x->code = code;
		x->err = *e;
	}
	one_less(o->run);
}

/* ---- where a listing is asked for */

static void connected(void *ctx)
{
	struct list_run *run = ctx;

	run->is_done = true;
	fp_loop_stop(run->loop);
}

/* Open connections to fp_mi_list.  One that fails says so by itself. */
static int connect_lists(struct fp_edges *s, struct fp_err *e)
{
	struct list_run run = { .loop = s->o.loop };

	if (!s->lists.n)
		return 0;
	fp_proxies_read(&s->lists, 0, s->o.timeout_ms, connected, &run);
	return fp_loop_wait(run.loop, &run.is_done, e);
}

static struct fp_mi *mi_of(struct fp_edge *x)
{
	struct fp_proxies *p = &x->all->lists;

	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].host == x->host)
			return p->v[i].mi ? p->v[i].mi : x->mi;
	return x->mi;
}

static int start_one(struct list_run *run, struct list_one *o,
		     struct fp_edge *x, struct fp_err *e)
{
	struct fp_listing_opts l = { .mi = mi_of(x),
				     .timeout_ms = x->all->o.timeout_ms,
				     .progress = progressed,
				     .done = listed,
				     .ctx = o };
	int r;

	*o = (struct list_one){ .run = run, .edge = x };
	fp_dialogs_free(x->dialogs);
	x->dialogs = NULL;
	if (!l.mi)
		return 0; /* x->code and err say why */
	r = fp_listing_start(&o->listing, &l, e);
	if (r)
		return fp_err_prefix(e, r, "%s", x->name);
	run->n_left++;
	return 0;
}

int fp_edges_list(struct fp_edges *s, struct fp_edge *const *which, size_t n,
		  void (*progress)(void *ctx, uint64_t done, uint64_t total),
		  void *ctx, struct fp_err *e)
{
	struct list_run run = {
		.loop = s->o.loop, .n_left = 1, .progress = progress, .ctx = ctx
	};
	int r = connect_lists(s, e);

	if (r)
		return r;
	run.one = calloc(n ? n : 1, sizeof(*run.one));
	if (!run.one)
		return fp_err(e, -ENOMEM, "no memory");
	for (; !r && run.n < n; run.n++)
		r = start_one(&run, &run.one[run.n], which[run.n], e);
	if (!--run.n_left)
		run.is_done = true;
	if (!r)
		r = fp_loop_wait(run.loop, &run.is_done, e);
	for (size_t i = 0; i < run.n; i++)
		fp_listing_drop(run.one[i].listing);
	free(run.one);
	return r;
}
