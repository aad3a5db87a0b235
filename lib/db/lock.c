/* SPDX-License-Identifier: Apache-2.0 */
/* Locks of a session, and what all files of db.h share. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"
#include "db/priv.h"

/* Only names of ours share a class: a collision of two of them would make one
 * wait for the other, no more. */
void fp_db_lock_key(const char *name, char out[FP_DB_LOCK_KEY])
{
	uint64_t h = fp_fnv1a(FP_FNV1A_INIT, name, strlen(name));

	snprintf(out, FP_DB_LOCK_KEY, "%" PRIu64, (h ^ h >> 32) & INT32_MAX);
}

/* Who has the lock $1 (its key). */
#define HOLDER                                                                 \
	" from pg_locks l left join pg_stat_activity a on a.pid = l.pid"       \
	" where l.locktype = 'advisory' and l.granted"                         \
	" and l.classid = " FP_DB_CLASS " and l.objid = $1::int::oid"          \
	" and l.objsubid = 2 and l.database = (select oid"                     \
	" from pg_database where datname = current_database())"

static int holder(struct fp_pg *p, const char *key, char who[128],
		  struct fp_err *e)
{
	const char *params[] = { key };
	struct fp_pg_rows *rows;
	int r = fp_pg_do(
		p,
		"select coalesce(nullif(a.application_name, ''), 'a session')"
		" || ', pid ' || l.pid || coalesce(' of ' || a.usename, '')"
		" || coalesce(' from ' || host(a.client_addr), '')" HOLDER,
		params, 1, &rows, NULL, e);

	if (r)
		return r;
	fp_db_text(who, 128, rows, 0, 0);
	fp_pg_rows_free(rows);
	return 0;
}

int fp_db_lock(struct fp_pg *p, const char *name, char who[128],
	       struct fp_err *e)
{
	char key[FP_DB_LOCK_KEY];
	const char *params[] = { key };
	struct fp_pg_rows *rows;
	const char *is_held;
	int r;

	/* it counts: taken twice, it would have to be given twice */
	fp_db_lock_key(name, key);
	r = fp_pg_do(p,
		     "select case when exists (" FP_DB_HELD ") then true"
		     " else pg_try_advisory_lock(" FP_DB_CLASS ", $1::int) end",
		     params, 1, &rows, NULL, e);
	if (r)
		return r;
	is_held = fp_pg_value(rows, 0, 0);
	r = is_held && *is_held == 't';
	fp_pg_rows_free(rows);
	if (!r && who)
		return holder(p, key, who, e);
	return r;
}

/* pg_stat_activity says since when a session is idle, or in its statement: to
 * those who may end it, that is, to the same role.
 * Source: PostgreSQL 15, 28.2.3, 9.27.2. */
static int end_idle(struct fp_pg *p, const char *name, int64_t idle_s,
		    struct fp_err *e)
{
	char key[FP_DB_LOCK_KEY], idle[FP_DB_INT];
	const char *params[] = { key, idle };
	struct fp_pg_rows *rows;
	int r;

	fp_db_lock_key(name, key);
	fp_db_int(idle, idle_s);
	r = fp_pg_do(p,
		     "select pg_terminate_backend(l.pid)" HOLDER
		     " and a.state_change <"
		     " clock_timestamp() - $2::bigint * interval '1 s'",
		     params, 2, &rows, NULL, e);
	if (r)
		return r == -EACCES ? 0 : r;
	r = fp_pg_n(rows) > 0;
	fp_pg_rows_free(rows);
	return r;
}

int fp_db_lock_from_idle(struct fp_pg *p, const char *name, int64_t idle_s,
			 char who[128], struct fp_err *e)
{
	const struct timespec a_while = { .tv_nsec = 20 * 1000000 };
	int r = fp_db_lock(p, name, who, e);

	if (r)
		return r;
	r = end_idle(p, name, idle_s, e);
	if (r != 1)
		return r;
	/* its process ends a moment later */
	for (int i = 0; i < 25; i++) {
		r = fp_db_lock(p, name, NULL, e);
		if (r)
			return r;
		nanosleep(&a_while, NULL);
	}
	return 0;
}

void fp_db_unlock(struct fp_pg *p, const char *name)
{
	char key[FP_DB_LOCK_KEY];
	const char *params[] = { key };

	fp_db_lock_key(name, key);
	fp_pg_do(p,
		 "select pg_advisory_unlock(" FP_DB_CLASS ", $1::int)"
		 " where exists (" FP_DB_HELD ")",
		 params, 1, NULL, NULL, NULL);
}

/* ---- rows */

void fp_db_text(char *to, size_t size, const struct fp_pg_rows *r, size_t row,
		size_t column)
{
	const char *s = fp_pg_value(r, row, column);

	snprintf(to, size, "%s", s ? s : "");
}

void fp_db_int(char out[FP_DB_INT], int64_t v)
{
	snprintf(out, FP_DB_INT, "%" PRId64, v);
}

int fp_db_array(void *out, size_t n, size_t size, struct fp_err *e)
{
	void *v = calloc(n + 1, size);

	if (!v)
		return fp_err(e, -ENOMEM, "out of memory");
	*(void **)out = v;
	return 0;
}
