/* SPDX-License-Identifier: Apache-2.0 */
#include "control/stay.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/stay_priv.h"
#include "io/clock.h"

#define KEEP_ALIVE_MS 15000
#define AGAIN_MS 10000 /* after the lists could not be read */

void fp_stay_say(struct fp_stay *s, bool is_bad, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	s->opts.say(s->opts.ctx, is_bad, text);
}

/* ---- plans */

static void plan_unref(struct fp_stay_plan *p)
{
	if (!p || --p->refs)
		return;
	fp_source_free(p->plan.source);
	free(p);
}

static int plan_new(struct fp_stay *s, struct fp_stay_plan **out,
		    struct fp_err *e)
{
	struct fp_stay_plan *p = calloc(1, sizeof(*p));
	struct fp_source_opts o = s->opts.source;
	int r;

	if (!p)
		return fp_err(e, -ENOMEM, "out of memory");
	p->refs = 1;
	p->plan = s->opts.plan;
	o.now_s = fp_clock_unix_s();
	r = fp_source_read(&p->plan.source, &o, p->plan.history, e);
	if (!r)
		r = fp_plan_begin(&p->plan, e);
	if (r)
		plan_unref(p);
	else
		*out = p;
	return r;
}

/* Entries of files end too. */
static void arm_expiry(struct fp_stay *s)
{
	int64_t end_s = fp_source_end_s(s->plan->plan.source);
	int64_t in_ms = end_s * 1000 - fp_clock_unix_ms();

	if (end_s)
		fp_loop_timer_arm(s->loop, &s->expiry,
				  fp_clock_ms() + (in_ms > 0 ? in_ms : 0) + 1);
	else
		fp_loop_timer_disarm(s->loop, &s->expiry);
}

/* ---- visits */

static struct fp_stay_node *node_of(struct fp_member *m)
{
	return m->data;
}

static void round_begin(struct fp_stay *s, struct fp_stay_node *x)
{
	s->plan->refs++;
	plan_unref(x->plan);
	x->plan = s->plan;
	x->is_stale = false;
	fp_visit_again(x->visit, &x->plan->plan);
	fp_visit_opened(x->visit, x->m);
}

/* HELLO asks all there is to know. */
static void visit(struct fp_stay *s, struct fp_stay_node *x)
{
	if (!x->m->sender)
		return;
	if (x->plan) {
		x->is_stale = true;
		return;
	}
	fp_sender_hello(x->m->sender, fp_clock_unix_ms());
	round_begin(s, x);
	fp_fleet_kick(s->fleet, x->m);
}

static void visit_all(struct fp_stay *s)
{
	for (size_t i = 0; i < s->n; i++)
		visit(s, &s->node[i]);
}

/* Say what is new about a node. */
static void tell(struct fp_stay *s, struct fp_stay_node *x)
{
	const struct fp_outcome *o = fp_visit_outcome(x->visit);

	if (!x->state || strcmp(x->state, o->state) || o->is_changed)
		s->opts.changed(s->opts.ctx, x->m, o);
	x->state = o->state;
	if (x->is_seen)
		return;
	x->is_seen = true;
	if (!--s->n_unseen && s->opts.ready)
		s->opts.ready(s->opts.ctx);
}

static void round_end(struct fp_stay *s, struct fp_stay_node *x)
{
	bool is_news = fp_visit_outcome(x->visit)->words_here > 0;

	tell(s, x);
	plan_unref(x->plan);
	x->plan = NULL;
	/* what one node had from elsewhere, the others hear now */
	for (size_t i = 0; i < s->n && is_news; i++)
		if (&s->node[i] != x)
			visit(s, &s->node[i]);
	if (x->is_stale && x->m->sender) {
		fp_sender_hello(x->m->sender, fp_clock_unix_ms());
		round_begin(s, x);
	}
}

static void on_opened(void *ctx, struct fp_member *m)
{
	round_begin(ctx, node_of(m));
}

static void on_event(void *ctx, struct fp_member *m, const struct fp_event *ev)
{
	struct fp_stay_node *x = node_of(m);
	struct fp_stay *s = ctx;

	if (ev->tag >= FP_STAY_TAG && ev->kind != FP_EVENT_NOTE)
		fp_stay_sock_answer(s, (size_t)(x - s->node), ev);
	else if (x->plan)
		fp_visit_event(x->visit, m, ev);
	if (x->plan && fp_visit_outcome(x->visit)->is_done &&
	    fp_sender_is_idle(m->sender))
		round_end(s, x);
}

