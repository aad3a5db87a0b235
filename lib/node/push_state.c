/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "io/clock.h"
#include "node/push_priv.h"

#define STATE_BYTES 4096

/* ---- reading and writing */

static int write_file(int dir_fd, const char *file, struct fp_buf *b,
		      struct fp_err *e)
{
	int fd, r = 0;

	if (b->is_failed)
		return fp_err(e, -ENOMEM, "out of memory");
	fd = openat(dir_fd, file,
		    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		    0644);
	if (fd < 0)
		return fp_err_sys(e, -errno, "%s", file);
	if (write(fd, b->data, b->len) != (ssize_t)b->len)
		r = errno ? -errno : -ENOSPC;
	if (!r && fsync(fd))
		r = -errno;
	close(fd);
	return r ? fp_err_sys(e, r, "%s", file) : 0;
}

static int read_file(char text[STATE_BYTES], int dir_fd, const char *file,
		     struct fp_err *e)
{
	int fd = openat(dir_fd, file, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return fp_err_sys(e, -errno, "%s", file);
	n = read(fd, text, STATE_BYTES - 1);
	if (n < 0)
		n = fp_err_sys(e, -errno, "%s", file);
	close(fd);
	if (n < 0)
		return (int)n;
	text[n] = 0;
	return 0;
}

static void get(const char *text, const char *key, char *out, size_t size)
{
	size_t n = strlen(key), len;

	*out = 0;
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		if (strncmp(text, key, n) != 0 || text[n] != '=')
			continue;
		len = strcspn(text + n + 1, "\n");
		if (len < size) {
			memcpy(out, text + n + 1, len);
			out[len] = 0;
		}
		return;
	}
}

static int64_t get_num(const char *text, const char *key)
{
	char word[32];

	get(text, key, word, sizeof(word));
	return strtoll(word, NULL, 10);
}

/* ---- accepted */

int fp_accepted_write(int dir_fd, const char *file, const struct fp_accepted *a,
		      struct fp_err *e)
{
	struct fp_buf b = { 0 };
	int r;

	fp_buf_printf(&b,
		      "push=%s\ncontroller=%s\nby=%s\nat=%" PRId64
		      "\npolicy=%s\n",
		      a->push, a->controller, a->by, a->at_s, a->policy);
	r = write_file(dir_fd, file, &b, e);
	fp_buf_fini(&b);
	return r;
}

int fp_accepted_read_at(struct fp_accepted *out, int state_fd, struct fp_err *e)
{
	char text[STATE_BYTES];
	int r = read_file(text, state_fd, FP_ACCEPTED, e);

	if (r)
		return r;
	get(text, "push", out->push, sizeof(out->push));
	get(text, "controller", out->controller, sizeof(out->controller));
	get(text, "by", out->by, sizeof(out->by));
	get(text, "policy", out->policy, sizeof(out->policy));
	out->at_s = get_num(text, "at");
	return 0;
}

/* ---- pending */

static void boot_id(char out[40])
{
	char text[STATE_BYTES];

	*out = 0;
	if (!read_file(text, AT_FDCWD, "/proc/sys/kernel/random/boot_id", NULL))
		snprintf(out, 40, "%.*s", (int)strcspn(text, "\n"), text);
}

int fp_pending_write(int dir_fd, const char *file, const struct fp_pending *p,
		     struct fp_err *e)
{
	struct fp_buf b = { 0 };
	char boot[40];
	int r;

	boot_id(boot);
	fp_buf_printf(&b,
		      "push=%s\ncontroller=%s\nboot=%s\nend_boot_ms=%" PRId64
		      "\nend_unix_ms=%" PRId64 "\n",
		      p->push, p->controller, boot,
		      fp_clock_boot_ms() + p->left_ms,
		      fp_clock_unix_ms() + p->left_ms);
	r = write_file(dir_fd, file, &b, e);
	fp_buf_fini(&b);
	return r;
}

int fp_pending_read_at(struct fp_pending *out, int state_fd, struct fp_err *e)
{
	char text[STATE_BYTES], now[40], then[40];
	int r = read_file(text, state_fd, FP_PENDING "/" FP_PENDING_INFO, e);

	if (r)
		return r;
	get(text, "push", out->push, sizeof(out->push));
	get(text, "controller", out->controller, sizeof(out->controller));
	get(text, "boot", then, sizeof(then));
	boot_id(now);
	/* a wall clock can be set; the other one begins anew with the kernel */
	out->left_ms =
		*now && !strcmp(now, then)
			? get_num(text, "end_boot_ms") - fp_clock_boot_ms()
			: get_num(text, "end_unix_ms") - fp_clock_unix_ms();
	return 0;
}

/* ---- by path */

static int open_state(const char *state_dir, struct fp_err *e)
{
	int fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 ? fd : fp_err_sys(e, -errno, "%s", state_dir);
}

int fp_accepted_read(struct fp_accepted *out, const char *state_dir,
		     struct fp_err *e)
{
	int fd = open_state(state_dir, e), r;

	if (fd < 0)
		return fd;
	r = fp_accepted_read_at(out, fd, e);
	close(fd);
	return r;
}

int fp_pending_read(struct fp_pending *out, const char *state_dir,
		    struct fp_err *e)
{
	int fd = open_state(state_dir, e), r;

	if (fd < 0)
		return fd;
	r = fp_pending_read_at(out, fd, e);
	close(fd);
	return r;
}
