/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CONTROL_COPY_H
#define FP_CONTROL_COPY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/list.h"

/* This controller's copy of the dynamic lists, STATE/sync/dynamic/NAME.list: the
 * words it said itself, durable before any node hears them, and those it learned
 * from nodes, so that a node that was away gets them from here.  Several processes may
 * use it at once. */
struct fp_copy;

/* 0: close with fp_copy_close.  -errno. */
int fp_copy_open(struct fp_copy **out, const char *state_dir, struct fp_err *e);
void fp_copy_close(struct fp_copy *c); /* NULL is allowed */

/* Its lists as they are now; valid until the next call with c.
 * 0.  -EBADMSG: one cannot be read.  -errno. */
int fp_copy_lists(struct fp_copy *c, const struct fp_lists **out,
		  struct fp_err *e);
/* One of them, or NULL; as long. */
struct fp_list *fp_copy_get(struct fp_copy *c, const char *name);

/* Merge words (entries with at=, in any order, a prefix may come twice): a word
 * that is later than what is there takes its place, and is durable on return.  A
 * list that is not there is made.
 * 0: *changed: how many.  -EEXIST: the list is of another kind.  -EAGAIN: locked
 * for timeout_ms.  -errno. */
int fp_copy_merge(struct fp_copy *c, const char *name, enum fp_kind kind,
		  const struct fp_entry *v, size_t n, int64_t timeout_ms,
		  size_t *changed, struct fp_err *e);

/* When a word is said that overrules old (or NULL), whatever clock that was said by:
 * not before now, unix time in ms. */
int64_t fp_copy_at_ms(const struct fp_entry *old);

/* A list, and all words of it, is not kept here any more.  0, also when it was not
 * there.  -EAGAIN: as above.  -errno. */
int fp_copy_forget(struct fp_copy *c, const char *name, int64_t timeout_ms,
		   struct fp_err *e);

/* Digest of all words: as a policy digest, of the dynamic lists that have any. */
int fp_copy_digest(struct fp_copy *c, char hex[65], struct fp_err *e);

#endif
