/* SPDX-License-Identifier: Apache-2.0 */
/* Which target gets which call. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recover/recovering_priv.h"

/* ---- queues */

void rec_queue(struct rec_target *t, size_t i)
{
	size_t n = t->r->calls->n_calls + 1;

	t->r->call[i].t = t;
	t->r->way[i].to = t->x;
	t->queue[t->tail] = i;
	t->tail = (t->tail + 1) % n;
}

size_t rec_queued(const struct rec_target *t)
{
	size_t n = t->r->calls->n_calls + 1;

	return (t->tail + n - t->head) % n;
}

static bool is_usable(const struct rec_target *t)
{
	return !t->is_dead && !t->is_cut && !t->is_paused && !t->x->code;
}

/* ---- placing */

static void node_of(const struct rec_target *t, const char **profiles,
		    struct fp_place_node *out)
{
	const struct fp_switch *x = t->x;
	const struct fp_view_freeswitch *v = &x->view;
	size_t n = 0;

	for (size_t i = 0; i < x->conf.n_profiles; i++)
		if (x->conf.profile[i].is_running)
			profiles[n++] = x->conf.profile[i].name;
	*out = (struct fp_place_node){
		.name = x->name,
		.is_self = t->o->is_self,
		.weight = is_usable(t) ? t->o->weight : 0,
		.room = v->max_sessions > 0 ? v->max_sessions - v->sessions
					    : -1,
		.sessions = v->sessions,
		.idle_percent = v->idle_percent,
		.min_idle_percent = v->min_idle_percent,
		.profiles = profiles,
		.n_profiles = n,
		.is_v4_only = x->rtp_ip[0] && !strchr(x->rtp_ip, ':'),
	};
	if (v->max_sessions > 0 && out->room < 0)
		out->room = 0;
}

struct nodes {
	struct fp_place_node *v;
	const char ***profiles;
	size_t n;
};

static void nodes_free(struct nodes *w)
{
	for (size_t k = 0; w->profiles && k < w->n; k++)
		free(w->profiles[k]);
	free(w->profiles);
	free(w->v);
}

static int nodes_make(struct nodes *w, const struct rec *r)
{
	*w = (struct nodes){ .n = r->n_t };
	w->v = calloc(r->n_t + 1, sizeof(*w->v));
	w->profiles = calloc(r->n_t + 1, sizeof(*w->profiles));
	for (size_t k = 0; w->v && w->profiles && k < r->n_t; k++) {
		w->profiles[k] = calloc(r->t[k].x->conf.n_profiles + 1,
					sizeof(**w->profiles));
		if (!w->profiles[k])
			break;
		node_of(&r->t[k], w->profiles[k], &w->v[k]);
		if (k + 1 == r->n_t)
			return 0;
	}
	nodes_free(w);
	return r->n_t ? -ENOMEM : -EINVAL;
}

/* What is not to be placed now looks as if it were to be skipped. */
static struct fp_call *waiting_only(const struct rec *r)
{
	struct fp_call *v = malloc((r->calls->n_calls + 1) * sizeof(*v));

	if (!v)
		return NULL;
	memcpy(v, r->calls->call, r->calls->n_calls * sizeof(*v));
	for (size_t i = 0; i < r->calls->n_calls; i++)
		if (r->way[i].verdict != FP_REC_WAITING || r->call[i].b)
			v[i].fate = FP_FATE_SKIP;
	return v;
}

static void nowhere(struct rec *r, size_t i)
{
	rec_verdict(r, i, FP_REC_FAILED, "no target has room, or its profile");
}

static int place(struct rec *r, const struct nodes *w, struct fp_err *e)
{
	size_t *to = calloc(r->calls->n_calls + 1, sizeof(*to));
	struct fp_calls part = *r->calls;
	int c;

	part.call = waiting_only(r);
	if (!to || !part.call) {
		free(to);
		free(part.call);
		return fp_err(e, -ENOMEM, "out of memory");
	}
	c = fp_place_calls(&part, w->v, w->n, NULL, to, e);
	for (size_t i = 0; (!c || c == -ENOSPC) && i < part.n_calls; i++) {
		if (part.call[i].fate == FP_FATE_SKIP ||
		    part.call[i].fate == FP_FATE_LOST)
			continue;
		if (to[i] < r->n_t)
			rec_queue(&r->t[to[i]], i);
		else
			nowhere(r, i);
	}
	free(to);
	free(part.call);
	return c == -ENOSPC ? 0 : c;
}

int rec_place_all(struct rec *r, struct fp_err *e)
{
	struct nodes w;
	int c;

	if (!r->n_open)
		return 0;
	c = nodes_make(&w, r);
	if (c == -EINVAL)
		return fp_err(e, -EHOSTUNREACH, "no target");
	if (c)
		return fp_err(e, c, "out of memory");
	c = place(r, &w, e);
	nodes_free(&w);
	return c;
}

struct rec_target *rec_place(struct rec *r, size_t i)
{
	struct fp_calls one = *r->calls;
	struct fp_call call = r->calls->call[i];
	size_t to = FP_PLACE_NONE;
	struct nodes w;
	int c = nodes_make(&w, r);

	if (c)
		return NULL;
	one.call = &call;
	one.n_calls = 1;
	c = fp_place_calls(&one, w.v, w.n, &r->call[i].not_there, &to, NULL);
	nodes_free(&w);
	return c || to >= r->n_t ? NULL : &r->t[to];
}

/* false: the store is away, and is waited for. */
static bool empty(struct rec_batch *b, const char *why)
{
	struct rec *r = b->r;
	uint64_t n;

	/* of a job that stops they are found by the next run */
	if (rec_unput(b, &n) && !r->code)
		return false;
	b->t->ready = b->behind;
	for (size_t k = 0; k < b->n; k++) {
		size_t i = b->call[k];

		if (r->call[i].b != b)
			continue;
		if (r->code) /* it is as it was */
			rec_leave(r, i);
		else
			rec_again(r, i, why);
	}
	b->at = REC_AT_END;
	return true;
}

void rec_empty(struct rec_target *t, const char *why)
{
	struct rec *r = t->r;
	size_t n = rec_queued(t);

	while (t->ready && empty(t->ready, why))
		;
	while (!r->code && n--) {
		size_t i = t->queue[t->head];

		t->head = (t->head + 1) % (r->calls->n_calls + 1);
		rec_again(r, i, why);
	}
}
