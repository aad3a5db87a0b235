/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_MODEL_LIST_H
#define FP_MODEL_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/err.h"

/* Lists are the truth; kernel tables are compiled from them.  The format on
 * disk is frozen in fp-lists.5.
 *
 *   #fastpath-list 1 kind=block owner=local gen=12 entries=3
 *   192.0.2.7
 *   198.51.100.0/24 until=2026-01-02T03:04:05Z why="toll fraud" by=alice
 *   2001:db8::/32
 *   +203.0.113.9 why=scan
 *   -192.0.2.7
 *
 * A head line (padded with spaces: its numbers are known last), then the body:
 * entries in fp_prefix_cmp order, each prefix once, as fp_entry_print writes them.
 * Then the log: changes since, each one write(2) and one fdatasync(2).  The
 * generation is the head's gen plus the number of log lines.  A last line
 * without '\n' is torn, and so is all from the first log line on that holds a
 * NUL (a page lost with the power reads as NULs): cut by the next writer, ignored
 * by readers, counted in torn_bytes. */

/* Order is precedence: the highest that covers an address decides. */
enum fp_kind { FP_KIND_NONE, FP_KIND_BLOCK, FP_KIND_ALLOW, FP_KIND_FENCE };
enum fp_owner { FP_OWNER_LOCAL, FP_OWNER_DYNAMIC, FP_OWNER_PUSHED };

#define FP_LIST_NAME_MAX 31
#define FP_LINE_MAX 1024 /* longest line of a list, file or stdin */
#define FP_META_MAX 940  /* longest meta: with sign, prefix and until= a line */
#define FP_LIST_SUFFIX ".list"

/* Names: [a-z0-9_][a-z0-9._-]{0,30}; a leading '_' only for lists that are
 * compiled from something else (_cluster).  0; -EINVAL. */
int fp_list_name_check(const char *name, struct fp_err *e);
const char *fp_kind_name(enum fp_kind k);   /* "block" */
const char *fp_owner_name(enum fp_owner o); /* "local" */
int fp_kind_parse(const char *s, enum fp_kind *out, struct fp_err *e);
int fp_owner_parse(const char *s, enum fp_owner *out, struct fp_err *e);

/* One entry.  meta is the rest of its line in canonical form without until=
 * ("why=\"toll fraud\" by=alice run=..."; keys in the order why by run at, values
 * quoted when they hold a space, '"', '#' or '\\'; empty when there is none); it is
 * not NUL-terminated and points into memory that the giver of the entry owns. */
struct fp_entry {
	struct fp_prefix p;
	int64_t until_s; /* unix time; 0: for ever */
	const char *meta;
	uint32_t meta_len;
};

/* The value of a key of meta, unquoted, into out (NUL-terminated, cut to size).
 * false: the key is not there. */
bool fp_entry_get(const struct fp_entry *x, const char *key, char *out,
		  size_t size);
/* Append key=value to a meta buffer in canonical form (quoted when needed).
 * -EINVAL: control characters, or too long. */
int fp_meta_add(struct fp_buf *b, const char *key, const char *value,
		struct fp_err *e);
/* Append the entry as a line with its '\n'. */
void fp_entry_print(struct fp_buf *b, const struct fp_entry *x);

/* ---- what people and feeds write: files and stdin ---- */

/* Entries in memory, sorted by prefix, each prefix once. */
struct fp_entries {
	struct fp_entry *v;
	size_t n;
	size_t n_bad;        /* lines left out under skip_bad */
	size_t n_expired;    /* lines whose until= has passed, left out */
	struct fp_buf store; /* metas that had to be rewritten */
};

struct fp_parse_opts {
	const char *file; /* for messages: "list.txt" or "-" */
	bool skip_bad;    /* leave bad lines out and count them */
	int64_t now_s;    /* what is expired now is left out */
	size_t max;       /* most entries, e.g. 16M */
	void (*progress)(void *ctx, size_t bytes); /* of the text, each MiB */
	/* Each line left out (the first 10): the message. */
	void (*bad_line)(void *ctx, const char *text);
	void *ctx;
};

