/* SPDX-License-Identifier: Apache-2.0 */
#include "rehome/edges.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "rehome/edges_priv.h"

/* ---- the nodes of a cluster file */

static int host_list(const struct fp_inventory *inv, const char *key,
		     const struct fp_host ***out, size_t *n, struct fp_err *e)
{
	const struct fp_host *v;
	size_t all = fp_inventory_hosts(inv, &v);
	const struct fp_host **list = calloc(all ? all : 1, sizeof(*list));

	if (!list)
		return fp_err(e, -ENOMEM, "no memory");
	*n = 0;
	for (size_t i = 0; i < all; i++)
		if (fp_inventory_var(&v[i], "fp_mi") &&
		    fp_inventory_var(&v[i], key))
			list[(*n)++] = &v[i];
	*out = list;
	return 0;
}

static int proxies_of(struct fp_proxies *out, const struct fp_edges_opts *o,
		      const struct fp_inventory *inv, const char *key,
		      bool is_listing, struct fp_err *e)
{
	const struct fp_host **list = NULL;
	size_t n = 0;
	int r = host_list(inv, key, &list, &n, e);

	if (r)
		return r;
	r = fp_proxies_init(out, o->loop, o->resolver, list, n, is_listing, e);
	free(list);
	return r;
}

static int read_id(struct fp_edge *x, struct fp_err *e)
{
	const char *s = fp_inventory_var(x->host, "fp_node_id");
	unsigned long id;
	char *end;

	if (!s)
		return fp_err(
			e, -EINVAL,
			"%s has fp_mi and no fp_node_id: which node of the "
			"cluster is it?",
			x->name);
	id = strtoul(s, &end, 10);
	if (*s < '0' || *s > '9' || *end || !id || id > INT32_MAX)
		return fp_err(e, -EINVAL,
			      "%s: fp_node_id=%s is no number from 1 on",
			      x->name, s);
	for (struct fp_edge *y = x->all->v; y < x; y++)
		if (y->node_id == id)
			return fp_err(e, -EINVAL,
				      "%s and %s have the same fp_node_id=%lu",
				      y->name, x->name, id);
	x->node_id = (uint32_t)id;
	return 0;
}

static int edge_init(struct fp_edges *s, size_t i, struct fp_err *e)
{
	struct fp_edge *x = &s->v[i];

	x->all = s;
	x->proxy = &s->proxies.v[i];
	/* A long answer must not take short questions to a transport that is
	 * slow for them: listings have a connection of their own. */
	x->proxy->has_list = false;
	x->host = x->proxy->host;
	x->name = x->host->name;
	x->signs.auto_sync = -1;
	x->code = -ENOTCONN;
	fp_err(&x->err, x->code, "%s was not asked yet", x->name);
	return read_id(x, e);
}

int fp_edges_init(struct fp_edges *out, const struct fp_edges_opts *o,
		  const struct fp_inventory *inv, struct fp_err *e)
{
	int r;

	*out = (struct fp_edges){ .o = *o };
	r = proxies_of(&out->proxies, o, inv, "fp_mi", false, e);
	if (!r)
		r = proxies_of(&out->lists, o, inv, "fp_mi_list", true, e);
	if (!r && !out->proxies.n)
		r = fp_err(e, -EINVAL, "no node of the cluster file has fp_mi");
	if (!r) {
		out->v = calloc(out->proxies.n, sizeof(*out->v));
		out->reading =
			calloc(1, sizeof(*out->reading) +
					  out->proxies.n * EDGE_SIGNS *
						  sizeof(*out->reading->sign));
		if (!out->v || !out->reading)
			r = fp_err(e, -ENOMEM, "no memory");
	}
	for (; !r && out->n < out->proxies.n; out->n++)
		r = edge_init(out, out->n, e);
	if (r)
		fp_edges_fini(out);
	return r;
}

void fp_edges_fini(struct fp_edges *s)
{
	fp_proxies_fini(&s->proxies);
	fp_proxies_fini(&s->lists);
	for (size_t i = 0; i < s->n; i++) {
		fp_view_free(s->v[i].kept);
		fp_dialogs_free(s->v[i].dialogs);
	}
	free(s->v);
	for (size_t i = 0; s->reading && i < s->n * EDGE_SIGNS; i++)
		free(s->reading->sign[i].v);
	free(s->reading);
	*s = (struct fp_edges){ .n = 0 };
}

struct fp_edge *fp_edges_find(const struct fp_edges *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->v[i].name, name))
			return &s->v[i];
	return NULL;
}

struct fp_edge *fp_edges_of_id(const struct fp_edges *s, uint32_t node_id)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].node_id == node_id)
			return &s->v[i];
	return NULL;
}

/* ---- one question */

struct asked {
	struct fp_loop *loop;
	int (*take)(void *ctx, const struct cJSON *result, struct fp_err *e);
	void *ctx;
	struct fp_err *e;
	int code, rpc_code;
	bool is_done;
};

