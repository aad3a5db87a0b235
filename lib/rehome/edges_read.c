/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/dialogs.h"
#include "io/clock.h"
#include "rehome/edges_priv.h"
#include "rehome/life.h"

/* Of a reading that goes on every second, whatever is silent. */
#define QUICK_MS 900
/* For one that was silent for all of a question's time before. */
#define MUTE_MS 1000
/* For one whose kernel said that nobody listens, which it does not say each time:
 * six times at once, then once a second for each who asks (icmp_ratelimit). */
#define CLOSED_MS 250
/* For SIP at first: a node that lives answers within T1 * 3 (RFC 3261 17.1.1.1). */
#define SIP_MS 2000

static const char *const identifiers[EDGE_SIGNS] = {
	"{\"group\":\"clusterer\",\"identifier\":\"sharing_tags\"}",
	"{\"group\":\"clusterer\",\"identifier\":\"cap:dialog-dlg-repl\"}",
	"{\"group\":\"clusterer\",\"identifier\":\"node_states\"}",
};

static void begin(struct fp_edges *s);

static void finish(struct fp_edges *s)
{
	struct fp_edges_reading *r = s->reading;
	void (*done)(void *ctx) = r->done;

	r->is_busy = false;
	if (r->is_again) {
		r->is_again = false;
		begin(s);
		return;
	}
	r->done = NULL;
	if (done)
		done(r->ctx);
}

/* ---- signs */

static int add_report(void *ctx, int64_t at_s, const char *text)
{
	struct fp_edges_sign *g = ctx;
	struct fp_edge_report *grown;

	if (!(g->n & (g->n - 1))) { /* a power of two, or none: it is full */
		grown = reallocarray(g->v, g->n ? g->n * 2 : 1, sizeof(*g->v));
		if (!grown)
			return -ENOMEM;
		g->v = grown;
	}
	g->v[g->n].at_s = at_s;
	fp_report_read(text, &g->v[g->n++].r);
	return 0;
}

static void one_less(struct fp_edges *s)
{
	struct fp_edges_sign *g = s->reading->sign;

	if (--s->reading->n_asked)
		return;
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].view)
			edges_judge(&s->v[i], g + i * EDGE_SIGNS);
	for (size_t i = 0; i < s->n * EDGE_SIGNS; i++) {
		free(g[i].v);
		g[i] = (struct fp_edges_sign){ .n = 0 };
	}
	finish(s);
}

/* No answer, or an identifier that is not there: nothing is told. */
static void reported(void *ctx, int code, const struct fp_jsonrpc *r,
		     const struct fp_err *said)
{
	struct fp_edges_sign *g = ctx;
	struct fp_err e;

	(void)said;
	if (!code && !r->is_error &&
	    fp_os_reports(r->result, add_report, g, &e))
		g->n = 0;
	one_less(g->edge->all);
}

static void ask_signs(struct fp_edges *s)
{
	struct fp_edges_reading *r = s->reading;
	struct fp_err e;

	r->n_asked = 1;
	for (size_t i = 0; i < s->n * EDGE_SIGNS; i++) {
		struct fp_edge *x = &s->v[i / EDGE_SIGNS];

		r->sign[i].edge = x;
		if (x->view &&
		    !fp_mi_ask(x->mi, "sr_list_reports",
			       identifiers[i % EDGE_SIGNS], r->timeout_ms,
			       reported, &r->sign[i], NULL, &e))
			r->n_asked++;
	}
	one_less(s);
}

/* ---- views */

/* Is it another process than before?  "Up time" alone falls also when its clock is set
 * back: when it began is the same then. */
static void take_start(struct fp_edge *x)
{
	int64_t up_s = x->view->up_s;
	int64_t born_s = x->view->now_s ? x->view->now_s - up_s : 0;
	bool is_same = born_s && x->born_s && born_s - x->born_s < 2;

	if (up_s < x->up_s && !is_same)
		x->n_starts++;
	x->up_s = up_s;
	x->born_s = born_s;
}

static bool has_link(const struct fp_view_opensips *v, uint32_t node_id)
{
	for (size_t i = 0; i < v->n_links; i++)
		if (v->link[i].node_id == node_id)
			return true;
	return false;
}

/* The one node of the cluster file that v has not; NULL: there are several. */
static const struct fp_edge *missing(const struct fp_edges *s,
				     const struct fp_view_opensips *v)
{
	const struct fp_edge *found = NULL;

	for (size_t i = 0; i < s->n; i++) {
		if (has_link(v, s->v[i].node_id))
			continue;
		if (found)
			return NULL;
		found = &s->v[i];
	}
	return found;
}

/* clusterer_list has all nodes but the one that tells it.
 * Source: OpenSIPS 3.6 clusterer_mod.c, clusterer_list. */
int edges_check_id(const struct fp_edge *x, const struct fp_view_opensips *v,
		   const char *variable, struct fp_err *e)
{
	const char *at = fp_inventory_var(x->host, variable);
	const struct fp_edge *y;
	char who[40] = "another node";

	if (!has_link(v, x->node_id))
		return 0;
	y = missing(x->all, v);
	if (y)
		snprintf(who, sizeof(who), "node %" PRIu32, y->node_id);
	return fp_err(e, -EINVAL,
		      "%s: fp_node_id=%" PRIu32 ", but at %s=%s is %s: "
		      "node %" PRIu32 " is among the others that it knows",
		      x->name, x->node_id, variable, at ? at : "", who,
		      x->node_id);
}

