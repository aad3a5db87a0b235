/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_HEALTH_OPENSIPS_PRIV_H
#define FP_HEALTH_OPENSIPS_PRIV_H

#include <stdbool.h>

#include "health/opensips.h"

struct cJSON;

/* A command that a reading may ask.  What it says goes into read->v. */
struct os_question {
	const char *method, *params;
	unsigned int part;
	bool is_long; /* its answer grows with the configuration */
	int (*take)(struct fp_opensips_read *r, const struct cJSON *result,
		    struct fp_err *e);
};
#define OS_WHICH 0
#define OS_QUESTIONS 12
extern const struct os_question os_questions[OS_QUESTIONS];

struct os_asked {
	struct fp_opensips_read *read;
	struct fp_mi_call *call; /* under way */
	bool is_asked;
};

struct fp_opensips_read {
	struct fp_mi *mi;
	unsigned int parts;
	int64_t deadline_ms;
	struct os_asked asked[OS_QUESTIONS];
	size_t n_flying;
	bool has_answers;
	struct fp_view *v;
	int code; /* what went wrong first */
	struct fp_err err;
	void (*done)(void *ctx, int code, struct fp_view *v,
		     const struct fp_err *e);
	void *ctx;
};

/* A change that is under way. */
struct os_set {
	struct os_known *known;
	char what[320];
	void (*done)(void *ctx, int code, const struct fp_err *e);
	void *ctx;
	struct os_set *next;
};

/* What is kept with a connection. */
struct os_known {
	bool has_commands;
	unsigned int commands; /* a bit a question: it can be asked */
	int64_t up_s;          /* when it goes back it was started again */
	bool has_offset;
	int64_t offset_s; /* its local time minus UTC */
	struct os_set *sets;
};
/* NULL: no memory. */
struct os_known *os_known(struct fp_mi *m);

#endif