static void on_ended(void *ctx, struct fp_member *m)
{
	struct fp_stay_node *x = node_of(m);
	struct fp_stay *s = ctx;

	fp_stay_sock_answer(s, (size_t)(x - s->node), NULL);
	if (!x->plan) { /* between two visits, or before the first */
		x->plan = s->plan;
		x->plan->refs++;
		fp_visit_again(x->visit, &x->plan->plan);
	}
	fp_visit_ended(x->visit, m);
	round_end(s, x);
}

/* ---- timers */

static void on_keep_alive(void *ctx)
{
	struct fp_stay *s = ctx;

	fp_loop_timer_arm(s->loop, &s->keep_alive,
			  fp_clock_ms() + KEEP_ALIVE_MS);
	visit_all(s);
}

/* The lists are read again; as long as they cannot be, those before hold. */
static void on_reload(void *ctx)
{
	struct fp_stay *s = ctx;
	struct fp_stay_plan *p;
	struct fp_err e = { .text = "" };

	fp_stay_watch_again(s);
	if (plan_new(s, &p, &e)) {
		fp_stay_say(s, true, "%s; the lists before it hold", e.text);
		fp_loop_timer_arm(s->loop, &s->reload,
				  fp_clock_ms() + AGAIN_MS);
		return;
	}
	if (!strcmp(fp_source_policy(p->plan.source),
		    fp_source_policy(s->plan->plan.source))) {
		plan_unref(p);
		return;
	}
	plan_unref(s->plan);
	s->plan = p;
	arm_expiry(s);
	visit_all(s);
}

/* ---- open and close */

static int start(struct fp_stay *s, const struct fp_host *const *hosts,
		 struct fp_err *e)
{
	const struct fp_fleet_ops ops = { on_opened, on_event, on_ended, s };
	int r = fp_fleet_open(&s->fleet, s->loop, &s->opts.fleet, hosts, s->n,
			      &ops, e);

	for (size_t i = 0; i < s->n && !r; i++) {
		s->node[i].m = fp_fleet_member(s->fleet, i);
		s->node[i].m->data = &s->node[i];
		r = fp_visit_new(&s->node[i].visit, &s->plan->plan, e);
	}
	if (!r)
		r = fp_stay_watch_open(s, e);
	if (!r)
		r = fp_stay_sock_open(s, e);
	return r;
}

int fp_stay_open(struct fp_stay **out, struct fp_loop *l,
		 const struct fp_stay_opts *o,
		 const struct fp_host *const *hosts, size_t n, struct fp_err *e)
{
	struct fp_stay *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return fp_err(e, -ENOMEM, "out of memory");
	s->node = calloc(n + 1, sizeof(*s->node));
	s->loop = l;
	s->opts = *o;
	s->opts.fleet.is_lasting = true;
	s->n = s->n_unseen = n;
	s->watch_fd = s->listen_fd = s->dir_watch = -1;
	for (size_t i = 0; i < FP_STAY_CLIENTS; i++)
		s->client[i].fd = -1;
	s->keep_alive = (struct fp_timer){ .fire = on_keep_alive, .ctx = s };
	s->reload = (struct fp_timer){ .fire = on_reload, .ctx = s };
	s->expiry = (struct fp_timer){ .fire = on_reload, .ctx = s };
	r = s->node ? plan_new(s, &s->plan, e)
		    : fp_err(e, -ENOMEM, "out of memory");
	if (!r)
		r = start(s, hosts, e);
	if (r) {
		fp_stay_close(s);
		return r;
	}
	arm_expiry(s);
	fp_loop_timer_arm(l, &s->keep_alive, fp_clock_ms() + KEEP_ALIVE_MS);
	fp_fleet_start(s->fleet);
	*out = s;
	return 0;
}

void fp_stay_close(struct fp_stay *s)
{
	if (!s)
		return;
	fp_stay_sock_close(s);
	fp_stay_watch_close(s);
	fp_loop_timer_disarm(s->loop, &s->keep_alive);
	fp_loop_timer_disarm(s->loop, &s->reload);
	fp_loop_timer_disarm(s->loop, &s->expiry);
	fp_fleet_close(s->fleet);
	for (size_t i = 0; s->node && i < s->n; i++) {
		fp_visit_free(s->node[i].visit);
		plan_unref(s->node[i].plan);
	}
	plan_unref(s->plan);
	free(s->node);
	free(s);
}
