/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CLI_OUT_H
#define FP_CLI_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"

/* What a field holds at its offset in the record struct. */
enum fp_field_kind {
	FP_F_STR, /* const char *; NULL or "" is absent: "-" in text, left out of JSON */
	FP_F_TEXT,  /* char[]: as FP_F_STR, stored in place */
	FP_F_U64,   /* uint64_t */
	FP_F_I64,   /* int64_t */
	FP_F_COUNT, /* int64_t; -1 is absent */
	FP_F_BOOL,  /* bool: true/false in JSON, yes/no in text */
	FP_F_TIME, /* int64_t unix seconds; 0 is absent; RFC 3339 UTC everywhere */
	FP_F_DUR_S, /* int64_t seconds; -1 is absent; "90s" in text, integer in JSON */
	FP_F_DOUBLE, /* double; NaN is absent */
};

struct fp_field {
	const char *name; /* JSON key; DUR_S fields end in _s */
	size_t offset;
	enum fp_field_kind kind;
	const char *unit; /* for Prometheus and Nagios, or NULL */
	const char *help;
};

struct fp_type {
	const char *name; /* "entry": the record's "type" */
	const struct fp_field *fields;
	size_t n_fields;
};

enum fp_format { FP_TEXT, FP_JSON, FP_PROMETHEUS };

/* One data walk, many renderers.  Text: one record a line, TAB between fields,
 * no header; on a terminal header, aligned, colour (NO_COLOR, TERM=dumb off).
 * JSON Lines: one flat object a record.  Prometheus: every numeric field is a
 * sample fastpath_<type>_<field> (a counter when its name ends in _total, else
 * a gauge; times are unix seconds), string fields are labels.
 * Text escapes control characters, backslash and invalid UTF-8 as in C. A
 * number that is not finite is absent.  A type has at most 64 fields. */
struct fp_out;

/* file: usually stdout.  fields: "a,b" of -o, or NULL for all.
 * 0; -ENOMEM. */
int fp_out_open(struct fp_out **out, FILE *file, enum fp_format format,
		const char *fields);
/* 0; -EINVAL: -o names a field that type does not have (e says which are). */
int fp_out_record(struct fp_out *o, const struct fp_type *type, const void *rec,
		  struct fp_err *e);
/* The same check without a record: a verb that changes something asks before it
 * does.  0; -EINVAL. */
int fp_out_check(struct fp_out *o, const struct fp_type *type,
		 struct fp_err *e);
/* Last line of JSON: {"type":"summary","changed":...}; nothing in text unless
 * line is not NULL, which then goes to stderr through fp_log (NOTICE).
 * json: further members as they stand, e.g. "\"added\":3", or NULL. */
void fp_out_summary(struct fp_out *o, bool is_changed, const char *json,
		    const char *line);
/* ... of counts: members "NAME":COUNT, pairs of const char * and uint64_t up to
 * a NULL name. */
void fp_out_counts(struct fp_out *o, bool is_changed, const char *line, ...);
/* Flush so that a reader of a pipe sees what was written (watch, stats). */
void fp_out_flush(struct fp_out *o);
/* Flush, check and free; file stays open.  o may be NULL.  0; -EIO, -ENOSPC or
 * what else write(2) and close(2) say: what was written did not arrive. */
int fp_out_close(struct fp_out *o, struct fp_err *e);

/* fp_json_str_add (base/json.h) into a file. */
void fp_json_str(FILE *f, const char *s);

#endif
