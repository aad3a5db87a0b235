/* SPDX-License-Identifier: Apache-2.0 */
/* fp-rehome activate: a node that is in step gets its tags. */
#include <stdlib.h>
#include <string.h>

#include "join.h"
#include "rehome/tags.h"

#define WAIT_MS 10000

struct activate {
	struct fr_env *v;
	struct fp_edge *x;
	char (*tag)[64];
	size_t n;
	struct fp_tag_move *move; /* of those that x does not own */
	size_t n_moves, n_free;   /* free: nobody's, first in move */
	struct fp_mark *marks;    /* without what drain made of x */
	size_t n_marks;
	struct fp_campaign_sum sum;
};

/* ---- which tags */

static int named(struct activate *a, struct fp_err *e)
{
	const struct fp_select *q = &a->v->select;

	a->tag = calloc(q->n_tags, sizeof(*a->tag));
	if (!a->tag)
		return fp_err(e, -ENOMEM, "no memory");
	for (size_t i = 0; i < q->n_tags; i++) {
		size_t len = strlen(q->tags[i]);

		if (len >= sizeof(*a->tag))
			return fp_err(e, -EINVAL,
				      "--tag %s: longer than a sharing tag",
				      q->tags[i]);
		memcpy(a->tag[a->n++], q->tags[i], len + 1);
	}
	return 0;
}

static int find_tags(struct activate *a, struct fp_err *e)
{
	int r = a->v->select.n_tags ? named(a, e)
				    : fp_edge_own_tags(a->x, &a->tag, &a->n, e);

	if (r == -ENOENT)
		r = fp_refuse(e, "tag", "%s", e->text);
	return r;
}

/* As many as x has a copy of. */
static size_t calls_of(const struct fp_edge *x, const char *tag)
{
	size_t n = 0;

	for (size_t i = 0; x->dialogs && i < fp_dialogs_n(x->dialogs); i++) {
		const struct fp_dialog *d = fp_dialogs_at(x->dialogs, i);

		n += fp_dialog_is_up(d) && !strcmp(d->tag, tag);
	}
	return n;
}

/* Lifted: it is left out, since nothing else could come of it. */
static int unknown(const struct activate *a, const char *tag, bool is_said,
		   struct fp_err *e)
{
	const char *why = "OpenSIPS would make it, and no dialog would have it";

	if (!fp_cli_overrides(a->v->c, "tag"))
		return fp_refuse(e, "tag", "%s does not know the tag %s: %s",
				 a->x->name, tag, why);
	if (!is_said)
		fp_log(FP_LOG_WARN, "%s is left out, %s does not know it: %s",
		       tag, a->x->name, why);
	return 0;
}

static int plan_tag(struct activate *a, const char *tag, bool is_free,
		    struct fp_err *e)
{
	struct fp_tag_move *m = &a->move[a->n_moves];
	struct fp_edge *owner, *other;
	int r = fp_edges_owner(&a->v->edges, tag, &owner, &other);

	if (r == -ENOENT || fp_edge_tag(a->x, tag) < 0)
		return unknown(a, tag, !is_free, e);
	if (r == -EBUSY)
		return fp_refuse(e, "split", "%s is active on %s and on %s",
				 tag, owner->name, other->name);
	if (owner == a->x || !owner != is_free)
		return 0;
	*m = (struct fp_tag_move){ .from = owner,
				   .to = a->x,
				   .calls = calls_of(a->x, tag) };
	strcpy(m->tag, tag);
	a->n_moves++;
	return 0;
}

/* First those that nobody has. */
static int plan(struct activate *a, struct fp_err *e)
{
	int r = 0;

	a->move = calloc(a->n, sizeof(*a->move));
	if (!a->move)
		return fp_err(e, -ENOMEM, "no memory");
	for (size_t i = 0; i < a->n && !r; i++)
		r = plan_tag(a, a->tag[i], true, e);
	a->n_free = a->n_moves;
	for (size_t i = 0; i < a->n && !r; i++)
		r = plan_tag(a, a->tag[i], false, e);
	a->sum.n_tags = a->n_moves;
	return r;
}

/* ---- maintenance */

static const struct fp_mark *mark_of(const struct activate *a)
{
	for (size_t i = 0; i < a->v->n_marks; i++)
		if (!strcmp(a->v->marks[i].node, a->x->name))
			return &a->v->marks[i];
	return NULL;
}

static bool is_drains(const struct fp_mark *m)
{
	return m && !strncmp(m->why, FP_DRAIN_WHY, strlen(FP_DRAIN_WHY));
}

/* For the campaign: a mark that ends with it does not refuse it. */
static int other_marks(struct activate *a, struct fp_err *e)
{
	a->marks = calloc(a->v->n_marks + 1, sizeof(*a->marks));
	if (!a->marks)
		return fp_err(e, -ENOMEM, "no memory");
	for (size_t i = 0; i < a->v->n_marks; i++) {
		const struct fp_mark *m = &a->v->marks[i];

		if (m != mark_of(a) || !is_drains(m))
			a->marks[a->n_marks++] = *m;
	}
	return 0;
}

