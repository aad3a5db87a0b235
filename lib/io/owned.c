/* SPDX-License-Identifier: Apache-2.0 */
#include "io/owned.h"

#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/caps.h"

int fp_owned_begin(struct fp_owned *o, int dir, struct fp_err *e)
{
	struct stat st;

	*o = (struct fp_owned){ .is_other = false };
	if (geteuid())
		return 0;
	if (fstat(dir, &st))
		return fp_err_sys(e, -errno, "its owner");
	/* they tell what is, when asked for an id that there is none of */
	o->uid = (uid_t)setfsuid((uid_t)-1);
	o->gid = (gid_t)setfsgid((gid_t)-1);
	if (!st.st_uid || st.st_uid == o->uid)
		return 0;
	o->is_other = true;
	if (!fp_caps_files_as(st.st_uid, st.st_gid, e))
		return 0;
	fp_owned_end(o);
	return -EPERM;
}

void fp_owned_end(const struct fp_owned *o)
{
	int was = errno;

	if (o->is_other)
		fp_caps_files_as(o->uid, o->gid, NULL);
	errno = was;
}

int fp_owned_file(int dir, const char *name, int flags, mode_t mode)
{
	struct fp_owned as;
	int fd, r = fp_owned_begin(&as, dir, NULL);

	if (r)
		return r;
	fd = openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
	r = fd < 0 ? -errno : fd;
	fp_owned_end(&as);
	return r;
}

/* As at's owner: it is in his directory. */
static int make(int at, const char *name, mode_t mode, struct fp_err *e)
{
	struct fp_owned as = { .is_other = false };
	int r = at == AT_FDCWD ? 0 : fp_owned_begin(&as, at, e);

	if (r)
		return r;
	r = mkdirat(at, name, mode) && errno != EEXIST ? -errno : 0;
	fp_owned_end(&as);
	return r ? fp_err_sys(e, r, "%s", name) : 0;
}

int fp_owned_dir(int at, const char *name, mode_t mode, bool is_made,
		 struct fp_err *e)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC |
			  (at == AT_FDCWD ? 0 : O_NOFOLLOW);
	int fd = openat(at, name, flags), r;
	struct stat st;

	if (fd < 0 && errno == ENOENT && is_made) {
		r = make(at, name, mode, e);
		if (r)
			return r;
		fd = openat(at, name, flags);
	}
	if (fd >= 0)
		return fd;
	r = -errno;
	if (at != AT_FDCWD && !fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) &&
	    S_ISLNK(st.st_mode))
		return fp_err(e, -ENOTDIR, "%s is a link, and is not followed",
			      name);
	return fp_err_sys(e, r, "%s", name);
}

int fp_owned_state_dir(const char *state_dir, const char *name, mode_t mode,
		       bool is_made, struct fp_err *e)
{
	int state = fp_owned_dir(AT_FDCWD, state_dir, 0755, is_made, e), fd;

	if (state < 0)
		return state;
	fd = fp_owned_dir(state, name, mode, is_made, e);
	close(state);
	return fd < 0 ? fp_err_prefix(e, fd, "%s", state_dir) : fd;
}
