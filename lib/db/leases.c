/* SPDX-License-Identifier: Apache-2.0 */
/* Leases of what steering disabled.  Each change is one statement, so one
 * transaction: it sees our lock in pg_locks, and changes the row whose epoch we
 * know, or none. */
#include <stdio.h>
#include <string.h>

#include "db/priv.h"

#define UNIX(column) "extract(epoch from " column ")::bigint"
#define SINCE UNIX("since")
#define UNTIL UNIX("until")
#define CLOCK UNIX("clock_timestamp()")
#define KEY                                                                    \
	"proxy = $2 and kind = $3 and dest_set = $4 and uri = $5"              \
	" and dest_id = $6::bigint"
/* held: our lock, $1.  done: what the statement changed. */
#define HELD "with held as (" FP_DB_HELD "), done as ("
#define TELL                                                                   \
	") select (select count(*) from held), epoch, " SINCE ", " UNTIL       \
	" from (select 1) one left join done on true"

static bool is_true(const struct fp_pg_rows *r, size_t i, size_t column)
{
	const char *s = fp_pg_value(r, i, column);

	return s && *s == 't';
}

static void read_lease(struct fp_lease *l, const struct fp_pg_rows *r, size_t i)
{
	char kind[32];

	fp_db_text(l->proxy, sizeof(l->proxy), r, i, 0);
	fp_db_text(kind, sizeof(kind), r, i, 1);
	l->kind = FP_DEST_DISPATCHER;
	fp_dest_kind_parse(kind, &l->kind); /* the table has no others */
	fp_db_text(l->set, sizeof(l->set), r, i, 2);
	fp_db_text(l->uri, sizeof(l->uri), r, i, 3);
	fp_db_text(l->owner, sizeof(l->owner), r, i, 4);
	l->since_s = fp_pg_int(r, i, 5);
	l->until_s = fp_pg_int(r, i, 6);
	l->epoch = fp_pg_int(r, i, 7);
	l->is_let_go = is_true(r, i, 8);
	fp_db_text(l->why, sizeof(l->why), r, i, 9);
	l->id = fp_pg_int(r, i, 10);
	l->is_confirmed = is_true(r, i, 11);
}

/* The first row has the clock alone: there is one also without leases. */
int fp_db_leases(struct fp_pg *p, struct fp_lease **out, size_t *n,
		 int64_t *now_s, struct fp_err *e)
{
	struct fp_pg_rows *rows;
	struct fp_lease *v;
	size_t all;
	int r = fp_pg_do(p,
			 "select null, null, null, null, null, " CLOCK
			 ", null, null, null, null, null, null union all"
			 " (select proxy, kind, dest_set, uri, owner, " SINCE
			 ", " UNTIL
			 ", epoch, is_let_go, why, dest_id, is_confirmed"
			 " from fastpath.lease"
			 " order by proxy, kind, dest_set, uri, dest_id)",
			 NULL, 0, &rows, NULL, e);

	if (r)
		return r;
	all = fp_pg_n(rows);
	r = all ? fp_db_array(&v, all, sizeof(*v), e)
		: fp_err(e, -EREMOTEIO, "no clock in the answer");
	for (size_t i = 1; !r && i < all; i++)
		read_lease(&v[i - 1], rows, i);
	if (!r) {
		*out = v;
		*n = all - 1;
		*now_s = fp_pg_int(rows, 0, 5);
	}
	fp_pg_rows_free(rows);
	return r;
}

/* ---- changes */

struct change {
	const char *lock;
	const struct fp_lease *l;
	char key[FP_DB_LOCK_KEY], epoch[FP_DB_INT], lease_s[FP_DB_INT];
	char id[FP_DB_INT], since[FP_DB_INT];
	const char *params[13];
};

static void prepare(struct change *c, const char *lock,
		    const struct fp_lease *l, int64_t lease_s)
{
	c->lock = lock;
	c->l = l;
	fp_db_lock_key(lock, c->key);
	fp_db_int(c->epoch, l->epoch);
	fp_db_int(c->lease_s, lease_s);
	fp_db_int(c->id, l->kind == FP_DEST_LOAD_BALANCER ? l->id : -1);
	fp_db_int(c->since, l->since_s);
	c->params[0] = c->key;
	c->params[1] = l->proxy;
	c->params[2] = fp_dest_kind_name(l->kind);
	c->params[3] = l->set;
	c->params[4] = l->uri;
	c->params[5] = c->id;
	c->params[6] = c->epoch;
	c->params[7] = c->lease_s;
	c->params[8] = l->is_confirmed ? "true" : "false";
	c->params[9] = l->owner;
	c->params[10] = l->is_let_go ? "true" : "false";
	c->params[11] = l->why;
	c->params[12] = c->since;
}

