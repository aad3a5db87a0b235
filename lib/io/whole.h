/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_IO_WHOLE_H
#define FP_IO_WHOLE_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/* Make path hold these n bytes: a reader sees the old file or the new one, after a
 * power cut too, and never a part.  Written beside it as path.RANDOM.tmp, a file of
 * its own, which only a killed writer leaves there; of several writers the last one
 * wins.  A symbolic link stays one.  mode: of the file, whatever the umask says.
 * 0.  -EINVAL: path is no file (a device, a directory).  -errno: the old file
 * stays, and e names the path. */
int fp_whole_write(const char *path, const void *data, size_t n, mode_t mode,
		   struct fp_err *e);

/* The same in a directory that the caller has locked: it is written as NAME.tmp,
 * which a killed writer leaves and the next one takes, and belongs to the
 * directory's owner (owned.h).  0; -errno: the old file
 * stays. */
int fp_whole_write_at(int dir, const char *name, const void *data, size_t n,
		      mode_t mode);

#endif
