/* SPDX-License-Identifier: Apache-2.0 */
#include "rehome/life.h"

#include <stdio.h>
#include <string.h>

#include "health/engine.h"
#include "rehome/edges_priv.h"

/* ---- SIP */

struct ask {
	struct fp_loop *loop;
	struct fp_engine *engine;
	const struct fp_host *host;
	bool is_done;
	struct fp_life *out;
	struct fp_err *e;
};

static int add(void *ctx, const struct fp_endpoint *to)
{
	struct ask *a = ctx;

	a->out->is_asked = true;
	return fp_engine_add(a->engine, &fp_probe_sip, a->host, to, "sip",
			     a->e);
}

/* Any final response is a sign of life: 503, too.  The figure is of a response
 * alone. */
static void reading(void *ctx, size_t i, struct fp_reading *r, bool is_news)
{
	struct ask *a = ctx;
	struct fp_life *out = a->out;
	bool is_alive = false;

	(void)i;
	(void)is_news;
	for (size_t k = 0; k < r->n_figures; k++)
		is_alive |= !strcmp(r->figure[k].name, "latency");
	if (!out->is_alive)
		snprintf(out->said, sizeof(out->said), "OPTIONS: %s",
			 r->detail);
	out->is_alive |= is_alive;
}

static void over(void *ctx)
{
	struct ask *a = ctx;

	a->is_done = true;
	fp_loop_stop(a->loop);
}

int fp_life_sip(const struct fp_edge *x, int64_t timeout_ms,
		struct fp_life *out, struct fp_err *e)
{
	const struct fp_edges_opts *o = &x->all->o;
	struct ask a = { .loop = o->loop, .host = x->host, .out = out, .e = e };
	struct fp_sip *sip = NULL;
	const struct fp_sip_opts opts = { .from_user = NULL };
	struct fp_probe_env env = { .loop = o->loop,
				    .resolver = o->resolver,
				    .app = "fp-rehome" };
	const struct fp_engine_opts eo = { .env = &env,
					   .timeout_ms =
						   o->timeout_ms < timeout_ms
							   ? o->timeout_ms
							   : timeout_ms,
					   .reading = reading,
					   .round = over,
					   .ctx = &a };
	int r = fp_sip_open(&sip, o->loop, &opts, e);

	*out = (struct fp_life){ .is_asked = false };
	env.sip = sip;
	if (!r)
		r = fp_engine_open(&a.engine, &eo, e);
	if (!r)
		r = fp_probe_sip.plan(x->host, add, &a, e);
	if (!r && out->is_asked) {
		fp_engine_round(a.engine, NULL);
		r = fp_loop_wait(o->loop, &a.is_done, e);
	}
	fp_engine_close(a.engine);
	fp_sip_close(sip);
	return r;
}

/* ---- fp_mi_list */

struct wait {
	struct fp_loop *loop;
	bool is_done;
};

static void was_read(void *ctx)
{
	struct wait *w = ctx;

	w->is_done = true;
	fp_loop_stop(w->loop);
}

int fp_life_list(struct fp_edge *x, int64_t timeout_ms, bool *is_alive,
		 struct fp_err *e)
{
	struct fp_proxies *lists = &x->all->lists;
	struct wait w = { .loop = x->all->o.loop };
	struct fp_proxy *mine = NULL;
	int r;

	*is_alive = false;
	for (size_t i = 0; i < lists->n; i++) {
		lists->v[i].is_off = lists->v[i].host != x->host;
		if (!lists->v[i].is_off)
			mine = &lists->v[i];
	}
	if (!mine)
		return 0;
	fp_proxies_read(lists, FP_OS_CLUSTER, timeout_ms, was_read, &w);
	r = fp_loop_wait(w.loop, &w.is_done, e);
	if (r || !mine->view)
		return r;
	*is_alive = true;
	return edges_check_id(x, &mine->view->opensips, "fp_mi_list", e);
}
