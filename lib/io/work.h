/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_IO_WORK_H
#define FP_IO_WORK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"

/* What blocks (getaddrinfo, libpq, librabbitmq) runs in threads of a pool beside
 * the loop; the loop hears of its end or of its deadline, whichever is first. */
struct fp_work;

/* threads: at most, started when needed.  0: fp_work_close.  -ENOMEM. */
int fp_work_open(struct fp_work **out, struct fp_loop *l, unsigned int threads,
		 struct fp_err *e);
/* Nothing is called after this.  A thread that hangs is left to itself: what it
 * holds is freed when it comes back. */
void fp_work_close(struct fp_work *w);

struct fp_job {
	/* In a thread: may block; touches job data only. */
	int (*run)(void *data, struct fp_err *e);
	/* In the loop: code is what run returned (data is still there), or
	 * -ETIMEDOUT (data is the thread's: NULL). */
	void (*done)(void *ctx, int code, void *data, const struct fp_err *e);
	/* After done, or in the thread when nobody waits for it any more. */
	void (*free)(void *data);
	void *data, *ctx;
	int64_t timeout_ms; /* from now, waiting for a thread included */
};
struct fp_task; /* under way */
/* The job is copied, data belongs to it from now on, also on error.
 * 0: *out (may be NULL) is good until done.  -ENOMEM. */
int fp_work_do(struct fp_work *w, const struct fp_job *job,
	       struct fp_task **out, struct fp_err *e);
/* done will not be called. */
void fp_work_cancel(struct fp_task *t);

#endif
