/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_PEER_SSHD_PRIV_H
#define FP_PEER_SSHD_PRIV_H

/* What the files of sshd.h share; not for others. */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "peer/sshd.h"

/* Where the whole of cgroup v2 that we see is mounted; false, and "": nowhere. */
bool fp_cgroup_mount(int proc_fd, char out[PATH_MAX]);

/* The cgroup (v2) of a process by the number the kernel has for it, which is the
 * inode of its directory (kernfs_node.id, kernel commit 67c0496e87d1).
 * at: the mount.  proc_fd: /proc.  pid: a number, or "self".
 * 0: it cannot be told: no cgroup2 is mounted, the process is outside of what is,
 * or it is gone. */
uint64_t fp_cgroup_of(const char *at, int proc_fd, const char *pid);

/* A TCP socket that listens. */
struct fp_listener {
	unsigned long inode;
	uint64_t cgroup; /* v2, of who made the socket; 0: not told */
	uid_t uid;
	uint16_t port;
	bool is_owned; /* there is a process in that cgroup */
};

/* In its place; once. */
void fp_sshd_port_add(struct fp_sshd_ports *p, uint16_t port);

/* ---- those whose descriptors are not ours to see ---- */

#define FP_UNSEEN_MAX 64

struct fp_unseen {
	struct fp_unseen_at {
		uint64_t cgroup;
		bool has_master; /* one there is not of a connection only */
		bool has_listener;
	} at[FP_UNSEEN_MAX];
	uid_t uid[FP_UNSEEN_MAX]; /* theirs, but for 0, which always counts */
	size_t n, n_uids;
	bool is_anywhere;    /* of one of them the cgroup is not known */
	uint64_t self, init; /* our cgroup, and that of process 1 */
};

/* An sshd that cannot be looked at.  is_session: another sshd is its parent. */
void fp_unseen_add(struct fp_unseen *u, uint64_t cgroup, uid_t uid,
		   bool is_session);
/* Could it be an sshd's, by its user and port? */
bool fp_unseen_may_have(const struct fp_unseen *u, const struct fp_listener *l);
/* Add to out every port that one of them may listen on: whatever was made in
 * their cgroups, and what nobody's or process 1's is.  Where one that should
 * listen has nothing in its own cgroup (its socket was made elsewhere), or its
 * cgroup is not known: all that it could be. */
void fp_unseen_match(struct fp_unseen *u, const struct fp_listener *v, size_t n,
		     struct fp_sshd_ports *out);

#endif
