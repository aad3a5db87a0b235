/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions of a dead run at the database: what it had begun to say there may still be
 * done, a frozen process goes on, and a host without power is there for the server
 * until its keepalives run out. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "io/clock.h"
#include "recover/store_priv.h"

#define GONE_MS 2000 /* a session ends a moment after it is told to */

/* $1: addresses; $2: application_name; $3: begun before.  Ours begin with "fp-". */
#define OTHERS                                                                 \
	" from pg_stat_activity where datname = current_database()"            \
	" and pid <> pg_backend_pid()"
#define THEIRS                                                                 \
	OTHERS " and application_name not like 'fp-%'"                         \
	       " and ((client_addr is not null and"                            \
	       "  host(client_addr) = any($1::text[])) or"                     \
	       "  application_name = $2)"                                      \
	       " and ($3::bigint = 0 or"                                       \
	       "  backend_start < to_timestamp($3::bigint))"

/* Where a session comes from, and since when it is there, is not told to who may not
 * see it: one that may be the new run's is let be.
 * Source: PostgreSQL 15, 28.2.3. */
static int is_any_hidden(struct fp_store *s, bool *out, struct fp_err *e)
{
	struct fp_pg_rows *rows;
	int r = fp_pg_do(s->pg,
			 "select count(*)" OTHERS
			 " and query = '<insufficient privilege>'",
			 NULL, 0, &rows, NULL, e);

	if (r)
		return r;
	*out = fp_pg_int(rows, 0, 0) > 0;
	fp_pg_rows_free(rows);
	return 0;
}

#define STARTED                                                                \
	" and extract(epoch from backend_start) is not distinct from"          \
	" $2::numeric"

/* One by one: what one may not must not keep the others alive.  A pid may be another's
 * by now: not one that began then. */
static int end(struct fp_store *s, const struct fp_pg_rows *rows, size_t i,
	       struct fp_err *e)
{
	const char *params[] = { fp_pg_value(rows, i, 0),
				 fp_pg_value(rows, i, 1) };
	int r = fp_pg_do(
		s->pg,
		"select pg_terminate_backend(pid) from pg_stat_activity"
		" where pid = $1::int" STARTED,
		params, 2, NULL, NULL, e);

	return r == -EACCES ? 0 : r;
}

static int count(struct fp_store *s, const struct fp_pg_rows *rows,
		 uint64_t *out, struct fp_err *e)
{
	uint64_t n = 0;

	for (size_t i = 0; i < fp_pg_n(rows); i++) {
		const char *params[] = { fp_pg_value(rows, i, 0),
					 fp_pg_value(rows, i, 1) };
		struct fp_pg_rows *one;
		int r = fp_pg_do(s->pg,
				 "select 1 from pg_stat_activity where"
				 " pid = $1::int" STARTED,
				 params, 2, &one, NULL, e);

		if (r)
			return r;
		n += fp_pg_n(one);
		fp_pg_rows_free(one);
	}
	*out = n;
	return 0;
}

static int wait_for(struct fp_store *s, const struct fp_pg_rows *rows,
		    uint64_t *left, struct fp_err *e)
{
	const struct timespec a_while = { .tv_nsec = 20 * 1000000 };
	int64_t until_ms = fp_clock_ms() + GONE_MS;
	int r;

	while (!(r = count(s, rows, left, e)) && *left &&
	       fp_clock_ms() < until_ms)
		nanosleep(&a_while, NULL);
	return r;
}

static int end_all(struct fp_store *s, const char *const *params,
		   uint64_t *n_ended, uint64_t *n_left, struct fp_err *e)
{
	struct fp_pg_rows *rows;
	uint64_t left = 0;
	int r = fp_pg_do(s->pg,
			 "select pid, extract(epoch from backend_start)" THEIRS,
			 params, 3, &rows, NULL, e);

	if (r)
		return r;
	for (size_t i = 0; i < fp_pg_n(rows) && !r; i++)
		r = end(s, rows, i, e);
	if (!r)
		r = wait_for(s, rows, &left, e);
	if (!r) {
		*n_ended = fp_pg_n(rows) - left;
		*n_left = left;
	}
	fp_pg_rows_free(rows);
	return r;
}

int fp_store_end_sessions(struct fp_store *s, const struct fp_store_sessions *w,
			  uint64_t *n_ended, uint64_t *n_left, bool *is_blind,
			  struct fp_err *e)
{
	struct fp_buf addrs = { .data = NULL };
	bool is_named = w->app && *w->app, is_hidden = false;
	char before[24];
	const char *params[] = { NULL, is_named ? w->app : NULL, before };
	int r = fp_store_array(&addrs, w->addrs, w->n_addrs, &params[0], e);

	snprintf(before, sizeof(before), "%" PRId64, w->before_s);
	if (!r)
		r = is_any_hidden(s, &is_hidden, e);
	if (!r)
		r = end_all(s, params, n_ended, n_left, e);
	if (!r)
		*is_blind = (!w->n_addrs && !is_named) ||
			    ((w->n_addrs || w->before_s) && is_hidden &&
			     !*n_ended && !*n_left);
	fp_buf_fini(&addrs);
	return r;
}
