/* SPDX-License-Identifier: Apache-2.0 */
/* fp-health weights: what each FreeSWITCH can carry, by OpenSIPS' own formulas.
 *
 * A FreeSWITCH that is paused or not ready keeps the weight that it has: a weight
 * of 0 does not keep calls away from it.  A dispatcher's destination of weight 0
 * is chosen all the same when all have 0, by round robin in its turn, and as the
 * next one after a failure.  To keep calls away is what steer does.
 * Source: OpenSIPS 3.6.8 dispatch.c, ds_select_dst. */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health.h"
#include "verb/db.h"
#include "health/engine.h"
#include "logic/health_steer.h"
#include "weights.h"

#define MAX_WEIGHT 100
#define PARALLEL 1024

/* ---- records */

#define AT(M) offsetof(struct fh_weight, M)
static const struct fp_field fields[] = {
	{ "proxy", AT(proxy_name), FP_F_STR, NULL, "the OpenSIPS" },
	{ "kind", AT(kind), FP_F_STR, NULL, "dispatcher or load_balancer" },
	{ "set", AT(set), FP_F_STR, NULL, "its set or group" },
	{ "uri", AT(uri), FP_F_STR, NULL, "the destination" },
	{ "node", AT(node), FP_F_STR, NULL, "the FreeSWITCH" },
	{ "now", AT(now), FP_F_DOUBLE, NULL, "weight or max_load it has" },
	{ "weight", AT(weight), FP_F_DOUBLE, NULL, "what it should have" },
	{ "sessions", AT(sessions), FP_F_DOUBLE, NULL, "sessions there" },
	{ "max_sessions", AT(max_sessions), FP_F_DOUBLE, NULL, "at most" },
	{ "idle", AT(idle), FP_F_DOUBLE, "%", "idle CPU" },
	{ "changed", AT(is_changed), FP_F_BOOL, NULL, "it was set" },
	{ "detail", AT(detail), FP_F_TEXT, NULL, "why not" },
};
static const struct fp_type type = { "weight", fields, FH_COUNT(fields) };

/* ---- FreeSWITCH */

static int add_probe(void *ctx, const struct fp_endpoint *to)
{
	struct fh_weights *w = ctx;

	if (w->switches[w->n_switches - 1].has_probe)
		return 0; /* the first event socket of a node will do */
	w->switches[w->n_switches - 1].has_probe = true;
	return fp_engine_add(w->engine, &fp_probe_esl,
			     w->switches[w->n_switches - 1].host, to, "esl",
			     w->e);
}

static int add_switches(struct fh_weights *w, struct fp_err *e)
{
	int r = 0;

	w->switches = calloc(w->nodes.n_hosts, sizeof(*w->switches));
	if (!w->switches)
		return fp_err_sys(e, -ENOMEM, "nodes");
	w->e = e;
	for (size_t i = 0; i < w->nodes.n_hosts && !r; i++) {
		if (!fp_inventory_var(w->nodes.hosts[i], "fp_esl"))
			continue;
		w->switches[w->n_switches++] = (struct fh_switch){
			.host = w->nodes.hosts[i],
			.is_silent = true,
		};
		r = fp_probe_esl.plan(w->nodes.hosts[i], add_probe, w, e);
	}
	if (!r && !w->n_switches)
		r = fp_err(e, -EINVAL, "no node has fp_esl");
	return r;
}

/* Probes were added in the order of switches, one each. */
static void reading(void *ctx, size_t i, struct fp_reading *r, bool is_news)
{
	struct fh_weights *w = ctx;
	struct fh_switch *s = &w->switches[i];

	if (is_news)
		return;
	snprintf(s->detail, sizeof(s->detail), "%s", r->detail);
	s->is_silent = !r->view;
	if (r->view)
		s->view = r->view->freeswitch;
}

static void done(void *ctx)
{
	struct fh_weights *w = ctx;

	w->is_done = true;
	fp_loop_stop(w->nodes.loop);
}

static int ask_switches(struct fh_weights *w, struct fp_err *e)
{
	const struct fp_probe_env env = { .loop = w->nodes.loop,
					  .work = w->nodes.work,
					  .resolver = w->nodes.resolver,
					  .app = "fp-health" };
	int64_t parallel = PARALLEL;
	struct fp_engine_opts o = { .env = &env,
				    .timeout_ms = w->c->timeout_ms,
				    .reading = reading,
				    .round = done,
				    .ctx = w };
	int r = fp_nodes_number(w->c, "parallel", 1, 100000, &parallel, e);

	o.parallel = (unsigned int)parallel;
	if (!r)
		r = fp_engine_open(&w->engine, &o, e);
	if (!r)
		r = add_switches(w, e);
	w->is_done = false;
	if (!r)
		fp_engine_round(w->engine, NULL);
	if (!r)
		r = fp_nodes_wait(&w->nodes, &w->is_done, e);
	fp_engine_close(w->engine);
	w->engine = NULL;
	return r;
}

