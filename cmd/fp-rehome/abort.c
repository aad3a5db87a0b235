/* SPDX-License-Identifier: Apache-2.0 */
/* fp-rehome abort: a job that stopped ends where it is. */
#include <stdlib.h>
#include <string.h>

#include "jobs.h"

struct abort {
	struct fr_env v;
	struct fp_journal_opts o;
	struct fp_job_head h;
	struct fr_job_calls n;
	bool is_changed;
};

static int look(struct abort *a, const char *id, struct fp_err *e)
{
	free(a->h.plan);
	a->h.plan = NULL;
	a->n = (struct fr_job_calls){ .moved = 0 };
	return fp_journal_read(&a->o, id, &a->h, fr_job_count, &a->n, e);
}

/* What is nobody's any more was journaled: who reads it knows. */
static void say_left(const struct abort *a)
{
	const struct fr_job_calls *n = &a->n;
	uint64_t left = n->silent + n->failed + n->refused + n->left;

	fp_log(FP_LOG_NOTICE,
	       "%s %s: nothing is undone: %llu calls that moved stay where "
	       "they are, %llu others are where they were (fp-rehome jobs %s)",
	       a->h.id, a->is_changed ? "is aborted" : "has ended",
	       (unsigned long long)n->moved, (unsigned long long)left, a->h.id);
}

static int end(struct abort *a, const char *id, struct fp_err *e)
{
	struct fp_job_head was = { .plan = NULL };
	struct fp_journal *j;
	int r = fp_journal_resume(&j, &a->o, id, &was, NULL, 0, NULL, NULL, e);

	free(was.plan);
	if (r == -EALREADY)
		return 0;
	if (r == -EBUSY)
		return fp_err_prefix(e, r, "job %s runs", id);
	if (r)
		return r;
	r = fp_journal_state(j, "aborted", e);
	fp_journal_close(j);
	if (r)
		return r;
	a->is_changed = true;
	fp_log_change(fp_cli_get(a->v.c, "why"), "job %s aborted", id);
	return 0;
}

/* What would be refused or changed, by what is seen now. */
static int would(struct abort *a, const char *id, struct fp_err *e)
{
	int r = look(a, id, e);

	if (!r && !strcmp(a->h.state, "running"))
		r = fp_err(e, -EBUSY, "job %s runs: %s", id, a->h.owner);
	a->is_changed = !r && !strcmp(a->h.state, "stopped");
	return r;
}

static int do_abort(struct abort *a, const char *id, struct fp_err *e)
{
	bool is_dry_run = a->v.c->is_dry_run;
	int r = fr_job_check(&a->v, e);

	if (!r)
		r = is_dry_run ? would(a, id, e) : end(a, id, e);
	if (!r && !is_dry_run)
		r = look(a, id, e);
	if (!r)
		r = fr_job_record(&a->v, &a->h, &a->n, e);
	if (r)
		return r;
	fp_out_summary(a->v.c->out, a->is_changed, NULL, NULL);
	if (!is_dry_run)
		say_left(a);
	return is_dry_run && a->is_changed ? FP_EXIT_NO : FP_EXIT_OK;
}

static void say(void *ctx, const char *text)
{
	(void)ctx;
	fp_log(FP_LOG_WARN, "%s", text);
}

int fr_abort(struct fp_cli *c)
{
	struct fp_err e = { .text = "" };
	struct abort a = { .is_changed = false };
	int r;

	if (c->argc != 1)
		return fp_cli_usage(c, "abort takes one JOB");
	r = fr_open(&a.v, c, &e);
	if (r)
		return fr_fail(&a.v, r, &e);
	fr_journal(&a.v, &a.o);
	a.o.say = say;
	r = do_abort(&a, c->argv[0], &e);
	/* as begin: no lock to be had is refused */
	if (r < 0 && r != -EBUSY && r != -EINTR && e.rule[0])
		r = -EPERM;
	if (r < 0)
		r = fr_fail(&a.v, r, &e);
	free(a.h.plan);
	fr_close(&a.v);
	return r;
}
