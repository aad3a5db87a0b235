/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CLI_LOG_H
#define FP_CLI_LOG_H

/* Everything a person reads that is not a record goes to stderr as
 * "fp-block: text"; under systemd (JOURNAL_STREAM) with a "<N>" priority. */
enum fp_log_level {
	FP_LOG_ERR = 3,
	FP_LOG_WARN = 4,
	FP_LOG_NOTICE = 5,
	FP_LOG_INFO = 6,
	FP_LOG_DEBUG = 7
};

/* name: the tool's, kept by reference.  Default level NOTICE; --quiet is ERR,
 * --verbose INFO, twice DEBUG. */
void fp_log_init(const char *name, enum fp_log_level level);
void fp_log(enum fp_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* One line to syslog(3) for a change that was applied, with SUDO_USER and why
 * (may be NULL). */
void fp_log_change(const char *why, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
