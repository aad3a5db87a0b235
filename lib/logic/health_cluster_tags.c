/* SPDX-License-Identifier: Apache-2.0 */
/* Who owns which sharing tag, and who takes calls without owning one.  A node
 * tells of itself alone: clusterer_list_shtags has no word on others, and
 * clusterer_shtag_set_active says OK also when no peer heard it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "logic/health_cluster_priv.h"

/* ---- tags */

/* A tag as one node has it. */
struct seen {
	const struct fp_view_tag *tag;
	const char *node;
};

static int seen_cmp(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;
	int c = (x->tag->cluster > y->tag->cluster) -
		(x->tag->cluster < y->tag->cluster);

	return c ? c : strcmp(x->tag->name, y->tag->name);
}

static size_t collect(const struct fp_rules *r, struct seen *to)
{
	size_t k = 0;

	for (size_t i = 0; i < r->n; i++) {
		const struct fp_view_opensips *v = fp_member(r, i);

		for (size_t j = 0; v && j < v->n_tags; j++, k++)
			if (to)
				to[k] = (struct seen){ &v->tag[j],
						       r->v[i].name };
	}
	return k;
}

/* Who of a cluster did not answer. */
struct silent {
	struct fp_cluster_names names;
	bool is_up; /* for a peer, or no peer says: it may well live */
};

static bool may_be_in(const struct fp_cluster_node *n, uint32_t cluster)
{
	const struct fp_view_opensips *before =
		fp_opensips_of(n->opensips_before);

	if (fp_opensips_of(n->opensips))
		return false;
	return before ? before->has_clusterer && fp_is_in(before, cluster)
		      : n->is_opensips;
}

static bool had(const struct fp_view *v, const struct fp_view_tag *tag)
{
	const struct fp_view_opensips *os = fp_opensips_of(v);

	for (size_t i = 0; os && i < os->n_tags; i++)
		if (os->tag[i].is_active &&
		    os->tag[i].cluster == tag->cluster &&
		    !strcmp(os->tag[i].name, tag->name))
			return true;
	return false;
}

/* Peers that somebody links to and that did not answer us; ids must be known to
 * tell. */
static void find_unseen(const struct fp_rules *r, uint32_t cluster,
			struct silent *s, size_t *n_links, bool *is_up)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct fp_view_opensips *v = fp_member(r, i);

		if (v && !v->node_id && fp_is_in(v, cluster))
			return;
	}
	for (size_t i = 0; i < r->n; i++) {
		const struct fp_view_opensips *v = fp_member(r, i);

		for (size_t j = 0; v && j < v->n_links; j++) {
			const struct fp_view_link *l = &v->link[j];

			if (l->cluster != cluster ||
			    fp_answering(r, cluster, l->node_id))
				continue;
			if (!s->names.n)
				fp_cluster_say(&s->names, "node %u",
					       l->node_id);
			++*n_links;
			*is_up |= !strcmp(l->state, "Up");
		}
	}
}

static void find_silent(const struct fp_rules *r, uint32_t cluster,
			struct silent *s)
{
	size_t n_links = 0;
	bool is_up = false;

	*s = (struct silent){ 0 };
	for (size_t i = 0; i < r->n; i++)
		if (may_be_in(&r->v[i], cluster))
			fp_cluster_say(&s->names, "%s", r->v[i].name);
	find_unseen(r, cluster, s, &n_links, &is_up);
	s->is_up = !n_links || is_up;
}

/* Tags in trouble, by kind. */
struct verdict {
	struct fp_cluster_names split, none, gone, unknown, partly;
	size_t n;
};

static const char *last_owner(const struct fp_rules *r,
			      const struct fp_view_tag *tag)
{
	for (size_t i = 0; i < r->n; i++)
		if (!fp_opensips_of(r->v[i].opensips) &&
		    had(r->v[i].opensips_before, tag))
			return r->v[i].name;
	return NULL;
}

static void judge_none(const struct fp_rules *r, const struct fp_view_tag *tag,
		       const struct silent *s, struct verdict *to)
{
	const char *owner = last_owner(r, tag);
	struct fp_cluster_names *list = s->is_up ? &to->unknown : &to->gone;

	if (!s->names.n)
		fp_cluster_say(&to->none, "%s/%u", tag->name, tag->cluster);
	else if (owner)
		fp_cluster_say(list, "%s/%u (was on %s)", tag->name,
			       tag->cluster, owner);
	else
		fp_cluster_say(list, "%s/%u (may be on %s)", tag->name,
			       tag->cluster, s->names.text);
}

/* One tag: n nodes list it. */
static void judge_tag(const struct fp_rules *r, const struct seen *v, size_t n,
		      const struct silent *s, struct verdict *to)
{
	const struct fp_view_tag *tag = v->tag;
	struct fp_cluster_names active = { 0 }, without = { 0 };

	to->n++;
	for (size_t i = 0; i < n; i++)
		if (v[i].tag->is_active)
			fp_cluster_say(&active, "%s", v[i].node);
	for (size_t i = 0; i < r->n; i++) {
		const struct fp_view_opensips *os = fp_member(r, i);
		bool has = !os || !fp_is_in(os, tag->cluster);

		for (size_t j = 0; !has && j < n; j++)
			has = v[j].node == r->v[i].name;
		if (!has)
			fp_cluster_say(&without, "%s", r->v[i].name);
	}
	if (active.n > 1)
		fp_cluster_say(&to->split, "%s/%u on %s", tag->name,
			       tag->cluster, active.text);
	else if (!active.n)
		judge_none(r, tag, s, to);
	if (without.n)
		fp_cluster_say(&to->partly, "%s/%u (not on %s)", tag->name,
			       tag->cluster, without.text);
}

