/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CODEC_RECORDS_H
#define FP_CODEC_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* What fp-health watch --json says, a JSON object a line. */

#define FP_RECORD_MAX 65536 /* bytes of a line */

enum fp_record_kind {
	FP_RECORD_OTHER,      /* a type that is none of ours: passed over */
	FP_RECORD_TRANSITION, /* a check of a node has another state */
	FP_RECORD_ALIVE,      /* the watcher lives; all it saw so far is told */
	FP_RECORD_RESTART,    /* a node's server is another run */
	FP_RECORD_GONE,       /* a check, or a node, is watched no more */
};

/* Texts are cut to their size; "" when they are not there (node: of the cluster;
 * check: of the node as a whole). */
struct fp_record {
	enum fp_record_kind kind;
	char node[256], check[32], to[16], detail[240], observer[256];
	int64_t at_s;        /* unix; 0: not said */
	int64_t interval_ms; /* between two alive records; 0: not said */
	bool is_refusing;    /* "takes_calls":false */
};

/* Exactly n bytes of one line.  0.  -EBADMSG: no JSON object, or one that lacks
 * what its type has to say. */
int fp_record_parse(struct fp_record *out, const char *s, size_t n,
		    struct fp_err *e);

#endif
