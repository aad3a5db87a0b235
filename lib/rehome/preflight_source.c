/* SPDX-License-Identifier: Apache-2.0 */
/* The node whose calls move: is it dead, as it is said to be; does it live? */
#include <stdio.h>
#include <string.h>

#include "io/clock.h"
#include "rehome/preflight_priv.h"

#define POLL_MS 250
#define FRESH_MS 1000

/* ---- links */

static bool is_unsettled(const struct preflight *f)
{
	const struct fp_edges *s = f->p->edges;

	for (size_t i = 0; i < s->n; i++) {
		struct fp_check_link in = { .to = "" };

		if (&s->v[i] == f->p->from || !s->v[i].view)
			continue;
		in.state = fp_edge_link(&s->v[i], f->p->from, &in.next_hop);
		if (fp_check_link_wait(&in))
			return true;
	}
	return false;
}

/* Up is said for a while after a death, then Probe, then Down.
 * Source: facts/opensips-3nodes.md 1: 3 s with node_timeout 5, ping_interval 1. */
static int settle(struct preflight *f, struct fp_err *e)
{
	int64_t end_ms = fp_clock_ms() + f->p->link_wait_ms;
	int r = 0;

	while (!r && !f->p->from->view && is_unsettled(f) &&
	       fp_clock_ms() < end_ms) {
		r = fp_edges_pause(f->p->edges, POLL_MS, e);
		if (!r)
			r = fp_edges_read(f->p->edges, e);
	}
	return r;
}

static void dead_links(struct preflight *f)
{
	bool is_fenced = f->p->is_fenced;

	const struct fp_edges *s = f->p->edges;

	for (size_t i = 0; i < s->n; i++) {
		struct fp_check_link in = { .to = f->p->from->name,
					    .node_id = f->p->from->node_id };
		struct fp_check c;

		if (&s->v[i] == f->p->from || !s->v[i].view)
			continue;
		in.state = fp_edge_link(&s->v[i], f->p->from, &in.next_hop);
		fp_check_link_dead(&c, &in, is_fenced);
		preflight_tell(f, s->v[i].name, &c);
	}
}

/* ---- both */

/* Calls were meant to leave it when it died: nobody works on it. */
static bool is_drains(const struct fp_mark *m)
{
	return !strncmp(m->why, FP_DRAIN_WHY, strlen(FP_DRAIN_WHY));
}

/* Was it asked at all its addresses just now, when all were read?  Else it is. */
static int ask(struct preflight *f, struct fp_err *e)
{
	struct fp_edges *s = f->p->edges;
	struct fp_edge *before = s->suspect;
	int r;

	if (before == f->p->from && fp_clock_ms() - s->read_ms < FRESH_MS)
		return 0;
	fp_edges_suspect(s, f->p->from);
	r = fp_edges_read(s, e);
	fp_edges_suspect(s, before);
	return r;
}

static int dead(struct preflight *f, struct fp_err *e)
{
	const struct fp_edge *x = f->p->from;
	const struct fp_mark *m = preflight_mark(f->p, x);
	struct fp_check_alive in = { .is_mi = false };
	struct fp_check c;
	int r = ask(f, e);

	if (!r && !x->life.is_alive)
		r = settle(f, e);
	if (r)
		return r;
	in.is_mi = x->view;
	in.is_sip = x->life.is_alive;
	in.mi = x->err.text;
	in.sip = x->life.is_asked ? x->life.said : NULL;
	fp_check_alive(&c, &in);
	preflight_tell(f, x->name, &c);
	dead_links(f);
	fp_check_maintenance(&c, m ? m->why : NULL, m ? m->by : NULL);
	if (m && is_drains(m)) {
		c.state = FP_CHECK_WARN;
		c.rule = "";
	}
	preflight_tell(f, x->name, &c);
	return 0;
}

int preflight_source(struct preflight *f, struct fp_err *e)
{
	const struct fp_edge *x = f->p->from;

	if (preflight_is_failover(f))
		return dead(f, e);
	if (f->p->kind != FP_MOVE_DRAIN || x->view)
		return 0;
	return fp_err(e, -EAGAIN,
		      "%s does not answer: %s; what is dead is failed over",
		      x->name, x->err.text);
}
