/* SPDX-License-Identifier: Apache-2.0 */
/* fp-recover jobs: those that have not ended, or what one did. */
#include "jobs.h"

static const struct fp_field fields[] = {
	FP_JOBS_FIELDS,
	FP_JOBS_COUNT(FV_JOB_RECOVERED, "recovered", "calls"),
	FP_JOBS_COUNT(FV_JOB_GONE, "gone", "calls that had ended"),
	FP_JOBS_COUNT(FV_JOB_SILENT, "silent",
		      "calls whose far end does not answer"),
	FP_JOBS_COUNT(FV_JOB_FAILED, "failed", "at every target"),
	FP_JOBS_COUNT(FV_JOB_LOST, "lost", "calls that cannot be had"),
	FP_JOBS_COUNT(FV_JOB_LEFT, "left", "calls without a verdict"),
};
const struct fp_type fv_job_type = { "job", fields, FV_COUNT(fields) };

size_t fv_job_count(const char *state)
{
	enum fp_recover_verdict v;

	if (fp_recover_verdict_parse(state, &v))
		v = FP_REC_UNKNOWN;
	switch (v) {
	case FP_REC_RECOVERED:
		return FV_JOB_RECOVERED;
	case FP_REC_BYE:
	case FP_REC_GONE:
		return FV_JOB_GONE;
	case FP_REC_SILENT:
		return FV_JOB_SILENT;
	case FP_REC_FAILED:
		return FV_JOB_FAILED;
	case FP_REC_LOST:
		return FV_JOB_LOST;
	default:
		return FV_JOB_LEFT;
	}
}

int fv_jobs(struct fp_cli *c)
{
	static const struct fp_jobs_tool tool = { .type = &fv_job_type,
						  .count = fv_job_count };
	struct fp_jobs s = { .c = c, .tool = &tool };
	struct fp_err e = { .text = "" };
	struct fv_env v;
	int r;

	if (c->argc > 1)
		return fp_cli_usage(c, "jobs takes one JOB");
	if (c->argc && fp_cli_get(c, "all"))
		return fp_cli_usage(c, "jobs takes JOB or --all");
	r = fv_open(&v, c, &e);
	if (r)
		return fv_fail(&v, r, &e);
	fv_journal(&v, &s.journal);
	s.journal.say = fp_jobs_say;
	r = fp_verb_jobs(&s, &e);
	if (r < 0)
		r = fv_fail(&v, r, &e);
	fv_close(&v);
	return r;
}
