/* SPDX-License-Identifier: Apache-2.0 */
/* Rows into staging, and back. */
#include <stdlib.h>
#include <string.h>

#include "recover/store_priv.h"

#define CHUNK_BYTES (4u << 20) /* of a statement's XML */

/* ---- out of recovery */

/* The rows of the pick ($2 hostname, $3 runs, $4 uuids) that no job has in hand: as it
 * took them, or put them where these are from and has not proven them yet. */
#define PICKED                                                                        \
	" recovery r where r.hostname = $2"                                           \
	" and r.runtime_uuid = any($3::text[])"                                       \
	" and ($4::text[] is null or " FP_STORE_UUID(                                 \
		"r.") " = any($4::text[]))"                                           \
		      " and not exists (select 1 from fp_stage s join fp_stage_job j" \
		      "  using (job) where s.uuid = " FP_STORE_UUID(                  \
			      "r.") "  and (s.runtime_uuid = r.runtime_uuid or"       \
				    "   (s.job <> $1 and s.state = 'put'))"           \
				    "  and j.ended_at is null and s.state <> 'returned')"
/* The same uuid twice is one leg, of the run that is named last.  What the job had of it
 * is of an earlier run. */
#define INTO_STAGE(origin)                                                                             \
	" insert into fp_stage (job, uuid, was_uuid, origin, runtime_uuid,"                            \
	" technology, profile_name, hostname, metadata)"                                               \
	" select distinct on (" FP_STORE_UUID("") ") $1, " FP_STORE_UUID(                              \
		"") ", coalesce(uuid, ''), '" origin "', runtime_uuid,"                                \
		    " coalesce(technology, ''), coalesce(profile_name, ''), hostname,"                 \
		    " coalesce(metadata, '') from gone order by " FP_STORE_UUID(                       \
			    "") ", array_position($3::text[], runtime_uuid::text) desc"                \
				" on conflict (job, uuid) do update set was_uuid = excluded.was_uuid," \
				" origin = excluded.origin, runtime_uuid = excluded.runtime_uuid,"     \
				" technology = excluded.technology,"                                   \
				" profile_name = excluded.profile_name, hostname = excluded.hostname," \
				" metadata = excluded.metadata, state = 'taken', target = '',"         \
				" token = '', profile_real = '', taken_at = excluded.taken_at,"        \
				" changed_at = excluded.changed_at"

static int take(struct fp_store *s, const char *const *params, bool is_copy,
		uint64_t *n, struct fp_err *e)
{
	return fp_pg_do(s->pg,
			is_copy ? "with gone as (select * from" PICKED
				  ")" INTO_STAGE("copied")
				: "with gone as (delete from" PICKED
				  " returning *)" INTO_STAGE("moved"),
			params, 4, NULL, n, e);
}

int fp_store_take(struct fp_store *s, const struct fp_store_pick *p,
		  bool is_copy, uint64_t *n_taken, struct fp_err *e)
{
	struct fp_buf runs = { .data = NULL }, uuids = { .data = NULL };
	const char *params[4] = { s->job, p->hostname };
	uint64_t n = 0;
	int r = fp_store_array(&runs, p->runs, p->n_runs, &params[2], e);

	if (!r)
		r = fp_store_array(&uuids, p->uuids, p->n_uuids, &params[3], e);
	if (!r)
		r = fp_store_tx_ours(s, e);
	if (!r)
		r = fp_store_tx_end(s, take(s, params, is_copy, &n, e), e);
	fp_buf_fini(&runs);
	fp_buf_fini(&uuids);
	if (!r)
		*n_taken = n;
	return r;
}

static int move(struct fp_store *s, uint64_t *n, struct fp_err *e)
{
	const char *params[] = { s->job };
	int r = fp_pg_do(s->pg,
			 "delete from recovery r using fp_stage s"
			 " where s.job = $1 and s.origin = 'copied'"
			 " and s.state <> 'returned' and r.uuid = s.was_uuid"
			 " and r.runtime_uuid = s.runtime_uuid",
			 params, 1, NULL, n, e);

	return r ? r
		 : fp_pg_do(s->pg,
			    "update fp_stage set origin = 'moved'"
			    " where job = $1 and origin = 'copied'"
			    " and state <> 'returned'",
			    params, 1, NULL, NULL, e);
}

int fp_store_move(struct fp_store *s, uint64_t *n, struct fp_err *e)
{
	int r = fp_store_tx_ours(s, e);

	*n = 0;
	return r ? r : fp_store_tx_end(s, move(s, n, e), e);
}

/* ---- from elsewhere */

enum { RUN, TECHNOLOGY, PROFILE, HOSTNAME, UUID, XML, COLUMNS };

