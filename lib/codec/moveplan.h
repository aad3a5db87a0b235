/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CODEC_MOVEPLAN_H
#define FP_CODEC_MOVEPLAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct cJSON;

/* What a job of fp-rehome means to do, as its journal keeps it (JSON): resume, on
 * this controller or another, needs no more.  Names of nodes, not indices. */

struct fp_moveplan_tag {
	const char *tag;
	const char *from; /* its owner; "": nobody that lives */
	const char *to;
	int64_t calls; /* that were up */
};

struct fp_moveplan {             /* missing texts are "" */
	const char *verb, *kind; /* "failover", "drain" ... */
	const char *from;        /* the node; "": balance, take */
	const char *why, *by;
	const char *body, *verify; /* as the options have them */
	struct fp_moveplan_tag *tag;
	size_t n_tags;
	/* which calls; ages are at at_s */
	const char **callids;
	size_t n_callids;
	const char *from_prefix, *to_prefix, *media;
	int64_t at_s, older_s, younger_s, count;
	/* how */
	int64_t window, retries, silent_retries, call_timeout_ms;
	double rate;
	struct cJSON *root; /* of parse: texts are its */
};

/* Append it. */
void fp_moveplan_write(struct fp_buf *to, const struct fp_moveplan *p);
/* Exactly n bytes.  0: fp_moveplan_fini.  -EBADMSG: not such an object, e says
 * what is wrong. */
int fp_moveplan_parse(struct fp_moveplan *out, const char *s, size_t n,
		      struct fp_err *e);
void fp_moveplan_fini(struct fp_moveplan *p); /* of parse */

/* A text in an object, such as the detail of a journal's item.  0.  -ENOENT: not there, or longer than size - 1. */
int fp_moveplan_text(const char *json, const char *key, char *out, size_t size);

#endif
