/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_IO_CHILD_H
#define FP_IO_CHILD_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"

/* A program that runs beside the loop: what it reads is given, what it prints
 * comes by events.  fp_spawn_run (spawn.h) is its blocking sister. */
struct fp_child;
struct fp_child_opts {
	const char *const *argv; /* argv[0] is looked for in $PATH; NULL ends */
	const char *in;          /* what it reads, copied; then end of file */
	size_t in_len;
	int64_t timeout_ms; /* then its process group is killed; 0: none */
	/* output, NULL: ours */
	void (*out)(void *ctx, const char *p, size_t n);
	/* status as fp_spawn_run; code -ETIMEDOUT when it was killed */
	void (*ended)(void *ctx, int code, int status);
	void *ctx;
};
/* 0: *out is good until ended.  -ENOENT and what else posix_spawn(3) says. */
int fp_child_start(struct fp_child **out, struct fp_loop *l,
		   const struct fp_child_opts *o, struct fp_err *e);
/* Kill it; ended is not called. */
void fp_child_kill(struct fp_child *c); /* NULL is allowed */

#endif
