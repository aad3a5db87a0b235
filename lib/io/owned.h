/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_IO_OWNED_H
#define FP_IO_OWNED_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/* Directories of another user that root works in: what he links there leads root
 * nowhere, and what root makes there is his.  For others than root, and in root's
 * own directories, these are openat(2) and no more. */

/* The directory name in the directory at, no link; made with this mode, as at's
 * owner, when is_made.  at AT_FDCWD: a path of the operator's, which may be a link.
 * A descriptor.  -ENOENT; -ENOTDIR: it is a link, too; -EPERM: root without
 * CAP_SETUID; -errno. */
int fp_owned_dir(int at, const char *name, mode_t mode, bool is_made,
		 struct fp_err *e);
/* STATE/NAME; STATE is made with mode 0755. */
int fp_owned_state_dir(const char *state_dir, const char *name, mode_t mode,
		       bool is_made, struct fp_err *e);

/* openat(2) of a file with O_NOFOLLOW and O_CLOEXEC, as the user who owns dir.
 * A descriptor; -ELOOP: a link; -errno. */
int fp_owned_file(int dir, const char *name, int flags, mode_t mode);

/* The same for what opens files of its own: between the two, this thread opens and
 * makes files as dir's owner. */
struct fp_owned {
	uid_t uid; /* who it was before */
	gid_t gid;
	bool is_other;
};
/* 0.  -EPERM: root without CAP_SETUID; -errno: then there is nothing to end. */
int fp_owned_begin(struct fp_owned *o, int dir, struct fp_err *e);
void fp_owned_end(const struct fp_owned *o); /* errno stays */

#endif
