/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_HEALTH_STATUS_H
#define FP_CMD_HEALTH_STATUS_H

#include "check.h"

/* An entry of a list of kind fence in our lists directory. */
struct fh_fence {
	const struct fp_host *host; /* whose address that is; NULL: nobody's */
	char list[32], prefix[FP_PREFIX_STRLEN], why[200], by[128];
	int64_t until_s;
};

struct fh_status {
	struct fh_ask ask;
	struct fh_fence *fence;
	size_t n_fences;
	struct fp_lease *lease;
	size_t n_leases;
	struct fp_job_row *job;
	size_t n_jobs;
};

/* status_more.c: what cannot be had is said on stderr, once. */
void fh_status_fences(struct fh_status *s);
void fh_status_db(struct fh_status *s);
void fh_status_fini(struct fh_status *s);

#endif
