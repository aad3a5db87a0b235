/* SPDX-License-Identifier: Apache-2.0 */
/* Reading jobs and their words from fp_db. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/journal_disk.h"
#include "db/priv.h"

#define UNIX(column) "extract(epoch from " column ")::bigint"
#define PAGE "5000"

#define HEAD                                                                   \
	"id, tool, verb, node, who, state, owner, " UNIX("started") ", " UNIX( \
		"updated") ", "                                                \
			   "coalesce(" UNIX("ended") ", 0), epoch"

static void take_head(struct fp_job_head *h, const struct fp_pg_rows *r,
		      size_t i)
{
	*h = (struct fp_job_head){ .plan = NULL };
	fp_db_text(h->id, sizeof(h->id), r, i, 0);
	fp_db_text(h->tool, sizeof(h->tool), r, i, 1);
	fp_db_text(h->verb, sizeof(h->verb), r, i, 2);
	fp_db_text(h->node, sizeof(h->node), r, i, 3);
	fp_db_text(h->by, sizeof(h->by), r, i, 4);
	fp_db_text(h->state, sizeof(h->state), r, i, 5);
	fp_db_text(h->owner, sizeof(h->owner), r, i, 6);
	h->started_s = fp_pg_int(r, i, 7);
	h->updated_s = fp_pg_int(r, i, 8);
	h->ended_s = fp_pg_int(r, i, 9);
}

int fp_journal_rows_head(struct fp_pg *p, const char *id, struct fp_job_head *h,
			 char **plan, int64_t *epoch, struct fp_err *e)
{
	const char *params[] = { id };
	struct fp_pg_rows *rows;
	const char *text;
	char *copy = NULL;
	int r = fp_pg_do(p,
			 "select " HEAD
			 ", plan from fastpath.job where id = $1",
			 params, 1, &rows, NULL, e);

	if (r)
		return r;
	text = fp_pg_value(rows, 0, 11);
	if (!fp_pg_n(rows))
		r = fp_err(e, -ENOENT, "fp_db has no job %s", id);
	else if (plan && !(copy = strdup(text ? text : "{}")))
		r = fp_err(e, -ENOMEM, "out of memory");
	if (!r) {
		take_head(h, rows, 0);
		if (plan)
			*plan = copy; /* which may be h's */
		if (epoch)
			*epoch = fp_pg_int(rows, 0, 10);
	}
	fp_pg_rows_free(rows);
	return r;
}

/* ---- words */

struct reading {
	struct fp_journal_items *items;
	struct fp_journal_place at;
	struct fp_buf detail;
};

/* What we wrote was clean; spaces go, so that it is as in a copy. */
static const char *detail_of(struct reading *x, const char *text)
{
	x->detail.len = 0;
	if (!text || fp_jobline_object(&x->detail, text, strlen(text)))
		return "{}";
	return fp_buf_str(&x->detail);
}

static int take_row(struct reading *x, const struct fp_pg_rows *rows, size_t i)
{
	const char *item = fp_pg_value(rows, i, 0), *detail;

	if (!*item) {
		x->at = (struct fp_journal_place){ fp_pg_int(rows, i, 4), 0 };
		return 0;
	}
	detail = detail_of(x, fp_pg_value(rows, i, 2));
	return detail ? fp_journal_items_put(x->items, item,
					     fp_pg_value(rows, i, 1), detail,
					     fp_pg_int(rows, i, 3),
					     (struct fp_journal_place){
						     x->at.epoch, x->at.n++ },
					     FP_IN_DB)
		      : -ENOMEM;
}

static int page(struct fp_pg *p, struct reading *x, size_t *n, struct fp_err *e)
{
	struct fp_pg_rows *rows;
	int r = fp_pg_do(p, "fetch forward " PAGE " from words", NULL, 0, &rows,
			 NULL, e);

	if (r)
		return r;
	*n = fp_pg_n(rows);
	for (size_t i = 0; i < *n && !r; i++)
		r = take_row(x, rows, i);
	if (r)
		fp_err(e, r, "out of memory");
	fp_pg_rows_free(rows);
	return r;
}

/* A cursor, since a server that has not looked at a table's new rows yet sorts all
 * of them for each page that is asked for by itself. */
