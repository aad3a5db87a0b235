/* SPDX-License-Identifier: Apache-2.0 */
/* check, for monitoring systems. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "io/clock.h"

#define PROBLEMS_SHOWN 5 /* in the first line */

/* ---- nagios.  Source: Monitoring Plugins Development Guidelines, "Plugin
 * Output": a line, '|', perfdata; more lines follow. */

struct nagios {
	struct fp_buf line, more, perf;
	size_t n_problems;
};

/* '|' begins perfdata. */
static void add_text(struct fp_buf *to, const char *s)
{
	for (; *s; s++)
		fp_buf_add(to, *s == '|' ? "/" : s, 1);
}

static void add_name(struct fp_buf *to, const struct fp_site_check *c)
{
	fp_buf_printf(to, "%s%s%s", c->node->name, c->node->host ? "/" : "",
		      c->name);
}

static void add_perf(struct nagios *g, const struct fp_site_check *c)
{
	struct fp_buf prefix = { .data = NULL };
	const char *s;

	add_name(&prefix, c);
	fp_buf_str_add(&prefix, ".");
	s = fp_buf_str(&prefix);
	if (s && c->last.latency_us >= 0)
		fp_buf_printf(&g->perf, "%s'%stime'=%.6fs",
			      g->perf.len ? " " : "", s,
			      (double)c->last.latency_us / 1e6);
	if (s)
		fh_perfdata(&g->perf, s, &c->last);
	fp_buf_fini(&prefix);
}

static int add_check(void *ctx, const struct fp_site_check *c)
{
	struct nagios *g = ctx;
	bool is_problem = c->state != FP_OK && c->state != FP_MAINT;

	add_perf(g, c);
	fp_buf_printf(&g->more, "[%s] ", fp_health_name(c->state));
	add_name(&g->more, c);
	fp_buf_str_add(&g->more, ": ");
	add_text(&g->more, fp_site_check_detail(c));
	fp_buf_str_add(&g->more, "\n");
	if (!is_problem || g->n_problems++ >= PROBLEMS_SHOWN)
		return 0;
	fp_buf_str_add(&g->line, g->n_problems > 1 ? ", " : "");
	add_name(&g->line, c);
	fp_buf_str_add(&g->line, ": ");
	add_text(&g->line, fp_site_check_detail(c));
	return 0;
}

/* That all is well says nothing of nodes that nothing is asked of. */
static void add_unasked(struct nagios *g, struct fp_site *s)
{
	struct fp_site_node *v;
	size_t n = fp_site_nodes(s, &v), n_unasked = 0;

	for (size_t i = 0; i < n; i++) {
		bool is_asked = !v[i].host; /* the cluster is no node */

		for (size_t k = 0; k < v[i].n_checks && !is_asked; k++)
			is_asked = v[i].check[k]->is_shown &&
				   !v[i].check[k]->is_hidden;
		if (is_asked)
			continue;
		if (n_unasked++ < PROBLEMS_SHOWN)
			fp_buf_printf(&g->line, "%s%s",
				      n_unasked > 1 ? ", " : ", no check of ",
				      v[i].name);
		fp_buf_printf(&g->more, "[-] %s: no check\n", v[i].name);
	}
	if (n_unasked > PROBLEMS_SHOWN)
		fp_buf_printf(&g->line, " and %zu more",
			      n_unasked - PROBLEMS_SHOWN);
}

int fh_nagios(struct fh_ask *a, const struct fh_tally *t, struct fp_err *e)
{
	struct nagios g = { .n_problems = 0 };
	const char *line, *perf, *more;

	fh_each_check(a->site, add_check, &g);
	if (g.n_problems > PROBLEMS_SHOWN)
		fp_buf_printf(&g.line, ", and %zu more",
			      g.n_problems - PROBLEMS_SHOWN);
	if (!g.n_problems)
		fp_buf_printf(&g.line, "%zu checks of %zu nodes", t->n,
			      a->n_hosts);
	add_unasked(&g, a->site);
	line = fp_buf_str(&g.line);
	perf = fp_buf_str(&g.perf);
	more = fp_buf_str(&g.more);
	if (line && perf && more)
		printf("%s - %s%s%s\n%s", fp_health_name(t->worst), line,
		       g.perf.len ? " | " : "", perf, more);
	else
		fp_err(e, -ENOMEM, "out of memory");
	fp_buf_fini(&g.line);
	fp_buf_fini(&g.perf);
	fp_buf_fini(&g.more);
	return line && perf && more ? 0 : -ENOMEM;
}

