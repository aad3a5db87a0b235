/* SPDX-License-Identifier: Apache-2.0 */
/* What a session brings: lines are spooled to a file without a name; at their
 * end the list that they make is written beside the lists, durably. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/lock.h"
#include "node/push_priv.h"

#define STAGE "stage"
#define AREAS_MAX 1000 /* of one process, should some be left over */

/* ---- the area */

int fp_push_open(struct fp_push **out, const char *state_dir, struct fp_err *e)
{
	struct fp_push *p = calloc(1, sizeof(*p));

	if (!p)
		return fp_err(e, -ENOMEM, "out of memory");
	p->state_fd = p->lists_fd = p->dir_fd = p->spool_fd = -1;
	snprintf(p->state_dir, sizeof(p->state_dir), "%s", state_dir);
	*out = p;
	return 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void fp_push_forget(struct fp_push *p)
{
	fp_push_abort(p);
	if (p->dir_fd >= 0 && *p->dir)
		fp_tree_remove(p->state_fd, p->dir, NULL);
	*p->dir = 0;
	p->n = 0;
	close_fd(&p->dir_fd);
	close_fd(&p->lists_fd);
	close_fd(&p->state_fd);
	fp_digests_close(p->digests);
	p->digests = NULL;
}

void fp_push_close(struct fp_push *p)
{
	if (!p)
		return;
	fp_push_forget(p);
	free(p);
}

/* An area that nobody has locked is a killed session's. */
static void clean_areas(int state_fd)
{
	int fd = openat(state_fd, STAGE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *f;

	while (d && (f = readdir(d))) {
		int area;

		if (*f->d_name == '.')
			continue;
		area = openat(fd, f->d_name,
			      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (area >= 0 && !flock(area, LOCK_EX | LOCK_NB))
			fp_tree_remove(fd, f->d_name, NULL);
		if (area >= 0)
			close(area);
	}
	if (d)
		closedir(d);
}

static int make_area(struct fp_push *p, struct fp_err *e)
{
	char *dir = p->dir;

	if (mkdirat(p->state_fd, STAGE, 0755) && errno != EEXIST)
		return fp_err_sys(e, -errno, "%s/" STAGE, p->state_dir);
	clean_areas(p->state_fd);
	for (int i = 0; i < AREAS_MAX; i++) {
		snprintf(dir, sizeof(p->dir), STAGE "/%d.%d", (int)getpid(), i);
		if (mkdirat(p->state_fd, dir, 0755)) {
			if (errno == EEXIST)
				continue;
			return fp_err_sys(e, -errno, "%s/%s", p->state_dir,
					  dir);
		}
		p->dir_fd = openat(p->state_fd, dir,
				   O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		/* another session may just have cleaned it away */
		if (p->dir_fd >= 0 && !flock(p->dir_fd, LOCK_EX | LOCK_NB) &&
		    !faccessat(p->state_fd, dir, F_OK, 0))
			return 0;
		close_fd(&p->dir_fd);
	}
	*dir = 0;
	return fp_err(e, -EBUSY, "%s/" STAGE " is full", p->state_dir);
}

/* The lists directory may not be there yet: it is made, as fp_node_open does. */
int fp_push_make(struct fp_push *p, struct fp_err *e)
{
	int r;

	if (p->dir_fd >= 0)
		return 0;
	if (mkdir(p->state_dir, 0755) && errno != EEXIST)
		return fp_err_sys(e, -errno, "%s", p->state_dir);
	p->state_fd = open(p->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->state_fd < 0)
		return fp_err_sys(e, -errno, "%s", p->state_dir);
	if (mkdirat(p->state_fd, "lists", 0750) && errno != EEXIST)
		return fp_err_sys(e, -errno, "%s/lists", p->state_dir);
	p->lists_fd = openat(p->state_fd, "lists",
			     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (p->lists_fd < 0)
		return fp_err_sys(e, -errno, "%s/lists", p->state_dir);
	fp_lock_private(p->lists_fd);
	r = fp_digests_open(&p->digests, p->state_dir, e);
	if (!r)
		r = make_area(p, e);
	if (r)
		fp_push_forget(p);
	return r;
}

/* ---- what is staged */

static struct fp_staged *slot(struct fp_push *p, const char *name)
{
	size_t i = 0;

	while (i < p->n && strcmp(p->v[i].name, name) != 0)
		i++;
	return i < FP_RECEIVER_LISTS_MAX ? &p->v[i] : NULL;
}

static void take_away(struct fp_push *p, const char *name)
{
	struct fp_staged *s = slot(p, name);
	char file[FP_FILE_MAX];

	snprintf(file, sizeof(file), "%s" FP_LIST_SUFFIX, name);
	unlinkat(p->dir_fd, file, 0);
	if (s && s < &p->v[p->n])
		*s = p->v[--p->n];
}

static int put(struct fp_push *p, const struct fp_staged *s, struct fp_err *e)
{
	struct fp_staged *to = slot(p, s->name);

	if (!to)
		return fp_err(e, -E2BIG, "too many lists");
	if (to == &p->v[p->n])
		p->n++;
	*to = *s;
	return 0;
}

/* ---- lines come */

static int open_spool(struct fp_push *p, struct fp_err *e)
{
	p->spool_fd = openat(p->dir_fd, "spool",
			     O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (p->spool_fd < 0)
		return fp_err_sys(e, -errno, "staging");
	unlinkat(p->dir_fd, "spool", 0);
	p->spool_bytes = 0;
	return 0;
}

int fp_push_begin(struct fp_push *p, const struct fp_receiver_list *l,
		  struct fp_err *e)
{
	int r = fp_push_make(p, e);

	if (!r)
		r = open_spool(p, e);
	if (r)
		return r;
	take_away(p, l->name);
	p->now = *l;
	return 0;
}

int fp_push_data(struct fp_push *p, const char *text, size_t n,
		 struct fp_err *e)
{
	while (n) {
		ssize_t r = write(p->spool_fd, text, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return fp_err_sys(e, r ? -errno : -ENOSPC,
					  "staging list %s", p->now.name);
		text += r;
		n -= (size_t)r;
		p->spool_bytes += (uint64_t)r;
	}
	return 0;
}

void fp_push_abort(struct fp_push *p)
{
	close_fd(&p->spool_fd);
}

int fp_push_end(struct fp_push *p, struct fp_err *e)
{
	struct fp_staged s = { .kind = p->now.kind };
	int r;

	snprintf(s.name, sizeof(s.name), "%s", p->now.name);
	r = fp_push_make_list(p, &s, e);
	close_fd(&p->spool_fd);
	return r ? r : put(p, &s, e);
}

int fp_push_drop(struct fp_push *p, const char *name, struct fp_err *e)
{
	struct fp_staged s = { .is_drop = true };
	int r = fp_push_make(p, e);

	if (r)
		return r;
	snprintf(s.name, sizeof(s.name), "%s", name);
	take_away(p, name);
	return put(p, &s, e);
}
