/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSIPS in front: who answers, and their dialogs; opened once, read once. */
#include <stdlib.h>

#include "io/resolve.h"
#include "peer/sip.h"
#include "recover.h"
#include "rehome/edges.h"

#define EDGE_MS 1000
#define SIP_MS 700 /* two OPTIONS: RFC 3261 17.1.2.2, T1 */
#define SIP_PORT 5060

struct asked { /* by SIP */
	struct fv_edges *s;
	struct fp_hop_edge *hop;
};
struct fv_edges {
	struct fp_edges of;
	struct fp_sip *sip;
	struct fp_loop *loop;
	struct fp_hop_edge *hop; /* of.n */
	struct asked *asked;     /* of.n */
	size_t n_asked;
	bool is_read, is_listed, is_heard;
};

/* ---- SIP, of those whose MI is silent */

static void one_less(struct fv_edges *s)
{
	if (--s->n_asked)
		return;
	s->is_heard = true;
	fp_loop_stop(s->loop);
}

static void answered(void *ctx, int code, const struct fp_sip_response *r,
		     int cert_days, const struct fp_err *e)
{
	struct asked *a = ctx;

	(void)r, (void)cert_days, (void)e;
	a->hop->is_there |= !code;
	one_less(a->s);
}

static void ask_one(struct fv_edges *s, size_t i)
{
	const char *list = fp_inventory_var(s->hop[i].host, "fp_sip");
	struct sockaddr_storage sa;
	struct fp_endpoint to;
	struct fp_err e;
	socklen_t len;

	if (!list || fp_endpoint_list(list, 0, &to, NULL) <= 0 ||
	    !to.addr.len || (to.transport && to.transport != FP_T_UDP))
		return;
	s->asked[i] = (struct asked){ .s = s, .hop = &s->hop[i] };
	len = fp_sockaddr(&to.addr, to.port ? to.port : SIP_PORT, &sa);
	to.transport = FP_T_UDP;
	if (!fp_sip_ask(s->sip, &to, (struct sockaddr *)&sa, len, NULL, SIP_MS,
			answered, &s->asked[i], NULL, &e))
		s->n_asked++;
}

/* One whose MI alone is away answers still, and is never replaced. */
static int ask_silent(struct fv_edges *s, struct fp_err *e)
{
	static const struct fp_sip_opts o = { .from_user = NULL };

	if (!s->sip && fp_sip_open(&s->sip, s->loop, &o, e))
		return 0;
	s->n_asked = 1;
	for (size_t i = 0; i < s->of.n; i++)
		if (!s->hop[i].is_there)
			ask_one(s, i);
	one_less(s);
	return fp_loop_wait(s->loop, &s->is_heard, e);
}

/* ---- all of them */

static int begin(struct fv_env *v, struct fp_err *e)
{
	const struct fp_edges_opts o = { .loop = v->nodes.loop,
					 .resolver = v->nodes.resolver,
					 .timeout_ms = EDGE_MS,
					 .say = fv_say,
					 .ctx = v };
	struct fv_edges *s = calloc(1, sizeof(*s));
	struct fp_err why;

	if (!s)
		return fp_err(e, -ENOMEM, "out of memory");
	s->loop = v->nodes.loop;
	v->edges = s;
	/* a file without them, or without fp_node_id: nothing is known */
	if (fp_edges_init(&s->of, &o, v->nodes.inv, &why))
		s->of.n = 0;
	s->hop = calloc(s->of.n + 1, sizeof(*s->hop));
	s->asked = calloc(s->of.n + 1, sizeof(*s->asked));
	return s->hop && s->asked ? 0 : fp_err(e, -ENOMEM, "out of memory");
}

static void take(struct fv_edges *s)
{
	for (size_t i = 0; i < s->of.n; i++) {
		const struct fp_edge *x = &s->of.v[i];

		s->hop[i].host = x->host;
		s->hop[i].view = x->view;
		s->hop[i].dialogs = x->dialogs;
		s->hop[i].is_there |= x->view != NULL;
	}
}

static int read_all(struct fv_edges *s, struct fp_err *e)
{
	int r = s->of.n ? fp_edges_read(&s->of, e) : 0;

	if (r == -EINVAL) /* another node answers there: nothing is known */
		s->of.n = 0;
	else if (r)
		return r;
	s->is_read = true;
	take(s);
	return 0;
}

static int list(struct fv_env *v, struct fv_edges *s, struct fp_err *e)
{
	struct fp_edge **which = calloc(s->of.n + 1, sizeof(struct fp_edge *));
	size_t n = 0;
	int r = which ? ask_silent(s, e) : -ENOMEM;

	for (size_t i = 0; !r && i < s->of.n; i++)
		if (s->of.v[i].view && s->of.v[i].view->has_dialog)
			which[n++] = &s->of.v[i];
	s->of.o.timeout_ms = v->c->timeout_ms;
	if (!r)
		r = fp_edges_list(&s->of, which, n, NULL, NULL, e);
	free(which);
	if (r == -EINTR || r == -ENOMEM)
		return r;
	s->is_listed = true;
	take(s);
	return 0;
}

int fv_edges(void *env, bool is_listed, const struct fp_hop_edge **out,
	     size_t *n, struct fp_err *e)
{
	struct fv_env *v = env;
	int r = v->edges ? 0 : begin(v, e);

	if (!r && !v->edges->is_read)
		r = read_all(v->edges, e);
	if (!r && is_listed && !v->edges->is_listed)
		r = list(v, v->edges, e);
	if (r)
		return r;
	*out = v->edges->hop;
	*n = v->edges->of.n;
	return 0;
}

void fv_edges_close(struct fv_env *v)
{
	struct fv_edges *s = v->edges;

	if (!s)
		return;
	if (s->sip)
		fp_sip_close(s->sip);
	fp_edges_fini(&s->of);
	free(s->hop);
	free(s->asked);
	free(s);
	v->edges = NULL;
}
