/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that a target wrote of staged calls before it died, and who else has them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recover/store_priv.h"

static int drop(struct fp_store *to, const struct fp_store_pick *p,
		const char *runs, const char *uuids, struct fp_err *e)
{
	const char *params[] = { p->hostname, runs, uuids };

	return fp_pg_do(to->pg,
			"delete from recovery where hostname = $1 and"
			" runtime_uuid = any($2::text[]) and uuid ="
			" any($3::text[])",
			params, 3, NULL, NULL, e);
}

int fp_store_drop(struct fp_store *s, struct fp_store *to,
		  const struct fp_store_pick *p, struct fp_err *e)
{
	struct fp_buf runs = { .data = NULL }, uuids = { .data = NULL };
	const char *run = NULL, *uuid = NULL;
	int r = fp_store_array(&runs, p->runs, p->n_runs, &run, e);

	if (!r)
		r = fp_store_array(&uuids, p->uuids, p->n_uuids, &uuid, e);
	if (!r && run && uuid) {
		r = fp_store_tx(to, e);
		if (!r) {
			r = drop(to, p, run, uuid, e);
			if (!r)
				r = fp_store_check(s, e);
			r = fp_store_tx_end(to, r, e);
		}
	}
	fp_buf_fini(&runs);
	fp_buf_fini(&uuids);
	return r;
}

/* A job first: its word on a call is not the last. */
static int ask(struct fp_store *at, const char *job, const char *uuids,
	       bool is_staging, struct fp_pg_rows **rows, struct fp_err *e)
{
	const char *params[] = { uuids, job };

	if (!is_staging)
		return fp_pg_do(at->pg,
				"select hostname from recovery"
				" where uuid = any($1::text[]) limit 1",
				params, 1, rows, NULL, e);
	return fp_pg_do(at->pg,
			"select 'job ' || s.job from fp_stage s"
			" join fp_stage_job j using (job) where s.job <> $2"
			" and j.ended_at is null and s.state in"
			" ('taken', 'put') and s.uuid = any($1::text[])"
			" union all select hostname from recovery"
			" where uuid = any($1::text[]) limit 1",
			params, 2, rows, NULL, e);
}

int fp_store_holder(struct fp_store *s, struct fp_store *at,
		    const char *const *uuids, size_t n, char out[300],
		    struct fp_err *e)
{
	struct fp_buf array = { .data = NULL };
	struct fp_pg_rows *rows = NULL;
	bool is_staging = false;
	const char *param;
	int r = fp_store_array(&array, uuids, n, &param, e);

	*out = 0;
	if (!r && param)
		r = fp_store_has_staging(at, &is_staging, e);
	if (!r && param)
		r = ask(at, s->job, param, is_staging, &rows, e);
	if (!r && rows && fp_pg_n(rows))
		snprintf(out, 300, "%s", fp_pg_value(rows, 0, 0));
	fp_pg_rows_free(rows);
	fp_buf_fini(&array);
	return r;
}

/* ---- what came up */

#define HAS_ROW                                                                \
	"select nth from unnest($1::text[], $2::text[]) with ordinality"       \
	" w (uuid, run, nth) where exists (select 1 from recovery r"           \
	"  where r.uuid = any(array[w.uuid, 'fp:' || w.uuid]))"
#define WAS_HAD                                                                \
	" or exists (select 1 from fp_stage s where s.uuid = w.uuid"           \
	"  and s.runtime_uuid = w.run and s.state in ('put', 'proven', 'lost'))"

int fp_store_known(struct fp_store *at, const struct fp_store_row *v, size_t n,
		   bool *is_known, struct fp_err *e)
{
	struct fp_buf uuids = { .data = NULL }, runs = { .data = NULL };
	struct fp_pg_rows *rows = NULL;
	bool is_staging = false;
	const char *params[2];
	int r = fp_store_has_staging(at, &is_staging, e);

	for (size_t i = 0; i < n; i++) {
		fp_pg_array_add(&uuids, v[i].uuid, strlen(v[i].uuid));
		fp_pg_array_add(&runs, v[i].run, strlen(v[i].run));
	}
	params[0] = fp_pg_array(&uuids);
	params[1] = fp_pg_array(&runs);
	if (!r && (!params[0] || !params[1]))
		r = fp_store_oom(e);
	if (!r)
		r = fp_pg_do(at->pg, is_staging ? HAS_ROW WAS_HAD : HAS_ROW,
			     params, 2, &rows, NULL, e);
	for (size_t i = 0; !r && i < fp_pg_n(rows); i++)
		is_known[fp_pg_int(rows, i, 0) - 1] = true;
	fp_pg_rows_free(rows);
	fp_buf_fini(&uuids);
	fp_buf_fini(&runs);
	return r;
}
