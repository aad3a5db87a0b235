/* SPDX-License-Identifier: Apache-2.0 */
/* Is a node that is new or was restarted in step? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rehome/join.h"
#include "rehome/edges_priv.h"
#include "rehome/preflight_priv.h"

#define LOOK_MS 1000 /* between two looks at all dialogs */

struct join {
	struct preflight f;
	struct fp_edges *s;
	struct fp_edge *x;
	struct fp_join_diff diff;
};

/* ---- dialogs of all nodes */

/* The index of the node that has a tag active; two: x, if it is one of them. */
static size_t owner_of(void *ctx, const char *tag)
{
	const struct join *j = ctx;
	struct fp_edge *owner, *other;
	int r = fp_edges_owner(j->s, tag, &owner, &other);

	if (r == -EBUSY && other == j->x)
		owner = other;
	return owner ? (size_t)(owner - j->s->v) : j->s->n;
}

static int nodes_of(struct join *j, struct fp_join_in *in, struct fp_err *e)
{
	struct fp_join_node *v = calloc(j->s->n, sizeof(*v));

	if (!v)
		return fp_err(e, -ENOMEM, "no memory");
	for (size_t i = 0; i < j->s->n; i++) {
		const struct fp_edge *y = &j->s->v[i];

		v[i].name = y->name;
		if (!y->view)
			continue;
		v[i].dialogs = y->dialogs;
		if (y->view->now_s)
			v[i].since_s = y->view->now_s - y->view->up_s;
	}
	*in = (struct fp_join_in){ .node = v,
				   .n = j->s->n,
				   .x = (size_t)(j->x - j->s->v),
				   .owner = owner_of,
				   .ctx = j };
	return 0;
}

static int list_all(struct join *j, struct fp_err *e)
{
	const struct fp_edges *s = j->s;
	struct fp_edge **which = calloc(s->n, sizeof(struct fp_edge *));
	size_t n = 0;
	int r;

	if (!which)
		return fp_err(e, -ENOMEM, "no memory");
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].view)
			which[n++] = &s->v[i];
	r = fp_edges_list(j->s, which, n, NULL, NULL, e);
	for (size_t i = 0; i < n && !r; i++)
		if (!which[i]->dialogs)
			r = fp_err(e, -EAGAIN, "%s: its dialogs: %s",
				   which[i]->name, which[i]->err.text);
	free(which);
	return r;
}

/* Tags and dialogs of one moment, as far as there is one. */
static int look(struct join *j, struct fp_join_diff *out, struct fp_err *e)
{
	struct fp_join_in in;
	int r = list_all(j, e);

	if (!r)
		r = nodes_of(j, &in, e);
	if (r)
		return r;
	r = fp_join_compare(&in, out);
	free((void *)in.node);
	return r ? fp_err(e, r, "no memory") : 0;
}

static int look_twice(struct join *j, struct fp_err *e)
{
	struct fp_join_diff before;
	int r = look(j, &before, e);

	if (r)
		return r;
	r = fp_edges_pause(j->s, LOOK_MS, e);
	if (!r)
		r = fp_edges_read(j->s, e);
	if (!r && !j->x->view)
		r = fp_edge_silent(j->x, e);
	if (!r)
		r = look(j, &j->diff, e);
	if (!r)
		fp_join_persist(&j->diff, &before);
	fp_join_diff_fini(&before);
	return r;
}

/* ---- one condition after the other */

static void tell(struct join *j, struct fp_check *c)
{
	preflight_tell(&j->f, j->x->name, c);
}

static void capability(struct join *j)
{
	struct fp_check_capability caps;
	struct fp_check c;

	preflight_capability(j->s, j->x, NULL, &caps);
	/* what came with the last sync is judged by "sync" */
	if (!caps.chunks)
		caps.chunks = -1;
	caps.is_sync_pending = false;
	fp_check_capability(&c, &caps);
	tell(j, &c);
}

static void version(struct join *j)
{
	const struct fp_edge *y = preflight_fullest(j->s, j->x, NULL);
	struct fp_check c;

	fp_check_version(&c, j->x->view->version, y ? y->name : "",
			 y ? y->view->version : NULL, false);
	tell(j, &c);
}

static void link_one(struct join *j, const struct fp_edge *x,
		     const struct fp_edge *to)
{
	struct fp_check_link in = { .to = to->name, .node_id = to->node_id };
	struct fp_check c;

	in.state = fp_edge_link(x, to, &in.next_hop);
	fp_check_link(&c, &in, true);
	preflight_tell(&j->f, x->name, &c);
}

