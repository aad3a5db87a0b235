/* SPDX-License-Identifier: Apache-2.0 */
/* Statements, each with a deadline. */
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "io/clock.h"
#include "peer/pg_priv.h"

#define CANCEL_MS 1000 /* after the deadline: for the server to say so */
#define PARAMS_MAX 32

/* ---- cancelling */

/* PQcancel waits for a server that may never answer, without a deadline, and
 * libpq 15 has no other: it gets a thread of its own. */
static void *cancel_run(void *ctx)
{
	PGcancel *c = ctx;
	char why[256];

	PQcancel(c, why, sizeof(why));
	PQfreeCancel(c);
	return NULL;
}

static void cancel(struct fp_pg *p)
{
	PGcancel *c = PQgetCancel(p->conn);
	sigset_t all, old;
	pthread_attr_t attr;
	pthread_t id;

	if (!c)
		return;
	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are the loop's */
	if (pthread_create(&id, &attr, cancel_run, c))
		PQfreeCancel(c);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
}

/* ---- waiting */

int fp_pg_flush(struct fp_pg *p, int64_t deadline_ms)
{
	int r;

	while ((r = PQflush(p->conn)) > 0) {
		r = fp_pg_wait(p->conn, true, deadline_ms);
		if (r)
			return r;
		if (!PQconsumeInput(p->conn))
			return -ECONNRESET;
	}
	return r ? -ECONNRESET : 0;
}

/* Until a result, or the end of them, can be taken without waiting. */
static int ready(struct fp_pg *p, int64_t deadline_ms)
{
	int r = fp_pg_flush(p, deadline_ms);

	while (!r && PQisBusy(p->conn)) {
		r = fp_pg_wait(p->conn, false, deadline_ms);
		if (!r && !PQconsumeInput(p->conn))
			r = -ECONNRESET;
	}
	return r;
}

static bool is_copy(const PGresult *r)
{
	switch (PQresultStatus(r)) {
	case PGRES_COPY_IN:
	case PGRES_COPY_OUT:
	case PGRES_COPY_BOTH:
		return true;
	default:
		return false;
	}
}

/* The last result; of an error, the first.  0: *out (PQclear), NULL: none. */
int fp_pg_results(struct fp_pg *p, int64_t deadline_ms, PGresult **out)
{
	PGresult *last = NULL, *next;
	int r;

	for (;;) {
		r = ready(p, deadline_ms);
		if (r == -ETIMEDOUT)
			break;
		next = PQgetResult(p->conn);
		if (!next)
			break;
		if (last && PQresultStatus(last) == PGRES_FATAL_ERROR) {
			PQclear(next);
			continue;
		}
		PQclear(last);
		last = next;
		if (r || is_copy(next)) /* which has no end by itself */
			break;
	}
	*out = last;
	return r == -ETIMEDOUT ? r : 0;
}

/* The deadline is over: it shall end there too, or the session does. */
int fp_pg_give_up(struct fp_pg *p, int64_t started_ms, struct fp_err *e)
{
	int64_t now_ms = fp_clock_ms();
	PGresult *r = NULL;

	cancel(p);
	if (fp_pg_results(p, now_ms + CANCEL_MS, &r))
		p->is_gone = true;
	PQclear(r);
	return fp_err(e, -ETIMEDOUT, "no answer within %lld ms%s",
		      (long long)(now_ms - started_ms),
		      p->is_gone ? " (frozen?)" : ": cancelled");
}

int fp_pg_finish(struct fp_pg *p, PGresult **out, struct fp_err *e)
{
	int64_t now_ms = fp_clock_ms();
	PGresult *r = NULL;
	int code;

	if (fp_pg_results(p, now_ms + p->timeout_ms, &r)) {
		PQclear(r);
		return fp_pg_give_up(p, now_ms, e);
	}
	switch (r ? PQresultStatus(r) : PGRES_FATAL_ERROR) {
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
	case PGRES_EMPTY_QUERY:
		*out = r;
		return 0;
	default:
		break;
	}
	if (r && is_copy(r)) {
		p->is_gone = true;
		code = fp_err(e, -EINVAL, "COPY is not spoken here");
	} else {
		code = fp_pg_fail_do(p, r, e);
	}
	PQclear(r);
	return code;
}

/* ---- what pg.h has */

int fp_pg_do(struct fp_pg *p, const char *sql, const char *const *params,
	     size_t n_params, struct fp_pg_rows **rows, uint64_t *n_changed,
	     struct fp_err *e)
{
	PGresult *result;
	int r;

	if (n_params > PARAMS_MAX)
		return fp_err(e, -E2BIG, "more than %d parameters", PARAMS_MAX);
	if (p->is_gone)
		return fp_err(e, -ECONNRESET, "the session is gone");
	if (!PQsendQueryParams(p->conn, sql, (int)n_params, NULL, params, NULL,
			       NULL, 0))
		return fp_pg_fail_do(p, NULL, e);
	r = fp_pg_finish(p, &result, e);
	if (r)
		return r;
	if (n_changed)
		*n_changed = strtoull(PQcmdTuples(result), NULL, 10);
	/* struct fp_pg_rows is libpq's own, under another name */
	if (rows)
		*rows = (struct fp_pg_rows *)result;
	else
		PQclear(result);
	return 0;
}

int fp_pg_script(struct fp_pg *p, const char *sql, struct fp_err *e)
{
	PGresult *result;
	int r;

	if (p->is_gone)
		return fp_err(e, -ECONNRESET, "the session is gone");
	if (!PQsendQuery(p->conn, sql))
		return fp_pg_fail_do(p, NULL, e);
	r = fp_pg_finish(p, &result, e);
	if (!r)
		PQclear(result);
	return r;
}

/* ---- rows */

static const PGresult *result_of(const struct fp_pg_rows *r)
{
	return (const PGresult *)r;
}

size_t fp_pg_n(const struct fp_pg_rows *r)
{
	return r ? (size_t)PQntuples(result_of(r)) : 0;
}

const char *fp_pg_value(const struct fp_pg_rows *r, size_t row, size_t column)
{
	if (row >= fp_pg_n(r) || column >= (size_t)PQnfields(result_of(r)) ||
	    PQgetisnull(result_of(r), (int)row, (int)column))
		return NULL;
	return PQgetvalue(result_of(r), (int)row, (int)column);
}

int64_t fp_pg_int(const struct fp_pg_rows *r, size_t row, size_t column)
{
	const char *s = fp_pg_value(r, row, column);

	return s ? strtoll(s, NULL, 10) : 0;
}

void fp_pg_rows_free(struct fp_pg_rows *r)
{
	PQclear((PGresult *)r);
}
