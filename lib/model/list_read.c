/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/list_collect.h"
#include "model/list_disk.h"
#include "model/list_line.h"

#define TAIL_BYTES (16 << 10)

/* ---- the end of the file */

/* Read n bytes at `at`; *got is less when the file has become shorter. */
static int read_at(int fd, char *to, size_t n, uint64_t at, size_t *got)
{
	for (*got = 0; *got < n;) {
		ssize_t r = pread(fd, to + *got, n - *got, (off_t)(at + *got));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (!r)
			break;
		*got += (size_t)r;
	}
	return 0;
}

/* Does a line that begins with c belong to the log?  It has a sign, or it is
 * what a file system shows of a page that was lost with the power: NULs. */
static bool is_log(char c)
{
	return c == '+' || c == '-' || !c;
}

/* Where the log's lines at the end of text begin.  n: up to the last '\n'.
 * n when there is no log; -1 when it begins before text. */
static ssize_t log_start(const char *text, size_t n, bool is_whole)
{
	size_t at = n;

	while (at) {
		const char *nl = memrchr(text, '\n', at - 1);
		size_t line = nl ? (size_t)(nl + 1 - text) : 0;

		if (!nl && !is_whole)
			return -1;
		if (!is_log(text[line]))
			break;
		at = line;
	}
	return n || is_whole ? (ssize_t)at : -1;
}

/* Up to where the log's lines are whole: a NUL in one tears it and all that
 * come after, which were written by the same append. */
static size_t whole_lines(const char *log, size_t n)
{
	const char *nul = n ? memchr(log, 0, n) : NULL;
	const char *nl = nul ? memrchr(log, '\n', (size_t)(nul - log)) : NULL;

	if (!nul)
		return n;
	return nl ? (size_t)(nl + 1 - log) : 0;
}

/* Find the log in text, the last n bytes of the file. */
static bool tail_find(struct fp_list_tail *out, char *text, size_t n,
		      uint64_t size)
{
	const char *nl = n ? memrchr(text, '\n', n) : NULL;
	size_t whole = nl ? (size_t)(nl + 1 - text) : 0;
	bool is_half_body = whole < n && !is_log(text[whole]);
	ssize_t at = log_start(text, whole, n == size);

	if (at < 0)
		return false;
	if (is_half_body)
		at = (ssize_t)(whole = n);
	out->is_half_body = is_half_body;
	out->log_len = whole_lines(text + at, whole - (size_t)at);
	out->log_at = size - n + (uint64_t)at;
	out->torn = size - out->log_at - out->log_len;
	memmove(text, text + at, out->log_len);
	out->text = text;
	return true;
}

int fp_list_tail_read(struct fp_list_tail *out, int fd, uint64_t size,
		      const char *name, struct fp_err *e)
{
	size_t n = TAIL_BYTES, got;
	char *text = NULL, *more;
	int r;

	for (;; n *= 4) {
		if (n > size)
			n = size;
		more = realloc(text, n + 1);
		if (!more) {
			r = fp_err(e, -ENOMEM, "out of memory");
			break;
		}
		text = more;
		r = read_at(fd, text, n, size - n, &got);
		if (r) {
			fp_err_sys(e, r, "%s%s", name, FP_LIST_SUFFIX);
			break;
		}
		if (got < n) /* a writer has cut it meanwhile */
			size -= n - got;
		else if (tail_find(out, text, n, size))
			return 0;
	}
	free(text);
	return r;
}

/* ---- opening */

uint64_t fp_list_line(const struct fp_list *l, const char *at)
{
	uint64_t line = 1;

	for (const char *s = l->map; (s = memchr(s, '\n', (size_t)(at - s)));
	     s++)
		line++;
	return line;
}

static int log_add(struct fp_collect *c, const char *s, const char *end,
		   struct fp_err *e)
{
	bool is_del = *s == '-';
	struct fp_line x;
	int r = fp_line_parse(&x, s + 1, end, &c->store, e);

	if (r < 0)
		return r;
	if (!r || (is_del && (x.x.until_s || x.x.meta_len || x.is_stored)))
		return fp_err(e, -EINVAL,
			      r ? "fields after a prefix that goes"
				: "no prefix");
	return fp_collect_add(c, &x, is_del ? FP_COLLECT_DEL : 0, e);
}

