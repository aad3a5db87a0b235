/* SPDX-License-Identifier: Apache-2.0 */
/* Locks of this machine, which hold without fp_db too: flock(2) on a file of the
 * lock's name, which says who holds it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db/journal_disk.h"
#include "io/lock.h"
#include "io/owned.h"

/* Who looks whether it is held has it for a moment; who was killed has it until
 * the kernel is done with him. */
#define WAIT_MS 500
#define TRIES 100
#define FILE_MAX 200

/* A name as a file's: what is no letter, digit, '-' or '_' is %XX, and so is a
 * first '.'. */
static int file_name(const char *name, char out[FILE_MAX], struct fp_err *e)
{
	size_t n = 0;

	for (const char *s = name; *s; s++) {
		unsigned char c = (unsigned char)*s;
		bool is_plain = (c >= 'a' && c <= 'z') ||
				(c >= 'A' && c <= 'Z') ||
				(c >= '0' && c <= '9') || c == '-' ||
				c == '_' || (c == '.' && s != name);

		if (n + 4 > FILE_MAX)
			return fp_err(e, -EINVAL, "lock \"%.40s...\": too long",
				      name);
		n += (size_t)sprintf(out + n, is_plain ? "%c" : "%%%02X", c);
	}
	out[n] = 0;
	return n ? 0 : fp_err(e, -EINVAL, "a lock without a name");
}

static int busy(int fd, const char *name, struct fp_err *e)
{
	char who[200];
	ssize_t n = pread(fd, who, sizeof(who) - 1, 0);

	who[n > 0 ? n : 0] = 0;
	who[strcspn(who, "\n")] = 0;
	return fp_err(e, -EBUSY, "lock \"%s\" is held on this machine by %s",
		      name, *who ? who : "another process");
}

/* The file may go with a lock that ends while we wait for it.
 * 1: held.  0: once more. */
static int try_lock(int dir, const char *file, const char *name, int *out,
		    struct fp_err *e)
{
	int fd = fp_owned_file(dir, file, O_RDWR | O_CREAT, 0600);
	struct stat st;
	int r;

	if (fd < 0)
		return fp_err_sys(e, fd, "jobs/locks/%s", file);
	r = fp_lock_take(fd, false, WAIT_MS, e);
	if (r == -EAGAIN)
		r = busy(fd, name, e);
	else if (!r)
		r = fstat(fd, &st)
			    ? fp_err_sys(e, -errno, "jobs/locks/%s", file)
			    : st.st_nlink > 0;
	if (r == 1)
		*out = fd;
	else
		close(fd);
	return r;
}

static struct fp_journal_flock *find(const struct fp_journal_flocks *l,
				     const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i].name, name))
			return &l->v[i];
	return NULL;
}

static int keep(struct fp_journal_flocks *l, const char *name, int fd,
		struct fp_err *e)
{
	struct fp_journal_flock *v =
		reallocarray(l->v, l->n + 1, sizeof(*l->v));

	if (v)
		l->v = v;
	if (!v || !(v[l->n].name = strdup(name)))
		return fp_err(e, -ENOMEM, "out of memory");
	v[l->n++].fd = fd;
	return 0;
}

int fp_journal_flock(struct fp_journal_flocks *l, const char *name,
		     const char *owner, struct fp_err *e)
{
	char file[FILE_MAX];
	int fd = -1, r = file_name(name, file, e);

	if (r || find(l, name))
		return r;
	for (int i = 0; !r && i < TRIES; i++)
		r = try_lock(l->dir, file, name, &fd, e);
	if (r < 0)
		return r;
	if (!r)
		return fp_err(e, -EBUSY, "lock \"%s\": others come and go",
			      name);
	/* what it says is for people: a full disk does not matter */
	if (!ftruncate(fd, 0))
		dprintf(fd, "%s\n", owner);
	r = keep(l, name, fd, e);
	if (r)
		close(fd);
	return r;
}

static void release(struct fp_journal_flocks *l, struct fp_journal_flock *x)
{
	char file[FILE_MAX];

	/* before it is let go: the next one makes a new file */
	if (!file_name(x->name, file, NULL))
		unlinkat(l->dir, file, 0);
	close(x->fd);
	free(x->name);
}

void fp_journal_funlock(struct fp_journal_flocks *l, const char *name)
{
	struct fp_journal_flock *x = find(l, name);

	if (!x)
		return;
	release(l, x);
	*x = l->v[--l->n];
}

void fp_journal_flocks_fini(struct fp_journal_flocks *l)
{
	for (size_t i = 0; i < l->n; i++)
		release(l, &l->v[i]);
	free(l->v);
	if (l->dir >= 0)
		close(l->dir);
	*l = (struct fp_journal_flocks){ .dir = -1 };
}

bool fp_journal_is_flocked(int dir, const char *name)
{
	char file[FILE_MAX];
	int fd, r;

	if (file_name(name, file, NULL))
		return false;
	fd = fp_owned_file(dir, file, O_RDONLY, 0);
	if (fd < 0)
		return false;
	r = flock(fd, LOCK_SH | LOCK_NB);
	close(fd);
	return r != 0;
}
