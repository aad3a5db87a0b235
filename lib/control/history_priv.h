/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CONTROL_HISTORY_PRIV_H
#define FP_CONTROL_HISTORY_PRIV_H

/* What history.c and history_log.c share; not for others. */

#include <sys/stat.h>

#include "control/history.h"

#define FP_HISTORY_LOG "pushes"

struct fp_history {
	int fd, objects_fd; /* STATE/sync, and objects in it */
	struct fp_pushed *pushed;
	size_t n_pushed, cap_pushed;
	char (*seen)[FP_PUSH_ID_SIZE];
	size_t n_seen, cap_seen;
	struct stat st; /* of the log, when it was read */
};

/* Read the log, unless it is as it was.  0, also without one; -errno. */
int fp_history_load(struct fp_history *h, struct fp_err *e);
/* What was read is freed. */
void fp_history_forget(struct fp_history *h);
/* Objects and lines that are too old go.  The lock is held. */
int fp_history_prune(struct fp_history *h, struct fp_err *e);
void fp_pushed_print(struct fp_buf *b, const struct fp_pushed *p);

#endif
