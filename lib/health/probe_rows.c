/* SPDX-License-Identifier: Apache-2.0 */
/* The database of recovery rows: how many each run of each FreeSWITCH has.
 * Source: FreeSWITCH 1.10.12, switch_core_sqldb.c, table recovery. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "health/probe_sql.h"

#define RUNS_MAX 10000

static void fill(struct fp_view_store *s, const struct fp_pg_rows *rows)
{
	for (size_t i = 0; i < s->n_runs; i++) {
		struct fp_view_rows *run = &s->run[i];
		const char *name = fp_pg_value(rows, i, 0);
		const char *id = fp_pg_value(rows, i, 1);

		snprintf(run->switchname, sizeof(run->switchname), "%s",
			 name ? name : "");
		snprintf(run->run, sizeof(run->run), "%s", id ? id : "");
		run->rows = fp_pg_int(rows, i, 2);
	}
}

void fp_probe_rows_read(struct fp_probe *p, const struct fp_pg_rows *rows,
			struct fp_reading *r)
{
	struct fp_view *v = fp_view_new(FP_VIEW_STORE);
	int64_t all = 0;
	size_t n = fp_pg_n(rows);

	(void)p;
	if (v)
		v->store.run = calloc(n + 1, sizeof(*v->store.run));
	if (!v || !v->store.run) {
		fp_view_free(v);
		fp_reading_say(r, FP_UNKNOWN, "out of memory");
		return;
	}
	v->store.n_runs = n < RUNS_MAX ? n : RUNS_MAX;
	fill(&v->store, rows);
	for (size_t i = 0; i < v->store.n_runs; i++)
		all += v->store.run[i].rows;
	r->view = v;
	if (n > RUNS_MAX)
		fp_reading_say(r, FP_WARNING,
			       "rows of more than %d runs: only those with the "
			       "most are looked at",
			       RUNS_MAX);
	else
		fp_reading_say(r, FP_OK, "%lld rows of %zu runs",
			       (long long)all, n);
	fp_reading_figure(r, "rows", (double)all, "", NAN);
	fp_reading_figure(r, "runs", (double)v->store.n_runs, "", NAN);
}

/* FreeSWITCH makes the table (auto-create-schemas). */
static bool fail(int code, const struct fp_err *e, struct fp_reading *r)
{
	if (code != -ENOENT || !strstr(e->text, "\"recovery\""))
		return false;
	fp_reading_say(r, FP_CRITICAL,
		       "there is no table recovery: no FreeSWITCH has made it");
	return true;
}

static const struct fp_probe_sql question = {
	.var = "fp_recovery_db",
	.sql = "select hostname, runtime_uuid, count(*) from recovery"
	       " group by 1, 2 order by 3 desc, 1, 2 limit 10001",
	.read = fp_probe_rows_read,
	.fail = fail,
};

/* One for each database, on the first host that has it. */
static int plan(const struct fp_host *h,
		int (*add)(void *ctx, const struct fp_endpoint *to), void *ctx,
		struct fp_err *e)
{
	static const struct fp_endpoint to = { .transport = FP_T_NONE };
	const char *is = fp_inventory_var(h, "fp_recovery_db");
	const struct fp_host *v;

	(void)e;
	if (!is || !*is)
		return 0;
	fp_inventory_hosts(h->inv, &v);
	for (size_t i = 0; i < h->index; i++) {
		const char *other = fp_inventory_var(&v[i], "fp_recovery_db");

		if (other && !strcmp(other, is))
			return 0;
	}
	return add(ctx, &to);
}

static int init(struct fp_probe *p, struct fp_err *e)
{
	return fp_probe_sql_init(p, &question, e);
}

static const char *const figures[] = { "rows", "runs", NULL };

const struct fp_probe_kind fp_probe_rows = {
	.name = "store",
	.vars = "fp_recovery_db",
	.figures = figures,
	.is_network = true,
	.plan = plan,
	.init = init,
	.fini = fp_probe_sql_fini,
	.start = fp_probe_sql_start,
	.expire = fp_probe_sql_expire,
};
