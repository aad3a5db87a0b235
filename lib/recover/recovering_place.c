/* SPDX-License-Identifier: Apache-2.0 */
/* Which target gets which call, and which RTP ports are taken there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "recover/recovering_priv.h"

#define PORTS_AGAIN_MS 3000 /* new calls of the target take ports meanwhile */

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

void rec_empty(struct rec_target *t, const char *why)
{
	struct rec *r = t->r;
	struct rec_batch *b = t->ready;
	size_t n = rec_queued(t);
	uint64_t n_back;

	t->ready = NULL;
	if (b && !rec_unput(b, &n_back))
		for (size_t k = 0; k < b->n; k++) {
			size_t i = b->call[k];

			if (r->call[i].b != b)
				continue;
			if (r->code) /* it is as it was */
				rec_leave(r, i);
			else
				rec_again(r, i, why);
		}
	while (!r->code && n--) {
		size_t i = t->queue[t->head];

		t->head = (t->head + 1) % (r->calls->n_calls + 1);
		rec_again(r, i, why);
	}
}

/* ---- ports */

static int use(struct rec_target *t, const char *ip, uint16_t port)
{
	return port ? fp_ports_use(t->ports, *ip ? ip : t->x->rtp_ip, port) : 0;
}

static int of_rows(struct rec_target *t, struct fp_err *e)
{
	struct fp_store_port *v;
	size_t n;
	int c = fp_store_ports(t->o->store, t->x->switchname, &v, &n, e);

	if (c)
		return c;
	for (size_t i = 0; i < n && !c; i++) {
		c = use(t, v[i].ip, v[i].media);
		if (!c)
			c = use(t, v[i].ip, v[i].video);
		if (!c)
			c = use(t, v[i].ip, v[i].text);
	}
	free(v);
	return c ? fp_err(e, c, "out of memory") : 0;
}

/* Rows lag a second behind: channels say it themselves.  A line of `show channels`
 * begins with its uuid. */
struct channels {
	struct rec_target *t;
	size_t n_out;
	bool is_done;
	int code;
};

static void on_port(void *ctx, int code, const char *body,
		    const struct fp_err *e)
{
	struct channels *w = ctx;
	unsigned int port;

	(void)e;
	w->n_out--;
	if (!code && sscanf(body, "%u", &port) == 1 && port <= UINT16_MAX &&
	    use(w->t, "", (uint16_t)port))
		w->code = -ENOMEM;
	if (!w->n_out) {
		w->is_done = true;
		fp_loop_stop(w->t->r->o->loop);
	}
}

static bool is_line_of_uuid(const char *line)
{
	return strspn(line, "0123456789abcdefABCDEF-") == 36 && line[36] == ',';
}

static int ask_port(struct channels *w, const char *line, struct fp_err *e)
{
	static const char *const names[] = { "local_media_port",
					     "local_video_port" };
	char command[120];
	int c = 0;

	for (size_t i = 0; i < 2 && !c; i++) {
		snprintf(command, sizeof(command), "uuid_getvar %.36s %s", line,
			 names[i]);
		c = fp_switch_send(w->t->x, command, REC_ANSWER_MS, on_port, w,
				   e);
		w->n_out += !c;
	}
	return c;
}

static int of_channels(struct rec_target *t, struct fp_err *e)
{
	struct channels w = { .t = t };
	char *body, *save = NULL;
	int c = fp_switch_ask(t->x, "show channels", &body, e);

	if (c)
		return c;
	for (char *line = strtok_r(body, "\n", &save); line && !c;
	     line = strtok_r(NULL, "\n", &save))
		if (is_line_of_uuid(line))
			c = ask_port(&w, line, e);
	free(body);
	while (w.n_out) { /* w is here: a signal does not end this */
		struct fp_err why;
		int waited = fp_loop_wait(t->r->o->loop, &w.is_done, &why);

		if (waited)
			rec_stop(t->r, waited, &why);
		if (waited && waited != -EINTR)
			fp_switch_drop(t->x);
	}
	return c ? c : w.code ? fp_err(e, w.code, "out of memory") : 0;
}

int rec_ports(struct rec_target *t, struct fp_err *e)
{
	int64_t now_ms = fp_clock_ms();
	int c;

	if (t->ports_ms && now_ms - t->ports_ms < PORTS_AGAIN_MS)
		return 0;
	c = of_rows(t, e);
	if (!c)
		c = of_channels(t, e);
	if (!c)
		t->ports_ms = now_ms;
	return c;
}
