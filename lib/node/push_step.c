/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/push_priv.h"

#define DONE FP_STEP ".done" /* of no more use */

/* ---- directories */

/* Call each for every name but . and ..; what it returns when not 0 ends the
 * walk. */
static int walk(int dir_fd,
		int (*each)(void *ctx, int dir_fd, const char *name,
			    struct fp_err *e),
		void *ctx, struct fp_err *e)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *f;

	if (!d) {
		r = fp_err_sys(e, -errno, "reading a directory");
		if (fd >= 0)
			close(fd);
		return r;
	}
	while (!r && (f = readdir(d)))
		if (strcmp(f->d_name, ".") != 0 && strcmp(f->d_name, "..") != 0)
			r = each(ctx, dir_fd, f->d_name, e);
	closedir(d);
	return r;
}

/* The state directory itself may be a link: whoever may make that is trusted. */
static int open_dir(int at_fd, const char *name)
{
	int flags = at_fd == AT_FDCWD ? 0 : O_NOFOLLOW;
	int fd =
		openat(at_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);

	return fd >= 0 ? fd : -errno;
}

static int remove_one(void *ctx, int dir_fd, const char *name, struct fp_err *e)
{
	(void)ctx;
	if (!unlinkat(dir_fd, name, 0) || errno == ENOENT)
		return 0;
	if (errno == EISDIR)
		return fp_tree_remove(dir_fd, name, e);
	return fp_err_sys(e, -errno, "removing %s", name);
}

int fp_tree_remove(int at_fd, const char *name, struct fp_err *e)
{
	int fd = open_dir(at_fd, name), r;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fp_err_sys(e, fd, "%s", name);
	r = walk(fd, remove_one, NULL, e);
	close(fd);
	if (!r && unlinkat(at_fd, name, AT_REMOVEDIR) && errno != ENOENT)
		r = fp_err_sys(e, -errno, "removing %s", name);
	return r;
}

int fp_mark(int dir_fd, const char *prefix, const char *name, struct fp_err *e)
{
	char file[FP_FILE_MAX];
	int fd;

	snprintf(file, sizeof(file), "%s%s", prefix, name);
	fd = openat(dir_fd, file, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
		    0644);
	if (fd < 0)
		return fp_err_sys(e, -errno, "%s", file);
	close(fd);
	return 0;
}

/* ---- steps */

int fp_step_begin(int state_fd, const char *dir, struct fp_err *e)
{
	if (renameat(state_fd, dir, state_fd, FP_STEP))
		return fp_err_sys(e, -errno, "%s", FP_STEP);
	if (!fsync(state_fd))
		return 0;
	fp_err_sys(e, -errno, "the state directory");
	return fp_err_prefix(e, -EIO, "the change may stand or not");
}

struct finish {
	int state_fd, lists_fd;
};

static bool is_list(const char *name)
{
	size_t n = strlen(name), m = strlen(FP_LIST_SUFFIX);

	return n > m && !strcmp(name + n - m, FP_LIST_SUFFIX);
}

static int put_in(int from_fd, const char *from, int to_fd, const char *to,
		  struct fp_err *e)
{
	if (!renameat(from_fd, from, to_fd, to) || errno == ENOENT)
		return 0;
	return fp_err_sys(e, -errno, "%s", to);
}

static int take_out(int dir_fd, const char *name, struct fp_err *e)
{
	if (!unlinkat(dir_fd, name, 0) || errno == ENOENT)
		return 0;
	return fp_err_sys(e, -errno, "%s", name);
}

static int finish_one(void *ctx, int dir_fd, const char *name, struct fp_err *e)
{
	const struct finish *f = ctx;
	int r;

	if (!strcmp(name, FP_STEP_IN FP_ACCEPTED))
		return put_in(dir_fd, name, f->state_fd, FP_ACCEPTED, e);
	if (!strcmp(name, FP_STEP_OUT FP_ACCEPTED))
		return take_out(f->state_fd, FP_ACCEPTED, e);
	if (!strcmp(name, FP_STEP_OUT FP_PENDING))
		return fp_tree_remove(f->state_fd, FP_PENDING, e);
	if (!strcmp(name, FP_STEP_IN FP_PENDING)) {
		r = fp_tree_remove(f->state_fd, FP_PENDING, e);
		return r ? r : put_in(dir_fd, name, f->state_fd, FP_PENDING, e);
	}
	if (!is_list(name))
		return 0;
	if (*name == *FP_STEP_OUT)
		return take_out(f->lists_fd, name + 1, e);
	return put_in(dir_fd, name, f->lists_fd, name, e);
}

/* Put aside first: what has its name is whole. */
int fp_step_drop(int state_fd, const char *name, struct fp_err *e)
{
	int r = fp_tree_remove(state_fd, DONE, e);

	if (!r && renameat(state_fd, name, state_fd, DONE))
		r = fp_err_sys(e, -errno, "%s", name);
	if (!r && fsync(state_fd))
		r = fp_err_sys(e, -errno, "the state directory");
	return r ? r : fp_tree_remove(state_fd, DONE, e);
}

int fp_step_finish(int state_fd, int lists_fd, struct fp_err *e)
{
	struct finish f = { state_fd, lists_fd };
	int fd = open_dir(state_fd, FP_STEP), r;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fp_err_sys(e, fd, FP_STEP);
	r = walk(fd, finish_one, &f, e);
	close(fd);
	if (!r && fsync(lists_fd))
		r = fp_err_sys(e, -errno, "lists directory");
	return r ? r : fp_step_drop(state_fd, FP_STEP, e);
}

/* ---- what others left */

static bool is_step(int state_fd)
{
	return !faccessat(state_fd, FP_STEP, F_OK, 0);
}

/* Is the pending push to be taken back now?  What says when is broken: yes. */
static bool is_late(int state_fd, struct fp_pending *p)
{
	struct fp_err e;
	int r = fp_pending_read_at(p, state_fd, &e);

	if (!r)
		return p->left_ms <= 0;
	*p = (struct fp_pending){ .push = "" };
	return !faccessat(state_fd, FP_PENDING, F_OK, 0);
}

bool fp_push_is_due(const char *state_dir)
{
	int fd = open_dir(AT_FDCWD, state_dir);
	struct fp_pending p;
	bool is_due;

	if (fd < 0)
		return false;
	is_due = is_step(fd) || is_late(fd, &p);
	close(fd);
	return is_due;
}

int fp_push_recover(const char *state_dir, int lists_fd, char *said,
		    size_t size, struct fp_err *e)
{
	int fd = open_dir(AT_FDCWD, state_dir), r = 0;
	struct fp_pending p;

	*said = 0;
	if (fd < 0)
		return fp_err_sys(e, fd, "%s", state_dir);
	fp_tree_remove(fd, DONE, NULL);
	if (is_step(fd)) {
		r = fp_step_finish(fd, lists_fd, e);
		snprintf(said, size,
			 "a push that was interrupted has been finished");
	}
	if (!r && is_late(fd, &p)) {
		r = fp_step_begin(fd, FP_PENDING, e);
		if (!r)
			r = fp_step_finish(fd, lists_fd, e);
		snprintf(said, size,
			 "push %s was not confirmed in time: taken back",
			 p.push);
	}
	close(fd);
	return r ? fp_err_prefix(e, r, "finishing a push in %s", state_dir) : 0;
}
