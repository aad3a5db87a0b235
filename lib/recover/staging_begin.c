/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of staging, and which job has them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/db.h"
#include "recover/store_priv.h"

/* A holder that was stopped, or lost its machine, is asked no longer than this; the
 * journal has decided already who goes on with the job. */
#define IDLE_S 30

/* origin: moved out of recovery; copied; told, by who had it from elsewhere.
 * was_uuid: as column uuid had it. */
#define TABLES                                                                 \
	"create table if not exists fp_stage_job ("                            \
	" job text primary key, node text not null, owner text not null,"      \
	" epoch bigint not null,"                                              \
	" begun_at timestamptz not null default clock_timestamp(),"            \
	" beat_at timestamptz not null default clock_timestamp(),"             \
	" ended_at timestamptz);"                                              \
	"create table if not exists fp_stage ("                                \
	" job text not null, uuid text not null, was_uuid text not null,"      \
	" origin text not null, runtime_uuid text not null,"                   \
	" technology text not null, profile_name text not null,"               \
	" hostname text not null, metadata text not null,"                     \
	" state text not null default 'taken',"                                \
	" target text not null default '', token text not null default '',"    \
	" profile_real text not null default '',"                              \
	" taken_at timestamptz not null default clock_timestamp(),"            \
	" changed_at timestamptz not null default clock_timestamp(),"          \
	" primary key (job, uuid))"                                            \
	" with (fillfactor = 80);"                                             \
	"create index if not exists fp_stage_uuid on fp_stage (uuid)"

/* ---- tables */

int fp_store_has_staging(struct fp_store *s, bool *out, struct fp_err *e)
{
	struct fp_pg_rows *rows;
	int r = fp_pg_do(s->pg,
			 "select count(*) from pg_class c join pg_namespace n"
			 " on n.oid = c.relnamespace where quote_ident(nspname)"
			 " = current_setting('search_path') and relname in"
			 " ('fp_stage', 'fp_stage_job')",
			 NULL, 0, &rows, NULL, e);

	if (r)
		return r;
	*out = fp_pg_int(rows, 0, 0) == 2;
	fp_pg_rows_free(rows);
	return 0;
}

static int make(struct fp_store *s, struct fp_err *e)
{
	int r = fp_store_tx(s, e);

	if (r)
		return r;
	/* two who make it at once would meet each other's half of the catalogue */
	r = fp_pg_do(s->pg,
		     "select pg_advisory_xact_lock(hashtext('fp_stage'), 0)",
		     NULL, 0, NULL, NULL, e);
	if (!r)
		r = fp_pg_script(s->pg, TABLES, e);
	return fp_store_tx_end(s, r, e);
}

/* What we are not permitted to do, as what somebody is to run who is: "" all is well. */
static int missing(struct fp_store *s, char *out, size_t size, struct fp_err *e)
{
	struct fp_pg_rows *rows;
	int r = fp_pg_do(
		s->pg,
		"select string_agg(w, '; ' order by nth) from ("
		" select 1, format('GRANT USAGE, CREATE ON SCHEMA %s TO %I',"
		"   current_setting('search_path'), current_user)"
		"  where to_regclass('fp_stage') is null"
		"  and not has_schema_privilege(current_schema(), 'create')"
		" union all select 2,"
		"  format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %I',"
		"   string_agg(t::regclass::text, ', '), current_user) from"
		"  (select to_regclass(t)::oid as t, p from (values ('recovery',"
		"   'select,insert,delete'), ('fp_stage',"
		"   'select,insert,update,delete'), ('fp_stage_job',"
		"   'select,insert,update,delete')) x (t, p)) y"
		"  where t is not null and exists (select 1 from"
		"   unnest(string_to_array(p, ',')) one"
		"   where not has_table_privilege(t, one))"
		"  having count(*) > 0) z (nth, w)",
		NULL, 0, &rows, NULL, e);
	const char *v;

	if (r)
		return r;
	v = fp_pg_value(rows, 0, 0);
	snprintf(out, size, "%s", v ? v : "");
	fp_pg_rows_free(rows);
	return 0;
}

static int check_rights(struct fp_store *s, struct fp_err *e)
{
	char what[400];
	int r = missing(s, what, sizeof(what), e);

	if (!r && *what)
		return fp_err(e, -EACCES,
			      "staging in schema %s is not permitted: as its "
			      "owner, %s",
			      s->schema, what);
	return r;
}

int fp_store_make_staging(struct fp_store *s, struct fp_err *e)
{
	bool is_there = false;
	int r = check_rights(s, e);

	if (!r)
		r = fp_store_has_staging(s, &is_there, e);
	if (r || is_there)
		return r;
	r = make(s, e);
	/* made since by another role */
	return r ? r : check_rights(s, e);
}

/* ---- whose it is */

