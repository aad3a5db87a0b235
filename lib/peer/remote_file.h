/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_REMOTE_FILE_H
#define FP_PEER_REMOTE_FILE_H

#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"

/* Append a regular file of at most max bytes to b; *st (may be NULL) is what it
 * was when opened.  0; -ENOENT and what else open(2) says; -EINVAL: no regular
 * file; -EFBIG; -ENOMEM. */
int fp_remote_file(struct fp_buf *b, const char *path, size_t max,
		   struct stat *st, struct fp_err *e);

#endif
