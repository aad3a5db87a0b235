/* SPDX-License-Identifier: Apache-2.0 */
/* Tags with calls that nobody owns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rehome.h"

struct orphan {
	const char *tag;
	size_t calls;
};

static size_t calls_at(const struct fp_edge *x, const char *tag)
{
	size_t n = 0;

	for (size_t i = 0; x->dialogs && i < fp_dialogs_n(x->dialogs); i++) {
		const struct fp_dialog *d = fp_dialogs_at(x->dialogs, i);

		n += fp_dialog_is_up(d) && !strcmp(d->tag, tag);
	}
	return n;
}

static size_t most_calls(const struct fp_edges *s, const char *tag)
{
	size_t most = 0;

	for (size_t i = 0; i < s->n; i++) {
		size_t n = s->v[i].view ? calls_at(&s->v[i], tag) : 0;

		if (n > most)
			most = n;
	}
	return most;
}

/* Has it calls, and does nobody that answers own it? */
static bool is_orphan(const struct fp_edges *s, const char *tag, size_t *calls)
{
	struct fp_edge *owner = NULL, *other = NULL;

	if (fp_edges_owner(s, tag, &owner, &other) || owner)
		return false;
	*calls = most_calls(s, tag);
	return *calls;
}

/* The first, and how many there are: of the node that knows most. */
static size_t find(const struct fp_edges *s, struct orphan *first)
{
	size_t most = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct fp_view_opensips *w = s->v[i].view;
		struct orphan o = { .tag = NULL }, here = o;
		size_t n = 0;

		for (size_t k = 0; w && k < w->n_tags; k++) {
			o.tag = w->tag[k].name;
			if (is_orphan(s, o.tag, &o.calls) && !n++)
				here = o;
		}
		if (n > most) {
			most = n;
			*first = here;
		}
	}
	return most;
}

/* Whose tag it is by name or fp_tags. */
static int home_of(const struct fp_edges *s, const char *tag,
		   const struct fp_edge **out, struct fp_err *e)
{
	*out = NULL;
	for (size_t i = 0; i < s->n && !*out; i++) {
		char(*own)[64] = NULL;
		size_t n = 0;
		int r = fp_edge_own_tags(&s->v[i], &own, &n, e);

		if (r && r != -ENOENT)
			return r;
		if (!r && fr_is_among((const char(*)[64])own, n, tag))
			*out = &s->v[i];
		free(own);
	}
	return 0;
}

int fr_orphans(struct fr_env *v, const struct fp_edge *x, char *out,
	       size_t size, struct fp_err *e)
{
	struct orphan o = { .tag = NULL };
	size_t n = find(&v->edges, &o), len;
	int r = 0;

	*out = 0;
	if (!n)
		return 0;
	/* x may have had it: what it gets it can give away with its calls */
	if (!x || !x->view || fp_edge_tag(x, o.tag) < 0)
		r = home_of(&v->edges, o.tag, &x, e);
	if (r)
		return r;
	len = (size_t)snprintf(out, size,
			       "tag %s: %zu calls, and nobody owns it", o.tag,
			       o.calls);
	if (n > 1 && len < size)
		len += (size_t)snprintf(out + len, size - len,
					" (nor %zu other tags)", n - 1);
	if (len >= size)
		return 0;
	if (x && !x->view)
		snprintf(out + len, size - len, ": fp-rehome failover %s",
			 x->name);
	else
		snprintf(out + len, size - len,
			 ": fp-rehome activate %s --tag %s",
			 x ? x->name : "NODE", o.tag);
	return 0;
}
