/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_LOGIC_SENDER_PUSH_H
#define FP_LOGIC_SENDER_PUSH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "logic/sender_hello.h"
#include "model/list.h"

/* What a push is made of.  Frames that are the same for all nodes are made once
 * and shared by their sessions. */

/* A list as nodes shall have it. */
struct fp_offer {
	char name[FP_LIST_NAME_MAX + 1];
	enum fp_kind kind;
	char digest[65];
	const struct fp_entry *v; /* in order of prefix */
	size_t n;
};

/* Frames, ready to be sent. */
struct fp_frames {
	const char *data;
	size_t len;
};

/* What all lists of a push are, and how they travel: LIST, DATA, END; of buckets
 * the LIST alone.  Frames are valid as long as the offers are. */
struct fp_offers {
	const struct fp_offer *v; /* in order of name */
	size_t n;
	int (*whole)(void *ctx, const struct fp_offer *o, struct fp_frames *out,
		     struct fp_err *e);
	/* from: the digest of what the node has.  -ENOENT: that is not known
	 * any more, or the whole list is no longer than the difference. */
	int (*diff)(void *ctx, const struct fp_offer *o, const char *from,
		    struct fp_frames *out, struct fp_err *e);
	int (*buckets)(void *ctx, const struct fp_offer *o, uint32_t n_buckets,
		       struct fp_frames *out, struct fp_err *e);
	void *ctx;
};

struct fp_order {
	const struct fp_offers *offers;
	bool is_prune; /* pushed lists that are not offered go */
	/* ... of these names only; n_names 0: of any */
	const char *const *names;
	size_t n_names;
	const char *id, *by, *why; /* why: or NULL */
	const char *overrides;     /* "RULE,RULE", or NULL */
	int max_change;            /* percent; -1: the node's default */
	int64_t confirm_ms;        /* 0: for good */
	bool is_adopt, is_dry_run;
};

/* Is there nothing that this push would change at a node that says h? */
bool fp_order_is_done(const struct fp_order *p, const struct fp_hello *h);
/* The node's policy digest after it.  0; -ENOMEM. */
int fp_order_policy(const struct fp_order *p, const struct fp_hello *h,
		    char hex[65], struct fp_err *e);
/* Would a list of the node go? */
bool fp_order_drops(const struct fp_order *p, const struct fp_hello_list *l);

/* Entries as lines, packed into DATA frames at the end of a buffer. */
struct fp_data {
	struct fp_buf *to;
	size_t begin;
	bool is_open;
};
/* sign: '+' or '-' in front (of '-' the prefix alone), or 0. */
void fp_data_line(struct fp_data *d, char sign, const struct fp_entry *x);
/* The last frame ends. */
void fp_data_end(struct fp_data *d);

#endif
