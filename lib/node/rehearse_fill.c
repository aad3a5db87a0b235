/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/caps.h"
#include "io/clock.h"
#include "model/list_file.h"
#include "node/facts.h"
#include "node/rehearse_priv.h"

/* Lists are compiled from a copy of theirs, a state directory that is gone when
 * it was read: what they are copied from is neither locked nor mended.  Of one
 * that was killed the next one removes it. */

#define LIST_MAX_ENTRIES 16000000u

struct copy {
	const struct fp_rehearsing_opts *opts;
	bool is_own; /* in no other form than a node's */
	char dir[64];
	int dir_fd; /* locked for as long as somebody uses it */
	int lists_fd;
	size_t n;
};

/* ---- the directory ---- */

#define PREFIX "fp-rehearsal-"

static void empty(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *d;

	while (dir && (d = readdir(dir)))
		if (strcmp(d->d_name, ".") && strcmp(d->d_name, ".."))
			unlinkat(dirfd(dir), d->d_name, 0);
	if (dir)
		closedir(dir);
}

static void remove_dir(const char *dir)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/lists", dir);
	empty(path);
	rmdir(path);
	empty(dir);
	rmdir(dir);
}

/* Of somebody who was killed?  A new one is not locked from its first moment. */
#define FRESH_S 60
static bool is_left_over(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	bool is = fd >= 0 && !fstat(fd, &st) && st.st_uid == geteuid() &&
		  fp_clock_unix_s() - st.st_mtim.tv_sec > FRESH_S &&
		  !flock(fd, LOCK_EX | LOCK_NB);

	if (fd >= 0)
		close(fd);
	return is;
}

static void remove_left_over(const char *parent)
{
	DIR *dir = opendir(parent);
	char path[PATH_MAX];
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		if (strncmp(d->d_name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", parent, d->d_name);
		if (is_left_over(path))
			remove_dir(path);
	}
	if (dir)
		closedir(dir);
}

static int copy_make_in(struct copy *c, const char *parent)
{
	char path[80];

	remove_left_over(parent);
	snprintf(c->dir, sizeof(c->dir), "%s/" PREFIX "XXXXXX", parent);
	if (!mkdtemp(c->dir)) {
		c->dir[0] = 0;
		return -errno;
	}
	c->dir_fd = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->dir_fd < 0 || flock(c->dir_fd, LOCK_SH | LOCK_NB))
		return -errno;
	snprintf(path, sizeof(path), "%s/lists", c->dir);
	if (mkdir(path, 0700))
		return -errno;
	c->lists_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return c->lists_fd >= 0 ? 0 : -errno;
}

/* In memory where that can be had. */
static int copy_make(struct copy *c, struct fp_err *e)
{
	int r = copy_make_in(c, "/dev/shm");

	if (r && !c->dir[0])
		r = copy_make_in(c, P_tmpdir);
	return r ? fp_err_sys(e, r, "a directory in %s", P_tmpdir) : 0;
}

/* Lists that are open stay mapped. */
static void copy_remove(struct copy *c)
{
	if (c->lists_fd >= 0)
		close(c->lists_fd);
	if (c->dir[0])
		remove_dir(c->dir);
	if (c->dir_fd >= 0)
		close(c->dir_fd);
}

/* ---- what goes into it ---- */

static int write_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t put = write(fd, p, n);

		if (put < 0 && errno != EINTR)
			return -errno;
		if (put > 0) {
			p += put;
			n -= (size_t)put;
		}
	}
	return 0;
}

