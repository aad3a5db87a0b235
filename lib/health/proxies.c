/* SPDX-License-Identifier: Apache-2.0 */
#include "health/proxies.h"

#include <stdlib.h>
#include <string.h>

#include "io/clock.h"

static void ended(void *ctx)
{
	struct fp_proxies *p = ctx;

	p->done(p->ctx);
}

/* 1: the first endpoint of a variable.  0: it has none. */
static int endpoint_of(const struct fp_host *h, const char *key,
		       struct fp_endpoint *out, struct fp_err *e)
{
	const char *value = fp_inventory_var(h, key);
	int r = value ? fp_endpoint_list(value, 0, out, e) : 0;

	return r < 0 ? fp_err_prefix(e, r, "%s: %s", h->name, key) : r;
}

/* 1: where its MI is.  0: it has none. */
static int find(struct fp_proxy *x, const struct fp_host *h, bool is_listing,
		struct fp_err *e)
{
	int r = endpoint_of(h, "fp_mi", &x->to, e);
	int list = r < 0 ? r : endpoint_of(h, "fp_mi_list", &x->list, e);

	if (r < 0 || list < 0)
		return r < 0 ? r : list;
	x->has_list = list;
	if (!list || (r && !is_listing))
		return r;
	x->to = x->list;
	x->has_list = false;
	return 1;
}

int fp_proxies_init(struct fp_proxies *out, struct fp_loop *l,
		    struct fp_resolver *resolver,
		    const struct fp_host *const *hosts, size_t n,
		    bool is_listing, struct fp_err *e)
{
	int r = 0;

	*out = (struct fp_proxies){ .loop = l, .resolver = resolver };
	out->v = calloc(n ? n : 1, sizeof(*out->v));
	if (!out->v)
		return fp_err_sys(e, -ENOMEM, "proxies");
	for (size_t i = 0; i < n && r >= 0; i++) {
		struct fp_proxy *x = &out->v[out->n];

		r = find(x, hosts[i], is_listing, e);
		if (r != 1)
			continue;
		x->host = hosts[i];
		x->all = out;
		out->n++;
	}
	out->end = (struct fp_timer){ .fire = ended, .ctx = out };
	if (r < 0)
		fp_proxies_fini(out);
	return r < 0 ? r : 0;
}

static void forget(struct fp_proxy *x)
{
	if (x->lookup)
		fp_resolve_cancel(x->lookup);
	if (x->read)
		fp_opensips_read_drop(x->read);
	x->lookup = NULL;
	x->read = NULL;
	fp_view_free(x->view);
	x->view = NULL;
}

void fp_proxy_drop(struct fp_proxy *x)
{
	forget(x);
	fp_mi_close(x->mi);
	x->mi = NULL;
}

void fp_proxies_drop(struct fp_proxies *p)
{
	fp_loop_timer_disarm(p->loop, &p->end);
	for (size_t i = 0; i < p->n; i++)
		forget(&p->v[i]);
}

void fp_proxies_fini(struct fp_proxies *p)
{
	if (p->loop && p->end.fire)
		fp_loop_timer_disarm(p->loop, &p->end);
	for (size_t i = 0; i < p->n; i++)
		fp_proxy_drop(&p->v[i]);
	free(p->v);
	p->v = NULL;
	p->n = 0;
}

static void one_done(struct fp_proxies *p)
{
	if (!--p->n_busy)
		fp_loop_timer_arm(p->loop, &p->end, fp_clock_ms());
}

static void fail(struct fp_proxy *x, int code, const struct fp_err *e)
{
	x->code = code;
	x->err = *e;
	if (!x->err.text[0])
		fp_err_sys(&x->err, code, "MI");
	one_done(x->all);
}

static int64_t timeout_of(const struct fp_proxy *x)
{
	int64_t ms = x->all->timeout_ms;

	return x->most_ms && x->most_ms < ms ? x->most_ms : ms;
}

static void start(struct fp_proxy *x);

static void read_done(void *ctx, int code, struct fp_view *v,
		      const struct fp_err *e)
{
	struct fp_proxy *x = ctx;

	x->read = NULL;
	if (code == -EMSGSIZE && x->has_list) {
		fp_view_free(v);
		x->to = x->list;
		x->has_list = false;
		fp_proxy_drop(x);
		start(x);
		return;
	}
	if (code) {
		fp_view_free(v);
		fail(x, code, e);
		return;
	}
	x->view = v;
	x->code = 0;
	one_done(x->all);
}

static void read_one(struct fp_proxy *x)
{
	struct fp_err e = { .text = "" };
	int r;

	if (!x->all->parts) {
		x->code = 0;
		one_done(x->all);
		return;
	}
	r = fp_opensips_read(x->mi, x->all->parts, timeout_of(x), read_done, x,
			     &x->read, &e);
	if (r)
		fail(x, r, &e);
}

static void open_at(struct fp_proxy *x, const struct sockaddr *to,
		    socklen_t len)
{
	struct fp_mi_opts o = { .to = x->to, .name = x->host->name };
	struct fp_err e = { .text = "" };
	int r;

	if (to && len <= sizeof(o.sa)) {
		memcpy(&o.sa, to, len);
		o.sa_len = len;
	}
	r = fp_mi_open(&x->mi, x->all->loop, &o, &e);
	if (r)
		fail(x, r, &e);
	else
		read_one(x);
}

static void resolved(void *ctx, int code, const struct sockaddr *to,
		     socklen_t len, const struct fp_err *e)
{
	struct fp_proxy *x = ctx;

	x->lookup = NULL;
	if (code)
		fail(x, code, e);
	else
		open_at(x, to, len);
}

static void start(struct fp_proxy *x)
{
	struct fp_err e = { .text = "" };
	int r;

	forget(x);
	/* what did not answer may be another server by now; but others may wait
	 * for what they asked it */
	if (x->code && x->mi && !fp_mi_calls(x->mi))
		fp_proxy_drop(x);
	if (x->mi) {
		read_one(x);
	} else if (!*x->to.host) {
		open_at(x, NULL, 0);
	} else {
		r = fp_resolve(x->all->resolver, &x->to, 8080, timeout_of(x),
			       resolved, x, &x->lookup, &e);
		if (r)
			fail(x, r, &e);
	}
}

void fp_proxies_read(struct fp_proxies *p, unsigned int parts,
		     int64_t timeout_ms, void (*done)(void *ctx), void *ctx)
{
	p->parts = parts;
	p->timeout_ms = timeout_ms;
	p->done = done;
	p->ctx = ctx;
	p->n_busy = 1;
	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i].is_off)
			continue;
		p->n_busy++;
		start(&p->v[i]);
	}
	one_done(p);
}
