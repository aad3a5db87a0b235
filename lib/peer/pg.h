/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_PG_H
#define FP_PEER_PG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* A PostgreSQL session with a deadline on everything.  It blocks: beside a loop it
 * runs in a thread of fp_work.  Conninfo is the provider's own words (service=,
 * pgpass, TLS ...); what we add when it does not say: keepalives 5/2/3,
 * tcp_user_timeout 15 s, connect_timeout, application_name. */
struct fp_pg;

struct fp_pg_opts {
	const char *conninfo;
	const char *app;    /* application_name */
	int64_t timeout_ms; /* of each step: connect, a statement */
	bool is_locking; /* session locks will be held: a pooler in transaction or
			  * statement mode is refused (-EPERM rule "pooler") */
};
/* 0: fp_pg_close.  -EINVAL: conninfo.  -EACCES: password, role, pg_hba.
 * -ENOENT: no such database.  -ECONNREFUSED -ETIMEDOUT -EHOSTUNREACH: try again.
 * -EAGAIN: starting up, shutting down, too many connections. */
int fp_pg_open(struct fp_pg **out, const struct fp_pg_opts *o,
	       struct fp_err *e);
/* The host names (no addresses, no paths) that fp_pg_open would ask the DNS for:
 * how many, at most max. */
#define FP_PG_HOST_SIZE 256
size_t fp_pg_hosts(const char *conninfo, char (*out)[FP_PG_HOST_SIZE],
		   size_t max);
void fp_pg_close(struct fp_pg *p); /* NULL is allowed */

struct fp_pg_rows;
/* One statement with text parameters ($1 ...; NULL is null).
 * 0: *rows (may be NULL) is the caller's (fp_pg_rows_free); *n_changed may be
 * NULL.  -EAGAIN: serialization, deadlock, lock timeout.  -EEXIST: unique.
 * -ENOENT: no such table, schema, function.  -EACCES: not permitted.  -EROFS:
 * read-only (a standby).  -ECONNRESET: the session is gone.  -ETIMEDOUT: it was
 * cancelled.  -EREMOTEIO: anything else; e has the server's words. */
int fp_pg_do(struct fp_pg *p, const char *sql, const char *const *params,
	     size_t n_params, struct fp_pg_rows **rows, uint64_t *n_changed,
	     struct fp_err *e);
/* Several statements without parameters, as one (DDL). */
int fp_pg_script(struct fp_pg *p, const char *sql, struct fp_err *e);

/* Rows of texts by COPY, a statement "copy TABLE (COLUMNS) from stdin (format binary)":
 * row fills the columns of the next, NULL is null, or says that there is none.
 * 0; errors of fp_pg_do; -ENOMEM. */
struct fp_pg_text {
	const char *p;
	size_t n;
};
int fp_pg_copy(struct fp_pg *p, const char *sql, size_t n_columns,
	       bool (*row)(void *ctx, struct fp_pg_text *column), void *ctx,
	       struct fp_err *e);

/* An array as the text of one parameter ($1::text[]), element by element into an empty
 * buffer; s may have any byte but NUL. */
void fp_pg_array_add(struct fp_buf *to, const char *s, size_t n);
/* When all are in it.  The buffer's own; NULL: out of memory. */
const char *fp_pg_array(struct fp_buf *to);

size_t fp_pg_n(const struct fp_pg_rows *r);
/* NULL for null. */
const char *fp_pg_value(const struct fp_pg_rows *r, size_t row, size_t column);
int64_t fp_pg_int(const struct fp_pg_rows *r, size_t row, size_t column);
void fp_pg_rows_free(struct fp_pg_rows *r);

/* Is the session still there, and is this the same server process? */
bool fp_pg_is_alive(const struct fp_pg *p);
int fp_pg_backend(const struct fp_pg *p);

#endif