static void answered(void *ctx, int code, const struct fp_jsonrpc *r,
		     const struct fp_err *e)
{
	struct asked *a = ctx;

	a->code = code;
	if (code) {
		*a->e = *e;
	} else if (r->is_error) {
		a->rpc_code = r->code;
		a->code =
			fp_err(a->e, -EREMOTEIO, "%d %s", r->code, r->message);
	} else if (a->take) {
		a->code = a->take(a->ctx, r->result, a->e);
	}
	a->is_done = true;
	fp_loop_stop(a->loop);
}

int fp_edge_ask(struct fp_edge *x, const char *method, const char *params,
		int (*take)(void *ctx, const struct cJSON *result,
			    struct fp_err *e),
		void *ctx, int *rpc_code, struct fp_err *e)
{
	struct asked a = {
		.loop = x->all->o.loop, .take = take, .ctx = ctx, .e = e
	};
	struct fp_mi_call *call = NULL;
	int r;

	if (rpc_code)
		*rpc_code = 0;
	if (!x->mi) {
		*e = x->err;
		return x->code ? x->code : -ENOTCONN;
	}
	r = fp_mi_ask(x->mi, method, params, x->all->o.timeout_ms, answered, &a,
		      &call, e);
	if (!r) {
		r = fp_loop_wait(a.loop, &a.is_done, e);
		if (r && !a.is_done)
			fp_mi_drop(call);
	}
	if (!r)
		r = a.code;
	if (rpc_code)
		*rpc_code = a.rpc_code;
	if (r == -EREMOTEIO)
		return fp_err_prefix(e, r, "%s: %s", x->name, method);
	return r && r != -EINTR ? fp_err_prefix(e, r, "%s", method) : r;
}

struct pause {
	struct fp_loop *loop;
	bool is_done;
};

static void pause_ended(void *ctx)
{
	struct pause *w = ctx;

	w->is_done = true;
	fp_loop_stop(w->loop);
}

int fp_edges_pause(struct fp_edges *s, int64_t ms, struct fp_err *e)
{
	struct pause w = { .loop = s->o.loop };
	struct fp_timer t = { .fire = pause_ended, .ctx = &w };
	int r = fp_loop_timer_arm(w.loop, &t, fp_clock_ms() + ms);

	if (r)
		return fp_err_sys(e, r, "timer");
	r = fp_loop_wait(w.loop, &w.is_done, e);
	fp_loop_timer_disarm(w.loop, &t);
	return r;
}

/* ---- what the views say */

static const struct fp_view_tag *find_tag(const struct fp_edge *x,
					  const char *tag)
{
	for (size_t i = 0; x->view && i < x->view->n_tags; i++)
		if (!strcmp(x->view->tag[i].name, tag))
			return &x->view->tag[i];
	return NULL;
}

int fp_edge_tag(const struct fp_edge *x, const char *tag)
{
	const struct fp_view_tag *t = find_tag(x, tag);

	if (!x->view)
		return -EAGAIN;
	return t ? t->is_active : -ENOENT;
}

uint32_t fp_edge_tag_cluster(const struct fp_edge *x, const char *tag)
{
	const struct fp_view_tag *t = find_tag(x, tag);

	return t ? t->cluster : 0;
}

const char *edges_unnamed(const struct fp_edge *x, const char *why)
{
	size_t n = strlen(x->name);

	return !strncmp(why, x->name, n) && !strncmp(why + n, ": ", 2)
		       ? why + n + 2
		       : why;
}

int fp_edge_silent(const struct fp_edge *x, struct fp_err *e)
{
	return fp_err(e, -EAGAIN, "%s does not answer: %s", x->name,
		      edges_unnamed(x, x->err.text));
}

int fp_edge_why(const struct fp_edge *x, struct fp_err *e)
{
	return fp_err(e, x->code, "%s: %s", x->name,
		      edges_unnamed(x, x->err.text));
}

int fp_edges_owner(const struct fp_edges *s, const char *tag,
		   struct fp_edge **owner, struct fp_edge **other)
{
	bool is_known = false;

	*owner = NULL;
	if (other)
		*other = NULL;
	for (size_t i = 0; i < s->n; i++) {
		int state = fp_edge_tag(&s->v[i], tag);

		is_known |= state >= 0;
		if (state != 1)
			continue;
		if (!*owner) {
			*owner = &s->v[i];
			continue;
		}
		if (other)
			*other = &s->v[i];
		return -EBUSY;
	}
	return is_known ? 0 : -ENOENT;
}

const char *fp_edge_link(const struct fp_edge *x, const struct fp_edge *to,
			 uint32_t *next_hop)
{
	for (size_t i = 0; x->view && i < x->view->n_links; i++) {
		const struct fp_view_link *l = &x->view->link[i];

		if (l->node_id != to->node_id)
			continue;
		if (next_hop)
			*next_hop = l->next_hop;
		return l->state;
	}
	if (next_hop)
		*next_hop = 0;
	return "";
}