static void silent(struct join *j, const struct fp_edge *y)
{
	struct fp_check c = { .name = "answers",
			      .rule = "",
			      .state = FP_CHECK_WARN };

	snprintf(c.value, sizeof(c.value), "no");
	snprintf(c.detail, sizeof(c.detail), "not compared: %.200s",
		 y->err.text);
	preflight_tell(&j->f, y->name, &c);
}

static void links(struct join *j)
{
	for (size_t i = 0; i < j->s->n; i++) {
		const struct fp_edge *y = &j->s->v[i];

		if (y == j->x)
			continue;
		if (!y->view) {
			silent(j, y);
			continue;
		}
		link_one(j, j->x, y);
		link_one(j, y, j->x);
	}
}

static void tags(struct join *j)
{
	const struct fp_view_opensips *v = j->x->view;
	struct fp_check_tags in = {
		.split = "", .other = "", .configured = "", .n = v->n_tags
	};
	struct fp_check c;

	for (size_t i = 0; i < v->n_tags; i++) {
		const struct fp_view_tag *t = &v->tag[i];
		struct fp_edge *a, *b;

		if (!t->is_active)
			continue;
		in.n_active++;
		if (!strcmp(t->name, j->x->signs.active_tag))
			in.configured = t->name;
		if (*in.split ||
		    fp_edges_owner(j->s, t->name, &a, &b) != -EBUSY)
			continue;
		in.split = t->name;
		in.other = (a == j->x ? b : a)->name;
	}
	fp_check_join_tags(&c, &in);
	tell(j, &c);
}

/* What hurts one day: here and, as far as it is known, at the others. */
static void settings(struct join *j)
{
	struct fp_check c;

	preflight_settings(&j->f, j->x);
	for (size_t i = 0; i < j->s->n; i++) {
		const struct fp_edge *y = &j->s->v[i];

		if (y == j->x || !y->view || y->signs.auto_sync != 1)
			continue;
		fp_check_auto_sync(&c, 1, false);
		preflight_tell(&j->f, y->name, &c);
	}
}

static void sync_and_dialogs(struct join *j)
{
	const struct fp_check_sync in = {
		.is_pending = j->x->view->is_sync_pending,
		.is_fallback = j->x->signs.is_fallback,
		.synced_s = j->x->signs.synced_s,
		.chunks = j->x->view->sync_chunks,
		.oldest_s = j->diff.oldest_s,
	};
	struct fp_check c;

	fp_check_join_sync(&c, &in);
	tell(j, &c);
	fp_check_join_dialogs(&c, &j->diff);
	tell(j, &c);
	fp_check_join_zombies(&c, &j->diff);
	tell(j, &c);
	if (j->diff.n_lost) {
		fp_check_join_lost(&c, &j->diff);
		preflight_tell(&j->f, j->diff.lost_by, &c);
	}
	fp_check_join_sdp(&c, &j->diff);
	tell(j, &c);
}

static int start(struct join *j, const struct fp_preflight *p,
		 struct fp_edge *x, struct fp_err *e)
{
	int r;

	*j = (struct join){ .f = { .p = p }, .s = p->edges, .x = x };
	r = fp_edges_read(p->edges, e);
	if (!r && !x->view)
		r = fp_edge_silent(x, e);
	return r;
}

int fp_preflight_join(const struct fp_preflight *p, struct fp_edge *x,
		      struct fp_err *e)
{
	struct join j;
	int r = start(&j, p, x, e);

	if (!r)
		r = look_twice(&j, e);
	if (r)
		return r;
	capability(&j);
	version(&j);
	links(&j);
	tags(&j);
	sync_and_dialogs(&j);
	settings(&j);
	r = preflight_orphans(&j.f, e);
	fp_join_diff_fini(&j.diff);
	if (r)
		return r;
	if (!j.f.is_refused)
		return 0;
	*e = j.f.refusal;
	return -EPERM;
}

int fp_preflight_sync(const struct fp_preflight *p, struct fp_edge *x,
		      struct fp_err *e)
{
	struct fp_join_in in;
	struct join j;
	int r = start(&j, p, x, e);

	if (!r)
		r = list_all(&j, e);
	if (!r)
		r = nodes_of(&j, &in, e);
	if (r)
		return r;
	r = fp_join_may_sync(&in, e);
	free((void *)in.node);
	return r;
}
