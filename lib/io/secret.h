/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_IO_SECRET_H
#define FP_IO_SECRET_H

#include <stddef.h>

#include "base/err.h"

/* The first line of a file that holds a secret, without its white space at
 * either end, as a C string.  explicit_bzero(out, size) after use.
 * 0.  -EACCES: others may read or write the file.  -EINVAL: it is encrypted
 * (Ansible vault), empty, longer than size - 1, holds a NUL, or is no regular
 * file (one that could hold up the caller).  -ENOENT and what else open(2)
 * says. */
int fp_secret_read(const char *file, char *out, size_t size, struct fp_err *e);

#endif