int fp_list_log_collect(const struct fp_list *l, struct fp_collect *c,
			struct fp_err *e)
{
	const char *at = l->log_text, *end = at + l->head.log_bytes, *nl;
	const char *body_end = l->map + l->map_len;
	uint64_t n = 0;
	int r;

	for (; at < end; at = nl + 1, n++) {
		nl = memchr(at, '\n', (size_t)(end - at));
		r = log_add(c, at, nl, e);
		if (r == -EINVAL)
			r = -EBADMSG;
		if (r)
			return fp_err_prefix(
				e, r, "%s%s:%ju", l->head.name, FP_LIST_SUFFIX,
				(uintmax_t)(fp_list_line(l, body_end) + n));
	}
	return 0;
}

static int log_parse(struct fp_list *l, struct fp_err *e)
{
	const char *at = l->log_text, *end = at + l->head.log_bytes;
	struct fp_collect c = { 0 };
	int r = fp_list_log_collect(l, &c, e);

	if (!r)
		r = fp_collect_finish(&c, &l->log, true, e);
	fp_collect_fini(&c);
	while ((at = memchr(at, '\n', (size_t)(end - at)))) {
		l->head.gen++;
		at++;
	}
	return r;
}

static int head_read(struct fp_list *l, struct fp_err *e)
{
	size_t len;
	int r = fp_list_head_parse(&l->head, &len, l->map, l->map_len, e);

	if (r)
		return fp_err_prefix(e, r, "%s%s:1", l->head.name,
				     FP_LIST_SUFFIX);
	l->body = l->map + len;
	l->body_entries = l->head.entries;
	l->head.body_bytes = l->map_len - len;
	return 0;
}

static int map_body(struct fp_list *l, int fd, struct fp_err *e)
{
	if (!l->map_len)
		return fp_err(e, -EBADMSG, "%s%s:1: empty, or without a head",
			      l->head.name, FP_LIST_SUFFIX);
	l->map = mmap(NULL, l->map_len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (l->map != MAP_FAILED)
		return 0;
	l->map = NULL;
	return fp_err_sys(e, -errno, "%s%s", l->head.name, FP_LIST_SUFFIX);
}

static int load(struct fp_list *l, int fd, struct fp_err *e)
{
	struct fp_list_tail tail;
	struct stat st;
	int r;

	if (fstat(fd, &st))
		return fp_err_sys(e, -errno, "%s%s", l->head.name,
				  FP_LIST_SUFFIX);
	if (!S_ISREG(st.st_mode))
		return fp_err(e, -EBADMSG, "%s%s: not a regular file",
			      l->head.name, FP_LIST_SUFFIX);
	r = fp_list_tail_read(&tail, fd, (uint64_t)st.st_size, l->head.name, e);
	if (r)
		return r;
	l->log_text = tail.text;
	l->map_len = tail.log_at;
	l->head.log_bytes = tail.log_len;
	l->head.torn_bytes = tail.torn;
	l->head.mtime_s = st.st_mtim.tv_sec;
	r = map_body(l, fd, e);
	if (!r)
		r = head_read(l, e);
	return r ? r : log_parse(l, e);
}

int fp_list_open(struct fp_list **out, int dir_fd, const char *name,
		 struct fp_err *e)
{
	char file[FP_LIST_FILE_SIZE];
	struct fp_list *l;
	int fd, r;

	r = fp_list_name_check(name, e);
	if (r)
		return r;
	fp_list_file(file, name, false);
	fd = openat(dir_fd, file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return fp_err_sys(e, -errno, "%s", file);
	l = calloc(1, sizeof(*l));
	if (l)
		strcpy(l->head.name, name);
	r = l ? load(l, fd, e) : fp_err(e, -ENOMEM, "out of memory");
	close(fd);
	if (r)
		fp_list_close(l);
	else
		*out = l;
	return r;
}

void fp_list_close(struct fp_list *l)
{
	if (!l)
		return;
	if (l->map)
		munmap(l->map, l->map_len);
	free(l->log_text);
	fp_entries_fini(&l->log);
	free(l);
}
