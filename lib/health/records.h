/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_HEALTH_RECORDS_H
#define FP_HEALTH_RECORDS_H

#include "base/err.h"
#include "codec/records.h"
#include "io/loop.h"

/* What fp-health watch --json prints, read from a descriptor on the loop: a pipe,
 * a terminal, or a file. */
struct fp_records;
struct fp_records_events {
	void (*record)(void *ctx, const struct fp_record *r);
	/* A line that is none; the stream goes on. */
	void (*bad)(void *ctx, const struct fp_err *e);
	/* code 0: its end; -errno of read(2).  Nothing is called after it. */
	void (*ended)(void *ctx, int code);
	void *ctx;
};

/* fd stays the caller's and becomes non-blocking.  0; -errno. */
int fp_records_open(struct fp_records **out, struct fp_loop *l, int fd,
		    const struct fp_records_events *ev, struct fp_err *e);
/* Read what is there now, FP_RECORDS_DRAIN_MAX at most: who is about to act on what
 * was told wants the last word of it. */
#define FP_RECORDS_DRAIN_MAX (16 << 20)
void fp_records_drain(struct fp_records *r);
/* The number of the line that record or bad is told of. */
uint64_t fp_records_line(const struct fp_records *r);
void fp_records_close(struct fp_records *r); /* NULL is allowed */

#endif
