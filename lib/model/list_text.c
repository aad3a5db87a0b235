/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/list.h"

#define READ_BYTES (256 << 10)

static int too_big(struct fp_err *e, const char *file, size_t max_bytes)
{
	return fp_err(e, -EFBIG, "%s: more than %zu bytes", file, max_bytes);
}

static int read_all(struct fp_text *out, int fd, const char *file,
		    size_t max_bytes, struct fp_err *e)
{
	struct fp_buf b = { 0 };
	int r = 0;

	for (;;) {
		char *to = fp_buf_room(&b, READ_BYTES);
		ssize_t n = to ? read(fd, to, READ_BYTES) : 0;

		if (!to)
			r = fp_err(e, -ENOMEM, "%s: out of memory", file);
		else if (n < 0 && errno == EINTR)
			continue;
		else if (n < 0)
			r = fp_err_sys(e, -errno, "%s", file);
		else if ((b.len += (size_t)n) > max_bytes)
			r = too_big(e, file, max_bytes);
		if (r || !n)
			break;
	}
	if (r)
		fp_buf_fini(&b);
	else
		*out = (struct fp_text){ b.data, b.len, false };
	return r;
}

static int map(struct fp_text *out, int fd, const char *file, size_t len,
	       struct fp_err *e)
{
	char *data =
		mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);

	if (data == MAP_FAILED)
		return fp_err_sys(e, -errno, "%s", file);
	*out = (struct fp_text){ data, len, true };
	return 0;
}

int fp_text_read(struct fp_text *out, const char *file, size_t max_bytes,
		 struct fp_err *e)
{
	struct stat st;
	int fd, r;

	if (!strcmp(file, "-"))
		return read_all(out, STDIN_FILENO, file, max_bytes, e);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		r = fp_err_sys(e, -errno, "%s", file);
	else if (!S_ISREG(st.st_mode) || !st.st_size)
		r = read_all(out, fd, file, max_bytes, e);
	else if ((uint64_t)st.st_size > max_bytes)
		r = too_big(e, file, max_bytes);
	else
		r = map(out, fd, file, (size_t)st.st_size, e);
	if (fd >= 0)
		close(fd);
	return r;
}

void fp_text_fini(struct fp_text *t)
{
	if (t->is_mapped)
		munmap(t->data, t->len);
	else
		free(t->data);
	*t = (struct fp_text){ 0 };
}
