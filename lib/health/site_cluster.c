/* SPDX-License-Identifier: Apache-2.0 */
/* What nodes say, held against each other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health/checks.h"
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

static const struct fp_site_check *of_kind(const struct fp_site_node *n,
					   const char *kind)
{
	for (size_t i = 0; i < n->n_checks; i++)
		if (n->check[i]->kind && !strcmp(n->check[i]->kind->name, kind))
			return n->check[i];
	return NULL;
}

/* ---- what was asked for by name and could not be compared: silence would look
 * like health */

/* What each is made of; those of a node, and those of all. */
static const struct {
	const char *name, *kind;
	enum fp_view_kind view;
	bool is_of_all;
} sources[] = {
	{ "taking", "mi", FP_VIEW_OPENSIPS, false },
	{ "sync", "mi", FP_VIEW_OPENSIPS, false },
	{ "links", "mi", FP_VIEW_OPENSIPS, false },
	{ "shm", "mi", FP_VIEW_OPENSIPS, false },
	{ "rows", "esl", FP_VIEW_FREESWITCH, false },
	{ "clock", "esl", FP_VIEW_FREESWITCH, false },
	{ "tags", "mi", FP_VIEW_OPENSIPS, true },
	{ "dialogs", "mi", FP_VIEW_OPENSIPS, true },
	{ "rtp-ports", "esl", FP_VIEW_FREESWITCH, true },
	{ "versions", "esl", FP_VIEW_FREESWITCH, true },
};
#define N_SOURCES (sizeof(sources) / sizeof(*sources))

static bool is_named(const struct fp_site *s, const struct fp_site_node *n,
		     const char *check)
{
	const char *checks =
		n->host ? fp_inventory_var(n->host, "fp_checks") : NULL;
	size_t len = strlen(check);

	return fp_site_wants(s, n->host, check) &&
	       (fp_checks_has(s->o.only, check, len) ||
		fp_checks_has(checks, check, len));
}

static void say_named(struct fp_site *s, struct fp_site_node *n,
		      const char *name, const char *who, const char *why)
{
	struct fp_site_check *c = fp_site_check_get(s, n, name);
	struct fp_reading r;

	if (!c || c->is_fresh)
		return;
	c->is_cluster = true;
	c->is_fresh = true;
	fp_reading_init(&r);
	fp_reading_say(&r, FP_UNKNOWN, "%s %s", who, why);
	fp_site_deliver(s, c, &r);
}

static void name_one(struct fp_site *s, size_t k)
{
	for (size_t i = 0; i < s->n_nodes; i++) {
		struct fp_site_node *n = &s->node[i];
		const struct fp_site_check *from = of_kind(n, sources[k].kind);
		char why[sizeof(from->last.detail) + 32];

		if (!from || !from->is_read || n->view[sources[k].view] ||
		    !is_named(s, n, sources[k].name))
			continue;
		snprintf(why, sizeof(why), "told nothing: %s",
			 from->last.detail);
		say_named(s, n, sources[k].name, from->name, why);
	}
}

/* Are all read that it is made of, and are there any? */
static bool is_all_read(const struct fp_site *s, const char *kind)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_nodes; i++) {
		const struct fp_site_check *from = of_kind(&s->node[i], kind);

		if (from && !from->is_read)
			return false;
		n += from != NULL;
	}
	return n;
}

static void name_all(struct fp_site *s, size_t k)
{
	struct fp_site_node *n = &s->node[s->n_nodes];

	if (!is_named(s, n, sources[k].name))
		return;
	if (!s->o.is_whole)
		say_named(s, n, sources[k].name, sources[k].name,
			  "compares all nodes, and these are not all");
	else if (is_all_read(s, sources[k].kind))
		say_named(s, n, sources[k].name, "there is nothing to compare",
			  "in what nodes say");
}

static void miss_named(struct fp_site *s)
{
	for (size_t k = 0; k < N_SOURCES; k++)
		if (sources[k].is_of_all)
			name_all(s, k);
		else
			name_one(s, k);
}

/* A first look has no round before: it is held against itself, and what looks bad
 * then is read again. */
static void fill(struct fp_cluster_node *to, const struct fp_site_node *n,
		 bool is_first)
{
	struct fp_view *const *before = is_first ? n->view : n->before;

	*to = (struct fp_cluster_node){
		.name = n->name,
		.is_opensips = of_kind(n, "mi"),
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
		if (!is_again) {
			miss_named(s);
			miss_all(s);
		}
		fp_cluster_answers_free(answer, n);
	}
	free(v);
	return is_again;
}
