/* SPDX-License-Identifier: Apache-2.0 */
/* The node whose calls move: is it dead, as it is said to be; does it live? */
#include <stdio.h>
#include <string.h>

#include "health/engine.h"
#include "io/clock.h"
#include "rehome/preflight_priv.h"

#define SIP_MS 2000 /* a node that lives answers within T1 * 3 */
#define POLL_MS 250

/* ---- SIP */

struct ask {
	struct fp_loop *loop;
	struct fp_engine *engine;
	const struct fp_host *host;
	size_t n;
	bool is_done, is_alive;
	char said[160];
	struct fp_err *e;
};

static int add(void *ctx, const struct fp_endpoint *to)
{
	struct ask *a = ctx;

	a->n++;
	return fp_engine_add(a->engine, &fp_probe_sip, a->host, to, "sip",
			     a->e);
}

/* Any final response is a sign of life: 503, too.  The figure is of a response
 * alone. */
static void reading(void *ctx, size_t i, struct fp_reading *r, bool is_news)
{
	struct ask *a = ctx;
	bool is_alive = false;

	(void)i;
	(void)is_news;
	for (size_t k = 0; k < r->n_figures; k++)
		is_alive |= !strcmp(r->figure[k].name, "latency");
	if (!a->is_alive)
		snprintf(a->said, sizeof(a->said), "OPTIONS: %s", r->detail);
	a->is_alive |= is_alive;
}

static void over(void *ctx)
{
	struct ask *a = ctx;

	a->is_done = true;
	fp_loop_stop(a->loop);
}

static int ask_sip(const struct fp_edge *x, struct ask *a, struct fp_err *e)
{
	const struct fp_edges_opts *o = &x->all->o;
	struct fp_sip *sip = NULL;
	const struct fp_sip_opts opts = { .from_user = NULL };
	struct fp_probe_env env = { .loop = o->loop,
				    .resolver = o->resolver,
				    .app = "fp-rehome" };
	const struct fp_engine_opts eo = { .env = &env,
					   .timeout_ms = o->timeout_ms < SIP_MS
								 ? o->timeout_ms
								 : SIP_MS,
					   .reading = reading,
					   .round = over,
					   .ctx = a };
	int r = fp_sip_open(&sip, o->loop, &opts, e);

	*a = (struct ask){ .loop = o->loop, .host = x->host, .e = e };
	env.sip = sip;
	if (!r)
		r = fp_engine_open(&a->engine, &eo, e);
	if (!r)
		r = fp_probe_sip.plan(x->host, add, a, e);
	if (!r && a->n) {
		fp_engine_round(a->engine, NULL);
		r = fp_loop_wait(o->loop, &a->is_done, e);
	}
	fp_engine_close(a->engine);
	fp_sip_close(sip);
	return r;
}

/* ---- links */

static bool is_unsettled(const struct preflight *f)
{
	const struct fp_edges *s = f->p->edges;

	for (size_t i = 0; i < s->n; i++) {
		struct fp_check_link in = { .to = "" };

		if (&s->v[i] == f->p->from || !s->v[i].view)
			continue;
		in.state = fp_edge_link(&s->v[i], f->p->from, &in.next_hop);
		if (fp_check_link_wait(&in))
			return true;
	}
	return false;
}

/* Up is said for a while after a death, then Probe, then Down.
 * Source: facts/opensips-3nodes.md 1: 3 s with node_timeout 5, ping_interval 1. */
static int settle(struct preflight *f, struct fp_err *e)
{
	int64_t end_ms = fp_clock_ms() + f->p->link_wait_ms;
	int r = 0;

	while (!r && !f->p->from->view && is_unsettled(f) &&
	       fp_clock_ms() < end_ms) {
		r = fp_edges_pause(f->p->edges, POLL_MS, e);
		if (!r)
			r = fp_edges_read(f->p->edges, e);
	}
	return r;
}

static void dead_links(struct preflight *f)
{
	const struct fp_edges *s = f->p->edges;

	for (size_t i = 0; i < s->n; i++) {
		struct fp_check_link in = { .to = f->p->from->name,
					    .node_id = f->p->from->node_id };
		struct fp_check c;

		if (&s->v[i] == f->p->from || !s->v[i].view)
			continue;
		in.state = fp_edge_link(&s->v[i], f->p->from, &in.next_hop);
		fp_check_link_dead(&c, &in);
		preflight_tell(f, s->v[i].name, &c);
	}
}

/* ---- both */

/* Calls were meant to leave it when it died: nobody works on it. */
static bool is_drains(const struct fp_mark *m)
{
	return !strncmp(m->why, FP_DRAIN_WHY, strlen(FP_DRAIN_WHY));
}

static int dead(struct preflight *f, struct fp_err *e)
{
	const struct fp_edge *x = f->p->from;
	const struct fp_mark *m = preflight_mark(f->p, x);
	struct fp_check_alive in = { .is_mi = x->view };
	struct fp_check c;
	struct ask a;
	int r = ask_sip(x, &a, e);

	if (!r && !a.is_alive)
		r = settle(f, e);
	if (r)
		return r;
	in.is_mi = x->view;
	in.is_sip = a.is_alive;
	in.mi = x->err.text;
	in.sip = a.n ? a.said : NULL;
	fp_check_alive(&c, &in);
	preflight_tell(f, x->name, &c);
	dead_links(f);
	fp_check_maintenance(&c, m ? m->why : NULL, m ? m->by : NULL);
	if (m && is_drains(m)) {
		c.state = FP_CHECK_WARN;
		c.rule = "";
	}
	preflight_tell(f, x->name, &c);
	return 0;
}

int preflight_source(struct preflight *f, struct fp_err *e)
{
	const struct fp_edge *x = f->p->from;

	if (preflight_is_failover(f))
		return dead(f, e);
	if (f->p->kind != FP_MOVE_DRAIN || x->view)
		return 0;
	return fp_err(e, -EAGAIN,
		      "%s does not answer: %s; what is dead is failed over",
		      x->name, x->err.text);
}
