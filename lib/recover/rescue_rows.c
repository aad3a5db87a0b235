/* SPDX-License-Identifier: Apache-2.0 */
/* Which runs died, and their rows as legs and calls. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "recover/rescue_priv.h"

/* ---- databases: nodes that share one share a session */

static struct fp_store *known(const struct fp_rescue_job *j,
			      const struct fp_switch *x)
{
	const struct fp_switches *s = j->o.switches;

	for (size_t i = 0; i < s->n; i++)
		if (j->r.stores[i] && s->v[i].db && !strcmp(s->v[i].db, x->db))
			return j->r.stores[i];
	return NULL;
}

int fp_rescue_store(struct fp_rescue_job *j, struct fp_switch *x,
		    struct fp_store **out, struct fp_err *e)
{
	const struct fp_switches *s = j->o.switches;
	const struct fp_store_opts o = { .conninfo = x->db,
					 .app = j->o.app,
					 .timeout_ms = j->o.timeout_ms };
	size_t at = (size_t)(x - s->v);
	int r = 0;

	if (!x->db)
		return fp_refuse(e, "store",
				 "%s: no fp_recovery_db says where its rows "
				 "are",
				 x->name);
	if (!j->r.stores)
		j->r.stores = calloc(s->n, sizeof(struct fp_store *));
	if (!j->r.stores)
		return fp_err(e, -ENOMEM, "out of memory");
	if (!j->r.stores[at])
		j->r.stores[at] = known(j, x);
	if (!j->r.stores[at])
		r = fp_store_open(&j->r.stores[at], &o, e);
	if (r)
		return fp_err_prefix(e, r, "the recovery database of %s",
				     x->name);
	*out = j->r.stores[at];
	return 0;
}

/* ---- runs */

bool fp_rescue_has_run(const struct fp_rescue_job *j, const char *run)
{
	for (size_t i = 0; i < j->r.n_runs; i++)
		if (!strcmp(j->r.runs[i], run))
			return true;
	return false;
}

static bool is_meant(const struct fp_rescue_job *j, const char *run)
{
	for (size_t i = 0; i < j->o.n_runs; i++)
		if (!strcmp(j->o.runs[i], run))
			return true;
	return !j->o.n_runs;
}

static int add_run(struct fp_rescue_job *j, const char *run, struct fp_err *e)
{
	char(*more)[64];

	if (fp_rescue_has_run(j, run))
		return 0;
	if (strlen(run) >= sizeof(*more))
		return fp_err(e, -EBADMSG,
			      "%.70s...: no Core-UUID, it is too long", run);
	more = reallocarray(j->r.runs, j->r.n_runs + 1, sizeof(*more));
	if (!more)
		return fp_err(e, -ENOMEM, "out of memory");
	j->r.runs = more;
	strcpy(more[j->r.n_runs++], run);
	return 0;
}

/* Another node's address is where it answers. */
static bool is_elsewhere(const struct fp_rescue_job *j, const char *run)
{
	const struct fp_switch *x = fp_switches_by_run(j->o.switches, run);

	return x && x != j->o.from;
}

int fp_rescue_refuse_live(const struct fp_rescue_job *j, const char *run,
			  struct fp_err *e)
{
	const struct fp_switch *x = fp_switches_by_run(j->o.switches, run);

	if (x && x != j->o.from)
		return fp_refuse(e, "alive",
				 "%s: run %s answers at %s: it is not dead",
				 j->o.from->name, run, x->name);
	return fp_refuse(e, "alive",
			 "%s: run %s answers: it is not dead (fp-recover "
			 "drain moves its calls)",
			 j->o.from->name, run);
}

/* What is there beside what is asked for: a wrong --run, a wrong fp_switchname. */
static void say_others(const struct fp_rescue_job *j,
		       const struct fp_store_run *v, size_t n)
{
	const struct fp_rescue_opts *o = &j->o;

	if (o->kind != FP_RECOVER_FAILOVER)
		return;
	for (size_t k = 0; k < o->n_runs; k++) {
		bool is_there = false;

		for (size_t i = 0; i < n; i++)
			is_there |= !strcmp(v[i].run, o->runs[k]) &&
				    !strcmp(v[i].hostname, o->from->switchname);
		if (!is_there)
			fp_rescue_say(j, "run %s has no rows", o->runs[k]);
	}
	for (size_t i = 0; i < n && !j->r.n_runs; i++)
		if (!fp_switches_by_switchname(o->switches, v[i].hostname))
			fp_rescue_say(j,
				      "%lld rows are of host %s, which no node "
				      "is (fp_switchname)",
				      (long long)v[i].rows, v[i].hostname);
		else if (o->n_runs && !is_meant(j, v[i].run) &&
			 strcmp(v[i].run, j->now) != 0 &&
			 !strcmp(v[i].hostname, o->from->switchname))
			fp_rescue_say(j,
				      "run %s has %lld rows, and is not asked "
				      "for",
				      v[i].run, (long long)v[i].rows);
}

