/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer/coredb_priv.h"

/* What SQLite keeps beside a file.  A -shm is made again from the -wal. */
static const char *const tails[] = { "", "-journal", "-wal", "-shm" };
#define N_TAILS 4
#define N_COPIED 3

static int pump(int from, int to)
{
	char block[65536];
	ssize_t n;

	while ((n = read(from, block, sizeof(block)))) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		for (ssize_t done = 0, w; done < n; done += w) {
			w = write(to, block + done, (size_t)(n - done));
			if (w < 0 && errno != EINTR)
				return -errno;
			w = w < 0 ? 0 : w;
		}
	}
	return 0;
}

static bool is_changed(const struct stat *a, const struct stat *b)
{
	return a->st_size != b->st_size ||
	       a->st_mtim.tv_sec != b->st_mtim.tv_sec ||
	       a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

static int copy_fd(int from, const char *name, const char *to, struct fp_err *e)
{
	struct stat before, after;
	int fd, rc;

	if (fstat(from, &before))
		return fp_err_sys(e, -errno, "%s", name);
	if (!S_ISREG(before.st_mode))
		return fp_err(e, -EBADMSG, "%s: is no regular file", name);
	fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		  0600);
	if (fd < 0)
		return fp_err_sys(e, -errno, "%s", to);
	rc = pump(from, fd);
	if (close(fd) && !rc)
		rc = -errno;
	if (rc)
		return fp_err_sys(e, rc, "copy %s to %s", name, to);
	if (fstat(from, &after))
		return fp_err_sys(e, -errno, "%s", name);
	if (is_changed(&before, &after))
		return fp_err(e, -EBUSY,
			      "%s changes while it is read: is its FreeSWITCH "
			      "dead?",
			      name);
	return 0;
}

static int copy_one(const struct fp_coredb *d, const char *tail,
		    struct fp_err *e)
{
	char *from = NULL, *to = NULL;
	int fd, rc;

	if (asprintf(&from, "%s%s", d->file, tail) < 0 ||
	    asprintf(&to, "%s%s", d->copy, tail) < 0) {
		free(from);
		return fp_err(e, -ENOMEM, "out of memory");
	}
	fd = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0)
		rc = copy_fd(fd, from, to, e);
	else if (errno == ENOENT && *tail)
		rc = 0;
	else
		rc = fp_err_sys(e, -errno, "%s", from);
	if (fd >= 0)
		close(fd);
	free(from);
	free(to);
	return rc;
}

/* One that a killed run left is taken, if nobody else can reach into it. */
static int make_dir(const char *dir, struct fp_err *e)
{
	struct stat st;

	if (!mkdir(dir, 0700))
		return 0;
	if (errno != EEXIST)
		return fp_err_sys(e, -errno, "%s", dir);
	if (lstat(dir, &st))
		return fp_err_sys(e, -errno, "%s", dir);
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 077)
		return fp_err(e, -EACCES, "%s: is not a folder of ours alone",
			      dir);
	return 0;
}

static void remove_files(const struct fp_coredb *d)
{
	char path[4096];

	for (size_t i = 0; i < N_TAILS; i++)
		if (snprintf(path, sizeof(path), "%s%s", d->copy, tails[i]) <
		    (int)sizeof(path))
			unlink(path);
}

void fp_coredb_remove(struct fp_coredb *d)
{
	if (!d->copy)
		return;
	remove_files(d);
	rmdir(d->dir);
}

/* SQLite looks for a journal beside the file that a link leads to. */
int fp_coredb_copy(struct fp_coredb *d, const char *file, const char *dir,
		   struct fp_err *e)
{
	int rc;

	d->file = realpath(file, NULL);
	if (!d->file)
		return fp_err_sys(e, -errno, "%s", file);
	d->dir = strdup(dir);
	if (!d->dir)
		return fp_err(e, -ENOMEM, "out of memory");
	rc = make_dir(dir, e);
	if (rc)
		return rc;
	if (asprintf(&d->copy, "%s/%s", dir, strrchr(d->file, '/') + 1) < 0) {
		d->copy = NULL;
		return fp_err(e, -ENOMEM, "out of memory");
	}
	remove_files(d);
	for (size_t i = 0; !rc && i < N_COPIED; i++)
		rc = copy_one(d, tails[i], e);
	return rc;
}
