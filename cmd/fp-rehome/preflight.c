/* SPDX-License-Identifier: Apache-2.0 */
/* fp-rehome preflight: what would refuse or lose a move, by name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "preflight.h"

struct preflight {
	struct fr_env *v;
	struct fr_outlook look;
	struct fp_os_cfg cfg;
	struct fp_fleet_opts fleet;
	uint64_t n, n_warn, n_refuse;
};

static void condition(void *ctx, const struct fp_condition *c)
{
	struct preflight *p = ctx;

	p->n++;
	p->n_warn += c->state == FP_COND_WARN;
	p->n_refuse += c->state == FP_COND_REFUSE;
	fr_condition(p->v, c);
}

static bool is_lifted(void *ctx, const char *rule)
{
	struct preflight *p = ctx;

	return fr_is_lifted(p->v, rule);
}

/* ---- a node */

/* --to, or all that are in step. */
static int targets(struct preflight *p, struct fp_edge *from,
		   struct fp_edge ***to, size_t *n, struct fp_err *e)
{
	const struct fp_preflight ask = { .edges = &p->v->edges,
					  .from = from,
					  .marks = p->v->marks,
					  .n_marks = p->v->n_marks };
	bool is_auto;
	int r = fr_targets(p->v, to, n, &is_auto, e);

	if (r)
		return r;
	for (size_t i = 0; i < *n; i++)
		if ((*to)[i] == from)
			r = fp_err(e, -EINVAL, "--to %s: it is the node itself",
				   from->name);
	if (!r && *n)
		return 0;
	free(*to);
	return r ? r : fp_preflight_auto(&ask, to, n, e);
}

static int judge(struct preflight *p, struct fp_err *e)
{
	struct fp_preflight ask;

	fr_outlook_preflight(&p->look, &ask);
	ask.cfg = fp_cli_get(p->v->c, "config") ? &p->cfg : NULL;
	ask.link_wait_ms = FR_LINK_WAIT_MS;
	if (fr_fleet(p->v, &p->fleet, &ask.lists_dir))
		ask.fleet = &p->fleet;
	ask.is_lifted = is_lifted;
	ask.each = condition;
	ask.ctx = p;
	return fp_preflight(&ask, NULL, e);
}

static int node(struct preflight *p, const char *name, struct fp_err *e)
{
	struct fp_edge *from, **to;
	size_t n;
	int r = fr_node(p->v, name, &from, e);

	if (!r)
		r = fp_edges_read(&p->v->edges, e);
	if (!r)
		r = targets(p, from, &to, &n, e);
	if (r)
		return r;
	fp_log(FP_LOG_NOTICE, "%s %s", from->name,
	       from->view ? "answers: as drain would judge"
			  : "is silent: as failover would judge");
	r = from->view ? fr_named_tags(p->v, from, e) : 0;
	if (!r)
		r = fr_outlook(&p->look, p->v, from, to, n, e);
	free(to);
	if (r)
		return r;
	if (!p->look.n_moves)
		fp_log(FP_LOG_NOTICE,
		       "%s owns no tag: there is nothing to move", from->name);
	for (size_t i = 0; i < p->look.n_moves; i++)
		fr_tag(p->v, &p->look.move[i], "planned", NULL);
	r = judge(p, e);
	fr_outlook_fini(&p->look);
	return r;
}

static int preflight_node(struct fr_env *v, struct fp_err *e)
{
	struct preflight p = { .v = v };
	const char *config = fp_cli_get(v->c, "config");
	int r = fr_prints(v, FR_CONDITION, e);

	if (!r && config)
		r = fr_config(config, &p.cfg, e);
	if (!r)
		r = node(&p, v->c->argv[0], e);
	if (!r || r == -EPERM)
		fp_out_counts(v->c->out, false, NULL, "conditions", p.n,
			      "warnings", p.n_warn, "refusals", p.n_refuse,
			      NULL);
	return r;
}

int fr_preflight(struct fp_cli *c)
{
	bool is_all = fp_cli_get(c, "all");
	struct fp_err e = { .text = "" };
	struct fr_env v;
	int r, status;

	if (is_all && (c->argc || fp_cli_get(c, "to")))
		return fp_cli_usage(c, "--all is of all nodes, and tells where "
				       "their calls would go");
	if (is_all && fp_cli_get(c, "config"))
		return fp_cli_usage(c, "--config is of one node's preflight, "
				       "not of --all");
	if (!is_all && c->argc != 1)
		return fp_cli_usage(c, "preflight wants a node, or --all");
	r = fr_open(&v, c, &e);
	if (r)
		return fr_fail(&v, r, &e);
	r = fr_marks(&v, &e);
	if (!r && is_all)
		status = fr_preflight_all(&v);
	else
		status = !r && !(r = preflight_node(&v, &e))
				 ? FP_EXIT_OK
				 : fr_fail(&v, r, &e);
	fr_close(&v);
	return status;
}
