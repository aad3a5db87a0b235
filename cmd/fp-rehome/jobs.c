/* SPDX-License-Identifier: Apache-2.0 */
/* fp-rehome jobs: those that have not ended, or what one did. */
#include "jobs.h"

static const struct fp_field fields[] = {
	FP_JOBS_FIELDS,
	FP_JOBS_COUNT(FR_JOB_MOVED, "moved", "calls"),
	FP_JOBS_COUNT(FR_JOB_GONE, "gone", "calls that had ended"),
	FP_JOBS_COUNT(FR_JOB_REFUSED, "refused", "by an endpoint"),
	FP_JOBS_COUNT(FR_JOB_SILENT, "silent",
		      "calls whose endpoint does not answer"),
	FP_JOBS_COUNT(FR_JOB_FAILED, "failed", "to the last try"),
	FP_JOBS_COUNT(FR_JOB_LEFT, "left", "calls without a verdict"),
};
const struct fp_type fr_job_type = { "job", fields, FR_COUNT(fields) };

size_t fr_job_count(const char *state)
{
	enum fp_move_verdict v;

	if (fp_move_verdict_parse(state, &v))
		v = FP_MOVE_UNKNOWN;
	switch (v) {
	case FP_MOVE_MOVED:
	case FP_MOVE_DONE:
		return FR_JOB_MOVED;
	case FP_MOVE_GONE:
		return FR_JOB_GONE;
	case FP_MOVE_REFUSED:
		return FR_JOB_REFUSED;
	case FP_MOVE_SILENT:
		return FR_JOB_SILENT;
	case FP_MOVE_FAILED:
		return FR_JOB_FAILED;
	default:
		return FR_JOB_LEFT;
	}
}

int fr_jobs(struct fp_cli *c)
{
	static const struct fp_jobs_tool tool = { .type = &fr_job_type,
						  .count = fr_job_count };
	struct fp_jobs s = { .c = c, .tool = &tool };
	struct fp_err e = { .text = "" };
	struct fr_env v;
	int r;

	if (c->argc > 1)
		return fp_cli_usage(c, "jobs takes one JOB");
	if (c->argc && fp_cli_get(c, "all"))
		return fp_cli_usage(c, "jobs takes JOB or --all");
	r = fr_open(&v, c, &e);
	if (r)
		return fr_fail(&v, r, &e);
	fr_journal(&v, &s.journal);
	s.journal.say = fp_jobs_say;
	r = fp_verb_jobs(&s, &e);
	if (r < 0)
		r = fr_fail(&v, r, &e);
	fr_close(&v);
	return r;
}
