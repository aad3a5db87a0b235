/* SPDX-License-Identifier: Apache-2.0 */
/* How OpenSIPS nodes use an engine, and that they do no more. */
#include <stdlib.h>
#include <string.h>

#include "health/opensips.h"
#include "rehome/media.h"

/* ---- rtpengine_show of all */

struct shown {
	struct fp_edge *x;
	struct fp_view *view; /* NULL: it did not say */
	struct fp_opensips_read *read;
	struct showing *all;
};
struct showing {
	struct fp_loop *loop;
	struct shown *v;
	size_t n, n_flying;
	bool is_done;
};

static void told(void *ctx, int code, struct fp_view *v, const struct fp_err *e)
{
	struct shown *s = ctx;

	(void)e;
	s->read = NULL;
	if (code)
		fp_view_free(v);
	else
		s->view = v;
	if (--s->all->n_flying)
		return;
	s->all->is_done = true;
	fp_loop_stop(s->all->loop);
}

static int show(struct showing *a, struct fp_edges *s, int64_t timeout_ms,
		struct fp_err *e)
{
	int r = 0;

	a->v = calloc(s->n + 1, sizeof(*a->v));
	if (!a->v)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < s->n; i++) {
		struct shown *x = &a->v[a->n++];

		*x = (struct shown){ .x = &s->v[i], .all = a };
		if (s->v[i].view && s->v[i].mi &&
		    !fp_opensips_read(s->v[i].mi, FP_OS_DESTS, timeout_ms, told,
				      x, &x->read, NULL))
			a->n_flying++;
	}
	if (a->n_flying)
		r = fp_loop_wait(a->loop, &a->is_done, e);
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].read)
			fp_opensips_read_drop(a->v[i].read);
	return r;
}

/* ---- names in what they say */

struct waiting {
	struct fp_loop *loop;
	bool is_done;
};

static void known(void *ctx)
{
	struct waiting *w = ctx;

	w->is_done = true;
	fp_loop_stop(w->loop);
}

static int resolve(struct fp_media *m, const struct showing *a,
		   struct fp_err *e)
{
	struct waiting w = { .loop = m->o.loop };
	char host[256];
	uint16_t port;
	int r = 0;

	for (size_t i = 0; i < a->n; i++) {
		const struct fp_view *v = a->v[i].view;

		for (size_t k = 0; v && k < v->opensips.n_dests && !r; k++)
			if (v->opensips.dest[k].kind == FP_DEST_RTPENGINE &&
			    !fp_places_host(&v->opensips.dest[k], host, &port))
				r = fp_names_add(m->names, host, e);
	}
	if (r)
		return r;
	fp_names_resolve(m->names, m->o.timeout_ms, known, &w);
	return w.is_done ? 0 : fp_loop_wait(m->o.loop, &w.is_done, e);
}

/* ---- uses */

static bool is_of(const struct fp_media *m, const struct fp_view_dest *d,
		  const struct fp_engine_node *x)
{
	const struct fp_host *other;

	return x && d->kind == FP_DEST_RTPENGINE &&
	       fp_places_find(&m->places, d, &other) == x->host;
}

static void add(struct fp_media *m, const struct shown *s,
		const struct fp_view_dest *d, const struct fp_engine_node *to,
		struct fp_media_use *out)
{
	const struct fp_view_opensips *v = &s->view->opensips;

	*out = (struct fp_media_use){ .x = s->x, .dest = *d };
	for (size_t k = 0; k < v->n_dests; k++) {
		const struct fp_view_dest *y = &v->dest[k];

		if (y == d || y->kind != FP_DEST_RTPENGINE ||
		    strcmp(y->set, d->set) || y->state != FP_DEST_ACTIVE)
			continue;
		out->n_others++;
		out->has_to |= is_of(m, y, to);
	}
}

static int collect(struct fp_media *m, const struct showing *a,
		   const struct fp_engine_node *old,
		   const struct fp_engine_node *to, struct fp_media_use **out,
		   size_t *n, struct fp_err *e)
{
	struct fp_media_use *v;
	size_t max = 1, found = 0;

	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].view)
			max += a->v[i].view->opensips.n_dests;
	v = calloc(max, sizeof(*v));
	if (!v)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < a->n; i++) {
		const struct fp_view *w = a->v[i].view;

		for (size_t k = 0; w && k < w->opensips.n_dests; k++)
			if (is_of(m, &w->opensips.dest[k], old))
				add(m, &a->v[i], &w->opensips.dest[k], to,
				    &v[found++]);
	}
	*out = v;
	*n = found;
	return 0;
}

int fp_media_uses(struct fp_media *m, struct fp_edges *s,
		  const struct fp_engine_node *old,
		  const struct fp_engine_node *to, struct fp_media_use **out,
		  size_t *n, size_t *n_silent, struct fp_err *e)
{
	struct showing a = { .loop = m->o.loop };
	int r = show(&a, s, m->o.timeout_ms, e);

	if (!r)
		r = resolve(m, &a, e);
	if (!r)
		r = collect(m, &a, old, to, out, n, e);
	*n_silent = 0;
	for (size_t i = 0; i < a.n; i++) {
		*n_silent += !a.v[i].view;
		fp_view_free(a.v[i].view);
	}
	free(a.v);
	return r;
}

/* ---- a change */

struct setting {
	struct fp_loop *loop;
	struct fp_err *e;
	int code;
	bool is_done;
};

static void was_set(void *ctx, int code, const struct fp_err *e)
{
	struct setting *s = ctx;

	s->code = code;
	if (code)
		*s->e = *e;
	s->is_done = true;
	fp_loop_stop(s->loop);
}

int fp_media_disable(const struct fp_media *m, const struct fp_media_use *u,
		     struct fp_err *e)
{
	struct setting s = { .loop = m->o.loop, .e = e };
	int r;

	if (!u->x->mi)
		return fp_err(e, -EAGAIN, "%s does not answer", u->x->name);
	r = fp_opensips_set(u->x->mi, &u->dest, false, m->o.timeout_ms, was_set,
			    &s, e);
	if (r)
		return fp_err_prefix(e, r, "%s", u->x->name);
	r = fp_loop_wait(m->o.loop, &s.is_done, e);
	if (r) {
		/* its answer is for nobody any more */
		fp_proxy_drop(u->x->proxy);
		u->x->mi = NULL;
		return r;
	}
	return s.code ? fp_err_prefix(e, s.code, "%s", u->x->name) : 0;
}
