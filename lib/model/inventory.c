/* SPDX-License-Identifier: Apache-2.0 */
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/inventory_priv.h"
#include "model/list.h"

/* Hosts and groups alike begin with their name. */
static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool fp_inv_push(struct inv_list *list, void *item)
{
	void **v = list->v;

	if (!(list->n & (list->n - 1))) /* it grows at powers of two */
		v = reallocarray(v, list->n ? list->n * 2 : 1, sizeof(*v));
	if (!v)
		return false;
	list->v = v;
	v[list->n++] = item;
	return true;
}

/* The item of this name; when there is none, a new one of size bytes. */
static void *named(struct inv_list *list, size_t most, size_t size,
		   const char *name)
{
	void **found = tfind(&name, &list->tree, by_name);
	const char **item;

	if (found)
		return *found;
	item = list->n < most ? calloc(1, size) : NULL;
	if (!item)
		return NULL;
	*item = name;
	if (!fp_inv_push(list, item)) {
		free(item);
		return NULL;
	}
	return tsearch(item, &list->tree, by_name) ? item : NULL;
}

struct inv_host *fp_inv_host(struct fp_inventory *inv, const char *name)
{
	return named(&inv->hosts, FP_INVENTORY_HOSTS, sizeof(struct inv_host),
		     name);
}

struct inv_group *fp_inv_group(struct fp_inventory *inv, const char *name,
			       size_t line)
{
	struct inv_group *g =
		named(&inv->groups, FP_INVENTORY_GROUPS, sizeof(*g), name);

	if (g && !g->line)
		g->line = line;
	return g;
}

bool fp_inv_var_set(struct inv_vars *vars, const char *key, const char *value)
{
	struct inv_var *v = vars->v;

	if (!(vars->n & (vars->n - 1)))
		v = reallocarray(v, vars->n ? vars->n * 2 : 1, sizeof(*v));
	if (!v)
		return false;
	vars->v = v;
	v[vars->n++] = (struct inv_var){ key, value };
	return true;
}

const char *fp_inv_var_get(const struct inv_vars *vars, const char *key)
{
	for (size_t i = vars->n; i-- > 0;)
		if (!strcmp(vars->v[i].key, key))
			return vars->v[i].value;
	return NULL;
}

void fp_inv_vars_fini(struct inv_vars *vars)
{
	free(vars->v);
	*vars = (struct inv_vars){ 0 };
}

/* ---- which groups a host is in, and in what order */

/* file:line of a group; no line in JSON. */
static int bad_group(const struct inv_group *g, const char *file,
		     struct fp_err *e, const char *why)
{
	char line[24] = "";

	if (g->line)
		snprintf(line, sizeof(line), ":%zu", g->line);
	return fp_err(e, -EINVAL, "%s%s: \"%s\": %s", file, line, g->name, why);
}

/* As Ansible's Group.depth: one more than the deepest parent's. */
static int find_depth(struct inv_group *g, const char *file, struct fp_err *e)
{
	unsigned int most = 1; /* who has no parent is a child of all */
	int r = 0;

	if (g->depth)
		return 0;
	if (g->is_open)
		return bad_group(g, file, e, "a child of itself");
	g->is_open = true;
	for (size_t i = 0; !r && i < g->parents.n; i++) {
		struct inv_group *parent = g->parents.v[i];

		r = find_depth(parent, file, e);
		if (parent->depth > most)
			most = parent->depth;
	}
	g->is_open = false;
	if (!r)
		g->depth = most + 1;
	return r;
}

/* Weakest first: all, then by depth, then by name.  Source: Ansible's
 * inventory/helpers.py, sort_groups. */
static int by_strength(const void *a, const void *b)
{
	const struct inv_group *x = *(struct inv_group *const *)a;
	const struct inv_group *y = *(struct inv_group *const *)b;

	if (x->depth != y->depth)
		return x->depth < y->depth ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* Add g and its ancestors to the groups of h, once. */
static bool climb(struct inv_host *h, struct inv_group *g)
{
	if (g->mark == h->index + 1)
		return true;
	g->mark = h->index + 1;
	for (size_t i = 0; i < g->parents.n; i++)
		if (!climb(h, g->parents.v[i]))
			return false;
	return fp_inv_push(&h->groups, g);
}

/* A host is ungrouped when it is in no group but that and all. */
static bool find_groups(struct fp_inventory *inv, struct inv_host *h)
{
	struct inv_list direct = h->groups;
	bool is_grouped = false, is_ok;

	h->groups = (struct inv_list){ 0 };
	is_ok = climb(h, inv->all);
	for (size_t i = 0; is_ok && i < direct.n; i++) {
		if (direct.v[i] == inv->all || direct.v[i] == inv->ungrouped)
			continue;
		is_grouped = true;
		is_ok = climb(h, direct.v[i]);
	}
	if (is_ok && !is_grouped)
		is_ok = climb(h, inv->ungrouped);
	free(direct.v);
	if (is_ok)
		qsort(h->groups.v, h->groups.n, sizeof(*h->groups.v),
		      by_strength);
	return is_ok;
}

static void publish(struct fp_inventory *inv, const struct inv_host *h)
{
	struct fp_host *pub = &inv->pub[h->index];
	struct fp_prefix p;

	*pub = (struct fp_host){ .name = h->name,
				 .address = h->name,
				 .inv = inv,
				 .index = h->index };
	pub->address = fp_inventory_var(pub, "ansible_host");
	if (!pub->address)
		pub->address = h->name;
	if (!fp_prefix_parse(&p, pub->address, strlen(pub->address), NULL))
		pub->addr = p;
}

static int resolve(struct fp_inventory *inv, const char *file, struct fp_err *e)
{
	inv->all->depth = 1;
	for (size_t i = 0; i < inv->groups.n; i++) {
		struct inv_group *g = inv->groups.v[i];
		int r = find_depth(g, file, e);

		if (!r && !g->is_defined)
			r = fp_err(e, -EINVAL,
				   "%s:%zu: \"%s\": no such group: [%s] is "
				   "nowhere in the file",
				   file, g->line, g->name, g->name);
		/* Ansible gives the group the variables of the host. */
		if (!r && tfind(&g->name, &inv->hosts.tree, by_name))
			r = bad_group(g, file, e, "a host and a group");
		if (r)
			return r;
	}
	inv->pub = calloc(inv->hosts.n + 1, sizeof(*inv->pub));
	if (!inv->pub)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < inv->hosts.n; i++) {
		struct inv_host *h = inv->hosts.v[i];

		h->index = i;
		if (!find_groups(inv, h))
			return fp_err(e, -ENOMEM, "out of memory");
		publish(inv, h);
	}
	return 0;
}