/* got, when not NULL, gets epoch and times. */
static int run(struct fp_pg *p, struct change *c, const char *sql, size_t n,
	       struct fp_lease *got, struct fp_err *e)
{
	struct fp_pg_rows *rows;
	bool is_held, is_done;
	int r = fp_pg_do(p, sql, c->params, n, &rows, NULL, e);

	if (r)
		return r;
	is_held = fp_pg_int(rows, 0, 0) > 0;
	is_done = fp_pg_value(rows, 0, 1) != NULL;
	if (is_done && got) {
		got->epoch = fp_pg_int(rows, 0, 1);
		got->since_s = fp_pg_int(rows, 0, 2);
		got->until_s = fp_pg_int(rows, 0, 3);
	}
	fp_pg_rows_free(rows);
	if (is_done)
		return 0;
	if (!is_held)
		return fp_err(e, -EBUSY, "lock \"%s\" is not ours any more",
			      c->lock);
	return fp_err(e, -EBUSY, "the lease of %s on %s is not ours any more",
		      c->l->uri, c->l->proxy);
}

/* What is nobody's, was ours, or has expired; the epoch that we know, if any. */
int fp_db_lease_take(struct fp_pg *p, const char *lock, struct fp_lease *l,
		     int64_t lease_s, struct fp_err *e)
{
	struct change c;

	prepare(&c, lock, l, lease_s);
	return run(
		p, &c,
		HELD
		"insert into fastpath.lease as x (proxy, kind,"
		" dest_set, uri, dest_id, owner, since, until, epoch,"
		" is_confirmed, is_let_go, why) select $2, $3, $4, $5,"
		" $6::bigint, $10, case when $13::bigint > 0"
		" then to_timestamp($13::bigint) else clock_timestamp() end,"
		" clock_timestamp() + $8::bigint * interval '1 s',"
		" nextval('fastpath.epoch'), $9::boolean, $11::boolean, $12"
		" from held on conflict (proxy, kind, dest_set, uri, dest_id)"
		" do update set owner = excluded.owner,"
		" until = excluded.until, epoch = excluded.epoch,"
		" why = excluded.why, is_confirmed = excluded.is_confirmed,"
		" is_let_go = excluded.is_let_go"
		" where (x.until <= clock_timestamp()"
		" or x.owner = excluded.owner)"
		" and $7::bigint in (0, x.epoch)"
		" returning epoch, since, until" TELL,
		13, l, e);
}

int fp_db_lease_renew(struct fp_pg *p, const char *lock,
		      const struct fp_lease *l, int64_t lease_s,
		      struct fp_err *e)
{
	struct change c;

	prepare(&c, lock, l, lease_s);
	return run(p, &c,
		   HELD "update fastpath.lease set until ="
			" clock_timestamp() + $8::bigint * interval '1 s',"
			" is_confirmed = $9::boolean"
			" from held where " KEY " and epoch = $7::bigint"
			" returning epoch, since, until" TELL,
		   9, NULL, e);
}

int fp_db_lease_let_go(struct fp_pg *p, const char *lock,
		       const struct fp_lease *l, struct fp_err *e)
{
	struct change c;

	prepare(&c, lock, l, 0);
	return run(p, &c,
		   HELD "update fastpath.lease set is_let_go = true from held"
			" where " KEY " and epoch = $7::bigint"
			" returning epoch, since, until" TELL,
		   7, NULL, e);
}

int fp_db_lease_end(struct fp_pg *p, const char *lock, const struct fp_lease *l,
		    struct fp_err *e)
{
	struct change c;

	prepare(&c, lock, l, 0);
	return run(p, &c,
		   HELD "delete from fastpath.lease using held where " KEY
			" and epoch = $7::bigint"
			" returning epoch, since, until" TELL,
		   7, NULL, e);
}
