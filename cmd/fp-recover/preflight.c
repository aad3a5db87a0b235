/* SPDX-License-Identifier: Apache-2.0 */
/* fp-recover preflight: what would refuse or lose a call, by name. */
#include "preflight.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct preflight {
	struct fv_env *v;
	struct fv_units units;
	struct fp_switch *from, **to;
	size_t n_to;
	bool is_auto;
	struct fp_store *store; /* of from; NULL: none */
	struct fp_words runs;   /* of --run */
	uint64_t n, n_warn, n_refuse, n_calls, n_lost;
};

/* ---- callbacks */

static void condition(void *ctx, const struct fp_condition *c)
{
	struct preflight *p = ctx;

	p->n++;
	p->n_warn += c->state == FP_COND_WARN;
	p->n_refuse += c->state == FP_COND_REFUSE;
	fv_condition(p->v, c);
}

static void call(void *ctx, const struct fp_calls *all, size_t i,
		 const struct fp_recovering_call *way,
		 const struct fp_switch *to)
{
	struct preflight *p = ctx;

	p->n_calls++;
	p->n_lost += fp_call_is_left(&all->call[i]);
	fv_call(p->v, all, i, way, to);
}

static bool is_lifted(void *ctx, const char *rule)
{
	return fv_is_lifted(((struct preflight *)ctx)->v, rule);
}

static int marks_now(void *ctx, const struct fp_mark **out, size_t *n,
		     struct fp_err *e)
{
	return fv_marks_now(((struct preflight *)ctx)->v, out, n, e);
}

static int edges(void *ctx, bool is_listed, const struct fp_hop_edge **out,
		 size_t *n, struct fp_err *e)
{
	return fv_edges(((struct preflight *)ctx)->v, is_listed, out, n, e);
}

static void say(void *ctx, const char *text)
{
	fv_say(((struct preflight *)ctx)->v, text);
}

/* ---- what the command line said */

/* Of which kind would it be?  A node that answers and has no rows of dead runs would be
 * drained. */
static int kind_of(struct preflight *p, enum fp_recover_kind *out,
		   struct fp_err *e)
{
	const struct fp_switch *x = p->from;
	struct fp_store_run *v = NULL;
	size_t n = 0;
	int r = 0;

	*out = FP_RECOVER_FAILOVER;
	if (x->code || fp_cli_get(p->v->c, "from-db"))
		return 0;
	if (p->runs.n) {
		if (p->runs.n == 1 && !strcmp(p->runs.v[0], x->view.run))
			*out = FP_RECOVER_DRAIN;
		return 0;
	}
	*out = FP_RECOVER_DRAIN;
	if (p->store)
		r = fp_store_runs(p->store, &v, &n, e);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i].hostname, x->switchname) &&
		    !fp_switches_by_run(x->all, v[i].run))
			*out = FP_RECOVER_FAILOVER;
	free(v);
	return r;
}

static int open_store(struct preflight *p, struct fp_err *e)
{
	const struct fp_store_opts o = { .conninfo = p->from->db,
					 .app = p->v->app,
					 .timeout_ms = p->v->c->timeout_ms };

	if (!p->from->db)
		return 0;
	return fp_store_open(&p->store, &o, e);
}

/* ---- the checks */

static void check_of(struct preflight *p, enum fp_recover_kind kind,
		     struct fp_recover_check *out)
{
	*out = (struct fp_recover_check){
		.kind = kind,
		.switches = &p->v->switches,
		.from = p->from,
		.to = p->to,
		.n_to = p->n_to,
		.store = p->store,
		.runs = p->runs.v,
		.n_runs = p->runs.n,
		.marks = p->v->marks,
		.n_marks = p->v->n_marks,
		.fleet = p->v->has_fleet ? &p->v->fleet : NULL,
		.lists_dir = p->v->lists_dir,
		.is_lifted = is_lifted,
		.each = condition,
		.ctx = p,
	};
}

/* None can: each says why. */
static int all_but_from(struct preflight *p, struct fp_err *e)
{
	struct fp_switches *s = &p->v->switches;

	p->to = calloc(s->n + 1, sizeof(struct fp_switch *));
	if (!p->to)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < s->n; i++)
		if (&s->v[i] != p->from)
			p->to[p->n_to++] = &s->v[i];
	return 0;
}

/* --to, or all that can take calls. */
static int choose(struct preflight *p, enum fp_recover_kind kind,
		  struct fp_err *e)
{
	struct fp_recover_check ask;
	int r;

	if (p->n_to)
		return 0;
	free(p->to);
	p->to = NULL;
	check_of(p, kind, &ask);
	r = fp_recover_auto(&ask, &p->to, &p->n_to, e);
	return r == -EPERM ? all_but_from(p, e) : r;
}

static int look(struct preflight *p, enum fp_recover_kind kind,
		struct fp_err *e)
{
	struct fp_rescue_sum sum;
	struct fp_rescue_opts o;

