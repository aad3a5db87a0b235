/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health/site_priv.h"
#include "io/clock.h"

#define THREADS 16       /* for what blocks: libpq, librabbitmq */
#define NAME_THREADS 8   /* for getaddrinfo */
#define SECOND_MS 1000   /* between the two readings of a round */
#define FILTERS_MS 30000 /* how often filters are asked in a watch */

/* ---- rounds */

static void on_reading(void *ctx, size_t i, struct fp_reading *r, bool is_news)
{
	struct fp_site *s = ctx;
	struct fp_site_check *c = s->probed[i];

	if (s->is_second) /* one run is one reading; this is to compare */
		fp_site_take_view(c, r);
	else
		fp_site_feed(s, c, r,
			     is_news ? fp_clock_ms() : c->probe->started_ms);
}

/* For a second reading: what a comparison that looks bad is made of, of those that
 * answered. */
static bool is_compared(void *ctx, size_t i)
{
	struct fp_site *s = ctx;
	const struct fp_site_check *c = s->probed[i];
	const char *kind = c->kind->name;

	return c->view_kind && c->node->view[c->view_kind - 1] &&
	       (!strcmp(kind, "mi") || !strcmp(kind, "esl") ||
		!strcmp(kind, "store"));
}

static void arm(struct fp_site *s, int64_t at_ms)
{
	fp_loop_timer_arm(s->o.loop, &s->tick, at_ms);
}

static void end_round(struct fp_site *s)
{
	fp_site_let_go(s);
	if (fp_site_compare(s)) {
		s->is_second = true;
		arm(s, fp_clock_ms() + SECOND_MS);
		return;
	}
	s->is_second = false;
	s->o.tick(s->o.ctx);
}

void fp_site_asked(struct fp_site *s)
{
	if (!s->is_asking && !s->n_filters_left)
		end_round(s);
}

static void on_round(void *ctx)
{
	struct fp_site *s = ctx;

	s->is_asking = false;
	fp_site_asked(s);
}

static void ask_filters(struct fp_site *s)
{
	s->filters_ms = fp_clock_ms();
	s->n_filters_left = s->o.interval_ms ? 0 : s->n_filters;
	if (s->filters)
		fp_filters_ask(s->filters);
}

static void on_tick(void *ctx)
{
	struct fp_site *s = ctx;

	if (!s->o.interval_ms) {
		s->is_asking = true;
		fp_engine_round(s->engine, is_compared);
		return;
	}
	arm(s, fp_clock_ms() + s->o.interval_ms);
	if (fp_clock_ms() - s->filters_ms >= FILTERS_MS)
		ask_filters(s);
	fp_site_compare(s);
	s->o.tick(s->o.ctx);
}

/* Checks that cannot be asked say so at once. */
static void say_fixed(struct fp_site *s)
{
	for (size_t i = 0; i < s->n_nodes; i++)
		for (size_t j = 0; j < s->node[i].n_checks; j++) {
			struct fp_site_check *c = s->node[i].check[j];
			struct fp_reading r = c->last;

			if (c->is_fixed)
				fp_site_deliver(s, c, &r);
		}
}

void fp_site_start(struct fp_site *s)
{
	say_fixed(s);
	if (s->o.interval_ms) {
		fp_engine_start(s->engine);
		arm(s, fp_clock_ms() + s->o.interval_ms);
	} else {
		s->is_asking = true;
		fp_engine_round(s->engine, NULL);
	}
	ask_filters(s);
}

/* ---- what probes share */

static int open_env(struct fp_site *s, struct fp_err *e)
{
	const struct fp_sip_opts sip = { .tls = NULL }; /* probes have theirs */
	int r;

	s->env = (struct fp_probe_env){ .loop = s->o.loop,
					.app = s->o.app,
					.is_watching = s->o.interval_ms,
					.sip_fail = s->o.sip_fail };
	r = fp_work_open(&s->env.work, s->o.loop, THREADS, e);
	if (!r)
		r = fp_work_open(&s->names, s->o.loop, NAME_THREADS, e);
	if (!r)
		r = fp_resolver_open(&s->env.resolver, s->o.loop, s->names, e);
	if (!r)
		r = fp_sip_open(&s->env.sip, s->o.loop, &sip, e);
	return r ? r : fp_ng_open(&s->env.ng, s->o.loop, e);
}

static void close_env(struct fp_site *s)
{
	if (s->env.ng)
		fp_ng_close(s->env.ng);
	if (s->env.sip)
		fp_sip_close(s->env.sip);
	if (s->env.resolver)
		fp_resolver_close(s->env.resolver);
	if (s->names)
		fp_work_close(s->names);
	if (s->env.work)
		fp_work_close(s->env.work);
}

/* ---- open, close */

static int make_nodes(struct fp_site *s, struct fp_err *e)
{
	s->n_nodes = s->o.n_hosts;
	s->node = calloc(s->n_nodes + 1, sizeof(*s->node));
	if (!s->node)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < s->n_nodes; i++) {
		s->node[i].host = s->o.hosts[i];
		s->node[i].name = s->o.hosts[i]->name;
	}
	s->node[s->n_nodes].name = "";
	return 0;
}

static void count_network_nodes(struct fp_site *s)
{
	for (size_t i = 0; i < s->n_probed; i++)
		if (s->probed[i]->is_network &&
		    !s->probed[i]->node->n_askable++)
			s->n_network_nodes++;
}

int fp_site_open(struct fp_site **out, const struct fp_site_opts *o,
		 struct fp_err *e)
{
	struct fp_site *s = calloc(1, sizeof(*s));
	struct fp_engine_opts engine = { .interval_ms = o->interval_ms,
					 .timeout_ms = o->timeout_ms,
					 .parallel = o->parallel,
					 .reading = on_reading,
					 .round = on_round,
					 .ctx = s };
	int r;

	if (!s)
		return fp_err(e, -ENOMEM, "out of memory");
	s->o = *o;
	s->tick = (struct fp_timer){ .fire = on_tick, .ctx = s };
	engine.env = &s->env;
	r = make_nodes(s, e);
	if (!r)
		r = open_env(s, e);
	if (!r)
		r = fp_engine_open(&s->engine, &engine, e);
	if (!r)
		r = fp_site_plan(s, e);
	if (r) {
		fp_site_close(s);
		return r;
	}
	count_network_nodes(s);
	*out = s;
	return 0;
}

static void node_fini(struct fp_site_node *n)
{
	for (size_t i = 0; i < n->n_checks; i++) {
		free(n->check[i]->held);
		free(n->check[i]->data);
		free(n->check[i]);
	}
	free(n->check);
	free(n->thresholds);
	for (int k = 0; k < FP_VIEWS; k++) {
		fp_view_free(n->view[k]);
		fp_view_free(n->before[k]);
	}
}

void fp_site_close(struct fp_site *s)
{
	if (!s)
		return;
	fp_loop_timer_disarm(s->o.loop, &s->tick);
	fp_filters_close(s->filters);
	fp_engine_close(s->engine);
	close_env(s);
	for (size_t i = 0; s->node && i <= s->n_nodes; i++)
		node_fini(&s->node[i]);
	free(s->node);
	free(s->probed);
	free(s->filtered);
	free(s->mark);
	free(s);
}