void fh_nagios_fail(const struct fp_err *e)
{
	printf("UNKNOWN - %s\n", e->text);
}

/* ---- prometheus: states are numbers; texts that change are no labels */

struct sample {
	const char *node, *check;
	uint64_t state;
	int64_t since_s;
	double latency_s;
	bool takes_calls;
};
static const struct fp_field check_fields[] = {
	{ "node", offsetof(struct sample, node), FP_F_STR, NULL, "node" },
	{ "check", offsetof(struct sample, check), FP_F_STR, NULL, "check" },
	{ "state", offsetof(struct sample, state), FP_F_U64, NULL,
	  "0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN, 4 MAINT" },
	{ "since", offsetof(struct sample, since_s), FP_F_TIME, NULL,
	  "since when, unix time" },
	{ "latency_seconds", offsetof(struct sample, latency_s), FP_F_DOUBLE,
	  "s", "until it answered" },
	{ "takes_calls", offsetof(struct sample, takes_calls), FP_F_BOOL, NULL,
	  "a new call would be taken" },
};
static const struct fp_type check_type = { "check", check_fields,
					   FH_COUNT(check_fields) };

struct figure {
	const char *node, *check, *figure, *unit;
	double value, max;
};
static const struct fp_field figure_fields[] = {
	{ "node", offsetof(struct figure, node), FP_F_STR, NULL, "node" },
	{ "check", offsetof(struct figure, check), FP_F_STR, NULL, "check" },
	{ "figure", offsetof(struct figure, figure), FP_F_STR, NULL,
	  "what was measured" },
	{ "unit", offsetof(struct figure, unit), FP_F_STR, NULL, "its unit" },
	{ "value", offsetof(struct figure, value), FP_F_DOUBLE, NULL,
	  "what a check measured" },
	{ "max", offsetof(struct figure, max), FP_F_DOUBLE, NULL,
	  "the most that it can be" },
};
static const struct fp_type figure_type = { "figure", figure_fields,
					    FH_COUNT(figure_fields) };

struct exporting {
	struct fp_out *out;
	struct fp_err *e;
};

static int export_one(void *ctx, const struct fp_site_check *c)
{
	struct exporting *x = ctx;
	const struct sample s = {
		.node = c->node->name,
		.check = c->name,
		.state = (uint64_t)c->state,
		.since_s = c->since_ms / 1000,
		.latency_s = c->last.latency_us < 0
				     ? NAN
				     : (double)c->last.latency_us / 1e6,
		.takes_calls = fp_check_takes_calls(c),
	};
	int r = fp_out_record(x->out, &check_type, &s, x->e);

	for (size_t i = 0; i < c->last.n_figures && !r; i++) {
		const struct fp_figure *f = &c->last.figure[i];
		const struct figure rec = { c->node->name, c->name,  f->name,
					    f->unit,       f->value, f->max };

		r = fp_out_record(x->out, &figure_type, &rec, x->e);
	}
	return r;
}

struct whole {
	uint64_t state, nodes, checks;
	int64_t at_s;
};
static const struct fp_field whole_fields[] = {
	{ "state", offsetof(struct whole, state), FP_F_U64, NULL,
	  "the worst of all checks: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN" },
	{ "nodes", offsetof(struct whole, nodes), FP_F_U64, NULL, "nodes" },
	{ "checks", offsetof(struct whole, checks), FP_F_U64, NULL,
	  "checks that were made" },
	{ "at", offsetof(struct whole, at_s), FP_F_TIME, NULL,
	  "when this was seen, unix time" },
};
static const struct fp_type whole_type = { "health", whole_fields,
					   FH_COUNT(whole_fields) };

int fh_prometheus(struct fh_ask *a, const struct fh_tally *t, struct fp_err *e)
{
	struct exporting x = { .out = a->c->out, .e = e };
	const struct whole w = {
		.state = t->worst == FP_MAINT ? FP_OK : (uint64_t)t->worst,
		.nodes = a->n_hosts,
		.checks = t->n,
		.at_s = fp_clock_unix_s(),
	};
	int r = fh_each_check(a->site, export_one, &x);

	return r ? r : fp_out_record(x.out, &whole_type, &w, e);
}