	fv_rescue(p->v, kind, &o);
	o.from = p->from;
	o.to = p->to;
	o.n_to = p->n_to;
	o.runs = p->runs.v;
	o.n_runs = p->runs.n;
	o.is_dry_run = true;
	o.condition = condition;
	o.call = call;
	o.say = say;
	o.is_lifted = is_lifted;
	o.marks_now = marks_now;
	o.edges = edges;
	o.ctx = p;
	return fp_rescue_look(&o, &sum, e);
}

/* Nothing is there to be moved: what can be said of the nodes is said all the same. */
static int look_at_nodes(struct preflight *p, enum fp_recover_kind kind,
			 const struct fp_err *why, struct fp_err *e)
{
	struct fp_journal_opts journal;
	struct fp_recover_check ask;

	fp_log(FP_LOG_NOTICE, "%s", why->text);
	check_of(p, kind, &ask);
	fv_journal(p->v, &journal);
	ask.is_dry_run = true;
	ask.journal = &journal;
	return fp_recover_check(&ask, NULL, e);
}

static int doctor(struct preflight *p, enum fp_recover_kind kind,
		  struct fp_err *e)
{
	struct fp_recover_check ask;
	int r;

	check_of(p, kind, &ask);
	r = fp_recover_doctor(&ask, p->units.v, p->units.n, e);
	return r ? r : fp_recover_proxies(&ask, e);
}

static int node(struct preflight *p, struct fp_err *e)
{
	struct fp_err why = { .text = "" };
	enum fp_recover_kind kind;
	int r = fp_switches_read(&p->v->switches, FV_PARTS, e), refused;

	if (!r)
		r = open_store(p, e);
	if (!r)
		r = kind_of(p, &kind, e);
	if (!r)
		r = choose(p, kind, e);
	if (r)
		return r;
	fp_log(FP_LOG_NOTICE, "%s %s: as %s would judge", p->from->name,
	       p->from->code ? "is silent" : "answers",
	       kind == FP_RECOVER_DRAIN ? "drain" : "failover");
	refused = look(p, kind, &why);
	if (refused == -EALREADY)
		refused = look_at_nodes(p, kind, &why, e);
	else if (refused)
		*e = why;
	if (refused && refused != -EPERM)
		return refused;
	why = *e;
	r = doctor(p, kind, e);
	if (r || !refused)
		return r;
	*e = why;
	return refused;
}

/* ---- the verb */

/* Conditions, or (-o names their fields) calls. */
static int prints(struct fv_env *v, struct fp_err *e)
{
	struct fp_err other;
	int r = fv_prints(v, FV_CONDITION, e);

	return r && !fv_prints(v, FV_CALL, &other) ? 0 : r;
}

static int preflight_node(struct preflight *p)
{
	struct fv_env *v = p->v;
	struct fp_err e = { .text = "" };
	int r = prints(v, &e);

	if (!r)
		r = fv_node(v, v->c->argv[0], &p->from, &e);
	if (!r)
		r = fv_targets(v, &p->to, &p->n_to, &p->is_auto, &e);
	if (!r)
		r = fp_words_of(&p->runs, v->c, "run", &e);
	if (!r)
		r = node(p, &e);
	if (!r || r == -EPERM)
		fp_out_counts(v->c->out, false, NULL, "conditions", p->n,
			      "warnings", p->n_warn, "refusals", p->n_refuse,
			      "calls", p->n_calls, "lost", p->n_lost, NULL);
	if (r)
		return fv_fail(v, r, &e);
	return p->n_lost ? FP_EXIT_NO : FP_EXIT_OK;
}

static void fini(struct preflight *p)
{
	fp_store_close(p->store);
	fv_units_fini(&p->units);
	free(p->to);
	fp_words_fini(&p->runs);
}

int fv_preflight(struct fp_cli *c)
{
	bool is_all = fp_cli_get(c, "all");
	struct fp_err e = { .text = "" };
	struct fv_env v;
	struct preflight p = { .v = &v };
	int r, status;

	if (is_all && (c->argc || fp_cli_get(c, "to") || fp_cli_get(c, "run") ||
		       fp_cli_get(c, "from-db")))
		return fp_cli_usage(c, "--all is of all nodes as they run, and "
				       "tells where their calls would go");
	if (!is_all && c->argc != 1)
		return fp_cli_usage(c, "preflight wants a node, or --all");
	r = fv_open(&v, c, &e);
	if (r)
		return fv_fail(&v, r, &e);
	r = fv_units_read(&p.units, c, &e);
	if (!r)
		r = fv_marks(&v, &e);
	if (r)
		status = fv_fail(&v, r, &e);
	else
		status = is_all ? fv_preflight_all(&v, &p.units)
				: preflight_node(&p);
	fini(&p);
	fv_close(&v);
	return status;
}
