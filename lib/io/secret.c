/* SPDX-License-Identifier: Apache-2.0 */
#include "io/secret.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char blanks[] = " \t\r\n";

static int check_file(int fd, const char *file, struct fp_err *e)
{
	struct stat st;

	if (fstat(fd, &st))
		return fp_err_sys(e, -errno, "%s", file);
	if (!S_ISREG(st.st_mode))
		return fp_err(e, -EINVAL, "%s is %s, where a file should be",
			      file,
			      S_ISDIR(st.st_mode)    ? "a directory"
			      : S_ISFIFO(st.st_mode) ? "a FIFO"
						     : "something else");
	if (st.st_mode & (S_IROTH | S_IWOTH))
		return fp_err(e, -EACCES,
			      "%s holds a secret, but its mode is %04o: chmod "
			      "o= %s",
			      file, (unsigned int)st.st_mode & 07777, file);
	return 0;
}

/* text[n] is 0. */
static int take(const char *file, char *text, size_t n, char *out,
		struct fp_err *e)
{
	size_t start = strspn(text, blanks), end;

	if (strlen(text) != n)
		return fp_err(e, -EINVAL, "%s: a NUL in it", file);
	if (!strncmp(text + start, "$ANSIBLE_VAULT", 14))
		return fp_err(e, -EINVAL,
			      "%s is encrypted by Ansible: have it written in "
			      "the clear (mode 0600)",
			      file);
	end = start + strcspn(text + start, "\r\n");
	while (end > start && strchr(blanks, text[end - 1]))
		end--;
	if (end == start)
		return fp_err(e, -EINVAL, "%s is empty", file);
	memcpy(out, text + start, end - start);
	out[end - start] = 0;
	return 0;
}

int fp_secret_read(const char *file, char *out, size_t size, struct fp_err *e)
{
	/* a FIFO that nobody writes would hold up the loop */
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char text[4096];
	size_t n = 0;
	ssize_t got;
	int r;

	if (fd < 0)
		return fp_err_sys(e, -errno, "%s", file);
	r = check_file(fd, file, e);
	while (!r && n < sizeof(text) - 1) {
		got = read(fd, text + n, sizeof(text) - 1 - n);
		if (got < 0)
			r = fp_err_sys(e, -errno, "%s", file);
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	close(fd);
	text[n] = 0;
	if (!r && n > size - 1)
		r = fp_err(e, -EINVAL, "%s is longer than %zu bytes", file,
			   size - 1);
	if (!r)
		r = take(file, text, n, out, e);
	explicit_bzero(text, sizeof(text));
	return r;
}
