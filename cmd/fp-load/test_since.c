/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "io/clock.h"

/* When the settings were changed last: their file is written anew then. */
static int read_set(const struct fp_cli *c, struct fl_since *out)
{
	struct fp_err e = { 0 };
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/settings", c->state_dir);
	if (stat(path, &st)) {
		int r = -errno;

		fp_err_sys(&e, r, "--since set: nothing was set yet: %s", path);
		return fp_cli_fail(c, r, &e);
	}
	out->unix_s = st.st_mtim.tv_sec;
	out->us = (uint32_t)(st.st_mtim.tv_nsec / 1000);
	return 0;
}

int fl_since_read(struct fp_cli *c, struct fl_since *out)
{
	const char *s = fp_cli_get(c, "since");
	int64_t ms, now_ms = fp_clock_unix_ms();

	*out = (struct fl_since){ .is_set = s };
	if (!s)
		return 0;
	if (!strcmp(s, "set"))
		return read_set(c, out);
	if (!fp_parse_time(s, strlen(s), &out->unix_s, NULL))
		return 0;
	if (fp_parse_duration(s, &ms, NULL))
		return fp_cli_usage(
			c,
			"--since: \"%s\" is no time (2026-01-02T03:04:05Z), no duration (2h) and not \"set\"",
			s);
	out->unix_s = (now_ms - ms) / 1000;
	return 0;
}

bool fl_since_is_before(const struct fl_since *s, int64_t unix_s, uint32_t us)
{
	if (!s->is_set)
		return false;
	return unix_s < s->unix_s || (unix_s == s->unix_s && us < s->us);
}
