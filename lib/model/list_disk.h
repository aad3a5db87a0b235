/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_MODEL_LIST_DISK_H
#define FP_MODEL_LIST_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/list.h"
#include "model/list_collect.h"

/* A list file opened: head and body mapped, log in memory.  The log is copied
 * because a failed append cuts it back, and a page that is cut off under a
 * mapping is SIGBUS; head and body change by rename only.  Private to
 * lib/model. */
struct fp_list {
	struct fp_list_head head; /* entries: valid when is_counted */
	uint64_t body_entries;    /* as the head of the file says */
	bool is_counted;
	char *map;
	size_t map_len;
	const char *body; /* to map + map_len */
	char *log_text;
	struct fp_entries log; /* sorted; FP_UNTIL_DELETED: a '-' line */
};

#define FP_LIST_FILE_SIZE (FP_LIST_NAME_MAX + sizeof(FP_LIST_SUFFIX ".tmp"))
/* "NAME.list", and with is_tmp "NAME.list.tmp". */
void fp_list_file(char out[FP_LIST_FILE_SIZE], const char *name, bool is_tmp);

/* The end of a list file: its log, and what was torn off by a crash. */
struct fp_list_tail {
	char *text;     /* the log's bytes; free(3) */
	size_t log_len; /* of text, whole lines */
	uint64_t log_at, torn;
	/* The file ends in a line without '\n' that no append of ours began: an
	 * editor did.  Then all of it is the body, whose readers complain. */
	bool is_half_body;
};

/* Read it from the end backwards.  name: for messages.  0; -EIO etc.  -ENOMEM. */
int fp_list_tail_read(struct fp_list_tail *out, int fd, uint64_t size,
		      const char *name, struct fp_err *e);

/* The head line, padded with spaces to one length whatever its numbers, so that
 * the number of entries can be put in at the end.  body_bytes and the like do
 * not matter. */
#define FP_LIST_HEAD_LEN 96
void fp_list_head_print(char out[FP_LIST_HEAD_LEN],
			const struct fp_list_head *h);
/* Reads kind, owner, gen and entries of the first line; *len with its '\n'.
 * -EBADMSG. */
int fp_list_head_parse(struct fp_list_head *h, size_t *len, const char *text,
		       size_t n, struct fp_err *e);

/* The number of the line of the file that begins at `at`. */
uint64_t fp_list_line(const struct fp_list *l, const char *at);

/* Add the lines of the log to c.  -EBADMSG: one is bad. */
int fp_list_log_collect(const struct fp_list *l, struct fp_collect *c,
			struct fp_err *e);

/* The last entry <= p, log applied (it may be FP_UNTIL_DELETED).  1; 0: none;
 * -EBADMSG: the search met a body line that is no entry. */
int fp_list_before(const struct fp_list *l, const struct fp_prefix *p,
		   struct fp_entry *out);

#endif