static int open_words(struct fp_pg *p, const char *id, struct fp_err *e)
{
	char sql[400];
	int r = fp_pg_do(p, "begin", NULL, 0, NULL, NULL, e);

	if (r)
		return r;
	/* DECLARE takes no parameters; an id has letters, digits, '-', '.' and
	 * '_' alone */
	snprintf(sql, sizeof(sql),
		 "declare words no scroll cursor for"
		 " select item, state, detail, " UNIX(
			 "at") ", detail ->> 'epoch'"
			       " from fastpath.journal where job = '%s'"
			       " order by job, seq",
		 id);
	return fp_pg_do(p, sql, NULL, 0, NULL, NULL, e);
}

int fp_journal_rows_items(struct fp_pg *p, const char *id,
			  struct fp_journal_items *items, struct fp_err *e)
{
	struct reading x = { .items = items };
	size_t n = 1;
	int r;

	if (!fp_journal_is_id(id))
		return fp_err(e, -EINVAL, "%s: no job", id);
	r = open_words(p, id, e);
	while (!r && n)
		r = page(p, &x, &n, e);
	fp_buf_fini(&x.detail);
	return fp_db_finish(p, r, e);
}

/* ---- jobs */

#define LOCKS                                                                  \
	"select objid::bigint from pg_locks where locktype = 'advisory'"       \
	" and granted and classid = " FP_DB_CLASS " and objsubid = 2"          \
	" and database = (select oid from pg_database"                         \
	" where datname = current_database())"

static bool is_among(const struct fp_pg_rows *locks, const char *name)
{
	char key[FP_DB_LOCK_KEY];

	fp_db_lock_key(name, key);
	for (size_t i = 0; i < fp_pg_n(locks); i++)
		if (!strcmp(fp_pg_value(locks, i, 0), key))
			return true;
	return false;
}

int fp_journal_rows_is_held(struct fp_pg *p, const char *name, bool *out,
			    struct fp_err *e)
{
	struct fp_pg_rows *locks;
	int r = fp_pg_do(p, LOCKS, NULL, 0, &locks, NULL, e);

	if (r)
		return r;
	*out = is_among(locks, name);
	fp_pg_rows_free(locks);
	return 0;
}

int fp_journal_rows_jobs(struct fp_pg *p, bool is_all, struct fp_job_head **out,
			 size_t *n, struct fp_err *e)
{
	struct fp_pg_rows *rows = NULL, *locks = NULL;
	struct fp_job_head *v;
	int r = fp_pg_do(p,
			 is_all ? "select " HEAD " from fastpath.job"
				  " order by started desc, id desc"
				: "select " HEAD " from fastpath.job"
				  " where ended is null"
				  " order by started desc, id desc",
			 NULL, 0, &rows, NULL, e);

	if (!r)
		r = fp_pg_do(p, LOCKS, NULL, 0, &locks, NULL, e);
	if (!r)
		r = fp_db_array(&v, fp_pg_n(rows), sizeof(*v), e);
	for (size_t i = 0; !r && i < fp_pg_n(rows); i++) {
		char name[FP_JOURNAL_JOB_LOCK];

		take_head(&v[i], rows, i);
		fp_journal_job_lock(v[i].id, name);
		if (!strcmp(v[i].state, "running") && !is_among(locks, name))
			strcpy(v[i].state, "stopped");
	}
	if (!r) {
		*out = v;
		*n = fp_pg_n(rows);
	}
	fp_pg_rows_free(rows);
	fp_pg_rows_free(locks);
	return r;
}

int fp_db_jobs(struct fp_pg *p, struct fp_job_row **out, size_t *n,
	       struct fp_err *e)
{
	struct fp_job_head *h = NULL;
	struct fp_job_row *v;
	size_t count = 0;
	int r = fp_journal_rows_jobs(p, false, &h, &count, e);

	if (!r)
		r = fp_db_array(&v, count, sizeof(*v), e);
	for (size_t i = 0; i < count && !r; i++) {
		const struct fp_job_head *x = &h[count - 1 - i];

		v[i] = (struct fp_job_row){ .started_s = x->started_s,
					    .updated_s = x->updated_s };
		strcpy(v[i].id, x->id);
		strcpy(v[i].tool, x->tool);
		strcpy(v[i].verb, x->verb);
		strcpy(v[i].node, x->node);
		strcpy(v[i].state, x->state);
		strcpy(v[i].by, x->by);
	}
	free(h);
	if (r)
		return r;
	*out = v;
	*n = count;
	return 0;
}