static int of_store(struct fp_rescue_job *j, struct fp_err *e)
{
	struct fp_store_run *v = NULL;
	size_t n = 0;
	int r = fp_store_runs(j->r.store, &v, &n, e);

	j->n_live = 0;
	for (size_t i = 0; i < n && !r; i++) {
		if (strcmp(v[i].hostname, j->o.from->switchname))
			continue;
		if (!strcmp(v[i].run, j->now) || is_elsewhere(j, v[i].run))
			j->n_live += v[i].rows;
		else if (is_meant(j, v[i].run))
			r = add_run(j, v[i].run, e);
	}
	if (!r)
		say_others(j, v, n);
	free(v);
	return r;
}

/* Those of the file that are not what answers now. */
static int of_file(struct fp_rescue_job *j, struct fp_err *e)
{
	int r = fp_rescue_file(j, e);

	for (size_t i = 0; i < j->n_file && !r; i++) {
		const char *run = j->file_row[i].run;

		/* --run: what was left then is looked at again */
		if (strcmp(run, j->now) && !is_elsewhere(j, run) &&
		    is_meant(j, run) &&
		    (j->o.n_runs || !fp_rescue_is_run_had(j, run)))
			r = add_run(j, run, e);
	}
	for (size_t i = 0; i < j->n_runs_had && !r && !j->o.n_runs; i++)
		fp_rescue_say(j,
			      "run %s of %s was had by an earlier job (--run: "
			      "what that left is looked at again)",
			      j->run_had[i], j->o.from_db);
	return r;
}

static int no_live_one(const struct fp_rescue_job *j, struct fp_err *e)
{
	for (size_t i = 0; i < j->o.n_runs; i++)
		if ((*j->now && !strcmp(j->o.runs[i], j->now)) ||
		    is_elsewhere(j, j->o.runs[i]))
			return fp_rescue_refuse_live(j, j->o.runs[i], e);
	return 0;
}

int fp_rescue_runs(struct fp_rescue_job *j, struct fp_err *e)
{
	int r = no_live_one(j, e);

	if (r)
		return r;
	if (j->o.kind != FP_RECOVER_FAILOVER)
		return add_run(j, j->now, e);
	return j->o.from_db ? of_file(j, e) : of_store(j, e);
}

/* ---- rows */

void fp_rescue_forget(struct fp_rescue_job *j)
{
	fp_calls_fini(&j->r.calls);
	j->r.calls = (struct fp_calls){ .leg = NULL };
	if (j->r.leg)
		fp_legs_fini(j->r.leg, j->r.n_legs);
	free(j->r.leg);
	j->r.leg = NULL;
	j->r.n_legs = 0;
	free(j->r.way);
	j->r.way = NULL;
	if (j->r.rows.v && j->r.rows.v != j->file_row)
		fp_store_rows_free(&j->r.rows);
	j->r.rows = (struct fp_store_rows){ .v = NULL };
}

static int read_recovery(struct fp_rescue_job *j, struct fp_err *e)
{
	const char **runs = calloc(j->r.n_runs + 1, sizeof(*runs));
	const struct fp_store_pick p = { .hostname = j->o.from->switchname,
					 .runs = runs,
					 .n_runs = j->r.n_runs };
	int r;

	if (!runs)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < j->r.n_runs; i++)
		runs[i] = j->r.runs[i];
	r = j->r.n_runs ? fp_store_rows(j->r.store, &p, &j->r.rows, e) : 0;
	free(runs);
	return r;
}

/* was: legs that may be the same; NULL: none. */
static int make_legs(struct fp_rescue_job *j, struct fp_leg *was, size_t n_was,
		     struct fp_err *e)
{
	const struct fp_store_rows *rows = &j->r.rows;

