/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_REHOME_JOBS_H
#define FP_CMD_REHOME_JOBS_H

#include "rehome.h"
#include "verb/jobs.h"

/* What became of a job's calls; left: asked without an answer, or not asked. */
enum fr_job_is {
	FR_JOB_MOVED,
	FR_JOB_GONE,
	FR_JOB_REFUSED,
	FR_JOB_SILENT,
	FR_JOB_FAILED,
	FR_JOB_LEFT
};
size_t fr_job_count(const char *state);
extern const struct fp_type fr_job_type;

#endif
