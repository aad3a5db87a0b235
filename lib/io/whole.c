/* SPDX-License-Identifier: Apache-2.0 */
#include "io/whole.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/owned.h"

#define TEMP ".XXXXXX.tmp"

/* Where path is, links followed. */
static int find(const char *path, char at[PATH_MAX], struct fp_err *e)
{
	struct stat st;

	if (strlen(path) + sizeof(TEMP) > PATH_MAX)
		return fp_err_sys(e, -ENAMETOOLONG, "%s", path);
	strcpy(at, path);
	if (stat(path, &st))
		return errno == ENOENT ? 0 : fp_err_sys(e, -errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return fp_err(e, -EINVAL, "%s: not a file that can be replaced",
			      path);
	return realpath(path, at) ? 0 : fp_err_sys(e, -errno, "%s", path);
}

static int put(int fd, const char *data, size_t n, mode_t mode)
{
	if (fchmod(fd, mode))
		return -errno;
	while (n) {
		ssize_t r = write(fd, data, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r ? -errno : -EIO;
		data += r;
		n -= (size_t)r;
	}
	return fsync(fd) ? -errno : 0;
}

/* The directory's own entry must reach the disk too. */
static int sync_dir(const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX] = ".";
	int fd, r;

	if (slash)
		snprintf(dir, sizeof(dir), "%.*s",
			 slash == path ? 1 : (int)(slash - path), path);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fsync(fd) ? -errno : 0;
	close(fd);
	return r;
}

int fp_whole_write(const char *path, const void *data, size_t n, mode_t mode,
		   struct fp_err *e)
{
	char at[PATH_MAX], temp[PATH_MAX + sizeof(TEMP)];
	int fd, r = find(path, at, e);

	if (r)
		return r;
	/* O_EXCL: nothing that stands there is opened, nor what it leads to */
	snprintf(temp, sizeof(temp), "%s" TEMP, at);
	fd = mkostemps(temp, strlen(".tmp"), O_CLOEXEC);
	if (fd < 0)
		return fp_err_sys(e, -errno, "%s", path);
	r = put(fd, data, n, mode);
	if (close(fd) && !r) /* NFS */
		r = -errno;
	if (!r && rename(temp, at))
		r = -errno;
	if (r)
		unlink(temp);
	else
		r = sync_dir(at);
	return r ? fp_err_sys(e, r, "%s", path) : 0;
}

int fp_whole_write_at(int dir, const char *name, const void *data, size_t n,
		      mode_t mode)
{
	char temp[NAME_MAX + 1];
	int fd, r;

	if (snprintf(temp, sizeof(temp), "%s.tmp", name) > NAME_MAX)
		return -ENAMETOOLONG;
	fd = fp_owned_file(dir, temp, O_WRONLY | O_CREAT | O_TRUNC, mode);
	if (fd < 0)
		return fd;
	r = put(fd, data, n, mode);
	if (close(fd) && !r)
		r = -errno;
	if (!r && renameat(dir, temp, dir, name))
		r = -errno;
	if (r)
		unlinkat(dir, temp, 0);
	else if (fsync(dir))
		r = -errno;
	return r;
}
