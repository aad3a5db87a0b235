/* SPDX-License-Identifier: Apache-2.0 */
/* List files, whatever a crash or an editor made of them.  One that opens takes
 * a change, which is found again and is the only one; one that can be walked can
 * be compacted to the same entries. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/list.h"

static void check(bool is_so)
{
	if (!is_so)
		abort();
}

static char dir[] = "/dev/shm/fastpath-fuzz.XXXXXX"; /* fsync is free there */

static void clean(void)
{
	char file[64];

	snprintf(file, sizeof(file), "%s/a.list", dir);
	unlink(file);
	rmdir(dir);
}

static int dir_fd(void)
{
	static int fd = -1;

	if (fd < 0) {
		check(mkdtemp(dir));
		atexit(clean);
		fd = open(dir, O_RDONLY | O_DIRECTORY);
	}
	return fd;
}

static void put(const uint8_t *data, size_t n)
{
	int fd = openat(dir_fd(), "a.list", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	check(write(fd, data, n) == (ssize_t)n);
	close(fd);
}

/* What a walk gives, as text; *n entries.  false: a line is bad. */
static bool walk(const struct fp_list *l, struct fp_buf *out, uint64_t *n)
{
	struct fp_list_iter it;
	struct fp_entry x;
	struct fp_err e;
	int r;

	*n = 0;
	fp_list_seek(l, &it, NULL);
	while ((r = fp_list_next(&it, &x, &e)) > 0) {
		fp_entry_print(out, &x);
		++*n;
	}
	check(!r || !strncmp(e.text, "a.list:", 7));
	return !r;
}

/* Each entry is found, and a walk from it begins with it. */
static void check_find(const struct fp_list *l)
{
	struct fp_list_iter it, from;
	struct fp_entry x, y;

	fp_list_seek(l, &it, NULL);
	while (fp_list_next(&it, &x, NULL) > 0) {
		check(fp_list_find(l, &x.p, &y) && y.until_s == x.until_s &&
		      y.meta == x.meta && y.meta_len == x.meta_len);
		fp_list_seek(l, &from, &x.p);
		check(fp_list_next(&from, &y, NULL) > 0 &&
		      !fp_prefix_cmp(&x.p, &y.p));
	}
}

static void check_compact(bool is_repair, const struct fp_buf *was,
			  uint64_t gen)
{
	struct fp_buf now = { 0 };
	struct fp_list *l;
	uint64_t n;

	check(!fp_list_compact(dir_fd(), "a", 0, is_repair, NULL, NULL));
	check(!fp_list_open(&l, dir_fd(), "a", NULL));
	check(walk(l, &now, &n) && fp_list_head(l)->entries == n);
	check(fp_list_head(l)->gen == gen && !fp_list_head(l)->log_bytes);
	check(now.len == was->len &&
	      (!now.len || !memcmp(now.data, was->data, now.len)));
	fp_list_close(l);
	fp_buf_fini(&now);
}

/* A body whose last line does not end takes no change. */
static bool is_half_body(void)
{
	struct fp_change c = { 0 };

	check(!fp_prefix_parse(&c.entry.p, "::", 2, NULL));
	return fp_list_append(dir_fd(), "a", &c, 1, NULL) == -EBADMSG;
}

static void check_append(uint64_t gen)
{
	struct fp_change c = { .entry = { .meta = "why=x", .meta_len = 5 } };
	struct fp_entry x;
	struct fp_list *l;

	check(!fp_prefix_parse(&c.entry.p, "192.0.2.7", 9, NULL));
	check(!fp_list_append(dir_fd(), "a", &c, 1, NULL));
	check(!fp_list_open(&l, dir_fd(), "a", NULL));
	check(fp_list_find(l, &c.entry.p, &x) && x.meta_len == 5);
	check(fp_list_head(l)->gen == gen + 1);
	check(!fp_list_head(l)->torn_bytes);
	fp_list_close(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct fp_buf was = { 0 };
	struct fp_list *l;
	uint64_t entries, gen;
	struct fp_err e;

	put(data, n);
	if (fp_list_open(&l, dir_fd(), "a", &e)) {
		check(!strncmp(e.text, "a.list:1: ", 7));
		return 0;
	}
	gen = fp_list_head(l)->gen;
	if (walk(l, &was, &entries)) {
		check(fp_list_head(l)->entries == entries);
		check_find(l);
		check_compact(false, &was, gen);
		put(data, n);
		check_compact(true, &was, gen);
		put(data, n);
	}
	fp_list_close(l);
	if (!is_half_body())
		check_append(gen + 1);
	fp_buf_fini(&was);
	return 0;
}
