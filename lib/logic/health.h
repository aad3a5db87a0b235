/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_HEALTH_H
#define FP_LOGIC_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "logic/health_view.h"

/* The words of health that everything else is made of.  Pure, as all of
 * logic/health*: no I/O, no clock. */

/* As monitoring plugins exit.  Source: Monitoring Plugins Development
 * Guidelines, "Plugin Return Codes". */
enum fp_health {
	FP_OK,
	FP_WARNING,
	FP_CRITICAL,
	FP_UNKNOWN,
	FP_MAINT, /* an operator took it out: counts as OK */
};
#define FP_N_HEALTH (FP_MAINT + 1)

/* "OK" ... "MAINT". */
const char *fp_health_name(enum fp_health h);
/* The state of that name (any case); -EINVAL. */
int fp_health_parse(const char *name, enum fp_health *out);
/* The worse of two: CRITICAL, WARNING, UNKNOWN, OK, MAINT.
 * Source: max_state_alt of monitoring-plugins. */
enum fp_health fp_health_worse(enum fp_health a, enum fp_health b);
/* 0 to 3; states better than fail_at (WARNING, CRITICAL) are 0; UNKNOWN stays 3
 * unless fail_at is CRITICAL. */
int fp_health_exit(enum fp_health h, enum fp_health fail_at);

/* A number that a check measured. */
struct fp_figure {
	const char *name; /* static: "sessions" */
	const char *unit; /* of perfdata: "", "s", "%", "B", "c" */
	double value;
	double max; /* NaN: none */
};
#define FP_FIGURES 12

/* What one probe found, once. */
struct fp_reading {
	enum fp_health state;
	bool is_silent; /* nothing came back in time, or no way there: it may be
			 * us */
	bool is_refusing; /* alive, but takes no new calls (paused, full, 503) */
	int64_t latency_us; /* -1: none */
	char detail[240];   /* one line, printable, no newline */
	char run[40];       /* Core-UUID or start time of this run, or "" */
	struct fp_figure figure[FP_FIGURES];
	size_t n_figures;
	struct fp_view
		*view; /* what the node says of itself and others, or NULL;
			       * the reading's: fp_view_free */
};

/* Start one: OK, nothing measured. */
void fp_reading_init(struct fp_reading *r);
void fp_reading_fini(struct fp_reading *r);
/* Set state and detail (cut to size; control characters become '?'); a state
 * that is set already stays when it is worse, details are joined by "; ". */
void fp_reading_say(struct fp_reading *r, enum fp_health state, const char *fmt,
		    ...) __attribute__((format(printf, 3, 4)));
/* Dropped when there are FP_FIGURES or it is not finite. */
void fp_reading_figure(struct fp_reading *r, const char *name, double value,
		       const char *unit, double max);

/* Thresholds: the ranges of the monitoring plugins ("10", "10:", "~:10",
 * "10:20", "@10:20"): outside is an alert, inside with '@'. */
struct fp_range {
	double low, high; /* infinite: none */
	bool is_inside;
};
/* 0; -EINVAL: the word. */
int fp_range_parse(struct fp_range *out, const char *s, struct fp_err *e);
bool fp_range_alerts(const struct fp_range *r, double value);

/* "CHECK.FIGURE=RANGE" or "FIGURE=RANGE" (of any check), of --warning and
 * --critical, and fp_warning and fp_critical of the cluster file (several with ','). */
struct fp_threshold {
	char check[32]; /* "": any */
	char figure[32];
	enum fp_health state; /* WARNING or CRITICAL */
	struct fp_range range;
};
#define FP_THRESHOLDS 32
struct fp_thresholds {
	struct fp_threshold v[FP_THRESHOLDS];
	size_t n;
};
/* Add those of text.  0; -EINVAL: the word; -E2BIG. */
int fp_thresholds_add(struct fp_thresholds *t, enum fp_health state,
		      const char *text, struct fp_err *e);
/* Judge the figures of r: a later threshold of the same check and figure and
 * state replaces an earlier one; one of this check goes before one of any. */
void fp_thresholds_apply(const struct fp_thresholds *t, const char *check,
			 struct fp_reading *r);

#endif
