/* SPDX-License-Identifier: Apache-2.0 */
/* fp-rehome list: dialogs, as the owner of their tag has them. */
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "list.h"

/* A node, and what is to be known of it here. */
struct home {
	struct fp_edge *edge;
	bool is_meant; /* named, or none is */
	char (*own)[64];
	size_t n_own;
};
struct seen {
	const struct fp_dialog *d;
	const struct fp_edge *owner, *at;
};
struct list {
	struct fr_env v;
	struct home *home;        /* as many as v.edges has */
	struct fp_edge *stand_in; /* tells of nodes that do not; or NULL */
	struct seen *seen;
	size_t n_seen, n_max;
	size_t n_untold; /* nodes of whose dialogs nobody tells */
	bool is_some;    /* not of all nodes */
};

/* ---- which nodes */

static int mean(struct list *l, struct fp_err *e)
{
	const struct fp_cli *c = l->v.c;
	struct fp_edge *x;
	int r = 0;

	l->is_some = c->argc || c->n_nodes;
	for (int i = 0; i < c->argc && !r; i++)
		r = fr_node(&l->v, c->argv[i], &x, e);
	if (r)
		return r;
	l->home = calloc(l->v.edges.n, sizeof(*l->home));
	if (!l->home)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < l->v.edges.n; i++) {
		l->home[i].edge = &l->v.edges.v[i];
		l->home[i].is_meant = fr_is_named(&l->v, &l->v.edges.v[i]);
	}
	return 0;
}

static int read_own(struct list *l, struct fp_err *e)
{
	for (size_t i = 0; i < l->v.edges.n; i++) {
		struct home *h = &l->home[i];
		int r = fp_edge_own_tags(h->edge, &h->own, &h->n_own, e);

		if (r && r != -ENOENT)
			return r;
	}
	e->text[0] = 0;
	return 0;
}

static bool is_own(const struct home *h, const char *tag)
{
	for (size_t i = 0; i < h->n_own; i++)
		if (!strcmp(h->own[i], tag))
			return true;
	return false;
}

/* The only silent one: nobody else can have owned what nobody owns now. */
static struct home *only_silent(const struct list *l)
{
	struct home *found = NULL;

	for (size_t i = 0; i < l->v.edges.n; i++) {
		if (l->home[i].edge->view)
			continue;
		if (found)
			return NULL;
		found = &l->home[i];
	}
	return found;
}

/* Where a dialog belongs, as `at` has it: the owner of its tag; the silent node whose
 * tag it is, when nobody owns it; NULL: nobody can tell. */
static struct home *home_of(const struct list *l, const struct fp_dialog *d,
			    const struct fp_edge *at, struct fp_edge **owner)
{
	struct fp_edge *other;

	*owner = NULL;
	if (!*d->tag)
		return &l->home[at - l->v.edges.v];
	fp_edges_owner(&l->v.edges, d->tag, owner, &other);
	if (*owner)
		return &l->home[*owner - l->v.edges.v];
	for (size_t i = 0; i < l->v.edges.n; i++)
		if (!l->home[i].edge->view && is_own(&l->home[i], d->tag))
			return &l->home[i];
	return only_silent(l);
}

/* ---- listing */

static void progress(void *ctx, uint64_t done, uint64_t total)
{
	fr_progress(ctx, "list", done, total, 0, 0);
}

static int list_some(struct list *l, bool (*is_wanted)(const struct home *h),
		     struct fp_err *e)
{
	struct fp_edge **which = calloc(l->v.edges.n, sizeof(*which));
	size_t n = 0;
	int r;

	if (!which)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < l->v.edges.n; i++)
		if (is_wanted(&l->home[i]))
			which[n++] = l->home[i].edge;
	r = n ? fp_edges_list(&l->v.edges, which, n, progress, &l->v, e) : 0;
	fr_progress(&l->v, NULL, 0, 0, 0, 0);
	free(which);
	return r;
}

static bool is_asked(const struct home *h)
{
	return h->is_meant && h->edge->view;
}

static bool is_told(const struct home *h)
{
	return h->edge->view && h->edge->dialogs;
}

/* Does a node that is meant not tell of its dialogs?  Those of tags that nobody owns
 * count as such when no node is named. */
static bool is_stand_in_wanted(const struct list *l)
{
	if (!l->is_some)
		return true;
	for (size_t i = 0; i < l->v.edges.n; i++)
		if (l->home[i].is_meant && !is_told(&l->home[i]))
			return true;
	return false;
}

static struct fp_edge *best_told(const struct list *l)
{
	struct fp_edge *best = NULL;

	for (size_t i = 0; i < l->v.edges.n; i++) {
		struct fp_edge *x = l->home[i].edge;

		if (is_told(&l->home[i]) &&
		    (!best ||
		     fp_dialogs_n(x->dialogs) > fp_dialogs_n(best->dialogs)))
			best = x;
	}
	return best;
}

static bool is_left(const struct home *h)
{
	return h->edge->view && !h->is_meant && !h->edge->dialogs;
}

/* Of all peers the one that has most: a copy may have come up empty. */
static int find_stand_in(struct list *l, struct fp_err *e)
{
	int r = is_stand_in_wanted(l) ? list_some(l, is_left, e) : 0;

	if (!r && is_stand_in_wanted(l))
		l->stand_in = best_told(l);
	return r;
}

/* ---- what is found */

