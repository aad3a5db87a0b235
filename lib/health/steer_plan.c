/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health/steer_priv.h"

int fp_steer_add_names(struct fp_steer *s, struct fp_err *e)
{
	int r = 0;

	for (size_t i = 0; i < s->proxies.n; i++) {
		const struct fp_view *v = s->proxies.v[i].view;

		for (size_t k = 0; v && !r && k < v->opensips.n_dests; k++) {
			char host[256];
			uint16_t port;

			if (!fp_places_host(&v->opensips.dest[k], host, &port))
				r = fp_names_add(s->names, host, e);
		}
	}
	return r;
}

static const struct fp_lease *lease_of(const struct fp_steer *s,
				       const struct fp_proxy *x,
				       const struct fp_view_dest *d)
{
	for (size_t i = 0; i < s->n_leases; i++) {
		const struct fp_lease *l = &s->lease[i];

		if (l->kind == d->kind && !strcmp(l->uri, d->uri) &&
		    (d->kind != FP_DEST_LOAD_BALANCER || l->id == d->id) &&
		    !strcmp(l->set, d->set) && !strcmp(l->proxy, x->host->name))
			return l;
	}
	return NULL;
}

static bool is_ours(const struct fp_steer *s, const struct fp_host *h)
{
	for (size_t i = 0; i < s->o.n_hosts; i++)
		if (s->o.hosts[i] == h)
			return true;
	return false;
}

/* Did the watcher speak of it at all? */
static bool is_told(const struct fp_steer *s, const struct fp_host *h)
{
	const struct fp_steer_view *v = s->o.view;

	for (size_t i = 0; i < v->n; i++)
		if (!strcmp(v->v[i].node, h->name))
			return true;
	return false;
}

static void note_once(struct fp_steer *s, const char *text)
{
	if (fp_steer_is_news(s, text, ""))
		fp_steer_note(s, "%s", text);
}

/* Whom it leads to; that nobody is there has to be known. */
static void map(struct fp_steer *s, struct steer_dest *to)
{
	const char *proxy = to->proxy->host->name, *uri = to->dest->uri;
	const struct fp_host *other;
	char text[700];

	to->node = fp_places_find(&s->places, to->dest, &other);
	if (other) {
		snprintf(text, sizeof(text),
			 "%s: %s leads to %s and to %s alike: left alone",
			 proxy, uri, to->node->name, other->name);
		to->node = NULL;
	} else if (!to->node && !fp_places_is_known(&s->places, to->dest)) {
		snprintf(
			text, sizeof(text),
			"%s: whether %s leads to a node cannot be told, a name "
			"has no address now: left alone",
			proxy, uri);
	} else {
		return;
	}
	to->is_unmapped = true;
	note_once(s, text);
}

static void add_dest(struct fp_steer *s, struct fp_proxy *x,
		     const struct fp_view_dest *d)
{
	const struct fp_lease *l = lease_of(s, x, d);
	struct steer_dest *to = &s->v[s->n++];

	*to = (struct steer_dest){ .proxy = x, .dest = d };
	if (l) {
		to->lease = *l;
		to->has_lease = true;
	}
	map(s, to);
}

/* A lease of a destination that is in no table any more. */
static int add_orphans(struct fp_steer *s, size_t n_max)
{
	for (size_t i = 0; i < s->n_leases && s->n < n_max; i++) {
		const struct fp_lease *l = &s->lease[i];
		struct fp_proxy *x = NULL;
		bool is_there = false;

		for (size_t k = 0; k < s->n && !is_there; k++)
			is_there = s->v[k].has_lease &&
				   fp_lease_same(&s->v[k].lease, l);
		for (size_t k = 0; k < s->proxies.n; k++)
			if (!strcmp(s->proxies.v[k].host->name, l->proxy))
				x = &s->proxies.v[k];
		if (is_there || !x || !x->view ||
		    (strcmp(l->owner, s->o.owner) && l->until_s > s->now_s))
			continue;
		s->v[s->n] = (struct steer_dest){ .proxy = x,
						  .lease = *l,
						  .has_lease = true };
		s->v[s->n].step.act = FP_STEER_FORGET;
		snprintf(s->v[s->n++].step.why, 200,
			 "it is in no table any more");
	}
	return 0;
}

static size_t count_dests(const struct fp_steer *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->proxies.n; i++)
		if (s->proxies.v[i].view)
			n += s->proxies.v[i].view->opensips.n_dests;
	return n;
}

static struct fp_steer_dest for_plan(struct fp_steer *s, struct steer_dest *x)
{
	const struct fp_view_opensips *o = &x->proxy->view->opensips;
	struct fp_steer_dest d = {
		.proxy = x->proxy->host->name,
		.dest = x->dest,
		.node = x->node ? x->node->name : NULL,
		.want = FP_WANT_KEEP,
		.lease = x->has_lease ? &x->lease : NULL,
		.proxy_start_s = o->up_s >= 0 ? s->now_s - o->up_s : 0,
	};

	if (x->is_unmapped ||
	    (x->node && (!is_ours(s, x->node) || !is_told(s, x->node))))
		d.want = FP_WANT_NONE;
	else if (x->node)
		d.want = fp_steer_view_want(s->o.view, x->node->name, x->why);
	d.why = x->why;
	return d;
}

/* Out of routing for no reason that anybody wrote down. */
static void note_unexplained(struct fp_steer *s, const struct fp_steer_dest *d)
{
	char text[1000];

	if (d->dest->state != FP_DEST_INACTIVE || d->lease ||
	    d->want != FP_WANT_IN)
		return;
	snprintf(text, sizeof(text),
		 "%s: %s %s %s (%s is well) is disabled, by nobody's lease: an "
		 "operator's?",
		 d->proxy, fp_dest_kind_name(d->dest->kind), d->dest->set,
		 d->dest->uri, d->node);
	note_once(s, text);
}

static int plan(struct fp_steer *s, struct fp_err *e)
{
	const struct fp_steer_opts o = {
		.owner = s->o.owner,
		.now_s = s->now_s,
		.lease_s = s->o.lease_s,
		.max_down_percent = s->o.max_down_percent,
		.settle_s = s->o.settle_s,
	};
	struct fp_steer_dest *d = calloc(s->n ? s->n : 1, sizeof(*d));
	struct fp_steer_step *step = NULL;
	int r;

	if (!d)
		return fp_err_sys(e, -ENOMEM, "plan");
	for (size_t i = 0; i < s->n; i++) {
		d[i] = for_plan(s, &s->v[i]);
		note_unexplained(s, &d[i]);
	}
	r = fp_steer_plan(&o, d, s->n, &step, e);
	for (size_t i = 0; !r && i < s->n; i++)
		s->v[i].step = step[i];
	free(step);
	free(d);
	return r;
}

int fp_steer_make_plan(struct fp_steer *s, struct fp_err *e)
{
	int r = fp_steer_held_merge(s, e);
	size_t n_max;

	if (r)
		return r;
	n_max = count_dests(s) + s->n_leases;
	fp_steer_held_gone(s);
	free(s->v);
	s->n = 0;
	s->v = calloc(n_max ? n_max : 1, sizeof(*s->v));
	if (!s->v)
		return fp_err_sys(e, -ENOMEM, "plan");
	for (size_t i = 0; i < s->proxies.n; i++) {
		struct fp_proxy *x = &s->proxies.v[i];

		for (size_t k = 0; x->view && k < x->view->opensips.n_dests;
		     k++)
			add_dest(s, x, &x->view->opensips.dest[k]);
	}
	r = plan(s, e);
	return r ? r : add_orphans(s, n_max);
}
