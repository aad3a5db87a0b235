/* SPDX-License-Identifier: Apache-2.0 */
/* A pooler in transaction or statement mode gives a server process to whoever
 * speaks next: locks of a session would be those of strangers.
 * Source: PgBouncer, "Features" (SQL feature map for pooling modes). */
#include <stdlib.h>
#include <string.h>

#include "peer/pg_priv.h"

/* PgBouncer gives the process that was used last to the next one (or, with
 * server_round_robin, the one that rested longest): two sessions that take turns
 * meet the same one, or another one, at once.  More turns are for poolers that
 * are busy with others. */
#define TURNS 5

static int ask(struct fp_pg *p, int *pid, struct fp_err *e)
{
	struct fp_pg_rows *rows;
	int r = fp_pg_do(p, "select pg_backend_pid()", NULL, 0, &rows, NULL, e);

	if (r)
		return r;
	*pid = (int)fp_pg_int(rows, 0, 0);
	fp_pg_rows_free(rows);
	return 0;
}

static int refuse(struct fp_err *e, const char *mode)
{
	return fp_refuse(e, "pooler",
			 "a pooler in %s mode is in between: locks need a "
			 "session of their own (pool_mode = session, or the "
			 "server itself)",
			 mode);
}

/* Statement mode has no transactions of several statements. */
static int try_transaction(struct fp_pg *p, struct fp_err *e)
{
	int r = fp_pg_do(p, "begin", NULL, 0, NULL, NULL, e);

	if (!r)
		return fp_pg_do(p, "rollback", NULL, 0, NULL, NULL, e);
	if (strstr(e ? e->text : "", "statement pooling"))
		return refuse(e, "statement");
	return r;
}

static int take_turns(struct fp_pg *p, struct fp_pg *other, struct fp_err *e)
{
	int is, others, r = 0;

	for (int i = 0; i < TURNS; i++) {
		r = ask(other, &others, e);
		if (!r)
			r = ask(p, &is, e);
		if (r)
			return r;
		if (is != p->backend || others == p->backend)
			return refuse(e, "transaction");
	}
	return 0;
}

int fp_pg_is_ours(struct fp_pg *p, const struct fp_pg_opts *o, struct fp_err *e)
{
	struct fp_pg_opts second = *o;
	struct fp_pg *other = NULL;
	struct fp_err none;
	int r;

	if (!e)
		e = &none;
	r = ask(p, &p->backend, e);
	if (r || p->backend == PQbackendPID(p->conn))
		return r;
	r = try_transaction(p, e);
	if (r)
		return r;
	second.is_locking = false;
	r = fp_pg_open(&other, &second, e);
	if (!r)
		r = take_turns(p, other, e);
	fp_pg_close(other);
	if (r && r != -EPERM)
		return fp_err_prefix(
			e, r,
			"a pooler is in between, and whether sessions are kept could not be seen");
	return r;
}
