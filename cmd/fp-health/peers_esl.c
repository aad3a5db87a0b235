/* SPDX-License-Identifier: Apache-2.0 */
/* fp-health peers: the gateways of all FreeSWITCHes, asked at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/endpoint.h"
#include "codec/gateways.h"
#include "io/clock.h"
#include "io/secret.h"
#include "peer/esl.h"
#include "peers.h"

#define PORT 8021
#define PASSWORD "ClueCon" /* as FreeSWITCH comes */
#define BANNER_MS 2000
#define ASK "api sofia xmlstatus gateway"

struct gateway_of {
	struct fh_gateways *all;
	const struct fp_host *host;
	struct fp_endpoint to;
	struct fp_lookup *lookup;
	struct fp_esl *esl;
	bool is_over;
};

struct fh_gateways {
	struct fh_peers *x;
	struct gateway_of *v;
	size_t n, n_left;
	struct fp_timer end;
	int code;
	struct fp_err *e;
};

/* From the loop, not from within an answer. */
static void end(void *ctx)
{
	struct fh_gateways *g = ctx;

	g->x->is_done = true;
	fp_loop_stop(g->x->nodes.loop);
}

static void over(struct gateway_of *v, const char *why)
{
	if (v->is_over)
		return;
	v->is_over = true;
	if (why)
		fh_peers_failed(v->all->x, v->host->name, why);
	if (!--v->all->n_left)
		fp_loop_timer_arm(v->all->x->nodes.loop, &v->all->end,
				  fp_clock_ms());
}

static int add(void *ctx, const struct fp_gateway *g)
{
	struct gateway_of *v = ctx;

	return fh_peers_add(v->all->x, g->proxy, v->all->e, "gateway %s %s::%s",
			    v->host->name, g->profile, g->name);
}

static void answered(void *ctx, int code, const struct fp_esl_frame *f,
		     const struct fp_err *e)
{
	struct gateway_of *v = ctx;
	struct fp_err why = { .text = "" };
	int r;

	if (code) {
		over(v, e->text);
		return;
	}
	/* without mod_sofia there are no gateways */
	if (strstr(f->body, "sofia Command not found")) {
		over(v, NULL);
		return;
	}
	r = fp_gateways_parse(f->body, f->body_len, add, v, &why);
	if (r == -ENOMEM)
		v->all->code = r;
	over(v, r ? why.text : NULL);
}

static void opened(void *ctx)
{
	struct gateway_of *v = ctx;
	struct fp_err e = { .text = "" };

	if (fp_esl_ask(v->esl, ASK, v->all->x->c->timeout_ms, answered, v, &e))
		over(v, e.text);
}

static void event(void *ctx, const struct fp_esl_frame *f)
{
	(void)ctx;
	(void)f;
}

static void closed(void *ctx, int code, const struct fp_err *e)
{
	over(ctx, *e->text ? e->text : strerror(-code));
}

static int open_esl(struct gateway_of *v, const struct sockaddr *to,
		    socklen_t len, struct fp_err *e)
{
	const struct fp_esl_events ev = {
		.opened = opened, .event = event, .closed = closed, .ctx = v
	};
	const char *file = fp_inventory_var(v->host, "fp_esl_password_file");
	int64_t timeout_ms = v->all->x->c->timeout_ms;
	char password[256] = PASSWORD;
	struct fp_esl_opts o = {
		.sa_len = len,
		.password = password,
		.connect_ms = timeout_ms,
		.banner_ms = timeout_ms < BANNER_MS ? timeout_ms : BANNER_MS,
		.max_bytes = 16 << 20,
	};
	int r = 0;

	if (len > sizeof(o.sa))
		return fp_err(e, -EINVAL, "no address");
	memcpy(&o.sa, to, len);
	if (file)
		r = fp_secret_read(file, password, sizeof(password), e);
	if (!r)
		r = fp_esl_open(&v->esl, v->all->x->nodes.loop, &o, &ev, e);
	explicit_bzero(password, sizeof(password));
	return r;
}

static void resolved(void *ctx, int code, const struct sockaddr *to,
		     socklen_t len, const struct fp_err *e)
{
	struct gateway_of *v = ctx;
	struct fp_err why = { .text = "" };

	v->lookup = NULL;
	if (code)
		over(v, *e->text ? e->text : strerror(-code));
	else if (open_esl(v, to, len, &why))
		over(v, why.text);
}

/* Those that have an event socket. */
static int collect(struct fh_gateways *g, struct fp_err *e)
{
	const struct fp_nodes *n = &g->x->nodes;

	g->v = calloc(n->n_hosts, sizeof(*g->v));
	if (!g->v)
		return fp_err_sys(e, -ENOMEM, "nodes");
	for (size_t i = 0; i < n->n_hosts; i++) {
		const char *esl = fp_inventory_var(n->hosts[i], "fp_esl");
		struct gateway_of *v = &g->v[g->n];
		int r = esl ? fp_endpoint_list(esl, 0, &v->to, e) : 0;

		if (r < 0)
			return fp_err_prefix(e, r, "%s: fp_esl",
					     n->hosts[i]->name);
		if (!r)
			continue;
		v->all = g;
		v->host = n->hosts[i];
		g->n++;
	}
	return 0;
}

static void close_all(struct fh_gateways *g)
{
	fp_loop_timer_disarm(g->x->nodes.loop, &g->end);
	for (size_t i = 0; i < g->n; i++) {
		if (g->v[i].lookup)
			fp_resolve_cancel(g->v[i].lookup);
		fp_esl_close(g->v[i].esl);
	}
	free(g->v);
}

int fh_peers_freeswitch(struct fh_peers *x, struct fp_err *e)
{
	struct fh_gateways g = { .x = x, .e = e };
	int r = collect(&g, e);

	g.end = (struct fp_timer){ .fire = end, .ctx = &g };
	g.n_left = g.n;
	x->is_done = !g.n;
	for (size_t i = 0; i < g.n && !r; i++) {
		struct fp_err why = { .text = "" };

		if (fp_resolve(x->nodes.resolver, &g.v[i].to, PORT,
			       x->c->timeout_ms, resolved, &g.v[i],
			       &g.v[i].lookup, &why))
			over(&g.v[i], why.text);
	}
	if (!r)
		r = fp_nodes_wait(&x->nodes, &x->is_done, e);
	close_all(&g);
	return r ? r : g.code;
}
