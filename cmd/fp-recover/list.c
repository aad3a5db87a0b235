/* SPDX-License-Identifier: Apache-2.0 */
/* fp-recover list: calls that have recovery rows, of runs that live and of runs that do
 * not.  Nothing is locked or changed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "list.h"

/* ---- one call */

static const char *state_of(const struct fp_switch *x, const char *run)
{
	/* a cloned machine answers under another's name */
	if (x && fp_switches_by_run(x->all, run))
		return "live";
	if (!x || x->code)
		return "unknown";
	return strcmp(x->view.run, run) ? "dead" : "live";
}

int fv_list_legs(struct fv_listing *l, const struct fp_switch *x,
		 struct fp_leg *leg, size_t n, struct fp_err *e)
{
	struct fp_calls_opts o = l->v->calls;
	struct fp_calls calls;
	int r = fp_legs_read(leg, n, e);

	if (r)
		return r;
	o.now_us = fp_clock_unix_s() * 1000000;
	/* as failover reckons: before the run that answers began */
	if (n && !strcmp(state_of(x, leg->run), "dead"))
		o.dead_us = o.now_us - x->view.up_s * 1000000;
	r = fp_calls_make(&calls, leg, n, &o, e);
	if (!r) {
		for (size_t i = 0; i < calls.n_calls; i++) {
			const struct fp_call *c = &calls.call[i];

			l->v->state = state_of(x, calls.leg[c->first].run);
			fv_call(l->v, &calls, i, NULL, NULL);
			l->n_calls++;
			l->n_legs += c->n;
		}
		fp_calls_fini(&calls);
	}
	fp_legs_fini(leg, n);
	return r;
}

/* ---- one node */

static int list_rows(struct fv_listing *l, const struct fp_switch *x,
		     const struct fp_store_rows *rows, struct fp_err *e)
{
	struct fp_leg *leg = calloc(rows->n + 1, sizeof(*leg));
	int r;

	if (!leg)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < rows->n; i++) {
		const struct fp_store_row *v = &rows->v[i];

		leg[i] = (struct fp_leg){
			.technology = v->technology,
			.profile_name = v->profile,
			.hostname = v->hostname,
			.run = v->run,
			.uuid = v->uuid,
			.xml = v->xml,
			.xml_len = v->xml_len,
			.too_long = v->too_long,
		};
	}
	r = fv_list_legs(l, x, leg, rows->n, e);
	free(leg);
	return r;
}

/* Runs of x that are live, or all others: no bond goes from one to the other. */
static int list_runs(struct fv_listing *l, const struct fp_switch *x,
		     struct fp_store *s, const struct fp_store_run *run,
		     size_t n, bool is_live, struct fp_err *e)
{
	const char **runs = calloc(n + 1, sizeof(*runs));
	struct fp_store_pick p = { .hostname = x->switchname, .runs = runs };
	struct fp_store_rows rows;
	int r = 0;

	if (!runs)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		if (!strcmp(run[i].hostname, x->switchname) &&
		    fv_list_wants(l, run[i].run) &&
		    is_live == !strcmp(state_of(x, run[i].run), "live"))
			runs[p.n_runs++] = run[i].run;
	if (p.n_runs) {
		r = fp_store_rows(s, &p, &rows, e);
		if (!r) {
			r = list_rows(l, x, &rows, e);
			fp_store_rows_free(&rows);
		}
	}
	free(runs);
	return r;
}

/* ---- one database, and all nodes that are in it */

static bool is_listed(const struct fv_listing *l, const char *switchname)
{
	for (size_t i = 0; i < l->v->switches.n; i++)
		if (!strcmp(l->v->switches.v[i].switchname, switchname))
			return true;
	return false;
}

static void say_strangers(const struct fv_listing *l,
			  const struct fp_store_run *run, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_listed(l, run[i].hostname))
			fp_log(FP_LOG_NOTICE,
			       "%lld rows are of %s, which no node of %s is "
			       "(fp_switchname)",
			       (long long)run[i].rows, run[i].hostname,
			       l->v->c->cluster);
}

/* A word of --run that no row has. */
static void say_unknown_runs(const struct fv_listing *l,
			     const struct fp_store_run *run, size_t n)
{
	for (size_t k = 0; k < l->runs.n; k++) {
		size_t i = 0;

		while (i < n && strcmp(run[i].run, l->runs.v[k]) != 0)
			i++;
		if (i == n)
			fp_log(FP_LOG_NOTICE, "run %s has no rows",
			       l->runs.v[k]);
	}
}