/* The view is ours from now on: the proxy's would go away when the next reading
 * begins. */
static void take_view(struct fp_edge *x)
{
	struct fp_proxy *p = x->proxy;

	fp_view_free(x->kept);
	x->kept = p->view;
	p->view = NULL;
	if (x->kept)
		x->kept->opensips.node_id = x->node_id;
	x->view = x->kept ? &x->kept->opensips : NULL;
	if (x->view)
		take_start(x);
	x->mi = p->mi;
	x->code = p->code;
	x->is_closed = !x->view && (x->is_closed || x->code == -ECONNREFUSED);
	x->is_mute = !x->view &&
		     (x->is_mute || x->is_closed ||
		      x->all->reading->timeout_ms >= x->all->o.timeout_ms);
	x->err = p->err;
	if (!x->code && !x->view)
		x->code = fp_err(&x->err, -EBADMSG, "%s: nothing was said",
				 x->name);
}

static void views_done(void *ctx)
{
	struct fp_edges *s = ctx;

	for (size_t i = 0; i < s->n; i++)
		take_view(&s->v[i]);
	if (s->reading->has_signs)
		ask_signs(s);
	else
		finish(s);
}

static void begin(struct fp_edges *s)
{
	s->reading->is_busy = true;
	for (size_t i = 0; i < s->n; i++) {
		struct fp_edge *x = &s->v[i];

		x->proxy->is_off = s->reading->is_heard && x->is_mute;
		x->proxy->most_ms = x->is_closed ? CLOSED_MS
				    : x->is_mute ? MUTE_MS
						 : 0;
	}
	fp_proxies_read(&s->proxies, FP_OS_BASE | FP_OS_CLUSTER,
			s->reading->timeout_ms, views_done, s);
}

/* One that was dropped may be under way: the next begins after it. */
static int start(struct fp_edges *s, bool has_signs, int64_t timeout_ms,
		 void (*done)(void *ctx), void *ctx)
{
	struct fp_edges_reading *r = s->reading;

	if (r->done)
		return -EBUSY;
	r->has_signs = has_signs;
	r->timeout_ms = timeout_ms;
	r->done = done;
	r->ctx = ctx;
	r->is_again = r->is_busy;
	if (!r->is_busy)
		begin(s);
	return 0;
}

int fp_edges_read_start(struct fp_edges *s, void (*done)(void *ctx), void *ctx)
{
	int64_t ms = s->o.timeout_ms;

	s->reading->is_heard = false;
	return start(s, false, ms < QUICK_MS ? ms : QUICK_MS, done, ctx);
}

void fp_edges_read_drop(struct fp_edges *s)
{
	s->reading->done = NULL;
	s->reading->is_again = false;
}

struct waiting {
	struct fp_loop *loop;
	bool is_done;
};

static void read_done(void *ctx)
{
	struct waiting *w = ctx;

	w->is_done = true;
	fp_loop_stop(w->loop);
}

static int read_now(struct fp_edges *s, bool is_heard, struct fp_err *e)
{
	struct waiting w = { .loop = s->o.loop };
	int r;

	s->reading->is_heard = is_heard;
	r = start(s, !is_heard, s->o.timeout_ms, read_done, &w);

	if (r)
		return fp_err(e, r, "a reading of all nodes is under way");
	r = fp_loop_wait(w.loop, &w.is_done, e);
	if (r)
		fp_edges_read_drop(s);
	for (size_t i = 0; i < s->n && !r; i++)
		if (s->v[i].view)
			r = edges_check_id(&s->v[i], s->v[i].view, "fp_mi", e);
	return r;
}

void fp_edges_suspect(struct fp_edges *s, struct fp_edge *x)
{
	s->suspect = x;
}

static int64_t at_most(int64_t ms, int64_t most_ms)
{
	return ms < most_ms ? ms : most_ms;
}

/* The second time it was silent before. */
static int64_t sip_ms_of(const struct fp_edge *x)
{
	if (x->life.is_closed)
		return CLOSED_MS;
	return x->life.is_asked ? MUTE_MS : SIP_MS;
}

static int read_all(struct fp_edges *s, struct fp_edge *x, struct fp_err *e)
{
	struct fp_life_ask *a = NULL;
	int64_t ms = s->o.timeout_ms;
	int r;

	r = fp_life_begin(&a, x, at_most(ms, sip_ms_of(x)),
			  at_most(ms, x->is_closed ? CLOSED_MS
				      : x->is_mute ? MUTE_MS
						   : ms),
			  e);
	if (!r)
		r = read_now(s, false, e);
	return fp_life_end(a, r, e);
}

int fp_edges_read(struct fp_edges *s, struct fp_err *e)
{
	int r = s->suspect ? read_all(s, s->suspect, e) : read_now(s, false, e);

	s->read_ms = fp_clock_ms();
	return r;
}

int fp_edges_read_heard(struct fp_edges *s, struct fp_err *e)
{
	return read_now(s, true, e);
}
