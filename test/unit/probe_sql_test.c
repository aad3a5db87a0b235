/* SPDX-License-Identifier: Apache-2.0 */
/* What probes make of a PostgreSQL's rows. */
#include <libpq-fe.h>

#include "health/checks.h"
#include "health/probe_sql.h"
#include "unit.h"

#define COLUMNS_MAX 8

/* Rows of text, NULL is null. */
static struct fp_pg_rows *rows_of(const char *const *v, int rows, int columns)
{
	static char name[] = "c";
	PGresAttDesc attr[COLUMNS_MAX] = { { .name = NULL } };
	PGresult *r = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);

	for (int i = 0; i < columns; i++)
		attr[i].name = name;
	OK(PQsetResultAttrs(r, columns, attr));
	for (int i = 0; i < rows; i++)
		for (int k = 0; k < columns; k++) {
			const char *s = v[i * columns + k];

			OK(PQsetvalue(r, i, k, (char *)s,
				      s ? (int)strlen(s) : -1));
		}
	return (struct fp_pg_rows *)r;
}

static struct fp_inventory *inv;

/* A probe of a node with these variables. */
static struct fp_probe probe(const char *vars)
{
	struct fp_probe p = { .check = "pg" };
	const struct fp_host *v;
	struct fp_err e;
	char text[200];

	snprintf(text, sizeof(text), "db1 %s\n", vars);
	if (!EQ(fp_inventory_parse(&inv, "c.ini", text, strlen(text), &e), 0))
		exit(1);
	fp_inventory_hosts(inv, &v);
	p.host = v;
	return p;
}

static double figure(const struct fp_reading *r, const char *name)
{
	for (size_t i = 0; i < r->n_figures; i++)
		if (!strcmp(r->figure[i].name, name))
			return r->figure[i].value;
	return -1;
}

/* All figures of r are said of its kind: others could have no threshold. */
static void figures_are_of(const struct fp_reading *r, const char *kind)
{
	const char *const *all = fp_checks_figures(kind, strlen(kind));

	for (size_t i = 0; i < r->n_figures; i++) {
		size_t k = 0;

		while (all[k] && strcmp(all[k], r->figure[i].name))
			k++;
		OK(all[k]);
	}
}

/* Judged as a site does by thresholds, NULL: only the default ones. */
static void read_pg(const char *warning, const char *critical,
		    const char *const row[8], struct fp_reading *r)
{
	struct fp_thresholds t = { .n = 0 };
	struct fp_err e;
	struct fp_probe p = probe("");
	struct fp_pg_rows *rows = rows_of(row, 1, 8);

	fp_reading_init(r);
	fp_probe_pg_read(&p, rows, r);
	figures_are_of(r, "pg");
	if (warning)
		EQ(fp_thresholds_add(&t, FP_WARNING, warning, &e), 0);
	if (critical)
		EQ(fp_thresholds_add(&t, FP_CRITICAL, critical, &e), 0);
	EQ(fp_checks_defaults(&t, &e), 0);
	fp_thresholds_apply(&t, "pg", r);
	fp_pg_rows_free(rows);
	fp_inventory_free(inv);
}

/* standby, version, read-only, connections, their maximum, lag, standbys,
 * receivers */
#define STANDBY(lag, receivers)                                                \
	{                                                                      \
		"t", "15.18 (Debian)", "f", "7", "60", lag, "0", receivers     \
	}
#define PRIMARY(lag, standbys)                                                 \
	{                                                                      \
		"f", "15.18", "f", "7", "60", lag, standbys, "0"               \
	}

TEST(lag_by_default)
{
	static const struct {
		const char *lag;
		enum fp_health state;
	} v[] = {
		{ "0", FP_OK },          { "10", FP_OK },
		{ "10.5", FP_WARNING },  { "60", FP_WARNING },
		{ "60.1", FP_CRITICAL }, { "1e6", FP_CRITICAL },
		{ "-0.004", FP_OK },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		const char *const standby[] = STANDBY(v[i].lag, "1");
		const char *const primary[] = PRIMARY(v[i].lag, "2");
		struct fp_reading r;

		read_pg(NULL, NULL, standby, &r);
		EQ(r.state, v[i].state);
		OK(figure(&r, "lag") >= 0);
		EQ(figure(&r, "connections"), 7);
		HAS(r.detail, "PostgreSQL 15.18, standby");
		fp_reading_fini(&r);
		read_pg(NULL, NULL, primary, &r);
		EQ(r.state, v[i].state);
		EQ(figure(&r, "standbys"), 2);
		HAS(r.detail, "PostgreSQL 15.18, read-write, 2 standbys");
		fp_reading_fini(&r);
	}
}

TEST(lag_as_thresholds_have_it)
{
	const char *const late[] = STANDBY("100", "1");
	struct fp_reading r;

	read_pg(NULL, "pg.lag=1000", late, &r);
	EQ(r.state, FP_WARNING);
	fp_reading_fini(&r);
	read_pg("lag=500", "lag=1000", late, &r);
	EQ(r.state, FP_OK);
	fp_reading_fini(&r);
	read_pg(NULL, "esl.rate=1000", late, &r);
	EQ(r.state, FP_CRITICAL);
	fp_reading_fini(&r);
}

TEST(who_says_little)
{
	const char *const alone[] = STANDBY("3", "0");
	const char *const hidden[] = PRIMARY(NULL, "1");
	const char *const nothing[] = { NULL, NULL, NULL, NULL,
					NULL, NULL, NULL, NULL };
	const char *const locked[] = {
		"f", "15", "t", "1", "2", NULL, "0", "0"
	};
	struct fp_reading r;

	read_pg(NULL, NULL, alone, &r);
	EQ(r.state, FP_WARNING);
	HAS(r.detail, "receives nothing from a primary");
	fp_reading_fini(&r);
	read_pg(NULL, NULL, hidden, &r);
	EQ(r.state, FP_OK);
	EQ(figure(&r, "lag"), -1);
	HAS(r.detail, "1 standby");
	fp_reading_fini(&r);
	read_pg(NULL, NULL, nothing, &r);
	HAS(r.detail, "PostgreSQL ?");
	fp_reading_fini(&r);
	read_pg(NULL, NULL, locked, &r);
	EQ(r.state, FP_WARNING);
	HAS(r.detail, "default_transaction_read_only is on");
	fp_reading_fini(&r);
}

TEST(recovery_rows)
{
	static const char *const v[] = { "fs1", "run1", "12", "fs1", "run2",
					 "3",   NULL,   NULL, "1" };
	struct fp_pg_rows *rows = rows_of(v, 3, 3), *none = rows_of(v, 0, 3);
	const struct fp_view_store *s;
	struct fp_reading r;

	fp_reading_init(&r);
	fp_probe_rows_read(NULL, rows, &r);
	EQ(r.state, FP_OK);
	figures_are_of(&r, "store");
	STR(r.detail, "16 rows of 3 runs");
	s = &r.view->store;
	EQ(r.view->kind, FP_VIEW_STORE);
	EQ(s->n_runs, 3);
	STR(s->run[0].switchname, "fs1");
	STR(s->run[0].run, "run1");
	EQ(s->run[0].rows, 12);
	STR(s->run[1].run, "run2");
	STR(s->run[2].switchname, "");
	EQ(figure(&r, "rows"), 16);
	fp_reading_fini(&r);
	fp_reading_init(&r);
	fp_probe_rows_read(NULL, none, &r);
	EQ(r.state, FP_OK);
	EQ(r.view->store.n_runs, 0);
	fp_reading_fini(&r);
	fp_pg_rows_free(rows);
	fp_pg_rows_free(none);
}
