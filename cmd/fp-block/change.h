/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CMD_BLOCK_CHANGE_H
#define FP_CMD_BLOCK_CHANGE_H

#include "block.h"

/* What add and del take from the command line or stdin: entries in order. */
struct fb_input {
	struct fp_entries entries;
	struct fp_text text;
	struct fp_buf line; /* the operands, as a list would have them */
};

/* Operands, or one "-" for lines on stdin. */
int fb_input_read(struct fp_cli *c, struct fb_input *out, struct fp_err *e);
void fb_input_fini(struct fb_input *in);

/* One record a prefix of add and del. */
struct fb_change_rec {
	char prefix[FP_PREFIX_STRLEN];
	const char *list, *kind, *action;
	int64_t until_s;
	const char
		*verdict; /* what the kernel now says, NULL without a filter */
};
extern const struct fp_type fb_change_type;

/* Does it stand on a list of this owner?  On a dynamic one what has ended or was
 * lifted is a word, but no entry (model/words.h). */
bool fb_stands(const struct fp_entry *x, enum fp_owner owner, int64_t now_s);
/* How many do; a walk over a dynamic list, none over others.  0; -EBADMSG. */
int fb_count(const struct fp_list *l, int64_t now_s, uint64_t *n,
	     struct fp_err *e);
/* The length of its meta without at=, which is when it was said, not what. */
uint32_t fb_said_len(const struct fp_entry *x);
/* Do they say the same, whenever that was? */
bool fb_same(const struct fp_entry *a, const struct fp_entry *b);

/* What a word that lifts brings: --why, and SUDO_USER.  -EINVAL. */
int fb_lift_meta(struct fp_cli *c, struct fp_buf *meta, struct fp_err *e);

/* Change entries of h's list, each prefix once, in order.  On a dynamic list they
 * become words said now, later than those that are there, and is_del lifts with
 * the entry's meta; a dynamic list that is not there is made.
 * 0, -ENOSPC and others as fp_node_change.  -EINVAL: a meta is too long with its
 * at=, or what is there was said at the end of time. */
int fb_change(struct fp_node *n, const struct fp_list_head *h,
	      const struct fp_change *v, size_t count, struct fp_err *e);

/* Ask the kernel about n prefixes' first hosts. Without a filter all NULL. */
int fb_ask(struct fp_node *n, const struct fp_prefix *p, size_t count,
	   const char **verdict, struct fp_err *e);

#endif
