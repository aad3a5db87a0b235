/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_IO_LOCK_H
#define FP_IO_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* flock(2) on an open directory (O_CLOEXEC).  Waits up to timeout_ms.
 * 0: held until fp_lock_give or close.  -EAGAIN: somebody else held it all the
 * time (e says for how long we waited).  Taking a held lock in the other kind
 * lets go of it first (flock(2)), and it stays lost when that fails. */
int fp_lock_take(int dir_fd, bool is_shared, int64_t timeout_ms,
		 struct fp_err *e);
void fp_lock_give(int dir_fd);

/* Who may read a directory may lock it, and hold all up: take it from all but its
 * owner and group.  Where that is not ours to do it stays. */
void fp_lock_private(int dir_fd);

#endif
