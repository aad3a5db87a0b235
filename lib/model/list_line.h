/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_MODEL_LIST_LINE_H
#define FP_MODEL_LIST_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"
#include "model/list.h"
#include "model/list_word.h"

/* One line of a list, as files, feeds and the lists on disk have it:
 *   PREFIX [until=TIME] [why=TEXT] [by=WHO] [run=ID] [at=MS] [# comment]
 * Private to lib/model. */

/* The meta of a parsed line is a piece of the line when that is canonical
 * already; otherwise it was appended to a store, which may still move:
 * is_stored, at store_at, and x.meta is NULL. */
struct fp_line {
	struct fp_entry x;
	size_t store_at;
	bool is_stored;
};

/* Parse the line from s to end (its '\n' and '\r' left out).  store NULL: only
 * canonical fields are accepted, as on disk.
 * 1: *out filled.  0: blank, or a comment.  -EINVAL: e has the word and what is
 * wrong with it, without file and line.  -ENOMEM. */
int fp_line_parse(struct fp_line *out, const char *s, const char *end,
		  struct fp_buf *store, struct fp_err *e);

/* Can fp_entry_print's line of x be read again?  0; -EINVAL: what a caller put
 * in it is out of bounds. */
int fp_entry_check(const struct fp_entry *x, struct fp_err *e);

/* The prefix alone, of a line that begins with one.  0; -EINVAL. */
int fp_line_prefix(struct fp_prefix *out, const char *s, const char *end,
		   struct fp_err *e);

/* Append value to b, in quotes when it needs them. */
void fp_value_quote(struct fp_buf *b, const char *value, size_t n);
/* 0; -EINVAL: control characters, or not UTF-8.  *needs_quotes as fp_entry's
 * meta defines it. */
int fp_value_check(const char *value, size_t n, bool *needs_quotes,
		   struct fp_err *e);

/* The keys that a meta holds, in canonical order; NULL ends them. */
enum { FP_META_WHY, FP_META_BY, FP_META_RUN, FP_META_AT, FP_META_KEYS };
extern const char *const fp_meta_keys[];

/* Is it what at= may be: 1 to FP_AT_MAX_MS, decimal, no leading zeros? */
#define FP_AT_MAX_MS (FP_TIME_MAX_S * 1000 + 999)
#define FP_AT_WRONG "not a time in milliseconds since 1970"
bool fp_at_check(const char *value, size_t n);

#endif
