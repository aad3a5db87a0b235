/* SPDX-License-Identifier: Apache-2.0 */
#include "rehome/life.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health/engine.h"
#include "rehome/edges_priv.h"

struct fp_life_ask {
	struct fp_edge *x;
	struct fp_life life;
	size_t n_told, n_refused; /* readings of SIP */
	/* SIP */
	struct fp_sip *sip;
	struct fp_probe_env env;
	struct fp_engine *engine;
	struct fp_err *e;
	/* fp_mi_list; NULL: it has none */
	struct fp_proxy *list;
	size_t n_left; /* of both */
	bool is_done;
};

static void one_less(struct fp_life_ask *a)
{
	if (--a->n_left)
		return;
	a->is_done = true;
	fp_loop_stop(a->x->all->o.loop);
}

/* ---- SIP */

static int add(void *ctx, const struct fp_endpoint *to)
{
	struct fp_life_ask *a = ctx;

	a->life.is_asked = true;
	return fp_engine_add(a->engine, &fp_probe_sip, a->x->host, to, "sip",
			     a->e);
}

/* Any final response is a sign of life: 503, too.  The figure is of a response
 * alone. */
static void reading(void *ctx, size_t i, struct fp_reading *r, bool is_news)
{
	struct fp_life_ask *a = ctx;
	const char *refused = strerrordesc_np(ECONNREFUSED);
	struct fp_life *out = &a->life;
	bool is_alive = false;

	(void)i;
	(void)is_news;
	for (size_t k = 0; k < r->n_figures; k++)
		is_alive |= !strcmp(r->figure[k].name, "latency");
	if (!out->is_alive)
		snprintf(out->said, sizeof(out->said), "OPTIONS: %s",
			 r->detail);
	out->is_alive |= is_alive;
	a->n_told++;
	a->n_refused += strstr(r->detail, refused) != NULL;
}

static void over(void *ctx)
{
	one_less(ctx);
}

static int begin_sip(struct fp_life_ask *a, int64_t timeout_ms,
		     struct fp_err *e)
{
	const struct fp_edges_opts *o = &a->x->all->o;
	const struct fp_sip_opts opts = { .from_user = NULL };
	const struct fp_engine_opts eo = { .env = &a->env,
					   .timeout_ms = timeout_ms,
					   .reading = reading,
					   .round = over,
					   .ctx = a };
	int r = fp_sip_open(&a->sip, o->loop, &opts, e);

	a->env = (struct fp_probe_env){ .loop = o->loop,
					.resolver = o->resolver,
					.sip = a->sip,
					.app = "fp-rehome" };
	a->e = e;
	if (!r)
		r = fp_engine_open(&a->engine, &eo, e);
	if (!r)
		r = fp_probe_sip.plan(a->x->host, add, a, e);
	if (r || !a->life.is_asked)
		return r;
	a->n_left++;
	fp_engine_round(a->engine, NULL);
	return 0;
}

/* ---- fp_mi_list */

static void was_read(void *ctx)
{
	one_less(ctx);
}

static void begin_list(struct fp_life_ask *a, int64_t timeout_ms)
{
	struct fp_proxies *lists = &a->x->all->lists;

	for (size_t i = 0; i < lists->n; i++) {
		lists->v[i].is_off = lists->v[i].host != a->x->host;
		if (!lists->v[i].is_off)
			a->list = &lists->v[i];
	}
	if (!a->list)
		return;
	a->n_left++;
	fp_proxies_read(lists, FP_OS_CLUSTER, timeout_ms, was_read, a);
}

/* ---- both */

static void ask_free(struct fp_life_ask *a)
{
	fp_engine_close(a->engine);
	fp_sip_close(a->sip);
	free(a);
}

int fp_life_begin(struct fp_life_ask **out, struct fp_edge *x, int64_t sip_ms,
		  int64_t list_ms, struct fp_err *e)
{
	struct fp_life_ask *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return fp_err(e, -ENOMEM, "out of memory");
	a->x = x;
	a->n_left = 1;
	r = begin_sip(a, sip_ms, e);
	if (r) {
		ask_free(a);
		return r;
	}
	begin_list(a, list_ms);
	one_less(a);
	*out = a;
	return 0;
}

static int take(struct fp_life_ask *a, struct fp_err *e)
{
	struct fp_edge *x = a->x;
	int r = 0;

	/* a silence after a refusal is no other news: it is not told each time */
	a->life.is_closed =
		!a->life.is_alive &&
		(x->life.is_closed || (a->n_told && a->n_refused == a->n_told));
	a->life.is_list = a->list && a->list->view;
	if (a->life.is_list)
		r = edges_check_id(x, &a->list->view->opensips, "fp_mi_list",
				   e);
	x->life = a->life;
	return r;
}

int fp_life_end(struct fp_life_ask *a, int r, struct fp_err *e)
{
	if (!a)
		return r;
	if (!r)
		r = fp_loop_wait(a->x->all->o.loop, &a->is_done, e);
	if (!r)
		r = take(a, e);
	/* what is under way would tell us */
	if (!a->is_done && a->list)
		fp_proxies_drop(&a->x->all->lists);
	ask_free(a);
	return r;
}
