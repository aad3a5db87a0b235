/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at jobs: nothing is locked or changed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db/db.h"
#include "db/journal_own.h"

/* A job, or all, as a thread reads it. */
struct looking {
	struct fp_journal_opts o; /* texts are ours */
	struct fp_pg *pg;         /* NULL: without fp_db */
	int jobs, locks;          /* -1: there is no such directory */
	bool is_all;
	/* of one */
	char id[40];
	struct fp_job_head h;
	struct fp_journal_items items;
	/* of all */
	struct fp_job_head *v;
	size_t n;
	struct fp_err bad; /* of a copy that cannot be read */
};

static void looking_free(void *data)
{
	struct looking *l = data;

	fp_pg_close(l->pg);
	if (l->jobs >= 0)
		close(l->jobs);
	if (l->locks >= 0)
		close(l->locks);
	free(l->h.plan);
	free(l->v);
	fp_journal_items_fini(&l->items);
	fp_journal_opts_fini(&l->o);
	free(l);
}

static int look(struct looking *l, struct fp_err *e)
{
	const struct fp_pg_opts o = { .conninfo = l->o.conninfo,
				      .app = l->o.app,
				      .timeout_ms = l->o.timeout_ms };
	int r = fp_journal_dir(l->o.state_dir, false, &l->jobs, &l->locks, e);

	if (r == -ENOENT)
		r = 0;
	if (!r && o.conninfo) {
		r = fp_pg_open(&l->pg, &o, e);
		if (r)
			l->pg = NULL;
		if (!r)
			r = fp_db_check(l->pg, e);
		if (r)
			fp_err_prefix(e, r, "fp_db");
		if (r == -ENOENT && e) /* no such database, or no schema */
			strcpy(e->rule, "lock");
	}
	return fp_journal_db_away(r, e);
}

/* Whose holder died without a word is stopped. */
static void correct(const struct looking *l, struct fp_job_head *h,
		    bool is_held_there)
{
	char name[FP_JOURNAL_JOB_LOCK];

	fp_journal_job_lock(h->id, name);
	if (strcmp(h->state, "running") && strcmp(h->state, "stopped"))
		return;
	if (is_held_there ||
	    (l->locks >= 0 && fp_journal_is_flocked(l->locks, name)))
		strcpy(h->state, "running");
	else
		strcpy(h->state, "stopped");
}

/* ---- one */

static int read_rows(struct looking *l, bool *is_there, struct fp_err *e)
{
	char name[FP_JOURNAL_JOB_LOCK];
	bool is_held;
	int r = fp_journal_rows_head(l->pg, l->id, &l->h, &l->h.plan, NULL, e);

	*is_there = !r;
	if (r == -ENOENT)
		return 0;
	fp_journal_job_lock(l->id, name);
	if (!r)
		r = fp_journal_rows_items(l->pg, l->id, &l->items, e);
	if (!r)
		r = fp_journal_rows_is_held(l->pg, name, &is_held, e);
	if (!r)
		correct(l, &l->h, is_held);
	return r;
}

static int read_run(void *data, struct fp_err *e)
{
	struct looking *l = data;
	struct fp_journal_seen s = { .is_there = false };
	bool is_there = false;
	int r = look(l, e);

	if (!r && l->jobs >= 0)
		r = fp_journal_copy_read(l->jobs, l->id, &s, &l->items, e);
	if (!r && l->pg)
		r = read_rows(l, &is_there, e);
	if (!r && !is_there && s.is_there) {
		l->h = s.h;
		s.h.plan = NULL;
		correct(l, &l->h, false);
	} else if (!r && !is_there) {
		r = fp_err(e, -ENOENT, "there is no job %s", l->id);
	}
	fp_journal_seen_fini(&s);
	return r;
}

/* ---- all */

static bool is_listed(const struct looking *l, const char *id, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(l->v[i].id, id))
			return true;
	return false;
}

