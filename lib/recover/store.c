/* SPDX-License-Identifier: Apache-2.0 */
/* The table recovery, as FreeSWITCH keeps it: read. */
#include "recover/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/fsrow.h"
#include "recover/store_priv.h"

_Static_assert(FP_FSROW_MAX == 4194304, "FP_STORE_XML says so too");

static void text(char *to, size_t size, const struct fp_pg_rows *rows,
		 size_t row, size_t column)
{
	const char *s = fp_pg_value(rows, row, column);

	snprintf(to, size, "%s", s ? s : "");
}

/* ---- opening */

/* Hosts may have a schema each, by the search_path of their conninfo: table recovery
 * is where FreeSWITCH's own statements find it, and everything of ours is there too.
 * A server is told from a copy of it that runs as well by when it was started. */
static int find_schema(struct fp_store *s, struct fp_err *e)
{
	struct fp_pg_rows *rows;
	int r = fp_pg_do(
		s->pg,
		"select quote_ident(n.nspname), concat_ws('/', d.oid, n.oid,"
		" extract(epoch from pg_postmaster_start_time()))"
		" from pg_class c join pg_namespace n on n.oid = c.relnamespace,"
		" pg_database d where c.oid = to_regclass('recovery')"
		" and d.datname = current_database()",
		NULL, 0, &rows, NULL, e);

	if (r)
		return r;
	text(s->schema, sizeof(s->schema), rows, 0, 0);
	text(s->identity, sizeof(s->identity), rows, 0, 1);
	fp_pg_rows_free(rows);
	if (!*s->schema)
		return fp_err(e, -ENOENT,
			      "there is no table recovery: no FreeSWITCH has "
			      "made it (core-db-dsn, auto-create-schemas)");
	return 0;
}

/* Rows come back byte for byte whatever the environment says of encodings.  LZ4, where
 * the server has it, costs a tenth of its own compression for 10 KB a row.
 * Source: PostgreSQL 15, 24.3, 20.11.1 (default_toast_compression). */
static int set_up(struct fp_store *s, struct fp_err *e)
{
	const char *params[] = { s->schema };

	return fp_pg_do(
		s->pg,
		"select set_config('search_path', $1, false),"
		" set_config('client_encoding',"
		"  current_setting('server_encoding'), false),"
		" (select set_config(name, 'lz4', false) from pg_settings"
		"  where name = 'default_toast_compression'"
		"  and 'lz4' = any(enumvals))",
		params, 1, NULL, NULL, e);
}

int fp_store_open(struct fp_store **out, const struct fp_store_opts *o,
		  struct fp_err *e)
{
	const struct fp_pg_opts pg = { .conninfo = o->conninfo,
				       .app = o->app,
				       .timeout_ms = o->timeout_ms,
				       .is_locking = true };
	struct fp_store *s = calloc(1, sizeof(*s));
	int r = s ? fp_pg_open(&s->pg, &pg, e) : fp_store_oom(e);

	if (!r)
		r = find_schema(s, e);
	if (!r)
		r = set_up(s, e);
	if (r)
		fp_store_close(s);
	else
		*out = s;
	return r;
}

void fp_store_close(struct fp_store *s)
{
	if (!s)
		return;
	fp_pg_close(s->pg); /* and its locks */
	free(s);
}

/* One session, or two with the same tables: then one transaction does it all. */
bool fp_store_is_same(const struct fp_store *a, const struct fp_store *b)
{
	return a == b || !strcmp(a->identity, b->identity);
}

/* ---- transactions */

int fp_store_tx(struct fp_store *s, struct fp_err *e)
{
	return fp_pg_do(s->pg, "begin", NULL, 0, NULL, NULL, e);
}

int fp_store_tx_end(struct fp_store *s, int r, struct fp_err *e)
{
	if (!r)
		r = fp_pg_do(s->pg, "commit", NULL, 0, NULL, NULL, e);
	if (r && fp_pg_is_alive(s->pg))
		fp_pg_do(s->pg, "rollback", NULL, 0, NULL, NULL, NULL);
	return r;
}

/* ---- what there is */

int fp_store_runs(struct fp_store *s, struct fp_store_run **out, size_t *n,
		  struct fp_err *e)
{
	struct fp_store_run *v;
	struct fp_pg_rows *rows;
	int r = fp_pg_do(s->pg,
			 "select hostname, runtime_uuid, count(*) from recovery"
			 " where hostname is not null"
			 " and runtime_uuid is not null"
			 " group by 1, 2 order by 1, 2",
			 NULL, 0, &rows, NULL, e);

	if (r)
		return r;
	v = calloc(fp_pg_n(rows) + 1, sizeof(*v));
	for (size_t i = 0; v && i < fp_pg_n(rows); i++) {
		text(v[i].hostname, sizeof(v[i].hostname), rows, i, 0);
		text(v[i].run, sizeof(v[i].run), rows, i, 1);
		v[i].rows = fp_pg_int(rows, i, 2);
	}
	if (v) {
		*out = v;
		*n = fp_pg_n(rows);
	}
	fp_pg_rows_free(rows);
	return v ? 0 : fp_store_oom(e);
}

