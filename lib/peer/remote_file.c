/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/remote_file.h"

#include <fcntl.h>
#include <unistd.h>

static int slurp(struct fp_buf *b, int fd, size_t max, struct stat *st)
{
	size_t left;
	ssize_t n;

	if (fstat(fd, st))
		return -errno;
	if (!S_ISREG(st->st_mode))
		return -EINVAL;
	if (st->st_size > (off_t)max)
		return -EFBIG;
	/* All at once, so that no copy of a secret is left behind. */
	left = (size_t)st->st_size;
	if (left && !fp_buf_room(b, left))
		return -ENOMEM;
	for (; left; left -= (size_t)n) {
		n = read(fd, b->data + b->len, left);
		if (n < 0)
			return -errno;
		if (!n)
			break;
		b->len += (size_t)n;
	}
	return 0;
}

int fp_remote_file(struct fp_buf *b, const char *path, size_t max,
		   struct stat *st, struct fp_err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat mine;
	int code;

	if (fd < 0)
		return fp_err_sys(e, -errno, "%s", path);
	code = slurp(b, fd, max, st ? st : &mine);
	close(fd);
	return code ? fp_err_sys(e, code, "%s", path) : 0;
}
