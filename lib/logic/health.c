/* SPDX-License-Identifier: Apache-2.0 */
#include "logic/health.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"

static const char *const names[FP_N_HEALTH] = {
	[FP_OK] = "OK",
	[FP_WARNING] = "WARNING",
	[FP_CRITICAL] = "CRITICAL",
	[FP_UNKNOWN] = "UNKNOWN",
	[FP_MAINT] = "MAINT",
};

const char *fp_health_name(enum fp_health h)
{
	return (unsigned int)h < FP_N_HEALTH ? names[h] : "UNKNOWN";
}

int fp_health_parse(const char *name, enum fp_health *out)
{
	for (int i = 0; i < FP_N_HEALTH; i++)
		if (!strcasecmp(name, names[i])) {
			*out = (enum fp_health)i;
			return 0;
		}
	return -EINVAL;
}

static int rank(enum fp_health h)
{
	switch (h) {
	case FP_CRITICAL:
		return 4;
	case FP_WARNING:
		return 3;
	case FP_OK:
		return 1;
	case FP_MAINT:
		return 0;
	default:
		return 2;
	}
}

enum fp_health fp_health_worse(enum fp_health a, enum fp_health b)
{
	return rank(a) >= rank(b) ? a : b;
}

int fp_health_exit(enum fp_health h, enum fp_health fail_at)
{
	bool is_lenient = fail_at == FP_CRITICAL;

	switch (h) {
	case FP_OK:
	case FP_MAINT:
		return 0;
	case FP_WARNING:
		return is_lenient ? 0 : 1;
	case FP_CRITICAL:
		return 2;
	default:
		return is_lenient ? 0 : 3;
	}
}

/* ---- readings */

void fp_reading_init(struct fp_reading *r)
{
	*r = (struct fp_reading){ .state = FP_OK, .latency_us = -1 };
}

void fp_reading_fini(struct fp_reading *r)
{
	fp_view_free(r->view);
	r->view = NULL;
}

/* Drop a character whose end was cut off. */
static void drop_partial(char *s)
{
	size_t n = strlen(s), at = n;

	while (at && n - at < 3 && ((unsigned char)s[at - 1] & 0xc0) == 0x80)
		at--;
	if (at && (unsigned char)s[at - 1] >= 0xc0 && !fp_utf8_len(s + at - 1))
		s[at - 1] = 0;
}

/* Control characters, C1 (U+0080 to U+009F) and what is no UTF-8 become '?': it
 * is shown on terminals, and JSON is UTF-8.  In place, since nothing grows. */
static void make_printable(char *s)
{
	char *to = s;

	while (*s) {
		size_t n = fp_utf8_len(s);
		unsigned char c = (unsigned char)*s;
		bool is_c1 = n == 2 && c == 0xc2 && (unsigned char)s[1] < 0xa0;

		if (!n || (n == 1 && (c < ' ' || c == 0x7f)) || is_c1) {
			*to++ = '?';
			s += n ? n : 1;
			continue;
		}
		memmove(to, s, n);
		to += n;
		s += n;
	}
	*to = 0;
}

void fp_reading_say(struct fp_reading *r, enum fp_health state, const char *fmt,
		    ...)
{
	char text[sizeof(r->detail)];
	size_t n = strlen(r->detail);
	va_list ap;
	int want;

	r->state = fp_health_worse(r->state, state);
	va_start(ap, fmt);
	want = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (want >= (int)sizeof(text))
		drop_partial(text);
	make_printable(text);
	if (!*text)
		return;
	want = snprintf(r->detail + n, sizeof(r->detail) - n, "%s%s",
			n ? "; " : "", text);
	if (want >= (int)(sizeof(r->detail) - n))
		drop_partial(r->detail);
}

void fp_reading_figure(struct fp_reading *r, const char *name, double value,
		       const char *unit, double max)
{
	if (r->n_figures == FP_FIGURES || !isfinite(value))
		return;
	r->figure[r->n_figures++] = (struct fp_figure){
		.name = name, .unit = unit, .value = value, .max = max
	};
}
