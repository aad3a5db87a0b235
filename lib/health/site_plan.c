/* SPDX-License-Identifier: Apache-2.0 */
/* Which checks a node gets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health/checks.h"
#include "health/site_priv.h"

#define FILTER "filter"

bool fp_site_wants(const struct fp_site *s, const struct fp_host *h,
		   const char *name)
{
	const char *checks = h ? fp_inventory_var(h, "fp_checks") : NULL;
	size_t n = fp_checks_base(name);

	return (!s->o.only || fp_checks_has(s->o.only, name, n)) &&
	       (!checks || fp_checks_has(checks, name, n));
}

/* Is it asked, for its own sake or a comparison's? */
static bool asks(const struct fp_site *s, const struct fp_host *h,
		 const char *kind)
{
	bool is_asked = fp_site_wants(s, h, kind);

	for (const struct fp_comparison *c = fp_comparisons;
	     c->name && !is_asked; c++)
		is_asked = fp_checks_has(c->of, kind, strlen(kind)) &&
			   fp_site_wants(s, h, c->name);
	return is_asked;
}

/* Every word of a list is a check's name. */
static int check_names(const char *list, const char *what, struct fp_err *e)
{
	while (list && *list) {
		size_t n = fp_checks_word(&list);

		if (!fp_check_is_known(list, n))
			return fp_err(e, -EINVAL,
				      "%s: there is no check \"%.*s\"", what,
				      (int)(n < 64 ? n : 64), list);
		list += n + (list[n] == ',');
	}
	return 0;
}

struct fp_site_check *fp_site_check_get(struct fp_site *s,
					struct fp_site_node *n,
					const char *name)
{
	struct fp_site_check *c, **list;

	for (size_t i = 0; i < n->n_checks; i++)
		if (!strcmp(n->check[i]->name, name))
			return n->check[i];
	list = reallocarray(n->check, n->n_checks + 1, sizeof(*list));
	if (!list)
		return NULL;
	n->check = list;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	list[n->n_checks++] = c;
	c->node = n;
	snprintf(c->name, sizeof(c->name), "%s", name);
	c->is_hidden = !fp_site_wants(s, n->host, name);
	fp_reading_init(&c->last);
	return c;
}

/* ---- probes */

struct adding {
	struct fp_site *s;
	struct fp_site_node *node;
	const struct fp_probe_kind *kind;
	size_t n; /* of this kind and node */
	struct fp_err *e;
};

