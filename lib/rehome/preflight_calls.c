/* SPDX-License-Identifier: Apache-2.0 */
/* The dialogs of a target, and what they need of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/opensips.h"
#include "rehome/preflight_priv.h"

#define SOCKETS 32 /* endpoints of a node that are looked at */
#define AGAIN_MS 1000
#define YOUNG_S 5 /* what was answered since may not have been told yet */

/* ---- whose dialogs */

static bool is_moved(const struct preflight *f, const struct fp_edge *x,
		     const struct fp_dialog *d)
{
	for (size_t i = 0; i < f->p->n_moves; i++) {
		const struct fp_tag_move *m = &f->p->move[i];

		if (m->to == x && (!*m->tag || !strcmp(m->tag, d->tag)))
			return true;
	}
	return false;
}

static bool is_selected(const struct preflight *f, const struct fp_dialog *d,
			int64_t now_s)
{
	return !f->p->select || fp_select_matches(f->p->select, d, now_s);
}

/* The living owners of what goes to x. */
static bool is_owner(const struct preflight *f, const struct fp_edge *x,
		     const struct fp_edge *y)
{
	for (size_t i = 0; i < f->p->n_moves; i++)
		if (f->p->move[i].to == x && f->p->move[i].from == y)
			return y != x && y->view && y->dialogs;
	return false;
}

/* ---- sockets */

struct sockets {
	struct fp_endpoint v[SOCKETS];
	size_t n;
	bool has_name; /* a host name: nothing to compare with */
};

static void sockets_of(const struct fp_host *h, struct sockets *out)
{
	const char *list = fp_inventory_var(h, "fp_sip");
	struct fp_endpoint p;

	for (size_t i = 0; list && out->n < SOCKETS &&
			   fp_endpoint_list(list, i, &p, NULL) > 0;
	     i++) {
		out->has_name |= !p.addr.len;
		out->v[out->n++] = p;
	}
}

static void bind_of(struct preflight *f, const struct fp_edge *x,
		    const struct sockets *own, const struct sockets *others)
{
	struct fp_check_bind b = { .own = own->v,
				   .n_own = own->has_name ? 0 : own->n,
				   .others = others->v,
				   .n_others = others->n };
	struct fp_check c;

	for (size_t i = 0; i < fp_dialogs_n(x->dialogs); i++) {
		const struct fp_dialog *d = fp_dialogs_at(x->dialogs, i);

		if (!fp_dialog_is_up(d) || !is_moved(f, x, d))
			continue;
		fp_check_bind_add(&b, 0, d->caller_bind);
		fp_check_bind_add(&b, 1, d->callee_bind);
	}
	fp_check_bind(&c, &b);
	preflight_tell(f, x->name, &c);
}

static int binds(struct preflight *f, const struct fp_edge *x, struct fp_err *e)
{
	const struct fp_edges *s = f->p->edges;
	struct sockets *v = calloc(2, sizeof(*v));

	if (!v)
		return fp_err(e, -ENOMEM, "out of memory");
	sockets_of(x->host, &v[0]);
	for (size_t i = 0; i < s->n; i++)
		if (&s->v[i] != x)
			sockets_of(s->v[i].host, &v[1]);
	bind_of(f, x, &v[0], &v[1]);
	free(v);
	return 0;
}

/* ---- are all there, and alike? */

struct compared {
	const struct preflight *f;
	const struct fp_edge *x;
	int64_t before_s; /* answered later: not judged; 0: all are */
	size_t n, n_lacking, n_stale;
	char lacking[128];
};

static void compare(struct compared *c, const struct fp_edge *owner)
{
	for (size_t i = 0; i < fp_dialogs_n(owner->dialogs); i++) {
		const struct fp_dialog *d = fp_dialogs_at(owner->dialogs, i);
		const struct fp_dialog *copy;

		if (!fp_dialog_is_up(d) || !is_moved(c->f, c->x, d) ||
		    (c->before_s && d->started_s > c->before_s))
			continue;
		c->n++;
		copy = fp_dialogs_find(c->x->dialogs, d->callid);
		if (!copy && !c->n_lacking++)
			snprintf(c->lacking, sizeof(c->lacking), "%s",
				 d->callid);
		c->n_stale += copy && fp_dialog_is_other_sdp(copy, d);
	}
}

static void compare_all(const struct preflight *f, const struct fp_edge *x,
			struct compared *out, struct fp_check_counts *counts)
{
	const struct fp_edges *s = f->p->edges;
	const struct fp_edge *dead =
		preflight_is_failover(f) ? f->p->from : NULL;
	const struct fp_edge *full = preflight_fullest(s, x, dead);

	*out = (struct compared){ .f = f, .x = x };
	*counts = (struct fp_check_counts){
		.n = x->view->dialogs,
		.peer = full ? full->name : NULL,
		.peer_n = full ? full->view->dialogs : -1,
		.up_s = x->view->up_s,
	};
	for (size_t i = 0; i < s->n; i++) {
		if (!is_owner(f, x, &s->v[i]))
			continue;
		counts->has_owner = true;
		out->before_s = s->v[i].view->now_s > YOUNG_S
					? s->v[i].view->now_s - YOUNG_S
					: 0;
		compare(out, &s->v[i]);
	}
	counts->n_lacking = out->n_lacking;
	counts->lacking = out->lacking;
}

