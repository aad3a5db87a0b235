/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/list_disk.h"

#define FLUSH_BYTES (256 << 10)

static int write_at(int fd, const char *s, size_t n, uint64_t at)
{
	while (n) {
		ssize_t r = pwrite(fd, s, n, (off_t)at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r ? -errno : -EIO;
		s += r;
		n -= (size_t)r;
		at += (uint64_t)r;
	}
	return 0;
}

/* ---- a whole list */

/* The file being written. */
struct sink {
	int fd;
	struct fp_buf b; /* not written yet */
	uint64_t at;     /* where b goes */
	uint64_t entries;
	struct fp_prefix last;
};

static int flush(struct sink *s, const char *file, struct fp_err *e)
{
	int r = write_at(s->fd, s->b.data, s->b.len, s->at);

	if (r)
		return fp_err_sys(e, r, "%s", file);
	s->at += s->b.len;
	s->b.len = 0;
	return 0;
}

static int add(struct sink *s, const struct fp_entry *x, const char *file,
	       struct fp_err *e)
{
	if (s->entries && fp_prefix_cmp(&s->last, &x->p) >= 0)
		return fp_err(e, -EINVAL, "%s: entries are not in order", file);
	if (fp_entry_check(x, e))
		return -EINVAL;
	s->last = x->p;
	s->entries++;
	fp_entry_print(&s->b, x);
	if (s->b.is_failed)
		return fp_err(e, -ENOMEM, "out of memory");
	return s->b.len < FLUSH_BYTES ? 0 : flush(s, file, e);
}

/* Body first, then the head in front of it, now that the count is known. */
static int fill(struct sink *s, const struct fp_list_head *head,
		fp_entry_next *next, void *ctx, const char *file,
		struct fp_err *e)
{
	struct fp_list_head h = *head;
	char text[FP_LIST_HEAD_LEN];
	struct fp_entry x;
	int r;

	s->at = FP_LIST_HEAD_LEN;
	while ((r = next(ctx, &x, e)) > 0) {
		r = add(s, &x, file, e);
		if (r)
			return r;
	}
	if (r)
		return r;
	r = flush(s, file, e);
	if (r)
		return r;
	h.entries = s->entries;
	fp_list_head_print(text, &h);
	r = write_at(s->fd, text, sizeof(text), 0);
	if (r || (fsync(s->fd) && (r = -errno)))
		return fp_err_sys(e, r, "%s", file);
	return 0;
}

static int dir_sync(int dir_fd, const char *file, struct fp_err *e)
{
	return fsync(dir_fd) ? fp_err_sys(e, -errno, "%s: directory", file) : 0;
}

int fp_list_write(int dir_fd, const struct fp_list_head *head,
		  fp_entry_next *next, void *ctx, struct fp_err *e)
{
	char file[FP_LIST_FILE_SIZE], tmp[FP_LIST_FILE_SIZE];
	struct sink s = { 0 };
	int r;

	r = fp_list_name_check(head->name, e);
	if (r)
		return r;
	fp_list_file(file, head->name, false);
	fp_list_file(tmp, head->name, true);
	s.fd = openat(dir_fd, tmp,
		      O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		      0644);
	if (s.fd < 0)
		return fp_err_sys(e, -errno, "%s", tmp);
	r = fill(&s, head, next, ctx, tmp, e);
	fp_buf_fini(&s.b);
	if (close(s.fd) && !r)
		r = fp_err_sys(e, -errno, "%s", tmp);
	if (!r && renameat(dir_fd, tmp, dir_fd, file))
		r = fp_err_sys(e, -errno, "%s", file);
	if (r) {
		unlinkat(dir_fd, tmp, 0);
		return r;
	}
	return dir_sync(dir_fd, file, e);
}

int fp_list_remove(int dir_fd, const char *name, struct fp_err *e)
{
	char file[FP_LIST_FILE_SIZE];
	int r = fp_list_name_check(name, e);

	if (r)
		return r;
	fp_list_file(file, name, false);
	if (unlinkat(dir_fd, file, 0))
		return fp_err_sys(e, -errno, "%s", file);
	return dir_sync(dir_fd, file, e);
}

/* ---- the log */

static int print_changes(struct fp_buf *b, const struct fp_change *v, size_t n,
			 struct fp_err *e)
{
	for (size_t i = 0; i < n; i++) {
		struct fp_entry x = v[i].entry;

		if (v[i].is_del)
			x = (struct fp_entry){ .p = x.p };
		if (fp_entry_check(&x, e))
			return -EINVAL;
		fp_buf_add(b, v[i].is_del ? "-" : "+", 1);
		fp_entry_print(b, &x);
	}
	return b->is_failed ? fp_err(e, -ENOMEM, "out of memory") : 0;
}

/* Write b where the whole lines end, and nothing else after it. */
static int append(int fd, const char *name, const struct fp_buf *b,
		  struct fp_err *e)
{
	struct fp_list_tail tail;
	struct stat st;
	uint64_t end;
	int r;

	if (fstat(fd, &st))
		return fp_err_sys(e, -errno, "%s%s", name, FP_LIST_SUFFIX);
	r = fp_list_tail_read(&tail, fd, (uint64_t)st.st_size, name, e);
	if (r)
		return r;
	free(tail.text);
	if (!tail.log_at || tail.is_half_body)
		return fp_err(e, -EBADMSG, "%s%s: %s", name, FP_LIST_SUFFIX,
			      tail.log_at ? "its last line does not end"
					  : "empty, or without a head");
	end = tail.log_at + tail.log_len;
	if (tail.torn && ftruncate(fd, (off_t)end))
		return fp_err_sys(e, -errno, "%s%s", name, FP_LIST_SUFFIX);
	r = write_at(fd, b->data, b->len, end);
	if (!r && fdatasync(fd))
		r = -errno;
	if (!r)
		return 0;
	fp_err_sys(e, r, "%s%s", name, FP_LIST_SUFFIX);
	if (ftruncate(fd, (off_t)end) || fdatasync(fd))
		fp_err_prefix(e, r, "the change may stand or not");
	return r;
}

int fp_list_append(int dir_fd, const char *name, const struct fp_change *v,
		   size_t n, struct fp_err *e)
{
	char file[FP_LIST_FILE_SIZE];
	struct fp_buf b = { 0 };
	int fd, r;

	r = fp_list_name_check(name, e);
	if (r || !n)
		return r;
	fp_list_file(file, name, false);
	fd = openat(dir_fd, file, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return fp_err_sys(e, -errno, "%s", file);
	r = print_changes(&b, v, n, e);
	if (!r)
		r = append(fd, name, &b, e);
	fp_buf_fini(&b);
	close(fd);
	return r;
}
