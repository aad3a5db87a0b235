/* SPDX-License-Identifier: Apache-2.0 */
/* What nodes say, held against each other. */
#include <stdlib.h>
#include <string.h>

#include "health/site_priv.h"
#include "io/clock.h"

/* Those that a count in motion can make look bad. */
static bool is_read_twice(const char *check)
{
	return !strcmp(check, "dialogs") || !strcmp(check, "rows") ||
	       !strcmp(check, "taking");
}

static struct fp_site_node *node_of(struct fp_site *s, const char *name)
{
	for (size_t i = 0; i < s->n_nodes; i++)
		if (*name && !strcmp(s->node[i].name, name))
			return &s->node[i];
	return *name ? NULL : &s->node[s->n_nodes];
}

/* 1: it looks bad, and a second reading may say otherwise. */
static int take(struct fp_site *s, struct fp_cluster_answer *a, bool is_last)
{
	struct fp_site_node *n = node_of(s, a->node);
	bool is_bad = a->reading.state != FP_OK;
	struct fp_site_check *c;
	const struct fp_thresholds *t;

	if (!n || (!n->host && !s->o.is_whole) ||
	    !fp_site_wants(s, n->host, a->check))
		return 0;
	if (is_bad && !is_last && is_read_twice(a->check))
		return 1;
	c = fp_site_check_get(s, n, a->check);
	if (!c)
		return 0;
	c->is_cluster = true;
	c->is_fresh = true;
	t = n->thresholds ? n->thresholds : &s->thresholds;
	fp_thresholds_apply(t, a->check, &a->reading);
	fp_site_deliver(s, c, &a->reading);
	return 0;
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

static bool judge(struct fp_site *s, const struct fp_cluster_node *v,
		  bool is_last)
{
	const struct fp_cluster_opts o = FP_CLUSTER_DEFAULT;
	struct fp_cluster_answer *answer = NULL;
	struct fp_err e = { .text = "" };
	size_t n = 0;
	int again = 0;

	if (fp_cluster_judge(&o, v, s->n_nodes, &answer, &n, &e))
		return false;
	for (size_t i = 0; i < n; i++)
		again |= take(s, &answer[i], is_last);
	fp_cluster_answers_free(answer, n);
	if (!again)
		miss_all(s);
	return again;
}

bool fp_site_compare(struct fp_site *s)
{
	struct fp_cluster_node *v = calloc(s->n_nodes + 1, sizeof(*v));
	bool is_last = s->o.interval_ms || s->is_second, is_again = false;

	for (size_t i = 0; v && i < s->n_nodes; i++) {
		const struct fp_site_node *n = &s->node[i];

		v[i] = (struct fp_cluster_node){
			.name = n->name,
			.opensips = n->view[FP_VIEW_OPENSIPS],
			.opensips_before = n->before[FP_VIEW_OPENSIPS],
			.freeswitch = n->view[FP_VIEW_FREESWITCH],
			.filter = n->view[FP_VIEW_FILTER],
			.store = n->view[FP_VIEW_STORE],
			.store_before = n->before[FP_VIEW_STORE],
		};
	}
	if (v)
		is_again = judge(s, v, is_last);
	free(v);
	return is_again;
}
