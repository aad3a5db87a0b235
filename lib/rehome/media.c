/* SPDX-License-Identifier: Apache-2.0 */
#include "rehome/media.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NG_PORT 2223

/* ---- addresses of media */

static int add_media(struct fp_engine_node *x, const struct fp_prefix *addr,
		     struct fp_err *e)
{
	char text[FP_PREFIX_STRLEN];
	char(*grown)[FP_MEDIA_STRLEN];

	fp_prefix_print(addr, text);
	for (size_t i = 0; i < x->n_media; i++)
		if (!strcmp(x->media[i], text))
			return 0;
	grown = reallocarray(x->media, x->n_media + 1, sizeof(*grown));
	if (!grown)
		return fp_err(e, -ENOMEM, "out of memory");
	x->media = grown;
	snprintf(x->media[x->n_media++], FP_MEDIA_STRLEN, "%s", text);
	return 0;
}

static int add_list(struct fp_engine_node *x, const char *key, bool is_strict,
		    struct fp_err *e)
{
	const char *list = fp_inventory_var(x->host, key);
	struct fp_endpoint p;
	int r;

	for (size_t i = 0; list; i++) {
		r = fp_endpoint_list(list, i, &p, e);
		if (r <= 0)
			return r ? fp_err_prefix(e, r, "%s: %s", x->name, key)
				 : 0;
		if (!p.addr.len && is_strict)
			return fp_err(e, -EINVAL,
				      "%s: %s: \"%s\" is no address: SDP has "
				      "addresses",
				      x->name, key, p.host);
		r = p.addr.len ? add_media(x, &p.addr, e) : 0;
		if (r)
			return r;
	}
	return 0;
}

static int find_media(struct fp_engine_node *x, struct fp_err *e)
{
	int r = add_list(x, "fp_rtp", true, e);

	if (r || x->n_media)
		return r;
	r = add_list(x, "fp_ng", false, e);
	if (!r && x->host->addr.len)
		r = add_media(x, &x->host->addr, e);
	if (!r && !x->n_media)
		r = fp_err(e, -EINVAL,
			   "%s: where is its media?  fp_rtp says it", x->name);
	return r;
}

bool fp_media_is_sent(const struct fp_engine_node *x, const struct fp_dialog *d)
{
	for (size_t i = 0; i < x->n_media; i++)
		if (!strcmp(d->caller_sent, x->media[i]) ||
		    !strcmp(d->callee_sent, x->media[i]))
			return true;
	return false;
}

/* ---- where they are asked */

struct looking {
	struct fp_loop *loop;
	struct fp_engine_node *x;
	bool is_done;
};

static void resolved(void *ctx, int code, const struct sockaddr *to,
		     socklen_t len, const struct fp_err *e)
{
	struct looking *l = ctx;

	if (code) {
		l->x->err = *e;
	} else if (len <= sizeof(l->x->ng)) {
		memcpy(&l->x->ng, to, len);
		l->x->ng_len = len;
	}
	l->is_done = true;
	fp_loop_stop(l->loop);
}

static int resolve(struct fp_media *m, struct fp_engine_node *x,
		   struct fp_err *e)
{
	struct looking l = { .loop = m->o.loop, .x = x };
	struct fp_lookup *q = NULL;
	struct fp_endpoint to;
	int r = fp_endpoint_list(fp_inventory_var(x->host, "fp_ng"), 0, &to, e);

	if (r != 1)
		return r ? fp_err_prefix(e, r, "%s: fp_ng", x->name)
			 : fp_err(e, -EINVAL, "%s: fp_ng is empty", x->name);
	r = fp_resolve(m->o.resolver, &to, NG_PORT, m->o.timeout_ms, resolved,
		       &l, &q, e);
	if (r) {
		x->err = *e;
		return 0;
	}
	if (l.is_done)
		return 0;
	r = fp_loop_wait(m->o.loop, &l.is_done, e);
	if (r && !l.is_done)
		fp_resolve_cancel(q);
	return r;
}

/* ---- all of them */

static int add_engine(struct fp_media *m, const struct fp_host *h,
		      struct fp_err *e)
{
	struct fp_engine_node *x = &m->v[m->n++];
	int r;

	*x = (struct fp_engine_node){ .host = h, .name = h->name };
	r = find_media(x, e);
	return r ? r : resolve(m, x, e);
}

static int find_places(struct fp_media *m, struct fp_err *e)
{
	const struct fp_host **hosts = calloc(m->n, sizeof(*hosts));
	int r;

	if (!hosts)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < m->n; i++)
		hosts[i] = m->v[i].host;
	r = fp_names_open(&m->names, m->o.loop, m->o.work, e);
	if (!r)
		r = fp_places_init(&m->places, m->names, hosts, m->n, e);
	free(hosts);
	return r;
}

int fp_media_init(struct fp_media *out, const struct fp_media_opts *o,
		  const struct fp_inventory *inv, struct fp_err *e)
{
	const struct fp_host *h;
	size_t n = fp_inventory_hosts(inv, &h);
	int r;

	*out = (struct fp_media){ .o = *o };
	out->v = calloc(n + 1, sizeof(*out->v));
	r = out->v ? fp_ng_open(&out->ng, o->loop, e)
		   : fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n && !r; i++)
		if (fp_inventory_var(&h[i], "fp_ng"))
			r = add_engine(out, &h[i], e);
	if (!r && !out->n)
		r = fp_err(e, -EINVAL,
			   "no node has fp_ng: which rtpengines "
			   "are there?");
	if (!r)
		r = find_places(out, e);
	if (r)
		fp_media_fini(out);
	return r;
}

void fp_media_fini(struct fp_media *m)
{
	fp_places_fini(&m->places);
	fp_names_close(m->names);
	if (m->ng)
		fp_ng_close(m->ng);
	for (size_t i = 0; i < m->n; i++)
		free(m->v[i].media);
	free(m->v);
	*m = (struct fp_media){ .n = 0 };
}

struct fp_engine_node *fp_media_find(const struct fp_media *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++)
		if (!strcmp(m->v[i].name, name))
			return &m->v[i];
	return NULL;
}
