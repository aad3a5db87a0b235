/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CODEC_JOBLINE_H
#define FP_CODEC_JOBLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Lines of a job's copy on disk (db/journal.h), a JSON object each:
 *   {"type":"job","at":"2026-11-21T21:03:12Z","version":1,"id":...,"tool":...,
 *    "verb":...,"node":...,"by":...,"owner":...,"plan":{...}}	the first
 *   {"type":"epoch","at":...,"owner":...,"epoch":7}	what follows is under it
 *   {"type":"item","at":...,"item":"call:...","state":"moved","detail":{...}}
 *   {"type":"plan","at":...,"plan":{...}}
 *   {"type":"state","at":...,"state":"stopped"}
 * Members that are not known are passed over, lines of other types too. */

#define FP_JOBLINE_VERSION 1
#define FP_JOBLINE_MAX (16u << 20)       /* bytes; a plan may name all calls */
#define FP_JOBLINE_OBJECT_MAX (8u << 20) /* of a plan */

enum fp_jobline_kind {
	FP_JOBLINE_OTHER, /* of a type that is not known */
	FP_JOBLINE_JOB,
	FP_JOBLINE_EPOCH,
	FP_JOBLINE_ITEM,
	FP_JOBLINE_PLAN,
	FP_JOBLINE_STATE,
};
/* Texts of parse are "" when they are not there; those that are NULL or "" are not
 * written. */
struct fp_jobline {
	enum fp_jobline_kind kind;
	int64_t at_s;
	const char *id, *tool, *verb, *node, *by, *owner;
	const char *item; /* as fp_jobline_item_encode has it */
	const char *state;
	const char *detail; /* of an item: an object of fp_jobline_object */
	const char *plan;   /* of a job and a plan: the same */
	int64_t epoch;
	bool is_alone;      /* of an epoch: without fp_db */
	bool is_known;      /* of an epoch: what follows was read from fp_db */
	struct cJSON *root; /* of parse: texts are its and text's */
	struct fp_buf text;
};
/* Exactly n bytes, without the newline.  0: fp_jobline_fini.  -EBADMSG: no line of
 * ours, e says what is wrong.  -EPROTO: of a newer version.  -ENOMEM. */
int fp_jobline_parse(struct fp_jobline *out, const char *s, size_t n,
		     struct fp_err *e);
void fp_jobline_fini(struct fp_jobline *l); /* of parse */
/* Append it with its newline. */
void fp_jobline_write(struct fp_buf *to, const struct fp_jobline *l);

/* Exactly n bytes that are one object: appended on one line, as jsonb of PostgreSQL
 * takes it (fp_json_str_add; integers up to 2^53).  Its own output comes out as it
 * is.  0; -EBADMSG: no object, or too big or deep a one; -ENOMEM. */
int fp_jobline_object(struct fp_buf *to, const char *s, size_t n);

/* Items are any bytes but NUL; where they are kept they are UTF-8: a backslash
 * and what is none are \xNN.  NUL-terminated after what is in *to. */
void fp_jobline_item_encode(struct fp_buf *to, const char *item);
/* In place. */
void fp_jobline_item_decode(char *item);

#endif