/* ---- OpenSIPS */

int fh_weights_read(struct fh_weights *w, struct fp_err *e)
{
	w->is_done = false;
	fp_proxies_read(&w->proxies, FP_OS_DESTS, w->c->timeout_ms, done, w);
	return fp_nodes_wait(&w->nodes, &w->is_done, e);
}

static int resolve(struct fh_weights *w, struct fp_err *e)
{
	int r = 0;

	for (size_t i = 0; i < w->proxies.n; i++) {
		const struct fp_view *v = w->proxies.v[i].view;

		for (size_t k = 0; v && !r && k < v->opensips.n_dests; k++) {
			char host[256];
			uint16_t port;

			if (!fp_places_host(&v->opensips.dest[k], host, &port))
				r = fp_names_add(w->names, host, e);
		}
	}
	w->is_done = false;
	if (!r)
		fp_names_resolve(w->names, w->c->timeout_ms, done, w);
	return r ? r : fp_nodes_wait(&w->nodes, &w->is_done, e);
}

static int open_proxies(struct fh_weights *w, struct fp_err *e)
{
	const struct fp_host *all;
	size_t n = fp_inventory_hosts(w->nodes.inv, &all);
	const struct fp_host **list =
		calloc(n ? n : 1, sizeof(const struct fp_host *));
	int r;

	if (!list)
		return fp_err_sys(e, -ENOMEM, "proxies");
	for (size_t i = 0; i < n; i++)
		list[i] = &all[i];
	r = fp_names_open(&w->names, w->nodes.loop, w->nodes.work, e);
	if (!r)
		r = fp_proxies_init(&w->proxies, w->nodes.loop,
				    w->nodes.resolver, list, n, true, e);
	if (!r)
		r = fp_places_init(&w->places, w->names, w->nodes.hosts,
				   w->nodes.n_hosts, e);
	free(list);
	if (!r && !w->proxies.n)
		r = fp_err(e, -EINVAL, "no node has fp_mi");
	if (!r)
		r = fh_weights_read(w, e);
	return r ? r : resolve(w, e);
}

/* ---- the formulas */

static struct fh_switch *switch_of(struct fh_weights *w,
				   const struct fp_host *h)
{
	for (size_t i = 0; i < w->n_switches; i++)
		if (w->switches[i].host == h)
			return &w->switches[i];
	return NULL;
}

static void judge(struct fh_weights *w, struct fh_weight *x,
		  const struct fh_switch *s, const struct fp_view_dest *d)
{
	const struct fp_view_freeswitch *v = &s->view;
	const char *resource = fp_cli_get(w->c, "resource");

	x->now = (double)(d->kind == FP_DEST_DISPATCHER ? d->weight : d->max);
	x->weight = x->sessions = x->max_sessions = x->idle = NAN;
	if (x->now < 0)
		x->now = NAN;
	if (s->is_silent) {
		snprintf(x->detail, sizeof(x->detail), "no figures: %s",
			 s->detail);
		return;
	}
	x->sessions = (double)v->sessions;
	x->max_sessions = (double)v->max_sessions;
	x->idle = v->idle_percent;
	x->weight = (double)(d->kind == FP_DEST_DISPATCHER
				     ? fp_weight_dispatcher(w->max_weight,
							    v->sessions,
							    v->max_sessions,
							    v->idle_percent)
				     : fp_weight_load_balancer(v->sessions,
							       v->max_sessions,
							       v->idle_percent,
							       d->load));
	if (!v->is_ready || v->is_paused)
		snprintf(x->detail, sizeof(x->detail),
			 "%s: left as it is, steer keeps calls away",
			 v->is_paused ? "paused" : "not ready");
	else if (d->kind == FP_DEST_LOAD_BALANCER && resource &&
		 strcmp(resource, d->resource))
		snprintf(x->detail, sizeof(x->detail),
			 "its first resource is %s, not %s", d->resource,
			 resource);
	else if (isnan(x->now))
		snprintf(x->detail, sizeof(x->detail),
			 "OpenSIPS does not say what it has");
	else
		x->is_wanted = x->now != x->weight;
}