	j->r.leg = calloc(rows->n + 1, sizeof(*j->r.leg));
	if (!j->r.leg)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < rows->n; i++) {
		const struct fp_store_row *v = &rows->v[i];

		if (!fp_rescue_has_run(j, v->run))
			continue; /* of a file: another run's */
		j->r.leg[j->r.n_legs++] = (struct fp_leg){
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
	return fp_legs_read_again(j->r.leg, j->r.n_legs, was, n_was, e);
}

int fp_rescue_group(struct fp_rescue_job *j, struct fp_err *e)
{
	struct fp_calls_opts o = j->o.calls;
	struct fp_calls calls;
	int r;

	o.now_us = fp_clock_unix_ms() * 1000;
	for (size_t i = 0; i < j->n_nodes; i++)
		if (!j->nodes[i]->code && j->nodes[i]->view.skew_ms < 0)
			o.now_us += j->nodes[i]->view.skew_ms * 1000;
	o.dead_us = j->dead_s * 1000000;
	if (j->is_staged) { /* all of it was chosen */
		o.only_uuid = o.only_room = NULL;
		o.too_old_us = 0;
	}
	r = fp_calls_make(&calls, j->r.leg, j->r.n_legs, &o, e);
	if (r)
		return r;
	fp_calls_fini(&j->r.calls);
	j->r.calls = calls;
	fp_rescue_leave_had(j);
	free(j->r.way);
	j->r.way = calloc(calls.n_calls + 1, sizeof(*j->r.way));
	if (!j->r.way)
		return fp_err(e, -ENOMEM, "out of memory");
	return fp_rescue_hops(j, e);
}

struct run {
	char name[64];
	int64_t last_us;
};

static int latest_first(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	return (x->last_us < y->last_us) - (x->last_us > y->last_us);
}

/* The last is the one that may answer again, and that is fenced.  A run took its last
 * call later than the runs before it. */
static int sort_runs(struct fp_rescue_job *j, struct fp_err *e)
{
	struct run *v = calloc(j->r.n_runs + 1, sizeof(*v));

	if (!v)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < j->r.n_runs; i++) {
		snprintf(v[i].name, sizeof(v[i].name), "%s", j->r.runs[i]);
		for (size_t k = 0; k < j->r.n_legs; k++) {
			const struct fp_leg *l = &j->r.leg[k];

			if (!strcmp(l->run, v[i].name) &&
			    l->row.created_us > v[i].last_us)
				v[i].last_us = l->row.created_us;
		}
	}
	qsort(v, j->r.n_runs, sizeof(*v), latest_first);
	for (size_t i = 0; i < j->r.n_runs; i++)
		memcpy(j->r.runs[i], v[i].name, sizeof(v[i].name));
	free(v);
	return 0;
}

/* A run had ended when a later one of its node began a call.  Since when the latest is
 * dead the one that answers says, if any does. */
static void date_runs(struct fp_rescue_job *j)
{
	for (size_t i = 0; i < j->r.n_runs; i++) {
		const char *run = j->r.runs[i];
		int64_t last_us = 0, dead_us = 0;

		for (size_t k = 0; k < j->r.n_legs; k++)
			if (!strcmp(j->r.leg[k].run, run) &&
			    j->r.leg[k].row.created_us > last_us)
				last_us = j->r.leg[k].row.created_us;
		for (size_t k = 0; k < j->r.n_legs; k++) {
			int64_t at_us = j->r.leg[k].row.created_us;

			if (last_us && strcmp(j->r.leg[k].run, run) != 0 &&
			    at_us > last_us && (!dead_us || at_us < dead_us))
				dead_us = at_us;
		}
		for (size_t k = 0; k < j->r.n_legs; k++)
			if (!strcmp(j->r.leg[k].run, run))
				j->r.leg[k].dead_us = dead_us;
	}
}

int fp_rescue_rows(struct fp_rescue_job *j, struct fp_err *e)
{
	int r = 0;

	fp_rescue_forget(j);
	j->is_staged = false;
	if (j->o.from_db)
		j->r.rows = (struct fp_store_rows){ .v = j->file_row,
						    .n = j->n_file };
	else
		r = read_recovery(j, e);
	if (!r && j->o.from_db)
		r = fp_rescue_up(j, e);
	if (!r)
		r = make_legs(j, NULL, 0, e);
	if (!r)
		r = sort_runs(j, e);
	if (!r)
		date_runs(j);
	return r ? r : fp_rescue_group(j, e);
}

int fp_rescue_staged(struct fp_rescue_job *j, struct fp_err *e)
{
	struct fp_leg *was = j->r.leg;
	size_t n_was = j->r.n_legs;
	struct fp_store_rows rows = j->r.rows;
	int r;

	/* most are those that were looked at: to parse them is what takes long */
	j->r.leg = NULL;
	j->r.n_legs = 0;
	j->r.rows = (struct fp_store_rows){ .v = NULL };
	fp_rescue_forget(j);
	j->is_staged = true;
	r = fp_store_staged(j->r.store, &j->r.rows, e);
	if (!r)
		r = make_legs(j, was, n_was, e);
	if (was)
		fp_legs_fini(was, n_was);
	free(was);
	if (rows.v && rows.v != j->file_row)
		fp_store_rows_free(&rows);
	return r ? r : fp_rescue_group(j, e);
}

int fp_rescue_has_staged(struct fp_rescue_job *j, bool *out, struct fp_err *e)
{
	struct fp_store_rows rows;
	int r = fp_store_staged(j->r.store, &rows, e);

	if (r)
		return r;
	*out = false;
	for (size_t i = 0; i < rows.n; i++)
		*out |= strcmp(rows.v[i].state, "returned") != 0;
	fp_store_rows_free(&rows);
	return 0;
}

int fp_rescue_reread(struct fp_rescue *r, struct fp_err *e)
{
	struct fp_rescue_job *j = (struct fp_rescue_job *)r;
	int x = fp_rescue_rows(j, e);

	if (!x && !j->r.n_legs)
		x = fp_err(e, -ENODATA, "%s: its run has no rows",
			   j->o.from->name);
	return x;
}

bool fp_rescue_is_had(const struct fp_call *c)
{
	return c->fate == FP_FATE_MOVE || c->fate == FP_FATE_BYE ||
	       c->fate == FP_FATE_REDIAL;
}
