/* SPDX-License-Identifier: Apache-2.0 */
/* fp-rehome abort: a job that stopped ends where it is. */
#include "jobs.h"

/* What is nobody's any more was journaled: who reads it knows. */
static void say_left(void *ctx, const struct fp_job_head *h, const uint64_t *n,
		     bool is_changed)
{
	uint64_t left = n[FR_JOB_SILENT] + n[FR_JOB_FAILED] +
			n[FR_JOB_REFUSED] + n[FR_JOB_LEFT];

	(void)ctx;
	fp_log(FP_LOG_NOTICE,
	       "%s %s: nothing is undone: %llu calls that moved stay where "
	       "they are, %llu others are where they were (fp-rehome jobs %s)",
	       h->id, is_changed ? "is aborted" : "has ended",
	       (unsigned long long)n[FR_JOB_MOVED], (unsigned long long)left,
	       h->id);
}

int fr_abort(struct fp_cli *c)
{
	static const struct fp_jobs_tool tool = { .type = &fr_job_type,
						  .count = fr_job_count,
						  .ended = say_left };
	struct fp_jobs s = { .c = c, .tool = &tool };
	struct fp_err e = { .text = "" };
	struct fr_env v;
	int r;

	if (c->argc != 1)
		return fp_cli_usage(c, "abort takes one JOB");
	r = fr_open(&v, c, &e);
	if (r)
		return fr_fail(&v, r, &e);
	fr_journal(&v, &s.journal);
	s.journal.say = fp_jobs_say;
	r = fp_verb_abort(&s, &e);
	if (r < 0)
		r = fr_fail(&v, r, &e);
	fr_close(&v);
	return r;
}
