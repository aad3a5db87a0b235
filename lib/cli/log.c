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
 * the terminal, one of 8 bits either: there a byte 0x9b begins a command. */
static void make_harmless(char *line)
{
	for (size_t n; *line; line += n) {
		uint32_t c = (unsigned char)*line;

		n = fp_utf8_len(line);
		if (n)
			c = fp_utf8_char(line, n);
		n = n ? n : 1;
		if (fp_utf8_is_control(c))
			memset(line, '?', n);
	}
}

void fp_log(enum fp_log_level level, const char *fmt, ...)
{
	char line[1024], head[8] = "";
	va_list ap;

	if (level > log_level)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	make_harmless(line);
	if (is_journal)
		snprintf(head, sizeof(head), "<%d>", level);
	/* One write, so that lines of several processes do not mix. */
	dprintf(STDERR_FILENO, "%s%s: %s\n", head, log_name, line);
}

void fp_log_change(const char *why, const char *fmt, ...)
{
	const char *user = getenv("SUDO_USER");
	char line[1024], all[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	snprintf(all, sizeof(all), "%s%s%s%s%s", line, user ? " by=" : "",
		 user ? user : "", why ? " why=" : "", why ? why : "");
	make_harmless(all);
	openlog(log_name, LOG_PID, LOG_DAEMON);
	syslog(LOG_NOTICE, "%s", all);
}
