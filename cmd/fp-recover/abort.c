/* SPDX-License-Identifier: Apache-2.0 */
/* fp-recover abort: a job that stopped ends where it is. */
#include "jobs.h"

struct ending {
	struct fv_env v;
	struct fp_rescue_opts o;
	uint64_t n_back, n_kept;
};

static int end(void *ctx, const char *id, struct fp_err *e)
{
	struct ending *x = ctx;

	return fp_rescue_abort(&x->o, id, &x->n_back, &x->n_kept, e);
}

static void say_left(void *ctx, const struct fp_job_head *h, const uint64_t *n,
		     bool is_changed)
{
	const struct ending *x = ctx;

	fp_log(FP_LOG_NOTICE,
	       "%s %s: %llu calls that came up stay where they are, %llu rows "
	       "are back in recovery as they were, %llu stay staged, not "
	       "proven (fp-recover jobs %s)",
	       h->id, is_changed ? "is aborted" : "has ended",
	       (unsigned long long)n[FV_JOB_RECOVERED],
	       (unsigned long long)x->n_back, (unsigned long long)x->n_kept,
	       h->id);
}

int fv_abort(struct fp_cli *c)
{
	struct ending x = { .n_back = 0 };
	const struct fp_jobs_tool tool = { .type = &fv_job_type,
					   .count = fv_job_count,
					   .end = end,
					   .ended = say_left,
					   .ctx = &x };
	struct fp_jobs s = { .c = c, .tool = &tool };
	struct fp_err e = { .text = "" };
	int r;

	if (c->argc != 1)
		return fp_cli_usage(c, "abort takes one JOB");
	r = fv_open(&x.v, c, &e);
	if (r)
		return fv_fail(&x.v, r, &e);
	fv_rescue(&x.v, FP_RECOVER_FAILOVER, &x.o);
	x.o.journal.say = fp_jobs_say;
	s.journal = x.o.journal;
	r = fp_verb_abort(&s, &e);
	if (r < 0)
		r = fv_fail(&x.v, r, &e);
	fv_close(&x.v);
	return r;
}