static int check_writable(struct fp_store *s, struct fp_err *e)
{
	struct fp_pg_rows *rows;
	const char *standby, *ro;
	int r = fp_pg_do(s->pg,
			 "select pg_is_in_recovery(),"
			 " current_setting('transaction_read_only')",
			 NULL, 0, &rows, NULL, e);

	if (r)
		return r;
	standby = fp_pg_value(rows, 0, 0);
	ro = fp_pg_value(rows, 0, 1);
	if (standby && *standby == 't')
		r = fp_err(e, -EROFS,
			   "the recovery database is a standby: name the "
			   "primary (target_session_attrs=read-write)");
	else if (ro && !strcmp(ro, "on"))
		r = fp_err(e, -EROFS, "the recovery database is read-only");
	fp_pg_rows_free(rows);
	return r;
}

static int locked(struct fp_store *s, const char *node, struct fp_err *e)
{
	char who[128] = "";
	int r;

	/* fp_db may be this database: its lock of the node has another name */
	snprintf(s->lock, sizeof(s->lock), "stage:%s", node);
	r = fp_db_lock_from_idle(s->pg, s->lock, IDLE_S, who, e);
	if (r)
		return r < 0 ? r : 0;
	fp_err(e, -EBUSY, "%s: its rows are in the hands of %s", node,
	       *who ? who : "another session");
	if (e)
		snprintf(e->rule, sizeof(e->rule), "lock");
	return -EBUSY;
}

/* Later than any that was given out, also when the job's row was forgotten. */
static int new_epoch(struct fp_store *s, const char *job, const char *node,
		     const char *owner, struct fp_err *e)
{
	const char *params[] = { job, node, owner };
	struct fp_pg_rows *rows;
	int r = fp_pg_do(
		s->pg,
		"insert into fp_stage_job as j (job, node, owner, epoch)"
		" select $1, $2, $3,"
		" (extract(epoch from clock_timestamp()) * 1000000)::bigint"
		" on conflict (job) do update set owner = excluded.owner,"
		" epoch = greatest(j.epoch + 1, excluded.epoch),"
		" beat_at = clock_timestamp(), ended_at = null"
		" where j.node = excluded.node returning epoch",
		params, 3, &rows, NULL, e);

	if (r)
		return r;
	s->epoch = fp_pg_int(rows, 0, 0);
	if (!fp_pg_n(rows))
		r = fp_err(e, -EINVAL, "job %s is of another node than %s", job,
			   node);
	fp_pg_rows_free(rows);
	return r;
}

int fp_store_begin(struct fp_store *s, const char *job, const char *node,
		   const char *owner, struct fp_err *e)
{
	int r;

	if (*s->job && strcmp(s->job, job))
		return fp_err(e, -EINVAL, "job %s is under way", s->job);
	if (!*job || strlen(job) >= sizeof(s->job) ||
	    strlen(node) >= sizeof(s->node))
		return fp_err(e, -EINVAL, "bad name of a job or node");
	r = check_writable(s, e);
	if (!r)
		r = locked(s, node, e);
	if (r)
		return r;
	r = fp_store_make_staging(s, e);
	if (!r)
		r = new_epoch(s, job, node, owner, e);
	if (r) {
		if (fp_pg_is_alive(s->pg))
			fp_db_unlock(s->pg, s->lock);
		return r;
	}
	snprintf(s->job, sizeof(s->job), "%s", job);
	snprintf(s->node, sizeof(s->node), "%s", node);
	return 0;
}

/* ---- is it ours still? */

static int whose(struct fp_store *s, struct fp_err *e)
{
	const char *params[] = { s->job };
	struct fp_pg_rows *rows;
	const char *owner;
	int r = fp_pg_do(s->pg, "select owner from fp_stage_job where job = $1",
			 params, 1, &rows, NULL, e);

	if (r)
		return r;
	owner = fp_pg_value(rows, 0, 0);
	if (owner)
		r = fp_err(e, -EBUSY, "job %s was taken over by %s", s->job,
			   owner);
	else
		r = fp_err(e, -EBUSY, "job %s was ended and forgotten", s->job);
	fp_pg_rows_free(rows);
	return r;
}

/* The lock is taken again when the session lost it alone: it is ours as before when
 * the epoch is. */
static int check(struct fp_store *s, struct fp_err *e)
{
	char who[128] = "", epoch[24];
	const char *params[] = { s->job, epoch };
	uint64_t n;
	int r;

	if (!*s->job)
		return fp_err(e, -EBUSY, "no job is begun");
	r = fp_db_lock(s->pg, s->lock, who, e);
	if (!r)
		return fp_err(e, -EBUSY, "job %s: %s holds %s now", s->job, who,
			      s->node);
	if (r < 0)
		return r;
	snprintf(epoch, sizeof(epoch), "%lld", (long long)s->epoch);
	r = fp_pg_do(s->pg,
		     "update fp_stage_job set beat_at = clock_timestamp()"
		     " where job = $1 and epoch = $2::bigint"
		     " and ended_at is null",
		     params, 2, NULL, &n, e);
	return r || n ? r : whose(s, e);
}

int fp_store_check(struct fp_store *s, struct fp_err *e)
{
	return check(s, e);
}

int fp_store_tx_ours(struct fp_store *s, struct fp_err *e)
{
	int r = fp_store_tx(s, e);

	if (r)
		return r;
	r = check(s, e);
	return r ? fp_store_tx_end(s, r, e) : 0;
}
