/* SPDX-License-Identifier: Apache-2.0 */
/* What became of staged rows, and the end of a job. */
#include "recover/staging.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/db.h"
#include "recover/store_priv.h"

static bool is_state(const char *s)
{
	static const char *const all[] = { "taken", "put", "proven", "lost",
					   "returned" };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (!strcmp(s, all[i]))
			return true;
	return false;
}

int fp_store_mark(struct fp_store *s, const char *const *uuids, size_t n,
		  const char *state, struct fp_err *e)
{
	struct fp_buf array = { .data = NULL };
	const char *params[] = { s->job, state, NULL };
	int r;

	if (!is_state(state))
		return fp_err(e, -EINVAL, "%s: no state of a row", state);
	r = fp_store_array(&array, uuids, n, &params[2], e);
	if (!r)
		r = fp_store_tx_ours(s, e);
	if (!r)
		r = fp_store_tx_end(
			s,
			fp_pg_do(s->pg,
				 "update fp_stage set state = $2,"
				 " changed_at = clock_timestamp()"
				 " where job = $1 and uuid = any($3::text[])"
				 " and state <> $2",
				 params, 3, NULL, NULL, e),
			e);
	fp_buf_fini(&array);
	return r;
}

/* ---- the end */

/* Without rows there is nothing to remember. */
static int end(struct fp_store *s, bool is_all, struct fp_err *e)
{
	const char *params[] = { s->job, is_all ? "true" : "false" };
	int r = fp_pg_do(s->pg,
			 "delete from fp_stage where job = $1 and"
			 " ($2::boolean or state = 'returned')",
			 params, 2, NULL, NULL, e);

	/* keys of SRTP are in it */
	if (!r)
		r = fp_pg_do(s->pg,
			     "update fp_stage set metadata = ''"
			     " where job = $1 and state in ('proven', 'lost')",
			     params, 1, NULL, NULL, e);
	if (!r)
		r = fp_pg_do(s->pg,
			     "update fp_stage_job set"
			     " ended_at = clock_timestamp() where job = $1",
			     params, 1, NULL, NULL, e);
	if (!r)
		r = fp_pg_do(s->pg,
			     "delete from fp_stage_job j where job = $1 and"
			     " not exists (select 1 from fp_stage s"
			     "  where s.job = j.job)",
			     params, 1, NULL, NULL, e);
	return r;
}

int fp_store_end(struct fp_store *s, bool is_all, struct fp_err *e)
{
	int r = fp_store_tx_ours(s, e);

	if (!r)
		r = fp_store_tx_end(s, end(s, is_all, e), e);
	if (r)
		return r;
	fp_db_unlock(s->pg, s->lock);
	*s->job = 0;
	return 0;
}

int fp_store_forget(struct fp_store *s, int64_t age_s, uint64_t *n,
		    struct fp_err *e)
{
	char age[24];
	const char *params[] = { age };
	bool is_there = false;
	int r = fp_store_has_staging(s, &is_there, e);

	if (!r)
		*n = 0;
	if (r || !is_there)
		return r;
	snprintf(age, sizeof(age), "%" PRId64, age_s);
	r = fp_pg_do(s->pg,
		     "delete from fp_stage s using fp_stage_job j"
		     " where j.job = s.job and j.ended_at <"
		     " clock_timestamp() - $1::bigint * interval '1 s'",
		     params, 1, NULL, n, e);
	if (!r)
		r = fp_pg_do(s->pg,
			     "delete from fp_stage_job j"
			     " where ended_at is not null and not exists"
			     " (select 1 from fp_stage s where s.job = j.job)",
			     NULL, 0, NULL, NULL, e);
	return r;
}