static int check_row(const struct fp_store_row *v, struct fp_err *e)
{
	if (!*v->uuid || memchr(v->xml, 0, v->xml_len))
		return fp_err(e, -EINVAL, "row %s: not a text",
			      *v->uuid ? v->uuid : "without a uuid");
	return 0;
}

static int stage_some(struct fp_store *s, const struct fp_store_row *v,
		      size_t n, uint64_t *n_taken, struct fp_err *e)
{
	struct fp_buf column[COLUMNS] = { { .data = NULL } };
	const char *params[COLUMNS + 1];
	uint64_t n_new;
	int r = 0;

	for (size_t i = 0; i < n && !r; i++) {
		const char *text[] = { v[i].run, v[i].technology, v[i].profile,
				       v[i].hostname, v[i].uuid };

		for (int c = 0; c < XML; c++)
			fp_pg_array_add(&column[c], text[c], strlen(text[c]));
		fp_pg_array_add(&column[XML], v[i].xml, v[i].xml_len);
		r = check_row(&v[i], e);
	}
	for (int c = 0; c < COLUMNS && !r; c++)
		if (!(params[c] = fp_pg_array(&column[c])))
			r = fp_store_oom(e);
	params[COLUMNS] = s->job;
	if (!r)
		r = fp_pg_do(
			s->pg,
			"insert into fp_stage (runtime_uuid, technology,"
			" profile_name, hostname, was_uuid, metadata, job, uuid,"
			" origin) select run, technology, profile, hostname,"
			" uuid, xml, $7, " FP_STORE_UUID(
				"w.") ", 'told' from"
				      " unnest($1::text[], $2::text[],"
				      " $3::text[], $4::text[], $5::text[],"
				      " $6::text[]) w (run, technology, profile,"
				      " hostname, uuid, xml)"
				      " on conflict (job, uuid) do nothing",
			params, COLUMNS + 1, NULL, &n_new, e);
	for (int c = 0; c < COLUMNS; c++)
		fp_buf_fini(&column[c]);
	if (!r)
		*n_taken += n_new;
	return r;
}

int fp_store_stage(struct fp_store *s, const struct fp_store_row *v, size_t n,
		   uint64_t *n_taken, struct fp_err *e)
{
	uint64_t n_new = 0;
	int r = fp_store_tx_ours(s, e);

	if (r)
		return r;
	for (size_t i = 0, end; i < n && !r; i = end) {
		size_t bytes = 0;

		for (end = i; end < n && (end == i || bytes < CHUNK_BYTES);
		     end++)
			bytes += v[end].xml_len;
		r = stage_some(s, v + i, end - i, &n_new, e);
	}
	r = fp_store_tx_end(s, r, e);
	if (!r)
		*n_taken = n_new;
	return r;
}

/* ---- what is staged */

int fp_store_staged(struct fp_store *s, struct fp_store_rows *out,
		    struct fp_err *e)
{
	const char *params[] = { s->job };
	struct fp_pg_rows *rows;
	int r = fp_pg_do(s->pg,
			 "select runtime_uuid, technology, profile_name,"
			 " hostname, uuid, " FP_STORE_XML
			 ", state, target, token,"
			 " extract(epoch from taken_at)::bigint"
			 " from fp_stage where job = $1 order by uuid",
			 params, 1, &rows, NULL, e);

	return r ? r : fp_store_rows_of(out, rows, e);
}

/* ---- back */

/* What was copied is where it was, or FreeSWITCH deleted it at the end of its leg; what
 * was told is where it came from. */
static int put_back(struct fp_store *s, uint64_t *n, struct fp_err *e)
{
	const char *params[] = { s->job };

	return fp_pg_do(
		s->pg,
		"with back as (select * from fp_stage b where job = $1"
		" and state = 'taken' and (origin <> 'copied' or exists"
		"  (select 1 from recovery r where r.uuid = b.was_uuid"
		"   and r.runtime_uuid = b.runtime_uuid))),"
		" done as (insert into recovery (runtime_uuid, technology,"
		" profile_name, hostname, uuid, metadata) select runtime_uuid,"
		" technology, profile_name, hostname, was_uuid, metadata"
		" from back b where origin = 'moved' and not exists"
		"  (select 1 from recovery r where r.uuid = b.was_uuid"
		"   and r.runtime_uuid = b.runtime_uuid))"
		" update fp_stage s set state = 'returned',"
		" changed_at = clock_timestamp() from back b"
		" where s.job = b.job and s.uuid = b.uuid",
		params, 1, NULL, n, e);
}

int fp_store_return(struct fp_store *s, uint64_t *n_back, struct fp_err *e)
{
	uint64_t n = 0;
	int r = fp_store_tx_ours(s, e);

	if (!r)
		r = fp_store_tx_end(s, put_back(s, &n, e), e);
	if (!r)
		*n_back = n;
	return r;
}