/* Parse text (any order, CRLF or LF line ends, a UTF-8 BOM, blank lines, comments with
 * '#' at the start or after white space; tabs or spaces between fields).  Of a
 * prefix that comes twice the later line stands.
 * out->v points into text, which must outlive it.
 * -EINVAL: "list.txt:7: \"999.1.1.1\": an octet is more than 255" (file, line,
 *          word; control characters of the word escaped, a long word cut),
 *          nothing in out.
 * -E2BIG: more than max.  -ENOMEM. */
int fp_entries_parse(struct fp_entries *out, const char *text, size_t len,
		     const struct fp_parse_opts *o, struct fp_err *e);
void fp_entries_fini(struct fp_entries *x);

/* A whole file, or stdin for "-", in memory: regular files are mapped.
 * -EFBIG above max_bytes.  Free with fp_text_fini. */
struct fp_text {
	char *data;
	size_t len;
	bool is_mapped;
};
int fp_text_read(struct fp_text *out, const char *file, size_t max_bytes,
		 struct fp_err *e);
void fp_text_fini(struct fp_text *t);

/* ---- a list on disk ---- */

struct fp_list; /* opened, mapped read-only; never sees later changes of the file */

struct fp_list_head {
	char name[FP_LIST_NAME_MAX + 1];
	enum fp_kind kind;
	enum fp_owner owner;
	uint64_t gen;     /* head's plus log lines */
	uint64_t entries; /* exact: body plus log applied */
	uint64_t body_bytes, log_bytes, torn_bytes;
	int64_t mtime_s;
};

/* dir_fd: the lists directory.  Reads the head and the log only, never the body:
 * cost does not grow with the list.
 * -ENOENT.  -EBADMSG: not a list of this format (message "NAME.list:LINE: ..."). */
int fp_list_open(struct fp_list **out, int dir_fd, const char *name,
		 struct fp_err *e);
void fp_list_close(struct fp_list *l);
/* The first call looks up every prefix of the log in the body, to count entries
 * (about 1 us each). */
const struct fp_list_head *fp_list_head(const struct fp_list *l);
/* The same without the count: entries is not to be used.  For where one address
 * is asked for, and a millisecond counts. */
const struct fp_list_head *fp_list_about(const struct fp_list *l);

/* The entry for exactly this prefix (binary search in the body, log on top).
 * true: *out filled, valid until close. */
bool fp_list_find(const struct fp_list *l, const struct fp_prefix *p,
		  struct fp_entry *out);

/* Walk entries in order, log applied, beginning at the first >= from (NULL: the start).
 * The iterator is a value; the list must stay open. */
struct fp_list_iter {
	const struct fp_list *list;
	const char *at, *end; /* body, from the line after `body` */
	size_t log_i;         /* sorted log */
	struct fp_entry body; /* read last */
	uint64_t n_body;      /* lines of the body read */
	bool has_body;        /* body was not given yet */
	bool is_whole;        /* from the start: the count can be checked */
};
void fp_list_seek(const struct fp_list *l, struct fp_list_iter *it,
		  const struct fp_prefix *from);
/* 1: *out filled.  0: the end.  -EBADMSG: a body line is bad or out of order, or
 * there are not as many as the head says ("apiban.list:7: \"999.1.1.1\": ..."; as
 * after an edit by hand). */
int fp_list_next(struct fp_list_iter *it, struct fp_entry *out,
		 struct fp_err *e);

/* ---- changing a list: the caller holds the lock on the directory ---- */

struct fp_change {
	bool is_del;
	struct fp_entry entry; /* is_del: only its prefix counts */
};

/* Append changes to the log of an existing list: one write, one fdatasync; a
 * torn tail is cut first.  When this returns 0 they are durable.  On any error
 * the file is cut back to what it was (or the next writer does so).
 * -ENOSPC -EDQUOT -EIO. */
int fp_list_append(int dir_fd, const char *name, const struct fp_change *v,
		   size_t n, struct fp_err *e);

