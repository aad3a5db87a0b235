/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_RECEIVER_H
#define FP_LOGIC_RECEIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "codec/wire.h"
#include "model/diff.h"
#include "model/list.h"

/* The node's end of fp-sync's protocol: a message in, answers out.  What a
 * message does to the node is done by a table of operations, so that the order of
 * messages, limits and answers can be tested without one.
 * Source: fp-sync-protocol.5. */

#define FP_RECEIVER_ID_MAX 64     /* of a push */
#define FP_RECEIVER_WHO_MAX 255   /* by=, a controller's name */
#define FP_RECEIVER_WHY_MAX 512   /* why= */
#define FP_RECEIVER_LISTS_MAX 256 /* staged */
#define FP_RECEIVER_ENTRIES_MAX 16777216u
#define FP_RECEIVER_BYTES_MAX (2ull << 30)

enum fp_receiver_how { FP_HOW_WHOLE, FP_HOW_DIFF, FP_HOW_BUCKETS };

/* A list that is about to come. */
struct fp_receiver_list {
	char name[FP_LIST_NAME_MAX + 1];
	enum fp_kind kind;
	enum fp_receiver_how how;
	char digest[65]; /* of the list as it will be */
	char from[65];   /* diff: of what it was made against */
	uint64_t entries;
	uint32_t n_buckets;
	const unsigned char *wanted; /* buckets: a bit each, those that come */
};

struct fp_receiver_commit {
	char push[FP_RECEIVER_ID_MAX + 1];
	char base[FP_RECEIVER_ID_MAX + 1]; /* "": none */
	char policy[65];                   /* as it will be */
	const char *controller;            /* as HELLO said */
	char by[FP_RECEIVER_WHO_MAX + 1], why[FP_RECEIVER_WHY_MAX + 1];
	char overrides[FP_WIRE_VALUE_MAX + 1]; /* "wide,ssh" */
	bool is_adopt, is_dry_run;
	int64_t confirm_ms;      /* 0: for good */
	unsigned int max_change; /* percent */
};

struct fp_receiver_done {
	bool is_changed, is_in_force;
	uint64_t added, removed, lists, ms, pending_s;
	char policy[65];
};

struct fp_receiver_words {
	char list[FP_LIST_NAME_MAX + 1];
	enum fp_kind kind;
	const struct fp_entry
		*v; /* in this node's clock; a prefix may come twice */
	size_t n;
	char by[FP_RECEIVER_WHO_MAX + 1], why[FP_RECEIVER_WHY_MAX + 1];
	char overrides[256]; /* rules that the words' speaker lifted: "wide" */
	uint64_t changed, ignored, refused; /* the answer */
	struct fp_buf
		named; /* "PREFIX RULE\n" of those refused; the receiver's */
	bool is_in_force;
};

/* Each returns 0 or -errno with *e.  These have a code of their own in FAIL:
 * -EPERM refused (a rule in e)  -EAGAIN busy  -ESTALE stale  -EILSEQ digest
 * -ENODATA base  -ENOENT absent; all others are "failed". */
struct fp_receiver_ops {
	/* Bytes for the other side.  An error ends the session. */
	int (*send)(void *ctx, const char *data, size_t n);
	int64_t (*clock_ms)(void *ctx); /* unix time */
	/* Append the fields of HELLO's answer but v=, and its body. */
	int (*status)(void *ctx, struct fp_buf *answer, struct fp_err *e);

	/* A list of this node to be read: *about (name, kind, owner, entries) and
	 * *s, which begins anew at each open.  -ENOENT. */
	int (*open_list)(void *ctx, const char *name,
			 struct fp_list_head *about, struct fp_stream *s,
			 struct fp_err *e);
	int (*digest)(void *ctx, char hex[65], struct fp_err *e); /* of it */
	void (*close_list)(void *ctx);

	/* Stage: begin, lines of DATA, end; abort in place of end.  -EILSEQ: the
	 * result is not what digest= says.  -ENODATA: no such base. */
	int (*stage_begin)(void *ctx, const struct fp_receiver_list *l,
			   struct fp_err *e);
	int (*stage_data)(void *ctx, const char *text, size_t n,
			  struct fp_err *e);
	int (*stage_end)(void *ctx, struct fp_err *e);
	void (*stage_abort)(void *ctx);
	int (*stage_drop)(void *ctx, const char *name, struct fp_err *e);
	void (*forget)(void *ctx); /* all that is staged */
	int (*commit)(void *ctx, const struct fp_receiver_commit *c,
		      struct fp_receiver_done *out, struct fp_err *e);
	/* CONFIRM, or BACK */
	int (*settle)(void *ctx, const char *push, bool is_back,
		      bool *is_changed, struct fp_err *e);

	int (*change)(void *ctx, struct fp_receiver_words *w, struct fp_err *e);
	/* Append lines about a host address. */
	int (*why)(void *ctx, const struct fp_prefix *host,
		   struct fp_buf *lines, struct fp_err *e);
	int (*bypass)(void *ctx, int64_t ms, const char *by, const char *why,
		      bool *is_changed, uint64_t *left_s, struct fp_err *e);
};

struct fp_receiver;

/* ops and ctx outlive it.  0; -ENOMEM. */
int fp_receiver_new(struct fp_receiver **out, const struct fp_receiver_ops *ops,
		    void *ctx);
/* Forgets what is staged. */
void fp_receiver_free(struct fp_receiver *r);

/* Answer one message.  0: go on.  1: the session is over, the other side was
 * told why.  -errno: of send, or -ENOMEM. */
int fp_receiver_take(struct fp_receiver *r, const struct fp_wire_msg *m);
/* What came is no message (of fp_wire_read): say so.  1; -errno. */
int fp_receiver_bad(struct fp_receiver *r, const struct fp_err *e);
/* For operations: something was mended or must be known.  rule: by this one a
 * word was refused; or NULL. */
void fp_receiver_note(struct fp_receiver *r, const char *text,
		      const char *rule);
/* The controller's name, once it has said HELLO; else "". */
const char *fp_receiver_peer(const struct fp_receiver *r);
/* How long the controller waits for an answer, as HELLO said; 0: it did not. */
int64_t fp_receiver_timeout_ms(const struct fp_receiver *r);
/* Is a transaction open?  Then the next message may not be long in coming. */
bool fp_receiver_is_staging(const struct fp_receiver *r);

#endif
