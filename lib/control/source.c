/* SPDX-License-Identifier: Apache-2.0 */
#include "control/source.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/array.h"
#include "control/source_priv.h"
#include "model/diff.h"
#include "model/list_file.h"

#define LIST_MAX_ENTRIES 16000000u
#define LISTS_MAX 256

/* ---- files */

struct names {
	char v[LISTS_MAX][FP_LIST_NAME_MAX + 1];
	size_t n;
};

static int bad_name(const char *file, struct fp_err *e)
{
	if (*file == '_')
		return fp_err(
			e, -EINVAL,
			"%s: a name that begins with '_' is compiled from something else",
			file);
	return fp_err(
		e, -EINVAL,
		"%s: a list's name is of a-z, 0-9, '.', '_' and '-', at most %d",
		file, FP_LIST_NAME_MAX);
}

static int add_name(struct names *x, const char *file, size_t len,
		    struct fp_err *e)
{
	char *name = x->v[x->n];

	if (x->n == LISTS_MAX)
		return fp_err(e, -E2BIG, "more than %d lists", LISTS_MAX);
	if (len > FP_LIST_NAME_MAX || *file == '_')
		return bad_name(file, e);
	memcpy(name, file, len);
	name[len] = 0;
	if (fp_list_name_check(name, NULL))
		return bad_name(file, e);
	x->n++;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* NAME.list of the directory, but for hidden ones (an editor's). */
static int names_read(struct names *x, int dir_fd, struct fp_err *e)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;
	int r = 0;

	if (!dir) {
		r = fp_err_sys(e, -errno, "lists directory");
		if (fd >= 0)
			close(fd);
		return r;
	}
	while (!r && (d = readdir(dir))) {
		size_t n = strlen(d->d_name), s = strlen(FP_LIST_SUFFIX);

		if (n > s && d->d_name[0] != '.' &&
		    !strcmp(d->d_name + n - s, FP_LIST_SUFFIX))
			r = add_name(x, d->d_name, n - s, e);
	}
	closedir(dir);
	qsort(x->v, x->n, sizeof(*x->v), by_name);
	return r;
}

/* ---- a list */

static int digest(struct list *l, struct fp_err *e)
{
	struct fp_array a = { l->entries.v, l->entries.n, 0 };
	struct fp_stream s = fp_array_stream(&a);

	return fp_stream_digest(l->name, l->kind, &s, NULL, l->digest, e);
}

static int list_read(struct list *l, int dir_fd, const char *name,
		     const struct fp_source_opts *o, struct fp_err *e)
{
	char file[FP_LIST_NAME_MAX + sizeof(FP_LIST_SUFFIX)];
	struct fp_parse_opts parse = { .file = file,
				       .now_s = o->now_s,
				       .max = LIST_MAX_ENTRIES };
	int r;

	snprintf(file, sizeof(file), "%s%s", name, FP_LIST_SUFFIX);
	strcpy(l->name, name);
	r = fp_list_file_read(&l->text, dir_fd, file, e);
	if (!r)
		r = fp_list_file_kind(&l->text, file, &l->kind, e);
	if (!r)
		r = fp_entries_parse(&l->entries, l->text.data, l->text.len,
				     &parse, e);
	return r ? r : digest(l, e);
}

static void list_fini(struct list *l)
{
	struct diff *d;

	while ((d = l->diffs)) {
		l->diffs = d->next;
		fp_buf_fini(&d->frames);
		free(d);
	}
	fp_entries_fini(&l->entries);
	fp_buf_fini(&l->text);
	fp_buf_fini(&l->whole);
	fp_buf_fini(&l->buckets);
}

/* ---- all of them */

static bool is_named(const struct fp_source_opts *o, const char *name)
{
	for (size_t i = 0; i < o->n_names; i++)
		if (!strcmp(o->names[i], name))
			return true;
	return !o->n_names;
}

static bool has(const struct names *x, const char *name)
{
	return bsearch(name, x->v, x->n, sizeof(*x->v), by_name);
}

/* What nobody meant: a directory that vanished, names that are not there. */
static int check_names(const struct names *x, const struct fp_source_opts *o,
		       struct fp_err *e)
{
	if (!x->n && !o->is_empty_ok)
		return fp_refuse(
			e, "empty",
			"%s holds no list (NAME.list): nodes would lose theirs",
			o->dir);
	for (size_t i = 0; i < o->n_names && !o->is_gone_ok; i++)
		if (!has(x, o->names[i]))
			return fp_err(e, -ENOENT, "no %s/%s%s", o->dir,
				      o->names[i], FP_LIST_SUFFIX);
	return 0;
}

static void make_offers(struct fp_source *s)
{
	struct fp_list_digest all[LISTS_MAX];

	for (size_t i = 0; i < s->n; i++) {
		struct list *l = &s->list[i];

		s->offer[i] = (struct fp_offer){ .kind = l->kind,
						 .v = l->entries.v,
						 .n = l->entries.n };
		strcpy(s->offer[i].name, l->name);
		strcpy(s->offer[i].digest, l->digest);
		all[i].kind = l->kind;
		strcpy(all[i].name, l->name);
		strcpy(all[i].hex, l->digest);
		s->n_expired += l->entries.n_expired;
		for (size_t k = 0; k < l->entries.n; k++) {
			int64_t end_s = l->entries.v[k].until_s;

			if (end_s && (!s->end_s || end_s < s->end_s))
				s->end_s = end_s;
		}
	}
	fp_policy_digest(all, s->n, s->policy);
	fp_source_methods(s);
}

static int read_lists(struct fp_source *s, int dir_fd, const struct names *x,
		      const struct fp_source_opts *o, struct fp_err *e)
{
	int r = 0;

	s->list = calloc(x->n + 1, sizeof(*s->list));
	s->offer = calloc(x->n + 1, sizeof(*s->offer));
	if (!s->list || !s->offer)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < x->n && !r; i++)
		if (is_named(o, x->v[i]))
			r = list_read(&s->list[s->n++], dir_fd, x->v[i], o, e);
	if (!r)
		make_offers(s);
	return r;
}