static int add_copy(struct looking *l, const char *id, struct fp_err *e)
{
	struct fp_journal_seen s;
	struct fp_job_head *more;
	int r = fp_journal_copy_read(l->jobs, id, &s, NULL, &l->bad);

	/* one that is bad does not hide the others */
	if (r || !s.is_there)
		return 0;
	fp_journal_seen_fini(&s);
	s.h.plan = NULL;
	more = reallocarray(l->v, l->n + 1, sizeof(*more));
	if (!more)
		return fp_journal_oom(e);
	l->v = more;
	more[l->n] = s.h;
	correct(l, &more[l->n++], false);
	return 0;
}

static int by_age(const void *x, const void *y)
{
	const struct fp_job_head *a = x, *b = y;

	if (a->started_s != b->started_s)
		return a->started_s < b->started_s ? 1 : -1;
	return strcmp(b->id, a->id);
}

static int add_copies(struct looking *l, struct fp_err *e)
{
	size_t n, n_there = l->n;
	char(*id)[40];
	int r = fp_journal_copy_ids(l->jobs, &id, &n, e);

	if (r)
		return r;
	for (size_t i = 0; i < n && !r; i++)
		if (!is_listed(l, id[i], n_there))
			r = add_copy(l, id[i], e);
	free(id);
	return r;
}

/* Ended ones are read too: their copies are none of fp_db's lack. */
static int list_run(void *data, struct fp_err *e)
{
	struct looking *l = data;
	size_t n = 0;
	int r = look(l, e);

	if (!r && l->pg)
		r = fp_journal_rows_jobs(l->pg, true, &l->v, &l->n, e);
	for (size_t i = 0; i < l->n && !r; i++)
		correct(l, &l->v[i], !strcmp(l->v[i].state, "running"));
	if (!r && l->jobs >= 0)
		r = add_copies(l, e);
	for (size_t i = 0; i < l->n && !r; i++)
		if (l->is_all || !l->v[i].ended_s)
			l->v[n++] = l->v[i];
	if (!r && n) {
		l->n = n;
		qsort(l->v, n, sizeof(*l->v), by_age);
	} else if (!r) {
		l->n = 0;
	}
	return r;
}

/* ---- on the loop */

static int run(struct looking **out, const struct fp_journal_opts *o,
	       const char *id, bool is_all,
	       int (*what)(void *data, struct fp_err *e), struct fp_err *e)
{
	struct looking *l = calloc(1, sizeof(*l));
	const struct fp_journal_do d = { what, looking_free, l };
	bool is_lost, is_interrupted = false;
	int r;

	if (!l)
		return fp_journal_oom(e);
	l->jobs = l->locks = -1;
	l->is_all = is_all;
	if (id)
		strcpy(l->id, id);
	r = fp_journal_opts_copy(&l->o, o, e);
	if (r) {
		looking_free(l);
		return r;
	}
	r = fp_journal_do(o, &d, o->timeout_ms * 1000, &is_lost,
			  &is_interrupted, e);
	if (is_lost)
		return r;
	if (!r && is_interrupted)
		r = fp_err(e, -EINTR, "interrupted");
	if (r)
		looking_free(l);
	else
		*out = l;
	return r;
}

int fp_journal_read(const struct fp_journal_opts *o, const char *id,
		    struct fp_job_head *h, fp_journal_item *each, void *ctx,
		    struct fp_err *e)
{
	struct looking *l;
	int r;

	if (!fp_journal_is_id(id))
		return fp_err(e, -ENOENT, "there is no job %s", id);
	r = run(&l, o, id, false, read_run, e);
	if (r)
		return r;
	if (each)
		r = fp_journal_items_each(&l->items, each, ctx, e);
	if (!r) {
		*h = l->h;
		l->h.plan = NULL;
	}
	looking_free(l);
	return r;
}

int fp_journal_list(const struct fp_journal_opts *o, bool is_all,
		    struct fp_job_head **out, size_t *n, struct fp_err *e)
{
	struct looking *l;
	int r = run(&l, o, NULL, is_all, list_run, e);

	if (r)
		return r;
	if (l->bad.text[0] && o->say)
		o->say(o->ctx, l->bad.text);
	*out = l->v;
	*n = l->n;
	l->v = NULL;
	looking_free(l);
	return 0;
}
