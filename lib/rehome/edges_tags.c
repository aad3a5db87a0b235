/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "rehome/edges_priv.h"

/* The sharing tags that are a node's own. */

#define SEPARATORS ", \t"

struct names {
	char (*v)[64];
	size_t n;
};

static int add(struct names *s, const char *name, size_t len)
{
	char(*grown)[64];

	for (size_t i = 0; i < s->n; i++)
		if (strlen(s->v[i]) == len && !memcmp(s->v[i], name, len))
			return 0;
	grown = reallocarray(s->v, s->n + 1, sizeof(*s->v));
	if (!grown)
		return -ENOMEM;
	s->v = grown;
	memcpy(s->v[s->n], name, len);
	s->v[s->n++][len] = 0;
	return 0;
}

static int add_words(struct names *s, const struct fp_edge *x, const char *list,
		     struct fp_err *e)
{
	int r = 0;

	while (!r && *(list += strspn(list, SEPARATORS))) {
		size_t len = strcspn(list, SEPARATORS);

		if (len >= sizeof(*s->v))
			return fp_err(e, -EINVAL,
				      "%s: fp_tags: \"%.*s\" is longer than a "
				      "sharing tag",
				      x->name, (int)len, list);
		r = add(s, list, len);
		list += len;
	}
	return r ? fp_err(e, r, "no memory") : 0;
}

static bool is_own(const struct fp_edge *x, const char *tag)
{
	size_t n = strlen(x->name);

	return !strncmp(tag, x->name, n) && (!tag[n] || tag[n] == '.');
}

static int add_known(struct names *s, const struct fp_edge *x, struct fp_err *e)
{
	for (size_t i = 0; i < x->all->n; i++) {
		const struct fp_view_opensips *v = x->all->v[i].view;

		for (size_t k = 0; v && k < v->n_tags; k++) {
			const char *name = v->tag[k].name;

			if (is_own(x, name) && add(s, name, strlen(name)))
				return fp_err(e, -ENOMEM, "no memory");
		}
	}
	return 0;
}

/* Nobody asks it what it owns.  0: there is none. */
static uint32_t find_stranger(const struct fp_edges *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct fp_view_opensips *v = s->v[i].view;

		for (size_t k = 0; v && k < v->n_links; k++)
			if (!fp_edges_of_id(s, v->link[k].node_id) &&
			    strcmp(v->link[k].state, "Down"))
				return v->link[k].node_id;
	}
	return 0;
}

bool fp_edges_is_only_silent(const struct fp_edges *s, const struct fp_edge *x,
			     uint32_t *stranger)
{
	uint32_t id = find_stranger(s);

	if (stranger)
		*stranger = id;
	for (size_t i = 0; i < s->n; i++)
		if (!s->v[i].view && &s->v[i] != x)
			return false;
	return !x->view && !id;
}

/* sip1.2 before sip1.10 */
static int by_name(const void *a, const void *b)
{
	return strverscmp(a, b);
}

int fp_edge_own_tags(const struct fp_edge *x, char (**out)[64], size_t *n,
		     struct fp_err *e)
{
	const char *words = fp_inventory_var(x->host, "fp_tags");
	struct names s = { .n = 0 };
	int r;

	if (words && words[strspn(words, SEPARATORS)])
		r = add_words(&s, x, words, e);
	else
		r = add_known(&s, x, e);
	if (!r && !s.n)
		r = fp_err(e, -ENOENT,
			   "%s has no sharing tags of its own: no node knows "
			   "one named %s or %s.*, and the cluster file has no "
			   "fp_tags for it",
			   x->name, x->name, x->name);
	if (r) {
		free(s.v);
		return r;
	}
	qsort(s.v, s.n, sizeof(*s.v), by_name);
	*out = s.v;
	*n = s.n;
	return 0;
}