/* Write a whole list: NAME.list.tmp, fsync, rename, fsync of the directory.  The old
 * file stands until the rename.  next gives entries in order: 1, 0 at the end,
 * -errno. */
typedef int fp_entry_next(void *ctx, struct fp_entry *out, struct fp_err *e);
int fp_list_write(int dir_fd, const struct fp_list_head *head,
		  fp_entry_next *next, void *ctx, struct fp_err *e);

/* Log too long to be cheap: more than max(64 KiB, body / 64), or torn. */
bool fp_list_wants_compact(const struct fp_list *l);
/* Has it ended, and is it of no more use on a list of this owner?  A word (at=) of a
 * dynamic list is kept FP_WORD_KEEP_S when it lifts, FP_WORD_SPENT_S when it
 * ended by itself. */
bool fp_entry_is_over(const struct fp_entry *x, enum fp_owner owner,
		      int64_t now_s);
/* Rewrite without log, without entries that are over at now_s (0: keep all).
 * Repairs an unsorted body (an edit by hand): is_repair parses it as
 * fp_entries_parse would.  *dropped: expired entries left out (may be NULL). */
int fp_list_compact(int dir_fd, const char *name, int64_t now_s, bool is_repair,
		    size_t *dropped, struct fp_err *e);
/* unlink + fsync of the directory.  -ENOENT. */
int fp_list_remove(int dir_fd, const char *name, struct fp_err *e);

/* ---- all lists of a node ---- */

struct fp_lists {
	struct fp_list **v; /* sorted by name */
	size_t n;
	/* Changes whenever any file does: names, inodes, sizes, mtimes. */
	uint64_t token;
	char (*broken)[256]; /* one message a list that could not be opened */
	size_t n_broken;
};

/* Open every *.list (others are ignored; *.tmp files left by a killed writer are
 * removed when is_writer).  0 also when some are broken: the caller decides. */
int fp_lists_open(struct fp_lists *out, int dir_fd, bool is_writer,
		  struct fp_err *e);
void fp_lists_close(struct fp_lists *ls);
struct fp_list *fp_lists_get(const struct fp_lists *ls, const char *name);
/* The token alone: stat only, no open. */
int fp_lists_token(int dir_fd, uint64_t *token, struct fp_err *e);

/* SHA-256 over "NAME KIND\n" and the canonical entry lines, as hex.
 * -EBADMSG: a body line is bad or out of order.  Source: fp-lists.5. */
int fp_list_digest(const struct fp_list *l, char hex[65], struct fp_err *e);
/* Policy digest: SHA-256 over "NAME KIND HEXDIGEST\n" of the pushed lists in name
 * order, HEXDIGEST being fp_list_digest, as hex.  -EBADMSG. */
int fp_lists_digest(const struct fp_lists *ls, char hex[65], struct fp_err *e);

/* ---- several lists as one ordered stream ---- */

struct fp_merge_item {
	struct fp_entry entry;
	const struct fp_list *list;
};

/* Merge of all lists in fp_prefix_cmp order, from the first entry >= from up to and
 * with the last that begins inside `within` (NULL: all).  Equal prefixes come one after the other.
 * Iterators are sized by the number of lists. */
struct fp_merge;
int fp_merge_open(struct fp_merge **out, const struct fp_lists *ls,
		  const struct fp_prefix *within, struct fp_err *e);
int fp_merge_next(struct fp_merge *m, struct fp_merge_item *out,
		  struct fp_err *e);
void fp_merge_close(struct fp_merge *m);

/* Call each(ctx, item) for every entry that covers p (shorter or equal prefixes), in
 * one list or in all: binary searches only.  Stops when each returns non-zero, and
 * returns that.  -EBADMSG: a search met a body line that is no entry. */
int fp_list_covering(const struct fp_list *l, const struct fp_prefix *p,
		     int (*each)(void *ctx, const struct fp_merge_item *item),
		     void *ctx);
int fp_lists_covering(const struct fp_lists *ls, const struct fp_prefix *p,
		      int (*each)(void *ctx, const struct fp_merge_item *item),
		      void *ctx);

#endif