static int dir_open(const struct fp_source_opts *o, struct fp_err *e)
{
	int fd = open(o->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT && o->is_empty_ok)
		return -ENOENT;
	if (errno == ENOENT)
		return fp_refuse(
			e, "empty",
			"%s is not there: nodes would lose their lists",
			o->dir);
	return fp_err_sys(e, -errno, "%s", o->dir);
}

int fp_source_read(struct fp_source **out, const struct fp_source_opts *o,
		   const struct fp_history *history, struct fp_err *e)
{
	struct fp_source *s = calloc(1, sizeof(*s));
	struct names *x = calloc(1, sizeof(*x));
	int fd = -1, r = s && x ? 0 : fp_err(e, -ENOMEM, "out of memory");

	if (!r)
		r = fd = dir_open(o, e);
	if (r == -ENOENT)
		r = 0; /* as good as empty, which is_empty_ok allows */
	else if (r >= 0)
		r = names_read(x, fd, e);
	if (!r)
		r = check_names(x, o, e);
	if (!r) {
		s->history = history;
		r = read_lists(s, fd, x, o, e);
	}
	if (fd >= 0)
		close(fd);
	free(x);
	if (!r) {
		*out = s;
		return 0;
	}
	fp_source_free(s);
	return r;
}

void fp_source_free(struct fp_source *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		list_fini(&s->list[i]);
	free(s->list);
	free(s->offer);
	free(s);
}

const struct fp_offers *fp_source_offers(const struct fp_source *s)
{
	return &s->offers;
}

const char *fp_source_policy(const struct fp_source *s)
{
	return s->policy;
}

int64_t fp_source_end_s(const struct fp_source *s)
{
	return s->end_s;
}

uint64_t fp_source_expired(const struct fp_source *s)
{
	return s->n_expired;
}
