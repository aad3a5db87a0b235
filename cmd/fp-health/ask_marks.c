/* SPDX-License-Identifier: Apache-2.0 */
/* Who is in maintenance: of fp_db, in a thread, since it may hang. */
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "io/clock.h"

struct marks_job {
	char *conninfo; /* NULL: the copy alone */
	char *state_dir;
	int64_t timeout_ms;
	struct fp_mark *mark;
	size_t n;
	int db_code; /* of fp_db */
	struct fp_err db_err;
};

static int ask_db(struct marks_job *j)
{
	const struct fp_pg_opts o = { .conninfo = j->conninfo,
				      .app = "fp-health",
				      .timeout_ms = j->timeout_ms };
	struct fp_mark *v = NULL;
	struct fp_pg *pg = NULL;
	struct fp_err e;
	size_t n = 0;
	int r = fp_pg_open(&pg, &o, &j->db_err);

	if (!r)
		r = fp_db_check(pg, &j->db_err);
	if (!r)
		r = fp_db_marks(pg, &v, &n, &j->db_err);
	/* a directory that we may not write is said of the state file */
	if (!r && fp_marks_copy_write(j->state_dir, v, n, &e)) {
		j->mark = v;
		j->n = n;
		v = NULL;
	}
	free(v);
	fp_pg_close(pg);
	return r;
}

static int run(void *data, struct fp_err *e)
{
	struct marks_job *j = data;
	int64_t at_s;

	j->db_code = j->conninfo ? ask_db(j) : 0;
	if (j->mark)
		return 0;
	return fp_marks_copy_read(j->state_dir, &j->mark, &j->n, &at_s, e);
}

static void free_job(void *data)
{
	struct marks_job *j = data;

	if (j->conninfo)
		explicit_bzero(j->conninfo, strlen(j->conninfo));
	free(j->conninfo);
	free(j->state_dir);
	free(j->mark);
	free(j);
}

static void say(struct fh_ask *a, int code, const struct fp_err *e)
{
	if (code && !a->is_db_away)
		fp_log(FP_LOG_WARN,
		       "fp_db: %s; maintenance marks are those of the last copy",
		       e->text[0] ? e->text : strerror(-code));
	else if (!code && a->is_db_away)
		fp_log(FP_LOG_NOTICE, "fp_db is back");
	a->is_db_away = code;
}

/* fp_db took too long: the copy, here. */
static void read_copy(struct fh_ask *a)
{
	struct fp_mark *v = NULL;
	struct fp_err e = { .text = "" };
	int64_t at_s;
	size_t n = 0;

	if (fp_marks_copy_read(a->c->state_dir, &v, &n, &at_s, &e))
		fp_log(FP_LOG_WARN, "maintenance marks: %s", e.text);
	else
		fp_site_mark(a->site, v, n);
	free(v);
}

static void done(void *ctx, int code, void *data, const struct fp_err *e)
{
	struct fp_err late = { .text = "no answer in time" };
	struct marks_job *j = data;
	struct fh_ask *a = ctx;

	a->marking = NULL;
	if (!j) {
		say(a, code, code == -ETIMEDOUT ? &late : e);
		read_copy(a);
	} else {
		say(a, j->db_code, &j->db_err);
		if (code)
			fp_log(FP_LOG_WARN, "maintenance marks: %s", e->text);
		else
			fp_site_mark(a->site, j->mark, j->n);
	}
	if (a->marked)
		a->marked(a);
}

static struct marks_job *make_job(const struct fh_ask *a, int64_t timeout_ms)
{
	struct marks_job *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->conninfo = strdup(a->conninfo);
	j->state_dir = strdup(a->c->state_dir);
	j->timeout_ms = timeout_ms;
	if (j->conninfo && j->state_dir)
		return j;
	free_job(j);
	return NULL;
}

void fh_ask_marks(struct fh_ask *a, int64_t timeout_ms)
{
	struct fp_job job = { .run = run,
			      .done = done,
			      .free = free_job,
			      .ctx = a,
			      .timeout_ms = timeout_ms };

	if (a->marking)
		return;
	if (a->conninfo) {
		job.data = make_job(a, timeout_ms);
		if (job.data && !fp_work_do(a->work, &job, &a->marking, NULL))
			return;
		a->marking = NULL;
	}
	read_copy(a);
	if (a->marked)
		a->marked(a);
}
