/* SPDX-License-Identifier: Apache-2.0 */
/* What nodes say, held against each other. */
#include <stdlib.h>
#include <string.h>

#include "health/site_priv.h"
#include "io/clock.h"

/* Those that a count in motion can make look bad. */
static bool is_read_twice(const struct fp_cluster_answer *a)
{
	return a->reading.state != FP_OK &&
	       (!strcmp(a->check, "dialogs") || !strcmp(a->check, "rows") ||
		!strcmp(a->check, "taking") || !strcmp(a->check, "sync"));
}

static struct fp_site_node *node_of(const struct fp_site *s, const char *name)
{
	for (size_t i = 0; i < s->n_nodes; i++)
		if (*name && !strcmp(s->node[i].name, name))
			return &s->node[i];
	return *name ? NULL : &s->node[s->n_nodes];
}

static bool is_told(const struct fp_site *s, const struct fp_site_node *n,
		    const char *check)
{
	return n && (n->host || s->o.is_whole) &&
	       fp_site_wants(s, n->host, check);
}

static void take(struct fp_site *s, struct fp_cluster_answer *a)
{
	struct fp_site_node *n = node_of(s, a->node);
	struct fp_site_check *c;
	const struct fp_thresholds *t;

	if (!is_told(s, n, a->check))
		return;
	c = fp_site_check_get(s, n, a->check);
	if (!c)
		return;
	c->is_cluster = true;
	c->is_fresh = true;
	t = n->thresholds ? n->thresholds : &s->thresholds;
	fp_thresholds_apply(t, a->check, &a->reading);
	fp_site_deliver(s, c, &a->reading);
}

/* What could be compared before, and cannot now. */
static void miss(struct fp_site *s, struct fp_site_check *c)
{
	struct fp_reading r;

	fp_reading_init(&r);
	fp_reading_say(&r, FP_UNKNOWN, "there is nothing to compare now");
	fp_site_deliver(s, c, &r);
}

static void miss_all(struct fp_site *s)
{
	for (size_t i = 0; i <= s->n_nodes; i++)
		for (size_t j = 0; j < s->node[i].n_checks; j++) {
			struct fp_site_check *c = s->node[i].check[j];

			if (c->is_cluster && !c->is_fresh)
				miss(s, c);
			c->is_fresh = false;
		}
}

static bool has_kind(const struct fp_site_node *n, const char *kind)
{
	for (size_t i = 0; i < n->n_checks; i++)
		if (n->check[i]->kind && !strcmp(n->check[i]->kind->name, kind))
			return true;
	return false;
}

/* A first look has no round before: it is held against itself, and what looks bad
 * then is read again. */
static void fill(struct fp_cluster_node *to, const struct fp_site_node *n,
		 bool is_first)
{
	struct fp_view *const *before = is_first ? n->view : n->before;

	*to = (struct fp_cluster_node){
		.name = n->name,
		.is_opensips = has_kind(n, "mi"),
		.opensips = n->view[FP_VIEW_OPENSIPS],
		.opensips_before = before[FP_VIEW_OPENSIPS],
		.freeswitch = n->view[FP_VIEW_FREESWITCH],
		.freeswitch_before = before[FP_VIEW_FREESWITCH],
		.filter = n->view[FP_VIEW_FILTER],
		.store = n->view[FP_VIEW_STORE],
		.store_before = before[FP_VIEW_STORE],
	};
}

static bool looks_bad(const struct fp_site *s,
		      const struct fp_cluster_answer *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_read_twice(&v[i]) &&
		    is_told(s, node_of(s, v[i].node), v[i].check))
			return true;
	return false;
}

bool fp_site_compare(struct fp_site *s)
{
	const struct fp_cluster_opts o = FP_CLUSTER_DEFAULT;
	struct fp_cluster_node *v = calloc(s->n_nodes + 1, sizeof(*v));
	bool is_first = !s->o.interval_ms && !s->is_second, is_again = false;
	struct fp_cluster_answer *answer = NULL;
	struct fp_err e = { .text = "" };
	size_t n = 0;

	for (size_t i = 0; v && i < s->n_nodes; i++)
		fill(&v[i], &s->node[i], is_first);
	if (v && !fp_cluster_judge(&o, v, s->n_nodes, &answer, &n, &e)) {
		is_again = is_first && looks_bad(s, answer, n);
		for (size_t i = 0; i < n && !is_again; i++)
			take(s, &answer[i]);
		if (!is_again)
			miss_all(s);
		fp_cluster_answers_free(answer, n);
	}
	free(v);
	return is_again;
}
