/* SPDX-License-Identifier: Apache-2.0 */
/* A job's session with fp_db: it has the locks, and when it is lost they are taken
 * again before anything is written. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "db/journal_disk.h"
#include "db/priv.h"
#include "io/clock.h"

/* Whose process was killed just now has its locks until the server saw it. */
#define LOCK_MS 1000
#define STEP_MS 20

struct fp_journal_db *fp_journal_db_new(const struct fp_journal_opts *o)
{
	struct fp_journal_db *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->conninfo = strdup(o->conninfo);
	d->app = strdup(o->app ? o->app : "fastpath");
	d->owner = strdup(o->owner ? o->owner : "");
	d->timeout_ms = o->timeout_ms;
	d->idle_s = o->idle_s;
	if (d->conninfo && d->app && d->owner)
		return d;
	fp_journal_db_free(d);
	return NULL;
}

static void disconnect(struct fp_journal_db *d)
{
	fp_pg_close(d->pg);
	d->pg = NULL;
}

void fp_journal_db_free(struct fp_journal_db *d)
{
	if (!d)
		return;
	/* a session that ends gives them back too, but a moment later */
	if (d->pg && fp_pg_is_alive(d->pg))
		fp_pg_do(d->pg, "select pg_advisory_unlock_all()", NULL, 0,
			 NULL, NULL, NULL);
	disconnect(d);
	for (size_t i = 0; i < d->n_locks; i++)
		free(d->lock[i]);
	free(d->lock);
	free(d->conninfo);
	free(d->app);
	free(d->owner);
	free(d);
}

int fp_journal_db_name(struct fp_journal_db *d, const char *name)
{
	char **more;

	for (size_t i = 0; i < d->n_locks; i++)
		if (!strcmp(d->lock[i], name))
			return 0;
	more = reallocarray(d->lock, d->n_locks + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	d->lock = more;
	more[d->n_locks] = strdup(name);
	if (!more[d->n_locks])
		return -ENOMEM;
	d->n_locks++;
	return 0;
}

int fp_journal_db_away(int code, struct fp_err *e)
{
	switch (code) {
	case -EAGAIN:
	case -ECONNREFUSED:
	case -ECONNRESET:
	case -EHOSTUNREACH:
	case -EROFS:
	case -ETIMEDOUT:
		if (e)
			strcpy(e->rule, "lock");
		break;
	default:
		break;
	}
	return code;
}

/* ---- sessions */

/* A session whose network was cut lives on at the server until its keepalives fail,
 * with our locks: it is ours to end. */
static int end_ghost(struct fp_journal_db *d, struct fp_err *e)
{
	const char *params[] = { d->ghost };
	int r;

	if (!*d->ghost)
		return 0;
	r = fp_pg_do(d->pg,
		     "select pg_terminate_backend(pid) from pg_stat_activity"
		     " where pid || ' ' || extract(epoch from backend_start)"
		     " = $1",
		     params, 1, NULL, NULL, e);
	return r == -EACCES ? 0 : r;
}

static int know_session(struct fp_journal_db *d, struct fp_err *e)
{
	struct fp_pg_rows *rows;
	int r = fp_pg_do(
		d->pg,
		"select pid || ' ' || extract(epoch from backend_start)"
		" from pg_stat_activity where pid = pg_backend_pid()",
		NULL, 0, &rows, NULL, e);

	if (r)
		return r;
	fp_db_text(d->ghost, sizeof(d->ghost), rows, 0, 0);
	fp_pg_rows_free(rows);
	return 0;
}

static int connect_db(struct fp_journal_db *d, struct fp_err *e)
{
	const struct fp_pg_opts o = { .conninfo = d->conninfo,
				      .app = d->app,
				      .timeout_ms = d->timeout_ms,
				      .is_locking = true };
	int r = fp_pg_open(&d->pg, &o, e);

	if (r)
		d->pg = NULL;
	if (!r)
		r = fp_db_check(d->pg, e);
	if (!r)
		r = end_ghost(d, e);
	d->is_doubtful = true;
	return r ? r : know_session(d, e);
}

/* ---- locks */

static int take_lock(struct fp_journal_db *d, const char *name,
		     bool is_from_idle, struct fp_err *e)
{
	const struct timespec a_while = { .tv_nsec = STEP_MS * 1000000 };
	int64_t end_ms = fp_clock_ms() + LOCK_MS;
	char who[128] = "";
	int r;

	for (;;) {
		r = is_from_idle ? fp_db_lock_from_idle(d->pg, name, d->idle_s,
							who, e)
				 : fp_db_lock(d->pg, name, who, e);
		if (r || fp_clock_ms() >= end_ms)
			break;
		nanosleep(&a_while, NULL);
	}
	if (r)
		return r < 0 ? r : 0;
	return fp_err(e, -EBUSY, "lock \"%s\" is held by %s", name,
		      *who ? who : "another session");
}

int fp_journal_db_ready(struct fp_journal_db *d, bool is_from_idle,
			struct fp_err *e)
{
	int r = 0;

	if (d->pg && fp_pg_is_alive(d->pg))
		return 0;
	disconnect(d);
	r = connect_db(d, e);
	for (size_t i = 0; i < d->n_locks && !r; i++)
		r = take_lock(d, d->lock[i], is_from_idle, e);
	if (!r)
		return 0;
	disconnect(d); /* all or none */
	fp_err_prefix(e, r, "fp_db");
	if (r == -ENOENT && e) /* no such database, or without our schema */
		strcpy(e->rule, "lock");
	return r;
}

int fp_journal_db_lock(struct fp_journal_db *d, const char *name,
		       struct fp_err *e)
{
	int r = fp_journal_db_ready(d, false, e);

	if (r)
		return r;
	r = take_lock(d, name, false, e);
	if (r)
		fp_err_prefix(e, r, "fp_db");
	if (!r && fp_journal_db_name(d, name)) {
		fp_db_unlock(d->pg, name);
		r = fp_err(e, -ENOMEM, "out of memory");
	}
	return r;
}

void fp_journal_db_unlock(struct fp_journal_db *d, const char *name)
{
	for (size_t i = 1; i < d->n_locks; i++) {
		if (strcmp(d->lock[i], name))
			continue;
		free(d->lock[i]);
		d->lock[i] = d->lock[--d->n_locks];
		if (d->pg && fp_pg_is_alive(d->pg))
			fp_db_unlock(d->pg, name);
		break;
	}
}