static int list_store(struct fv_listing *l, const char *db, struct fp_err *e)
{
	const struct fp_store_opts o = { .conninfo = db,
					 .app = l->v->app,
					 .timeout_ms = l->v->c->timeout_ms };
	struct fp_store_run *run = NULL;
	struct fp_store *s = NULL;
	size_t n = 0;
	int r = fp_store_open(&s, &o, e);

	if (!r)
		r = fp_store_runs(s, &run, &n, e);
	for (size_t i = 0; i < l->n_nodes && !r; i++) {
		const struct fp_switch *x = l->node[i];

		if (!x->db || strcmp(x->db, db) != 0)
			continue;
		r = list_runs(l, x, s, run, n, false, e);
		if (!r)
			r = list_runs(l, x, s, run, n, true, e);
	}
	if (!r && !l->v->c->argc && !l->v->c->n_nodes)
		say_strangers(l, run, n);
	if (!r)
		say_unknown_runs(l, run, n);
	free(run);
	fp_store_close(s);
	return r;
}

/* Is the database of node i that of one before? */
static bool was_listed(const struct fv_listing *l, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (l->node[j]->db && !strcmp(l->node[j]->db, l->node[i]->db))
			return true;
	return false;
}

/* What cannot be read does not keep the rest from being listed.  0: all was; the last
 * error. */
static int list_stores(struct fv_listing *l, struct fp_err *e)
{
	int r = 0;

	for (size_t i = 0; i < l->n_nodes; i++) {
		const struct fp_switch *x = l->node[i];
		int one;

		/* NOLINTNEXTLINE(*NullDereference): all are set */
		if (!x->db) {
			fp_log(FP_LOG_WARN,
			       "%s: no fp_recovery_db says where its rows are",
			       x->name);
			l->n_unread++;
			continue;
		}
		if (was_listed(l, i))
			continue;
		one = list_store(l, x->db, e);
		if (!one)
			continue;
		fp_log(FP_LOG_ERR, "the recovery database of %s: %s", x->name,
		       e->text);
		l->n_unread++;
		r = one;
	}
	return r;
}

/* ---- all */

static int choose(struct fv_listing *l, struct fp_err *e)
{
	struct fv_env *v = l->v;
	int r = 0;

	l->node = calloc(v->switches.n + (size_t)v->c->argc + 1,
			 sizeof(struct fp_switch *));
	if (!l->node)
		return fp_err(e, -ENOMEM, "out of memory");
	for (int i = 0; i < v->c->argc && !r; i++) {
		struct fp_switch *x;
		bool is_twice = false;

		r = fv_node(v, v->c->argv[i], &x, e);
		for (size_t j = 0; j < l->n_nodes && !r; j++)
			is_twice |= l->node[j] == x;
		if (!r && !is_twice)
			l->node[l->n_nodes++] = x;
	}
	for (size_t i = 0; i < v->switches.n && !v->c->argc; i++)
		for (size_t j = 0; j < v->nodes.n_hosts; j++)
			if (v->nodes.hosts[j] == v->switches.v[i].host)
				l->node[l->n_nodes++] = &v->switches.v[i];
	if (!r && !l->n_nodes)
		r = fp_err(e, -EINVAL, "-N names no FreeSWITCH node");
	return r;
}

static int list(struct fv_listing *l, struct fp_err *e)
{
	const char *file = fp_cli_get(l->v->c, "from-db");
	int r = fv_prints(l->v, FV_CALL, e);

	if (!r)
		r = fp_words_of(&l->runs, l->v->c, "run", e);
	if (!r)
		r = choose(l, e);
	if (!r)
		r = fp_switches_read(&l->v->switches, FP_SWITCH_STATE, e);
	if (r)
		return r;
	return file ? fv_list_file(l, file, e) : list_stores(l, e);
}

int fv_list(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct fv_env v;
	struct fv_listing l = { .v = &v };
	int r = fv_open(&v, c, &e);

	if (r)
		return fv_fail(&v, r, &e);
	r = list(&l, &e);
	if (!r || l.n_unread)
		fp_out_counts(c->out, false, NULL, "calls", l.n_calls, "legs",
			      l.n_legs, "unread", l.n_unread, NULL);
	if (l.n_unread && l.n_calls)
		r = FP_EXIT_PARTIAL; /* it was said of which */
	else if (r)
		r = fv_fail(&v, r, &e);
	else
		r = l.n_unread ? FP_EXIT_FAIL : FP_EXIT_OK;
	free(l.node);
	fp_words_fini(&l.runs);
	fv_close(&v);
	return r;
}
