/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_DB_JOURNAL_PRIV_H
#define FP_DB_JOURNAL_PRIV_H

/* What the files of journal.h share; not for others.  Pure: text, lines, sets of
 * items.  What touches disk and fp_db: journal_disk.h. */

#include "base/buf.h"
#include "db/journal.h"

#define FP_JOURNAL_VERSION 1            /* of the copy */
#define FP_JOURNAL_LINE_MAX (16u << 20) /* a plan may name all calls */
#define FP_JOURNAL_DETAIL_MAX (64u << 10)
#define FP_JOURNAL_ITEM_MAX 1024
#define FP_JOURNAL_STATE_MAX 63

/* ---- journal_json.c: JSON as it stands, without a tree */

struct fp_jscan {
	const char *at, *end;
	struct fp_buf *to; /* gets what was read; NULL: nothing does */
	bool is_text; /* strings go there as what they mean, without quotes */
};
/* Next is c: go behind it. */
bool fp_jscan_is(struct fp_jscan *s, char c);
/* A string, or any value, after white space; false: it is none.  What jsonb of
 * PostgreSQL refuses (U+0000, half a surrogate pair, bytes that are no UTF-8)
 * becomes '?', white space goes, so that it is one line. */
bool fp_jscan_string(struct fp_jscan *s);
bool fp_jscan_value(struct fp_jscan *s);
/* Exactly n bytes that are one object, appended to *to.  0; -EBADMSG; -ENOMEM. */
int fp_journal_object(struct fp_buf *to, const char *s, size_t n);
/* s as a JSON string. */
void fp_journal_string(struct fp_buf *to, const char *s);

/* ---- journal_line.c */

enum fp_journal_kind {
	FP_LINE_OTHER, /* of a type that is not known: passed over */
	FP_LINE_JOB,   /* the first */
	FP_LINE_EPOCH, /* what follows was done under it */
	FP_LINE_ITEM,
	FP_LINE_PLAN,
	FP_LINE_STATE,
};
/* Texts are "" when they are not there. */
struct fp_journal_line {
	enum fp_journal_kind kind;
	const char *type, *at, *item, *state, *detail, *plan, *owner;
	const char *id, *tool, *verb, *node, *by;
	int64_t version, epoch, at_s;
	bool is_alone; /* of an epoch: without fp_db */
	bool is_known; /* of an epoch: what follows was read from fp_db */
};
/* Exactly n bytes, without the newline.  Texts of *out are in *text, which is
 * emptied first.  0.  -EBADMSG: no line of ours.  -EPROTO: of a newer version.
 * -ENOMEM. */
int fp_journal_line_parse(struct fp_journal_line *out, struct fp_buf *text,
			  const char *s, size_t n, struct fp_err *e);
/* A line, with its newline; plan and detail are JSON objects as they stand. */
void fp_journal_line_job(struct fp_buf *to, const struct fp_job_head *h,
			 const char *plan);
void fp_journal_line_epoch(struct fp_buf *to, int64_t at_s, int64_t epoch,
			   const char *owner, bool is_alone, bool is_known);
void fp_journal_line_item(struct fp_buf *to, int64_t at_s, const char *item,
			  const char *state, const char *detail);
void fp_journal_line_plan(struct fp_buf *to, int64_t at_s, const char *plan);
void fp_journal_line_state(struct fp_buf *to, int64_t at_s, const char *state);

/* Items are any bytes but NUL; where they are kept they are UTF-8: a backslash
 * and what is none are \xNN.  NUL-terminated after what is in *to. */
void fp_journal_item_encode(struct fp_buf *to, const char *item);
/* In place. */
void fp_journal_item_decode(char *item);
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
