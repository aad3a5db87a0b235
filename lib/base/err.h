/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_BASE_ERR_H
#define FP_BASE_ERR_H

#include <errno.h>

/* The detail of a failure, in a buffer that lives with the caller: no malloc,
 * so it can be filled when memory is what ran out.
 * rule is not empty when a safety rule refused (-EPERM): the word that
 * --override takes. */
struct fp_err {
	char text[512];
	char rule[24];
};

/* Fill *e and return code (a negative errno), so that callers can write
 * `return fp_err(e, -EINVAL, "...")`.  e may be NULL. */
int fp_err(struct fp_err *e, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* As fp_err, and appends ": " and strerror(-code). */
int fp_err_sys(struct fp_err *e, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A safety rule says no: fills text and rule, returns -EPERM. */
int fp_refuse(struct fp_err *e, const char *rule, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Put "PREFIX: " in front of the text that is already in *e; returns code. */
int fp_err_prefix(struct fp_err *e, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Readers of one function at a time would not know that what comes back is code. */
#if (defined(__clang_analyzer__) || defined(__cppcheck__)) &&                  \
	!defined(FP_BASE_ERR_C)
void fp_err_told(struct fp_err *e, const char *fmt, ...);
void fp_err_more_told(struct fp_err *e, const char *fmt, ...);
#define fp_err(e, code, ...) (fp_err_told(e, __VA_ARGS__), (code))
#define fp_err_sys(e, code, ...) (fp_err_told(e, __VA_ARGS__), (code))
#define fp_err_prefix(e, code, ...) (fp_err_more_told(e, __VA_ARGS__), (code))
#define fp_refuse(e, rule, ...) (fp_err_told(e, __VA_ARGS__), -EPERM)
#endif

#endif
