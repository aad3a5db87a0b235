/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CODEC_RECOVERPLAN_H
#define FP_CODEC_RECOVERPLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct cJSON;

/* What a job of fp-recover means to do, as its journal keeps it (JSON): resume, on
 * this controller or another, needs this, the journal's items and the staging.  Names
 * of nodes, not indices. */

struct fp_recoverplan_target {
	const char *node;
	double weight; /* 1 */
};

struct fp_recoverplan {   /* missing texts are "" */
	const char *kind; /* failover, drain, take */
	const char *verb;
	const char *from;     /* the node */
	const char *hostname; /* of its rows */
	const char *staging;  /* the node whose database has the staging */
	const char **runs;    /* the latest first; at least one */
	size_t n_runs;
	struct fp_recoverplan_target *to; /* at least one */
	size_t n_to;
	bool is_auto; /* it chose them */
	const char *why, *by;
	const char *orphans; /* bye, redial, skip */
	bool is_one_leg_all;
	/* take: one call */
	const char *uuid, *room;
	bool is_member_alone;
	const char *from_db; /* the file that rows came from */
	int64_t at_s;        /* when it was made */
	int64_t dead_s;      /* since when its run is dead; 0: not known */
	int64_t batch, prove_ms;
	struct cJSON *root; /* of parse: texts are its */
};

/* Append it. */
void fp_recoverplan_write(struct fp_buf *to, const struct fp_recoverplan *p);
/* Exactly n bytes.  0: fp_recoverplan_fini.  -EBADMSG: not such an object, e says
 * what is wrong. */
int fp_recoverplan_parse(struct fp_recoverplan *out, const char *s, size_t n,
			 struct fp_err *e);
void fp_recoverplan_fini(struct fp_recoverplan *p); /* of parse */

#endif
