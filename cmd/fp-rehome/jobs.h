/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_REHOME_JOBS_H
#define FP_CMD_REHOME_JOBS_H

#include "rehome.h"

/* What became of a job's calls. */
struct fr_job_calls {
	uint64_t moved, gone, refused, silent, failed;
	uint64_t left; /* asked without an answer, or not asked */
};
/* A journal's item, into *calls; others than calls are passed over. */
int fr_job_count(void *calls, const char *item, const char *state,
		 const char *detail, int64_t at_s);

/* What a job is, as a record; calls NULL: not counted. */
int fr_job_record(struct fr_env *v, const struct fp_job_head *h,
		  const struct fr_job_calls *calls, struct fp_err *e);
int fr_job_check(struct fr_env *v, struct fp_err *e);

#endif
