/* SPDX-License-Identifier: Apache-2.0 */
#include "health/probe_sql.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/ssl_thread.h"

#define JOB_SLACK_MS 1000 /* the engine's deadline comes first */

#define HOSTS_MAX 32

enum stage { WAITING, RESOLVING, CONNECTING, ASKING };

/* A reading under way: the thread's, but for where it is. */
struct ask {
	char *conninfo, *app;
	const char *sql;
	int64_t timeout_ms;
	struct fp_pg_rows *rows;
	_Atomic int stage;
};

struct sql {
	const struct fp_probe_sql *q;
	struct fp_task *task;
	struct ask *ask; /* ours to look at while task is there */
};

static void free_ask(void *data)
{
	struct ask *a = data;

	if (a->rows)
		fp_pg_rows_free(a->rows);
	free(a->conninfo);
	free(a->app);
	free(a);
}

/* One of several will do. */
static int resolve(const char *conninfo, struct fp_err *e)
{
	char host[HOSTS_MAX][FP_PG_HOST_SIZE];
	size_t n = fp_pg_hosts(conninfo, host, HOSTS_MAX);
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		r = fp_resolve_wait(host[i], e);
		if (!r)
			break;
	}
	return r;
}

static int run(void *data, struct fp_err *e)
{
	struct ask *a = data;
	const struct fp_pg_opts o = { .conninfo = a->conninfo,
				      .app = a->app,
				      .timeout_ms = a->timeout_ms };
	struct fp_pg *pg;
	int r;

	a->stage = RESOLVING;
	r = resolve(a->conninfo, e);
	if (r)
		return r;
	a->stage = CONNECTING;
	r = fp_probe_has_socket(e);
	if (!r)
		r = fp_pg_open(&pg, &o, e);
	if (!r) {
		a->stage = ASKING;
		r = fp_pg_do(pg, a->sql, NULL, 0, &a->rows, NULL, e);
		fp_pg_close(pg);
	}
	fp_ssl_thread_end();
	return r;
}

/* It answers, but not to us: nothing is known of how it is. */
static void fail(struct fp_reading *r, int code, const struct fp_err *e)
{
	if (code == -EACCES)
		fp_reading_say(r, FP_UNKNOWN, "%s", e->text);
	else
		fp_reading_fail(r, code, e);
}

static void done(void *ctx, int code, void *data, const struct fp_err *e)
{
	struct fp_probe *p = ctx;
	struct sql *d = p->data;
	struct ask *a = data;
	struct fp_reading r;

	d->task = NULL;
	d->ask = NULL;
	fp_reading_init(&r);
	if (!code)
		d->q->read(p, a->rows, &r);
	else if (a && a->stage == RESOLVING)
		fp_reading_no_name(&r, code, e);
	else if (!d->q->fail || !d->q->fail(code, e, &r))
		fail(&r, code, e);
	fp_probe_done(p, &r);
}

/* ---- a probe kind's */

int fp_probe_sql_init(struct fp_probe *p, const struct fp_probe_sql *q,
		      struct fp_err *e)
{
	struct sql *d = calloc(1, sizeof(*d));

	if (!d)
		return fp_err(e, -ENOMEM, "out of memory");
	d->q = q;
	p->data = d;
	return 0;
}

void fp_probe_sql_fini(struct fp_probe *p)
{
	struct sql *d = p->data;

	if (d->task)
		fp_work_cancel(d->task);
	free(d);
	p->data = NULL;
}

static struct ask *new_ask(const struct fp_probe *p,
			   const struct fp_probe_sql *q)
{
	const char *conninfo = fp_inventory_var(p->host, q->var);
	struct ask *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->conninfo = strdup(conninfo ? conninfo : "");
	a->app = strdup(p->env->app ? p->env->app : "fp-health");
	a->sql = q->sql;
	/* within the engine's deadline, so that what is known of it is told */
	a->timeout_ms = p->timeout_ms - p->timeout_ms / 10;
	if (a->conninfo && a->app)
		return a;
	free_ask(a);
	return NULL;
}

void fp_probe_sql_start(struct fp_probe *p)
{
	struct sql *d = p->data;
	struct fp_err e = { .text = "" };
	struct ask *a = new_ask(p, d->q);
	struct fp_reading r;
	int code = -ENOMEM;

	if (a) {
		struct fp_job job = { .run = run,
				      .done = done,
				      .free = free_ask,
				      .data = a,
				      .ctx = p,
				      .timeout_ms =
					      p->timeout_ms + JOB_SLACK_MS };

		d->ask = a;
		code = fp_work_do(p->env->work, &job, &d->task, &e);
	}
	if (!code)
		return;
	d->task = NULL;
	d->ask = NULL;
	fp_reading_init(&r);
	fp_reading_fail(&r, code, &e);
	fp_probe_done(p, &r);
}

void fp_probe_sql_expire(struct fp_probe *p, struct fp_reading *r)
{
	struct sql *d = p->data;
	int stage = d->ask ? d->ask->stage : WAITING;

	if (d->task)
		fp_work_cancel(d->task);
	d->task = NULL;
	d->ask = NULL;
	switch (stage) {
	case WAITING:
		fp_reading_say(r, FP_UNKNOWN,
			       "not asked within %lld ms: too many others hang",
			       (long long)p->timeout_ms);
		return;
	case RESOLVING:
		fp_reading_say(r, FP_UNKNOWN, "no answer from DNS in %lld ms",
			       (long long)p->timeout_ms);
		break;
	case CONNECTING:
		fp_reading_say(r, FP_CRITICAL, "no session within %lld ms",
			       (long long)p->timeout_ms);
		break;
	default:
		fp_reading_say(r, FP_CRITICAL,
			       "a session, but no answer within %lld ms",
			       (long long)p->timeout_ms);
	}
	r->is_silent = true;
}
