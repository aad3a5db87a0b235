/* SPDX-License-Identifier: Apache-2.0 */
/* --from-db: a file does not forget the rows that were taken of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recover/rescue_priv.h"

/* ---- what earlier jobs of it did */

/* Of these nothing is left to be had. */
static bool is_had(const char *state)
{
	enum fp_recover_verdict v;

	if (fp_recover_verdict_parse(state, &v))
		return false;
	return v == FP_REC_RECOVERED || v == FP_REC_BYE || v == FP_REC_GONE ||
	       v == FP_REC_SILENT;
}

static int add(void *job, const char *item, const char *state,
	       const char *detail, int64_t at_s)
{
	struct fp_rescue_job *j = job;
	char(*more)[sizeof(*j->had)];

	(void)detail;
	(void)at_s;
	if (strncmp(item, "call:", 5) || !is_had(state))
		return 0;
	more = reallocarray(j->had, j->n_had + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	j->had = more;
	snprintf(more[j->n_had++], sizeof(*more), "%s", item + 5);
	return 0;
}

static bool has_run(const struct fp_rescue_job *j, const char *run)
{
	for (size_t i = 0; i < j->n_file; i++)
		if (!strcmp(j->file_row[i].run, run))
			return true;
	return false;
}

static int add_run(struct fp_rescue_job *j, const char *run)
{
	char(*more)[64] =
		reallocarray(j->run_had, j->n_runs_had + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	j->run_had = more;
	snprintf(more[j->n_runs_had++], sizeof(*more), "%s", run);
	return 0;
}

/* *is: it was of this file, or an older copy of it. */
static int of_plan(struct fp_rescue_job *j, const struct fp_job_head *h,
		   bool *is)
{
	struct fp_recoverplan p = { .kind = "" };
	struct fp_err e;
	int r = 0;

	*is = false;
	if (!h->plan || fp_recoverplan_parse(&p, h->plan, strlen(h->plan), &e))
		return 0;
	for (size_t i = 0; i < p.n_runs && *p.from_db && !r; i++) {
		if (!has_run(j, p.runs[i]))
			continue;
		*is = true;
		if (!strcmp(h->state, "done"))
			r = add_run(j, p.runs[i]);
	}
	fp_recoverplan_fini(&p);
	return r;
}

static int of_job(struct fp_rescue_job *j, const char *id, struct fp_err *e)
{
	struct fp_job_head h = { .plan = NULL };
	size_t n = j->n_had;
	bool is = false;
	int r = fp_journal_read(&j->o.journal, id, &h, add, j, e);

	if (!r && of_plan(j, &h, &is))
		r = fp_err(e, -ENOMEM, "out of memory");
	if (!is)
		j->n_had = n;
	free(h.plan);
	return r == -ENOENT ? 0 : r; /* forgotten since */
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

int fp_rescue_had(struct fp_rescue_job *j, struct fp_err *e)
{
	struct fp_job_head *h = NULL;
	size_t n = 0;
	int r = fp_journal_list(&j->o.journal, true, &h, &n, e);

	for (size_t i = 0; i < n && !r; i++)
		if (!strcmp(h[i].tool, "fp-recover") &&
		    !strcmp(h[i].node, j->o.from->name))
			r = of_job(j, h[i].id, e);
	free(h);
	if (j->had)
		qsort(j->had, j->n_had, sizeof(*j->had), by_name);
	return r;
}

/* ---- and of the file's */

bool fp_rescue_is_run_had(const struct fp_rescue_job *j, const char *run)
{
	for (size_t i = 0; i < j->n_runs_had; i++)
		if (!strcmp(j->run_had[i], run))
			return true;
	return false;
}

/* One leg of it is enough: the others alone would be half a call. */
static bool is_up(const struct fp_rescue_job *j, const struct fp_call *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (fp_rescue_is_up(j, j->r.calls.leg[c->first + i].uuid))
			return true;
	return false;
}

void fp_rescue_leave_had(struct fp_rescue_job *j)
{
	for (size_t i = 0; i < j->r.calls.n_calls && !j->is_staged; i++) {
		struct fp_call *c = &j->r.calls.call[i];

		if (is_up(j, c) ||
		    (j->n_had && bsearch(c->name, j->had, j->n_had,
					 sizeof(*j->had), by_name)))
			c->fate = FP_FATE_SKIP;
	}
}
