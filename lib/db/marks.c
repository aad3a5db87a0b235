/* SPDX-License-Identifier: Apache-2.0 */
/* Maintenance marks. */
#include <string.h>

#include "db/priv.h"

#define UNIX(column) "extract(epoch from " column ")::bigint"

int fp_db_marks(struct fp_pg *p, struct fp_mark **out, size_t *n,
		struct fp_err *e)
{
	struct fp_pg_rows *rows;
	struct fp_mark *v;
	int r = fp_pg_do(p,
			 "select node, " UNIX("since") ", " UNIX(
				 "until") ", why, who from fastpath.maintenance"
					  " where until > now() order by node",
			 NULL, 0, &rows, NULL, e);

	if (r)
		return r;
	r = fp_db_array(&v, fp_pg_n(rows), sizeof(*v), e);
	for (size_t i = 0; !r && i < fp_pg_n(rows); i++) {
		fp_db_text(v[i].node, sizeof(v->node), rows, i, 0);
		v[i].since_s = fp_pg_int(rows, i, 1);
		v[i].until_s = fp_pg_int(rows, i, 2);
		fp_db_text(v[i].why, sizeof(v->why), rows, i, 3);
		fp_db_text(v[i].by, sizeof(v->by), rows, i, 4);
	}
	if (!r) {
		*out = v;
		*n = fp_pg_n(rows);
	}
	fp_pg_rows_free(rows);
	return r;
}

int fp_db_clock(struct fp_pg *p, int64_t *now_s, struct fp_err *e)
{
	struct fp_pg_rows *rows;
	int r = fp_pg_do(p, "select " UNIX("now()"), NULL, 0, &rows, NULL, e);

	if (r)
		return r;
	*now_s = fp_pg_int(rows, 0, 0);
	fp_pg_rows_free(rows);
	return 0;
}

/* What is there now, whoever made it: nothing is said that was not read. */
static int read_back(struct fp_pg *p, struct fp_mark *m, struct fp_err *e)
{
	const char *params[] = { m->node };
	struct fp_pg_rows *rows;
	bool is_there;
	int r = fp_pg_do(
		p,
		"select " UNIX("since") ", " UNIX("until") ", why, who, " UNIX(
			"now()") " from fastpath.maintenance"
				 " where node = $1 and until > now()",
		params, 1, &rows, NULL, e);

	if (r)
		return r;
	is_there = fp_pg_n(rows) > 0;
	if (is_there) {
		m->since_s = fp_pg_int(rows, 0, 0);
		m->until_s = fp_pg_int(rows, 0, 1);
		fp_db_text(m->why, sizeof(m->why), rows, 0, 2);
		fp_db_text(m->by, sizeof(m->by), rows, 0, 3);
	}
	fp_pg_rows_free(rows);
	return is_there ? 0
			: fp_err(e, -EINVAL,
				 "the mark has ended already, by the clock of "
				 "fp_db");
}

/* One that has ended begins anew; others that have ended go. */
int fp_db_mark(struct fp_pg *p, struct fp_mark *m, int64_t for_s,
	       bool *is_changed, struct fp_err *e)
{
	char until[FP_DB_INT], duration[FP_DB_INT];
	const char *params[] = { m->node, until, m->why, m->by, duration };
	uint64_t n = 0;
	int r;

	fp_db_int(until, m->until_s);
	fp_db_int(duration, for_s);
	r = fp_pg_do(
		p,
		"with want (until) as (select case when $5::bigint > 0"
		"  then now() + $5::bigint * interval '1 s'"
		"  else to_timestamp($2::bigint) end),"
		" gone as (delete from fastpath.maintenance"
		"  where until <= now() and node <> $1)"
		"insert into fastpath.maintenance as m"
		"  (node, until, why, who)"
		" select $1, until, $3, $4 from want where until > now()"
		" on conflict (node) do update set until = excluded.until,"
		"  why = excluded.why, who = excluded.who, since = case"
		"  when m.until <= now() then now() else m.since end"
		" where m.until <= now() or (m.until, m.why, m.who) is distinct"
		"  from (excluded.until, excluded.why, excluded.who)",
		params, 5, NULL, &n, e);
	if (!r)
		r = read_back(p, m, e);
	if (!r)
		*is_changed = n > 0;
	return r;
}

int fp_db_unmark(struct fp_pg *p, const char *node, bool *is_changed,
		 struct fp_err *e)
{
	const char *params[] = { node };
	struct fp_pg_rows *rows;
	int r = fp_pg_do(p,
			 "with gone as (delete from fastpath.maintenance"
			 "  where node = $1 returning until)"
			 " select count(*) from gone where until > now()",
			 params, 1, &rows, NULL, e);

	if (r)
		return r;
	*is_changed = fp_pg_int(rows, 0, 0) > 0;
	fp_pg_rows_free(rows);
	return 0;
}
