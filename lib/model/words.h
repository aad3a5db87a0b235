/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_MODEL_WORDS_H
#define FP_MODEL_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/list.h"

/* Dynamic lists hold words: an entry is the last word said about its prefix, and
 * at= (unix time in ms, last key of its meta) says when.  A ban that was lifted
 * is a word too: its until= is not later than its at=.  Lists merge by union, the
 * later word wins, so that in whatever order and however often words arrive all
 * nodes end with the same list. */

/* How long a word that lifts is kept from at= on, so that a node that was away
 * does not bring back what was lifted.  One that ended by itself ended
 * everywhere, and is kept for as long as nodes and feeds are late. */
#define FP_WORD_KEEP_S (30 * 86400)
#define FP_WORD_SPENT_S 3600

/* at= in ms; 0: said before there was any (by hand). */
int64_t fp_word_at_ms(const struct fp_entry *x);
/* Does it lift?  Whatever the clock says, which may have been set back. */
bool fp_word_is_lift(const struct fp_entry *x);
/* Does it still ban (or allow)? */
bool fp_word_is_live(const struct fp_entry *x, int64_t now_s);
/* Is a's word later than b's (same prefix)?  By at=, then until= (for ever is
 * last), then the bytes of meta: a total order. */
bool fp_word_wins(const struct fp_entry *a, const struct fp_entry *b);
/* Make one: *out points into store, which is the caller's and may not be written to while
 * it is used (give each word a store of its own, or fix pointers up).
 * until_s 0: for ever.  why, by: or NULL.
 * -EINVAL: control characters, too long. */
int fp_word_make(struct fp_buf *store, struct fp_entry *out,
		 const struct fp_prefix *p, int64_t until_s, int64_t at_ms,
		 const char *why, const char *by, struct fp_err *e);
/* The same, of a fence: run is the run that it fences, or NULL. */
int fp_word_make_run(struct fp_buf *store, struct fp_entry *out,
		     const struct fp_prefix *p, int64_t until_s, int64_t at_ms,
		     const char *why, const char *by, const char *run,
		     struct fp_err *e);
/* The same word with its times (until=, at=) moved by add_ms. */
int fp_word_shift(struct fp_buf *store, struct fp_entry *out,
		  const struct fp_entry *x, int64_t add_ms, struct fp_err *e);

#endif