static void tell(struct fp_rules *r, const struct verdict *x)
{
	struct fp_cluster_names silent = { 0 };
	struct fp_reading *a = fp_rules_answer(r, "", "tags");

	if (x->split.n)
		fp_reading_say(a, FP_CRITICAL, "split brain: %s",
			       x->split.text);
	if (x->none.n)
		fp_reading_say(a, FP_CRITICAL, "active on no node: %s",
			       x->none.text);
	if (x->gone.n)
		fp_reading_say(a, FP_WARNING,
			       "active on no node that answers: %s",
			       x->gone.text);
	if (x->unknown.n)
		fp_reading_say(a, FP_UNKNOWN,
			       "active on no node that answers: %s",
			       x->unknown.text);
	if (x->partly.n)
		fp_reading_say(a, FP_WARNING, "not known to all: %s",
			       x->partly.text);
	if (a->state == FP_OK)
		fp_reading_say(a, FP_OK, "%zu tag%s, each active on one node",
			       x->n, x->n == 1 ? "" : "s");
	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].is_opensips && !fp_opensips_of(r->v[i].opensips))
			fp_cluster_say(&silent, "%s", r->v[i].name);
	if (silent.n)
		fp_reading_say(a, FP_OK, "no answer from %s", silent.text);
	fp_reading_figure(a, "tags", (double)x->n, "", NAN);
}

int fp_rules_tags(struct fp_rules *r)
{
	size_t n = collect(r, NULL);
	struct seen *v = n ? calloc(n, sizeof(*v)) : NULL;
	struct verdict verdict = { 0 };
	struct silent s = { 0 };

	if (!n)
		return 0;
	if (!v)
		return -ENOMEM;
	collect(r, v);
	qsort(v, n, sizeof(*v), seen_cmp);
	for (size_t i = 0, j; i < n; i = j) {
		for (j = i + 1; j < n && !seen_cmp(&v[i], &v[j]); j++)
			;
		if (!i || v[i].tag->cluster != v[i - 1].tag->cluster)
			find_silent(r, v[i].tag->cluster, &s);
		judge_tag(r, v + i, j - i, &s, &verdict);
	}
	tell(r, &verdict);
	free(v);
	return 0;
}

/* ---- taking */

static size_t owned(const struct fp_view_opensips *v)
{
	size_t n = 0;

	for (size_t i = 0; i < v->n_tags; i++)
		n += v->tag[i].is_active;
	return n;
}

/* Are there tags, and does another node own one, in a cluster of node i? */
static bool are_tags(const struct fp_rules *r, size_t i, bool *is_owned)
{
	const struct fp_view_opensips *own = fp_member(r, i);
	bool are = own->n_tags > 0;

	*is_owned = false;
	for (size_t k = 0; k < r->n; k++) {
		const struct fp_view_opensips *v = fp_member(r, k);

		for (size_t j = 0; v && k != i && j < v->n_tags; j++)
			if (fp_is_in(own, v->tag[j].cluster)) {
				are = true;
				*is_owned |= v->tag[j].is_active;
			}
	}
	return are;
}

static bool is_linked(const struct fp_view_opensips *v)
{
	for (size_t i = 0; i < v->n_links; i++)
		if (!strcmp(v->link[i].state, "Up"))
			return true;
	return false;
}

/* By how much a counter grew; -1: not known.  A restart begins at 0. */
static int64_t growth(const struct fp_view_opensips *now,
		      const struct fp_view_opensips *before, int64_t a,
		      int64_t b)
{
	if (a < 0 || b < 0)
		return -1;
	return (now->up_s > 0 && now->up_s < before->up_s) || a < b ? a : a - b;
}

/* Dialogs that this node made itself since the round before; -1: not known.
 * processed_dialogs counts copies too, and create_sent only what a peer got.
 * Source: OpenSIPS 3.6.8 dlg_replication.c */
static int64_t created(const struct fp_view_opensips *now,
		       const struct fp_view_opensips *before)
{
	int64_t sent, processed;

	/* It may have made them before its tag was taken from it. */
	if (!before || owned(before))
		return -1;
	sent = growth(now, before, now->create_sent, before->create_sent);
	processed = growth(now, before, now->processed_dialogs,
			   before->processed_dialogs);
	if (!is_linked(now) && !is_linked(before) && processed > sent)
		return processed;
	return sent;
}

static void judge_taking(struct fp_rules *r, size_t i)
{
	const struct fp_view_opensips *v = fp_member(r, i);
	const struct fp_view_opensips *before =
		fp_opensips_of(r->v[i].opensips_before);
	struct fp_reading *a;
	int64_t n;
	bool is_owned;

	if (!are_tags(r, i, &is_owned))
		return;
	a = fp_rules_answer(r, r->v[i].name, "taking");
	if (owned(v)) {
		fp_reading_say(a, FP_OK, "owns %zu tag%s", owned(v),
			       owned(v) == 1 ? "" : "s");
		return;
	}
	n = created(v, before);
	if (n > 0)
		fp_reading_say(a, FP_CRITICAL,
			       "takes calls (%lld new) and owns no active tag",
			       (long long)n);
	else
		fp_reading_say(a, FP_WARNING, "owns no active tag%s",
			       n ? "" : ", takes no calls");
	/* Also while it takes none: else it would be let in, take calls and be
	 * taken out for ever.  With no owner anywhere no node is better. */
	a->is_refusing = is_owned;
}

void fp_rules_taking(struct fp_rules *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct fp_view_opensips *v = fp_member(r, i);

		if (v && v->has_dialog)
			judge_taking(r, i);
	}
}