/* ---- the interface */

typedef int fill_fn(struct fp_inventory *inv, const char *file,
		    const char *text, size_t len, struct fp_err *e);

static int fill(struct fp_inventory *inv, fill_fn *from, const char *file,
		const char *text, size_t len, struct fp_err *e)
{
	int r;

	inv->all = fp_inv_group(inv, "all", 0);
	inv->ungrouped = fp_inv_group(inv, "ungrouped", 0);
	if (!inv->all || !inv->ungrouped ||
	    !fp_inv_push(&inv->ungrouped->parents, inv->all))
		return fp_err(e, -ENOMEM, "out of memory");
	inv->all->is_defined = inv->ungrouped->is_defined = true;
	r = from(inv, file, text, len, e);
	return r ? r : resolve(inv, file, e);
}

static int parse(struct fp_inventory **out, fill_fn *from, const char *file,
		 const char *text, size_t len, struct fp_err *e)
{
	struct fp_inventory *inv = calloc(1, sizeof(*inv));
	int r;

	r = inv ? fill(inv, from, file, text, len, e)
		: fp_err(e, -ENOMEM, "out of memory");
	if (r)
		fp_inventory_free(inv);
	else
		*out = inv;
	return r;
}

int fp_inventory_parse(struct fp_inventory **out, const char *file,
		       const char *text, size_t len, struct fp_err *e)
{
	return parse(out, fp_inv_parse, file, text, len, e);
}

int fp_inventory_parse_json(struct fp_inventory **out, const char *file,
			    const char *text, size_t len, struct fp_err *e)
{
	return parse(out, fp_inv_parse_json, file, text, len, e);
}

static bool is_json(const char *file, const char *text, size_t len)
{
	size_t n = strlen(file), i = 0;

	if (strcmp(file, "-"))
		return n >= 5 && !strcmp(file + n - 5, ".json");
	while (i < len && memchr(" \t\r\n", text[i], 4))
		i++;
	return i < len && text[i] == '{';
}

int fp_inventory_read(struct fp_inventory **out, const char *file,
		      struct fp_err *e)
{
	struct fp_text t;
	const char *text;
	int r = fp_text_read(&t, file, FP_INVENTORY_BYTES, e);

	if (r)
		return r;
	text = t.len ? t.data : "";
	r = is_json(file, text, t.len)
		    ? fp_inventory_parse_json(out, file, text, t.len, e)
		    : fp_inventory_parse(out, file, text, t.len, e);
	fp_text_fini(&t);
	return r;
}

static void keep(void *item)
{
	(void)item;
}

static void list_fini(struct inv_list *list)
{
	tdestroy(list->tree, keep);
	free(list->v);
}

void fp_inventory_free(struct fp_inventory *inv)
{
	if (!inv)
		return;
	for (size_t i = 0; i < inv->hosts.n; i++) {
		struct inv_host *h = inv->hosts.v[i];

		free(h->groups.v);
		fp_inv_vars_fini(&h->vars);
		free(h);
	}
	for (size_t i = 0; i < inv->groups.n; i++) {
		struct inv_group *g = inv->groups.v[i];

		free(g->parents.v);
		fp_inv_vars_fini(&g->vars);
		free(g);
	}
	list_fini(&inv->hosts);
	list_fini(&inv->groups);
	free(inv->pub);
	free(inv->text);
	fp_inv_json_fini(inv);
	free(inv);
}

size_t fp_inventory_hosts(const struct fp_inventory *inv,
			  const struct fp_host **v)
{
	*v = inv->pub;
	return inv->hosts.n;
}

bool fp_inventory_in_group(const struct fp_host *h, const char *group)
{
	const struct inv_host *x = h->inv->hosts.v[h->index];

	for (size_t i = 0; i < x->groups.n; i++) {
		const struct inv_group *g = x->groups.v[i];

		if (!strcmp(g->name, group))
			return true;
	}
	return false;
}

const char *fp_inventory_var(const struct fp_host *h, const char *key)
{
	const struct inv_host *x = h->inv->hosts.v[h->index];
	const char *value = fp_inv_var_get(&x->vars, key);

	for (size_t i = x->groups.n; !value && i-- > 0;) {
		const struct inv_group *g = x->groups.v[i];

		value = fp_inv_var_get(&g->vars, key);
	}
	return value;
}
