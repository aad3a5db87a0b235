/* SPDX-License-Identifier: Apache-2.0 */
/* Which tags would go where, before anything is done. */
#include <stdlib.h>
#include <string.h>

#include "logic/rehome_plan.h"
#include "move.h"
#include "preflight.h"

/* ---- tags */

static bool is_wanted(const struct fr_env *v, const char *tag)
{
	for (size_t i = 0; i < v->select.n_tags; i++)
		if (!strcmp(v->select.tags[i], tag))
			return true;
	return !v->select.n_tags;
}

static int add_tag(struct fr_outlook *o, const char *name, struct fp_err *e)
{
	struct fp_tag_move *grown;

	for (size_t i = 0; i < o->n_moves; i++)
		if (!strcmp(o->move[i].tag, name))
			return 0;
	if (!is_wanted(o->v, name))
		return 0;
	grown = reallocarray(o->move, o->n_moves + 1, sizeof(*grown));
	if (!grown)
		return fp_err(e, -ENOMEM, "out of memory");
	o->move = grown;
	o->move[o->n_moves] =
		(struct fp_tag_move){ .from = o->is_dead ? NULL : o->from };
	strncpy(o->move[o->n_moves].tag, name, sizeof(o->move->tag) - 1);
	o->n_moves++;
	return 0;
}

/* Those of a dead node, as failover takes them: nobody that lives owns them. */
static int add_orphans(struct fr_outlook *o, struct fp_err *e)
{
	bool is_only = fp_edges_is_only_silent(&o->v->edges, o->from, NULL);
	char(*own)[64] = NULL;
	size_t n_own = 0;
	int r = fp_edge_own_tags(o->from, &own, &n_own, e);

	r = r == -ENOENT ? 0 : r;
	for (size_t i = 0; i < o->v->edges.n && !r; i++) {
		const struct fp_view_opensips *w = o->v->edges.v[i].view;

		for (size_t k = 0; w && k < w->n_tags && !r; k++) {
			const char *name = w->tag[k].name;
			struct fp_edge *owner = NULL, *other = NULL;
			bool is_own = is_only;

			for (size_t j = 0; j < n_own; j++)
				is_own |= !strcmp(own[j], name);
			fp_edges_owner(&o->v->edges, name, &owner, &other);
			if (!owner && is_own)
				r = add_tag(o, name, e);
		}
	}
	free(own);
	return r;
}

/* A tag that --tag names goes whoever has it, but for one that is there already:
 * the conditions refuse what is wrong with it. */
static int add_named(struct fr_outlook *o, struct fp_err *e)
{
	const struct fp_select *q = &o->v->select;
	int r = 0;

	for (size_t i = 0; i < q->n_tags && !r; i++) {
		struct fp_edge *owner = NULL, *other = NULL;
		bool is_there = false;

		fp_edges_owner(&o->v->edges, q->tags[i], &owner, &other);
		for (size_t k = 0; k < o->n_to; k++)
			is_there |= o->to[k] == owner;
		if (!is_there)
			r = add_tag(o, q->tags[i], e);
	}
	return r;
}

static int add_tags(struct fr_outlook *o, struct fp_err *e)
{
	const struct fp_view_opensips *w = o->from->view;
	int r = 0;

	if (o->is_dead)
		return o->v->select.n_tags ? add_named(o, e)
					   : add_orphans(o, e);
	for (size_t k = 0; k < w->n_tags && !r; k++)
		if (w->tag[k].is_active)
			r = add_tag(o, w->tag[k].name, e);
	return r;
}

/* ---- calls */

static int list(struct fr_outlook *o, struct fp_err *e)
{
	struct fp_edge **which = calloc(o->n_to + 1, sizeof(struct fp_edge *));
	size_t n = 0;
	int r = 0;

	if (!which)
		return fp_err(e, -ENOMEM, "out of memory");
	/* those that another outlook listed are good */
	for (size_t i = 0; i < o->n_to; i++)
		if (o->to[i]->view && !o->to[i]->dialogs)
			which[n++] = o->to[i];
	if (!o->is_dead && !o->from->dialogs)
		which[n++] = o->from;
	if (n)
		r = fp_edges_list(&o->v->edges, which, n, NULL, NULL, e);
	free(which);
	return r;
}