int fp_store_array(struct fp_buf *to, const char *const *v, size_t n,
		   const char **out, struct fp_err *e)
{
	*out = NULL;
	if (!n)
		return 0;
	for (size_t i = 0; i < n; i++)
		fp_pg_array_add(to, v[i], strlen(v[i]));
	*out = fp_pg_array(to);
	return *out ? 0 : fp_store_oom(e);
}

static const char *value(const struct fp_pg_rows *rows, size_t row,
			 size_t column)
{
	const char *s = fp_pg_value(rows, row, column);

	return s ? s : "";
}

int fp_store_rows_of(struct fp_store_rows *out, struct fp_pg_rows *rows,
		     struct fp_err *e)
{
	size_t n = fp_pg_n(rows);
	struct fp_store_row *v = calloc(n + 1, sizeof(*v));

	if (!v) {
		fp_pg_rows_free(rows);
		return fp_store_oom(e);
	}
	for (size_t i = 0; i < n; i++) {
		v[i].run = value(rows, i, 0);
		v[i].technology = value(rows, i, 1);
		v[i].profile = value(rows, i, 2);
		v[i].hostname = value(rows, i, 3);
		v[i].uuid = value(rows, i, 4);
		v[i].xml = value(rows, i, 5);
		v[i].xml_len = strlen(v[i].xml);
		if (!fp_pg_value(rows, i, 5))
			v[i].too_long = (size_t)fp_pg_int(rows, i, 6);
		v[i].state = value(rows, i, 7);
		v[i].target = value(rows, i, 8);
		v[i].token = value(rows, i, 9);
		v[i].at_s = fp_pg_int(rows, i, 10);
	}
	*out = (struct fp_store_rows){ .v = v, .n = n, .store = rows };
	return 0;
}

void fp_store_rows_free(struct fp_store_rows *r)
{
	free(r->v);
	fp_pg_rows_free(r->store);
	*r = (struct fp_store_rows){ .v = NULL };
}

int fp_store_rows(struct fp_store *s, const struct fp_store_pick *p,
		  struct fp_store_rows *out, struct fp_err *e)
{
	struct fp_buf runs = { .data = NULL }, uuids = { .data = NULL };
	const char *params[3] = { p->hostname };
	struct fp_pg_rows *rows;
	int r = fp_store_array(&runs, p->runs, p->n_runs, &params[1], e);

	if (!r)
		r = fp_store_array(&uuids, p->uuids, p->n_uuids, &params[2], e);
	if (!r)
		r = fp_pg_do(
			s->pg,
			"select runtime_uuid, technology, profile_name,"
			" hostname, " FP_STORE_UUID(
				"") ", " FP_STORE_XML
				    " from recovery where hostname = $1"
				    " and runtime_uuid = any($2::text[])"
				    " and ($3::text[] is null or " FP_STORE_UUID(
					    "") " = any($3::text[])) order by 5",
			params, 3, &rows, NULL, e);
	fp_buf_fini(&runs);
	fp_buf_fini(&uuids);
	return r ? r : fp_store_rows_of(out, rows, e);
}

/* As FreeSWITCH knows them: not those that we put there. */
int fp_store_count(struct fp_store *s, const char *const *uuids, size_t n,
		   int64_t *out, struct fp_err *e)
{
	struct fp_buf array = { .data = NULL };
	const char *params[1];
	struct fp_pg_rows *rows;
	int r = fp_store_array(&array, uuids, n, &params[0], e);

	if (!r)
		r = fp_pg_do(s->pg,
			     "select count(distinct uuid) from recovery"
			     " where uuid = any($1::text[])",
			     params, 1, &rows, NULL, e);
	fp_buf_fini(&array);
	if (r)
		return r;
	*out = fp_pg_int(rows, 0, 0);
	fp_pg_rows_free(rows);
	return 0;
}

int fp_store_held(struct fp_store *s, const struct fp_store_pick *p,
		  int64_t *out, struct fp_err *e)
{
	struct fp_buf runs = { .data = NULL }, uuids = { .data = NULL };
	const char *params[3] = { p->hostname };
	struct fp_pg_rows *rows;
	int r = fp_store_array(&runs, p->runs, p->n_runs, &params[1], e);

	if (!r)
		r = fp_store_array(&uuids, p->uuids, p->n_uuids, &params[2], e);
	if (!r)
		r = fp_pg_do(s->pg,
			     "select count(distinct uuid) from recovery"
			     " where hostname = $1"
			     " and runtime_uuid = any($2::text[])"
			     " and ($3::text[] is null"
			     " or uuid = any($3::text[]))",
			     params, 3, &rows, NULL, e);
	fp_buf_fini(&runs);
	fp_buf_fini(&uuids);
	if (r)
		return r;
	*out = fp_pg_int(rows, 0, 0);
	fp_pg_rows_free(rows);
	return 0;
}
