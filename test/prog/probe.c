/* SPDX-License-Identifier: Apache-2.0 */
/* Ask the event sockets and rtpengines of a cluster file, and print each reading
 * whole: what fp-health keeps to itself (views, who is silent, news) too.
 * probe CLUSTER TIMEOUT_MS [INTERVAL_MS]: one round, or for ever.
 * A reading is one line:
 *	NODE CHECK STATE [silent] [refusing] [news] "DETAIL" FIGURE=VALUE...
 *	run=... and what the view holds */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health/engine.h"
#include "health/probe.h"

static const struct fp_probe_kind *const kinds[] = { &fp_probe_esl,
						     &fp_probe_ng };
#define N_KINDS (sizeof(kinds) / sizeof(*kinds))

struct probing {
	struct fp_engine *engine;
	struct fp_loop *loop;
	const struct fp_host *host; /* while planning */
	const struct fp_probe_kind *kind;
};

static void print_view(const struct fp_view *v)
{
	const struct fp_view_freeswitch *f;

	if (!v)
		return;
	if (v->kind == FP_VIEW_RTPENGINE) {
		printf(" view: sessions=%" PRId64 " up_s=%" PRId64,
		       v->rtpengine.sessions, v->rtpengine.up_s);
		return;
	}
	f = &v->freeswitch;
	printf(" view: name=%s version=%s ready=%d paused=%d up_s=%" PRId64
	       " sessions=%" PRId64 "/%" PRId64 " rate=%g/%g idle=%g/%g"
	       " has_clock=%d skew_ms=%" PRId64 " rtp=%u-%u",
	       f->switchname, f->version, f->is_ready, f->is_paused, f->up_s,
	       f->sessions, f->max_sessions, f->rate, f->max_rate,
	       f->idle_percent, f->min_idle_percent, f->now_s != 0, f->skew_ms,
	       f->rtp_first, f->rtp_last);
}

static void on_reading(void *ctx, size_t i, struct fp_reading *r, bool is_news)
{
	struct probing *g = ctx;
	const struct fp_probe *p = fp_engine_probe(g->engine, i);

	printf("%s %s %s%s%s%s \"%s\"", p->host->name, p->check,
	       fp_health_name(r->state), r->is_silent ? " silent" : "",
	       r->is_refusing ? " refusing" : "", is_news ? " news" : "",
	       r->detail);
	for (size_t k = 0; k < r->n_figures; k++)
		printf(" %s=%g%s", r->figure[k].name, r->figure[k].value,
		       r->figure[k].unit);
	printf(" run=%s", r->run);
	print_view(r->view);
	printf("\n");
}

static void on_round(void *ctx)
{
	struct probing *g = ctx;

	fp_loop_stop(g->loop);
}

static int add(void *ctx, const struct fp_endpoint *to)
{
	struct probing *g = ctx;

	return fp_engine_add(g->engine, g->kind, g->host, to, g->kind->name,
			     NULL);
}

static int plan(struct probing *g, const struct fp_inventory *inv,
		struct fp_err *e)
{
	const struct fp_host *hosts;
	size_t n = fp_inventory_hosts(inv, &hosts);
	int code = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < N_KINDS && !code; k++) {
			g->host = &hosts[i];
			g->kind = kinds[k];
			code = kinds[k]->plan(&hosts[i], add, g, e);
		}
	return code;
}

static int run(struct probing *g, struct fp_probe_env *env,
	       const struct fp_inventory *inv, struct fp_engine_opts *o,
	       struct fp_err *e)
{
	int code = fp_engine_open(&g->engine, o, e);

	if (!code)
		code = plan(g, inv, e);
	if (code)
		return code;
	if (env->is_watching)
		fp_engine_start(g->engine);
	else
		fp_engine_round(g->engine, NULL);
	return fp_loop_run(env->loop) < 0 ? fp_err(e, -EIO, "loop") : 0;
}

int main(int argc, char **argv)
{
	struct fp_inventory *inv = NULL;
	struct fp_probe_env env = { .app = "probe" };
	struct probing g = { 0 };
	struct fp_engine_opts o = {
		.env = &env, .reading = on_reading, .round = on_round, .ctx = &g
	};
	struct fp_err e;
	int code;

	if (argc < 3)
		return 2;
	setlinebuf(stdout);
	o.timeout_ms = atoi(argv[2]);
	o.interval_ms = argc > 3 ? atoi(argv[3]) : 0;
	env.is_watching = o.interval_ms;
	if (fp_inventory_read(&inv, argv[1], &e) ||
	    fp_loop_open(&env.loop, &e) ||
	    fp_loop_signals(env.loop, NULL, NULL, &e) ||
	    fp_work_open(&env.work, env.loop, 2, &e) ||
	    fp_resolver_open(&env.resolver, env.loop, env.work, &e) ||
	    fp_ng_open(&env.ng, env.loop, &e)) {
		fprintf(stderr, "probe: %s\n", e.text);
		return 2;
	}
	g.loop = env.loop;
	code = run(&g, &env, inv, &o, &e);
	if (code)
		fprintf(stderr, "probe: %s\n", e.text);
	fp_engine_close(g.engine);
	fp_ng_close(env.ng);
	fp_resolver_close(env.resolver);
	fp_work_close(env.work);
	fp_loop_close(env.loop);
	fp_inventory_free(inv);
	return code ? 2 : 0;
}
