/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_DB_JOURNAL_PRIV_H
#define FP_DB_JOURNAL_PRIV_H

/* What the files of journal.h share; not for others.  From the bottom up:
 *   journal_items.c   the last word on each item; words to be told (pure)
 *   journal_copy.c    STATE/jobs/ID.jsonl, lines of codec/jobline.h
 *   journal_lock.c    flock(2) on STATE/jobs/locks/NAME
 *   journal_db.c      a session with fp_db and its locks; _sql.c writes, _rows.c reads
 *   journal_do.c      those block: in a thread, waited for on the loop
 *   journal_begin.c   a new job;  _resume.c: taking one over;  _list.c: looking
 *   journal.c         one that is open: words, plan, state, locks
 *   journal_flush.c   its flushes, and the beat that keeps its session alive
 * Headers in that order: this one (pure), journal_db.h, journal_disk.h, and
 * journal_own.h (an open journal). */

#include "base/buf.h"
#include "codec/jobline.h"
#include "db/journal.h"

#define FP_JOURNAL_DETAIL_MAX (64u << 10)
#define FP_JOURNAL_ITEM_MAX 1024
#define FP_JOURNAL_STATE_MAX 63

/* ---- journal_do.c: texts */

static inline int fp_journal_oom(struct fp_err *e)
{
	return fp_err(e, -ENOMEM, "out of memory");
}
/* s as one line of UTF-8, cut to size. */
void fp_journal_clean(char *to, size_t size, const char *s);
/* Is it a name of a job (and of a file)? */
bool fp_journal_is_id(const char *id);

/* ---- journal_items.c: the last word on each item, out of several journals */

/* Which of a controller's words: the n-th under an epoch; -1: it was read from fp_db,
 * up to that epoch.  Later epochs win. */
struct fp_journal_place {
	int64_t epoch, n;
};
#define FP_IN_COPY 1
#define FP_IN_DB 2
struct fp_journal_entry {
	size_t item, word; /* in text: "STATE\0DETAIL\0" */
	int64_t at_s;
	struct fp_journal_place place;
	unsigned int in; /* FP_IN_COPY | FP_IN_DB: who has this word */
};
struct fp_journal_items {
	struct fp_buf text;
	struct fp_journal_entry *v; /* in the order they first came */
	size_t n, cap;
	uint32_t *slot; /* index + 1 by hash; 0: free */
	size_t n_slots; /* a power of two, or 0 */
};
/* 0; -ENOMEM. */
int fp_journal_items_put(struct fp_journal_items *s, const char *item,
			 const char *state, const char *detail, int64_t at_s,
			 struct fp_journal_place place, unsigned int in);
const char *fp_journal_items_item(const struct fp_journal_items *s, size_t i);
const char *fp_journal_items_state(const struct fp_journal_items *s, size_t i);
/* "{}": none. */
const char *fp_journal_items_detail(const struct fp_journal_items *s, size_t i);
/* Call each; what it returns ends it. */
int fp_journal_items_each(struct fp_journal_items *s, fp_journal_item *each,
			  void *ctx, struct fp_err *e);
void fp_journal_items_fini(struct fp_journal_items *s);

/* Words that are to be told to fp_db, in their order. */
struct fp_journal_words {
	struct fp_buf text; /* "ITEM\0STATE\0DETAIL\0" */
	struct fp_journal_word {
		size_t at;
		int64_t at_s;
	} * v;
	size_t first, n, cap; /* first: those before it are told */
};
int fp_journal_words_add(struct fp_journal_words *w, const char *item,
			 const char *state, const char *detail, int64_t at_s);
/* What is not told of a goes before b's; a is empty after. */
int fp_journal_words_before(struct fp_journal_words *a,
			    struct fp_journal_words *b);
void fp_journal_words_fini(struct fp_journal_words *w);

#endif
