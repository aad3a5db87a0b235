/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "rehome/edges_priv.h"
#include "rehome/listing.h"

/* Until fp_mi_list is held for dead: what it is asked first is short. */
#define LIST_MS 2000

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
	struct fp_mi *mi; /* that it is asked of */
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

/* ---- where a listing is asked for */

static struct fp_proxy *list_of(const struct fp_edge *x)
{
	struct fp_proxies *p = &x->all->lists;

	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].host == x->host)
			return &p->v[i];
	return NULL;
}

static struct fp_mi *mi_of(const struct fp_edge *x)
{
	const struct fp_proxy *p = x->is_list_away ? NULL : list_of(x);

	return p && p->mi ? p->mi : x->mi;
}

static void is_away(struct fp_edge *x, const struct fp_err *why)
{
	const struct fp_edges_opts *o = &x->all->o;
	struct fp_err e;

	if (x->is_list_away)
		return;
	x->is_list_away = true;
	fp_err(&e, -EAGAIN,
	       "%s: fp_mi_list does not answer, dialogs are asked of fp_mi: %s",
	       x->name, edges_unnamed(x, why->text));
	if (o->say)
		o->say(o->ctx, e.text);
}

static void was_read(void *ctx)
{
	struct list_run *run = ctx;

	run->is_done = true;
	fp_loop_stop(run->loop);
}

/* One that fails when its node answers elsewhere is left alone from now on. */
static int take_list(struct fp_edge *x, struct fp_proxy *p, struct fp_err *e)
{
	int r = p->view ? edges_check_id(x, &p->view->opensips, "fp_mi_list", e)
			: 0;

	if (p->view)
		x->is_list_known = true;
	else if (x->view)
		is_away(x, &p->err);
	return r;
}

/* Who answers at fp_mi_list of those that are to be listed? */
static int connect_lists(struct fp_edges *s, struct fp_edge *const *which,
			 size_t n, struct fp_err *e)
{
	struct list_run run = { .loop = s->o.loop };
	int64_t ms = s->o.timeout_ms < LIST_MS ? s->o.timeout_ms : LIST_MS;
	bool is_any = false;
	int r = 0;

	for (size_t i = 0; i < s->lists.n; i++)
		s->lists.v[i].is_off = true;
	for (size_t i = 0; i < n; i++) {
		struct fp_proxy *p = list_of(which[i]);

		if (!p || which[i]->is_list_known || which[i]->is_list_away)
			continue;
		p->is_off = false;
		is_any = true;
	}
	if (!is_any)
		return 0;
	fp_proxies_read(&s->lists, FP_OS_CLUSTER, ms, was_read, &run);
	r = fp_loop_wait(run.loop, &run.is_done, e);
	for (size_t i = 0; i < n && !r; i++) {
		struct fp_proxy *p = list_of(which[i]);

		if (p && !p->is_off)
			r = take_list(which[i], p, e);
	}
	return r;
}

/* ---- listing */

static int begin(struct list_one *o, struct fp_err *e);

/* Was it the transport that failed, and is there another one? */
static bool is_again(const struct list_one *o, int code)
{
	const struct fp_edge *x = o->edge;

	return code && code != -ENOMEM && code != -EREMOTEIO &&
	       code != -EAGAIN && code != -EOVERFLOW && o->mi != x->mi &&
	       x->view;
}

static void listed(void *ctx, int code, struct fp_dialogs *s,
		   const struct fp_err *said)
{
	struct list_one *o = ctx;
	struct fp_edge *x = o->edge;
	struct fp_err e = *said;

	o->listing = NULL;
	if (is_again(o, code)) {
		is_away(x, said);
		code = begin(o, &e);
		if (!code)
			return;
	}
	x->dialogs = s;
	if (code) {
		x->code = code;
		x->err = e;
	}
	one_less(o->run);
}

static int begin(struct list_one *o, struct fp_err *e)
{
	struct fp_listing_opts l = { .mi = mi_of(o->edge),
				     .timeout_ms = o->edge->all->o.timeout_ms,
				     .progress = progressed,
				     .done = listed,
				     .ctx = o };

	o->mi = l.mi;
	return fp_listing_start(&o->listing, &l, e);
}

static int start_one(struct list_run *run, struct list_one *o,
		     struct fp_edge *x, struct fp_err *e)
{
	int r;

	*o = (struct list_one){ .run = run, .edge = x };
	fp_dialogs_free(x->dialogs);
	x->dialogs = NULL;
	if (!mi_of(x))
		return 0; /* x->code and err say why */
	r = begin(o, e);
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
	int r = connect_lists(s, which, n, e);

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