static int grow(struct fp_site *s)
{
	size_t n = s->n_probed;
	struct fp_site_check **list;

	if (n & (n - 1))
		return 0;
	list = reallocarray(s->probed, n ? 2 * n : 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	s->probed = list;
	return 0;
}

static int add(void *ctx, const struct fp_endpoint *to)
{
	struct adding *a = ctx;
	struct fp_site *s = a->s;
	struct fp_site_check *c;
	char name[32];
	int r;

	if (a->n++)
		snprintf(name, sizeof(name), "%s-%zu", a->kind->name, a->n);
	else
		snprintf(name, sizeof(name), "%s", a->kind->name);
	c = fp_site_check_get(s, a->node, name);
	if (!c || grow(s))
		return fp_err(a->e, -ENOMEM, "out of memory");
	r = fp_engine_add(s->engine, a->kind, a->node->host, to, name, a->e);
	if (r)
		return r;
	c->kind = a->kind;
	c->probe = fp_engine_probe(s->engine, s->n_probed);
	c->is_network = a->kind->is_network;
	s->n_network += c->is_network;
	s->probed[s->n_probed++] = c;
	return 0;
}

/* What is wrong with a node's variables is said of that node alone. */
static int say_bad(struct fp_site *s, struct fp_site_node *n, const char *name,
		   const struct fp_err *e)
{
	struct fp_site_check *c = fp_site_check_get(s, n, name);

	if (!c)
		return -ENOMEM;
	c->is_hidden = false;
	fp_reading_say(&c->last, FP_UNKNOWN, "%s", e->text);
	c->is_fixed = true;
	return 0;
}

static int plan_kind(struct fp_site *s, struct fp_site_node *n,
		     const struct fp_probe_kind *kind, struct fp_err *e)
{
	struct adding a = { .s = s, .node = n, .kind = kind, .e = e };
	int r;

	if (!asks(s, n->host, kind->name))
		return 0;
	r = kind->plan(n->host, add, &a, e);
	if (r && r != -ENOMEM)
		r = say_bad(s, n, kind->name, e);
	return r;
}

/* ---- thresholds */

static int add_thresholds(struct fp_thresholds *t, const char *warning,
			  const char *critical, struct fp_err *e)
{
	int r = 0;

	if (warning)
		r = fp_thresholds_add(t, FP_WARNING, warning, e);
	if (critical && !r)
		r = fp_thresholds_add(t, FP_CRITICAL, critical, e);
	return r ? r : fp_checks_hold(t, e);
}

/* A node's own, and over them those of the command line. */
static int plan_thresholds(struct fp_site *s, struct fp_site_node *n,
			   struct fp_err *e)
{
	const char *warning = fp_inventory_var(n->host, "fp_warning");
	const char *critical = fp_inventory_var(n->host, "fp_critical");
	int r;

	if (!warning && !critical)
		return 0;
	n->thresholds = calloc(1, sizeof(*n->thresholds));
	if (!n->thresholds)
		return fp_err(e, -ENOMEM, "out of memory");
	r = add_thresholds(n->thresholds, warning, critical, e);
	if (!r) {
		r = add_thresholds(n->thresholds, s->o.warning, s->o.critical,
				   e);
		return r ? r : fp_checks_defaults(n->thresholds, e);
	}
	free(n->thresholds);
	n->thresholds = NULL;
	fp_err_prefix(e, r, "fp_warning, fp_critical");
	return say_bad(s, n, "thresholds", e);
}

/* ---- all of it */

static int plan_node(struct fp_site *s, struct fp_site_node *n,
		     struct fp_err *e)
{
	int r = check_names(fp_inventory_var(n->host, "fp_checks"), "fp_checks",
			    e);

	if (r)
		return say_bad(s, n, "fp_checks", e);
	r = plan_thresholds(s, n, e);
	for (size_t i = 0; fp_probe_kinds[i] && !r; i++)
		r = plan_kind(s, n, fp_probe_kinds[i], e);
	return r;
}

static bool has_filter(const struct fp_site *s, const struct fp_host *h)
{
	return fp_inventory_var(h, "fp_if") && asks(s, h, FILTER);
}

static void on_filter(void *ctx, size_t i, struct fp_reading *r,
		      int64_t started_ms)
{
	struct fp_site *s = ctx;

	fp_site_feed(s, s->filtered[i], r, started_ms);
	if (!s->o.interval_ms && s->n_filters_left && !--s->n_filters_left)
		fp_site_asked(s);
}

static int plan_filters(struct fp_site *s, struct fp_err *e)
{
	const struct fp_filters_opts o = { .fleet = s->o.fleet,
					   .work = s->env.work,
					   .lists_dir = s->o.lists_dir,
					   .reading = on_filter,
					   .ctx = s };
	const struct fp_host **hosts = calloc(s->n_nodes + 1, sizeof(*hosts));
	size_t n = 0;
	int r = 0;

	s->filtered = calloc(s->n_nodes + 1, sizeof(struct fp_site_check *));
	if (!hosts || !s->filtered)
		r = fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < s->n_nodes && !r; i++) {
		if (!has_filter(s, s->node[i].host))
			continue;
		s->filtered[n] = fp_site_check_get(s, &s->node[i], FILTER);
		hosts[n] = s->node[i].host;
		if (!s->filtered[n++])
			r = fp_err(e, -ENOMEM, "out of memory");
	}
	s->n_filters = n;
	if (!r && n)
		r = fp_filters_open(&s->filters, s->o.loop, &o, hosts, n, e);
	free(hosts);
	return r;
}

/* ---- what is named, and cannot be made */

static bool has_var(const struct fp_host *h, const char *vars)
{
	while (*vars) {
		size_t n = strcspn(vars, " ");
		char name[64];
		const char *v;

		snprintf(name, sizeof(name), "%.*s", (int)n, vars);
		v = fp_inventory_var(h, name);
		if (v && *v)
			return true;
		vars += n;
		vars += strspn(vars, " ");
	}
	return false;
}

/* Is there such a probe, or one that a comparison of that name is made of? */
static bool is_made(const struct fp_site_node *n, const char *word, size_t len)
{
	const char *of = NULL;

	for (const struct fp_comparison *c = fp_comparisons; c->name; c++)
		if (strlen(c->name) == len && !memcmp(c->name, word, len))
			of = c->of;
	for (size_t i = 0; i < n->n_checks; i++) {
		const char *name = n->check[i]->name;
		size_t base = fp_checks_base(name);

		if ((base == len && !memcmp(name, word, len)) ||
		    fp_checks_has(of, name, base))
			return true;
	}
	return false;
}

static bool is_made_anywhere(const struct fp_site *s, const char *word,
			     size_t len)
{
	for (size_t i = 0; i < s->n_nodes; i++)
		if (is_made(&s->node[i], word, len))
			return true;
	return false;
}