/* As a node keeps it, with all that may be wrong with it. */
static int put_as_it_is(const struct copy *c, const char *name,
			const struct fp_buf *text, struct fp_err *e)
{
	char file[FP_LIST_NAME_MAX + sizeof(FP_LIST_SUFFIX)];
	int fd, r;

	snprintf(file, sizeof(file), "%s" FP_LIST_SUFFIX, name);
	fd = openat(c->lists_fd, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return fp_err_sys(e, -errno, "copying %s", file);
	r = write_all(fd, text->data, text->len);
	close(fd);
	return r ? fp_err_sys(e, r, "copying %s", file) : 0;
}

struct walk {
	const struct fp_entries *entries;
	size_t i;
};

static int walk_next(void *ctx, struct fp_entry *out, struct fp_err *e)
{
	struct walk *w = ctx;

	(void)e;
	if (w->i == w->entries->n)
		return 0;
	*out = w->entries->v[w->i++];
	return 1;
}

/* As people write it. */
static int put_entries(const struct copy *c, const char *name, const char *file,
		       const struct fp_buf *text, struct fp_err *e)
{
	const struct fp_parse_opts parse = { .file = file,
					     .now_s = fp_clock_unix_s(),
					     .max = LIST_MAX_ENTRIES };
	struct fp_list_head head = { .gen = 1, .owner = FP_OWNER_LOCAL };
	struct fp_entries entries = { 0 };
	struct walk w = { &entries, 0 };
	int r = fp_list_file_kind(text, file, &head.kind, e);

	if (!r)
		r = fp_entries_parse(&entries, text->data, text->len, &parse,
				     e);
	if (!r) {
		strcpy(head.name, name);
		r = fp_list_write(c->lists_fd, &head, walk_next, &w, e);
	}
	fp_entries_fini(&entries);
	return r;
}

static int copy_list(struct copy *c, int dir_fd, const char *file,
		     const char *name, struct fp_err *e)
{
	struct fp_buf text = { 0 };
	int r = fp_list_file_read(&text, dir_fd, file, e);

	if (!r && (c->is_own || fp_list_file_is_node(&text)))
		r = put_as_it_is(c, name, &text, e);
	else if (!r)
		r = put_entries(c, name, file, &text, e);
	fp_buf_fini(&text);
	c->n += !r;
	return r;
}

/* The name of the list in a file; -EINVAL. */
static int name_of(char out[FP_LIST_NAME_MAX + 1], const char *file,
		   struct fp_err *e)
{
	size_t n = strlen(file), s = strlen(FP_LIST_SUFFIX);

	if (n > s && !strcmp(file + n - s, FP_LIST_SUFFIX))
		n -= s;
	snprintf(out, FP_LIST_NAME_MAX + 1, "%.*s", (int)n, file);
	if (n > FP_LIST_NAME_MAX || fp_list_name_check(out, NULL))
		return fp_err(
			e, -EINVAL,
			"%s: a list's name is of a-z, 0-9, '.', '_' and '-', at most %d",
			file, FP_LIST_NAME_MAX);
	return 0;
}

/* The NAME.list of a directory, but for hidden ones (an editor's). */
static int copy_all(struct copy *c, DIR *dir, struct fp_err *e)
{
	char name[FP_LIST_NAME_MAX + 1];
	struct dirent *d;
	int r = 0;

	while (!r && (d = readdir(dir))) {
		size_t n = strlen(d->d_name), s = strlen(FP_LIST_SUFFIX);

		if (n <= s || d->d_name[0] == '.' ||
		    strcmp(d->d_name + n - s, FP_LIST_SUFFIX) != 0)
			continue;
		r = name_of(name, d->d_name, e);
		if (!r)
			r = copy_list(c, dirfd(dir), d->d_name, name, e);
	}
	return r;
}

/* One file: a name that no list can have is no hindrance. */
static int copy_file(struct copy *c, const char *path, struct fp_err *e)
{
	const char *slash = strrchr(path, '/');
	char name[FP_LIST_NAME_MAX + 1];

	if (name_of(name, slash ? slash + 1 : path, NULL))
		strcpy(name, "list");
	return copy_list(c, AT_FDCWD, path, name, e);
}

static int copy_from(struct copy *c, const char *path, struct fp_err *e)
{
	DIR *dir = opendir(path);
	int r;

	if (!dir && errno == ENOTDIR)
		return copy_file(c, path, e);
	if (!dir && errno == ENOENT && c->is_own)
		return 0;
	if (!dir)
		return fp_err_sys(e, -errno, "%s", path);
	r = copy_all(c, dir, e);
	closedir(dir);
	if (r)
		return fp_err_prefix(e, r, "%s", path);
	if (!c->n && !c->is_own)
		return fp_err(e, -ENOENT,
			      "%s holds no list (NAME" FP_LIST_SUFFIX ")",
			      path);
	return 0;
}

/* What the operator named is read with his rights, but not for whoever we work
 * as: links in a directory of that user's are followed with that user's. */
static int copy_named(struct copy *c, const char *path, struct fp_err *e)
{
	uint64_t was = fp_caps_raise(FP_CAP_DAC_READ_SEARCH);
	struct stat st;
	int r;

	if (!stat(path, &st) && st.st_uid == geteuid())
		fp_caps_use(was, NULL);
	r = copy_from(c, path, e);
	fp_caps_use(was, NULL);
	return r;
}

/* ---- compiling ---- */

static void on_notice(void *ctx, const char *text)
{
	const struct copy *c = ctx;
	char line[600];

	snprintf(line, sizeof(line), "in a copy of the lists: %s", text);
	c->opts->notice(c->opts->ctx, line);
}

/* Every node allows the cluster's nodes, unless the lists say themselves whom. */
static int add_cluster(struct fp_node *n, const struct copy *c,
		       struct fp_err *e)
{
	const struct fp_rehearsing_opts *o = c->opts;
	char text[600];
	bool is_changed;
	int r;

	if (!o->cluster || (!c->is_own && fp_node_has_file(n, "_cluster")))
		return 0;
	r = fp_facts_cluster_list(n, o->cluster, o->is_cluster_named,
				  &is_changed, e);
	if (r != -EINVAL || !c->is_own)
		return r;
	snprintf(text, sizeof(text),
		 "%s: the allow list _cluster stays as it was", e->text);
	o->notice(o->ctx, text);
	return 0;
}

static int compile(struct copy *c, struct fp_maps *maps,
		   const struct fp_settings *s, struct fp_err *e)
{
	const struct fp_node_opts o = {
		.state_dir = c->dir,
		.pins = c->dir, /* none */
		.access = FP_NODE_WRITE,
		.is_broken_ok = c->is_own || c->opts->is_broken_ok,
		.notice = on_notice,
		.ctx = c,
	};
	bool is_changed;
	struct fp_node n;
	int r = fp_node_open(&n, &o, e);

	if (r)
		return r;
	n.maps = maps;
	r = fp_facts_settings(&n, s, &is_changed, e);
	if (!r)
		r = fp_node_compile(&n, NULL, e);
	if (!r)
		r = add_cluster(&n, c, e);
	if (!r && !c->is_own)
		r = fp_rehearse_say_refused(c->opts, &n, e);
	n.maps = NULL; /* not the node's */
	fp_node_close(&n);
	return r;
}

int fp_rehearse_fill(struct fp_maps *maps, const struct fp_rehearsing_opts *o,
		     const char *path, bool is_own, const struct fp_settings *s,
		     struct fp_err *e)
{
	struct copy c = {
		.opts = o, .is_own = is_own, .dir_fd = -1, .lists_fd = -1
	};
	int r = copy_make(&c, e);

	if (!r)
		r = is_own ? copy_from(&c, path, e) : copy_named(&c, path, e);
	if (!r)
		r = compile(&c, maps, s, e);
	copy_remove(&c);
	return r;
}