static int add(struct list *l, const struct fp_dialog *d,
	       const struct fp_edge *owner, const struct fp_edge *at)
{
	size_t n = l->n_max ? l->n_max * 2 : 256;
	struct seen *more;

	if (l->n_seen == l->n_max) {
		more = reallocarray(l->seen, n, sizeof(*more));
		if (!more)
			return -ENOMEM;
		l->seen = more;
		l->n_max = n;
	}
	l->seen[l->n_seen++] = (struct seen){ d, owner, at };
	return 0;
}

static int collect(struct list *l, struct fp_edge *at)
{
	int64_t now_s = fp_clock_unix_s();
	int r = 0;

	for (size_t i = 0; !r && i < fp_dialogs_n(at->dialogs); i++) {
		const struct fp_dialog *d = fp_dialogs_at(at->dialogs, i);
		struct fp_edge *owner;
		struct home *h;

		if (!fp_select_matches(&l->v.select, d, now_s))
			continue;
		h = home_of(l, d, at, &owner);
		if (h ? !h->is_meant : l->is_some)
			continue;
		if (h && is_told(h) ? h->edge == at : at == l->stand_in)
			r = add(l, d, owner, at);
	}
	return r;
}

/* The oldest first; those that are not answered last. */
static int by_age(const void *a, const void *b)
{
	const struct fp_dialog *x = ((const struct seen *)a)->d;
	const struct fp_dialog *y = ((const struct seen *)b)->d;

	if (x->started_s != y->started_s) {
		if (!x->started_s || !y->started_s)
			return x->started_s ? -1 : 1;
		return x->started_s < y->started_s ? -1 : 1;
	}
	return strcmp(x->callid, y->callid);
}

static void print(struct list *l)
{
	uint64_t n = 0,
		 most = l->v.select.count ? l->v.select.count : UINT64_MAX;
	const struct seen *last = NULL;
	bool is_anchored = false;

	if (l->n_seen)
		qsort(l->seen, l->n_seen, sizeof(*l->seen), by_age);
	for (size_t i = 0; i < l->n_seen && n < most; i++) {
		const struct seen *s = &l->seen[i];

		/* one without a tag is at each node that has a copy */
		if (last && !strcmp(last->d->callid, s->d->callid))
			continue;
		fr_dialog(&l->v, s->d, s->owner, s->at);
		is_anchored |= s->d->is_anchored;
		last = s;
		n++;
	}
	fp_out_counts(l->v.c->out, false, NULL, "dialogs", n, "untold",
		      (uint64_t)l->n_untold, NULL);
	fr_list_unmatched(&l->v, n);
	if (is_anchored)
		fr_list_disabled(&l->v);
}

/* Are there dialogs of it that it does not tell of itself? */
static size_t n_of(const struct list *l, const struct home *h)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n_seen; i++) {
		struct fp_edge *owner;

		n += home_of(l, l->seen[i].d, l->seen[i].at, &owner) == h;
	}
	return n;
}

static void say_untold(struct list *l)
{
	for (size_t i = 0; i < l->v.edges.n; i++) {
		const struct home *h = &l->home[i];
		struct fp_err e;

		if (!h->is_meant || is_told(h))
			continue;
		fp_edge_why(h->edge, &e);
		if (!l->stand_in) {
			l->n_untold++;
			fp_log(FP_LOG_WARN,
			       "%s; no other node tells of its "
			       "dialogs",
			       e.text);
		} else if (l->is_some || n_of(l, h)) {
			fp_log(FP_LOG_WARN,
			       "%s: its dialogs are those that "
			       "%s has",
			       e.text, l->stand_in->name);
		}
	}
}

static int list_all(struct list *l, struct fp_err *e)
{
	int r = fr_prints(&l->v, FR_DIALOG, e);

	if (!r)
		r = mean(l, e);
	if (!r)
		r = fp_edges_read(&l->v.edges, e);
	if (!r)
		r = read_own(l, e);
	if (!r)
		r = list_some(l, is_asked, e);
	if (!r)
		r = find_stand_in(l, e);
	for (size_t i = 0; !r && i < l->v.edges.n; i++)
		if (is_told(&l->home[i]))
			r = collect(l, l->home[i].edge);
	if (r == -ENOMEM)
		fp_err(e, r, "out of memory");
	return r;
}

static int list(struct list *l)
{
	struct fp_err e = { .text = "" };
	char orphans[400] = "";
	int r = list_all(l, &e);

	if (r)
		return fr_fail(&l->v, r, &e);
	say_untold(l);
	if (!l->is_some)
		r = fr_orphans(&l->v, NULL, orphans, sizeof(orphans), &e);
	if (r)
		return fr_fail(&l->v, r, &e);
	if (*orphans)
		fp_log(FP_LOG_WARN, "%s", orphans);
	print(l);
	if (!l->n_untold)
		return FP_EXIT_OK;
	return best_told(l) ? FP_EXIT_PARTIAL : FP_EXIT_AGAIN;
}

int fr_list(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct list l = { .home = NULL };
	int status, r = fr_open(&l.v, c, &e);

	if (r)
		return fr_fail(&l.v, r, &e);
	status = list(&l);
	for (size_t i = 0; l.home && i < l.v.edges.n; i++)
		free(l.home[i].own);
	free(l.home);
	free(l.seen);
	fr_close(&l.v);
	return status;
}
