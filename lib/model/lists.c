/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "model/diff.h"
#include "model/list_disk.h"

/* Names of files, sorted. */
struct names {
	char **v;
	size_t n;
};

static bool has_suffix(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n > m && !strcmp(s + n - m, suffix);
}

static void names_fini(struct names *x)
{
	for (size_t i = 0; i < x->n; i++)
		free(x->v[i]);
	free(x->v);
}

static int names_add(struct names *x, const char *name)
{
	char **v = x->v;

	if (!(x->n & (x->n - 1))) /* a power of two: full */
		v = reallocarray(v, x->n ? x->n * 2 : 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	x->v = v;
	v[x->n] = strdup(name);
	return v[x->n] ? (x->n++, 0) : -ENOMEM;
}

/* By the list's name, of which the suffix is no part: a before a-b. */
static int by_name(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	size_t n = strlen(x) - strlen(FP_LIST_SUFFIX);
	size_t m = strlen(y) - strlen(FP_LIST_SUFFIX);
	int c = memcmp(x, y, n < m ? n : m);

	return c ? c : (n > m) - (n < m);
}

/* The *.list files of a directory. */
static int names_read(struct names *out, int dir_fd, bool is_writer,
		      struct fp_err *e)
{
	/* Another open file: rewinding dir_fd would be seen by its other users. */
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *f;
	int r = 0;

	if (!d) {
		r = fp_err_sys(e, -errno, "lists directory");
		if (fd >= 0)
			close(fd);
		return r;
	}
	while (!r && (errno = 0, f = readdir(d))) {
		if (has_suffix(f->d_name, FP_LIST_SUFFIX))
			r = names_add(out, f->d_name);
		else if (is_writer &&
			 has_suffix(f->d_name, FP_LIST_SUFFIX ".tmp"))
			unlinkat(dir_fd, f->d_name, 0);
	}
	if (!r)
		r = -errno;
	closedir(d);
	if (r)
		return fp_err_sys(e, r, "lists directory");
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_name);
	return 0;
}

static uint64_t token_of(int dir_fd, const struct names *x)
{
	uint64_t h = FP_FNV1A_INIT;

	for (size_t i = 0; i < x->n; i++) {
		struct stat st = { 0 };
		uint64_t v[4];

		if (fstatat(dir_fd, x->v[i], &st, 0))
			st.st_size = -1;
		v[0] = st.st_ino;
		v[1] = (uint64_t)st.st_size;
		v[2] = (uint64_t)st.st_mtim.tv_sec;
		v[3] = (uint64_t)st.st_mtim.tv_nsec;
		h = fp_fnv1a(h, x->v[i], strlen(x->v[i]) + 1);
		h = fp_fnv1a(h, v, sizeof(v));
	}
	return h;
}

int fp_lists_token(int dir_fd, uint64_t *token, struct fp_err *e)
{
	struct names x = { 0 };
	int r = names_read(&x, dir_fd, false, e);

	if (!r)
		*token = token_of(dir_fd, &x);
	names_fini(&x);
	return r;
}

/* Open the list of one file, or note why it cannot be. */
static void open_one(struct fp_lists *ls, int dir_fd, char *file)
{
	struct fp_err e;
	int r;

	file[strlen(file) - strlen(FP_LIST_SUFFIX)] = 0;
	r = fp_list_open(&ls->v[ls->n], dir_fd, file, &e);
	if (!r)
		ls->n++;
	else if (r != -ENOENT) /* removed since we read the directory */
		snprintf(ls->broken[ls->n_broken++], sizeof(*ls->broken),
			 "%.255s", e.text);
}

int fp_lists_open(struct fp_lists *out, int dir_fd, bool is_writer,
		  struct fp_err *e)
{
	struct fp_lists ls = { 0 };
	struct names x = { 0 };
	int r = names_read(&x, dir_fd, is_writer, e);

	if (!r) {
		ls.token = token_of(dir_fd, &x);
		ls.v = calloc(x.n + 1, sizeof(*ls.v));
		ls.broken = calloc(x.n + 1, sizeof(*ls.broken));
		if (!ls.v || !ls.broken)
			r = fp_err(e, -ENOMEM, "out of memory");
	}
	for (size_t i = 0; !r && i < x.n; i++)
		open_one(&ls, dir_fd, x.v[i]);
	names_fini(&x);
	if (r)
		fp_lists_close(&ls);
	else
		*out = ls;
	return r;
}

void fp_lists_close(struct fp_lists *ls)
{
	for (size_t i = 0; i < ls->n; i++)
		fp_list_close(ls->v[i]);
	free(ls->v);
	free(ls->broken);
	*ls = (struct fp_lists){ 0 };
}

struct fp_list *fp_lists_get(const struct fp_lists *ls, const char *name)
{
	for (size_t i = 0; i < ls->n; i++)
		if (!strcmp(ls->v[i]->head.name, name))
			return ls->v[i];
	return NULL;
}

/* ---- digest */

static int iter_next(void *it, struct fp_entry *out, struct fp_err *e)
{
	return fp_list_next(it, out, e);
}

int fp_list_digest(const struct fp_list *l, char hex[65], struct fp_err *e)
{
	struct fp_list_iter it;
	struct fp_stream s = { iter_next, &it };

	fp_list_seek(l, &it, NULL);
	return fp_stream_digest(l->head.name, l->head.kind, &s, NULL, hex, e);
}

int fp_lists_digest(const struct fp_lists *ls, char hex[65], struct fp_err *e)
{
	struct fp_list_digest *v = calloc(ls->n + 1, sizeof(*v));
	size_t n = 0;
	int r = 0;

	if (!v)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; !r && i < ls->n; i++) {
		const struct fp_list_head *h = &ls->v[i]->head;

		if (h->owner != FP_OWNER_PUSHED)
			continue;
		strcpy(v[n].name, h->name);
		v[n].kind = h->kind;
		r = fp_list_digest(ls->v[i], v[n++].hex, e);
	}
	if (!r)
		fp_policy_digest(v, n, hex);
	free(v);
	return r;
}