static void add(struct fh_weights *w, struct fp_proxy *p,
		const struct fp_view_dest *d)
{
	const struct fp_host *other;
	const struct fp_host *node = fp_places_find(&w->places, d, &other);
	struct fh_switch *s = node ? switch_of(w, node) : NULL;
	struct fh_weight *x = &w->v[w->n];

	if (!s || d->kind == FP_DEST_RTPENGINE)
		return;
	w->n++;
	*x = (struct fh_weight){ .proxy = p,
				 .dest = *d,
				 .proxy_name = p->host->name,
				 .kind = fp_dest_kind_name(d->kind),
				 .node = node->name };
	x->set = x->dest.set;
	x->uri = x->dest.uri;
	judge(w, x, s, d);
	if (!other)
		return;
	x->is_wanted = false;
	snprintf(x->detail, sizeof(x->detail), "it could be %s as well",
		 other->name);
}

static int compute(struct fh_weights *w, struct fp_err *e)
{
	size_t n = 0;

	for (size_t i = 0; i < w->proxies.n; i++)
		if (w->proxies.v[i].view)
			n += w->proxies.v[i].view->opensips.n_dests;
	w->v = calloc(n ? n : 1, sizeof(*w->v));
	if (!w->v)
		return fp_err_sys(e, -ENOMEM, "destinations");
	for (size_t i = 0; i < w->proxies.n; i++) {
		struct fp_proxy *p = &w->proxies.v[i];

		if (!p->view) {
			fp_log(FP_LOG_ERR, "%s: %s", p->host->name,
			       p->err.text);
			w->n_silent++;
			continue;
		}
		for (size_t k = 0; k < p->view->opensips.n_dests; k++)
			add(w, p, &p->view->opensips.dest[k]);
	}
	/* each has its place now */
	for (size_t i = 0; i < w->n; i++) {
		w->v[i].set = w->v[i].dest.set;
		w->v[i].uri = w->v[i].dest.uri;
	}
	for (size_t i = 0; i < w->n_switches; i++)
		w->n_silent += w->switches[i].is_silent;
	return 0;
}

/* ---- the verb */

static int report(struct fh_weights *w, bool is_applied, struct fp_err *e)
{
	size_t n_changed = 0, n_wanted = 0, n_missed = 0;
	int r = 0;

	for (size_t i = 0; i < w->n && !r; i++) {
		r = fp_out_record(w->c->out, &type, &w->v[i], e);
		n_changed += w->v[i].is_changed;
		n_wanted += w->v[i].is_wanted;
		n_missed += w->v[i].is_half ||
			    (w->v[i].is_wanted && !w->v[i].is_changed);
	}
	if (r)
		return fp_cli_fail(w->c, r, e);
	fp_out_counts(w->c->out, n_changed > 0, NULL, "destinations",
		      (uint64_t)w->n, "differ", (uint64_t)n_wanted, "changed_n",
		      (uint64_t)n_changed, "silent", (uint64_t)w->n_silent,
		      NULL);
	if (w->n_silent || (is_applied && n_missed))
		return FP_EXIT_PARTIAL;
	if (w->c->is_dry_run && fp_cli_get(w->c, "apply"))
		return n_wanted ? FP_EXIT_NO : FP_EXIT_OK;
	return FP_EXIT_OK;
}

static void fini(struct fh_weights *w)
{
	fp_proxies_fini(&w->proxies);
	fp_places_fini(&w->places);
	fp_names_close(w->names);
	free(w->switches);
	free(w->v);
	fp_nodes_close(&w->nodes);
}

int fh_weights(struct fp_cli *c)
{
	struct fh_weights w = { .c = c, .max_weight = MAX_WEIGHT };
	struct fp_err e = { .text = "" };
	bool is_applied = fp_cli_get(c, "apply") && !c->is_dry_run;
	int status;
	int r = fp_out_check(c->out, &type, &e);

	if (!r)
		r = fp_nodes_number(c, "max-weight", 1, 65535, &w.max_weight,
				    &e);
	if (!r)
		r = fp_nodes_open(&w.nodes, c, c->argv, (size_t)c->argc, &e);
	if (!r)
		r = ask_switches(&w, &e);
	if (!r)
		r = open_proxies(&w, &e);
	if (!r)
		r = compute(&w, &e);
	if (!r && fp_cli_get(c, "apply"))
		r = fh_weights_apply(&w, &e);
	status = r ? fp_verb_db_fail(c, r, &e) : report(&w, is_applied, &e);
	fini(&w);
	return status;
}
