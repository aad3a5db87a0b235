/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_RECOVER_JOBS_H
#define FP_CMD_RECOVER_JOBS_H

#include "recover.h"
#include "verb/jobs.h"

/* What became of a job's calls; left: without a verdict, or to be tried again. */
enum fv_job_is {
	FV_JOB_RECOVERED,
	FV_JOB_GONE,
	FV_JOB_SILENT,
	FV_JOB_FAILED,
	FV_JOB_LOST,
	FV_JOB_LEFT
};
size_t fv_job_count(const char *state);
extern const struct fp_type fv_job_type;

#endif
