/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_IO_SPAWN_H
#define FP_IO_SPAWN_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* A program to run.  argv[0] is looked for in $PATH; the last word is NULL.
 * in: what it reads, or NULL for /dev/null.  out, err: where what it prints is
 * appended, or NULL for our own.  It gets a process group of its own and the
 * default signals. */
struct fp_spawn {
	const char *const *argv;
	const char *in;
	size_t in_len;
	struct fp_buf *out, *err;
	size_t max_bytes; /* of out and of err; more is cut off: -EMSGSIZE */
	int64_t timeout_ms;
};

/* Run it to its end.  0: *status is its exit status, or 128 and its signal.
 * -ENOENT and what else posix_spawn(3) says; -ETIMEDOUT, -EMSGSIZE, -ENOMEM:
 * its whole process group was killed.  What it printed so far is in out and
 * err.  What outlives it is not waited for. */
int fp_spawn_run(const struct fp_spawn *s, int *status, struct fp_err *e);

#endif
