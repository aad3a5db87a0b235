/* SPDX-License-Identifier: Apache-2.0 */
#include "io/whole.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where path is, links followed. */
static int find(const char *path, char at[PATH_MAX], struct fp_err *e)
{
	struct stat st;

	if (strlen(path) + sizeof(".tmp") > PATH_MAX)
		return fp_err_sys(e, -ENAMETOOLONG, "%s", path);
	strcpy(at, path);
	if (stat(path, &st))
		return errno == ENOENT ? 0 : fp_err_sys(e, -errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return fp_err(e, -EINVAL, "%s: not a file that can be replaced",
			      path);
	return realpath(path, at) ? 0 : fp_err_sys(e, -errno, "%s", path);
}

/* Is fd still what has this name? */
static bool is_there(int fd, const char *path)
{
	struct stat a, b;

	return !fstat(fd, &a) && !stat(path, &b) && a.st_ino == b.st_ino &&
	       a.st_dev == b.st_dev;
}

static int open_temp(const char *temp)
{
	int fd, r;

	for (;;) {
		fd = open(temp, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
			  0600);
		if (fd < 0)
			return -errno;
		r = flock(fd, LOCK_EX | LOCK_NB) ? -errno : 0;
		if (!r && is_there(fd, temp))
			return fd;
		close(fd); /* somebody's, or it has its place since */
		if (r)
			return r;
	}
}

static int put(int fd, const char *data, size_t n, mode_t mode)
{
	if (ftruncate(fd, 0) || fchmod(fd, mode))
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
	char at[PATH_MAX], temp[PATH_MAX + 8];
	int fd, r = find(path, at, e);

	if (r)
		return r;
	snprintf(temp, sizeof(temp), "%s.tmp", at);
	fd = open_temp(temp);
	if (fd == -EAGAIN)
		return fp_err(e, -EAGAIN, "%s: another one writes it", path);
	if (fd < 0)
		return fp_err_sys(e, fd, "%s", temp);
	r = put(fd, data, n, mode);
	if (!r && rename(temp, at))
		r = -errno;
	if (r)
		unlink(temp);
	if (close(fd) && !r) /* NFS */
		r = -errno;
	if (!r)
		r = sync_dir(at);
	return r ? fp_err_sys(e, r, "%s", path) : 0;
}
