/* SPDX-License-Identifier: Apache-2.0 */
#include "health/steer_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/db.h"
#include "io/clock.h"

#define LOCK "steer"

struct fp_steer_store {
	struct fp_steer_store_opts o;
	struct fp_pg *pg;
	bool is_held;       /* the lock, as far as we know */
	bool is_checked;    /* the schema of this session */
	struct fp_lease *v; /* as read; without fp_db: all there are */
	size_t n;
};

int fp_steer_store_open(struct fp_steer_store **out,
			const struct fp_steer_store_opts *o, struct fp_err *e)
{
	struct fp_steer_store *s = calloc(1, sizeof(*s));

	if (!s)
		return fp_err_sys(e, -ENOMEM, "leases");
	s->o = *o;
	*out = s;
	return 0;
}

static void disconnect(struct fp_steer_store *s)
{
	fp_pg_close(s->pg);
	s->pg = NULL;
	s->is_checked = s->is_held = false;
}

void fp_steer_store_close(struct fp_steer_store *s)
{
	if (!s)
		return;
	disconnect(s);
	free(s->v);
	free(s);
}

static int connect_db(struct fp_steer_store *s, struct fp_err *e)
{
	char app[64];
	struct fp_pg_opts o = { .conninfo = s->o.conninfo,
				.app = app,
				.timeout_ms = s->o.timeout_ms,
				.is_locking = !s->o.is_reading };
	int r = 0;

	/* it is what a controller that waits says of us */
	snprintf(app, sizeof(app), "fp-health steer of %s", s->o.owner);
	if (s->pg && !fp_pg_is_alive(s->pg))
		disconnect(s);
	if (!s->pg)
		r = fp_pg_open(&s->pg, &o, e);
	if (!r && !s->is_checked)
		r = fp_db_check(s->pg, e);
	s->is_checked = !r;
	return r;
}

int fp_steer_store_begin(struct fp_steer_store *s, const struct fp_lease **v,
			 size_t *n, int64_t *now_s, char who[128],
			 struct fp_err *e)
{
	struct fp_lease *read = NULL;
	int r;

	if (!s->o.conninfo) {
		*v = s->v;
		*n = s->n;
		*now_s = fp_clock_unix_s();
		return 1;
	}
	r = connect_db(s, e);
	if (!r)
		r = s->o.is_reading ? 1
				    : fp_db_lock_from_idle(s->pg, LOCK,
							   s->o.idle_s, who, e);
	s->is_held = r == 1;
	if (r == 1) {
		int code = fp_db_leases(s->pg, &read, n, now_s, e);

		r = code ? code : 1;
	}
	if (r < 0) {
		/* whatever it was, the next round begins anew */
		disconnect(s);
		return fp_err_prefix(e, r, "fp_db");
	}
	if (!r)
		return 0;
	free(s->v);
	s->v = read;
	s->n = *n;
	*v = read;
	return 1;
}

void fp_steer_store_release(struct fp_steer_store *s)
{
	if (s->pg && s->is_held && !s->o.is_reading)
		fp_db_unlock(s->pg, LOCK);
	s->is_held = false;
}

/* ---- without fp_db */

static bool same(const struct fp_lease *a, const struct fp_lease *b)
{
	return a->kind == b->kind &&
	       (a->kind != FP_DEST_LOAD_BALANCER || a->id == b->id) &&
	       !strcmp(a->proxy, b->proxy) && !strcmp(a->set, b->set) &&
	       !strcmp(a->uri, b->uri);
}

static struct fp_lease *find(struct fp_steer_store *s, const struct fp_lease *l)
{
	for (size_t i = 0; i < s->n; i++)
		if (same(&s->v[i], l))
			return &s->v[i];
	return NULL;
}

static int keep(struct fp_steer_store *s, struct fp_lease *l, int64_t lease_s,
		struct fp_err *e)
{
	struct fp_lease *at = find(s, l);
	struct fp_lease *v;

	l->until_s = fp_clock_unix_s() + lease_s;
	if (!l->since_s)
		l->since_s = fp_clock_unix_s();
	l->epoch = at ? at->epoch + 1 : 1;
	if (!at) {
		v = realloc(s->v, (s->n + 1) * sizeof(*v));
		if (!v)
			return fp_err_sys(e, -ENOMEM, "leases");
		s->v = v;
		at = &v[s->n++];
	}
	*at = *l;
	return 0;
}

static void forget(struct fp_steer_store *s, const struct fp_lease *l)
{
	struct fp_lease *at = find(s, l);

	if (at)
		*at = s->v[--s->n];
}

/* ---- one lease.  l may be one of those that were read, which these leave where
 * they are while there is fp_db. */

int fp_steer_store_take(struct fp_steer_store *s, struct fp_lease *l,
			int64_t lease_s, struct fp_err *e)
{
	return s->o.conninfo ? fp_db_lease_take(s->pg, LOCK, l, lease_s, e)
			     : keep(s, l, lease_s, e);
}

int fp_steer_store_renew(struct fp_steer_store *s, const struct fp_lease *l,
			 int64_t lease_s, struct fp_err *e)
{
	struct fp_lease *at;

	if (s->o.conninfo)
		return fp_db_lease_renew(s->pg, LOCK, l, lease_s, e);
	at = find(s, l);
	if (at) {
		at->until_s = fp_clock_unix_s() + lease_s;
		at->is_confirmed = l->is_confirmed;
	}
	return 0;
}

int fp_steer_store_let_go(struct fp_steer_store *s, const struct fp_lease *l,
			  struct fp_err *e)
{
	struct fp_lease *at;

	if (s->o.conninfo)
		return fp_db_lease_let_go(s->pg, LOCK, l, e);
	at = find(s, l);
	if (at)
		at->is_let_go = true;
	return 0;
}

int fp_steer_store_end(struct fp_steer_store *s, const struct fp_lease *l,
		       struct fp_err *e)
{
	if (s->o.conninfo)
		return fp_db_lease_end(s->pg, LOCK, l, e);
	forget(s, l);
	return 0;
}
