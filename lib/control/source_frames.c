/* SPDX-License-Identifier: Apache-2.0 */
/* What of a list travels, made once for all nodes; and a list as a file. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/wire.h"
#include "control/array.h"
#include "control/source_priv.h"
#include "model/diff.h"

static struct list *list_of(struct fp_source *s, const struct fp_offer *o)
{
	return &s->list[o - s->offer];
}

static size_t put_list(struct fp_buf *b, const struct list *l, const char *how)
{
	size_t begin = fp_wire_begin(b, FP_WIRE_LIST);

	fp_wire_put(b, "name", l->name);
	fp_wire_put(b, "kind", fp_kind_name(l->kind));
	fp_wire_put(b, "digest", l->digest);
	fp_wire_put_u64(b, "entries", l->entries.n);
	fp_wire_put(b, "how", how);
	return begin;
}

static int finish(struct fp_buf *b, struct fp_frames *out, struct fp_err *e)
{
	if (b->is_failed)
		return fp_err(e, -ENOMEM, "out of memory");
	*out = (struct fp_frames){ b->data, b->len };
	return 0;
}

static int whole(void *ctx, const struct fp_offer *o, struct fp_frames *out,
		 struct fp_err *e)
{
	struct list *l = list_of(ctx, o);
	struct fp_data d = { .to = &l->whole };

	if (l->whole.len)
		return finish(&l->whole, out, e);
	fp_wire_end(&l->whole, put_list(&l->whole, l, "whole"));
	for (size_t i = 0; i < o->n; i++)
		fp_data_line(&d, 0, &o->v[i]);
	fp_data_end(&d);
	fp_wire_end(&l->whole, fp_wire_begin(&l->whole, FP_WIRE_END));
	return finish(&l->whole, out, e);
}

static int buckets(void *ctx, const struct fp_offer *o, uint32_t n_buckets,
		   struct fp_frames *out, struct fp_err *e)
{
	struct list *l = list_of(ctx, o);
	struct fp_array a = { o->v, o->n, 0 };
	struct fp_stream s = fp_array_stream(&a);
	size_t size = (size_t)n_buckets * FP_BUCKET_DIGEST, begin;
	char *to;
	int r = 0;

	if (l->buckets.len)
		return finish(&l->buckets, out, e);
	begin = put_list(&l->buckets, l, "buckets");
	fp_wire_put_u64(&l->buckets, "n_buckets", n_buckets);
	fp_wire_body(&l->buckets, NULL, 0);
	to = fp_buf_room(&l->buckets, size);
	if (to)
		r = fp_bucket_digests(&s, n_buckets, (unsigned char *)to, e);
	if (r) {
		l->buckets.len = 0;
		return r;
	}
	if (to)
		l->buckets.len += size;
	fp_wire_end(&l->buckets, begin);
	return finish(&l->buckets, out, e);
}

/* ---- differences */

struct differ {
	struct fp_data data;
	size_t n, max;
};

static int put_change(void *ctx, const struct fp_change *c)
{
	struct differ *d = ctx;

	if (++d->n > d->max)
		return -ENOENT;
	fp_data_line(&d->data, c->is_del ? '-' : '+', &c->entry);
	return 0;
}

/* The old version is read once, whoever has it. */
static int make_diff(struct fp_source *s, struct list *l, struct diff *d,
		     struct fp_err *e)
{
	struct differ x = { .data.to = &d->frames, .max = l->entries.n / 2 };
	struct fp_entries was;
	struct fp_text text;
	enum fp_kind kind;
	size_t begin;
	int r = s->history ? fp_history_read(s->history, d->from, &was, &text,
					     &kind, NULL)
			   : -ENOENT;

	if (r)
		return r;
	begin = put_list(&d->frames, l, "diff");
	fp_wire_put(&d->frames, "from", d->from);
	fp_wire_end(&d->frames, begin);
	r = fp_array_diff(was.v, was.n, l->entries.v, l->entries.n, put_change,
			  &x, e);
	fp_data_end(&x.data);
	fp_wire_end(&d->frames, fp_wire_begin(&d->frames, FP_WIRE_END));
	fp_entries_fini(&was);
	fp_text_fini(&text);
	return r;
}

static int diff(void *ctx, const struct fp_offer *o, const char *from,
		struct fp_frames *out, struct fp_err *e)
{
	struct list *l = list_of(ctx, o);
	struct diff *d = l->diffs;

	while (d && strcmp(d->from, from))
		d = d->next;
	if (!d) {
		d = calloc(1, sizeof(*d));
		if (!d)
			return fp_err(e, -ENOMEM, "out of memory");
		snprintf(d->from, sizeof(d->from), "%s", from);
		d->next = l->diffs;
		l->diffs = d;
		d->is_none = make_diff(ctx, l, d, e);
		if (d->is_none)
			fp_buf_fini(&d->frames);
	}
	return d->is_none ? -ENOENT : finish(&d->frames, out, e);
}

void fp_source_methods(struct fp_source *s)
{
	s->offers = (struct fp_offers){
		.v = s->offer,
		.n = s->n,
		.whole = whole,
		.diff = diff,
		.buckets = buckets,
		.ctx = s,
	};
}

/* ---- a list as a file of the directory */

static int write_all(int fd, const struct fp_buf *b)
{
	for (size_t at = 0; at < b->len;) {
		ssize_t n = write(fd, b->data + at, b->len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += (size_t)n;
	}
	return 0;
}

static int write_file(int dir_fd, const char *tmp, const char *file,
		      const struct fp_buf *b)
{
	struct stat st = { .st_mode = 0644 };
	bool is_old = !fstatat(dir_fd, file, &st, 0);
	int fd = openat(dir_fd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			0600);
	int r = fd < 0 ? -errno : write_all(fd, b);

	if (!r && (fchmod(fd, st.st_mode & 07777) ||
		   (is_old && fchown(fd, st.st_uid, st.st_gid)) || fsync(fd)))
		r = -errno;
	if (fd >= 0 && close(fd) && !r)
		r = -errno;
	if (!r && renameat(dir_fd, tmp, dir_fd, file))
		r = -errno;
	if (r)
		unlinkat(dir_fd, tmp, 0);
	return r ? r : fsync(dir_fd) ? -errno : 0;
}

int fp_source_write(const char *dir, const char *name, enum fp_kind kind,
		    const struct fp_entry *v, size_t n, struct fp_err *e)
{
	char file[FP_LIST_NAME_MAX + 16], tmp[FP_LIST_NAME_MAX + 16];
	struct fp_buf b = { 0 };
	int fd, r;

	if (mkdir(dir, 0755) && errno != EEXIST)
		return fp_err_sys(e, -errno, "%s", dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fp_err_sys(e, -errno, "%s", dir);
	snprintf(file, sizeof(file), "%s%s", name, FP_LIST_SUFFIX);
	snprintf(tmp, sizeof(tmp), ".%s.tmp", name);
	if (kind != FP_KIND_BLOCK)
		fp_buf_printf(&b, "#fastpath-list 1 kind=%s\n",
			      fp_kind_name(kind));
	for (size_t i = 0; i < n; i++)
		fp_entry_print(&b, &v[i]);
	r = b.is_failed ? -ENOMEM : write_file(fd, tmp, file, &b);
	fp_buf_fini(&b);
	close(fd);
	return r ? fp_err_sys(e, r, "%s/%s", dir, file) : 0;
}
