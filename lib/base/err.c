/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FP_BASE_ERR_C
#include "base/err.h"

static void set_text(struct fp_err *e, const char *fmt, va_list ap)
{
	char text[sizeof(e->text)];

	/* Through a copy: an argument may be e->text itself. */
	vsnprintf(text, sizeof(text), fmt, ap);
	memcpy(e->text, text, sizeof(text));
}

int fp_err(struct fp_err *e, int code, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return code;
	va_start(ap, fmt);
	set_text(e, fmt, ap);
	va_end(ap);
	e->rule[0] = 0;
	return code;
}

int fp_err_sys(struct fp_err *e, int code, const char *fmt, ...)
{
	va_list ap;
	size_t n;
	char why[128];

	if (!e)
		return code;
	va_start(ap, fmt);
	set_text(e, fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	snprintf(e->text + n, sizeof(e->text) - n, ": %s",
		 strerror_r(-code, why, sizeof(why)));
	e->rule[0] = 0;
	return code;
}

int fp_refuse(struct fp_err *e, const char *rule, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return -EPERM;
	va_start(ap, fmt);
	set_text(e, fmt, ap);
	va_end(ap);
	snprintf(e->rule, sizeof(e->rule), "%s", rule);
	return -EPERM;
}

int fp_err_prefix(struct fp_err *e, int code, const char *fmt, ...)
{
	char text[sizeof(e->text)];
	va_list ap;
	size_t n;

	if (!e)
		return code;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n = strlen(text);
	snprintf(text + n, sizeof(text) - n, ": %s", e->text);
	memcpy(e->text, text, sizeof(text));
	return code;
}
