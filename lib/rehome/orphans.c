/* SPDX-License-Identifier: Apache-2.0 */
/* Tags that nobody owns, and that have calls. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rehome/orphans.h"

#define TAGS 512 /* of dialogs that are looked at; a cluster has some dozen */

/* Tags of dialogs, each with its calls. */
struct seen {
	struct fp_edges *s;
	struct fp_orphan *v;
	size_t n, last;
};

static struct fp_orphan *tag_of(struct seen *t, const char *tag)
{
	struct fp_edge *owner, *other;
	struct fp_orphan *o;

	if (t->n && !strcmp(t->v[t->last].tag, tag))
		return &t->v[t->last];
	for (t->last = 0; t->last < t->n; t->last++)
		if (!strcmp(t->v[t->last].tag, tag))
			return &t->v[t->last];
	if (t->n == TAGS || strlen(tag) >= sizeof(o->tag)) {
		t->last = 0;
		return NULL;
	}
	o = &t->v[t->n++];
	*o = (struct fp_orphan){ .calls = 0 };
	strcpy(o->tag, tag);
	o->is_known = fp_edges_owner(t->s, tag, &owner, &other) != -ENOENT;
	o->is_owned = owner;
	return o;
}

static bool was_met(const struct fp_edges *s, size_t before, const char *callid)
{
	for (size_t i = 0; i < before; i++) {
		const struct fp_dialog *d =
			s->v[i].view && s->v[i].dialogs
				? fp_dialogs_find(s->v[i].dialogs, callid)
				: NULL;

		if (d && fp_dialog_is_up(d))
			return true;
	}
	return false;
}

static void count(struct seen *t, size_t i)
{
	const struct fp_edge *x = &t->s->v[i];

	for (size_t k = 0; k < fp_dialogs_n(x->dialogs); k++) {
		const struct fp_dialog *d = fp_dialogs_at(x->dialogs, k);
		struct fp_orphan *o;

		if (!*d->tag || !fp_dialog_is_up(d))
			continue;
		o = tag_of(t, d->tag);
		if (!o || o->is_owned || was_met(t->s, i, d->callid))
			continue;
		o->calls++;
		if (!o->at)
			o->at = x;
	}
}

/* ---- whose are they? */

static int is_own(const struct fp_edge *x, const char *tag, struct fp_err *e)
{
	char(*own)[64];
	size_t n;
	int r = fp_edge_own_tags(x, &own, &n, e);

	if (r)
		return r == -ENOENT ? 0 : r;
	for (size_t i = 0; i < n && !r; i++)
		r = !strcmp(own[i], tag);
	free(own);
	return r;
}

/* Whose tag it is, and who may have owned it when he fell silent. */
static int ascribe(const struct fp_edges *s, struct fp_orphan *o,
		   struct fp_err *e)
{
	int r = 0;

	for (size_t i = 0; i < s->n && r >= 0; i++) {
		const struct fp_edge *x = &s->v[i];

		r = is_own(x, o->tag, e);
		if (r > 0)
			o->own = x;
		if (!x->view && (!o->silent || r > 0))
			o->silent = x;
	}
	return r < 0 ? r : 0;
}

int fp_edges_orphans(struct fp_edges *s, struct fp_orphan **out, size_t *n,
		     struct fp_err *e)
{
	struct seen t = { .s = s, .v = calloc(TAGS, sizeof(*t.v)) };
	size_t kept = 0;
	int r = 0;

	if (!t.v)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].view && s->v[i].dialogs)
			count(&t, i);
	for (size_t i = 0; i < t.n && !r; i++) {
		if (!t.v[i].calls)
			continue;
		t.v[kept] = t.v[i];
		r = ascribe(s, &t.v[kept++], e);
	}
	if (r) {
		free(t.v);
		return r;
	}
	*out = t.v;
	*n = kept;
	return 0;
}

void fp_orphan_advice(const struct fp_orphan *o, char *out, size_t size)
{
	const struct fp_edge *x = o->own ? o->own : o->at;

	if (!o->is_known)
		snprintf(out, size,
			 "no node knows the tag: sharing_tag stands in the "
			 "configuration of each");
	else if (o->silent && (o->silent == o->own || !o->own))
		snprintf(out, size, "fp-rehome failover %s --to auto",
			 o->silent->name);
	else if (o->silent)
		snprintf(out, size,
			 "fp-rehome failover %s --to auto --tag %s, if %s is "
			 "dead and owned it; else fp-rehome activate %s --tag "
			 "%s",
			 o->silent->name, o->tag, o->silent->name, x->name,
			 o->tag);
	else
		snprintf(out, size, "fp-rehome activate %s --tag %s", x->name,
			 o->tag);
}
