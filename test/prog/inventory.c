/* SPDX-License-Identifier: Apache-2.0 */
/* inventory FILE [PATTERN...]: what the tools make of a cluster file, as lines of
 * TAB-separated fields: host NAME ADDRESS, group NAME GROUP, var NAME KEY VALUE,
 * addr NAME ADDRESS; with patterns the names of the nodes that they select.
 * Exit 2: neither; why is on stderr. */
#include <stdio.h>
#include <stdlib.h>

#include "model/inventory_priv.h" /* all groups and variables of a host */
#include "model/pattern.h"

static int print_address(void *ctx, const struct fp_host *h,
			 const struct fp_prefix *p)
{
	char text[FP_PREFIX_STRLEN];

	(void)ctx;
	fp_prefix_print(p, text);
	printf("addr\t%s\t%s\n", h->name, text);
	return 0;
}

/* A variable is printed as often as it is set, always with what wins. */
static void print_vars(const struct fp_host *h, const struct inv_vars *vars)
{
	for (size_t i = 0; i < vars->n; i++)
		printf("var\t%s\t%s\t%s\n", h->name, vars->v[i].key,
		       fp_inventory_var(h, vars->v[i].key));
}

static void print_host(const struct fp_host *h)
{
	const struct inv_host *x = h->inv->hosts.v[h->index];

	printf("host\t%s\t%s\n", h->name, h->address);
	for (size_t i = 0; i < x->groups.n; i++) {
		const struct inv_group *g = x->groups.v[i];

		printf("group\t%s\t%s\n", h->name, g->name);
		print_vars(h, &g->vars);
	}
	print_vars(h, &x->vars);
	fp_inventory_addresses(h, print_address, NULL);
}

static int print_matches(const struct fp_inventory *inv, char **patterns,
			 int n_patterns, struct fp_err *e)
{
	const struct fp_host **v;
	size_t n;
	int r = fp_pattern_select(inv, (const char *const *)patterns,
				  (size_t)n_patterns, &v, &n, e);

	if (r)
		return r;
	for (size_t i = 0; i < n; i++)
		printf("%s\n", v[i]->name);
	free(v);
	return 0;
}

int main(int argc, char **argv)
{
	struct fp_inventory *inv = NULL;
	const struct fp_host *v;
	struct fp_err e;
	int r;

	if (argc < 2) {
		fprintf(stderr, "usage: inventory FILE [PATTERN...]\n");
		return 2;
	}
	r = fp_inventory_read(&inv, argv[1], &e);
	if (!r && argc > 2)
		r = print_matches(inv, argv + 2, argc - 2, &e);
	else if (!r)
		for (size_t i = 0, n = fp_inventory_hosts(inv, &v); i < n; i++)
			print_host(&v[i]);
	if (r)
		fprintf(stderr, "%s\n", e.text);
	fp_inventory_free(inv);
	return r ? 2 : 0;
}
