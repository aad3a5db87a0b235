/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/utf8.h"
#include "cli/log.h"

static const char *log_name = "fastpath";
static enum fp_log_level log_level = FP_LOG_NOTICE;
static bool is_journal;

/* systemd.exec(5): $JOURNAL_STREAM is "device:inode" of the journal's socket;
 * stderr may have been redirected since. */
static bool stderr_is_journal(void)
{
	const char *s = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return s && sscanf(s, "%llu:%llu", &dev, &ino) == 2 &&
	       !fstat(STDERR_FILENO, &st) && st.st_dev == dev &&
	       st.st_ino == ino;
}

void fp_log_init(const char *name, enum fp_log_level level)
{
	log_name = name;
	log_level = level;
	is_journal = stderr_is_journal();
}

/* A message may quote what a stranger wrote; it stays one line and cannot steer
 * the terminal. */
static void format(char *line, size_t size, const char *fmt, va_list ap)
{
	vsnprintf(line, size, fmt, ap);
	for (size_t n; *line; line += n) {
		n = fp_utf8_len(line);
		if (n && fp_utf8_is_control(fp_utf8_char(line, n)))
			memset(line, '?', n);
		n = n ? n : 1;
	}
}

void fp_log(enum fp_log_level level, const char *fmt, ...)
{
	char line[1024], head[8] = "";
	va_list ap;

	if (level > log_level)
		return;
	va_start(ap, fmt);
	format(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (is_journal)
		snprintf(head, sizeof(head), "<%d>", level);
	/* One write, so that lines of several processes do not mix. */
	dprintf(STDERR_FILENO, "%s%s: %s\n", head, log_name, line);
}

void fp_log_change(const char *why, const char *fmt, ...)
{
	const char *user = getenv("SUDO_USER");
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	format(line, sizeof(line), fmt, ap);
	va_end(ap);
	openlog(log_name, LOG_PID, LOG_DAEMON);
	syslog(LOG_NOTICE, "%s%s%s%s%s", line, user ? " by=" : "",
	       user ? user : "", why ? " why=" : "", why ? why : "");
}
