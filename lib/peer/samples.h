/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_SAMPLES_H
#define FP_PEER_SAMPLES_H

#include "base/err.h"
#include "fp_maps.h"

/* The ring buffer of sampled drops.  It has one reading position: of two who
 * read at the same time each gets a part. */
struct fp_samples;

/* dir: PINS/v1.  each is called by fp_samples_read.
 * 0: close with fp_samples_close.  -ENOENT: no filter is loaded. */
int fp_samples_open(struct fp_samples **out, const char *dir,
		    void (*each)(void *ctx, const struct fp_sample *s),
		    void *ctx, struct fp_err *e);
void fp_samples_close(struct fp_samples *s);
/* Readable (EPOLLIN) when there are samples. */
int fp_samples_fd(const struct fp_samples *s);
/* Give each what is there.  0; -errno. */
int fp_samples_read(struct fp_samples *s, struct fp_err *e);

#endif
