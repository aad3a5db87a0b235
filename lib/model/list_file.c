/* SPDX-License-Identifier: Apache-2.0 */
#include "model/list_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LIST_MAX_BYTES (4ull << 30)
#define HEAD "#fastpath-list 1 "

int fp_list_file_read(struct fp_buf *out, int dir_fd, const char *file,
		      struct fp_err *e)
{
	int fd = openat(dir_fd, file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t got = 1;
	int r = 0;

	if (fd < 0)
		return fp_err_sys(e, -errno, "%s", file);
	while (!r && got) {
		char *to = fp_buf_room(out, 1 << 20);

		got = to ? read(fd, to, 1 << 20) : -1;
		if (!to)
			r = fp_err(e, -ENOMEM, "%s: out of memory", file);
		else if (got < 0 && errno == EINTR)
			got = 1;
		else if (got < 0)
			r = fp_err_sys(e, -errno, "%s", file);
		else if ((out->len += (size_t)got) > LIST_MAX_BYTES)
			r = fp_err(e, -EFBIG, "%s: more than 4 GiB", file);
	}
	close(fd);
	return r;
}

/* The first line when it is a list's head: its words. */
static bool head_words(const struct fp_buf *text, char line[FP_LINE_MAX])
{
	const char *s = text->data, *nl;

	if (text->len < strlen(HEAD) || memcmp(s, HEAD, strlen(HEAD)))
		return false;
	nl = memchr(s, '\n', text->len);
	snprintf(line, FP_LINE_MAX, "%.*s",
		 (int)((nl ? nl : s + text->len) - s), s);
	return true;
}

int fp_list_file_kind(const struct fp_buf *text, const char *file,
		      enum fp_kind *kind, struct fp_err *e)
{
	char line[FP_LINE_MAX], *word, *at = line;

	*kind = FP_KIND_BLOCK;
	if (!head_words(text, line))
		return 0;
	while ((word = strsep(&at, " \t\r")))
		if (!strncmp(word, "kind=", 5) &&
		    fp_kind_parse(word + 5, kind, e))
			return fp_err_prefix(e, -EINVAL, "%s:1", file);
	return 0;
}

bool fp_list_file_is_node(const struct fp_buf *text)
{
	char line[FP_LINE_MAX];

	return head_words(text, line) && strstr(line, " entries=");
}
