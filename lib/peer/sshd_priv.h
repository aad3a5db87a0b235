/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_SSHD_PRIV_H
#define FP_PEER_SSHD_PRIV_H

/* What sshd.c and sshd_cgroup.c share; not for others. */

#include <stdbool.h>
#include <stdint.h>

/* The cgroup (v2) of a process by the number the kernel has for it, which is the
 * inode of its directory (kernfs_node.id, kernel commit 67c0496e87d1).
 * proc_fd: /proc.  pid: a number, or "self".
 * 0: it cannot be told: no cgroup2 is mounted, the process is outside of what is,
 * or it is gone. */
uint64_t fp_cgroup_of(int proc_fd, const char *pid);

#endif
