/* SPDX-License-Identifier: Apache-2.0 */
/* Which calls does an engine anchor, and whose are they? */
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "rehome/media_priv.h"

/* ---- listing */

static int list(const struct media_drain *d, struct fp_err *e)
{
	struct fp_edges *s = d->o->c.edges;
	struct fp_edge **which = calloc(s->n + 1, sizeof(struct fp_edge *));
	size_t n = 0;
	int r;

	if (!which)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].view)
			which[n++] = &s->v[i];
	r = n ? fp_edges_list(s, which, n, NULL, NULL, e)
	      : fp_err(e, -EAGAIN, "no OpenSIPS answers");
	for (size_t i = 0; i < n && !r; i++)
		if (!which[i]->dialogs)
			r = fp_err(e, -EAGAIN, "%s: its dialogs: %s",
				   which[i]->name, which[i]->err.text);
	free(which);
	return r;
}

/* ---- choosing */

static bool is_listed_before(const struct fp_edges *s, const struct fp_edge *x,
			     const char *callid)
{
	for (const struct fp_edge *y = s->v; y < x; y++)
		if (y->dialogs && fp_dialogs_find(y->dialogs, callid))
			return true;
	return false;
}

/* Is the call x's to be asked?  One without a tag is of the node that has it. */
static bool is_own(struct media_drain *d, const struct fp_edge *x,
		   const struct fp_dialog *g)
{
	const struct fp_edges *s = d->o->c.edges;
	struct fp_edge *owner = NULL, *other = NULL;
	bool is_first;

	if (*g->tag && fp_edge_tag(x, g->tag) == 1)
		return true;
	is_first = !is_listed_before(s, x, g->callid);
	if (!*g->tag)
		return is_first;
	if (is_first && !fp_edges_owner(s, g->tag, &owner, &other) && !owner)
		d->out->n_orphans++;
	return false;
}

static int add(struct media_drain *d, struct fp_edge *x,
	       const struct fp_dialog *g, size_t *room, struct fp_err *e)
{
	if (d->n == *room) {
		size_t wanted = *room ? 2 * *room : 64;
		struct media_item *grown =
			reallocarray(d->v, wanted, sizeof(*grown));

		if (!grown)
			return fp_err(e, -ENOMEM, "out of memory");
		d->v = grown;
		*room = wanted;
	}
	d->v[d->n++] = (struct media_item){
		.owner = x,
		.call = { .callid = g->callid,
			  .tag = g->tag,
			  .body = FP_BODY_INBOUND },
	};
	return 0;
}

static int choose(struct media_drain *d, struct fp_edge *x, size_t *room,
		  struct fp_err *e)
{
	const struct fp_select *q = &d->o->c.select;
	int64_t now_s = fp_clock_unix_s();
	int r = 0;

	for (size_t i = 0; i < fp_dialogs_n(x->dialogs) && !r; i++) {
		const struct fp_dialog *g = fp_dialogs_at(x->dialogs, i);
		bool is_early = fp_dialog_is_early(g);

		if ((!is_early && !fp_dialog_is_up(g)) ||
		    !fp_media_is_sent(d->o->old, g) || !is_own(d, x, g))
			continue;
		if (is_early)
			d->out->s.n_early++;
		else if (fp_select_matches(q, g, now_s))
			r = add(d, x, g, room, e);
		else
			d->out->s.n_left++;
	}
	return r;
}

/* Texts of their own: a listing anew frees its own. */
static int keep_texts(struct media_drain *d, struct fp_err *e)
{
	size_t size = 1;
	char *at;

	for (size_t i = 0; i < d->n; i++)
		size += strlen(d->v[i].call.callid) + strlen(d->v[i].call.tag) +
			2;
	d->texts = at = malloc(size);
	if (!at)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < d->n; i++) {
		struct fp_moving_call *c = &d->v[i].call;

		c->callid = strcpy(at, c->callid);
		at += strlen(at) + 1;
		c->tag = strcpy(at, c->tag);
		at += strlen(at) + 1;
	}
	return 0;
}

/* ---- by NG's word */

static int make_where(struct media_drain *d, struct fp_err *e)
{
	size_t engines = d->o->media->n;

	d->where = calloc(d->n + 1, sizeof(*d->where));
	d->seen = calloc(d->n * engines + 1, sizeof(*d->seen));
	if (!d->where || !d->seen)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < d->n; i++)
		d->where[i] = (struct fp_media_call){
			.callid = d->v[i].call.callid,
			.seen = d->seen + i * engines,
		};
	return 0;
}

int media_where(struct media_drain *d, size_t first, size_t n, struct fp_err *e)
{
	return n ? fp_media_where(d->o->media, d->where + first, n, e) : 0;
}

bool media_is_elsewhere(const struct media_drain *d, size_t i)
{
	const struct fp_engine_node *at =
		fp_media_at(d->o->media, &d->where[i], d->o->old);

	return at && at != d->o->old;
}

/* What a dialog says is where it was before it moved: only an engine knows. */
static void drop_moved(struct media_drain *d)
{
	size_t engines = d->o->media->n, n = 0;

	for (size_t i = 0; i < d->n; i++) {
		if (media_is_elsewhere(d, i)) {
			d->out->n_before++;
			continue;
		}
		d->v[n] = d->v[i];
		d->where[n].callid = d->where[i].callid;
		memmove(d->where[n].seen, d->where[i].seen,
			engines * sizeof(*d->seen));
		n++;
	}
	d->out->n_anchored = n;
	if (d->o->c.select.count && n > d->o->c.select.count) {
		d->out->s.n_left += n - d->o->c.select.count;
		n = d->o->c.select.count;
	}
	d->n = n;
}

/* ---- tags */

static int add_moves(struct media_drain *d, struct fp_err *e)
{
	d->move = calloc(d->n + 1, sizeof(*d->move));
	if (!d->move)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < d->n; i++) {
		const struct media_item *x = &d->v[i];
		struct fp_tag_move *m = d->move;

		while (m < d->move + d->n_moves &&
		       (m->to != x->owner || strcmp(m->tag, x->call.tag)))
			m++;
		if (m == d->move + d->n_moves) {
			*m = (struct fp_tag_move){ .from = x->owner,
						   .to = x->owner };
			strncpy(m->tag, x->call.tag, sizeof(m->tag) - 1);
			d->n_moves++;
		}
		m->calls++;
	}
	return 0;
}

int media_find(struct media_drain *d, struct fp_err *e)
{
	struct fp_edges *s = d->o->c.edges;
	size_t room = 0;
	int r = list(d, e);

	for (size_t i = 0; i < s->n && !r; i++)
		if (s->v[i].view && s->v[i].dialogs)
			r = choose(d, &s->v[i], &room, e);
	if (!r)
		r = keep_texts(d, e);
	if (!r)
		r = make_where(d, e);
	if (!r)
		r = media_where(d, 0, d->n, e);
	if (r)
		return r;
	drop_moved(d);
	return add_moves(d, e);
}

void media_forget(struct media_drain *d)
{
	free(d->use);
	free(d->v);
	free(d->where);
	free(d->seen);
	free(d->texts);
	free(d->move);
}
