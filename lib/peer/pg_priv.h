/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_PG_PRIV_H
#define FP_PEER_PG_PRIV_H

/* What the files of pg.h share; not for others. */

#include <libpq-fe.h>

#include "peer/pg.h"

struct fp_pg {
	PGconn *conn;
	int64_t timeout_ms;
	int backend; /* of the server process, not what a pooler says */
	bool is_gone;
};

/* ---- pg_dial.c */

/* Connect: the hosts of a conninfo one after the other, all within timeout_ms.
 * 0: *out is the caller's (PQfinish). */
int fp_pg_dial(PGconn **out, const struct fp_pg_opts *o, struct fp_err *e);
/* Wait for the socket until deadline_ms.  0: something is there; -ETIMEDOUT. */
int fp_pg_wait(PGconn *c, bool is_write, int64_t deadline_ms);

/* ---- pg_do.c */

/* Until all is with the kernel.  0; -ETIMEDOUT; -ECONNRESET. */
int fp_pg_flush(struct fp_pg *p, int64_t deadline_ms);
/* The first result of a statement that was sent, which may be one of COPY: *out
 * (PQclear), NULL: none.  -ETIMEDOUT. */
int fp_pg_results(struct fp_pg *p, int64_t deadline_ms, PGresult **out);
/* The deadline, from started_ms on, is over. */
int fp_pg_give_up(struct fp_pg *p, int64_t started_ms, struct fp_err *e);
/* Wait for the end of a statement that was sent.  0: *out (PQclear). */
int fp_pg_finish(struct fp_pg *p, PGresult **out, struct fp_err *e);

/* ---- pg_pooler.c */

/* Is the session ours alone, for as long as we hold it?  0; -EPERM rule
 * "pooler"; errors of fp_pg_open. */
int fp_pg_is_ours(struct fp_pg *p, const struct fp_pg_opts *o,
		  struct fp_err *e);

/* ---- pg_error.c */

/* What an SQLSTATE is as -errno.  is_open: while connecting.
 * Source: PostgreSQL 15, Appendix A. */
int fp_pg_code(const char *sqlstate, bool is_open);
/* Why a connection did not come about. */
int fp_pg_fail_dial(const PGconn *c, struct fp_err *e);
/* Why a statement failed.  r may be NULL. */
int fp_pg_fail_do(struct fp_pg *p, const PGresult *r, struct fp_err *e);
/* What a pooler says under 08P01, as it says all; 0: nothing known. */
int fp_pg_pooler_says(const char *text);
/* text without what steers terminals, its lines joined, cut to size. */
void fp_pg_line(char *out, size_t size, const char *text);
/* Has this conninfo a password in it? */
bool fp_pg_has_secret(const char *conninfo);

#endif