static size_t calls_of(const struct fp_edge *x, const char *tag)
{
	size_t found = 0;

	for (size_t i = 0; x->dialogs && i < fp_dialogs_n(x->dialogs); i++) {
		const struct fp_dialog *d = fp_dialogs_at(x->dialogs, i);

		found += fp_dialog_is_up(d) && !strcmp(d->tag, tag);
	}
	return found;
}

static void count(struct fr_outlook *o)
{
	for (size_t i = 0; i < o->n_moves; i++) {
		struct fp_tag_move *m = &o->move[i];

		if (!o->is_dead) {
			m->calls = calls_of(o->from, m->tag);
			continue;
		}
		for (size_t k = 0; k < o->n_to; k++) {
			size_t n = calls_of(o->to[k], m->tag);

			if (n > m->calls)
				m->calls = n;
		}
	}
}

/* ---- the plan */

static void load(const struct fr_outlook *o, const struct fp_edge *x,
		 struct fp_plan_node *out)
{
	/* a share as the verbs that move have it */
	const struct fr_move m = { .to = o->to, .n_to = o->n_to };

	*out = (struct fp_plan_node){ .weight = fr_move_weight(&m, x) };
	for (size_t k = 0; x->view && k < x->view->n_tags; k++)
		if (x->view->tag[k].is_active)
			out->calls += calls_of(x, x->view->tag[k].name);
}

static int spread(struct fr_outlook *o, struct fp_err *e)
{
	struct fp_plan_tag *tags = calloc(o->n_moves + 1, sizeof(*tags));
	struct fp_plan_node *nodes = calloc(o->n_to + 1, sizeof(*nodes));
	int r = 0;

	if (!tags || !nodes)
		r = fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < o->n_moves && !r; i++) {
		memcpy(tags[i].name, o->move[i].tag, sizeof(tags[i].name));
		tags[i].calls = o->move[i].calls;
		tags[i].from = FP_PLAN_NONE;
	}
	for (size_t i = 0; i < o->n_to && !r; i++)
		load(o, o->to[i], &nodes[i]);
	if (!r && o->n_moves)
		r = fp_plan_spread(tags, o->n_moves, nodes, o->n_to);
	for (size_t i = 0; i < o->n_moves && !r; i++)
		o->move[i].to = o->to[tags[i].to];
	free(tags);
	free(nodes);
	return r;
}

int fr_outlook(struct fr_outlook *out, struct fr_env *v, struct fp_edge *from,
	       struct fp_edge *const *to, size_t n_to, struct fp_err *e)
{
	int r = 0;

	*out = (struct fr_outlook){ .v = v,
				    .from = from,
				    .is_dead = !from->view };
	out->to = calloc(n_to + 1, sizeof(struct fp_edge *));
	if (!out->to)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n_to; i++)
		out->to[out->n_to++] = to[i];
	r = add_tags(out, e);
	if (!r)
		r = list(out, e);
	if (!r)
		count(out);
	if (!r && n_to)
		r = spread(out, e);
	if (r)
		fr_outlook_fini(out);
	return r;
}

void fr_outlook_fini(struct fr_outlook *o)
{
	free(o->to);
	free(o->move);
	*o = (struct fr_outlook){ .v = o->v };
}

void fr_outlook_preflight(const struct fr_outlook *o, struct fp_preflight *out)
{
	*out = (struct fp_preflight){
		.kind = o->is_dead ? FP_MOVE_FAILOVER : FP_MOVE_DRAIN,
		.edges = &o->v->edges,
		.from = o->from,
		.move = o->move,
		.n_moves = o->n_moves,
		.body = o->v->body,
		.select = &o->v->select,
		.marks = o->v->marks,
		.n_marks = o->v->n_marks,
	};
}