static void say_why(const struct fp_site_node *n, const char *name,
		    struct fp_err *e)
{
	const char *checks = fp_inventory_var(n->host, "fp_checks");
	const char *vars = "fp_if";

	e->text[0] = 0;
	if (checks && !fp_checks_has(checks, name, strlen(name))) {
		fp_err(e, 0, "it is named, but fp_checks of this node is %s",
		       checks);
		return;
	}
	for (const struct fp_comparison *c = fp_comparisons; c->name; c++)
		if (!strcmp(c->name, name)) {
			fp_err(e, 0,
			       "it is named, but made of %s, which this node "
			       "has not",
			       c->of);
			return;
		}
	for (size_t i = 0; fp_probe_kinds[i]; i++)
		if (!strcmp(fp_probe_kinds[i]->name, name))
			vars = fp_probe_kinds[i]->vars;
	if (!has_var(n->host, vars))
		fp_err(e, 0, "it is named, but this node has no %s", vars);
	else if (!strcmp(vars, fp_probe_rows.vars))
		fp_err(e, 0, "it is asked at the first node that has that %s",
		       vars);
	else
		fp_err(e, 0, "there is nothing in %s that it can ask", vars);
}

/* of: a list of checks. is_lenient: one that another node has is not missed in
 * one that has any. */
static int miss_words(struct fp_site *s, struct fp_site_node *n,
		      const char *list, bool is_lenient)
{
	bool has_any = n->n_checks;
	int r = 0;

	while (list && *list && !r) {
		size_t len = fp_checks_word(&list);
		struct fp_err e;
		char name[32];

		snprintf(name, sizeof(name), "%.*s", (int)len, list);
		list += len + (list[len] == ',');
		if (is_made(n, name, len) ||
		    (s->o.only && !fp_checks_has(s->o.only, name, len)))
			continue;
		/* one database is asked once */
		if (is_made_anywhere(s, name, len) &&
		    ((is_lenient && has_any) ||
		     (!strcmp(name, fp_probe_rows.name) &&
		      has_var(n->host, fp_probe_rows.vars))))
			continue;
		say_why(n, name, &e);
		r = say_bad(s, n, name, &e);
	}
	return r;
}

/* Variables that are there, and make nothing: fp_sip=ws:... */
static int miss_vars(struct fp_site *s, struct fp_site_node *n)
{
	int r = 0;

	for (size_t i = 0; fp_probe_kinds[i] && !r; i++) {
		const struct fp_probe_kind *k = fp_probe_kinds[i];
		struct fp_err e;

		if (k == &fp_probe_rows || !has_var(n->host, k->vars) ||
		    !fp_site_wants(s, n->host, k->name) ||
		    is_made(n, k->name, strlen(k->name)))
			continue;
		say_why(n, k->name, &e);
		r = say_bad(s, n, k->name, &e);
	}
	return r;
}

/* A check that was wanted and is not there would be one that never alerts. */
static int plan_missing(struct fp_site *s, struct fp_err *e)
{
	int r = 0;

	for (size_t i = 0; i < s->n_nodes && !r; i++) {
		struct fp_site_node *n = &s->node[i];
		const char *checks = fp_inventory_var(n->host, "fp_checks");

		if (n->n_checks && n->check[0]->is_fixed &&
		    !strcmp(n->check[0]->name, "fp_checks"))
			continue;
		r = miss_vars(s, n);
		if (!r && s->o.is_named)
			r = miss_words(s, n, s->o.only, true);
		if (!r)
			r = miss_words(s, n, checks, false);
	}
	return r ? fp_err(e, r, "out of memory") : 0;
}

static void on_stale(void *ctx, const char *host, const struct fp_err *e)
{
	const struct fp_site *s = ctx;
	char text[400];

	snprintf(text, sizeof(text), "its last address is used for %s: %.250s",
		 host, e->text);
	if (s->o.note)
		s->o.note(s->o.ctx, text);
}

int fp_site_plan(struct fp_site *s, struct fp_err *e)
{
	int r = check_names(s->o.only, "--only", e);

	fp_resolver_on_stale(s->env.resolver, on_stale, s);

	if (!r)
		r = add_thresholds(&s->thresholds, s->o.warning, s->o.critical,
				   e);
	if (!r)
		r = fp_checks_defaults(&s->thresholds, e);
	for (size_t i = 0; i < s->n_nodes && !r; i++)
		r = plan_node(s, &s->node[i], e);
	if (!r)
		r = plan_filters(s, e);
	return r ? r : plan_missing(s, e);
}
