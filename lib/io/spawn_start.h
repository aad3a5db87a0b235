/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_IO_SPAWN_START_H
#define FP_IO_SPAWN_START_H

#include <sys/types.h>

/* Start a program as fp_spawn and fp_child do: in a process group of its own, with
 * the default signals.  fds: its stdin, stdout, stderr; -1: /dev/null for stdin,
 * ours for the others.  0; what posix_spawn(3) says, negative: *pid is not set. */
int fp_spawn_start(pid_t *pid, const char *const *argv, const int fds[3]);

#endif
