/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CONTROL_FENCE_H
#define FP_CONTROL_FENCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"

/* --fence COMMAND: the provider's own word on a node's power or process.  A node that
 * is silent may be frozen or cut off, and go on later; that its command ends with 0
 * says that it is dead. */

struct fp_fence_command {
	struct fp_loop *loop;
	const char *command; /* run by sh -c, both of its streams read */
	int64_t timeout_ms;
	/* FP_NODE, FP_RUN, FP_ADDRESS in its environment; run may be NULL */
	const char *node, *run, *address;
};
/* Run it, and wait on the loop; its last line of output, as text, is in `line`.
 * 0: *status.  -ETIMEDOUT: it was killed.  -EINTR: a signal, it was killed; -errno. */
int fp_fence_command(const struct fp_fence_command *f, char *line, size_t size,
		     int *status, struct fp_err *e);

#endif