static int in_step(struct preflight *f, struct fp_edge *x, struct fp_err *e)
{
	struct fp_check_counts counts;
	struct compared seen;
	struct fp_check c;
	int r;

	compare_all(f, x, &seen, &counts);
	if (fp_check_counts_again(&counts)) {
		r = fp_edges_pause(f->p->edges, AGAIN_MS, e);
		if (!r)
			r = fp_edges_read(f->p->edges, e);
		if (!r && seen.n_lacking)
			r = fp_edges_list(f->p->edges, &x, 1, NULL, NULL, e);
		if (r)
			return r;
		if (!x->view || !x->dialogs)
			return fp_err(e, -EAGAIN, "%s does not answer: %s",
				      x->name, x->err.text);
		compare_all(f, x, &seen, &counts);
	}
	fp_check_counts(&c, &counts);
	preflight_tell(f, x->name, &c);
	if (!counts.has_owner)
		return 0;
	fp_check_sdp(&c, seen.n, seen.n_stale, preflight_is_failover(f));
	preflight_tell(f, x->name, &c);
	return 0;
}

/* ---- states, bodies */

struct tally {
	size_t n, n_state3, n_early, n_anchored, n_direct, n_selected;
};

static void count(const struct preflight *f, const struct fp_edge *x,
		  struct tally *t)
{
	for (size_t i = 0; i < fp_dialogs_n(x->dialogs); i++) {
		const struct fp_dialog *d = fp_dialogs_at(x->dialogs, i);

		if (!is_moved(f, x, d))
			continue;
		t->n_early += fp_dialog_is_early(d);
		if (!fp_dialog_is_up(d))
			continue;
		t->n++;
		t->n_state3 += d->state == FP_DLG_CONFIRMED_NA;
		if (!is_selected(f, d, x->view->now_s))
			continue;
		t->n_selected++;
		if (fp_dialog_body(d) == FP_BODY_INBOUND)
			t->n_anchored++;
		else
			t->n_direct++;
	}
}

static int take_counters(void *ctx, const struct cJSON *result,
			 struct fp_err *e)
{
	struct fp_check_ack *ack = ctx;

	(void)e;
	ack->create_recv = fp_os_statistic(result, "dialog:create_recv");
	ack->update_recv = fp_os_statistic(result, "dialog:update_recv");
	return 0;
}

static int ack_rule(struct preflight *f, struct fp_edge *x,
		    const struct tally *t, struct fp_err *e)
{
	const struct fp_os_cfg *cfg = f->p->cfg;
	struct fp_check_ack ack = {
		.cfg = preflight_of_cfg(cfg, cfg && cfg->has_ack_rule),
		.n = t->n,
		.n_state3 = t->n_state3,
		.create_recv = -1,
		.update_recv = -1
	};
	struct fp_check c;
	int r = fp_edge_ask(x, "get_statistics",
			    "{\"statistics\":[\"dialog:\"]}", take_counters,
			    &ack, NULL, e);

	if (r && r != -EREMOTEIO)
		return r;
	fp_check_ack(&c, &ack);
	preflight_tell(f, x->name, &c);
	fp_check_state3(&c, t->n, t->n_state3);
	preflight_tell(f, x->name, &c);
	return 0;
}

static void media(struct preflight *f, const struct fp_edge *x,
		  const struct tally *t)
{
	const struct fp_os_cfg *cfg = f->p->cfg;
	const struct fp_check_body body = { .named = fp_body_name(f->p->body),
					    .n_anchored = t->n_anchored,
					    .n_direct = t->n_direct };
	struct fp_check c;

	fp_check_body(&c, &body);
	preflight_tell(f, x->name, &c);
	fp_check_local_route(&c,
			     preflight_of_cfg(cfg, cfg && cfg->has_local_offer),
			     t->n_anchored);
	preflight_tell(f, x->name, &c);
}

/* Those that are being set up are at their owner, or nowhere. */
static void early(struct preflight *f, const struct fp_edge *x, struct tally *t)
{
	const struct fp_edges *s = f->p->edges;
	struct tally owners = { .n = 0 };
	bool has_owner = false;
	struct fp_check c;

	for (size_t i = 0; i < s->n; i++) {
		const struct fp_edge *y = &s->v[i];

		if (!is_owner(f, x, y))
			continue;
		has_owner = true;
		for (size_t k = 0; k < fp_dialogs_n(y->dialogs); k++) {
			const struct fp_dialog *d =
				fp_dialogs_at(y->dialogs, k);

			owners.n_early +=
				fp_dialog_is_early(d) && is_moved(f, x, d);
		}
	}
	fp_check_early(&c, has_owner ? owners.n_early : t->n_early,
		       preflight_is_failover(f));
	preflight_tell(f, x->name, &c);
}

int preflight_calls(struct preflight *f, struct fp_edge *x, struct fp_err *e)
{
	struct tally t = { .n = 0 };
	int r;

	if (!x->dialogs)
		return fp_err(e, -EAGAIN,
			      "%s: its dialogs are not to be had: %s", x->name,
			      x->err.text);
	r = f->p->kind == FP_MOVE_MEDIA ? 0 : in_step(f, x, e);
	if (!r && f->p->kind != FP_MOVE_MEDIA)
		r = binds(f, x, e);
	if (r)
		return r;
	count(f, x, &t);
	r = ack_rule(f, x, &t, e);
	if (r)
		return r;
	early(f, x, &t);
	media(f, x, &t);
	return preflight_memory(f, x, t.n_selected, e);
}