static int unmark(struct activate *a, const struct fp_mark *m, bool *is_changed,
		  struct fp_err *e)
{
	struct fp_mark ours = *m;
	struct fp_pg *pg;
	int r;

	ours.until_s = 0;
	if (m->is_local ||
	    (fp_cli_overrides(a->v->c, "lock") && !a->v->conninfo))
		return fp_marks_copy_mark(a->v->c->state_dir, &ours, is_changed,
					  e);
	r = fp_verb_db_open(&pg, a->v->c, a->v->conninfo, e);
	if (r)
		return r;
	r = fp_db_unmark(pg, m->node, is_changed, e);
	fp_pg_close(pg);
	return r;
}

static int end_mark(struct activate *a, struct fp_err *e)
{
	const struct fp_mark *m = mark_of(a);
	bool is_changed = false;
	int r;

	if (!m)
		return 0;
	if (!is_drains(m)) {
		fp_log(FP_LOG_WARN,
		       "%s stays in maintenance (%s, by %s): fp-health "
		       "maintain %s --end ends it",
		       m->node, m->why, m->by, m->node);
		return 0;
	}
	if (a->v->c->is_dry_run) {
		a->sum.is_changed = true;
		return 0;
	}
	r = unmark(a, m, &is_changed, e);
	if (r)
		return fp_err_prefix(e, r,
				     "%s has its tags, but its maintenance "
				     "does not end",
				     m->node);
	if (is_changed)
		fp_log(FP_LOG_NOTICE, "%s: maintenance ended (%s)", m->node,
		       m->why);
	a->sum.is_changed |= is_changed;
	return 0;
}

/* ---- giving */

static int give_free(struct activate *a, struct fp_err *e)
{
	int r = 0;

	for (size_t i = 0; i < a->n_free && !r; i++) {
		const struct fp_tag_move *m = &a->move[i];
		bool is_changed = false;

		if (a->v->c->is_dry_run) {
			fr_tag(a->v, m, "planned", NULL);
			a->sum.is_changed = true;
			continue;
		}
		r = fp_tag_give(&a->v->edges, m->tag, NULL, m->to,
				a->v->c->timeout_ms, &is_changed, e);
		a->sum.is_changed |= is_changed;
		if (r)
			return r;
		a->sum.n_given++;
		fr_tag(a->v, m, "given", NULL);
	}
	return r;
}

/* What lives elsewhere comes back with its calls. */
static int move_back(struct activate *a, struct fp_err *e)
{
	struct fp_campaign_opts o;
	struct fp_campaign_sum sum = { .n_tags = 0 };
	struct fp_fleet_opts fleet;
	int r;

	if (a->n_moves == a->n_free)
		return 0;
	fr_campaign(a->v, FP_MOVE_ACTIVATE, &o);
	o.marks = a->marks;
	o.n_marks = a->n_marks;
	o.is_dry_run = a->v->c->is_dry_run;
	if (fr_fleet(a->v, &fleet, &o.lists_dir))
		o.fleet = &fleet;
	r = fp_campaign_run(&o, NULL, a->move + a->n_free,
			    a->n_moves - a->n_free, &sum, e);
	sum.n_tags = a->n_moves;
	sum.n_given += a->sum.n_given;
	sum.is_changed |= a->sum.is_changed;
	a->sum = sum;
	return r;
}

static int prove(struct activate *a, struct fp_err *e)
{
	struct fr_join j = { .v = a->v, .x = a->x, .wait_ms = WAIT_MS };
	int r = fr_join_config(&j, e);

	if (!r)
		r = fr_join_prove(&j, e);
	fr_join_fini(&j);
	return r;
}

/* What has no owner still. */
static int warn_orphans(struct activate *a, struct fp_err *e)
{
	char text[400] = "";
	int r = 0;

	if (!a->v->c->is_dry_run)
		r = fr_orphans(a->v, NULL, text, sizeof(text), e);
	if (*text)
		fp_log(FP_LOG_WARN, "%s", text);
	return r;
}

static int activate(struct activate *a, struct fp_err *e)
{
	int r = fr_node(a->v, a->v->c->argv[0], &a->x, e);

	if (!r)
		r = fr_marks(a->v, e);
	if (!r)
		r = other_marks(a, e);
	if (!r)
		r = prove(a, e);
	if (!r)
		r = find_tags(a, e);
	if (!r)
		r = plan(a, e);
	if (!r)
		r = give_free(a, e);
	if (!r)
		r = move_back(a, e);
	if (!r)
		r = warn_orphans(a, e);
	return r ? r : end_mark(a, e);
}

int fr_activate(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct fr_env v;
	struct activate a = { .v = &v };
	int r, status;

	if (c->argc != 1)
		return fp_cli_usage(c, "activate wants one node");
	r = fr_open(&v, c, &e);
	if (r)
		return fr_fail(&v, r, &e);
	r = fr_prints(&v, FR_TAG, &e);
	if (!r)
		r = activate(&a, &e);
	status = fr_end(&v, r, &a.sum, &e);
	if (!status && c->is_dry_run && a.sum.is_changed)
		status = FP_EXIT_NO;
	free(a.tag);
	free(a.move);
	free(a.marks);
	fr_close(&v);
	return status;
}
