/* SPDX-License-Identifier: Apache-2.0 */
/* Files that hold secrets, and what else may stand there. */
#include <fcntl.h>
#include <sys/stat.h>

#include "io/secret.h"
#include "unit.h"

static char dir[] = "/tmp/secret.XXXXXX";

static int read_at(const char *name, char out[64], struct fp_err *e)
{
	char path[80];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return fp_secret_read(path, out, 64, e);
}

static void put(const char *name, const char *text, mode_t mode)
{
	char path[80];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT, mode);
	EQ(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	fchmod(fd, mode);
	close(fd);
}

TEST(files_and_others)
{
	char out[64], path[80];
	struct fp_err e = { .text = "" };

	if (!OK(mkdtemp(dir)))
		return;
	put("good", "  geheim \nmore\n", 0600);
	EQ(read_at("good", out, &e), 0);
	STR(out, "geheim");
	put("open", "geheim\n", 0644);
	EQ(read_at("open", out, &e), -EACCES);
	EQ(read_at("none", out, &e), -ENOENT);
	EQ(read_at(".", out, &e), -EINVAL);
	HAS(e.text, "is a directory");
	snprintf(path, sizeof(path), "%s/fifo", dir);
	EQ(mkfifo(path, 0600), 0);
	alarm(5);
	EQ(read_at("fifo", out, &e), -EINVAL);
	HAS(e.text, "is a FIFO");
	unlink(path);
	snprintf(path, sizeof(path), "%s/good", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/open", dir);
	unlink(path);
	rmdir(dir);
}
