/* SPDX-License-Identifier: Apache-2.0 */
/* Many rows at once.  Binary COPY: nothing is escaped, and the server has nothing to
 * parse.  Source: PostgreSQL 15, COPY (Binary Format), 34.10. */
#include <endian.h>
#include <string.h>

#include "io/clock.h"
#include "peer/pg_priv.h"

#define CHUNK_BYTES (1u << 20)
#define COLUMNS_MAX 32

static void add16(struct fp_buf *b, int16_t v)
{
	uint16_t be = htobe16((uint16_t)v);

	fp_buf_add(b, &be, sizeof(be));
}

static void add32(struct fp_buf *b, int32_t v)
{
	uint32_t be = htobe32((uint32_t)v);

	fp_buf_add(b, &be, sizeof(be));
}

static int begin(struct fp_pg *p, const char *sql, struct fp_err *e)
{
	int64_t now_ms = fp_clock_ms();
	PGresult *r = NULL;
	int code = 0;

	if (!PQsendQuery(p->conn, sql))
		return fp_pg_fail_do(p, NULL, e);
	if (fp_pg_results(p, now_ms + p->timeout_ms, &r))
		code = fp_pg_give_up(p, now_ms, e);
	else if (!r || PQresultStatus(r) != PGRES_COPY_IN)
		code = fp_pg_fail_do(p, r, e);
	PQclear(r);
	return code;
}

/* What does not go out in time, or is refused, is told by the statement's end. */
static int put(struct fp_pg *p, const struct fp_buf *b)
{
	int64_t deadline_ms = fp_clock_ms() + p->timeout_ms;
	int r;

	while (!(r = PQputCopyData(p->conn, b->data, (int)b->len)))
		if (fp_pg_wait(p->conn, true, deadline_ms))
			return -ETIMEDOUT;
	return r < 0 ? -ECONNRESET : fp_pg_flush(p, deadline_ms);
}

static bool add_row(struct fp_buf *b, const struct fp_pg_text *column, size_t n)
{
	add16(b, (int16_t)n);
	for (size_t i = 0; i < n; i++) {
		if (column[i].n > INT32_MAX)
			return false;
		add32(b, column[i].p ? (int32_t)column[i].n : -1);
		if (column[i].p)
			fp_buf_add(b, column[i].p, column[i].n);
	}
	return !b->is_failed;
}

static int send_rows(struct fp_pg *p, size_t n_columns,
		     bool (*row)(void *ctx, struct fp_pg_text *column),
		     void *ctx)
{
	static const char head[19] = "PGCOPY\n\377\r\n"; /* flags and more: 0 */
	struct fp_pg_text column[COLUMNS_MAX];
	struct fp_buf b = { .data = NULL };
	int r = 0;

	fp_buf_add(&b, head, sizeof(head));
	memset(column, 0, sizeof(column));
	while (!r && row(ctx, column)) {
		if (!add_row(&b, column, n_columns))
			r = -ENOMEM;
		if (!r && b.len >= CHUNK_BYTES) {
			r = put(p, &b);
			b.len = 0;
		}
	}
	add16(&b, -1);
	if (!r)
		r = b.is_failed ? -ENOMEM : put(p, &b);
	fp_buf_fini(&b);
	return r;
}

int fp_pg_copy(struct fp_pg *p, const char *sql, size_t n_columns,
	       bool (*row)(void *ctx, struct fp_pg_text *column), void *ctx,
	       struct fp_err *e)
{
	PGresult *result = NULL;
	int r, code;

	if (n_columns > COLUMNS_MAX)
		return fp_err(e, -E2BIG, "more than %d columns", COLUMNS_MAX);
	if (p->is_gone)
		return fp_err(e, -ECONNRESET, "the session is gone");
	r = begin(p, sql, e);
	if (r)
		return r;
	code = send_rows(p, n_columns, row, ctx);
	if (PQputCopyEnd(p->conn, code ? "given up" : NULL) < 0)
		return fp_pg_fail_do(p, NULL, e);
	r = fp_pg_finish(p, &result, e);
	if (!r)
		PQclear(result);
	return code == -ENOMEM ? fp_err(e, code, "out of memory") : r;
}
